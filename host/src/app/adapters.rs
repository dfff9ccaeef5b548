//! The choice of the adapters for cluster and workers: real ones where an engine answers and Terraform is there, a
//! rehearsal elsewhere.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quarterdeck_core::ids::OrderName;
use quarterdeck_core::redaction::Redactor;
use quarterdeck_worker::protocol::RunConfig;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use super::StartError;
use crate::act::Workers;
use crate::act::nobody::Nobody;
use crate::act::process::{self, ProcessConfig, ProcessWorkers};
use crate::api::workers;
use crate::config::Config;
use crate::driver::clock;
use crate::kept::Kept;
use crate::observe::Cluster;
use crate::observe::kubernetes::{self, Kubernetes, KubernetesConfig};
use crate::observe::local::{self, LocalDocker, LocalDockerConfig, probe};
use crate::observe::together::Together;
use crate::rehearsal::{Claim, Rehearsal, Script};
use crate::remember::{self, Blobs, Book, StateStore};

/// How long the first question to the engine may take: a person waits for it.
const PROBE: Duration = Duration::from_secs(3);

/// What the loop reaches the world through, and what runs beside it.
pub(super) struct Adapters {
    pub(super) cluster: Arc<dyn Cluster>,
    pub(super) workers: Arc<dyn Workers>,
    /// States and locks; none in a rehearsal, whose states are imagined.
    pub(super) states: Option<Arc<StateStore>>,
    /// Where workers are answered; none in a rehearsal.
    pub(super) desk: Option<(UnixListener, workers::Desk)>,
}

/// What every adapter needs.
pub(super) struct Shared<'a> {
    pub(super) config: &'a Config,
    pub(super) folder: &'a Path,
    pub(super) book: &'a Arc<Book>,
    pub(super) blobs: &'a Arc<Blobs>,
    pub(super) key: [u8; 32],
    pub(super) wake: Arc<dyn Fn() + Send + Sync>,
}

/// Whether workers can be real: an engine answers and there is a Terraform. Says why not.
pub(super) async fn can_be_real(config: &Config) -> Result<(), String> {
    if config.terraform.is_none() {
        return Err("there is no terraform on PATH".to_owned());
    }
    let answer = probe(&config.engine, PROBE).await;
    answer.map(|_| ()).map_err(|problem| format!("no Docker engine answers at {}: {problem}", config.engine.display()))
}

/// An engine and workers that are only imagined.
pub(super) fn rehearsed(shared: &Shared<'_>, why: &str) -> Adapters {
    let file = shared.folder.join("world.json");
    let claim = claims(shared.book);
    let world = Rehearsal::open(Some(&file), Script::default(), shared.blobs.clone(), claim, clock, why.to_owned());
    let world = Arc::new(world);
    world.keep_moving(shared.wake.clone());
    Adapters { cluster: world.clone(), workers: world, states: None, desk: None }
}

/// What is there: the engine of this machine, with workers that are processes of their own; a Kubernetes cluster beside it,
/// or that alone, where there is no mission.
pub(super) async fn real(shared: &Shared<'_>) -> Result<Adapters, StartError> {
    let Some(wanted) = &shared.config.kubernetes else { return engine(shared).await };
    let cluster = Kubernetes::start(KubernetesConfig {
        connection: kubernetes::connect(wanted.context.as_deref()).await?,
        clock,
        wake: shared.wake.clone(),
        redactor: Arc::new(Redactor::new(shared.key)),
    });
    cluster.first_look().await;
    let kubernetes = Arc::new(cluster);
    if shared.config.missions.is_empty() {
        return Ok(Adapters { cluster: kubernetes, workers: Arc::new(Nobody), states: None, desk: None });
    }
    let adapters = engine(shared).await?;
    Ok(Adapters { cluster: Arc::new(Together { engine: adapters.cluster, kubernetes }), ..adapters })
}

/// The engine of this machine, and workers that are processes of their own.
async fn engine(shared: &Shared<'_>) -> Result<Adapters, StartError> {
    let Shared { config, folder, key, .. } = *shared;
    let (book, blobs, wake) = (shared.book.clone(), shared.blobs.clone(), shared.wake.clone());
    let in_folder = |source| StartError::Folder { path: folder.to_owned(), source };
    let cluster = LocalDocker::start(LocalDockerConfig {
        socket: config.engine.clone(),
        interval: local::INTERVAL,
        timeout: local::TIMEOUT,
        clock,
        wake: wake.clone(),
        redactor: Arc::new(Redactor::new(key)),
    });
    let cluster = cluster.map_err(|source| StartError::Engine { path: config.engine.clone(), source })?;
    first_look(&cluster).await;
    let work = folder.join("work");
    let lives = {
        let work = work.clone();
        Arc::new(move |order: &OrderName| process::lives(&work, order))
    };
    let states =
        StateStore::open(&folder.join("state"), book.clone(), clock, lives, Redactor::new(key)).map_err(in_folder)?;
    let states = Arc::new(states);
    let socket = folder.join("worker.sock");
    let listener = workers::listen(&socket)?;
    let desk = workers::Desk { book, states: states.clone(), clock };
    let terraform = config.terraform.clone().unwrap_or_default();
    let process = ProcessConfig {
        work,
        program: std::env::current_exe().map_err(in_folder)?,
        arguments: vec!["worker".into()],
        environment: Vec::new(),
        choice: format!("processes of this machine, {}", terraform.display()),
        run: RunConfig {
            socket,
            terraform,
            engine: config.engine.clone(),
            environment: config.tool_environment.clone(),
        },
        clock,
        wake,
    };
    let kept = Arc::new(Kept { blobs, states: states.clone() });
    // It looks through what the last host left, which may take the disk some time.
    let redactor = Redactor::new(key);
    let started = tokio::task::spawn_blocking(move || ProcessWorkers::start(process, kept, redactor)).await;
    let workers = started.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(in_folder)?;
    Ok(Adapters {
        cluster: Arc::new(cluster),
        workers: Arc::new(workers),
        states: Some(states),
        desk: Some((listener, desk)),
    })
}

/// Answers workers. Not before what the last host left is settled: an order that was never started is let go of then,
/// and a late worker must not claim it in between.
pub(super) fn serve((listener, desk): (UnixListener, workers::Desk)) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = workers::serve(listener, desk).await {
            tracing::error!(%error, "Workers can't be answered any more; they ask again until their deadline.");
        }
    })
}

/// Waits for the engine's first answer: a turn before it would take every finding for gone.
async fn first_look(cluster: &LocalDocker) {
    let begun = Instant::now();
    while cluster.view().engine.looked.is_none() && begun.elapsed() < local::TIMEOUT {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How imagined workers claim their orders: as real ones do, by an entry of the journal, once ever.
fn claims(book: &Arc<Book>) -> Claim {
    let book = book.clone();
    Arc::new(move |order: &OrderName, claimant: &str| remember::claim(&book, order, claimant, clock()).is_ok())
}
