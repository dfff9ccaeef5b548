//! The port to whoever gives advice, and the desk on which replies wait for the turn that observes them.
//!
//! A question is asked in one turn and its reply is observed in a later one: [`Brain::ask`] never waits, and each
//! question gets exactly one reply, be it that there were too many at once. What is asked and how an answer is parsed is
//! core's part; whether a question may be asked is the gate's.

use std::sync::{Arc, Mutex, PoisonError};

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::question::{BrainReply, Question};

/// Reads the time; given by the driver, which alone may.
pub type Clock = fn() -> Timestamp;
/// Wakes the loop: called after each reply, from any thread; must not wait.
pub type OnReply = Arc<dyn Fn() + Send + Sync>;

/// Who is asked for advice.
pub trait Brain: Send + Sync {
    /// Takes a question and returns at once.
    fn ask(&self, question: Question);
    /// The replies that have come lately, the oldest first; the same one may be seen in several turns.
    fn replies(&self) -> Vec<BrainReply>;
    /// What was chosen, in one line for people.
    fn choice(&self) -> String;
}

/// At most this many replies are kept, the newest: many turns' worth of questions.
const REPLIES_KEPT: usize = 64;

/// Where replies wait until they are in the journal, and a while longer: the ledger takes each of them once.
pub(super) struct Desk {
    clock: Clock,
    on_reply: OnReply,
    replies: Mutex<Vec<BrainReply>>,
}

impl Desk {
    pub(super) fn new(clock: Clock, on_reply: OnReply) -> Desk {
        Desk { clock, on_reply, replies: Mutex::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(super) fn put(&self, reply: BrainReply) {
        // A list of whole replies is right after any panic.
        {
            let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
            replies.push(reply);
            let surplus = replies.len().saturating_sub(REPLIES_KEPT);
            replies.drain(..surplus);
        }
        (self.on_reply)();
    }

    pub(super) fn refuse(&self, question: &Question, reason: &str) {
        self.put(BrainReply::unanswered(question, self.now(), reason));
    }

    /// A question is asked anew: an earlier reply to it answers nothing any more.
    pub(super) fn expect(&self, question: &str) {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner).retain(|reply| reply.question != question);
    }

    /// The replies, which stay: a turn that could not be written down observes them again.
    pub(super) fn replies(&self) -> Vec<BrainReply> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
