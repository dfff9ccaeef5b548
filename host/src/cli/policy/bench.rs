//! `policy bench`: what a decision of this policy costs, and how much of it is the policy's own.
//!
//! Every decision is one of a live turn: in a fresh store, under the same limits. The floor is a component that looks at
//! nothing and decides nothing, asked in turns with the policy, so that a slow spell of the machine meets both: the times
//! are the machine's, and move with its load, while *times the floor*, fuel and memory are the policy's. What is *not*
//! here is the journal, the gate and the thread of a live decision.

use std::path::Path;
use std::time::Instant;

use quarterdeck_core::encoding;
use quarterdeck_core::sample;
use quarterdeck_core::situation::{Fact, Situation};
use serde_json::{Value, json};

use super::told::{told, told_json};
use super::{bytes, cases, load, sandbox};
use crate::cli::exit::{Exit, Failure};
use crate::cli::print::{self, Output};
use crate::decide::{Answer, Class, Policy, boundary};

/// A policy that looks at nothing and decides nothing: `tests/guests/floor.wat`, assembled.
const FLOOR: &[u8] = include_bytes!("floor.wasm");
/// The sizes of the samples. A laptop's situation has some 2 KiB, a busy cluster's 64; the limit is 256.
const SAMPLES_KIB: [usize; 3] = [1, 16, 64];
/// The policy is asked so often before anything is counted: memory is mapped and caches are filled then.
const WARM_UP: u32 = 10;

/// What came of one situation: the times of all turns, in microseconds, and the last answer.
struct Measured {
    name: String,
    situation_bytes: usize,
    median_us: f64,
    p99_us: f64,
    floor_us: f64,
    answer: Answer,
}

pub(super) fn bench(file: &Path, folder: Option<&Path>, turns: u32, output: Output) -> Result<(Exit, String), Failure> {
    let asked = folder.map(|folder| cases::read(folder, &[])).transpose()?;
    let (bytes, sandbox) = (bytes(file)?, sandbox()?);
    let begun = Instant::now();
    let policy = load(&sandbox, file, &bytes)?;
    let load_ms = round(begun.elapsed().as_secs_f64() * 1e3);
    let floor = sandbox.load(FLOOR).map_err(|error| {
        Failure::of(Exit::Failed, anyhow::Error::new(error).context("set up the floor to measure against"), None)
    })?;
    let situations = match asked {
        Some(cases) => cases.into_iter().map(|case| (case.name, case.situation)).collect(),
        None => samples(&policy),
    };
    let measure = |(name, situation): (String, Vec<u8>)| measure(&policy, &floor, name, &situation, turns);
    let measured = situations.into_iter().map(measure).collect::<Result<Vec<Measured>, Failure>>()?;
    let failed = measured.iter().any(|one| !matches!(one.answer.class, Class::Decided(_)));
    let text = match output {
        Output::Json => {
            let object = json!({
                "policy": policy.digest(), "bytes": bytes.len(), "loadMs": load_ms,
                "artifactBytes": policy.artifact_bytes(), "turns": turns,
                "situations": measured.iter().map(Measured::json).collect::<Vec<_>>(),
            });
            print::pretty(&print::object("PolicyBench", false, &object))
        }
        Output::Table | Output::Wide => {
            let description = policy.description();
            let head = print::fields(&[
                ("Policy", format!("{} {}", description.name, description.version)),
                ("Bytes", format!("{}, compiled to {}", bytes.len(), policy.artifact_bytes())),
                ("Compiled", format!("in {load_ms} ms")),
                ("Turns", format!("{turns} in each situation, and as many of the floor")),
            ]);
            head + "\n" + &report(&measured)
        }
    };
    print::note(
        "Times move with the load of this machine. TIMES is the median by the floor's of the same run: compare that.",
    );
    Ok((if failed { Exit::Failed } else { Exit::Done }, text))
}

/// Samples with the policy's own settings as they are by default, and without a memo, which it has not written.
fn samples(policy: &Policy) -> Vec<(String, Vec<u8>)> {
    let settings = policy.description().settings.iter();
    let settings: Vec<Fact> = settings.map(|setting| Fact::new(&setting.key, &setting.default_value)).collect();
    let sample = |kib: usize| {
        let shown = Situation { settings: settings.clone(), memo: None, ..sample::situation(kib << 10) };
        (format!("sample-{kib}k"), encoding::encode(&shown))
    };
    SAMPLES_KIB.map(sample).into()
}

/// Asks policy and floor in turns. Both begin where the situation has been decoded and put into the contract's words.
fn measure(policy: &Policy, floor: &Policy, name: String, bytes: &[u8], turns: u32) -> Result<Measured, Failure> {
    let situation: Situation = encoding::decode_ours(bytes)
        .map_err(|error| Failure::of(Exit::Failed, anyhow::Error::new(error).context(format!("show {name}")), None))?;
    let shown = boundary::lower(situation);
    let mut answer = policy.ask(&shown);
    let (mut times, mut floors) = (Vec::new(), Vec::new());
    for turn in 0..WARM_UP.saturating_add(turns) {
        let (begun, answered) = (Instant::now(), policy.ask(&shown));
        let took = begun.elapsed();
        let begun = Instant::now();
        drop(floor.ask(&shown));
        if turn >= WARM_UP {
            times.push(took.as_secs_f64() * 1e6);
            floors.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        answer = answered;
    }
    let (median_us, p99_us, floor_us) =
        (percentile(&mut times, 50), percentile(&mut times, 99), percentile(&mut floors, 50));
    Ok(Measured { name, situation_bytes: bytes.len(), median_us, p99_us, floor_us, answer })
}

/// The least value that so many of a hundred do not exceed.
fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(rank).copied().unwrap_or(f64::NAN)
}

/// To two places: no clock here is better.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn report(measured: &[Measured]) -> String {
    let heads = ["situation", "bytes", "median us", "p99 us", "floor us", "times", "fuel", "memory", "answer"];
    let row = |one: &Measured| {
        vec![
            one.name.clone(),
            one.situation_bytes.to_string(),
            format!("{:.0}", one.median_us),
            format!("{:.0}", one.p99_us),
            format!("{:.0}", one.floor_us),
            format!("{:.2}", one.median_us / one.floor_us),
            one.answer.fuel.to_string(),
            one.answer.memory_bytes.to_string(),
            one.answer.class.name(),
        ]
    };
    let mut text = print::table(&heads, measured.iter().map(row));
    for one in measured.iter().filter(|one| !matches!(one.answer.class, Class::Decided(_))) {
        text += &format!("\n{}", print::section(&one.name, told(&one.answer).lines().map(str::to_owned)));
    }
    text
}

impl Measured {
    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "situationBytes": self.situation_bytes,
            "medianUs": round(self.median_us),
            "p99Us": round(self.p99_us),
            "floorUs": round(self.floor_us),
            "timesTheFloor": round(self.median_us / self.floor_us),
            "answer": told_json(&self.answer),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let mut hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((percentile(&mut hundred, 50), percentile(&mut hundred, 99)), (50.0, 99.0));
        assert_eq!(percentile(&mut [7.0], 99), 7.0);
        assert!(percentile(&mut [], 50).is_nan());
    }
}
