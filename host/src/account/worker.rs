//! Why a worker ran, and what became of it.

use quarterdeck_core::observation::Command;
use quarterdeck_core::order::End;
use quarterdeck_core::situation::Verification;
use quarterdeck_core::verdict::{Effect, Verdict};

use super::chronicle::Chronicle;
use super::decided::{self, Draft};
use super::notes::{Course, Start};
use super::scene::{Scene, Since};
use super::{Account, Cause, Says, words};

pub(super) fn account(chronicle: &Chronicle, name: &str) -> Account {
    let mut draft = Draft::default();
    let none = Course::default();
    let course = chronicle.courses.get(name).unwrap_or(&none);
    for start in &course.starts {
        let scene = chronicle.scenes.iter().find(|scene| scene.mark == start.since.mark);
        let starts = |verdict: &&Verdict| verdict.key == start.key;
        if let Some((scene, verdict)) = scene.and_then(|s| Some((s, s.opened.verdicts.iter().find(starts)?))) {
            decided::made(chronicle, &start.order, &mut draft);
            if let Some(id) = decided::approval_of(verdict) {
                decided::people(chronicle, id, &mut draft);
            }
            decided::verdict(chronicle, scene, verdict, &mut draft);
        }
        draft.add(ordered(start));
        decided::bytes_of(chronicle, &start.order, &mut draft);
    }
    if course.starts.is_empty() {
        draft.lacks(chronicle, format_args!("the turn that started {name}"));
    }
    after(course, &mut draft);
    stopped(chronicle, name, &mut draft);
    Account {
        of: "worker",
        name: name.to_owned(),
        rehearsal: chronicle.rehearsal,
        summary: summary(chronicle, name, course),
        causes: draft.causes,
        bytes: draft.bytes,
        missing: draft.missing,
    }
}

fn summary(chronicle: &Chronicle, name: &str, course: &Course) -> String {
    let became = words::course(course);
    let Some(start) = course.starts.last() else { return format!("the worker {name} {became}") };
    let (order, turn) = (&start.order, start.since.turn);
    let (does, mission) = (words::operation(order), chronicle.name_of(&order.mission));
    let (generation, policy) = (order.key.generation, chronicle.policy(&start.policy));
    format!(
        "{does} of {mission} at generation {generation}, proposed by {policy} in turn {turn} and let through by {}; it {became}",
        start.rule
    )
}

fn ordered(start: &Start) -> Cause {
    let order = &start.order;
    let what = format!("{} was ordered: {}, attempt {}", order.name, words::operation(order), order.attempt);
    let cause = Cause::new(start.since.mark, Says::Host, what).with("files", order.plan.to_string());
    let cause = match &order.apply {
        Some(apply) => cause
            .with("saved plan", apply.saved.to_string())
            .with("made against", apply.state.as_ref().map_or("no state".to_owned(), words::state)),
        None => cause,
    };
    cause
        .with_some("approval", start.approval.as_ref().map(ToString::to_string))
        .with_some("remedy", order.remedy.clone())
        .with_each("granted danger", order.grants.iter().cloned())
        .leading_to(format!("quarterdeck why turn/{}", start.since.turn))
}

/// From the outbox to the host's own look.
fn after(course: &Course, draft: &mut Draft) {
    for (mark, did) in &course.receipts {
        draft.add(Cause::new(*mark, Says::Host, format!("handed on: {did}")));
    }
    if let Some((mark, claimant)) = &course.claimed {
        draft.add(Cause::new(*mark, Says::Host, format!("claimed, once and for all, by {claimant}")));
    }
    for (mark, state) in &course.stored {
        draft.add(Cause::new(*mark, Says::Host, "a version of the state was kept").with("state", words::state(state)));
    }
    if let Some((mark, result)) = &course.ended {
        let saved = result.saved.as_ref();
        // What is lost says nothing: the host has looked for it.
        let says = if result.end == End::Lost { Says::Host } else { Says::Worker };
        let cause = Cause::new(*mark, says, format!("it {}", words::course(course)))
            .with_some("tool", result.tool.clone())
            .with_some("left state", result.state.as_ref().map(words::state))
            .with_some("saved plan", saved.map(|saved| saved.input.saved.to_string()))
            .with_some("as people read it", saved.map(|saved| saved.rendered.to_string()))
            .with_each("danger", saved.into_iter().flat_map(|saved| saved.dangers.iter().map(words::danger)))
            .with_each("touches", saved.into_iter().flat_map(|saved| saved.touches.iter().cloned()));
        draft.add(cause);
    }
    for (mark, adopted) in &course.settled {
        let what = if *adopted { "it was found at work and adopted" } else { "nobody was at it, so it was abandoned" };
        draft.add(Cause::new(*mark, Says::Host, format!("a host began anew: {what}")));
    }
    if let Some((since, look)) = &course.verified {
        draft.add(verified(since, look));
    }
}

fn verified(since: &Since, look: &Verification) -> Cause {
    let what = if look.ok { "everything is as it shall be" } else { "it is not as it shall be" };
    Cause::new(since.mark, Says::Host, format!("the host looked at the engine itself: {what}"))
        .with_each("differs", look.differences.iter().map(ToString::to_string))
        .leading_to(format!("quarterdeck why turn/{}", since.turn))
}

/// Who wanted it to stop.
fn stopped(chronicle: &Chronicle, name: &str, draft: &mut Draft) {
    for (mark, said) in &chronicle.commands {
        if let Command::Cancel { order } = &said.command
            && order.as_str() == name
        {
            draft.add(Cause::new(*mark, Says::Person, format!("{} {}", said.who, words::command(&said.command))));
        }
    }
    let cancels = |verdict: &&Verdict| {
        verdict.effect.as_ref().is_some_and(|effect| match effect {
            Effect::Cancel(order) => order.as_str() == name,
            Effect::Start(_)
            | Effect::Request(_)
            | Effect::Ask(_)
            | Effect::Notify { .. }
            | Effect::Acknowledge { .. } => false,
        })
    };
    let of = |scene| -> (&Scene, Vec<&Verdict>) { (scene, scene.opened.verdicts.iter().filter(cancels).collect()) };
    for (scene, verdicts) in chronicle.scenes.iter().map(of) {
        verdicts.into_iter().for_each(|verdict| decided::verdict(chronicle, scene, verdict, draft));
    }
}
