//! Autoscalers and disruption budgets.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use quarterdeck_core::kubernetes::workload::{Autoscaler, DisruptionBudget};
use quarterdeck_core::kubernetes::{Condition, Object, Text};

use super::workloads::{conditions, is_observed};
use super::{ENTRIES_MAX, Trimmer, count};

pub(in super::super) fn autoscaler(trimmer: &mut Trimmer, object: &HorizontalPodAutoscaler) -> Object {
    let (spec, status) = (object.spec.as_ref(), object.status.as_ref());
    let target = spec.map(|spec| &spec.scale_target_ref);
    let name = target.map(|target| &*target.name).unwrap_or_default();
    Object::HorizontalPodAutoscaler(Autoscaler {
        meta: trimmer.meta(&object.metadata),
        target_kind: trimmer.word(target.map(|target| &*target.kind).unwrap_or_default()),
        target: trimmer.name(object.metadata.namespace.as_deref(), name),
        max: count(spec.map(|spec| spec.max_replicas)),
        conditions: conditions!(trimmer, status.and_then(|status| status.conditions.as_ref())),
    })
}

pub(in super::super) fn disruption_budget(trimmer: &mut Trimmer, object: &PodDisruptionBudget) -> Object {
    let (spec, status) = (object.spec.as_ref(), object.status.as_ref());
    let observed = status.and_then(|status| status.observed_generation);
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    Object::PodDisruptionBudget(DisruptionBudget {
        meta: trimmer.meta(&object.metadata),
        min_available: written(trimmer, spec.and_then(|spec| spec.min_available.as_ref())),
        max_unavailable: written(trimmer, spec.and_then(|spec| spec.max_unavailable.as_ref())),
        expected: count(status.map(|status| status.expected_pods)),
        healthy: count(status.map(|status| status.current_healthy)),
        healthy_min: count(status.map(|status| status.desired_healthy)),
        allowed: count(status.map(|status| status.disruptions_allowed)),
        observed: is_observed(&object.metadata, observed),
        conditions: conditions.iter().take(ENTRIES_MAX).map(|said| condition(trimmer, said)).collect(),
    })
}

fn written(trimmer: &mut Trimmer, number: Option<&IntOrString>) -> Option<Text> {
    number.map(|number| match number {
        IntOrString::Int(number) => number.to_string().into(),
        IntOrString::String(share) => trimmer.word(share),
    })
}

/// The newer type of conditions, of which all fields are required.
fn condition(trimmer: &mut Trimmer, said: &meta::Condition) -> Condition {
    trimmer.condition(
        &said.type_,
        &said.status,
        Some(&said.reason),
        Some(&said.message),
        Some(&said.last_transition_time),
    )
}
