//! What the API server itself says that our accounts may do: every verb on every resource that it knows, asked one by one. What
//! is not in the tables below is denied. And what the walls hold against a user whose role permits more.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::Output;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::parts::{said, until};
use crate::stage::PATIENCE;
use crate::walls::{HOST, fortify};

const BUILDER: &str = "system:serviceaccount:quarterdeck-builder:builder";
/// A user with the stock role `edit` in the workers' namespace.
const ADA: &str = "ada";
const WORKERS: &str = "quarterdeck-builder";
/// Some image: none is ever run here.
const IMAGE: &str = "quarterdeck.test/builder@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// Where each right is asked for: in no namespace, which is in all of them, in ours, and in one that is nobody's.
const PLACES: [&str; 4] = ["", "ai-agent", "quarterdeck-builder", "default"];
/// What is asked of every resource, whether it has the verb or not.
const VERBS: [&str; 15] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "impersonate",
    "bind",
    "escalate",
    "approve",
    "sign",
    "use",
    "*",
];

/// What the host reads everywhere: `deploy/kubernetes/base/rights.yaml`.
const READ: &str = "pods services persistentvolumeclaims persistentvolumes nodes namespaces resourcequotas events \
    deployments.apps replicasets.apps statefulsets.apps daemonsets.apps jobs.batch cronjobs.batch \
    horizontalpodautoscalers.autoscaling poddisruptionbudgets.policy endpointslices.discovery.k8s.io \
    ingresses.networking.k8s.io ingressclasses.networking.k8s.io networkpolicies.networking.k8s.io \
    validatingwebhookconfigurations.admissionregistration.k8s.io \
    mutatingwebhookconfigurations.admissionregistration.k8s.io storageclasses.storage.k8s.io \
    roles.rbac.authorization.k8s.io clusterroles.rbac.authorization.k8s.io rolebindings.rbac.authorization.k8s.io \
    clusterrolebindings.rbac.authorization.k8s.io";
/// What else the host may do: where (empty: everywhere), what, which verbs. What it may do with one object, by its name, is
/// asked for beside this.
const HOSTS: [(&str, &str, &str); 11] = [
    ("", "approvals.quarterdeck.dev", "list watch"),
    ("", "approvals/status.quarterdeck.dev", "patch"),
    ("", "missions.quarterdeck.dev", "list watch get patch"),
    ("", "missions/status.quarterdeck.dev", "patch"),
    ("", "events", "create"),
    ("", "tokenreviews.authentication.k8s.io", "create"),
    ("quarterdeck-builder", "jobs.batch", "create get delete"),
    ("quarterdeck-builder", "configmaps", "create get delete"),
    ("quarterdeck-builder", "pods", "get"),
    ("quarterdeck-builder", "pods/log", "get"),
    ("ai-agent", "leases.coordination.k8s.io", "create"),
];
/// Kubernetes gives everybody who has a name the right to ask what he may do himself.
const EVERYBODYS: &str = "selfsubjectaccessreviews.authorization.k8s.io selfsubjectrulesreviews.authorization.k8s.io \
    selfsubjectreviews.authentication.k8s.io";

/// A right: who, in which namespace, what (as `kubectl` writes it), which verb.
type Right = (&'static str, &'static str, String, String);

fn granted() -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    let mut grant = |who: &'static str, place: &str, what: &str, verbs: &str| {
        for verb in verbs.split_whitespace() {
            let there = PLACES.iter().filter(|one| place.is_empty() || **one == place);
            rights.extend(there.map(|place| (who, *place, what.to_owned(), verb.to_owned())));
        }
    };
    READ.split_whitespace().for_each(|what| grant(HOST, "", what, "list watch"));
    HOSTS.iter().for_each(|(place, what, verbs)| grant(HOST, place, what, verbs));
    for who in [HOST, BUILDER] {
        EVERYBODYS.split_whitespace().for_each(|what| grant(who, "", what, "create"));
    }
    rights
}

