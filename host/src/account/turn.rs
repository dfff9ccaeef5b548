//! What a turn saw that the one before did not, what was decided in it, and what became of each of its verdicts.

use quarterdeck_core::ids::FindingId;
use quarterdeck_core::verdict::{Effect, Verdict};

use super::chronicle::Chronicle;
use super::decided::{self, Draft};
use super::scene::Scene;
use super::{Account, Cause, Says, ruled, words};
use crate::view::{paused, rfc3339};

pub(super) fn account(chronicle: &Chronicle, turn: u32) -> Account {
    let mut draft = Draft::default();
    let mut summary = String::new();
    for scene in chronicle.scenes.iter().filter(|scene| scene.turn() == turn) {
        news(scene, &mut draft);
        if scene.opened.verdicts.is_empty() {
            draft.add(ruled::said(chronicle, scene, None));
        }
        for verdict in &scene.opened.verdicts {
            let proposal = scene.proposal(&verdict.key);
            decided::verdict(chronicle, scene, verdict, &mut draft);
            if proposal.is_none() {
                draft.add(ruled::said(chronicle, scene, None));
            }
            if let Some(cause) = became(chronicle, scene, verdict) {
                draft.add(cause);
            }
        }
        match &scene.closed {
            Some((mark, closed)) => {
                let cause =
                    Cause::new(*mark, Says::Host, format!("the turn was closed, {} handed on", closed.receipts.len()));
                draft.add(cause.with_each("did", closed.receipts.iter().map(|r| format!("{}: {}", r.key, r.did))));
            }
            None => draft.missing.push("the turn was never closed: its host died, or is in it".to_owned()),
        }
        let ruled = scene.opened.verdicts.len();
        let (policy, at) = (chronicle.policy(&scene.opened.policy), rfc3339(scene.opened.at));
        summary = format!(
            "at {at} {policy} was asked: {}; proposals ruled on: {ruled}",
            crate::view::class(&scene.opened.answer)
        );
    }
    Account {
        of: "turn",
        name: turn.to_string(),
        rehearsal: chronicle.rehearsal,
        summary,
        causes: draft.causes,
        bytes: draft.bytes,
        missing: draft.missing,
    }
}

/// What changed since the turn before.
fn news(scene: &Scene, draft: &mut Draft) {
    let Some(situation) = &scene.situation else { return };
    let known = &scene.ledger.findings;
    let mut cause = Cause::new(scene.mark, Says::Host, "what the host saw that it had not seen in the turn before");
    let fresh = |id: &FindingId| !known.contains_key(id);
    let opened = situation.findings.iter().filter(|finding| fresh(&finding.id));
    cause = cause
        .with_each("opened", opened.map(|finding| format!("{} {}: {}", finding.id, finding.rule, finding.message)));
    let unshown = scene.opened.ground.unshown.iter().filter(|unshown| fresh(&unshown.id));
    cause = cause.with_each("opened, not shown", unshown.map(|unshown| format!("{} {}", unshown.id, unshown.rule)));
    let there = |id: &FindingId| {
        situation.findings.iter().any(|finding| finding.id == *id)
            || scene.opened.ground.unshown.iter().any(|unshown| unshown.id == *id)
    };
    let gone = known.iter().filter(|(id, _)| !there(id));
    cause = cause.with_each("resolved", gone.map(|(id, seen)| format!("{id} {}", seen.rule)));
    if let Some(paused) = paused(situation) {
        cause = cause.with("paused", paused);
    }
    if cause.details.is_empty() {
        cause.what = "the host saw no finding come or go since the turn before".to_owned();
    }
    draft.add(cause);
}

/// What became of a verdict's effect by the end of the journal.
fn became(chronicle: &Chronicle, scene: &Scene, verdict: &Verdict) -> Option<Cause> {
    let cause = |what: String| Cause::new(scene.mark, Says::Host, what);
    Some(match verdict.effect.as_ref()? {
        Effect::Start(order) => {
            let course = chronicle.courses.get(&order.name)?;
            let what = format!("{} was started; it {}", order.name, words::course(course));
            cause(what).leading_to(format!("quarterdeck why {}", order.name))
        }
        Effect::Request(request) => {
            let answers = chronicle.answers(request.id.as_str());
            let said = match answers.len() {
                0 => "nobody has answered by the end of this journal".to_owned(),
                _ => answers.iter().map(|(_, said)| said.who.to_string()).collect::<Vec<_>>().join(", ") + " answered",
            };
            cause(format!("people were asked by {}; {said}", request.id))
                .leading_to(format!("quarterdeck why {}", request.id))
        }
        Effect::Cancel(order) => {
            cause(format!("{order} was told to stop")).leading_to(format!("quarterdeck why {order}"))
        }
        Effect::Ask(question) => {
            let about = question.findings.iter().map(|finding| format!("{} {}", finding.id, finding.message));
            cause(format!("the brain was asked {}", question.id)).with_each("about", about)
        }
        Effect::Notify { title, text, .. } => cause(format!("people were told: {title}")).with("text", text.clone()),
        Effect::Acknowledge { finding, until, reason } => {
            cause(format!("{finding} is not shown as open until {}", rfc3339(*until))).with("because", reason.clone())
        }
    })
}
