//! What a real cluster of Kubernetes 1.34 said of broken workloads, quotas and rights: trimmed, and what is found in it.

use std::sync::Arc;

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::kubernetes::network::Service;
use quarterdeck_core::kubernetes::rules::examine;
use quarterdeck_core::kubernetes::{Key, Kind, Labels, Meta, Name, Object, Patrol};
use quarterdeck_core::redaction::Redactor;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::Trimmer;
use crate::observe::kubernetes::trim;

/// What is recorded of one broken thing.
macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../../../../tests/real/samples/kubernetes/", $name, ".json"))
    };
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).expect("an object of this kind")
}

/// The object, where it is of a kind that is read here.
fn object(trimmer: &mut Trimmer, value: &Value) -> Option<Object> {
    let object = match value["kind"].as_str()? {
        "Deployment" => trim::deployment(trimmer, &read(value)),
        "ReplicaSet" => trim::replica_set(trimmer, &read(value)),
        "StatefulSet" => trim::stateful_set(trimmer, &read(value)),
        "DaemonSet" => trim::daemon_set(trimmer, &read(value)),
        "Job" => trim::job(trimmer, &read(value)),
        "CronJob" => trim::cron_job(trimmer, &read(value)),
        "HorizontalPodAutoscaler" => trim::autoscaler(trimmer, &read(value)),
        "PodDisruptionBudget" => trim::disruption_budget(trimmer, &read(value)),
        "ResourceQuota" => trim::quota(trimmer, &read(value)),
        "Role" => trim::role(trimmer, &read(value)),
        "ClusterRole" => trim::cluster_role(trimmer, &read(value)),
        "RoleBinding" => trim::role_binding(trimmer, &read(value)),
        "ClusterRoleBinding" => trim::cluster_role_binding(trimmer, &read(value)),
        _ => return None,
    };
    Some(object)
}

fn trimmer() -> Trimmer {
    Trimmer::new(Arc::new(Redactor::new([7; 32])))
}

/// The patrol of a cluster with the objects of these lists, and with the Service that each cluster has.
fn patrol(lists: &[&str]) -> Patrol {
    let (mut trimmer, mut patrol) = (trimmer(), Patrol::default());
    let meta = Meta {
        name: Name::new("default", "kubernetes"),
        uid: "1".into(),
        created: Timestamp(0),
        deleted: None,
        owner: None,
        labels: Labels::default(),
        finalizers: Vec::new(),
    };
    let kind = "ClusterIP".into();
    patrol.put(Object::Service(Service { meta, kind, selector: None, ports: Vec::new(), has_address: false }));
    for list in lists {
        let list: Value = serde_json::from_str(list).expect("JSON");
        for value in list["items"].as_array().expect("a list") {
            if let Some(object) = object(&mut trimmer, value) {
                patrol.put(object);
            }
        }
    }
    patrol
}

/// Everything that is wrong with what is read here, whenever it holds: the kind, the rule and the message.
fn found(lists: &[&str]) -> Vec<(&'static str, &'static str, String)> {
    let patrol = patrol(lists);
    let cluster = patrol.cluster();
    let keys = Kind::ALL.iter().flat_map(|kind| {
        let key = |name: Name| Key { kind: *kind, name };
        cluster.names(*kind).into_iter().map(key).collect::<Vec<_>>()
    });
    let look = |key: Key| {
        let symptoms = examine(cluster, &key).into_iter();
        symptoms.map(move |symptom| (key.kind.name(), symptom.rule, symptom.message))
    };
    keys.filter(|key| key.kind != Kind::Service).flat_map(look).collect()
}

