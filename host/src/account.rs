//! Why something happened: from anything done back to the turn, the findings, the words, the rule, the people and the bytes.
//!
//! An account is derived from the journal alone: its records, read once and checked by their chain, and the ledger that
//! each turn was ruled on. No host has to run and nothing is asked again. An [`Account`] is a list of [`Cause`]s in the
//! order of time; each names the record that holds it, and [`Says`] whose word it is: what the host saw itself is told from
//! what a policy, a model or a worker merely says.
//!
//! - `subject` is what can be asked about; `find` says which of that there is.
//! - `chronicle` reads: of every worker, request and charter it keeps a short note (`notes`), and whole only the turns
//!   (`scene`) that the subject is about.
//! - `decided` tells how a turn came to one of its verdicts: what was `seen` and advised, what was said and `ruled`. `worker`,
//!   `approval`, `charter`, `turn` and `resource` tell the rest; `words` are the sentences that they share.
//!
//! What a journal does not hold (it may begin later than the host did) is said in [`Account::missing`] and never guessed.
//! What is *not* here: printing, and a look at whether bytes are still kept, which is the caller's to give.

mod approval;
mod charter;
mod chronicle;
mod decided;
mod find;
mod notes;
mod resource;
mod ruled;
mod scene;
mod seen;
mod subject;
mod turn;
mod words;
mod worker;

use std::path::Path;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::Timestamp;
use serde::{Serialize, Serializer};

use crate::remember::JournalError;
use crate::remember::journal::{Reader, Record};
use crate::replay::Recall;
use crate::view::rfc3339;
use chronicle::Chronicle;

/// Why no account can be given.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The journal is damaged or can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal names nothing that is called so.
    #[error("the journal holds no worker, resource, turn or approval {asked:?}{}", later(*begins))]
    Nothing {
        /// What was asked about.
        asked: String,
        /// The first record of the journal.
        begins: u64,
    },
    /// It names several.
    #[error("{asked:?} may be any of {}", fits.join(", "))]
    Several {
        /// What was asked about.
        asked: String,
        /// What could be meant, each so that it means one thing.
        fits: Vec<String>,
    },
}

fn later(begins: u64) -> String {
    if begins > 1 {
        format!("; it begins with record {begins}, so what was before is not in it")
    } else {
        String::new()
    }
}

/// A record of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// Its number.
    pub record: u64,
    /// Its hash.
    pub hash: Digest,
    /// When it was written.
    #[serde(serialize_with = "time")]
    pub at: Timestamp,
}

/// Whose word something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// The host saw or did it itself.
    Host,
    /// The gate ruled so: the host, by the charter and its own rules.
    Gate,
    /// A person said it to the host.
    Person,
    /// The mission's author wrote it.
    Author,
    /// The policy says so, and nobody has checked it.
    Policy,
    /// Gemini, or the table in its place, says so, and nobody has checked it.
    Brain,
    /// A worker says so.
    Worker,
}

impl Says {
    /// As it is told beside what was said.
    pub fn words(self) -> &'static str {
        match self {
            Says::Host => "seen by the host",
            Says::Gate => "ruled by the gate",
            Says::Person => "said by a person",
            Says::Author => "written by the mission's author",
            Says::Policy => "the policy's own words",
            Says::Brain => "the brain's own words",
            Says::Worker => "the worker's own words",
        }
    }
}

/// One step on the way to what happened, or after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The record that holds it.
    #[serde(flatten)]
    pub mark: Mark,
    /// Whose word it is.
    pub says: Says,
    /// What it says, in a sentence.
    pub what: String,
    /// More of it.
    pub details: Vec<Detail>,
    /// The command that leads on from here.
    pub next: Option<String>,
}

/// A named part of a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// What it is.
    pub name: &'static str,
    /// It; more than one where it is a text of ours that has lines, such as a rule.
    pub lines: Vec<String>,
}

/// Bytes that were worked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bytes {
    /// What they are.
    pub what: &'static str,
    /// What they are called by.
    pub digest: Digest,
    /// Whether they can still be had.
    pub kept: Kept,
}

/// Whether bytes can still be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// They lie beside the journal, and have that digest.
    Kept,
    /// They are not there.
    Gone,
    /// What lies in their place has another digest.
    Changed,
}

/// Why something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// What it is about: `worker`, `approval`, `charter`, `turn` or `resource`.
    pub of: &'static str,
    /// How that is called.
    pub name: String,
    /// Whether the work is simulated.
    #[serde(skip)]
    pub rehearsal: bool,
    /// All of it in a sentence.
    pub summary: String,
    /// What led to it and what followed, in the order of time.
    pub causes: Vec<Cause>,
    /// The bytes that were worked with.
    pub bytes: Vec<Bytes>,
    /// What can't be said from this journal.
    pub missing: Vec<String>,
}

/// Gives the account of what is called so, from the journal in a folder. `kept` says whether bytes can still be had.
///
/// # Errors
/// Where the journal can't be read, or the text names nothing in it or several things.
pub fn account(folder: &Path, asked: &str, kept: &dyn Fn(&Digest) -> Kept) -> Result<Account, AccountError> {
    let reader = Reader::open(folder)?;
    let mut chronicle = Chronicle::new(subject::parse(asked)).after(Recall::after(&reader));
    reader.read(&mut |record| chronicle.take(record))?;
    find::tell(&chronicle, asked, kept)
}

/// The same from records that somebody else has read; they may begin anywhere.
///
/// # Errors
/// Where the text names nothing in them or several things.
pub fn account_of(
    records: impl IntoIterator<Item = Record>,
    asked: &str,
    kept: &dyn Fn(&Digest) -> Kept,
) -> Result<Account, AccountError> {
    let mut chronicle = Chronicle::new(subject::parse(asked));
    records.into_iter().for_each(|record| chronicle.take(record));
    find::tell(&chronicle, asked, kept)
}

impl Cause {
    fn new(mark: Mark, says: Says, what: impl Into<String>) -> Cause {
        Cause { mark, says, what: what.into(), details: Vec::new(), next: None }
    }

    fn with(mut self, name: &'static str, text: impl Into<String>) -> Cause {
        self.details.push(Detail { name, lines: vec![text.into()] });
        self
    }

    fn with_some(self, name: &'static str, text: Option<impl Into<String>>) -> Cause {
        match text {
            Some(text) => self.with(name, text),
            None => self,
        }
    }

    fn with_each(mut self, name: &'static str, texts: impl IntoIterator<Item = String>) -> Cause {
        self.details.extend(texts.into_iter().map(|text| Detail { name, lines: vec![text] }));
        self
    }

    fn leading_to(mut self, next: impl Into<String>) -> Cause {
        self.next = Some(next.into());
        self
    }
}

impl Bytes {
    fn new(what: &'static str, digest: Digest) -> Bytes {
        Bytes { what, digest, kept: Kept::Gone }
    }
}

fn time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}
