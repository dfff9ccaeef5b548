//! What the charter's rules decide in the gate: each rule seen at work, and what no charter can lift.

use super::{acted, refused};
use crate::charter::{PRODUCTION, Rules};
use crate::decision::{Action, BuildStep, ConfigureStep, Decision, Look, Proposal};
use crate::digest::Digest;
use crate::fixture::{Scene, finding, spec};
use crate::gate::gate;
use crate::ids::{ApprovalId, FindingId, OrderName, Timestamp};
use crate::mission::MissionSpec;
use crate::observation::{Command, Commanded, Person};
use crate::order::PlanKinds;
use crate::situation::{
    ApprovalState, Autonomy, DesiredState, Fact, ObjectRef, Operation, QuestionKind, Ruling, Severity,
};
use crate::verdict::{Effect, Verdict};

fn ruled_by(autonomy: Autonomy, text: &str) -> Scene {
    let mut scene = Scene::new(autonomy);
    scene.charter.rules = Rules::parse(text).unwrap();
    scene
}

/// A mission whose saved plan removes something; the apply of it.
fn removing(autonomy: Autonomy, text: &str) -> (Scene, Action) {
    let mut scene = ruled_by(autonomy, text);
    let artifact = scene.planned(Vec::new());
    let id = scene.web().id.clone();
    let saved = scene.ledger.missions.get_mut(&id).unwrap().saved.get_mut(&Operation::Plan).unwrap();
    saved.plan.summary.destroys = 1;
    saved.plan.kinds = PlanKinds { removes: ["docker_volume".to_owned()].into(), ..PlanKinds::default() };
    let apply = scene.build(BuildStep::Apply(artifact));
    (scene, apply)
}

fn asked(scene: &mut Scene, apply: &Action, rule: &str) -> ApprovalId {
    let verdict = scene.rule(apply.clone());
    assert_eq!((verdict.ruling, verdict.rule.as_str()), (Ruling::Asked, rule), "{}", verdict.because);
    let id = verdict.approval.clone().unwrap();
    scene.open(vec![verdict]);
    id
}

fn says(scene: &mut Scene, uid: u32, command: Command) -> Result<(), String> {
    let who = Person::Uid(uid);
    scene.ledger.permits(&who, &command, scene.now).map_err(|error| error.to_string())?;
    scene.fold(crate::entry::Entry::Commanded(Commanded { at: scene.now, who, command }));
    Ok(())
}

fn yes(approval: &ApprovalId) -> Command {
    Command::Approve { approval: approval.clone(), comment: None }
}

#[test]
fn nothing_passes_a_charter_without_rules() {
    let mut scene = Scene::new(Autonomy::Auto);
    let artifact = scene.planned(Vec::new());
    scene.charter.rules = Rules::parse("").unwrap();
    for action in [
        scene.build(BuildStep::Plan),
        scene.build(BuildStep::Apply(artifact)),
        Action::Notify { severity: Severity::Info, mission: None, title: "x".into(), text: "x".into() },
    ] {
        refused(&scene, action, "no-permit");
    }
}

#[test]
fn a_rule_asks_under_auto_what_the_missions_author_would_not_have_asked() {
    let (mut scene, apply) = removing(Autonomy::Auto, crate::charter::LAPTOP);
    let approval = asked(&mut scene, &apply, "volumes-are-asked-about");
    scene.approve(&approval);
    acted(&scene, apply, "approved");
}

#[test]
fn two_people_are_two_people_and_neither_author_nor_uploader() {
    let (mut scene, apply) = removing(Autonomy::Auto, PRODUCTION);
    let id = scene.web().id.clone();
    scene.ledger.missions.get_mut(&id).unwrap().spec.author = Some(7);
    scene.ledger.policy.by = Some(8);
    let approval = asked(&mut scene, &apply, "removals-need-two");
    for (uid, says_so) in [(7, "wrote the mission"), (8, "brought the policy")] {
        let error = says(&mut scene, uid, yes(&approval)).unwrap_err();
        assert!(error.contains(says_so), "{error}");
    }
    says(&mut scene, 1, yes(&approval)).unwrap();
    let again = says(&mut scene, 1, yes(&approval)).unwrap_err();
    assert!(again.contains("1 of 2"), "{again}");
    let verdict = scene.rule(apply.clone());
    assert_eq!((verdict.ruling, verdict.effect), (Ruling::Asked, None));
    assert!(verdict.because.ends_with("1 of 2 said yes so far"), "{}", verdict.because);
    // `--yes` of the same user is the same person, even where a journal says so.
    let mut forged = scene.clone();
    forged.fold(crate::entry::Entry::Commanded(Commanded {
        at: scene.now,
        who: Person::Yes(1),
        command: yes(&approval),
    }));
    assert_eq!(forged.rule(apply.clone()).ruling, Ruling::Asked);
    says(&mut scene, 2, yes(&approval)).unwrap();
    acted(&scene, apply, "approved");
}

