//! Deciding on a thread of its own, within a deadline.
//!
//! Fuel ends a guest and the epoch backs it up, but neither ends a host that is stuck: a page that is not read back
//! from a dead disk, a machine that was suspended. Then the turn goes on without its decision, and the thread is left
//! behind. It goes on counting, so that a machine that hangs does not fill with threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quarterdeck_core::ledger::Observing;

use super::answer::{Answer, HostAbort};
use super::limits;
use super::sandbox::{Policy, aborted};

/// Asks a policy to decide, on a thread of its own, and waits for it no longer than the deadline.
///
/// Not on the runtime's threads: a guest that spins there can freeze the timer that should end it. A thread that does
/// not come back is abandoned; it goes on counting as under way, and when too many hang nothing more is started.
pub async fn decide(policy: Arc<Policy>, situation: Arc<[u8]>) -> Answer {
    decide_within(limits::DEADLINE, policy, situation).await
}

/// The answer while the loop only observes: nobody is asked.
pub fn observe_only(observing: &Observing) -> Answer {
    let Observing { turn, kind, until, .. } = observing;
    aborted(
        HostAbort::Observing,
        format!("the fallback failed in turn {turn} ({kind}); it is asked again at {}", until.utc()),
    )
}

/// [`decide`] with another deadline.
pub async fn decide_within(deadline: Duration, policy: Arc<Policy>, situation: Arc<[u8]>) -> Answer {
    let under_way = UnderWay::enter(policy.under_way());
    if under_way.count > limits::THREADS_MAX {
        return aborted(HostAbort::Pool, format!("{} earlier decisions have not come back", under_way.count - 1));
    }
    let (answer, answered) = tokio::sync::oneshot::channel();
    let named = std::thread::Builder::new().name("policy-decide".into()).stack_size(limits::THREAD_STACK_BYTES);
    let started = named.spawn(move || {
        let decided = policy.decide(&situation);
        // The policy and its slot are let go before anyone hears of the answer.
        drop((policy, situation, under_way));
        // Nobody waits any more where the deadline has passed: then the answer comes too late to be one.
        let _too_late = answer.send(decided).is_err();
    });
    if let Err(error) = started {
        return aborted(HostAbort::Pool, format!("start a thread to decide on: {error}"));
    }
    match tokio::time::timeout(deadline, answered).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => aborted(HostAbort::Panic, "the deciding thread ended without an answer".to_owned()),
        Err(_) => aborted(HostAbort::Deadline, format!("no answer within {} ms", deadline.as_millis())),
    }
}

/// One decision that is under way, counted until it ends.
struct UnderWay {
    all: Arc<AtomicUsize>,
    count: usize,
}

impl UnderWay {
    fn enter(all: &Arc<AtomicUsize>) -> UnderWay {
        UnderWay { all: all.clone(), count: all.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}
