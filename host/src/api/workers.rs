//! What workers are answered: claims, states, locks (the protocol is in `quarterdeck_worker::protocol`).
//!
//! Each answer is given after what it says is on disk and in the journal. 409 means that asking again will not help, 423
//! that another holds the lock, and a 5xx that the host could not, so that the worker asks again. Disks are waited for on
//! threads of their own.
//!
//! There are two doors. The socket of this machine has mode 0600: who may open it is the host's own user, and may ask for
//! any order. Workers elsewhere come over TLS (`tls`) and show a token; whose it is decides which order is answered for
//! (`pass`). They fetch what they work from there, and hand over what they leave (`left`).

mod left;
mod pass;
mod tls;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path as UrlPath, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::future::BoxFuture;
use quarterdeck_core::ids::{OrderName, Timestamp};
use quarterdeck_core::redaction::Secret;
use quarterdeck_core::terraform::state_json::STATE_BYTES_MAX;
use quarterdeck_worker::protocol::{Claim, Kept, LockInfo, Refused};
use serde::Deserialize;
use tokio::net::UnixListener;

use crate::remember::states::{LockFault, StateFault};
use crate::remember::{self, Blobs, Book, ClaimError, LeftFolders, StateStore};

pub use self::pass::Passes;
pub use self::tls::serve_tls;

/// Claims and locks are at most this large; real ones have some hundred bytes.
const SMALL_BYTES_MAX: usize = 64 << 10;

/// What the socket answers from.
#[derive(Clone)]
pub struct Desk {
    /// Journal and ledger.
    pub book: Arc<Book>,
    /// States and locks.
    pub states: Arc<StateStore>,
    /// Reads the time.
    pub clock: fn() -> Timestamp,
}

/// What is answered from over TLS.
#[derive(Clone)]
pub struct FarDesk {
    /// What the socket answers from too.
    pub desk: Desk,
    /// What orders name.
    pub blobs: Arc<Blobs>,
    /// What workers were given, and what they hand over.
    pub left: Arc<LeftFolders>,
    /// Who the workers are.
    pub passes: Arc<Passes>,
    /// Told by each worker whether it could reach the API server, which it must not.
    pub reached: Arc<dyn Fn(bool) + Send + Sync>,
}

/// Who says whose token a worker shows. Asked for each request over TLS; it may ask the API server.
pub trait Proof: Send + Sync {
    /// Whose it is.
    fn prove(&self, token: Secret) -> BoxFuture<'_, Result<Proven, Unproven>>;
}

/// A worker that is one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The order that its pod was made for.
    pub order: OrderName,
    /// Who it is: `pod UID`.
    pub claimant: String,
}

/// Why a token proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It is no token of a worker of ours.
    #[error("{0}")]
    Refused(String),
    /// It can't be known now; asking again may help.
    #[error("{0}")]
    Unavailable(String),
}

/// Why the socket can't be had.
#[derive(Debug, thiserror::Error)]
#[error("listen on {path} (a socket's path has at most 107 bytes; --data chooses another folder)")]
pub struct ListenError {
    path: PathBuf,
    source: io::Error,
}

/// Takes the socket, mode 0600, in place of one that a dead host left. The journal's lock says that there is no other.
///
/// # Errors
/// Where the file system says no, or the path is too long for a socket.
pub fn listen(path: &Path) -> Result<UnixListener, ListenError> {
    use std::os::unix::fs::PermissionsExt;
    // Nobody can open the socket under its name before its mode is right.
    let part = path.with_extension("new");
    let take = || {
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&part)?;
        std::fs::set_permissions(&part, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&part, path)?;
        Ok(listener)
    };
    take().map_err(|source| ListenError { path: path.to_owned(), source })
}

/// Answers until it is dropped.
///
/// # Errors
/// Never in practice: a connection that fails ends alone.
pub async fn serve(listener: UnixListener, desk: Desk) -> io::Result<()> {
    axum::serve(listener, router(desk)).await
}

/// What is answered.
pub fn router(desk: Desk) -> Router {
    let small = DefaultBodyLimit::max(SMALL_BYTES_MAX);
    Router::new()
        .route("/v1/claim", post(claim).layer(small))
        .route("/v1/lock/{order}", post(lock).layer(small))
        .route("/v1/unlock/{order}", post(unlock).layer(small))
        .route("/v1/state/{order}", get(state).post(keep).layer(DefaultBodyLimit::max(STATE_BYTES_MAX)))
        .with_state(desk)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    lock: Option<String>,
}

