//! `policy test`: does a policy decide what its author expects?
//!
//! Each case is asked about twice, in the sandbox and under the limits of a live turn: a policy whose two answers differ
//! is no pure function of what it is shown, whatever is expected of it. What is *not* here is the gate: a case says what a
//! policy proposes, `charter test` and `replay` what becomes of it.

mod bless;
mod differ;

use std::path::Path;

use quarterdeck_core::decision::Decision;
use quarterdeck_core::encoding;
use serde_json::{Value, json};

use self::differ::{Difference, differences};
use super::cases::{self, Case};
use super::told::{told, told_json};
use super::{bytes, load, sandbox};
use crate::cli::exit::{Exit, Failure};
use crate::cli::print::{self, Output};
use crate::decide::{Answer, Class, Policy};

/// What came of a case.
struct Tried<'a> {
    case: &'a Case,
    answer: Answer,
    differences: Vec<Difference>,
    /// Its file says now what was decided.
    blessed: bool,
}

pub(super) fn test(
    file: &Path,
    folder: &Path,
    names: &[String],
    bless: bool,
    output: Output,
) -> Result<(Exit, String), Failure> {
    let cases = cases::read(folder, names)?;
    if let Some(case) = cases.iter().find(|case| case.expected.is_none() && !bless) {
        let error = format!("{} expects nothing: it has neither `decision` nor `failure`", case.path.display());
        return Err(Failure::new(
            Exit::Usage,
            error,
            "write down what is expected, or let --bless write what is decided",
        ));
    }
    let policy = load(&sandbox()?, file, &bytes(file)?)?;
    let mut tried: Vec<Tried<'_>> = cases.iter().map(|case| ask(&policy, case)).collect();
    if bless {
        tried.iter_mut().try_for_each(write)?;
    }
    let wrong = tried.iter().filter(|tried| !tried.is_right()).count();
    let text = match output {
        Output::Json => {
            let items: Vec<Value> = tried.iter().map(Tried::json).collect();
            print::pretty(&print::list("PolicyCase", false, &items))
        }
        Output::Table | Output::Wide => report(&tried, wrong),
    };
    Ok((if wrong == 0 { Exit::Done } else { Exit::Failed }, text))
}

fn ask<'a>(policy: &Policy, case: &'a Case) -> Tried<'a> {
    let (answer, again) = (policy.decide(&case.situation), policy.decide(&case.situation));
    let mut differences = case.expected.as_ref().map(|expected| differences(expected, &answer)).unwrap_or_default();
    differences.extend(twice(&answer, &again));
    Tried { case, answer, differences, blessed: false }
}

/// Whether the second answer is another one. What the host gave up says nothing about the policy.
fn twice(answer: &Answer, again: &Answer) -> Option<Difference> {
    let is_abort = |answer: &Answer| matches!(answer.class, Class::HostAbort { .. });
    let same = (&answer.class, answer.fuel, &answer.logs) == (&again.class, again.fuel, &again.logs);
    if same || is_abort(answer) || is_abort(again) {
        return None;
    }
    let words = |answer: &Answer| match &answer.class {
        Class::Decided(bytes) => json!(format!("decided, {} bytes, fuel {}", bytes.len(), answer.fuel)),
        Class::GuestFailure { .. } | Class::HostAbort { .. } => {
            json!(format!("{}, fuel {}", answer.class.name(), answer.fuel))
        }
    };
    let (first, second) = (words(answer), words(again));
    Some(Difference::new("asked twice, it answers differently", Some(&first), Some(&second)))
}

