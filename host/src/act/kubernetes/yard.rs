//! The workers together: what is told is begun, what is heard is noted, and what is there is found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use quarterdeck_core::encoding;
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::observation::WorkerReport;
use quarterdeck_core::order::{End, Order, WorkerResult};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{Failure, Operation, SQUATTED, TEXT_BYTES_MAX};
use quarterdeck_core::terraform::FileSet;
use quarterdeck_core::terraform::secrets::{self, SecretKey, SecretVariables};
use quarterdeck_worker::protocol::{HostAddress, RunConfig, RunFolder};
use tokio::runtime::Handle;

use super::clerk::{Clerk, MakeError};
use super::job::{self, Made, Mould};
use super::run::{Errand, Run, Sight, Stage};
use super::sight::Shown;
use super::{JobsConfig, Message, PodProof, Reach, ending, listen};
use crate::act::{Shelf, Word, files};
use crate::apiserver::label;

/// The token's file in a worker's pod.
const TOKEN: &str = "/var/run/quarterdeck/token";

/// Everything that is known of the workers.
pub(super) struct Yard {
    config: Arc<JobsConfig>,
    clerk: Clerk,
    shown: Shown,
    shelf: Arc<dyn Shelf>,
    redactor: Arc<Redactor>,
    messages: Sender<Message>,
    runtime: Handle,
    proof: Arc<PodProof>,
    runs: BTreeMap<OrderName, Run>,
    /// Orders that could not be begun, until they are told to be forgotten.
    unstarted: BTreeMap<OrderName, WorkerResult>,
    /// Folders and Jobs that are no worker's of ours and were complained of.
    strange: BTreeSet<String>,
}

impl Yard {
    #[expect(clippy::too_many_arguments, reason = "what the thread is made of, named once")]
    pub(super) fn new(
        config: JobsConfig,
        clerk: Clerk,
        shown: Shown,
        shelf: Arc<dyn Shelf>,
        redactor: Redactor,
        messages: Sender<Message>,
        runtime: Handle,
        proof: Arc<PodProof>,
    ) -> Yard {
        let (config, redactor) = (Arc::new(config), Arc::new(redactor));
        let (runs, unstarted, strange) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let mut yard =
            Yard { config, clerk, shown, shelf, redactor, messages, runtime, proof, runs, unstarted, strange };
        yard.find_folders();
        yard
    }

    /// Does what it is told, and notes what it hears.
    pub(super) fn hear(&mut self, message: Message) {
        match message {
            Message::Word(Word::Start(order)) => {
                if let Err(error) = self.begin(&order) {
                    let message = self.redactor.safe(&error, TEXT_BYTES_MAX);
                    tracing::warn!(order = %order.name, %message, "A worker could not be started.");
                    let failure = Failure { kind: "start".into(), message, retryable: true, remedies: Vec::new() };
                    self.unstarted.insert(order.name, WorkerResult::failed(End::Failed, failure));
                }
            }
            Message::Word(Word::Cancel(order)) => {
                if let Some(run) = self.runs.get_mut(&order) {
                    run.cancelled = true;
                }
            }
            Message::Word(Word::Forget(order)) => self.forget(&order),
            Message::Made(order, Ok(uid)) => {
                let at = (self.config.clock)();
                if let Some(run) = self.runs.get_mut(&order) {
                    run.is_made(uid.clone(), at);
                    self.proof.jobs().insert(order, uid);
                }
            }
            Message::Made(order, Err((kind, why))) => {
                if let Some(run) = self.runs.get_mut(&order) {
                    run.is_unmade(kind, &why, &self.redactor);
                }
            }
            Message::NotEnded(order, why) => {
                tracing::debug!(%order, why, "A Job could not be told to end; it is tried again.");
                if let Some(run) = self.runs.get_mut(&order) {
                    run.was_not_ended();
                }
            }
            Message::NoPod(order, said) => {
                if let Some(run) = self.runs.get_mut(&order) {
                    run.has_no_pod(said);
                }
            }
            Message::Removed(order, Ok(())) => self.let_go(&order),
            Message::Removed(order, Err(why)) => {
                tracing::warn!(%order, why, "What the cluster has of a worker could not be removed; it is tried again.");
                if let Some(run) = self.runs.get_mut(&order) {
                    run.leaving = false;
                }
            }
            Message::Seen | Message::Stop => {}
        }
    }

