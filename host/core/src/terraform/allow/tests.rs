//! What the allow-list lets through and what it refuses, as small missions.

use super::super::files::{File, FileSet};
use super::super::grants::Grants;
use super::super::providers::LockFile;
use super::{Rule, StaticFacts, Violation, check};
use crate::situation::Fact;

const HEAD: &str = "terraform {\n  required_providers {\n    docker = {\n      source  = \"kreuzwerker/docker\"\n      version = \"~> 3.0.2\"\n    }\n  }\n}\n";

fn set(files: &[(&str, &str)]) -> FileSet {
    let file = |(path, text): &(&str, &str)| File { path: (*path).into(), bytes: text.as_bytes().to_vec() };
    FileSet::new(files.iter().map(file).collect()).expect("a valid set")
}

fn checked(files: &[(&str, &str)]) -> Result<StaticFacts, Vec<Violation>> {
    check(&set(files), &Grants::default())
}

/// A mission with the docker provider and this text in `x.tf`.
fn with(text: &str) -> Result<StaticFacts, Vec<Violation>> {
    checked(&[("main.tf", HEAD), ("x.tf", text), ("conf/a.txt", "a"), ("t.tftpl", "${upper(name)}\n")])
}

#[test]
fn an_ordinary_mission_passes_and_tells_its_facts() {
    let web = r#"
variable "port" {
  type        = object({ number = optional(number, 80) })
  default     = {}
  validation {
    condition     = var.port.number > 0
    error_message = "A port is above zero."
  }
}
variable "password" {
  sensitive = true
}
provider "docker" {}
provider "docker" { alias = "other" }
locals { name = "${terraform.workspace}-web" }
resource "docker_network" "private" { name = local.name }
resource "docker_container" "web" {
  name     = format("%s-%d", "web", 1)
  image    = docker_image.nginx.image_id
  provider = docker.other
  for_each = toset(["a"])
  dynamic "ports" {
    for_each = [1]
    content { internal = 80 }
  }
  upload {
    file   = "/a"
    source = "${path.module}/conf/a.txt"
  }
  upload {
    file    = "/b"
    content = file("conf/a.txt")
  }
  env = [for f in fileset(path.module, "conf/*") : templatefile("t.tftpl", { name = f })]
  lifecycle { ignore_changes = [image] }
}
resource "docker_image" "nginx" { name = "nginx" }
resource "terraform_data" "t" {
  input = <<-EOT
  text
  EOT
}
moved {
  from = docker_image.old
  to   = docker_image.nginx
}
output "name" { value = local.name }
"#;
    let facts = with(web).expect("allowed");
    assert_eq!(facts.resources.len(), 4);
    assert_eq!(facts.variables.len(), 2);
    assert!(facts.variables[0].has_default && !facts.variables[0].sensitive && facts.variables[1].sensitive);
    assert_eq!(facts.files, ["main.tf", "x.tf"]);
    let need = &facts.provider_needs(None)[0];
    assert_eq!((need.constraint.as_deref(), need.file.as_str(), need.line), (Some("~> 3.0.2"), "main.tf", 5));
    let told = facts.as_facts();
    let provider = Fact { key: "terraform.provider".into(), value: "kreuzwerker/docker ~> 3.0.2".into() };
    assert!(told.contains(&provider), "{told:?}");
}

