//! Pods: why one does not come up, does not stay up, does not serve, or does not go.
//!
//! A pod shows its cause once. Whether it is on its way out, has ended or lives decides who looks; of a living one, what
//! the node does not say, what the scheduler does not find and what a container shows exclude each other in this order.
//! Of one container the cause comes before its effect: memory that ran out and a probe that kills are told instead of
//! the crash loop that they make.
//!
//! A pod of a Job that failed is the Job's business: its rule tells it, and nothing is told here. While such a pod
//! lives, what is wrong with it is told like any other's.

mod containers;
mod crashes;
mod creating;
mod ending;
mod images;
mod probes;
mod scheduling;
mod starting;
mod words;

#[cfg(test)]
mod fixture;

pub(super) use words::steady;

use super::Symptom;
use crate::ids::Timestamp;
use crate::kubernetes::cluster::{Cluster, Kind};
use crate::kubernetes::event::Event;
use crate::kubernetes::object::condition;
use crate::kubernetes::pod::{Container, Ended, Phase, Pod, State};

/// An end, or a probe that failed, is told this long after it. A kubelet waits at most 5 minutes before it starts a
/// container again, so what starts and ends in turn is one trouble; and after 10 minutes of running it forgives.
const RECENT_MS: u64 = 10 * 60_000;

pub(super) fn look(cluster: &Cluster, pod: &Pod) -> Vec<Symptom> {
    let warnings = warnings(cluster, pod);
    if pod.meta.deleted.is_some() {
        return ending::stuck(pod, &warnings).into_iter().collect();
    }
    match pod.phase {
        Phase::Succeeded => Vec::new(),
        Phase::Failed => ending::failed(pod),
        Phase::Unknown => vec![ending::node_lost(pod)],
        Phase::Pending | Phase::Running => living(pod, &warnings),
    }
}

fn living(pod: &Pod, warnings: &[&Event]) -> Vec<Symptom> {
    if let Some(symptom) = ending::silent_node(pod) {
        return vec![symptom];
    }
    if pod.node.is_none() {
        return scheduling::look(pod).into_iter().collect();
    }
    if pod.containers.iter().all(not_begun) {
        return creating::look(pod, warnings).into_iter().collect();
    }
    let mut symptoms = containers::look(pod, warnings);
    symptoms.extend(probes::readiness_gate(pod));
    symptoms
}

/// The warnings about this very pod, the newest first. A static pod's kubelet calls it by another uid than the API
/// server does.
fn warnings<'a>(cluster: &'a Cluster, pod: &Pod) -> Vec<&'a Event> {
    let is_static = pod.meta.owner.as_ref().is_some_and(|owner| &*owner.kind == Kind::Node.name());
    let mut warnings = cluster.warnings(Kind::Pod, &pod.meta.name);
    warnings.retain(|event| is_static || event.about_uid == pod.meta.uid);
    warnings
}

/// Whether the kubelet has not come to this container yet.
fn not_begun(container: &Container) -> bool {
    match &container.state {
        State::Waiting { reason, .. } => matches!(&**reason, "" | "ContainerCreating" | "PodInitializing"),
        State::Running(_) | State::Ended(_) => false,
    }
}

/// Whether a container waits for this reason.
fn waits(container: &Container, reasons: &[&str]) -> bool {
    match &container.state {
        State::Waiting { reason, .. } => reasons.contains(&&**reason),
        State::Running(_) | State::Ended(_) => false,
    }
}

/// A container's newest end.
fn end(container: &Container) -> Option<&Ended> {
    match &container.state {
        State::Ended(end) => Some(end),
        State::Waiting { .. } | State::Running(_) => container.last.as_deref(),
    }
}

/// Since when a pod is not what this condition says; since it was made, where it does not tell.
fn since(pod: &Pod, kind: &str) -> Timestamp {
    condition(&pod.conditions, kind).map_or(pod.meta.created, |condition| condition.since)
}
