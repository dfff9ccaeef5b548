//! Bindings that give too much, to workloads or to everybody.
//!
//! The symptom is the binding's, which gives; a role that nobody has does no harm. Which people may do what is not
//! judged, but for wildcards: who administers a cluster is its owner's business. Nor is what the accounts of kube-system
//! may do, where the cluster's own controllers live. A label by which Kubernetes marks its own roles excuses their
//! wildcards, and never that somebody else is given all of it.
//!
//! A rule of a role that names its objects is narrow enough, whatever it permits with them.

mod grants;

use super::Symptom;
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::object::Name;
use crate::kubernetes::rights::{Binding, Permission, Role, Subject};
use crate::situation::Severity;
use grants::{escalation, is_everything, reads_secrets, wildcard};

/// Whoever may act here may act anywhere: the accounts of the cluster's own controllers live here.
const SYSTEM: &str = "kube-system";
/// So many subjects are named; the rest are counted.
const SUBJECTS_NAMED_MAX: usize = 4;

pub(super) fn role_binding(cluster: &Cluster, binding: &Binding) -> Vec<Symptom> {
    look(cluster, binding, &binding.meta.name.namespace)
}

pub(super) fn cluster_role_binding(cluster: &Cluster, binding: &Binding) -> Vec<Symptom> {
    look(cluster, binding, "")
}

/// Who gets a role, at its most dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    /// Nobody, or the cluster's own controllers.
    System,
    /// People.
    People,
    /// A workload.
    Account,
    /// Whoever has, or needs, no more than an account.
    Everybody,
}

/// A binding in this namespace, or of the whole cluster where it has none.
fn look(cluster: &Cluster, binding: &Binding, namespace: &str) -> Vec<Symptom> {
    if binding.meta.deleted.is_some() {
        return Vec::new();
    }
    let of = if binding.of_cluster_role { "" } else { namespace };
    let name = Name { namespace: of.into(), name: binding.role.clone() };
    let table = if binding.of_cluster_role { &cluster.cluster_roles } else { &cluster.roles };
    let Some(role) = table.get(&name) else { return vec![seen(role_missing(), binding)] };
    let who = binding.subjects.iter().map(who).max().unwrap_or(Who::System);
    let faults = faults(role, who, namespace);
    faults.into_iter().map(|symptom| seen(symptom, binding)).collect()
}

/// What is wrong with giving a role to these. What is told of all of it is not told again of its parts.
fn faults(role: &Role, who: Who, namespace: &str) -> Vec<Symptom> {
    let severity = match who {
        Who::System => return Vec::new(),
        Who::People => Severity::Info,
        Who::Account => Severity::Warning,
        Who::Everybody => Severity::Critical,
    };
    let rules: Vec<&Permission> = role.rules.iter().filter(|rule| !rule.by_name).collect();
    let everything = rules.iter().any(|rule| is_everything(rule));
    if everything && namespace.is_empty() {
        // That somebody administers a cluster is no fault.
        return if who == Who::People { Vec::new() } else { vec![cluster_admin(who, severity)] };
    }
    let wild = if everything || !is_kubernetes_own(role) { rules.iter().find_map(|rule| wildcard(rule)) } else { None };
    let mut symptoms: Vec<Symptom> = wild.iter().map(|what| wildcards(what, severity)).collect();
    if who == Who::People {
        return symptoms;
    }
    let rest: Vec<&Permission> = rules.into_iter().filter(|rule| wild.is_none() || wildcard(rule).is_none()).collect();
    if (namespace.is_empty() || who == Who::Everybody) && rest.iter().any(|rule| reads_secrets(rule)) {
        symptoms.push(secrets(severity));
    }
    if let Some(way) = rest.iter().find_map(|rule| escalation(rule)) {
        // It leads no further than its own namespace.
        let confined = !namespace.is_empty() && namespace != SYSTEM && who == Who::Account;
        symptoms.push(escalations(&way, if confined { Severity::Info } else { severity }));
    }
    symptoms
}

/// Whether Kubernetes made a role itself.
fn is_kubernetes_own(role: &Role) -> bool {
    role.meta.labels.get("kubernetes.io/bootstrapping") == Some("rbac-defaults")
        || role.meta.name.name.starts_with("system:")
}

fn who(subject: &Subject) -> Who {
    let account = |namespace: &str| if namespace == SYSTEM { Who::System } else { Who::Account };
    match (&*subject.kind, &*subject.name) {
        ("ServiceAccount", _) => account(subject.namespace.as_deref().unwrap_or_default()),
        ("Group", "system:authenticated" | "system:unauthenticated" | "system:serviceaccounts") => Who::Everybody,
        ("User", "system:anonymous") => Who::Everybody,
        // An account by another name, or all of a namespace.
        ("Group", group) if group.starts_with("system:serviceaccounts:") => {
            account(group.trim_start_matches("system:serviceaccounts:"))
        }
        ("User", user) if user.starts_with("system:serviceaccount:") => {
            let account_of = user.trim_start_matches("system:serviceaccount:");
            account(account_of.split(':').next().unwrap_or_default())
        }
        (_, name) if name.starts_with("system:") => Who::System,
        _ => Who::People,
    }
}

fn cluster_admin(who: Who, severity: Severity) -> Symptom {
    let message = match who {
        Who::Everybody => "it lets everybody do everything in the cluster: take it away",
        Who::System | Who::People | Who::Account => {
            "it lets a workload do everything in the cluster, and whoever gets into it too: give it a role with what it needs"
        }
    };
    Symptom::new("rights-cluster-admin", severity, message.to_owned())
}

fn wildcards(what: &str, severity: Severity) -> Symptom {
    let message = format!("its role permits {what}, and what will be added to that: name what is needed");
    Symptom::new("rights-wildcard", severity, message)
}

fn secrets(severity: Severity) -> Symptom {
    let message = "it lets a workload read secrets that are not its own, and so use the accounts in them: name the secrets \
                   that it needs, or bind it in the namespaces that it needs them of";
    Symptom::new("rights-secrets", severity, message.to_owned())
}

fn escalations(way: &str, severity: Severity) -> Symptom {
    let message =
        format!("its role permits to {way}: who may do that may soon do more than he was given; take it away");
    Symptom::new("rights-escalation", severity, message)
}

fn role_missing() -> Symptom {
    let message = "its role is not there, so it gives nothing; whoever makes a role of this name decides what it gives: \
                   make it, or take the binding away";
    Symptom::new("rights-role-missing", Severity::Info, message.to_owned())
}

fn seen(symptom: Symptom, binding: &Binding) -> Symptom {
    let kind = if binding.of_cluster_role { "ClusterRole" } else { "Role" };
    let subject = |subject: &Subject| match &subject.namespace {
        Some(namespace) => format!("{} {namespace}/{}", subject.kind, subject.name),
        None => format!("{} {}", subject.kind, subject.name),
    };
    let mut named: Vec<String> = binding.subjects.iter().take(SUBJECTS_NAMED_MAX).map(subject).collect();
    if binding.subjects.len() > SUBJECTS_NAMED_MAX {
        named.push(format!("and {} more", binding.subjects.len() - SUBJECTS_NAMED_MAX));
    }
    symptom.seen_by("role", &format!("{kind} {}", binding.role)).seen_by("subjects", &named.join(", "))
}

#[cfg(test)]
mod tests;
