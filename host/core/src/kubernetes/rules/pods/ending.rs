//! Pods that have ended, that do not come to their end, and whose node does not say.

use super::since;
use super::words::{exit, steady};
use crate::ids::Timestamp;
use crate::kubernetes::cluster::Kind;
use crate::kubernetes::event::Event;
use crate::kubernetes::object::condition;
use crate::kubernetes::pod::{Ended, Pod, Role, State};
use crate::kubernetes::rules::Symptom;
use crate::situation::Severity;

/// A pod is due to be gone when its deletion says, which counts its grace already; a kubelet takes some seconds more to
/// say so, and a minute is none of them.
const GONE_MS: u64 = 60_000;
/// Who looks after a pod's failure has replaced it by then; what stays is a record that somebody may want to read.
const NEWS_MS: u64 = 60 * 60_000;
/// The node controller marks a node's pods at once; one that is back in this time was not lost.
const LOST_MS: u64 = 5_000;

/// A pod that was deleted, and is still there.
pub(super) fn stuck(pod: &Pod, warnings: &[&Event]) -> Option<Symptom> {
    let due = pod.meta.deleted?;
    let running = pod.containers.iter().any(|container| matches!(container.state, State::Running(_)));
    let finalizers = pod.meta.finalizers.join(", ");
    let message = match (&pod.node, finalizers.is_empty()) {
        (Some(node), true) => format!("it was deleted, and node {node} does not say that it is gone: see to the node"),
        (Some(node), false) if running => {
            format!("it was deleted, and still runs on node {node}; its end also waits for the finalizers {finalizers}")
        }
        (_, false) => format!("its deletion waits for the finalizers {finalizers}: see to who has to take them away"),
        (None, true) => "it was deleted, and nothing holds it: see to the API server and its controllers".to_owned(),
    };
    let symptom = Symptom::new("pod-stuck-terminating", Severity::Warning, message).from(due.plus_ms(GONE_MS));
    let killing = warnings.iter().find(|event| matches!(&*event.reason, "FailedKillPod" | "FailedPreStopHook"));
    Some(match killing {
        Some(event) => symptom.seen_by("said", &steady(&event.message)),
        None => symptom,
    })
}

/// A pod that failed, for ever. Nobody can tell by it whether it was to serve, so it is a warning; and after an hour one
/// that is left over.
pub(super) fn failed(pod: &Pod) -> Vec<Symptom> {
    if pod.meta.owner.as_ref().is_some_and(|owner| &*owner.kind == Kind::Job.name()) {
        return Vec::new();
    }
    let news = failure(pod);
    let old = ended_at(pod).plus_ms(NEWS_MS);
    let message =
        "it failed more than an hour ago and is still there: delete it once nobody needs to read it".to_owned();
    vec![news.until(old), Symptom::new("pod-left-over", Severity::Info, message).from(old)]
}

fn failure(pod: &Pod) -> Symptom {
    let reason = pod.reason.as_deref().unwrap_or_default();
    let disrupted = condition(&pod.conditions, "DisruptionTarget").filter(|target| target.holds == Some(true));
    let said = pod.message.as_deref().or(disrupted.map(|target| &*target.message)).map(steady);
    let told = |rule, message: &str| {
        let words = said.as_deref().filter(|said| !said.is_empty());
        let message = words.map_or_else(|| message.to_owned(), |words| format!("{message}: {words}"));
        let symptom = Symptom::new(rule, Severity::Warning, message);
        if reason.is_empty() { symptom } else { symptom.seen_by("reason", reason) }
    };
    if let Some((name, end)) = worst(pod, |end| &*end.reason == "OOMKilled") {
        let message =
            format!("container {name} was killed because it used more memory than its limit allows: raise it");
        return with_end(Symptom::new("pod-oom-killed", Severity::Warning, message), end);
    }
    match reason {
        "Evicted" => told("pod-evicted", "its node evicted it"),
        "Preempting" => told("pod-evicted", "it had to give way to a pod that matters more"),
        "DeadlineExceeded" => told("pod-failed", "it was stopped at its deadline (activeDeadlineSeconds)"),
        "NodeLost" => told("pod-node-lost", "its node was lost"),
        "Terminated" | "NodeShutdown" | "Shutdown" => told("pod-failed", "its node was shut down"),
        "" if disrupted.is_some() => told("pod-evicted", "it was evicted"),
        "" => match worst(pod, |end| end.exit != 0) {
            Some((name, end)) => {
                let message = format!("container {name} ended with {}, and is not started again", exit(end.exit));
                with_end(Symptom::new("pod-failed", Severity::Warning, message), end)
            }
            None => told("pod-failed", "it failed, and its kubelet does not say why"),
        },
        _ => told("pod-failed", &format!("its node refused it or gave it up ({reason})")),
    }
}

