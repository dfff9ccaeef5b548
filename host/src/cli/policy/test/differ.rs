//! What a policy did otherwise than its author expects, readably.
//!
//! Proposals are held against each other by their keys, and of two that differ the first field that does is named with
//! both values, as the contract spells them. Their order counts as well: the gate looks at them in it.

use quarterdeck_core::decision::{Decision, Proposal};
use quarterdeck_core::encoding;
use quarterdeck_core::situation::cut;
use quarterdeck_core::text::escape;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::policy::cases::{Bytes, Expected};
use crate::decide::{Answer, Class};

/// A value is shown with at most this many bytes: one line and a half of a terminal.
const VALUE_BYTES_MAX: usize = 160;

/// One thing that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    /// Where: `answer`, `proposal KEY`, a path in it, `order`, `rationale`, `memo` or `look-again`.
    pub(super) at: String,
    /// What was expected; nothing where nothing was.
    pub(super) expected: Option<String>,
    /// What came; nothing where nothing did.
    pub(super) decided: Option<String>,
}

impl Difference {
    pub(super) fn new(at: impl Into<String>, expected: Option<&Value>, decided: Option<&Value>) -> Difference {
        let words = |value: &Value| cut(&escape(&value.to_string()), VALUE_BYTES_MAX);
        Difference { at: at.into(), expected: expected.map(words), decided: decided.map(words) }
    }

    /// In one line.
    pub(super) fn text(&self) -> String {
        match (&self.expected, &self.decided) {
            (Some(expected), None) => format!("{}: missing; expected {expected}", self.at),
            (None, Some(decided)) => format!("{}: unexpected; it says {decided}", self.at),
            (expected, decided) => {
                let words = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
                format!("{}: expected {}, it says {}", self.at, words(expected), words(decided))
            }
        }
    }
}

/// Everything in which an answer is not what is expected.
pub(super) fn differences(expected: &Expected, answer: &Answer) -> Vec<Difference> {
    let kind = answer.class.name();
    let otherwise = |expected: String| {
        vec![Difference { at: "answer".into(), expected: Some(expected), decided: Some(kind.clone()) }]
    };
    match (expected, &answer.class) {
        (Expected::Decision(expected), Class::Decided(bytes)) => match encoding::decode_ours::<Decision>(bytes) {
            Ok(decided) => in_decision(expected, &decided),
            Err(error) => otherwise(format!("a decision that can be read ({error})")),
        },
        (Expected::Decision(_), Class::GuestFailure { .. } | Class::HostAbort { .. }) => {
            otherwise("decided".to_owned())
        }
        (Expected::Failure(expected), Class::GuestFailure { kind, .. }) if expected == kind => vec![],
        (Expected::Failure(expected), Class::GuestFailure { .. } | Class::Decided(_) | Class::HostAbort { .. }) => {
            otherwise(format!("guest:{}", expected.name()))
        }
    }
}

fn in_decision(expected: &Decision, decided: &Decision) -> Vec<Difference> {
    let mut found = Vec::new();
    let under = |decision: &Decision, key: &str| decision.proposals.iter().find(|p| p.key == key).map(value);
    for Proposal { key, .. } in &expected.proposals {
        let at = format!("proposal {}", escape(key));
        match (under(expected, key), under(decided, key)) {
            (Some(one), Some(other)) => found.extend(first(&at, Some(&one), Some(&other))),
            (one, other) => found.push(Difference::new(at, one.as_ref(), other.as_ref())),
        }
    }
    for proposal in &decided.proposals {
        if under(expected, &proposal.key).is_none() {
            found.push(Difference::new(format!("proposal {}", escape(&proposal.key)), None, Some(&value(proposal))));
        }
    }
    let keys = |decision: &Decision| -> Vec<String> { decision.proposals.iter().map(|p| p.key.clone()).collect() };
    if found.is_empty() {
        found.extend(first("order", Some(&json!(keys(expected))), Some(&json!(keys(decided)))));
    }
    let memo = |decision: &Decision| decision.memo.clone().map(|bytes| json!(Bytes(bytes).text()));
    let look = |decision: &Decision| decision.look_again.map(|at| json!(at));
    let rest = [
        ("rationale", Some(json!(expected.rationale)), Some(json!(decided.rationale))),
        ("memo", memo(expected), memo(decided)),
        ("look-again", look(expected), look(decided)),
    ];
    let rest = rest.iter().filter(|(_, one, other)| one != other);
    found.extend(rest.map(|(at, one, other)| Difference::new(*at, one.as_ref(), other.as_ref())));
    found
}

