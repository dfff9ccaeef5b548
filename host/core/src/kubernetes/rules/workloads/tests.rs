//! The tables of cases: how many pods there are of how many, and what is told of it.

use super::super::example::{MADE, cluster, meta, warning};
use super::*;
use crate::kubernetes::cluster::Object;
use crate::kubernetes::network::Service;
use crate::kubernetes::object::{Condition, Meta, Owner};
use crate::kubernetes::storage::StorageClass;

/// Since then nothing has changed.
const CHANGED: Timestamp = Timestamp(MADE.0 + 600_000);

/// One with so many pods available of so many wanted.
pub(in crate::kubernetes::rules) fn workload(available: u32, desired: u32) -> Workload {
    Workload {
        meta: meta("web", "shop"),
        observed: true,
        changed: CHANGED,
        desired,
        current: desired,
        available,
        misplaced: 0,
        conditions: Vec::new(),
        service: None,
        storage_classes: Vec::new(),
    }
}

fn condition(kind: &str, holds: bool, reason: &str) -> Condition {
    let message = r#"pods "shop-x" is forbidden: exceeded quota: small, requested: pods=1"#.to_owned();
    Condition { kind: kind.into(), holds: Some(holds), reason: reason.into(), message, since: MADE }
}

fn rules(symptoms: &[Symptom]) -> Vec<(&'static str, Severity, Timestamp)> {
    symptoms.iter().map(|symptom| (symptom.rule, symptom.severity, symptom.from)).collect()
}

#[test]
fn a_deployment_is_told_that_is_stuck_or_lacks_pods_for_long() {
    let long = |since: Timestamp| since.plus_ms(LONG_MS);
    let stuck = ("deployment-stuck", Severity::Warning, Timestamp(0));
    for (available, conditions, told) in [
        (3, vec![condition("Available", true, "MinimumReplicasAvailable")], vec![]),
        (3, vec![condition("Progressing", false, "ProgressDeadlineExceeded")], vec![stuck]),
        (3, vec![condition("Progressing", false, "ReplicaSetCreateError")], vec![stuck]),
        (3, vec![condition("Progressing", true, "ReplicaSetUpdated")], vec![]),
        // What a replica set says of its pods is told there.
        (3, vec![condition("ReplicaFailure", true, "FailedCreate")], vec![]),
        (0, vec![], vec![("deployment-unavailable", Severity::Critical, long(CHANGED))]),
        (
            1,
            vec![condition("Available", true, "MinimumReplicasAvailable")],
            vec![("deployment-unavailable", Severity::Warning, long(CHANGED))],
        ),
        (
            1,
            vec![condition("Available", false, "MinimumReplicasUnavailable")],
            vec![("deployment-unavailable", Severity::Warning, long(MADE))],
        ),
    ] {
        let deployment_of = Workload { conditions, ..workload(available, 3) };
        assert_eq!(rules(&deployment(&Cluster::default(), &deployment_of)), told, "{deployment_of:?}");
    }
    let changed_since = Workload { observed: false, ..workload(0, 3) };
    assert!(deployment(&Cluster::default(), &changed_since).is_empty());
    assert!(deployment(&Cluster::default(), &workload(0, 0)).is_empty(), "none is wanted");
}

