//! The patrol: it is told of every change in a cluster, asks the rules again about what that concerns, and gathers what
//! they say.
//!
//! What a look costs goes with what changed since the last one, and with what is wrong; not with how much there is. So
//! the symptoms of each object are kept, and a rule is asked again when its object, or one that it reads, has changed;
//! nor does it have to be asked when only time has passed, since a symptom says from when and until when it holds.
//!
//! Flapping is damped: a trouble that ended and is back within [`FLAP_MS`] ends the next time only after a while without
//! it, twice as long each time; at once where what is answerable for it is gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::cluster::{Cluster, Key, Kind, Object};
use super::depends::dependents;
use super::object::Name;
use super::rules::{Symptom, examine};
use crate::ids::Timestamp;
use crate::situation::{Fact, ObjectRef, Severity};

/// At most this many troubles are told, the worst first; with the other findings they are what one turn can remember
/// (256 shown and 1,024 beside them).
pub const TROUBLES_MAX: usize = 1_024;
/// What is back within this time flaps.
pub const FLAP_MS: u64 = 10 * 60_000;
/// A trouble that was back once ends after this long without it; twice as long each further time.
pub const HOLD_MS: u64 = 30_000;
/// No trouble is held longer than this.
pub const HOLD_MS_MAX: u64 = 10 * 60_000;

/// One thing that is wrong, for all objects of one root owner that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad it is, at its worst.
    pub severity: Severity,
    /// The first object that shows it at its worst.
    pub object: ObjectRef,
    /// What is answerable for all of them in the end.
    pub owner: ObjectRef,
    /// What is wrong with that object.
    pub message: String,
    /// What it was seen by.
    pub evidence: Vec<Fact>,
    /// How many objects show it.
    pub count: u32,
}

/// What is wrong at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// The worst first, then by owner and rule; at most [`TROUBLES_MAX`].
    pub told: Vec<Arc<Trouble>>,
    /// How many more there are.
    pub omitted: usize,
}

