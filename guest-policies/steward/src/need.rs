//! Whether a mission that is built only when needed is needed.
//!
//! Gemini may say so, or the rules that stand in for it: a recommendation that names a need which the mission offers.
//! It is advice about a fault. When the fault is resolved, or a person took it on, the advice is void.

use quarterdeck_policy_sdk::{Advice, Mission, Recommendation, Reply, Situation};

/// How the id of a question begins that asks what would meet a finding.
pub(crate) const PROPOSE: &str = "propose/";

/// Why a mission is to be built.
pub(crate) enum Wanted<'a> {
    /// The user wants it always, or it was begun: what stands is looked after.
    Anyway,
    /// This advice asks for what it offers.
    Advised(&'a Advice),
}

/// Whether the mission is wanted now, and why. None: it waits until something needs it.
pub(crate) fn wanted<'a>(view: &'a Situation, mission: &Mission) -> Option<Wanted<'a>> {
    if !mission.only_when_needed() {
        return Some(Wanted::Anyway);
    }
    if let Some(advice) = view.advice.iter().find(|advice| asks_for(view, advice, mission)) {
        return Some(Wanted::Advised(advice));
    }
    let made = mission.artifacts.iter().any(|artifact| artifact.generation == mission.generation);
    let worked = view.workers_of(&mission.id).any(|worker| worker.generation == mission.generation);
    (made || worked || mission.applied.is_some()).then_some(Wanted::Anyway)
}

fn asks_for(view: &Situation, advice: &Advice, mission: &Mission) -> bool {
    match &advice.reply {
        Reply::Assessed(assessment) => assessment
            .recommendations
            .iter()
            .any(|recommendation| names(recommendation, mission) && still_open(view, advice, recommendation)),
        Reply::Pending | Reply::Unanswered(_) => false,
    }
}

fn names(recommendation: &Recommendation, mission: &Mission) -> bool {
    let offered = recommendation.need.as_ref().is_some_and(|need| mission.offers.contains(need));
    offered && recommendation.mission.as_ref().is_none_or(|id| *id == mission.id)
}

/// The finding is the one that the recommendation names, or else the one that was asked about.
fn still_open(view: &Situation, advice: &Advice, recommendation: &Recommendation) -> bool {
    let about = recommendation.finding.as_deref().or_else(|| advice.question.strip_prefix(PROPOSE));
    about.is_none_or(|id| view.finding(id).is_some_and(|finding| view.is_open(finding)))
}
