//! A pause as people see it.

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::pause::{Pause, Scope};
use serde::{Deserialize, Serialize};

use super::time;

/// What somebody has paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseView {
    /// Whether what it stops is simulated.
    pub rehearsal: bool,
    /// What it is about, as `everything` or `mission web`.
    pub what: String,
    /// The same, taken apart.
    pub scope: Scope,
    /// Since when.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// Whose word it is.
    pub who: String,
    /// What the person wrote with it.
    pub comment: Option<String>,
    /// All of it in a sentence.
    pub message: String,
    /// What takes it back.
    pub resume: String,
}

impl PauseView {
    pub(super) fn of(ledger: &Ledger, (scope, pause): (&Scope, &Pause)) -> PauseView {
        PauseView {
            rehearsal: ledger.rehearsal,
            what: scope.to_string(),
            scope: scope.clone(),
            at: pause.at,
            who: pause.who.to_string(),
            comment: pause.comment.clone(),
            message: pause.sentence(scope),
            resume: scope.resume(),
        }
    }
}
