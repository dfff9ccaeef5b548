//! Missions as objects: what the host may do about them, and the overlay that runs a host for them.

use std::collections::BTreeSet;

use quarterdeck::apiserver::ServiceName;
use quarterdeck::apiserver::mission::FINALIZER;
use quarterdeck_core::kubernetes::own::needed;
use quarterdeck_core::kubernetes::{Duties, Right, WorkersDuty};
use serde_json::json;

use super::builder::{given, words_of};
use super::{parse, text};

const FOLDER: &str = "deploy/kubernetes/missions";
const OVERLAY: &str = "deploy/kubernetes/overlays/missions";

#[test]
fn the_host_may_do_about_missions_exactly_this() {
    let rights = text(&format!("{FOLDER}/rights.yaml"));
    let expected: BTreeSet<(String, String, String)> = [
        ("quarterdeck-missions", "missions", "list watch get patch"),
        ("quarterdeck-missions", "missions/status", "patch"),
        ("quarterdeck-missions", "events", "create"),
        ("quarterdeck-mission-files", "configmaps", "get"),
    ]
    .iter()
    .flat_map(|(role, resource, verbs)| {
        verbs.split(' ').map(|verb| ((*role).to_owned(), (*resource).to_owned(), verb.to_owned()))
    })
    .collect();
    assert_eq!(given(&rights), expected);
    let verb = |line: &&str| line.starts_with("      - ");
    let silent = |line: &&str| line.split_once(" # ").is_none_or(|(_, why)| why.trim().len() < 8);
    assert_eq!(rights.lines().filter(verb).filter(silent).collect::<Vec<_>>(), Vec::<&str>::new(), "without a reason");
    let documents = parse(&rights);
    let bound: Vec<&str> = documents
        .iter()
        .filter(|document| words_of(document, "kind").ends_with("Binding"))
        .map(|document| words_of(&document["roleRef"], "name"))
        .collect();
    assert_eq!(bound, ["quarterdeck-missions"], "a namespace lets its ConfigMaps be read, or not");
}

/// What the program says that it needs is what the manifests give, resource by resource.
#[test]
fn what_the_host_asks_whether_it_may_is_what_it_is_given() {
    let workers = WorkersDuty {
        namespace: "quarterdeck-builder".to_owned(),
        own: "ai-agent".to_owned(),
        lease: quarterdeck::apiserver::lease::NAME.to_owned(),
        service: Some(ServiceName::default().name),
    };
    let duties = Duties { workers: Some(workers), missions: true };
    let named = |right: &Right| {
        let name = right.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        (format!("{}{name}", right.resource), right.verb.to_owned())
    };
    let asked: BTreeSet<(String, String)> = needed(&duties).iter().map(named).collect();
    let files = ["deploy/kubernetes/builder/rights.yaml".to_owned()]
        .into_iter()
        .chain(["rights.yaml", "approval-rights.yaml"].map(|name| format!("{FOLDER}/{name}")));
    let granted = files.flat_map(|file| given(&text(&file)));
    // A namespace's own business, which is asked for where a mission names a ConfigMap.
    let granted = granted.filter(|(role, _, _)| role != "quarterdeck-mission-files");
    let granted: BTreeSet<(String, String)> = granted.map(|(_, resource, verb)| (resource, verb)).collect();
    assert_eq!(asked, granted);
    assert_eq!(quarterdeck_core::kubernetes::own::APPROVAL_POLICY, quarterdeck::apiserver::approval::policy::NAME);
}

/// `doctor` looks for every admission policy that there is, and names the file that installs it.
#[test]
fn every_policy_is_looked_for_by_its_name_and_file() {
    use quarterdeck::observe::kubernetes::checkup::{ALLOWS, POLICIES};
    let named = super::documents().into_iter().filter(|(_, document)| document["kind"] == "ValidatingAdmissionPolicy");
    let named: BTreeSet<(String, String)> =
        named.map(|(path, document)| (words_of(&document["metadata"], "name").to_owned(), path)).collect();
    let approvals = (quarterdeck::apiserver::approval::policy::NAME, "missions/approval-policy.yaml");
    let looked = POLICIES.into_iter().chain([approvals]);
    let looked = looked.map(|(name, file)| (name.to_owned(), format!("deploy/kubernetes/{file}")));
    assert_eq!(looked.collect::<BTreeSet<_>>(), named);
    let allows = text("deploy/kubernetes/builder/images.yaml");
    assert!(allows.contains(&format!("name: {ALLOWS}\n")));
}

