//! The rules: each looks at one object among the others and says what is wrong with it.
//!
//! A rule is a pure function. What it reads beside its own object stands in `depends`, so that it is asked again when
//! that changes. An object has at most one symptom of each rule: where several of its containers show the same, the
//! first is named and the others are counted in its message. A message speaks of cause and cure and does not name the
//! object, which stands beside it, nor anything that changes from moment to moment (counts of restarts, times): what
//! changes is evidence.

mod access;
mod batch;
mod defaults;
#[cfg(test)]
mod example;
mod ingress;
mod namespaces;
mod network_policies;
mod nodes;
mod pods;
mod quotas;
mod refusals;
mod scaling;
mod schedules;
mod services;
mod storage;
mod webhooks;
mod workloads;

use super::cluster::{Cluster, Key, Kind};
use crate::ids::Timestamp;
use crate::situation::{Fact, Severity};

/// The rules that tell that something is not there, and the kinds that it would be of: while one of them is not listed
/// yet, or may not be listed, nothing is told.
pub(super) const MISSES: &[(&str, &[Kind])] = &[
    ("claim-class-missing", &[Kind::StorageClass]),
    ("claim-no-class", &[Kind::StorageClass]),
    ("ingress-backend-missing", &[Kind::Service]),
    ("ingress-class-missing", &[Kind::IngressClass]),
    ("network-policy-selects-nothing", &[Kind::Pod]),
    ("pod-stuck-creating", &[Kind::Event]),
    ("rights-role-missing", &[Kind::Role, Kind::ClusterRole]),
    ("service-no-endpoints", &[Kind::EndpointSlice, Kind::Pod]),
    ("stateful-set-class-missing", &[Kind::StorageClass]),
    ("stateful-set-service-missing", &[Kind::Service]),
    ("webhook-no-endpoints", &[Kind::EndpointSlice]),
    ("webhook-service-missing", &[Kind::Service]),
];

/// What is written together comes one after the other, and a roll-out takes an endpoint away before it gives another:
/// what one object lacks in another holds only after this time.
const SETTLE_MS: u64 = 10_000;

/// Something that a rule found wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symptom {
    /// The rule's name, such as `pod-crash-loop`.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and, where the rule knows it, what to do.
    pub message: String,
    /// What it was seen by.
    pub evidence: Vec<Fact>,
    /// It holds from now on.
    pub from: Timestamp,
    /// It holds until then, unless it is seen anew.
    pub until: Timestamp,
}

impl Symptom {
    /// A symptom that holds at once, and as long as its object is as it is.
    pub fn new(rule: &'static str, severity: Severity, message: String) -> Symptom {
        Symptom { rule, severity, message, evidence: Vec::new(), from: Timestamp(0), until: Timestamp::MAX }
    }

    /// It holds only from this time on, as long as its object stays as it is.
    #[must_use]
    pub fn from(self, from: Timestamp) -> Symptom {
        Symptom { from, ..self }
    }

    /// It holds only until then.
    #[must_use]
    pub fn until(self, until: Timestamp) -> Symptom {
        Symptom { until, ..self }
    }

    /// It was seen by this.
    #[must_use]
    pub fn seen_by(mut self, key: &str, value: &str) -> Symptom {
        self.evidence.push(Fact::new(key, value));
        self
    }

    /// Whether it holds at this time.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

/// What is wrong with an object; nothing where it is not there.
pub fn examine(cluster: &Cluster, key: &Key) -> Vec<Symptom> {
    /// The rules of a kind, where there is such an object.
    macro_rules! look {
        ($table:ident, $look:path) => {
            cluster.$table.get(&key.name).map_or_else(Vec::new, |object| $look(cluster, object))
        };
    }
    match key.kind {
        Kind::Pod => look!(pods, pods::look),
        Kind::Deployment => look!(deployments, workloads::deployment),
        Kind::ReplicaSet => look!(replica_sets, workloads::replica_set),
        Kind::StatefulSet => look!(stateful_sets, workloads::stateful_set),
        Kind::DaemonSet => look!(daemon_sets, workloads::daemon_set),
        Kind::Job => look!(jobs, batch::job),
        Kind::CronJob => look!(cron_jobs, batch::cron_job),
        Kind::HorizontalPodAutoscaler => look!(autoscalers, scaling::autoscaler),
        Kind::PodDisruptionBudget => look!(budgets, scaling::disruption_budget),
        Kind::Service => look!(services, services::look),
        Kind::Ingress => look!(ingresses, ingress::look),
        Kind::IngressClass => look!(ingress_classes, ingress::class),
        Kind::NetworkPolicy => look!(network_policies, network_policies::look),
        Kind::ValidatingWebhookConfiguration => look!(validating_webhooks, webhooks::look),
        Kind::MutatingWebhookConfiguration => look!(mutating_webhooks, webhooks::look),
        Kind::PersistentVolumeClaim => look!(claims, storage::claim),
        Kind::PersistentVolume => look!(volumes, storage::volume),
        Kind::StorageClass => look!(storage_classes, storage::class),
        Kind::Node => look!(nodes, nodes::look),
        Kind::Namespace => look!(namespaces, namespaces::look),
        Kind::ResourceQuota => look!(quotas, quotas::look),
        Kind::RoleBinding => look!(role_bindings, access::role_binding),
        Kind::ClusterRoleBinding => look!(cluster_role_bindings, access::cluster_role_binding),
        // What they say is evidence for others; what they permit matters once it is given to somebody.
        Kind::EndpointSlice | Kind::Event | Kind::Role | Kind::ClusterRole => Vec::new(),
    }
}
