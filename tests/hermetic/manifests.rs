//! What `kubectl apply -k` would give to a cluster: rights for exactly what is watched, and a pod with no others.
//!
//! Every file below `deploy/kubernetes` is read, so that nothing can be added beside what is looked at here.

mod builder;
mod missions;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use quarterdeck_core::kubernetes::Kind;
use serde_json::{Value, json};

const RIGHTS: &str = "deploy/kubernetes/base/rights.yaml";
const VERBS: [&str; 2] = ["list", "watch"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("read {path}: {error}"))
}

/// Every file below a folder of the project.
fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("read {folder}: {error}"));
    let below = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("an entry of a folder");
        let path = format!("{folder}/{}", entry.file_name().to_str().expect("our names are plain"));
        if entry.path().is_dir() { files(&path) } else { vec![path] }
    };
    entries.flat_map(below).collect()
}

fn parse(text: &str) -> Vec<Value> {
    let documents = text.split("\n---\n");
    documents.map(|document| serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{error}"))).collect()
}

/// Every document below `deploy/kubernetes`, with its file.
fn documents() -> Vec<(String, Value)> {
    let read = |path: String| parse(&text(&path)).into_iter().map(move |document| (path.clone(), document));
    files("deploy/kubernetes").into_iter().flat_map(read).collect()
}

/// The one object of this kind in the base.
fn base(kind: &str) -> Value {
    let of_kind = |(path, document): &(String, Value)| path.contains("/base/") && document["kind"] == kind;
    let mut found: Vec<Value> = documents().into_iter().filter(of_kind).map(|(_, document)| document).collect();
    assert_eq!(found.len(), 1, "one {kind}");
    found.remove(0)
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|word| word.as_str().expect("a word")).collect()
}

/// What is wrong with the rights that a file gives.
fn faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let needed: BTreeSet<(String, String, String)> = Kind::ALL
        .iter()
        .flat_map(|kind| VERBS.map(|verb| (kind.group().to_owned(), kind.plural().to_owned(), verb.to_owned())))
        .collect();
    let mut given = BTreeSet::new();
    for role in parse(text).iter().filter(|document| document["kind"] == "ClusterRole") {
        if role.get("aggregationRule").is_some() {
            faults.push("other roles are added to it".to_owned());
        }
        for rule in role["rules"].as_array().expect("rules") {
            let keys: BTreeSet<&str> = rule.as_object().expect("a rule").keys().map(String::as_str).collect();
            if keys != BTreeSet::from(["apiGroups", "resources", "verbs"]) {
                faults.push(format!("a rule speaks of {keys:?}"));
            }
            for group in words(&rule["apiGroups"]) {
                for resource in words(&rule["resources"]) {
                    for verb in words(&rule["verbs"]) {
                        let right = (group.to_owned(), resource.to_owned(), verb.to_owned());
                        faults.extend((!given.insert(right)).then(|| format!("{verb} {resource} is given twice")));
                    }
                }
            }
        }
    }
    faults.extend(given.difference(&needed).map(|right| format!("nobody needs {right:?}")));
    faults.extend(needed.difference(&given).map(|right| format!("{right:?} is missing")));
    faults.extend(unexplained(text));
    faults
}

/// The lines of a role that name a resource or verbs and do not say why.
fn unexplained(text: &str) -> Vec<String> {
    let role = text.split("kind: ClusterRole\n").nth(1).expect("a role").split("\n---\n").next().expect("its text");
    let named = |line: &&str| line.starts_with("      - ") || line.starts_with("    verbs:");
    let silent = |line: &&str| line.split_once(" # ").is_none_or(|(_, why)| why.trim().len() < 8);
    role.lines().filter(named).filter(silent).map(|line| format!("no reason beside {line:?}")).collect()
}

#[test]
fn the_host_may_read_exactly_what_it_watches() {
    let rights = text(RIGHTS);
    assert_eq!(faults(&rights), Vec::<String>::new());
    for (what, from, to, fault) in [
        ("secrets", "      - pods # ", "      - secrets # to see what is in them\n      - pods # ", "nobody needs"),
        (
            "config maps",
            "      - pods # ",
            "      - configmaps # to see what is in them\n      - pods # ",
            "nobody needs",
        ),
        ("a wildcard", "      - pods # ", "      - '*' # whatever there is\n      - pods # ", "nobody needs"),
        ("another verb", "[list, watch] # a list", "[get, list, watch] # a list", "nobody needs"),
        ("every verb", "[list, watch] # a list", "['*'] # a list", "nobody needs"),
        ("one verb less", "[list, watch] # a list", "[list] # a list", "is missing"),
        ("one kind less", "      - nodes # ", "      # ", "is missing"),
        ("one kind twice", "      - nodes # ", "      - nodes # once more\n      - nodes # ", "twice"),
        (
            "a path",
            "rules:\n",
            "rules:\n  - nonResourceURLs: ['/logs']\n    verbs: [get] # to read logs\n",
            "speaks of",
        ),
        ("aggregation", "rules:\n", "aggregationRule: {clusterRoleSelectors: []}\nrules:\n", "are added"),
        ("no reason", " # why, in the words of the kubelet, the scheduler and the controllers", "", "no reason"),
        (
            "no reason for verbs",
            " # a list, then a watch of what changes; no object is ever asked for by itself",
            "",
            "no reason",
        ),
    ] {
        assert!(rights.contains(from), "{what}: {from:?} stands there no more");
        let faults = faults(&rights.replacen(from, to, 1));
        assert!(faults.iter().any(|said| said.contains(fault)), "{what}: {faults:?}");
    }
}

