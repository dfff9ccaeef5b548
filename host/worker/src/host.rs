//! The host, as a worker sees it: eight questions over a Unix socket or over TLS, asked again while the host is away.
//!
//! A worker outlives its host. So a question fails for good only when the host says no, or when the time for it is over;
//! a socket that is not there, a broken answer and a 5xx are a host that is away. The waits between two tries grow to two
//! seconds, which is also how long a worker takes to notice that its host is back.
//!
//! Over TLS (`host/tls.rs`) the pod's token goes with each try. A 401 says that it is not believed now, which its renewal
//! may cure; a 403 says whose the order is not, and is no for good.

mod tls;

use std::time::Duration;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::{OrderName, Timestamp};
use quarterdeck_core::order::StateRef;
use quarterdeck_core::redaction::Secret;
use quarterdeck_core::terraform::state_json::STATE_BYTES_MAX;
use reqwest::{Client, Method, StatusCode};

use self::tls::Pass;
use crate::clock;
use crate::protocol::{ARTIFACT_BYTES_MAX, Claim, HostAddress, Input, Kept, LeftFile, LockInfo, Refused, SeenNetwork};

/// The first wait between two tries.
const WAIT_FIRST: Duration = Duration::from_millis(50);
/// The longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// One try takes at most this long: a state of 16 MiB is fsynced before it is answered.
const TRY_MAX: Duration = Duration::from_secs(30);
/// No answer is longer: a state, or an input.
const ANSWER_BYTES_MAX: usize = if STATE_BYTES_MAX > ARTIFACT_BYTES_MAX { STATE_BYTES_MAX } else { ARTIFACT_BYTES_MAX };

/// The host, for one order.
#[derive(Clone)]
pub(crate) struct Host {
    client: Client,
    /// What stands before the path.
    base: String,
    /// What shows who we are; none where the socket's mode does.
    pass: Option<Pass>,
    order: OrderName,
}

/// Why the host did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    #[error("the host did not answer in time: {last}")]
    Away { last: String },
    #[error("the host refuses: {0}")]
    Refused(String),
    #[error("the state is locked by {}", .0.who)]
    Held(LockInfo),
}

/// A status and a bounded body.
struct Reply {
    status: StatusCode,
    body: Vec<u8>,
}

impl Host {
    /// The host at this address; nothing is sent yet.
    pub(crate) fn at(address: &HostAddress, order: &OrderName) -> Result<Host, reqwest::Error> {
        // The client is built with TLS in it even where it never speaks it; a second installation fails and means nothing.
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let (builder, base, pass) = match address {
            HostAddress::Socket(socket) => {
                (Client::builder().unix_socket(socket.as_path()).tls_certs_only([]), "http://host".to_owned(), None)
            }
            HostAddress::Tls { url, authority, token } => {
                let base = url.trim_end_matches('/').to_owned();
                (tls::client(authority)?, base, Some(Pass::at(token)))
            }
        };
        let client = builder.timeout(TRY_MAX).build()?;
        Ok(Host { client, base, pass, order: order.clone() })
    }

    /// What shows who we are, as it is now, so that nothing shows it to others.
    pub(crate) fn token(&self) -> Option<Secret> {
        self.pass.as_ref().and_then(|pass| pass.token().ok())
    }

    /// Claims the order, with the digest of what was given.
    pub(crate) async fn claim(&self, claimant: &str, inputs: Digest, until: Timestamp) -> Result<(), HostError> {
        let claim = Claim { order: self.order.clone(), claimant: claimant.to_owned(), inputs: Some(inputs) };
        let body = serde_json::to_vec(&claim).expect("a claim is plain JSON");
        self.done(self.ask(Method::POST, "/v1/claim".to_owned(), body, until).await?)
    }

    /// The newest version that the host has.
    pub(crate) async fn state(&self, until: Timestamp) -> Result<Option<Vec<u8>>, HostError> {
        let reply = self.ask(Method::GET, format!("/v1/state/{}", self.order), Vec::new(), until).await?;
        match reply.status {
            StatusCode::NO_CONTENT => Ok(None),
            StatusCode::OK if reply.body.is_empty() => Ok(None),
            StatusCode::OK => Ok(Some(reply.body)),
            _other => Err(refused(&reply)),
        }
    }

    /// Hands over a version; when this returns, the host has it on disk.
    pub(crate) async fn keep(
        &self,
        bytes: Vec<u8>,
        lock: Option<&str>,
        until: Timestamp,
    ) -> Result<StateRef, HostError> {
        let query = lock.map(|lock| format!("?lock={}", query_escape(lock))).unwrap_or_default();
        let reply = self.ask(Method::POST, format!("/v1/state/{}{query}", self.order), bytes, until).await?;
        if reply.status != StatusCode::OK {
            return Err(refused(&reply));
        }
        let kept: Result<Kept, _> = serde_json::from_slice(&reply.body);
        kept.map(|kept| kept.state).map_err(|error| HostError::Refused(format!("its answer is no state: {error}")))
    }