#[test]
fn what_is_refused_is_refused_with_its_line() {
    let refused = [
        ("\nterraform {\n  backend \"s3\" {}\n}\n", 3, Rule::Block),
        ("terraform {\n  cloud {}\n}\n", 2, Rule::Block),
        ("terraform {\n  experiments = [x]\n}\n", 2, Rule::Block),
        ("terraform {\n  provider_meta \"docker\" {}\n}\n", 2, Rule::Block),
        ("import {\n  to = docker_image.a\n  id = \"x\"\n}\n", 1, Rule::Block),
        ("removed {\n  from = docker_image.a\n}\n", 1, Rule::Block),
        ("check \"x\" {\n}\n", 1, Rule::Block),
        ("ephemeral \"random_password\" \"x\" {\n}\n", 1, Rule::Block),
        ("something {\n}\n", 1, Rule::Block),
        ("x = 1\n", 1, Rule::Block),
        ("resource \"docker_image\" {\n}\n", 1, Rule::Block),
        ("variable \"x\" {\n  nope = 1\n}\n", 2, Rule::Block),
        ("provider \"docker\" {\n  host = \"tcp://elsewhere:2375\"\n}\n", 2, Rule::Provider),
        ("provider \"docker\" {\n  alias = \"x\"\n  ssh_opts = [\"-o\", \"ProxyCommand=id\"]\n}\n", 3, Rule::Provider),
        ("provider \"docker\" {\n  registry_auth {\n    address = \"x\"\n  }\n}\n", 2, Rule::Provider),
        ("provider \"docker\" {\n  cert_path = \"/root\"\n}\n", 2, Rule::Provider),
        ("provider \"docker\" {\n  context = \"other\"\n}\n", 2, Rule::Provider),
        ("provider \"null\" {\n}\n", 1, Rule::Provider),
        ("resource \"docker_container\" \"a\" {\n  provider = evil.x\n}\n", 2, Rule::Provider),
        ("resource \"null_resource\" \"a\" {\n}\n", 1, Rule::Type),
        ("resource \"docker_plugin\" \"a\" {\n}\n", 1, Rule::Type),
        ("resource \"random_pet\" \"a\" {\n}\n", 1, Rule::Type),
        ("data \"docker_network\" \"a\" {\n  name = \"x\"\n}\n", 1, Rule::Type),
        ("data \"terraform_remote_state\" \"a\" {\n}\n", 1, Rule::Type),
        (
            "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"id\"\n  }\n}\n",
            2,
            Rule::Provisioner,
        ),
        ("resource \"terraform_data\" \"a\" {\n  connection {\n  }\n}\n", 2, Rule::Provisioner),
        ("resource \"docker_image\" \"a\" {\n  build {\n    context = \".\"\n  }\n}\n", 2, Rule::Argument),
        (
            "resource \"docker_image\" \"a\" {\n  dynamic \"build\" {\n    for_each = [1]\n    content {\n    }\n  }\n}\n",
            4,
            Rule::Argument,
        ),
        (
            "resource \"docker_container\" \"a\" {\n  upload {\n    source = \"/etc/shadow\"\n  }\n}\n",
            3,
            Rule::Argument,
        ),
        ("resource \"docker_container\" \"a\" {\n  upload {\n    source = var.x\n  }\n}\n", 3, Rule::Argument),
        ("resource \"docker_container\" \"a\" {\n  upload = [{ source = \"conf/a.txt\" }]\n}\n", 2, Rule::Argument),
        (
            "resource \"docker_container\" \"a\" {\n  dynamic \"upload\" {\n    for_each = [1]\n    content {\n      source = \"../x\"\n    }\n  }\n}\n",
            5,
            Rule::Argument,
        ),
        ("module \"m\" {\n  source = \"hashicorp/consul/aws\"\n}\n", 2, Rule::Module),
        ("module \"m\" {\n  source = \"git::https://example.org/x\"\n}\n", 2, Rule::Module),
        ("module \"m\" {\n  source = \"../outside\"\n}\n", 2, Rule::Module),
        ("module \"m\" {\n  source = \"./absent\"\n}\n", 2, Rule::Module),
        ("module \"m\" {\n  source = \"./${var.x}\"\n}\n", 2, Rule::Module),
        ("module \"m\" {\n}\n", 1, Rule::Module),
        ("module \"m\" {\n  source = \"./.\"\n}\n", 1, Rule::Module),
        ("locals {\n  a = file(\"/etc/passwd\")\n}\n", 2, Rule::Function),
        ("locals {\n  a = \"x${file(\"../x\")}\"\n}\n", 2, Rule::Function),
        ("locals {\n  a = file(var.x)\n}\n", 2, Rule::Function),
        ("locals {\n  a = file(\"absent\")\n}\n", 2, Rule::Function),
        ("locals {\n  a = filebase64(\"${path.cwd}/main.tf\")\n}\n", 2, Rule::Function),
        ("locals {\n  a = pathexpand(\"~/.ssh/id\")\n}\n", 2, Rule::Function),
        ("locals {\n  a = templatestring(local.b, {})\n}\n", 2, Rule::Function),
        ("locals {\n  a = core::file(\"conf/a.txt\")\n}\n", 2, Rule::Function),
        ("locals {\n  a = provider::docker::run(\"id\")\n}\n", 2, Rule::Function),
        ("locals {\n  a = { (file(\"/x\")) = 1 }\n}\n", 2, Rule::Function),
        ("variable \"x\" {\n  default = file(\"/x\")\n}\n", 2, Rule::Function),
        ("variable \"x\" {\n  type = file(\"/x\")\n}\n", 2, Rule::Function),
        ("locals {\n  a = = 1\n}\n", 2, Rule::Syntax),
    ];
    for (text, line, rule) in refused {
        let violations = with(text).expect_err(text);
        let found = violations
            .iter()
            .any(|v| v.file.ends_with(".tf") && v.line == line && v.rule == rule && !v.message.is_empty());
        assert!(found, "{text}\n{violations:?}");
    }
}