/// A trouble's name.
type Which = (ObjectRef, &'static str);

/// What is known of a trouble.
#[derive(Debug, Default)]
struct Record {
    /// Who shows it.
    shown_by: BTreeSet<Key>,
    /// What was told of it last; told on while it is held.
    told: Option<Arc<Trouble>>,
    /// When the last object ceased to show it.
    ended: Option<Timestamp>,
    /// How often it was back.
    flaps: u32,
}

impl Record {
    /// Whether nobody shows it any more, and it is not held.
    fn is_over(&self, now: Timestamp) -> bool {
        self.ended.is_some_and(|ended| now.since_ms(ended) >= hold_ms(self.flaps))
    }
}

/// What an object shows: its symptoms, and its root owner when it was asked.
#[derive(Debug)]
struct Shown {
    root: ObjectRef,
    symptoms: Vec<Symptom>,
    /// The rules whose symptom held at the last look.
    held: BTreeSet<&'static str>,
}

/// A cluster, and what is wrong in it.
#[derive(Debug, Default)]
pub struct Patrol {
    cluster: Cluster,
    changed: BTreeSet<Key>,
    shown: HashMap<Key, Shown>,
    due: BTreeSet<(Timestamp, Key)>,
    records: BTreeMap<Which, Record>,
    stale: BTreeSet<Which>,
}

impl Patrol {
    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The minor version of the API servers is this.
    pub fn served_by(&mut self, minor: Option<u32>) {
        if self.cluster.minor != minor {
            self.cluster.minor = minor;
            self.changed.extend(self.cluster.names(Kind::Node).iter().map(|name| Key::new(Kind::Node, name)));
        }
    }

    /// There is this object, or it is so now. Says whether that is anything new.
    pub fn put(&mut self, object: Object) -> bool {
        let key = Key::of(&object);
        let root = self.cluster.root(&key);
        let before = self.cluster.put(object.clone());
        if before.as_ref() == Some(&object) {
            return false;
        }
        self.cluster.index(before.as_ref(), Some(&object));
        self.follow(key, &root, before.as_ref(), Some(&object));
        true
    }

    /// There is no such object any more. Says whether that is anything new.
    pub fn remove(&mut self, key: &Key) -> bool {
        let root = self.cluster.root(key);
        let before = self.cluster.take(key);
        self.cluster.index(before.as_ref(), None);
        self.follow(key.clone(), &root, before.as_ref(), None);
        before.is_some()
    }

    /// Of this kind there are these objects and no others. Says whether that is anything new.
    pub fn keep_only(&mut self, kind: Kind, names: &BTreeSet<Name>) -> bool {
        let gone: Vec<Name> = self.cluster.names(kind).into_iter().filter(|name| !names.contains(name)).collect();
        for name in &gone {
            self.remove(&Key::new(kind, name));
        }
        !gone.is_empty()
    }

    /// Whether a look at this time could tell something else than the last one.
    pub fn has_news(&self, now: Timestamp) -> bool {
        let over = |record: &Record| record.told.is_some() && record.is_over(now);
        !self.changed.is_empty()
            || self.due.first().is_some_and(|(due, _)| *due <= now)
            || self.records.values().any(over)
    }

    /// The objects of this kind are all known now, or no more: what follows from the absence of one is told only then.
    pub fn knows(&mut self, kind: Kind, known: bool) {
        if self.cluster.knows(kind, known) {
            let everything = Kind::ALL.iter().flat_map(|kind| {
                let key = |name: &Name| Key::new(*kind, name);
                self.cluster.names(*kind).iter().map(key).collect::<Vec<_>>()
            });
            self.changed.extend(everything);
        }
    }

    /// Asks the rules about some of what has changed or is due, and says whether there is more.
    pub fn ask_some(&mut self, now: Timestamp, objects_max: usize) -> bool {
        while let Some((due, key)) = self.due.first().cloned().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, key.clone()));
            self.changed.insert(key);
        }
        for _ in 0..objects_max {
            let Some(key) = self.changed.pop_first() else { return false };
            self.ask(key, now);
        }
        !self.changed.is_empty()
    }

    /// What is wrong now.
    pub fn look(&mut self, now: Timestamp) -> Troubles {
        self.ask_some(now, usize::MAX);
        self.gather(now);
        self.told()
    }

    /// Notes what has to be asked about again, where an object was before under this root owner.
    fn follow(&mut self, key: Key, root: &ObjectRef, before: Option<&Object>, now: Option<&Object>) {
        self.changed.extend(dependents(&self.cluster, before, now));
        // Who was answerable for others may have an owner of its own, or have had one.
        let owner = |object: Option<&Object>| object.map(|object| object.meta().owner.clone());
        if owner(before) != owner(now) {
            let named = ObjectRef { uid: None, ..root.clone() };
            let same = |(owner, _): &Which| ObjectRef { uid: None, ..owner.clone() } == named;
            let records = self.records.range((named.clone(), "")..).take_while(|(which, _)| same(which));
            self.changed.extend(records.flat_map(|(_, record)| record.shown_by.iter().cloned()));
        }
        self.changed.insert(key);
    }

    /// Asks the rules about an object, and notes what it shows.
    fn ask(&mut self, key: Key, now: Timestamp) {
        let root = self.cluster.root(&key);
        let mut symptoms = examine(&self.cluster, &key);
        symptoms.retain(|symptom| {
            now < symptom.until && symptom.from < symptom.until && self.cluster.can_tell(symptom.rule)
        });
        let mut rules = BTreeSet::new();
        symptoms.retain(|symptom| rules.insert(symptom.rule));
        if let Some(before) = self.shown.remove(&key) {
            for symptom in &before.symptoms {
                self.due.remove(&(symptom.from, key.clone()));
                self.due.remove(&(symptom.until, key.clone()));
            }
            for rule in &before.held {
                let which = (before.root.clone(), *rule);
                if let Some(record) = self.records.get_mut(&which) {
                    record.shown_by.remove(&key);
                }
                self.stale.insert(which);
            }
        }
        if symptoms.is_empty() {
            return;
        }
        let held: BTreeSet<&'static str> =
            symptoms.iter().filter(|symptom| symptom.holds(now)).map(|symptom| symptom.rule).collect();
        for symptom in &symptoms {
            let next = if symptom.holds(now) { symptom.until } else { symptom.from };
            if next < Timestamp::MAX {
                self.due.insert((next, key.clone()));
            }
        }
        for rule in &held {
            let which = (root.clone(), *rule);
            self.records.entry(which.clone()).or_default().shown_by.insert(key.clone());
            self.stale.insert(which);
        }
        self.shown.insert(key, Shown { root, symptoms, held });
    }

    /// Brings the records up to date that something was noted for, and those that are held.
    fn gather(&mut self, now: Timestamp) {
        for which in std::mem::take(&mut self.stale) {
            let Some(record) = self.records.get_mut(&which) else { continue };
            if record.shown_by.is_empty() {
                record.ended = record.ended.or(Some(now));
                continue;
            }
            if record.ended.take().is_some_and(|ended| now.since_ms(ended) <= FLAP_MS) {
                record.flaps = record.flaps.saturating_add(1);
            }
            record.told = worst(&self.shown, &which, &record.shown_by, record.flaps).map(Arc::new);
        }
        let cluster = &self.cluster;
        self.records.retain(|(owner, _), record| {
            let is_gone = record.ended.is_some() && cluster.is_gone(owner);
            if record.is_over(now) || is_gone {
                record.told = None;
            }
            record.ended.is_none_or(|ended| now.since_ms(ended) <= FLAP_MS)
        });
    }

    fn told(&self) -> Troubles {
        let mut told: Vec<Arc<Trouble>> = self.records.values().filter_map(|record| record.told.clone()).collect();
        told.sort_by_key(|trouble| std::cmp::Reverse(trouble.severity));
        let omitted = told.len().saturating_sub(TROUBLES_MAX);
        told.truncate(TROUBLES_MAX);
        Troubles { told, omitted }
    }
}

/// How long a trouble is told on after nobody shows it any more.
fn hold_ms(flaps: u32) -> u64 {
    match flaps {
        0 => 0,
        back => HOLD_MS.saturating_mul(1_u64.checked_shl(back - 1).unwrap_or(u64::MAX)).min(HOLD_MS_MAX),
    }
}

/// The trouble as its first object shows it among those that show it at its worst.
fn worst(shown: &HashMap<Key, Shown>, which: &Which, keys: &BTreeSet<Key>, flaps: u32) -> Option<Trouble> {
    let (owner, rule) = which;
    let symptom = |key: &Key| {
        let of_rule = |symptom: &&Symptom| symptom.rule == *rule;
        shown.get(key).and_then(|shown| shown.symptoms.iter().find(of_rule))
    };
    let mut worst: Option<(&Key, &Symptom)> = None;
    for key in keys {
        let Some(symptom) = symptom(key) else { continue };
        if worst.is_none_or(|(_, known)| symptom.severity > known.severity) {
            worst = Some((key, symptom));
        }
    }
    let (key, symptom) = worst?;
    let mut evidence = symptom.evidence.clone();
    if flaps > 0 {
        evidence.push(Fact::new("came-back", &flaps.to_string()));
    }
    Some(Trouble {
        rule,
        severity: symptom.severity,
        object: key.object(None),
        owner: owner.clone(),
        message: symptom.message.clone(),
        evidence,
        count: u32::try_from(keys.len()).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests;