    /// Takes Terraform's lock at the host.
    pub(crate) async fn lock(&self, info: &LockInfo, until: Timestamp) -> Result<(), HostError> {
        let body = serde_json::to_vec(info).expect("a lock is plain JSON");
        let reply = self.ask(Method::POST, format!("/v1/lock/{}", self.order), body, until).await?;
        match serde_json::from_slice::<LockInfo>(&reply.body) {
            Ok(holder) if !reply.status.is_success() => Err(HostError::Held(holder)),
            Ok(_) | Err(_) => self.done(reply),
        }
    }

    /// Gives Terraform's lock back.
    pub(crate) async fn unlock(&self, info: &LockInfo, until: Timestamp) -> Result<(), HostError> {
        let body = serde_json::to_vec(info).expect("a lock is plain JSON");
        self.done(self.ask(Method::POST, format!("/v1/unlock/{}", self.order), body, until).await?)
    }

    /// Fetches an input, over TLS; none where the order has no such input. Its digest is still to be checked.
    pub(crate) async fn input(&self, input: Input, until: Timestamp) -> Result<Option<Vec<u8>>, HostError> {
        let path = format!("/v1/input/{}/{}", self.order, input.name());
        let reply = self.ask(Method::GET, path, Vec::new(), until).await?;
        match reply.status {
            StatusCode::OK => Ok(Some(reply.body)),
            StatusCode::NOT_FOUND => Ok(None),
            _other => Err(refused(&reply)),
        }
    }

    /// Hands over a file, over TLS; when this returns, the host has it on disk.
    pub(crate) async fn leave(&self, file: LeftFile, bytes: Vec<u8>, until: Timestamp) -> Result<(), HostError> {
        // Said here, since a host that stops listening in the middle of a body looks like one that is away.
        if bytes.len() > file.bytes_max() {
            let (length, bytes_max) = (bytes.len(), file.bytes_max());
            return Err(HostError::Refused(format!("{length} bytes are more than the {bytes_max} that it takes")));
        }
        let path = format!("/v1/left/{}/{}", self.order, file.name());
        self.done(self.ask(Method::PUT, path, bytes, until).await?)
    }

    /// Says over TLS whether the API server was reached.
    pub(crate) async fn network(&self, api_server: bool, until: Timestamp) -> Result<(), HostError> {
        let body = serde_json::to_vec(&SeenNetwork { api_server }).expect("it is plain JSON");
        self.done(self.ask(Method::POST, format!("/v1/network/{}", self.order), body, until).await?)
    }

    fn done(&self, reply: Reply) -> Result<(), HostError> {
        if reply.status.is_success() { Ok(()) } else { Err(refused(&reply)) }
    }

    /// Asks until there is an answer that is the host's own, or the time is over.
    async fn ask(&self, method: Method, path: String, body: Vec<u8>, until: Timestamp) -> Result<Reply, HostError> {
        let mut wait = WAIT_FIRST;
        loop {
            let last = match self.once(&method, &path, body.clone()).await {
                Ok(reply) if !is_passing(reply.status) => return Ok(reply),
                Ok(reply) => in_words(&reply),
                Err(problem) => problem,
            };
            if clock::now() >= until {
                return Err(HostError::Away { last });
            }
            tokio::time::sleep(wait.min(clock::until(until))).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    /// Asks once; what went wrong is told in words, which never hold the token.
    async fn once(&self, method: &Method, path: &str, body: Vec<u8>) -> Result<Reply, String> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        if let Some(pass) = &self.pass {
            request = request.header(reqwest::header::AUTHORIZATION, pass.header()?);
        }
        if *method != Method::GET {
            request = request.header("content-type", "application/json").body(body);
        }
        let mut response = request.send().await.map_err(|error| chain(&error))?;
        let (status, mut body) = (response.status(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error))? {
            // More than the largest state or input is no answer; what follows is not read, and the parsers refuse the rest.
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, body })
    }
}

/// Whether asking again may help.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || [StatusCode::UNAUTHORIZED, StatusCode::REQUEST_TIMEOUT].contains(&status)
}

fn refused(reply: &Reply) -> HostError {
    HostError::Refused(in_words(reply))
}

fn in_words(reply: &Reply) -> String {
    match serde_json::from_slice::<Refused>(&reply.body) {
        Ok(refused) => refused.error,
        Err(_no_reason) => format!("HTTP {}", reply.status.as_u16()),
    }
}

/// An error with its sources, which is where a missing socket is named.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

/// Terraform's lock ids are UUIDs; whatever else one is, it stays one value of the query.
fn query_escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_id_is_one_value() {
        assert_eq!(query_escape("3f-9 &x=ä"), "3f-9%20%26x%3D%C3%A4");
    }
}
