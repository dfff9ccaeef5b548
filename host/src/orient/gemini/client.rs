//! One question over HTTP: sent, read up to a limit, retried once, all within one deadline.

use std::time::Duration;

use quarterdeck_core::question::Question;
use quarterdeck_core::situation::Assessment;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Response, Url};
use tokio::time::{Instant, timeout};

use super::failure::Failure;
use super::wire::Outcome;
use super::{GeminiConfig, StartError, refusal, wire};

/// A body is read up to this many bytes: 8192 tokens are about 40 KiB, and their metadata are less.
const RESPONSE_BYTES_MAX: usize = 1 << 20;
/// The header that carries the key; never a query, which ends in logs.
const KEY_HEADER: &str = "x-goog-api-key";

/// Asks one question at a time.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    key: HeaderValue,
    config: GeminiConfig,
}

impl Client {
    pub(super) fn new(url: &Url, config: GeminiConfig) -> Result<Client, StartError> {
        // Without one the HTTP client would panic.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(StartError::Tls);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            // A redirect would carry the key to whoever it names.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            // The environment is read in one place, and that is not the HTTP client.
            .no_proxy()
            // Questions are rare: a kept connection is mostly one that the other side has closed.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("quarterdeck/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(StartError::Client)?;
        Ok(Client { http, url: url.clone(), key: config.key.header(), config })
    }

    pub(super) fn choice(&self) -> String {
        format!("Gemini {} at {}", self.config.model, self.url.host_str().unwrap_or_default())
    }

    /// Asks, and tells what came of it within the total time.
    pub(super) async fn answer(&self, question: &Question) -> Outcome {
        let total = self.config.total_timeout;
        match timeout(total, self.ask(question)).await {
            Ok(Ok(body)) => wire::outcome(question, &self.config.model, &body),
            Ok(Err(failure)) => Outcome::failed(failure),
            Err(_) => Outcome::failed(Failure::Deadline(total)),
        }
    }

    /// A text without the key.
    pub(super) fn scrubbed(&self, text: String) -> String {
        self.config.key.taken_out_of(text)
    }

    /// An assessment without the key: whoever answers has seen it, and could spell it in escapes that only parsing undoes.
    pub(super) fn without_key(&self, mut assessment: Assessment) -> Assessment {
        assessment.text = self.scrubbed(assessment.text);
        for advice in &mut assessment.recommendations {
            advice.reason = self.scrubbed(std::mem::take(&mut advice.reason));
        }
        assessment
    }

    async fn ask(&self, question: &Question) -> Result<String, Failure> {
        let begun = Instant::now();
        let body = wire::request(&self.config, question).to_string();
        let failure = match self.exchange(body.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        match failure.retry_after(self.config.retry_wait) {
            Some(wait) if self.worth_waiting(wait, begun) => {
                tokio::time::sleep(wait).await;
                self.exchange(body).await
            }
            Some(_) | None => Err(failure),
        }
    }

    /// Whether a retry after this wait would begin before the deadline.
    fn worth_waiting(&self, wait: Duration, begun: Instant) -> bool {
        wait <= self.config.retry_wait_max && begun.elapsed().saturating_add(wait) < self.config.total_timeout
    }

    /// One request and its answer's body.
    async fn exchange(&self, body: String) -> Result<String, Failure> {
        let request = self.http.post(self.url.clone());
        self.send(request.header(CONTENT_TYPE, "application/json").body(body)).await
    }

    /// What the service tells of the model, which costs nothing: the question's address without its verb.
    pub(super) async fn describe_model(&self) -> Result<String, Failure> {
        let mut url = self.url.clone();
        url.set_path(self.url.path().trim_end_matches(":generateContent"));
        let total = self.config.total_timeout;
        timeout(total, self.send(self.http.get(url))).await.map_err(|_| Failure::Deadline(total))?
    }

    /// Sends a request with the key, and reads what comes.
    async fn send(&self, request: reqwest::RequestBuilder) -> Result<String, Failure> {
        let request = request.header(KEY_HEADER, self.key.clone());
        let response = request.send().await.map_err(|error| Failure::of_transport(&error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(Failure::Redirected(status.as_u16()));
        }
        let bytes = bounded(response).await?;
        if status == reqwest::StatusCode::OK {
            let text = String::from_utf8(bytes).map_err(|_| Failure::Unreadable("it is not UTF-8".to_owned()))?;
            return Ok(self.scrubbed(text));
        }
        // An excerpt of it may be shown, so the key goes first: cut in two it would not be found.
        let said = self.scrubbed(String::from_utf8_lossy(&bytes).into_owned());
        Err(refusal::classify(status.as_u16(), &said, &self.config.model))
    }
}

/// The body, as long as it is not too large; never more of it in memory.
async fn bounded(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::of_transport(&error))? {
        if bytes.len() + chunk.len() > RESPONSE_BYTES_MAX {
            return Err(Failure::TooLarge(RESPONSE_BYTES_MAX));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