#[test]
fn what_is_broken_in_a_real_cluster_is_found_and_nothing_else() {
    let refused = "refuses to make what it wants: exceeded quota: quota; raise";
    let [stuck, unavailable] = ["deployment-stuck", "deployment-unavailable"];
    let fresh = sample!("rights-fresh");
    for (name, lists, expected) in [
        (
            // Each start of a pod counts as progress.
            "crashing",
            &[sample!("deployment-crashing")][..],
            &[("Deployment", unavailable, "none of its pods")][..],
        ),
        (
            "stuck",
            &[sample!("deployment-stuck")],
            &[("Deployment", stuck, "its deadline"), ("Deployment", unavailable, "none of its pods")],
        ),
        (
            "refused",
            &[sample!("deployment-refused")],
            &[
                ("Deployment", stuck, "its deadline"),
                ("Deployment", unavailable, "fewer of its pods"),
                ("ReplicaSet", "workload-refused", refused),
                ("ResourceQuota", "quota-exhausted", "allows of pods is"),
            ],
        ),
        (
            "a service",
            &[sample!("stateful-set-service")],
            &[("StatefulSet", "stateful-set-service-missing", "no service absent")],
        ),
        (
            "a class",
            &[sample!("stateful-set-stuck")],
            &[
                // Its Service is of a kind that is not read here.
                ("StatefulSet", "stateful-set-service-missing", "no service store"),
                ("StatefulSet", "stateful-set-class-missing", "no storage class absent"),
                ("StatefulSet", "stateful-set-unavailable", "none of its pods"),
            ],
        ),
        ("no node", &[sample!("daemon-set-nowhere")], &[("DaemonSet", "daemon-set-nowhere", "node selector")]),
        ("no place", &[sample!("daemon-set-unplaced")], &[("DaemonSet", "daemon-set-unavailable", "none of its pods")]),
        ("failed", &[sample!("job-failed")], &[("Job", "job-failed", "backoffLimit")]),
        ("too long", &[sample!("job-deadline")], &[("Job", "job-failed", "activeDeadlineSeconds")]),
        ("held", &[sample!("job-suspended")], &[("Job", "job-suspended", "suspended")]),
        (
            "failing",
            &[sample!("cron-job-failing")],
            &[("CronJob", "cron-job-failing", "its last Job failed: its pods failed more often")],
        ),
        ("held too", &[sample!("cron-job-suspended")], &[("CronJob", "cron-job-suspended", "suspended")]),
        (
            "metrics",
            &[sample!("hpa-no-metrics")],
            &[("HorizontalPodAutoscaler", "autoscaler-no-metrics", "install the metrics server")],
        ),
        (
            "a target",
            &[sample!("hpa-target-gone")],
            &[("HorizontalPodAutoscaler", "autoscaler-target-gone", "Deployment absent")],
        ),
        (
            "evictions",
            &[sample!("pdb-blocks")],
            &[("PodDisruptionBudget", "disruption-budget-blocks", "(maxUnavailable 0)")],
        ),
        (
            "a selector",
            &[sample!("pdb-selects-nothing")],
            &[("PodDisruptionBudget", "disruption-budget-selects-nothing", "protects nothing")],
        ),
        (
            "a quota",
            &[sample!("quota-exhausted")],
            &[("ResourceQuota", "quota-exhausted", "allows of pods, requests.memory is")],
        ),
        // What Kubernetes gives to its own parts is as it should be.
        ("nothing", &[fresh], &[]),
        (
            "a cluster",
            &[fresh, sample!("rbac-cluster-admin")],
            &[("ClusterRoleBinding", "rights-cluster-admin", "a workload do everything")],
        ),
        (
            "a namespace",
            &[fresh, sample!("rbac-wildcard")],
            &[("RoleBinding", "rights-wildcard", "everything (verbs * and resources *)")],
        ),
    ] {
        let found = found(lists);
        let rules: Vec<_> = found.iter().map(|(kind, rule, _)| (*kind, *rule)).collect();
        let wanted: Vec<_> = expected.iter().map(|(kind, rule, _)| (*kind, *rule)).collect();
        assert_eq!(rules, wanted, "{name}");
        for ((_, _, message), (_, _, part)) in found.iter().zip(expected) {
            assert!(message.contains(part), "{name}: {message}");
        }
    }
}

