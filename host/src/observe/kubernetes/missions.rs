//! Missions that are objects of a cluster: watched, with the files that they name, and parsed as files are.
//!
//! In the order of a change: `told` watches the objects, `found` gets a mission's files (out of the object, or out of the one
//! ConfigMap that it names), and a round here makes missions of them. A round comes at once when an object changes and every
//! few seconds for the ConfigMaps, which are asked for one by one: the host may read those that a namespace lets it, and
//! neither list nor watch any. All of it is beside the loop, which reads what was made last.
//!
//! While the API server does not answer, the last good state stands. An object that is gone, or that is being deleted, is
//! seen no more, as a file that is removed: its mission is shown and left alone, nothing is begun for it, and what it built
//! stays. A worker that is at work for it ends whole. One that is kept by our finalizer and wants it is seen as leaving instead
//! (`apiserver::mission::End`); whoever says how missions stand sets that finalizer and takes it away. An object that wants it
//! and has it not is not taken as it stands, so that nothing is built that could not be removed with it.
//!
//! Nobody is the author of an object: what the API server remembers of who wrote it names programs, and whoever may write it
//! may have somebody else apply it. So where four eyes are wanted no user of the cluster is left out; who may change a mission
//! and who may approve is then told apart by the cluster's own roles.

mod found;
mod told;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use kube::Client;
use quarterdeck_core::mission::{MissionSpec, ObjectVersion};
use quarterdeck_core::observation::{Place, SeenMission};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::terraform::files::File;
use quarterdeck_core::terraform::grants::Grants;
use quarterdeck_core::text::escape;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use self::found::{Edition, Found};
use self::told::{Key, Objects, Told};
use crate::apiserver::Connection;
use crate::apiserver::mission::{End, KnownMission, source};
use crate::observe::Missions;
use crate::observe::missions::{Granting, Making, PROBLEM_BYTES_MAX, Secrets};
use crate::remember::Blobs;

/// The ConfigMaps are asked for again so often.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Two rounds are at least this far apart: what is applied together comes one after the other.
const ROUNDS_APART: Duration = Duration::from_millis(200);
/// So many ConfigMaps are asked for at a time.
const ASKED_AT_ONCE: usize = 8;
/// The first look waits this long for the first list.
const FIRST_LIST: Duration = Duration::from_secs(60);

/// How missions are observed.
pub struct ObjectMissionsConfig {
    /// The cluster.
    pub connection: Connection,
    /// Where their files are kept.
    pub blobs: Arc<Blobs>,
    /// What the operator grants, now.
    pub grants: Granting,
    /// The secrets that the operator grants.
    pub secrets: Secrets,
    /// What hides secrets.
    pub redactor: Arc<Redactor>,
    /// Called when a mission is another than before.
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

/// The missions of a cluster. Dropping it ends the observation.
pub struct ObjectMissions {
    shared: Arc<Shared>,
    known: watch::Receiver<Arc<Vec<KnownMission>>>,
    tasks: Vec<JoinHandle<()>>,
}

/// The missions that are seen, and whether they are all.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    missions: Vec<SeenMission>,
    all: bool,
}

/// What the tasks share.
struct Shared {
    objects: Mutex<Objects>,
    seen: RwLock<Seen>,
    /// Told when the watch knows something else.
    changed: Notify,
    /// Whether the first list is there, with the files, or it is known that there is none.
    begun: AtomicBool,
    redactor: Arc<Redactor>,
}

