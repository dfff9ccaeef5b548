//! Who may ask what over TLS: a pod, shown by its token, for the one order that it was made for.
//!
//! Each request passes here before its body is read. 401 means that the token is not believed now, 503 that it can't be
//! known now, 403 that the order is not this pod's. All but a claim need that the pod has claimed its order, so whatever
//! is handed out or taken in is between the host and the one worker that it gave the order to.
//!
//! Asking whose a token is costs a question to the API server, so the answer is remembered for a minute, by the token's
//! digest. A pod that is deleted is believed for as long at most.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRef, RawPathParams, Request, State};
use axum::http::header::{AUTHORIZATION, CONNECTION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::redaction::Secret;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Desk, FarDesk, No, Proof, Proven, Unproven};

/// A token is believed so long after it was proven.
const BELIEVED_FOR: Duration = Duration::from_secs(60);
/// At most so many are remembered: more workers than a host has at once, a few times over.
const REMEMBERED_MAX: usize = 256;
/// At most so many questions are asked at once; what strangers show waits in line.
const QUESTIONS_MAX: usize = 8;

/// Whose tokens are, as far as is known.
pub struct Passes {
    proof: Arc<dyn Proof>,
    remembered: Mutex<HashMap<Digest, (Instant, Proven)>>,
    questions: Semaphore,
}

impl Passes {
    /// As that proof says.
    pub fn new(proof: Arc<dyn Proof>) -> Passes {
        Passes { proof, remembered: Mutex::default(), questions: Semaphore::new(QUESTIONS_MAX) }
    }

    async fn whose(&self, token: Secret) -> Result<Proven, Unproven> {
        let digest = Digest::of(token.expose().as_bytes());
        if let Some(proven) = self.known(&digest) {
            return Ok(proven);
        }
        let _one_of_some = self.questions.acquire().await.expect("nobody closes it");
        let proven = self.proof.prove(token).await?;
        self.remember(digest, proven.clone());
        Ok(proven)
    }

    fn known(&self, digest: &Digest) -> Option<Proven> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, proven) = remembered.get(digest)?;
        (since.elapsed() < BELIEVED_FOR).then(|| proven.clone())
    }

    fn remember(&self, digest: Digest, proven: Proven) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.retain(|_, (since, _)| since.elapsed() < BELIEVED_FOR);
        // One that is not remembered is asked about again.
        if remembered.len() < REMEMBERED_MAX {
            remembered.insert(digest, (Instant::now(), proven));
        }
    }
}

/// Lets a request pass, with whose it is, or answers it.
pub(super) async fn check(
    State(far): State<FarDesk>,
    parameters: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let proven = match whose(&far.passes, request.headers()).await {
        Ok(proven) => proven,
        Err(no) => {
            let mut response = no.into_response();
            // A stranger keeps no connection.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return response;
        }
    };
    // A claim names its order in its body.
    if let Some((_, order)) = parameters.iter().find(|(name, _)| *name == "order")
        && let Err(no) = may_ask(&far.desk, &proven, order)
    {
        return no.into_response();
    }
    request.extensions_mut().insert(proven);
    next.run(request).await
}

async fn whose(passes: &Passes, headers: &HeaderMap) -> Result<Proven, No> {
    let shown = headers.get(AUTHORIZATION).and_then(|shown| shown.to_str().ok());
    let token = shown.and_then(|shown| shown.strip_prefix("Bearer ")).filter(|token| !token.is_empty());
    let Some(token) = token else {
        return Err(No(StatusCode::UNAUTHORIZED, "a worker shows the token of its pod".to_owned()));
    };
    passes.whose(Secret::new(token.to_owned())).await.map_err(|unproven| match unproven {
        Unproven::Refused(why) => No(StatusCode::UNAUTHORIZED, why),
        Unproven::Unavailable(why) => No(StatusCode::SERVICE_UNAVAILABLE, why),
    })
}

/// Whether this pod may ask for that order: it is its own, and it has claimed it.
fn may_ask(desk: &Desk, proven: &Proven, order: &str) -> Result<(), No> {
    is_its_own(proven, order)?;
    let ledger = desk.book.ledger();
    match ledger.orders.get(&proven.order).map(|state| &state.claimed) {
        Some(Some((_, by))) if *by == proven.claimant => Ok(()),
        Some(Some(_)) => Err(No(StatusCode::FORBIDDEN, format!("order {order} was claimed by another pod"))),
        Some(None) | None => Err(No(StatusCode::CONFLICT, format!("order {order} has not been claimed"))),
    }
}

/// A pod is told nothing about an order that is not its own, not even whether there is one.
pub(super) fn is_its_own(proven: &Proven, order: &str) -> Result<(), No> {
    if proven.order.as_str() == order {
        return Ok(());
    }
    let what = format!("{} was made for order {} and no other", proven.claimant, proven.order);
    Err(No(StatusCode::FORBIDDEN, what))
}

impl FromRef<FarDesk> for Desk {
    fn from_ref(far: &FarDesk) -> Desk {
        far.desk.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::BoxFuture;
    use quarterdeck_core::ids::OrderName;

    use super::*;

    /// Believes any token that begins well, and counts how often it is asked.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Proof for Counting {
        fn prove(&self, token: Secret) -> BoxFuture<'_, Result<Proven, Unproven>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            let answer = match token.expose().strip_prefix("good-") {
                Some(uid) => {
                    let order = OrderName::parse("plan-web-0123456789ab").unwrap();
                    Ok(Proven { order, claimant: format!("pod {uid}") })
                }
                None => Err(Unproven::Refused("no".to_owned())),
            };
            Box::pin(async move { answer })
        }
    }

    fn token(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_token_is_believed_for_a_minute_and_a_bad_one_never() {
        let counting = Arc::new(Counting::default());
        let passes = Passes::new(counting.clone());
        for _ in 0..3 {
            assert_eq!(passes.whose(token("good-1")).await.unwrap().claimant, "pod 1");
            assert!(passes.whose(token("bad")).await.is_err());
        }
        assert_eq!(counting.0.load(Ordering::SeqCst), 1 + 3);
        let minute_ago = Instant::now() - BELIEVED_FOR;
        passes.remembered.lock().unwrap().values_mut().for_each(|(since, _)| *since = minute_ago);
        passes.whose(token("good-1")).await.unwrap();
        assert_eq!(counting.0.load(Ordering::SeqCst), 1 + 3 + 1);
    }

    #[tokio::test]
    async fn only_so_many_are_remembered() {
        let passes = Passes::new(Arc::new(Counting::default()));
        for number in 0..REMEMBERED_MAX + 9 {
            passes.whose(token(&format!("good-{number}"))).await.unwrap();
        }
        assert_eq!(passes.remembered.lock().unwrap().len(), REMEMBERED_MAX);
    }
}
