//! One turn of the loop: observe, orient, decide, gate, remember, act, remember. Read this first.
//!
//! Nothing in a turn waits for a worker, the engine, the brain or a person: whatever takes time is started here and
//! observed in a later turn. What a turn waits for is one fsync before it acts, one after, and one decision up to its
//! deadline, which is made on a thread of its own.

use std::sync::Arc;

use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Episode, Opened};
use quarterdeck_core::gate::gate;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;

use crate::decide::Policy;
use crate::remember::{Book, JournalError};
use crate::{Ports, act, decide, observe, orient, remember};

/// Turns the loop once; gives back the turn, and the ledger that was ruled on.
///
/// # Errors
/// Where the journal can't be written: then nothing was acted on that it does not hold. Every other failure is part of
/// the episode.
pub async fn turn(
    ports: &Ports,
    book: &Arc<Book>,
    policy: &Arc<Policy>,
    now: Timestamp,
) -> Result<(Episode, Arc<Ledger>), JournalError> {
    let observation = observe::latest(ports, now, book.ledger().now);
    let ledger = remember::learn(book, &observation).await?;
    let charter = ledger.charter();
    observe::follow_up(ports, &ledger, &observation);
    let (situation, ground) = orient::orient(&charter, &ledger, &observation);
    let answer = match ledger.observes(situation.now) {
        None => decide::decide(policy.clone(), encoding::encode(&situation).into()).await,
        Some(observing) => decide::observe_only(observing),
    };
    let (answer, logs, fuel) = answer.into_journal();
    let ruled = answer.decision().map(|decision| gate(&charter, &ledger, &ground, &situation, &decision));
    let opened = Opened {
        turn: situation.turn,
        at: situation.now,
        policy: policy.digest(),
        ledger: ledger.digest(),
        verdicts: ruled.unwrap_or_default(),
        situation: encoding::encode(&situation),
        ground,
        answer,
        logs,
        fuel,
    };
    let opened = remember::open(book, opened).await?;
    let receipts = act::start(ports, &ledger, &opened.verdicts);
    let episode = remember::close(book, opened, receipts, situation.now).await?;
    Ok((episode, ledger))
}
