//! Every turn of a journal asked again: one thread reads and folds, others ask and compare.
//!
//! A turn depends on none before it but through what the journal says, so threads share them as they come. A candidate
//! is another matter: what it keeps goes from turn to turn, so one thread asks it, in order.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread::{Builder, available_parallelism, scope};

use quarterdeck_core::charter::Rules;

use super::asking::Asking;
use super::recall::turns;
use super::report::Report;
use crate::decide::{Policy, limits};
use crate::remember::JournalError;

/// As many threads ask, at most; the pool of instances has four times as many.
const ASKING_MAX: usize = 8;
/// Turns that wait for a thread, at most: one may be some megabytes.
const WAITING_MAX: usize = 16;

/// What is asked of the turns.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The policies at hand: each is asked again in the turns that it decided.
    pub policies: &'a [&'a Policy],
    /// The policy that is asked in all other turns; none leaves them to the recorded answer.
    pub candidate: Option<&'a Policy>,
    /// The rules that are asked in place of those in force.
    pub rules: Option<&'a Rules>,
    /// The first turn that is looked at.
    pub from: u32,
    /// The last one.
    pub to: u32,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The journal can't be read.
    #[error("read the journal again")]
    Journal(#[from] JournalError),
    /// There is no thread to ask on.
    #[error("start a thread to ask on")]
    Thread(#[source] std::io::Error),
}

/// Asks every turn again. Calls `seen` with each turn as it is read, for whoever waits; returns what was found, and whether
/// the last host rehearsed.
///
/// # Errors
/// Where the journal is damaged, or this machine has no thread to spare.
pub fn replay(folder: &Path, asked: Asked<'_>, seen: &mut impl FnMut(u32)) -> Result<(Report, bool), ReplayError> {
    let threads = match asked.candidate {
        Some(_) => 1,
        None => available_parallelism().map_or(1, NonZeroUsize::get).min(ASKING_MAX),
    };
    scope(|scope| {
        let (send, receive) = sync_channel(WAITING_MAX);
        let receive = Arc::new(Mutex::new(receive));
        let start = |_| {
            let receive = receive.clone();
            let named = Builder::new().name("replay".to_owned()).stack_size(limits::THREAD_STACK_BYTES);
            named.spawn_scoped(scope, move || Asking::new(asked).take_all(&receive))
        };
        let started: Result<Vec<_>, _> = (0..threads).map(start).collect();
        let asking = started.map_err(ReplayError::Thread)?;
        drop(receive);
        let rehearsal = turns(folder, &mut |turn| {
            if (asked.from..=asked.to).contains(&turn.opened.turn) {
                seen(turn.opened.turn);
                // Nobody takes it where every thread has panicked, and that is found below.
                let _taken = send.send(turn);
            }
        });
        drop(send);
        let mut report = Report::default();
        for thread in asking {
            report.add(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        Ok((report, rehearsal?))
    })
}
