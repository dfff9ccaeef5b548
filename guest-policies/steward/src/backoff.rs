//! Whether an operation may be tried now, by what became of it before.
//!
//! The host counts failures in a row and sets the cool-down; steward respects both before the gate has to.

use quarterdeck_policy_sdk::{Failure, Mission, Operation, Tally};

/// The failure that steward leaves to the host: tool and engine do not understand each other. The host holds the
/// mission until one of the two was changed.
const VERSION_MISMATCH: &str = "version-mismatch";

/// What the failures of the past leave to do.
pub(crate) enum Leave<'a> {
    /// Try it, with this remedy where the last failure offered one.
    Go { remedy: Option<&'a str> },
    /// Not before then.
    Wait { until: u64 },
    /// Not before something changes, and nobody needs to be told.
    Hold { why: &'static str },
    /// Not again on this generation: a person must know.
    GiveUp { tally: &'a Tally, why: String },
}

/// Looks at what the host counted for this operation.
pub(crate) fn leave(mission: &Mission, operation: Operation, now: u64) -> Leave<'_> {
    let Some(tally) = mission.tally(operation) else { return Leave::Go { remedy: None } };
    let failure = tally.last_failure.as_ref().filter(|_| tally.tried > 0);
    if failure.is_some_and(|failure| failure.kind == VERSION_MISMATCH) {
        return Leave::Hold { why: "waits, for the engine and the provider speak different versions" };
    }
    if tally.tried >= tally.limit {
        let why = format!("gave up on {} after {} tries of {}", name(operation), tally.tried, tally.limit);
        return Leave::GiveUp { tally, why };
    }
    let remedy = failure.and_then(remedy);
    if failure.is_some_and(|failure| !failure.retryable) && remedy.is_none() {
        let why = format!("gave up on {}, for trying again would not help", name(operation));
        return Leave::GiveUp { tally, why };
    }
    match tally.not_before {
        Some(until) if until > now => Leave::Wait { until },
        Some(_) | None => Leave::Go { remedy },
    }
}

/// A failure that may pass by itself needs no remedy.
fn remedy(failure: &Failure) -> Option<&str> {
    if failure.retryable { None } else { failure.remedies.first().map(String::as_str) }
}

/// The operation's name in the contract.
pub(crate) fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::Plan => "plan",
        Operation::PlanDestroy => "plan-destroy",
        Operation::Apply => "apply",
        Operation::Check => "check",
        Operation::Configure => "configure",
        Operation::Scan => "scan",
    }
}
