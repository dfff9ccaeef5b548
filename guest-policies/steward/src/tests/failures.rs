//! Backing off, and stopping.

use super::scene::*;
use quarterdeck_policy_sdk::*;

fn planning(tally: Tally) -> Situation {
    scene(vec![Mission { tallies: vec![tally], ..web() }])
}

fn gave_up(operation: &str) -> Vec<String> {
    vec![format!("notify/{WEB}/{operation}")]
}

#[test]
fn a_failure_that_may_pass_is_tried_again_after_the_cool_down() {
    let tally = tally(Operation::Plan, 4, Some(failure("unreachable", true, &["other-mirror"])));
    let (_, proposal) = only(&planning(tally.clone()));
    let Action::Build(build) = proposal.action else { panic!("no build") };
    assert_eq!((proposal.key, build.order.remedy), (format!("plan/{WEB}"), None));
    assert_rests(&planning(Tally { not_before: Some(NOW + 5), ..tally.clone() }), Some(NOW + 5));
    assert_eq!(keys(&planning(Tally { not_before: Some(NOW), ..tally })).len(), 1);
}

#[test]
fn at_the_limit_people_are_told_once() {
    let view = planning(tally(Operation::Plan, 5, Some(failure("unreachable", true, &[]))));
    let (decision, proposal) = only(&view);
    assert!(decision.rationale.contains("gave up on plan after 5 tries of 5"), "{}", decision.rationale);
    let Action::Notify(notify) = proposal.action else { panic!("no notify") };
    assert_eq!((notify.severity, notify.mission.as_deref()), (Severity::Critical, Some(WEB)));
    assert_eq!(vec![proposal.key.clone()], gave_up("plan"));

    let told = Situation { verdicts: vec![verdict(&proposal.key, Ruling::Acted, "notify")], ..view.clone() };
    assert_rests(&told, None);
    let untold = Situation { verdicts: vec![verdict(&proposal.key, Ruling::Refused, "rate")], ..view };
    assert_eq!(keys(&untold), gave_up("plan"));
}

#[test]
fn a_failure_that_will_not_pass_is_not_repeated() {
    assert_eq!(keys(&planning(tally(Operation::Plan, 1, Some(failure("usage", false, &[]))))), gave_up("plan"));
    // A success in between: the failure is history.
    let over = tally(Operation::Plan, 0, Some(failure("usage", false, &[])));
    assert_eq!(keys(&planning(over)), [format!("plan/{WEB}")]);
}

#[test]
fn the_first_remedy_that_is_offered_is_taken() {
    let offered = failure("missing-provider", false, &["init-upgrade", "other"]);
    let (_, proposal) = only(&planning(tally(Operation::Plan, 1, Some(offered))));
    let Action::Build(build) = proposal.action else { panic!("no build") };
    assert_eq!(build.order.remedy.as_deref(), Some("init-upgrade"));
}

#[test]
fn versions_that_do_not_fit_are_the_hosts_affair() {
    for tried in [1, 5] {
        assert_rests(&planning(tally(Operation::Plan, tried, Some(failure("version-mismatch", false, &[])))), None);
    }
}

#[test]
fn each_operation_has_its_own_count() {
    let failed = tally(Operation::Apply, 5, Some(failure("timeout", true, &[])));
    let mission = Mission { tallies: vec![failed], ..web() };
    assert_eq!(keys(&scene(vec![mission.clone()])), [format!("plan/{WEB}")]);
    let planned = Mission { artifacts: vec![made(NOW - SECOND, 1)], ..mission };
    assert_eq!(keys(&scene(vec![planned])), gave_up("apply"));
}
