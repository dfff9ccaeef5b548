//! Deployments, replica sets, stateful sets and daemon sets.

use k8s_openapi::api::apps::v1 as k8s;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::kubernetes::workload::Workload;
use quarterdeck_core::kubernetes::{Condition, Object, Text};

use super::{ENTRIES_MAX, Trimmer, count, time};

/// The conditions of an object: each kind has a type of its own for them, all with the same fields.
macro_rules! conditions {
    ($trimmer:expr, $conditions:expr) => {
        $conditions
            .into_iter()
            .flatten()
            .take($crate::observe::kubernetes::trim::ENTRIES_MAX)
            .map(|condition| {
                let (reason, message) = (condition.reason.as_deref(), condition.message.as_deref());
                let since = condition.last_transition_time.as_ref();
                $trimmer.condition(&condition.type_, &condition.status, reason, message, since)
            })
            .collect::<Vec<quarterdeck_core::kubernetes::Condition>>()
    };
}
pub(super) use conditions;

pub(in super::super) fn deployment(trimmer: &mut Trimmer, object: &k8s::Deployment) -> Object {
    let status = object.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    let conditions = conditions!(trimmer, status.and_then(|status| status.conditions.as_ref()));
    Object::Deployment(Workload {
        desired: replicas(object.spec.as_ref().map(|spec| spec.replicas)),
        current: count(status.and_then(|status| status.replicas)),
        available: count(status.and_then(|status| status.available_replicas)),
        ..workload(trimmer, &object.metadata, observed, conditions)
    })
}

pub(in super::super) fn replica_set(trimmer: &mut Trimmer, object: &k8s::ReplicaSet) -> Object {
    let status = object.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    let conditions = conditions!(trimmer, status.and_then(|status| status.conditions.as_ref()));
    Object::ReplicaSet(Workload {
        desired: replicas(object.spec.as_ref().map(|spec| spec.replicas)),
        current: count(status.map(|status| status.replicas)),
        available: count(status.and_then(|status| status.available_replicas)),
        ..workload(trimmer, &object.metadata, observed, conditions)
    })
}

pub(in super::super) fn stateful_set(trimmer: &mut Trimmer, object: &k8s::StatefulSet) -> Object {
    let (spec, status) = (object.spec.as_ref(), object.status.as_ref());
    let observed = status.and_then(|status| status.observed_generation);
    let conditions = conditions!(trimmer, status.and_then(|status| status.conditions.as_ref()));
    Object::StatefulSet(Workload {
        desired: replicas(spec.map(|spec| spec.replicas)),
        current: count(status.map(|status| status.replicas)),
        available: count(status.and_then(|status| status.available_replicas)),
        service: trimmer.maybe(spec.and_then(|spec| spec.service_name.as_deref())),
        storage_classes: storage_classes(trimmer, spec),
        ..workload(trimmer, &object.metadata, observed, conditions)
    })
}

pub(in super::super) fn daemon_set(trimmer: &mut Trimmer, object: &k8s::DaemonSet) -> Object {
    let status = object.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    let conditions = conditions!(trimmer, status.and_then(|status| status.conditions.as_ref()));
    Object::DaemonSet(Workload {
        desired: count(status.map(|status| status.desired_number_scheduled)),
        current: count(status.map(|status| status.current_number_scheduled)),
        available: count(status.and_then(|status| status.number_available)),
        misplaced: count(status.map(|status| status.number_misscheduled)),
        ..workload(trimmer, &object.metadata, observed, conditions)
    })
}

/// What all of them have; of pods as yet none.
fn workload(trimmer: &mut Trimmer, meta: &ObjectMeta, observed: Option<i64>, conditions: Vec<Condition>) -> Workload {
    Workload {
        meta: trimmer.meta(meta),
        observed: is_observed(meta, observed),
        changed: status_changed(meta),
        desired: 0,
        current: 0,
        available: 0,
        misplaced: 0,
        conditions,
        service: None,
        storage_classes: Vec::new(),
    }
}

/// Whether the controller of an object has seen the newest of it.
pub(super) fn is_observed(meta: &ObjectMeta, observed: Option<i64>) -> bool {
    observed.is_some_and(|observed| observed >= meta.generation.unwrap_or(0))
}

/// When the status of an object became another: the API server notes it for each who writes, and not where the same is
/// written again.
fn status_changed(meta: &ObjectMeta) -> Timestamp {
    let entries = meta.managed_fields.as_deref().unwrap_or_default().iter().take(ENTRIES_MAX);
    let of_status = entries.filter(|entry| entry.subresource.as_deref() == Some("status"));
    let made = meta.creation_timestamp.as_ref();
    of_status.filter_map(|entry| entry.time.as_ref()).chain(made).map(time).max().unwrap_or(Timestamp(0))
}

/// How many pods are wanted; who says nothing wants one.
fn replicas(wanted: Option<Option<i32>>) -> u32 {
    wanted.map_or(0, |wanted| count(Some(wanted.unwrap_or(1))))
}

fn storage_classes(trimmer: &mut Trimmer, spec: Option<&k8s::StatefulSetSpec>) -> Vec<Text> {
    let claims = spec.and_then(|spec| spec.volume_claim_templates.as_deref()).unwrap_or_default();
    let class = |claim: &k8s_openapi::api::core::v1::PersistentVolumeClaim| {
        trimmer.maybe(claim.spec.as_ref()?.storage_class_name.as_deref())
    };
    claims.iter().take(ENTRIES_MAX).filter_map(class).collect()
}

#[cfg(test)]
mod tests;
