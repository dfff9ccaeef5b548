//! The workers' namespace: rights by a list that is written here once more, names that agree with the program's own, and
//! policies that deny.

use std::collections::BTreeSet;

use quarterdeck::apiserver::{BuilderWanted, ServiceName};
use serde_json::{Value, json};

use super::{parse, text, words};

const FOLDER: &str = "deploy/kubernetes/builder";

fn file(name: &str) -> String {
    text(&format!("{FOLDER}/{name}"))
}

/// What the host is given, right by right: role, resource (and the one object's name, where it is one), verb.
pub(super) fn given(rights: &str) -> BTreeSet<(String, String, String)> {
    let mut given = BTreeSet::new();
    for role in parse(rights).iter().filter(|document| ["Role", "ClusterRole"].contains(&words_of(document, "kind"))) {
        for rule in role["rules"].as_array().expect("rules") {
            let one: String = words(&rule["resourceNames"]).iter().map(|name| format!(" {name}")).collect();
            for resource in words(&rule["resources"]) {
                for verb in words(&rule["verbs"]) {
                    let name = words_of(&role["metadata"], "name").to_owned();
                    let resource = format!("{resource}{one}");
                    assert!(given.insert((name, resource, verb.to_owned())), "{verb} twice");
                }
            }
        }
    }
    given
}

pub(super) fn words_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[test]
fn the_host_may_do_about_workers_exactly_this() {
    let rights = file("rights.yaml");
    let expected: BTreeSet<(String, String, String)> = [
        ("quarterdeck-workers", "jobs", "create get list watch delete"),
        ("quarterdeck-workers", "configmaps", "create get delete"),
        ("quarterdeck-workers", "pods", "get list watch"),
        ("quarterdeck-workers", "pods/log", "get"),
        ("quarterdeck-workers", "events", "list"),
        ("quarterdeck-tokens", "tokenreviews", "create"),
        ("quarterdeck-one-host", "leases", "create"),
        ("quarterdeck-one-host", "leases quarterdeck", "get update"),
        ("quarterdeck-one-host", "services quarterdeck-workers", "get"),
    ]
    .iter()
    .flat_map(|(role, resource, verbs)| {
        verbs.split(' ').map(|verb| ((*role).to_owned(), (*resource).to_owned(), verb.to_owned()))
    })
    .collect();
    assert_eq!(given(&rights), expected);
    let more = rights.replacen("resources: [pods]", "resources: [pods, secrets]", 1);
    assert_ne!(given(&more), expected, "a Secret would be seen");
    let any = rights.replacen("    resourceNames: [quarterdeck]\n", "", 1);
    assert!(any != rights && given(&any) != expected, "any Lease would be its own");

    let verb = |line: &&str| line.starts_with("      - ");
    let silent = |line: &&str| line.split_once(" # ").is_none_or(|(_, why)| why.trim().len() < 8);
    assert_eq!(rights.lines().filter(verb).filter(silent).collect::<Vec<_>>(), Vec::<&str>::new(), "without a reason");
    for binding in parse(&rights).iter().filter(|document| words_of(document, "kind").ends_with("Binding")) {
        let account = json!([{ "kind": "ServiceAccount", "name": "quarterdeck", "namespace": "ai-agent" }]);
        assert_eq!(binding["subjects"], account);
    }
}

#[test]
fn the_names_are_those_of_the_program() {
    let image = format!("x@sha256:{}", "0".repeat(64));
    let wanted: BuilderWanted = serde_saphyr::from_str(&format!("image: \"{image}\"")).unwrap();
    let [namespace, account] = &parse(&file("namespace.yaml"))[..] else { panic!("two documents") };
    assert_eq!(namespace["metadata"]["name"], wanted.namespace.as_str());
    assert_eq!(
        (&account["metadata"]["name"], &account["metadata"]["namespace"]),
        (&json!(wanted.service_account), &json!(wanted.namespace))
    );
    assert_eq!(account["automountServiceAccountToken"], false);
    assert!(file("rights.yaml").contains(&format!("resourceNames: [{}]", ServiceName::default().name)));
    assert!(file("rights.yaml").contains(&format!("resourceNames: [{}]", quarterdeck::apiserver::lease::NAME)));
    let allows = &parse(&file("images.yaml"))[0];
    assert_eq!(allows["data"]["engineSocket"], wanted.engine_socket.to_str().unwrap());
    let way = &parse(&file("network.yaml"))[0]["spec"]["egress"][0]["ports"];
    assert_eq!(way, &json!([{ "protocol": "TCP", "port": 8443 }]), "where the host answers workers");
    let shape = file("shape.yaml");
    assert!(shape.contains(&format!("orValue('') == '{}'", wanted.service_account)));
    assert!(file("term.yaml").contains(quarterdeck::apiserver::label::TERM));
    assert!(shape.contains(&format!("'{}' in variables.labels", quarterdeck::apiserver::label::ORDER)));
}

#[test]
fn every_policy_fails_closed_and_is_bound_to_deny() {
    let mut policies = BTreeSet::new();
    let mut bound = BTreeSet::new();
    for name in ["makers.yaml", "removers.yaml", "shape.yaml", "term.yaml", "tokens.yaml"] {
        for document in parse(&file(name)) {
            let spec = &document["spec"];
            match words_of(&document, "kind") {
                "ValidatingAdmissionPolicy" => {
                    assert_eq!(spec["failurePolicy"], "Fail", "{name}");
                    let constraints = &spec["matchConstraints"];
                    let here = json!({ "matchLabels": { "kubernetes.io/metadata.name": "quarterdeck-builder" } });
                    assert_eq!(constraints["namespaceSelector"], here, "{name}");
                    assert!(
                        constraints.get("objectSelector").is_none() && spec.get("matchConditions").is_none(),
                        "{name}"
                    );
                    for validation in spec["validations"].as_array().expect("validations") {
                        assert!(validation.get("message").or(validation.get("messageExpression")).is_some(), "{name}");
                    }
                    policies.insert(words_of(&document["metadata"], "name").to_owned());
                }
                "ValidatingAdmissionPolicyBinding" => {
                    assert_eq!(spec["validationActions"], json!(["Deny"]), "{name}");
                    assert!(spec.get("matchResources").is_none(), "{name}: a binding that narrows");
                    if let Some(parameter) = spec.get("paramRef") {
                        assert_eq!(parameter["parameterNotFoundAction"], "Deny", "{name}");
                    }
                    bound.insert(words_of(spec, "policyName").to_owned());
                }
                kind => panic!("{name}: {kind}"),
            }
        }
    }
    assert_eq!(policies, bound);
    assert_eq!(policies.len(), 5);
}

#[test]
fn the_kustomization_names_every_file() {
    let kustomization = &parse(&file("kustomization.yaml"))[0];
    let named: BTreeSet<String> = words(&kustomization["resources"]).into_iter().map(str::to_owned).collect();
    let there: BTreeSet<String> = super::files(FOLDER)
        .into_iter()
        .filter_map(|path| path.rsplit('/').next().map(str::to_owned))
        .filter(|name| name != "kustomization.yaml")
        .collect();
    assert_eq!(named, there);
}
