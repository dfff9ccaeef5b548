//! The situation: what a policy is shown, from ledger and observation. Pure, and bounded in every list and in all.
//!
//! Lists are filled with what changed or waits first; what is left out is counted, and comes later.

use quarterdeck_core::budget::{self, Budget, budgets};
use quarterdeck_core::charter::Charter;
use quarterdeck_core::convergence::Parked;
use quarterdeck_core::encoding;
use quarterdeck_core::finding;
use quarterdeck_core::ground::Ground;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::{Ledger, MissionState, OrderState, Saved};
use quarterdeck_core::mission::When;
use quarterdeck_core::observation::{EngineState, Observation};
use quarterdeck_core::pause::Scope;
use quarterdeck_core::phase::phase;
use quarterdeck_core::preflight;
use quarterdeck_core::situation::{
    Advice, Allowance, Approval, Artifact, Autonomy, ChangeSummary, DesiredState, DockerEngine, FACTS_MAX,
    FINDINGS_MAX, Fact, Finding, MISSIONS_MAX, Mission, OTHERS_MAX, Omitted, Operation, Plan, Resolution,
    SITUATION_BYTES_MAX, ShownVerdict, Situation, TEXT_BYTES_MAX, Tally, Verification, WORKERS_MAX, Worker,
};

use super::ground::{ground, is_loaded};

/// What the policy is shown this turn, and what gate and ledger take whole.
pub fn orient(charter: &Charter, ledger: &Ledger, observation: &Observation) -> (Situation, Ground) {
    let now = observation.at;
    let findings = finding::look(charter, ledger, observation);
    let engine = observation.engine.fresh(now);
    let mut situation = Situation {
        turn: ledger.turn.saturating_add(1),
        now,
        last_decision: ledger.policy.last_decision,
        settings: ledger.policy.settings.clone(),
        cluster: observation.cluster.clone(),
        engine: engine.map(docker_engine),
        resolved: resolved(ledger, &findings, now),
        missions: ledger
            .missions
            .values()
            .map(|state| mission(charter, ledger, observation, state, &findings))
            .collect(),
        workers: ledger.orders.values().map(worker).collect(),
        verdicts: verdicts(ledger),
        approvals: approvals(ledger, now),
        allowances: allowances(charter, ledger, now),
        advice: ledger.advice.values().map(|record| record.advice.clone()).collect(),
        recollections: Vec::new(),
        inspections: Vec::new(),
        findings: findings.clone(),
        omitted: Omitted::default(),
        memo: ledger.policy.memo.clone(),
        more: vec![Fact::new("rehearsal", if ledger.rehearsal { "true" } else { "false" })],
    };
    situation.more.extend(paused(ledger));
    bound(&mut situation);
    let ground = ground(ledger, observation, &findings, &situation.findings);
    (situation, ground)
}

/// Everything that people have paused, in one fact.
fn paused(ledger: &Ledger) -> Option<Fact> {
    let scopes: Vec<String> = ledger.pauses.keys().map(Scope::to_string).collect();
    (!scopes.is_empty()).then(|| Fact::new("paused", &scopes.join(", ")))
}

/// Why nothing of a mission is begun, where people have paused it, or the same was applied to it too often. One whose
/// failures are at their limit is told by its tally.
fn parked(charter: &Charter, ledger: &Ledger, state: &MissionState) -> Option<String> {
    let pauses = ledger.holds(state).into_iter().map(|(scope, pause)| pause.sentence(scope));
    let circling = match state.parked(&charter.settings) {
        Some(parked @ Parked::Circling(_)) => Some(parked.sentence(state.spec.name.as_str())),
        Some(Parked::Exhausted(..)) | None => None,
    };
    let said: Vec<String> = pauses.chain(circling).collect();
    (!said.is_empty()).then(|| text(&said.join("; ")))
}

fn text(said: &str) -> String {
    quarterdeck_core::situation::cut(said, TEXT_BYTES_MAX)
}

fn docker_engine(engine: &EngineState) -> DockerEngine {
    DockerEngine {
        version: engine.version.clone(),
        api: engine.api.clone(),
        api_min: engine.api_min.clone(),
        more: Vec::new(),
    }
}

/// What went away since the last turn, and what went away a while ago.
fn resolved(ledger: &Ledger, findings: &[Finding], now: Timestamp) -> Vec<Resolution> {
    let open = |id: &quarterdeck_core::ids::FindingId| findings.iter().any(|finding| finding.id == *id);
    let gone = ledger.findings.iter().filter(|(id, _)| !open(id)).map(|(id, seen)| Resolution {
        finding: id.clone(),
        rule: seen.rule.clone(),
        resolved: now,
    });
    let mut resolved: Vec<Resolution> =
        ledger.resolved.values().filter(|gone| !open(&gone.finding)).cloned().chain(gone).collect();
    resolved.sort_by(|a, b| a.finding.cmp(&b.finding));
    resolved.dedup_by(|a, b| a.finding == b.finding);
    resolved
}

