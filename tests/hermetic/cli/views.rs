//! Views, what is told of a change, and when a run is over: pure functions of the story.

use quarterdeck::cli::{Teller, Until, outcome};
use quarterdeck::view::{View, look};
use quarterdeck_core::phase::Phase;
use quarterdeck_core::situation::{ApprovalState, WorkerPhase};

use super::story::{SOURCE, Story, approval, at, situation};

fn view(story: &Story) -> View {
    let now = story.ledger.now.plus_ms(1_000);
    look(&story.ledger, Some(&situation(&story.ledger, now).0), now)
}

#[test]
fn a_mission_is_shown_where_it_stands_now() {
    let begun = view(&Story::begun());
    let mission = begun.mission("web").unwrap();
    assert_eq!((mission.phase, mission.plan.as_ref()), (Phase::Pending, None));
    assert_eq!(mission.conditions[0].reason, "Rehearsed");

    let planning = view(&Story::planning());
    assert_eq!(planning.mission("web").unwrap().phase, Phase::Planning);
    assert_eq!(planning.workers[0].phase, WorkerPhase::Running);
    assert_eq!(planning.workers[0].claimant.as_deref(), Some("process 7"));

    let asking = view(&Story::asking());
    let mission = asking.mission("web").unwrap();
    assert_eq!(mission.phase, Phase::AwaitingApproval);
    assert!(mission.message.contains("quarterdeck approve a-0123456789"), "{}", mission.message);
    let plan = mission.plan.as_ref().unwrap();
    assert_eq!((plan.adds, plan.replaces, plan.destroys, plan.dangers.len()), (2, 1, 0, 1));
    assert_eq!(asking.approvals[0].state, ApprovalState::Pending);
    assert!(asking.approvals[0].removes(), "a replacement takes away what is there");

    let denied = view(&Story::denied());
    let mission = denied.mission("web").unwrap();
    assert_eq!((mission.phase, mission.denied.clone()), (Phase::Planned, Some(approval())));
    assert_eq!(denied.approvals[0].who.as_deref(), Some("uid 1000"));
    assert_eq!(denied.approvals[0].comment.as_deref(), Some("not today"));
}

#[test]
fn a_paused_mission_keeps_its_phase_and_says_that_it_is_paused() {
    let (asking, paused) = (view(&Story::asking()), view(&Story::paused()));
    let (before, mission) = (asking.mission("web").unwrap(), paused.mission("web").unwrap());
    assert_eq!((before.phase, before.pauses.len(), before.conditions.len()), (mission.phase, 0, 1));
    let kinds: Vec<(&str, &str)> = mission.conditions.iter().map(|c| (c.kind.as_str(), c.reason.as_str())).collect();
    assert_eq!(kinds, [("Ready", "Rehearsed"), ("Paused", "Paused")]);
    assert_eq!(mission.message, paused.pauses[0].message);
    // It is told once when it begins, and once when it ends.
    let mut teller = Teller::since(at(0));
    teller.tell(&asking);
    let begins = teller.tell(&paused);
    assert!(begins.iter().any(|event| event.event == "finding" && event.text.contains("quarterdeck resume web")));
    assert!(teller.tell(&paused).is_empty());
    let ends = teller.tell(&asking);
    assert!(ends.iter().any(|event| event.event == "resolved" && event.text.contains("paused")), "{ends:?}");
}

#[test]
fn without_a_situation_the_ledger_alone_is_shown() {
    let story = Story::asking();
    let shown = look(&story.ledger, None, at(9));
    assert_eq!(shown.mission("web").unwrap().phase, Phase::AwaitingApproval);
    assert!(shown.findings.is_empty());
    let expired = look(&story.ledger, None, at(9_999));
    assert_eq!(expired.approvals[0].state, ApprovalState::Expired);
}

#[test]
fn a_view_survives_the_socket() {
    let shown = view(&Story::denied());
    let read: View = serde_json::from_str(&serde_json::to_string(&shown).unwrap()).unwrap();
    assert_eq!(read, shown);
}

#[test]
fn a_change_is_told_once_and_an_old_story_not_at_all() {
    let mut teller = Teller::since(at(0));
    let kinds = |teller: &mut Teller, story: Story| -> Vec<&'static str> {
        teller.tell(&view(&story)).iter().map(|event| event.event).collect()
    };
    assert_eq!(kinds(&mut teller, Story::begun()), ["phase"]);
    assert_eq!(kinds(&mut teller, Story::planning()), ["verdict", "worker", "phase"]);
    assert!(kinds(&mut teller, Story::planning()).is_empty());
    assert_eq!(kinds(&mut teller, Story::asking()), ["worker", "verdict", "approval", "phase"]);
    assert_eq!(kinds(&mut teller, Story::denied()), ["approval", "phase"]);

    let mut late = Teller::since(at(100));
    assert_eq!(kinds(&mut late, Story::denied()), ["phase"]);
    let mut late = Teller::since(at(100));
    let asks = late.tell(&view(&Story::asking()));
    assert!(asks.iter().any(|event| event.next.as_deref() == Some("quarterdeck approve a-0123456789")));
    assert!(asks.iter().all(|event| event.rehearsal));
}

#[test]
fn a_run_is_over_when_nothing_moves_any_more() {
    let sources = [SOURCE.to_owned()];
    assert_eq!(outcome(&view(&Story::begun()), &["other.yaml".to_owned()]), Until::Moving);
    assert_eq!(outcome(&view(&Story::planning()), &sources), Until::Moving);
    assert_eq!(outcome(&view(&Story::asking()), &sources), Until::Moving);
    assert_eq!(outcome(&view(&Story::paused()), &sources), Until::Moving, "somebody may resume it");
    let Until::Stuck(stuck) = outcome(&view(&Story::denied()), &sources) else { panic!("a denied plan is the end") };
    assert!(stuck[0].1.contains("denied") && stuck[0].2.contains(SOURCE), "{stuck:?}");

    let mut ready = view(&Story::begun());
    ready.missions[0].phase = Phase::Ready;
    assert_eq!(outcome(&ready, &sources), Until::Reached);
    let mut other = ready.missions[0].clone();
    (other.phase, other.source) = (Phase::Failed, "other.yaml".to_owned());
    ready.missions.push(other);
    let both = [SOURCE.to_owned(), "other.yaml".to_owned()];
    assert!(matches!(outcome(&ready, &both), Until::Stuck(_)));
    assert_eq!(outcome(&ready, &sources), Until::Reached, "another run's mission is not waited for");
    ready.missions[0].phase = Phase::Applying;
    assert_eq!(outcome(&ready, &both), Until::Moving, "what still moves is not cut short");
}
