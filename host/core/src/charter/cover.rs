//! Whether rules let through no more than others did: proved by their shape, or not at all.
//!
//! Cedar's own analysis of two policy sets asks an SMT solver, which is no part of this program. So a proof here is a simple
//! one: each new permit holds only where one in force holds (it has the same conditions, or more), each forbid in force is
//! kept (with the same conditions, or fewer), whoever was asked is still asked, and what refused because it could not be
//! evaluated still does. What is not proved counts as wider, so a person reads it; the other way round nothing goes
//! unread.

use std::collections::BTreeSet;

use serde_json::Value;

use super::name::Name;
use super::rules::Rules;

/// A rule as far as it is compared: its annotations but for the number of people are left out.
pub(super) struct Shape {
    pub(super) id: String,
    pub(super) permits: bool,
    pub(super) approvers: u8,
    pub(super) actions: BTreeSet<Name>,
    /// Its scope and conditions in Cedar's JSON; conditions that are joined by "and" are taken apart.
    pub(super) principal: Value,
    pub(super) resource: Value,
    pub(super) clauses: Vec<Value>,
}

/// Where rules may let through more than those in force: the rule's name, and why.
pub(super) fn widenings(in_force: &Rules, candidate: &Rules) -> Vec<(String, String)> {
    let (Some(old), Some(new)) = (in_force.shapes(), candidate.shapes()) else {
        return vec![(String::new(), "the rules in force are not understood by this version".to_owned())];
    };
    compare(&old, &new)
}

fn compare(old: &[Shape], new: &[Shape]) -> Vec<(String, String)> {
    let gained = new
        .iter()
        .filter(|rule| rule.permits && !old.iter().any(|known| known.permits && known.holds_wherever(rule)))
        .map(|rule| (rule, "it may permit what none of the rules in force permits"));
    let lost = old
        .iter()
        .filter(|rule| !rule.permits && !new.iter().any(|kept| !kept.permits && kept.holds_wherever(rule)))
        .filter(|rule| new.iter().any(|permit| permit.permits && !permit.actions.is_disjoint(&rule.actions)))
        .map(|rule| (rule, "what it forbids may not be forbidden any more"));
    let unasked = old
        .iter()
        .filter(|rule| rule.permits && !is_still_asked(rule, new))
        .map(|rule| (rule, "where it asks people, fewer may be asked"));
    let unrefused = old
        .iter()
        .filter(|rule| !rule.always_evaluates() && !new.iter().any(|kept| kept.is_same(rule)))
        .map(|rule| (rule, "where it can't be evaluated everything is refused, which may not be so any more"));
    let all = gained.chain(lost).chain(unasked).chain(unrefused);
    all.map(|(rule, why)| (rule.id.clone(), why.to_owned())).collect()
}

/// Whether wherever a permit in force asks people, as many are asked still.
fn is_still_asked(rule: &Shape, new: &[Shape]) -> bool {
    let asks = |kept: &&Shape| kept.permits && kept.approvers >= rule.approvers;
    let kept = new.iter().filter(asks).any(|kept| kept.holds_wherever(rule));
    let mut permits = new.iter().filter(|other| other.permits && !other.actions.is_disjoint(&rule.actions));
    kept || permits.all(|other| other.approvers >= rule.approvers)
}

impl Shape {
    /// Whether it holds wherever the other one does.
    fn holds_wherever(&self, other: &Shape) -> bool {
        let any = |scope: &Value| scope.get("op").and_then(Value::as_str) == Some("All");
        let scope = |wide: &Value, narrow: &Value| any(wide) || wide == narrow;
        scope(&self.principal, &other.principal)
            && scope(&self.resource, &other.resource)
            && other.actions.is_subset(&self.actions)
            && self.clauses.iter().all(|clause| other.clauses.contains(clause))
    }

    fn is_same(&self, other: &Shape) -> bool {
        self.holds_wherever(other) && other.holds_wherever(self) && self.permits == other.permits
    }

    fn always_evaluates(&self) -> bool {
        self.clauses.iter().all(|clause| clause.get("body").is_some_and(always_evaluates))
    }
}

/// The conditions of a rule in Cedar's JSON, taken apart where they are joined.
pub(super) fn clauses(conditions: &Value) -> Vec<Value> {
    let mut clauses = Vec::new();
    for condition in conditions.as_array().into_iter().flatten() {
        match (condition.get("kind").and_then(Value::as_str), condition.get("body")) {
            (Some("when"), Some(body)) => take_apart(body, &mut clauses),
            (Some(_) | None, _) => clauses.push(condition.clone()),
        }
    }
    clauses
}

fn take_apart(body: &Value, clauses: &mut Vec<Value>) {
    match (body.pointer("/&&/left"), body.pointer("/&&/right")) {
        (Some(left), Some(right)) => {
            take_apart(left, clauses);
            take_apart(right, clauses);
        }
        (Some(_) | None, _) => clauses.push(serde_json::json!({ "kind": "when", "body": body })),
    }
}

/// Whether an expression that the validator has passed has a value whatever it is asked with. Arithmetic overflows, extensions
/// refuse texts, and a cluster's user has no `uid`; anything that is not known here counts as such.
fn always_evaluates(expression: &Value) -> bool {
    let Some((operator, operands)) = expression.as_object().filter(|one| one.len() == 1).and_then(|o| o.iter().next())
    else {
        return false;
    };
    let all = |names: &[&str]| names.iter().all(|name| operands.get(*name).is_none_or(always_evaluates));
    match operator.as_str() {
        "Value" | "Var" => true,
        "!" | "isEmpty" => all(&["arg"]),
        "&&" | "||" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "contains" | "containsAll" | "containsAny"
        | "hasTag" | "getTag" => all(&["left", "right"]),
        "." => operands.get("attr").is_none_or(|name| name != "uid") && all(&["left"]),
        "has" | "like" => all(&["left"]),
        "is" => all(&["left", "in"]),
        "if-then-else" => all(&["if", "then", "else"]),
        "Set" => operands.as_array().is_some_and(|items| items.iter().all(always_evaluates)),
        "Record" => operands.as_object().is_some_and(|fields| fields.values().all(always_evaluates)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
