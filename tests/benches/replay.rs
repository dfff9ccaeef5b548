//! What a replay costs: a journal of 10 000 turns of steward, asked again, against the floor of reading and folding it.
//!
//! The journal is made by the host itself in its box: eight missions, one of which loses a container every minute, in turn, so
//! that none is parked, and some containers that fail and are nobody's. What a replay takes above the floor are the decisions (on other threads), the
//! gate, and the ledger's digest at every turn. The goal is 10 000 turns in 10 s on two cores. Blocks are taken in turns,
//! so that a slow spell of the machine meets both. Another number of turns: `cargo bench --bench replay -- 2000`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use quarterdeck::app::STEWARD;
use quarterdeck::decide::Sandbox;
use quarterdeck::rehearsal::Script;
use quarterdeck::remember::journal;
use quarterdeck::replay::{Asked, replay};
use quarterdeck_core::charter::Charter;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::ContainerState;
use quarterdeck_tests::guests;
use quarterdeck_tests::harness::Harness;

const TURNS: u64 = 10_000;
const MISSIONS: usize = 8;
const STRAYS: usize = 12;
const BLOCKS: usize = 5;
const STEP_MS: u64 = 1_000;
/// So many turns lie between two containers that get lost.
const CALM: u64 = 60;

fn main() -> Result<()> {
    // cargo passes `--bench`; with `--test` everything runs once, to see that it does.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--test");
    let named = arguments.iter().find_map(|argument| argument.parse().ok());
    let turns = named.unwrap_or(if quick { 2 * CALM } else { TURNS });
    // Each turn is two writes that wait for the disk, and this is no measure of disks.
    if Path::new("/dev/shm").is_dir() {
        tempfile::env::override_temp_dir(Path::new("/dev/shm")).map_err(|_| anyhow!("it was overridden before"))?;
    }
    let begun = Instant::now();
    let host = lived(turns)?;
    let situations: usize = host.decided.iter().map(|(situation, _)| situation.len()).sum();
    let bytes = std::fs::metadata(host.journal().join("000001.journal"))?.len();
    println!(
        "{turns} turns in {:.1} s: situations of {:.1} KiB, a first segment of {:.1} MiB",
        begun.elapsed().as_secs_f64(),
        situations as f64 / 1024.0 / turns as f64,
        bytes as f64 / f64::from(1 << 20)
    );

    let sandbox = Sandbox::new()?;
    let steward = sandbox.load(STEWARD)?;
    let policies = [&steward];
    let other = sandbox.load(&guests::named("floor")?)?;
    let (mut floor, mut same, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..if quick { 1 } else { BLOCKS } {
        floor.push(timed(|| fold(&host.journal(), turns))?);
        let again = Asked { policies: &policies, candidate: None, rules: None, from: 1, to: u32::MAX };
        same.push(timed(|| {
            let (report, _) = replay(&host.journal(), again, &mut |_| {})?;
            ensure!(report.turns.same == turns && report.fuel_compared == turns, "{:?}", report.turns);
            Ok(())
        })?);
        let instead = Asked { policies: &[], candidate: Some(&other), ..again };
        open.push(timed(|| {
            let (report, _) = replay(&host.journal(), instead, &mut |_| {})?;
            ensure!(report.turns.different > 0, "it proposes nothing: {:?}", report.turns);
            Ok(())
        })?);
    }
    println!("| | s | turns a second | times the floor |");
    println!("|---|---|---|---|");
    let floor = median(floor);
    for (what, time) in [
        ("read and fold: the floor", floor),
        ("replay, the same policy", median(same)),
        ("replay, a candidate that does nothing", median(open)),
    ] {
        let seconds = time.as_secs_f64();
        println!("| {what} | {seconds:.2} | {:.0} | {:.2} |", turns as f64 / seconds, seconds / floor.as_secs_f64());
    }
    Ok(())
}

/// A host that has lived through so many turns.
fn lived(turns: u64) -> Result<Harness> {
    let names: Vec<String> = (0..MISSIONS).map(|number| format!("shop-{number}")).collect();
    let files: Vec<[(&str, String); 2]> = names.iter().map(|name| mission(name)).collect();
    let files: Vec<[(&str, &str); 2]> =
        files.iter().map(|files| files.each_ref().map(|(name, text)| (*name, text.as_str()))).collect();
    let missions: Vec<(&str, &[(&str, &str)])> =
        names.iter().zip(&files).map(|(name, files)| (name.as_str(), files.as_slice())).collect();
    // As much work as there can be: no rate ends it.
    let mut charter = Charter::default();
    (charter.settings.workers_an_hour_max, charter.settings.applies_a_day_max) = (600, 1_000);
    (charter.settings.repairs_max, charter.settings.repair_rest_ms) = (100, 0);
    let mut host = Harness::new(&missions, charter, Script::default())?;
    host.disturb("strays", |world| {
        (0..STRAYS).for_each(|number| world.add_container(&format!("stray-{number}"), ContainerState::Exited(1)));
    });
    for turn in 1..=turns {
        host.turn()?;
        host.pass(STEP_MS);
        if turn % CALM == 0 {
            let loser = format!("{}-web", names[usize::try_from(turn / CALM)? % MISSIONS]);
            host.disturb("one is lost", |world| {
                world.remove(&loser);
            });
        }
    }
    ensure!(host.decided.len() as u64 == turns, "one decision a turn");
    Ok(host)
}

fn mission(name: &str) -> [(&'static str, String); 2] {
    let yaml = format!(
        "apiVersion: quarterdeck.dev/v1alpha1\nkind: Mission\nmetadata: {{name: {name}}}\n\
         spec: {{goal: A shop., autonomy: auto, terraform: {{}}}}\n"
    );
    let main = format!(
        "terraform {{\n  required_providers {{\n    docker = {{ source = \"kreuzwerker/docker\", version = \">= 3.3.0\" }}\n  }}\n}}\n\
         resource \"docker_network\" \"private\" {{ name = \"{name}\" }}\n\
         resource \"docker_container\" \"web\" {{\n  name  = \"{name}-web\"\n  image = \"nginx:alpine\"\n}}\n"
    );
    [("mission.yaml", yaml), ("main.tf", main)]
}

fn fold(folder: &Path, turns: u64) -> Result<()> {
    let mut ledger = Ledger::default();
    journal::read(folder, &mut |record| ledger.fold(&record.entry))?;
    ensure!(u64::from(ledger.turn) == turns, "every turn was read");
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
