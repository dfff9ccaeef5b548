//! Broken objects of a real cluster of Kubernetes 1.34, as its API server gave them: trimmed, and what is found in them.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod, Service};
use quarterdeck_core::kubernetes::rules::examine;
use quarterdeck_core::kubernetes::{Cluster, Key, Kind, Object, Patrol};
use quarterdeck_core::redaction::Redactor;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Trimmer;

/// What is recorded of one broken thing.
macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../../../tests/real/samples/kubernetes/", $name, ".json"))
    };
}

fn trimmer() -> Trimmer {
    Trimmer::new(Arc::new(Redactor::new([7; 32])))
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).expect("an object of this kind")
}

/// The object, where it is of a kind that is read here.
fn trim(trimmer: &mut Trimmer, value: &Value) -> Option<Object> {
    let object = match value["kind"].as_str()? {
        "Pod" => super::pod(trimmer, &read::<Pod>(value)),
        "Service" => super::service(trimmer, &read::<Service>(value)),
        "EndpointSlice" => super::endpoint_slice(trimmer, &read(value)),
        "Ingress" => super::ingress(trimmer, &read(value)),
        "IngressClass" => super::ingress_class(trimmer, &read(value)),
        "NetworkPolicy" => super::network_policy(trimmer, &read(value)),
        "ValidatingWebhookConfiguration" => super::validating_webhooks(trimmer, &read(value)),
        "MutatingWebhookConfiguration" => super::mutating_webhooks(trimmer, &read(value)),
        "PersistentVolumeClaim" => super::claim(trimmer, &read::<PersistentVolumeClaim>(value)),
        "PersistentVolume" => super::volume(trimmer, &read::<PersistentVolume>(value)),
        "StorageClass" => super::storage_class(trimmer, &read(value)),
        _ => return None,
    };
    Some(object)
}

fn patrol(values: &[Value]) -> Patrol {
    let (mut trimmer, mut patrol) = (trimmer(), Patrol::default());
    for value in values {
        if let Some(object) = trim(&mut trimmer, value) {
            patrol.put(object);
        }
    }
    patrol
}

/// Everything that is wrong, whenever it holds: the kind, the rule and the message.
fn found(cluster: &Cluster) -> Vec<(&'static str, &'static str, String)> {
    let of_kind = |kind: &Kind| cluster.names(*kind).into_iter().map(|name| Key::new(*kind, &name)).collect::<Vec<_>>();
    let look = |key: Key| {
        let symptoms = examine(cluster, &key).into_iter();
        symptoms.map(move |symptom| (key.kind.name(), symptom.rule, symptom.message))
    };
    Kind::ALL.iter().flat_map(of_kind).filter(|key| key.kind != Kind::Pod).flat_map(look).collect()
}