/// Every resource that the API server knows, subresources too, as (group, resource, subresource).
fn resources(cluster: &Cluster) -> BTreeSet<(String, String, String)> {
    let raw = |path: &str| -> Value { serde_json::from_str(&cluster.kubectl(&["get", "--raw", path])).unwrap() };
    let groups = raw("/apis");
    let versions = groups["groups"].as_array().unwrap().iter().flat_map(|group| group["versions"].as_array().unwrap());
    let paths = versions.map(|version| format!("/apis/{}", version["groupVersion"].as_str().unwrap()));
    let mut known =
        BTreeSet::from([(String::new(), "*".to_owned(), String::new()), ("*".into(), "*".into(), String::new())]);
    for path in paths.chain(["/api/v1".to_owned()]) {
        let list = raw(&path);
        let group = path.strip_prefix("/apis/").map_or("", |version| version.split('/').next().unwrap());
        for resource in list["resources"].as_array().unwrap() {
            let name = resource["name"].as_str().unwrap();
            let (name, sub) = name.split_once('/').unwrap_or((name, ""));
            known.insert((group.to_owned(), name.to_owned(), sub.to_owned()));
        }
    }
    // People can be impersonated, and are never listed; missions are authorized before their kind is there.
    for (group, name, sub) in [
        ("", "users", ""),
        ("", "groups", ""),
        ("quarterdeck.dev", "missions", ""),
        ("quarterdeck.dev", "missions", "status"),
    ] {
        known.insert((group.to_owned(), name.to_owned(), sub.to_owned()));
    }
    known
}

/// Asks for thousands of rights over one connection; gives those that are granted.
fn allowed(cluster: &Cluster, asked: &[Value]) -> Vec<Value> {
    let pki = cluster.place().join("pki");
    let file = |name: &str| pki.join(name).display().to_string();
    let mut requests = String::new();
    for attributes in asked {
        let body =
            json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": attributes });
        let body = body.to_string().replace('"', "\\\"");
        writeln!(
            requests,
            "next\nurl = \"https://127.0.0.1:6443/apis/authorization.k8s.io/v1/subjectaccessreviews\"\nsilent\n\
             cacert = \"{}\"\ncert = \"{}\"\nkey = \"{}\"\nheader = \"Content-Type: application/json\"\nwrite-out = \"\\n\"\n\
             data = \"{body}\"",
            file("authority.crt"),
            file("admin.crt"),
            file("admin.key"),
        )
        .unwrap();
    }
    let config = cluster.path("reviews");
    fs::write(&config, requests.trim_start_matches("next\n")).unwrap();
    let answers = said(cluster.inside("curl").arg("--config").arg(&config));
    let answers: Vec<Value> = serde_json::Deserializer::from_str(&answers)
        .into_iter()
        .map(|answer| answer.expect("an answer is JSON"))
        .collect();
    assert_eq!(answers.len(), asked.len(), "each is answered");
    let is_allowed = |answer: &Value| answer["status"]["allowed"].as_bool().expect("a review says yes or no");
    answers.into_iter().filter(is_allowed).map(|answer| answer["spec"].clone()).collect()
}

#[test]
fn our_accounts_may_do_what_the_tables_say_and_nothing_else_of_all_there_is() {
    let cluster = Cluster::raise(None);
    fortify(&cluster, IMAGE);
    let known = resources(&cluster);
    assert!(known.len() > 90, "{}", known.len());
    let whose = |who: &str| {
        let own: Vec<&str> = who.rsplit(':').collect();
        let groups = ["system:serviceaccounts", "system:authenticated"].map(str::to_owned);
        [groups.to_vec(), vec![format!("system:serviceaccounts:{}", own[1])]].concat()
    };
    let mut asked = Vec::new();
    for who in [HOST, BUILDER] {
        for place in PLACES {
            for (group, resource, sub) in &known {
                for verb in VERBS {
                    let what = json!({
                        "namespace": place, "verb": verb, "group": group, "resource": resource, "subresource": sub,
                    });
                    asked.push(json!({ "user": who, "groups": whose(who), "resourceAttributes": what }));
                }
            }
        }
    }
    let found: BTreeSet<(String, String, String, String)> = allowed(&cluster, &asked)
        .into_iter()
        .map(|spec| {
            let of = |key: &str| spec["resourceAttributes"][key].as_str().unwrap_or_default().to_owned();
            let (sub, group) = (of("subresource"), of("group"));
            let sub = if sub.is_empty() { sub } else { format!("/{sub}") };
            let group = if group.is_empty() { group } else { format!(".{group}") };
            let what = format!("{}{sub}{group}", of("resource"));
            (spec["user"].as_str().unwrap().to_owned(), of("namespace"), what, of("verb"))
        })
        .collect();
    let wanted: BTreeSet<(String, String, String, String)> =
        granted().into_iter().map(|(who, place, what, verb)| (who.to_owned(), place.to_owned(), what, verb)).collect();
    let too_much: Vec<_> = found.difference(&wanted).collect();
    let too_little: Vec<_> = wanted.difference(&found).collect();
    assert!(too_much.is_empty() && too_little.is_empty(), "too much: {too_much:?}; too little: {too_little:?}");

    // What is granted by name alone.
    let by_name = |who: &str, place: &str, group: &str, resource: &str, name: &str, verb: &str| {
        let what = json!({ "namespace": place, "verb": verb, "group": group, "resource": resource, "name": name });
        json!({ "user": who, "groups": whose(who), "resourceAttributes": what })
    };
    let mut asked = Vec::new();
    for who in [HOST, BUILDER] {
        for place in ["ai-agent", "quarterdeck-builder", "default"] {
            for verb in VERBS.iter().filter(|verb| !["create", "list", "watch"].contains(verb)) {
                for name in ["quarterdeck-approval-by", "quarterdeck-builder-makers"] {
                    for kind in ["validatingadmissionpolicies", "validatingadmissionpolicybindings"] {
                        asked.push(by_name(who, "", "admissionregistration.k8s.io", kind, name, verb));
                    }
                }
                for name in ["quarterdeck", "other"] {
                    asked.push(by_name(who, place, "coordination.k8s.io", "leases", name, verb));
                }
                for name in ["quarterdeck-workers", "quarterdeck-builder-allows", "other"] {
                    asked.push(by_name(who, place, "", "services", name, verb));
                    if place != "quarterdeck-builder" {
                        asked.push(by_name(who, place, "", "configmaps", name, verb));
                    }
                }
            }
        }
    }
    let found: BTreeSet<String> = allowed(&cluster, &asked)
        .into_iter()
        .map(|spec| {
            let of = |key: &str| spec["resourceAttributes"][key].as_str().unwrap_or_default();
            format!("{} {} {} {}", of("verb"), of("namespace"), of("resource"), of("name"))
        })
        .collect();
    let wanted = [
        "get ai-agent leases quarterdeck",
        "get ai-agent services quarterdeck-workers",
        "get  validatingadmissionpolicies quarterdeck-approval-by",
        "get  validatingadmissionpolicybindings quarterdeck-approval-by",
        "update ai-agent leases quarterdeck",
    ];
    assert_eq!(found, wanted.map(str::to_owned).into());
}