/// No, and why.
struct No(StatusCode, String);

async fn claim(State(desk): State<Desk>, body: Bytes) -> Result<StatusCode, No> {
    let Claim { order, claimant, inputs: _ } = parse(&body)?;
    grant(desk, order, claimant).await
}

/// Gives an order to a claimant.
async fn grant(desk: Desk, order: OrderName, claimant: String) -> Result<StatusCode, No> {
    let granted = blocking(move || {
        let granted = remember::claim(&desk.book, &order, &claimant, (desk.clock)());
        if granted.is_ok() {
            tracing::info!(%order, %claimant, "Granted a claim.");
        }
        granted
    });
    granted.await?.map(|()| StatusCode::OK).map_err(|error| match error {
        ClaimError::Journal(_) => no(StatusCode::SERVICE_UNAVAILABLE, &error),
        ClaimError::Claimant => no(StatusCode::BAD_REQUEST, &error),
        ClaimError::Unknown(_) | ClaimError::Ended(_) | ClaimError::Taken { .. } => no(StatusCode::CONFLICT, &error),
    })
}

async fn state(State(desk): State<Desk>, UrlPath(order): UrlPath<String>) -> Result<Response, No> {
    let order = order_name(&order)?;
    Ok(match blocking(move || desk.states.newest_of(&order)).await?? {
        Some((_, bytes)) => bytes.into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

async fn keep(
    State(desk): State<Desk>,
    UrlPath(order): UrlPath<String>,
    Query(Parameters { lock }): Query<Parameters>,
    body: Bytes,
) -> Result<Json<Kept>, No> {
    let order = order_name(&order)?;
    let state = blocking(move || desk.states.put(&order, lock.as_deref(), &body)).await??;
    Ok(Json(Kept { state }))
}

async fn lock(State(desk): State<Desk>, UrlPath(order): UrlPath<String>, body: Bytes) -> Result<Response, No> {
    let (order, info) = (order_name(&order)?, parse::<LockInfo>(&body)?);
    locked(blocking(move || desk.states.lock(&order, &info)).await?)
}

async fn unlock(State(desk): State<Desk>, UrlPath(order): UrlPath<String>, body: Bytes) -> Result<Response, No> {
    let (order, info) = (order_name(&order)?, parse::<LockInfo>(&body)?);
    locked(blocking(move || desk.states.unlock(&order, &info)).await?)
}

fn locked(done: Result<(), LockFault>) -> Result<Response, No> {
    match done {
        Ok(()) => Ok(StatusCode::OK.into_response()),
        Err(LockFault::Held(held)) => Ok((StatusCode::LOCKED, Json(held.info)).into_response()),
        Err(LockFault::State(fault)) => Err(fault.into()),
    }
}

/// Waits for a disk on a thread that nothing else waits for.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, No> {
    tokio::task::spawn_blocking(work).await.map_err(|error| no(StatusCode::INTERNAL_SERVER_ERROR, &error))
}

fn order_name(text: &str) -> Result<OrderName, No> {
    OrderName::parse(text).map_err(|error| no(StatusCode::BAD_REQUEST, &error))
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, No> {
    serde_json::from_slice(body).map_err(|error| no(StatusCode::BAD_REQUEST, &error))
}

/// Says no, with the causes, which are about files and limits and never about what is in a state.
fn no(status: StatusCode, error: &dyn std::error::Error) -> No {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    No(status, text)
}

impl From<StateFault> for No {
    fn from(fault: StateFault) -> No {
        let status = if fault.is_passing() {
            StatusCode::SERVICE_UNAVAILABLE
        } else if matches!(fault, StateFault::NoState(_)) {
            StatusCode::BAD_REQUEST
        } else {
            // The bytes, the lock or the order do not fit, and will not by asking again.
            StatusCode::CONFLICT
        };
        no(status, &fault)
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let No(status, error) = self;
        tracing::warn!(%status, %error, "Refused a worker.");
        (status, Json(Refused { error })).into_response()
    }
}
