//! Which objects have to be looked at again when one has changed: those whose rules read it.
//!
//! A rule that reads another object than its own has a line here. Whatever is missing here is not noticed until the
//! object itself changes.

use super::cluster::{Cluster, Key, Kind, Object};
use super::network::Webhooks;
use super::object::{Labels, Name};

/// What to look at again, beside the object itself, now that it is another than before.
pub(super) fn dependents(cluster: &Cluster, before: Option<&Object>, now: Option<&Object>) -> Vec<Key> {
    let Some(either) = now.or(before) else { return Vec::new() };
    let name = &either.meta().name;
    // Some rules ask whether it is there, and not how it is.
    let came_or_went = before.is_none() != now.is_none();
    match either {
        Object::Event(event) => {
            Kind::named(&event.about_kind).map(|kind| Key::new(kind, &event.about)).into_iter().collect()
        }
        Object::Pod(_) => {
            let labels = [before, now].map(|object| object.map(|object| &object.meta().labels));
            if labels[0] == labels[1] {
                return Vec::new();
            }
            let mut keys = in_namespace(cluster, Kind::NetworkPolicy, name);
            keys.extend(services(cluster, name, labels));
            keys
        }
        Object::Service(_) => {
            let mut keys = in_namespace(cluster, Kind::Ingress, name);
            keys.extend(webhooks(cluster, name));
            if came_or_went {
                keys.extend(in_namespace(cluster, Kind::StatefulSet, name));
            }
            keys
        }
        Object::EndpointSlice(slice) => {
            let Some(service) = &slice.service else { return Vec::new() };
            let service = Name { namespace: name.namespace.clone(), name: service.clone() };
            let mut keys = vec![Key::new(Kind::Service, &service)];
            keys.extend(webhooks(cluster, &service));
            keys
        }
        Object::IngressClass(_) => everywhere(cluster, &[Kind::Ingress, Kind::IngressClass]),
        Object::StorageClass(_) => {
            everywhere(cluster, &[Kind::PersistentVolumeClaim, Kind::StatefulSet, Kind::StorageClass])
        }
        Object::Deployment(_) | Object::ReplicaSet(_) | Object::StatefulSet(_) if came_or_went => {
            in_namespace(cluster, Kind::HorizontalPodAutoscaler, name)
        }
        Object::Role(_) => in_namespace(cluster, Kind::RoleBinding, name),
        Object::ClusterRole(_) => everywhere(cluster, &[Kind::RoleBinding, Kind::ClusterRoleBinding]),
        Object::Job(job) => {
            let owner = job.meta.owner.as_ref().filter(|owner| &*owner.kind == Kind::CronJob.name());
            let cron = owner.map(|owner| Name { namespace: name.namespace.clone(), name: owner.name.clone() });
            cron.map(|cron| Key::new(Kind::CronJob, &cron)).into_iter().collect()
        }
        Object::Deployment(_)
        | Object::ReplicaSet(_)
        | Object::StatefulSet(_)
        | Object::DaemonSet(_)
        | Object::CronJob(_)
        | Object::HorizontalPodAutoscaler(_)
        | Object::PodDisruptionBudget(_)
        | Object::Ingress(_)
        | Object::NetworkPolicy(_)
        | Object::ValidatingWebhookConfiguration(_)
        | Object::MutatingWebhookConfiguration(_)
        | Object::PersistentVolumeClaim(_)
        | Object::PersistentVolume(_)
        | Object::Node(_)
        | Object::Namespace(_)
        | Object::ResourceQuota(_)
        | Object::RoleBinding(_)
        | Object::ClusterRoleBinding(_) => Vec::new(),
    }
}

/// All objects of a kind in the namespace of this one.
fn in_namespace(cluster: &Cluster, kind: Kind, name: &Name) -> Vec<Key> {
    let of = |names: Vec<Name>| names.iter().map(|name| Key::new(kind, name)).collect();
    of(cluster.names_within(kind, &name.namespace))
}

fn everywhere(cluster: &Cluster, kinds: &[Kind]) -> Vec<Key> {
    let of = |kind: &Kind| cluster.names(*kind).into_iter().map(|name| Key { kind: *kind, name }).collect::<Vec<_>>();
    kinds.iter().flat_map(of).collect()
}

/// The Services that lead to a pod of this namespace by the labels that it had or has.
fn services(cluster: &Cluster, pod: &Name, labels: [Option<&Labels>; 2]) -> Vec<Key> {
    let lead = |selector: &Labels| labels.iter().flatten().any(|labels| selector.are_among(labels));
    let services = cluster.services.within(&pod.namespace);
    let services = services.filter(|service| service.selector.as_ref().is_some_and(lead));
    services.map(|service| Key::new(Kind::Service, &service.meta.name)).collect()
}

/// The webhooks that this Service answers for.
fn webhooks(cluster: &Cluster, service: &Name) -> Vec<Key> {
    let asks = |webhooks: &&Webhooks| webhooks.hooks.iter().any(|hook| hook.service.as_ref() == Some(service));
    let of = |kind: Kind| move |webhooks: &Webhooks| Key::new(kind, &webhooks.meta.name);
    let validating = cluster.validating_webhooks.iter().filter(asks).map(of(Kind::ValidatingWebhookConfiguration));
    let mutating = cluster.mutating_webhooks.iter().filter(asks).map(of(Kind::MutatingWebhookConfiguration));
    validating.chain(mutating).collect()
}
