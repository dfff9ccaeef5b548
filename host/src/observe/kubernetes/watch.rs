//! One watch: a kind's objects, listed once and told about from then on, for ever.
//!
//! The list is streamed where the API server can, and paged where not. A watch is cut by the server once a minute and
//! goes on where it left off; where it can't (410 Gone), a new list begins, and what is not in it any more is gone.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use quarterdeck_core::kubernetes::cluster::Key;
use quarterdeck_core::kubernetes::{Kind, Name, Object, Standing};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::text::escape;
use serde::de::DeserializeOwned;

use super::trim::Trimmer;
use super::{Shared, Trimmed};

/// A page of a list has so many objects: about 2 MB of pods.
const PAGE: u32 = 500;
/// The server ends a watch after this long, in seconds, and it goes on where it left off: so a connection that has died
/// unnoticed is noticed within this.
const WATCH_S: u32 = 60;
/// What we may not watch is asked for again after this long, and what the server lacks: rights are granted, and kinds
/// are installed.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);
/// After a first failure it is waited this long.
const WAIT_MIN: Duration = Duration::from_millis(200);
/// No wait is longer.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// A watch that broke, and of which nothing is heard for this long, is well again: one that is still broken would have
/// failed again by then.
const HEALED: Duration = Duration::from_secs(15);
/// A problem is told in at most this many bytes.
const PROBLEM_BYTES_MAX: usize = 512;

/// What is watched.
pub(super) struct Watched<K> {
    pub(super) api: Api<K>,
    pub(super) kind: Kind,
    /// Makes core's noun of it.
    pub(super) trim: Trimmed<K>,
    /// Which of its objects, where not all.
    pub(super) fields: Option<&'static str>,
}

/// How a list begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lists {
    Streamed,
    Paged,
}

/// What comes after a failure.
enum After {
    /// The same watch, after this long.
    Wait(Duration),
    /// A watch whose list is paged.
    Page,
    /// A new watch with a new list, later: what was known is forgotten.
    Anew,
}

/// Watches for ever.
pub(super) async fn watch<K>(watched: Watched<K>, shared: Arc<Shared>)
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let Watched { api, kind, trim, fields } = watched;
    let mut trimmer = Trimmer::new(shared.redactor.clone());
    let mut noun = move |object: &K| trim(&mut trimmer, object);
    let mut lists = Lists::Streamed;
    loop {
        let stream = watcher(api.clone(), config(lists, fields));
        lists = follow(stream, lists, kind, &mut noun, &shared).await;
    }
}

fn config(lists: Lists, fields: Option<&str>) -> watcher::Config {
    let config = watcher::Config { field_selector: fields.map(str::to_owned), ..watcher::Config::default() };
    let config = config.timeout(WATCH_S);
    match lists {
        Lists::Streamed => config.streaming_lists(),
        Lists::Paged => config.page_size(PAGE),
    }
}