#[test]
fn a_rollout_is_answered_for_by_its_deployment() {
    let mut patrol = patrol(&[sample!("deployment-refused")]);
    let troubles = patrol.look(Timestamp(4_000_000_000_000)).told;
    let of_deployment: Vec<_> =
        troubles.iter().filter(|trouble| trouble.owner.kind == "Deployment").map(|trouble| trouble.rule).collect();
    assert_eq!(of_deployment, ["deployment-stuck", "deployment-unavailable", "workload-refused"]);
}

fn one(value: &Value) -> Object {
    object(&mut trimmer(), value).expect("a kind that is read here")
}

#[test]
fn the_age_of_a_status_is_that_of_its_last_writing() {
    let set = |generation: i64, fields: Value| {
        let object = one(&json!({
            "kind": "DaemonSet",
            "metadata": {
                "name": "agent", "namespace": "web", "generation": generation, "managedFields": fields,
                "creationTimestamp": "2026-11-27T23:00:00Z",
            },
            "status": {
                "observedGeneration": 2, "currentNumberScheduled": 3, "desiredNumberScheduled": 4,
                "numberMisscheduled": 1, "numberReady": 2, "numberAvailable": -1,
            },
        }));
        let Object::DaemonSet(set) = object else { panic!("{object:?}") };
        set
    };
    let age = |fields: Value| {
        let set = set(2, fields);
        set.changed.since_ms(set.meta.created)
    };
    let spec = json!({ "manager": "kubectl", "time": "2026-11-27T23:00:09Z" });
    let status = json!({ "manager": "kcm", "subresource": "status", "time": "2026-11-27T23:00:05Z" });
    assert_eq!(age(json!([spec.clone(), status])), 5_000);
    assert_eq!(age(json!([spec])), 0, "the object was written, and not its status");
    assert_eq!(age(Value::Null), 0);
    let now = set(2, Value::Null);
    assert_eq!((now.desired, now.current, now.available, now.misplaced), (4, 3, 0, 1));
    assert!(now.observed && !set(3, Value::Null).observed);
}

#[test]
fn what_an_author_left_out_is_what_kubernetes_takes_for_it() {
    let deployment = |spec: Value| {
        let object = one(&json!({ "kind": "Deployment", "metadata": { "name": "shop" }, "spec": spec }));
        let Object::Deployment(deployment) = object else { panic!("{object:?}") };
        (deployment.desired, deployment.observed)
    };
    let template = json!({ "spec": { "containers": [] } });
    assert_eq!(deployment(json!({ "selector": {}, "template": template })), (1, false));
    assert_eq!(deployment(json!({ "selector": {}, "template": template, "replicas": 0 })), (0, false));

    let object = one(&json!({
        "kind": "ClusterRole", "metadata": { "name": "reader", "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" } },
        "rules": [
            { "verbs": ["get"], "nonResourceURLs": ["*"] },
            { "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"] },
        ],
    }));
    let Object::ClusterRole(role) = object else { panic!("{object:?}") };
    assert!(role.rules.len() == 1 && role.rules[0].by_name, "{role:?}");
    assert_eq!(role.meta.labels.get("kubernetes.io/bootstrapping"), Some("rbac-defaults"));
}

#[test]
fn what_a_cluster_says_is_escaped_and_bounded() {
    let said = format!("\u{1b}[31m{}", "x".repeat(4_000));
    let object = one(&json!({
        "kind": "Job", "metadata": { "name": "import", "namespace": "web" },
        "status": { "conditions": [{ "type": "Failed", "status": "True", "reason": said, "message": said }] },
    }));
    let Object::Job(job) = object else { panic!("{object:?}") };
    let failed = &job.conditions[0];
    for (text, bytes_max) in [(&*failed.reason, trim::WORD_BYTES_MAX), (&failed.message, trim::SENTENCE_BYTES_MAX)] {
        assert!(!text.contains('\u{1b}') && text.len() <= bytes_max, "{text}");
    }
}
