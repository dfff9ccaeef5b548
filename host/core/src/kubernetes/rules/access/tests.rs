//! The table of cases: who gets which role, and what is told of it.

use super::super::example::{MADE, cluster, labels, meta};
use super::*;
use crate::kubernetes::cluster::Object;
use crate::kubernetes::object::{Meta, Text};

fn words(list: &str) -> Vec<Text> {
    list.split(' ').map(|word| if word == "core" { "".into() } else { word.into() }).collect()
}

/// A rule: verbs, resources, groups.
fn rule(verbs: &str, resources: &str, groups: &str) -> Permission {
    Permission { groups: words(groups), resources: words(resources), by_name: false, verbs: words(verbs) }
}

/// A subject as kubectl writes it.
fn subject(text: &str) -> Subject {
    let (kind, name) = text.split_once(' ').expect("a kind and a name");
    let (namespace, name) = name.split_once('/').map_or((None, name), |(namespace, name)| (Some(namespace), name));
    Subject { kind: kind.into(), namespace: namespace.map(Text::from), name: name.into() }
}

fn binding(subjects: &[&str], namespace: &str) -> Binding {
    let subjects = subjects.iter().map(|text| subject(text)).collect();
    Binding { meta: meta(namespace, "gives"), of_cluster_role: true, role: "role".into(), subjects }
}

fn role(rules: Vec<Permission>) -> Role {
    Role { meta: meta("", "role"), rules }
}

/// What is told where these get this role, in the cluster or in a namespace.
fn told(role: Role, subjects: &[&str], namespace: &str) -> Vec<(&'static str, Severity)> {
    let cluster = cluster([Object::ClusterRole(role)]);
    let binding = binding(subjects, namespace);
    let symptoms = match namespace {
        "" => cluster_role_binding(&cluster, &binding),
        _ => role_binding(&cluster, &binding),
    };
    assert!(symptoms.iter().all(|symptom| symptom.evidence.len() == 2), "{symptoms:?}");
    symptoms.iter().map(|symptom| (symptom.rule, symptom.severity)).collect()
}

const ROBOT: &str = "ServiceAccount web/robot";

#[test]
fn all_of_a_cluster_is_for_its_own_controllers_and_for_people() {
    let everything = || role(vec![rule("*", "*", "*")]);
    let admin = "rights-cluster-admin";
    for (subject, severity) in [
        (ROBOT, Some(Severity::Warning)),
        ("User system:serviceaccount:web:robot", Some(Severity::Warning)),
        ("Group system:serviceaccounts:web", Some(Severity::Warning)),
        ("Group system:serviceaccounts", Some(Severity::Critical)),
        ("Group system:authenticated", Some(Severity::Critical)),
        ("Group system:unauthenticated", Some(Severity::Critical)),
        ("User system:anonymous", Some(Severity::Critical)),
        ("ServiceAccount kube-system/operator", None),
        ("User system:serviceaccount:kube-system:operator", None),
        ("Group system:serviceaccounts:kube-system", None),
        ("Group system:masters", None),
        ("User jane", None),
        ("Group kubeadm:cluster-admins", None),
    ] {
        let expected: Vec<_> = severity.map(|severity| (admin, severity)).into_iter().collect();
        assert_eq!(told(everything(), &[subject], ""), expected, "{subject}");
    }
    assert_eq!(told(everything(), &["User jane", ROBOT], ""), [(admin, Severity::Warning)]);
    assert_eq!(told(everything(), &[], ""), [], "it is given to nobody");
    // Kubernetes' own mark does not excuse it.
    let marked = labels(&[("kubernetes.io/bootstrapping", "rbac-defaults")]);
    let own = |rules: Vec<Permission>| Role { meta: Meta { labels: marked.clone(), ..meta("", "role") }, rules };
    assert_eq!(told(own(vec![rule("*", "*", "*")]), &[ROBOT], ""), [(admin, Severity::Warning)]);
    assert_eq!(told(own(vec![rule("*", "*", "*")]), &[ROBOT], "web"), [("rights-wildcard", Severity::Warning)]);
    assert_eq!(told(own(vec![rule("*", "leases", "*")]), &[ROBOT], "web"), [], "its other wildcards are excused");
    assert_eq!(told(own(vec![rule("list", "*", "*")]), &[ROBOT], ""), [("rights-secrets", Severity::Warning)]);
}

