//! What the charter is asked about a proposal, worked out from ledger, ground and situation.
//!
//! A policy's word counts for one thing here: the findings that it cites are among those that it answers. What Gemini
//! recommended is read from the advice in view, cited or not.

use std::collections::BTreeSet;

use super::work::Case;
use crate::charter::{Answered, Asker, Name, PlanGist, Request, Settings, Subject};
use crate::decision::Proposal;
use crate::ground::{Ground, Unshown};
use crate::ids::{FindingId, MissionId, Timestamp};
use crate::ledger::{Ledger, MissionState, hour_and_weekday};
use crate::order::{Order, SavedPlan};
use crate::situation::{Autonomy, Reply, Severity, Situation};

/// The question about work.
pub(super) fn of_work(case: &Case<'_>, mission: &MissionState, autonomy: Autonomy, order: &Order) -> Request {
    let saved = case.artifact.and_then(|artifact| {
        mission.saved.values().find(|saved| saved.plan.input.saved == artifact).map(|saved| &saved.plan)
    });
    Request {
        mission: Some(subject(mission, autonomy)),
        failures: mission.tallies.get(&case.operation).map_or(0, |tally| tally.failures),
        attempt: order.attempt,
        workers: case.ledger.workers(None),
        workers_this_hour: case.ledger.spending.workers_this_hour(case.situation.now),
        applies_today: case.ledger.spending.applies_today(case.situation.now),
        recommended: recommended(case.situation, mission),
        plan: saved.map(gist),
        ..common(case.ledger, case.ground, case.situation, case.proposal, Some(&mission.id))
    }
}

/// The question about an action that starts no worker.
pub(super) fn of_words(
    settings: &Settings,
    ledger: &Ledger,
    ground: &Ground,
    situation: &Situation,
    proposal: &Proposal,
    mission: Option<&MissionState>,
) -> Request {
    let usage = ledger.spending.usage_today(situation.now);
    Request {
        mission: mission.map(|state| subject(state, state.autonomy(settings.autonomy))),
        questions_today: ledger.questions_today(situation.now),
        tokens_today: usage.tokens(),
        micro_usd_today: settings.prices.micro_usd(usage),
        ..common(ledger, ground, situation, proposal, mission.map(|state| &state.id))
    }
}

fn common(
    ledger: &Ledger,
    ground: &Ground,
    situation: &Situation,
    proposal: &Proposal,
    mission: Option<&MissionId>,
) -> Request {
    let described = ledger.policy.description.as_ref();
    let (hour, weekday) = hour_and_weekday(situation.now);
    Request {
        policy: Asker {
            name: described.map(|described| described.name.clone()).unwrap_or_default(),
            version: described.map(|described| described.version.clone()).unwrap_or_default(),
            digest: ledger.policy.digest.map(|digest| digest.hex()).unwrap_or_default(),
        },
        action: Name::of(proposal),
        findings: answered(ground, situation, proposal, mission),
        rehearsal: ledger.rehearsal,
        hour,
        weekday,
        ..Request::default()
    }
}

fn subject(mission: &MissionState, autonomy: Autonomy) -> Subject {
    Subject {
        id: mission.id.to_string(),
        name: mission.spec.name.to_string(),
        namespace: mission.spec.name.namespace().unwrap_or_default().to_owned(),
        autonomy: autonomy.name().to_owned(),
        desired: mission.desired().name().to_owned(),
        labels: mission.spec.labels.iter().map(|label| (label.key.clone(), label.value.clone())).collect(),
    }
}

/// The findings of the mission, whole, and those that the proposal cites.
fn answered(ground: &Ground, situation: &Situation, proposal: &Proposal, mission: Option<&MissionId>) -> Answered {
    let mut counted: BTreeSet<FindingId> = BTreeSet::new();
    let (mut worst, mut oldest) = (None::<Severity>, None::<Timestamp>);
    let (mut rules, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
    for finding in situation.findings.iter().map(Unshown::from).chain(ground.unshown.iter().cloned()) {
        let cited = proposal.cites.iter().any(|cite| cite == finding.id.as_str());
        if cited || mission.is_some() && finding.mission.as_ref() == mission {
            counted.insert(finding.id);
            worst = worst.max(Some(finding.severity));
            oldest = Some(oldest.map_or(finding.first_seen, |oldest| oldest.min(finding.first_seen)));
            rules.insert(finding.rule);
            namespaces.extend(finding.namespace);
        }
    }
    Answered {
        count: count(counted.iter()),
        worst: match worst {
            None => 0,
            Some(Severity::Info) => 1,
            Some(Severity::Warning) => 2,
            Some(Severity::Critical) => 3,
        },
        oldest_seconds: oldest.map_or(0, |oldest| situation.now.since_ms(oldest) / 1_000),
        rules,
        namespaces,
    }
}

/// Whether advice in view recommends this mission, or a need that it offers.
fn recommended(situation: &Situation, mission: &MissionState) -> bool {
    let answers = situation.advice.iter().filter_map(|advice| match &advice.reply {
        Reply::Assessed(assessment) => Some(&assessment.recommendations),
        Reply::Pending | Reply::Unanswered(_) => None,
    });
    answers.flatten().any(|said| {
        said.mission.as_ref() == Some(&mission.id)
            || said.need.as_ref().is_some_and(|need| mission.spec.offers.contains(need))
    })
}

fn gist(plan: &SavedPlan) -> PlanGist {
    let SavedPlan { input, summary, kinds, dangers, rendered: _, touches: _, changes: _, makes: _ } = plan;
    PlanGist {
        destroy: input.destroy,
        adds: summary.adds,
        changes: summary.changes,
        replaces: summary.replaces,
        destroys: summary.destroys,
        adopts: kinds.adopts,
        forgets: kinds.forgets,
        makes: kinds.makes.clone(),
        alters: kinds.alters.clone(),
        removes: kinds.removes.clone(),
        providers: kinds.providers.clone(),
        dangers: dangers.iter().map(|danger| danger.kind.clone()).collect(),
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
