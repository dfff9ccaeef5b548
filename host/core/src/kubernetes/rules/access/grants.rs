//! What a rule of a role permits, as far as it matters: all, secrets, or a way to more.

use crate::kubernetes::object::Text;
use crate::kubernetes::rights::Permission;

/// Verbs with resources by which somebody comes to more than he was given, and what that is in words. The resources are of
/// the first group or of that of roles; what has the same name in another group is harmless or no less dangerous.
/// Exec was open to `get` too until 1.35, since a websocket begins with one, and a kubelet's own API still is
/// (<https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks>).
const WAYS: [(&str, &str, &str); 13] = [
    ("escalate", "clusterroles", "give cluster roles rights that he does not have"),
    ("escalate", "roles", "give roles rights that he does not have"),
    ("bind", "clusterroles", "give anybody cluster roles whose rights he does not have"),
    ("bind", "roles", "give anybody roles whose rights he does not have"),
    ("impersonate", "users", "act as any user"),
    ("impersonate", "groups", "act as any group"),
    ("impersonate", "serviceaccounts", "act as any service account"),
    ("create", "serviceaccounts/token", "make a token of any service account"),
    ("create", "pods/exec", "run commands in any pod"),
    ("get", "pods/exec", "run commands in any pod"),
    ("create", "pods/attach", "talk to the processes of any pod"),
    ("create", "nodes/proxy", "run commands in any pod, by its kubelet"),
    ("get", "nodes/proxy", "run commands in any pod, by its kubelet"),
];
/// The groups in which those resources are.
const GROUPS: [&str; 2] = ["", "rbac.authorization.k8s.io"];

fn has(texts: &[Text], text: &str) -> bool {
    texts.iter().any(|known| matches!(&**known, "*") || **known == *text)
}

fn is_any(texts: &[Text]) -> bool {
    texts.iter().any(|text| &**text == "*")
}

/// Whether a rule permits everything.
pub(super) fn is_everything(rule: &Permission) -> bool {
    is_any(&rule.verbs) && is_any(&rule.resources) && is_any(&rule.groups)
}

/// What a rule permits all of, in words.
pub(super) fn wildcard(rule: &Permission) -> Option<String> {
    let list = |texts: &[Text]| texts.iter().map(|text| &**text).collect::<Vec<_>>().join(", ");
    let groups =
        if is_any(&rule.groups) { String::new() } else { format!(" of the groups \"{}\"", list(&rule.groups)) };
    match (is_any(&rule.verbs), is_any(&rule.resources)) {
        (true, true) => Some(format!("everything (verbs * and resources *{groups})")),
        (true, false) => Some(format!("everything with {} (verbs *)", list(&rule.resources))),
        (false, true) => Some(format!("to {} everything (resources *{groups})", list(&rule.verbs))),
        (false, false) => None,
    }
}

/// Whether a rule permits to read secrets. A list or a watch tells their contents too.
pub(super) fn reads_secrets(rule: &Permission) -> bool {
    let reads = ["get", "list", "watch"].iter().any(|verb| has(&rule.verbs, verb));
    reads && has(&rule.groups, "") && has(&rule.resources, "secrets")
}

/// A way to more than what a rule permits, in words.
pub(super) fn escalation(rule: &Permission) -> Option<String> {
    if !GROUPS.iter().any(|group| has(&rule.groups, group)) {
        return None;
    }
    let permits = |verb: &str, resource: &str| {
        let any_kind = resource.split_once('/').map(|(_, part)| format!("*/{part}"));
        has(&rule.verbs, verb)
            && (has(&rule.resources, resource) || any_kind.is_some_and(|any| has(&rule.resources, &any)))
    };
    WAYS.iter().find(|(verb, resource, _)| permits(verb, resource)).map(|(_, _, way)| (*way).to_owned())
}
