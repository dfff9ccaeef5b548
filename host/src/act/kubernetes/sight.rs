//! The workers' Jobs and pods as the API server shows them: watched by their label, in their namespace alone.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;

use super::clerk::Clerk;
use crate::apiserver::label;

/// After a failure a watch is begun again this much later.
const WAIT: Duration = Duration::from_secs(1);
/// The server ends a watch after this long, in seconds, so that a dead connection is noticed.
const WATCH_S: u32 = 60;

/// What is there.
#[derive(Clone, Default)]
pub(super) struct Shown {
    pub(super) jobs: Arc<Kept<Job>>,
    pub(super) pods: Arc<Kept<Pod>>,
}

/// The objects of a kind, by their uid.
pub(super) struct Kept<K> {
    listed: AtomicBool,
    objects: Mutex<BTreeMap<String, K>>,
}

impl<K> Default for Kept<K> {
    fn default() -> Kept<K> {
        Kept { listed: AtomicBool::new(false), objects: Mutex::default() }
    }
}

impl<K> Kept<K> {
    /// By uid.
    pub(super) fn objects(&self) -> MutexGuard<'_, BTreeMap<String, K>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    /// Whether the first lists are there.
    pub(super) fn is_known(&self) -> bool {
        self.jobs.listed.load(Ordering::Acquire) && self.pods.listed.load(Ordering::Acquire)
    }
}

/// Watches for ever; `changed` is called at each change.
pub(super) fn watch(clerk: &Clerk, changed: Arc<dyn Fn() + Send + Sync>) -> (Shown, Vec<JoinHandle<()>>) {
    let shown = Shown::default();
    let jobs = Api::<Job>::namespaced(clerk.client.clone(), &clerk.namespace);
    let pods = Api::<Pod>::namespaced(clerk.client.clone(), &clerk.namespace);
    let tasks = vec![
        tokio::spawn(follow(jobs, shown.jobs.clone(), changed.clone())),
        tokio::spawn(follow(pods, shown.pods.clone(), changed)),
    ];
    (shown, tasks)
}

async fn follow<K>(api: Api<K>, kept: Arc<Kept<K>>, changed: Arc<dyn Fn() + Send + Sync>)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let labels = format!("{}={}", label::MANAGED_BY, label::OURS);
    let mut stream = watcher(api, watcher::Config::default().labels(&labels).timeout(WATCH_S)).boxed();
    let mut fresh = BTreeMap::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Init) => fresh.clear(),
            Ok(Event::InitApply(object)) => keep(&mut fresh, object),
            Ok(Event::InitDone) => {
                *kept.objects() = std::mem::take(&mut fresh);
                kept.listed.store(true, Ordering::Release);
                changed();
            }
            Ok(Event::Apply(object)) => {
                keep(&mut kept.objects(), object);
                changed();
            }
            Ok(Event::Delete(object)) => {
                kept.objects().remove(&object.uid().unwrap_or_default());
                changed();
            }
            // What was known stays the best there is.
            Err(error) => {
                tracing::debug!(%error, "The watch of the workers broke.");
                tokio::time::sleep(WAIT).await;
            }
        }
    }
}

fn keep<K: Resource>(objects: &mut BTreeMap<String, K>, mut object: K) {
    object.meta_mut().managed_fields = None;
    objects.insert(object.uid().unwrap_or_default(), object);
}
