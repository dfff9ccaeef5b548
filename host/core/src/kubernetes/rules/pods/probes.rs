//! Probes that fail: a container that is killed for it, and one that gets no requests.
//!
//! A kubelet repeats its warnings less and less, so a warning is not older than it says but may be of a fault that goes
//! on. That a probe kills is told while a warning and an end stand near each other.

use super::words::steady;
use super::{RECENT_MS, crashes, end, since};
use crate::kubernetes::event::Event;
use crate::kubernetes::object::condition;
use crate::kubernetes::pod::{Container, Phase, Pod, Role, State};
use crate::kubernetes::rules::Symptom;
use crate::situation::Severity;

/// A container may take this long to become ready: most that are well do, and what looks for requests waits longer.
const READY_MS: u64 = 30_000;
/// What has a startup probe says that it takes its time; this much is told.
const STARTED_MS: u64 = 10 * 60_000;
/// Whoever else has a say in a pod's readiness, mostly a load balancer, may take this long.
const GATE_MS: u64 = 2 * 60_000;

/// A container that is started again because a probe said that it does not live, or does not come to life.
pub(super) fn killed(container: &Container, warnings: &[&Event]) -> Option<Symptom> {
    let end = end(container).filter(|_| container.restarts > 0)?;
    let (event, rule, probe) = warnings.iter().find_map(|event| {
        let of = |probe: &str| is_unhealthy(event, probe);
        match () {
            () if of("Liveness") => Some((event, "pod-liveness-failing", "liveness")),
            () if of("Startup") => Some((event, "pod-startup-failing", "startup")),
            () => None,
        }
    })?;
    if end.at.since_ms(event.last) > RECENT_MS {
        return None;
    }
    let severity = if crashes::loops(container) { Severity::Critical } else { Severity::Warning };
    let message = format!(
        "container {} is killed and started again because its {probe} probe fails{}: mend what it asks, or give it more \
         time",
        container.name,
        why(&event.message)
    );
    let until = crashes::until(container, Some(end)).max(event.last.plus_ms(RECENT_MS));
    let symptom = Symptom::new(rule, severity, message).until(until).seen_by("said", &steady(&event.message));
    Some(crashes::with_end(symptom, container, Some(end)))
}

/// A container that runs and is not ready.
pub(super) fn not_ready(pod: &Pod, container: &Container, warnings: &[&Event]) -> Option<Symptom> {
    let State::Running(running) = container.state else { return None };
    if container.ready || container.role == Role::Init {
        return None;
    }
    let (probe, wait_ms) = if container.started { ("Readiness", READY_MS) } else { ("Startup", STARTED_MS) };
    let from = since(pod, "Ready").max(running).plus_ms(wait_ms);
    let event = warnings.iter().find(|event| is_unhealthy(event, probe));
    let message = format!(
        "container {} runs and is not ready, so it gets no requests: its {} probe fails{}",
        container.name,
        probe.to_lowercase(),
        event.map_or_else(String::new, |event| why(&event.message))
    );
    let symptom = Symptom::new("pod-not-ready", Severity::Warning, message).from(from);
    Some(match event {
        Some(event) => symptom.seen_by("said", &steady(&event.message)),
        None => symptom,
    })
}

/// A pod whose containers are ready, and which somebody else does not find ready.
pub(super) fn readiness_gate(pod: &Pod) -> Option<Symptom> {
    let ready = condition(&pod.conditions, "Ready").filter(|_| pod.phase == Phase::Running)?;
    (&*ready.reason == "ReadinessGatesNotReady").then(|| {
        let message = format!(
            "its containers are ready, but a readiness gate is not, so it gets no requests: {}: see to the controller \
             that sets it",
            steady(&ready.message)
        );
        Symptom::new("pod-readiness-gate", Severity::Warning, message).from(ready.since.plus_ms(GATE_MS))
    })
}

fn is_unhealthy(event: &Event, probe: &str) -> bool {
    let said = event.message.strip_prefix(probe);
    &*event.reason == "Unhealthy" && said.is_some_and(|said| said.starts_with(" probe"))
}

