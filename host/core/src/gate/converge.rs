//! The convergence guard's rules: is the mission parked, and does it rest between two applies?

use super::work::Case;
use super::{Refusal, refuse};
use crate::convergence::Parked;
use crate::ledger::MissionState;
use crate::situation::{Operation, TEXT_BYTES_MAX, cut};

/// Has the same been tried too often?
pub(super) fn rule(case: &Case<'_>, mission: &MissionState) -> Result<(), Refusal> {
    let settings = &case.charter.settings;
    if let Some(parked) = mission.parked(settings) {
        let rule = match parked {
            Parked::Circling(_) => "parked",
            Parked::Exhausted(..) => "attempts-exhausted",
        };
        return Err(refuse(rule, cut(&parked.sentence(mission.spec.name.as_str()), TEXT_BYTES_MAX)));
    }
    let now = case.situation.now;
    match mission.rests(settings, now) {
        Some((until, circle)) if case.operation == Operation::Apply => {
            let seconds = until.since_ms(now).div_ceil(1_000);
            let because = format!("{}; the next apply rests for {seconds} s more", circle.tried());
            Err(refuse("converging-rests", cut(&because, TEXT_BYTES_MAX)))
        }
        Some(_) | None => Ok(()),
    }
}
