//! What a process of its own costs a decision: steward on a thread of this process and in a child, in turns, so that a slow
//! spell of the machine meets both. And what an upload takes from bytes to report.
//!
//! The program is the one that is built like this benchmark: `cargo build --release` comes first.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use quarterdeck::decide::child::DECIDE;
use quarterdeck::decide::upload::{Demands, examine};
use quarterdeck::decide::{Isolation, Policy, Sandbox};
use quarterdeck_core::encoding;
use quarterdeck_tests::program::program;
use quarterdeck_tests::shape;

const STEWARD: &[u8] = include_bytes!("../../guest-policies/prebuilt/steward.wasm");
const BLOCK: usize = 50;
const BLOCKS: usize = 12;

fn main() -> Result<()> {
    // cargo passes `--bench`; with `--test` everything runs once, to see that it does.
    let blocks = if std::env::args().any(|argument| argument == "--test") { 1 } else { BLOCKS };
    let program = program();
    let started = Instant::now();
    let examined = examine(STEWARD, Demands::default(), program, &mut |_| {})?;
    println!("all checks of steward: {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
    let (artifact, report) = (examined.artifact.context("steward is good")?, examined.report);
    let description = report.description.context("steward says what it is")?;
    let sandbox = Sandbox::new()?;
    let load = |isolation| -> Result<Policy> {
        let started = Instant::now();
        let policy = sandbox.load_compiled(&artifact, report.policy, description.clone(), &isolation)?;
        println!("ready from its code, {}: {:.1} ms", named(&isolation), started.elapsed().as_secs_f64() * 1e3);
        Ok(policy)
    };
    let here = load(Isolation::Thread)?;
    let there = load(Isolation::Process { program: Path::to_owned(program), allowance: DECIDE })?;
    println!("| KiB | thread us | p99 | process us | p99 | more us |");
    println!("|---|---|---|---|---|---|");
    for kib in [1, 16, 64, 250] {
        let bytes = encoding::encode(&shape::situation(kib << 10));
        ensure!(here.decide(&bytes) == there.decide(&bytes), "they decide the same");
        let (mut thread, mut process) = (vec![], vec![]);
        for _ in 0..blocks {
            block(&mut thread, &here, &bytes);
            block(&mut process, &there, &bytes);
        }
        let [(a, a99), (b, b99)] = [thread, process].map(of);
        println!("| {kib} | {a:.0} | {a99:.0} | {b:.0} | {b99:.0} | {:.0} |", b - a);
    }
    Ok(())
}

fn named(isolation: &Isolation) -> &'static str {
    match isolation {
        Isolation::Thread => "on a thread",
        Isolation::Process { .. } => "in a process",
    }
}

fn block(times: &mut Vec<f64>, policy: &Policy, situation: &[u8]) {
    drop(black_box(policy.decide(situation)));
    for _ in 0..BLOCK {
        let started = Instant::now();
        drop(black_box(policy.decide(situation)));
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
}

/// The median, and what one in a hundred exceeds.
fn of(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 99 / 100])
}
