//! The host as a worker sees it, without a host: claims, a state and a lock behind a Unix socket, all in memory.
//!
//! It can be away and come back with what it knew, refuse, and tell in which order it was asked. It checks of a state
//! what the host checks: that it comes with the lock that is held, and that its serial rises within one lineage.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::ids::{MissionId, Timestamp};
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::order::{ApplyInput, Order, OrderKey, StateRef};
use quarterdeck_core::situation::Operation;
use quarterdeck_core::terraform::FileSet;
use quarterdeck_core::terraform::state_json::parse_state;
use quarterdeck_worker::protocol::{Claim, Kept, LockInfo, Refused, RunConfig, RunFolder};
use serde::Deserialize;
use tokio::task::JoinHandle;

/// What the host knows.
#[derive(Default)]
pub struct World {
    /// Who claimed what.
    pub claims: Vec<Claim>,
    /// Whether the next claim is refused.
    pub refuses_claims: bool,
    /// Every version of the state, the oldest first.
    pub versions: Vec<Vec<u8>>,
    /// Why states are refused.
    pub refuses_states: Option<String>,
    /// The lock that is held.
    pub held: Option<LockInfo>,
    /// What was asked and granted, in order.
    pub heard: Vec<String>,
}

/// A fake host that runs.
pub struct FakeHost {
    /// What it knows.
    pub world: Arc<Mutex<World>>,
    socket: PathBuf,
    task: Option<JoinHandle<()>>,
}

#[derive(Deserialize)]
struct Parameters {
    lock: Option<String>,
}

type Shared = State<Arc<Mutex<World>>>;

impl FakeHost {
    /// A host on this socket.
    pub fn start(socket: &Path) -> FakeHost {
        let mut host = FakeHost { world: Arc::default(), socket: socket.to_owned(), task: None };
        host.back();
        host
    }

    /// It is gone; what it knows is kept.
    pub async fn away(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _aborted = task.await;
        }
        let _gone_already = fs::remove_file(&self.socket);
    }

    /// It is there again.
    pub fn back(&mut self) {
        let listener = tokio::net::UnixListener::bind(&self.socket).expect("the socket can be made");
        let router = Router::new()
            .route("/v1/claim", post(claim))
            .route("/v1/state/{order}", get(state).post(keep))
            .route("/v1/lock/{order}", post(lock))
            .route("/v1/unlock/{order}", post(unlock))
            .layer(DefaultBodyLimit::max(32 << 20))
            .with_state(Arc::clone(&self.world));
        self.task = Some(tokio::spawn(async move {
            let _until_aborted = axum::serve(listener, router).await;
        }));
    }

    /// What it knows, to look at or to change.
    pub fn know<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.lock().expect("no holder panics"))
    }
}

fn no(why: &str) -> Response {
    (StatusCode::CONFLICT, axum::Json(Refused { error: why.to_owned() })).into_response()
}

async fn claim(State(world): Shared, axum::Json(claim): axum::Json<Claim>) -> Response {
    let mut world = world.lock().expect("no holder panics");
    let is_another = |had: &Claim| had.order == claim.order && had.claimant != claim.claimant;
    if world.refuses_claims || world.claims.iter().any(is_another) {
        return no("it is somebody else's");
    }
    world.heard.push("claim".to_owned());
    world.claims.push(claim);
    StatusCode::NO_CONTENT.into_response()
}

async fn state(State(world): Shared) -> Response {
    match world.lock().expect("no holder panics").versions.last() {
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn keep(State(world): Shared, Query(parameters): Query<Parameters>, body: Bytes) -> Response {
    let mut world = world.lock().expect("no holder panics");
    if let Some(why) = &world.refuses_states {
        return no(why);
    }
    if world.held.as_ref().map(|held| &held.id) != parameters.lock.as_ref() {
        return no("another lock is held");
    }
    let Ok(facts) = parse_state(&body) else { return no("this is no state") };
    let state = StateRef { lineage: facts.lineage, serial: facts.serial, digest: Digest::of(&body) };
    if let Some(last) = world.versions.last()
        && last.as_slice() != body.as_ref()
    {
        let last = parse_state(last).expect("it was parsed before");
        if last.lineage != state.lineage || last.serial >= state.serial {
            return no("it is no later version of this state");
        }
    }
    world.heard.push(format!("state {}", state.serial));
    world.versions.push(body.to_vec());
    axum::Json(Kept { state }).into_response()
}

async fn lock(State(world): Shared, axum::Json(info): axum::Json<LockInfo>) -> Response {
    let mut world = world.lock().expect("no holder panics");
    if let Some(held) = &world.held {
        return (StatusCode::LOCKED, axum::Json(held.clone())).into_response();
    }
    world.heard.push("lock".to_owned());
    world.held = Some(info);
    StatusCode::OK.into_response()
}

async fn unlock(State(world): Shared, axum::Json(info): axum::Json<LockInfo>) -> Response {
    let mut world = world.lock().expect("no holder panics");
    if world.held.as_ref().is_none_or(|held| held.id != info.id) {
        return no("another lock is held");
    }
    world.heard.push("unlock".to_owned());
    world.held = None;
    StatusCode::OK.into_response()
}

/// The time from now on, in milliseconds since the epoch.
#[allow(clippy::disallowed_methods, reason = "an order's deadline is a time of the wall clock")]
pub fn from_now(after: Duration) -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + after;
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(0))
}

/// Lays out a worker's folder as the host does, and tells the order in it. The files of an apply's input are still
/// to be added.
pub fn lay_out(
    folder: &Path,
    operation: Operation,
    files: &FileSet,
    apply: Option<ApplyInput>,
    deadline: Timestamp,
    config: &RunConfig,
) -> Order {
    let (uid, packed) = (Digest::of(b"web"), encoding::encode(files));
    let input = apply.as_ref().map_or(Digest::of(&packed), |apply| apply.saved);
    let key = OrderKey { uid, generation: 1, operation, input };
    let mission = MissionName::parse("web").expect("it is a name");
    let order = Order {
        name: key.name(&mission, 1),
        mission: MissionId::parse("web-1f2e3d4c").expect("it is an id"),
        key,
        attempt: 1,
        plan: Digest::of(&packed),
        apply,
        made: from_now(Duration::ZERO),
        deadline,
        remedy: None,
        grants: Vec::new(),
        rehearsal: false,
    };
    let run = RunFolder::at(folder);
    fs::create_dir_all(folder).expect("the folder can be made");
    fs::write(run.files(), packed).expect("the folder can be written");
    fs::write(run.config(), serde_json::to_vec(config).expect("plain JSON")).expect("the folder can be written");
    fs::write(run.order(), serde_json::to_vec(&order).expect("plain JSON")).expect("the folder can be written");
    order
}
