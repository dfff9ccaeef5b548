//! The upload of a policy: the checks that it passes before it may ever decide, in their order, and the report that
//! people read of them.
//!
//! A report is about bytes and nothing else: the same bytes on the same engine, under the same demands and journal, give
//! the same report. It is stored beside the component and never changed; what people made of it (an approval, an
//! activation) stands in the journal. What is *not* here: the checks themselves, which are the host's.

use serde::{Deserialize, Serialize};

use crate::decision::Description;
use crate::digest::Digest;
use crate::entry::SandboxIdentity;

/// A check says at most this many bytes about what it saw: some lines.
pub const DETAIL_BYTES_MAX: usize = 2 << 10;
/// A report, as JSON, is at most this large: names and texts of a description, ten checks, and the differences of a replay.
pub const REPORT_BYTES_MAX: usize = 512 << 10;
/// A source (a file's name, a registry's reference) is at most this many bytes.
pub const SOURCE_BYTES_MAX: usize = 512;

/// What a component may import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The contract's own `logging`, and nothing else.
    Pure,
    /// A deterministic WASI besides: a frozen clock, seeded randomness, output to the log; no sockets, no environment, no
    /// files.
    Wasi,
}

/// The checks of an upload, in their order; the first that refuses ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// No larger than a component may be.
    Size,
    /// A component in binary: no core module, no text, nothing precompiled.
    Format,
    /// Signed by as many keys as the operator demands.
    Signature,
    /// Not nested too deep, not multiplied too often: safe to compile.
    Structure,
    /// Compiled by a process without rights, within its limits.
    Compile,
    /// Imports what its profile gives, exports what the contract has.
    Imports,
    /// Comes to life with everything denied.
    Instantiate,
    /// Says what it is.
    Describe,
    /// Decides on sample situations, the same twice.
    DryDecision,
    /// What it would have decided in the journal's last turns.
    Replay,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not, and the upload ends with it.
    Refused,
    /// There was nothing to check: no signature is demanded, no journal is at hand.
    NotAsked,
}

/// One check and what it saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Which.
    pub step: Step,
    /// How it went.
    pub outcome: Outcome,
    /// What it saw, for people; escaped and bounded.
    pub detail: String,
}

/// What came of one sample situation; or of a step before, where the policy failed in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// Which sample, such as `one mission`; or the step, such as `describe`.
    pub name: String,
    /// The class of the answer: `decided`, `guest:trap` …
    pub class: String,
    /// More of a failure, for people.
    pub detail: String,
    /// How much it proposed.
    pub proposals: u32,
    /// The fuel that it used.
    pub fuel: u64,
    /// The memory that it used at most, in bytes: all its memories and tables together.
    pub memory_bytes: u64,
    /// Where it was when it failed, the innermost call first; escaped.
    pub backtrace: Vec<String>,
    /// What it logged; escaped.
    pub logs: Vec<String>,
}

/// What the journal's last turns say of a candidate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replayed {
    /// Turns that it was asked about.
    pub turns: u32,
    /// Of them, those in which it decided otherwise than was decided.
    pub differ: u32,
    /// Of them, those in which it failed.
    pub failed: u32,
    /// The first differences, a line each.
    pub differences: Vec<String>,
}

/// What an upload came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The digest of the component's bytes: what the policy is called everywhere.
    pub policy: Digest,
    /// How many bytes.
    pub bytes: u64,
    /// The engine and the limits that it was checked on.
    pub sandbox: SandboxIdentity,
    /// Which profile it asks for; none where it did not get that far.
    pub profile: Option<Profile>,
    /// What it imports, by name.
    pub imports: Vec<String>,
    /// What it exports, by name.
    pub exports: Vec<String>,
    /// The languages and tools that made it, by its own word, such as `language Rust 1.95.0`.
    pub producers: Vec<String>,
    /// What it says of itself.
    pub description: Option<Description>,
    /// The keys that signed it, of those that the operator knows, by name.
    pub signers: Vec<String>,
    /// The checks, in their order; where one refused it is the last.
    pub checks: Vec<Check>,
    /// What it made of the sample situations.
    pub samples: Vec<Sample>,
    /// What it would have made of the journal's last turns.
    pub replay: Option<Replayed>,
}

impl Profile {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Pure => "pure",
            Profile::Wasi => "wasi",
        }
    }
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Step; 10] = [
        Step::Size,
        Step::Format,
        Step::Signature,
        Step::Structure,
        Step::Compile,
        Step::Imports,
        Step::Instantiate,
        Step::Describe,
        Step::DryDecision,
        Step::Replay,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Step::Size => "size",
            Step::Format => "format",
            Step::Signature => "signature",
            Step::Structure => "structure",
            Step::Compile => "compile",
            Step::Imports => "imports",
            Step::Instantiate => "instantiate",
            Step::Describe => "describe",
            Step::DryDecision => "dry-decision",
            Step::Replay => "replay",
        }
    }
}

impl Report {
    /// The check that refused it; none where it may be activated.
    pub fn refusal(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.outcome == Outcome::Refused)
    }
}
