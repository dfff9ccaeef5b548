//! What the host hears of an upload from the process that examines it.
//!
//! Each step is heard in its order or not at all, and each thing that belongs to it once. The code comes with the first
//! one, before the guest ran; all that comes later is a stranger's word, held against the limits that a guest's would be,
//! and kept for people. However the process ends, it is one sentence.

use std::io::{self, Write as _};
use std::path::Path;

use quarterdeck_core::decision::{Decision, Description};
use quarterdeck_core::encoding;
use quarterdeck_core::upload::{Check, Outcome, Profile, Sample, Step};

use super::super::answer::Answer;
use super::super::artifact::CODE_BYTES_MAX;
use super::super::boundary::again;
use super::super::child::frame::{self, FrameError, Kind};
use super::super::child::process::{Alarm, Process};
use super::super::child::{Allowance, Call, Task, Told, heard};
use super::super::guest::shorten;
use super::samples::SAMPLES;
use super::{ExamineError, check};

/// The steps that the process takes.
const STEPS: [Step; 5] = [Step::Compile, Step::Imports, Step::Instantiate, Step::Describe, Step::DryDecision];

/// All that was heard.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) checks: Vec<Check>,
    pub(super) code: Option<Vec<u8>>,
    pub(super) profile: Option<Profile>,
    pub(super) description: Option<Description>,
    pub(super) samples: Vec<Sample>,
    answers: usize,
}

/// Why nothing more is heard.
enum Stop {
    /// A check refused it.
    Refused(Step, String),
    /// The process ended or hung up.
    Silent,
    /// It said what it should not have.
    Babbled(String),
    /// It could not give up its rights.
    Unconfined(String),
}

/// Has a component examined, and hears of it.
pub(super) fn hear(
    program: &Path,
    allowance: Allowance,
    bytes: &[u8],
    progress: &mut dyn FnMut(Step),
) -> Result<Heard, ExamineError> {
    let starting = |source: io::Error| ExamineError::Start { program: program.to_owned(), source };
    let mut process = Process::start(program, Task::Examine, allowance).map_err(starting)?;
    let _alarm = Alarm::set(process.killer(), allowance.deadline).map_err(starting)?;
    if let Some(mut input) = process.input.take() {
        // Where it died meanwhile, the end of its output says so.
        let _dead = input.write_all(bytes);
    }
    let mut heard = Heard::default();
    let mut at = Step::Compile;
    let stop = heard.begin(&mut process).and_then(|()| {
        STEPS.into_iter().try_for_each(|step| {
            at = step;
            progress(step);
            heard.step(step, &mut process)
        })
    });
    let (step, why) = match stop {
        Ok(()) => return Ok(heard),
        Err(Stop::Unconfined(why)) => return Err(ExamineError::Confine(shorten(&why))),
        Err(Stop::Refused(step, why)) => (step, why),
        Err(Stop::Silent) => (at, format!("the process without rights: {}", process.death())),
        Err(Stop::Babbled(what)) => (at, format!("the process without rights: {}", process.babbled(what))),
    };
    heard.checks.push(check(step, Outcome::Refused, &why));
    Ok(heard)
}

impl Heard {
    fn begin(&self, process: &mut Process) -> Result<(), Stop> {
        match told(process)? {
            Told::Confined => Ok(()),
            Told::Unconfined(why) => Err(Stop::Unconfined(why)),
            other
            @ (Told::Passed(..) | Told::Refused(..) | Told::Fits(_) | Told::Described(_) | Told::Answered(..)) => {
                Err(unasked(&other))
            }
        }
    }

    fn step(&mut self, step: Step, process: &mut Process) -> Result<(), Stop> {
        if step == Step::Compile {
            match next(process)? {
                (Kind::Bytes, code) => self.code = Some(code),
                // Where compiling failed there is none.
                (Kind::Told, told) => return Err(refused(step, decode(&told)?)),
            }
        }
        loop {
            match told(process)? {
                Told::Passed(passed, what) if passed == step && self.has_all_of(step) => {
                    self.checks.push(check(step, Outcome::Passed, &what));
                    return Ok(());
                }
                Told::Fits(profile) if step == Step::Imports && self.profile.is_none() => self.profile = Some(profile),
                Told::Described(description) if step == Step::Describe && self.description.is_none() => {
                    again::description(&description).map_err(|refused| Stop::Babbled(refused.to_string()))?;
                    self.description = Some(description);
                }
                Told::Answered(call, answer) => self.answered(step, call, answer)?,
                other @ (Told::Confined
                | Told::Unconfined(_)
                | Told::Passed(..)
                | Told::Refused(..)
                | Told::Fits(_)
                | Told::Described(_)) => return Err(refused(step, other)),
            }
        }
    }

