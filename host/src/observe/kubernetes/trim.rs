//! From what an API server says to core's nouns: what no rule reads is dropped, and every text that stays is redacted,
//! escaped and bounded, once.
//!
//! One function a kind, in a file a family. What all need stands here. A name is redacted wherever it is mentioned, and
//! always to the same, so that references still lead to their objects. Labels are compared and never shown, and stay as
//! they are.

mod access;
mod batch;
mod events;
mod network;
mod nodes;
mod pods;
mod quotas;
mod scaling;
mod storage;
mod webhooks;
mod workloads;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod samples_network;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, Time};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::kubernetes::object::{Demand, How};
use quarterdeck_core::kubernetes::{Condition, Labels, Meta, Name, Owner, Selector, Text};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::cut;
use quarterdeck_core::text::escape;

pub(super) use access::{cluster_role, cluster_role_binding, role, role_binding};
pub(super) use batch::{cron_job, job};
pub(super) use events::event;
pub(super) use network::{endpoint_slice, ingress, ingress_class, network_policy, service};
pub(super) use nodes::{namespace, node};
pub(super) use pods::pod;
pub(super) use quotas::quota;
pub(super) use scaling::{autoscaler, disruption_budget};
pub(super) use storage::{claim, storage_class, volume};
pub(super) use webhooks::{mutating_webhooks, validating_webhooks};
pub(super) use workloads::{daemon_set, deployment, replica_set, stateful_set};

/// A name, a reason or another word is cut to this many bytes: Kubernetes' longest names have 253.
const WORD_BYTES_MAX: usize = 253;
/// A sentence is cut to this many bytes: what a kubelet or a scheduler says of one pod fits, and a million of them do
/// not fill the memory.
const SENTENCE_BYTES_MAX: usize = 512;
/// Of a list in an object so many entries are read.
pub(super) const ENTRIES_MAX: usize = 256;
/// Words that nothing holds any more are let go once there are this many more than after the last time.
const SHARED_GROWTH: usize = 10_000;

/// Makes core's nouns. Holds each word that many objects share once.
pub(super) struct Trimmer {
    redactor: Arc<Redactor>,
    shared: HashSet<Text>,
    swept_at: usize,
}

impl Trimmer {
    pub(super) fn new(redactor: Arc<Redactor>) -> Trimmer {
        Trimmer { redactor, shared: HashSet::new(), swept_at: SHARED_GROWTH }
    }

    /// What an object is, whoever it is; without its labels.
    pub(super) fn meta(&mut self, meta: &ObjectMeta) -> Meta {
        let owners = meta.owner_references.as_deref().unwrap_or_default();
        let controller = owners.iter().find(|owner| owner.controller == Some(true));
        Meta {
            name: self.name(meta.namespace.as_deref(), meta.name.as_deref().unwrap_or_default()),
            uid: meta.uid.as_deref().unwrap_or_default().into(),
            created: meta.creation_timestamp.as_ref().map_or(Timestamp(0), time),
            deleted: meta.deletion_timestamp.as_ref().map(time),
            owner: controller.map(|owner| Owner {
                kind: self.word(&owner.kind),
                name: self.word(&owner.name),
                uid: self.word(&owner.uid),
            }),
            labels: Labels::default(),
            finalizers: self.words(meta.finalizers.as_deref()),
        }
    }

    /// What an object is, whoever it is, with its labels: for kinds that something selects by them.
    pub(super) fn labelled(&mut self, meta: &ObjectMeta) -> Meta {
        let labels = self.labels(meta.labels.as_ref());
        Meta { labels, ..self.meta(meta) }
    }

    /// An object's name; in no namespace where none is given.
    pub(super) fn name(&mut self, namespace: Option<&str>, name: &str) -> Name {
        Name { namespace: self.word(namespace.unwrap_or_default()), name: self.bounded(name).into() }
    }

    /// A word: a name, a reason, a version.
    pub(super) fn word(&mut self, word: &str) -> Text {
        let word = self.bounded(word);
        self.share(&word)
    }

