//! From the model's text to an assessment.
//!
//! The text is untrusted, whatever schema it was asked to keep. It is bounded before it is read, unknown fields and
//! ids that the question did not hold refuse the whole answer (a model that invents names has not understood), and a
//! recommendation of a need that its mission does not offer is dropped, as the contract says. Texts are cut, and lose
//! what could move a terminal's cursor or turn its writing round.

use serde::Deserialize;

use super::Question;
use crate::situation::{Assessment, Recommendation, TEXT_BYTES_MAX, cut};

/// An answer is at most this many bytes: 16 recommendations at their limits are half of it.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;
/// An answer holds at most this many recommendations; more are no advice.
pub const RECOMMENDATIONS_MAX: usize = 16;

/// An answer that is none.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is too long to be read.
    #[error("the answer has {0} bytes, more than {ANSWER_BYTES_MAX}")]
    TooLong(usize),
    /// It is no JSON of the schema.
    #[error("the answer does not keep the schema")]
    Malformed(#[source] serde_json::Error),
    /// It recommends more than anyone can weigh.
    #[error("the answer has {0} recommendations, more than {RECOMMENDATIONS_MAX}")]
    TooMany(usize),
    /// It names something that the question does not hold.
    #[error("the answer names a {what} that is not in the question: {name:?}")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// How the answer calls it, cut.
        name: String,
    },
    /// A field is missing that this kind of question asks for.
    #[error("a recommendation in the answer has no {0}")]
    Missing(&'static str),
    /// A confidence beyond certainty.
    #[error("the answer has a confidence of {0}, not one of 0 to 1000")]
    Confidence(i64),
}

/// The answer as it stands in the text.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) recommendations: Vec<Advised>,
}

/// A recommendation as it stands in the text.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Advised {
    pub(super) finding: Option<String>,
    pub(super) need: Option<String>,
    pub(super) mission: Option<String>,
    pub(super) reason: String,
    pub(super) confidence: i64,
}

/// Parses the text of an answer against its question.
///
/// # Errors
/// Where the text is too long, not of the question's schema, or names what the question does not hold.
pub fn parse_answer(question: &Question, text: &str) -> Result<Assessment, AnswerError> {
    if text.len() > ANSWER_BYTES_MAX {
        return Err(AnswerError::TooLong(text.len()));
    }
    let answer: Answer = serde_json::from_str(text).map_err(AnswerError::Malformed)?;
    if answer.recommendations.len() > RECOMMENDATIONS_MAX {
        return Err(AnswerError::TooMany(answer.recommendations.len()));
    }
    let required = question.required();
    let mut recommendations = Vec::new();
    for advised in answer.recommendations {
        recommendations.extend(recommendation(question, &required, advised)?);
    }
    Ok(Assessment { text: shown(&answer.text), recommendations })
}

/// One recommendation; none where its need is not one that could be met.
fn recommendation(
    question: &Question,
    required: &[&'static str],
    advised: Advised,
) -> Result<Option<Recommendation>, AnswerError> {
    let given = [("finding", &advised.finding), ("need", &advised.need), ("mission", &advised.mission)];
    if let Some((name, _)) = given.into_iter().find(|(name, value)| required.contains(name) && value.is_none()) {
        return Err(AnswerError::Missing(name));
    }
    let finding = lookup("finding", advised.finding, question.findings.iter().map(|finding| &finding.id))?;
    let mission = lookup("mission", advised.mission, question.missions.iter().map(|offer| &offer.mission))?;
    let confidence = u16::try_from(advised.confidence).ok().filter(|permille| *permille <= 1_000);
    let confidence = confidence.ok_or(AnswerError::Confidence(advised.confidence))?;
    if let Some(need) = &advised.need
        && !question.offering(need).any(|offering| mission.as_ref().is_none_or(|named| named == offering))
    {
        return Ok(None);
    }
    let reason = shown(&advised.reason);
    Ok(Some(Recommendation { need: advised.need, mission, finding, remedy: None, reason, confidence }))
}

/// The id of the question that the answer means.
fn lookup<'a, T>(
    what: &'static str,
    name: Option<String>,
    mut ids: impl Iterator<Item = &'a T>,
) -> Result<Option<T>, AnswerError>
where
    T: Clone + std::borrow::Borrow<str> + 'a,
{
    let Some(name) = name else { return Ok(None) };
    match ids.find(|id| std::borrow::Borrow::<str>::borrow(*id) == name) {
        Some(id) => Ok(Some(id.clone())),
        None => Err(AnswerError::Unknown { what, name: cut(&name, 80) }),
    }
}

/// A text as people may be shown it.
fn shown(text: &str) -> String {
    let moves = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let visible: String = text.trim().chars().map(|c| if moves(c) { ' ' } else { c }).collect();
    cut(&visible, TEXT_BYTES_MAX)
}
