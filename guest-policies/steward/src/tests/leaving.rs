//! A mission that is to go.

use super::scene::*;
use quarterdeck_policy_sdk::*;

#[test]
fn going_is_planned_first_also_where_nothing_was_ever_applied() {
    let (_, proposal) = only(&scene(vec![leaving()]));
    let Action::Build(build) = proposal.action else { panic!("no build") };
    assert_eq!((proposal.key, build.step), (format!("plan/{WEB}"), BuildStep::PlanDestroy));
}

#[test]
fn a_spare_that_is_to_go_needs_no_reason() {
    let mission = Mission { desired: DesiredState::Absent, ..spare() };
    assert_eq!(keys(&scene(vec![mission])), [format!("plan/{WEB}")]);
}

#[test]
fn a_plan_that_destroys_is_applied_and_an_empty_one_ends_it() {
    let with = |artifact| scene(vec![Mission { artifacts: vec![artifact], ..leaving() }]);
    assert_eq!(keys(&with(made_to_destroy(NOW - SECOND, 2))), [format!("apply/{WEB}/aaaabbbbcccc")]);
    assert_rests(&with(made_to_destroy(1, 0)), None);
    assert_rests(&with(Artifact { stale: true, ..made_to_destroy(1, 0) }), None);
}

#[test]
fn a_plan_to_build_is_never_applied_to_what_is_to_go() {
    let mission = Mission { artifacts: vec![made(NOW - SECOND, 2)], ..leaving() };
    assert_eq!(keys(&scene(vec![mission])), [format!("plan/{WEB}")]);
}

#[test]
fn what_was_seen_to_be_gone_is_done_with() {
    let gone = |ok| scene(vec![applied(leaving(), made_to_destroy(1, 2), 9, ok)]);
    assert_rests(&gone(true), None);
    assert_eq!(keys(&gone(false)), [format!("plan/{WEB}")]);
}