#[test]
fn a_replica_set_answers_for_its_pods_where_no_deployment_does() {
    let refused = vec![condition("ReplicaFailure", true, "FailedCreate")];
    let lacking = Workload { current: 1, conditions: refused, ..workload(0, 3) };
    let owned_by = |kind: &str, set: Workload| {
        let owner = Some(Owner { kind: kind.into(), name: "shop".into(), uid: "1".into() });
        Workload { meta: Meta { owner, ..set.meta.clone() }, ..set }
    };
    let names = |set: &Workload| {
        let symptoms = replica_set(&Cluster::default(), set);
        symptoms.iter().map(|symptom| (symptom.rule, symptom.severity)).collect::<Vec<_>>()
    };
    let [refused, unavailable] = ["workload-refused", "replica-set-unavailable"];
    let of_deployment = owned_by("Deployment", lacking.clone());
    assert_eq!(names(&of_deployment), [(refused, Severity::Warning)]);
    for itself in [lacking.clone(), owned_by("Rollout", lacking.clone())] {
        assert_eq!(names(&itself), [(refused, Severity::Critical), (unavailable, Severity::Critical)]);
    }
    assert_eq!(names(&Workload { current: 3, ..of_deployment.clone() }), [], "it has what it wants by now");
    let deletion = vec![condition("ReplicaFailure", true, "FailedDelete")];
    assert_eq!(names(&Workload { conditions: deletion, ..of_deployment }), []);
    let going = Workload { meta: Meta { deleted: Some(MADE), ..lacking.meta.clone() }, ..lacking };
    assert_eq!(names(&going), []);
}

#[test]
fn a_stateful_set_is_told_that_lacks_its_service_its_class_or_its_pods() {
    let class = |name: &str| {
        let meta = Meta { name: Name::new("", name), ..meta("", name) };
        Object::StorageClass(StorageClass { meta, default: false, provisioner: "p".into(), waits: false })
    };
    let service = |name: &str| {
        let meta = meta("web", name);
        Object::Service(Service {
            meta,
            kind: "ClusterIP".into(),
            selector: None,
            ports: Vec::new(),
            has_address: false,
        })
    };
    let refusal = warning("StatefulSet", &meta("web", "shop"), "FailedCreate", "no");
    let set = |service: &str, class: &str, available: u32| Workload {
        service: Some(service.into()),
        storage_classes: vec![class.into()],
        ..workload(available, 2)
    };
    let [no_service, no_class] = ["stateful-set-service-missing", "stateful-set-class-missing"];
    let [unavailable, refused] = ["stateful-set-unavailable", "workload-refused"];
    for (objects, of, told) in [
        (vec![service("shop"), class("fast")], set("shop", "fast", 2), vec![]),
        (vec![service("other")], set("shop", "", 2), vec![no_service]),
        (vec![service("other")], set("", "", 2), vec![]),
        (vec![], set("shop", "", 2), vec![no_service]),
        (vec![class("slow")], set("", "fast", 1), vec![no_class, unavailable]),
        (vec![class("slow")], set("", "fast", 2), vec![]),
        (vec![], set("", "", 1), vec![unavailable]),
        (vec![refusal.clone()], Workload { current: 1, ..set("", "", 1) }, vec![refused, unavailable]),
        (vec![refusal], set("", "", 2), vec![]),
    ] {
        let symptoms = stateful_set(&cluster(objects), &of);
        assert_eq!(symptoms.iter().map(|symptom| symptom.rule).collect::<Vec<_>>(), told, "{of:?}");
    }
}

#[test]
fn a_daemon_set_is_told_that_lacks_pods_or_nodes_or_has_pods_elsewhere() {
    let refusal = warning("DaemonSet", &meta("web", "shop"), "FailedCreate", "no");
    let system = Workload { meta: meta("kube-system", "gpu"), ..workload(0, 0) };
    for (events, set, told) in [
        (vec![], workload(2, 2), vec![]),
        (vec![], workload(1, 2), vec!["daemon-set-unavailable"]),
        (vec![], Workload { misplaced: 1, ..workload(2, 2) }, vec!["daemon-set-misplaced"]),
        (vec![], workload(0, 0), vec!["daemon-set-nowhere"]),
        (vec![], Workload { observed: false, ..workload(0, 0) }, vec![]),
        (vec![], system, vec![]),
        (vec![refusal], Workload { current: 0, ..workload(0, 2) }, vec!["workload-refused", "daemon-set-unavailable"]),
    ] {
        let symptoms = daemon_set(&cluster(events), &set);
        assert_eq!(symptoms.iter().map(|symptom| symptom.rule).collect::<Vec<_>>(), told, "{set:?}");
    }
}
