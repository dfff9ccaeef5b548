//! What a decision costs: steward in the sandbox against the floor, on situations of 1, 16 and 64 KiB.
//!
//! The floor is a component that decides nothing and looks at nothing, with a bump allocator, on bare wasmtime: the same
//! settings, the same values lowered, a fresh store each. What steward takes above it is the sandbox's and steward's
//! own. The goal is 1.4 times the floor at 64 KiB. The table comes from blocks taken in turns, so that a slow spell of
//! the machine meets both; criterion keeps the history.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use criterion::{BenchmarkId, Criterion};
use quarterdeck::decide::bindings::quarterdeck::policy::{logging, types};
use quarterdeck::decide::bindings::{Policy as Bound, PolicyPre};
use quarterdeck::decide::{Policy, Sandbox, boundary, engine_config, limits};
use quarterdeck_core::encoding;
use quarterdeck_tests::{guests, shape};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, Store};

const STEWARD: &[u8] = include_bytes!("../../guest-policies/prebuilt/steward.wasm");
const BLOCK: usize = 50;
const BLOCKS: usize = 12;

/// What bare wasmtime keeps for a guest: nothing.
struct Bare;

impl types::Host for Bare {}
impl logging::Host for Bare {
    fn log(&mut self, _: logging::Level, _: String) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// A component on bare wasmtime.
struct Floor {
    engine: Engine,
    pre: PolicyPre<Bare>,
}

impl Floor {
    fn new(bytes: &[u8]) -> wasmtime::Result<Floor> {
        let engine = Engine::new(&engine_config())?;
        let component = Component::from_binary(&engine, bytes)?;
        let mut linker = Linker::new(&engine);
        Bound::add_to_linker::<_, HasSelf<_>>(&mut linker, |bare| bare)?;
        let pre = PolicyPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Floor { engine, pre })
    }

    fn ask(&self, situation: &types::Situation) -> wasmtime::Result<Result<types::Decision, String>> {
        let mut store = Store::new(&self.engine, Bare);
        store.set_fuel(limits::FUEL)?;
        store.set_epoch_deadline(100);
        store.set_hostcall_fuel(limits::HOSTCALL_BYTES_MAX);
        let policy = self.pre.instantiate(&mut store)?;
        let said = policy.quarterdeck_policy_decider().call_decide(&mut store, situation)?;
        Ok(said.map_err(|error| error.to_string()))
    }
}

fn main() -> Result<()> {
    // cargo passes `--bench`; with `--test` everything runs once, to see that it does.
    let quick = std::env::args().any(|argument| argument == "--test");
    let started = Instant::now();
    let sandbox = Sandbox::new()?;
    let steward = sandbox.load(STEWARD)?;
    let first = steward.decide(&encoding::encode(&shape::situation(16 << 10)));
    println!("start to first decision: {:.1} ms ({})", started.elapsed().as_secs_f64() * 1e3, first.class.name());

    let floor = Floor::new(&guests::named("floor")?).map_err(|error| anyhow!("{error:#}")).context("the floor")?;
    table(&floor, &steward, if quick { 1 } else { BLOCKS })?;
    let mut criterion = Criterion::default().configure_from_args();
    for kib in [1, 16, 64] {
        let encoded = encoding::encode(&shape::situation(kib << 10));
        let lowered = boundary::lower(shape::situation(kib << 10));
        let mut group = criterion.benchmark_group("decide");
        group.measurement_time(Duration::from_secs(3)).sample_size(30);
        group.bench_function(BenchmarkId::new("floor", kib), |bench| bench.iter(|| black_box(floor.ask(&lowered))));
        group.bench_function(BenchmarkId::new("steward", kib), |bench| bench.iter(|| steward.ask(&lowered)));
        group.bench_function(BenchmarkId::new("steward-encoded", kib), |bench| bench.iter(|| steward.decide(&encoded)));
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}

/// Medians of the floor, of steward on the same values, and of the whole way from bytes to bytes.
fn table(floor: &Floor, steward: &Policy, blocks: usize) -> Result<()> {
    println!("| KiB | floor us | steward us | times | bytes to bytes us | times | fuel |");
    println!("|---|---|---|---|---|---|---|");
    for kib in [1, 16, 64, 250] {
        let situation = shape::situation(kib << 10);
        let encoded = encoding::encode(&situation);
        let lowered = boundary::lower(situation);
        let answer = steward.decide(&encoded);
        anyhow::ensure!(answer.class.name() == "decided", "steward on {kib} KiB: {answer:?}");
        let (mut bare, mut asked, mut whole) = (vec![], vec![], vec![]);
        for _ in 0..blocks {
            block(&mut bare, || drop(black_box(floor.ask(&lowered))));
            block(&mut asked, || drop(black_box(steward.ask(&lowered))));
            block(&mut whole, || drop(black_box(steward.decide(&encoded))));
        }
        let (bare, asked, whole) = (median(bare), median(asked), median(whole));
        println!(
            "| {kib} | {bare:.0} | {asked:.0} | {:.2} | {whole:.0} | {:.2} | {} |",
            asked / bare,
            whole / bare,
            answer.fuel
        );
    }
    Ok(())
}

fn block(times: &mut Vec<f64>, mut run: impl FnMut()) {
    run();
    for _ in 0..BLOCK {
        let started = Instant::now();
        run();
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
