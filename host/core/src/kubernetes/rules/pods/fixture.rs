//! Pods, containers and warnings for the tables of cases. Times are in seconds.

use std::collections::BTreeSet;

use crate::ids::Timestamp;
use crate::kubernetes::cluster::{Cluster, Object};
use crate::kubernetes::event::Event;
use crate::kubernetes::object::{Condition, Labels, Meta, Name};
use crate::kubernetes::pod::{Container, Ended, Phase, Pod, Role, State};
use crate::kubernetes::rules::Symptom;

pub(super) fn at(second: u64) -> Timestamp {
    Timestamp(second * 1_000)
}

/// A pod on a node, without containers, made at second 100.
pub(super) fn pod() -> Pod {
    let meta = Meta {
        name: Name::new("shop", "web"),
        uid: "uid".into(),
        created: at(100),
        deleted: None,
        owner: None,
        labels: Labels::default(),
        finalizers: Vec::new(),
    };
    let node = Some("node1".into());
    Pod { meta, node, phase: Phase::Running, reason: None, message: None, conditions: vec![], containers: vec![] }
}

/// A container that runs and is ready.
pub(super) fn container(name: &str) -> Container {
    Container {
        name: name.into(),
        image: "web:1".into(),
        role: Role::Main,
        started: true,
        ready: true,
        restarts: 0,
        state: State::Running(at(110)),
        last: None,
    }
}

pub(super) fn waiting(reason: &str, message: &str) -> State {
    State::Waiting { reason: reason.into(), message: message.to_owned() }
}

/// An end after a second of running.
pub(super) fn ended(exit: i32, reason: &str, second: u64) -> Box<Ended> {
    Box::new(Ended { exit, reason: reason.into(), message: String::new(), begun: at(second - 1), at: at(second) })
}

pub(super) fn refused(kind: &str, reason: &str, message: &str, second: u64) -> Condition {
    let message = message.to_owned();
    Condition { kind: kind.into(), holds: Some(false), reason: reason.into(), message, since: at(second) }
}

/// A warning about the pod.
pub(super) fn warning(reason: &str, message: &str, second: u64) -> Event {
    Event {
        meta: Meta { name: Name::new("shop", &format!("{reason}.{second}")), ..pod().meta },
        about_kind: "Pod".into(),
        about: Name::new("shop", "web"),
        about_uid: "uid".into(),
        container: None,
        reason: reason.into(),
        message: message.to_owned(),
        count: 1,
        last: at(second),
    }
}

/// What the rules say of a pod and its warnings. Nothing is told twice, and each says what it is.
pub(super) fn seen(pod: &Pod, warnings: &[Event]) -> Vec<Symptom> {
    let mut cluster = Cluster::default();
    for event in warnings {
        let event = Object::Event(event.clone());
        cluster.put(event.clone());
        cluster.index(None, Some(&event));
    }
    let symptoms = super::look(&cluster, pod);
    let rules: BTreeSet<&str> = symptoms.iter().map(|symptom| symptom.rule).collect();
    assert_eq!(rules.len(), symptoms.len(), "{symptoms:?}");
    assert!(symptoms.iter().all(|symptom| symptom.rule.starts_with("pod-") && !symptom.message.is_empty()));
    symptoms
}

/// The names of the rules that hold at a second.
pub(super) fn rules_at(pod: &Pod, warnings: &[Event], second: u64) -> Vec<&'static str> {
    seen(pod, warnings).iter().filter(|symptom| symptom.holds(at(second))).map(|symptom| symptom.rule).collect()
}
