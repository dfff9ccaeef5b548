//! The Lease: one host at a time acts in a cluster, and each taking is a term with a number of its own.
//!
//! The number is `leaseTransitions`, which rises with each taking, a restart's too. It stands in each Job that the host
//! makes, and an admission policy refuses a Job of another term than the Lease's (`deploy/kubernetes/builder`): so a host that
//! was frozen and comes back starts nothing, however late it notices.
//!
//! Two clocks are never compared: a Lease is free once it has not changed for its whole duration by our own clock. A host
//! that died is not waited for where we are its successor in the same data folder, whose lock says that it is dead.

use std::io;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use quarterdeck_core::ids::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Connection;

/// The Lease's name.
pub const NAME: &str = "quarterdeck";
/// Whose renewal is older than this is not there any more, in seconds.
const DURATION_S: i32 = 15;
/// It is renewed so often.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// A Lease that another holds is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The API server has this long to answer.
const ANSWERS: Duration = Duration::from_secs(5);
/// What is refused or does not answer is tried for so long before the host gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the Lease can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The API server says no, or nothing.
    #[error("take the Lease {namespace}/{NAME}, by which one host at a time acts in the cluster: {said}")]
    Api {
        /// Where it is.
        namespace: String,
        /// What was said.
        said: String,
    },
    /// Who we are can't be kept.
    #[error("write down who holds the Lease")]
    Folder(#[from] io::Error),
}

/// The Lease, held. Dropping it ends the renewals.
pub struct Held {
    term: i32,
    lost: watch::Receiver<bool>,
    renewing: JoinHandle<()>,
}

impl Held {
    /// The number of this term.
    pub fn term(&self) -> i32 {
        self.term
    }

    /// Turns true once the Lease is another's.
    pub fn lost(&self) -> watch::Receiver<bool> {
        self.lost.clone()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Takes the Lease in this namespace, waiting while another host holds it. Whoever calls this holds the lock of the data
/// folder, in which it is written down who held it.
///
/// # Errors
/// Where the API server refuses, or does not answer for a minute.
pub async fn take(
    connection: &Connection,
    namespace: &str,
    folder: &Path,
    nonce: &str,
    clock: fn() -> Timestamp,
) -> Result<Held, LeaseError> {
    let file = folder.join("lease-holder");
    let former = match std::fs::read_to_string(&file) {
        Ok(former) => Some(former),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    // Both are ours: the one that died, and the one that is written down next.
    let me = format!("quarterdeck-{nonce}");
    let desk = Desk { api: Api::namespaced(connection.client.clone(), namespace), me, former, clock };
    let (mut since, mut seen) = (Instant::now(), None::<String>);
    let (mut trouble, mut told) = (Instant::now(), false);
    loop {
        match desk.try_to_take(&mut since, &mut seen).await {
            Ok(Some(lease)) => {
                std::fs::write(&file, &desk.me)?;
                let term = term(&lease);
                let (told, lost) = watch::channel(false);
                let renewing = tokio::spawn(renew(desk, lease, told));
                return Ok(Held { term, lost, renewing });
            }
            Ok(None) => {
                trouble = Instant::now();
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(namespace, "Another host holds the Lease {NAME}; this one waits until it does not.");
                }
            }
            Err(said) if trouble.elapsed() > PATIENCE => {
                return Err(LeaseError::Api { namespace: namespace.to_owned(), said });
            }
            Err(said) => tracing::debug!(said, "The Lease can't be looked at now."),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

struct Desk {
    api: Api<Lease>,
    me: String,
    former: Option<String>,
    clock: fn() -> Timestamp,
}

impl Desk {
    /// Takes it where it is free; none where another holds it.
    async fn try_to_take(&self, since: &mut Instant, seen: &mut Option<String>) -> Result<Option<Lease>, String> {
        let found = ask(self.api.get_opt(NAME)).await?;
        let Some(found) = found else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() },
                spec: Some(self.taken(None)),
            };
            return conflict(ask(self.api.create(&PostParams::default(), &lease)).await);
        };
        if found.metadata.resource_version != *seen {
            (*since, *seen) = (Instant::now(), found.metadata.resource_version.clone());
        }
        if !is_free(found.spec.as_ref(), self.former.as_deref(), since.elapsed()) {
            return Ok(None);
        }
        let lease = Lease { spec: Some(self.taken(found.spec.as_ref())), ..found };
        conflict(ask(self.api.replace(NAME, &PostParams::default(), &lease)).await)
    }

    fn taken(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = self.now();
        let transitions = before.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: Some(DURATION_S),
            acquire_time: now.clone(),
            renew_time: now,
            lease_transitions: Some(transitions.saturating_add(1)),
            ..LeaseSpec::default()
        }
    }

    fn now(&self) -> Option<MicroTime> {
        let ms = i64::try_from((self.clock)().0).ok()?;
        jiff::Timestamp::from_millisecond(ms).ok().map(MicroTime)
    }

    /// Renews it; false where it is another's by now.
    async fn renew_once(&self, lease: &mut Lease) -> Result<bool, String> {
        let mut wanted = lease.clone();
        if let Some(spec) = &mut wanted.spec {
            spec.renew_time = self.now();
        }
        match conflict(ask(self.api.replace(NAME, &PostParams::default(), &wanted)).await)? {
            Some(renewed) => *lease = renewed,
            None => {
                let found = ask(self.api.get_opt(NAME)).await?;
                match found.filter(|found| holder(found) == Some(&self.me) && term(found) == term(lease)) {
                    // Somebody wrote to it beside us, and left it ours.
                    Some(found) => *lease = found,
                    None => return Ok(false),
                }
            }
        }
        Ok(true)
    }
}

/// Renews it until it is another's. Where the API server is away nobody else takes it either, and none of our Jobs is made.
async fn renew(desk: Desk, mut lease: Lease, lost: watch::Sender<bool>) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match desk.renew_once(&mut lease).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(said) => tracing::debug!(said, "The Lease could not be renewed now."),
        }
    }
    let _nobody_listens = lost.send(true);
}

fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref().filter(|holder| !holder.is_empty())
}

fn term(lease: &Lease) -> i32 {
    lease.spec.as_ref().and_then(|spec| spec.lease_transitions).unwrap_or(0)
}

/// Whether it may be taken: nobody holds it, the one who did was our own predecessor, or it has not changed for its whole
/// duration.
fn is_free(spec: Option<&LeaseSpec>, former: Option<&str>, unchanged: Duration) -> bool {
    let Some(spec) = spec else { return true };
    let Some(holder) = spec.holder_identity.as_deref().filter(|holder| !holder.is_empty()) else { return true };
    let duration = u64::try_from(spec.lease_duration_seconds.unwrap_or(DURATION_S)).unwrap_or(0);
    former == Some(holder) || unchanged > Duration::from_secs(duration)
}

/// Another was quicker.
fn conflict(result: Result<Lease, String>) -> Result<Option<Lease>, String> {
    match result {
        Ok(lease) => Ok(Some(lease)),
        Err(said) if said == CONFLICT => Ok(None),
        Err(said) => Err(said),
    }
}

const CONFLICT: &str = "another was quicker";

async fn ask<T>(asked: impl Future<Output = Result<T, kube::Error>>) -> Result<T, String> {
    match tokio::time::timeout(ANSWERS, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(CONFLICT.to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", ANSWERS.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_free_where_nobody_holds_it_or_its_holder_is_not_there_any_more() {
        let held = |holder: &str| LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        };
        let (now, late) = (Duration::ZERO, Duration::from_secs(16));
        assert!(is_free(None, None, now));
        assert!(is_free(Some(&LeaseSpec::default()), None, now));
        assert!(is_free(Some(&held("")), None, now));
        assert!(!is_free(Some(&held("another")), None, now));
        assert!(!is_free(Some(&held("another")), Some("former"), Duration::from_secs(15)));
        assert!(is_free(Some(&held("another")), Some("former"), late));
        assert!(is_free(Some(&held("former")), Some("former"), now), "its lock is ours, so it is dead");
    }
}