/// Why a probe failed, where the kubelet says it and not the probe's own command, which may say something else each time.
fn why(said: &str) -> String {
    let Some((_, words)) = said.split_once(": ") else { return String::new() };
    let kubelets = ["Get \"", "dial ", "HTTP probe failed", "timeout:", "command timed out", "service unhealthy"];
    if kubelets.iter().any(|start| words.starts_with(start)) { format!(" ({})", steady(words)) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, container, ended, pod, refused, rules_at, seen, waiting, warning};
    use super::*;

    const LIVENESS: &str = "Liveness probe failed: HTTP probe failed with statuscode: 503";

    fn with(container: Container) -> Pod {
        let unready = || refused("Ready", "ContainersNotReady", "", 105);
        let conditions = if container.ready { vec![] } else { vec![unready()] };
        Pod { containers: vec![container], conditions, ..pod() }
    }

    #[test]
    fn a_probe_that_kills_is_the_cause_of_the_loop() {
        let loops = |state| {
            with(Container {
                ready: false,
                restarts: 4,
                state,
                last: Some(ended(137, "Error", 1_000)),
                ..container("main")
            })
        };
        let back_off = || loops(waiting("CrashLoopBackOff", "back-off"));
        let near = warning("Unhealthy", LIVENESS, 990);
        let startup = warning("Unhealthy", "Startup probe failed: dial tcp 10.0.0.1:80: connect: refused", 995);
        for (pod, warnings, then, rule) in [
            (back_off(), vec![near.clone()], 1_010, "pod-liveness-failing"),
            (back_off(), vec![near.clone()], 9_999, "pod-liveness-failing"),
            (back_off(), vec![near.clone(), startup], 1_010, "pod-startup-failing"),
            (back_off(), vec![warning("Unhealthy", LIVENESS, 399)], 1_010, "pod-crash-loop"),
            (back_off(), vec![warning("Unhealthy", "Readiness probe failed: x", 990)], 1_010, "pod-crash-loop"),
            (back_off(), vec![warning("BackOff", LIVENESS, 990)], 1_010, "pod-crash-loop"),
            (back_off(), vec![Event { about_uid: "another".into(), ..near.clone() }], 1_010, "pod-crash-loop"),
            (loops(State::Running(at(1_001))), vec![near.clone()], 1_599, "pod-liveness-failing"),
        ] {
            assert_eq!(rules_at(&pod, &warnings, then), [rule], "{warnings:?}");
        }
        assert_eq!(rules_at(&loops(State::Running(at(1_001))), std::slice::from_ref(&near), 1_600), [""; 0]);
        assert!(seen(&back_off(), &[near])[0].message.contains("statuscode: 503"));
    }

    #[test]
    fn a_probe_that_failed_without_a_restart_is_no_fault() {
        let pod = with(container("main"));
        assert_eq!(rules_at(&pod, &[warning("Unhealthy", LIVENESS, 990)], 1_000), [""; 0]);
    }

    #[test]
    fn a_container_may_take_its_time_to_be_ready() {
        let case = |ready, started, state| with(Container { ready, started, state, ..container("main") });
        let running = || State::Running(at(110));
        for (pod, then, told) in [
            (case(false, true, running()), 139, false),
            (case(false, true, running()), 140, true),
            (case(true, true, running()), 999, false),
            (case(false, false, running()), 709, false),
            (case(false, false, running()), 710, true),
            (with(Container { role: Role::Init, ready: false, ..container("wait") }), 999, false),
        ] {
            let expected = if told { vec!["pod-not-ready"] } else { vec![] };
            assert_eq!(rules_at(&pod, &[], then), expected, "{pod:?} at {then}");
        }
    }

    #[test]
    fn a_commands_own_words_are_evidence_and_the_kubelets_are_told() {
        let pod = with(Container { ready: false, ..container("main") });
        let told = |said: &str| seen(&pod, &[warning("Unhealthy", said, 150)]).remove(0);
        let command = told("Readiness probe failed: waited 17 s for the lock");
        assert!(command.message.ends_with("its readiness probe fails"), "{}", command.message);
        assert!(command.evidence.iter().any(|fact| fact.value.contains("17 s")));
        let port =
            told("Readiness probe failed: Get \"http://10.0.0.1:80/\": read tcp 10.0.0.9:4711->10.0.0.1:80: EOF");
        assert!(port.message.ends_with("(Get \"http://10.0.0.1:80/\": read tcp 10.0.0.1:80: EOF)"), "{}", port.message);
    }

    #[test]
    fn a_readiness_gate_is_told_after_a_while() {
        let words = "the status of pod readiness gate \"lb\" is not \"True\", but False";
        let conditions = vec![refused("Ready", "ReadinessGatesNotReady", words, 200)];
        let pod = Pod { containers: vec![container("main")], conditions, ..pod() };
        assert_eq!(rules_at(&pod, &[], 319), [""; 0]);
        assert_eq!(rules_at(&pod, &[], 320), ["pod-readiness-gate"]);
    }
}