/// Follows one watch until its lists have to be asked for otherwise.
async fn follow<K>(
    stream: impl Stream<Item = watcher::Result<Event<K>>>,
    lists: Lists,
    kind: Kind,
    noun: &mut impl FnMut(&K) -> Object,
    shared: &Shared,
) -> Lists {
    let mut stream = std::pin::pin!(stream);
    let mut listed: BTreeSet<Name> = BTreeSet::new();
    let (mut listing, mut failing, mut wait) = (true, false, WAIT_MIN);
    loop {
        let event = match tokio::time::timeout(HEALED, stream.next()).await {
            Ok(Some(event)) => event,
            Ok(None) => return lists,
            Err(_) => {
                if !listing {
                    lives(kind, &mut wait, shared);
                }
                continue;
            }
        };
        let news = match event {
            // The server cut a streamed list before its end: this one is too long for it.
            Ok(Event::Init) if !listed.is_empty() && !failing => return Lists::Paged,
            Ok(Event::Init) => {
                listed.clear();
                (listing, failing) = (true, false);
                false
            }
            Ok(Event::InitApply(object)) => {
                let object = noun(&object);
                listed.insert(object.meta().name.clone());
                shared.patrol().put(object)
            }
            Ok(Event::InitDone) => {
                let gone = shared.patrol().keep_only(kind, &std::mem::take(&mut listed));
                shared.stands(kind, Standing::Live);
                (listing, wait) = (false, WAIT_MIN);
                gone
            }
            Ok(Event::Apply(object)) => {
                lives(kind, &mut wait, shared);
                shared.patrol().put(noun(&object))
            }
            Ok(Event::Delete(object)) => {
                lives(kind, &mut wait, shared);
                let key = Key::of(&noun(&object));
                shared.patrol().remove(&key)
            }
            Err(error) => match failed(&error, kind, wait, shared) {
                After::Page => return Lists::Paged,
                After::Anew => {
                    tokio::time::sleep(AFTER_REFUSAL).await;
                    return lists;
                }
                // A list may go on after a failure, so what came before it counts until another begins.
                After::Wait(pause) => {
                    failing = true;
                    tokio::time::sleep(pause).await;
                    wait = (wait * 2).min(WAIT_MAX);
                    false
                }
            },
        };
        if news {
            shared.changed.notify_one();
        }
    }
}

/// A watch that was broken goes on by itself, without a new list, where the server still knows where it left off.
fn lives(kind: Kind, wait: &mut Duration, shared: &Shared) {
    if *wait != WAIT_MIN {
        shared.stands(kind, Standing::Live);
        *wait = WAIT_MIN;
    }
}

/// Notes why a watch failed, and says what comes next.
fn failed(error: &watcher::Error, kind: Kind, wait: Duration, shared: &Shared) -> After {
    let said = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => error,
        watcher::Error::WatchError(status) => {
            // Too old: the next list is on its way.
            tracing::debug!(kind = kind.name(), code = status.code, "A watch begins anew.");
            return After::Wait(if status.code == 410 { Duration::ZERO } else { wait });
        }
        watcher::Error::NoResourceVersion => {
            shared.stands(kind, broken(shared, kind, error.to_string()));
            return After::Wait(WAIT_MAX);
        }
    };
    let kube::Error::Api(status) = said else {
        shared.stands(kind, broken(shared, kind, told(&shared.redactor, said)));
        return After::Wait(wait);
    };
    match status.code {
        // It knows no streamed lists: the parameters are refused (1.26 and before, or the gate is off).
        400 | 422
            if status.message.contains("sendInitialEvents") || status.message.contains("resourceVersionMatch") =>
        {
            After::Page
        }
        403 => refused(Standing::Denied(told(&shared.redactor, said)), kind, shared),
        404 => refused(Standing::Absent, kind, shared),
        _ => {
            shared.stands(kind, broken(shared, kind, told(&shared.redactor, said)));
            After::Wait(wait)
        }
    }
}

/// What is refused once may have been refused by an API server that has just begun and does not know its roles yet. What is
/// refused again is forgotten: nothing is told of what can't be seen.
fn refused(standing: Standing, kind: Kind, shared: &Shared) -> After {
    let again = matches!(shared.known().standings.get(&kind), Some(Standing::Denied(_) | Standing::Absent));
    shared.stands(kind, standing);
    if !again {
        return After::Wait(AFTER_REFUSAL);
    }
    let mut patrol = shared.patrol();
    patrol.knows(kind, false);
    if patrol.keep_only(kind, &BTreeSet::new()) {
        shared.changed.notify_one();
    }
    After::Anew
}

/// Broken, since it broke.
fn broken(shared: &Shared, kind: Kind, problem: String) -> Standing {
    let since = match shared.known().standings.get(&kind) {
        Some(Standing::Broken(since, _)) => *since,
        Some(Standing::Listing | Standing::Live | Standing::Denied(_) | Standing::Absent) | None => (shared.clock)(),
    };
    Standing::Broken(since, problem)
}

