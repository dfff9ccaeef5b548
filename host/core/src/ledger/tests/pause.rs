//! Pauses in the ledger: who may take which back, what a restart leaves of them, and which workers one tells to stop.

use super::*;
use crate::observation::{Command, Commanded};
use crate::order::Class;
use crate::pause::{Pause, Scope};

fn all() -> Scope {
    Scope::default()
}

fn of(mission: &str) -> Scope {
    Scope { mission: Some(MissionName::parse(mission).unwrap()), class: None }
}

fn builders() -> Scope {
    Scope { mission: None, class: Some(Class::Builder) }
}

fn pause(scope: Scope) -> Command {
    Command::Pause { scope, cancel: false, comment: Some("why".to_owned()) }
}

#[test]
fn a_pause_survives_a_restart_and_another_journal_knows_nothing_of_it() {
    let mut scene = Scene::new(Autonomy::Auto);
    let begun = scene.now;
    let entries = |command: Command| {
        let entry = Entry::Commanded(Commanded { at: begun, who: Person::Uid(7), command });
        encoding::encode(&entry)
    };
    let journal = [entries(pause(all())), entries(pause(of("web"))), entries(Command::Resume { scope: all() })];
    for bytes in &journal {
        scene.fold(encoding::decode(bytes).expect("it is what was written"));
    }
    scene.begin(true);
    let kept = Pause { at: begun, who: Person::Uid(7), comment: Some("why".to_owned()) };
    assert_eq!(scene.ledger.pauses, BTreeMap::from([(of("web"), kept)]));
    assert_eq!(scene.rule_of(scene.build(BuildStep::Plan)), "paused");
    assert_eq!(Scene::new(Autonomy::Auto).ledger.pauses, BTreeMap::new());
}

#[test]
fn who_pauses_what_is_paused_changes_nothing() {
    let mut scene = Scene::new(Autonomy::Auto);
    scene.say(pause(all()));
    let first = scene.ledger.pauses.clone();
    scene.pass(60_000);
    scene.fold(Entry::Commanded(Commanded { at: scene.now, who: Person::Uid(8), command: pause(all()) }));
    assert_eq!(scene.ledger.pauses, first, "it was stopped by whoever was first");
    scene.say(Command::Resume { scope: all() });
    assert!(scene.ledger.pauses.is_empty());
}

#[test]
fn only_what_is_there_is_paused_and_only_what_is_paused_is_resumed() {
    let mut scene = Scene::new(Autonomy::Auto);
    let refused = |scene: &Scene, command| {
        let error = scene.ledger.permits(&Person::Uid(0), &command, scene.now).unwrap_err();
        error.to_string()
    };
    for command in [pause(of("shop")), Command::Resume { scope: of("shop") }] {
        assert!(refused(&scene, command).contains("no mission \"shop\""));
    }
    assert!(refused(&scene, Command::Resume { scope: all() }).ends_with("nothing is paused"));
    scene.say(pause(of("web")));
    scene.say(pause(builders()));
    let said = refused(&scene, Command::Resume { scope: all() });
    assert_eq!(said, "there is no pause of everything to take back; what is paused: every builder, mission web");
    scene.say(Command::Resume { scope: of("web") });
    assert_eq!(scene.ledger.pauses.keys().collect::<Vec<_>>(), [&builders()]);
}

#[test]
fn a_pause_that_cancels_tells_those_at_work_that_it_concerns() {
    let mut scene = Scene::new(Autonomy::Auto);
    let order = scene.start(scene.build(BuildStep::Plan));
    scene.declare(spec("shop", Autonomy::Auto));
    let stops = |scene: &Scene, scope: Scope, cancel: bool| -> Vec<Command> {
        scene.ledger.entailed(&Command::Pause { scope, cancel, comment: None })
    };
    let cancel = Command::Cancel { order: order.name.clone() };
    let scanners = Scope { mission: None, class: Some(Class::Scanner) };
    for (scope, told) in [(all(), true), (of("web"), true), (builders(), true), (of("shop"), false), (scanners, false)]
    {
        let expected = if told { vec![cancel.clone()] } else { Vec::new() };
        assert_eq!(stops(&scene, scope.clone(), true), expected, "{scope}");
        assert_eq!(stops(&scene, scope, false), []);
    }
    scene.end(&order.name, succeeded());
    assert_eq!(stops(&scene, all(), true), [], "nobody is at work");
    assert_eq!(scene.ledger.entailed(&cancel), []);
}
