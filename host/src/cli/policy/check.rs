//! `policy check`: all checks that a host makes of an upload, without a host.
//!
//! Signatures are not asked for, since which ones are demanded is the host's configuration; the journal is asked where
//! `--turns` says how far back. Nothing is kept.

use std::path::Path;

use anyhow::Context;
use quarterdeck_core::decision::Description;
use quarterdeck_core::upload::{Check, Outcome, Replayed, Report, Sample, Step};
use serde_json::json;

use super::super::args::CheckArgs;
use super::super::exit::{Exit, Failure};
use super::super::place::Place;
use super::super::print::{self, Output, fields, section, table, word};
use crate::decide::upload::{self, Demands, Examined, Replay};
use crate::decide::{Isolation, Policy, Sandbox};
use crate::replay::{Asked, ReplayError};

pub(in crate::cli) fn check(
    args: &CheckArgs,
    place: impl FnOnce() -> Result<Place, Failure>,
) -> Result<String, Failure> {
    let CheckArgs { file, turns, output } = args;
    let bytes = super::read(file)
        .map_err(|error| Failure::of(Exit::Usage, error, Some("name a policy, a WebAssembly component".to_owned())))?;
    let program = std::env::current_exe().context("find this program, to start it as a process without rights");
    let program = program.map_err(|error| Failure::of(Exit::Failed, error, None))?;
    let past = turns.map(|turns| place().and_then(|place| Past::of(place, turns))).transpose()?;
    let mut failed = None;
    let replay = past.as_ref().map(|past| past.replay(&mut failed));
    let examined = upload::examine(&bytes, Demands { replay, ..Demands::default() }, &program, &mut |_| {});
    let machine = |error| {
        Failure::of(Exit::Failed, error, Some("look at what this machine lacks: quarterdeck doctor".to_owned()))
    };
    let Examined { report, artifact: _ } = examined.map_err(machine)?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let text = match output {
        Output::Json => {
            let mut object = print::object("PolicyReport", false, &report);
            object["file"] = json!(file);
            print::pretty(&object)
        }
        Output::Table | Output::Wide => told(file, &report),
    };
    match report.refusal() {
        None => Ok(text),
        Some(_) => Err(Failure { out: text, ..refusal(&report, &format!("check {}", file.display())) }),
    }
}

/// The check that refused a component, what it saw, and what to do.
pub(super) fn refusal(report: &Report, tried: &str) -> Failure {
    let (error, next) = match report.refusal() {
        Some(Check { step, detail, .. }) => (anyhow::anyhow!("{}: {detail}", step.name()), cure(*step)),
        None => (anyhow::anyhow!("it does not say what it is"), "quarterdeck policy inspect FILE"),
    };
    Failure::of(Exit::Failed, error.context(tried.to_owned()), Some(next.to_owned()))
}

/// The journal, for as many turns as were asked for.
struct Past {
    sandbox: Sandbox,
    place: Place,
    from: u32,
}

impl Past {
    fn of(place: Place, turns: u32) -> Result<Past, Failure> {
        let last = place.story(0)?.ledger.turn;
        let sandbox = Sandbox::new().map_err(|error| Failure::of(Exit::Failed, error, None))?;
        Ok(Past { sandbox, place, from: last.saturating_sub(turns).saturating_add(1) })
    }

    /// How it is asked; why that was not possible is left for whoever waits.
    fn replay<'a>(&'a self, failed: &'a mut Option<ReplayError>) -> Replay<'a> {
        let ask = move |policy: &Policy| {
            self.ask(policy).unwrap_or_else(|error| {
                *failed = Some(error);
                None
            })
        };
        Replay { sandbox: &self.sandbox, isolation: Isolation::Thread, ask: Box::new(ask) }
    }

