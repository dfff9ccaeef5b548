//! What another charter would change: rule by rule and number by number, and whether it permits more.
//!
//! What only narrows takes effect at once. What may widen is a candidate until people have approved it, as the charter in
//! force demands.

use serde::{Deserialize, Serialize};

use super::cover::widenings;
use super::rules::Rules;
use super::{Charter, Prices, Settings};
use crate::order::Class;
use crate::signature::{KnownKey, SignatureDemands};

/// What somebody wants of the charter; what is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amendment {
    /// Other rules.
    pub rules: Option<Rules>,
    /// Other numbers.
    pub settings: Option<Settings>,
}

/// What one charter has that another has not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The numbers that differ.
    pub settings: Vec<Difference>,
    /// The rules that differ, those of the charter in force first.
    pub rules: Vec<Difference>,
}

/// One rule or number that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The rule's `@id`, or the number's name.
    pub name: String,
    /// What becomes of it.
    pub kind: Kind,
    /// As it is in force.
    pub before: Option<String>,
    /// As it would be.
    pub after: Option<String>,
    /// Why more may be permitted than before; none where that is ruled out.
    pub widens: Option<String>,
}

/// What becomes of a rule or number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
}

impl Amendment {
    /// The charter that it makes of the one in force.
    pub fn of(&self, in_force: &Charter) -> Charter {
        Charter {
            settings: self.settings.clone().unwrap_or_else(|| in_force.settings.clone()),
            rules: self.rules.clone().unwrap_or_else(|| in_force.rules.clone()),
        }
    }
}

impl Change {
    /// What the candidate would change.
    pub fn between(in_force: &Charter, candidate: &Charter) -> Change {
        Change {
            settings: settings(&in_force.settings, &candidate.settings),
            rules: rules(&in_force.rules, &candidate.rules),
        }
    }

    /// Whether nothing is permitted that was not permitted before.
    pub fn only_narrows(&self) -> bool {
        self.settings.iter().chain(&self.rules).all(|difference| difference.widens.is_none())
    }

    /// Whether it is the same charter, but for blanks and comments.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.rules.is_empty()
    }
}

fn rules(old: &Rules, new: &Rules) -> Vec<Difference> {
    let wider = widenings(old, new);
    let (before, after) = (old.texts(), new.texts());
    let widens = |id: &str| {
        let why: Vec<&str> = wider.iter().filter(|(rule, _)| rule == id).map(|(_, why)| why.as_str()).collect();
        (!why.is_empty()).then(|| why.join("; "))
    };
    let text_of = |texts: &[(String, String)], id: &str| {
        texts.iter().find(|(known, _)| known == id).map(|(_, text)| text.clone())
    };
    let of = |id: &String| {
        let (before, after) = (text_of(&before, id), text_of(&after, id));
        let kind = match (&before, &after) {
            (None, _) => Kind::Added,
            (_, None) => Kind::Removed,
            (Some(before), Some(after)) if before == after => return None,
            (Some(_), Some(_)) => Kind::Changed,
        };
        Some(Difference { name: id.clone(), kind, before, after, widens: widens(id) })
    };
    let added = after.iter().filter(|(id, _)| text_of(&before, id).is_none());
    let mut differences: Vec<Difference> = before.iter().chain(added).filter_map(|(id, _)| of(id)).collect();
    // What is wrong with the whole text has no rule's name.
    if let Some(why) = widens("") {
        let (name, kind) = ("the whole text".to_owned(), Kind::Changed);
        differences.push(Difference { name, kind, before: None, after: None, widens: Some(why) });
    }
    differences
}

/// A number of both charters: its name, both values, and whether a larger one permits more.
struct Pair(&'static str, u64, u64, Widens);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Widens {
    Upwards,
    Downwards,
}

fn settings(old: &Settings, new: &Settings) -> Vec<Difference> {
    let differ = |name: &str, before: String, after: String, wider: bool| {
        let widens = wider.then(|| format!("it was {before}"));
        let (name, kind) = (name.to_owned(), Kind::Changed);
        (before != after).then_some(Difference { name, kind, before: Some(before), after: Some(after), widens })
    };
    let mut differences = Vec::new();
    let (before, after) = (old.autonomy, new.autonomy);
    differences.extend(differ("autonomy", before.name().to_owned(), after.name().to_owned(), after > before));
    for Pair(name, before, after, way) in numbers(old, new) {
        let wider = if way == Widens::Upwards { after > before } else { after < before };
        differences.extend(differ(name, before.to_string(), after.to_string(), wider));
    }
    for class in Class::ALL {
        let (before, after) = (old.workers_by_class.of(class), new.workers_by_class.of(class));
        let said = |limit: Option<u32>| limit.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
        // None is the widest of all.
        let wider = before.is_some_and(|before| after.is_none_or(|after| after > before));
        differences.extend(differ(&format!("workersByClass.{}", class.name()), said(before), said(after), wider));
    }
    differences.extend(grants(&old.grants, &new.grants));
    differences.extend(signatures(&old.signatures, &new.signatures));
    differences
}

