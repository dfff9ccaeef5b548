//! What is made of an order, and each difference that is seen.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::order::OrderKey;
use quarterdeck_worker::protocol::HostAddress;

use super::*;

fn order(operation: Operation) -> Order {
    let uid = Digest::of(b"uid");
    let key = OrderKey { uid, generation: 2, operation, input: Digest::of(b"files") };
    let name = MissionName::parse("shop/web").unwrap();
    Order {
        name: key.name(&name, 1),
        mission: name.id(&uid).unwrap(),
        key,
        attempt: 1,
        plan: Digest::of(b"files"),
        apply: None,
        made: Timestamp(1_000_000),
        deadline: Timestamp(1_000_000 + 20 * 60_000),
        remedy: None,
        grants: Vec::new(),
        rehearsal: false,
    }
}

fn builder() -> BuilderWanted {
    let image = format!("example/builder@sha256:{}", "a".repeat(64));
    serde_saphyr::from_str(&format!("image: \"{image}\"")).unwrap()
}

fn run() -> RunConfig {
    RunConfig {
        host: HostAddress::Tls { url: "https://host".into(), authority: "PEM".into(), token: "/token".into() },
        terraform: "/usr/local/bin/terraform".into(),
        engine: "/var/run/docker.sock".into(),
        environment: Vec::new(),
    }
}

fn made(order: &Order, files: &[u8]) -> Made {
    let (builder, run) = (builder(), run());
    let alias = Some(("quarterdeck-workers.ai-agent.svc", "10.96.0.7"));
    make(&Mould { builder: &builder, run: &run, alias, key: &[7; 32] }, order, files, &SecretVariables::new()).unwrap()
}