fn mission(
    charter: &Charter,
    ledger: &Ledger,
    observation: &Observation,
    state: &MissionState,
    findings: &[Finding],
) -> Mission {
    let now = observation.at;
    let verification = verification(ledger, observation, state, findings);
    let hold = observation.engine.fresh(now).and_then(|e| preflight::hold(&state.spec, &e.api, &e.api_min));
    let phase = phase(charter, ledger, state, verification.as_ref(), hold.is_some(), now);
    let when = match state.spec.when {
        When::Always => "always",
        When::Needed => "needed",
    };
    let mut more =
        vec![Fact::new("when", when), Fact::new("rehearsal", if ledger.rehearsal { "true" } else { "false" })];
    more.extend(hold.map(|hold| Fact::new("preflight", &hold.to_string())));
    Mission {
        id: state.id.clone(),
        generation: state.generation,
        goal: state.spec.goal.clone(),
        autonomy: if is_loaded(observation, state) { state.autonomy(charter.settings.autonomy) } else { Autonomy::Off },
        desired: state.desired(),
        phase: phase.name().to_owned(),
        plans: vec![Plan {
            digest: state.spec.plan,
            tool: "terraform".to_owned(),
            facts: state.spec.facts.iter().take(FACTS_MAX).cloned().collect(),
        }],
        offers: state.spec.offers.clone(),
        targets: Vec::new(),
        tallies: tallies(charter, ledger, state, now),
        artifacts: state.saved.iter().map(|(operation, saved)| artifact(state, *operation, saved)).collect(),
        applied: state.applied.as_ref().filter(|a| a.generation == state.generation).map(|a| a.saved),
        verification,
        parked: parked(charter, ledger, state),
        more,
    }
}

fn verification(
    ledger: &Ledger,
    observation: &Observation,
    state: &MissionState,
    findings: &[Finding],
) -> Option<Verification> {
    finding::differences(ledger, state, observation)?;
    let at = observation.engine.state.as_ref()?.0;
    // The host's own look: what is missing or left behind, what nobody's state knows, and what is not well.
    let differences: Vec<_> = findings
        .iter()
        .filter(|finding| finding.mission.as_ref() == Some(&state.id))
        .filter(|finding| !["mission", "worker", "pause"].contains(&finding.object.kind.as_str()))
        .map(|finding| finding.id.clone())
        .take(OTHERS_MAX)
        .collect();
    Some(Verification { at, ok: differences.is_empty(), differences })
}

/// What failed how often, and when each operation may be tried again. One that has to wait though nothing has failed, since
/// a budget is spent or the same was applied a moment ago, is shown as one that may not be tried before then.
fn tallies(charter: &Charter, ledger: &Ledger, state: &MissionState, now: Timestamp) -> Vec<Tally> {
    let settings = &charter.settings;
    let tally = |operation: Operation| {
        let known = state.tallies.get(&operation);
        let rests = (operation == Operation::Apply).then(|| state.rests(settings, now)).flatten();
        let waits = rests.map(|(until, _)| until).max(budget::room(settings, ledger, operation, now));
        (known.is_some() || waits.is_some()).then(|| Tally {
            operation,
            tried: known.map_or(0, |tally| tally.failures),
            limit: settings.failures_max,
            not_before: known.and_then(|tally| tally.not_before).max(waits),
            last_failure: known.and_then(|tally| tally.last.clone()),
        })
    };
    use Operation::{Apply, Check, Configure, Plan, PlanDestroy, Scan};
    [Plan, PlanDestroy, Apply, Check, Configure, Scan].into_iter().filter_map(tally).collect()
}

fn artifact(state: &MissionState, operation: Operation, saved: &Saved) -> Artifact {
    Artifact {
        digest: saved.plan.input.saved,
        plan: state.spec.plan,
        operation,
        generation: state.generation,
        worker: saved.order.clone(),
        made: saved.made,
        summary: Some(saved.plan.summary),
        stale: state.is_stale(saved),
        more: saved
            .plan
            .dangers
            .iter()
            .take(FACTS_MAX)
            .map(|danger| Fact::new(&danger.kind, &format!("{}: {}", danger.address, danger.detail)))
            .collect(),
    }
}

fn worker(state: &OrderState) -> Worker {
    let order = &state.order;
    let result = state.ended.as_ref().map(|(_, result)| result);
    let summary = |result: &quarterdeck_core::order::WorkerResult| -> Option<ChangeSummary> {
        result.summary.or_else(|| result.saved.as_ref().map(|saved| saved.summary))
    };
    Worker {
        id: order.name.clone(),
        mission: order.mission.clone(),
        generation: order.key.generation,
        operation: order.key.operation,
        plan: order.plan,
        input: order.apply.as_ref().map(|input| input.saved),
        attempt: order.attempt,
        phase: state.phase(),
        started: order.made,
        deadline: order.deadline,
        ended: state.ended.as_ref().map(|(at, _)| *at),
        output: result.and_then(|result| result.saved.as_ref()).map(|saved| saved.input.saved),
        summary: result.and_then(summary),
        failure: result.and_then(|result| result.failure.clone()),
        more: Vec::new(),
    }
}

