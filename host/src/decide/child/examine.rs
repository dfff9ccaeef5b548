//! What a child does with an upload: compile it, bring it to life, ask it what it is and what it decides on samples.
//!
//! Each step is told as it ends, and the code as soon as it is compiled: by then no instruction of the guest has run, and
//! what is in the pipe is the host's. Whatever is told afterwards may be the guest's own word, if it got out of its
//! sandbox; the host takes it as that. What is *not* here: any file, and any judgment of what the guest proposes.

use std::io::{self, Read, Write};

use quarterdeck_core::decision::{Decision, Description};
use quarterdeck_core::encoding;
use quarterdeck_core::situation::Memo;
use quarterdeck_core::upload::{Profile, Step};
use serde::{Deserialize, Serialize};

use super::super::answer::{Answer, Class};
use super::super::guest::detail;
use super::super::probe::{Probe, compare};
use super::super::sandbox::{LoadError, Ready, Sandbox};
use super::super::shape;
use super::super::structure::{self, COMPONENT_BYTES_MAX};
use super::super::upload::samples::{self, SAMPLES};
use super::frame::{self, Kind};
use super::{Allowance, chain, confined};

/// What a child tells its host of an upload, beside the code.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::decide) enum Told {
    /// It has given up its rights, and begins.
    Confined,
    /// It could not, and does not begin; why.
    Unconfined(String),
    /// A step ended well; what it saw.
    Passed(Step, String),
    /// A step ended it all; why.
    Refused(Step, String),
    /// What the component may import.
    Fits(Profile),
    /// What the guest said of itself.
    Described(Description),
    /// What came of a call.
    Answered(Call, Answer),
}

/// A call of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::decide) enum Call {
    /// None: it is only brought to life.
    Life,
    /// What it is.
    Describe,
    /// What it decides on the sample with this number.
    Sample(u8),
}

/// Why an examination ends early.
enum Stop {
    Refused(Step, String),
    Pipe(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Pipe(error)
    }
}

/// Examines the component on the standard input.
pub(super) fn run(allowance: &Allowance) -> io::Result<()> {
    let mut host = io::stdout().lock();
    let Some(sandbox) = confined(allowance, &mut host)? else { return Ok(()) };
    let mut bytes = Vec::new();
    io::stdin().lock().take(COMPONENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    match examine(&sandbox, &bytes, &mut host) {
        Ok(()) => Ok(()),
        Err(Stop::Refused(step, why)) => tell(&mut host, &Told::Refused(step, why)),
        Err(Stop::Pipe(error)) => Err(error),
    }
}

pub(super) fn tell(host: &mut impl Write, told: &Told) -> io::Result<()> {
    frame::write(host, Kind::Told, &encoding::encode(told))
}

fn examine(sandbox: &Sandbox, bytes: &[u8], host: &mut impl Write) -> Result<(), Stop> {
    let refused = |step| move |error: LoadError| Stop::Refused(step, chain(&error));
    let outside = structure::examine(bytes).map_err(|error| Stop::Refused(Step::Structure, error.to_string()))?;
    let component = sandbox.compile(bytes).map_err(refused(Step::Compile))?;
    let code = component.serialize().map_err(|error| Stop::Refused(Step::Compile, detail(&error)))?;
    frame::write(host, Kind::Bytes, &code)?;
    tell(host, &Told::Passed(Step::Compile, format!("{} bytes of code", code.len())))?;
    drop(code);

    let profile =
        shape::compare_names(&outside).map_err(|mismatch| Stop::Refused(Step::Imports, mismatch.to_string()))?;
    let ready = sandbox.link(&component, profile).map_err(refused(Step::Imports))?;
    let seen = match profile {
        Profile::Pure => "the contract, and nothing else",
        Profile::Wasi => "the contract, and WASI",
    };
    tell(host, &Told::Fits(profile))?;
    tell(host, &Told::Passed(Step::Imports, seen.to_owned()))?;

    let lived = ready.come_to_life();
    called(host, Step::Instantiate, Call::Life, &lived)?;
    tell(host, &Told::Passed(Step::Instantiate, used(&lived)))?;
    let description = match ready.describe() {
        Ok(description) => description,
        Err(answer) => return called(host, Step::Describe, Call::Describe, &answer),
    };
    let said = format!("{} {}: {}", description.name, description.version, description.summary);
    tell(host, &Told::Described(description.clone()))?;
    tell(host, &Told::Passed(Step::Describe, said))?;
    decide(&ready, &description, host)
}

/// Tells what came of a call; goes on where it did not fail.
fn called(host: &mut impl Write, step: Step, call: Call, answer: &Answer) -> Result<(), Stop> {
    tell(host, &Told::Answered(call, answer.clone()))?;
    match &answer.class {
        Class::Decided(_) => Ok(()),
        Class::GuestFailure { .. } | Class::HostAbort { .. } => Err(Stop::Refused(step, failure(answer))),
    }
}

fn failure(answer: &Answer) -> String {
    format!("{}: {}; {}", answer.class.name(), answer.class.detail(), used(answer))
}

/// Asks it about each sample, twice.
fn decide(ready: &Ready, description: &Description, host: &mut impl Write) -> Result<(), Stop> {
    let refuse = |name: &str, why: String| Stop::Refused(Step::DryDecision, format!("on {name:?}: {why}"));
    let mut memo = None;
    for (index, name) in (0u8..).zip(SAMPLES) {
        let situation = encoding::encode(&samples::situation(index, description, memo.clone()));
        let (first, second) = (ready.decide(&situation), ready.decide(&situation));
        tell(host, &Told::Answered(Call::Sample(index), first.clone()))?;
        match compare(&first.clone().into_journal(), &second.into_journal()) {
            // What the host gave up is told below.
            Probe::Same | Probe::NotCompared => {}
            Probe::Differs(how) => return Err(refuse(name, format!("it is not deterministic: {how}"))),
        }
        match &first.class {
            Class::Decided(bytes) => memo = kept(bytes, description).or(memo),
            Class::GuestFailure { .. } | Class::HostAbort { .. } => return Err(refuse(name, failure(&first))),
        }
    }
    Ok(tell(host, &Told::Passed(Step::DryDecision, format!("{} situations, each twice the same", SAMPLES.len())))?)
}

/// The memo that a decision left, where the policy says that it reads what it writes.
fn kept(decision: &[u8], description: &Description) -> Option<Memo> {
    let bytes = encoding::decode_ours::<Decision>(decision).ok()?.memo?;
    let format = description.memo_format.clone();
    description.reads_memos.contains(&format).then_some(Memo { format, bytes })
}

fn used(answer: &Answer) -> String {
    format!("{} of fuel, {} bytes of memory", answer.fuel, answer.memory_bytes)
}
