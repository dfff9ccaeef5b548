//! The objects as the API server tells of them. Each is taken as it is: what one says wrongly is that one's problem, and hides
//! no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, DynamicObject};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, CustomResourceExt as _};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::mission::OnDelete;
use serde::Deserialize as _;

use super::{Shared, Status};
use crate::apiserver::mission::{ABANDON, End, FINALIZER, Mission, Wanted};
use crate::observe::kubernetes::watch;

/// The oldest so many are looked after: a policy is shown 64 missions, files among them, and one may have a megabyte of files
/// in it.
pub(super) const OBJECTS_MAX: usize = 48;
/// Of so many others the names are remembered, so that it is known when there is room.
const LEFT_OUT_MAX: usize = 1_024;
/// A removal may take so long, in milliseconds, where an object can't be read.
const DESTROY_MS: u64 = 3_600_000;
/// A page of a list has so many.
const PAGE: u32 = 50;
/// The server ends a watch after this long, in seconds, so that a connection that died unnoticed is noticed.
const WATCH_S: u32 = 60;
/// What we may not watch is asked for again after this long, and a kind that is not installed.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);
/// What was listed and is refused is asked for again after this long, before anybody is told: an API server that has just begun
/// does not know its roles for some seconds.
const AFTER_FIRST_REFUSAL: Duration = Duration::from_secs(10);
/// After a first failure it is waited this long, and then ever longer.
const WAIT_MIN: Duration = Duration::from_millis(200);
/// No wait is longer.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// When an object was made, its namespace and its name: the oldest come first, and an object's key stays.
pub(super) type Key = (String, String, String);

/// What an object says, without its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) generation: u64,
    pub(super) labels: BTreeMap<String, String>,
    /// What is wanted; or why it can't be read.
    pub(super) wanted: Result<Wanted, String>,
    pub(super) end: End,
}

/// What the watch knows.
#[derive(Default)]
pub(super) struct Objects {
    kept: Kept,
    /// Why none can be seen.
    problem: Option<String>,
    /// Whether the first list is there, or it is known that there will be none.
    tried: bool,
    /// Whether a list was there, and nothing was refused since.
    listed: bool,
}

#[derive(Default)]
struct Kept {
    known: BTreeMap<Key, (Arc<Told>, Status)>,
    /// So many of the others as are remembered.
    left_out: BTreeSet<Key>,
}

impl Objects {
    pub(super) fn known(&self) -> Vec<(Key, Arc<Told>, Status)> {
        self.kept.known.iter().map(|(key, (told, status))| (key.clone(), told.clone(), status.clone())).collect()
    }

    /// Why not all are seen.
    pub(super) fn problem(&self) -> Option<String> {
        let many = self.kept.left_out.len();
        let left_out = (many > 0).then(|| {
            let many = if many < LEFT_OUT_MAX { many.to_string() } else { format!("at least {many}") };
            format!("there are {many} missions more than the {OBJECTS_MAX} that one host looks after: the newest are left alone")
        });
        self.problem.clone().or(left_out)
    }

    pub(super) fn was_tried(&self) -> bool {
        self.tried
    }
}

impl Kept {
    /// Takes what an object says now. One that is being deleted is gone, but where we keep it ourselves.
    fn put(&mut self, object: &mut DynamicObject) {
        let (key, status) = (key(object), serde_json::from_value(object.data["status"].take()).ok());
        let told = told(object);
        if told.end.deleting.is_some() && !told.end.kept {
            self.remove(&key);
            return;
        }
        self.left_out.remove(&key);
        self.known.insert(key, (Arc::new(told), status));
        if self.known.len() <= OBJECTS_MAX {
            return;
        }
        // The newest is left out, but for those that wait for us to be gone.
        let goes = |(_, (told, _)): &(&Key, &(Arc<Told>, Status))| told.end.deleting.is_some();
        let newest = self.known.iter().rev().find(|object| !goes(object)).map(|(key, _)| key.clone());
        if let Some(newest) = newest {
            self.known.remove(&newest);
            if self.left_out.len() < LEFT_OUT_MAX {
                self.left_out.insert(newest);
            }
        }
    }

    fn remove(&mut self, key: &Key) {
        if self.known.remove(key).is_none() {
            self.left_out.remove(key);
        }
    }

    /// Whether there is room for one that was left out.
    fn has_room(&self) -> bool {
        !self.left_out.is_empty() && self.known.len() < OBJECTS_MAX
    }
}