fn value(proposal: &Proposal) -> Value {
    serde_json::to_value(proposal).expect("a noun of the contract is JSON")
}

/// The first place where two values differ, by its path.
fn first(at: &str, one: Option<&Value>, other: Option<&Value>) -> Option<Difference> {
    if one == other {
        return None;
    }
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            keys.into_iter().find_map(|key| first(&format!("{at}.{key}"), one.get(key), other.get(key)))
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) if at != "order" => (0..one.len().max(other.len()))
            .find_map(|index| first(&format!("{at}[{index}]"), one.get(index), other.get(index))),
        _ => Some(Difference::new(at, one, other)),
    }
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::decision::Action;
    use quarterdeck_core::ids::Timestamp;
    use quarterdeck_core::situation::Severity;

    use super::*;

    fn told(key: &str, title: &str) -> Proposal {
        let action =
            Action::Notify { severity: Severity::Warning, title: title.into(), text: String::new(), mission: None };
        Proposal { key: key.into(), cites: vec![], action }
    }

    fn decision(proposals: Vec<Proposal>) -> Decision {
        Decision { proposals, ..Decision::default() }
    }

    fn texts(expected: &Decision, decided: &Decision) -> Vec<String> {
        in_decision(expected, decided).iter().map(Difference::text).collect()
    }

    #[test]
    fn what_is_the_same_differs_in_nothing() {
        let whole = Decision { memo: Some(vec![1]), look_again: Some(Timestamp(7)), ..decision(vec![told("a", "A")]) };
        assert_eq!(texts(&whole, &whole.clone()), Vec::<String>::new());
    }

    #[test]
    fn proposals_are_held_against_each_other_by_their_keys_down_to_the_field() {
        let expected = decision(vec![told("a", "A"), told("b", "B"), told("c", "C")]);
        let mut other = told("b", "B2");
        other.cites.push("f-1".into());
        let decided = decision(vec![other, told("a", "A"), told("\u{1b}[2J", "D")]);
        let said = texts(&expected, &decided);
        assert_eq!(said[0], r#"proposal b.cites[0]: unexpected; it says "f-1""#);
        assert!(said[1].starts_with("proposal c: missing; expected {\"key\":\"c\""), "{said:?}");
        assert!(said[2].starts_with("proposal \\u{1b}[2J: unexpected; it says {"), "{said:?}");
        assert_eq!(said.len(), 3);
        assert!(said.iter().all(|line| line.len() < 300), "{said:?}");
    }

    #[test]
    fn the_order_counts_and_so_does_all_that_is_not_proposed() {
        let expected = decision(vec![told("a", "A"), told("b", "B")]);
        let decided = Decision {
            rationale: "why".into(),
            memo: Some(b"kept".to_vec()),
            look_again: Some(Timestamp(9)),
            ..decision(vec![told("b", "B"), told("a", "A")])
        };
        let wanted = [
            r#"order: expected ["a","b"], it says ["b","a"]"#,
            r#"rationale: expected "", it says "why""#,
            r#"memo: unexpected; it says "kept""#,
            "look-again: unexpected; it says 9",
        ];
        assert_eq!(texts(&expected, &decided), wanted);
        assert_eq!(texts(&decided, &expected)[2], r#"memo: missing; expected "kept""#);
    }
}
