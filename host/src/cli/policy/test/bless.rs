//! Writing into a case what was decided, and leaving everything else in its file as it stands.
//!
//! Only the text of `decision` (or `failure`) is replaced, so the situation keeps its order, its comments and its spaces.
//! That this came out right is not believed: the new text is read, and must hold the same situation and this decision.

use std::ops::Range;

use quarterdeck_core::decision::Decision;
use serde_json::{Value, json};

use crate::cli::policy::cases::{Bytes, Expected, parse};

/// The text of a case with another decision in it.
pub(super) fn blessed(text: &str, decision: &Decision) -> anyhow::Result<String> {
    let is_json = text.trim_start().starts_with('{');
    let whole = if is_json { in_json(text, decision) } else { Some(in_yaml(text, decision)) };
    let right = whole.filter(|whole| {
        let (before, after) = (parse(text).map(|(shown, _)| shown), parse(whole));
        matches!((before, after), (Ok(before), Ok((shown, Some(Expected::Decision(written)))))
            if before == shown && written == *decision)
    });
    right.ok_or_else(|| {
        anyhow::anyhow!("it is not written so that its decision can be replaced: put `decision:` at the beginning of a line of its own, last")
    })
}

/// A decision as an author would write it: without what is empty, its memo as text.
fn written(decision: &Decision) -> Value {
    let mut value = json!({ "proposals": decision.proposals, "rationale": decision.rationale });
    if let Some(memo) = &decision.memo {
        value["memo"] = json!(Bytes(memo.clone()).text());
    }
    if let Some(at) = decision.look_again {
        value["look-again"] = json!(at);
    }
    without_empty(&mut value);
    value
}

fn without_empty(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null() && !field.as_array().is_some_and(Vec::is_empty));
            fields.values_mut().for_each(without_empty);
        }
        Value::Array(items) => items.iter_mut().for_each(without_empty),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// In block style: from the line of its key to the line before the next key, but for the comments that belong to that.
fn in_yaml(text: &str, decision: &Decision) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_key = |line: &str| line.starts_with("decision:") || line.starts_with("failure:");
    let begin = lines.iter().position(|line| is_key(line)).unwrap_or(lines.len());
    let is_inside = |line: &&&str| line.starts_with([' ', '\t', '#']) || line.trim().is_empty();
    let mut end = begin + lines.iter().skip(begin).take(1).count();
    end += lines[end..].iter().take_while(is_inside).count();
    while end > begin + 1 && (lines[end - 1].starts_with('#') || lines[end - 1].trim().is_empty()) {
        end -= 1;
    }
    let block = json!({ "decision": written(decision) });
    let block = serde_saphyr::to_string(&block).unwrap_or_default();
    let (before, after) = (lines[..begin].concat(), lines[end..].concat());
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    format!("{before}{gap}{}\n{after}", block.trim_end())
}

/// In JSON: the member's own text, or one more member behind the last one.
fn in_json(text: &str, decision: &Decision) -> Option<String> {
    let members = members(text)?;
    let pretty = serde_json::to_string_pretty(&json!({ "decision": written(decision) })).ok()?;
    let member = pretty.strip_prefix("{\n  ")?.strip_suffix("\n}")?;
    let old = members.iter().find(|member| {
        let member = &text[(*member).clone()];
        member.starts_with("\"decision\"") || member.starts_with("\"failure\"")
    });
    Some(match old {
        Some(old) => format!("{}{member}{}", &text[..old.start], &text[old.end..]),
        None => {
            let last = members.last()?.end;
            format!("{},\n  {member}{}", &text[..last], &text[last..])
        }
    })
}

/// Where the members of the outermost object stand, each from its key to the end of its value. The text is known to be
/// well-formed.
fn members(text: &str) -> Option<Vec<Range<usize>>> {
    let (mut members, mut begin, mut end) = (Vec::new(), None, 0);
    let (mut depth, mut in_string, mut is_escaped) = (0u32, false, false);
    for (at, byte) in text.bytes().enumerate() {
        let is_end = depth == 1 && !in_string && matches!(byte, b',' | b'}');
        if is_end && let Some(begin) = begin.take() {
            members.push(begin..end);
        }
        if depth == 1 && !is_end && !byte.is_ascii_whitespace() {
            begin.get_or_insert(at);
        }
        if !byte.is_ascii_whitespace() {
            end = at + 1;
        }
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    Some(members)
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::decision::{Action, Proposal};
    use quarterdeck_core::ids::Timestamp;

    use super::*;

    fn decision() -> Decision {
        let action = Action::Remember { lesson: "two\nlines: # no comment".into(), findings: vec![] };
        let proposals = vec![Proposal { key: "remember/1".into(), cites: vec![], action }];
        let memo = Some(b"\x00seen".to_vec());
        Decision { proposals, rationale: "yes".into(), memo, look_again: Some(Timestamp(9)) }
    }

    #[test]
    fn in_yaml_the_decision_alone_is_replaced() {
        for (text, begins, ends) in [
            (
                "# about\nsituation: # seen\n  turn: 7 # 7\n  now: 1\n\ndecision:\n  rationale: no\n",
                "# about\nsituation: # seen\n  turn: 7 # 7\n  now: 1\n\ndecision:\n  proposals:\n",
                "look-again: 9\n",
            ),
            (
                "failure: trap\n\n# behind\nsituation: {turn: 7, now: 1}\n",
                "decision:\n",
                "\n\n# behind\nsituation: {turn: 7, now: 1}\n",
            ),
            ("situation: {turn: 7, now: 1}", "situation: {turn: 7, now: 1}\ndecision:\n", "look-again: 9\n"),
        ] {
            let whole = blessed(text, &decision()).expect("it can be blessed");
            assert!(whole.starts_with(begins) && whole.ends_with(ends), "{whole}");
            assert_eq!(blessed(&whole, &decision()).expect("again"), whole, "once is enough");
        }
    }

    #[test]
    fn in_json_the_decision_alone_is_replaced() {
        for text in [
            "{\n \"situation\": {\"turn\": 7,   \"now\": 1},\n \"decision\": {\"rationale\": \"a } \\\" , b\"}\n}\n",
            "{\"failure\": \"trap\", \"situation\": {\"turn\": 7,   \"now\": 1}}",
            "{\"situation\": {\"turn\": 7,   \"now\": 1}  }\n",
        ] {
            let whole = blessed(text, &decision()).expect("it can be blessed");
            assert!(whole.contains("{\"turn\": 7,   \"now\": 1}"), "{whole}");
            assert!(serde_json::from_str::<Value>(&whole).is_ok(), "{whole}");
            assert_eq!(blessed(&whole, &decision()).expect("again"), whole);
        }
    }

    #[test]
    fn what_cannot_be_replaced_in_place_is_left_alone() {
        assert!(blessed("{situation: {turn: 7, now: 1}, decision: {}}", &decision()).is_err());
        assert!(blessed("\"decision\": {}\nsituation: {turn: 7, now: 1}\n", &decision()).is_err());
    }
}
