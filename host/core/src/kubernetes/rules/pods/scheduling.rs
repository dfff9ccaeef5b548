//! Pods that get no node.

use super::since;
use crate::kubernetes::object::condition;
use crate::kubernetes::pod::Pod;
use crate::kubernetes::rules::Symptom;
use crate::situation::Severity;

/// A volume may be bound, a lesser pod may give way, or a node may come: what is over after this long is not told.
const SCHEDULED_MS: u64 = 5_000;
/// A scheduler that is there has looked at a pod by then, however much else it has to do.
const LOOKED_AT_MS: u64 = 2 * 60_000;

/// A scheduler's words, and what to do; the first that is found counts.
const CURES: [(&str, &str); 7] = [
    ("unbound immediate persistentvolumeclaims", "see what its claims wait for"),
    ("persistentvolumeclaim", "create the claim, or correct its name"),
    ("insufficient", "lower its requests, or add a node"),
    ("untolerated taint", "take the taint away, let it be tolerated, or add a node"),
    ("affinity", "label a node, or correct what the pod asks for"),
    ("topology spread", "add a node, or loosen the pod's spread constraints"),
    ("free ports", "give up the host port, or add a node"),
];

pub(super) fn look(pod: &Pod) -> Option<Symptom> {
    let Some(scheduled) = condition(&pod.conditions, "PodScheduled") else {
        let message = "no scheduler has looked at it: check that one runs, and the pod's schedulerName".to_owned();
        let symptom = Symptom::new("pod-unschedulable", Severity::Critical, message);
        return Some(symptom.from(since(pod, "PodScheduled").plus_ms(LOOKED_AT_MS)));
    };
    // Who holds a pod back by a gate wants it so.
    if &*scheduled.reason == "SchedulingGated" {
        return None;
    }
    let reasons = reasons(&scheduled.message);
    let lower = reasons.to_lowercase();
    let cure =
        CURES.iter().find(|(words, _)| lower.contains(words)).map_or_else(String::new, |(_, cure)| format!(": {cure}"));
    let words = if reasons.is_empty() { "the scheduler does not say why" } else { &reasons };
    let symptom = Symptom::new("pod-unschedulable", Severity::Critical, format!("no node takes it: {words}{cure}"));
    Some(symptom.from(scheduled.since.plus_ms(SCHEDULED_MS)).seen_by("said", &scheduled.message))
}

/// The scheduler's reasons, without how many nodes each is of and without what it says of pods that might give way:
/// the numbers change whenever a node comes or goes.
fn reasons(said: &str) -> String {
    let reasons = said.split_once(" nodes are available: ").map_or(said, |(_, reasons)| reasons);
    let reasons = reasons.split_once(". ").map_or(reasons, |(reasons, _)| reasons);
    let uncounted = |reason: &str| {
        let (count, words) = reason.split_once(' ').unwrap_or(("", reason));
        let counted = !count.is_empty() && count.chars().all(|c| c.is_ascii_digit());
        (if counted { words } else { reason }).to_owned()
    };
    let mut reasons: Vec<String> = reasons.trim_end_matches('.').split(", ").map(uncounted).collect();
    reasons.sort();
    reasons.dedup();
    reasons.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{pod, refused, rules_at, seen};
    use super::*;
    use crate::kubernetes::pod::Phase;

    fn unscheduled(reason: &str, said: &str) -> Pod {
        let conditions = vec![refused("PodScheduled", reason, said, 200)];
        Pod { node: None, phase: Phase::Pending, conditions, ..pod() }
    }

    #[test]
    fn the_schedulers_reasons_are_told_without_its_counts() {
        for (said, told) in [
            (
                "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are \
                 available: 1 Preemption is not helpful for scheduling.",
                "Insufficient cpu: lower its requests, or add a node",
            ),
            (
                "0/9 nodes are available: 4 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }, 5 Insufficient \
                 memory.",
                "Insufficient memory, node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }: lower its requests",
            ),
            (
                "0/1 nodes are available: persistentvolumeclaim \"absent\" not found. not found",
                "persistentvolumeclaim \"absent\" not found: create the claim",
            ),
            (
                "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
                "pod has unbound immediate PersistentVolumeClaims: see what its claims wait for",
            ),
            ("running PreBind plugin: timed out", "running PreBind plugin: timed out"),
            ("", "the scheduler does not say why"),
        ] {
            let message = &seen(&unscheduled("Unschedulable", said), &[])[0].message;
            assert!(message.starts_with(&format!("no node takes it: {told}")), "{message}");
        }
    }

    #[test]
    fn a_pod_has_a_moment_to_be_placed_and_one_behind_a_gate_all_the_time() {
        let waits = unscheduled("Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.");
        assert_eq!(rules_at(&waits, &[], 204), [""; 0]);
        assert_eq!(rules_at(&waits, &[], 205), ["pod-unschedulable"]);
        assert!(seen(&unscheduled("SchedulingGated", "Scheduling is blocked"), &[]).is_empty());
    }

    #[test]
    fn a_pod_that_no_scheduler_looks_at_is_told_after_a_while() {
        let pod = Pod { node: None, phase: Phase::Pending, ..pod() };
        assert_eq!(rules_at(&pod, &[], 219), [""; 0]);
        assert_eq!(rules_at(&pod, &[], 220), ["pod-unschedulable"]);
        assert!(seen(&pod, &[])[0].message.contains("schedulerName"));
    }
}