    /// A word, where there is one.
    pub(super) fn maybe(&mut self, word: Option<&str>) -> Option<Text> {
        word.map(|word| self.word(word))
    }

    /// The words of a list.
    pub(super) fn words(&mut self, words: Option<&[String]>) -> Vec<Text> {
        words.unwrap_or_default().iter().take(ENTRIES_MAX).map(|word| self.word(word)).collect()
    }

    /// A sentence for people and policies.
    pub(super) fn sentence(&self, said: Option<&str>) -> String {
        let said = self.redactor.redact_bounded(said.unwrap_or_default(), SENTENCE_BYTES_MAX);
        cut(&escape(said.trim()), SENTENCE_BYTES_MAX)
    }

    /// Labels as they are.
    pub(super) fn labels(&mut self, labels: Option<&BTreeMap<String, String>>) -> Labels {
        let pairs = labels.into_iter().flatten().take(ENTRIES_MAX);
        pairs.map(|(key, value)| (self.share(key), self.share(value))).collect()
    }

    /// A selector; one that is not there means nothing, and is for the caller to tell.
    pub(super) fn selector(&mut self, selector: &LabelSelector) -> Selector {
        let demands = selector.match_expressions.as_deref().unwrap_or_default();
        let demands = demands.iter().take(ENTRIES_MAX).filter_map(|demand| {
            let values = demand.values.as_deref().unwrap_or_default();
            let mut values = || values.iter().take(ENTRIES_MAX).map(|value| self.share(value)).collect();
            let how = match demand.operator.as_str() {
                "In" => How::In(values()),
                "NotIn" => How::NotIn(values()),
                "Exists" => How::Exists,
                "DoesNotExist" => How::DoesNotExist,
                _ => return None,
            };
            Some(Demand { key: self.share(&demand.key), how })
        });
        let demands = demands.collect();
        Selector { labels: self.labels(selector.match_labels.as_ref()), demands }
    }

    /// A condition, whatever type of Kubernetes it comes from.
    pub(super) fn condition(
        &mut self,
        kind: &str,
        status: &str,
        reason: Option<&str>,
        message: Option<&str>,
        since: Option<&Time>,
    ) -> Condition {
        let holds = match status {
            "True" => Some(true),
            "False" => Some(false),
            _ => None,
        };
        Condition {
            kind: self.word(kind),
            holds,
            reason: self.word(reason.unwrap_or_default()),
            message: self.sentence(message),
            since: since.map_or(Timestamp(0), time),
        }
    }

    fn bounded(&self, word: &str) -> String {
        cut(&escape(&self.redactor.redact(&cut(word, WORD_BYTES_MAX))), WORD_BYTES_MAX)
    }

    fn share(&mut self, word: &str) -> Text {
        if let Some(known) = self.shared.get(word) {
            return known.clone();
        }
        if self.shared.len() >= self.swept_at {
            self.shared.retain(|word| Arc::strong_count(word) > 1);
            self.swept_at = self.shared.len() + SHARED_GROWTH;
        }
        let word: Text = word.into();
        self.shared.insert(word.clone());
        word
    }
}

/// A time; one before 1970 is 1970.
pub(super) fn time(time: &Time) -> Timestamp {
    Timestamp(u64::try_from(time.0.as_millisecond()).unwrap_or(0)).min(Timestamp::MAX)
}

/// When an object was written last, as far as it says so.
fn written(meta: &ObjectMeta) -> Timestamp {
    let by_managers = meta.managed_fields.iter().flatten().filter_map(|entry| entry.time.as_ref());
    let times = by_managers.chain(meta.creation_timestamp.as_ref()).map(time);
    times.max().unwrap_or(Timestamp(0))
}

/// An annotation's value, as it is: to be compared, and not to be shown.
fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref().and_then(|annotations| annotations.get(key)).map(String::as_str)
}

/// A count, where there is one; a negative one is none.
pub(super) fn count(count: Option<i32>) -> u32 {
    count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}
