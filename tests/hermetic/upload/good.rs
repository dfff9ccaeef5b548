//! What passes, and what the host plugs in.

use quarterdeck::decide::Isolation;
use quarterdeck::decide::upload::{Demands, Replay, Signed, examine};
use quarterdeck_core::encoding;
use quarterdeck_core::upload::{Outcome, Profile, Replayed, Step};
use quarterdeck_tests::{guests, program::program, shape};

use super::{SANDBOX, STEWARD, artifact};

#[test]
fn a_good_policy_passes_every_check_and_is_compiled_once() {
    let mut steps = vec![];
    let examined = examine(STEWARD, Demands::default(), program(), &mut |step| steps.push(step)).expect("it can be");
    let report = examined.report;
    assert_eq!(steps, Step::ALL);
    assert_eq!(report.refusal(), None, "{report:#?}");
    let outcomes: Vec<(Step, Outcome)> = report.checks.iter().map(|check| (check.step, check.outcome)).collect();
    let not_asked = [Step::Signature, Step::Replay];
    let expected = |step| if not_asked.contains(&step) { Outcome::NotAsked } else { Outcome::Passed };
    assert_eq!(outcomes, Step::ALL.map(|step| (step, expected(step))));
    let said = report.description.clone().expect("a description");
    assert_eq!((said.name.as_str(), report.profile), ("steward", Some(Profile::Pure)));
    assert!(report.exports.iter().any(|name| name.starts_with("quarterdeck:policy/decider@")), "{:?}", report.exports);
    assert!(
        report.producers.iter().any(|producer| producer.starts_with("tool wit-bindgen-rust")),
        "{:?}",
        report.producers
    );
    let classes: Vec<&str> = report.samples.iter().map(|sample| sample.class.as_str()).collect();
    assert_eq!(classes, ["decided"; 4]);
    assert!(report.samples.iter().all(|sample| sample.fuel > 0 && sample.memory_bytes >= 64 << 10));
    let proposals: Vec<u32> = report.samples.iter().map(|sample| sample.proposals).collect();
    assert!(proposals[0] == 0 && proposals[1] == 1 && proposals[2] > 0, "{proposals:?}");

    // What it was compiled to decides as it does when it is compiled here.
    let artifact = examined.artifact.expect("its code");
    let compiled = SANDBOX.load_compiled(&artifact, report.policy, said, &Isolation::Thread).expect("it is ours");
    let loaded = SANDBOX.load(STEWARD).expect("steward");
    assert_eq!((compiled.digest(), compiled.description()), (loaded.digest(), loaded.description()));
    for kib in [1, 16, 64] {
        let situation = encoding::encode(&shape::situation(kib << 10));
        assert_eq!(compiled.decide(&situation), loaded.decide(&situation), "{kib} KiB");
    }
}

#[test]
fn a_policy_is_shown_what_it_wrote_and_then_nothing() {
    // It counts its decisions in its memo, and wants to look again after as many seconds.
    let (_, report) = artifact(&guests::named("counts").expect("a guest"));
    assert_eq!(report.samples.len(), 4);
    let fuel: Vec<u64> = report.samples.iter().map(|sample| sample.fuel).collect();
    assert_ne!(fuel[2], fuel[3], "with its memo it reads, and without it does not: {fuel:?}");
}

#[test]
fn the_hosts_own_checks_are_plugged_in() {
    let floor = guests::named("floor").expect("the floor");
    let signed = |outcome| Signed { outcome, detail: "1 of 2 keys".into(), signers: vec!["ada".into()] };
    let demands = Demands { signature: Some(Box::new(|_| signed(Outcome::Refused))), ..Demands::default() };
    // Nothing is started for what is not signed.
    let examined = examine(&floor, demands, "/nowhere".as_ref(), &mut |_| {}).expect("no process is needed");
    let refusal = examined.report.refusal().expect("it is refused");
    assert_eq!((refusal.step, refusal.detail.as_str()), (Step::Signature, "1 of 2 keys"));
    assert_eq!(examined.report.signers, ["ada"]);
    let failed = examine(&floor, Demands::default(), "/nowhere".as_ref(), &mut |_| {}).err();
    assert_eq!(failed.expect("the machine is at fault").to_string(), "start /nowhere to examine a policy");

    let situation = encoding::encode(&shape::situation(1 << 10));
    let demands = Demands {
        signature: Some(Box::new(|bytes| signed(if bytes == floor { Outcome::Passed } else { Outcome::Refused }))),
        replay: Some(Replay {
            sandbox: &SANDBOX,
            isolation: Isolation::Thread,
            ask: Box::new(|policy| {
                assert_eq!(policy.decide(&situation).class.name(), "decided");
                Some(Replayed { turns: 7, differ: 2, failed: 1, differences: vec!["turn 3".into()] })
            }),
        }),
        ..Demands::default()
    };
    let report = examine(&floor, demands, program(), &mut |_| {}).expect("it can be").report;
    let last = report.checks.last().expect("ten checks");
    assert_eq!((last.step, last.outcome), (Step::Replay, Outcome::Passed));
    assert_eq!(last.detail, "asked about 7 turns: 2 decided otherwise, 1 failed");
    assert_eq!(report.replay.map(|replayed| replayed.turns), Some(7));
}