fn key(object: &DynamicObject) -> Key {
    let meta = &object.metadata;
    let created = meta.creation_timestamp.as_ref().map(|time| time.0.to_string());
    (created.unwrap_or_default(), meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

fn told(object: &mut DynamicObject) -> Told {
    let spec = object.data["spec"].take();
    let on_delete = OnDelete::deserialize(&spec["onDelete"]).unwrap_or_default();
    let wanted = serde_json::from_value(spec).map_err(|error| format!("spec: {error}"));
    let wanted = wanted.and_then(|wanted: Wanted| wanted.destroy_timeout_ms().map(|ms| (wanted, ms)));
    let (wanted, timeout_ms) = match wanted {
        Ok((wanted, timeout_ms)) => (Ok(wanted), timeout_ms),
        Err(problem) => (Err(problem), DESTROY_MS),
    };
    let meta = &object.metadata;
    let ms = |time: &Time| u64::try_from(time.0.as_millisecond()).unwrap_or_default();
    let end = End {
        on_delete,
        deleting: meta.deletion_timestamp.as_ref().map(|time| Timestamp(ms(time))),
        kept: meta.finalizers.iter().flatten().any(|name| name == FINALIZER),
        abandoned: meta.annotations.as_ref().is_some_and(|notes| notes.contains_key(ABANDON)),
        timeout_ms,
    };
    Told {
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        generation: meta.generation.and_then(|generation| u64::try_from(generation).ok()).unwrap_or_default(),
        labels: meta.labels.clone().unwrap_or_default(),
        wanted,
        end,
    }
}

/// Watches for ever.
pub(super) async fn watch(client: Client, shared: Arc<Shared>) {
    let api: Api<DynamicObject> = Api::all_with(client, &Mission::api_resource());
    loop {
        let config = watcher::Config::default().page_size(PAGE).timeout(WATCH_S);
        follow(watcher(api.clone(), config), &shared).await;
    }
}

/// Follows one watch until a new list is needed.
async fn follow(stream: impl Stream<Item = watcher::Result<Event<DynamicObject>>>, shared: &Shared) {
    let mut stream = std::pin::pin!(stream);
    let (mut fresh, mut wait) = (Kept::default(), WAIT_MIN);
    while let Some(event) = stream.next().await {
        let mut room = false;
        match event {
            Ok(Event::Init) => fresh = Kept::default(),
            Ok(Event::InitApply(mut object)) => fresh.put(&mut object),
            Ok(Event::InitDone) => {
                *shared.objects() =
                    Objects { kept: std::mem::take(&mut fresh), problem: None, tried: true, listed: true };
                wait = WAIT_MIN;
            }
            Ok(Event::Apply(mut object)) => {
                wait = WAIT_MIN;
                let mut objects = shared.objects();
                objects.kept.put(&mut object);
                room = objects.kept.has_room();
            }
            Ok(Event::Delete(object)) => {
                wait = WAIT_MIN;
                let mut objects = shared.objects();
                objects.kept.remove(&key(&object));
                room = objects.kept.has_room();
            }
            Err(error) => match refusal(&error, shared) {
                Some(problem) => {
                    let wait = refused(problem, shared);
                    tokio::time::sleep(wait).await;
                    return;
                }
                // That the API server is away is told elsewhere.
                None => {
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(WAIT_MAX);
                    continue;
                }
            },
        }
        shared.changed.notify_one();
        // What was left out is in the next list.
        if room {
            return;
        }
    }
}

/// Why there will be no list, and what to do about it. Anything else is tried again.
fn refusal(error: &watcher::Error, shared: &Shared) -> Option<String> {
    let (watcher::Error::InitialListFailed(said)
    | watcher::Error::WatchStartFailed(said)
    | watcher::Error::WatchFailed(said)) = error
    else {
        return None;
    };
    let kube::Error::Api(status) = said else { return None };
    match status.code {
        403 => Some(format!(
            "missions can't be watched: {}. Grant it in a ClusterRole: {{apiGroups: [\"quarterdeck.dev\"], resources: [missions], \
             verbs: [list, watch]}}",
            watch::told(&shared.redactor, said)
        )),
        404 => Some(
            "the cluster has no kind Mission: install it with kubectl apply -f deploy/kubernetes/missions/crds.yaml"
                .to_owned(),
        ),
        _ => None,
    }
}

/// What was listed and is refused once may be granted in a moment. What is refused again is forgotten, and told: nothing is
/// begun for what can't be seen. Says when to ask again.
fn refused(problem: String, shared: &Shared) -> Duration {
    {
        let mut objects = shared.objects();
        objects.tried = true;
        if std::mem::take(&mut objects.listed) {
            return AFTER_FIRST_REFUSAL;
        }
        (objects.kept, objects.problem) = (Kept::default(), Some(problem));
    }
    shared.changed.notify_one();
    AFTER_REFUSAL
}

#[cfg(test)]
mod tests {
    use std::sync::RwLock;
    use std::sync::atomic::AtomicBool;

    use futures_util::stream;
    use kube::core::Status as ApiStatus;
    use quarterdeck_core::redaction::Redactor;
    use serde_json::json;
    use tokio::sync::Notify;

    use super::*;

    fn shared() -> Shared {
        Shared {
            objects: Default::default(),
            seen: RwLock::default(),
            changed: Notify::new(),
            begun: AtomicBool::new(false),
            redactor: Arc::new(Redactor::new([7; 32])),
        }
    }

    fn object(name: &str, second: usize) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "quarterdeck.dev/v1alpha1",
            "kind": "Mission",
            "metadata": {
                "name": name, "namespace": "shop", "uid": format!("uid of {name}"), "generation": 3,
                "creationTimestamp": format!("2026-01-01T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60),
            },
            "spec": { "goal": "g", "terraform": {} },
            "status": { "whatever": 1 },
        }))
        .expect("an object")
    }

    fn listed(objects: impl IntoIterator<Item = DynamicObject>) -> Vec<watcher::Result<Event<DynamicObject>>> {
        let each = objects.into_iter().map(|object| Ok(Event::InitApply(object)));
        std::iter::once(Ok(Event::Init)).chain(each).chain([Ok(Event::InitDone)]).collect()
    }

    fn names(shared: &Shared) -> Vec<String> {
        shared.objects().known().into_iter().map(|(_, told, _)| told.name.clone()).collect()
    }

    fn api_error(code: u16) -> watcher::Error {
        let status = ApiStatus { code, message: "no".to_owned(), ..ApiStatus::default() };
        watcher::Error::InitialListFailed(kube::Error::Api(Box::new(status)))
    }

    #[tokio::test]
    async fn what_is_gone_or_being_deleted_is_seen_no_more() {
        let shared = shared();
        let mut events = listed([object("a", 1), object("b", 2), object("c", 3)]);
        let mut leaving = object("b", 2);
        leaving.metadata.deletion_timestamp = leaving.metadata.creation_timestamp.clone();
        events.extend([Ok(Event::Apply(leaving)), Ok(Event::Delete(object("c", 3))), Ok(Event::Apply(object("d", 4)))]);
        assert!(!shared.objects().was_tried());
        follow(stream::iter(events), &shared).await;
        assert_eq!(names(&shared), ["a", "d"]);
        assert!(shared.objects().was_tried() && shared.objects().problem().is_none());
        follow(stream::iter(listed([object("d", 4)])), &shared).await;
        assert_eq!(names(&shared), ["d"], "what is in no list any more is gone");
    }

    #[tokio::test]
    async fn the_oldest_are_kept_and_the_others_are_told_of() {
        let shared = shared();
        let many = || (0..OBJECTS_MAX + 2).map(|index| object(&format!("m{index}"), index));
        follow(stream::iter(listed(many())), &shared).await;
        assert_eq!((names(&shared).len(), names(&shared)[0].as_str()), (OBJECTS_MAX, "m0"));
        assert!(shared.objects().problem().is_some_and(|problem| problem.contains("2 missions more")));
        // Room for one: the watch ends, so that a new list brings it.
        let events = vec![Ok(Event::Delete(object("m0", 0))), Ok(Event::Apply(object("late", 80_000)))];
        follow(stream::iter(events), &shared).await;
        assert!(!names(&shared).contains(&"late".to_owned()));
        follow(stream::iter(listed(many().skip(1))), &shared).await;
        assert_eq!(names(&shared).len(), OBJECTS_MAX);
        assert!(shared.objects().problem().is_some_and(|problem| problem.contains("1 missions more")));
    }

    #[tokio::test]
    async fn what_is_refused_again_is_forgotten_and_says_what_to_do() {
        let shared = shared();
        let refuse = |code: u16| refused(refusal(&api_error(code), &shared).expect("it is refused"), &shared);
        assert_eq!(refuse(404), AFTER_REFUSAL, "nothing was ever listed, so it is told at once");
        assert!(shared.objects().problem().is_some_and(|problem| problem.contains("crds.yaml")));
        follow(stream::iter(listed([object("a", 1)])), &shared).await;
        assert_eq!((names(&shared).len(), shared.objects().problem()), (1, None));
        assert_eq!(refusal(&api_error(500), &shared), None, "an API server that is away says nothing");
        assert_eq!(refuse(403), AFTER_FIRST_REFUSAL);
        assert_eq!((names(&shared).len(), shared.objects().problem()), (1, None), "it may have just begun");
        assert_eq!(refuse(403), AFTER_REFUSAL);
        assert!(names(&shared).is_empty());
        assert!(shared.objects().problem().is_some_and(|problem| problem.contains("verbs: [list, watch]")));
    }
}