#[test]
fn wildcards_secrets_and_ways_to_more_are_told_of_a_role() {
    let [wildcard, secrets, more] = ["rights-wildcard", "rights-secrets", "rights-escalation"];
    for (rules, in_cluster, in_namespace) in [
        (vec![rule("get list", "pods services", "core")], &[][..], &[][..]),
        (vec![rule("*", "widgets", "acme.io")], &[wildcard], &[wildcard]),
        (vec![rule("get", "*", "acme.io")], &[wildcard], &[wildcard]),
        (vec![rule("get", "widgets", "*")], &[], &[]),
        // What is told of all is not told again of its parts; what stands beside it is.
        (vec![rule("get", "*", "core")], &[wildcard], &[wildcard]),
        (vec![rule("get", "*", "acme.io"), rule("list", "secrets", "core")], &[wildcard, secrets], &[wildcard]),
        (vec![rule("watch", "configmaps secrets", "core")], &[secrets], &[]),
        (vec![rule("create delete", "secrets", "core")], &[], &[]),
        (vec![rule("get", "secrets", "acme.io")], &[], &[]),
        (vec![rule("escalate", "roles", "rbac.authorization.k8s.io")], &[more], &[more]),
        (vec![rule("bind", "clusterroles", "*")], &[more], &[more]),
        (vec![rule("impersonate", "users", "core")], &[more], &[more]),
        (vec![rule("create", "serviceaccounts/token", "core")], &[more], &[more]),
        (vec![rule("create", "pods/exec", "core")], &[more], &[more]),
        (vec![rule("get", "pods/exec", "core")], &[more], &[more]),
        (vec![rule("get", "nodes/proxy", "core")], &[more], &[more]),
        (vec![rule("create", "*/exec", "core")], &[more], &[more]),
        (vec![rule("create", "pods serviceaccounts", "core")], &[], &[]),
        (vec![rule("bind", "widgets", "acme.io")], &[], &[]),
        (vec![Permission { by_name: true, ..rule("get bind", "secrets roles", "core") }], &[], &[]),
        (vec![Permission { by_name: true, ..rule("*", "*", "*") }], &[], &[]),
    ] {
        let names = |namespace: &str| {
            let told = told(role(rules.clone()), &[ROBOT], namespace);
            told.into_iter().map(|(rule, _)| rule).collect::<Vec<_>>()
        };
        assert_eq!(names(""), in_cluster, "{rules:?}");
        assert_eq!(names("web"), in_namespace, "{rules:?}");
    }
}

#[test]
fn how_bad_it_is_goes_by_who_gets_it_and_how_far_it_leads() {
    let exec = || role(vec![rule("create", "pods/exec", "core"), rule("*", "widgets", "acme.io")]);
    let [wildcard, more] = ["rights-wildcard", "rights-escalation"];
    use Severity::{Critical, Info, Warning};
    for (subject, namespace, expected) in [
        (ROBOT, "", vec![(wildcard, Warning), (more, Warning)]),
        (ROBOT, "web", vec![(wildcard, Warning), (more, Info)]),
        (ROBOT, "kube-system", vec![(wildcard, Warning), (more, Warning)]),
        ("Group system:authenticated", "web", vec![(wildcard, Critical), (more, Critical)]),
        ("User jane", "", vec![(wildcard, Info)]),
        ("ServiceAccount kube-system/operator", "web", vec![]),
    ] {
        assert_eq!(told(exec(), &[subject], namespace), expected, "{subject} in {namespace}");
    }
    let reads = || role(vec![rule("get", "secrets", "core")]);
    assert_eq!(told(reads(), &["Group system:authenticated"], "web"), [("rights-secrets", Critical)]);
    assert_eq!(told(reads(), &["User jane"], ""), []);
}

#[test]
fn a_role_that_is_not_there_is_told() {
    let other = Role { meta: meta("", "other"), rules: Vec::new() };
    let known = cluster([Object::ClusterRole(other.clone())]);
    let rules = |cluster: &Cluster, binding: &Binding| {
        role_binding(cluster, binding).iter().map(|symptom| symptom.rule).collect::<Vec<_>>()
    };
    let gives = binding(&[ROBOT], "web");
    assert_eq!(rules(&known, &gives), ["rights-role-missing"]);
    let of_role = Binding { of_cluster_role: false, ..gives.clone() };
    let elsewhere = Role { meta: meta("shop", "role"), ..other.clone() };
    assert_eq!(rules(&cluster([Object::Role(elsewhere)]), &of_role), ["rights-role-missing"]);
    let here = Role { meta: meta("web", "role"), ..other };
    assert_eq!(rules(&cluster([Object::Role(here)]), &of_role), [""; 0]);
    let going = Binding { meta: Meta { deleted: Some(MADE), ..gives.meta.clone() }, ..gives };
    assert_eq!(rules(&known, &going), [""; 0]);
}

#[test]
fn many_subjects_are_counted() {
    let many = [ROBOT, "User a", "User b", "User c", "User d", "User e"];
    let symptoms =
        cluster_role_binding(&cluster([Object::ClusterRole(role(vec![rule("*", "*", "*")]))]), &binding(&many, ""));
    let evidence: Vec<&str> = symptoms[0].evidence.iter().map(|fact| fact.value.as_str()).collect();
    assert_eq!(evidence, ["ClusterRole role", "ServiceAccount web/robot, User a, User b, User c, and 2 more"]);
}