/// Writes what was decided into a case that expects something else. A failure is never blessed: it is rarely meant.
fn write(tried: &mut Tried<'_>) -> Result<(), Failure> {
    let Some(decision) = decision(&tried.answer) else { return Ok(()) };
    let unstable = tried.differences.iter().any(|difference| difference.at.starts_with("asked twice"));
    let as_expected = tried.case.expected.is_some() && tried.differences.is_empty();
    if unstable || as_expected {
        return Ok(());
    }
    let path = &tried.case.path;
    let context = |error: anyhow::Error| error.context(format!("write what was decided into {}", path.display()));
    let text = bless::blessed(&tried.case.text, &decision)
        .map_err(|error| Failure::of(Exit::Usage, context(error), Some("docs/policies.md shows a case".to_owned())))?;
    std::fs::write(path, text).map_err(|error| {
        Failure::of(Exit::Failed, context(error.into()), Some("look at who owns the file".to_owned()))
    })?;
    tried.differences.clear();
    tried.blessed = true;
    Ok(())
}

fn decision(answer: &Answer) -> Option<Decision> {
    match &answer.class {
        Class::Decided(bytes) => encoding::decode_ours(bytes).ok(),
        Class::GuestFailure { .. } | Class::HostAbort { .. } => None,
    }
}

fn report(tried: &[Tried<'_>], wrong: usize) -> String {
    let row = |tried: &Tried<'_>| {
        let name = tried.case.name.clone();
        let (fuel, memory) = (tried.answer.fuel.to_string(), tried.answer.memory_bytes.to_string());
        vec![name, tried.result().to_owned(), tried.answer.class.name(), fuel, memory]
    };
    let mut text = print::table(&["case", "result", "answer", "fuel", "memory"], tried.iter().map(row));
    for tried in tried.iter().filter(|tried| !tried.is_right()) {
        text += &format!("\n{}", print::section(&tried.case.name, tried.lines()));
    }
    for tried in tried.iter().filter(|tried| tried.blessed) {
        text += &format!("\n{} says now what was decided\n", tried.case.path.display());
    }
    if wrong > 0 {
        text += &format!("\n{wrong} of {} cases are not as expected\n", tried.len());
    }
    text
}

impl Tried<'_> {
    /// A case that expects nothing yet and could not be blessed is not right either.
    fn is_right(&self) -> bool {
        self.blessed || (self.differences.is_empty() && self.case.expected.is_some())
    }

    fn result(&self) -> &'static str {
        match (self.blessed, self.is_right()) {
            (true, _) => "blessed",
            (false, true) => "ok",
            (false, false) => "differs",
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.differences.iter().map(Difference::text).collect();
        if self.case.expected.is_none() && decision(&self.answer).is_none() {
            lines.push("it did not decide: where it shall fail, write `failure:` with how".to_owned());
        }
        lines.extend(told(&self.answer).lines().map(str::to_owned));
        lines
    }

    fn json(&self) -> Value {
        json!({
            "name": self.case.name,
            "file": self.case.path,
            "result": self.result(),
            "differences": self.differences,
            "answer": told_json(&self.answer),
            "decision": decision(&self.answer),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{GuestFailure, HostAbort};

    #[test]
    fn two_answers_are_one_unless_the_host_gave_up() {
        let answer =
            |class, fuel| Answer { class, logs: vec![], logs_dropped: 0, fuel, memory_bytes: 0, backtrace: vec![] };
        let decided = |bytes: &[u8]| answer(Class::Decided(bytes.to_vec()), 1);
        let trap = answer(Class::GuestFailure { kind: GuestFailure::Trap, detail: String::new() }, 1);
        let abort = answer(Class::HostAbort { kind: HostAbort::Epoch, detail: String::new() }, 7);
        assert_eq!(twice(&decided(b"a"), &decided(b"a")), None);
        assert_eq!(twice(&decided(b"a"), &abort), None);
        for other in [decided(b"b"), trap, answer(Class::Decided(b"a".to_vec()), 2)] {
            let text = twice(&decided(b"a"), &other).expect("another answer").text();
            assert!(
                text.starts_with("asked twice, it answers differently: expected \"decided, 1 bytes, fuel 1\""),
                "{text}"
            );
        }
    }
}