fn verdicts(ledger: &Ledger) -> Vec<ShownVerdict> {
    let shown = ledger.verdicts.values().map(|kept| {
        let verdict = &kept.verdict;
        ShownVerdict {
            turn: kept.turn,
            key: verdict.key.clone(),
            ruling: verdict.ruling,
            rule: verdict.rule.clone(),
            because: text(&verdict.because),
            worker: match &verdict.effect {
                Some(quarterdeck_core::verdict::Effect::Start(order)) => Some(order.name.clone()),
                Some(_) | None => None,
            },
            approval: verdict.approval.clone(),
        }
    });
    shown.collect()
}

fn approvals(ledger: &Ledger, now: Timestamp) -> Vec<Approval> {
    let shown = ledger.approvals.values().map(|record| Approval {
        id: record.id.clone(),
        mission: record.order.mission.clone(),
        operation: record.order.key.operation,
        plan: record.order.plan,
        artifact: record.order.apply.as_ref().map(|input| input.saved),
        state: ledger.approval_state(record, now),
        needed: record.needed.into(),
        given: record.given().into(),
        requested: record.requested,
        expires: record.expires,
        comment: record.answers.last().and_then(|answer| answer.comment.clone()),
    });
    shown.collect()
}

fn allowances(charter: &Charter, ledger: &Ledger, now: Timestamp) -> Vec<Allowance> {
    let allowance = |Budget { name, unit: _, used, limit, frees }| Allowance { name, used, limit, resets: frees };
    budgets(&charter.settings, ledger, now).into_iter().map(allowance).collect()
}

/// Cuts each list to its limit, the least pressing entries first, and then all of it to its size.
fn bound(situation: &mut Situation) {
    let omitted = &mut situation.omitted;
    omitted.findings = cut(&mut situation.findings, FINDINGS_MAX, missions_first);
    omitted.missions = cut(&mut situation.missions, MISSIONS_MAX, idle_last);
    omitted.workers = cut(&mut situation.workers, WORKERS_MAX, ended_last);
    omitted.others = cut(&mut situation.resolved, OTHERS_MAX, |gone| u64::MAX - gone.resolved.0)
        + cut(&mut situation.verdicts, OTHERS_MAX, |verdict| u64::from(u32::MAX - verdict.turn))
        + cut(&mut situation.approvals, OTHERS_MAX, |approval| u64::MAX - approval.requested.0)
        + cut(&mut situation.advice, OTHERS_MAX, newest_advice);
    while encoding::encode(situation).len() > SITUATION_BYTES_MAX {
        let half = |length: usize| length / 2;
        let situation = &mut *situation;
        let (findings, missions) = (half(situation.findings.len()), half(situation.missions.len()));
        let (workers, advice) = (half(situation.workers.len()), half(situation.advice.len()));
        situation.omitted.findings += cut(&mut situation.findings, findings, missions_first);
        situation.omitted.missions += cut(&mut situation.missions, missions, idle_last);
        situation.omitted.workers += cut(&mut situation.workers, workers, ended_last);
        situation.omitted.others += cut(&mut situation.advice, advice, newest_advice);
        if findings + missions + workers + advice == 0 {
            // What is left is bounded by the limits of its texts, but for a memo that a policy made too large.
            situation.memo = None;
            return;
        }
    }
}

/// What concerns a mission is acted on: it is left out last, and what keeps it from being built last of all.
fn missions_first(finding: &Finding) -> u64 {
    match (finding.rule.as_str(), &finding.mission) {
        ("object-unknown", _) => 0,
        (_, Some(_)) => 1,
        (_, None) => 2,
    }
}

/// Nothing is begun for one that is off, or that this run was not told of, so it is left out first; one that is to go is looked
/// at until it is gone, since somebody waits for that.
fn idle_last(mission: &Mission) -> u64 {
    match (mission.autonomy, mission.desired) {
        (Autonomy::Off, _) => 2,
        (_, DesiredState::Absent) => 0,
        (_, DesiredState::Present | DesiredState::Suspended) => {
            u64::from(mission.verification.as_ref().is_some_and(|seen| seen.ok))
        }
    }
}

fn ended_last(worker: &Worker) -> u64 {
    worker.ended.map_or(0, |at| u64::MAX - at.0)
}

fn newest_advice(advice: &Advice) -> u64 {
    advice.answered.map_or(0, |at| u64::MAX - at.0)
}

/// Keeps the entries with the lowest rank, in the list's own order; says how many were left out.
fn cut<T>(list: &mut Vec<T>, keep: usize, rank: impl Fn(&T) -> u64) -> u32 {
    let surplus = list.len().saturating_sub(keep);
    if surplus == 0 {
        return 0;
    }
    let mut order: Vec<usize> = (0..list.len()).collect();
    order.sort_by_key(|index| (rank(&list[*index]), *index));
    let kept: std::collections::BTreeSet<usize> = order.into_iter().take(keep).collect();
    let mut index = 0;
    list.retain(|_| {
        index += 1;
        kept.contains(&(index - 1))
    });
    u32::try_from(surplus).unwrap_or(u32::MAX)
}
