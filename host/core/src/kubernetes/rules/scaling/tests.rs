//! The tables of cases: what controllers say of autoscalers and budgets, and what is told of it.

use super::super::example::{MADE, cluster, meta};
use super::*;
use crate::ids::Timestamp;
use crate::kubernetes::cluster::Object;
use crate::kubernetes::object::Name;

/// Since then its controller says what it says.
const SINCE: Timestamp = Timestamp(MADE.0 + 60_000);

fn said(kind: &str, holds: bool, reason: &str, message: &str) -> Condition {
    Condition {
        kind: kind.into(),
        holds: Some(holds),
        reason: reason.into(),
        message: message.to_owned(),
        since: SINCE,
    }
}

fn scaler(conditions: Vec<Condition>) -> Autoscaler {
    let target = Name::new("web", "shop");
    Autoscaler { meta: meta("web", "shop"), target_kind: "Deployment".into(), target, max: 3, conditions }
}

#[test]
fn an_autoscaler_is_told_by_what_its_controller_says() {
    let told = [("autoscaler-unable", LONG_MS)];
    let no_metrics = [("autoscaler-no-metrics", LONG_MS)];
    for (kind, holds, reason, message, rules) in [
        ("AbleToScale", true, "SucceededGetScale", "", &[][..]),
        ("AbleToScale", true, "BackoffBoth", "", &[]),
        ("AbleToScale", false, "FailedUpdateScale", "conflict", &told),
        ("AbleToScale", false, "FailedGetScale", "deployments.apps is forbidden", &told),
        (
            "AbleToScale",
            false,
            "FailedGetScale",
            "deployments.apps \"shop\" not found",
            &[("autoscaler-target-gone", SETTLE_MS)],
        ),
        ("ScalingActive", true, "ValidMetricFound", "", &[]),
        ("ScalingActive", false, "ScalingDisabled", "scaling is disabled since the replica count is zero", &[]),
        ("ScalingActive", false, "FailedGetResourceMetric", "could not find the requested resource", &no_metrics),
        ("ScalingActive", false, "AmbiguousSelector", "", &no_metrics),
        ("ScalingActive", false, "InvalidMetricSourceType", "", &no_metrics),
        ("ScalingLimited", true, "TooManyReplicas", "", &[("autoscaler-at-maximum", PEAK_MS)]),
        ("ScalingLimited", true, "TooFewReplicas", "", &[]),
        ("ScalingLimited", false, "DesiredWithinRange", "", &[]),
    ] {
        let symptoms = autoscaler(&Cluster::default(), &scaler(vec![said(kind, holds, reason, message)]));
        let found: Vec<(&str, u64)> = symptoms.iter().map(|one| (one.rule, one.from.since_ms(SINCE))).collect();
        assert_eq!(found, rules, "{kind} {reason}");
    }
    assert!(autoscaler(&Cluster::default(), &scaler(Vec::new())).is_empty());
}

#[test]
fn that_a_target_is_gone_is_not_said_of_one_that_is_there() {
    let gone = scaler(vec![said("AbleToScale", false, "FailedGetScale", "deployments.apps \"shop\" not found")]);
    let rule = |cluster: &Cluster, gone: &Autoscaler| autoscaler(cluster, gone)[0].rule;
    let there = cluster([Object::Deployment(super::super::workloads::tests::workload(1, 1))]);
    assert_eq!(rule(&there, &gone), "autoscaler-unable");
    let of_another_kind = Autoscaler { target_kind: "Rollout".into(), ..gone };
    assert_eq!(rule(&there, &of_another_kind), "autoscaler-target-gone");
}

#[test]
fn the_metrics_that_are_missing_have_a_cause() {
    for (words, cause) in [
        ("the server could not find the requested resource (get pods.metrics.k8s.io)", "metrics server"),
        ("missing request for cpu in container main of Pod shop-x7", "request"),
        ("did not receive metrics for targeted pods", "what its controller says"),
    ] {
        let symptom = no_metrics(&said("ScalingActive", false, "FailedGetResourceMetric", words));
        assert!(symptom.message.contains(cause) && !symptom.message.contains("shop-x7"), "{}", symptom.message);
    }
}

#[test]
fn a_budget_is_told_where_it_blocks_or_protects_nothing() {
    let budget = |[expected, healthy, healthy_min, allowed]: [u32; 4]| DisruptionBudget {
        meta: meta("web", "shop"),
        min_available: None,
        max_unavailable: Some("0".into()),
        expected,
        healthy,
        healthy_min,
        allowed,
        observed: true,
        conditions: vec![said("DisruptionAllowed", allowed > 0, "InsufficientPods", "")],
    };
    for (counts, rule) in [
        ([3, 3, 2, 1], None),
        // By what it says, whether its pods are well or not.
        ([3, 3, 3, 0], Some(("disruption-budget-blocks", Severity::Warning, SETTLE_MS))),
        ([3, 1, 3, 0], Some(("disruption-budget-blocks", Severity::Warning, SETTLE_MS))),
        ([1, 1, 2, 0], Some(("disruption-budget-blocks", Severity::Warning, SETTLE_MS))),
        ([0, 0, 1, 0], Some(("disruption-budget-selects-nothing", Severity::Info, LONG_MS))),
        ([0, 0, 0, 0], Some(("disruption-budget-selects-nothing", Severity::Info, LONG_MS))),
        ([3, 1, 2, 0], Some(("disruption-budget-unhealthy", Severity::Info, ABSENCE_MS))),
        // A pod is being evicted.
        ([3, 2, 2, 0], None),
    ] {
        let symptoms = disruption_budget(&Cluster::default(), &budget(counts));
        let found = symptoms.first().map(|one| (one.rule, one.severity, one.from.since_ms(SINCE)));
        assert_eq!((found, symptoms.len()), (rule, usize::from(rule.is_some())), "{counts:?}");
    }
    let blocks = budget([1, 1, 1, 0]);
    let unseen = DisruptionBudget { observed: false, ..blocks.clone() };
    assert!(disruption_budget(&Cluster::default(), &unseen).is_empty());
    let failed = vec![said("DisruptionAllowed", false, "SyncFailed", "found no controller ref for pod")];
    let failed = DisruptionBudget { conditions: failed, ..blocks };
    assert_eq!(disruption_budget(&Cluster::default(), &failed)[0].rule, "disruption-budget-failed");
}
