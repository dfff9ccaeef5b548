//! What people say to the host and hear from it through objects of a Kubernetes cluster.

pub mod approvals;
pub mod missions;
