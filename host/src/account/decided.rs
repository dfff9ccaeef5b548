//! How a turn came to one of its verdicts: what was in view and in force, what the policy said, and which rule decided.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::Standing;
use quarterdeck_core::ids::MissionId;
use quarterdeck_core::observation::Command;
use quarterdeck_core::order::Order;
use quarterdeck_core::verdict::{Effect, Verdict};

use super::chronicle::Chronicle;
use super::notes::Wanted;
use super::scene::Scene;
use super::{Bytes, Cause, Says, ruled, seen, words};
use crate::view::rfc3339;

/// What is being put together.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) causes: Vec<Cause>,
    pub(super) bytes: Vec<Bytes>,
    pub(super) missing: Vec<String>,
}

impl Draft {
    /// What two verdicts have in common is told once.
    pub(super) fn add(&mut self, cause: Cause) {
        if !self.causes.contains(&cause) {
            self.causes.push(cause);
        }
    }

    pub(super) fn lacks(&mut self, chronicle: &Chronicle, what: impl std::fmt::Display) {
        let begins = match chronicle.begins() {
            1 => String::new(),
            begins => format!(", which begins with record {begins}"),
        };
        let told = format!("{what} is not in this journal{begins}");
        if !self.missing.contains(&told) {
            self.missing.push(told);
        }
    }
}

/// All that led to a verdict, and the verdict.
pub(super) fn verdict(chronicle: &Chronicle, scene: &Scene, verdict: &Verdict, draft: &mut Draft) {
    if let Some(mission) = &verdict.mission {
        declared(chronicle, scene, mission, draft);
    }
    in_force(chronicle, scene, draft);
    match (&scene.situation, scene.proposal(&verdict.key)) {
        (Some(situation), Some(proposal)) => {
            seen::in_view(chronicle, scene, situation, proposal, verdict, draft);
            draft.add(ruled::said(chronicle, scene, Some(proposal)));
        }
        (_, _) => draft.missing.push(format!(
            "what the policy was shown in turn {} was written by another version and can't be read by this one",
            scene.turn()
        )),
    }
    draft.add(ruled::ruled(scene, verdict));
}

/// The mission as its author wrote it, and what people wanted of it.
fn declared(chronicle: &Chronicle, scene: &Scene, mission: &MissionId, draft: &mut Draft) {
    let Some(state) = scene.ledger.missions.get(mission) else {
        return draft.lacks(chronicle, format_args!("the mission {mission}"));
    };
    let known = chronicle.declared.range(..=(mission.clone(), state.generation)).next_back();
    match known.filter(|((id, _), _)| id == mission) {
        Some((_, (mark, declared))) => {
            let spec = &declared.spec;
            let what = format!("the mission {} at generation {}: {}", spec.name, declared.generation, spec.goal);
            let cause = Cause::new(*mark, Says::Author, what)
                .with("autonomy", spec.autonomy.name())
                .with("files", spec.plan.to_string())
                .with("source", spec.source.clone())
                .with_some("author", spec.author.map(|uid| format!("uid {uid}")));
            draft.add(cause);
        }
        None => draft.lacks(chronicle, format_args!("the declaration of {mission} at generation {}", state.generation)),
    }
    let wanted_gone = state.destroyed.as_ref();
    for (mark, said) in &chronicle.commands {
        let same = wanted_gone.is_some_and(|(at, who)| *at == said.at && *who == said.who);
        if let Command::Destroy { mission } = &said.command
            && same
            && *mission == state.spec.name
        {
            draft.add(Cause::new(*mark, Says::Person, format!("{} {}", said.who, words::command(&said.command))));
        }
    }
}

/// The charter and the policy.
fn in_force(chronicle: &Chronicle, scene: &Scene, draft: &mut Draft) {
    let law = scene.ledger.charter_in_force().digest();
    let before = |record: u64| record < scene.mark.record;
    let wanted = chronicle
        .charters
        .iter()
        .rev()
        .find(|wanted| wanted.digest == law && wanted.enacted.is_some_and(|enacted| before(enacted.record)));
    match wanted {
        Some(wanted) => {
            draft.add(charter(chronicle, wanted, scene.charter.digest()));
        }
        None => draft.lacks(chronicle, format_args!("how the charter {} came into force", law.short(12))),
    }
    let policy = scene.opened.policy;
    let activated = chronicle.policies.iter().rev().find(|(mark, known)| known.policy == policy && before(mark.record));
    match activated {
        Some((mark, activated)) => {
            let description = &activated.description;
            let what = format!("the policy {} {} was activated", description.name, description.version);
            let by = activated.by.map_or("it came with the program".to_owned(), |uid| format!("uid {uid}"));
            draft.add(Cause::new(*mark, Says::Host, what).with("digest", policy.to_string()).with("brought by", by));
        }
        None => draft.lacks(chronicle, format_args!("the activation of the policy {policy}")),
    }
}