    /// Begins a worker. One that is there already goes on.
    fn begin(&mut self, order: &Order) -> Result<(), String> {
        if self.runs.contains_key(&order.name) {
            tracing::info!(order = %order.name, "A worker of this order is there already.");
            return Ok(());
        }
        if order.rehearsal {
            return Err(format!("order {} is a rehearsal, and these workers are real", order.name));
        }
        if order.name.as_str().contains(['/', '_', ':', '.']) || order.name.as_str().len() > 63 {
            return Err(format!("order {} can't be the name of a Job", order.name));
        }
        let root = self.config.work.join(order.name.as_str());
        let folder = RunFolder::at(&root);
        let in_folder = |error: io::Error| format!("make the folder {}: {error}", root.display());
        // One that is there already is another's, and stays where it is.
        fs::DirBuilder::new().mode(0o700).create(&root).map_err(in_folder)?;
        let write = || -> io::Result<()> {
            files::sync_folder(&self.config.work)?;
            files::write_whole(&folder.order(), &serde_json::to_vec(order)?)
        };
        if let Err(error) = write() {
            let _found_at_the_next_start = fs::remove_dir_all(&root);
            return Err(in_folder(error));
        }
        self.unstarted.remove(&order.name);
        let run = Run::new(order.clone(), folder);
        self.make(&run);
        self.runs.insert(order.name.clone(), run);
        Ok(())
    }

    /// Has a worker's Job made, or found made.
    fn make(&self, run: &Run) {
        let (order, folder) = (run.order.clone(), run.folder.clone());
        let (clerk, shelf, config) = (self.clerk.clone(), self.shelf.clone(), self.config.clone());
        let messages = self.messages.clone();
        self.runtime.spawn(async move {
            let late = {
                let (clock, deadline) = (config.clock, order.deadline);
                move || clock() >= deadline
            };
            let made = match prepared(&clerk, &shelf, &config, &order, &folder).await {
                Ok(made) => clerk.make(&made, &late).await.map_err(|error| (kind_of(&error), error.to_string())),
                Err(why) => Err(("start", why)),
            };
            let _host_is_ending = messages.send(Message::Made(order.name, made));
        });
    }

    /// What can be seen of every worker now.
    pub(super) fn look(&mut self) -> Vec<WorkerReport> {
        let at = (self.config.clock)();
        let mut errands = Vec::new();
        let (jobs, pods) = (self.shown.jobs.objects().clone(), self.shown.pods.objects().clone());
        let known = self.shown.is_known();
        let mut reports: Vec<WorkerReport> = Vec::with_capacity(self.runs.len());
        for (name, run) in &mut self.runs {
            let sight = sight(known, run, &jobs, &pods);
            let (report, wanted) = run.look(&sight, &*self.shelf, &self.redactor, at);
            errands.extend(wanted.into_iter().map(|errand| (name.clone(), errand)));
            reports.push(report);
        }
        errands.into_iter().for_each(|(order, errand)| self.send(&order, errand));
        self.tell_of_strange_jobs(&jobs);
        let unstarted = self.unstarted.iter().filter(|(order, _)| !self.runs.contains_key(*order));
        let unstarted = unstarted.map(|(order, result)| WorkerReport {
            order: order.clone(),
            at,
            doing: None,
            result: Some(result.clone()),
        });
        reports.extend(unstarted);
        reports
    }

    fn send(&self, order: &OrderName, errand: Errand) {
        let Some(run) = self.runs.get(order) else { return };
        let (clerk, messages, order) = (self.clerk.clone(), self.messages.clone(), order.clone());
        match errand {
            Errand::End => {
                let Some(uid) = run.uid().map(str::to_owned) else { return };
                self.runtime.spawn(async move {
                    if let Err(why) = clerk.end(&order, &uid).await {
                        let _host_is_ending = messages.send(Message::NotEnded(order, why));
                    }
                });
            }
            Errand::AskWhy => {
                self.runtime.spawn(async move {
                    let said = clerk.event(&order).await;
                    let _host_is_ending = messages.send(Message::NoPod(order, said));
                });
            }
            Errand::Follow(pod) => {
                let changed = Arc::new(move || drop(messages.send(Message::Seen)));
                self.runtime.spawn(listen::follow(clerk, pod, self.redactor.clone(), run.doing.clone(), changed));
            }
        }
    }

