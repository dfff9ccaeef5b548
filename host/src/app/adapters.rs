//! The choice of the adapters for cluster, workers and brain: real ones where an engine answers and Terraform is there, a
//! rehearsal elsewhere.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::kubernetes::Duties;
use quarterdeck_core::redaction::{Redactor, Secret};
use quarterdeck_worker::protocol::{HostAddress, RunConfig};
use rustls::ServerConfig;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;

use super::StartError;
use crate::act::kubernetes::{JobWorkers, JobsConfig, PodProof, ProofFault, Reach};
use crate::act::nobody::Nobody;
use crate::act::process::{self, ProcessConfig, ProcessWorkers};
use crate::act::{self, Workers};
use crate::api::workers::{self, Passes, Proof, Proven, Unproven};
use crate::apiserver::{Connection, ServiceName, WorkersWanted};
use crate::config::{BrainConfig, Config, host_and_port};
use crate::driver::clock;
use crate::kept::Kept;
use crate::observe::Cluster;
use crate::observe::kubernetes::{Kubernetes, KubernetesConfig};
use crate::observe::local::{self, LocalDocker, LocalDockerConfig, probe};
use crate::observe::together::Together;
use crate::orient::brain::Brain;
use crate::orient::gemini::{Gemini, GeminiConfig};
use crate::orient::offline::Offline;
use crate::rehearsal::{Claim, Rehearsal, Script};
use crate::remember::{self, Authority, Blobs, Book, LeftFolders, StateStore};

/// How long the first question to the engine may take: a person waits for it.
const PROBE: Duration = Duration::from_secs(3);

/// What the loop reaches the world through, and what runs beside it.
pub(super) struct Adapters {
    pub(super) cluster: Arc<dyn Cluster>,
    pub(super) workers: Arc<dyn Workers>,
    /// States and locks; none in a rehearsal, whose states are imagined.
    pub(super) states: Option<Arc<StateStore>>,
    /// Where workers are answered; nowhere in a rehearsal.
    pub(super) door: Option<Door>,
}

/// Where workers are answered.
pub(super) enum Door {
    /// On this machine.
    Socket(UnixListener, workers::Desk),
    /// In a cluster.
    Tls(TcpListener, Arc<ServerConfig>, workers::FarDesk),
}

/// What every adapter needs.
pub(super) struct Shared<'a> {
    pub(super) config: &'a Config,
    pub(super) folder: &'a Path,
    pub(super) book: &'a Arc<Book>,
    pub(super) blobs: &'a Arc<Blobs>,
    pub(super) key: [u8; 32],
    pub(super) wake: Arc<dyn Fn() + Send + Sync>,
    /// The cluster, where one is looked at.
    pub(super) connection: Option<&'a Connection>,
    /// The term of the Lease, where workers are Jobs.
    pub(super) term: i32,
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
    Adapters { cluster: world.clone(), workers: world, states: None, door: None }
}

/// What is there: the engine of this machine, with workers that are processes of their own; a Kubernetes cluster beside it,
/// or that alone, where there is no mission; or a cluster with workers that are its Jobs.
pub(super) async fn real(shared: &Shared<'_>) -> Result<Adapters, StartError> {
    let Some(connection) = shared.connection else { return engine(shared).await };
    let cluster = Kubernetes::start(KubernetesConfig {
        connection: connection.clone(),
        clock,
        wake: shared.wake.clone(),
        redactor: Arc::new(Redactor::new(shared.key)),
        duties: duties(shared.config),
    });
    cluster.first_look().await;
    let kubernetes = Arc::new(cluster);
    if let Some(wanted) = &shared.config.workers {
        return jobs(shared, connection, wanted, kubernetes).await;
    }
    if shared.config.missions.is_empty() {
        return Ok(Adapters { cluster: kubernetes, workers: Arc::new(Nobody), states: None, door: None });
    }
    let adapters = engine(shared).await?;
    Ok(Adapters { cluster: Arc::new(Together { engine: adapters.cluster, kubernetes }), ..adapters })
}

/// What takes rights beside looking.
fn duties(config: &Config) -> Duties {
    Duties { workers: config.workers.as_ref().map(WorkersWanted::duty), missions: config.mission_objects }
}