#[test]
fn a_clusters_user_is_another_person_than_any_uid_and_one_however_often() {
    let (mut scene, apply) = removing(Autonomy::Auto, PRODUCTION);
    let id = scene.web().id.clone();
    scene.ledger.missions.get_mut(&id).unwrap().spec.author = Some(7);
    let approval = asked(&mut scene, &apply, "removals-need-two");
    let say = |scene: &mut Scene, name: &str| {
        let who = Person::User(crate::identity::ClusterUser::parse(name).unwrap());
        let command = yes(&approval);
        scene.ledger.permits(&who, &command, scene.now).map_err(|error| error.to_string())?;
        scene.fold(crate::entry::Entry::Commanded(Commanded { at: scene.now, who, command }));
        Ok::<(), String>(())
    };
    say(&mut scene, "7").unwrap();
    let again = say(&mut scene, "7").unwrap_err();
    assert!(again.starts_with("user \"7\" has granted"), "{again}");
    assert_eq!(scene.rule(apply.clone()).ruling, Ruling::Asked, "one is not two");
    say(&mut scene, "ada").unwrap();
    acted(&scene, apply, "approved");
}

#[test]
fn one_no_is_enough() {
    let (mut scene, apply) = removing(Autonomy::Auto, PRODUCTION);
    let approval = asked(&mut scene, &apply, "removals-need-two");
    says(&mut scene, 1, yes(&approval)).unwrap();
    says(&mut scene, 1, Command::Deny { approval: approval.clone(), comment: Some("no".into()) }).unwrap();
    refused(&scene, apply, "denied");
    assert!(says(&mut scene, 2, yes(&approval)).unwrap_err().contains("denied"));
}

/// What people have read stays read, but it permits no more than the charter in force when it starts.
#[test]
fn a_stricter_charter_asks_again_and_a_forbidding_one_refuses() {
    let (mut scene, apply) = removing(Autonomy::Auto, crate::charter::LAPTOP);
    let approval = asked(&mut scene, &apply, "volumes-are-asked-about");
    scene.approve(&approval);
    acted(&scene, apply.clone(), "approved");
    scene.charter.rules = Rules::parse(PRODUCTION).unwrap();
    let other = asked(&mut scene, &apply, "removals-need-two");
    assert_ne!(other, approval);
    // Under the first one again, what was granted is found again.
    scene.charter.rules = Rules::default();
    acted(&scene, apply.clone(), "approved");
    scene.charter.rules = Rules::parse("@id(\"none\")\nforbid (principal, action, resource);").unwrap();
    refused(&scene, apply, "none");
}

#[test]
fn a_plan_can_be_asked_about_too() {
    let text =
        "@id(\"all-are-asked\")\n@approval(\"human\")\npermit (principal, action in Action::\"reads\", resource);";
    let mut scene = ruled_by(Autonomy::Auto, text);
    let plan = scene.build(BuildStep::Plan);
    let approval = asked(&mut scene, &plan, "all-are-asked");
    scene.approve(&approval);
    let before = scene.clone();
    scene.start(plan.clone());
    // Other files are another plan: what was granted is not about them.
    let mut edited = before;
    edited.declare(MissionSpec { plan: crate::digest::Digest::of(b"edited"), ..spec("web", Autonomy::Auto) });
    let state = edited.ledger.approval_state(&edited.ledger.approvals[&approval], edited.now);
    assert_eq!(state, ApprovalState::Superseded);
    assert_eq!(edited.rule(edited.build(BuildStep::Plan)).ruling, Ruling::Asked);
}

#[test]
fn people_are_asked_about_work_alone() {
    let text = "@id(\"all\")\n@approval(\"human\")\npermit (principal, action, resource);";
    let scene = ruled_by(Autonomy::Auto, text);
    let notify = Action::Notify { severity: Severity::Info, mission: None, title: "x".into(), text: "x".into() };
    assert!(refused(&scene, notify, "all").contains("work alone"));
}

#[test]
fn no_charter_lifts_a_rule_of_the_hosts_own() {
    let all = "@id(\"all\")\npermit (principal, action, resource);";
    for (autonomy, rule) in [
        (Autonomy::Off, "autonomy-off"),
        (Autonomy::Suggest, "autonomy-suggest"),
        (Autonomy::Approve, "needs-approval"),
    ] {
        let mut scene = ruled_by(Autonomy::Auto, all);
        let artifact = scene.planned(Vec::new());
        scene.charter.settings.autonomy = autonomy;
        assert_eq!(scene.rule_of(scene.build(BuildStep::Apply(artifact))), rule);
    }
    let mut scene = ruled_by(Autonomy::Auto, all);
    let root = crate::order::PlanDanger {
        kind: "privileged".into(),
        address: "docker_container.a".into(),
        detail: "privileged".into(),
        makes_root: true,
    };
    let artifact = scene.planned(vec![root]);
    refused(&scene, scene.build(BuildStep::Apply(artifact)), "dangerous-plan");
}

