//! What came of asking a policy: its decision, or why there is none, with what it said and what it cost.
//!
//! An answer has one of three classes, and the difference is who is to blame. *Decided* is the policy's own decision,
//! parsed and encoded. A *guest failure* is the policy's doing and follows from policy and situation alone, so it
//! happens again in a replay; enough of them fence the policy. A *host abort* may depend on the machine, and is never
//! held against a policy on its own. A replay compares the bytes of the first, the kind of the second, and only counts
//! the third. The details are for people and are compared by nobody.

use quarterdeck_core::entry::Answered;
use serde::{Deserialize, Serialize};

/// What came of asking a policy once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The decision, or whose doing it is that there is none.
    pub class: Class,
    /// What the policy said, as far as it fitted into the limits; escaped.
    pub logs: Vec<LogLine>,
    /// How many further lines it said.
    pub logs_dropped: u32,
    /// How much fuel it used.
    pub fuel: u64,
    /// How much memory it used at most, in bytes: all memories and tables together. For people, as is all that follows:
    /// neither the journal nor a replay has it.
    pub memory_bytes: u64,
    /// The calls that were under way when it failed, the innermost first; escaped and bounded. Empty where it decided,
    /// and where it failed outside of its own code.
    pub backtrace: Vec<String>,
}

/// Whether there is a decision, and otherwise whose doing that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// The canonical encoding of a [`Decision`](quarterdeck_core::decision::Decision) that was parsed.
    Decided(Vec<u8>),
    /// The policy failed, and would fail again on the same situation.
    GuestFailure {
        /// How.
        kind: GuestFailure,
        /// More, for people; escaped and bounded.
        detail: String,
    },
    /// The host gave up, for a reason that may lie in the machine.
    HostAbort {
        /// Why.
        kind: HostAbort,
        /// More, for people; escaped and bounded.
        detail: String,
    },
}

/// How a policy failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GuestFailure {
    /// It said itself that it can't decide.
    Error,
    /// It trapped.
    Trap,
    /// It used up its fuel.
    OutOfFuel,
    /// It asked for more memory or table than the budget has.
    MemoryLimit,
    /// What it returned is no value of the contract, or exceeds a limit of it.
    Malformed,
    /// It handed the host more bytes in one call than the host is willing to copy.
    OutputLimit,
    /// It said far more than anyone could read.
    LogFlood,
}

/// Why the host gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HostAbort {
    /// It ran on by the clock long after its fuel should have been gone.
    Epoch,
    /// The native stack is used up. How many calls fit depends on the frames that the compiler of this version made
    /// for this processor, so another engine may get further.
    Stack,
    /// No slot, memory or thread was free for it.
    Pool,
    /// The thread that asks did not come back in time and was abandoned.
    Deadline,
    /// The bytes that were to be shown are no situation.
    Situation,
    /// The host's own code failed while it asked.
    Panic,
    /// Nobody was asked: the fallback fails, so the loop only observes for a while.
    Observing,
    /// The process that was to decide could not be started, died, or said what it should not.
    Child,
}

/// How much a line of a policy's log matters, by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// For its author.
    Debug,
    /// For people who look.
    Info,
    /// For people who run the host.
    Warn,
    /// For people who run the host, soon.
    Error,
}

/// One line that a policy said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// What it said; escaped, so one line.
    pub text: String,
}

impl Answer {
    /// The answer in the journal's words: its class, what was said, one line each, and the fuel. Nothing else of it is
    /// journaled.
    pub fn into_journal(self) -> (Answered, Vec<String>, u64) {
        let lines = self.lines();
        let answered = match self.class {
            Class::Decided(bytes) => Answered::Decided(bytes),
            Class::GuestFailure { kind, detail } => Answered::GuestFailure { kind: kind.name().to_owned(), detail },
            Class::HostAbort { kind, detail } => Answered::HostAbort { kind: kind.name().to_owned(), detail },
        };
        (answered, lines, self.fuel)
    }

    /// What the policy said, a line each, and how much more it would have said.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.logs.iter().map(|line| format!("{}: {}", line.level.name(), line.text)).collect();
        if self.logs_dropped > 0 {
            lines.push(format!("… and {} further lines", self.logs_dropped));
        }
        lines
    }
}

impl Class {
    /// Class and kind in one word, for logs and tables: `decided`, `guest:trap`, `host:epoch`.
    pub fn name(&self) -> String {
        match self {
            Class::Decided(_) => "decided".to_owned(),
            Class::GuestFailure { kind, .. } => format!("guest:{}", kind.name()),
            Class::HostAbort { kind, .. } => format!("host:{}", kind.name()),
        }
    }

    /// What else is known of a failure, for people; nothing of a decision.
    pub fn detail(&self) -> &str {
        match self {
            Class::Decided(_) => "",
            Class::GuestFailure { detail, .. } | Class::HostAbort { detail, .. } => detail,
        }
    }
}

impl GuestFailure {
    /// All of them.
    pub const ALL: [GuestFailure; 7] = [
        GuestFailure::Error,
        GuestFailure::Trap,
        GuestFailure::OutOfFuel,
        GuestFailure::MemoryLimit,
        GuestFailure::Malformed,
        GuestFailure::OutputLimit,
        GuestFailure::LogFlood,
    ];

    /// The kind in a word, as the journal has it.
    pub fn name(self) -> &'static str {
        match self {
            GuestFailure::Error => "error",
            GuestFailure::Trap => "trap",
            GuestFailure::OutOfFuel => "out-of-fuel",
            GuestFailure::MemoryLimit => "memory-limit",
            GuestFailure::Malformed => "malformed",
            GuestFailure::OutputLimit => "output-limit",
            GuestFailure::LogFlood => "log-flood",
        }
    }
}

impl HostAbort {
    /// The kind in a word, as the journal has it.
    pub fn name(self) -> &'static str {
        match self {
            HostAbort::Epoch => "epoch",
            HostAbort::Stack => "stack",
            HostAbort::Pool => "pool",
            HostAbort::Deadline => "deadline",
            HostAbort::Situation => "situation",
            HostAbort::Panic => "panic",
            HostAbort::Observing => "observing",
            HostAbort::Child => "child",
        }
    }
}

impl Level {
    /// The level in a word.
    pub fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}