#[test]
fn a_variable_is_sensitive_where_it_plainly_says_so() {
    for (said, sensitive) in [
        ("sensitive = true", true),
        ("sensitive = false", false),
        ("sensitive = !true", false),
        ("sensitive = \"true\"", false),
        ("sensitive = tobool(\"false\")", false),
        ("", false),
    ] {
        let facts = checked(&[("main.tf", HEAD), ("v.tf", &format!("variable \"v\" {{\n  {said}\n}}\n"))]).expect(said);
        let of_it = facts.variables.iter().find(|variable| variable.name == "v").expect("it is there");
        assert_eq!(of_it.sensitive, sensitive, "{said}");
    }
    let json = r#"{"variable": {"v": {"sensitive": true}, "w": {"sensitive": "true"}}}"#;
    let facts = checked(&[("main.tf", HEAD), ("v.tf.json", json)]).expect("allowed");
    let sensitive: Vec<bool> = facts.variables.iter().filter(|v| v.name.len() == 1).map(|v| v.sensitive).collect();
    assert_eq!(sensitive, [true, false]);
}

#[test]
fn json_says_the_same() {
    let refused = [
        ("{\n\"terraform\": {\n\"backend\": {\"s3\": {}}}}", 3, Rule::Block),
        ("{\"provider\": {\"docker\": {\n\"host\": \"tcp://x\"}}}", 2, Rule::Provider),
        ("{\"provider\": {\"docker\": [{\"alias\": \"a\"}, {\n\"host\": \"tcp://x\"}]}}", 2, Rule::Provider),
        (
            "{\"resource\": {\n\"terraform_data\": {\n\"a\": {\n\"provisioner\": [{\"local-exec\": {\"command\": \"id\"}}]}}}}",
            4,
            Rule::Provisioner,
        ),
        ("{\"resource\": [{\"null_resource\": {\n\"a\": {}}}]}", 2, Rule::Type),
        (
            "{\"resource\": {\"docker_image\": {\"a\": {\"name\": \"x\",\n\"build\": {\"context\": \".\"}}}}}",
            2,
            Rule::Argument,
        ),
        (
            "{\"resource\": {\"docker_image\": {\"a\": {\"dynamic\": {\"build\": {\"for_each\": [1],\n\"content\": {}}}}}}}",
            2,
            Rule::Argument,
        ),
        (
            "{\"resource\": {\"docker_container\": {\"a\": {\"upload\": [{\"file\": \"/x\",\n\"source\": \"/etc/shadow\"}]}}}}",
            2,
            Rule::Argument,
        ),
        ("{\"resource\": {\"docker_container\": {\"a\": {\n\"provider\": \"evil.x\"}}}}", 2, Rule::Provider),
        ("{\"module\": {\"m\": {\n\"source\": \"evil/x/y\"}}}", 2, Rule::Module),
        ("{\"locals\": {\n\"a\": \"${file(\\\"/etc/passwd\\\")}\"}}", 2, Rule::Function),
        ("{\"locals\": {\n\"a\": [{\"b\": [\"%{ if fileexists(\\\"/x\\\") }%{ endif }\"]}]}}", 2, Rule::Function),
        ("{\"output\": {\"a\": {\n\"value\": {\"${file(\\\"/x\\\")}\": 1}}}}", 2, Rule::Function),
        ("{\"import\": [\n{\"to\": \"a\", \"id\": \"b\"}]}", 1, Rule::Block),
        ("{\"data\": {\"external\": {\n\"a\": {\"program\": [\"id\"]}}}}", 2, Rule::Type),
        ("{\"locals\": {},\n\"locals\": {}}", 2, Rule::Syntax),
        ("{", 1, Rule::Syntax),
    ];
    for (text, line, rule) in refused {
        let violations = checked(&[("main.tf", HEAD), ("x.tf.json", text)]).expect_err(text);
        let found = violations.iter().any(|v| v.file == "x.tf.json" && v.line == line && v.rule == rule);
        assert!(found, "{text}\n{violations:?}");
    }
    let fine = r#"{"//": "c", "terraform": {"required_providers": {"docker": {"source": "kreuzwerker/docker"}}},
      "variable": {"x": {"type": "string", "default": "y"}}, "provider": {"docker": {}},
      "resource": {"docker_container": {"a": {"name": "${upper(var.x)}", "depends_on": ["docker_image.b"],
        "lifecycle": {"ignore_changes": ["image"]}, "ports": [{"internal": 80}]}}}}"#;
    let facts = checked(&[("main.tf.json", fine)]).expect("allowed");
    assert_eq!((facts.resources.len(), facts.variables.len(), facts.providers.len()), (1, 1, 1));
}