#[test]
fn the_stock_role_edit_changes_nothing_of_a_worker_and_speaks_for_none() {
    let cluster = Cluster::raise(None);
    fortify(&cluster, IMAGE);
    cluster.kubectl(&["-n", WORKERS, "create", "rolebinding", "ada", "--clusterrole=edit", "--user", ADA]);
    let ada = |words: &[&str]| cluster.try_kubectl(&[&["--as", ADA, "-n", WORKERS], words].concat());
    // Her role permits each of these: in another namespace she may. A policy is known to the API server a moment after it is there.
    cluster.kubectl(&["create", "rolebinding", "ada", "--clusterrole=edit", "--user", ADA]);
    let elsewhere = |words: &[&str]| cluster.try_kubectl(&[&["--as", ADA, "-n", "default"], words].concat());
    for (words, because) in [
        (&["label", "configmap", "kube-root-ca.crt", "a=b"][..], "only the host"),
        (&["create", "configmap", "plan-web-0123456789ab"], "only the host"),
        (&["delete", "configmap", "kube-root-ca.crt"], "to stop a worker delete its pod"),
        // Two policies refuse it, and the API server tells of one.
        (&["create", "job", "plan-web-0123456789ab", "--image=x"], "ValidatingAdmissionPolicy 'quarterdeck-builder-"),
        (&["create", "cronjob", "x", "--image=x", "--schedule=* * * * *"], "and nothing else"),
        (&["create", "deployment", "x", "--image=x"], "and nothing else"),
    ] {
        let words = [words, &["--dry-run=server"]].concat();
        let holds = |output: &Output| String::from_utf8_lossy(&output.stderr).contains(because);
        until(&format!("{words:?} is refused"), PATIENCE, || holds(&ada(&words)).then_some(()));
        let there = elsewhere(&words);
        assert!(there.status.success(), "{words:?}: {}", String::from_utf8_lossy(&there.stderr));
    }
    let token = ["create", "token", "builder", "--audience=quarterdeck"];
    until("a token is refused", PATIENCE, || {
        let words = String::from_utf8_lossy(&ada(&token).stderr).into_owned();
        words.contains("only a kubelet makes tokens").then_some(())
    });
    assert!(elsewhere(&["create", "token", "default", "--audience=quarterdeck"]).status.success());
    let proxy = ["get", "--raw", "/api/v1/namespaces/quarterdeck-builder/services/x/proxy/"];
    refused(&cluster.try_kubectl(&proxy), "no pod in it is entered");
    assert!(ada(&["get", "pods"]).status.success(), "she may look");
    // The workers' own account may do nothing, whoever has its token.
    refused(&cluster.try_kubectl(&["--as", BUILDER, "-n", WORKERS, "get", "pods"]), "cannot list resource");
}

fn refused(output: &Output, because: &str) {
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains(because), "{because:?}: {words}");
}
