//! Missions that would make a container root on the machine, reach another engine, or run commands at the worker. Each
//! is refused, and the engine hears nothing but reads: a proxy before its socket writes every request down.

use std::fs;
use std::path::{Path, PathBuf};

use crate::proxy::Proxy;
use crate::stage::{Objects, Stage, text};

/// What every mission here begins with.
const BEGIN: &str = r#"terraform {
  required_providers {
    docker = {
      source  = "kreuzwerker/docker"
      version = ">= 3.3.0, < 5.0.0"
    }
  }
}
"#;

/// A dangerous mission.
struct Danger {
    name: &'static str,
    /// What its refusal names: the kind of danger in its plan, or the line of its files.
    told: &'static str,
    /// What stands in `main.tf` after the beginning, which has eight lines.
    main: String,
    /// Another file.
    more: Option<(&'static str, &'static str)>,
}

fn danger(name: &'static str, told: &'static str, main: impl Into<String>) -> Danger {
    Danger { name, told, main: main.into(), more: None }
}

/// A container that is harmless but for this.
fn container(body: &str) -> String {
    format!("resource \"docker_container\" \"web\" {{\n  name  = \"danger\"\n  image = \"nginx:alpine\"\n{body}\n}}\n")
}

/// Those whose files are fine, and whose plan is not. The folder `/` holds the engine's socket and is told as that.
fn in_the_plan() -> Vec<Danger> {
    let mounted = r#"mounts {
  type   = "volume"
  target = "/host"
  source = "root"
  volume_options {
    driver_name    = "local"
    driver_options = { type = "none", o = "bind", device = "/" }
  }
}"#;
    let by_options = r#"resource "docker_volume" "root" {
  driver_opts = { type = "none", o = "bind", device = "/" }
}
"#;
    let unknown_path = r#"resource "docker_volume" "data" {}
resource "docker_container" "web" {
  name  = "danger"
  image = "nginx:alpine"
  volumes {
    host_path      = docker_volume.data.mountpoint
    container_path = "/host"
  }
}
"#;
    let dynamic = r#"dynamic "volumes" {
  for_each = ["/"]
  content {
    host_path      = volumes.value
    container_path = "/host"
  }
}"#;
    let json = r#"{ "resource": { "docker_container": { "web": {
  "name": "danger", "image": "nginx:alpine", "privileged": true
} } } }"#;
    let bind = |path: &str| container(&format!("volumes {{\n host_path = \"{path}\"\n container_path = \"/host\"\n}}"));
    let module = "module \"inner\" {\n  source = \"./inner\"\n}\n";
    let privileged = "terraform {\n  required_providers {\n    docker = {\n      source = \"kreuzwerker/docker\"\n    }\n  }\n}\n\
        resource \"docker_container\" \"web\" {\n  name = \"danger\"\n  image = \"nginx:alpine\"\n  privileged = true\n}\n";
    let unknown_word = "resource \"terraform_data\" \"word\" {\n  input = \"yes\"\n}\n";
    let unknown = container("privileged = terraform_data.word.output == \"yes\"");
    vec![
        danger("privileged", "privileged", container("privileged = true")),
        danger("bind-root", "engine-socket", bind("/")),
        danger("bind-socket", "engine-socket", bind("/var/run/docker.sock")),
        danger(
            "bind-mount",
            "host-path",
            container("mounts {\n type = \"bind\"\n source = \"/etc\"\n target = \"/x\"\n}"),
        ),
        danger("volume-options", "engine-socket", by_options),
        danger("mount-options", "engine-socket", container(mounted)),
        danger("dynamic-bind", "engine-socket", container(dynamic)),
        danger("host-network", "host-namespace", container("network_mode = \"host\"")),
        danger("host-pid", "host-namespace", container("pid_mode = \"host\"")),
        danger("host-ipc", "host-namespace", container("ipc_mode = \"host\"")),
        danger("device", "device", container("devices {\n  host_path = \"/dev/kmsg\"\n}")),
        danger("capability", "capability", container("capabilities {\n  add = [\"SYS_ADMIN\"]\n}")),
        danger("unconfined", "security-option", container("security_opts = [\"seccomp=unconfined\"]")),
        Danger { more: Some(("web.tf.json", json)), ..danger("in-json", "privileged", "") },
        Danger {
            more: Some(("main_override.tf", "resource \"docker_container\" \"web\" {\n  privileged = true\n}\n")),
            ..danger("in-override", "privileged", container(""))
        },
        Danger { more: Some(("inner/main.tf", privileged)), ..danger("in-module", "privileged", module) },
        danger("unknown-path", "known only when applied", unknown_path),
        danger("unknown-word", "known only when applied", format!("{unknown_word}{unknown}")),
    ]
}

