//! Asking the same policy the same thing again: the answer must be the same.
//!
//! A guest can't help deciding the same: it sees nothing but its situation, and each decision has an instance of its own.
//! So a difference is a fault of the engine, of the machine or of the host, and a replay would be worth nothing where it
//! goes unseen. A sample of live decisions is therefore asked twice; the second answer is compared and thrown away.
//!
//! What is *not* here: which decisions are in the sample, and what becomes of a difference.

use quarterdeck_core::entry::Answered;

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

/// An answer as the journal has it: itself, what was logged, and the fuel.
pub type Journaled = (Answered, Vec<String>, u64);

/// Compares two answers to the same situation: a decision by its bytes, a failure by its kind, both by log and fuel.
pub fn compare((first, log, fuel): &Journaled, (second, log_again, fuel_again): &Journaled) -> Probe {
    let differs = match (first, second) {
        (Answered::HostAbort { .. }, _) | (_, Answered::HostAbort { .. }) => return Probe::NotCompared,
        (Answered::Decided(first), Answered::Decided(second)) if first != second => {
            let same = first.iter().zip(second).take_while(|(first, second)| first == second).count();
            format!("its decisions of {} and {} bytes differ from byte {same} on", first.len(), second.len())
        }
        _ if name(first) != name(second) => {
            format!("its answer was {} at first, and then {}", name(first), name(second))
        }
        _ if fuel != fuel_again => format!("its fuel was {fuel} at first, and then {fuel_again}"),
        _ if log != log_again => {
            let same = log.iter().zip(log_again).take_while(|(first, second)| first == second).count();
            format!("its log differs from line {} on", same + 1)
        }
        _ => return Probe::Same,
    };
    Probe::Differs(differs)
}

/// The class of an answer, and the kind of a failure.
fn name(answer: &Answered) -> String {
    match answer {
        Answered::Decided(_) => "decided".to_owned(),
        Answered::GuestFailure { kind, .. } => format!("guest:{kind}"),
        Answered::HostAbort { kind, .. } => format!("host:{kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(answer: Answered) -> Journaled {
        (answer, vec!["info: hello".to_owned()], 7)
    }

    fn decided(bytes: &[u8]) -> Journaled {
        answer(Answered::Decided(bytes.to_vec()))
    }

    fn failed(kind: &str, detail: &str) -> Journaled {
        answer(Answered::GuestFailure { kind: kind.to_owned(), detail: detail.to_owned() })
    }

    #[test]
    fn the_same_answer_is_the_same_whatever_its_details_say() {
        assert_eq!(compare(&decided(b"abc"), &decided(b"abc")), Probe::Same);
        assert_eq!(compare(&failed("trap", "here"), &failed("trap", "there")), Probe::Same);
    }

    #[test]
    fn any_difference_is_told() {
        let mut hungrier = decided(b"abc");
        hungrier.2 = 8;
        let mut quieter = decided(b"abc");
        quieter.1.clear();
        let mut louder = decided(b"abc");
        louder.1.push("… and 1 further lines".to_owned());
        for (again, said) in [
            (decided(b"abd"), "its decisions of 3 and 3 bytes differ from byte 2 on"),
            (decided(b"abcd"), "its decisions of 3 and 4 bytes differ from byte 3 on"),
            (failed("trap", ""), "its answer was decided at first, and then guest:trap"),
            (hungrier, "its fuel was 7 at first, and then 8"),
            (quieter, "its log differs from line 1 on"),
            (louder, "its log differs from line 2 on"),
        ] {
            assert_eq!(compare(&decided(b"abc"), &again), Probe::Differs(said.into()));
        }
        let trap = failed("trap", "");
        assert!(matches!(compare(&trap, &failed("error", "")), Probe::Differs(_)));
    }

    #[test]
    fn what_the_host_gave_up_is_not_compared() {
        let aborted = answer(Answered::HostAbort { kind: "epoch".to_owned(), detail: String::new() });
        assert_eq!(compare(&aborted, &decided(b"abc")), Probe::NotCompared);
        assert_eq!(compare(&decided(b"abc"), &aborted), Probe::NotCompared);
    }
}
