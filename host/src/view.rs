//! Views: what people and programs are shown of the ledger, as plain values.
//!
//! One pure function, [`look`], turns the ledger and the last situation into a [`View`]; the CLI prints it, the local API
//! sends it, and neither concludes anything of its own. A phase is worked out from the ledger at the time of asking, and
//! takes from the situation only what the host saw with its own eyes: whether the objects are there, and whether the
//! engine refuses the provider. Every value here says whether the work is rehearsed, so that no part of an answer can be
//! mistaken for the real thing once it is cut out of it.
//!
//! What is *not* here: printing, and anything that is not in the ledger or the situation. Turns are views of the journal
//! ([`TurnView::of`]).

mod approval;
mod budget;
mod charter;
mod mission;
mod pause;
mod policies;
mod time;
mod turn;
mod work;

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::situation::Situation;
use serde::{Deserialize, Serialize};

pub use approval::{ApprovalView, DangerView, to_approve};
pub use budget::BudgetView;
pub use charter::{CandidateView, CharterView};
pub use mission::{AppliedView, Condition, FailureView, MissionView, ObjectView, PlanView};
pub use pause::PauseView;
pub use policies::{NomineeView, PoliciesView, ShadowView, ShelvedView, TenureView, memo_told};
pub use time::{age, rfc3339};
pub use turn::{Rulings, TurnView, class, paused};
pub use work::{FindingView, NotificationView, VerdictView, WorkerView};

/// Everything that can be shown of a host at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Whether the workers are simulated.
    pub rehearsal: bool,
    /// When this was looked at.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// The last turn.
    pub turn: u32,
    /// The policy that decides: its name, version and digest.
    pub policy: Option<String>,
    /// The policies beside it: on the shelf, in the past, waiting, in the shadow.
    pub policies: PoliciesView,
    /// The charter in force, and the one that waits.
    pub charter: CharterView,
    /// The engine as it was seen last.
    pub engine: Option<String>,
    /// What people have paused, the widest first.
    pub pauses: Vec<PauseView>,
    /// The missions, by name.
    pub missions: Vec<MissionView>,
    /// The open findings, the worst first.
    pub findings: Vec<FindingView>,
    /// Workers at work, and those that ended lately, the newest first.
    pub workers: Vec<WorkerView>,
    /// Requests to people, those that wait first.
    pub approvals: Vec<ApprovalView>,
    /// What limits what is begun, and how much of it is used.
    pub budgets: Vec<BudgetView>,
    /// The gate's last word on each key, the newest first.
    pub verdicts: Vec<VerdictView>,
    /// What the policy told people, the oldest first.
    pub notifications: Vec<NotificationView>,
}

/// What can be shown of this ledger and the last situation.
pub fn look(ledger: &Ledger, situation: Option<&Situation>, now: Timestamp) -> View {
    let policy = ledger.policy.description.as_ref().zip(ledger.policy.digest);
    let engine = situation.and_then(|situation| situation.engine.as_ref());
    let mut view = View {
        rehearsal: ledger.rehearsal,
        at: now,
        turn: ledger.turn,
        policy: policy.map(|(policy, digest)| format!("{} {} ({})", policy.name, policy.version, digest.short(12))),
        policies: policies::view(ledger, now),
        charter: charter::view(ledger, now),
        engine: engine.map(|engine| format!("{} (API {} to {})", engine.version, engine.api_min, engine.api)),
        pauses: ledger.pauses.iter().map(|paused| PauseView::of(ledger, paused)).collect(),
        missions: ledger.missions.values().map(|state| mission::view(ledger, situation, state, now)).collect(),
        findings: work::findings(ledger, situation),
        workers: work::workers(ledger),
        approvals: approval::views(ledger, now),
        budgets: budget::views(ledger, now),
        verdicts: work::verdicts(ledger),
        notifications: work::notifications(ledger),
    };
    view.missions.sort_by(|a, b| a.name.cmp(&b.name));
    view
}

impl View {
    /// The mission of that name or id.
    pub fn mission(&self, name: &str) -> Option<&MissionView> {
        self.missions.iter().find(|mission| mission.name == name || mission.id.as_str() == name)
    }
}

/// A mission's name, as people call it; its id where the mission is not known any more.
fn name_of(ledger: &Ledger, id: &quarterdeck_core::ids::MissionId) -> String {
    ledger.missions.get(id).map_or_else(|| id.to_string(), |state| state.spec.name.to_string())
}
