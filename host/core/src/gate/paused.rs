//! What people have stopped: a proposal that would begin something is refused while a pause concerns it.

use super::{Refusal, refuse};
use crate::decision::{Action, Proposal};
use crate::ids::MissionId;
use crate::ledger::Ledger;
use crate::mission::MissionName;
use crate::order::Class;
use crate::situation::{Situation, TEXT_BYTES_MAX, cut};

/// Has a person stopped what this would begin?
pub(super) fn rule(ledger: &Ledger, situation: &Situation, proposal: &Proposal) -> Result<(), Refusal> {
    let named = |id: &MissionId| ledger.missions.get(id).map(|state| &state.spec.name);
    let pauses = match &proposal.action {
        Action::Build { .. } | Action::Configure { .. } | Action::Scan { .. } => {
            let Some((target, operation, _)) = proposal.action.work() else { return Ok(()) };
            ledger.pauses_of(named(&target.mission).as_slice(), Some(Class::of(operation)))
        }
        // A question costs money. It is about the missions of what it asks about, too.
        Action::Ask { mission, findings, .. } => {
            let asked = situation.findings.iter().filter(|finding| findings.contains(&finding.id));
            let missions = mission.iter().chain(asked.filter_map(|finding| finding.mission.as_ref()));
            let missions: Vec<&MissionName> = missions.filter_map(named).collect();
            ledger.pauses_of(&missions, None)
        }
        // Telling a worker to stop begins nothing, and words to people cost nothing.
        Action::Cancel(_)
        | Action::Inspect { .. }
        | Action::Remember { .. }
        | Action::Notify { .. }
        | Action::Acknowledge { .. } => return Ok(()),
    };
    if pauses.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = pauses.into_iter().map(|(scope, pause)| pause.sentence(scope)).collect();
    Err(refuse("paused", cut(&said.join("; "), TEXT_BYTES_MAX)))
}