/// The first container that ended like this.
fn worst(pod: &Pod, like: impl Fn(&Ended) -> bool) -> Option<(&str, &Ended)> {
    pod.containers.iter().find_map(|container| match &container.state {
        State::Ended(end) if like(end) => Some((&*container.name, &**end)),
        State::Ended(_) | State::Running(_) | State::Waiting { .. } => None,
    })
}

fn with_end(symptom: Symptom, end: &Ended) -> Symptom {
    let symptom = symptom.seen_by("exit-code", &end.exit.to_string()).seen_by("reason", &end.reason);
    if end.message.is_empty() { symptom } else { symptom.seen_by("said", &steady(&end.message)) }
}

fn ended_at(pod: &Pod) -> Timestamp {
    let ends = pod.containers.iter().filter_map(|container| match &container.state {
        State::Ended(end) => Some(end.at),
        State::Running(_) | State::Waiting { .. } => None,
    });
    ends.chain([since(pod, "Ready")]).max().unwrap_or(pod.meta.created)
}

/// A pod that is ready as far as its kubelet has said, and not in the eyes of who watches the nodes.
pub(super) fn silent_node(pod: &Pod) -> Option<Symptom> {
    if pod.reason.as_deref() == Some("NodeLost") {
        return Some(node_lost(pod));
    }
    let ready = condition(&pod.conditions, "Ready")?;
    let mut working = pod.containers.iter().filter(|container| container.role != Role::Init).peekable();
    let by_its_kubelet = working.peek().is_some() && working.all(|container| container.ready);
    let marked = by_its_kubelet && condition(&pod.conditions, "ContainersReady").is_none();
    let marked = marked && &*ready.reason != "ReadinessGatesNotReady";
    marked.then(|| node_lost(pod).from(ready.since.plus_ms(LOST_MS)))
}

