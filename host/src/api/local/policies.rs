//! Policies over the socket: a component goes up, a person wants it to decide, or wants the one before it back.
//!
//! An upload is checked here, beside the loop, one at a time: compiling takes seconds and a turn must not wait for it. Only
//! when all checks have passed is it kept and written down; of one that is refused nothing stays.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Activated, How, Leave, Purpose, Uploaded};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::{MemoFate, Nomination, Widening};
use quarterdeck_core::observation::Person;
use quarterdeck_core::situation::{Fact, cut};
use quarterdeck_core::text::escape;
use quarterdeck_core::upload::{Report, SOURCE_BYTES_MAX};
use serde::{Deserialize, Serialize};

use super::{COMMENT_BYTES_MAX, Desk, Peer, failed, owners_alone, refuse};
use crate::app::CommandFailed;
use crate::decide::catalog::Stored;
use crate::decide::structure::COMPONENT_BYTES_MAX;
use crate::decide::{Catalog, Policy};
use crate::driver::chain;
use crate::uploads::Checked;

/// The largest component.
pub(super) const BYTES_MAX: usize = COMPONENT_BYTES_MAX;
/// A wish is at most this large: 32 settings of a kilobyte each, each of their characters written as an escape.
pub(super) const WISH_BYTES_MAX: usize = 256 << 10;
/// The header that carries the signatures, in base64.
pub(super) const SIGNATURES: &str = "x-quarterdeck-signatures";
/// The header that says where the component comes from, in base64.
pub(super) const SOURCE: &str = "x-quarterdeck-source";

/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pushed {
    /// Whether it is on the shelf now.
    pub shelved: bool,
    /// Whether it was before.
    pub known: bool,
    /// What people read of it.
    pub report: Report,
}

/// A wish for another policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Activating {
    /// Its digest, the first digits of it, its name, or `name@version`.
    pub policy: String,
    /// What the operator sets.
    #[serde(default)]
    pub settings: Vec<Fact>,
    /// What for.
    pub purpose: Purpose,
}

/// What became of the wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// The policy.
    pub policy: Digest,
    /// Its name and version.
    pub name: String,
    /// What for.
    pub purpose: Purpose,
    /// Whether people are asked.
    pub leave: Leave,
    /// Actions and operations that it may return and the one that decides may not.
    pub gained: Vec<String>,
    /// What becomes of the memo.
    pub memo: MemoFate,
}

/// A wish to go back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollingBack {
    /// What the person writes.
    pub comment: Option<String>,
}

/// What decides now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RolledBack {
    /// The policy.
    pub policy: Digest,
    /// Its name and version.
    pub name: String,
    /// What became of the memo.
    pub memo: MemoFate,
}

/// Why an upload came to nothing that says anything about the component.
enum Trouble {
    /// The machine is at fault.
    Machine(String),
    /// The host did not write it down.
    Command(CommandFailed),
}

pub(super) async fn push(
    State(desk): State<Desk>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let next = "quarterdeck policy check FILE";
    if !peer.owns() {
        return owners_alone();
    }
    let Peer(Some(uid)) = peer else { return owners_alone() };
    let component = match body {
        Ok(component) => component,
        Err(problem) => return refuse(problem.status(), &format!("size: {}", problem.body_text()), next),
    };
    let header = |name: &str| headers.get(name).map(|value| STANDARD.decode(value.as_bytes())).transpose();
    let (Ok(signatures), Ok(source)) = (header(SIGNATURES), header(SOURCE)) else {
        return refuse(StatusCode::BAD_REQUEST, &format!("{SIGNATURES} or {SOURCE} is no base64"), next);
    };
    let source = source.and_then(|source| String::from_utf8(source).ok()).unwrap_or_default();
    let Ok(one) = desk.uploads.one.clone().try_acquire_owned() else {
        let next = "try again when it is done";
        return refuse(StatusCode::TOO_MANY_REQUESTS, "another upload is being checked", next);
    };
    let upload =
        Upload { who: Person::Uid(uid), source: escape(&cut(&source, SOURCE_BYTES_MAX)), component, signatures };
    // Whoever asked may go away meanwhile: what was begun is brought to its end all the same, kept and written down or
    // neither.
    let shelved = tokio::spawn(async move {
        let _one = one;
        shelve(&desk, upload).await
    });
    match shelved.await.unwrap_or_else(|error| Err(Trouble::Machine(error.to_string()))) {
        Ok(pushed) => Json(pushed).into_response(),
        Err(Trouble::Command(error)) => failed(&error, "quarterdeck policy list"),
        Err(Trouble::Machine(error)) => {
            refuse(StatusCode::INTERNAL_SERVER_ERROR, &error, "look at the host's disk and memory")
        }
    }
}

/// What somebody uploads.
struct Upload {
    who: Person,
    source: String,
    component: Bytes,
    signatures: Option<Vec<u8>>,
}

