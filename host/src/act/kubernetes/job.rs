//! What a worker is in a cluster, as the API server is told it: a Job and the ConfigMap with its inputs. Pure: the same order
//! makes the same bytes.
//!
//! Neither has an owner: who deletes a mission must not kill its apply. Both are found by their labels, and go once the
//! worker's end is in the journal; the Job's time to live is for the day when nobody comes to do that.
//!
//! [`differs`] compares what the API server has with what it was told. It is asked of each answer, so that what an
//! admission webhook changed is seen before a worker claims anything, and of each Job that is there already: one that was
//! made by somebody else under the name is never taken for ours. The seal is keyed, so nobody can make one beforehand.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quarterdeck_core::kubernetes::quantity::Quantity;
use quarterdeck_core::order::{Class, Order};
use quarterdeck_core::situation::Operation;
use quarterdeck_core::terraform::secrets::{SecretKey, SecretVariables, VARIABLE_PREFIX};
use quarterdeck_worker::protocol::RunConfig;
use ring::hmac;
use serde_json::{Map, Value, json};

use crate::apiserver::{BuilderWanted, label};

/// A worker ends itself at its deadline; the cluster ends one that did not so many seconds later.
const OVERTIME_S: u64 = 60;
/// What Terraform needs to end after its interrupt, and the worker to hand its states over.
const GRACE_S: u64 = 90;
/// The backstop for what nobody forgets: seconds after which an ended Job goes by itself.
const TIME_TO_LIVE_S: u64 = 3_600;
/// A token is renewed by the kubelet before it is so old.
const TOKEN_S: u64 = 3_600;
/// The files of a mission come with the order up to this size; larger ones are fetched. A ConfigMap has 1 MiB at most.
const FILES_BYTES_MAX: usize = 700 << 10;
/// Whom the worker's token is for, and nobody else.
pub(super) const AUDIENCE: &str = "quarterdeck";
/// The annotation by which the host knows its own Jobs.
pub(super) const SEAL: &str = "quarterdeck.dev/seal";
/// The container.
pub(super) const CONTAINER: &str = "worker";

/// What a worker is made of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Made {
    /// Its inputs.
    pub(super) config_map: Value,
    /// The Job.
    pub(super) job: Value,
}

/// What is the same for every worker of the class.
pub(super) struct Mould<'a> {
    pub(super) builder: &'a BuilderWanted,
    /// How workers run, and where they find the host.
    pub(super) run: &'a RunConfig,
    /// The host's name and its address, where no name server is needed to find it.
    pub(super) alias: Option<(&'a str, &'a str)>,
    /// The key of the seals.
    pub(super) key: &'a [u8; 32],
}

/// The worker of an order, with the mission's files and secrets; none for what no worker in a cluster does.
pub(super) fn make(mould: &Mould<'_>, order: &Order, files: &[u8], secrets: &SecretVariables) -> Option<Made> {
    let operation = match order.key.operation {
        Operation::Plan => "plan",
        Operation::PlanDestroy => "plan-destroy",
        Operation::Apply => "apply",
        Operation::Check | Operation::Configure | Operation::Scan => return None,
    };
    let config_map = config_map(mould, order, files);
    let mut job = job(mould, order, operation);
    if !secrets.is_empty() {
        job["spec"]["template"]["spec"]["containers"][0]["env"] = secrets.iter().map(variable).collect();
    }
    let sealed = [job.to_string(), config_map.to_string()].join("\n");
    let seal = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, mould.key), format!("job\n{sealed}").as_bytes());
    job["metadata"]["annotations"] = json!({ SEAL: STANDARD.encode(seal) });
    Some(Made { config_map, job })
}

/// The bytes of an order and of how to run it, as the worker finds them and the host compares them.
pub(super) fn inputs(order: &Order, run: &RunConfig) -> (Vec<u8>, Vec<u8>) {
    let order = serde_json::to_vec(order).expect("an order is plain JSON");
    (order, serde_json::to_vec(run).expect("a configuration is plain JSON"))
}

