//! How pods are reached.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Service as K8sService;
use k8s_openapi::api::discovery::v1::EndpointSlice as K8sEndpointSlice;
use k8s_openapi::api::networking::v1 as k8s;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use quarterdeck_core::kubernetes::network::{
    Backend, BackendPort, EndpointSlice, Ingress, IngressClass, NetworkPolicy, Service, ServicePort,
};
use quarterdeck_core::kubernetes::{Object, Selector};

use super::{ENTRIES_MAX, Trimmer, annotation, written};

/// Tells whose endpoints a slice has.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";
/// Names who takes an Ingress, as it was done before there were classes.
const CONTROLLER: &str = "kubernetes.io/ingress.class";
/// Marks the class of those that name none.
const DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";

pub(in super::super) fn service(trimmer: &mut Trimmer, service: &K8sService) -> Object {
    let spec = service.spec.as_ref();
    let selector = spec.and_then(|spec| spec.selector.as_ref()).filter(|selector| !selector.is_empty());
    let ports = spec.and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let port = |trimmer: &mut Trimmer, name: Option<&str>, number| ServicePort {
        name: trimmer.maybe(name),
        number: port_number(number),
    };
    let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    Object::Service(Service {
        meta: trimmer.meta(&service.metadata),
        kind: trimmer.word(spec.and_then(|spec| spec.type_.as_deref()).unwrap_or("ClusterIP")),
        selector: selector.map(|selector| trimmer.labels(Some(selector))),
        ports: ports.iter().take(ENTRIES_MAX).map(|known| port(trimmer, known.name.as_deref(), known.port)).collect(),
        has_address: balancer.and_then(|balancer| balancer.ingress.as_ref()).is_some_and(|given| !given.is_empty()),
    })
}

pub(in super::super) fn endpoint_slice(trimmer: &mut Trimmer, slice: &K8sEndpointSlice) -> Object {
    let service = slice.metadata.labels.as_ref().and_then(|labels| labels.get(SERVICE_LABEL));
    // Where a controller does not say, an endpoint is ready.
    let is_ready = |conditions: Option<bool>| conditions.unwrap_or(true);
    let ready =
        slice.endpoints.iter().filter(|endpoint| is_ready(endpoint.conditions.as_ref().and_then(|of| of.ready)));
    let ready = u32::try_from(ready.count()).unwrap_or(u32::MAX);
    Object::EndpointSlice(EndpointSlice {
        meta: trimmer.meta(&slice.metadata),
        service: trimmer.maybe(service.map(String::as_str)),
        ready,
        changed: written(&slice.metadata),
    })
}

pub(in super::super) fn ingress(trimmer: &mut Trimmer, ingress: &k8s::Ingress) -> Object {
    let spec = ingress.spec.as_ref();
    let rules = spec.and_then(|spec| spec.rules.as_deref()).unwrap_or_default();
    let paths = rules.iter().filter_map(|rule| rule.http.as_ref()).flat_map(|http| &http.paths);
    let default = spec.and_then(|spec| spec.default_backend.as_ref());
    let mut backends = BTreeSet::new();
    for known in default.into_iter().chain(paths.map(|path| &path.backend)) {
        backends.extend(backend(trimmer, known));
        if backends.len() >= ENTRIES_MAX {
            break;
        }
    }
    let balancer = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    Object::Ingress(Ingress {
        meta: trimmer.meta(&ingress.metadata),
        class: trimmer.maybe(spec.and_then(|spec| spec.ingress_class_name.as_deref())),
        annotated: annotation(&ingress.metadata, CONTROLLER).is_some(),
        backends: backends.into_iter().collect(),
        has_address: balancer.and_then(|balancer| balancer.ingress.as_ref()).is_some_and(|given| !given.is_empty()),
    })
}

/// Where a path leads to; nowhere that we look where it leads to another resource than a Service.
fn backend(trimmer: &mut Trimmer, backend: &k8s::IngressBackend) -> Option<Backend> {
    let service = backend.service.as_ref()?;
    let port = service.port.as_ref()?;
    let port = match (&port.name, port.number) {
        (Some(name), _) => BackendPort::Name(trimmer.word(name)),
        (None, number) => BackendPort::Number(port_number(number?)),
    };
    Some(Backend { service: trimmer.word(&service.name), port })
}

pub(in super::super) fn ingress_class(trimmer: &mut Trimmer, class: &k8s::IngressClass) -> Object {
    let default = annotation(&class.metadata, DEFAULT) == Some("true");
    Object::IngressClass(IngressClass { meta: trimmer.meta(&class.metadata), default })
}

pub(in super::super) fn network_policy(trimmer: &mut Trimmer, policy: &k8s::NetworkPolicy) -> Object {
    let pods: Option<&LabelSelector> = policy.spec.as_ref().and_then(|spec| spec.pod_selector.as_ref());
    Object::NetworkPolicy(NetworkPolicy {
        meta: trimmer.meta(&policy.metadata),
        // Of a policy, no selector is an empty one: it is about all pods.
        pods: pods.map_or_else(Selector::default, |pods| trimmer.selector(pods)),
    })
}

/// A port; 0, which no Service has, where it is none.
fn port_number(number: i32) -> u16 {
    u16::try_from(number).unwrap_or(0)
}
