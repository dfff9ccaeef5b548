//! The default policy in the sandbox: a real guest on real shapes. What it decides is the scenarios' matter.

use quarterdeck::decide::{Class, Policy};
use quarterdeck_core::decision::Decision;
use quarterdeck_core::encoding;
use quarterdeck_core::situation::{Fact, Situation};
use quarterdeck_tests::shape;

use super::{SANDBOX, STEWARD};

fn steward() -> Policy {
    SANDBOX.load(STEWARD).unwrap_or_else(|error| panic!("{error:?}"))
}

fn decision(policy: &Policy, situation: &Situation) -> Decision {
    let answer = policy.decide(&encoding::encode(situation));
    let Class::Decided(bytes) = answer.class else { panic!("{answer:?}") };
    encoding::decode(&bytes).expect("a decision")
}

#[test]
fn steward_decides_on_every_size_and_the_same_each_time() {
    let steward = steward();
    for kib in [1, 16, 64, 250] {
        let situation = encoding::encode(&shape::situation(kib << 10));
        let answer = steward.decide(&situation);
        assert_eq!(answer.class.name(), "decided", "{kib} KiB: {answer:?}");
        assert_eq!(answer, steward.decide(&situation));
        assert!(answer.fuel < 20_000_000, "{kib} KiB took {} of fuel", answer.fuel);
    }
}

#[test]
fn keys_and_values_of_tomorrow_change_nothing_for_a_policy_of_today() {
    let steward = steward();
    let today = shape::situation(16 << 10);
    let expected = decision(&steward, &today);
    assert!(!expected.proposals.is_empty(), "a situation that asks for nothing would prove nothing");

    let mut tomorrow = today;
    let unknown = || Fact::new("a-key-that-nobody-knows-yet", "and its value");
    tomorrow.more.push(unknown());
    tomorrow.cluster.push(unknown());
    tomorrow.engine.iter_mut().for_each(|engine| engine.more.push(unknown()));
    tomorrow.workers.iter_mut().for_each(|worker| worker.more.push(unknown()));
    for mission in &mut tomorrow.missions {
        mission.more.push(unknown());
        mission.phase = "basking".into();
        mission.artifacts.iter_mut().for_each(|artifact| artifact.more.push(unknown()));
        mission.plans.iter_mut().for_each(|plan| plan.facts.push(unknown()));
    }
    for finding in &mut tomorrow.findings {
        finding.evidence.push(unknown());
    }
    assert_eq!(decision(&steward, &tomorrow).proposals, expected.proposals);
}

#[test]
fn open_values_that_are_unknown_mean_other_and_are_no_failure() {
    let steward = steward();
    let mut situation = shape::situation(16 << 10);
    for finding in &mut situation.findings {
        finding.rule = "a-rule-of-tomorrow".into();
    }
    for mission in &mut situation.missions {
        mission.plans.iter_mut().for_each(|plan| plan.tool = "a-tool-of-tomorrow".into());
        let failures = mission.tallies.iter_mut().filter_map(|tally| tally.last_failure.as_mut());
        failures.for_each(|failure| failure.kind = "a-failure-of-tomorrow".into());
    }
    situation.allowances.iter_mut().for_each(|allowance| allowance.name = "a-budget-of-tomorrow".into());
    // Nobody can plan with a tool that is not known.
    let builds =
        decision(&steward, &situation).proposals.into_iter().filter(|proposal| proposal.action.work().is_some());
    assert_eq!(builds.count(), 0);
}
