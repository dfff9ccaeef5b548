//! How missions stand, where they are objects of a cluster: in each one's status, and as events that `kubectl describe mission`
//! shows; and the finalizer of those that are to be destroyed before they go.
//!
//! After each turn, and when an object is another than before, the status of each object is worked out from the view; where it
//! differs from what was written last it is applied by the API server under a field manager of our own. It holds no time of the
//! clock but when something changed, so what we write ourselves changes nothing. No turn waits for any of this: while the API
//! server is away it is tried again, and what was overtaken meanwhile is never written.
//!
//! What is *not* here: what is said and done. See [`status`], [`news`] and [`hold`], which are pure.

mod hold;
mod news;
mod status;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource as _};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::text::escape;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, warn};

use self::hold::Hold;
use self::news::{News, Weight};
use crate::apiserver::mission::{FINALIZER, KnownMission, Mission, MissionStatus};
use crate::apiserver::{Connection, FIELD_MANAGER};
use crate::app::{Update, Updates};
use crate::driver::chain;
use crate::view::{self, View};

/// The API server has this long to answer.
const ANSWERS: Duration = Duration::from_secs(10);
/// After a first failure it is waited this long, and then ever longer.
const WAIT_MIN: Duration = Duration::from_millis(500);
/// No wait is longer.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// So many events wait to be written; the oldest are let go, since the status says how it ended.
const EVENTS_MAX: usize = 64;
/// Why nothing is begun for an object that our finalizer can't be set on.
const UNKEPT: &str = "spec.onDelete is Destroy, and the finalizer quarterdeck.dev/destroy can't be set: the host's log has the API \
    server's words, and a finding right-missing says what to grant; what is built without it would not be removed with the object, so \
    nothing is begun";

/// What is followed.
pub struct Desk {
    /// What is new, turn by turn.
    pub updates: Updates,
    /// The objects, as `observe` knows them.
    pub known: watch::Receiver<Arc<Vec<KnownMission>>>,
    /// What time it is.
    pub clock: fn() -> Timestamp,
}

/// Says how missions stand until it is aborted, or the loop ends.
pub fn start(connection: &Connection, desk: Desk) -> JoinHandle<()> {
    let clerk = Clerk {
        client: connection.client.clone(),
        clock: desk.clock,
        written: BTreeMap::new(),
        let_go: BTreeSet::new(),
        leaving: BTreeMap::new(),
        refused: BTreeMap::new(),
        away: None,
        events: VecDeque::new(),
    };
    tokio::spawn(clerk.follow(desk.updates, desk.known))
}

/// Writes, and remembers what was written. All that is remembered of an object goes once the object is seen no more.
struct Clerk {
    client: Client,
    clock: fn() -> Timestamp,
    /// The last status of each object, by uid.
    written: BTreeMap<String, MissionStatus>,
    /// The uids of those that were deleted and let go.
    let_go: BTreeSet<String>,
    /// Since when those are known to leave that wait for us.
    leaving: BTreeMap<String, Timestamp>,
    /// The objects of which the API server took something not; they hold up no other.
    refused: BTreeMap<String, Pause>,
    /// Where it did not answer at all.
    away: Option<Pause>,
    events: VecDeque<Event>,
}

/// What became of something that was to be written; the worst is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wrote {
    /// It is there, or never will be.
    Done,
    /// The API server did not take it now.
    Refused,
    /// The API server did not answer.
    Away,
}

/// It is not tried again for a while.
#[derive(Clone, Copy, Debug)]
struct Pause {
    waited: Duration,
    until: Instant,
}

impl Pause {
    /// Longer than the one before.
    fn after(before: Option<&Pause>) -> Pause {
        let waited = before.map_or(WAIT_MIN, |before| (before.waited * 2).min(WAIT_MAX));
        Pause { waited, until: Instant::now() + waited }
    }

    fn is_over(&self) -> bool {
        self.until <= Instant::now()
    }
}

impl Clerk {
    async fn follow(mut self, mut updates: Updates, mut known: watch::Receiver<Arc<Vec<KnownMission>>>) {
        let mut last: Option<Arc<Update>> = None;
        loop {
            let again = self.away.iter().chain(self.refused.values()).map(|pause| pause.until).min();
            tokio::select! {
                update = updates.recv() => match update {
                    Ok(update) => last = Some(update),
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                },
                changed = known.changed() => if changed.is_err() { return },
                () = at(again), if again.is_some() => {}
            }
            // What came meanwhile is newer.
            while let Ok(update) = updates.try_recv() {
                last = Some(update);
            }
            if self.away.is_some_and(|pause| !pause.is_over()) {
                continue;
            }
            let objects = known.borrow_and_update().clone();
            self.away = match self.write(last.as_deref(), &objects).await {
                Wrote::Done | Wrote::Refused => None,
                Wrote::Away => Some(Pause::after(self.away.as_ref())),
            };
        }
    }

