//! Asking the same policy the same thing again: the answer must be the same.
//!
//! A guest can't help deciding the same: it sees nothing but its situation, and each decision has an instance of its own.
//! So a difference is a fault of the engine, of the machine or of the host, and a replay would be worth nothing where it
//! goes unseen. A sample of live decisions is therefore asked twice; the second answer is compared and thrown away.
//!
//! What is *not* here: which decisions are in the sample, and what becomes of a difference.

use super::answer::{Answer, Class};
use super::sandbox::Policy;

/// What a second run of the same decision showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The same answer, for the same fuel.
    Same,
    /// Another one.
    Differs(String),
    /// The host gave up one of them, for a reason that may lie in the machine: they can't be compared.
    NotCompared,
}

/// Asks a policy again about a situation that it answered before.
pub fn probe(policy: &Policy, situation: &[u8], answer: &Answer) -> Probe {
    match answer.class {
        Class::HostAbort { .. } => Probe::NotCompared,
        Class::Decided(_) | Class::GuestFailure { .. } => compare(answer, &policy.decide(situation)),
    }
}

/// Compares two answers to the same situation: a decision by its bytes, a failure by its kind, both by log and fuel.
pub fn compare(answer: &Answer, again: &Answer) -> Probe {
    let differs = match (&answer.class, &again.class) {
        (Class::HostAbort { .. }, _) | (_, Class::HostAbort { .. }) => return Probe::NotCompared,
        (Class::Decided(first), Class::Decided(second)) if first != second => {
            let same = first.iter().zip(second).take_while(|(first, second)| first == second).count();
            format!("its decisions of {} and {} bytes differ from byte {same} on", first.len(), second.len())
        }
        (first, second) if first.name() != second.name() => {
            format!("its answer was {} at first, and then {}", first.name(), second.name())
        }
        _ if answer.fuel != again.fuel => {
            format!("its fuel was {} at first, and then {}", answer.fuel, again.fuel)
        }
        _ if (&answer.logs, answer.logs_dropped) != (&again.logs, again.logs_dropped) => {
            let same = answer.logs.iter().zip(&again.logs).take_while(|(first, second)| first == second).count();
            format!("its log differs from line {} on", same + 1)
        }
        _ => return Probe::Same,
    };
    Probe::Differs(differs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::answer::{GuestFailure, HostAbort, Level, LogLine};

    fn answer(class: Class) -> Answer {
        let logs = vec![LogLine { level: Level::Info, text: "hello".into() }];
        Answer { class, logs, logs_dropped: 0, fuel: 7, memory_bytes: 0, backtrace: vec![] }
    }

    fn decided(bytes: &[u8]) -> Answer {
        answer(Class::Decided(bytes.to_vec()))
    }

    fn failed(kind: GuestFailure, detail: &str) -> Answer {
        answer(Class::GuestFailure { kind, detail: detail.into() })
    }

    #[test]
    fn the_same_answer_is_the_same_whatever_its_details_say() {
        assert_eq!(compare(&decided(b"abc"), &decided(b"abc")), Probe::Same);
        assert_eq!(compare(&failed(GuestFailure::Trap, "here"), &failed(GuestFailure::Trap, "there")), Probe::Same);
    }

    #[test]
    fn any_difference_is_told() {
        let mut hungrier = decided(b"abc");
        hungrier.fuel = 8;
        let mut quieter = decided(b"abc");
        quieter.logs.clear();
        let mut louder = decided(b"abc");
        louder.logs_dropped = 1;
        for (again, said) in [
            (decided(b"abd"), "its decisions of 3 and 3 bytes differ from byte 2 on"),
            (decided(b"abcd"), "its decisions of 3 and 4 bytes differ from byte 3 on"),
            (failed(GuestFailure::Trap, ""), "its answer was decided at first, and then guest:trap"),
            (hungrier, "its fuel was 7 at first, and then 8"),
            (quieter, "its log differs from line 1 on"),
            (louder, "its log differs from line 2 on"),
        ] {
            assert_eq!(compare(&decided(b"abc"), &again), Probe::Differs(said.into()));
        }
        let trap = failed(GuestFailure::Trap, "");
        assert!(matches!(compare(&trap, &failed(GuestFailure::Error, "")), Probe::Differs(_)));
    }

    #[test]
    fn what_the_host_gave_up_is_not_compared() {
        let aborted = answer(Class::HostAbort { kind: HostAbort::Epoch, detail: String::new() });
        assert_eq!(compare(&aborted, &decided(b"abc")), Probe::NotCompared);
        assert_eq!(compare(&decided(b"abc"), &aborted), Probe::NotCompared);
    }
}
