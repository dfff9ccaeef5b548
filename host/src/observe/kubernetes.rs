//! A Kubernetes cluster: background tasks watch it, and a turn reads what they know.
//!
//! One watch a kind tells the patrol (core) of every change; the patrol asks its rules again about what changed, and the
//! loop is woken where another thing is wrong than before. Whatever the API server does, it costs no turn: a watch that
//! breaks is begun again where it left off, one that is too old begins with a new list, one that we may not have or that
//! the server lacks is asked for again now and then, and each of these is seen in the view.
//!
//! In the order of a change: `watch` tells what an API server sends, `trim` makes core's
//! nouns of it, redacted and bounded, `patrol` asks the rules and wakes; `probe` asks the API server how it is, and `rights`
//! what the host itself may. Nothing is ever written. Secrets and ConfigMaps are not watched: what is missing of them a kubelet says in its own words. Beside
//! all this, `missions` are those of our own kind, which are no part of the patrol, and `checkup` is what a person asks once.
//! Not here: what is wrong with what (core's `kubernetes::rules`).

pub mod checkup;
mod kinds;
pub mod missions;
mod probe;
mod rights;
mod trim;
mod watch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::kubernetes::{ClusterView, Duties, Kind, Object, Patrol, Standing, Watch};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::Fact;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::{Cluster, View};
use crate::apiserver::Connection;
use trim::Trimmer;

/// The patrol asks about so many objects before it lets others have the cluster: about 10 ms.
const OBJECTS_AT_ONCE: usize = 2_000;
/// Two looks of the patrol are at least this far apart, however much changes.
const LOOKS_APART: Duration = Duration::from_millis(100);
/// So often it is looked whether something is due though nothing changed.
const TICK: Duration = Duration::from_secs(1);
/// Where a worker could reach the API server, so many others in a row that could not say that the network is shut by now: one node may
/// hold what another one does not.
const SHUT_IN_A_ROW: u32 = 5;
/// The first looks wait this long for the first lists: a finding about what is not listed yet would be wrong.
const FIRST_LISTS: Duration = Duration::from_secs(60);

/// Makes core's noun of an object.
type Trimmed<K> = fn(&mut Trimmer, &K) -> Object;

/// How a cluster is observed.
pub struct KubernetesConfig {
    /// The cluster.
    pub connection: Connection,
    /// What time it is.
    pub clock: fn() -> Timestamp,
    /// Called when something else is wrong than before.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// Keeps secrets out of what is seen.
    pub redactor: Arc<Redactor>,
    /// What the host does in it beside looking, which takes rights.
    pub duties: Duties,
}

/// A Kubernetes cluster, observed. Dropping it ends the observation.
pub struct Kubernetes {
    name: String,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the tasks share.
struct Shared {
    patrol: Mutex<Patrol>,
    view: Mutex<Known>,
    /// Told when the patrol has something to ask about.
    changed: Notify,
    /// Told when the loop wants to be woken by the next look.
    asked: Notify,
    clock: fn() -> Timestamp,
    wake: Arc<dyn Fn() + Send + Sync>,
    redactor: Arc<Redactor>,
}

/// What is known beside the objects.
#[derive(Default)]
struct Known {
    view: ClusterView,
    standings: BTreeMap<Kind, Standing>,
    counts: Vec<(&'static str, usize)>,
    /// So many workers in a row could not reach the API server.
    shut_in_a_row: u32,
}

impl Kubernetes {
    /// Starts to observe; needs a tokio runtime around it. Nothing is known before the first lists.
    pub fn start(config: KubernetesConfig) -> Kubernetes {
        let KubernetesConfig { connection, clock, wake, redactor, duties } = config;
        let shared = Arc::new(Shared {
            patrol: Mutex::default(),
            view: Mutex::default(),
            changed: Notify::new(),
            asked: Notify::new(),
            clock,
            wake,
            redactor,
        });
        let mut tasks = kinds::watch_all(&connection.client, &shared);
        tasks.push(tokio::spawn(rights::ask(connection.client.clone(), shared.clone(), duties)));
        tasks.push(tokio::spawn(probe::probe(connection.client, shared.clone())));
        tasks.push(tokio::spawn(patrol(shared.clone())));
        Kubernetes { name: connection.name, shared, tasks }
    }