    /// Has everything of a worker removed, once its end is in the journal.
    fn forget(&mut self, order: &OrderName) {
        self.unstarted.remove(order);
        let Some(run) = self.runs.get_mut(order) else { return };
        if run.result.is_none() {
            tracing::warn!(%order, "A worker that has not ended can't be forgotten.");
            return;
        }
        if std::mem::replace(&mut run.leaving, true) {
            return;
        }
        let (clerk, messages, uid) = (self.clerk.clone(), self.messages.clone(), run.uid().map(str::to_owned));
        let (order, folder) = (order.clone(), run.folder.clone());
        self.runtime.spawn(async move {
            let removed = match Run::made_before(&folder) {
                Ok(Some(made)) => clerk.remove(&order, uid.as_deref(), &made).await,
                // Nobody was told of it.
                Ok(None) => Ok(()),
                Err(error) => Err(format!("read what the API server was told: {error}")),
            };
            let _host_is_ending = messages.send(Message::Removed(order, removed));
        });
    }

    /// The cluster has nothing of it any more.
    fn let_go(&mut self, order: &OrderName) {
        let Some(run) = self.runs.get_mut(order) else { return };
        if let Err(error) = fs::remove_dir_all(run.folder.root()) {
            tracing::warn!(%order, %error, "The folder of a worker could not be removed; it is tried again.");
            run.leaving = false;
            return;
        }
        self.proof.jobs().remove(order);
        self.runs.remove(order);
    }

    /// Takes in the folders that a former host left: only this thread makes any later.
    fn find_folders(&mut self) {
        let at = (self.config.clock)();
        let entries = match fs::read_dir(&self.config.work) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!(%error, "The folder of the workers can't be read.");
                return;
            }
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().and_then(|name| OrderName::parse(name.to_str()?).ok());
            match name.map(|name| (Run::found(&name, &path, at), name)) {
                Some((Ok(Some(run)), name)) => self.adopt(name, run),
                // It died before it had told anybody.
                Some((Ok(None), order)) => {
                    tracing::info!(%order, "Removed a folder that was never ready.");
                    let _tried_again = fs::remove_dir_all(&path);
                }
                Some((Err(error), order)) => {
                    tracing::error!(%order, %error, "The order in a worker's folder can't be read; it is left alone.");
                }
                None => tracing::warn!(path = %path.display(), "This is no worker's folder; it is left alone."),
            }
        }
    }

    fn adopt(&mut self, name: OrderName, run: Run) {
        match &run.stage {
            Stage::Made { uid, .. } => drop(self.proof.jobs().insert(name.clone(), uid.clone())),
            // The last host may have told the API server, and may not: under its name it is made once.
            Stage::Making => self.make(&run),
            Stage::Unmade => {}
        }
        self.runs.insert(name, run);
    }

    /// Jobs with our label that no folder knows are told of, and left alone: they may be another host's.
    fn tell_of_strange_jobs(&mut self, jobs: &BTreeMap<String, Job>) {
        for (uid, job) in jobs {
            let ours = self.runs.values().any(|run| run.order.name.as_str() == job.name_any());
            if !ours && !ending::has_ended(job) && self.strange.insert(uid.clone()) {
                tracing::warn!(job = %job.name_any(), %uid, "A Job with our label is none of this host's; it is left alone.");
            }
        }
        self.strange.retain(|uid| jobs.contains_key(uid));
    }
}

/// What the API server shows of this worker.
fn sight<'a>(known: bool, run: &Run, jobs: &'a BTreeMap<String, Job>, pods: &'a BTreeMap<String, Pod>) -> Sight<'a> {
    let Some(uid) = run.uid() else { return Sight { known, job: None, pods: Vec::new() } };
    let name = run.order.name.as_str();
    let of_job = |pod: &&Pod| {
        pod.labels().get(label::ORDER).is_some_and(|order| order == name)
            && pod.owner_references().iter().any(|owner| owner.uid == uid)
    };
    Sight { known, job: jobs.get(uid), pods: pods.values().filter(of_job).collect() }
}