fn numbers(old: &Settings, new: &Settings) -> [Pair; 12] {
    use Widens::{Downwards, Upwards};
    // Taken apart, so that whoever adds a number decides which way it widens.
    let Settings {
        autonomy: _,
        grants: _,
        workers_by_class: _,
        signatures: _,
        failures_max,
        approval_ttl_ms,
        repairs_max,
        repair_rest_ms,
        workers_max,
        workers_an_hour_max,
        applies_a_day_max,
        questions_a_day_max,
        tokens_a_day_max,
        money_a_day_max_micro_usd,
        prices: Prices { input_per_million_micro_usd, output_per_million_micro_usd },
    } = new;
    let (of, prices) = (u64::from, &old.prices);
    [
        Pair("failuresMax", of(old.failures_max), of(*failures_max), Upwards),
        Pair("approvalTtlMs", old.approval_ttl_ms, *approval_ttl_ms, Upwards),
        Pair("repairsMax", of(old.repairs_max), of(*repairs_max), Upwards),
        Pair("repairRestMs", old.repair_rest_ms, *repair_rest_ms, Downwards),
        Pair("workersMax", of(old.workers_max), of(*workers_max), Upwards),
        Pair("workersAnHourMax", of(old.workers_an_hour_max), of(*workers_an_hour_max), Upwards),
        Pair("appliesADayMax", of(old.applies_a_day_max), of(*applies_a_day_max), Upwards),
        Pair("questionsADayMax", of(old.questions_a_day_max), of(*questions_a_day_max), Upwards),
        Pair("tokensADayMax", old.tokens_a_day_max, *tokens_a_day_max, Upwards),
        Pair("moneyADayMaxMicroUsd", old.money_a_day_max_micro_usd, *money_a_day_max_micro_usd, Upwards),
        // What costs less than before leaves more of the money.
        Pair(
            "prices.inputPerMillionMicroUsd",
            prices.input_per_million_micro_usd,
            *input_per_million_micro_usd,
            Downwards,
        ),
        Pair(
            "prices.outputPerMillionMicroUsd",
            prices.output_per_million_micro_usd,
            *output_per_million_micro_usd,
            Downwards,
        ),
    ]
}

fn grants(old: &[String], new: &[String]) -> Vec<Difference> {
    let added = new.iter().filter(|grant| !old.contains(grant)).map(|grant| (grant, Kind::Added));
    let removed = old.iter().filter(|grant| !new.contains(grant)).map(|grant| (grant, Kind::Removed));
    let difference = |(grant, kind): (&String, Kind)| {
        let is = |wanted: Kind| (kind == wanted).then(|| grant.clone());
        let widens = is(Kind::Added).map(|_| "it was not granted".to_owned());
        Difference { name: "grants".to_owned(), kind, before: is(Kind::Removed), after: is(Kind::Added), widens }
    };
    added.chain(removed).map(difference).collect()
}

fn signatures(old: &SignatureDemands, new: &SignatureDemands) -> Vec<Difference> {
    let said = |key: &KnownKey| format!("{} {} {}", key.name, key.pem.kind(), key.pem.fingerprint());
    let mut differences = Vec::new();
    if new.needed != old.needed {
        let (name, before, after) = ("signatures.needed".to_owned(), old.needed.to_string(), new.needed.to_string());
        let widens = (new.needed < old.needed).then(|| format!("it was {before}"));
        differences.push(Difference { name, kind: Kind::Changed, before: Some(before), after: Some(after), widens });
    }
    let key = |kind: Kind, before: Option<String>, after: Option<String>, widens: Option<String>| Difference {
        name: "signatures.keys".to_owned(),
        kind,
        before,
        after,
        widens,
    };
    let counts = new.is_wider_than(old).then(|| "its signatures did not count".to_owned());
    differences.extend(new.unknown_to(old).map(|added| key(Kind::Added, None, Some(said(added)), counts.clone())));
    differences.extend(old.unknown_to(new).map(|removed| key(Kind::Removed, Some(said(removed)), None, None)));
    for was in &old.keys {
        let renamed = new.keys.iter().find(|is| is.pem == was.pem && is.name != was.name);
        differences.extend(renamed.map(|is| key(Kind::Changed, Some(said(was)), Some(said(is)), None)));
    }
    differences
}
