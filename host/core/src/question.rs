//! What the brain is asked, and what it may say.
//!
//! A policy names a kind, a mission and findings; the host makes the question of what is in view and writes every word
//! of the prompt itself (`prompt`), with the schema that the answer must keep (`schema`). The answer is text from
//! outside: it is parsed here against the same question (`answer`), and can name no need, mission or finding that the
//! question did not hold. So neither a policy's note nor a line of a container's log can widen what may come back.
//!
//! Who is asked, how long that may take and what it costs is not here: that is the adapters' part, in the host.

mod answer;
mod prompt;
mod schema;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::answer::{ANSWER_BYTES_MAX, AnswerError, RECOMMENDATIONS_MAX, parse_answer};
use crate::decision::{NOTE_BYTES_MAX, PROPOSAL_KEY_BYTES_MAX};
use crate::ids::{FindingId, MissionId, Timestamp};
use crate::situation::{DesiredState, Finding, Mission, QuestionKind, Reply, Situation, cut};

/// A question is about at most this many findings: with their evidence about 100 KiB of prompt, which is what one
/// answer of a few hundred words can do justice to.
pub const FINDINGS_PER_QUESTION_MAX: usize = 32;
/// Of each finding's evidence the first facts go with the question, this many at most.
pub const EVIDENCE_PER_FINDING_MAX: usize = 6;
/// A fact of the evidence is cut to this many bytes: a line of a log.
pub const EVIDENCE_BYTES_MAX: usize = 256;

/// An answer may have this many tokens, those of thinking included; so much is reserved for it.
pub const OUTPUT_TOKENS_MAX: u32 = 8_192;

/// A question that cannot be asked.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum QuestionError {
    /// The policy's name for it is empty or too long.
    #[error("a question needs a name of 1 to {PROPOSAL_KEY_BYTES_MAX} bytes")]
    Id,
    /// The kind exists in the contract and has no prompt yet.
    #[error("questions of the kind {} are not offered yet", kind_name(*.0))]
    NotOffered(QuestionKind),
    /// Neither a finding nor a mission was named.
    #[error("the question is about nothing: it names no finding and no mission")]
    Nothing,
    /// More findings than one question may hold.
    #[error("the question names {0} findings; at most {FINDINGS_PER_QUESTION_MAX} go into one")]
    TooManyFindings(usize),
    /// A finding that is not open in this situation.
    #[error("the finding {0} is not in view")]
    FindingNotInView(FindingId),
    /// A mission that is not in this situation.
    #[error("the mission {0} is not in view")]
    MissionNotInView(MissionId),
    /// A proposal was asked for where nothing could be proposed.
    #[error("no mission in view offers anything that could be proposed")]
    NothingOffered,
}

/// What one mission can do for a need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Offer {
    /// The mission.
    pub mission: MissionId,
    /// What it is for, in its author's words.
    pub goal: String,
    /// The needs that it meets; none where the mission is suspended or to be absent.
    pub needs: Vec<String>,
}

/// A question to the brain, with all that it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Question {
    /// The policy's own name for it.
    pub id: String,
    /// What is asked.
    pub kind: QuestionKind,
    /// When it was asked.
    pub asked: Timestamp,
    /// The mission that it is about, where it is about one.
    pub about: Option<MissionId>,
    /// The findings that it is about, each id once, in the order in which the policy named them.
    pub findings: Vec<Finding>,
    /// What could be recommended: the mission that it is about, then every other one that offers something.
    pub missions: Vec<Offer>,
    /// The policy's short note.
    pub note: Option<String>,
}

/// How many tokens an answer cost, as the model's maker counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tokens {
    /// What was sent.
    pub prompt: u32,
    /// What came back.
    pub answer: u32,
    /// What was thought and not shown; it is paid for as well.
    pub thought: u32,
}

/// Whether a question was paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bill {
    /// Nobody answered it, or whoever did takes no money: nothing was sent, or it was refused before any work.
    Nothing,
    /// What it cost stands beside it.
    Counted,
    /// It was sent, and nobody said what it cost.
    Unknown,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BrainReply {
    /// The question's id.
    pub question: String,
    /// When the reply arrived.
    pub answered: Timestamp,
    /// Who answered, where somebody did.
    pub model: Option<String>,
    /// The answer, or why there is none; never pending.
    pub reply: Reply,
    /// What it cost, also where the answer was of no use.
    pub tokens: Tokens,
    /// Whether it was paid for.
    pub bill: Bill,
}

