//! What becomes of a charter that somebody wants.

use super::*;
use crate::charter::{Amendment, LAPTOP, PRODUCTION, Rules};
use crate::entry::Standing;
use crate::fixture::begun;
use crate::identity::Identity;
use crate::observation::{Command, Commanded};

const ADA: Person = Person::Uid(1000);
const BEN: Person = Person::Uid(1001);
const EVE: Person = Person::Uid(1002);

fn rules(text: &str) -> Amendment {
    Amendment { rules: Some(Rules::parse(text).unwrap()), settings: None }
}

fn workers(workers_max: u32) -> Amendment {
    let settings = crate::charter::Settings { workers_max, ..Default::default() };
    Amendment { rules: None, settings: Some(settings) }
}

/// Wants it and writes it down; what became of it.
fn want(scene: &mut Scene, who: &Person, amendment: &Amendment) -> Option<Standing> {
    let chartered = scene.ledger.amend(who, amendment, scene.now).unwrap();
    chartered.map(|chartered| {
        let standing = chartered.standing.clone();
        scene.fold(Entry::Chartered(Box::new(chartered)));
        standing
    })
}

fn asked(scene: &mut Scene, who: &Person, amendment: &Amendment) -> (ApprovalId, u8) {
    match want(scene, who, amendment) {
        Some(Standing::Asked { id, needed, .. }) => (id, needed),
        other => panic!("nobody is asked: {other:?}"),
    }
}

fn answer(scene: &mut Scene, who: &Person, command: Command) -> Result<(), CommandError> {
    scene.ledger.permits(who, &command, scene.now)?;
    scene.fold(Entry::Commanded(Commanded { at: scene.now, who: who.clone(), command }));
    Ok(())
}

fn approve(scene: &mut Scene, who: &Person, approval: &ApprovalId) -> Result<(), CommandError> {
    answer(scene, who, Command::Approve { approval: approval.clone(), comment: None })
}

fn in_force(scene: &Scene) -> String {
    scene.ledger.charter().rules.text().to_owned()
}

#[test]
fn the_first_charter_is_in_force_and_what_narrows_is_at_once() {
    let mut scene = Scene::new(Autonomy::Auto);
    assert_eq!(want(&mut scene, &ADA, &Amendment::default()), Some(Standing::First));
    assert_eq!(in_force(&scene), LAPTOP);
    assert_eq!(want(&mut scene, &ADA, &Amendment::default()), None, "it is in force already");
    assert_eq!(want(&mut scene, &ADA, &rules(PRODUCTION)), Some(Standing::Narrows));
    assert_eq!(want(&mut scene, &ADA, &workers(1)), Some(Standing::Narrows));
    let charter = scene.ledger.charter();
    assert_eq!((charter.rules.text(), charter.settings.workers_max), (PRODUCTION, 1));
    let enacted = scene.ledger.law.enacted.as_ref().unwrap();
    assert_eq!((&enacted.who, enacted.answers.len()), (&ADA, 0));
}

#[test]
fn what_widens_waits_for_people_and_the_last_approved_one_stays() {
    let mut scene = Scene::new(Autonomy::Auto);
    want(&mut scene, &ADA, &rules(PRODUCTION));
    let (id, needed) = asked(&mut scene, &ADA, &rules(LAPTOP));
    assert_eq!((needed, in_force(&scene)), (2, PRODUCTION.to_owned()));
    assert_eq!(want(&mut scene, &ADA, &rules(LAPTOP)), None, "it waits already");
    // Who wants it does not count where two are asked, and nobody counts twice.
    let refused = approve(&mut scene, &ADA, &id).unwrap_err();
    assert!(matches!(refused, CommandError::NotCounted { who: Identity::Uid(1000), .. }), "{refused:?}");
    approve(&mut scene, &BEN, &id).unwrap();
    assert_eq!(in_force(&scene), PRODUCTION);
    assert!(matches!(approve(&mut scene, &BEN, &id), Err(CommandError::Twice { .. })));
    approve(&mut scene, &EVE, &id).unwrap();
    assert_eq!(in_force(&scene), LAPTOP);
    let enacted = scene.ledger.law.enacted.clone().unwrap();
    let people: Vec<Identity> = enacted.answers.iter().map(|answer| answer.who.identity()).collect();
    assert_eq!((enacted.who, people), (ADA, vec![Identity::Uid(1001), Identity::Uid(1002)]));
    assert!(matches!(approve(&mut scene, &BEN, &id), Err(CommandError::NoApproval(_))), "it is used up");
}

