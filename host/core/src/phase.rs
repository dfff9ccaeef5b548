//! Where a mission stands, in one word for people. A view of ledger and observation; nothing is decided on it.

use serde::{Deserialize, Serialize};

use crate::charter::Charter;
use crate::ids::Timestamp;
use crate::ledger::{Ledger, MissionState};
use crate::mission::When;
use crate::situation::{ApprovalState, Autonomy, DesiredState, Operation, Verification};

/// A mission's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub enum Phase {
    /// Nothing has begun.
    Pending,
    /// It waits until a need that it offers is recommended.
    Waiting,
    /// A plan is being made.
    Planning,
    /// A plan is made, and not applied yet.
    Planned,
    /// A person is asked.
    AwaitingApproval,
    /// A plan is shown and nothing more, since its autonomy is `suggest`.
    Suggested,
    /// A plan is being applied.
    Applying,
    /// The objects are being removed.
    Destroying,
    /// The host has not looked at the engine since.
    Verifying,
    /// What is wanted is there, and the host has looked.
    Ready,
    /// It was reached, and something is different by now.
    Degraded,
    /// The engine and the provider speak no common API.
    Held,
    /// It failed too often, or in a way that trying again does not mend.
    Failed,
    /// All is removed, and the host has looked.
    Absent,
    /// Its author wants nothing done.
    Suspended,
    /// Its autonomy is `off`.
    Off,
}

impl Phase {
    /// The phase's name, as people and policies see it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Pending => "Pending",
            Phase::Waiting => "Waiting",
            Phase::Planning => "Planning",
            Phase::Planned => "Planned",
            Phase::AwaitingApproval => "AwaitingApproval",
            Phase::Suggested => "Suggested",
            Phase::Applying => "Applying",
            Phase::Destroying => "Destroying",
            Phase::Verifying => "Verifying",
            Phase::Ready => "Ready",
            Phase::Degraded => "Degraded",
            Phase::Held => "Held",
            Phase::Failed => "Failed",
            Phase::Absent => "Absent",
            Phase::Suspended => "Suspended",
            Phase::Off => "Off",
        }
    }
}

/// Where a mission stands, given the host's last look at its objects and whether it is held back.
pub fn phase(
    charter: &Charter,
    ledger: &Ledger,
    mission: &MissionState,
    verification: Option<&Verification>,
    held: bool,
    now: Timestamp,
) -> Phase {
    if let Some(state) = ledger.at_work(&mission.id) {
        return match (state.order.key.operation, &state.order.apply) {
            (Operation::Apply, Some(input)) if input.destroy => Phase::Destroying,
            (Operation::Apply, _) => Phase::Applying,
            (
                Operation::Plan | Operation::PlanDestroy | Operation::Check | Operation::Configure | Operation::Scan,
                _,
            ) => Phase::Planning,
        };
    }
    let desired = mission.desired();
    if desired == DesiredState::Suspended {
        return Phase::Suspended;
    }
    if mission.autonomy(charter.settings.autonomy) == Autonomy::Off {
        return Phase::Off;
    }
    if held {
        return Phase::Held;
    }
    if ledger.approvals.values().any(|record| {
        record.order.mission == mission.id && ledger.approval_state(record, now) == ApprovalState::Pending
    }) {
        return Phase::AwaitingApproval;
    }
    let failed = mission.tallies.values().any(|tally| {
        tally.failures >= charter.settings.failures_max || tally.last.as_ref().is_some_and(|failure| !failure.retryable)
    });
    if failed {
        return Phase::Failed;
    }
    if mission.reached().is_some() {
        return match (verification, desired) {
            (None, _) => Phase::Verifying,
            (Some(seen), _) if !seen.ok => Phase::Degraded,
            (Some(_), DesiredState::Absent) => Phase::Absent,
            (Some(_), DesiredState::Present | DesiredState::Suspended) => Phase::Ready,
        };
    }
    let planned = mission.saved.values().any(|saved| !mission.is_stale(saved));
    match (mission.autonomy(charter.settings.autonomy), mission.spec.when) {
        (Autonomy::Suggest, _) if planned => Phase::Suggested,
        (_, When::Needed) if !planned && mission.applied.is_none() => Phase::Waiting,
        (Autonomy::Off | Autonomy::Suggest | Autonomy::Approve | Autonomy::Auto, _) if planned => Phase::Planned,
        (Autonomy::Off | Autonomy::Suggest | Autonomy::Approve | Autonomy::Auto, _) => Phase::Pending,
    }
}
