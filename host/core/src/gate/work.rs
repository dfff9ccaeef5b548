//! Actions that start a worker.

use super::{Refusal, Spent, Word, act, budget, converge, refuse, rules};
use crate::charter::{self, Charter, Judgment, Reason};
use crate::contest;
use crate::decision::{Proposal, Target};
use crate::digest::Digest;
use crate::ground::Ground;
use crate::ids::ApprovalId;
use crate::ledger::{Ledger, MissionState, Saved};
use crate::order::{ApplyInput, DEADLINE_MS, Order, OrderKey};
use crate::preflight;
use crate::situation::{ApprovalState, Autonomy, DesiredState, Operation, Ruling, Situation, TEXT_BYTES_MAX, cut};
use crate::verdict::{Effect, Request};

/// One proposal that wants a worker.
pub(super) struct Case<'a> {
    pub(super) charter: &'a Charter,
    pub(super) ledger: &'a Ledger,
    pub(super) ground: &'a Ground,
    pub(super) situation: &'a Situation,
    pub(super) proposal: &'a Proposal,
    pub(super) target: &'a Target,
    pub(super) operation: Operation,
    pub(super) artifact: Option<Digest>,
}

pub(super) fn rule(case: &Case<'_>, spent: &Spent) -> Result<Word, Refusal> {
    let mission = still_so(case)?;
    timely(case, mission, spent)?;
    offered(case, mission)?;
    let apply = match case.artifact {
        Some(artifact) => Some(exact(case, mission, artifact, spent)?),
        None => None,
    };
    held_back(case, mission)?;
    known_world(case, mission)?;
    let order = order(case, mission, apply);
    let autonomy = autonomy(case, mission);
    let asked = rules::of_work(case, mission, autonomy, &order);
    let (reason, approvers) = match case.charter.rules.judge(&asked) {
        Judgment::Forbidden(reason) => return Err(refuse(reason.rule, reason.because)),
        Judgment::Permitted(reason) => (reason, 0),
        Judgment::Asked { reason, approvers } => (reason, approvers),
    };
    match autonomy {
        Autonomy::Off => Err(refuse(
            "autonomy-off",
            "the mission's autonomy is off, or this run was not told of it: nothing is started",
        )),
        Autonomy::Suggest if case.operation.changes() => Ok(Word {
            ruling: Ruling::Suggested,
            rule: "autonomy-suggest".into(),
            because: "the mission's autonomy is suggest: this is shown to people and nothing more".to_owned(),
            approval: None,
            effect: None,
        }),
        Autonomy::Approve if case.operation.changes() && approvers == 0 => {
            let because = "the mission's autonomy is approve: a person is asked".to_owned();
            approved(case, order, &Reason { rule: "needs-approval".to_owned(), because }, 1)
        }
        Autonomy::Suggest | Autonomy::Approve | Autonomy::Auto if approvers > 0 => {
            approved(case, order, &reason, approvers)
        }
        Autonomy::Suggest | Autonomy::Approve | Autonomy::Auto => {
            Ok(act(reason.rule, reason.because, Effect::Start(Box::new(order))))
        }
    }
}

/// What the charter is asked, whether or not it would come to that.
pub(super) fn asked(case: &Case<'_>) -> Option<charter::Request> {
    let mission = case.ledger.missions.get(&case.target.mission)?;
    let saved = |artifact| mission.saved.values().find(|saved| saved.plan.input.saved == artifact);
    let apply = case.artifact.and_then(saved).map(|saved| saved.plan.input.clone());
    Some(rules::of_work(case, mission, autonomy(case, mission), &order(case, mission, apply)))
}

/// What the policy's word is worth; nothing for a mission that this run was not told of.
fn autonomy(case: &Case<'_>, mission: &MissionState) -> Autonomy {
    match case.ground.of(&mission.id) {
        Some(_) => mission.autonomy(case.charter.settings.autonomy),
        None => Autonomy::Off,
    }
}

/// Is it about the mission as it is now?
fn still_so<'a>(case: &Case<'a>) -> Result<&'a MissionState, Refusal> {
    let Some(mission) = case.ledger.missions.get(&case.target.mission) else {
        return Err(refuse("no-mission", format!("there is no mission {}", case.target.mission)));
    };
    if mission.generation != case.target.generation {
        return Err(refuse(
            "stale-generation",
            format!("the mission is at generation {}, not {}", mission.generation, case.target.generation),
        ));
    }
    if mission.spec.plan != case.target.plan {
        return Err(refuse("stale-files", "the mission's files have another digest by now"));
    }
    let fits = match case.operation {
        Operation::Plan => mission.desired() == DesiredState::Present,
        Operation::PlanDestroy => mission.desired() == DesiredState::Absent,
        Operation::Apply => mission.desired() != DesiredState::Suspended,
        Operation::Check | Operation::Configure | Operation::Scan => {
            return Err(refuse("no-such-worker", format!("this host has no worker for {}", case.operation.name())));
        }
    };
    if !fits {
        let because = format!("{} does not lead to what is wanted of the mission now", case.operation.name());
        return Err(refuse("not-desired", because));
    }
    Ok(mission)
}

