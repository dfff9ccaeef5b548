//! From what a real API server said to what is found in it: objects that were recorded from a cluster of version 1.34.4
//! (`tests/real/samples/kubernetes`), a few seconds after each was broken on purpose.

use std::sync::Arc;

use k8s_openapi::api::core::v1 as k8s;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::kubernetes::rules::examine;
use quarterdeck_core::kubernetes::{Key, Kind, Object, Patrol, Symptom};
use quarterdeck_core::redaction::Redactor;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::events::event;
use super::nodes::{namespace, node};
use super::pods::pod;
use super::{SENTENCE_BYTES_MAX, Trimmer};

/// 2026-11-27T23:44:00Z: a little later than all of them were recorded.
const NOW: Timestamp = Timestamp(1_795_823_040_000);

macro_rules! sample {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../../../tests/real/samples/kubernetes/", $name, ".json")))
    };
}

pub(super) fn trimmer() -> Trimmer {
    Trimmer::new(Arc::new(Redactor::new([7; 32])))
}

/// The object as the API's type.
pub(super) fn parse<T: DeserializeOwned>(object: &Value) -> T {
    serde_json::from_value(object.clone()).expect("a recorded object is of its kind")
}

/// A recorded list as core's nouns, as far as they are of the kinds of this file.
fn objects(list: &str) -> Vec<Object> {
    let list: Value = serde_json::from_str(list).expect("a sample is JSON");
    let mut trimmer = trimmer();
    let items = list["items"].as_array().expect("a sample is a list").iter();
    let noun = |item: &Value| match item["kind"].as_str()? {
        "Pod" => Some(pod(&mut trimmer, &parse::<k8s::Pod>(item))),
        "Namespace" => Some(namespace(&mut trimmer, &parse::<k8s::Namespace>(item))),
        "Node" => Some(node(&mut trimmer, &parse::<k8s::Node>(item))),
        "Event" if item["type"] == "Warning" => Some(event(&mut trimmer, &parse::<k8s::Event>(item))),
        _ => None,
    };
    items.filter_map(noun).collect()
}

/// What is wrong in a recorded list at the time of the recording.
fn symptoms(list: &str) -> Vec<Symptom> {
    let objects = objects(list);
    let keys: Vec<Key> = objects.iter().map(Key::of).filter(|key| key.kind != Kind::Event).collect();
    let mut patrol = Patrol::default();
    for object in objects {
        assert!(patrol.put(object));
    }
    let all = keys.iter().flat_map(|key| examine(patrol.cluster(), key));
    all.filter(|symptom| symptom.holds(NOW)).collect()
}

#[test]
fn each_broken_object_shows_its_one_cause_and_says_it() {
    for ((name, list), expected) in [
        (sample!("claim-absent"), &[("pod-unschedulable", "\"absent\" not found: create the claim")][..]),
        (sample!("claim-class-missing"), &[("pod-unschedulable", "unbound immediate PersistentVolumeClaims")]),
        (sample!("command-missing"), &[("pod-start-refused", "stat /usr/bin/serve: no such file")]),
        (sample!("config-map-missing"), &[("pod-config-missing", "configmap \"settings\" not found")]),
        (sample!("crash-loop"), &[("pod-crash-loop", "exit code 3")]),
        (sample!("cron-job-failing"), &[]),
        (sample!("daemon-set-unplaced"), &[("pod-unschedulable", "Insufficient cpu")]),
        (sample!("deployment-crashing"), &[("pod-crash-loop", "exit code 3"); 3]),
        (sample!("deployment-refused"), &[]),
        (sample!("deployment-stuck"), &[("pod-not-ready", "its readiness probe fails"); 2]),
        (sample!("evicted"), &[("pod-evicted", "exceeds the limit \"1Mi\"")]),
        (sample!("image-name-invalid"), &[("pod-image-pull", "Team/Web")]),
        (sample!("image-never-pulled"), &[("pod-image-pull", "imagePullPolicy Never")]),
        (sample!("image-not-pulled"), &[("pod-image-pull", "cannot resolve the registry's name")]),
        (sample!("init-failing"), &[("pod-init-failing", "init container migrate fails with exit code 1")]),
        (sample!("job-failed"), &[]),
        (sample!("liveness-failing"), &[("pod-liveness-failing", "connection refused")]),
        (sample!("namespace-terminating"), &[("namespace-stuck-terminating", "quarterdeck.test/never")]),
        (sample!("oom-killed"), &[("pod-oom-killed", "memory")]),
        (sample!("pod-deadline"), &[("pod-failed", "deadline")]),
        (sample!("pod-failed"), &[("pod-failed", "exit code 7")]),
        (sample!("pod-terminating"), &[("pod-stuck-terminating", "quarterdeck.test/never")]),
        (sample!("readiness-failing"), &[("pod-not-ready", "its readiness probe fails")]),
        (sample!("root-refused"), &[("pod-start-refused", "image will run as root")]),
        (sample!("secret-key-missing"), &[("pod-config-missing", "Secret secret-key-missing/login")]),
        (sample!("secret-missing"), &[("pod-config-missing", "secret \"login\" not found")]),
        (sample!("service-pods-not-ready"), &[("pod-not-ready", "its readiness probe fails")]),
        (sample!("startup-failing"), &[("pod-startup-failing", "connection refused")]),
        (sample!("stateful-set-stuck"), &[("pod-unschedulable", "unbound immediate PersistentVolumeClaims")]),
        (sample!("unschedulable-cpu"), &[("pod-unschedulable", "Insufficient cpu")]),
        (sample!("unschedulable-selector"), &[("pod-unschedulable", "affinity")]),
    ] {
        let found = symptoms(list);
        let rules: Vec<&str> = found.iter().map(|symptom| symptom.rule).collect();
        assert_eq!(rules, expected.iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), "{name}: {found:?}");
        for (symptom, (_, words)) in found.iter().zip(expected) {
            assert!(symptom.message.contains(words), "{name}: {} does not say {words}", symptom.message);
            assert!(symptom.message.len() <= 2 * SENTENCE_BYTES_MAX, "{name}: {}", symptom.message);
        }
    }
}