impl Question {
    /// Makes the question of an `ask` action from what is in view.
    ///
    /// # Errors
    /// Where the kind is not offered, an id is not in view, or there is nothing to ask about.
    pub fn new(
        situation: &Situation,
        id: &str,
        kind: QuestionKind,
        mission: Option<&MissionId>,
        findings: &[FindingId],
        note: Option<&str>,
    ) -> Result<Question, QuestionError> {
        if id.is_empty() || id.len() > PROPOSAL_KEY_BYTES_MAX {
            return Err(QuestionError::Id);
        }
        let needs_offers = match kind {
            QuestionKind::Triage => false,
            QuestionKind::Propose => true,
            QuestionKind::ChooseRemedy | QuestionKind::Summarise => return Err(QuestionError::NotOffered(kind)),
        };
        if findings.is_empty() && mission.is_none() {
            return Err(QuestionError::Nothing);
        }
        let missions = offers(situation, mission)?;
        if needs_offers && missions.iter().all(|offer| offer.needs.is_empty()) {
            return Err(QuestionError::NothingOffered);
        }
        Ok(Question {
            id: id.to_owned(),
            kind,
            asked: situation.now,
            about: mission.cloned(),
            findings: in_view(situation, findings)?,
            missions,
            note: note.map(|note| cut(note, NOTE_BYTES_MAX)),
        })
    }

    /// The missions of this question that offer the need, in its order.
    pub fn offering(&self, need: &str) -> impl Iterator<Item = &MissionId> {
        let offers = move |offer: &&Offer| offer.needs.iter().any(|offered| offered == need);
        self.missions.iter().filter(offers).map(|offer| &offer.mission)
    }
}

impl BrainReply {
    /// The reply to a question that nobody will answer.
    pub fn unanswered(question: &Question, answered: Timestamp, reason: &str) -> BrainReply {
        BrainReply {
            question: question.id.clone(),
            answered,
            model: None,
            reply: Reply::Unanswered(cut(reason, crate::situation::TEXT_BYTES_MAX)),
            tokens: Tokens::default(),
            bill: Bill::Nothing,
        }
    }
}

/// The kind's name in the contract.
fn kind_name(kind: QuestionKind) -> &'static str {
    match kind {
        QuestionKind::Triage => "triage",
        QuestionKind::Propose => "propose",
        QuestionKind::ChooseRemedy => "choose-remedy",
        QuestionKind::Summarise => "summarise",
    }
}

fn in_view(situation: &Situation, wanted: &[FindingId]) -> Result<Vec<Finding>, QuestionError> {
    let mut seen = BTreeSet::new();
    let wanted: Vec<_> = wanted.iter().filter(|id| seen.insert(*id)).collect();
    if wanted.len() > FINDINGS_PER_QUESTION_MAX {
        return Err(QuestionError::TooManyFindings(wanted.len()));
    }
    let find = |id: &FindingId| {
        let found = situation.findings.iter().find(|finding| finding.id == *id);
        found.map(briefly).ok_or_else(|| QuestionError::FindingNotInView(id.clone()))
    };
    wanted.into_iter().map(find).collect()
}

fn briefly(finding: &Finding) -> Finding {
    let mut brief = finding.clone();
    brief.evidence.truncate(EVIDENCE_PER_FINDING_MAX);
    for fact in &mut brief.evidence {
        fact.value = cut(&fact.value, EVIDENCE_BYTES_MAX);
    }
    brief
}

/// A fault of one mission may be cured by another that offers what is missing, so all of them are offered.
fn offers(situation: &Situation, about: Option<&MissionId>) -> Result<Vec<Offer>, QuestionError> {
    let first = about
        .map(|id| {
            let mission = situation.missions.iter().find(|mission| mission.id == *id);
            mission.map(offer).ok_or_else(|| QuestionError::MissionNotInView(id.clone()))
        })
        .transpose()?;
    let others = situation.missions.iter().filter(|mission| Some(&mission.id) != about).map(offer);
    Ok(first.into_iter().chain(others.filter(|offer| !offer.needs.is_empty())).collect())
}

fn offer(mission: &Mission) -> Offer {
    let needs = match mission.desired {
        DesiredState::Present => mission.offers.clone(),
        // Nobody may talk a mission into being that its author wants gone or at rest.
        DesiredState::Absent | DesiredState::Suspended => Vec::new(),
    };
    Offer { mission: mission.id.clone(), goal: mission.goal.clone(), needs }
}

#[cfg(test)]
mod tests;
