//! What makes pods, and what scales and protects them.

use super::object::{Condition, Meta, Name, Text};
use crate::ids::Timestamp;

/// A Deployment, a ReplicaSet, a StatefulSet or a DaemonSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// What it is.
    pub meta: Meta,
    /// Whether its controller has seen the newest of it.
    pub observed: bool,
    /// When its controller last wrote another status; when it was made where nobody noted that. As long as pods come and
    /// go it moves on, so it tells since when nothing has.
    pub changed: Timestamp,
    /// How many pods are wanted; of a DaemonSet, one for each node that it is meant for.
    pub desired: u32,
    /// How many there are; of a DaemonSet, on nodes that it is meant for.
    pub current: u32,
    /// How many have been ready for long enough.
    pub available: u32,
    /// How many a DaemonSet has on nodes that it is not meant for.
    pub misplaced: u32,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// The service that names a StatefulSet's pods.
    pub service: Option<Text>,
    /// The storage classes that a StatefulSet's claims ask for by name.
    pub storage_classes: Vec<Text>,
}

/// A Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What it is.
    pub meta: Meta,
    /// How many of its pods run.
    pub active: u32,
    /// How many have failed.
    pub failed: u32,
    /// Whether it is held.
    pub suspended: bool,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// A CronJob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronJob {
    /// What it is.
    pub meta: Meta,
    /// When it makes Jobs, as it was written.
    pub schedule: Text,
    /// Whether it is held.
    pub suspended: bool,
    /// When it last made a Job.
    pub scheduled: Option<Timestamp>,
    /// When a Job of it last ended well.
    pub succeeded: Option<Timestamp>,
    /// How many of its Jobs are at work.
    pub active: u32,
}

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autoscaler {
    /// What it is.
    pub meta: Meta,
    /// The kind of what it scales, such as `Deployment`.
    pub target_kind: Text,
    /// The name of what it scales.
    pub target: Name,
    /// At most so many pods.
    pub max: u32,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisruptionBudget {
    /// What it is.
    pub meta: Meta,
    /// So many pods have to be there, as it was written: a number or a share.
    pub min_available: Option<Text>,
    /// So many pods may be away, as it was written: a number or a share.
    pub max_unavailable: Option<Text>,
    /// How many pods it counts.
    pub expected: u32,
    /// How many of them are well.
    pub healthy: u32,
    /// How many have to be.
    pub healthy_min: u32,
    /// How many may be evicted now.
    pub allowed: u32,
    /// Whether its controller has seen the newest of it.
    pub observed: bool,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}
