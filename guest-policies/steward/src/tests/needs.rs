//! A mission that is built only when something needs it.

use super::scene::*;
use quarterdeck_policy_sdk::*;

fn advised(need: &str) -> Situation {
    let findings = vec![finding("down", None, Severity::Critical, NOW - 20 * SECOND)];
    Situation { findings, advice: vec![advice("down", need, NOW - 10 * SECOND)], ..scene(vec![spare()]) }
}

/// The scene with its one recommendation changed.
fn changed(change: impl Fn(&mut Recommendation)) -> Situation {
    let mut view = advised("server");
    let Reply::Assessed(assessment) = &mut view.advice[0].reply else { panic!("not assessed") };
    change(&mut assessment.recommendations[0]);
    view
}

#[test]
fn nothing_needs_it() {
    assert_rests(&scene(vec![spare()]), None);
}

#[test]
fn a_recommended_need_that_it_offers_builds_it() {
    let (_, proposal) = only(&advised("server"));
    assert_eq!((proposal.key, proposal.cites), (format!("plan/{WEB}"), vec!["propose/down".to_owned()]));
}

#[test]
fn a_need_that_it_does_not_offer_builds_nothing() {
    assert!(keys(&advised("network")).is_empty());
    assert!(keys(&changed(|recommendation| recommendation.need = None)).is_empty());
}

#[test]
fn a_recommendation_may_name_one_mission() {
    assert_eq!(keys(&changed(|recommendation| recommendation.mission = Some(WEB.into()))).len(), 1);
    assert!(keys(&changed(|recommendation| recommendation.mission = Some("db-0123abcd".into()))).is_empty());
}

#[test]
fn advice_about_a_resolved_finding_is_void() {
    assert!(keys(&Situation { resolved: vec![resolved("down")], ..advised("server") }).is_empty());
    assert!(keys(&Situation { findings: vec![], ..advised("server") }).is_empty());
    // Where the recommendation names none, it is the one that was asked about.
    let silent = changed(|recommendation| recommendation.finding = None);
    assert_eq!(keys(&silent).len(), 1);
    assert!(keys(&Situation { resolved: vec![resolved("down")], ..silent }).is_empty());
}

#[test]
fn a_finding_that_a_person_took_on_builds_nothing() {
    let mut view = advised("server");
    view.findings[0].acknowledged_until = Some(NOW + SECOND);
    assert_rests(&view, Some(NOW + SECOND));
}

#[test]
fn no_answer_builds_nothing() {
    for reply in [Reply::Pending, Reply::Unanswered("quota".into())] {
        let mut view = advised("server");
        view.advice[0].reply = reply;
        assert!(keys(&view).is_empty());
    }
}

#[test]
fn what_was_begun_is_looked_after_without_advice() {
    let begun = Mission { artifacts: vec![made(NOW - SECOND, 1)], ..spare() };
    assert_eq!(keys(&scene(vec![begun])), [format!("apply/{WEB}/aaaabbbbcccc")]);

    let workers = vec![worker(Operation::Plan, WorkerPhase::Failed, Some(NOW - SECOND))];
    assert_eq!(keys(&Situation { workers, ..scene(vec![spare()]) }), [format!("plan/{WEB}")]);

    let applied = Mission { applied: Some(MADE.into()), ..spare() };
    assert_eq!(keys(&scene(vec![applied])), [format!("plan/{WEB}")]);

    let of_before = Mission { generation: 2, artifacts: vec![made(NOW - SECOND, 1)], ..spare() };
    assert!(keys(&scene(vec![of_before])).is_empty());
}
