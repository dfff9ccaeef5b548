//! The upload of a policy: what a file has to pass before it may ever decide.
//!
//! The checks stand in their order in core's [`Step`]; the first that refuses ends it, and the report says what each saw.
//! What needs no compiler is done here, on bytes that are only read. Compiling, and everything in which the guest runs,
//! is done in one process without rights ([`child`](super::child)), of which the host hears (`hearing`) and which can hurt
//! nobody but itself. The code that it made is the [`Artifact`] that is kept; it was in the host's hands before the guest
//! ran. What is only the host's is plugged in: the signatures that the operator demands, and the replay over the journal.
//!
//! What is *not* here: who uploaded it, where it is kept, and whether it is activated. No file is read or written.

mod hearing;
mod producers;
pub(super) mod samples;

use std::path::{Path, PathBuf};

use quarterdeck_core::digest::Digest;
use quarterdeck_core::situation::cut;
use quarterdeck_core::upload::{Check, DETAIL_BYTES_MAX, Outcome, Replayed, Report, Step};

use super::artifact::{Artifact, Isolation};
use super::guest::shorten;
use super::sandbox::{Policy, Sandbox};
use super::structure::{self, COMPONENT_BYTES_MAX, StructureError};
use super::{child, limits};

/// So many imports and exports are named in a report; a component of the contract has less than ten.
const NAMES_MAX: usize = 50;

/// Says of a component's bytes whether they are signed as the operator demands.
pub type AskSignature<'a> = Box<dyn FnOnce(&[u8]) -> Signed + 'a>;
/// Asks a candidate about the journal's last turns; none where it has no turn to ask about.
pub type AskReplay<'a> = Box<dyn FnOnce(&Policy) -> Option<Replayed> + 'a>;

/// What of the checks is the operator's and the host's.
#[derive(Default)]
pub struct Demands<'a> {
    /// Whether it is signed as the operator demands; none where nothing is demanded.
    pub signature: Option<AskSignature<'a>>,
    /// Asks it about the journal's last turns; none where there is no journal.
    pub replay: Option<Replay<'a>>,
    /// What the process may take that compiles and tries it; none is [`EXAMINE`](child::EXAMINE).
    pub allowance: Option<child::Allowance>,
}

/// How a candidate is asked about the journal.
pub struct Replay<'a> {
    /// What it is made ready in.
    pub sandbox: &'a Sandbox,
    /// Where it decides then.
    pub isolation: Isolation,
    /// Asks it.
    pub ask: AskReplay<'a>,
}

/// What was found of signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Whether they are those that are demanded.
    pub outcome: Outcome,
    /// What was seen, for people.
    pub detail: String,
    /// Whose they are, by the operator's names.
    pub signers: Vec<String>,
}

/// What an upload came to.
pub struct Examined {
    /// What people read of it.
    pub report: Report,
    /// What it was compiled to; none where it was refused.
    pub artifact: Option<Artifact>,
}

/// Why a file could not be examined, which says nothing of it: the machine is at fault.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// The program does not start as a process without rights.
    #[error("start {} to examine a policy", .program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The process could not give up its rights, so it looked at nothing.
    #[error("give up the rights of the process that examines a policy: {0}")]
    Confine(String),
}

/// Takes a file through all checks. Compiling may take minutes, so this belongs on a thread that may wait; the thread
/// must not end before, since the process ends with it. `program` is the host's own, `progress` hears of each step as it
/// begins.
///
/// # Errors
/// Where the machine can't do it. A file that is refused is no error: the report says so.
pub fn examine(
    bytes: &[u8],
    demands: Demands<'_>,
    program: &Path,
    progress: &mut dyn FnMut(Step),
) -> Result<Examined, ExamineError> {
    let mut report = blank(bytes);
    if !look(bytes, demands.signature, &mut report, progress) {
        return Ok(Examined { report, artifact: None });
    }
    let heard = hearing::hear(program, demands.allowance.unwrap_or(child::EXAMINE), bytes, progress)?;
    report.checks.extend(heard.checks);
    (report.profile, report.description, report.samples) = (heard.profile, heard.description, heard.samples);
    let code = heard.code.filter(|_| report.refusal().is_none());
    let artifact = code.zip(report.profile).map(|(code, profile)| Artifact::made(report.policy, profile, code));
    if let Some(artifact) = &artifact {
        progress(Step::Replay);
        replay(artifact, demands.replay, &mut report);
    }
    let artifact = artifact.filter(|_| report.refusal().is_none());
    Ok(Examined { report, artifact })
}