#[test]
fn overrides_and_modules_are_read_too() {
    let exec = "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"id\"\n  }\n}\n";
    for path in ["override.tf", "a_override.tf"] {
        let violations = checked(&[("main.tf", HEAD), (path, exec)]).expect_err(path);
        assert!(violations.iter().any(|v| v.file == path && v.rule == Rule::Provisioner), "{violations:?}");
    }
    let json = "{\"resource\":{\"terraform_data\":{\"a\":{\"provisioner\":{\"local-exec\":{\"command\":\"id\"}}}}}}";
    assert!(checked(&[("main.tf", HEAD), ("override.tf.json", json)]).is_err());
    let call = "module \"m\" {\n  source = \"./m\"\n  x = 1\n}\n";
    let deep = "module \"n\" {\n  source = \"../n\"\n}\n";
    let violations =
        checked(&[("main.tf", HEAD), ("c.tf", call), ("m/m.tf", deep), ("n/n.tf", exec)]).expect_err("deep");
    assert!(violations.iter().any(|v| v.file == "n/n.tf" && v.line == 2), "{violations:?}");
    let facts = checked(&[("main.tf", HEAD), ("c.tf", call), ("m/m.tf", "locals {}\n"), ("n/n.tf", exec)])
        .expect("n is not called");
    assert_eq!(facts.modules[0].target, "m");
    for name in [".hidden.tf", "main.tf~", "#main.tf#"] {
        assert!(checked(&[("main.tf", HEAD), (name, exec)]).is_ok(), "{name}");
    }
}

#[test]
fn modules_that_call_themselves_are_refused() {
    let call = |target: &str| format!("module \"m\" {{\n  source = \"{target}\"\n}}\n");
    let circle = [("main.tf", call("./a")), ("a/a.tf", call("../b")), ("b/b.tf", call("../a"))];
    let files: Vec<(&str, &str)> = circle.iter().map(|(path, text)| (*path, text.as_str())).collect();
    assert!(checked(&files).expect_err("circle").iter().any(|v| v.rule == Rule::Module));
    assert!(checked(&[("main.tf", &call("./a/.."))]).is_err());
}

#[test]
fn a_provider_must_say_where_it_comes_from() {
    let resource = "resource \"docker_image\" \"a\" {\n  name = \"x\"\n}\n";
    let violations = checked(&[("main.tf", resource)]).expect_err("Terraform would guess hashicorp/docker");
    assert!(violations[0].rule == Rule::Provider && violations[0].message.contains("kreuzwerker/docker"));
    let required = |entry: &str| format!("terraform {{\n  required_providers {{\n    {entry}\n  }}\n}}\n");
    for entry in [
        "docker = { source = \"evil/docker\" }",
        "docker = { source = \"evil.example/kreuzwerker/docker\" }",
        "docker = \"~> 3.0\"",
        "docker = { version = \"3.0.2\" }",
        "docker = { source = var.x }",
        "docker = { source = \"kreuzwerker/docker\", version = var.x }",
        "docker = { source = \"kreuzwerker/docker\", version = \"latest\" }",
        "random = { source = \"hashicorp/random\" }",
        "docker = { source = \"kreuzwerker/docker\", \"source\" = \"evil/docker\" }",
        "docker = { source = \"kreuzwerker/docker\", (\"source\") = \"evil/docker\" }",
        "docker = { source = \"kreuzwerker/docker\", \"${\"source\"}\" = \"evil/docker\" }",
    ] {
        let violations = checked(&[("main.tf", &required(entry))]).expect_err(entry);
        assert!(violations.iter().all(|v| v.rule == Rule::Provider && v.line == 3), "{entry} {violations:?}");
    }
    let grants = Grants::parse(["provider:hashicorp/random", "resource:random_pet"]).expect("valid");
    let text = required("random = { source = \"hashicorp/random\" }") + "resource \"random_pet\" \"p\" {}\n";
    assert!(check(&set(&[("main.tf", &text)]), &grants).is_ok());
}

#[test]
fn templates_and_variable_files_are_read() {
    let evil = [("main.tf", "locals { a = templatefile(\"t\", {}) }\n"), ("t", "x\n${file(\"/etc/passwd\")}\n")];
    let violations = checked(&evil).expect_err("a template calls file");
    assert_eq!((violations[0].file.as_str(), violations[0].line), ("t", 2));
    assert!(checked(&[("main.tf", "locals {}\n"), ("terraform.tfvars", "a = file(\"x\")\n")]).is_err());
    assert!(checked(&[("main.tf", "locals {}\n"), ("a.auto.tfvars", "a {\n}\n")]).is_err());
    assert!(checked(&[("main.tf", "locals {}\n"), ("a.auto.tfvars.json", "[]")]).is_err());
    let fine = [
        ("main.tf", "locals {}\n"),
        ("terraform.tfvars", "a = \"b\"\nc = [1]\n"),
        ("a.auto.tfvars.json", "{\"a\": \"${x}\"}"),
    ];
    assert!(checked(&fine).is_ok());
}

