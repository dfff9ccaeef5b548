//! What people ask of the states: look, take a copy, bring one back, remove a dead lock.
//!
//! The same function serves a running host's socket and the CLI where no host runs; whoever calls it has the book open, so
//! there is always one writer. An export holds secrets in clear: it goes to the person who asked and nowhere else.

use quarterdeck_core::ids::MissionId;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::Person;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::remember::StateStore;
use crate::remember::states::StateFault;

/// What is asked. A mission is called by its name or its id.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum StateRequest {
    /// What is kept, of all missions.
    List {},
    /// What may be told of a version; of the newest where none is named.
    Show {
        /// The mission.
        mission: MissionId,
        /// Which version.
        number: Option<u32>,
    },
    /// The text of a version.
    Export {
        /// The mission.
        mission: MissionId,
        /// Which version.
        number: Option<u32>,
    },
    /// A state becomes the newest version.
    Import {
        /// The mission.
        mission: MissionId,
        /// The state, which is JSON.
        text: String,
    },
    /// A lock whose worker is gone is removed.
    Unlock {
        /// The mission.
        mission: MissionId,
    },
}

/// Does what is asked, and blocks for the disk. What comes back is an array for a list, a text for an export, an object
/// elsewhere.
///
/// # Errors
/// Where there is no such mission or version, a worker is in the way, or the disk fails.
pub fn answer(store: &StateStore, ledger: &Ledger, who: &Person, request: StateRequest) -> Result<Value, StateFault> {
    let rehearsal = ledger.rehearsal;
    let named = |called: MissionId| {
        let known = ledger.missions.values().find(|state| state.spec.name.as_str() == called.as_str());
        known.map_or(called, |state| state.id.clone())
    };
    match request {
        StateRequest::List {} => {
            let kept = store.list()?;
            let item = |states| {
                let mut item = json!(states);
                item["rehearsal"] = rehearsal.into();
                item
            };
            Ok(kept.iter().map(item).collect())
        }
        StateRequest::Show { mission, number } => {
            let mission = named(mission);
            let (state, facts) = store.show(&mission, number)?;
            Ok(json!({ "rehearsal": rehearsal, "mission": mission, "state": state, "facts": facts }))
        }
        StateRequest::Export { mission, number } => {
            let bytes = store.export(&named(mission), number)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned().into())
        }
        StateRequest::Import { mission, text } => {
            let mission = named(mission);
            let state = store.import(who, &mission, text.as_bytes())?;
            Ok(json!({ "rehearsal": rehearsal, "mission": mission, "state": state }))
        }
        StateRequest::Unlock { mission } => {
            let mission = named(mission);
            let lock = store.unlock_dead(who, &mission)?;
            Ok(json!({ "rehearsal": rehearsal, "mission": mission, "lock": lock }))
        }
    }
}
