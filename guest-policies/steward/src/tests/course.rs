//! A mission that is to stand: plan, apply, verified, drift.

use super::scene::*;
use quarterdeck_policy_sdk::*;

const REPLAN: u64 = 600 * SECOND;
const SETTLE: u64 = 15 * SECOND;

#[test]
fn a_new_mission_is_planned() {
    let (_, proposal) = only(&scene(vec![web()]));
    let order = Order { mission: WEB.into(), generation: 1, plan: FILES.into(), remedy: None };
    assert_eq!(proposal.key, format!("plan/{WEB}"));
    assert_eq!(proposal.action, Action::Build(Build { order, step: BuildStep::Plan }));
}

#[test]
fn what_nobody_asks_of_it_is_left_alone() {
    let quiet = [
        Mission { autonomy: Autonomy::Off, ..web() },
        Mission { desired: DesiredState::Suspended, ..web() },
        Mission { parked: Some("it went round in circles".into()), ..web() },
        Mission { plans: vec![], ..web() },
        Mission { plans: vec![Plan { digest: FILES.into(), tool: "ansible".into(), facts: vec![] }], ..web() },
        Mission { more: vec![new_fact("preflight", "the engine is too new")], ..web() },
    ];
    for mission in quiet {
        assert_rests(&scene(vec![mission]), None);
    }
}

#[test]
fn a_worker_is_waited_for_until_its_deadline() {
    for phase in [WorkerPhase::Starting, WorkerPhase::Running] {
        let workers = vec![worker(Operation::Plan, phase, None)];
        assert_rests(&Situation { workers, ..scene(vec![web()]) }, Some(NOW + 60 * SECOND));
    }
    let workers = vec![worker(Operation::Plan, WorkerPhase::Lost, Some(NOW))];
    assert_eq!(keys(&Situation { workers, ..scene(vec![web()]) }), [format!("plan/{WEB}")]);
}

#[test]
fn a_plan_with_changes_is_applied_and_one_without_is_not() {
    let changing = Mission { artifacts: vec![made(NOW - SECOND, 2)], ..web() };
    let (_, proposal) = only(&scene(vec![changing]));
    assert_eq!(proposal.key, format!("apply/{WEB}/aaaabbbbcccc"));
    let Action::Build(build) = proposal.action else { panic!("no build") };
    assert_eq!(build.step, BuildStep::Apply(MADE.into()));

    let idle = Mission { artifacts: vec![made(NOW - SECOND, 0)], ..web() };
    assert_rests(&scene(vec![idle]), Some(NOW - SECOND + REPLAN));
}

#[test]
fn a_plan_of_unknown_content_is_not_applied() {
    let unknown = Artifact { summary: None, ..made(NOW - SECOND, 0) };
    assert_rests(&scene(vec![Mission { artifacts: vec![unknown], ..web() }]), Some(NOW - SECOND + REPLAN));
}

#[test]
fn a_plan_of_another_generation_or_of_other_files_does_not_count() {
    let others = [
        Artifact { generation: 0, ..made(NOW - SECOND, 1) },
        Artifact { plan: "sha256:0123".into(), ..made(NOW - SECOND, 1) },
        made_to_destroy(NOW - SECOND, 1),
    ];
    for other in others {
        assert_eq!(keys(&scene(vec![Mission { artifacts: vec![other], ..web() }])), [format!("plan/{WEB}")]);
    }
}

#[test]
fn a_stale_plan_is_made_anew_when_things_have_settled() {
    let stale = |at| scene(vec![Mission { artifacts: vec![Artifact { stale: true, ..made(at, 1) }], ..web() }]);
    assert_rests(&stale(NOW - SECOND), Some(NOW - SECOND + SETTLE));
    assert_eq!(keys(&stale(NOW - SETTLE)), [format!("plan/{WEB}")]);
}

#[test]
fn what_is_applied_and_verified_rests_until_drift_is_looked_for() {
    let stands = |age| {
        // Its own apply made the plan stale.
        let artifact = Artifact { stale: true, ..made(NOW - age, 2) };
        let workers = vec![worker(Operation::Apply, WorkerPhase::Succeeded, Some(NOW - age + 5))];
        Situation { workers, ..scene(vec![applied(web(), artifact, NOW - age + 9, true)]) }
    };
    assert_rests(&stands(SETTLE * 2), Some(NOW - SETTLE * 2 + REPLAN));
    assert_eq!(keys(&stands(REPLAN)), [format!("plan/{WEB}")]);
}

