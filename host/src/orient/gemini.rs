//! Advice from Gemini's `generateContent`.
//!
//! A background task takes one question at a time from a short queue; the turn that asks never waits, and the turn that
//! reads the reply finds it on the desk. Each question ends in an assessment that core has parsed or in `unanswered`
//! with a short reason, and always within one deadline over connecting, sending, waiting, reading and the one retry.
//!
//! In the order of a question: `client` sends it and reads a bounded body, `refusal` understands what an HTTP error
//! says, `wire` what an answer says, and `failure` names all that can go wrong. The key travels in one header, marked
//! sensitive, over TLS or to this machine itself, follows no redirect, and is taken out of everything that comes back.
//!
//! Not here: the environment (the caller gives the configuration), budgets, and quotas that outlive the process.

mod client;
mod failure;
mod refusal;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use quarterdeck_core::question::{BrainReply, OUTPUT_TOKENS_MAX, Question};
use quarterdeck_core::situation::{Reply, TEXT_BYTES_MAX, cut};
use reqwest::Url;
use reqwest::header::HeaderValue;
use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};
use tokio::task::JoinHandle;

use self::client::Client;
use super::brain::{Brain, Clock, Desk, OnReply};

/// The public service.
pub const BASE_URL: &str = "https://generativelanguage.googleapis.com";
/// The model where the configuration names none.
pub const MODEL: &str = "gemini-2.5-flash";
/// This many questions wait at most; with one at a time and a deadline of 30 s the last of them is asked after 4 minutes,
/// by when its findings are still likely to be open.
pub const QUEUE_MAX: usize = 8;
/// A key of fewer bytes is none, and would be found in ordinary words when it is taken out of them. Google's have 39.
const KEY_BYTES_MIN: usize = 8;

/// The key to the service. It has no `Debug`, and nothing returns it.
pub struct ApiKey(String);

impl ApiKey {
    /// A key, with white space around it taken away (files and shells like to add a line end).
    ///
    /// # Errors
    /// Where it is too short to be one, or holds what no header may carry. The error does not show it.
    pub fn parse(text: &str) -> Result<ApiKey, StartError> {
        let key = text.trim();
        if key.len() < KEY_BYTES_MIN || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(StartError::Key);
        }
        Ok(ApiKey(key.to_owned()))
    }

    /// The header's value; printing it shows `Sensitive`.
    fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(&self.0).expect("a key has visible ASCII characters only");
        value.set_sensitive(true);
        value
    }

    /// The text without the key, whoever put it there.
    fn taken_out_of(&self, text: String) -> String {
        if text.contains(&self.0) { text.replace(&self.0, "[key]") } else { text }
    }
}

/// How Gemini is asked.
pub struct GeminiConfig {
    /// Where the service is: `https`, or `http` on this machine itself.
    pub base_url: String,
    /// Which model answers, such as `gemini-2.5-flash`.
    pub model: String,
    /// The key.
    pub key: ApiKey,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a question may take in all, with its retry.
    pub total_timeout: Duration,
    /// A retry that should come later than this does not come.
    pub retry_wait_max: Duration,
    /// How long to wait before a retry where the service names no time.
    pub retry_wait: Duration,
    /// How many tokens an answer may have; those of thinking count with it.
    pub output_tokens_max: u32,
    /// How many of them may go into thinking, where the model is one that takes such a number (2.5).
    pub thinking_tokens_max: u32,
}

impl GeminiConfig {
    /// The defaults, with this key.
    pub fn new(key: ApiKey) -> GeminiConfig {
        GeminiConfig {
            base_url: BASE_URL.to_owned(),
            model: MODEL.to_owned(),
            key,
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(30),
            retry_wait_max: Duration::from_secs(10),
            retry_wait: Duration::from_secs(1),
            output_tokens_max: OUTPUT_TOKENS_MAX,
            thinking_tokens_max: 1_024,
        }
    }
}

