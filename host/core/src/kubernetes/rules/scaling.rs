//! Autoscalers and disruption budgets: what their controllers say of them, with what is to be done about it.

use super::{SETTLE_MS, Symptom};
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::object::{Condition, condition};
use crate::kubernetes::workload::{Autoscaler, DisruptionBudget};
use crate::situation::Severity;

/// New pods have metrics within this time, and a controller that had a bad moment has come to itself.
const LONG_MS: u64 = 2 * 60_000;
/// A peak is over within this time, or there are too few pods for what is usual.
const PEAK_MS: u64 = 15 * 60_000;
/// Pods that a roll-out or a drain takes away are back within this time.
const ABSENCE_MS: u64 = 10 * 60_000;

pub(super) fn autoscaler(cluster: &Cluster, autoscaler: &Autoscaler) -> Vec<Symptom> {
    if autoscaler.meta.deleted.is_some() {
        return Vec::new();
    }
    let is = |kind, holds| condition(&autoscaler.conditions, kind).filter(|said| said.holds == Some(holds));
    let unable = is("AbleToScale", false).map(|said| unable(cluster, autoscaler, said));
    // One that is scaled to zero is not scaled, on purpose.
    let inactive = is("ScalingActive", false).filter(|said| &*said.reason != "ScalingDisabled").map(no_metrics);
    let limited = is("ScalingLimited", true).filter(|said| &*said.reason == "TooManyReplicas");
    let limited = limited.map(|said| at_maximum(autoscaler, said));
    unable.into_iter().chain(inactive).chain(limited).collect()
}

/// The controller says that it cannot scale. That what it scales is gone is believed where that is seen, or cannot be.
fn unable(cluster: &Cluster, autoscaler: &Autoscaler, said: &Condition) -> Symptom {
    let name = &autoscaler.target;
    let is_there = match &*autoscaler.target_kind {
        "Deployment" => cluster.deployments.get(name).is_some(),
        "ReplicaSet" => cluster.replica_sets.get(name).is_some(),
        "StatefulSet" => cluster.stateful_sets.get(name).is_some(),
        _ => false,
    };
    let symptom = match &*said.reason {
        "FailedGetScale" if !is_there && said.message.contains("not found") => {
            let (kind, name) = (&autoscaler.target_kind, &name.name);
            let message = format!("what it scales is not there: {kind} {name}; make it, or correct scaleTargetRef");
            Symptom::new("autoscaler-target-gone", Severity::Warning, message).from(said.since.plus_ms(SETTLE_MS))
        }
        _ => {
            let message = "it cannot scale: see what its controller says, and whether it may read and write the scale of \
                           what it is for";
            Symptom::new("autoscaler-unable", Severity::Warning, message.to_owned()).from(said.since.plus_ms(LONG_MS))
        }
    };
    seen(symptom, said)
}

/// The controller names one pod of many, now this and now that; so its words are evidence.
fn no_metrics(said: &Condition) -> Symptom {
    let says = |words: &str| said.message.contains(words);
    let message = if says("could not find the requested resource") || says("unable to handle the request") {
        "it has no metrics to scale by, because the cluster serves none: install the metrics server, or the adapter that \
         it asks"
    } else if says("missing request for") {
        "it has no metrics to scale by, because a container of its pods requests none of what is measured: give each of \
         them a request"
    } else if &*said.reason == "InvalidSelector" || &*said.reason == "AmbiguousSelector" {
        "it does not know which pods are its own: another autoscaler selects them too, or what it scales has no selector"
    } else {
        "it has no metrics to scale by: see what its controller says"
    };
    let symptom = Symptom::new("autoscaler-no-metrics", Severity::Warning, message.to_owned());
    seen(symptom.from(said.since.plus_ms(LONG_MS)), said)
}

fn at_maximum(autoscaler: &Autoscaler, said: &Condition) -> Symptom {
    let message = "it wants more pods than it may have, and has for long: raise maxReplicas, or see what needs so much";
    let symptom = Symptom::new("autoscaler-at-maximum", Severity::Info, message.to_owned());
    symptom.from(said.since.plus_ms(PEAK_MS)).seen_by("max", &autoscaler.max.to_string())
}

pub(super) fn disruption_budget(_cluster: &Cluster, budget: &DisruptionBudget) -> Vec<Symptom> {
    // Before its controller has looked, nothing is known.
    if budget.meta.deleted.is_some() || !budget.observed {
        return Vec::new();
    }
    let disallowed = condition(&budget.conditions, "DisruptionAllowed").filter(|said| said.holds == Some(false));
    if let Some(said) = disallowed.filter(|said| &*said.reason == "SyncFailed") {
        let message = "its controller cannot tell how many pods there should be, and so allows no eviction: see what it \
                       says; pods without a controller can be counted by a minAvailable that is a number only";
        let symptom = Symptom::new("disruption-budget-failed", Severity::Warning, message.to_owned());
        return vec![seen(symptom.from(said.since.plus_ms(SETTLE_MS)), said)];
    }
    let since = disallowed.map_or(budget.meta.created, |said| said.since);
    let symptom = if budget.expected == 0 {
        let message = "it protects nothing, because no pod has the labels that it selects: correct its selector";
        Symptom::new("disruption-budget-selects-nothing", Severity::Info, message.to_owned())
            .from(since.plus_ms(LONG_MS))
    } else if budget.healthy_min >= budget.expected {
        let message = format!(
            "it never allows an eviction, because all of its pods have to be there ({}): no node that has one of them can \
             be drained; allow one to be away, or add a pod",
            written(budget)
        );
        Symptom::new("disruption-budget-blocks", Severity::Warning, message).from(since.plus_ms(SETTLE_MS))
    } else if budget.allowed == 0 && budget.healthy < budget.healthy_min {
        let message = "it allows no eviction, because too few of its pods are well: see what is wrong with the others";
        Symptom::new("disruption-budget-unhealthy", Severity::Info, message.to_owned()).from(since.plus_ms(ABSENCE_MS))
    } else {
        return Vec::new();
    };
    vec![symptom.seen_by("healthy", &format!("{} of {}", budget.healthy, budget.expected))]
}

/// What its author wrote.
fn written(budget: &DisruptionBudget) -> String {
    match (&budget.max_unavailable, &budget.min_available) {
        (Some(max), _) => format!("maxUnavailable {max}"),
        (None, Some(min)) => format!("minAvailable {min}"),
        (None, None) => "minAvailable 1".to_owned(),
    }
}

fn seen(symptom: Symptom, said: &Condition) -> Symptom {
    symptom.seen_by("reason", &said.reason).seen_by("said", &said.message)
}

#[cfg(test)]
mod tests;
