//! Deployments, replica sets, stateful sets and daemon sets: do they have the pods that they want?
//!
//! Why a pod is not well is told at the pod, under the same root owner. Here it is told that too few are, for long: a
//! Deployment says since when none or too few are available; the others do not, so it counts from the last change of
//! their status. A roll-out moves it on with every pod, and however long it takes it is nothing wrong.
//!
//! Not told: that a controller has not seen the newest of an object, because nothing says since when; that there are fewer
//! than before while there are as many as wanted.

use super::{SETTLE_MS, Symptom, refusals};
use crate::ids::Timestamp;
use crate::kubernetes::cluster::{Cluster, Kind};
use crate::kubernetes::object::{Name, Text, condition};
use crate::kubernetes::workload::Workload;
use crate::situation::Severity;

/// Pods that come become available within this time, or other pods do meanwhile.
pub(super) const LONG_MS: u64 = 2 * 60_000;
/// Here a provider keeps daemon sets for kinds of nodes that may never come.
const PROVIDERS_NAMESPACE: &str = "kube-system";

pub(super) fn deployment(_cluster: &Cluster, deployment: &Workload) -> Vec<Symptom> {
    if deployment.meta.deleted.is_some() {
        return Vec::new();
    }
    let available = condition(&deployment.conditions, "Available").filter(|available| available.holds == Some(false));
    let since = available.map_or(deployment.changed, |available| available.since);
    stuck(deployment).into_iter().chain(unavailable("deployment-unavailable", deployment, since)).collect()
}

/// What a replica set of a Deployment lacks is told at the Deployment, which knows whether another has enough.
pub(super) fn replica_set(_cluster: &Cluster, set: &Workload) -> Vec<Symptom> {
    let answers_itself = set.meta.owner.as_ref().is_none_or(|owner| &*owner.kind != Kind::Deployment.name());
    let (severity, unavailable) = match answers_itself {
        true => (severity(set), unavailable("replica-set-unavailable", set, set.changed)),
        false => (Severity::Warning, None),
    };
    if set.meta.deleted.is_some() {
        return Vec::new();
    }
    refusals::by_condition(set, severity).into_iter().chain(unavailable).collect()
}

pub(super) fn stateful_set(cluster: &Cluster, set: &Workload) -> Vec<Symptom> {
    if set.meta.deleted.is_some() {
        return Vec::new();
    }
    let refused = refused(cluster, Kind::StatefulSet, set);
    let unavailable = unavailable("stateful-set-unavailable", set, set.changed);
    refused
        .into_iter()
        .chain(service_missing(cluster, set))
        .chain(class_missing(cluster, set))
        .chain(unavailable)
        .collect()
}

pub(super) fn daemon_set(cluster: &Cluster, set: &Workload) -> Vec<Symptom> {
    if set.meta.deleted.is_some() {
        return Vec::new();
    }
    let refused = refused(cluster, Kind::DaemonSet, set);
    let unavailable = unavailable("daemon-set-unavailable", set, set.changed);
    refused.into_iter().chain(unavailable).chain(misplaced(set)).chain(nowhere(set)).collect()
}

/// Nothing serves, or only less than what is wanted.
fn severity(set: &Workload) -> Severity {
    if set.available == 0 { Severity::Critical } else { Severity::Warning }
}

fn stuck(deployment: &Workload) -> Option<Symptom> {
    let progressing = condition(&deployment.conditions, "Progressing")?;
    if progressing.holds != Some(false) {
        return None;
    }
    let message = match &*progressing.reason {
        "ProgressDeadlineExceeded" => {
            "its roll-out did not get on within its deadline: see why its newest pods are not available, or roll it back"
                .to_owned()
        }
        _ => format!("its roll-out does not get on: {}", progressing.message),
    };
    let symptom = Symptom::new("deployment-stuck", Severity::Warning, message);
    Some(symptom.seen_by("reason", &progressing.reason).seen_by("said", &progressing.message))
}

/// What is said of an object that its controller has not looked at since it was changed is about another wish.
fn unavailable(rule: &'static str, set: &Workload, since: Timestamp) -> Option<Symptom> {
    if !set.observed || set.available >= set.desired {
        return None;
    }
    let message = match set.available {
        0 => "none of its pods is available, and that does not change: see what is wrong with them",
        _ => {
            "fewer of its pods are available than it wants, and that does not change: see what is wrong with the others"
        }
    };
    let symptom = Symptom::new(rule, severity(set), message.to_owned()).from(since.plus_ms(LONG_MS));
    Some(symptom.seen_by("available", &format!("{} of {}", set.available, set.desired)))
}

fn refused(cluster: &Cluster, kind: Kind, set: &Workload) -> Option<Symptom> {
    let lacks = set.current < set.desired;
    lacks.then(|| refusals::by_event(cluster, kind, &set.meta, severity(set))).flatten()
}

fn service_missing(cluster: &Cluster, set: &Workload) -> Option<Symptom> {
    let service = set.service.as_ref().filter(|service| !service.is_empty())?;
    let name = Name { namespace: set.meta.name.namespace.clone(), name: service.clone() };
    let message = format!(
        "there is no service {service}, which is to give its pods their names: they do not find each other by them; make \
         that service, headless, or correct serviceName"
    );
    let symptom = Symptom::new("stateful-set-service-missing", Severity::Warning, message);
    cluster.services.get(&name).is_none().then(|| symptom.from(set.meta.created.plus_ms(SETTLE_MS)))
}

/// A set that has all its pods has their volumes too, whatever became of the class.
fn class_missing(cluster: &Cluster, set: &Workload) -> Option<Symptom> {
    if set.available >= set.desired {
        return None;
    }
    let is_missing = |class: &&Text| cluster.storage_classes.find("", class).is_none();
    // No class by choice is the empty name.
    let class = set.storage_classes.iter().filter(|class| !class.is_empty()).find(is_missing)?;
    let message = format!(
        "there is no storage class {class}, which its claims ask for: their volumes are not made; make that class, or name \
         one that is there"
    );
    let symptom = Symptom::new("stateful-set-class-missing", Severity::Critical, message);
    Some(symptom.from(set.meta.created.plus_ms(SETTLE_MS)))
}

fn misplaced(set: &Workload) -> Option<Symptom> {
    let message = "it has pods on nodes that it is not meant for any more: their taints or labels have changed since";
    let symptom = Symptom::new("daemon-set-misplaced", Severity::Info, message.to_owned())
        .seen_by("misplaced", &set.misplaced.to_string());
    (set.misplaced > 0).then(|| symptom.from(set.changed.plus_ms(LONG_MS)))
}

fn nowhere(set: &Workload) -> Option<Symptom> {
    let message = "no node is one that it is meant for: see its node selector and its tolerations";
    let symptom = Symptom::new("daemon-set-nowhere", Severity::Info, message.to_owned());
    let nowhere = set.observed && set.desired == 0 && &*set.meta.name.namespace != PROVIDERS_NAMESPACE;
    nowhere.then(|| symptom.from(set.changed.plus_ms(LONG_MS)))
}

#[cfg(test)]
pub(super) mod tests;