#[test]
fn nobody_else_is_given_anything() {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (path, document) in documents() {
        let kind = document["kind"].as_str().expect("a kind");
        if kind == "Kustomization" {
            let keys = document.as_object().expect("an object").keys();
            let known = ["apiVersion", "kind", "resources", "labels", "images", "patches"];
            let others: Vec<&String> = keys.filter(|key| !known.contains(&key.as_str())).collect();
            assert!(others.is_empty(), "{path}: {others:?}");
        } else if path.contains("/base/") {
            *kinds.entry(kind.to_owned()).or_default() += 1;
        }
    }
    let expected =
        ["ClusterRole", "ClusterRoleBinding", "Deployment", "Namespace", "PersistentVolumeClaim", "ServiceAccount"];
    assert_eq!(kinds, expected.map(|kind| (kind.to_owned(), 1)).into());

    let binding = base("ClusterRoleBinding");
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "quarterdeck-read" });
    let account = json!({ "kind": "ServiceAccount", "name": "quarterdeck", "namespace": "ai-agent" });
    assert_eq!((&binding["roleRef"], &binding["subjects"]), (&role, &json!([account])));
    assert_eq!(base("ClusterRole")["metadata"]["name"], "quarterdeck-read");
    let account = base("ServiceAccount");
    assert_eq!(account["metadata"], json!({ "name": "quarterdeck", "namespace": "ai-agent" }));
    assert_eq!(account["automountServiceAccountToken"], false);
}

#[test]
fn the_namespace_takes_restricted_pods_alone() {
    let namespace = base("Namespace");
    assert_eq!(namespace["metadata"]["name"], "ai-agent");
    for what in ["enforce", "audit", "warn"] {
        assert_eq!(namespace["metadata"]["labels"][format!("pod-security.kubernetes.io/{what}")], "restricted");
    }
}

#[test]
fn the_pod_is_restricted_in_each_field() {
    let deployment = base("Deployment");
    assert_eq!(deployment["metadata"]["namespace"], "ai-agent");
    assert_eq!(
        (&deployment["spec"]["replicas"], &deployment["spec"]["strategy"]),
        (&json!(1), &json!({ "type": "Recreate" }))
    );
    let pod = &deployment["spec"]["template"]["spec"];
    let keys: BTreeSet<&str> = pod.as_object().expect("a pod").keys().map(String::as_str).collect();
    // No host's namespace, no other container, nothing else that a pod could have.
    let known = [
        "automountServiceAccountToken",
        "containers",
        "enableServiceLinks",
        "securityContext",
        "serviceAccountName",
        "volumes",
    ];
    assert_eq!(keys, known.into());
    assert_eq!(pod["serviceAccountName"], "quarterdeck");
    let context = json!({
        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
        "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": { "type": "RuntimeDefault" },
    });
    assert_eq!(pod["securityContext"], context);
    let [host] = &pod["containers"].as_array().expect("containers")[..] else { panic!("one container") };
    let context = json!({
        "allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    });
    assert_eq!(host["securityContext"], context);
    for path in ["/resources/requests/cpu", "/resources/requests/memory", "/resources/limits/memory"] {
        assert!(host.pointer(path).is_some_and(Value::is_string), "{path}");
    }
    assert_eq!(
        pod["volumes"],
        json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "quarterdeck-data" } }])
    );
    assert_eq!(host["ports"], json!([{ "name": "probes", "containerPort": 8080 }]), "and the overlay's --probes");
    for (probe, path) in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        assert_eq!(host[probe]["httpGet"], json!({ "path": path, "port": "probes" }), "{probe}");
    }
    assert_eq!(host["volumeMounts"], json!([{ "name": "data", "mountPath": "/var/lib/quarterdeck" }]));

    let secrets: Vec<&Value> =
        host["env"].as_array().expect("variables").iter().filter(|entry| entry.get("valueFrom").is_some()).collect();
    let key = json!({ "secretKeyRef": { "name": "gemini", "key": "api-key", "optional": true } });
    assert_eq!(secrets, [&json!({ "name": "GEMINI_API_KEY", "valueFrom": key })]);
    assert!(host.get("envFrom").is_none());

    let claim = base("PersistentVolumeClaim");
    assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteOncePod"]));
    assert!(claim["spec"].get("storageClassName").is_none(), "the cluster's default");
}

#[test]
fn a_patrols_overlay_says_what_the_host_does_and_where_its_data_lie() {
    let patched: Vec<(String, Value)> = documents()
        .into_iter()
        .filter(|(path, document)| path.contains("/overlays/read-only-") && document["kind"] != "Kustomization")
        .collect();
    let names: BTreeSet<&str> = patched.iter().filter_map(|(path, _)| path.rsplit('/').next()).collect();
    assert_eq!(names, BTreeSet::from(["forgets.yaml", "no-claim.yaml", "patrol.yaml"]));
    let file = |name: &str| &patched.iter().find(|(path, _)| path.ends_with(name)).expect("it was listed").1;
    let patrol =
        json!({ "containers": [{ "name": "host", "args": ["run", "--kubernetes", "--probes", "0.0.0.0:8080"] }] });
    assert_eq!(file("patrol.yaml")["spec"], json!({ "template": { "spec": patrol } }));
    let data = json!({ "name": "data", "persistentVolumeClaim": null, "emptyDir": { "sizeLimit": "1Gi" } });
    assert_eq!(file("forgets.yaml")["spec"], json!({ "template": { "spec": { "volumes": [data] } } }));
    assert_eq!(
        (&file("no-claim.yaml")["kind"], &file("no-claim.yaml")["$patch"]),
        (&json!("PersistentVolumeClaim"), &json!("delete"))
    );
}
