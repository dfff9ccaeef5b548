//! One run, from the claim to the result: read this first.
//!
//! Nothing is touched before the claim is granted. Then the folder is laid out, the state endpoint listens, Terraform
//! does the one thing that was ordered, every version of the state goes to the host, and the result is written last.
//! Whatever fails becomes a typed failure of the result; only a claim that is refused leaves no result, since then the
//! order is somebody else's. A worker that shares no folder with its host hands all of it over at the end (`handover`),
//! once it has its order: without one it has touched nothing, and its exit code is all that is to be known.

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::order::{End, WorkerResult};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{Failure, Operation};
use quarterdeck_core::terraform::allow::StaticFacts;
use rustix::fs::{FlockOperation, flock};
use tokio::sync::watch;

use crate::delivery;
use crate::disk;
use crate::endpoint::{Desk, Endpoint};
use crate::engine::Engine;
use crate::events::Events;
use crate::failure::failure;
use crate::host::{Host, HostError};
use crate::inputs::{self, Inputs};
use crate::outcome::{self, Halt};
use crate::states::States;
use crate::tool::Tool;
use crate::{Ending, clock, environment, handover, last_words, network, salvage, terraform, unpack};

/// What is kept back of the time until the deadline, for Terraform to end after its interrupt and for states to be
/// handed over; at most a quarter of what there is.
const RESERVE_MS_MAX: u64 = 60_000;
/// How often a lock that somebody else of this run holds is tried again.
const ALIVE_AGAIN: Duration = Duration::from_millis(200);

/// As [`work`], of the inputs that a pod is given in a folder of their own.
pub async fn work_given(operation: Operation, given: &Path, folder: &Path, stop: watch::Receiver<bool>) -> Ending {
    match inputs::bring(given, folder) {
        Ok(()) => work(operation, folder, stop).await,
        Err(error) => Ending::NotStarted(outcome::chain(&error)),
    }
}

/// Does the work of the order in this folder. `stop` turning true is the one request to end early.
pub async fn work(operation: Operation, folder: &Path, stop: watch::Receiver<bool>) -> Ending {
    let inputs = match Inputs::read(folder, operation) {
        Ok(inputs) => inputs,
        Err(error) => return Ending::NotStarted(outcome::chain(&error)),
    };
    match prepare(&inputs).await {
        Ok(Some(_alive)) if claimed_before(&inputs) => salvage::salvage(&inputs).await,
        Ok(Some(alive)) => run(&inputs, &alive, stop).await,
        Ok(None) => Ending::NotStarted("another worker of this folder still lives".to_owned()),
        Err(error) => Ending::NotStarted(format!("prepare {}: {error}", folder.display())),
    }
}

/// Makes the folder private and takes the lock that says that we live. Terraform gets it too, so that it is held until
/// the last process of this run has ended; whoever comes after a killed worker waits here for its Terraform.
async fn prepare(inputs: &Inputs) -> std::io::Result<Option<File>> {
    fs::set_permissions(inputs.folder.root(), Permissions::from_mode(0o700))?;
    let alive = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(inputs.folder.alive())?;
    loop {
        match flock(&alive, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(alive)),
            Err(rustix::io::Errno::WOULDBLOCK) if clock::now() < inputs.order.deadline => {
                tokio::time::sleep(ALIVE_AGAIN).await;
            }
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

fn claim_mark(inputs: &Inputs) -> std::path::PathBuf {
    inputs.folder.root().join("claimed")
}

fn claimed_before(inputs: &Inputs) -> bool {
    claim_mark(inputs).exists()
}

async fn run(inputs: &Inputs, alive: &File, mut stop: watch::Receiver<bool>) -> Ending {
    let left = inputs.order.deadline.since_ms(clock::now());
    let interrupt_at = clock::now().plus_ms(left - (left / 4).min(RESERVE_MS_MAX));
    let host = match Host::at(&inputs.config.host, &inputs.order.name) {
        Ok(host) => host,
        Err(error) => return Ending::NotStarted(format!("reach the host: {error}")),
    };
    let claimant = claimant();
    let claim = tokio::select! {
        claim = host.claim(&claimant, inputs.digest, interrupt_at) => claim,
        () = told(&mut stop) => {
            let failure = failure("cancelled", "told to stop before the order was claimed", true);
            return outcome::write(inputs, &WorkerResult::failed(End::Cancelled, failure));
        }
    };
    match claim {
        Ok(()) => {}
        Err(error @ (HostError::Refused(_) | HostError::Held(_))) => {
            last_words::aloud(&format!("claim the order: {error}"));
            return Ending::ClaimRefused;
        }
        Err(error @ HostError::Away { .. }) => {
            let failure = failure("unreachable", format!("claim the order: {error}"), true);
            return outcome::write(inputs, &WorkerResult::failed(End::Failed, failure));
        }
    }
    if let Err(error) = disk::write_whole(&claim_mark(inputs), claimant.as_bytes()) {
        let failure = failure("other", format!("write to the folder of the run: {error}"), true);
        let result = WorkerResult::failed(End::Failed, failure);
        return handover::finish(inputs, &host, result, inputs.order.deadline).await;
    }
    let seen = inputs.is_far().then(|| tokio::spawn(network::tell(host.clone())));
    let result = claimed(inputs, alive, &host, interrupt_at, stop).await;
    if let Some(seen) = seen {
        // It is over within seconds, as a rule before Terraform is.
        let _over = seen.await;
    }
    let result = result.unwrap_or_else(|failure| WorkerResult::failed(End::Failed, failure));
    handover::finish(inputs, &host, result, inputs.order.deadline).await
}

/// Who we are: a process number is used again, its start is not.
fn claimant() -> String {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program may hold blanks and brackets; after it, the start is the twentieth field.
    let started = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19)).unwrap_or("unknown");
    format!("process {} started {started}", std::process::id())
}