/// Those whose files are refused before Terraform is started; in `main.tf`, at its ninth line or below.
fn in_the_files() -> Vec<Danger> {
    let provisioner = "provisioner \"local-exec\" {\n  command = \"id\"\n}";
    vec![
        danger("other-engine", "main.tf:10", "provider \"docker\" {\n  host = \"tcp://127.0.0.1:2375\"\n}\n"),
        danger("over-ssh", "main.tf:10", "provider \"docker\" {\n  ssh_opts = [\"-oProxyCommand=id\"]\n}\n"),
        danger(
            "credentials",
            "main.tf:10",
            "provider \"docker\" {\n  registry_auth {\n    address = \"127.0.0.1\"\n    config_file = \"/root/x\"\n  }\n}\n",
        ),
        danger("command", "main.tf:12", container(provisioner)),
        danger("backend", "main.tf:10", "terraform {\n  backend \"local\" {}\n}\n"),
        danger("external", "main.tf:9", "data \"external\" \"id\" {\n  program = [\"id\"]\n}\n"),
        danger("import", "main.tf:9", "import {\n  to = docker_network.x\n  id = \"bridge\"\n}\n"),
        danger("file", "main.tf:10", "output \"shadow\" {\n  value = file(\"/etc/shadow\")\n}\n"),
        danger("far-module", "main.tf:10", "module \"far\" {\n  source = \"git::ssh://127.0.0.1/x\"\n}\n"),
    ]
}

fn write(stage: &Stage, danger: &Danger) -> PathBuf {
    let folder = stage.path(danger.name);
    fs::create_dir_all(folder.join("inner")).unwrap();
    fs::write(folder.join("main.tf"), format!("{BEGIN}{}", danger.main)).unwrap();
    let mission = format!(
        "apiVersion: quarterdeck.dev/v1alpha1\nkind: Mission\nmetadata:\n  name: {}\nspec:\n  goal: Harm.\n  autonomy: auto\n  terraform: {{}}\n",
        danger.name
    );
    fs::write(folder.join("mission.yaml"), mission).unwrap();
    if let Some((name, text)) = danger.more {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

#[test]
fn dangerous_missions_are_refused_and_the_engine_hears_only_reads() {
    let Some(stage) = Stage::raise("trixie") else { return };
    let proxy = Proxy::start(stage.path("proxy.sock"), &stage.socket());
    let before = stage.objects();

    let mut wrong = Vec::new();
    for danger in in_the_files() {
        let folder = write(&stage, &danger);
        let output = stage.run(&proxy.socket, &[&folder], &["--until-ready"]);
        let told = String::from_utf8_lossy(&output.stderr);
        if output.status.code() != Some(2) || !told.contains(danger.told) {
            wrong.push(format!("{}: {}: {told}", danger.name, output.status));
        }
    }

    let dangers = in_the_plan();
    let folders: Vec<PathBuf> = dangers.iter().map(|danger| write(&stage, danger)).collect();
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    let output = stage.run(&proxy.socket, &folders, &["--until-ready", "--timeout", "5m"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let missions = stage.get("missions");
    for danger in &dangers {
        let mission = missions.iter().find(|mission| text("/name", mission) == danger.name).expect("it was loaded");
        let refused = text("/refused", mission);
        if !refused.contains(danger.told) {
            wrong.push(format!("{}: {refused:?} of {mission}", danger.name));
        }
    }
    assert!(wrong.is_empty(), "not refused as they should be: {wrong:#?}");

    assert_eq!(stage.workers(Some("apply")), Vec::<String>::new());
    assert_eq!(stage.objects(), before);
    assert_eq!(before, Objects::default());
    let requests = proxy.requests();
    let reads = |request: &&String| request.starts_with("GET ") || request.starts_with("HEAD ");
    assert!(requests.iter().any(|request| request.starts_with("GET ")), "the proxy is not before the engine");
    let others: Vec<&String> = requests.iter().filter(|request| !reads(request)).collect();
    assert!(others.is_empty(), "{others:?}");
}
