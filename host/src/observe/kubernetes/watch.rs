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
    let (mut listing, mut wait) = (true, WAIT_MIN);
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
            Ok(Event::Init) if !listed.is_empty() => return Lists::Paged,
            Ok(Event::Init) => {
                listing = true;
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
                After::Wait(pause) => {
                    listed.clear();
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
        401 | 403 => {
            shared.stands(kind, Standing::Denied(told(&shared.redactor, said)));
            After::Wait(AFTER_REFUSAL)
        }
        404 => {
            shared.stands(kind, Standing::Absent);
            After::Wait(AFTER_REFUSAL)
        }
        _ => {
            shared.stands(kind, broken(shared, kind, told(&shared.redactor, said)));
            After::Wait(wait)
        }
    }
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