    fn ask(&self, policy: &Policy) -> Result<Option<Replayed>, ReplayError> {
        let policies = &[policy];
        let asked = Asked { policies, candidate: Some(policy), rules: None, from: self.from, to: u32::MAX };
        let (report, _) = crate::replay::replay(&self.place.journal(), asked, &mut |_| {})?;
        Ok(report.range.map(|_| report.replayed()))
    }
}

/// What to do about a refusal.
fn cure(step: Step) -> &'static str {
    match step {
        Step::Size | Step::Structure => "docs/policies.md has the limits of a component",
        Step::Format => "build a component: docs/policies.md says how in each language",
        Step::Signature => "sign it with the keys that the host demands",
        Step::Compile => "build it without debug sections and smaller; docs/policies.md has the limits",
        Step::Imports => "build it against wit/policy.wit of this version: quarterdeck policy inspect FILE",
        Step::Instantiate | Step::Describe | Step::DryDecision => {
            "mend the policy: the report has its log and where it failed"
        }
        Step::Replay => "look at the journal: quarterdeck journal verify",
    }
}

/// A report, and the file that it is about.
pub(super) fn told(file: &Path, report: &Report) -> String {
    fields(&[("File", file.display().to_string())]) + &told_report(report)
}

/// A report, for people.
pub(super) fn told_report(report: &Report) -> String {
    let result = report.refusal().map_or("ok".to_owned(), |check| format!("refused: {}", check.step.name()));
    let mut text = fields(&[
        ("Digest", report.policy.to_string()),
        ("Bytes", report.bytes.to_string()),
        ("Profile", report.profile.as_ref().map(word).unwrap_or_default()),
        ("Checks", result),
    ]);
    let outcome = |outcome| match outcome {
        Outcome::Passed => "ok",
        Outcome::Refused => "refused",
        Outcome::NotAsked => "not asked",
    };
    let row =
        |check: &Check| vec![check.step.name().to_owned(), outcome(check.outcome).to_owned(), check.detail.clone()];
    text += &format!("\n{}\n", table(&["check", "result", "seen"], report.checks.iter().map(row)));
    text += &report.description.as_ref().map(described).unwrap_or_default();
    text += &section("Imports", report.imports.clone());
    text += &section("Exports", report.exports.clone());
    text += &section("Made by", report.producers.clone());
    if !report.samples.is_empty() {
        let row = |sample: &Sample| {
            let Sample { name, class, proposals, fuel, memory_bytes, .. } = sample;
            vec![
                name.clone(),
                class.clone(),
                proposals.to_string(),
                fuel.to_string(),
                format!("{} KiB", memory_bytes >> 10),
            ]
        };
        let heads = ["asked about", "answer", "proposals", "fuel", "memory"];
        text += &format!("\n{}", table(&heads, report.samples.iter().map(row)));
    }
    for sample in &report.samples {
        text += &section(&format!("Failure on {}", sample.name), Some(sample.detail.clone()).filter(|d| !d.is_empty()));
        text += &section(&format!("Where it failed on {}", sample.name), sample.backtrace.clone());
        text += &section(&format!("Log on {}", sample.name), sample.logs.clone());
    }
    text + &section("Replay", report.replay.iter().flat_map(replayed))
}

fn described(said: &Description) -> String {
    let actions: Vec<&str> = said.actions.iter().map(|action| action.name()).collect();
    let operations: Vec<String> = said.operations.iter().map(word).collect();
    let about = fields(&[
        ("Name", format!("{} {}", said.name, said.version)),
        ("Summary", said.summary.clone()),
        ("Actions", actions.join(", ")),
        ("Operations", operations.join(", ")),
        ("Memo", said.memo_format.clone()),
    ]);
    about + &section("Settings", said.settings.iter().map(|s| format!("{}={}: {}", s.key, s.default_value, s.help)))
}

fn replayed(replayed: &Replayed) -> Vec<String> {
    let Replayed { turns, differ, failed, differences } = replayed;
    let counted = format!("{turns} turns: {differ} differ, {failed} failed");
    std::iter::once(counted).chain(differences.iter().cloned()).collect()
}