/// A pod of whose containers nobody knows.
pub(super) fn node_lost(pod: &Pod) -> Symptom {
    let node = pod.node.as_deref().unwrap_or("it is on");
    let message = format!("node {node} does not answer, and nobody knows what its containers do: see to the node");
    Symptom::new("pod-node-lost", Severity::Critical, message)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, container, ended, pod, refused, rules_at, seen, warning};
    use super::*;
    use crate::kubernetes::object::{Condition, Owner};
    use crate::kubernetes::pod::{Container, Phase};

    fn dead(reason: Option<&str>, said: Option<&str>, end: Option<Box<Ended>>) -> Pod {
        let state = end.map_or(State::Running(at(110)), State::Ended);
        Pod {
            phase: Phase::Failed,
            reason: reason.map(Into::into),
            message: said.map(str::to_owned),
            containers: vec![Container { state, ready: false, ..container("main") }],
            conditions: vec![refused("Ready", "PodFailed", "", 1_000)],
            ..pod()
        }
    }

    #[test]
    fn a_failed_pod_is_told_by_what_ended_it() {
        let error = || Some(ended(7, "Error", 1_000));
        for (pod, rule, words) in [
            (dead(None, None, error()), "pod-failed", "exit code 7"),
            (dead(None, None, None), "pod-failed", "does not say why"),
            (dead(None, None, Some(ended(137, "OOMKilled", 1_000))), "pod-oom-killed", "memory"),
            (
                dead(Some("Evicted"), Some("low on resource: memory. "), error()),
                "pod-evicted",
                "low on resource: memory",
            ),
            (dead(Some("Preempting"), Some("Preempted in order to admit critical pod"), None), "pod-evicted", "way"),
            (dead(Some("DeadlineExceeded"), None, error()), "pod-failed", "deadline"),
            (dead(Some("Terminated"), Some("imminent node shutdown"), error()), "pod-failed", "imminent"),
            (dead(Some("OutOfcpu"), Some("Node didn't have enough resource: cpu"), None), "pod-failed", "OutOfcpu"),
            (dead(Some("NodeLost"), None, None), "pod-node-lost", "lost"),
        ] {
            assert_eq!(rules_at(&pod, &[], 1_010), [rule]);
            assert!(seen(&pod, &[])[0].message.contains(words), "{}", seen(&pod, &[])[0].message);
            assert_eq!(rules_at(&pod, &[], 4_599), [rule]);
            assert_eq!(rules_at(&pod, &[], 4_600), ["pod-left-over"]);
        }
    }

    #[test]
    fn who_had_to_give_way_is_told_by_its_condition() {
        let mut pod = dead(None, None, Some(ended(143, "Error", 1_000)));
        let target =
            refused("DisruptionTarget", "PreemptionByScheduler", "preempting to accommodate a higher pod", 990);
        pod.conditions.push(Condition { holds: Some(true), ..target });
        assert_eq!(rules_at(&pod, &[], 1_010), ["pod-evicted"]);
    }

    #[test]
    fn a_jobs_failed_pod_is_the_jobs_business_and_a_sets_is_not() {
        for (kind, told) in [("Job", false), ("ReplicaSet", true)] {
            let mut pod = dead(None, None, Some(ended(7, "Error", 1_000)));
            pod.meta.owner = Some(Owner { kind: kind.into(), name: "web".into(), uid: "o".into() });
            assert_eq!(!seen(&pod, &[]).is_empty(), told, "{kind}");
        }
    }

    #[test]
    fn what_ended_well_or_is_well_shows_nothing() {
        let well = Pod { containers: vec![container("main")], ..pod() };
        assert!(seen(&well, &[]).is_empty());
        assert!(seen(&Pod { phase: Phase::Succeeded, ..well }, &[]).is_empty());
    }

    #[test]
    fn a_deleted_pod_is_told_a_minute_after_it_was_due_and_nothing_else_of_it_is() {
        let deleted = |finalizers: &[&str], mut pod: Pod| {
            pod.meta.deleted = Some(at(2_000));
            pod.meta.finalizers = finalizers.iter().map(|name| (*name).into()).collect();
            pod
        };
        let alive = || Pod { containers: vec![container("main")], ..pod() };
        for (pod, words) in [
            (deleted(&[], alive()), "node node1 does not say"),
            (
                deleted(&["a.test/x"], alive()),
                "still runs on node node1; its end also waits for the finalizers a.test/x",
            ),
            (
                deleted(&["a.test/x", "b"], dead(None, None, Some(ended(1, "Error", 1_000)))),
                "the finalizers a.test/x, b",
            ),
            (deleted(&[], Pod { node: None, ..pod() }), "nothing holds it"),
        ] {
            assert_eq!(rules_at(&pod, &[], 2_059), [""; 0]);
            assert_eq!(rules_at(&pod, &[], 2_060), ["pod-stuck-terminating"]);
            assert!(seen(&pod, &[])[0].message.contains(words), "{}", seen(&pod, &[])[0].message);
        }
        let said = [warning("FailedKillPod", "error killing pod: context deadline exceeded", 2_010)];
        assert_eq!(seen(&deleted(&[], alive()), &said)[0].evidence[0].value, said[0].message);
    }

    #[test]
    fn a_silent_node_is_told_and_a_kubelet_that_says_not_ready_is_none() {
        let ready = || refused("Ready", "ContainersNotReady", "", 1_000);
        let with = |conditions| Pod { containers: vec![container("main")], conditions, ..pod() };
        assert_eq!(rules_at(&with(vec![ready()]), &[], 1_004), [""; 0]);
        assert_eq!(rules_at(&with(vec![ready()]), &[], 1_005), ["pod-node-lost"]);
        assert_eq!(rules_at(&with(vec![ready(), refused("ContainersReady", "", "", 1_000)]), &[], 1_010), [""; 0]);
        let unknown = Pod { phase: Phase::Unknown, ..with(vec![]) };
        assert_eq!(rules_at(&unknown, &[], 1_000), ["pod-node-lost"]);
        let lost = Pod { reason: Some("NodeLost".into()), ..with(vec![ready()]) };
        assert_eq!(rules_at(&lost, &[], 1_000), ["pod-node-lost"]);
    }
}