#[test]
fn what_is_broken_in_a_real_cluster_is_found_and_nothing_else() {
    let dead = ("Service", "service-no-endpoints", "no pod of its namespace has the labels");
    for (name, sample, expected) in [
        ("a class", sample!("claim-class-missing"), &[("PersistentVolumeClaim", "claim-class-missing", "absent")][..]),
        ("a volume", sample!("claim-lost"), &[("PersistentVolumeClaim", "claim-lost", "its volume is gone")]),
        (
            "no class",
            sample!("claim-no-class"),
            &[("PersistentVolumeClaim", "claim-no-class", "wants no storage class")],
        ),
        (
            "backends",
            sample!("ingress-backend-missing"),
            &[dead, ("Ingress", "ingress-backend-missing", "the Service absent, which does not exist, and 1 more")],
        ),
        ("an ingress class", sample!("ingress-class-unknown"), &[dead, ("Ingress", "ingress-class-missing", "absent")]),
        (
            "a policy",
            sample!("network-policy-selects-nothing"),
            &[("NetworkPolicy", "network-policy-selects-nothing", "no pod of its namespace has the labels")],
        ),
        ("an address", sample!("service-load-balancer"), &[("Service", "service-no-address", "nobody says why")]),
        (
            "readiness",
            sample!("service-pods-not-ready"),
            &[("Service", "service-no-endpoints", "none of them is ready")],
        ),
        ("a selector", sample!("service-selects-nothing"), &[dead]),
        (
            "two defaults",
            sample!("storage-class-default-twice"),
            &[("StorageClass", "storage-class-default-twice", "this one and default-two")],
        ),
        (
            "who is asked, closed",
            sample!("webhook-mutating"),
            &[("MutatingWebhookConfiguration", "webhook-service-missing", "is refused")],
        ),
        (
            "who is asked, open",
            sample!("webhook-validating"),
            &[("ValidatingWebhookConfiguration", "webhook-service-missing", "as if it had agreed")],
        ),
        (
            "a stateful set's",
            sample!("stateful-set-stuck"),
            &[
                ("Service", "service-no-endpoints", "none of them is ready"),
                ("PersistentVolumeClaim", "claim-class-missing", "absent"),
            ],
        ),
    ] {
        let sample: Value = serde_json::from_str(sample).expect("JSON");
        let patrol = patrol(sample["items"].as_array().expect("a list"));
        let found = found(patrol.cluster());
        let rules: Vec<_> = found.iter().map(|(kind, rule, _)| (*kind, *rule)).collect();
        let wanted: Vec<_> = expected.iter().map(|(kind, rule, _)| (*kind, *rule)).collect();
        assert_eq!(rules, wanted, "{name}");
        for ((_, _, message), (_, _, part)) in found.iter().zip(expected) {
            assert!(message.contains(part), "{name}: {message}");
        }
    }
}

fn one(value: Value) -> Object {
    trim(&mut trimmer(), &value).expect("a kind that is read")
}

#[test]
fn an_endpoint_is_ready_unless_its_controller_says_otherwise() {
    let slice = |endpoints: Value| {
        let object = one(json!({
            "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": endpoints,
            "metadata": {
                "name": "web-1", "namespace": "shop", "labels": { "kubernetes.io/service-name": "web" },
                "creationTimestamp": "2026-11-27T23:00:00Z",
                "managedFields": [{ "manager": "a", "time": "2026-11-27T23:00:09Z" }, { "manager": "b" }],
            },
        }));
        let Object::EndpointSlice(slice) = object else { panic!("{object:?}") };
        slice
    };
    let conditions = |ready: Value| json!({ "addresses": ["10.0.0.1"], "conditions": ready });
    assert_eq!(slice(Value::Null).ready, 0);
    assert_eq!(slice(json!([{ "addresses": ["10.0.0.1"] }])).ready, 1);
    assert_eq!(slice(json!([conditions(json!({})), conditions(json!({ "ready": false }))])).ready, 1);
    let known = slice(json!([]));
    assert_eq!(known.service.as_deref(), Some("web"));
    assert_eq!(known.changed.since_ms(known.meta.created), 9_000);
}

#[test]
fn a_service_without_a_selector_is_told_from_one_that_selects_nothing() {
    let selector = |spec: Value| {
        let object =
            one(json!({ "kind": "Service", "metadata": { "name": "web", "namespace": "shop" }, "spec": spec }));
        let Object::Service(service) = object else { panic!("{object:?}") };
        service.selector.is_some()
    };
    assert!(selector(json!({ "selector": { "app": "web" } })));
    assert!(!selector(json!({ "selector": {} })));
    assert!(!selector(json!({})));
}

