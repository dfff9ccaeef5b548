//! The kinds of the cluster that are ours: what is applied to it is what the program's types say.
//!
//! The manifests are generated from the types: `QUARTERDECK_BLESS=1 cargo test --workspace --test hermetic objects`
//! writes them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::{Path, PathBuf};

use kube::CustomResourceExt as _;
use quarterdeck::apiserver::approval::Approval;
use quarterdeck::apiserver::mission::Mission;
use serde_json::Value;

use crate::scenarios::bless;

const CRDS: &str = "deploy/kubernetes/missions/crds.yaml";
const EXAMPLE: &str = "deploy/examples/kubernetes/web/mission.yaml";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// The manifests of all our kinds.
fn manifests() -> String {
    let head = "# Generated from the types in host/src/apiserver: see tests/hermetic/objects.rs.\n";
    let crds = [Mission::crd(), Approval::crd()];
    let documents = crds.iter().map(|crd| serde_saphyr::to_string(&serde_json::to_value(crd).unwrap()).unwrap());
    head.to_owned() + &documents.collect::<Vec<_>>().join("---\n")
}

#[test]
fn the_manifests_of_our_kinds_say_what_the_types_say() {
    let made = manifests();
    if bless() {
        std::fs::create_dir_all(root().join(CRDS).parent().unwrap()).unwrap();
        std::fs::write(root().join(CRDS), &made).unwrap();
    }
    assert!(text(CRDS) == made, "{CRDS} is not what the types say: QUARTERDECK_BLESS=1 writes it anew");
    // What was written reads back as what was meant.
    for (read, crd) in made.split("\n---\n").zip([Mission::crd(), Approval::crd()]) {
        let read: Value = serde_saphyr::from_str(read).unwrap();
        assert_eq!(read, serde_json::to_value(crd).unwrap());
    }
}

#[test]
fn the_example_of_a_cluster_builds_what_the_example_of_a_machine_builds() {
    let example = text(EXAMPLE);
    let documents: Vec<Value> = example.split("\n---\n").map(|text| serde_saphyr::from_str(text).unwrap()).collect();
    let of_kind = |kind: &str| documents.iter().find(|document| document["kind"] == kind).unwrap();
    let files = of_kind("ConfigMap");
    assert_eq!(files["data"]["main.tf"], text("deploy/examples/web/main.tf"));
    assert_eq!(files["data"].as_object().unwrap().len(), 1);
    let mission: Mission = serde_json::from_value(of_kind("Mission").clone()).unwrap();
    assert_eq!(mission.spec.terraform.config_map.unwrap().name, files["metadata"]["name"]);
    let namespaces: Vec<&Value> =
        documents.iter().map(|document| &document["metadata"]["namespace"]).filter(|name| !name.is_null()).collect();
    let namespace = &of_kind("Namespace")["metadata"]["name"];
    assert!(namespaces.len() == 3 && namespaces.iter().all(|name| *name == namespace), "{namespaces:?}");
    // Without this the host may not read the ConfigMap.
    let binding = of_kind("RoleBinding");
    assert_eq!(binding["roleRef"]["name"], "quarterdeck-mission-files");
    assert_eq!(binding["subjects"][0]["name"], "quarterdeck");
    assert_eq!(binding["subjects"][0]["namespace"], "ai-agent");
}
