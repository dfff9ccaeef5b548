//! What people and the host answered to an apply.

use super::scene::*;
use quarterdeck_policy_sdk::*;

fn planned() -> Situation {
    scene(vec![Mission { artifacts: vec![made(NOW - 60 * SECOND, 2)], ..web() }])
}

fn apply() -> String {
    format!("apply/{WEB}/aaaabbbbcccc")
}

#[test]
fn what_is_asked_granted_or_has_run_out_is_returned() {
    for state in [ApprovalState::Pending, ApprovalState::Granted, ApprovalState::Expired, ApprovalState::Superseded] {
        let (_, proposal) = only(&Situation { approvals: vec![approval(state)], ..planned() });
        assert_eq!((proposal.key, proposal.cites), (apply(), vec!["approval-1".to_owned()]));
    }
}

#[test]
fn a_pending_approval_is_looked_at_when_it_runs_out() {
    let (decision, _) = only(&Situation { approvals: vec![approval(ApprovalState::Pending)], ..planned() });
    assert_eq!(decision.look_again, Some(NOW + 3600 * SECOND));
}

#[test]
fn a_persons_no_stands_until_there_is_another_plan() {
    let denied = Situation { approvals: vec![approval(ApprovalState::Denied)], ..planned() };
    assert_rests(&denied, None);
    let mut anew = denied.clone();
    anew.missions[0].artifacts[0].digest = "sha256:eeee".into();
    assert_eq!(keys(&anew), [format!("apply/{WEB}/eeee")]);
    // A later answer to the same order counts more.
    let mut again = denied;
    again.approvals.push(Approval { requested: NOW, ..approval(ApprovalState::Granted) });
    assert_eq!(keys(&again), [apply()]);
}

#[test]
fn the_hosts_no_stands_until_the_next_plan() {
    let refused = Situation { verdicts: vec![verdict(&apply(), Ruling::Refused, "dangerous-plan")], ..planned() };
    assert_rests(&refused, Some(NOW + 540 * SECOND));
    let mut old = refused;
    old.missions[0].artifacts[0].made = NOW - 600 * SECOND;
    assert_eq!(keys(&old), [format!("plan/{WEB}")]);
}

#[test]
fn not_now_is_no_refusal() {
    for rule in ["paused", "one-at-a-time", "workers-busy", "cool-down", "engine-unknown", "provider-too-old"] {
        let verdicts = vec![verdict(&apply(), Ruling::Refused, rule)];
        assert_eq!(keys(&Situation { verdicts, ..planned() }), [apply()]);
    }
    for ruling in [Ruling::Acted, Ruling::Asked, Ruling::Suggested, Ruling::Failed] {
        let verdicts = vec![verdict(&apply(), ruling, "autonomy")];
        assert_eq!(keys(&Situation { verdicts, ..planned() }), [apply()]);
    }
}

#[test]
fn what_lies_before_a_person_is_not_replaced_by_each_finding_that_moves() {
    let findings = vec![finding("odd", Some(WEB), Severity::Warning, NOW - SECOND)];
    let view = Situation { findings, ..planned() };
    assert_eq!(keys(&view), [format!("plan/{WEB}")]);
    let asked = Situation { approvals: vec![approval(ApprovalState::Pending)], ..view };
    assert_eq!(keys(&asked), [apply()]);
    let mut old = asked;
    old.missions[0].artifacts[0].made = NOW - 600 * SECOND;
    assert_eq!(keys(&old), [format!("plan/{WEB}")]);
}
