//! Terraform's state endpoint: its `http` backend, on loopback, inside the worker.
//!
//! Terraform gets address, name and password from its environment alone, so that no saved plan and no folder holds
//! them. A version that it posts is on our disk before it is answered, and goes to the host from there; what it reads is
//! the newest version that we have, which at first is the host's. Locks are the host's.
//!
//! The backend's protocol (Terraform's documentation of the `http` backend): GET, POST with `?ID=` of the lock, and the
//! methods LOCK and UNLOCK with the lock as JSON; 423 and the holder's lock where it is taken.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine as _;
use quarterdeck_core::redaction::Secret;
use quarterdeck_core::terraform::state_json::STATE_BYTES_MAX;
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::delivery::Delivery;
use crate::host::HostError;
use crate::protocol::LockInfo;
use crate::states::{StateFault, States};

/// The user's name, which says nothing.
const USER: &str = "quarterdeck";

/// What the endpoint works on.
pub(crate) struct Desk {
    /// The versions in the folder.
    pub(crate) states: Arc<Mutex<States>>,
    /// What the host had at the start.
    pub(crate) first: Option<Vec<u8>>,
    /// What the host is to hear.
    pub(crate) deliveries: mpsc::Sender<Delivery>,
}

/// A running endpoint.
pub(crate) struct Endpoint {
    address: String,
    password: Secret,
    task: JoinHandle<()>,
}

struct Shared {
    desk: Desk,
    authorization: Secret,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(rename = "ID")]
    lock: Option<String>,
}

impl Endpoint {
    /// Listens on a free port of loopback.
    pub(crate) async fn start(desk: Desk) -> std::io::Result<Endpoint> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
        let password = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random);
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{password}"));
        let shared = Arc::new(Shared { desk, authorization: Secret::new(format!("Basic {pair}")) });
        let router =
            Router::new().route("/state", any(state)).layer(DefaultBodyLimit::max(STATE_BYTES_MAX)).with_state(shared);
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = format!("http://{}/state", listener.local_addr()?);
        let task = tokio::spawn(async move {
            let _runs_until_dropped = axum::serve(listener, router).await;
        });
        Ok(Endpoint { address, password: Secret::new(password), task })
    }

    /// The password, for a redactor.
    pub(crate) fn password(&self) -> &Secret {
        &self.password
    }

    /// How Terraform hears of the endpoint.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TF_HTTP_ADDRESS", self.address.clone()),
            ("TF_HTTP_LOCK_ADDRESS", self.address.clone()),
            ("TF_HTTP_UNLOCK_ADDRESS", self.address.clone()),
            ("TF_HTTP_LOCK_METHOD", "LOCK".to_owned()),
            ("TF_HTTP_UNLOCK_METHOD", "UNLOCK".to_owned()),
            ("TF_HTTP_USERNAME", USER.to_owned()),
            ("TF_HTTP_PASSWORD", self.password.expose().to_owned()),
        ]
    }

    /// Stops listening, and lets go of the queue to the host.
    pub(crate) async fn stop(self) {
        self.task.abort();
        let _aborted = self.task.await;
    }
}

async fn state(
    State(shared): State<Arc<Shared>>,
    method: Method,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let given = headers.get(header::AUTHORIZATION).map(axum::http::HeaderValue::as_bytes).unwrap_or_default();
    if !same(given, shared.authorization.expose().as_bytes()) {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic")]).into_response();
    }
    match method.as_str() {
        "GET" => shared.desk.read(),
        "POST" => shared.desk.write(&body, parameters.lock).await,
        "LOCK" => shared.desk.lock(&body).await,
        "UNLOCK" => shared.desk.unlock(&body).await,
        _other => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// Compares without saying by its duration how much was right.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

impl Desk {
    fn read(&self) -> Response {
        let states = self.states.lock().expect("no holder panics");
        let newest = states.newest().map(|newest| states.bytes(newest.number));
        match newest {
            Some(Ok(bytes)) => bytes.into_response(),
            Some(Err(_unreadable)) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            None => match &self.first {
                Some(bytes) => bytes.clone().into_response(),
                None => StatusCode::NO_CONTENT.into_response(),
            },
        }
    }

    async fn write(&self, body: &[u8], lock: Option<String>) -> Response {
        let kept = self.states.lock().expect("no holder panics").keep(body);
        match kept {
            Ok(None) => StatusCode::OK.into_response(),
            Ok(Some(version)) => {
                self.tell(Delivery::Version { number: version.number, lock }).await;
                StatusCode::OK.into_response()
            }
            Err(StateFault::Odd(_)) => StatusCode::BAD_REQUEST.into_response(),
            Err(StateFault::Disk(_) | StateFault::TooMany) => StatusCode::INSUFFICIENT_STORAGE.into_response(),
        }
    }

    async fn lock(&self, body: &[u8]) -> Response {
        let Ok(info) = serde_json::from_slice::<LockInfo>(body) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let (sender, answer) = oneshot::channel();
        self.tell(Delivery::Lock { info, answer: sender }).await;
        match answer.await {
            Ok(Ok(())) => StatusCode::OK.into_response(),
            Ok(Err(HostError::Held(holder))) => locked(&holder),
            Ok(Err(HostError::Refused(why))) => {
                locked(&LockInfo { id: "unknown".to_owned(), operation: String::new(), who: why })
            }
            // Terraform asks again on a 5xx, which is of no use once our time is over.
            Ok(Err(HostError::Away { .. })) | Err(_) => StatusCode::CONFLICT.into_response(),
        }
    }

    async fn unlock(&self, body: &[u8]) -> Response {
        match serde_json::from_slice::<LockInfo>(body) {
            Ok(info) => {
                self.tell(Delivery::Unlock { info }).await;
                StatusCode::OK.into_response()
            }
            Err(_no_lock) => StatusCode::BAD_REQUEST.into_response(),
        }
    }

    /// The task takes from the queue until we are gone, so this fails only where it died.
    async fn tell(&self, delivery: Delivery) {
        let _only_where_it_died = self.deliveries.send(delivery).await;
    }
}

fn locked(holder: &LockInfo) -> Response {
    (StatusCode::LOCKED, axum::Json(holder)).into_response()
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn only_the_password_is_the_password() {
        assert!(same(b"Basic x", b"Basic x"));
        for other in [&b""[..], b"Basic", b"Basic y", b"Basic xx"] {
            assert!(!same(other, b"Basic x"));
        }
    }
}
