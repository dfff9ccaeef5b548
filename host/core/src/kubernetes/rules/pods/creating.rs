//! Pods that have a node, and of which no container has begun: volumes, the sandbox, or silence.

use super::since;
use super::starting::missing;
use super::words::steady;
use crate::ids::Timestamp;
use crate::kubernetes::event::Event;
use crate::kubernetes::object::condition;
use crate::kubernetes::pod::Pod;
use crate::kubernetes::rules::Symptom;
use crate::situation::Severity;

/// What the kubelet does before a container begins takes seconds; after this long it is stuck.
const CREATED_MS: u64 = 2 * 60_000;
/// With its sandbox made, a pod waits for its images, and a large one takes minutes.
const PULLED_MS: u64 = 10 * 60_000;
/// A kubelet tries again after at most 122 seconds. What it does not say again by then is over, and of what it says in
/// turn each is told.
const AGAIN_MS: u64 = 150_000;
/// The first tries of a new pod may fail though nothing is wrong: a kubelet is not told of the pod's ConfigMaps yet, or a
/// volume is still at another node. What is so after this time is told.
const TRIED_MS: u64 = 10_000;
/// Until this holds, a pod lacks its volumes or its sandbox (since Kubernetes 1.29).
const SANDBOX: &str = "PodReadyToStartContainers";

pub(super) fn look(pod: &Pod, warnings: &[&Event]) -> Option<Symptom> {
    let node = pod.node.as_deref().unwrap_or_default();
    let lacks_sandbox = condition(&pod.conditions, SANDBOX).is_some();
    if lacks_sandbox && let Some(event) = told(warnings) {
        let tried = since(pod, SANDBOX).plus_ms(TRIED_MS);
        let symptom = match &*event.reason {
            "FailedMount" | "FailedAttachVolume" | "FailedMapVolume" => mount(event, tried),
            _ => {
                let message = format!("node {node} cannot make its sandbox: {}", steady(&event.message));
                Symptom::new("pod-sandbox-failing", Severity::Critical, message).from(tried)
            }
        };
        return Some(symptom.seen_by("reason", &event.reason));
    }
    let (begun, wait_ms, words) = if pod.containers.is_empty() {
        (pod.meta.created, CREATED_MS, "has not begun with it: see whether its kubelet runs".to_owned())
    } else if lacks_sandbox {
        (
            since(pod, SANDBOX),
            CREATED_MS,
            "has neither its volumes nor its sandbox ready, and does not say why".to_owned(),
        )
    } else {
        (
            since(pod, "Ready"),
            PULLED_MS,
            "starts none of its containers: maybe an image is large or slow to pull".to_owned(),
        )
    };
    let symptom = Symptom::new("pod-stuck-creating", Severity::Warning, format!("node {node} {words}"));
    let symptom = symptom.from(begun.plus_ms(wait_ms));
    Some(match warnings.first() {
        Some(event) => symptom.seen_by("reason", &event.reason).seen_by("said", &steady(&event.message)),
        None => symptom,
    })
}

/// The warning that tells why, among those that were said lately: one that names its cause before one that only says
/// that time ran out, and of several always the same.
fn told<'a>(warnings: &[&'a Event]) -> Option<&'a Event> {
    let of_creation = |event: &&&Event| {
        let reasons =
            ["FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox", "NetworkNotReady"];
        reasons.contains(&&*event.reason)
    };
    let newest = warnings.iter().find(of_creation)?.last;
    let lately = warnings.iter().filter(of_creation).filter(|event| newest.since_ms(event.last) <= AGAIN_MS);
    lately.copied().min_by_key(|event| (event.message.starts_with("Unable to attach or mount"), &event.message))
}

