//! Actions that start no worker.

use super::{acted, refused};
use crate::decision::{Action, BuildStep, Look};
use crate::entry::Entry;
use crate::fixture::{Scene, finding, succeeded};
use crate::ids::FindingId;
use crate::question::BrainReply;
use crate::situation::{Autonomy, ObjectRef, QuestionKind, Reply, Severity};

fn ask(id: &str) -> Action {
    let findings = vec![FindingId::parse("f-1").unwrap()];
    Action::Ask { id: id.to_owned(), kind: QuestionKind::Triage, mission: None, findings, note: None }
}

fn asking() -> Scene {
    let mut scene = Scene::new(Autonomy::Auto);
    scene.findings.push(finding("f-1", "exited", None));
    scene
}

fn journaled(scene: &mut Scene, action: Action) {
    let verdict = scene.rule(action);
    scene.open(vec![verdict]);
}

#[test]
fn a_policy_tells_a_worker_to_stop_once_it_is_overdue() {
    let mut scene = Scene::new(Autonomy::Auto);
    let order = scene.start(scene.build(BuildStep::Plan));
    let cancel = Action::Cancel(order.name.clone());
    refused(&scene, cancel.clone(), "not-overdue");
    scene.now = order.deadline;
    acted(&scene, cancel.clone(), "words");
    scene.end(&order.name, succeeded());
    refused(&scene, cancel, "no-worker");
    refused(&scene, Action::Cancel(crate::ids::OrderName::parse("plan-web-0").unwrap()), "no-worker");
}

#[test]
fn a_question_is_asked_once_until_it_is_answered() {
    let mut scene = asking();
    acted(&scene, ask("q"), "words");
    journaled(&mut scene, ask("q"));
    refused(&scene, ask("q"), "asked-already");
    acted(&scene, ask("another"), "words");
    let question = scene.ledger.advice["q"].question.clone();
    scene.fold(Entry::Replied(BrainReply::unanswered(&question, scene.now, "nobody is there")));
    assert!(matches!(scene.ledger.advice["q"].advice.reply, Reply::Unanswered(_)));
    acted(&scene, ask("q"), "words");
}

#[test]
fn questions_are_counted_by_the_day() {
    let mut scene = asking();
    scene.charter.settings.questions_a_day_max = 2;
    let both = scene.rule_all(vec![ask("a"), ask("b"), ask("c")]);
    let rules: Vec<&str> = both.iter().map(|verdict| verdict.rule.as_str()).collect();
    assert_eq!(rules, ["words", "words", "questions-spent"]);
    scene.open(both);
    refused(&scene, ask("d"), "questions-spent");
    scene.pass(24 * 60 * 60 * 1_000);
    acted(&scene, ask("d"), "words");
}

#[test]
fn a_question_is_about_what_is_in_view() {
    let mut scene = asking();
    scene.findings.clear();
    refused(&scene, ask("q"), "question-refused");
}

#[test]
fn people_are_told() {
    let scene = Scene::new(Autonomy::Off);
    let (title, text) = ("Look here".to_owned(), String::new());
    acted(&scene, Action::Notify { severity: Severity::Info, title, text, mission: None }, "words");
}

#[test]
fn an_open_finding_is_acknowledged() {
    let mut scene = asking();
    let acknowledge = |id: &str| Action::Acknowledge {
        finding: FindingId::parse(id).unwrap(),
        until: crate::ids::Timestamp::MAX,
        reason: "known".to_owned(),
    };
    refused(&scene, acknowledge("f-2"), "no-finding");
    acted(&scene, acknowledge("f-1"), "words");
    journaled(&mut scene, acknowledge("f-1"));
    let seen = &scene.ledger.findings[&FindingId::parse("f-1").unwrap()];
    assert_eq!(seen.acknowledged_until, Some(crate::ids::Timestamp::MAX));
}

#[test]
fn what_this_host_does_not_offer_is_refused() {
    let scene = Scene::new(Autonomy::Auto);
    let object = ObjectRef { kind: "container".to_owned(), namespace: None, name: "web".to_owned(), uid: None };
    refused(&scene, Action::Inspect { id: "i".to_owned(), object, look: Look::Logs }, "not-offered");
    refused(&scene, Action::Remember { lesson: "l".to_owned(), findings: Vec::new() }, "not-offered");
}
