//! The change of one resource, with what may be shown of its values.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::text::escape;
use super::Action;
use super::fields::{any_true, is_empty, mask, mask_at};
use super::raw::RawResource;

/// A resource shows at most this many attributes; a container has about 70, few of them set.
pub(super) const ATTRIBUTES_MAX: usize = 48;

/// A value shows at most this many characters; what is longer is a file's content.
pub(super) const VALUE_CHARS_MAX: usize = 160;

/// An address keeps at most this many characters.
const ADDRESS_CHARS_MAX: usize = 256;

/// What stands for a sensitive value.
pub(super) const SENSITIVE: &str = "(sensitive)";

/// What stands for a value that only the apply will tell.
pub(super) const UNKNOWN: &str = "(known after apply)";

/// What a plan does to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceChange {
    /// Its address, escaped.
    pub address: String,
    /// Its type.
    pub kind: String,
    /// The name that it has, or will have, on the engine; empty where there is none or it is not known.
    pub name: String,
    /// What happens.
    pub action: Action,
    /// Whether an existing object is taken over.
    pub importing: bool,
    /// Where the resource stood before, if it moves.
    pub previous_address: String,
    /// The attributes that change, sorted by name; at most [`ATTRIBUTES_MAX`].
    pub attributes: Vec<AttributeChange>,
    /// How many more change.
    pub attributes_left_out: u32,
}

/// One attribute that changes. Values are escaped, shortened, and masked where they are sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeChange {
    /// Its name.
    pub name: String,
    /// The value before; empty where there was none.
    pub before: String,
    /// The value after; empty where there will be none.
    pub after: String,
}

/// Reads the change of a resource.
pub(super) fn change(resource: &RawResource, action: Action) -> ResourceChange {
    let raw = &resource.change;
    let mut attributes = attributes(resource, action);
    let left_out = attributes.len().saturating_sub(ATTRIBUTES_MAX);
    attributes.truncate(ATTRIBUTES_MAX);
    let named = if raw.after.is_null() { &raw.before } else { &raw.after };
    let hidden = any_true(mask(&raw.after_sensitive, "name")) || any_true(mask(&raw.before_sensitive, "name"));
    let name = named.get("name").and_then(Value::as_str).filter(|_| !hidden).unwrap_or_default();
    let previous = resource.previous_address.as_deref().filter(|previous| *previous != resource.address);
    ResourceChange {
        address: shown_address(&resource.address),
        kind: escape(&resource.kind, 80),
        name: escape(name, ADDRESS_CHARS_MAX),
        action,
        importing: raw.importing.as_ref().is_some_and(|importing| !importing.is_null()),
        previous_address: previous.map(shown_address).unwrap_or_default(),
        attributes,
        attributes_left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
    }
}

pub(super) fn shown_address(address: &str) -> String {
    escape(address, ADDRESS_CHARS_MAX)
}

fn attributes(resource: &RawResource, action: Action) -> Vec<AttributeChange> {
    if matches!(action, Action::Destroy | Action::Forget | Action::Move | Action::NoOp | Action::Read) {
        return Vec::new();
    }
    let raw = &resource.change;
    let objects = [&raw.before, &raw.after, &raw.after_unknown].into_iter().filter_map(Value::as_object);
    let mut names: Vec<String> = objects.flat_map(|map| map.keys().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter_map(|name| attribute(resource, action, name)).collect()
}

fn attribute(resource: &RawResource, action: Action, name: String) -> Option<AttributeChange> {
    let raw = &resource.change;
    let before = raw.before.get(&name).unwrap_or(&Value::Null);
    let after = raw.after.get(&name).unwrap_or(&Value::Null);
    let unknown = mask(&raw.after_unknown, &name);
    let changes_sensitivity = mask(&raw.before_sensitive, &name) != mask(&raw.after_sensitive, &name);
    let creates = action == Action::Create;
    // In a creation, what is empty or filled in by the engine says nothing to the reader.
    let silent = if creates { is_empty(after) } else { before == after && !any_true(unknown) && !changes_sensitivity };
    if silent || (creates && *unknown == Value::Bool(true)) {
        return None;
    }
    let none = Value::Null;
    let before =
        if before.is_null() { String::new() } else { shown(before, mask(&raw.before_sensitive, &name), &none) };
    let after = masked(after, mask(&raw.after_sensitive, &name), unknown);
    let after = if after.is_null() { String::new() } else { text(&after) };
    Some(AttributeChange { name: escape(&name, 80), before, after })
}

fn shown(value: &Value, sensitive: &Value, unknown: &Value) -> String {
    text(&masked(value, sensitive, unknown))
}

fn text(value: &Value) -> String {
    match value.as_str() {
        Some(mark) if mark == SENSITIVE || mark == UNKNOWN => mark.to_owned(),
        Some(_) | None => escape(&canonical(value), VALUE_CHARS_MAX),
    }
}

/// The value with its sensitive and unknown parts replaced by marks.
pub(super) fn masked(value: &Value, sensitive: &Value, unknown: &Value) -> Value {
    if *sensitive == Value::Bool(true) {
        return Value::String(SENSITIVE.into());
    }
    if *unknown == Value::Bool(true) {
        return Value::String(UNKNOWN.into());
    }
    match value {
        Value::Object(map) => {
            let unknown_only =
                unknown.as_object().into_iter().flat_map(|map| map.keys()).filter(|key| !map.contains_key(*key));
            let mut out = Map::new();
            for key in map.keys().chain(unknown_only) {
                let inner = map.get(key).unwrap_or(&Value::Null);
                out.insert(key.clone(), masked(inner, mask(sensitive, key), mask(unknown, key)));
            }
            Value::Object(out)
        }
        Value::Array(list) => {
            let inner = |(index, value)| masked(value, mask_at(sensitive, index), mask_at(unknown, index));
            Value::Array(list.iter().enumerate().map(inner).collect())
        }
        // A mask below a plain value fits nothing: hide rather than guess.
        Value::Bool(_) | Value::Number(_) | Value::String(_) if any_true(sensitive) => Value::String(SENSITIVE.into()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// JSON with sorted keys, whatever order serde_json keeps, so that equal values are equal texts.
pub(super) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            let entry = |key: &&String| format!("{}:{}", Value::String((*key).clone()), canonical(&map[key.as_str()]));
            format!("{{{}}}", keys.iter().map(entry).collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}
