//! The one question of a turn: what would meet a fault that belongs to no mission?
//!
//! Only the finding is named. The host writes the prompt, and knows which needs the missions offer.

use crate::need::PROPOSE;
use quarterdeck_policy_sdk::{Autonomy, DesiredState, Finding, Mission, Severity, Situation};
use std::cmp::Reverse;

/// The worst open finding that nobody looks after and that was not asked about since it last changed. None where no
/// mission could help anyway.
pub(crate) fn worth_asking(view: &Situation) -> Option<&Finding> {
    if !view.missions.iter().any(could_help) {
        return None;
    }
    view.findings
        .iter()
        .filter(|finding| finding.mission.is_none() && finding.severity >= Severity::Warning)
        .filter(|finding| view.is_open(finding) && !was_asked(view, finding))
        .min_by_key(|finding| (Reverse(finding.severity), finding.first_seen, finding.id.as_str()))
}

/// The id of the question about a finding.
pub(crate) fn id(finding: &str) -> String {
    format!("{PROPOSE}{finding}")
}

fn was_asked(view: &Situation, finding: &Finding) -> bool {
    let id = id(&finding.id);
    view.advice.iter().any(|advice| advice.question == id && advice.asked >= finding.changed)
}

fn could_help(mission: &Mission) -> bool {
    let takes_part = match mission.desired {
        DesiredState::Present => mission.autonomy != Autonomy::Off,
        DesiredState::Absent | DesiredState::Suspended => false,
    };
    takes_part && !mission.offers.is_empty()
}