/// A configuration with which Gemini can't be asked.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The base URL is none, is not private, or says more than where the service is.
    #[error("Gemini's base URL is https://HOST, or http:// on this machine, without user, query or fragment")]
    BaseUrl,
    /// The model id does not fit into a path.
    #[error("a Gemini model is named with a-z 0-9 . and -, such as {MODEL}: {0:?}")]
    Model(String),
    /// The key can't be one.
    #[error("the Gemini key has at least {KEY_BYTES_MIN} visible ASCII characters and no spaces")]
    Key,
    /// The program has not chosen how TLS is done.
    #[error("no TLS provider is installed in this process")]
    Tls,
    /// The HTTP client could not be made.
    #[error("prepare the HTTP client for Gemini")]
    Client(#[source] reqwest::Error),
}

/// The brain that asks Gemini. Dropping it drops the question that is being asked, and those that wait.
pub struct Gemini {
    desk: Arc<Desk>,
    queue: Sender<Question>,
    task: JoinHandle<()>,
    choice: String,
}

impl Gemini {
    /// Starts the background task; needs a tokio runtime around it.
    ///
    /// # Errors
    /// Where the configuration can't be right. Nothing is sent, so a wrong key is noticed with the first question.
    pub fn start(config: GeminiConfig, clock: Clock, on_reply: OnReply) -> Result<Gemini, StartError> {
        let client = Client::new(&checked_url(&config)?, config)?;
        let choice = client.choice();
        let desk = Arc::new(Desk::new(clock, on_reply));
        let (queue, questions) = mpsc::channel(QUEUE_MAX);
        let task = tokio::spawn(serve(client, questions, Arc::clone(&desk)));
        Ok(Gemini { desk, queue, task, choice })
    }
}

impl Brain for Gemini {
    fn ask(&self, question: Question) {
        self.desk.expect(&question.id);
        match self.queue.try_send(question) {
            Ok(()) => {}
            Err(TrySendError::Full(question)) => self.desk.refuse(&question, "too many questions at once"),
            Err(TrySendError::Closed(question)) => self.desk.refuse(&question, "the task that asks Gemini has ended"),
        }
    }

    fn replies(&self) -> Vec<BrainReply> {
        self.desk.replies()
    }

    fn choice(&self) -> String {
        self.choice.clone()
    }
}

impl Drop for Gemini {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(client: Client, mut questions: Receiver<Question>, desk: Arc<Desk>) {
    while let Some(question) = questions.recv().await {
        let outcome = client.answer(&question).await;
        let bill = outcome.bill;
        let reply = match outcome.answer {
            Ok(assessment) => Reply::Assessed(client.without_key(assessment)),
            Err(failure) => Reply::Unanswered(cut(&client.scrubbed(failure.to_string()), TEXT_BYTES_MAX)),
        };
        tracing::info!(question = %question.id, answered = matches!(reply, Reply::Assessed(_)), "Gemini was asked.");
        let (model, tokens) = (outcome.model.map(|model| client.scrubbed(model)), outcome.tokens);
        desk.put(BrainReply { question: question.id, answered: desk.now(), model, reply, tokens, bill });
    }
}

/// Whether the key is good and the model is one that answers questions, by one look at the model's description.
///
/// # Errors
/// Why not, in words for people.
pub async fn check(config: GeminiConfig) -> Result<(), String> {
    let model = config.model.clone();
    let url = checked_url(&config).map_err(|error| error.to_string())?;
    let client = Client::new(&url, config).map_err(|error| error.to_string())?;
    let described = client.describe_model().await;
    let said = described.map_err(|failure| client.scrubbed(failure.to_string()))?;
    wire::answers_questions(&model, &said)
}

/// The address that questions of this configuration go to.
fn checked_url(config: &GeminiConfig) -> Result<Url, StartError> {
    let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
    let model = &config.model;
    if model.is_empty() || model.len() > 100 || !model.chars().all(named) || model.contains("..") {
        return Err(StartError::Model(cut(model, 100)));
    }
    let refused = || StartError::BaseUrl;
    let base = Url::parse(&config.base_url).map_err(|_| refused())?;
    let here = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let private = base.scheme() == "https" || (base.scheme() == "http" && here);
    let bare = base.username().is_empty() && base.password().is_none() && base.query().or(base.fragment()).is_none();
    if !private || !bare {
        return Err(refused());
    }
    let path = format!("{}/v1beta/models/{model}:generateContent", base.as_str().trim_end_matches('/'));
    Url::parse(&path).map_err(|_| refused())
}
