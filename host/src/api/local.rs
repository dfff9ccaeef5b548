//! The socket that people's tools talk to: `host.sock` in the data folder, HTTP and JSON.
//!
//! ```text
//! GET  /v1/view            everything that can be shown now (a `View`)
//! GET  /v1/plans/{digest}  the text of a saved plan that a person is asked about
//! POST /v1/commands        a `Command`; who says it is the user at the other end of the socket
//! POST /v1/charter         an `Amending`: another charter is wanted; answered with an `Amended`
//! POST /v1/states          a `StateRequest`: look at states, take a copy, bring one back
//! POST /v1/policies        a component goes up (its source and signatures in headers); answered with a `Pushed`
//! POST /v1/activations     an `Activating`: another policy shall decide, or be the shadow; answered with a `Wanted`
//! POST /v1/rollback        a `RollingBack`: the policy before decides again; answered with a `RolledBack`
//! ```
//!
//! The socket has mode 0600, and each request is answered only to root or to the host's own user, by what the kernel says
//! of the peer. Where a group of approvers is named it has mode 0660 and that group: they may look, approve and deny, and
//! nothing else. What cannot be done is said as `{"error": …, "next": …}`.
//!
//! What is *not* here: any judgement. A command is written down by the driver, and what may follow from it is the gate's
//! question.

mod charter;
mod client;
mod policies;
mod socket;
mod states;

use std::io;
use std::sync::Arc;

use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path as UrlPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::observation::{Command, Person};
use quarterdeck_core::terraform::state_json::STATE_BYTES_MAX;
use serde::{Deserialize, Serialize};
use tokio::net::UnixListener;
use tokio::sync::watch;

use crate::app::{CommandFailed, Commands, Update, Updates};
use crate::driver::chain;
use crate::remember::states::StateFault;
use crate::remember::{Blobs, Book, StateStore};
use crate::uploads::Uploads;
use crate::view::{self, View};

pub use charter::{Amended, Amending};
pub use client::{Client, ClientError};
pub use policies::{Activating, Pushed, RolledBack, RollingBack, Wanted};
pub use socket::{ListenError, is_alive, listen};
pub use states::{StateRequest, answer};

/// The socket's name in the data folder.
pub const SOCKET: &str = "host.sock";
/// A command is at most this large: an id and a comment.
pub const COMMAND_BYTES_MAX: usize = 16 << 10;
/// A comment is at most this long: it stands in the journal and in every later situation.
pub const COMMENT_BYTES_MAX: usize = quarterdeck_core::situation::TEXT_BYTES_MAX;

/// What the socket answers from.
#[derive(Clone)]
pub struct Desk {
    /// Journal and ledger.
    pub book: Arc<Book>,
    /// The texts of plans.
    pub blobs: Arc<Blobs>,
    /// States and locks; none in a rehearsal.
    pub states: Option<Arc<StateStore>>,
    /// Where commands go.
    pub commands: Commands,
    /// The last turn.
    pub last: watch::Receiver<Option<Arc<Update>>>,
    /// Whether others than the host's own user may approve: those who can open the socket.
    pub shared: bool,
    /// How uploads are checked, and where policies are.
    pub uploads: Uploads,
    /// Reads the time.
    pub clock: fn() -> Timestamp,
}

/// What could not be done, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was tried and why it could not be done.
    pub error: String,
    /// What a person can do.
    pub next: String,
}

/// Keeps the last turn in view, for as long as anybody looks at it.
pub fn follow(mut updates: Updates) -> watch::Receiver<Option<Arc<Update>>> {
    use tokio::sync::broadcast::error::RecvError;
    let (last, seen) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            let update = match updates.recv().await {
                Ok(update) => update,
                // Turns that were missed are behind the next one anyway.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            if last.send(Some(update)).is_err() {
                return;
            }
        }
    });
    seen
}

/// Answers until it is dropped.
///
/// # Errors
/// Never in practice: a connection that fails ends alone.
pub async fn serve(listener: UnixListener, desk: Desk) -> io::Result<()> {
    axum::serve(listener, router(desk).into_make_service_with_connect_info::<Peer>()).await
}

fn router(desk: Desk) -> Router {
    Router::new()
        .route("/v1/view", get(show))
        .route("/v1/plans/{digest}", get(plan))
        .route("/v1/commands", post(command))
        .route("/v1/charter", post(charter::amend).layer(DefaultBodyLimit::max(charter::BYTES_MAX)))
        .route("/v1/states", post(states).layer(DefaultBodyLimit::max(2 * STATE_BYTES_MAX)))
        .route("/v1/policies", post(policies::push).layer(DefaultBodyLimit::max(policies::BYTES_MAX)))
        .route("/v1/activations", post(policies::activate).layer(DefaultBodyLimit::max(policies::WISH_BYTES_MAX)))
        .route("/v1/rollback", post(policies::roll_back))
        .fallback(|| async { refuse(StatusCode::NOT_FOUND, "there is nothing at this path", "quarterdeck --help") })
        .layer(DefaultBodyLimit::max(COMMAND_BYTES_MAX))
        .layer(middleware::from_fn_with_state(desk.clone(), known))
        .with_state(desk)
}

/// The user at the other end, by the kernel's word.
#[derive(Clone, Copy, Debug)]
struct Peer(Option<u32>);

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Peer {
        Peer(stream.io().peer_cred().ok().map(|peer| peer.uid()))
    }
}

