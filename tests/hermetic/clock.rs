//! A clock that goes back: the loop's time does not, and what was seen is neither older nor newer for it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use quarterdeck::observe::{Cluster, View, latest};
use quarterdeck::rehearsal::Script;
use quarterdeck_core::charter::Charter;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::observation::{EngineState, EngineView, STALE_MS};
use quarterdeck_tests::harness::{Harness, START};

use super::scenarios::{MAIN_TF, mission};

const HOUR_MS: u64 = 60 * 60 * 1_000;

fn host() -> Harness {
    let yaml = mission("shop", "  autonomy: auto\n");
    let files: [(&str, &str); 2] = [("mission.yaml", &yaml), ("main.tf", MAIN_TF)];
    Harness::new(&[("shop", &files)], Charter::default(), Script::default()).unwrap()
}

#[test]
fn a_clock_that_goes_back_makes_no_engine_stale_and_no_look_undone() {
    let mut host = host();
    let before = host.turns(20_000, 1_000).unwrap();
    assert_eq!(host.phase("shop"), "Ready");
    host.put_back(HOUR_MS);
    for _ in 0..3 {
        let situation = host.turn().unwrap();
        assert_eq!(
            (situation.now, situation.engine.is_some()),
            (before.now, true),
            "time stands still, the engine is seen"
        );
        assert!(situation.findings.is_empty(), "{:?}", situation.findings);
        assert_eq!(host.phase("shop"), "Ready");
        host.pass(1_000);
    }
    host.disturb("removes shop-web", |world| assert_eq!(world.remove("shop-web"), 1));
    let situation = host.turn().unwrap();
    let rules: Vec<&str> = situation.findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["object-missing"], "what happens is found");
}

/// An engine that was looked at then.
struct LookedAt(Timestamp);

impl Cluster for LookedAt {
    fn view(&self) -> View {
        let (looked, state) = (Some(self.0), Some((self.0, EngineState::default())));
        View { facts: Vec::new(), engine: EngineView { looked, state, problem: None }, kubernetes: None }
    }

    fn look_again(&self) {}

    fn choice(&self) -> String {
        "looked at".to_owned()
    }
}

#[test]
fn a_look_is_as_old_after_the_clock_went_back_as_it_was_before() {
    let mut host = host();
    let last = START.plus_ms(2 * HOUR_MS);
    let clock = START.plus_ms(HOUR_MS);
    let ago = |ms: u64, from: Timestamp| Timestamp(from.0 - ms);
    for (look, age) in [
        (clock, 0),
        (ago(3_000, clock), 3_000),
        (ago(STALE_MS + 1, clock), STALE_MS + 1),
        // Looked at before the clock went back: it is not younger than what the loop has seen since.
        (ago(3_000, last), 3_000),
    ] {
        host.rewire(|ports| {
            ports.cluster = Arc::new(LookedAt(look));
            let seen = latest(ports, clock, last);
            let looked = seen.engine.looked.unwrap();
            assert_eq!((seen.at, last.since_ms(looked)), (last, age));
            assert!(looked <= last && seen.engine.state.as_ref().is_some_and(|(at, _)| *at == looked));
            assert_eq!(seen.engine.fresh(last).is_some(), age <= STALE_MS);
        });
    }
}