    /// Whether everything was heard that belongs to a step which passed.
    fn has_all_of(&self, step: Step) -> bool {
        match step {
            Step::Compile => self.code.is_some(),
            Step::Imports => self.profile.is_some(),
            Step::Describe => self.description.is_some(),
            Step::DryDecision => {
                self.samples.len() == SAMPLES.len() && self.samples.iter().all(|sample| sample.class == "decided")
            }
            Step::Instantiate | Step::Size | Step::Format | Step::Signature | Step::Structure | Step::Replay => true,
        }
    }

    fn answered(&mut self, step: Step, call: Call, answer: Answer) -> Result<(), Stop> {
        self.answers += 1;
        if self.answers > SAMPLES.len() + 2 {
            return Err(Stop::Babbled("more answers than there are calls".to_owned()));
        }
        let (answer, decision) = heard::answer(answer).map_err(Stop::Babbled)?;
        let name = match call {
            Call::Life if step == Step::Instantiate => step.name(),
            Call::Describe if step == Step::Describe => step.name(),
            Call::Sample(index) if step == Step::DryDecision && usize::from(index) == self.samples.len() => {
                SAMPLES.get(usize::from(index)).ok_or_else(|| Stop::Babbled("one sample too many".to_owned()))?
            }
            Call::Life | Call::Describe | Call::Sample(_) => {
                return Err(Stop::Babbled("an answer too many".to_owned()));
            }
        };
        let is_sample = matches!(call, Call::Sample(_));
        // What is only a step on the way is told where it failed.
        if is_sample || decision.is_none() {
            self.samples.push(sample(name, answer, decision.as_ref()));
        }
        Ok(())
    }
}

fn sample(name: &str, answer: Answer, decision: Option<&Decision>) -> Sample {
    let (class, detail) = (answer.class.name(), answer.class.detail().to_owned());
    let (fuel, memory_bytes) = (answer.fuel, answer.memory_bytes);
    let backtrace = answer.backtrace.clone();
    let (_, logs, _) = answer.into_journal();
    let proposals = decision.map_or(0, |decision| u32::try_from(decision.proposals.len()).unwrap_or(u32::MAX));
    Sample { name: name.to_owned(), class, detail, proposals, fuel, memory_bytes, backtrace, logs }
}

fn next(process: &mut Process) -> Result<(Kind, Vec<u8>), Stop> {
    frame::read(&mut process.output, CODE_BYTES_MAX).map_err(|error| match error {
        FrameError::Closed | FrameError::Read(_) => Stop::Silent,
        FrameError::Kind(_) | FrameError::TooLarge(_) => Stop::Babbled(error.to_string()),
    })
}

fn told(process: &mut Process) -> Result<Told, Stop> {
    match next(process)? {
        (Kind::Told, told) => decode(&told),
        (Kind::Bytes, _) => Err(Stop::Babbled("bytes that nobody asked for".to_owned())),
    }
}

fn decode(told: &[u8]) -> Result<Told, Stop> {
    encoding::decode(told).map_err(|error| Stop::Babbled(error.to_string()))
}

/// What ends a step: a refusal, in its own step, or what nobody asked for.
fn refused(step: Step, told: Told) -> Stop {
    match told {
        Told::Refused(of, why) if of == step => Stop::Refused(step, why),
        other @ (Told::Confined
        | Told::Unconfined(_)
        | Told::Passed(..)
        | Told::Refused(..)
        | Told::Fits(_)
        | Told::Described(_)
        | Told::Answered(..)) => unasked(&other),
    }
}

fn unasked(told: &Told) -> Stop {
    let what = match told {
        Told::Confined | Told::Unconfined(_) => "how it began",
        Told::Passed(..) | Told::Refused(..) => "a step out of turn",
        Told::Fits(_) => "a profile out of turn",
        Told::Described(_) => "a description out of turn",
        Told::Answered(..) => "an answer out of turn",
    };
    Stop::Babbled(what.to_owned())
}
