//! Situations that no host should make: steward keeps its head and its bounds.

use super::scene::*;
use quarterdeck_policy_sdk::*;
use std::collections::BTreeSet;

#[test]
fn nothing_at_all_is_a_situation() {
    let decision = crate::decide(&scene(vec![]));
    assert_eq!(decision, Decision { proposals: vec![], rationale: String::new(), memo: None, look_again: None });
}

#[test]
fn a_memo_of_somebody_changes_nothing() {
    let memo = Some(Memo { format: "other/9".into(), bytes: vec![0xff; 9] });
    assert_eq!(crate::decide(&Situation { memo, ..scene(vec![web()]) }), crate::decide(&scene(vec![web()])));
}

/// All numbers at their ends, in every combination of a few.
#[test]
fn numbers_at_their_ends_do_no_harm() {
    for now in [0, NOW, u64::MAX] {
        for at in [0, NOW, u64::MAX] {
            for generation in [0, 1, u32::MAX] {
                let extreme = extreme(now, at, generation);
                let decision = crate::decide(&extreme);
                assert!(decision.look_again.is_none_or(|at| at > now && at <= U64_MAX), "{decision:?}");
            }
        }
    }
}

fn extreme(now: u64, at: u64, generation: u32) -> Situation {
    let summary = ChangeSummary { adds: u32::MAX, changes: u32::MAX, destroys: u32::MAX, replaces: u32::MAX };
    let artifact = Artifact { generation, made: at, summary: Some(summary), ..made(0, 0) };
    let tally = Tally { limit: generation, not_before: Some(at), ..tally(Operation::Apply, u32::MAX, None) };
    let mission = Mission { generation, artifacts: vec![artifact], tallies: vec![tally], ..web() };
    let ended = Worker { started: at, deadline: at, ..worker(Operation::Apply, WorkerPhase::Lost, None) };
    let seen = Finding { acknowledged_until: Some(at), ..finding("f", Some(WEB), Severity::Critical, at) };
    let standing = applied(mission.clone(), Artifact { made: at, ..made(0, 1) }, at, false);
    Situation {
        now,
        findings: vec![seen],
        workers: vec![ended],
        approvals: vec![Approval { requested: at, expires: at, ..approval(ApprovalState::Pending) }],
        settings: vec![new_fact("replan-after-seconds", &at.to_string())],
        ..scene(vec![mission, Mission { id: "standing".into(), ..standing }])
    }
}

#[test]
fn names_of_any_shape_are_only_names() {
    for digest in ["", "sha256:", ":", "ſha256:ééééééééééééééé", "sha256:日本語日本語日本語日本語日本語"]
    {
        let artifact = Artifact { digest: digest.into(), plan: String::new(), ..made(NOW, 1) };
        let plans = vec![Plan { digest: String::new(), tool: "terraform".into(), facts: vec![] }];
        let mission = Mission { id: String::new(), plans, artifacts: vec![artifact], ..web() };
        let keys = keys(&scene(vec![mission]));
        assert!(keys[0].starts_with("apply//"), "{keys:?}");
    }
    let long = mission(&"é".repeat(5_000));
    let decision = crate::decide(&scene(vec![long]));
    assert_eq!(decision.proposals.len(), 0, "the host would take no such key");
    assert!(decision.rationale.len() < 200);
}

#[test]
fn a_list_that_names_a_mission_twice_gets_one_proposal() {
    assert_eq!(keys(&scene(vec![web(), web(), leaving()])), [format!("plan/{WEB}")]);
}

#[test]
fn a_crowd_is_served_within_bounds() {
    let crowd: Vec<Mission> = (0..500).map(|number| mission(&format!("mission-{number}"))).collect();
    let decision = crate::decide(&scene(crowd));
    assert_eq!(decision.proposals.len(), 64);
    assert!(decision.rationale.len() <= 2_000, "{}", decision.rationale.len());
    assert!(decision.rationale.ends_with("more."), "{}", decision.rationale);
    let keys: BTreeSet<_> = decision.proposals.iter().map(|proposal| &proposal.key).collect();
    assert_eq!(keys.len(), 64);
}

#[test]
fn cites_are_few_and_in_view() {
    let findings = (0..300).map(|n| finding(&format!("f-{n}"), Some(WEB), Severity::Warning, NOW)).collect();
    let (_, proposal) = only(&Situation { findings, ..scene(vec![web()]) });
    assert_eq!(proposal.cites.len(), 16);
}

#[test]
fn unknown_facts_and_open_values_change_nothing() {
    let mut view = scene(vec![web()]);
    view.more = vec![new_fact("moon", "full")];
    view.missions[0].more = vec![new_fact("when", "tuesday"), new_fact("moon", "full")];
    view.missions[0].phase = "Pondering".into();
    view.missions[0].plans.insert(0, Plan { digest: "sha256:1".into(), tool: "pulumi".into(), facts: vec![] });
    assert_eq!(crate::decide(&view), crate::decide(&scene(vec![web()])));
}

#[test]
fn the_description_names_what_it_does_and_no_more() {
    let description = <crate::Steward as Policy>::describe();
    assert_eq!(description.actions, [ActionKind::Build, ActionKind::Ask, ActionKind::Notify]);
    assert_eq!(description.operations, [Operation::Plan, Operation::PlanDestroy, Operation::Apply]);
    assert_eq!(description.settings[0].key, "replan-after-seconds");
}