fn labels(order: &Order) -> Value {
    json!({
        label::MANAGED_BY: label::OURS,
        label::ORDER: order.name.as_str(),
        label::CLASS: Class::of(order.key.operation).name(),
        label::MISSION: order.mission.as_str(),
        label::GENERATION: order.key.generation.to_string(),
    })
}

fn config_map(mould: &Mould<'_>, order: &Order, files: &[u8]) -> Value {
    let (order_json, config_json) = inputs(order, mould.run);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("JSON is UTF-8");
    let mut map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": order.name.as_str(), "namespace": mould.builder.namespace, "labels": labels(order) },
        "immutable": true,
        "data": { "order.json": text(order_json), "config.json": text(config_json) },
    });
    if files.len() <= FILES_BYTES_MAX {
        map["binaryData"] = json!({ "files.bin": STANDARD.encode(files) });
    }
    map
}

fn job(mould: &Mould<'_>, order: &Order, operation: &str) -> Value {
    let builder = mould.builder;
    let seconds = order.deadline.since_ms(order.made) / 1_000 + OVERTIME_S;
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": order.name.as_str(), "namespace": builder.namespace, "labels": labels(order) },
        "spec": {
            "parallelism": 1,
            "completions": 1,
            "completionMode": "NonIndexed",
            "suspend": false,
            // A second pod would not get the claim.
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": { "rules": [
                { "action": "FailJob", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] },
                { "action": "FailJob", "onExitCodes": { "containerName": CONTAINER, "operator": "NotIn", "values": [0] } },
            ] },
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": TIME_TO_LIVE_S,
            "template": { "metadata": { "labels": labels(order) }, "spec": pod(mould, order, operation) },
        },
    })
}

fn pod(mould: &Mould<'_>, order: &Order, operation: &str) -> Value {
    let builder = mould.builder;
    let mut spec = json!({
        "restartPolicy": "Never",
        "serviceAccountName": builder.service_account,
        "serviceAccount": builder.service_account,
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "schedulerName": "default-scheduler",
        "dnsPolicy": "Default",
        "terminationGracePeriodSeconds": GRACE_S,
        // The engine's socket is root's and its group's; this root may do nothing else.
        "securityContext": { "runAsUser": 0, "runAsGroup": 0, "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [{
            "name": CONTAINER,
            "image": builder.image,
            "imagePullPolicy": "IfNotPresent",
            "command": [
                text(&builder.program), "terraform", operation, "--folder", "/work", "--inputs", "/inputs",
            ],
            "resources": { "requests": builder.resources.requests, "limits": builder.resources.limits },
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "privileged": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
            "volumeMounts": [
                { "name": "work", "mountPath": "/work" },
                { "name": "tmp", "mountPath": "/tmp" },
                { "name": "inputs", "mountPath": "/inputs", "readOnly": true },
                { "name": "token", "mountPath": "/var/run/quarterdeck", "readOnly": true },
                { "name": "engine", "mountPath": text(&builder.engine_socket) },
            ],
        }],
        "volumes": [
            { "name": "work", "emptyDir": {} },
            { "name": "tmp", "emptyDir": {} },
            { "name": "inputs", "configMap": { "name": order.name.as_str(), "defaultMode": 0o444 } },
            { "name": "token", "projected": { "defaultMode": 0o400, "sources": [
                { "serviceAccountToken": { "audience": AUDIENCE, "expirationSeconds": TOKEN_S, "path": "token" } },
            ] } },
            { "name": "engine", "hostPath": { "path": text(&builder.engine_socket), "type": "Socket" } },
        ],
    });
    if let Some((name, address)) = mould.alias {
        spec["hostAliases"] = json!([{ "ip": address, "hostnames": [name] }]);
    }
    if !builder.node_selector.is_empty() {
        spec["nodeSelector"] = json!(builder.node_selector);
    }
    spec
}

