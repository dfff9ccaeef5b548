//! `generateContent` on the wire: the request that is sent, and how an answer is read.
//!
//! Every field of an answer is optional, and unknown ones are passed over. An answer counts only if it was not blocked,
//! holds exactly one candidate, ended with `STOP`, came from the configured model, has text beside its thoughts, and core
//! can parse that text against the question. What it cost is counted whatever became of it.

use quarterdeck_core::question::{Bill, Question, Tokens, parse_answer};
use quarterdeck_core::situation::Assessment;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GeminiConfig;
use super::failure::{Failure, excerpt};
use super::refusal::read;

/// What came of one question.
pub(super) struct Outcome {
    pub(super) model: Option<String>,
    pub(super) tokens: Tokens,
    pub(super) bill: Bill,
    pub(super) answer: Result<Assessment, Failure>,
}

impl Outcome {
    pub(super) fn failed(failure: Failure) -> Outcome {
        Outcome { model: None, tokens: Tokens::default(), bill: failure.bill(), answer: Err(failure) }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Response {
    candidates: Vec<Candidate>,
    prompt_feedback: Feedback,
    usage_metadata: Usage,
    model_version: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    content: Content,
    finish_reason: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    parts: Vec<Part>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    text: String,
    thought: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Usage {
    prompt_token_count: u32,
    candidates_token_count: u32,
    thoughts_token_count: u32,
}

/// The body of a request. No temperature: newer models do not take it, and none makes an answer repeatable.
pub(super) fn request(config: &GeminiConfig, question: &Question) -> Value {
    let mut generation = json!({
        "candidateCount": 1,
        "maxOutputTokens": config.output_tokens_max,
        "responseMimeType": "application/json",
        "responseJsonSchema": question.answer_schema(),
    });
    // Thoughts count against the output: without a budget they can leave no room for the answer. Other generations of
    // the model name a level instead of a number and would ignore or refuse this one.
    if config.model.starts_with("gemini-2.5-") {
        generation["thinkingConfig"] =
            json!({ "includeThoughts": false, "thinkingBudget": config.thinking_tokens_max });
    }
    json!({
        "systemInstruction": { "parts": [{ "text": question.system_instruction() }] },
        "contents": [{ "role": "user", "parts": [{ "text": question.user_text() }] }],
        "generationConfig": generation,
    })
}

/// Whether the description of a model is that of the wanted one, and says that it answers questions.
pub(super) fn answers_questions(wanted: &str, described: &str) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Model {
        name: String,
        #[serde(default)]
        supported_generation_methods: Vec<String>,
    }
    let Ok(model) = serde_json::from_str::<Model>(described) else {
        return Err("what answers at this address is not Gemini".to_owned());
    };
    if model.name.strip_prefix("models/") != Some(wanted) {
        return Err(format!("asked for {wanted}, the service described {}", excerpt(&model.name)));
    }
    if !model.supported_generation_methods.iter().any(|method| method == "generateContent") {
        return Err(format!("{wanted} is a model that answers no questions (it has no generateContent)"));
    }
    Ok(())
}

/// What a successful answer's body says.
pub(super) fn outcome(question: &Question, wanted: &str, body: &str) -> Outcome {
    let response: Response = match read(body) {
        Ok(response) => response,
        Err(error) => return Outcome::failed(Failure::Unreadable(excerpt(&error.to_string()))),
    };
    let usage = &response.usage_metadata;
    let tokens = Tokens {
        prompt: usage.prompt_token_count,
        answer: usage.candidates_token_count,
        thought: usage.thoughts_token_count,
    };
    let model = response.model_version.as_deref().map(excerpt);
    let answer = accepted(&response, wanted)
        .and_then(|text| parse_answer(question, &text).map_err(|error| Failure::of_answer(&error)));
    // Who answers and does not count has been paid all the same.
    let bill = if tokens == Tokens::default() { Bill::Unknown } else { Bill::Counted };
    Outcome { model, tokens, bill, answer }
}

/// The answer's text, where all else about it is right.
fn accepted(response: &Response, wanted: &str) -> Result<String, Failure> {
    if let Some(reason) = &response.prompt_feedback.block_reason {
        return Err(Failure::Blocked(excerpt(reason)));
    }
    let [candidate] = response.candidates.as_slice() else {
        return Err(Failure::Candidates(response.candidates.len()));
    };
    match candidate.finish_reason.as_str() {
        "STOP" => {}
        "MAX_TOKENS" => return Err(Failure::CutOff { thought: response.usage_metadata.thoughts_token_count }),
        other => return Err(Failure::Unfinished(excerpt(other))),
    }
    let answered = response.model_version.as_deref().ok_or(Failure::NoModel)?;
    if !is_version_of(answered, wanted) {
        return Err(Failure::OtherModel { answered: excerpt(answered), wanted: wanted.to_owned() });
    }
    let spoken = candidate.content.parts.iter().filter(|part| !part.thought);
    let text: String = spoken.map(|part| part.text.as_str()).collect();
    if text.trim().is_empty() { Err(Failure::Empty) } else { Ok(text) }
}

/// Whether a model's full name is a version of the wanted one: `gemini-2.5-flash-001` or `-preview-05-20` is of
/// `gemini-2.5-flash`, and `gemini-2.5-flash-lite` is another model.
fn is_version_of(answered: &str, wanted: &str) -> bool {
    let answered = answered.strip_prefix("models/").unwrap_or(answered);
    let Some(rest) = answered.strip_prefix(wanted) else { return false };
    let Some(version) = rest.strip_prefix('-') else { return rest.is_empty() };
    version.starts_with(|c: char| c.is_ascii_digit()) || version.starts_with("preview") || version.starts_with("exp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_the_model_is_the_model_and_a_sibling_is_not() {
        for same in ["", "-001", "-preview-05-20", "-exp-1"] {
            assert!(is_version_of(&format!("models/gemini-2.5-flash{same}"), "gemini-2.5-flash"), "{same}");
        }
        for other in ["gemini-2.5-flash-lite", "gemini-2.5-flashy", "gemini-2.5-pro", "", "x-gemini-2.5-flash"] {
            assert!(!is_version_of(other, "gemini-2.5-flash"), "{other}");
        }
    }
}
