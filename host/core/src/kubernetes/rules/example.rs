//! Objects for the rules' tables of cases.

use crate::ids::Timestamp;
use crate::kubernetes::cluster::{Cluster, Object};
use crate::kubernetes::event::Event;
use crate::kubernetes::object::{Labels, Meta, Name, Text};
use crate::kubernetes::pod::{Phase, Pod};

/// When they were made.
pub(super) const MADE: Timestamp = Timestamp(1_000_000);

/// A cluster with these objects.
pub(super) fn cluster(objects: impl IntoIterator<Item = Object>) -> Cluster {
    let mut cluster = Cluster::default();
    for object in objects {
        cluster.index(None, Some(&object));
        cluster.put(object);
    }
    cluster
}

/// What an object is.
pub(super) fn meta(namespace: &str, name: &str) -> Meta {
    Meta {
        name: Name::new(namespace, name),
        uid: format!("{name}-uid").into(),
        created: MADE,
        deleted: None,
        owner: None,
        labels: Labels::default(),
        finalizers: Vec::new(),
    }
}

/// Labels.
pub(super) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| (Text::from(*key), Text::from(*value))).collect()
}

/// A pod with these labels, of which nothing else matters.
pub(super) fn pod(namespace: &str, name: &str, pairs: &[(&str, &str)]) -> Object {
    Object::Pod(Pod {
        meta: Meta { labels: labels(pairs), ..meta(namespace, name) },
        node: None,
        phase: Phase::Running,
        reason: None,
        message: None,
        conditions: Vec::new(),
        containers: Vec::new(),
    })
}

/// A warning about an object.
pub(super) fn warning(kind: &str, about: &Meta, reason: &str, message: &str) -> Object {
    Object::Event(Event {
        meta: meta(&about.name.namespace, &format!("{reason}.1")),
        about_kind: kind.into(),
        about: about.name.clone(),
        about_uid: about.uid.clone(),
        container: None,
        reason: reason.into(),
        message: message.to_owned(),
        count: 1,
        last: MADE,
    })
}