#[test]
fn a_secret_is_named_to_the_kubelet_and_nowhere_else() {
    let (builder, run, order) = (builder(), run(), order(Operation::Plan));
    let secrets = [("password".to_owned(), SecretKey { name: "db".to_owned(), key: "pass".to_owned() })].into();
    let made =
        make(&Mould { builder: &builder, run: &run, alias: None, key: &[7; 32] }, &order, b"f", &secrets).unwrap();
    let from = json!([{ "name": "TF_VAR_password", "valueFrom": { "secretKeyRef": { "name": "db", "key": "pass" } } }]);
    assert_eq!(made.job["spec"]["template"]["spec"]["containers"][0]["env"], from);
    assert_eq!(differs(&made.job, &served(&made.job)), None);
    let mut other = served(&made.job);
    other["spec"]["template"]["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["name"] = json!("root");
    assert!(differs(&made.job, &other).is_some(), "another Secret is another worker");
}

/// As an API server gives it back: with its own fields, and what it adds.
fn served(told: &Value) -> Value {
    let mut there = told.clone();
    there["metadata"]["uid"] = json!("u1");
    there["metadata"]["resourceVersion"] = json!("17");
    there["metadata"]["managedFields"] = json!([{}]);
    if there["kind"] == "Job" {
        there["spec"]["selector"] = json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": "u1" } });
        there["spec"]["template"]["metadata"]["labels"]["job-name"] = told["metadata"]["name"].clone();
        there["status"] = json!({});
        // 1024Mi is 1Gi to it.
        there["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = json!("1024Mi");
    }
    there
}

#[test]
fn what_is_made_is_safe_and_the_same_each_time() {
    let order = order(Operation::Plan);
    let first = made(&order, b"files");
    assert_eq!(first, made(&order, b"files"));
    let text = first.job.to_string();
    assert!(!text.contains("ownerReferences") && !text.contains("secret"), "{text}");
    assert_eq!(first.job["metadata"]["name"], order.name.as_str());
    assert_eq!(first.job["metadata"]["name"], first.config_map["metadata"]["name"]);
    let spec = &first.job["spec"]["template"]["spec"];
    assert_eq!(spec["automountServiceAccountToken"], false);
    let container = &spec["containers"][0];
    assert_eq!(container["securityContext"]["capabilities"], json!({ "drop": ["ALL"] }));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let host_paths: Vec<&Value> =
        spec["volumes"].as_array().unwrap().iter().filter_map(|volume| volume.get("hostPath")).collect();
    assert_eq!(host_paths, [&json!({ "path": "/var/run/docker.sock", "type": "Socket" })]);
    assert_eq!(first.job["spec"]["activeDeadlineSeconds"], 20 * 60 + 60);
    // It is what the API server's own types hold, to the last field.
    let typed: k8s_openapi::api::batch::v1::Job = serde_json::from_value(first.job.clone()).unwrap();
    assert_eq!(other(&first.job["spec"], &serde_json::to_value(typed).unwrap()["spec"], ""), None);
}

#[test]
fn large_files_are_left_to_be_fetched() {
    let order = order(Operation::Plan);
    assert!(made(&order, b"files").config_map["binaryData"]["files.bin"].is_string());
    assert!(made(&order, &vec![0; FILES_BYTES_MAX + 1]).config_map.get("binaryData").is_none());
}

#[test]
fn what_the_api_server_gives_back_is_what_it_was_told() {
    let made = made(&order(Operation::Apply), b"files");
    assert_eq!(differs(&made.job, &served(&made.job)), None);
    assert_eq!(differs(&made.config_map, &served(&made.config_map)), None);
}

#[test]
fn a_seal_is_of_exactly_this_work() {
    let seal = |made: &Made| made.job["metadata"]["annotations"][SEAL].as_str().unwrap().to_owned();
    let plan = order(Operation::Plan);
    let good = seal(&made(&plan, b"files"));
    assert_ne!(good, seal(&made(&order(Operation::Apply), b"files")));
    assert_ne!(good, seal(&made(&plan, b"other")), "the inputs are sealed too");
    let (builder, run) = (builder(), run());
    let none = SecretVariables::new();
    let other =
        make(&Mould { builder: &builder, run: &run, alias: None, key: &[8; 32] }, &plan, b"files", &none).unwrap();
    assert_ne!(good, seal(&other));
}

#[test]
fn every_single_difference_is_seen() {
    let made = made(&order(Operation::Plan), b"files");
    type Change = fn(&mut Value);
    let pod = |change: Change| move |job: &mut Value| change(&mut job["spec"]["template"]["spec"]);
    let seen = |change: &dyn Fn(&mut Value)| {
        let mut there = served(&made.job);
        change(&mut there);
        differs(&made.job, &there).unwrap_or_default()
    };
    let seal = "/metadata/annotations/quarterdeck.dev~1seal";
    assert_eq!(seen(&|job| job["metadata"]["annotations"] = json!({ SEAL: "forged" })), seal);
    assert_eq!(seen(&|job| job["metadata"]["annotations"] = json!({})), seal);
    assert_eq!(seen(&|job| job["metadata"]["ownerReferences"] = json!([{ "uid": "x" }])), "/metadata/ownerReferences");
    assert_eq!(seen(&|job| job["spec"]["suspend"] = json!(true)), "/spec/suspend");
    assert_eq!(seen(&|job| job["spec"]["backoffLimit"] = json!(6)), "/spec/backoffLimit");
    assert_eq!(seen(&|job| job["spec"]["managedBy"] = json!("ada")), "/spec/managedBy");
    let at = "/spec/template/spec";
    assert_eq!(seen(&pod(|pod| pod["hostNetwork"] = json!(true))), format!("{at}/hostNetwork"));
    assert_eq!(seen(&pod(|pod| pod["initContainers"] = json!([{}]))), format!("{at}/initContainers"));
    assert_eq!(seen(&pod(|pod| pod["containers"][0]["image"] = json!("x"))), format!("{at}/containers/0/image"));
    assert_eq!(seen(&pod(|pod| pod["containers"][0]["env"] = json!([{}]))), format!("{at}/containers/0/env"));
    let more: Change = |pod| pod["containers"].as_array_mut().unwrap().push(json!({}));
    assert_eq!(seen(&pod(more)), format!("{at}/containers"));
    let path: Change = |pod| pod["volumes"][4]["hostPath"]["path"] = json!("/");
    assert_eq!(seen(&pod(path)), format!("{at}/volumes/4/hostPath/path"));
    let memory: Change = |pod| pod["containers"][0]["resources"]["limits"]["memory"] = json!("2Gi");
    assert_eq!(seen(&pod(memory)), format!("{at}/containers/0/resources/limits/memory"));
    let label = |job: &mut Value| job["spec"]["template"]["metadata"]["labels"]["sidecar"] = json!("yes");
    assert_eq!(seen(&label), "/spec/template/metadata/labels/sidecar");

    let mut map = served(&made.config_map);
    map["data"]["order.json"] = json!("{}");
    assert_eq!(differs(&made.config_map, &map).as_deref(), Some("/data/order.json"));
    let mut map = served(&made.config_map);
    map["data"]["result.json"] = json!("forged");
    assert_eq!(differs(&made.config_map, &map).as_deref(), Some("/data/result.json"));
    let mut map = served(&made.config_map);
    map.as_object_mut().unwrap().remove("immutable");
    assert_eq!(differs(&made.config_map, &map).as_deref(), Some("/immutable"));
}

#[test]
fn nobody_in_a_cluster_configures_or_scans_yet() {
    let (builder, run) = (builder(), run());
    let mould = Mould { builder: &builder, run: &run, alias: None, key: &[7; 32] };
    assert_eq!(make(&mould, &order(Operation::Scan), b"", &SecretVariables::new()), None);
}
