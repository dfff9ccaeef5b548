//! A secret of a mission, from a Secret of the workers' namespace to what is built, and to nowhere else.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::jobs::Yard;
use crate::parts::{quarterdeck, said, until};
use crate::stage::PATIENCE;

const VALUE: &str = "hush-4711-hush-4711";

/// All bytes of all files below a folder, but those of states and blobs, which are the host's alone.
fn told(folder: &Path, into: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let of_the_host = ["blobs", "state"].iter().any(|name| entry.file_name() == *name);
        if path.is_dir() && !of_the_host {
            told(&path, into);
        } else if path.is_file() {
            into.extend(fs::read(path).unwrap());
        }
    }
}

#[test]
fn a_secret_comes_to_what_is_built_and_to_nobody_else() {
    let Some(mut yard) = Yard::raise() else { return };
    yard.secrets = "[{ name: web, keys: [label], missions: [web] }]";
    let literal = format!("--from-literal=label={VALUE}");
    yard.cluster.kubectl(&["-n", "quarterdeck-builder", "create", "secret", "generic", "web", &literal]);
    let web = yard.cluster.path("web");
    let main = fs::read_to_string(web.join("main.tf")).unwrap();
    let with = main.replace("  networks_advanced {", "  env = [\"LABEL=${var.label}\"]\n\n  networks_advanced {");
    assert_ne!(main, with);
    let variable = "\nvariable \"label\" {\n  type      = string\n  sensitive = true\n}\n";
    fs::write(web.join("main.tf"), with + variable).unwrap();
    let mission = fs::read_to_string(web.join("mission.yaml")).unwrap();
    let mission = mission + "    secretVariables:\n      label: { name: web, key: label }\n";
    fs::write(web.join("mission.yaml"), &mission).unwrap();

    let folder = web.display().to_string();
    let words = [folder.as_str(), "--offline"];
    let host = yard.host_with("first", 8443, &words, &[]);
    let shown = until("a worker has the secret's name", PATIENCE, || {
        let words = ["-n", "quarterdeck-builder", "get", "jobs,pods,configmaps", "-o", "yaml"];
        Some(yard.cluster.kubectl(&words)).filter(|shown| shown.contains("secretKeyRef"))
    });
    host.until_phase("Ready");
    let inspect = ["inspect", "quarterdeck-web", "--format", "{{.Config.Env}}"];
    assert!(said(yard.cluster.inside("docker").args(inspect)).contains(VALUE));

    // What the API server was told, what the host said and keeps, and what it answers.
    let mut all = [shown.into_bytes(), fs::read(yard.cluster.path("first.log")).unwrap()].concat();
    told(&yard.cluster.path("first"), &mut all);
    for what in ["missions", "workers", "findings", "turns"] {
        let mut command = Command::new(quarterdeck());
        all.extend(
            said(command.arg("--data").arg(yard.cluster.path("first")).args(["get", what, "-o", "json"])).into_bytes(),
        );
    }
    let all = String::from_utf8_lossy(&all);
    assert!(all.contains("label of web/label"), "the journal is read too, and has what the policy is told");
    assert!(!all.contains("hush-4711"));
    host.stop();

    // The grant is taken away: nothing is begun with it, and why is said.
    yard.secrets = "[{ name: web, keys: [label], missions: [other] }]";
    let said = yard.host_with("first", 8443, &words, &[]).said_at_its_end();
    assert!(said.contains("spec.terraform.secretVariables: web/label is not granted to web"), "{said}");
}