/// Returns once the worker is told to stop; never, where nobody is left who could.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What is done once the order is ours.
async fn claimed(
    inputs: &Inputs,
    alive: &File,
    host: &Host,
    interrupt_at: Timestamp,
    stop: watch::Receiver<bool>,
) -> Result<WorkerResult, Failure> {
    let disk = |error: &dyn std::error::Error| failure("other", outcome::chain(error), true);
    let aloud = inputs.is_far();
    let mut events = Events::open(&inputs.folder.events(), aloud, redactor()?).map_err(|error| disk(&error))?;
    let given = if inputs.is_far() { environment::secrets() } else { Ok(Vec::new()) };
    let given = given.map_err(|problem| failure("usage", problem, false))?;
    let of_ours = inputs.config.secrets().into_iter().chain(host.token());
    of_ours.chain(given.iter().map(|(_, value)| value.clone())).for_each(|secret| events.hide(secret.expose()));
    events.say("claimed", inputs.order.name.as_str());
    let first = host.state(interrupt_at).await.map_err(|error| failure("unreachable", error.to_string(), true))?;
    if inputs.is_far() {
        inputs.fetch(host, interrupt_at).await.map_err(|error| failure("unreachable", outcome::chain(&error), true))?;
    }
    let facts = lay_out(inputs)?;
    let states = Arc::new(Mutex::new(States::open(&inputs.folder).map_err(|error| disk(&error))?));
    let (deliveries, task) = delivery::start(host.clone(), Arc::clone(&states), inputs.order.deadline);
    let desk = Desk { states: Arc::clone(&states), first: first.clone(), deliveries: deliveries.clone() };
    let endpoint = Endpoint::start(desk).await.map_err(|error| disk(&error))?;
    events.hide(endpoint.password().expose());
    let alive = alive.try_clone().map_err(|error| disk(&error))?;
    let tool = Tool::new(inputs, &endpoint.environment(), given, alive, interrupt_at, stop);
    let engine = Engine::at(&inputs.config.engine).map_err(|error| disk(&error))?;
    let mut session = terraform::Session { inputs, facts, engine, events, tool, first, version: None };
    let done = session.run().await;
    let late = salvage::errored(inputs, &states, session.first.as_deref(), &deliveries).await;
    endpoint.stop().await;
    drop(deliveries);
    session.events.say("delivering", "handing over what the host does not have yet");
    let mut delivered = task.await.map_err(|error| disk(&error))?;
    if let Err(error) = late {
        delivered.undelivered.get_or_insert(error);
    }
    let newest = outcome::Newest::of(&states, session.first.as_deref());
    let result = outcome::result(inputs, done, &delivered, &newest, session.version.clone());
    session.events.say("ended", &format!("{:?}", result.end).to_lowercase());
    Ok(result)
}

/// A redactor with a key of this run.
pub(crate) fn redactor() -> Result<Redactor, Failure> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| failure("other", format!("draw a random key: {error}"), true))?;
    Ok(Redactor::new(key))
}

fn lay_out(inputs: &Inputs) -> Result<StaticFacts, Failure> {
    let files = inputs.files().map_err(|error| failure("usage", outcome::chain(&error), false))?;
    let grants = unpack::grants(&inputs.order.grants)?;
    let tmp = inputs.folder.root().join("tmp");
    fs::create_dir_all(&tmp).map_err(|error| failure("other", format!("make {}: {error}", tmp.display()), true))?;
    unpack::unpack(&files, &grants, &inputs.order.mission, &inputs.folder.terraform())
}

/// Why the work ended early, as the result has it.
impl From<Failure> for Halt {
    fn from(failure: Failure) -> Halt {
        Halt { end: End::Failed, failure }
    }
}