impl Peer {
    /// Whether it is root, or the user that the host runs as.
    fn owns(self) -> bool {
        self.0.is_some_and(|uid| uid == 0 || uid == rustix::process::getuid().as_raw())
    }
}

async fn known(
    State(desk): State<Desk>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    match peer {
        Peer(Some(_)) if peer.owns() || desk.shared => next.run(request).await,
        Peer(_) => refuse(
            StatusCode::FORBIDDEN,
            "this socket answers only to root and to the user that the host runs as",
            "run the command as that user",
        ),
    }
}

async fn show(State(desk): State<Desk>) -> Json<View> {
    let last = desk.last.borrow().clone();
    let ledger = desk.book.ledger();
    Json(view::look(&ledger, last.as_deref().map(|update| &update.situation), (desk.clock)()))
}

async fn plan(State(desk): State<Desk>, UrlPath(digest): UrlPath<String>) -> Response {
    let next = "quarterdeck get approvals";
    let Ok(digest) = digest.parse::<Digest>() else {
        return refuse(StatusCode::BAD_REQUEST, "this is no digest", next);
    };
    let ledger = desk.book.ledger();
    let known = ledger.missions.values().flat_map(|mission| mission.saved.values());
    if !known.into_iter().any(|saved| saved.plan.rendered == digest) {
        return refuse(StatusCode::NOT_FOUND, "no saved plan has this text", next);
    }
    let read = tokio::task::spawn_blocking(move || desk.blobs.get(&digest)).await;
    match read.map_err(|error| error.to_string()).and_then(|blob| blob.map_err(|error| chain(&error))) {
        Ok(Some(text)) => String::from_utf8_lossy(&text).into_owned().into_response(),
        Ok(None) => refuse(StatusCode::NOT_FOUND, "the plan's text is not kept any more", next),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error, "look at the host's disk"),
    }
}

async fn command(
    State(desk): State<Desk>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    command: Result<Json<Command>, JsonRejection>,
) -> Response {
    let command = match command {
        Ok(Json(command)) => command,
        Err(problem) => return refuse(problem.status(), &problem.body_text(), "quarterdeck --help"),
    };
    if !(peer.owns() || answers(&command)) {
        return owners_alone();
    }
    let Peer(uid) = peer;
    if comment(&command).is_some_and(|text| text.len() > COMMENT_BYTES_MAX) {
        let error = format!("the comment is longer than {COMMENT_BYTES_MAX} bytes");
        return refuse(StatusCode::BAD_REQUEST, &error, "say it shorter");
    }
    let Some(uid) = uid else {
        return refuse(StatusCode::FORBIDDEN, "the kernel does not say who this is", "run the command on this machine");
    };
    match desk.commands.send(Person::Uid(uid), command).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => failed(&error, "quarterdeck get missions"),
    }
}

/// What could not be written down.
fn failed(error: &CommandFailed, next: &str) -> Response {
    match error {
        CommandFailed::Refused(error) => refuse(StatusCode::CONFLICT, &error.to_string(), next),
        CommandFailed::Journal(_) => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, &chain(error), "look at the host's disk, then try again")
        }
        CommandFailed::Stopping => {
            refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string(), "start a host: quarterdeck run PATH")
        }
    }
}

async fn states(
    State(desk): State<Desk>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Result<Json<StateRequest>, JsonRejection>,
) -> Response {
    let next = "quarterdeck state list";
    if !peer.owns() {
        return owners_alone();
    }
    let Peer(uid) = peer;
    let request = match request {
        Ok(Json(request)) => request,
        Err(problem) => return refuse(problem.status(), &problem.body_text(), next),
    };
    let (Some(store), Some(uid)) = (desk.states, uid) else {
        return refuse(StatusCode::CONFLICT, "a rehearsal keeps no states", "quarterdeck --real state list");
    };
    let asked = tokio::task::spawn_blocking(move || answer(&store, &desk.book.ledger(), &Person::Uid(uid), request));
    match asked.await {
        Ok(Ok(said)) => Json(said).into_response(),
        Ok(Err(fault)) => refuse(state_status(&fault), &chain(&fault), next),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string(), next),
    }
}

fn state_status(fault: &StateFault) -> StatusCode {
    if fault.is_passing() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::CONFLICT }
}

fn comment(command: &Command) -> Option<&String> {
    match command {
        Command::Approve { comment, .. }
        | Command::Deny { comment, .. }
        | Command::Pause { comment, .. }
        | Command::Release { comment, .. }
        | Command::Unfence { comment, .. } => comment.as_ref(),
        Command::Destroy { .. }
        | Command::Restore { .. }
        | Command::Cancel { .. }
        | Command::Resume { .. }
        | Command::Unshadow
        | Command::RemovePolicy { .. } => None,
    }
}

/// Whether a command answers an approval, which is all that approvers do.
fn answers(command: &Command) -> bool {
    match command {
        Command::Approve { .. } | Command::Deny { .. } => true,
        Command::Destroy { .. }
        | Command::Restore { .. }
        | Command::Cancel { .. }
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Release { .. }
        | Command::Unshadow
        | Command::Unfence { .. }
        | Command::RemovePolicy { .. } => false,
    }
}

fn owners_alone() -> Response {
    let next = "run the command as the user that the host runs as";
    refuse(StatusCode::FORBIDDEN, "approvers may look, approve and deny, and nothing else", next)
}

fn refuse(status: StatusCode, error: &str, next: &str) -> Response {
    (status, Json(Refusal { error: error.to_owned(), next: next.to_owned() })).into_response()
}
