//! Wanting another charter over the socket: rules as text, numbers as they stand in a file.

use axum::Json;
use axum::extract::State;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use quarterdeck_core::charter::{Amendment, RULES_BYTES_MAX, Rules, Settings};
use quarterdeck_core::entry::Standing;
use quarterdeck_core::ids::ApprovalId;
use quarterdeck_core::observation::Person;
use serde::{Deserialize, Serialize};

use super::{Desk, Peer, failed, owners_alone, refuse};

/// The largest charter, with each of its characters written as an escape, and numbers.
pub(super) const BYTES_MAX: usize = 6 * RULES_BYTES_MAX + (64 << 10);

/// A wish for another charter; what is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Amending {
    /// Rules in Cedar.
    pub rules: Option<String>,
    /// Numbers.
    pub settings: Option<Settings>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amended {
    /// It is in force, or waits already.
    Unchanged,
    /// It is in force from now on.
    InForce,
    /// It waits for people.
    Asked {
        /// What they answer.
        id: ApprovalId,
        /// So many have to say yes.
        needed: u8,
        /// The rule in force that demands so.
        rule: String,
    },
}

pub(super) async fn amend(
    State(desk): State<Desk>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    wanted: Result<Json<Amending>, JsonRejection>,
) -> Response {
    let next = "quarterdeck charter check FILE";
    if !peer.owns() {
        return owners_alone();
    }
    let Peer(Some(uid)) = peer else { return owners_alone() };
    let Amending { rules, settings } = match wanted {
        Ok(Json(wanted)) => wanted,
        Err(problem) => return refuse(problem.status(), &problem.body_text(), next),
    };
    let rules = match rules.as_deref().map(Rules::parse).transpose() {
        Ok(rules) => rules,
        Err(faults) => return refuse(StatusCode::BAD_REQUEST, &faults.to_string(), next),
    };
    if let Some(Err(problem)) = settings.as_ref().map(Settings::parsed_grants) {
        return refuse(StatusCode::BAD_REQUEST, &problem.to_string(), next);
    }
    if let Some(Err(problem)) = settings.as_ref().map(Settings::check) {
        return refuse(StatusCode::BAD_REQUEST, &problem.to_string(), next);
    }
    match desk.commands.amend(Person::Uid(uid), Box::new(Amendment { rules, settings })).await {
        Ok(None) => Json(Amended::Unchanged).into_response(),
        Ok(Some(chartered)) => Json(Amended::of(chartered.standing)).into_response(),
        Err(error) => failed(&error, "quarterdeck charter show in-force"),
    }
}

impl Amended {
    fn of(standing: Standing) -> Amended {
        match standing {
            Standing::First | Standing::Narrows => Amended::InForce,
            Standing::Asked { id, rule, needed, expires: _ } => Amended::Asked { id, needed, rule },
        }
    }
}
