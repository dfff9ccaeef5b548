//! Containers that end when they should not: out of memory, in a loop, or before the others may begin.

use super::words::{exit, steady};
use super::{RECENT_MS, end, waits};
use crate::ids::Timestamp;
use crate::kubernetes::pod::{Container, Ended, Role};
use crate::kubernetes::rules::Symptom;
use crate::situation::Severity;

/// What the kubelet says while it waits before it starts a container again.
const BACK_OFF: &str = "CrashLoopBackOff";
/// The kubelet starts a container again without waiting once; whatever it started twice it has waited for. So what is
/// found in its back-off stays found while it runs for a moment.
const LOOP_RESTARTS_MIN: u32 = 2;
/// What was started as often is told even where it ran for long each time.
const RESTARTS_MIN: u32 = 3;

pub(super) fn out_of_memory(container: &Container) -> Option<Symptom> {
    let killed = |end: &&Ended| &*end.reason == "OOMKilled";
    let end = end(container).filter(killed).or(container.last.as_deref().filter(killed))?;
    let severity = if loops(container) { Severity::Critical } else { Severity::Warning };
    let message = format!(
        "container {} was killed because it used more memory than its limit allows: raise the limit, or find what uses it",
        container.name
    );
    let symptom = Symptom::new("pod-oom-killed", severity, message).until(end.at.plus_ms(RECENT_MS));
    Some(with_end(symptom, container, Some(end)))
}

pub(super) fn look(container: &Container) -> Option<Symptom> {
    let end = end(container);
    let bad = end.is_some_and(|end| end.exit != 0);
    let (rule, severity, message) = if container.role == Role::Init {
        if !(bad || loops(container)) {
            return None;
        }
        let message = format!(
            "init container {} fails{}, and the others wait for it: see its logs (kubectl logs -c {0} --previous)",
            container.name,
            how(end)
        );
        ("pod-init-failing", Severity::Critical, message)
    } else if loops(container) {
        let message = if end.is_some_and(|end| end.exit == 0) {
            format!(
                "container {} ends by itself soon after its start, again and again: its command has to stay, or the pod \
                 to be a Job's",
                container.name
            )
        } else {
            format!(
                "container {} ends{} soon after its start, again and again: see its logs (kubectl logs -c {0} --previous)",
                container.name,
                how(end)
            )
        };
        ("pod-crash-loop", Severity::Critical, message)
    } else if bad && container.restarts >= RESTARTS_MIN {
        let message = format!(
            "container {} ended{} and was started again, not for the first time: see its logs (kubectl logs -c {0} \
             --previous)",
            container.name,
            how(end)
        );
        ("pod-crash-loop", Severity::Warning, message)
    } else {
        return None;
    };
    Some(with_end(Symptom::new(rule, severity, message).until(until(container, end)), container, end))
}

/// Whether a container is started and ends, in turn.
pub(super) fn loops(container: &Container) -> bool {
    let briefly = |end: &Ended| end.begun == Timestamp(0) || end.at.since_ms(end.begun) < RECENT_MS;
    waits(container, &[BACK_OFF]) || container.restarts >= LOOP_RESTARTS_MIN && end(container).is_some_and(briefly)
}

/// Until when an end is told: as long as the kubelet waits because of it, and for a while after it.
pub(super) fn until(container: &Container, end: Option<&Ended>) -> Timestamp {
    let back_off = waits(container, &[BACK_OFF]);
    end.filter(|_| !back_off).map_or(Timestamp::MAX, |end| end.at.plus_ms(RECENT_MS))
}

/// An end, and how often there was one, as evidence.
pub(super) fn with_end(symptom: Symptom, container: &Container, end: Option<&Ended>) -> Symptom {
    let symptom = symptom.seen_by("restarts", &container.restarts.to_string());
    let Some(end) = end else { return symptom };
    let symptom = symptom.seen_by("exit-code", &end.exit.to_string()).seen_by("reason", &end.reason);
    if end.message.is_empty() { symptom } else { symptom.seen_by("said", &steady(&end.message)) }
}

