//! What a policy had in view for a proposal: the findings that it is about, and what the brain had said.

use std::collections::BTreeSet;

use quarterdeck_core::decision::Proposal;
use quarterdeck_core::ids::MissionId;
use quarterdeck_core::situation::{Advice, Finding, Recommendation, Reply, Situation};
use quarterdeck_core::verdict::Verdict;

use super::chronicle::Chronicle;
use super::decided::Draft;
use super::scene::Scene;
use super::{Cause, Says};
use crate::view::rfc3339;

/// Findings and advice, as the policy was shown them.
pub(super) fn in_view(
    chronicle: &Chronicle,
    scene: &Scene,
    situation: &Situation,
    proposal: &Proposal,
    verdict: &Verdict,
    draft: &mut Draft,
) {
    let cited: BTreeSet<&str> = proposal.cites.iter().map(String::as_str).collect();
    let mission = verdict.mission.as_ref();
    let advice: Vec<(&Advice, Vec<&Recommendation>)> = situation
        .advice
        .iter()
        .map(|advice| (advice, recommending(situation, advice, mission)))
        .filter(|(advice, recommends)| !recommends.is_empty() || cited.contains(advice.question.as_str()))
        .collect();
    let about: BTreeSet<&str> = advice
        .iter()
        .flat_map(|(_, recommends)| recommends.iter().filter_map(|said| Some(said.finding.as_ref()?.as_str())))
        .collect();
    for finding in &situation.findings {
        let id = finding.id.as_str();
        let of_mission = mission.is_some() && finding.mission.as_ref() == mission;
        if of_mission || cited.contains(id) || about.contains(id) {
            draft.add(found(scene, finding, cited.contains(id)));
        }
    }
    for (advice, recommends) in advice {
        told(chronicle, scene, advice, &recommends, draft);
    }
}

fn found(scene: &Scene, finding: &Finding, cited: bool) -> Cause {
    let mark = scene.findings.get(&finding.id).map_or(scene.mark, |since| since.mark);
    let severity = format!("{:?}", finding.severity).to_lowercase();
    let object = &finding.object;
    Cause::new(mark, Says::Host, format!("{severity} {}: {}", finding.rule, finding.message))
        .with("finding", finding.id.to_string())
        .with("object", format!("{}/{}", object.kind, object.name))
        .with("first seen", rfc3339(finding.first_seen))
        .with_some("cited", cited.then_some("by the policy, as what it answers"))
}

/// What of an answer is about a mission: it names the mission, or a need that the mission offers.
fn recommending<'a>(situation: &Situation, advice: &'a Advice, mission: Option<&MissionId>) -> Vec<&'a Recommendation> {
    let Reply::Assessed(assessment) = &advice.reply else { return Vec::new() };
    let Some(mission) = mission.and_then(|id| situation.missions.iter().find(|mission| mission.id == *id)) else {
        return Vec::new();
    };
    let offered = |said: &&Recommendation| match (&said.mission, &said.need) {
        (Some(named), _) => *named == mission.id,
        (None, Some(need)) => mission.offers.contains(need),
        (None, None) => false,
    };
    assessment.recommendations.iter().filter(offered).collect()
}

/// A question to the brain, and its answer.
fn told(chronicle: &Chronicle, scene: &Scene, advice: &Advice, recommends: &[&Recommendation], draft: &mut Draft) {
    let Some(asked) = scene.questions.get(&advice.question) else {
        return draft.lacks(chronicle, format_args!("when the question {} was asked", advice.question));
    };
    let question = format!("the brain was asked in turn {}: {}", asked.asked.turn, advice.question);
    let next = format!("quarterdeck why turn/{}", asked.asked.turn);
    draft.add(Cause::new(asked.asked.mark, Says::Host, question).leading_to(next));
    let who = advice.model.clone().unwrap_or_else(|| "nobody".to_owned());
    let (Some(mark), Some(at)) = (asked.answered, advice.answered) else { return };
    let mut cause = match &advice.reply {
        Reply::Assessed(assessment) => Cause::new(mark, Says::Brain, format!("{who} said: {}", assessment.text)),
        Reply::Unanswered(why) => Cause::new(mark, Says::Host, format!("{who} answered: {why}")),
        Reply::Pending => return,
    };
    cause = cause.with("question", advice.question.clone()).with("answered", rfc3339(at));
    draft.add(cause.with_each("recommends", recommends.iter().map(|said| recommendation(said))));
}

fn recommendation(said: &Recommendation) -> String {
    let named = [
        ("need", said.need.as_deref()),
        ("mission", said.mission.as_ref().map(MissionId::as_str)),
        ("for", said.finding.as_ref().map(|id| id.as_str())),
        ("remedy", said.remedy.as_deref()),
    ];
    let named: Vec<String> = named.iter().filter_map(|(name, value)| Some(format!("{name} {}", (*value)?))).collect();
    format!("{} ({} of 1000 sure): {}", named.join(", "), said.confidence, said.reason)
}
