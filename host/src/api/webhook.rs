//! A webhook, so that somebody learns of what waits for people while nobody looks: one signed POST for each request.
//!
//! The form is that of [Standard Webhooks](https://www.standardwebhooks.com): the headers `webhook-id`, `webhook-timestamp` and
//! `webhook-signature`, and a body with `type`, `timestamp` and `data`. It is sent until it is taken (any 2xx) or the request waits no
//! more; a host that is started anew sends once more what still waits, under the same id, by which the receiver knows it again.
//! Nothing of a plan's text is in it, and no turn waits for it.
//!
//! What is *not* here: an answer. Who follows the message looks at the plan, and says yes where people say yes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quarterdeck_core::ids::{ApprovalId, Timestamp};
use quarterdeck_core::redaction::Secret;
use quarterdeck_core::situation::ApprovalState;
use quarterdeck_core::text::escape;
use reqwest::Url;
use ring::hmac;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::warn;

use crate::app::Updates;
use crate::driver::chain;
use crate::view::{self, ApprovalView, View, to_approve};

/// A delivery has this long.
const ANSWERS: Duration = Duration::from_secs(10);
/// After a first failure it is waited this long, and then ever longer.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// No wait is longer.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// A key has at least so many bytes, and at most so many, as Standard Webhooks has it.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// What stands before a key that is written down.
const KEY_PREFIX: &str = "whsec_";

/// What of a webhook can't be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Its address is none.
    #[error("the webhook's address is https://HOST/PATH, or http:// on this machine, without user or fragment")]
    Address,
    /// Its key is none. It is not shown.
    #[error(
        "the webhook's key is whsec_ and 24 to 64 random bytes in base64; make one with: echo whsec_$(head -c 32 /dev/urandom | base64)"
    )]
    Key,
    /// No client can be made.
    #[error("make a client for the webhook")]
    Client(#[source] reqwest::Error),
}

/// Where messages go, and what signs them. It holds a key and has no `Debug`.
pub struct Webhook {
    url: Url,
    key: hmac::Key,
}

