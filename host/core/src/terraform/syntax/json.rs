//! Terraform's JSON syntax (`*.tf.json`): the same blocks, as nested objects.
//!
//! Labels are keys of nested objects, and each level may also be a list of objects. Whether an object inside a resource
//! is a block or a value depends on the provider's schema, so it is taken as both. Strings are templates.

use super::json_tree::{Json, Member, parse};
use super::{At, Form, Item, Literal, SyntaxFault, Value, parse_template};

/// Parses a file in JSON syntax. `labels` says how many labels a top-level block has.
///
/// # Errors
/// Where it is no JSON, has a key twice, or a string is no template.
pub fn parse_json(text: &str, labels: &dyn Fn(&str) -> usize) -> Result<Vec<Item>, SyntaxFault> {
    let mut items = Vec::new();
    for member in bodies(&parse(text)?, At::START)?.into_iter().flatten() {
        if member.key != "//" {
            unfold(&member.key, member.at, &member.value, labels(&member.key), &mut Vec::new(), &mut items)?;
        }
    }
    Ok(items)
}

/// An object, or a list of objects; a null is none.
fn bodies(json: &Json, at: At) -> Result<Vec<&[Member]>, SyntaxFault> {
    let wrong = || SyntaxFault { at, message: "an object (or a list of objects) must stand here".to_owned() };
    match json {
        Json::Object(members) => Ok(vec![members]),
        Json::List(values) => values
            .iter()
            .map(|value| match value {
                Json::Object(members) => Ok(members.as_slice()),
                Json::True | Json::False | Json::Plain | Json::Text(_) | Json::List(_) => Err(wrong()),
            })
            .collect(),
        Json::True | Json::False | Json::Plain | Json::Text(_) => Err(wrong()),
    }
}

/// Turns the nested objects of one block type into blocks with labels.
fn unfold(
    name: &str,
    at: At,
    json: &Json,
    depth: usize,
    labels: &mut Vec<String>,
    out: &mut Vec<Item>,
) -> Result<(), SyntaxFault> {
    for members in bodies(json, at)? {
        if depth == 0 {
            let body = block_body(members)?;
            let (labels, value) = (labels.clone(), Value::default());
            out.push(Item { name: name.to_owned(), labels, at, form: Form::Block, value, body });
            continue;
        }
        for member in members.iter().filter(|member| member.key != "//") {
            labels.push(member.key.clone());
            unfold(name, member.at, &member.value, depth - 1, labels, out)?;
            labels.pop();
        }
    }
    Ok(())
}

fn block_body(members: &[Member]) -> Result<Vec<Item>, SyntaxFault> {
    let mut items = Vec::new();
    for member in members {
        property(member, &mut items)?;
    }
    Ok(items)
}

/// One property: a list with objects gives an item for each of them, as repeated blocks are written so.
fn property(member: &Member, out: &mut Vec<Item>) -> Result<(), SyntaxFault> {
    // A key may be a template too where the object is a value.
    let mut calls = template(&member.key, member.at)?.calls;
    let objects: Vec<&[Member]> = match &member.value {
        Json::Object(members) => vec![members],
        Json::List(values) => values.iter().filter_map(members_of).collect(),
        Json::True | Json::False | Json::Plain | Json::Text(_) => Vec::new(),
    };
    let mut item = |value: Value, body: Vec<Item>, form: Form| {
        out.push(Item { name: member.key.clone(), labels: Vec::new(), at: member.at, form, value, body });
    };
    for members in &objects {
        let calls = std::mem::take(&mut calls);
        item(Value { calls, ..Value::default() }, block_body(members)?, Form::Either);
    }
    let rest = match &member.value {
        Json::List(values) if objects.len() < values.len() => list(values, member.at)?,
        Json::List(values) if values.is_empty() => Value::default(),
        Json::Object(_) | Json::List(_) => return Ok(()),
        Json::Text(text) => template(text, member.at)?,
        Json::Plain => Value::default(),
        Json::True => Value { literal: Literal::True, ..Value::default() },
        Json::False => Value { literal: Literal::False, ..Value::default() },
    };
    calls.extend(rest.calls);
    item(Value { calls, ..rest }, Vec::new(), Form::Argument);
    Ok(())
}

fn members_of(json: &Json) -> Option<&[Member]> {
    match json {
        Json::Object(members) => Some(members),
        Json::True | Json::False | Json::Plain | Json::Text(_) | Json::List(_) => None,
    }
}

/// The calls in the strings of a list; objects in it are items of their own, those in lists within it are not.
fn list(values: &[Json], at: At) -> Result<Value, SyntaxFault> {
    let mut calls = Vec::new();
    for value in values {
        match value {
            Json::Text(text) => calls.extend(template(text, at)?.calls),
            Json::List(inner) => {
                calls.extend(list(inner, at)?.calls);
                for members in inner.iter().filter_map(members_of) {
                    let mut found = Vec::new();
                    let body = block_body(members)?;
                    body.iter().for_each(|item| item.every_call(&mut found));
                    calls.extend(found.into_iter().cloned());
                }
            }
            Json::True | Json::False | Json::Plain | Json::Object(_) => {}
        }
    }
    Ok(Value { calls, ..Value::default() })
}

/// A string, which is a template in JSON syntax. Calls are placed at the key, for escapes move everything behind them.
fn template(text: &str, at: At) -> Result<Value, SyntaxFault> {
    let reference = text.split('.').next().map(str::to_owned);
    if !text.contains("${") && !text.contains("%{") {
        return Ok(Value { literal: Literal::Text(text.to_owned()), reference, ..Value::default() });
    }
    let fault = |fault: SyntaxFault| SyntaxFault { at, message: format!("in this string, {}", fault.message) };
    let mut calls = parse_template(text).map_err(fault)?;
    calls.iter_mut().for_each(|call| call.at = at);
    Ok(Value { calls, ..Value::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str) -> usize {
        if name == "resource" { 2 } else { 0 }
    }

    #[test]
    fn nested_objects_are_blocks_with_labels() {
        let text = r#"{"resource": [{"docker_container": {"a": {"mounts": [{"source": "/"}, {"source": "/etc"}]},
            "b": [{"env": ["${file(\"x\")}"]}]}}], "//": "comment"}"#;
        let items = parse_json(text, &labels).expect("valid");
        assert_eq!(items.len(), 2);
        assert_eq!(items[0].labels, ["docker_container", "a"]);
        assert_eq!(items[0].inside("mounts").count(), 2);
        let mut calls = Vec::new();
        items[1].every_call(&mut calls);
        assert_eq!(calls[0].name, "file");
    }

    #[test]
    fn calls_are_found_in_keys_lists_and_lists_of_lists() {
        let text = r#"{"locals": {"a": {"${file(\"k\")}": 1}, "b": [1, {"c": "${file(\"l\")}"}, [["${file(\"m\")}"], {"d": "%{ if fileexists(\"n\") }%{ endif }"}]]}}"#;
        let items = parse_json(text, &labels).expect("valid");
        let mut calls = Vec::new();
        items.iter().for_each(|item| item.every_call(&mut calls));
        assert_eq!(calls.len(), 4, "{calls:?}");
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for text in
            ["", "[1]", "\"x\"", r#"{"locals": 1}"#, r#"{"locals": {"a": "${"}}"#, r#"{"locals":{},"locals":{}}"#]
        {
            assert!(parse_json(text, &labels).is_err(), "{text}");
        }
    }
}
