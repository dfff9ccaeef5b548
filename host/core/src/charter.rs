//! The operator's rules: what a policy's word is worth at most, and what is granted by name.
//!
//! [`Rules`] in Cedar say what is permitted, to whom and about what; [`Settings`] are the numbers beside them. Nothing else
//! in the program asks what is permitted.

mod amendment;
mod cover;
mod fault;
mod name;
mod numbers;
mod request;
mod rules;

pub use amendment::{Amendment, Change, Difference, Kind};
pub use fault::{Fault, Faults};
pub use name::Name;
pub use numbers::{ByClass, NumberError, Prices};
pub use request::{Answered, Asker, CandidateGist, PlanGist, Request, Subject};
pub use rules::{APPROVERS_MAX, Held, Judgment, LAPTOP, PRODUCTION, RULES_BYTES_MAX, Reason, Rule, Rules};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::encoding;
use crate::signature::SignatureDemands;
use crate::situation::Autonomy;
use crate::terraform::grants::{GrantError, Grants};

/// What the operator has laid down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Charter {
    /// The numbers.
    pub settings: Settings,
    /// The rules.
    pub rules: Rules,
}

/// The numbers beside the rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// No mission has more autonomy than this, whatever its author asks for.
    pub autonomy: Autonomy,
    /// What is granted by name beyond the built-in allow-list, as [`Grants::parse`] reads it: `privileged`,
    /// `resource:random_pet`, `data:docker_registry_image`, `provider:hashicorp/random`.
    pub grants: Vec<String>,
    /// An operation that failed this often in a row on one generation is not tried again.
    pub failures_max: u32,
    /// An approval that nobody gave by then expires, in milliseconds.
    pub approval_ttl_ms: u64,
    /// A mission to which the same was applied this often within a day is parked.
    pub repairs_max: u32,
    /// After the same was applied twice a mission rests so long before anything is applied to it again, in milliseconds;
    /// doubled each time.
    pub repair_rest_ms: u64,
    /// At most this many workers at once, of all missions.
    pub workers_max: u32,
    /// At most this many of them of a class.
    pub workers_by_class: ByClass,
    /// At most this many workers are started within an hour.
    pub workers_an_hour_max: u32,
    /// At most this many plans are applied within 24 hours, of all missions.
    pub applies_a_day_max: u32,
    /// At most this many questions to the brain in a day, which ends at midnight UTC.
    pub questions_a_day_max: u32,
    /// At most this many tokens in a day, sent and come back.
    pub tokens_a_day_max: u64,
    /// At most so much money for them in a day, in millionths of a US dollar.
    pub money_a_day_max_micro_usd: u64,
    /// What they cost.
    pub prices: Prices,
    /// Whose signatures a policy must have before it is taken in.
    pub signatures: SignatureDemands,
}

impl Charter {
    /// What this charter is, as one digest: the journal and approvals name it by it.
    pub fn digest(&self) -> Digest {
        encoding::digest(self)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            autonomy: Autonomy::Auto,
            grants: Vec::new(),
            failures_max: 5,
            approval_ttl_ms: 24 * 60 * 60 * 1_000,
            repairs_max: 5,
            repair_rest_ms: 30_000,
            workers_max: 4,
            workers_by_class: ByClass::default(),
            workers_an_hour_max: 120,
            applies_a_day_max: 200,
            questions_a_day_max: 200,
            tokens_a_day_max: 5_000_000,
            money_a_day_max_micro_usd: 10_000_000,
            prices: Prices::default(),
            signatures: SignatureDemands::default(),
        }
    }
}

impl Settings {
    /// How long an operation rests after it failed `failures` times in a row, in milliseconds: 5 s, doubled each
    /// time, 10 minutes at most.
    pub fn cool_down_ms(failures: u32) -> u64 {
        5_000u64.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(600_000)
    }

    /// Whether a danger is granted; dangers are called by the text that grants them.
    pub fn grants(&self, danger: &str) -> bool {
        self.grants.iter().any(|grant| grant == danger)
    }

    /// The grants, parsed.
    ///
    /// # Errors
    /// The first that is none.
    pub fn parsed_grants(&self) -> Result<Grants, GrantError> {
        Grants::parse(self.grants.iter().map(String::as_str))
    }
}
