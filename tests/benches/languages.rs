//! What a decision costs in each of the five languages, in times of the floor: the same policy, the same situations.
//!
//! The floor is the guest of `decide`'s benchmark, which decides nothing and looks at nothing; here it is asked through
//! the sandbox as the others are, so the times are what the language costs and not what the sandbox does. Blocks are taken
//! in turns, so that a slow spell of the machine meets all. `QUARTERDECK_LANGUAGES` names the folder of the components
//! that `.ci/run languages` makes. With `quick` everything runs once, to see that it does.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};
use quarterdeck::decide::{Policy, Sandbox, boundary};
use quarterdeck_core::encoding;
use quarterdeck_tests::{guests, shape};

/// The languages, each with its goal at 16 KiB, in times of the floor.
const GOALS: [(&str, f64); 5] = [("rust", 1.6), ("c", 1.6), ("go", 8.0), ("javascript", 18.0), ("python", 50.0)];
const BLOCK: usize = 25;
const BLOCKS: usize = 12;

fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "quick");
    #[expect(clippy::disallowed_methods, reason = "a benchmark has no configuration; its caller names the components")]
    let folder = std::env::var_os("QUARTERDECK_LANGUAGES");
    let folder = PathBuf::from(folder.context("set QUARTERDECK_LANGUAGES to the folder that .ci/run languages makes")?);
    let sandbox = Sandbox::new()?;
    let mut policies = vec![("floor", sandbox.load(&guests::named("floor")?)?)];
    println!("| language | bytes | load ms |\n|---|---|---|");
    for (language, _) in GOALS {
        let path = folder.join(language).with_extension("wasm");
        let bytes = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let started = Instant::now();
        let policy = sandbox.load(&bytes).map_err(|error| anyhow!("load {language}: {error:#}"))?;
        println!("| {language} | {} | {:.0} |", bytes.len(), started.elapsed().as_secs_f64() * 1e3);
        policies.push((language, policy));
    }
    for kib in [1, 16, 64] {
        table(&policies, kib, if quick { 1 } else { BLOCKS })?;
    }
    Ok(())
}

/// Medians at one size, and the goals where they are about it.
fn table(policies: &[(&str, Policy)], kib: usize, blocks: usize) -> Result<()> {
    let situation = shape::situation(kib << 10);
    let encoded = encoding::encode(&situation);
    let lowered = boundary::lower(situation);
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); policies.len()];
    for _ in 0..blocks {
        for ((_, policy), times) in policies.iter().zip(&mut times) {
            std::hint::black_box(policy.ask(&lowered));
            for _ in 0..BLOCK {
                let started = Instant::now();
                std::hint::black_box(policy.ask(&lowered));
                times.push(started.elapsed().as_secs_f64() * 1e6);
            }
        }
    }
    println!("\n| {kib} KiB | us | p99 us | times the floor | goal | fuel |\n|---|---|---|---|---|---|");
    let floor = share(&mut times[0].clone(), 0.5);
    for ((language, policy), mut times) in policies.iter().zip(times) {
        let answer = policy.decide(&encoded);
        ensure!(answer.class.name() == "decided", "{language} on {kib} KiB: {answer:?}");
        let (median, p99) = (share(&mut times, 0.5), share(&mut times, 0.99));
        let goal = GOALS.iter().find(|(named, _)| named == language && kib == 16);
        let goal = goal.map(|(_, goal)| format!("{goal}")).unwrap_or_default();
        println!("| {language} | {median:.0} | {p99:.0} | {:.2} | {goal} | {} |", median / floor, answer.fuel);
    }
    Ok(())
}

/// The time that so much of all stays below.
fn share(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let at = (times.len() as f64 * part) as usize;
    times[at.min(times.len() - 1)]
}