/// Checks a component, and keeps it where all is well.
async fn shelve(desk: &Desk, upload: Upload) -> Result<Pushed, Trouble> {
    let machine = |error: &dyn std::error::Error| Trouble::Machine(chain(error));
    let Upload { who, source, component, signatures } = upload;
    let (uploads, ledger) = (desk.uploads.clone(), desk.book.ledger());
    let known = ledger.policies.shelf.contains_key(&Digest::of(&component));
    ledger.permits_upload(Digest::of(&component)).map_err(|error| Trouble::Command(error.into()))?;
    let examined = tokio::task::spawn_blocking(move || {
        let checked = uploads.examine(&ledger, &component, signatures.as_deref())?;
        let Checked { report, artifact: Some(artifact) } = checked else { return Ok(checked.report) };
        let (signatures, artifact) = (signatures.as_deref(), Some(&artifact));
        let kept = uploads.catalog.keep(&Stored { component: &component, report: &report, signatures, artifact });
        kept.map(|()| report).map_err(|error| chain(&error))
    });
    let report = examined.await.map_err(|error| machine(&error))?.map_err(Trouble::Machine)?;
    let Some(uploaded) = Uploaded::of(&report, &who, &source, Timestamp(0)) else {
        return Ok(Pushed { shelved: false, known, report });
    };
    if let Err(error) = desk.commands.upload(Box::new(uploaded)).await {
        let (catalog, policy) = (desk.uploads.catalog.clone(), report.policy);
        if !known {
            // What nobody wrote down is swept at the next start, at the latest.
            let _swept_later = tokio::task::spawn_blocking(move || catalog.remove(policy)).await;
        }
        return Err(Trouble::Command(error));
    }
    Ok(Pushed { shelved: true, known, report })
}

pub(super) async fn activate(
    State(desk): State<Desk>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    wanted: Result<Json<Activating>, JsonRejection>,
) -> Response {
    let next = "quarterdeck policy list";
    if !peer.owns() {
        return owners_alone();
    }
    let Peer(Some(uid)) = peer else { return owners_alone() };
    let Activating { policy, settings, purpose } = match wanted {
        Ok(Json(wanted)) => wanted,
        Err(problem) => return refuse(problem.status(), &problem.body_text(), next),
    };
    let ledger = desk.book.ledger();
    let digest = match ledger.policy_named(&policy) {
        Ok(digest) => digest,
        Err(error) => return refuse(StatusCode::NOT_FOUND, &error.to_string(), next),
    };
    // Loaded before the loop hears of it, since that may take a compiler.
    let policy = match load(&desk.uploads.catalog, digest).await {
        Ok(policy) => policy,
        Err(problem) => return refuse(StatusCode::CONFLICT, &problem, "upload it again: quarterdeck policy push FILE"),
    };
    let settings = settings.iter().map(|fact| Fact::new(&fact.key, &escape(&fact.value))).collect();
    let description = policy.description().clone();
    let gained = Widening::between(ledger.policy.description.as_ref(), &description).gained;
    let nomination = Nomination { policy: digest, description: description.clone(), settings, purpose };
    match desk.commands.nominate(Person::Uid(uid), Box::new(nomination)).await {
        Ok(nominated) => {
            let name = format!("{} {}", description.name, description.version);
            let how = How::Started;
            let memo = ledger.memo_for(&description, &how).0;
            Json(Wanted { policy: digest, name, purpose, leave: nominated.leave, gained, memo }).into_response()
        }
        Err(error) => failed(&error, next),
    }
}

pub(super) async fn roll_back(
    State(desk): State<Desk>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    wanted: Result<Json<RollingBack>, JsonRejection>,
) -> Response {
    let next = "quarterdeck policy history";
    if !peer.owns() {
        return owners_alone();
    }
    let Peer(Some(uid)) = peer else { return owners_alone() };
    let comment = match wanted {
        Ok(Json(RollingBack { comment })) => comment,
        Err(problem) => return refuse(problem.status(), &problem.body_text(), next),
    };
    if comment.as_ref().is_some_and(|comment| comment.len() > COMMENT_BYTES_MAX) {
        let error = format!("the comment is longer than {COMMENT_BYTES_MAX} bytes");
        return refuse(StatusCode::BAD_REQUEST, &error, "say it shorter");
    }
    let ledger = desk.book.ledger();
    for policy in ledger.policy.digest.map(|active| ledger.policies.before(active)).unwrap_or_default() {
        // One that can't be loaded any more is passed over; the fallback always can.
        if load(&desk.uploads.catalog, policy).await.is_ok() {
            break;
        }
    }
    match desk.commands.roll_back(Person::Uid(uid), comment).await {
        Ok(back) => {
            let (activated, memo) = *back;
            let Activated { policy, description, .. } = activated;
            let name = format!("{} {}", description.name, description.version);
            Json(RolledBack { policy, name, memo }).into_response()
        }
        Err(error) => failed(&error, next),
    }
}

/// Loads a policy away from the loop's own threads.
async fn load(catalog: &Arc<Catalog>, policy: Digest) -> Result<Arc<Policy>, String> {
    let catalog = catalog.clone();
    let loaded = tokio::task::spawn_blocking(move || catalog.load(policy));
    loaded.await.map_err(|error| error.to_string())?.map_err(|error| chain(&error))
}
