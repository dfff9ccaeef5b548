//! Containers that the kubelet or the runtime refuses to make or to start.

use super::words::steady;
use super::{crashes, end, waits};
use crate::kubernetes::pod::{Container, State};
use crate::kubernetes::rules::Symptom;
use crate::situation::Severity;

/// Why a container waits that could not be made or started.
const REASONS: [&str; 6] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "PreCreateHookError",
    "PreStartHookError",
    "PostStartHookError",
];
/// How a container ended that never ran: containerd's word, and dockershim's.
const NEVER_RAN: [&str; 2] = ["StartError", "ContainerCannotRun"];

pub(super) fn look(container: &Container) -> Option<Symptom> {
    let refused = end(container).filter(|end| NEVER_RAN.contains(&&*end.reason));
    let waits = waits(container, &REASONS);
    let said = match (&container.state, refused) {
        (State::Waiting { message, .. }, _) if waits => message,
        (_, Some(end)) => &end.message,
        (_, None) => return None,
    };
    if let Some(message) = missing(&format!("container {}", container.name), said) {
        return Some(Symptom::new("pod-config-missing", Severity::Critical, message));
    }
    let words = if said.is_empty() { "the runtime says no more".to_owned() } else { steady(said) };
    let message = format!("container {} cannot be started: {words}", container.name);
    let symptom = Symptom::new("pod-start-refused", Severity::Critical, message);
    if waits {
        return Some(symptom);
    }
    Some(crashes::with_end(symptom.until(crashes::until(container, refused)), container, None))
}

/// What is to be told where somebody's words say that a ConfigMap or a Secret, or a key of one, is not there.
pub(super) fn missing(who: &str, said: &str) -> Option<String> {
    let lower = said.to_lowercase();
    let names_one = lower.contains("configmap") || lower.contains("secret");
    let absent =
        lower.contains("\" not found") || lower.contains("couldn't find key") || lower.contains("non-existent");
    (names_one && absent).then(|| {
        format!("{who} cannot be made: {}: create it, or correct its name in the pod's template", steady(said))
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, container, ended, pod, rules_at, seen, waiting};
    use super::*;
    use crate::kubernetes::pod::{Ended, Pod};

    fn with(state: State, last: Option<Box<Ended>>) -> Pod {
        Pod { containers: vec![Container { state, last, restarts: 4, ..container("main") }], ..pod() }
    }

    #[test]
    fn what_is_missing_is_told_from_what_is_refused() {
        for (reason, message, rule) in [
            ("CreateContainerConfigError", "configmap \"settings\" not found", "pod-config-missing"),
            ("CreateContainerConfigError", "secret \"login\" not found", "pod-config-missing"),
            ("CreateContainerConfigError", "couldn't find key password in Secret shop/login", "pod-config-missing"),
            (
                "CreateContainerConfigError",
                "container has runAsNonRoot and image will run as root",
                "pod-start-refused",
            ),
            ("CreateContainerError", "secret service not found", "pod-start-refused"),
            ("CreateContainerError", "", "pod-start-refused"),
            ("RunContainerError", "exec: \"/serve\": no such file or directory", "pod-start-refused"),
        ] {
            let pod = with(waiting(reason, message), None);
            assert_eq!(rules_at(&pod, &[], 1_010), [rule], "{message}");
            assert!(seen(&pod, &[])[0].message.contains(message));
        }
    }

    #[test]
    fn a_start_that_is_refused_again_and_again_is_one_trouble() {
        let words = "exec: \"/serve\": no such file or directory";
        let never = || Box::new(Ended { message: words.to_owned(), begun: at(0), ..*ended(128, "StartError", 1_000) });
        let first = seen(&with(waiting("RunContainerError", words), Some(never())), &[]).remove(0);
        for state in [waiting("CrashLoopBackOff", "back-off"), State::Ended(never()), State::Running(at(1_001))] {
            let pod = with(state, Some(never()));
            assert_eq!(rules_at(&pod, &[], 1_010), ["pod-start-refused"]);
            assert_eq!(seen(&pod, &[])[0].message, first.message);
        }
        assert_eq!(rules_at(&with(State::Running(at(1_001)), Some(never())), &[], 1_600), [""; 0]);
    }
}
