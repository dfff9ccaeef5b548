//! People's answers that are objects of the cluster: each new `Approval` becomes a command to the ledger, in the name of the
//! user who made it, and its status says what became of it.
//!
//! An object counts where three things hold, looked at in this order: it names exactly what the host asks about (the id, the
//! mission of its own namespace, the digest of the saved plan); the API server let nobody write another one's name when it
//! was made ([`policy::held_when`]); and the ledger takes the answer, which it does once a person. Whoever is looked at
//! twice, by a host that was started anew or since the status could not be written, is told the same as before.
//!
//! What is *not* here: who may approve. The cluster's RBAC says so: who may `create` approvals in that namespace.

mod judged;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, CustomResourceExt as _, Resource as _, ResourceExt as _};
use quarterdeck_core::text::escape;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use self::judged::Said;
use crate::apiserver::approval::installed::Part;
use crate::apiserver::approval::policy::{self, Installed, PolicyFault};
use crate::apiserver::approval::{Approval, ApprovalStanding, ApprovalStatus};
use crate::apiserver::read::Unread;
use crate::apiserver::{Connection, FIELD_MANAGER};
use crate::app::{CommandFailed, Commands};
use crate::driver::chain;
use crate::remember::Book;

/// A page of a list has so many objects; each has 4 KiB at most.
const PAGE: u32 = 200;
/// The server ends a watch after this long, in seconds, so that a connection that died unnoticed is noticed.
const WATCH_S: u32 = 60;
/// So many are remembered as answered, by uid; some 40 bytes each. Beyond it the memory begins anew, which costs a second
/// look at those whose status could not be written, and changes nothing: the ledger takes an answer once.
const ANSWERED_MAX: usize = 10_000;
/// While the API server does not say whether the policy stands, it is asked again after this long, and then ever less often.
const WAIT_MIN: Duration = Duration::from_millis(500);
/// No wait is longer.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// A status is tried to be written so often at a time.
const WRITES_MAX: u32 = 5;
/// After that it is tried again so much later.
const AGAIN: Duration = Duration::from_secs(30);
/// The API server has this long to answer.
const ANSWERS: Duration = Duration::from_secs(10);
/// So often in a row, some 30 s, the policy may not be read before that is an answer.
const DENIALS_MAX: u32 = 6;
/// A reason has at most this many characters, as the schema says.
const REASON_CHARACTERS_MAX: usize = 1024;

/// What answers are taken to, and from where.
pub struct Desk {
    /// Journal and ledger.
    pub book: Arc<Book>,
    /// Where commands go.
    pub commands: Commands,
}

/// Takes answers from the objects of this cluster until it is aborted.
pub fn start(connection: &Connection, desk: Desk) -> JoinHandle<()> {
    tokio::spawn(follow(connection.client.clone(), desk))
}

async fn follow(client: Client, desk: Desk) {
    let config = Config::default().page_size(PAGE).timeout(WATCH_S);
    // Each is read by itself: one that an older or newer program wrote hides no other.
    let all: Api<DynamicObject> = Api::all_with(client.clone(), &Approval::api_resource());
    let mut events = std::pin::pin!(watcher(all, config).default_backoff());
    let (mut answered, mut failing) = (BTreeSet::new(), false);
    // Those whose answer could not be written, by uid.
    let mut unanswered: BTreeMap<String, Approval> = BTreeMap::new();
    loop {
        let event = tokio::select! {
            event = events.next() => match event {
                Some(event) => event,
                None => return,
            },
            () = tokio::time::sleep(AGAIN), if !unanswered.is_empty() => {
                for (_, approval) in std::mem::take(&mut unanswered) {
                    take(&client, &desk, &mut answered, &mut unanswered, approval).await;
                }
                continue;
            }
        };
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                failing = false;
                match read(&object) {
                    Ok(approval) => take(&client, &desk, &mut answered, &mut unanswered, approval).await,
                    Err(problem) => warn!(name = %object.name_any(), %problem, "An Approval can't be read."),
                }
            }
            Ok(Event::Delete(object)) => {
                let uid = object.uid().unwrap_or_default();
                answered.remove(&uid);
                unanswered.remove(&uid);
            }
            Ok(Event::Init | Event::InitDone) => {}
            // Said once until it is well again: the watch goes on by itself.
            Err(error) if !failing => {
                failing = true;
                warn!(problem = %escape(&chain(&error)), "Approvals of the cluster can't be watched.");
            }
            Err(_) => {}
        }
    }
}

/// Takes one object's answer, if it has not been taken.
async fn take(
    client: &Client,
    desk: &Desk,
    answered: &mut BTreeSet<String>,
    unanswered: &mut BTreeMap<String, Approval>,
    approval: Approval,
) {
    let Some(uid) = approval.uid() else { return };
    let gone = approval.meta().deletion_timestamp.is_some();
    if gone || approval.status.is_some() || answered.contains(&uid) {
        return;
    }
    let Some(status) = answer(client, desk, &approval).await else { return };
    let (namespace, name) = (approval.namespace().unwrap_or_default(), approval.name_any());
    let (by, state) = (escape(&approval.spec.by), status.state);
    info!(%namespace, %name, %by, ?state, reason = %status.reason, "Looked at an Approval.");
    if write(client, &approval, &status).await {
        if answered.len() >= ANSWERED_MAX {
            answered.clear();
        }
        answered.insert(uid);
    } else if unanswered.len() < ANSWERED_MAX {
        unanswered.insert(uid, approval);
    }
}

