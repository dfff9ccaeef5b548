//! Requests to an engine over its Unix socket: each has a time-out over connecting, waiting and reading, and a body of
//! limited size, so that no engine, however ill, holds up more than its own snapshot.
//!
//! The engine speaks plain HTTP/1.1 here, without TLS; each request has a connection of its own, since one that was kept
//! is the first thing to be dead when an engine restarts. Only reads: there is no way to send anything but a GET.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quarterdeck_core::terraform::text::escape;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

/// A body is read up to this many bytes: 5,000 containers with many labels and ports are about 20 MiB.
pub const BODY_BYTES_MAX: usize = 32 << 20;
/// Of a refusal's text at most this many characters are shown: two sentences.
const SAID_CHARS_MAX: usize = 300;

/// Why an engine could not be asked, in words for people, with what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// There is no socket.
    #[error("no such file {}: is Docker installed and running? Start it, or name its socket", .0.display())]
    NoSocket(PathBuf),
    /// The socket may not be used.
    #[error("permission denied at {}: add yourself to the group that owns it (usually `docker`) and log in again", .0.display())]
    Denied(PathBuf),
    /// The socket is there and nobody listens.
    #[error("connection refused at {}: the socket is there and no engine listens; start Docker", .0.display())]
    Refused(PathBuf),
    /// It takes too long.
    #[error("no answer within {} s to GET {asked}: the engine hangs or is overloaded; look at its log", .waited.as_secs_f32())]
    Timeout {
        /// The path.
        asked: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The answer did not come whole.
    #[error("the connection broke during GET {asked}: {why}")]
    Broken {
        /// The path.
        asked: String,
        /// What happened.
        why: String,
    },
    /// The engine answers with an error.
    #[error("the engine answered GET {asked} with HTTP {status}: {said}")]
    Status {
        /// The path.
        asked: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        said: String,
    },
    /// The answer is none of an engine's.
    #[error("the answer to GET {asked} is not an engine's: {why}")]
    Unreadable {
        /// The path.
        asked: String,
        /// What is wrong with it, and where.
        why: String,
    },
    /// The answer is larger than we read.
    #[error("the answer to GET {asked} is larger than {BODY_BYTES_MAX} bytes, which is more than is read")]
    TooLarge {
        /// The path.
        asked: String,
    },
    /// The engine has more than we look at.
    #[error("the engine has {count} {what}, more than the {max} that are looked at: remove what is not used")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many are looked at.
        max: usize,
    },
    /// The client could not be made.
    #[error("prepare the client for {}: {why}", .socket.display())]
    Client {
        /// The socket.
        socket: PathBuf,
        /// What happened.
        why: String,
    },
}

/// An engine's socket, and how long one request to it may take.
pub(super) struct Socket {
    path: PathBuf,
    timeout: Duration,
    client: Client,
}

impl Socket {
    /// Makes the client; nothing is sent.
    pub(super) fn new(path: &Path, timeout: Duration) -> Result<Socket, ProbeError> {
        let failed = |why: String| ProbeError::Client { socket: path.to_owned(), why };
        let client = Client::builder()
            .unix_socket(path)
            .tls_backend_preconfigured(no_tls().map_err(|error| failed(error.to_string()))?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .user_agent(concat!("quarterdeck/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed(chain(&error)))?;
        Ok(Socket { path: path.to_owned(), timeout, client })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The answer to a GET, parsed.
    pub(super) async fn get<T: DeserializeOwned>(&self, asked: &str) -> Result<T, ProbeError> {
        let late = || ProbeError::Timeout { asked: asked.to_owned(), waited: self.timeout };
        let body = timeout(self.timeout, self.body(asked)).await.map_err(|_| late())??;
        serde_json::from_slice(&body)
            .map_err(|error| ProbeError::Unreadable { asked: asked.to_owned(), why: fault(&error) })
    }

    /// An answer without end, once its head is there; what follows has no time-out.
    pub(super) async fn stream(&self, asked: &str) -> Result<Response, ProbeError> {
        let late = || ProbeError::Timeout { asked: asked.to_owned(), waited: self.timeout };
        timeout(self.timeout, self.send(asked)).await.map_err(|_| late())?
    }

    async fn send(&self, asked: &str) -> Result<Response, ProbeError> {
        let sent = self.client.get(format!("http://docker{asked}")).send().await;
        let response = sent.map_err(|error| self.failure(asked, &error))?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let said = match self.read(asked, response).await {
            Ok(body) => refusal(&body),
            Err(error) => error.to_string(),
        };
        Err(ProbeError::Status { asked: asked.to_owned(), status, said })
    }

    async fn body(&self, asked: &str) -> Result<Vec<u8>, ProbeError> {
        let response = self.send(asked).await?;
        self.read(asked, response).await
    }

    /// The body, as long as it is not too large; never more of it in memory.
    async fn read(&self, asked: &str, mut response: Response) -> Result<Vec<u8>, ProbeError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(asked, &error))? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(ProbeError::TooLarge { asked: asked.to_owned() });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// What the transport's failure means. Its cause lies at the end of a chain of errors.
    fn failure(&self, asked: &str, error: &reqwest::Error) -> ProbeError {
        let path = self.path.clone();
        let kind = causes(error).find_map(|cause| cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind));
        match kind {
            Some(ErrorKind::NotFound) => ProbeError::NoSocket(path),
            Some(ErrorKind::PermissionDenied) => ProbeError::Denied(path),
            Some(ErrorKind::ConnectionRefused) => ProbeError::Refused(path),
            Some(_) | None => ProbeError::Broken { asked: asked.to_owned(), why: chain(error) },
        }
    }
}

/// The HTTP client wants TLS settings even where it never uses them; these trust nobody and need no global choice.
fn no_tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// The innermost cause, which is the one that tells something.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let innermost = causes(error).last().map(ToString::to_string).unwrap_or_default();
    escape(&innermost, SAID_CHARS_MAX)
}

/// What is wrong with a JSON text, without a word of the text.
fn fault(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Syntax => "it is no JSON",
        serde_json::error::Category::Data => "it lacks a field or has another form",
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Io => "it could not be read",
    };
    format!("{what}, at line {} column {}", error.line(), error.column())
}

/// The text of a refusal: its `message`, or its beginning.
fn refusal(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let said = match serde_json::from_slice::<Refusal>(body) {
        Ok(Refusal { message }) => message,
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(SAID_CHARS_MAX)]).into_owned(),
    };
    escape(said.trim(), SAID_CHARS_MAX)
}
