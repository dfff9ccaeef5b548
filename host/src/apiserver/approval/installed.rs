//! The policy `quarterdeck-approval-by` and its binding, as the cluster has them, to the last field: not by the types of this
//! program, which would leave out what a later Kubernetes adds, and with it what may narrow.

use std::time::Duration;

use kube::Client;
use serde_json::Value;

use super::policy::{BINDING, NAME, POLICY};
use crate::apiserver::read::{self, Unread};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is denied.
    Policy,
    /// That it is in force, and where.
    Binding,
}

impl Part {
    /// Both.
    pub const BOTH: [Part; 2] = [Part::Policy, Part::Binding];

    /// Its kind.
    pub fn kind(self) -> &'static str {
        match self {
            Part::Policy => POLICY,
            Part::Binding => BINDING,
        }
    }

    /// Where objects of its kind are.
    pub fn path(self) -> &'static str {
        match self {
            Part::Policy => "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
            Part::Binding => "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
        }
    }

    /// As it is in the cluster now.
    ///
    /// # Errors
    /// Where it is not there, may not be read, or no answer comes.
    pub(crate) async fn ask(self, client: &Client, timeout: Duration) -> Result<Value, Unread> {
        read::get(client, &format!("{}/{NAME}", self.path()), timeout).await
    }
}
