//! Who may do what.

use super::object::{Meta, Text};

/// A Role or a ClusterRole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// What it is; with its labels, which tell Kubernetes' own roles.
    pub meta: Meta,
    /// What it permits with objects; what it permits with paths is left out.
    pub rules: Vec<Permission>,
}

/// One rule of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The API groups; the first group is the empty text, and `*` is all.
    pub groups: Vec<Text>,
    /// The resources; `*` is all.
    pub resources: Vec<Text>,
    /// Whether it is about some objects only, by their names.
    pub by_name: bool,
    /// The verbs; `*` is all.
    pub verbs: Vec<Text>,
}

/// A RoleBinding or a ClusterRoleBinding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What it is.
    pub meta: Meta,
    /// Whether the role is a ClusterRole.
    pub of_cluster_role: bool,
    /// The role's name.
    pub role: Text,
    /// Who gets it.
    pub subjects: Vec<Subject>,
}

/// Who gets a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `User`, `Group` or `ServiceAccount`.
    pub kind: Text,
    /// The namespace of a ServiceAccount.
    pub namespace: Option<Text>,
    /// The name.
    pub name: Text,
}