/// How a charter came into force. A run may have begun with less than that.
fn charter(chronicle: &Chronicle, wanted: &Wanted, ruled_by: Digest) -> Cause {
    let mark = wanted.enacted.unwrap_or(wanted.mark);
    let lowered = (ruled_by != wanted.digest).then(|| format!("{ruled_by}, by the --autonomy of the run"));
    let id = match &wanted.chartered.standing {
        Standing::Asked { id, .. } => Some(id),
        Standing::First | Standing::Narrows => None,
    };
    let people = id.map(|id| chronicle.answers(id.as_str())).unwrap_or_default();
    let people = people.into_iter().map(|(_, said)| format!("{} {}", said.who, words::command(&said.command)));
    let cause = Cause::new(mark, Says::Person, format!("the charter in force, wanted by {}", wanted.chartered.who))
        .with("digest", wanted.digest.to_string())
        .with_some("lowered to", lowered)
        .with("standing", words::standing(wanted))
        .with_each("answer", people);
    match id {
        Some(id) => cause.leading_to(format!("quarterdeck why {id}")),
        None => cause,
    }
}

/// The bytes of an order.
pub(super) fn bytes_of(chronicle: &Chronicle, order: &Order, draft: &mut Draft) {
    let mut add = |what, digest| {
        let bytes = Bytes::new(what, digest);
        if !draft.bytes.contains(&bytes) {
            draft.bytes.push(bytes);
        }
    };
    add("the mission's files", order.plan);
    let Some(apply) = &order.apply else { return };
    add("the saved plan", apply.saved);
    add("the saved plan as JSON", apply.json);
    apply.lock.into_iter().for_each(|lock| add("the provider lock file", lock));
    match chronicle.saved(&apply.saved) {
        Some(saved) => add("the saved plan as people read it", saved.rendered),
        None => draft.lacks(chronicle, "the worker that made the saved plan"),
    }
}

/// The worker that made the plan which an order applies.
pub(super) fn made(chronicle: &Chronicle, order: &Order, draft: &mut Draft) {
    let Some(apply) = &order.apply else { return };
    let planner = chronicle.plans.get(&apply.saved);
    let Some((name, course)) = planner.and_then(|name| Some((name, chronicle.courses.get(name)?))) else { return };
    let (Some((mark, result)), Some(saved)) = (&course.ended, chronicle.saved(&apply.saved)) else { return };
    let turn = course.starts.last().map(|start| format!("{}, ruled by {}", start.since.turn, start.rule));
    draft.add(
        Cause::new(*mark, Says::Worker, format!("{name} made the plan: {}", words::would_change(&saved.summary)))
            .with_some("started in turn", turn)
            .with_some("tool", result.tool.clone())
            .with("saved plan", apply.saved.to_string())
            .with("as people read it", saved.rendered.to_string())
            .with_each("danger", saved.dangers.iter().map(words::danger))
            .leading_to(format!("quarterdeck why {name}")),
    );
}

/// A request to people and what they said to it.
pub(super) fn people(chronicle: &Chronicle, id: &str, draft: &mut Draft) {
    match chronicle.requests.get(id) {
        Some(asked) => {
            let request = &asked.request;
            let needed = match request.needed {
                1 => "a person was".to_owned(),
                people => format!("{people} people were"),
            };
            let what =
                format!("{needed} asked in turn {}, as {} demands: {}", asked.since.turn, asked.rule, asked.because);
            draft.add(
                Cause::new(asked.since.mark, Says::Gate, what)
                    .with("approval", id)
                    .with("expires", rfc3339(request.expires))
                    .with("proposed by", chronicle.policy(&request.policy))
                    .with("under charter", request.charter.to_string())
                    .leading_to(format!("quarterdeck why {id}")),
            );
        }
        None => draft.lacks(chronicle, format_args!("what {id} asked")),
    }
    for (mark, said) in chronicle.answers(id) {
        let what = format!("{} {}", said.who, words::command(&said.command));
        draft.add(Cause::new(*mark, Says::Person, what).with_some("comment", words::comment(&said.command).cloned()));
    }
}

/// The approval that a verdict found or asked for.
pub(super) fn approval_of(verdict: &Verdict) -> Option<&str> {
    match (&verdict.approval, &verdict.effect) {
        (Some(id), _) => Some(id.as_str()),
        (None, Some(Effect::Request(request))) => Some(request.id.as_str()),
        (
            None,
            Some(
                Effect::Start(_)
                | Effect::Cancel(_)
                | Effect::Ask(_)
                | Effect::Notify { .. }
                | Effect::Acknowledge { .. },
            )
            | None,
        ) => None,
    }
}
