//! Budgets as people see them.

use quarterdeck_core::budget::{Budget, budgets};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use serde::{Deserialize, Serialize};

use super::time;

/// A number that limits what is begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetView {
    /// Whether what it limits is simulated.
    pub rehearsal: bool,
    /// Its name.
    pub name: String,
    /// In what it is counted: `workers`, `applies`, `questions`, `tokens` or `micro-usd`.
    pub unit: String,
    /// So much is used.
    pub used: u64,
    /// So much may be.
    pub limit: u64,
    /// When some of it comes back by itself.
    #[serde(with = "time::option")]
    pub frees: Option<Timestamp>,
}

pub(super) fn views(ledger: &Ledger, now: Timestamp) -> Vec<BudgetView> {
    let view = |Budget { name, unit, used, limit, frees }| BudgetView {
        rehearsal: ledger.rehearsal,
        name,
        unit: String::from(unit),
        used,
        limit,
        frees,
    };
    budgets(&ledger.charter().settings, ledger, now).into_iter().map(view).collect()
}