impl Webhook {
    /// Reads an address and a key.
    ///
    /// # Errors
    /// Where one of them is none.
    pub fn parse(url: &str, key: &Secret) -> Result<Webhook, WebhookError> {
        let url = Url::parse(url).map_err(|_| WebhookError::Address)?;
        let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let private = url.scheme() == "https" || (url.scheme() == "http" && here);
        if !private || !url.username().is_empty() || url.password().or(url.fragment()).is_some() {
            return Err(WebhookError::Address);
        }
        let text = key.expose().trim().strip_prefix(KEY_PREFIX).ok_or(WebhookError::Key)?;
        let bytes = STANDARD.decode(text).map_err(|_| WebhookError::Key)?;
        if !KEY_BYTES.contains(&bytes.len()) {
            return Err(WebhookError::Key);
        }
        Ok(Webhook { url, key: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// The signature of a body that is sent under this id at this time.
    fn signature(&self, id: &str, seconds: u64, body: &str) -> String {
        let signed = hmac::sign(&self.key, format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(signed.as_ref()))
    }
}

/// Sends until it is aborted, or the loop ends.
///
/// # Errors
/// Where no client can be made.
pub fn start(webhook: Webhook, updates: Updates, clock: fn() -> Timestamp) -> Result<JoinHandle<()>, WebhookError> {
    let http = reqwest::Client::builder()
        .timeout(ANSWERS)
        // A redirect would be to somebody that nobody has named.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .user_agent(concat!("quarterdeck/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(WebhookError::Client)?;
    let sender = Sender { http, webhook, clock, waiting: BTreeMap::new(), taken: BTreeSet::new() };
    Ok(tokio::spawn(sender.follow(updates)))
}

struct Sender {
    http: reqwest::Client,
    webhook: Webhook,
    clock: fn() -> Timestamp,
    /// What waits for people now, by what they answer.
    waiting: BTreeMap<ApprovalId, Value>,
    /// Of these, what was taken.
    taken: BTreeSet<ApprovalId>,
}

impl Sender {
    async fn follow(mut self, mut updates: Updates) {
        // How long it was waited after the last failure, and until when.
        let mut wait: Option<(Duration, Instant)> = None;
        loop {
            tokio::select! {
                update = updates.recv() => match update {
                    Ok(update) => {
                        let view = view::look(&update.ledger, Some(&update.situation), (self.clock)());
                        self.waiting = waiting(&view);
                        self.taken.retain(|id| self.waiting.contains_key(id));
                        // After a failure only time helps.
                        if wait.is_some() {
                            continue;
                        }
                    }
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                },
                () = until(wait), if wait.is_some() => {}
            }
            wait = match self.send().await {
                Ok(()) => None,
                Err(problem) => {
                    let next = wait.map_or(WAIT_MIN, |(waited, _)| (waited * 2).min(WAIT_MAX));
                    let seconds = next.as_secs();
                    warn!(problem = %escape(&problem), "The webhook did not take a message; it is sent again in {seconds} s.");
                    Some((next, Instant::now() + next))
                }
            };
        }
    }

    /// Sends what was not taken; the first failure ends it.
    async fn send(&mut self) -> Result<(), String> {
        for (id, message) in &self.waiting {
            if self.taken.contains(id) {
                continue;
            }
            let (body, name) = (message.to_string(), format!("msg_{id}"));
            let seconds = (self.clock)().0 / 1_000;
            let request = self
                .http
                .post(self.webhook.url.clone())
                .header("content-type", "application/json")
                .header("webhook-id", &name)
                .header("webhook-timestamp", seconds)
                .header("webhook-signature", self.webhook.signature(&name, seconds, &body))
                .body(body);
            // Without the address, which may hold a token.
            let answer = request.send().await.map_err(|error| chain(&error.without_url()))?;
            if !answer.status().is_success() {
                return Err(format!("it answered {}", answer.status()));
            }
            self.taken.insert(id.clone());
        }
        Ok(())
    }
}

/// Without a time it is not asked.
async fn until(wait: Option<(Duration, Instant)>) {
    if let Some((_, at)) = wait {
        tokio::time::sleep_until(at).await;
    }
}

/// Every request that waits, as a message.
fn waiting(view: &View) -> BTreeMap<ApprovalId, Value> {
    let plans = view.approvals.iter().filter(|approval| approval.state == ApprovalState::Pending);
    let plans = plans.map(|approval| (approval.id.clone(), plan(approval)));
    let charter = view.charter.candidate.iter().filter(|candidate| candidate.state == ApprovalState::Pending);
    let charter = charter.map(|candidate| {
        let data = json!({ "digest": candidate.digest, "needed": candidate.needed, "given": candidate.given });
        (candidate.id.clone(), message("charter", &candidate.id, candidate.requested, candidate.expires, None, data))
    });
    let policy = view.policies.nominee.iter().filter(|nominee| nominee.state == ApprovalState::Pending);
    let policy = policy.filter_map(|nominee| {
        let data =
            json!({ "name": nominee.name, "digest": nominee.policy, "needed": nominee.needed, "given": nominee.given });
        let (id, expires) = (nominee.id.clone()?, nominee.expires.unwrap_or_default());
        Some((id.clone(), message("policy", &id, nominee.requested, expires, None, data)))
    });
    plans.chain(charter).chain(policy).collect()
}

fn plan(approval: &ApprovalView) -> Value {
    let summary = approval.summary.as_ref();
    let data = json!({
        "generation": approval.generation, "plan": approval.saved, "needed": approval.needed, "given": approval.given,
        "adds": summary.map(|summary| summary.adds), "changes": summary.map(|summary| summary.changes),
        "replaces": summary.map(|summary| summary.replaces), "destroys": summary.map(|summary| summary.destroys),
        "dangers": approval.dangers.len(), "rehearsal": approval.rehearsal,
    });
    message("plan", &approval.id, approval.requested, approval.expires, Some(&approval.mission), data)
}

fn message(
    about: &str,
    id: &ApprovalId,
    requested: Timestamp,
    expires: Timestamp,
    mission: Option<&str>,
    mut data: Value,
) -> Value {
    let more = json!({
        "approval": id, "about": about, "mission": mission, "expires": view::rfc3339(expires),
        "answer": to_approve(mission.unwrap_or_default(), id),
    });
    if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    json!({ "type": "approval.pending", "timestamp": view::rfc3339(requested), "data": data })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str, key: &str) -> Result<Webhook, WebhookError> {
        Webhook::parse(url, &Secret::new(key.to_owned()))
    }

    /// The example of the specification, as its libraries test it.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let webhook = webhook("https://hooks.example/x", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("it is one");
        let signature = webhook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_address_is_private_and_a_key_is_long_and_never_shown() {
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        for url in ["https://hooks.example/x?token=1", "http://127.0.0.1:8080/", "http://localhost/"] {
            assert!(webhook(url, key).is_ok(), "{url}");
        }
        for url in
            ["http://hooks.example/", "ftp://hooks.example/", "https://a:b@hooks.example/", "https://h.example/#x", "x"]
        {
            assert!(matches!(webhook(url, key), Err(WebhookError::Address)), "{url}");
        }
        for key in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_???"] {
            let Err(error) = webhook("https://hooks.example/", key) else { panic!("{key} is taken") };
            assert!(matches!(error, WebhookError::Key) && (key.is_empty() || !error.to_string().contains(key)));
        }
    }
}