/// Is it the time for it?
fn timely(case: &Case<'_>, mission: &MissionState, spent: &Spent) -> Result<(), Refusal> {
    if let Some(state) = case.ledger.at_work(&mission.id) {
        return Err(refuse("one-at-a-time", format!("{} is at work on this mission", state.order.name)));
    }
    if spent.missions.contains(&mission.id) {
        return Err(refuse("one-at-a-time", "this decision has started a worker of this mission already"));
    }
    converge::rule(case, mission)?;
    budget::worker(case, spent)?;
    let Some(tally) = mission.tallies.get(&case.operation) else { return Ok(()) };
    match tally.not_before {
        Some(not_before) if case.situation.now < not_before => {
            let seconds = not_before.since_ms(case.situation.now).div_ceil(1_000);
            Err(refuse("cool-down", format!("it failed a moment ago and rests for {seconds} s more")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Was the remedy offered by the last failure of this operation, as the mission's tally shows it to the policy?
fn offered(case: &Case<'_>, mission: &MissionState) -> Result<(), Refusal> {
    let Some(remedy) = &case.target.remedy else { return Ok(()) };
    let last = mission.tallies.get(&case.operation).and_then(|tally| tally.last.as_ref());
    let remedies = last.map(|failure| failure.remedies.as_slice()).unwrap_or_default();
    if remedies.contains(remedy) {
        return Ok(());
    }
    let offers = match remedies {
        [] => "it offers none".to_owned(),
        some => format!("it offers {}", some.join(", ")),
    };
    let because = format!("the last failure of {} offers no remedy {remedy:?}; {offers}", case.operation.name());
    Err(refuse("remedy-unknown", cut(&because, TEXT_BYTES_MAX)))
}

/// Is it exactly the saved plan that the host has, and may it still be applied?
fn exact(case: &Case<'_>, mission: &MissionState, artifact: Digest, spent: &Spent) -> Result<ApplyInput, Refusal> {
    let operation = match mission.desired() {
        DesiredState::Absent => Operation::PlanDestroy,
        DesiredState::Present | DesiredState::Suspended => Operation::Plan,
    };
    let found = mission.saved.values().find(|saved| saved.plan.input.saved == artifact);
    let Some(saved) = found else {
        return Err(refuse("unknown-artifact", "the host has no such saved plan of this generation"));
    };
    if mission.saved.get(&operation).map(|saved| saved.plan.input.saved) != Some(artifact) {
        return Err(refuse("not-desired", "this saved plan does not lead to what is wanted of the mission now"));
    }
    if mission.is_stale(saved) {
        return Err(refuse("stale-plan", "the state has moved on since this plan was made; make a new one"));
    }
    safe(case.charter, saved)?;
    if let Some((made, other)) = contest::holder(case.ledger, mission, &saved.plan, &spent.applies) {
        let (kind, name, address, other) = (made.kind.name(), &made.name, &made.address, &other.spec.name);
        let because = format!("it would make {kind} {name} ({address}), which mission {other} has or makes now");
        return Err(refuse("object-contested", cut(&because, TEXT_BYTES_MAX)));
    }
    Ok(saved.plan.input.clone())
}

/// Does it make a container root on the node?
fn safe(charter: &Charter, saved: &Saved) -> Result<(), Refusal> {
    let dangers: Vec<String> = saved
        .plan
        .dangers
        .iter()
        .filter(|danger| danger.makes_root && !charter.settings.grants(&danger.kind))
        .map(|danger| format!("{} ({}: {})", danger.kind, danger.address, danger.detail))
        .collect();
    if dangers.is_empty() {
        return Ok(());
    }
    let because = format!("the plan holds what the operator's configuration does not grant: {}", dangers.join("; "));
    Err(refuse("dangerous-plan", cut(&because, TEXT_BYTES_MAX)))
}

/// Would the tool only be misled?
fn held_back(case: &Case<'_>, mission: &MissionState) -> Result<(), Refusal> {
    if mission.ever_real && case.ledger.rehearsal {
        return Err(refuse("was-real", "the mission was applied for real and is never rehearsed"));
    }
    let Some(engine) = &case.situation.engine else {
        return Err(refuse("engine-unknown", "the engine does not answer, so nothing is started that needs it"));
    };
    match preflight::hold(&mission.spec, &engine.api, &engine.api_min) {
        Some(hold) => Err(refuse("provider-too-old", hold.to_string())),
        None => Ok(()),
    }
}

/// Is it known what the engine has of this mission since the last worker that could change it, and does a state know all
/// of that? Else something would be made a second time.
fn known_world(case: &Case<'_>, mission: &MissionState) -> Result<(), Refusal> {
    if case.operation.changes() && case.ground.looked.is_none_or(|looked| looked <= mission.changed) {
        let because = "the engine was not looked at since the last worker that could change this mission ended";
        return Err(refuse("engine-unknown", because));
    }
    match case.ground.of(&mission.id).and_then(|footing| footing.unknown.as_ref()) {
        Some(unknown) if case.operation == Operation::Apply && mission.desired() == DesiredState::Present => {
            Err(refuse("object-unknown", unknown.clone()))
        }
        Some(_) | None => Ok(()),
    }
}

fn order(case: &Case<'_>, mission: &MissionState, apply: Option<ApplyInput>) -> Order {
    let key = OrderKey {
        uid: mission.uid,
        generation: mission.generation,
        operation: case.operation,
        input: apply.as_ref().map_or(mission.spec.plan, |input| input.saved),
    };
    let attempt = mission.attempts(&key).saturating_add(1);
    Order {
        name: key.name(&mission.spec.name, attempt),
        mission: mission.id.clone(),
        key,
        attempt,
        plan: mission.spec.plan,
        apply,
        made: case.situation.now,
        deadline: case.situation.now.plus_ms(DEADLINE_MS),
        remedy: case.target.remedy.clone(),
        grants: case.charter.settings.grants.clone(),
        rehearsal: case.ledger.rehearsal,
    }
}

/// Have so many people said yes to exactly this?
fn approved(case: &Case<'_>, order: Order, reason: &Reason, needed: u8) -> Result<Word, Refusal> {
    let now = case.situation.now;
    let Some((record, state)) = case.ledger.approval_for(&order, needed, now) else {
        return Ok(ask(case, order, reason, needed));
    };
    let word = |ruling, rule: &str, because: String, effect| Word {
        ruling,
        rule: rule.to_owned().into(),
        because,
        approval: Some(record.id.clone()),
        effect,
    };
    match state {
        ApprovalState::Granted => {
            let who: Vec<String> = record.answers.iter().map(|answer| answer.who.to_string()).collect();
            let effect = Some(Effect::Start(Box::new(order)));
            Ok(word(Ruling::Acted, "approved", format!("granted by {}", who.join(" and ")), effect))
        }
        ApprovalState::Denied => {
            let comment = record.denial().and_then(|answer| answer.comment.clone());
            let because =
                comment.map_or("a person denied it".to_owned(), |comment| format!("a person denied it: {comment}"));
            Err(Refusal { rule: "denied".into(), because, approval: Some(record.id.clone()) })
        }
        ApprovalState::Pending | ApprovalState::Expired | ApprovalState::Superseded => {
            let (given, needed) = (record.given(), record.needed);
            let because = format!("{}; {given} of {needed} said yes so far", reason.because);
            Ok(word(Ruling::Asked, &reason.rule, because, None))
        }
    }
}

fn ask(case: &Case<'_>, order: Order, reason: &Reason, needed: u8) -> Word {
    let policy = case.ledger.policy.digest.unwrap_or(Digest::ZERO);
    let charter = case.charter.digest();
    let id = request_id(case, &order, &policy, &charter, needed);
    let request = Request {
        id: id.clone(),
        order,
        requested: case.situation.now,
        expires: case.situation.now.plus_ms(case.charter.settings.approval_ttl_ms),
        policy,
        charter,
        needed,
    };
    Word {
        ruling: Ruling::Asked,
        rule: reason.rule.clone().into(),
        because: reason.because.clone(),
        approval: Some(id),
        effect: Some(Effect::Request(Box::new(request))),
    }
}

/// A request's name. The journal's nonce, the turn and all that is asked are in it, so that no two requests have one name:
/// not those of two journals, not two of one order in two turns, and not two of one turn that differ in anything.
fn request_id(case: &Case<'_>, order: &Order, policy: &Digest, charter: &Digest, needed: u8) -> ApprovalId {
    let asked = (&case.ledger.nonce, case.situation.turn, order, policy, charter, needed);
    let digits = crate::encoding::digest(&asked).short(10);
    ApprovalId::parse(&format!("a-{digits}")).expect("a letter, a dash and digits are characters of a name")
}
