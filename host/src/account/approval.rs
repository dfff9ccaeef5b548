//! What people were asked, why, what they said, and what was done on it.

use quarterdeck_core::ids::ApprovalId;
use quarterdeck_core::verdict::Verdict;

use super::chronicle::Chronicle;
use super::decided::{self, Draft};
use super::notes::Requested;
use super::{Account, Cause, Says, words};

pub(super) fn account(chronicle: &Chronicle, id: &str) -> Account {
    let mut draft = Draft::default();
    let asked = chronicle.requests.get(id);
    if let Some(asked) = asked {
        let scene = chronicle.scenes.iter().find(|scene| scene.mark == asked.since.mark);
        let asks = |verdict: &&Verdict| verdict.key == asked.key;
        decided::made(chronicle, &asked.request.order, &mut draft);
        if let Some((scene, verdict)) = scene.and_then(|s| Some((s, s.opened.verdicts.iter().find(asks)?))) {
            decided::verdict(chronicle, scene, verdict, &mut draft);
        }
        decided::bytes_of(chronicle, &asked.request.order, &mut draft);
    }
    decided::people(chronicle, id, &mut draft);
    let mut started = Vec::new();
    for (name, course) in &chronicle.courses {
        let on_it = |approval: &ApprovalId| approval.as_str() == id;
        for start in course.starts.iter().filter(|start| start.approval.as_ref().is_some_and(on_it)) {
            let what = format!("{name} was started on it in turn {}; it {}", start.since.turn, words::course(course));
            let cause =
                Cause::new(start.since.mark, Says::Gate, what).with("by", format!("{}: {}", start.rule, start.because));
            draft.add(cause.leading_to(format!("quarterdeck why {name}")));
            started.push(name.to_string());
        }
    }
    Account {
        of: "approval",
        name: id.to_owned(),
        rehearsal: chronicle.rehearsal,
        summary: summary(chronicle, id, asked, &started),
        causes: draft.causes,
        bytes: draft.bytes,
        missing: draft.missing,
    }
}

fn summary(chronicle: &Chronicle, id: &str, asked: Option<&Requested>, started: &[String]) -> String {
    let said: Vec<String> = chronicle
        .answers(id)
        .into_iter()
        .map(|(_, said)| format!("{} {}", said.who, words::command(&said.command).replace(&format!(" to {id}"), "")))
        .collect();
    let said = if said.is_empty() { "nobody has answered".to_owned() } else { said.join(", ") };
    let ledger = chronicle.ledger();
    let state = match ledger.approvals.values().find(|record| record.id.as_str() == id) {
        Some(record) => format!(", {}", ledger.approval_state(record, ledger.now).name()),
        // The ledger lets go of it after a week.
        None => String::new(),
    };
    let started = if started.is_empty() {
        "nothing was started on it".to_owned()
    } else {
        started.join(", ") + " was started on it"
    };
    let Some(Requested { request, .. }) = asked else { return format!("{said}; {started}") };
    let (does, mission) = (words::operation(&request.order), chronicle.name_of(&request.order.mission));
    let generation = request.order.key.generation;
    format!("{does} of {mission} at generation {generation}, needs {}{state}: {said}; {started}", request.needed)
}