/// An error and its sources in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |said, source| {
        let source = source.to_string();
        // Some of the client's errors say their source as well.
        if said.ends_with(&source) { said } else { format!("{said}: {source}") }
    })
}

/// An error, for people.
pub(super) fn told(redactor: &Redactor, error: &kube::Error) -> String {
    let said = if let kube::Error::Api(status) = error
        && !status.message.is_empty()
    {
        status.message.clone()
    } else {
        chain(error)
    };
    escape(&redactor.redact_bounded(&said, PROBLEM_BYTES_MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::stream;
    use k8s_openapi::api::core::v1::Namespace;
    use kube::core::Status;
    use quarterdeck_core::ids::Timestamp;
    use tokio::sync::Notify;

    use super::super::trim::namespace;
    use super::*;

    const KIND: Kind = Kind::Namespace;

    fn shared() -> Shared {
        Shared {
            patrol: Mutex::default(),
            view: Mutex::default(),
            changed: Notify::new(),
            asked: Notify::new(),
            clock: || Timestamp(1_795_000_000_000),
            wake: Arc::new(|| {}),
            redactor: Arc::new(Redactor::new([7; 32])),
        }
    }

    fn named(name: &str) -> Namespace {
        serde_json::from_value(serde_json::json!({ "metadata": { "name": name } })).expect("a namespace")
    }

    async fn followed(shared: &Shared, events: Vec<watcher::Result<Event<Namespace>>>) -> (Lists, Vec<String>) {
        let mut trimmer = Trimmer::new(shared.redactor.clone());
        let mut noun = |object: &Namespace| namespace(&mut trimmer, object);
        let lists = follow(stream::iter(events), Lists::Streamed, KIND, &mut noun, shared).await;
        let known = shared.patrol().cluster().names(KIND).iter().map(|name| name.name.to_string()).collect();
        (lists, known)
    }

    fn listed(names: &[&str]) -> Vec<watcher::Result<Event<Namespace>>> {
        let each = names.iter().map(|name| Ok(Event::InitApply(named(name))));
        std::iter::once(Ok(Event::Init)).chain(each).chain([Ok(Event::InitDone)]).collect()
    }

    #[tokio::test]
    async fn a_list_that_goes_on_after_a_failure_loses_nothing_that_came_before_it() {
        let shared = shared();
        let broken = Err(watcher::Error::WatchFailed(kube::Error::LinesCodecMaxLineLengthExceeded));
        let mut events = listed(&["a", "b"]);
        events.insert(2, broken);
        let (_, known) = followed(&shared, events).await;
        assert_eq!(known, ["a", "b"]);
        let (_, known) = followed(&shared, listed(&["b"])).await;
        assert_eq!(known, ["b"], "what is in no list any more is gone");
    }

    #[tokio::test]
    async fn a_streamed_list_that_is_cut_is_asked_for_in_pages() {
        let mut events = listed(&["a"]);
        events.pop();
        events.extend(listed(&["a"]));
        assert!(followed(&shared(), events).await.0 == Lists::Paged);
        assert!(followed(&shared(), listed(&["a"])).await.0 == Lists::Streamed);
    }

    #[tokio::test]
    async fn what_is_refused_again_is_forgotten_and_what_is_refused_once_is_not() {
        let shared = shared();
        followed(&shared, listed(&["a"])).await;
        let status = Status { code: 403, message: "forbidden".to_owned(), ..Status::default() };
        let error = watcher::Error::WatchStartFailed(kube::Error::Api(Box::new(status)));
        assert!(matches!(failed(&error, KIND, WAIT_MIN, &shared), After::Wait(AFTER_REFUSAL)));
        assert_eq!(shared.patrol().cluster().count(KIND), 1);
        assert!(matches!(failed(&error, KIND, WAIT_MIN, &shared), After::Anew));
        assert_eq!(shared.patrol().cluster().count(KIND), 0);
    }
}