    /// Writes what is not written yet. What one object is refused holds up no other.
    async fn write(&mut self, last: Option<&Update>, objects: &[KnownMission]) -> Wrote {
        let here: BTreeSet<&str> = objects.iter().map(|known| known.version.uid.as_str()).collect();
        self.written.retain(|uid, _| here.contains(uid.as_str()));
        self.let_go.retain(|uid| here.contains(uid.as_str()));
        self.leaving.retain(|uid, _| here.contains(uid.as_str()));
        self.refused.retain(|uid, _| here.contains(uid.as_str()));
        let now = (self.clock)();
        let seen = last.filter(|_| !objects.is_empty()).map(|update| {
            let view = view::look(&update.ledger, Some(&update.situation), now);
            (view, &*update.ledger)
        });
        for known in objects {
            let uid = &known.version.uid;
            if self.refused.get(uid).is_some_and(|pause| !pause.is_over()) {
                continue;
            }
            let seen = seen.as_ref().map(|(view, ledger)| (view, *ledger));
            match self.look_after(known, seen, now).await {
                Wrote::Done => drop(self.refused.remove(uid)),
                Wrote::Refused => {
                    let pause = Pause::after(self.refused.get(uid));
                    self.refused.insert(uid.clone(), pause);
                }
                Wrote::Away => return Wrote::Away,
            }
        }
        self.tell().await
    }

    /// The finalizer of one object, and then its status.
    async fn look_after(&mut self, known: &KnownMission, seen: Option<(&View, &Ledger)>, now: Timestamp) -> Wrote {
        let uid = &known.version.uid;
        if known.end.is_leaving() && seen.is_some() {
            self.leaving.entry(uid.clone()).or_insert(now);
        }
        let held = hold::hold(known, seen, self.leaving.get(uid).copied(), now);
        let wrote = self.hold(known, held, now).await;
        match wrote {
            Wrote::Done if known.end.is_gone() || self.let_go.contains(uid) => return Wrote::Done,
            Wrote::Done => {}
            // Once is nothing: another writer was faster.
            Wrote::Refused if held == Hold::Keep && self.refused.contains_key(uid) => {
                let unkept = KnownMission { problem: Some(UNKEPT.to_owned()), ..known.clone() };
                return self.say(&unkept, seen, now).await.max(wrote);
            }
            later @ (Wrote::Refused | Wrote::Away) => return later,
        }
        self.say(known, seen, now).await
    }

    /// The status of one object, and what is new in it as events.
    async fn say(&mut self, known: &KnownMission, seen: Option<(&View, &Ledger)>, now: Timestamp) -> Wrote {
        let uid = &known.version.uid;
        let before = self.written.get(uid).or(known.status.as_ref());
        let Some(status) = status::status(known, seen, before, now) else { return Wrote::Done };
        if before == Some(&status) {
            return Wrote::Done;
        }
        let news = news::news(&known.full_name(), before, &status);
        let applied = self.apply(known, &status).await;
        if applied == Wrote::Done {
            self.events.extend(news.into_iter().map(|news| event(known, &news, now)));
            self.written.insert(uid.clone(), status);
        }
        applied
    }

    async fn apply(&self, known: &KnownMission, status: &MissionStatus) -> Wrote {
        // With its uid, so that another one of this name is not told what is so of this one.
        let patch = json!({
            "apiVersion": Mission::api_version(&()), "kind": Mission::kind(&()),
            "metadata": { "name": known.name, "uid": known.version.uid }, "status": status,
        });
        let api: Api<Mission> = Api::namespaced(self.client.clone(), &known.namespace);
        let (parameters, patch) = (PatchParams::apply(FIELD_MANAGER).force(), Patch::Apply(&patch));
        let applied = api.patch_status(&known.name, &parameters, &patch);
        match answered("The status of a mission", &known.full_name(), tokio::time::timeout(ANSWERS, applied).await) {
            // What it does not accept it will not accept later.
            Answer::Taken | Answer::Gone | Answer::Conflict | Answer::Invalid => Wrote::Done,
            Answer::Refused => Wrote::Refused,
            Answer::Silent => Wrote::Away,
        }
    }

    /// Does what is to be done about an object's finalizer; once for one that is let go.
    async fn hold(&mut self, known: &KnownMission, hold: Hold, now: Timestamp) -> Wrote {
        match hold {
            Hold::AsIs => Wrote::Done,
            Hold::LetGo(_) if self.let_go.contains(&known.version.uid) => Wrote::Done,
            Hold::Keep => self.keep(known, true).await,
            Hold::LetGo(why) => {
                let let_go = self.keep(known, false).await;
                if let_go == Wrote::Done && known.end.deleting.is_some() {
                    self.let_go.insert(known.version.uid.clone());
                    self.events.extend(why.news(known).map(|news| event(known, &news, now)));
                }
                let_go
            }
        }
    }