#[test]
fn a_look_from_before_the_apply_proves_nothing() {
    let mission = applied(web(), made(NOW - 90 * SECOND, 2), NOW - 80 * SECOND, false);
    let workers = vec![worker(Operation::Apply, WorkerPhase::Succeeded, Some(NOW - 70 * SECOND))];
    assert_rests(&Situation { workers, ..scene(vec![mission]) }, Some(NOW - 90 * SECOND + REPLAN));
}

#[test]
fn what_did_not_come_out_as_planned_is_planned_again_after_a_pause() {
    let failed = |age| scene(vec![applied(web(), made(NOW - age, 2), NOW - age + 1, false)]);
    assert_rests(&failed(SECOND), Some(NOW - SECOND + SETTLE));
    assert_eq!(keys(&failed(SETTLE)), [format!("plan/{WEB}")]);
}

#[test]
fn a_finding_of_the_mission_asks_for_a_new_plan_and_is_cited() {
    let stands = || vec![applied(web(), made(NOW - 90 * SECOND, 2), NOW - 80 * SECOND, true)];
    let with = |finding| Situation { findings: vec![finding], ..scene(stands()) };
    let gone = finding("gone", Some(WEB), Severity::Critical, NOW - SECOND);
    let (_, proposal) = only(&with(gone.clone()));
    assert_eq!((proposal.key, proposal.cites), (format!("plan/{WEB}"), vec!["gone".to_owned()]));

    assert!(keys(&with(Finding { severity: Severity::Info, ..gone.clone() })).is_empty());
    assert!(keys(&with(Finding { mission: Some("db-0123abcd".into()), ..gone.clone() })).is_empty());
    assert!(keys(&with(Finding { acknowledged_until: Some(NOW + 1), ..gone.clone() })).is_empty());
    assert!(keys(&Situation { resolved: vec![resolved("gone")], ..with(gone) }).is_empty());
}

#[test]
fn a_finding_that_no_plan_mends_is_planned_for_once() {
    let mission = Mission { artifacts: vec![made(NOW - 30 * SECOND, 0)], ..web() };
    let with = |changed| {
        let findings = vec![finding("odd", Some(WEB), Severity::Warning, changed)];
        Situation { findings, ..scene(vec![mission.clone()]) }
    };
    assert_rests(&with(NOW - 40 * SECOND), Some(NOW - 30 * SECOND + REPLAN));
    // It changed since: a plan that found nothing is not repeated before a minute is over.
    assert_rests(&with(NOW - SECOND), Some(NOW + 30 * SECOND));
}

#[test]
fn after_a_failed_apply_the_world_is_planned_anew() {
    let mission = Mission { artifacts: vec![made(NOW - 60 * SECOND, 2)], ..web() };
    let ended = |at| {
        let workers = vec![worker(Operation::Apply, WorkerPhase::Failed, Some(at))];
        Situation { workers, ..scene(vec![mission.clone()]) }
    };
    assert_rests(&ended(NOW - SECOND), Some(NOW - SECOND + SETTLE));
    assert_eq!(keys(&ended(NOW - 20 * SECOND)), [format!("plan/{WEB}")]);
}

#[test]
fn the_operator_says_when_drift_is_looked_for() {
    let mission = Mission { artifacts: vec![made(NOW - 45 * SECOND, 0)], ..web() };
    let with = |seconds| {
        let settings = vec![new_fact("replan-after-seconds", seconds)];
        Situation { settings, ..scene(vec![mission.clone()]) }
    };
    assert_eq!(keys(&with("45")).len(), 1);
    assert_eq!(keys(&with("0")).len(), 1, "the least is 30 seconds");
    assert_rests(&with("46"), Some(NOW + SECOND));
    assert_rests(&with("soon"), Some(NOW - 45 * SECOND + REPLAN));
    assert_rests(&with("18446744073709551615"), Some(U64_MAX));
}

#[test]
fn what_its_state_does_not_know_is_not_made_a_second_time() {
    let stranger = Finding {
        rule: "object-unknown".into(),
        ..finding("stranger", Some(WEB), Severity::Critical, NOW - 90 * SECOND)
    };
    let with = |mission| Situation { findings: vec![stranger.clone()], ..scene(vec![mission]) };
    assert_rests(&with(web()), None);
    assert_rests(&with(Mission { artifacts: vec![made(NOW - SECOND, 2)], ..web() }), None);
    assert_eq!(keys(&with(leaving())), [format!("plan/{WEB}")], "removing makes nothing");
    assert_eq!(keys(&with(mission("db-0123abcd"))), ["plan/db-0123abcd"]);
    assert_eq!(keys(&Situation { resolved: vec![resolved("stranger")], ..with(web()) }), [format!("plan/{WEB}")]);
}
