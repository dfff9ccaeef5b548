//! What the containers of a living pod show: of each its one cause, and of several with the same cause the first.

use super::{crashes, end, images, probes, starting};
use crate::kubernetes::event::Event;
use crate::kubernetes::pod::{Container, Pod, Role, State};
use crate::kubernetes::rules::Symptom;

pub(super) fn look(pod: &Pod, warnings: &[&Event]) -> Vec<Symptom> {
    let mut symptoms: Vec<(Symptom, u32)> = Vec::new();
    for container in &pod.containers {
        let about = |event: &&&Event| event.container.is_none() || event.container.as_ref() == Some(&container.name);
        let warnings: Vec<&Event> = warnings.iter().filter(about).copied().collect();
        let Some(symptom) = cause(pod, container, &warnings) else { continue };
        match symptoms.iter_mut().find(|(known, _)| known.rule == symptom.rule) {
            Some((known, others)) => {
                // It holds while any of them shows it.
                known.from = known.from.min(symptom.from);
                known.until = known.until.max(symptom.until);
                known.severity = known.severity.max(symptom.severity);
                *others += 1;
            }
            None => symptoms.push((symptom.seen_by("container", &container.name), 0)),
        }
    }
    symptoms.into_iter().map(|(symptom, others)| counted(symptom, others)).collect()
}

fn cause(pod: &Pod, container: &Container, warnings: &[&Event]) -> Option<Symptom> {
    if is_done(container) {
        return None;
    }
    images::look(container, warnings)
        .or_else(|| starting::look(container))
        .or_else(|| crashes::out_of_memory(container))
        .or_else(|| probes::killed(container, warnings))
        .or_else(|| crashes::look(container))
        .or_else(|| probes::not_ready(pod, container, warnings))
}

/// Whether it has ended well and is not started again. What is started again even so ended well the time before, too.
fn is_done(container: &Container) -> bool {
    let again = container.role != Role::Init && container.last.as_ref().is_some_and(|last| last.exit == 0);
    matches!(container.state, State::Ended(_)) && end(container).is_some_and(|end| end.exit == 0) && !again
}

fn counted(mut symptom: Symptom, others: u32) -> Symptom {
    match others {
        0 => {}
        1 => symptom.message.push_str("; another of its containers shows the same"),
        more => symptom.message.push_str(&format!("; {more} more of its containers show the same")),
    }
    symptom
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{container, ended, pod, seen, warning};
    use super::*;
    use crate::ids::Timestamp;

    #[test]
    fn containers_with_one_cause_are_counted_and_those_with_another_are_told_beside_them() {
        let waiting = |reason: &str| State::Waiting { reason: reason.into(), message: String::new() };
        let mut pod = pod();
        for (name, reason) in [("a", "ErrImagePull"), ("b", "ImagePullBackOff"), ("c", "CrashLoopBackOff")] {
            pod.containers.push(Container { state: waiting(reason), ..container(name) });
        }
        let symptoms = seen(&pod, &[]);
        let rules: Vec<&str> = symptoms.iter().map(|symptom| symptom.rule).collect();
        assert_eq!(rules, ["pod-image-pull", "pod-crash-loop"]);
        assert!(symptoms[0].message.contains("container a"), "{}", symptoms[0].message);
        assert!(symptoms[0].message.ends_with("; another of its containers shows the same"));
        assert!(!symptoms[1].message.contains("another of"));
    }

    #[test]
    fn what_ended_well_shows_nothing_unless_it_is_started_again() {
        let case = |role, state: i32, last: Option<i32>| {
            let mut pod = pod();
            pod.containers.push(Container {
                role,
                restarts: 2,
                state: State::Ended(ended(state, "Completed", 1_000)),
                last: last.map(|exit| ended(exit, "Error", 900)),
                ..container("main")
            });
            seen(&pod, &[]).iter().map(|symptom| symptom.rule).collect::<Vec<_>>()
        };
        assert!(case(Role::Main, 0, None).is_empty());
        assert!(case(Role::Main, 0, Some(1)).is_empty());
        assert!(case(Role::Init, 0, Some(0)).is_empty());
        assert_eq!(case(Role::Main, 0, Some(0)), ["pod-crash-loop"]);
        assert_eq!(case(Role::Init, 1, Some(1)), ["pod-init-failing"]);
    }

    #[test]
    fn a_warning_about_one_container_is_no_evidence_for_another() {
        let mut pod = pod();
        for name in ["main", "proxy"] {
            let crashed = Some(ended(1, "Error", 1_000));
            let state = State::Running(Timestamp(1_100));
            pod.containers.push(Container { restarts: 3, state, last: crashed, ..container(name) });
        }
        let mut event = warning("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500", 990);
        event.container = Some("proxy".into());
        let symptoms = seen(&pod, &[event]);
        let rules: Vec<&str> = symptoms.iter().map(|symptom| symptom.rule).collect();
        assert_eq!(rules, ["pod-crash-loop", "pod-liveness-failing"]);
        assert!(symptoms[1].message.contains("container proxy"));
    }
}