/// A cluster, the engine of its node, and workers that are its Jobs.
async fn jobs(
    shared: &Shared<'_>,
    connection: &Connection,
    wanted: &WorkersWanted,
    kubernetes: Arc<Kubernetes>,
) -> Result<Adapters, StartError> {
    let Shared { config: _, folder, key, .. } = *shared;
    let in_folder = |source| StartError::Folder { path: folder.to_owned(), source };
    let engine = Arc::new(observed(shared).await?);
    none_of_another_kind(shared, act::kubernetes::FOLDER)?;
    let work = folder.join(act::kubernetes::FOLDER);
    let states = states(shared)?;
    let (now, port) = (clock(), wanted.listen.port());
    let authority = Authority::open(folder, now).map_err(in_folder)?;
    let (reach, name) = match &wanted.address {
        Some(address) => {
            let host = host_and_port(address).map_or(address.as_str(), |(host, _port)| host);
            (Reach::Address(address.clone()), host.to_owned())
        }
        None => {
            let ServiceName { namespace, name } = &wanted.service;
            (Reach::Service(wanted.service.clone(), port), format!("{name}.{namespace}.svc"))
        }
    };
    let tls = Arc::new(authority.server_config(&[name], now).map_err(in_folder)?);
    let listener = TcpListener::bind(wanted.listen).await;
    let listener = listener.map_err(|source| StartError::ListenTls { address: wanted.listen, source })?;
    let config = JobsConfig {
        connection: connection.clone(),
        work: work.clone(),
        builder: wanted.builder.clone(),
        called: {
            let book = shared.book.clone();
            Arc::new(move |mission| book.ledger().missions.get(mission).map(|state| state.spec.name.clone()))
        },
        reach,
        authority: authority.certificate_pem().to_owned(),
        key,
        term: shared.term,
        clock,
        wake: shared.wake.clone(),
    };
    let kept = Arc::new(Kept { blobs: shared.blobs.clone(), states: states.clone() });
    let workers = JobWorkers::start(config, kept, Redactor::new(key)).await.map_err(in_folder)?;
    let desk = workers::FarDesk {
        desk: workers::Desk { book: shared.book.clone(), states: states.clone(), clock },
        blobs: shared.blobs.clone(),
        left: Arc::new(LeftFolders::at(&work)),
        passes: Arc::new(Passes::new(Arc::new(ByPod(workers.proof())))),
        reached: {
            let kubernetes = kubernetes.clone();
            Arc::new(move |reached| kubernetes.worker_reached(reached))
        },
    };
    Ok(Adapters {
        cluster: Arc::new(Together { engine, kubernetes }),
        workers: Arc::new(workers),
        states: Some(states),
        door: Some(Door::Tls(listener, tls, desk)),
    })
}

/// A worker of the cluster, by its pod.
struct ByPod(Arc<PodProof>);

impl Proof for ByPod {
    fn prove(&self, token: Secret) -> BoxFuture<'_, Result<Proven, Unproven>> {
        Box::pin(async move {
            match self.0.whose(&token).await {
                Ok((order, uid)) => Ok(Proven { order, claimant: format!("pod {uid}") }),
                Err(ProofFault::Refused(why)) => Err(Unproven::Refused(why)),
                Err(ProofFault::Unavailable(why)) => Err(Unproven::Unavailable(why)),
            }
        })
    }
}

/// A worker that an earlier host of this data folder began elsewhere may still be at work: nothing is begun beside it.
fn none_of_another_kind(shared: &Shared<'_>, own: &str) -> Result<(), StartError> {
    let ledger = shared.book.ledger();
    let open = ledger.orders.values().filter(|state| state.ended.is_none()).map(|state| &state.order.name);
    match act::of_another_kind(shared.folder, own, open) {
        None => Ok(()),
        Some((order, folder)) => Err(StartError::AnotherKind { order: order.clone(), folder }),
    }
}

/// The engine, looked at once.
async fn observed(shared: &Shared<'_>) -> Result<LocalDocker, StartError> {
    let cluster = LocalDocker::start(LocalDockerConfig {
        socket: shared.config.engine.clone(),
        interval: local::INTERVAL,
        timeout: local::TIMEOUT,
        clock,
        wake: shared.wake.clone(),
        redactor: Arc::new(Redactor::new(shared.key)),
    });
    let cluster = cluster.map_err(|source| StartError::Engine { path: shared.config.engine.clone(), source })?;
    first_look(&cluster).await;
    Ok(cluster)
}

/// States and locks; a lock of a worker that is there no more is given back.
fn states(shared: &Shared<'_>) -> Result<Arc<StateStore>, StartError> {
    let data = shared.folder.to_owned();
    let lives = Arc::new(move |order: &OrderName| act::lives(&data, order));
    let in_folder = |source| StartError::Folder { path: shared.folder.to_owned(), source };
    let redactor = Redactor::new(shared.key);
    let opened = StateStore::open(&shared.folder.join("state"), shared.book.clone(), clock, lives, redactor);
    opened.map(Arc::new).map_err(in_folder)
}

/// The engine of this machine, and workers that are processes of their own.
async fn engine(shared: &Shared<'_>) -> Result<Adapters, StartError> {
    let Shared { config, folder, key, .. } = *shared;
    let (book, blobs, wake) = (shared.book.clone(), shared.blobs.clone(), shared.wake.clone());
    let in_folder = |source| StartError::Folder { path: folder.to_owned(), source };
    let cluster = observed(shared).await?;
    none_of_another_kind(shared, process::FOLDER)?;
    let work = folder.join(process::FOLDER);
    let states = states(shared)?;
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
            host: HostAddress::Socket(socket),
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
        door: Some(Door::Socket(listener, desk)),
    })
}

/// Answers workers. Not before what the last host left is settled: an order that was never started is let go of then,
/// and a late worker must not claim it in between.
pub(super) fn serve(door: Door) -> JoinHandle<()> {
    tokio::spawn(async move {
        match door {
            Door::Socket(listener, desk) => {
                if let Err(error) = workers::serve(listener, desk).await {
                    tracing::error!(%error, "Workers can't be answered any more; they ask again until their deadline.");
                }
            }
            Door::Tls(listener, config, desk) => workers::serve_tls(listener, config, desk).await,
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

/// Gemini where there is a key, the table of rules elsewhere.
pub(super) fn brain(
    config: Option<BrainConfig>,
    wake: Arc<dyn Fn() + Send + Sync>,
) -> Result<Arc<dyn Brain>, StartError> {
    let Some(BrainConfig { key: Some(key), base_url, model }) = config else {
        return Ok(Arc::new(Offline::new(clock, wake)));
    };
    let mut gemini = GeminiConfig::new(key);
    (gemini.base_url, gemini.model) = (base_url, model);
    Ok(Arc::new(Gemini::start(gemini, clock, wake)?))
}