/// What the API server is told: what a former host wrote down, or what is made now and written down first.
async fn prepared(
    clerk: &Clerk,
    shelf: &Arc<dyn Shelf>,
    config: &JobsConfig,
    order: &Order,
    folder: &RunFolder,
) -> Result<Made, String> {
    let files = || -> Result<Vec<u8>, String> {
        let files = shelf.blob(&order.plan).map_err(|error| format!("read the files of the mission: {error}"))?;
        Ok(files.ok_or("the files of the mission are not kept any more")?)
    };
    if let Some(made) = Run::made_before(folder).map_err(|error| format!("read what was told before: {error}"))? {
        // A grant may have been taken away since. An apply has no secrets and may be at work, so nothing else is asked of it.
        if order.key.operation != Operation::Apply {
            secrets(config, order, &files()?)?;
        }
        return Ok(made);
    }
    let files = files()?;
    let secrets = secrets(config, order, &files)?;
    let alias = match &config.reach {
        Reach::Address(_) => None,
        Reach::Service(service, _) => {
            let address = clerk.address(service).await.map_err(|why| {
                format!("find the Service {}/{} that workers reach the host by: {why}", service.namespace, service.name)
            })?;
            Some((config.reach.host(), address))
        }
    };
    let run = config.run();
    let mould = Mould {
        builder: &config.builder,
        run: &run,
        alias: alias.as_ref().map(|(name, address)| (name.as_str(), address.as_str())),
        key: &config.key,
    };
    let made = job::make(&mould, order, &files, &secrets)
        .ok_or_else(|| format!("no worker of a cluster does {:?} yet", order.key.operation))?;
    let (order_json, config_json) = job::inputs(order, &run);
    Run::note_made(folder, &made, (&order_json, &config_json))
        .map_err(|error| format!("write to the folder: {error}"))?;
    Ok(made)
}

/// The secrets that an order's worker gets: those that its mission names, while the operator grants them. A saved plan has the
/// values in it, so its apply gets none.
fn secrets(config: &JobsConfig, order: &Order, files: &[u8]) -> Result<SecretVariables, String> {
    if order.key.operation == Operation::Apply {
        return Ok(SecretVariables::new());
    }
    let files: FileSet = encoding::decode(files).map_err(|error| format!("read the files of the mission: {error}"))?;
    let secrets = secrets::of(&files)?;
    let called = (config.called)(&order.mission);
    let may = |wanted: &&SecretKey| {
        called.as_ref().is_some_and(|mission| secrets::is_granted(&config.builder.secrets, mission, wanted))
    };
    match secrets.values().find(|wanted| !may(wanted)) {
        Some(wanted) => Err(format!("the Secret's key {} is not granted to the mission any more", wanted.text())),
        None => Ok(secrets),
    }
}

fn kind_of(error: &MakeError) -> &'static str {
    match error {
        MakeError::Refused { .. } | MakeError::Altered { .. } => "admission",
        MakeError::Squatted { .. } => SQUATTED,
        MakeError::Late(_) => "unreachable",
    }
}

impl Reach {
    /// The host's name for workers.
    fn host(&self) -> String {
        match self {
            Reach::Address(address) => address.clone(),
            Reach::Service(service, _) => format!("{}.{}.svc", service.name, service.namespace),
        }
    }
}

impl JobsConfig {
    /// How workers run.
    fn run(&self) -> RunConfig {
        let url = match &self.reach {
            Reach::Address(address) => format!("https://{address}"),
            Reach::Service(_, port) => format!("https://{}:{port}", self.reach.host()),
        };
        RunConfig {
            host: HostAddress::Tls { url, authority: self.authority.clone(), token: PathBuf::from(TOKEN) },
            terraform: self.builder.terraform.clone(),
            engine: self.builder.engine_socket.clone(),
            environment: self.builder.environment.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        }
    }
}

/// Whether there is a worker of this order that has not ended, for whoever must not act while it does. Where there is no
/// folder there is no worker.
pub fn lives(work: &Path, order: &OrderName) -> bool {
    let folder = RunFolder::at(&work.join(order.as_str()));
    folder.order().exists() && !folder.result().exists()
}
