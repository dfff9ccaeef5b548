//! Act: what the gate permitted is handed on, and nothing is waited for.
//!
//! [`start`] makes no choices: it walks the verdicts and puts each effect into the outbox of its port. Whether a worker
//! really started is observed in a later turn like anything else. [`settle`] looks up, once at start, what was handed on
//! when the last host died.
//!
//! What the adapters share: `shelf` (where things are kept), `leftovers` (what an ended worker left is taken in before its
//! end is reported), `clean` (what it says is redacted), `files` (what it wrote is read with care).

mod clean;
mod files;
pub mod kubernetes;
mod leftovers;
pub mod nobody;
pub mod process;
mod shelf;

use quarterdeck_core::entry::{Ended, Entry, Receipt, Settled};
use quarterdeck_core::ids::{OrderName, Timestamp};
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::WorkerReport;
use quarterdeck_core::order::{End, Order, WorkerResult};
use quarterdeck_core::situation::{Failure, Ruling};
use quarterdeck_core::verdict::{Effect, Verdict};

pub use shelf::{Left, Shelf, ShelfError};

use crate::Ports;

/// What workers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Start this.
    Start(Box<Order>),
    /// Stop early, if it runs.
    Cancel(OrderName),
    /// Its end is in the journal: what it left may go.
    Forget(OrderName),
}

/// Who does the work.
pub trait Workers: Send + Sync {
    /// Takes a word and returns at once.
    fn tell(&self, word: Word);
    /// Every worker that can be seen, until it is told to be forgotten. Never waits.
    fn reports(&self) -> Vec<WorkerReport>;
    /// What was chosen and why, in one line for people.
    fn choice(&self) -> String;
}

/// Hands on what was permitted, and lets go of workers whose end is in the journal.
pub fn start(ports: &Ports, ledger: &Ledger, verdicts: &[Verdict]) -> Vec<Receipt> {
    forget(ports, ledger);
    let acted = verdicts.iter().filter(|verdict| verdict.ruling == Ruling::Acted);
    let receipts = acted.filter_map(|verdict| {
        let did = hand_on(ports, verdict.effect.as_ref()?)?;
        Some(Receipt { key: verdict.key.clone(), did })
    });
    receipts.collect()
}

fn hand_on(ports: &Ports, effect: &Effect) -> Option<String> {
    match effect {
        Effect::Start(order) => {
            ports.workers.tell(Word::Start(order.clone()));
            Some(format!("start {}", order.name))
        }
        Effect::Cancel(order) => {
            ports.workers.tell(Word::Cancel(order.clone()));
            Some(format!("cancel {order}"))
        }
        Effect::Ask(question) => {
            ports.brain.ask((**question).clone());
            Some(format!("ask {}", question.id))
        }
        // These are done by being written down.
        Effect::Request(_) | Effect::Notify { .. } | Effect::Acknowledge { .. } => None,
    }
}

fn forget(ports: &Ports, ledger: &Ledger) {
    for WorkerReport { order, result, .. } in ports.workers.reports() {
        let recorded = ledger.orders.get(&order).is_none_or(|state| state.ended.is_some());
        if result.is_some() && recorded {
            ports.workers.tell(Word::Forget(order));
        }
    }
}

/// Looks up every order that was open when the last host died: a worker that is found is adopted; one that is not found
/// was never started and has used no attempt, unless it had claimed its order, and then it is lost.
pub fn settle(ledger: &Ledger, reports: &[WorkerReport], at: Timestamp) -> Vec<Entry> {
    let open = ledger.orders.values().filter(|state| state.ended.is_none());
    open.map(|state| {
        let order = state.order.name.clone();
        let found = reports.iter().any(|report| report.order == order);
        match &state.claimed {
            Some((_, claimant)) if !found => {
                let failure = Failure {
                    kind: "crashed".to_owned(),
                    message: format!("{claimant} is gone and left nothing"),
                    retryable: true,
                    remedies: Vec::new(),
                };
                let result = WorkerResult::failed(End::Lost, failure);
                Entry::Ended(Box::new(Ended { at, order, result }))
            }
            Some(_) | None => Entry::Settled(Settled { at, order, adopted: found }),
        }
    })
    .collect()
}