/// What does not exist is told at once.
fn mount(event: &Event, tried: Timestamp) -> Symptom {
    match missing("a volume of it", &event.message) {
        Some(message) => Symptom::new("pod-config-missing", Severity::Critical, message),
        None => {
            let message = format!("a volume of it cannot be mounted: {}", steady(&event.message));
            Symptom::new("pod-mount-failing", Severity::Critical, message).from(tried)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{container, pod, refused, rules_at, seen, waiting, warning};
    use super::*;
    use crate::kubernetes::pod::{Container, Phase};

    fn creating() -> Pod {
        let containers = vec![Container { ready: false, state: waiting("ContainerCreating", ""), ..container("main") }];
        let conditions = vec![refused(SANDBOX, "", "", 101), refused("Ready", "ContainersNotReady", "", 101)];
        Pod { phase: Phase::Pending, containers, conditions, ..pod() }
    }

    #[test]
    fn volumes_and_sandboxes_are_told_in_the_kubelets_words() {
        let id = "0ac5e8112ae85dac10523900ef8d7d7dcd33d2c36f64cc08609092ef256df59e";
        let sandbox = format!("Failed to create pod sandbox: failed to setup network for sandbox \"{id}\": no plugin");
        for (reason, said, rule, words) in [
            (
                "FailedMount",
                "MountVolume.SetUp failed for volume \"login\" : secret \"login\" not found",
                "pod-config-missing",
                "secret \"login\" not found: create it",
            ),
            (
                "FailedMount",
                "MountVolume.SetUp failed for volume \"x\" : references non-existent secret key: tls.crt",
                "pod-config-missing",
                "secret key: tls.crt",
            ),
            ("FailedMount", "mount failed: exit status 32", "pod-mount-failing", "mount failed: exit status 32"),
            (
                "FailedAttachVolume",
                "Multi-Attach error for volume \"pvc-1\" Volume is already used",
                "pod-mount-failing",
                "Multi-Attach",
            ),
            ("FailedCreatePodSandBox", &sandbox, "pod-sandbox-failing", "for sandbox \"…\": no plugin"),
        ] {
            let symptoms = seen(&creating(), &[warning(reason, said, 120)]);
            assert_eq!(symptoms[0].rule, rule);
            assert!(symptoms[0].message.contains(words), "{}", symptoms[0].message);
            let at_once = symptoms[0].from == Timestamp(0);
            assert_eq!(at_once, rule == "pod-config-missing", "{rule}");
        }
    }

    #[test]
    fn of_several_warnings_the_one_that_names_its_cause_is_told_and_an_old_one_is_not() {
        let cause = "MountVolume.SetUp failed for volume \"login\" : secret \"login\" not found";
        let late = "Unable to attach or mount volumes: unmounted volumes=[login]: timed out waiting for the condition";
        let both = [warning("FailedMount", late, 240), warning("FailedMount", cause, 200)];
        assert_eq!(rules_at(&creating(), &both, 250), ["pod-config-missing"]);
        let mended = [warning("FailedMount", "mount failed: exit status 32", 400), warning("FailedMount", cause, 200)];
        assert_eq!(rules_at(&creating(), &mended, 410), ["pod-mount-failing"]);
    }

    #[test]
    fn what_is_said_of_mounting_is_over_once_the_sandbox_is_made() {
        let mut pod = creating();
        pod.conditions.remove(0);
        let warnings = [warning("FailedMount", "mount failed: exit status 32", 120)];
        assert_eq!(rules_at(&pod, &warnings, 250), [""; 0]);
        assert_eq!(rules_at(&pod, &warnings, 701), ["pod-stuck-creating"]);
    }

    #[test]
    fn silence_is_told_after_a_while() {
        let untouched = Pod { phase: Phase::Pending, ..pod() };
        for (pod, words, from) in
            [(untouched, "has not begun", 220), (creating(), "neither its volumes nor its sandbox", 221)]
        {
            assert_eq!(rules_at(&pod, &[], from - 1), [""; 0]);
            assert_eq!(rules_at(&pod, &[], from), ["pod-stuck-creating"]);
            assert!(seen(&pod, &[])[0].message.contains(words));
        }
    }
}