fn how(end: Option<&Ended>) -> String {
    end.map_or_else(String::new, |end| format!(" with {}", exit(end.exit)))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, container, ended, pod, rules_at, seen, waiting};
    use super::*;
    use crate::kubernetes::pod::{Pod, State};

    fn with(container: Container) -> Pod {
        Pod { containers: vec![container], ..pod() }
    }

    #[test]
    fn a_loop_is_told_on_while_its_container_runs_for_a_moment_and_ends_ten_minutes_after_the_last_end() {
        let back_off = || waiting("CrashLoopBackOff", "back-off 40s restarting failed container=main");
        let running = || State::Running(at(1_001));
        let old = || Some(Box::new(Ended { begun: at(100), ..*ended(1, "Error", 1_000) }));
        let new = || Some(ended(1, "Error", 1_000));
        let never = || Some(Box::new(Ended { begun: Timestamp(0), ..*ended(128, "Error", 1_000) }));
        for (state, restarts, last, then, told) in [
            (running(), 0, None, 1_010, false),
            (running(), 1, new(), 1_010, false),
            (back_off(), 1, new(), 1_010, true),
            (running(), 2, new(), 1_010, true),
            (running(), 2, never(), 1_010, true),
            (running(), 2, old(), 1_010, false),
            (running(), 3, old(), 1_010, true),
            (running(), 3, new(), 1_599, true),
            (running(), 3, new(), 1_600, false),
            (back_off(), 3, new(), 99_999, true),
            (back_off(), 3, None, 1_010, true),
            (State::Ended(ended(1, "Error", 1_000)), 2, new(), 1_010, true),
            (State::Ended(ended(1, "Error", 1_000)), 1, None, 1_010, false),
        ] {
            let pod = with(Container { state, restarts, last, ..container("main") });
            let expected = if told { vec!["pod-crash-loop"] } else { vec![] };
            assert_eq!(rules_at(&pod, &[], then), expected, "{pod:?} at {then}");
        }
    }

    #[test]
    fn a_loops_message_is_the_same_in_all_of_its_states_and_counts_are_evidence() {
        let told = |state, restarts, last| {
            let pod = with(Container { state, restarts, last, ..container("main") });
            let symptom = seen(&pod, &[]).remove(0);
            (symptom.severity, symptom.message, symptom.evidence)
        };
        let waits = told(waiting("CrashLoopBackOff", "back-off 10s"), 1, Some(ended(139, "Error", 1_000)));
        let runs = told(State::Running(at(1_001)), 2, Some(ended(139, "Error", 1_000)));
        assert_eq!((&waits.0, &waits.1), (&runs.0, &runs.1));
        assert!(waits.1.contains("exit code 139 (SIGSEGV)"), "{}", waits.1);
        assert_ne!(waits.2, runs.2);
    }

    #[test]
    fn what_ends_well_in_a_loop_is_told_what_to_be() {
        let last = Some(ended(0, "Completed", 1_000));
        let state = waiting("CrashLoopBackOff", "back-off");
        let symptoms = seen(&with(Container { state, restarts: 4, last, ..container("main") }), &[]);
        assert!(symptoms[0].message.contains("Job"), "{}", symptoms[0].message);
    }

    #[test]
    fn memory_is_the_cause_and_the_loop_its_effect() {
        let oom = || Some(ended(137, "OOMKilled", 1_000));
        let once = with(Container { restarts: 1, last: oom(), ..container("main") });
        assert_eq!(rules_at(&once, &[], 1_010), ["pod-oom-killed"]);
        assert_eq!(rules_at(&once, &[], 1_600), [""; 0]);
        assert_eq!(seen(&once, &[])[0].severity, Severity::Warning);
        let state = waiting("CrashLoopBackOff", "back-off");
        let often = with(Container { restarts: 4, last: oom(), state, ..container("main") });
        assert_eq!(rules_at(&often, &[], 1_010), ["pod-oom-killed"]);
        assert_eq!(seen(&often, &[])[0].severity, Severity::Critical);
        let state = State::Ended(ended(1, "Error", 1_050));
        let then = with(Container { restarts: 4, last: oom(), state, ..container("main") });
        assert_eq!(rules_at(&then, &[], 1_060), ["pod-oom-killed"]);
    }

    #[test]
    fn an_init_container_is_told_at_its_first_bad_end_and_no_more_once_it_is_done() {
        let init = |state, restarts, last| {
            with(Container { role: Role::Init, ready: false, state, restarts, last, ..container("migrate") })
        };
        let bad = || ended(1, "Error", 1_000);
        for (pod, told) in [
            (init(State::Ended(bad()), 0, None), true),
            (init(waiting("CrashLoopBackOff", ""), 1, Some(bad())), true),
            (init(State::Running(at(1_001)), 1, Some(bad())), true),
            (init(State::Running(at(1_001)), 0, None), false),
            (init(State::Ended(ended(0, "Completed", 1_002)), 1, Some(bad())), false),
        ] {
            let expected = if told { vec!["pod-init-failing"] } else { vec![] };
            assert_eq!(rules_at(&pod, &[], 1_010), expected, "{pod:?}");
        }
    }
}
