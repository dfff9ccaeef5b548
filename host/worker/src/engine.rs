//! The engine's own word, where Terraform's is not enough.
//!
//! A docker provider that the engine refuses takes the refusal for "it is gone": the plan then calls it drift, exits
//! without an error, and an apply would make everything a second time or empty the state. So whatever a plan says is gone
//! is asked for at the engine, without a version in the path, which every engine answers. The host looks at the engine
//! too, before and after; this look is the one between. And before each command the engine is asked which API it serves.

use std::path::Path;
use std::time::Duration;

use quarterdeck_core::order::{NamedObject, ObjectKind};
use quarterdeck_core::terraform::plan::{Action, PlanFacts};
use quarterdeck_core::terraform::providers::{ENGINE_VERSION_PATH, EngineAnswer, EngineVersion};
use quarterdeck_core::terraform::state_json::StateFacts;
use reqwest::{Client, StatusCode};

/// The engine has this long for each answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// What an engine says of itself has at most this many bytes (64 KiB); a real one has about 1 KiB.
const VERSION_BYTES_MAX: usize = 64 << 10;
/// At most this many objects are asked for: one that is still there is enough.
const ASKED_MAX: usize = 32;

/// The objects of the state that the plan takes for gone: those that drifted away, and in a plan that destroys also those
/// that it has nothing to destroy of.
pub(crate) fn said_gone<'a>(state: &'a StateFacts, plan: &PlanFacts, destroys: bool) -> Vec<&'a NamedObject> {
    let drifted =
        |address: &str| plan.drift.iter().any(|drift| drift.address == address && drift.action == Action::Destroy);
    let destroyed = |address: &str| plan.changes.iter().any(|change| change.address == address);
    let gone = |object: &&NamedObject| drifted(&object.address) || destroys && !destroyed(&object.address);
    state.objects.iter().filter(gone).take(ASKED_MAX).collect()
}

/// The engine's socket, asked without a version in the path.
pub(crate) struct Engine {
    client: Client,
}

impl Engine {
    /// The engine behind this socket; nothing is sent.
    pub(crate) fn at(socket: &Path) -> Result<Engine, reqwest::Error> {
        // No authority is believed, since none is needed: an image without any would have no client otherwise.
        let builder = Client::builder().unix_socket(socket).tls_certs_only([]).no_proxy();
        Ok(Engine { client: builder.timeout(ANSWER_MAX).build()? })
    }

    /// Which engine it is, and the versions of the API that it serves; or why it does not say so.
    pub(crate) async fn version(&self) -> Result<EngineVersion, String> {
        let body = self.answer(ENGINE_VERSION_PATH).await?;
        let answer: EngineAnswer =
            serde_json::from_slice(&body).map_err(|error| format!("its answer is not an engine's: {error}"))?;
        EngineVersion::try_from(answer).map_err(|error| format!("its answer is not an engine's: {error}"))
    }

    async fn answer(&self, path: &str) -> Result<Vec<u8>, String> {
        let sent = self.client.get(format!("http://engine{path}")).send().await;
        let mut answer = sent.map_err(|error| innermost(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answered GET {path} with HTTP {}", answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| innermost(&error))? {
            if body.len() + chunk.len() > VERSION_BYTES_MAX {
                return Err(format!("its answer to GET {path} is larger than {VERSION_BYTES_MAX} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The first of these objects that the engine has all the same.
    pub(crate) async fn still_there<'a>(&self, objects: &[&'a NamedObject]) -> Option<&'a NamedObject> {
        for object in objects {
            let Some(path) = path(object) else { continue };
            let answer = self.client.get(format!("http://engine{path}")).send().await;
            if answer.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return Some(object);
            }
        }
        None
    }
}

/// The cause at the end of a chain of errors, which is the one that tells something.
fn innermost(error: &reqwest::Error) -> String {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source()).last().unwrap_or(first).to_string()
}

/// Where the engine tells of an object; `None` for what can't be named in a path.
fn path(object: &NamedObject) -> Option<String> {
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
    match object.kind {
        ObjectKind::Network => plain(&object.id).then(|| format!("/networks/{}", object.id)),
        ObjectKind::Container => plain(&object.id).then(|| format!("/containers/{}/json", object.id)),
        ObjectKind::Volume => plain(&object.name).then(|| format!("/volumes/{}", object.name)),
        // An image that was removed by its name may be there by another one, which is no contradiction.
        ObjectKind::Image => None,
    }
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::terraform::plan::parse_plan;
    use quarterdeck_core::terraform::state_json::parse_state;

    use super::*;

    const STATE: &str = r#"{"version":4,"lineage":"l","serial":3,"resources":[{"mode":"managed","type":"docker_network",
        "name":"n","instances":[{"attributes":{"id":"abc","name":"n"}}]}]}"#;

    #[test]
    fn what_a_plan_takes_for_gone_is_known() {
        let state = parse_state(STATE.as_bytes()).unwrap();
        let nothing = parse_plan(br#"{"format_version":"1.2","resource_changes":[]}"#).unwrap();
        assert!(said_gone(&state, &nothing, false).is_empty());
        assert_eq!(said_gone(&state, &nothing, true)[0].id, "abc");
        let drift = parse_plan(
            br#"{"format_version":"1.2","resource_drift":[{"address":"docker_network.n","mode":"managed",
                "type":"docker_network","name":"n","provider_name":"registry.terraform.io/kreuzwerker/docker",
                "change":{"actions":["delete"],"before":{},"after":null}}]}"#,
        )
        .unwrap();
        assert_eq!(said_gone(&state, &drift, false).len(), 1);
        assert_eq!(path(&state.objects[0]).as_deref(), Some("/networks/abc"));
    }
}
