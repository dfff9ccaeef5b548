//! Every hostile module, uploaded to a live host that turns flat out: each gets the answer that its first line expects, the
//! policy that decides is not disturbed, nothing of a refused one stays, and the turns go on as they did.
//!
//! It measures, so it is no part of `cargo test`, where other tests run beside it: `.ci/run live` calls it alone, with the
//! release, which is what users run.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "hermetic/policies/place.rs"]
#[allow(dead_code, reason = "the hermetic suite uses the rest of it")]
mod place;

use std::sync::atomic::{AtomicBool, Ordering};

use quarterdeck::api::local::{Client, Pushed};
use quarterdeck::remember::journal;
use quarterdeck_core::entry::Entry;
use quarterdeck_core::observation::Command;
use quarterdeck_core::order::Class;
use quarterdeck_core::pause::Scope;
use quarterdeck_core::upload::Step;
use quarterdeck_tests::hostile::{self, Hostile};
use quarterdeck_tests::program::until;

use place::Place;

/// So many turns are taken before the first upload, and after the last one.
const QUIET_TURNS: usize = 400;
/// The 99th percentile of the time from turn to turn may be so many times the larger of those before and after: on two
/// processors the compiler's process takes one, and the noise of a machine is larger than what it takes from the other.
const TIMES_MAX: u64 = 3;
/// Below this, in milliseconds, it is what two processes on two processors make of each other. Three times as much is half of
/// the pause that a host makes between two turns by itself.
const NOISE_MS: u64 = 25;

/// Those that an upload refuses one step before the sandbox alone does, since it compiles before it compares names: what the
/// compiler says.
const COMPILED_FIRST: [(&str, &str); 4] = [
    ("import-hidden", "is not a valid extern name"),
    ("import-look-alike", "is not a valid extern name"),
    ("import-terminal", "is not a valid extern name"),
    ("imports-1000", "instances count exceeds limit of 1000"),
];

/// What an upload came to, in the words of the corpus.
fn seen(pushed: &Pushed) -> String {
    let Some(check) = pushed.report.refusal() else { return "decided".to_owned() };
    format!("refused: {}: {}", check.step.name(), check.detail)
}

/// Whether that is what its first line expects: what is refused before it decides is refused for that reason; what fails when
/// it is asked is refused by the step that asks it.
fn meets(guest: &Hostile, pushed: &Pushed) -> bool {
    let refused = pushed.report.refusal();
    if let Some((_, says)) = COMPILED_FIRST.iter().find(|(name, _)| *name == guest.name) {
        return refused.is_some_and(|check| check.step == Step::Compile && check.detail.contains(says));
    }
    match guest.expect.split_once(':') {
        Some(("refused", _)) => guest.meets(&seen(pushed)),
        Some((_guest_or_host, _kind)) => {
            refused.is_some_and(|check| matches!(check.step, Step::Instantiate | Step::Describe | Step::DryDecision))
        }
        None => pushed.shelved,
    }
}

#[test]
fn every_hostile_module_is_answered_and_the_turns_go_on() {
    // An error means that it is there already.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let place = Place::new();
    let _host = place.host(&["--between-turns", "1ms"]);
    let before = (place.active(), place.policies());
    let client = Client::at(&place.world()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stop = AtomicBool::new(false);
    let mut phases = vec![];
    let mut wrong = vec![];
    let mut kept = 0;
    std::thread::scope(|scope| {
        // Each word of a person is followed by a turn, so there is always a next one.
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let client = Client::at(&place.world()).unwrap();
            let scope = Scope { mission: None, class: Some(Class::Scanner) };
            let words =
                [Command::Pause { scope: scope.clone(), cancel: false, comment: None }, Command::Resume { scope }];
            for word in words.iter().cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
                runtime.block_on(client.send(word)).unwrap();
            }
        });
        let turns = || {
            let mut turns = 0;
            journal::read(&place.world().join("journal"), &mut |record| {
                turns += usize::from(matches!(record.entry, Entry::Opened(_)));
            })
            .unwrap();
            turns
        };
        let mut phase = |name: &'static str, work: &mut dyn FnMut()| {
            let from = turns();
            work();
            phases.push((name, from, turns()));
        };
        let quiet = || {
            let from = turns();
            until("turns without an upload", || (turns() >= from + QUIET_TURNS).then_some(()));
        };
        phase("before", &mut || quiet());
        phase("during", &mut || {
            for guest in hostile::all().unwrap() {
                let component = guest.bytes().unwrap();
                match runtime.block_on(client.push(&guest.name, component, None)) {
                    Ok(pushed) if meets(&guest, &pushed) => kept += usize::from(pushed.shelved),
                    Ok(pushed) => {
                        wrong.push(format!("{}: expected {}, saw {}", guest.name, guest.expect, seen(&pushed)))
                    }
                    // What is larger than a component may be does not get as far as the checks.
                    Err(error) if guest.expect.starts_with("refused") && error.to_string().contains("size") => {}
                    Err(error) => wrong.push(format!("{}: expected {}, saw {error}", guest.name, guest.expect)),
                }
            }
        });
        phase("after", &mut || quiet());
        stop.store(true, Ordering::Relaxed);
    });
    let times = turn_times(&place);
    let mut percentiles = vec![];
    for (name, from, to) in &phases {
        let mut part = times[(*from).min(times.len())..(*to).min(times.len())].to_vec();
        part.sort_unstable();
        let at = |percent: usize| part[(part.len() - 1) * percent / 100];
        println!(
            "{name:<7} {:>5} turns, from one to the next {:>4} ms (median), {:>4} ms (p99)",
            part.len(),
            at(50),
            at(99)
        );
        percentiles.push(at(99));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(place.active(), before.0);
    assert_eq!(place.policies().len(), before.1.len() + kept, "nothing of a refused one stays");
    let noise = percentiles[0].max(percentiles[2]).max(NOISE_MS);
    assert!(percentiles[1] <= noise * TIMES_MAX, "the turns waited: {percentiles:?} ms at p99 before, during, after");
}

/// How long after the one before it each turn began, in milliseconds.
fn turn_times(place: &Place) -> Vec<u64> {
    let (mut times, mut last) = (vec![], None);
    journal::read(&place.world().join("journal"), &mut |record| {
        if let Entry::Opened(opened) = &record.entry {
            times.push(last.map_or(0, |last| opened.at.since_ms(last)));
            last = Some(opened.at);
        }
    })
    .unwrap();
    times
}