#[test]
fn rules_see_labels_findings_and_the_time() {
    let when = |condition: &str| {
        format!("@id(\"rule\")\npermit (principal, action == Action::\"plan\", resource)\nwhen {{ {condition} }};")
    };
    let sees = |condition: &str, change: &dyn Fn(&mut Scene), cites: &[&str]| {
        let mut scene = ruled_by(Autonomy::Auto, &when(condition));
        let before = proposed(&scene, &[]);
        assert_eq!(before.rule, "no-permit", "{condition}");
        change(&mut scene);
        proposed(&scene, cites).rule
    };
    let id = Scene::new(Autonomy::Auto).web().id.clone();
    let labelled = |scene: &mut Scene| {
        let labels = vec![Fact::new("tier", "gold")];
        scene.declare(MissionSpec { labels, ..spec("web", Autonomy::Auto) });
    };
    assert_eq!(sees("resource.hasTag(\"tier\") && resource.getTag(\"tier\") == \"gold\"", &labelled, &[]), "rule");
    let found = |scene: &mut Scene| scene.findings.push(finding("f-1", "exited", Some(id.clone())));
    assert_eq!(sees("context.findings.worst >= 2", &found, &[]), "rule");
    assert_eq!(sees("context.findings.rules.contains(\"exited\")", &found, &[]), "rule");
    // What is about nothing counts where it is cited, and only there.
    let elsewhere = |scene: &mut Scene| scene.findings.push(finding("f-2", "exited", None));
    assert_eq!(sees("context.findings.count == 1", &elsewhere, &[]), "no-permit");
    assert_eq!(sees("context.findings.count == 1", &elsewhere, &["f-2"]), "rule");
    let later = |scene: &mut Scene| scene.pass(5 * 60 * 60 * 1_000);
    let hour = (crate::fixture::START.0 / 3_600_000 + 5) % 24;
    assert_eq!(sees(&format!("context.hour == {hour}"), &later, &[]), "rule");
}

fn proposed(scene: &Scene, cites: &[&str]) -> Verdict {
    let cites = cites.iter().map(|cite| (*cite).to_owned()).collect();
    let proposal = Proposal { key: "k".to_owned(), cites, action: scene.build(BuildStep::Plan) };
    let decision = Decision { proposals: vec![proposal], ..Decision::default() };
    gate(&scene.charter, &scene.ledger, &scene.ground(), &scene.situation(), &decision).remove(0)
}

