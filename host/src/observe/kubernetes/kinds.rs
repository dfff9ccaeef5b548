//! The kinds that are watched, each with its API and its noun.

use std::sync::Arc;

use k8s_openapi::Resource;
use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch,
    core::v1 as core, discovery::v1 as discovery, networking::v1 as networking, policy::v1 as policy, rbac::v1 as rbac,
    storage::v1 as storage,
};
use kube::{Api, Client};
use quarterdeck_core::kubernetes::{Kind, Standing};
use tokio::task::JoinHandle;

use super::trim;
use super::watch::{Watched, watch};
use super::{Shared, Trimmed};

/// Of events only the warnings are asked for.
const WARNINGS: &str = "type=Warning";

/// Calls a macro with all kinds: each with its API, what is kept of it, and what of it is asked for.
macro_rules! with_all {
    ($what:ident) => {
        $what! {
            Pod core::Pod: trim::pod, None;
            Event core::Event: trim::event, Some(WARNINGS);
            Node core::Node: trim::node, None;
            Namespace core::Namespace: trim::namespace, None;
            Deployment apps::Deployment: trim::deployment, None;
            ReplicaSet apps::ReplicaSet: trim::replica_set, None;
            StatefulSet apps::StatefulSet: trim::stateful_set, None;
            DaemonSet apps::DaemonSet: trim::daemon_set, None;
            Job batch::Job: trim::job, None;
            CronJob batch::CronJob: trim::cron_job, None;
            HorizontalPodAutoscaler autoscaling::HorizontalPodAutoscaler: trim::autoscaler, None;
            PodDisruptionBudget policy::PodDisruptionBudget: trim::disruption_budget, None;
            Service core::Service: trim::service, None;
            EndpointSlice discovery::EndpointSlice: trim::endpoint_slice, None;
            Ingress networking::Ingress: trim::ingress, None;
            IngressClass networking::IngressClass: trim::ingress_class, None;
            NetworkPolicy networking::NetworkPolicy: trim::network_policy, None;
            ValidatingWebhookConfiguration admission::ValidatingWebhookConfiguration: trim::validating_webhooks, None;
            MutatingWebhookConfiguration admission::MutatingWebhookConfiguration: trim::mutating_webhooks, None;
            PersistentVolumeClaim core::PersistentVolumeClaim: trim::claim, None;
            PersistentVolume core::PersistentVolume: trim::volume, None;
            StorageClass storage::StorageClass: trim::storage_class, None;
            ResourceQuota core::ResourceQuota: trim::quota, None;
            Role rbac::Role: trim::role, None;
            ClusterRole rbac::ClusterRole: trim::cluster_role, None;
            RoleBinding rbac::RoleBinding: trim::role_binding, None;
            ClusterRoleBinding rbac::ClusterRoleBinding: trim::cluster_role_binding, None;
        }
    };
}

/// Begins to watch all kinds, in all namespaces.
pub(super) fn watch_all(client: &Client, shared: &Arc<Shared>) -> Vec<JoinHandle<()>> {
    /// One task a kind.
    macro_rules! watches {
        ($($kind:ident $resource:ty: $trim:path, $fields:expr;)*) => {{
            let mut tasks = Vec::new();
            $(
                shared.known().standings.insert(Kind::$kind, Standing::Listing);
                let api: Api<$resource> = Api::all(client.clone());
                let watched = Watched { api, kind: Kind::$kind, trim: $trim as Trimmed<$resource>, fields: $fields };
                tasks.push(tokio::spawn(watch(watched, shared.clone())));
            )*
            tasks
        }};
    }
    with_all!(watches)
}

/// Each kind, and the API version that it is asked for in, such as `apps/v1`.
pub(super) fn versions() -> Vec<(Kind, &'static str)> {
    macro_rules! versions {
        ($($kind:ident $resource:ty: $trim:path, $fields:expr;)*) => {
            vec![$((Kind::$kind, <$resource as Resource>::API_VERSION),)*]
        };
    }
    with_all!(versions)
}