#[test]
fn a_candidate_is_denied_expires_and_falls_with_what_it_was_compared_with() {
    let mut scene = Scene::new(Autonomy::Auto);
    want(&mut scene, &ADA, &rules(PRODUCTION));
    let (first, _) = asked(&mut scene, &ADA, &rules(LAPTOP));
    answer(&mut scene, &ADA, Command::Deny { approval: first.clone(), comment: None }).unwrap();
    let late = approve(&mut scene, &BEN, &first).unwrap_err();
    assert_eq!(late, CommandError::Answered { id: first.clone(), state: "denied" });
    // Wanting it once more asks once more, under another name.
    let (second, _) = asked(&mut scene, &ADA, &rules(LAPTOP));
    assert_ne!(first, second);
    scene.pass(24 * 60 * 60 * 1_000);
    let late = approve(&mut scene, &BEN, &second).unwrap_err();
    assert_eq!(late, CommandError::Answered { id: second, state: "expired" });
    let (third, _) = asked(&mut scene, &ADA, &rules(LAPTOP));
    approve(&mut scene, &BEN, &third).unwrap();
    want(&mut scene, &ADA, &workers(2));
    assert!(scene.ledger.law.candidate.is_none());
    assert!(matches!(approve(&mut scene, &EVE, &third), Err(CommandError::NoApproval(_))));
    assert_eq!(in_force(&scene), PRODUCTION);
}

#[test]
fn numbers_that_widen_wait_as_rules_do() {
    let mut scene = Scene::new(Autonomy::Auto);
    want(&mut scene, &ADA, &Amendment::default());
    let (id, needed) = asked(&mut scene, &ADA, &workers(9));
    assert_eq!((needed, scene.ledger.charter().settings.workers_max), (1, 4));
    approve(&mut scene, &ADA, &id).unwrap();
    assert_eq!(scene.ledger.charter().settings.workers_max, 9, "where one is asked, who wants it may say yes");
}

#[test]
fn a_charter_that_lets_nobody_replace_it_stays() {
    let mut scene = Scene::new(Autonomy::Auto);
    want(&mut scene, &ADA, &rules("@id(\"plans\") permit (principal, action in Action::\"reads\", resource);"));
    let refused = scene.ledger.amend(&ADA, &rules(LAPTOP), scene.now).unwrap_err();
    assert!(matches!(&refused, CommandError::NotAmended { rule, .. } if rule == "no-permit"), "{refused:?}");
    // One that names who may.
    want(&mut scene, &ADA, &rules(""));
    assert!(scene.ledger.amend(&BEN, &rules(LAPTOP), scene.now).is_err());
    let mut scene = Scene::new(Autonomy::Auto);
    let bens = "@id(\"ben\") permit (principal == Person::\"1001\", action == Action::\"amend\", resource) \
                when { principal.uid == 1001 };";
    want(&mut scene, &ADA, &rules(bens));
    assert!(scene.ledger.amend(&ADA, &rules(LAPTOP), scene.now).is_err());
    assert_eq!(asked(&mut scene, &BEN, &rules(LAPTOP)).1, 1, "even where no rule asks a person, one is asked");
}

#[test]
fn a_ceiling_lowers_one_run_and_is_no_amendment() {
    let mut scene = Scene::new(Autonomy::Auto);
    want(&mut scene, &ADA, &Amendment::default());
    let Entry::Begun(begun) = begun(scene.now, false) else { panic!() };
    scene.fold(Entry::Begun(crate::entry::Begun { ceiling: Some(Autonomy::Suggest), ..begun.clone() }));
    assert_eq!(scene.ledger.charter().settings.autonomy, Autonomy::Suggest);
    assert_eq!(scene.ledger.charter_in_force().settings.autonomy, Autonomy::Auto);
    assert_eq!(want(&mut scene, &ADA, &Amendment::default()), None);
    scene.fold(Entry::Begun(begun));
    assert_eq!(scene.ledger.charter().settings.autonomy, Autonomy::Auto);
}

#[test]
fn another_charter_with_a_pending_answer_replaces_the_candidate() {
    let mut scene = Scene::new(Autonomy::Auto);
    want(&mut scene, &ADA, &rules(PRODUCTION));
    let (first, _) = asked(&mut scene, &ADA, &rules(LAPTOP));
    approve(&mut scene, &BEN, &first).unwrap();
    let (second, _) = asked(&mut scene, &BEN, &Amendment { rules: rules(LAPTOP).rules, ..workers(2) });
    assert!(matches!(approve(&mut scene, &EVE, &first), Err(CommandError::NoApproval(_))), "its answers fell with it");
    let candidate = scene.ledger.law.candidate.as_ref().unwrap();
    assert_eq!((candidate.charter.settings.workers_max, &candidate.id), (2, &second));
}
