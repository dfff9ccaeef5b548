//! Roles and bindings.

use k8s_openapi::api::rbac::v1 as k8s;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use quarterdeck_core::kubernetes::Object;
use quarterdeck_core::kubernetes::rights::{Binding, Permission, Role, Subject};

use super::{ENTRIES_MAX, Trimmer};

pub(in super::super) fn role(trimmer: &mut Trimmer, object: &k8s::Role) -> Object {
    Object::Role(a_role(trimmer, &object.metadata, object.rules.as_deref()))
}

pub(in super::super) fn cluster_role(trimmer: &mut Trimmer, object: &k8s::ClusterRole) -> Object {
    Object::ClusterRole(a_role(trimmer, &object.metadata, object.rules.as_deref()))
}

pub(in super::super) fn role_binding(trimmer: &mut Trimmer, object: &k8s::RoleBinding) -> Object {
    Object::RoleBinding(binding(trimmer, &object.metadata, &object.role_ref, object.subjects.as_deref()))
}

pub(in super::super) fn cluster_role_binding(trimmer: &mut Trimmer, object: &k8s::ClusterRoleBinding) -> Object {
    Object::ClusterRoleBinding(binding(trimmer, &object.metadata, &object.role_ref, object.subjects.as_deref()))
}

/// Its labels tell whether it is one of Kubernetes' own.
fn a_role(trimmer: &mut Trimmer, meta: &ObjectMeta, rules: Option<&[k8s::PolicyRule]>) -> Role {
    let rules = rules.unwrap_or_default().iter().filter(|rule| !is_empty(rule.resources.as_deref()));
    let rules = rules.take(ENTRIES_MAX).map(|rule| Permission {
        groups: trimmer.words(rule.api_groups.as_deref()),
        resources: trimmer.words(rule.resources.as_deref()),
        by_name: !is_empty(rule.resource_names.as_deref()),
        verbs: trimmer.words(Some(&rule.verbs)),
    });
    let rules = rules.collect();
    Role { meta: trimmer.labelled(meta), rules }
}

fn is_empty(list: Option<&[String]>) -> bool {
    list.is_none_or(<[String]>::is_empty)
}

fn binding(
    trimmer: &mut Trimmer,
    meta: &ObjectMeta,
    role: &k8s::RoleRef,
    subjects: Option<&[k8s::Subject]>,
) -> Binding {
    let subjects = subjects.unwrap_or_default().iter().take(ENTRIES_MAX).map(|subject| Subject {
        kind: trimmer.word(&subject.kind),
        namespace: trimmer.maybe(subject.namespace.as_deref()),
        name: trimmer.word(&subject.name),
    });
    let subjects = subjects.collect();
    Binding {
        meta: trimmer.meta(meta),
        of_cluster_role: role.kind == "ClusterRole",
        role: trimmer.word(&role.name),
        subjects,
    }
}