/// An object as one of ours. Its status is the host's own, and what is there of it says only that it was answered.
fn read(object: &DynamicObject) -> Result<Approval, String> {
    let spec = serde_json::from_value(object.data["spec"].clone()).map_err(|error| escape(&error.to_string()))?;
    let written = &object.data["status"];
    let status = (!written.is_null()).then(|| {
        let unread = || ApprovalStatus { state: ApprovalStanding::Refused, reason: "by another version".to_owned() };
        serde_json::from_value(written.clone()).unwrap_or_else(|_| unread())
    });
    Ok(Approval { metadata: object.metadata.clone(), spec, status })
}

/// What becomes of it; nothing where the host is stopping, so that the next one looks at it.
async fn answer(client: &Client, desk: &Desk, approval: &Approval) -> Option<ApprovalStatus> {
    let said = match Said::of(approval, &desk.book.ledger()) {
        Ok(said) => said,
        Err(reason) => return Some(refused(&reason)),
    };
    let created = approval.meta().creation_timestamp.as_ref().map(|time| time.0.to_string());
    let held = installed(client).await.and_then(|installed| policy::held_when(&installed, created.as_deref()));
    if let Err(fault) = held {
        return Some(refused(&fault.to_string()));
    }
    let mut wait = WAIT_MIN;
    loop {
        if said.counts_already(&desk.book.ledger()) {
            return Some(accepted(&said.standing(&desk.book.ledger())));
        }
        match desk.commands.send(said.who.clone(), said.command.clone()).await {
            Ok(()) => return Some(accepted(&said.standing(&desk.book.ledger()))),
            Err(CommandFailed::Refused(error)) => return Some(refused(&error.to_string())),
            Err(CommandFailed::Stopping) => return None,
            // A disk that is full now is no answer to a person.
            Err(CommandFailed::Journal(error)) => warn!(problem = %chain(&error), "An Approval can't be written down."),
        }
        sleep_ever_longer(&mut wait).await;
    }
}

fn accepted(reason: &str) -> ApprovalStatus {
    ApprovalStatus { state: ApprovalStanding::Accepted, reason: shown(reason) }
}

fn refused(reason: &str) -> ApprovalStatus {
    ApprovalStatus { state: ApprovalStanding::Refused, reason: shown(reason) }
}

fn shown(reason: &str) -> String {
    escape(reason).chars().take(REASON_CHARACTERS_MAX).collect()
}

async fn sleep_ever_longer(wait: &mut Duration) {
    tokio::time::sleep(*wait).await;
    *wait = (*wait * 2).min(WAIT_MAX);
}

/// The policy and its binding, as the cluster has them now. Waits while the API server does not say.
async fn installed(client: &Client) -> Result<Installed, PolicyFault> {
    let [policy, binding] = Part::BOTH;
    Ok(Installed { policy: look(client, policy).await?, binding: look(client, binding).await? })
}

async fn look(client: &Client, part: Part) -> Result<Value, PolicyFault> {
    let what = part.kind();
    let (mut wait, mut denials) = (WAIT_MIN, 0);
    loop {
        match part.ask(client, ANSWERS).await {
            Ok(found) => return Ok(found),
            Err(Unread::Absent) => return Err(PolicyFault::Missing { what }),
            // An API server that has just begun does not know its roles for some seconds, and an answer is for good.
            Err(Unread::Denied(why)) if denials >= DENIALS_MAX => return Err(PolicyFault::Denied { what, why }),
            Err(problem) => {
                denials += 1;
                warn!(%problem, "The policy of Approvals can't be looked at.");
            }
        }
        sleep_ever_longer(&mut wait).await;
    }
}

/// Writes the answer into its status; says whether nothing is left to write.
async fn write(client: &Client, approval: &Approval, status: &ApprovalStatus) -> bool {
    let (Some(namespace), Some(name)) = (approval.namespace(), approval.meta().name.clone()) else { return true };
    let api: Api<Approval> = Api::namespaced(client.clone(), &namespace);
    // With its uid, so that another one of this name is not told what was said to this one.
    let patch = json!({
        "apiVersion": Approval::api_version(&()), "kind": Approval::kind(&()),
        "metadata": { "name": name, "uid": approval.uid() }, "status": status,
    });
    let mut wait = WAIT_MIN;
    for _ in 0..WRITES_MAX {
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&patch);
        match tokio::time::timeout(ANSWERS, api.patch_status(&name, &parameters, &patch)).await {
            Ok(Ok(_)) => return true,
            // It is gone, or another one has its name.
            Ok(Err(kube::Error::Api(status))) if status.code == 404 || status.code == 409 => return true,
            Ok(Err(error)) => {
                warn!(%namespace, %name, problem = %escape(&chain(&error)), "An Approval can't be answered.");
            }
            Err(_) => warn!(%namespace, %name, "The API server does not take the answer to an Approval in time."),
        }
        sleep_ever_longer(&mut wait).await;
    }
    false
}