    /// Sets our finalizer on exactly the object that is known, or takes it away; others' stay as they are.
    async fn keep(&self, known: &KnownMission, keep: bool) -> Wrote {
        let api: Api<Mission> = Api::namespaced(self.client.clone(), &known.namespace);
        let work = async {
            let met = api.get_metadata(&known.name).await?.metadata;
            let mut names = met.finalizers.unwrap_or_default();
            let is = names.iter().any(|name| name == FINALIZER);
            if met.uid.as_ref() != Some(&known.version.uid) || is == keep {
                return Ok(());
            }
            match keep {
                true => names.push(FINALIZER.to_owned()),
                false => names.retain(|name| name != FINALIZER),
            }
            // Refused where it has changed meanwhile.
            let patch = json!({ "metadata": { "resourceVersion": met.resource_version, "finalizers": names } });
            let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
            api.patch_metadata(&known.name, &parameters, &Patch::Merge(&patch)).await.map(|_| ())
        };
        match answered("The finalizer of a mission", &known.full_name(), tokio::time::timeout(ANSWERS, work).await) {
            Answer::Taken | Answer::Gone => Wrote::Done,
            // Whatever it is, the object must not stay for ever, nor be built without it.
            Answer::Conflict | Answer::Invalid | Answer::Refused => Wrote::Refused,
            Answer::Silent => Wrote::Away,
        }
    }

    /// Writes the events that wait, in their order. One that is not taken is let go: the status says how it ended.
    async fn tell(&mut self) -> Wrote {
        while self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
        while let Some(event) = self.events.front() {
            let api: Api<Event> =
                Api::namespaced(self.client.clone(), event.metadata.namespace.as_deref().unwrap_or(""));
            let name = event.metadata.name.clone().unwrap_or_default();
            let parameters = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
            let created = api.create(&parameters, event);
            if answered("An event", &name, tokio::time::timeout(ANSWERS, created).await) == Answer::Silent {
                return Wrote::Away;
            }
            self.events.pop_front();
        }
        Wrote::Done
    }
}

/// Without a time it is not asked.
async fn at(until: Option<Instant>) {
    if let Some(until) = until {
        tokio::time::sleep_until(until).await;
    }
}

/// What the API server made of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Taken,
    /// It is there no more, or its namespace is going.
    Gone,
    /// It is another one by now; or (an event) it was written already by a call that was not answered.
    Conflict,
    /// It does not fit.
    Invalid,
    /// Not now: rights may be granted, and quotas raised.
    Refused,
    Silent,
}

fn answered<T>(what: &str, name: &str, answer: Result<Result<T, kube::Error>, tokio::time::error::Elapsed>) -> Answer {
    let problem = match answer {
        Ok(Ok(_)) => return Answer::Taken,
        Ok(Err(kube::Error::Api(status))) if status.code == 404 || terminating(&status) => return Answer::Gone,
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => return Answer::Conflict,
        Ok(Err(kube::Error::Api(status))) => {
            warn!(name, problem = %escape(&status.message), "{what} is not taken.");
            return if [400, 422].contains(&status.code) { Answer::Invalid } else { Answer::Refused };
        }
        Ok(Err(error)) => chain(&error),
        Err(_) => format!("no answer within {} s", ANSWERS.as_secs()),
    };
    // That the API server is away is told elsewhere.
    debug!(name, problem = %escape(&problem), "{what} can't be written now.");
    Answer::Silent
}

/// Nothing is made in a namespace that is going.
fn terminating(status: &kube::core::Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// Its name comes of what it says and when, so that it is written once however often that is tried.
fn event(known: &KnownMission, news: &News, now: Timestamp) -> Event {
    let digest = Digest::of_parts(&[
        known.version.uid.as_bytes(),
        news.reason.as_bytes(),
        news.message.as_bytes(),
        &now.0.to_be_bytes(),
    ]);
    let at = i64::try_from(now.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).map(Time);
    Event {
        metadata: ObjectMeta {
            namespace: Some(known.namespace.clone()),
            name: Some(format!("{}.{}", known.name, digest.short(16))),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(Mission::api_version(&()).into_owned()),
            kind: Some(Mission::kind(&()).into_owned()),
            namespace: Some(known.namespace.clone()),
            name: Some(known.name.clone()),
            uid: Some(known.version.uid.clone()),
            ..ObjectReference::default()
        },
        reason: Some(news.reason.to_owned()),
        message: Some(news.message.clone()),
        type_: Some(
            match news.weight {
                Weight::Normal => "Normal",
                Weight::Warning => "Warning",
            }
            .to_owned(),
        ),
        count: Some(1),
        first_timestamp: at.clone(),
        last_timestamp: at,
        source: Some(EventSource { component: Some("quarterdeck".to_owned()), ..EventSource::default() }),
        reporting_component: Some("quarterdeck".to_owned()),
        ..Event::default()
    }
}