/// The checks that only read; whether it goes on.
fn look(
    bytes: &[u8],
    signature: Option<AskSignature<'_>>,
    report: &mut Report,
    progress: &mut dyn FnMut(Step),
) -> bool {
    progress(Step::Size);
    if bytes.len() > COMPONENT_BYTES_MAX {
        return refuse(report, Step::Size, &StructureError::TooLarge(bytes.len()).to_string());
    }
    pass(report, Step::Size, &format!("{} bytes, of {COMPONENT_BYTES_MAX} at most", bytes.len()));
    progress(Step::Format);
    if let Err(error) = structure::format(bytes) {
        return refuse(report, Step::Format, &error.to_string());
    }
    pass(report, Step::Format, "a component, in binary");
    progress(Step::Signature);
    let signed = signature.map(|signature| signature(bytes)).unwrap_or_else(|| Signed {
        outcome: Outcome::NotAsked,
        detail: "no signature is demanded".to_owned(),
        signers: vec![],
    });
    report.signers = signed.signers;
    report.checks.push(check(Step::Signature, signed.outcome, &signed.detail));
    if signed.outcome == Outcome::Refused {
        return false;
    }
    progress(Step::Structure);
    match structure::examine(bytes) {
        Err(error) => refuse(report, Step::Structure, &error.to_string()),
        Ok(outside) => {
            report.imports = named(&outside.imports);
            report.exports = named(&outside.exports);
            report.producers = producers::producers(bytes);
            pass(report, Step::Structure, "within the limits of depth and number");
            true
        }
    }
}

fn replay(artifact: &Artifact, demanded: Option<Replay<'_>>, report: &mut Report) {
    let absent = || check(Step::Replay, Outcome::NotAsked, "there is no journal at hand");
    let (Some(Replay { sandbox, isolation, ask }), Some(description)) = (demanded, report.description.clone()) else {
        report.checks.push(absent());
        return;
    };
    let loaded = sandbox.load_compiled(artifact, report.policy, description, &isolation);
    let checked = match loaded {
        Err(error) => check(Step::Replay, Outcome::Refused, &child::chain(&error)),
        Ok(policy) => match ask(&policy) {
            None => absent(),
            Some(replayed) => {
                let Replayed { turns, differ, failed, .. } = replayed;
                report.replay = Some(replayed);
                let seen = format!("asked about {turns} turns: {differ} decided otherwise, {failed} failed");
                check(Step::Replay, Outcome::Passed, &seen)
            }
        },
    };
    report.checks.push(checked);
}

fn blank(bytes: &[u8]) -> Report {
    Report {
        policy: Digest::of(bytes),
        bytes: bytes.len() as u64,
        sandbox: limits::identity(),
        profile: None,
        imports: vec![],
        exports: vec![],
        producers: vec![],
        description: None,
        signers: vec![],
        checks: vec![],
        samples: vec![],
        replay: None,
    }
}

/// A check whose detail may hold a stranger's words.
fn check(step: Step, outcome: Outcome, detail: &str) -> Check {
    Check { step, outcome, detail: cut(&shorten(detail), DETAIL_BYTES_MAX) }
}

fn pass(report: &mut Report, step: Step, detail: &str) {
    report.checks.push(check(step, Outcome::Passed, detail));
}

/// Always false, for whoever goes on only with what is not refused.
fn refuse(report: &mut Report, step: Step, detail: &str) -> bool {
    report.checks.push(check(step, Outcome::Refused, detail));
    false
}

/// The names, escaped, as many as are shown.
fn named(names: &[String]) -> Vec<String> {
    let mut named: Vec<String> = names.iter().take(NAMES_MAX).map(|name| shorten(name)).collect();
    if let Some(more @ 1..) = names.len().checked_sub(NAMES_MAX) {
        named.push(format!("… and {more} more"));
    }
    named
}