    /// Waits for the first lists, so that a turn does not take every finding for gone; not for ever.
    pub async fn first_look(&self) {
        let looked = async {
            while !self.shared.known().has_begun() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // A cluster that does not answer is told as such.
        let _ = tokio::time::timeout(FIRST_LISTS, looked).await;
    }

    /// What a worker's pod said of the network: whether it got a connection to the API server.
    pub fn worker_reached(&self, api_server: bool) {
        let otherwise = self.shared.known().heard(api_server);
        if otherwise {
            (self.shared.wake)();
        }
    }
}

impl Cluster for Kubernetes {
    fn view(&self) -> View {
        let known = self.shared.known();
        let mut facts = vec![Fact::new("cluster", "kubernetes"), Fact::new("context", &self.name)];
        facts.extend(known.view.version.as_ref().map(|version| Fact::new("kubernetes", version)));
        facts.extend(known.counts.iter().map(|(what, count)| Fact::new(what, &count.to_string())));
        if known.view.troubles.omitted > 0 {
            facts.push(Fact::new("troubles-left-out", &known.view.troubles.omitted.to_string()));
        }
        View { facts, kubernetes: Some(known.view()), ..View::default() }
    }

    fn look_again(&self) {
        self.shared.asked.notify_one();
    }

    fn choice(&self) -> String {
        let known = self.shared.known();
        match (&known.view.problem, &known.view.version) {
            (Some(problem), _) => format!("Kubernetes {}, which does not answer: {problem}", self.name),
            (None, Some(version)) => format!("Kubernetes {version} {}", self.name),
            (None, None) => format!("Kubernetes {}, not looked at yet", self.name),
        }
    }
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Shared {
    fn patrol(&self) -> MutexGuard<'_, Patrol> {
        self.patrol.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a watch stands from now on.
    fn stands(&self, kind: Kind, standing: Standing) {
        // What was known before a break or a refusal is the best there is, until it is forgotten.
        if standing == Standing::Live {
            self.patrol().knows(kind, true);
        }
        if self.known().standings.insert(kind, standing.clone()) != Some(standing) {
            self.changed.notify_one();
        }
    }
}

impl Known {
    fn view(&self) -> ClusterView {
        let watch = |(kind, standing): (&Kind, &Standing)| Watch { kind: *kind, standing: standing.clone() };
        ClusterView { watches: self.standings.iter().map(watch).collect(), ..self.view.clone() }
    }

    /// Takes a worker's word for whether it reached the API server; says whether that makes another network of it.
    fn heard(&mut self, reached: bool) -> bool {
        self.shut_in_a_row = if reached { 0 } else { self.shut_in_a_row.saturating_add(1) };
        let open = reached || (self.view.worker_reached && self.shut_in_a_row < SHUT_IN_A_ROW);
        std::mem::replace(&mut self.view.worker_reached, open) != open
    }

    /// Whether all first lists are there, or it is known that there will be none.
    fn has_begun(&self) -> bool {
        let settled = |kind: &Kind| !matches!(self.standings.get(kind), None | Some(Standing::Listing));
        self.view.asked.is_some() && (self.view.problem.is_some() || Kind::ALL.iter().all(settled))
    }
}

/// Asks the rules about what changed, for ever, and wakes the loop where another thing is wrong than before, or one
/// watch stands otherwise.
async fn patrol(shared: Arc<Shared>) {
    let mut stood = BTreeMap::new();
    loop {
        let awaited = tokio::select! {
            () = shared.asked.notified() => true,
            () = shared.changed.notified() => false,
            () = tokio::time::sleep(TICK) => false,
        };
        while shared.patrol().ask_some((shared.clock)(), OBJECTS_AT_ONCE) {
            tokio::task::yield_now().await;
        }
        let now = (shared.clock)();
        let (troubles, counts) = {
            let mut patrol = shared.patrol();
            (patrol.look(now), counts(&patrol))
        };
        let news = {
            let mut known = shared.known();
            known.counts = counts;
            let otherwise = known.standings != stood;
            stood.clone_from(&known.standings);
            let other = *known.view.troubles != troubles;
            if other {
                known.view.troubles = Arc::new(troubles);
            }
            (other || otherwise) && known.has_begun()
        };
        if news || awaited {
            (shared.wake)();
        }
        tokio::time::sleep(LOOKS_APART).await;
    }
}

/// What people and policies are told of a cluster's size.
fn counts(patrol: &Patrol) -> Vec<(&'static str, usize)> {
    let cluster = patrol.cluster();
    vec![
        ("nodes", cluster.count(Kind::Node)),
        ("namespaces", cluster.count(Kind::Namespace)),
        ("pods", cluster.count(Kind::Pod)),
        ("pods-running", cluster.pods_running()),
        ("deployments", cluster.count(Kind::Deployment)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_open_until_several_workers_found_it_shut() {
        let mut known = Known::default();
        let mut told = |reached: bool| {
            let otherwise = known.heard(reached);
            (known.view.worker_reached, otherwise)
        };
        assert_eq!(told(false), (false, false));
        assert_eq!(told(true), (true, true));
        for _ in 1..SHUT_IN_A_ROW {
            assert_eq!(told(false), (true, false));
        }
        assert_eq!(told(true), (true, false), "and they are counted anew");
        for _ in 1..SHUT_IN_A_ROW {
            assert_eq!(told(false), (true, false));
        }
        assert_eq!(told(false), (false, true));
    }
}
