//! One question to the API server, with a time-out, and an answer up to a size: for whoever asks once and tells a person.
//!
//! What is *not* here: lists that are kept and watches, which the client library keeps.

use std::error::Error;
use std::io;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use kube::Client;
use quarterdeck_core::redaction::Redactor;
use serde_json::Value;

use super::connect::credentials;

/// An answer has at most this many bytes. The longest is the schema of our own kinds, some 100 KiB.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// What the API server says of a failure is told up to this many bytes.
const SAID_BYTES_MAX: usize = 300;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// There is no such thing.
    #[error("there is none")]
    Absent,
    /// Who asks may not read it.
    #[error("it may not be read: {0}")]
    Denied(String),
    /// Nobody knows who asks.
    #[error("the API server does not take who asks: {0}")]
    Unknown(String),
    /// It can't be said who asks.
    #[error("{0}")]
    Credentials(String),
    /// Nobody is reached.
    #[error("it is not reached: {0}")]
    Unreached(String),
    /// Who answers is not the one whom the kubeconfig trusts, or the other way round.
    #[error("the certificates do not fit: {0}")]
    Certificate(String),
    /// There was no answer in time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// The answer is none of an API server.
    #[error("the answer is not an API server's: {0}")]
    Garbled(String),
    /// It can't answer.
    #[error("it answered {0}: {1}")]
    Failed(u16, String),
}

/// What is at this path.
///
/// # Errors
/// Where nothing is, it may not be read, or no answer comes.
pub(crate) async fn get(client: &Client, path: &str, timeout: Duration) -> Result<Value, Unread> {
    ask(client, Request::get(path).body(kube::client::Body::empty()), timeout).await
}

/// What the API server makes of this object. For questions alone, which change nothing.
///
/// # Errors
/// As [`get`].
pub(crate) async fn review(client: &Client, path: &str, question: &Value, timeout: Duration) -> Result<Value, Unread> {
    let body = question.to_string().into_bytes();
    let request = Request::post(path).header("content-type", "application/json").body(body.into());
    ask(client, request, timeout).await
}

async fn ask(
    client: &Client,
    request: Result<Request<kube::client::Body>, axum::http::Error>,
    timeout: Duration,
) -> Result<Value, Unread> {
    let request = request.map_err(|error| Unread::Garbled(error.to_string()))?;
    let asked = async {
        let answer = client.send(request).await.map_err(|error| unread(&error))?;
        let status = answer.status();
        let body = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await;
        let body = body.map_err(|error| Unread::Garbled(said(&chain(&error))))?;
        answered(status, &body)
    };
    tokio::time::timeout(timeout, asked).await.unwrap_or(Err(Unread::Late(timeout)))
}

fn answered(status: StatusCode, body: &[u8]) -> Result<Value, Unread> {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let words = || {
        let message = answer.as_ref().and_then(|answer| answer["message"].as_str());
        said(message.unwrap_or("without a reason"))
    };
    match status.as_u16() {
        200..=299 => answer.filter(Value::is_object).ok_or_else(|| Unread::Garbled("it is no JSON object".to_owned())),
        // A server of another kind knows no path of ours, and says so in another way.
        404 if answer.as_ref().is_some_and(|answer| answer["kind"] == "Status") => Err(Unread::Absent),
        // A path that leads nowhere in the API is refused in plain words.
        404 if body.starts_with(b"404 page not found") => Err(Unread::Absent),
        401 => Err(Unread::Unknown(words())),
        403 => Err(Unread::Denied(words())),
        code => Err(Unread::Failed(code, words())),
    }
}

/// Why the client library has no answer.
pub(crate) fn unread(error: &kube::Error) -> Unread {
    if let kube::Error::Api(status) = error {
        return match status.code {
            401 => Unread::Unknown(said(&status.message)),
            403 => Unread::Denied(said(&status.message)),
            404 => Unread::Absent,
            code => Unread::Failed(code, said(&status.message)),
        };
    }
    if let Some(why) = credentials(error) {
        return Unread::Credentials(why);
    }
    let mut at: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = at {
        if let Some(problem) = cause.downcast_ref::<rustls::Error>() {
            let strange = matches!(problem, rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_));
            let words = said(&problem.to_string());
            return if strange { Unread::Certificate(words) } else { Unread::Garbled(words) };
        }
        // What an IO error was made of is no source of it.
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        at = inner.map_or_else(|| cause.source(), |inner| Some(inner));
    }
    // The client library's own words for a failed request say nothing.
    Unread::Unreached(said(&error.source().map_or_else(|| error.to_string(), chain)))
}

fn chain(error: &dyn Error) -> String {
    let (mut words, mut at) = (vec![error.to_string()], error.source());
    while let Some(source) = at {
        let said = source.to_string();
        // Many a wrapper says what its source says.
        if words.last().is_none_or(|last| !last.contains(&said)) {
            words.push(said);
        }
        at = source.source();
    }
    words.join(": ")
}

/// Words from outside, without secrets, bounded, as one line.
fn said(words: &str) -> String {
    // The placeholders of what is told once need not be the journal's.
    Redactor::new([0; 32]).safe(words, SAID_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_judged_by_its_status_and_is_json() {
        let of = |status: u16, body: &str| answered(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        assert_eq!(of(200, "{\"a\":1}").unwrap()["a"], 1);
        assert_eq!(of(404, "{\"kind\":\"Status\",\"message\":\"x\"}"), Err(Unread::Absent));
        assert_eq!(of(404, "404 page not found\n"), Err(Unread::Absent));
        assert_eq!(of(401, "{\"message\":\"Unauthorized\"}"), Err(Unread::Unknown("Unauthorized".to_owned())));
        assert_eq!(of(403, "{\"message\":\"no\\u001b[2J\"}"), Err(Unread::Denied("no\\u{1b}[2J".to_owned())));
        assert_eq!(of(404, "<html>"), Err(Unread::Failed(404, "without a reason".to_owned())));
        assert_eq!(of(500, "x"), Err(Unread::Failed(500, "without a reason".to_owned())));
        for rubbish in ["", "<html>", "[]", "\"x\"", "{"] {
            assert!(matches!(of(200, rubbish), Err(Unread::Garbled(_))), "{rubbish}");
        }
        let long = format!("{{\"message\":\"{}\"}}", "x".repeat(9_000));
        let Err(Unread::Denied(words)) = of(403, &long) else { panic!("denied") };
        assert!(words.len() <= SAID_BYTES_MAX + 16, "{}", words.len());
    }
}