#[test]
fn the_host_reads_answers_and_makes_none() {
    let expected: BTreeSet<(String, String, String)> = [
        ("approvals", "list watch"),
        ("approvals/status", "patch"),
        ("validatingadmissionpolicies quarterdeck-approval-by", "get"),
        ("validatingadmissionpolicybindings quarterdeck-approval-by", "get"),
    ]
    .iter()
    .flat_map(|(resource, verbs)| {
        verbs.split(' ').map(|verb| ("quarterdeck-approvals".to_owned(), (*resource).to_owned(), verb.to_owned()))
    })
    .collect();
    assert_eq!(given(&text(&format!("{FOLDER}/approval-rights.yaml"))), expected);
}

#[test]
fn the_host_changes_no_more_than_its_finalizer() {
    let policy = text(&format!("{FOLDER}/unchanged.yaml"));
    let documents = parse(&policy);
    let [policy, binding, status, status_binding] = &documents[..] else { panic!("four documents") };
    assert_eq!((&policy["spec"]["failurePolicy"], &status["spec"]["failurePolicy"]), (&json!("Fail"), &json!("Fail")));
    assert_eq!(
        status_binding["spec"],
        json!({ "policyName": status["metadata"]["name"], "validationActions": ["Deny"] })
    );
    assert_eq!(
        (&binding["spec"]["policyName"], &binding["spec"]["validationActions"]),
        (&policy["metadata"]["name"], &json!(["Deny"]))
    );
    let validations = policy["spec"].to_string();
    assert_eq!(validations.matches(&format!("name != '{FINALIZER}'")).count(), 2);
    for part in ["object.spec == oldObject.spec", "labels", "annotations", "ownerReferences"] {
        assert!(validations.contains(part), "{part}");
    }
}

#[test]
fn the_overlay_runs_a_host_whose_parts_fit_together() {
    let file = |name: &str| text(&format!("{OVERLAY}/{name}"));
    let host = &parse(&file("host.yaml"))[0]["spec"]["template"]["spec"];
    let container = &host["containers"][0];
    let args = [
        "run",
        "--missions",
        "--workers=/etc/quarterdeck/workers.yaml",
        "--probes=0.0.0.0:8080",
        "--charter=production",
    ];
    assert_eq!(container["args"], json!(args));
    let documents = parse(&file("workers.yaml"));
    let [config, service, network] = &documents[..] else { panic!("three documents") };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("workers.yaml");
    std::fs::write(&path, config["data"]["workers.yaml"].as_str().expect("a file")).expect("it is written");
    let workers = quarterdeck::config::workers(&path).expect("the host reads it");
    assert_eq!(workers.service, ServiceName::default());
    assert_eq!(
        (words_of(&service["metadata"], "namespace"), words_of(&service["metadata"], "name")),
        (workers.service.namespace.as_str(), workers.service.name.as_str())
    );
    let port = json!({ "name": "workers", "containerPort": workers.listen.port(), "protocol": "TCP" });
    assert_eq!(container["ports"], json!([port]));
    assert_eq!(service["spec"]["ports"][0]["port"], workers.listen.port());
    assert_eq!(network["spec"]["ingress"][0]["ports"], json!([{ "protocol": "TCP", "port": workers.listen.port() }]));
    for (name, key) in [("QUARTERDECK_WEBHOOK_URL", "url"), ("QUARTERDECK_WEBHOOK_KEY", "key")] {
        let from = json!({ "secretKeyRef": { "name": "webhook", "key": key, "optional": true } });
        let variables = container["env"].as_array().expect("variables");
        assert!(variables.contains(&json!({ "name": name, "valueFrom": from })), "{name}");
    }
    // The node's path, the place in the pod, what workers are permitted and what they ask for are one.
    let allows = &parse(&file("allows.yaml"))[0]["data"];
    let socket = workers.builder.engine_socket.to_str().expect("a path");
    let image = words_of(allows, "images");
    assert_eq!((words_of(allows, "engineSocket"), image), (socket, workers.builder.image.as_str()));
    assert_eq!(host["volumes"][1]["hostPath"], json!({ "path": socket, "type": "Socket" }));
    assert_eq!(container["volumeMounts"][1], json!({ "name": "engine", "mountPath": socket }));
    let walls = parse(&file("walls.yaml"));
    assert_eq!(
        (&walls[0]["spec"]["failurePolicy"], &walls[1]["spec"]["validationActions"]),
        (&json!("Fail"), &json!(["Deny"]))
    );
    assert_eq!(walls[1]["spec"]["paramRef"]["parameterNotFoundAction"], "Deny");
}