/// Every charter of a few kinds, under every autonomy, for every operation and word, against a table of its own.
#[test]
fn what_is_ruled_is_what_charter_and_autonomy_say_together() {
    let text = |rules: &[&str]| -> String {
        let rule = |(index, rule): (usize, &&str)| {
            let (annotation, effect) = match *rule {
                "permit" => ("", "permit"),
                "ask" => ("@approval(\"human\")\n", "permit"),
                "ask-two" => ("@approval(\"human\")\n@approvers(\"2\")\n", "permit"),
                _forbid => ("", "forbid"),
            };
            format!("@id(\"r-{index}\")\n{annotation}{effect} (principal, action, resource);\n")
        };
        rules.iter().enumerate().map(rule).collect()
    };
    // How many people each charter asks; none where it permits nothing.
    let charters: [(&[&str], Option<u8>); 8] = [
        (&[], None),
        (&["permit"], Some(0)),
        (&["ask"], Some(1)),
        (&["ask-two"], Some(2)),
        (&["permit", "ask"], Some(1)),
        (&["ask", "ask-two", "permit"], Some(2)),
        (&["permit", "forbid"], None),
        (&["forbid", "ask"], None),
    ];
    let mut ruled = 0;
    for (rules, people) in charters {
        for autonomy in [Autonomy::Off, Autonomy::Suggest, Autonomy::Approve, Autonomy::Auto] {
            for operation in [Operation::Plan, Operation::PlanDestroy, Operation::Apply] {
                let mut scene = Scene::new(Autonomy::Auto);
                let artifact = scene.planned(Vec::new());
                if operation == Operation::PlanDestroy {
                    scene.declare(MissionSpec { desired: DesiredState::Absent, ..spec("web", Autonomy::Auto) });
                }
                scene.charter.rules = Rules::parse(&text(rules)).unwrap();
                scene.charter.settings.autonomy = autonomy;
                let step = match operation {
                    Operation::Plan => BuildStep::Plan,
                    Operation::PlanDestroy => BuildStep::PlanDestroy,
                    Operation::Apply | Operation::Check | Operation::Configure | Operation::Scan => {
                        BuildStep::Apply(artifact)
                    }
                };
                let verdict = scene.rule(scene.build(step));
                let asked = u8::from(autonomy == Autonomy::Approve && operation.changes());
                let expected = match (people, autonomy) {
                    (None, _) | (Some(_), Autonomy::Off) => Ruling::Refused,
                    (Some(_), Autonomy::Suggest) if operation.changes() => Ruling::Suggested,
                    (Some(people), _) if people.max(asked) > 0 => Ruling::Asked,
                    (Some(_), _) => Ruling::Acted,
                };
                let case = format!("{rules:?} {autonomy:?} {operation:?}: {} {}", verdict.rule, verdict.because);
                assert_eq!(verdict.ruling, expected, "{case}");
                match verdict.effect {
                    Some(Effect::Start(_)) => assert_eq!(expected, Ruling::Acted, "{case}"),
                    Some(Effect::Request(request)) => {
                        assert_eq!(
                            (expected, request.needed),
                            (Ruling::Asked, people.unwrap_or(0).max(asked)),
                            "{case}"
                        );
                    }
                    Some(effect) => panic!("{case}: {effect:?}"),
                    None => assert!(matches!(expected, Ruling::Refused | Ruling::Suggested), "{case}"),
                }
                ruled += 1;
            }
        }
        let mut scene = Scene::new(Autonomy::Auto);
        scene.charter.rules = Rules::parse(&text(rules)).unwrap();
        let notify = Action::Notify { severity: Severity::Info, mission: None, title: "x".into(), text: "x".into() };
        let verdict = scene.rule(notify);
        assert_eq!(verdict.effect.is_some(), people == Some(0), "{rules:?}: {}", verdict.because);
    }
    assert_eq!(ruled, 8 * 4 * 3);
}

/// Every action that starts no worker, and those that no worker does yet, under every kind of charter and every autonomy:
/// something is done where a rule permits it by itself, and nothing elsewhere.
#[test]
fn no_word_is_said_that_no_rule_permits() {
    let rule =
        |annotation: &str, effect: &str| format!("@id(\"r\")\n{annotation}{effect} (principal, action, resource);\n");
    let charters = [
        (String::new(), false),
        (rule("", "permit"), true),
        (rule("@approval(\"human\")\n", "permit"), false),
        (rule("", "forbid"), false),
    ];
    for (text, permits) in &charters {
        for autonomy in [Autonomy::Off, Autonomy::Suggest, Autonomy::Approve, Autonomy::Auto] {
            let mut scene = Scene::new(Autonomy::Auto);
            scene.findings.push(finding("f-1", "exited", None));
            let overdue = scene.start(scene.build(BuildStep::Plan));
            scene.now = overdue.deadline;
            scene.charter.rules = Rules::parse(text).unwrap();
            scene.charter.settings.autonomy = autonomy;
            for (action, offered) in words(&scene, &overdue.name) {
                let case = format!("{text} {autonomy:?} {action:?}");
                let verdict = scene.rule(action);
                assert_eq!(verdict.effect.is_some(), *permits && offered, "{case}: {}", verdict.because);
                assert_eq!(verdict.ruling == Ruling::Acted, verdict.effect.is_some(), "{case}");
            }
        }
    }
}

/// Each of them, and whether this host does such a thing.
fn words(scene: &Scene, overdue: &OrderName) -> [(Action, bool); 9] {
    let finding = || FindingId::parse("f-1").unwrap();
    let object = ObjectRef { kind: "container".into(), namespace: None, name: "web".into(), uid: None };
    let (kind, findings) = (QuestionKind::Triage, vec![finding()]);
    let configure = |step| Action::Configure { order: scene.target(), step };
    [
        (Action::Cancel(overdue.clone()), true),
        (Action::Ask { id: "q".into(), kind, mission: None, findings, note: None }, true),
        (Action::Notify { severity: Severity::Info, mission: None, title: "x".into(), text: "x".into() }, true),
        (Action::Acknowledge { finding: finding(), until: Timestamp::MAX, reason: "known".into() }, true),
        (Action::Inspect { id: "i".into(), object, look: Look::Logs }, false),
        (Action::Remember { lesson: "l".into(), findings: Vec::new() }, false),
        (Action::Scan { order: scene.target(), targets: Vec::new() }, false),
        (configure(ConfigureStep::Check), false),
        (configure(ConfigureStep::Configure(Digest::of(b"report"))), false),
    ]
}
