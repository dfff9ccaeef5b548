//! Whose token it is that a worker shows: the API server says which pod it was made for, and that pod must be the one of a
//! Job that this host made.
//!
//! The token is a projected one of the pod's account, for nobody but the host; the API server refuses it for itself. A pod
//! that is gone has no token any more.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{Api, PostParams};
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::redaction::Secret;

use super::clerk::Clerk;
use super::job::AUDIENCE;
use crate::apiserver::label;

/// The API server has this long to answer; a worker asks again.
const ANSWERS: Duration = Duration::from_secs(10);
/// Where a token's review names the pod.
const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";

/// Knows the host's Jobs, and asks the API server about tokens.
pub struct PodProof {
    clerk: Clerk,
    account: String,
    /// The uid of each order's Job.
    jobs: Mutex<BTreeMap<OrderName, String>>,
}

/// Why a token proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// It is no token of a worker of this host.
    #[error("{0}")]
    Refused(String),
    /// It can't be known now.
    #[error("{0}")]
    Unavailable(String),
}

impl PodProof {
    pub(super) fn new(clerk: Clerk, account: String) -> PodProof {
        PodProof { clerk, account, jobs: Mutex::default() }
    }

    pub(super) fn jobs(&self) -> MutexGuard<'_, BTreeMap<OrderName, String>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The order that the token's pod was made for, and the uid of that pod.
    ///
    /// # Errors
    /// Where it is no token of a worker of this host, or the API server can't say.
    pub async fn whose(&self, token: &Secret) -> Result<(OrderName, String), ProofFault> {
        let (name, uid) = self.pod(token).await?;
        let pods: Api<Pod> = Api::namespaced(self.clerk.client.clone(), &self.clerk.namespace);
        let pod = ask(pods.get_opt(&name)).await?;
        let pod = pod.ok_or_else(|| refused(format!("there is no pod {name} any more")))?;
        if pod.uid().as_deref() != Some(uid.as_str()) {
            return Err(refused(format!("the pod {name} is another one by now")));
        }
        let order = pod.labels().get(label::ORDER).and_then(|order| OrderName::parse(order).ok());
        let order = order.ok_or_else(|| refused(format!("the pod {name} names no order")))?;
        let made_by = |uid: &str| {
            let owners = pod.owner_references();
            owners.iter().any(|owner| owner.kind == "Job" && owner.uid == uid && owner.controller == Some(true))
        };
        // A pod may be quicker than the answer that says which Job was made.
        let job = self.jobs().get(&order).cloned();
        let job = job.ok_or_else(|| ProofFault::Unavailable(format!("no Job is known for order {order}")))?;
        if made_by(&job) { Ok((order, uid)) } else { Err(refused(format!("the pod {name} is of no Job of this host"))) }
    }

    /// The pod that the API server made the token for.
    async fn pod(&self, token: &Secret) -> Result<(String, String), ProofFault> {
        let spec =
            TokenReviewSpec { audiences: Some(vec![AUDIENCE.to_owned()]), token: Some(token.expose().to_owned()) };
        let review = TokenReview { spec, ..TokenReview::default() };
        let api: Api<TokenReview> = Api::all(self.clerk.client.clone());
        let status = ask(api.create(&PostParams::default(), &review)).await?.status.unwrap_or_default();
        let account = format!("system:serviceaccount:{}:{}", self.clerk.namespace, self.account);
        reviewed(&status, &account).map_err(refused)
    }
}

/// The pod of a token, by its review: name and uid.
fn reviewed(status: &TokenReviewStatus, account: &str) -> Result<(String, String), String> {
    if status.authenticated != Some(true) {
        let why = status.error.clone().unwrap_or_else(|| "it is no token that the API server made".to_owned());
        return Err(format!("the token is not accepted: {why}"));
    }
    if !status.audiences.iter().flatten().any(|audience| audience == AUDIENCE) {
        return Err(format!("the token is not for {AUDIENCE:?}"));
    }
    let user = status.user.clone().unwrap_or_default();
    if user.username.as_deref() != Some(account) {
        return Err(format!("the token is of {:?}, and workers are {account:?}", user.username.unwrap_or_default()));
    }
    let extra = |key: &str| user.extra.as_ref()?.get(key)?.first().cloned();
    extra(POD_NAME).zip(extra(POD_UID)).ok_or_else(|| "the token is bound to no pod".to_owned())
}

async fn ask<T>(asked: impl Future<Output = Result<T, kube::Error>>) -> Result<T, ProofFault> {
    match tokio::time::timeout(ANSWERS, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        // What the host may not ask, or the server can't say now, is no word about the worker.
        Ok(Err(error)) => Err(ProofFault::Unavailable(format!("ask the API server: {error}"))),
        Err(_) => Err(ProofFault::Unavailable(format!("no answer of the API server within {} s", ANSWERS.as_secs()))),
    }
}

fn refused(why: String) -> ProofFault {
    ProofFault::Refused(why)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ACCOUNT: &str = "system:serviceaccount:quarterdeck-builder:builder";

    fn of(status: Value) -> Result<(String, String), String> {
        reviewed(&serde_json::from_value(status).unwrap(), ACCOUNT)
    }

    fn good() -> Value {
        json!({ "authenticated": true, "audiences": ["quarterdeck"], "user": { "username": ACCOUNT, "extra": {
            "authentication.kubernetes.io/pod-name": ["plan-web-x"], "authentication.kubernetes.io/pod-uid": ["u1"] } } })
    }

    #[test]
    fn only_a_pods_token_of_the_workers_account_for_the_host_names_a_pod() {
        assert_eq!(of(good()), Ok(("plan-web-x".to_owned(), "u1".to_owned())));
        let without = |pointer: &str, value: Value| {
            let mut status = good();
            *status.pointer_mut(pointer).unwrap() = value;
            of(status).unwrap_err()
        };
        assert!(without("/authenticated", json!(false)).contains("not accepted"));
        assert!(without("/audiences", json!(["api"])).contains("not for"));
        assert!(without("/audiences", json!([])).contains("not for"));
        let other = without("/user/username", json!("system:serviceaccount:quarterdeck-builder:default"));
        assert!(other.contains("workers are"), "{other}");
        assert!(without("/user/extra", json!({})).contains("bound to no pod"));
        assert!(of(json!({})).unwrap_err().contains("not accepted"));
    }
}