#[test]
fn an_ingress_leads_to_each_backend_once_and_the_old_ways_are_known() {
    let to = |name: &str, port: Value| json!({ "service": { "name": name, "port": port } });
    let path = |backend: Value| json!({ "path": "/", "pathType": "Prefix", "backend": backend });
    let bucket = json!({ "resource": { "kind": "Bucket", "name": "static" } });
    let object = one(json!({
        "kind": "Ingress",
        "metadata": { "name": "web", "namespace": "shop", "annotations": { "kubernetes.io/ingress.class": "gce" } },
        "spec": {
            "defaultBackend": to("web", json!({ "number": 80 })),
            "rules": [{ "http": { "paths": [
                path(to("web", json!({ "number": 80 }))), path(to("api", json!({ "name": "http" }))), path(bucket),
            ] } }],
        },
        "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } },
    }));
    let Object::Ingress(ingress) = object else { panic!("{object:?}") };
    let services: Vec<&str> = ingress.backends.iter().map(|backend| &*backend.service).collect();
    assert_eq!(services, ["api", "web"]);
    assert!(ingress.annotated && ingress.has_address && ingress.class.is_none());
}

#[test]
fn a_webhook_that_says_nothing_refuses_and_one_elsewhere_has_no_service() {
    let hook = |client: Value, more: Value| {
        let mut webhook = json!({
            "name": "guard.test", "clientConfig": client, "sideEffects": "None", "admissionReviewVersions": ["v1"],
        });
        webhook.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let object = one(
            json!({ "kind": "ValidatingWebhookConfiguration", "metadata": { "name": "guard" }, "webhooks": [webhook] }),
        );
        let Object::ValidatingWebhookConfiguration(webhooks) = object else { panic!("{object:?}") };
        webhooks.hooks[0].clone()
    };
    let inside = json!({ "service": { "namespace": "guards", "name": "guard" } });
    assert!(hook(inside.clone(), json!({})).fails_closed);
    assert!(hook(inside.clone(), json!({ "failurePolicy": "Fail" })).fails_closed);
    assert!(!hook(inside.clone(), json!({ "failurePolicy": "Ignore" })).fails_closed);
    assert_eq!(hook(inside, json!({})).service.map(|name| name.to_string()).as_deref(), Some("guards/guard"));
    assert!(hook(json!({ "url": "https://guard.test" }), json!({})).service.is_none());
}

#[test]
fn storage_is_read_in_the_old_ways_and_the_new() {
    let class = |mark: &str, binding: &str| {
        let annotations = json!({ (mark): "true" });
        let object = one(json!({
            "kind": "StorageClass", "metadata": { "name": "fast", "annotations": annotations },
            "provisioner": "disks.test", "volumeBindingMode": binding,
        }));
        let Object::StorageClass(class) = object else { panic!("{object:?}") };
        (class.default, class.waits)
    };
    assert_eq!(class("storageclass.kubernetes.io/is-default-class", "WaitForFirstConsumer"), (true, true));
    assert_eq!(class("storageclass.beta.kubernetes.io/is-default-class", "Immediate"), (true, false));
    assert_eq!(class("something.test/is-default-class", "Immediate"), (false, false));

    let claim = |annotations: Value| {
        let object = one(json!({
            "kind": "PersistentVolumeClaim", "metadata": { "name": "data", "namespace": "shop", "annotations": annotations },
            "spec": { "storageClassName": "fast" }, "status": { "phase": "Pending" },
        }));
        let Object::PersistentVolumeClaim(claim) = object else { panic!("{object:?}") };
        claim
    };
    assert_eq!(claim(json!({})).class.as_deref(), Some("fast"));
    assert_eq!(claim(json!({ "volume.beta.kubernetes.io/storage-class": "old" })).class.as_deref(), Some("old"));
    assert!(!claim(json!({})).wanted);
    assert!(claim(json!({ "volume.kubernetes.io/selected-node": "node1" })).wanted);

    let volume = json!({
        "kind": "PersistentVolume", "metadata": { "name": "disk-1" },
        "spec": {
            "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": { "kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data" },
        },
        "status": { "phase": "Failed", "reason": "Busy", "message": "the disk is\u{1b}[31m in use" },
    });
    let found = found(patrol(&[volume]).cluster());
    assert_eq!((found.len(), found[0].1), (1, "volume-failed"));
    assert!(!found[0].2.contains('\u{1b}') && found[0].2.contains("in use"), "{found:?}");
}