/// A variable whose value the kubelet looks up; the API server is told the names alone.
fn variable((name, SecretKey { name: secret, key }): (&String, &SecretKey)) -> Value {
    let from = json!({ "secretKeyRef": { "name": secret, "key": key } });
    json!({ "name": format!("{VARIABLE_PREFIX}{name}"), "valueFrom": from })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What the API server adds of its own to a Job's spec and to its template's labels.
const ADDED: [&str; 7] = [
    "/spec/selector",
    "/spec/manualSelector",
    "/spec/template/metadata/creationTimestamp",
    "/spec/template/metadata/labels/batch.kubernetes.io~1controller-uid",
    "/spec/template/metadata/labels/batch.kubernetes.io~1job-name",
    "/spec/template/metadata/labels/controller-uid",
    "/spec/template/metadata/labels/job-name",
];

/// Where the first difference is between what was told and what is there, as a JSON pointer; none where what is there is
/// what was told. Of the metadata only what was told counts, but an owner would be one who can end it.
pub(super) fn differs(told: &Value, there: &Value) -> Option<String> {
    let metadata = |object: &Value| object["metadata"].clone();
    let (told_meta, there_meta) = (metadata(told), metadata(there));
    for field in ["name", "namespace", "labels", "annotations"] {
        if let Some(path) = misses(&told_meta[field], &there_meta[field], &format!("/metadata/{field}")) {
            return Some(path);
        }
    }
    if there_meta.get("ownerReferences").and_then(Value::as_array).is_some_and(|owners| !owners.is_empty()) {
        return Some("/metadata/ownerReferences".to_owned());
    }
    for field in ["spec", "data", "binaryData", "immutable"] {
        let path = format!("/{field}");
        match (told.get(field), there.get(field)) {
            (None, None) => {}
            (Some(told), Some(there)) => {
                if let Some(path) = other(told, there, &path) {
                    return Some(path);
                }
            }
            (None, Some(_)) | (Some(_), None) => return Some(path),
        }
    }
    None
}

/// What of `told` is not `there`; more may be there.
fn misses(told: &Value, there: &Value, path: &str) -> Option<String> {
    let Value::Object(told) = told else { return (told != there).then(|| path.to_owned()) };
    let told = told.iter().find(|(key, value)| there.get(key.as_str()) != Some(value));
    told.map(|(key, _)| format!("{path}/{}", escaped(key)))
}

/// Where two values differ, but for what the API server adds.
fn other(told: &Value, there: &Value, path: &str) -> Option<String> {
    match (told, there) {
        (Value::Object(told), Value::Object(there)) => other_fields(told, there, path),
        (Value::Array(told), Value::Array(there)) => {
            if told.len() != there.len() {
                return Some(path.to_owned());
            }
            let pairs = told.iter().zip(there).enumerate();
            pairs.into_iter().find_map(|(index, (told, there))| other(told, there, &format!("{path}/{index}")))
        }
        (Value::String(told), Value::String(there)) if is_quantity(path) => {
            // The API server writes a quantity its own way.
            (Quantity::parse(told) != Quantity::parse(there)).then(|| path.to_owned())
        }
        (told, there) => (told != there).then(|| path.to_owned()),
    }
}

fn other_fields(told: &Map<String, Value>, there: &Map<String, Value>, path: &str) -> Option<String> {
    let at = |key: &str| format!("{path}/{}", escaped(key));
    let added = there.keys().find(|key| !told.contains_key(*key) && !ADDED.contains(&at(key).as_str()));
    if let Some(key) = added {
        return Some(at(key));
    }
    told.iter().find_map(|(key, value)| match there.get(key) {
        Some(there) => other(value, there, &at(key)),
        // An empty map is left out by the API server.
        None if value.as_object().is_some_and(Map::is_empty) => None,
        None => Some(at(key)),
    })
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn is_quantity(path: &str) -> bool {
    path.contains("/resources/requests/") || path.contains("/resources/limits/")
}

#[cfg(test)]
mod tests;
