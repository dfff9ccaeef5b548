//! Every operation under every autonomy and every kind of rule: the tool is started for what is permitted, and for nothing
//! else; and once people have said yes, for what they were asked about.

use std::collections::BTreeMap;

use quarterdeck_core::decision::BuildStep;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::observation::Command;
use quarterdeck_core::situation::{Operation, Ruling};

use super::RULES;
use super::yard::{Told, Yard};

const AUTONOMIES: [&str; 4] = ["off", "suggest", "approve", "auto"];
const KINDS: [&str; 4] = ["permits", "asks", "forbids", "unruled"];
/// What is done, and of a mission that shall be there or gone.
const STEPS: [(&str, &str); 4] =
    [("make", "present"), ("unmake", "absent"), ("apply", "present"), ("remove", "absent")];

struct Case {
    name: String,
    told: Told,
    /// Whether it changes something.
    changes: bool,
    step: BuildStep,
}

impl Case {
    /// Whether it is done without asking anybody, and whether it is once they have said yes.
    fn expected(&self) -> (bool, bool) {
        let Told { autonomy, rule, .. } = &self.told;
        let alone = match *autonomy {
            "off" => return (false, false),
            "suggest" if self.changes => return (false, false),
            "approve" => !self.changes,
            _more => true,
        };
        match *rule {
            "permits" => (alone, true),
            "asks" => (false, true),
            _forbidden_or_unruled => (false, false),
        }
    }

    /// The commands of the tool for it.
    fn commands(&self) -> &'static [&'static str] {
        if self.changes { &["init", "show", "apply"] } else { &["init", "plan", "show"] }
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, desired) in STEPS {
        for autonomy in AUTONOMIES {
            for rule in KINDS {
                let name = format!("{what}-{autonomy}-{rule}");
                let changes = matches!(what, "apply" | "remove");
                let step = match what {
                    "make" => BuildStep::Plan,
                    "unmake" => BuildStep::PlanDestroy,
                    _apply => BuildStep::Apply(Digest::of(b"saved\n")),
                };
                let told = Told { name: name.clone(), autonomy, desired, rule };
                cases.push(Case { name, told, changes, step });
            }
        }
    }
    cases
}

/// Proposes everything that was not started yet, turn after turn, until nothing more is.
fn proposed(yard: &mut Yard, cases: &[Case], done: &mut Vec<String>) {
    let mut idle = 0;
    while idle < 2 {
        let open = cases.iter().filter(|case| !done.contains(&case.name));
        let proposals = open.map(|case| (case.name.clone(), yard.action(&case.name, case.step))).collect();
        let verdicts = yard.turn(proposals);
        let acted = verdicts.into_values().filter(|verdict| verdict.ruling == Ruling::Acted);
        let acted: Vec<String> = acted.map(|verdict| verdict.key).collect();
        idle = if acted.is_empty() { idle + 1 } else { 0 };
        done.extend(acted);
        yard.rest();
    }
}

fn counted(yard: &Yard, cases: &[Case], started: impl Fn(&Case) -> bool) {
    let mut expected = BTreeMap::new();
    let (mut workers, mut applies) = (0, 0);
    for case in cases.iter().filter(|case| started(case)) {
        workers += 1;
        applies += usize::from(case.changes);
        expected.extend(case.commands().iter().map(|command| (format!("{} {command}", case.name), 1)));
    }
    assert_eq!(yard.started(), expected);
    let at_engine =
        BTreeMap::from([("GET /version".to_owned(), workers * 2), ("POST /networks/create".to_owned(), applies)]);
    assert_eq!(yard.asked_of_engine(), at_engine);
}

#[test]
fn the_tool_is_started_for_what_is_permitted_and_for_nothing_else() {
    let cases = cases();
    let told: Vec<Told> = cases.iter().map(|case| Told { name: case.name.clone(), ..case.told }).collect();
    let mut yard = Yard::new(&told, RULES);
    for case in &cases {
        match (case.changes, case.told.desired) {
            (true, "present") => drop(yard.planned(&case.name, Operation::Plan, false)),
            (true, _absent) => drop(yard.planned(&case.name, Operation::PlanDestroy, false)),
            (false, _) => {}
        }
    }
    let mut done = Vec::new();
    proposed(&mut yard, &cases, &mut done);
    counted(&yard, &cases, |case| case.expected().0);
    // Whoever was asked says yes.
    let asked: Vec<_> = yard.host.book.ledger().approvals.keys().cloned().collect();
    for approval in asked {
        yard.host.say(Command::Approve { approval, comment: None }).unwrap();
    }
    counted(&yard, &cases, |case| case.expected().0);
    proposed(&mut yard, &cases, &mut done);
    counted(&yard, &cases, |case| case.expected().1);
    let all = |counted: fn(&Case) -> bool| cases.iter().filter(|case| counted(case)).count();
    assert_eq!((all(|case| case.expected().0), all(|case| case.expected().1), cases.len()), (8, 20, 64));
}
