//! The bounds of a charter's numbers, and the numbers that have parts. A number beyond its bound is a slip of the pen, and is
//! refused where it is read.

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::budget::{APPLIES_A_DAY_MAX, Usage, WORKERS_AN_HOUR_MAX};
use crate::convergence::{REPAIRS_MAX, REST_MS_MAX};
use crate::order::Class;
use crate::signature::KEYS_MAX;

/// A ledger forgets requests for approval after seven days, in milliseconds.
const APPROVAL_TTL_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;
/// So many workers at once are more than one engine has use for.
const WORKERS_MAX: u32 = 64;
/// Each question is journaled with all that it tells: this many are 1.5 GiB at most.
const QUESTIONS_A_DAY_MAX: u32 = 10_000;
/// A budget of tokens, or of millionths of a dollar, is at most this: a million dollars a day.
const SPENDING_MAX: u64 = 1_000_000_000_000;
/// The dearest model costs some hundred dollars for a million tokens.
const PRICE_MAX: u64 = 10_000_000_000;

/// At most this many workers of a class at once; absent means that only the number of all is a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ByClass {
    /// Workers that run Terraform.
    pub builder: Option<u32>,
    /// Workers that configure.
    pub configurator: Option<u32>,
    /// Workers that scan.
    pub scanner: Option<u32>,
}

/// What the brain's words cost, in millionths of a US dollar for a million tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Prices {
    /// Of what is sent.
    pub input_per_million_micro_usd: u64,
    /// Of what comes back, thoughts included.
    pub output_per_million_micro_usd: u64,
}

/// A number that is out of its bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {value}; use a number from {least} to {most}")]
pub struct NumberError {
    /// Its name, as the file has it.
    pub key: &'static str,
    /// What it is.
    pub value: u64,
    /// What it has to be at least.
    pub least: u64,
    /// What it may be at most.
    pub most: u64,
}

impl Default for Prices {
    /// Those of Gemini 2.5 Flash.
    fn default() -> Prices {
        Prices { input_per_million_micro_usd: 300_000, output_per_million_micro_usd: 2_500_000 }
    }
}

impl ByClass {
    /// The limit on a class, where there is one.
    pub fn of(&self, class: Class) -> Option<u32> {
        match class {
            Class::Builder => self.builder,
            Class::Configurator => self.configurator,
            Class::Scanner => self.scanner,
        }
    }
}

impl Prices {
    /// What so many tokens cost, in millionths of a dollar, rounded up.
    pub fn micro_usd(&self, usage: Usage) -> u64 {
        let part = |tokens: u64, price: u64| u128::from(tokens).saturating_mul(price.into());
        let all = part(usage.input, self.input_per_million_micro_usd)
            .saturating_add(part(usage.output, self.output_per_million_micro_usd));
        u64::try_from(all.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

impl Settings {
    /// Whether each number is one that can be meant.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), NumberError> {
        let class = |class| self.workers_by_class.of(class).unwrap_or_default().into();
        let price = &self.prices;
        // What is unlimited in a price of nothing is the budget: it would never be spent.
        let keys = self.signatures.keys.len() as u64;
        let bounds: [(&'static str, u64, u64, u64); 17] = [
            ("failuresMax", self.failures_max.into(), 1, 100),
            ("approvalTtlMs", self.approval_ttl_ms, 1_000, APPROVAL_TTL_MS_MAX),
            ("repairsMax", self.repairs_max.into(), 1, REPAIRS_MAX.into()),
            ("repairRestMs", self.repair_rest_ms, 0, REST_MS_MAX),
            ("workersMax", self.workers_max.into(), 0, WORKERS_MAX.into()),
            ("workersByClass.builder", class(Class::Builder), 0, WORKERS_MAX.into()),
            ("workersByClass.configurator", class(Class::Configurator), 0, WORKERS_MAX.into()),
            ("workersByClass.scanner", class(Class::Scanner), 0, WORKERS_MAX.into()),
            ("workersAnHourMax", self.workers_an_hour_max.into(), 0, WORKERS_AN_HOUR_MAX.into()),
            ("appliesADayMax", self.applies_a_day_max.into(), 0, APPLIES_A_DAY_MAX.into()),
            ("questionsADayMax", self.questions_a_day_max.into(), 0, QUESTIONS_A_DAY_MAX.into()),
            ("tokensADayMax", self.tokens_a_day_max, 0, SPENDING_MAX),
            ("moneyADayMaxMicroUsd", self.money_a_day_max_micro_usd, 0, SPENDING_MAX),
            ("prices.inputPerMillionMicroUsd", price.input_per_million_micro_usd, 1, PRICE_MAX),
            ("prices.outputPerMillionMicroUsd", price.output_per_million_micro_usd, 1, PRICE_MAX),
            ("signatures.keys", keys, 0, KEYS_MAX as u64),
            ("signatures.needed", self.signatures.needed.into(), 0, keys),
        ];
        match bounds.into_iter().find(|(_, value, least, most)| value < least || value > most) {
            Some((key, value, least, most)) => Err(NumberError { key, value, least, most }),
            None => Ok(()),
        }
    }
}