#[test]
fn files_that_steer_terraform_are_refused() {
    for path in [".terraform/modules/modules.json", "terraform.tfstate", "x.tftest.hcl", ".terraformrc"] {
        let violations = checked(&[("main.tf", HEAD), (path, "{}")]).expect_err(path);
        assert_eq!((violations[0].file.as_str(), violations[0].rule), (path, Rule::File));
    }
    assert!(checked(&[("readme.md", "x")]).is_err());
    let large = format!("# {}\nlocals {{}}\n", "x".repeat(super::CONFIGURATION_BYTES_MAX));
    assert!(checked(&[("main.tf", &large)]).is_err());
    let bytes = File { path: "main.tf".into(), bytes: vec![0xff, 0xfe] };
    assert!(check(&FileSet::new(vec![bytes]).expect("valid"), &Grants::default()).is_err());
}

#[test]
fn an_override_replaces_a_constraint_and_modules_add_theirs() {
    let newer = HEAD.replace("~> 3.0.2", ">= 3.3.0");
    let facts = checked(&[("main.tf", HEAD), ("x_override.tf", &newer)]).expect("allowed");
    assert_eq!(facts.provider_needs(None)[0].constraint.as_deref(), Some(">= 3.3.0"));
    let call = "module \"m\" {\n  source = \"./m\"\n}\n";
    let facts = checked(&[("main.tf", &newer), ("c.tf", call), ("m/m.tf", HEAD)]).expect("allowed");
    let lock = "provider \"registry.terraform.io/kreuzwerker/docker\" {\n  version = \"3.0.2\"\n}\n";
    let lock = LockFile::parse(lock).expect("valid");
    let need = &facts.provider_needs(Some(&lock))[0];
    assert_eq!(need.constraint.as_deref(), Some(">= 3.3.0, ~> 3.0.2"));
    assert_eq!(need.locked.as_deref(), Some("3.0.2"));
}

#[test]
fn violations_are_bounded_and_escaped() {
    let many = "nope {\n}\n".repeat(100);
    assert_eq!(with(&many).expect_err("many").len(), super::VIOLATIONS_MAX);
    let text = "resource \"docker_\u{202e}x\" \"a\" {\n}\n";
    assert!(with(text).expect_err("type").iter().all(|v| !v.message.contains('\u{202e}')));
}

/// Another mission's label would take an object for that mission's, which is then held back for it.
#[test]
fn the_label_of_missions_is_the_workers_to_write() {
    let block = "resource \"docker_volume\" \"v\" {\n  labels {\n    label = \"dev.quarterdeck.mission\"\n    value = \"shop-1\"\n  }\n}\n";
    let listed = "resource \"docker_volume\" \"v\" {\n  labels = [\n    { label = \"dev.quarterdeck.mission\", value = \"x\" }]\n}\n";
    let local = "locals {\n\n  key = \"dev.quarterdeck.mission\"\n}\n";
    for text in [block, listed, local] {
        let violations = with(text).expect_err(text);
        let found = &violations[0];
        assert_eq!(
            (violations.len(), found.file.as_str(), found.line, found.rule),
            (1, "x.tf", 3, Rule::Argument),
            "{text}"
        );
        assert!(found.message.contains("dev.quarterdeck.mission is the worker's own"), "{}", found.message);
    }
    let json =
        "{\"resource\": {\"docker_volume\": {\"v\":\n {\"labels\": [{\"label\": \"dev.quarterdeck.mission\"}]}}}}";
    for name in ["x.tf.json", "x_override.tf.json"] {
        let violations = checked(&[("main.tf", HEAD), (name, json)]).expect_err(name);
        assert_eq!((violations[0].file.as_str(), violations[0].line, violations[0].column), (name, 2, 25));
    }
    let variables = checked(&[("main.tf", HEAD), ("a.auto.tfvars", "k = \"dev.quarterdeck.mission\"\n")]);
    assert_eq!(variables.expect_err("a variable")[0].file, "a.auto.tfvars");
    let other = block.replace("dev.quarterdeck.mission", "dev.quarterdeck.team");
    assert!(with(&other).is_ok(), "any other key is the author's");
}