impl Shared {
    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectMissions {
    /// Starts to observe; needs a tokio runtime around it. Nothing is known before the first list.
    pub fn start(config: ObjectMissionsConfig) -> ObjectMissions {
        let ObjectMissionsConfig { connection, blobs, grants, secrets, redactor, wake } = config;
        let shared = Arc::new(Shared {
            objects: Mutex::default(),
            seen: RwLock::default(),
            changed: Notify::new(),
            begun: AtomicBool::new(false),
            redactor: redactor.clone(),
        });
        let (tell, known) = watch::channel(Arc::default());
        let client = connection.client.clone();
        let rounds = Rounds { client, blobs, grants, secrets, redactor, made: BTreeMap::new() };
        let tasks = vec![
            tokio::spawn(told::watch(connection.client, shared.clone())),
            tokio::spawn(rounds.go_on(shared.clone(), tell, wake)),
        ];
        ObjectMissions { shared, known, tasks }
    }

    /// Waits for the first list and what it names, so that a turn does not take every mission for gone; not for ever.
    pub async fn first_look(&self) {
        let looked = async {
            while !self.shared.begun.load(Ordering::Acquire) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // A cluster that does not answer is told as such.
        let _ = tokio::time::timeout(FIRST_LIST, looked).await;
    }

    /// The objects, for whoever says how they stand.
    pub fn known(&self) -> watch::Receiver<Arc<Vec<KnownMission>>> {
        self.known.clone()
    }
}

impl Missions for ObjectMissions {
    fn seen(&self) -> Vec<SeenMission> {
        self.shared.seen.read().unwrap_or_else(PoisonError::into_inner).missions.clone()
    }

    fn all_objects(&self) -> bool {
        self.shared.seen.read().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Drop for ObjectMissions {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// What was made of an object, and of which versions of what.
struct Made {
    told: Arc<Told>,
    edition: Edition,
    grants: Arc<Grants>,
    spec: Result<MissionSpec, String>,
    /// What the object says of its end now, also while its files can't be had.
    end: End,
}

/// Makes missions of objects, round by round.
struct Rounds {
    client: Client,
    blobs: Arc<Blobs>,
    grants: Granting,
    secrets: Secrets,
    redactor: Arc<Redactor>,
    made: BTreeMap<Key, Made>,
}

impl Rounds {
    async fn go_on(
        mut self,
        shared: Arc<Shared>,
        tell: watch::Sender<Arc<Vec<KnownMission>>>,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) {
        loop {
            // An interval that is over is as good a reason as a change.
            let _over = tokio::time::timeout(LOOK_EVERY, shared.changed.notified()).await;
            let (objects, problem, tried) = {
                let objects = shared.objects();
                (objects.known(), objects.problem(), objects.was_tried())
            };
            self.round(&objects).await;
            let known: Vec<KnownMission> = objects.iter().filter_map(|told| self.known(told)).collect();
            let mut seen: Vec<SeenMission> = self.made.values().map(seen).collect();
            let all = problem.is_none() && tried && !objects.iter().any(|object| self.waits(object));
            seen.extend(problem.map(|problem| SeenMission {
                place: Place::Objects,
                source: "missions.quarterdeck.dev".to_owned(),
                spec: Err(problem),
            }));
            let _unchanged = tell.send_if_modified(|before| {
                let changed = **before != known;
                if changed {
                    *before = Arc::new(known);
                }
                changed
            });
            let seen = Seen { missions: seen, all };
            let changed = *shared.seen.read().unwrap_or_else(PoisonError::into_inner) != seen;
            if changed {
                *shared.seen.write().unwrap_or_else(PoisonError::into_inner) = seen;
                wake();
            }
            shared.begun.fetch_or(tried, Ordering::Release);
            tokio::time::sleep(ROUNDS_APART).await;
        }
    }

    /// Looks at each object's files and makes anew what is another than before.
    async fn round(&mut self, objects: &[(Key, Arc<Told>, Status)]) {
        let here = || objects.iter().filter(|(_, told, _)| !told.end.is_gone());
        self.made.retain(|key, made| here().any(|(known, told, _)| known == key && told.uid == made.told.uid));
        let grants = (self.grants)();
        // Once the API server does not answer, nothing more is asked in this round.
        let away = Arc::new(AtomicBool::new(false));
        let asked = here().filter(|(_, told, _)| !told.end.is_unkept()).cloned().map(|(key, told, _)| {
            let (client, away) = (self.client.clone(), away.clone());
            let same = |made: &&Made| made.told == told && made.grants == grants;
            let known = self.made.get(&key).filter(same).map(|made| made.edition.clone());
            async move {
                let found = found::files(&client, &told, known, &away).await;
                (key, told, found)
            }
        });
        let asked: Vec<_> = asked.collect();
        let found: Vec<_> = stream::iter(asked).buffer_unordered(ASKED_AT_ONCE).collect().await;
        for (key, told, found) in found {
            if let Some(made) = self.made.get_mut(&key) {
                made.end = told.end;
            }
            let (edition, files) = match found {
                Found::Files(edition, files) => (edition, Ok(files)),
                Found::Same => continue,
                Found::Problem(problem) => (Edition::of_problem(&problem), Err(problem)),
                Found::Away(problem) if !self.made.contains_key(&key) => (Edition::of_problem(&problem), Err(problem)),
                Found::Away(_) => continue,
            };
            let same = |made: &Made| made.told == told && made.edition == edition && made.grants == grants;
            if self.made.get(&key).is_some_and(same) {
                continue;
            }
            let spec = self.make(&told, files, grants.clone()).await;
            let end = told.end;
            let made = Made { told, edition, grants: grants.clone(), spec, end };
            self.made.insert(key, made);
        }
    }

    /// Parses, packs and keeps; on a thread that may wait for the disk.
    async fn make(
        &self,
        told: &Arc<Told>,
        files: Result<Vec<File>, String>,
        grants: Arc<Grants>,
    ) -> Result<MissionSpec, String> {
        let (told, blobs, redactor) = (told.clone(), self.blobs.clone(), self.redactor.clone());
        let secrets = self.secrets.clone();
        let making = move || {
            let made = files.and_then(|files| {
                let making =
                    Making { blobs: &blobs, grants: &grants, secrets: secrets.as_deref(), redactor: &redactor };
                found::mission(&told, files, &making)
            });
            made.map_err(|problem| shown(&redactor, &problem))
        };
        tokio::task::spawn_blocking(making).await.unwrap_or_else(|_| Err("the host is stopping".to_owned()))
    }

    /// Whether an object waits for its finalizer before anything is made of it: it is there, so its mission is not gone.
    fn waits(&self, (key, told, _): &(Key, Arc<Told>, Status)) -> bool {
        told.end.is_unkept() && !self.made.contains_key(key)
    }

    fn known(&self, (key, told, status): &(Key, Arc<Told>, Status)) -> Option<KnownMission> {
        let made = self.made.get(key);
        if made.is_none() && !told.end.is_gone() && !told.end.is_unkept() {
            return None;
        }
        // While its files can't be had it is what it was.
        let Told { uid, generation, .. } = made.map_or(&**told, |made| &*made.told);
        let problem = made.filter(|_| !told.end.is_leaving()).and_then(|made| made.spec.as_ref().err());
        Some(KnownMission {
            namespace: told.namespace.clone(),
            name: told.name.clone(),
            version: ObjectVersion { uid: uid.clone(), generation: *generation, on_delete: told.end.on_delete },
            problem: problem.cloned(),
            end: told.end,
            status: status.clone(),
        })
    }
}

/// The status that an object has, where it is one of ours.
type Status = Option<crate::apiserver::mission::MissionStatus>;

fn seen(made: &Made) -> SeenMission {
    let Told { namespace, name, uid, .. } = &*made.told;
    let place = Place::Object { uid: uid.clone(), leaving: made.end.is_leaving() };
    SeenMission { place, source: source(namespace, name), spec: made.spec.clone() }
}

/// What is wrong, for people: without secrets, a line a line, and bounded.
fn shown(redactor: &Redactor, problem: &str) -> String {
    let redacted = redactor.redact_bounded(problem, PROBLEM_BYTES_MAX);
    redacted.lines().map(escape).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::mission::OnDelete;
    use serde_json::json;

    use super::*;

    fn object(uid: &str, generation: u64, on_delete: OnDelete, kept: bool) -> (Key, Arc<Told>, Status) {
        let files = json!({ "main.tf": format!("# generation {generation}\n") });
        let wanted =
            serde_json::from_value(json!({ "goal": "g", "terraform": { "files": files } })).map_err(|_| String::new());
        let end = End { on_delete, kept, ..End::default() };
        let (namespace, name, uid) = ("shop".to_owned(), "web".to_owned(), uid.to_owned());
        let told = Told { namespace, name, uid, generation, labels: BTreeMap::new(), wanted, end };
        (("then".to_owned(), "shop".to_owned(), "web".to_owned()), Arc::new(told), None)
    }

    #[tokio::test]
    async fn what_is_to_be_destroyed_is_taken_once_it_is_kept_and_not_before() {
        let _already = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let mut rounds = Rounds {
            client: Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap(),
            blobs: Arc::new(Blobs::open(folder.path()).unwrap()),
            grants: Arc::new(Arc::default),
            secrets: None,
            redactor: Arc::new(Redactor::new([7; 32])),
            made: BTreeMap::new(),
        };
        use OnDelete::{Destroy, Retain};
        for (object, taken, why) in [
            (object("u", 1, Destroy, false), None, "its finalizer is still to be set"),
            (object("u", 1, Destroy, true), Some(1), "it is kept"),
            (
                object("u", 2, Destroy, false),
                Some(1),
                "somebody took the finalizer away, so the last one that was kept stands",
            ),
            (object("u", 2, Destroy, true), Some(2), "it is kept again"),
            (object("u", 3, Retain, false), Some(3), "it needs none"),
            (object("v", 1, Destroy, false), None, "another object of that name is not the one before"),
        ] {
            rounds.round(std::slice::from_ref(&object)).await;
            let made: Vec<_> = rounds.made.values().map(|made| seen(made).spec.unwrap().object.unwrap()).collect();
            assert_eq!(made.first().map(|version| version.generation), taken, "{why}");
            assert_eq!(rounds.waits(&object), taken.is_none(), "{why}");
            let known = rounds.known(&object).expect("whoever sets the finalizer knows it");
            assert_eq!((known.version.uid, known.end), (object.1.uid.clone(), object.1.end), "{why}");
        }
    }
}
