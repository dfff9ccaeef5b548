//! All the ways in which there is no answer, each in words for policies and people.
//!
//! What the service said stands in them as an excerpt only: cut, and with everything escaped that is not visible. It is
//! redacted when it is observed, which finds no half of a secret: so an excerpt ends between two words.

use std::time::Duration;

use quarterdeck_core::question::{AnswerError, Bill};

/// Of what the service said at most this many characters are shown: one sentence.
const EXCERPT_CHARS_MAX: usize = 160;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("Gemini could not be reached: {0}")]
    Unreachable(String),
    #[error("Gemini did not answer within {} ms", .0.as_millis())]
    Deadline(Duration),
    #[error("the connection to Gemini broke: {0}")]
    Broken(String),
    #[error("Gemini answered with a redirect (HTTP {0}), which is not followed")]
    Redirected(u16),
    #[error("Gemini's answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("Gemini's answer can't be read: {0}")]
    Unreadable(String),
    #[error("Gemini refused the question (block reason {0})")]
    Blocked(String),
    #[error("Gemini's answer holds {0} candidates, not one")]
    Candidates(usize),
    #[error("Gemini's answer was cut off at the limit of tokens, {thought} of which went into thinking")]
    CutOff { thought: u32 },
    #[error("Gemini did not finish its answer (finish reason {0})")]
    Unfinished(String),
    #[error("Gemini's answer is empty")]
    Empty,
    #[error("answered by another model: {answered:?}, where {wanted} is configured")]
    OtherModel { answered: String, wanted: String },
    #[error("Gemini's answer does not say which model gave it")]
    NoModel,
    #[error("Gemini's answer was refused: {0}")]
    Answer(String),
    #[error("Gemini refused the key (HTTP {status}): {said}")]
    Key { status: u16, said: String },
    #[error("Gemini does not know the model {model} (HTTP 404): {said}")]
    ModelNotFound { model: String, said: String },
    #[error("the day's quota at Gemini is used up: {0}")]
    QuotaOfDay(String),
    #[error("the key has no quota for this model at Gemini: {0}")]
    NoQuota(String),
    #[error("Gemini has no capacity for this model: {0}")]
    NoCapacity(String),
    #[error("too many questions for Gemini's quota (HTTP 429): {said}")]
    Quota { wait: Option<Duration>, said: String },
    #[error("Gemini is not available (HTTP {status}): {said}")]
    Unavailable { status: u16, said: String },
    #[error("Gemini refused the request (HTTP {status}): {said}")]
    Refused { status: u16, said: String },
}

impl Failure {
    /// How long to wait before the question may be asked once more; none where that would not help.
    pub(super) fn retry_after(&self, otherwise: Duration) -> Option<Duration> {
        match self {
            Failure::Quota { wait, .. } => Some(wait.unwrap_or(otherwise)),
            Failure::Unavailable { .. } => Some(otherwise),
            Failure::Unreachable(_)
            | Failure::Deadline(_)
            | Failure::Broken(_)
            | Failure::Redirected(_)
            | Failure::TooLarge(_)
            | Failure::Unreadable(_)
            | Failure::Blocked(_)
            | Failure::Candidates(_)
            | Failure::CutOff { .. }
            | Failure::Unfinished(_)
            | Failure::Empty
            | Failure::OtherModel { .. }
            | Failure::NoModel
            | Failure::Answer(_)
            | Failure::Key { .. }
            | Failure::ModelNotFound { .. }
            | Failure::QuotaOfDay(_)
            | Failure::NoQuota(_)
            | Failure::NoCapacity(_)
            | Failure::Refused { .. } => None,
        }
    }

    /// Whether a question that ended like this may have been paid for. The service takes nothing for what it refuses or
    /// fails at itself; what broke or was late on the way may have been answered.
    pub(super) fn bill(&self) -> Bill {
        match self {
            // A success of another kind than is known is no refusal.
            Failure::Refused { status, .. } if *status < 400 => Bill::Unknown,
            Failure::Unreachable(_)
            | Failure::Redirected(_)
            | Failure::Key { .. }
            | Failure::ModelNotFound { .. }
            | Failure::QuotaOfDay(_)
            | Failure::NoQuota(_)
            | Failure::NoCapacity(_)
            | Failure::Quota { .. }
            | Failure::Unavailable { .. }
            | Failure::Refused { .. } => Bill::Nothing,
            Failure::Deadline(_)
            | Failure::Broken(_)
            | Failure::TooLarge(_)
            | Failure::Unreadable(_)
            | Failure::Blocked(_)
            | Failure::Candidates(_)
            | Failure::CutOff { .. }
            | Failure::Unfinished(_)
            | Failure::Empty
            | Failure::OtherModel { .. }
            | Failure::NoModel
            | Failure::Answer(_) => Bill::Unknown,
        }
    }

    /// The HTTP client's error: its cause alone, since its own text is about the URL.
    pub(super) fn of_transport(error: &reqwest::Error) -> Failure {
        let said = excerpt(&innermost(error));
        if error.is_connect() { Failure::Unreachable(said) } else { Failure::Broken(said) }
    }

    /// Core's refusal of an answer.
    pub(super) fn of_answer(error: &AnswerError) -> Failure {
        let why = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
        Failure::Answer(excerpt(&format!("{error}{why}")))
    }
}

/// The beginning of a text from outside, whole words of it, with everything escaped that is not visible.
pub(super) fn excerpt(text: &str) -> String {
    let text = text.trim();
    let Some((limit, _)) = text.char_indices().nth(EXCERPT_CHARS_MAX) else { return text.escape_debug().to_string() };
    let whole = text[..limit].rfind(char::is_whitespace).unwrap_or(0);
    format!("{} …", text[..whole].trim_end().escape_debug())
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_holds_no_half_of_a_word() {
        let secret = "s3cr3t".repeat(10);
        for before in 0..EXCERPT_CHARS_MAX {
            let said = excerpt(&format!("{} token={secret} and so on", "x".repeat(before)));
            assert!(said.contains(&secret) || !said.contains("s3c"), "{said}");
        }
        assert_eq!(excerpt(&secret.repeat(9)), " …");
        assert_eq!(excerpt(" over\nand out \u{1b}"), "over\\nand out \\u{1b}");
    }
}
