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

use std::path::Path;

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

/// Whether two looks at workers differ in more than their time.
fn changed(before: &[WorkerReport], now: &[WorkerReport]) -> bool {
    let told = |report: &WorkerReport| (report.order.clone(), report.doing.clone(), report.result.clone());
    !before.iter().map(told).eq(now.iter().map(told))
}

/// Where workers of each kind leave their folders, below the data folder.
pub const FOLDERS: [&str; 2] = [process::FOLDER, kubernetes::FOLDER];

/// Whether anything of an order's worker lives, of whatever kind it is, for whoever must not act while it does. Reads a few
/// small files.
pub fn lives(data: &Path, order: &OrderName) -> bool {
    process::lives(&data.join(process::FOLDER), order) || kubernetes::lives(&data.join(kubernetes::FOLDER), order)
}

/// The order, of those that are open, whose worker is of another kind than the one whose folder this is: it may still be at
/// work, and this host would not see it.
pub fn of_another_kind<'a>(
    data: &Path,
    own: &str,
    mut open: impl Iterator<Item = &'a OrderName>,
) -> Option<(&'a OrderName, &'static str)> {
    let others = FOLDERS.into_iter().filter(|folder| *folder != own);
    let others: Vec<&str> = others.collect();
    open.find_map(|order| {
        let folder = others.iter().find(|folder| data.join(folder).join(order.as_str()).exists())?;
        Some((order, *folder))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_of_another_kind_is_seen_by_its_folder() {
        let data = tempfile::tempdir().unwrap();
        let orders = ["apply-web-1", "plan-web-2"].map(|name| OrderName::parse(name).unwrap());
        let other = |own| of_another_kind(data.path(), own, orders.iter());
        assert_eq!((other(process::FOLDER), other(kubernetes::FOLDER)), (None, None));
        std::fs::create_dir_all(data.path().join(kubernetes::FOLDER).join("plan-web-2")).unwrap();
        assert_eq!(other(kubernetes::FOLDER), None, "its own");
        assert_eq!(other(process::FOLDER), Some((&orders[1], kubernetes::FOLDER)));
        assert_eq!(of_another_kind(data.path(), process::FOLDER, orders[..1].iter()), None, "one that has ended");
    }
}
