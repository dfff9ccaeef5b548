//! Looking at one field of a planned resource: absent, known or unknown until the apply.

use serde_json::Value;

use super::raw::{ConfiguredResource, RawResource};

/// What a plan says of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field<'a> {
    /// Null, empty, zero or false.
    Absent,
    /// Its value.
    Known(&'a Value),
    /// Known only when applied, so it must count as dangerous.
    Unknown,
}

/// A planned resource, with what the files say of it.
pub(super) struct View<'a> {
    pub(super) after: &'a Value,
    pub(super) unknown: &'a Value,
    pub(super) sensitive: &'a Value,
    pub(super) configured: Option<&'a ConfiguredResource>,
}

impl<'a> View<'a> {
    pub(super) fn new(resource: &'a RawResource, configured: Option<&'a ConfiguredResource>) -> Self {
        let change = &resource.change;
        Self { after: &change.after, unknown: &change.after_unknown, sensitive: &change.after_sensitive, configured }
    }

    /// Whether the files set this argument. Where the plan does not tell, they might.
    pub(super) fn is_configured(&self, key: &str) -> bool {
        self.configured.is_none_or(|resource| resource.expressions.contains_key(key))
    }

    /// An argument. What the engine fills in by itself is unknown before every creation and no danger; what the files
    /// set and nobody knows yet is one.
    pub(super) fn argument(&self, key: &str) -> Field<'a> {
        let found = field(self.after, self.unknown, key);
        let by_engine = matches!(found, Field::Unknown) && !self.is_configured(key);
        if by_engine { Field::Absent } else { found }
    }

    /// The blocks of that name, each with its mask of unknowns; `None` where the whole list is unknown.
    ///
    /// Blocks that a `dynamic` block makes do not stand in the configuration, so here unknown is always dangerous.
    pub(super) fn blocks(&self, key: &str) -> Option<Vec<(&'a Value, &'a Value)>> {
        blocks(self.after, self.unknown, key)
    }

    /// The value for a message: escaped, shortened, and hidden where it is sensitive.
    pub(super) fn shown(&self, key: &str, value: &Value) -> String {
        if any_true(mask(self.sensitive, key)) {
            return "(sensitive)".to_owned();
        }
        super::super::text::escape(&value.as_str().map_or_else(|| value.to_string(), str::to_owned), 80)
    }
}

static NULL: Value = Value::Null;
static TRUE: Value = Value::Bool(true);

/// The part of a mask below `key`: a mask that is `true` covers everything below it.
pub(super) fn mask<'a>(mask: &'a Value, key: &str) -> &'a Value {
    if *mask == TRUE {
        return &TRUE;
    }
    mask.get(key).unwrap_or(&NULL)
}

/// The part of a mask for the n-th element.
pub(super) fn mask_at(mask: &Value, index: usize) -> &Value {
    if *mask == TRUE {
        return &TRUE;
    }
    mask.get(index).unwrap_or(&NULL)
}

/// Whether a mask covers anything.
pub(super) fn any_true(mask: &Value) -> bool {
    match mask {
        Value::Bool(covered) => *covered,
        Value::Array(list) => list.iter().any(any_true),
        Value::Object(map) => map.values().any(any_true),
        Value::Null | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether a value says nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// A field of a resource or a block.
pub(super) fn field<'a>(after: &'a Value, unknown: &Value, key: &str) -> Field<'a> {
    if any_true(mask(unknown, key)) {
        return Field::Unknown;
    }
    match after.get(key) {
        Some(value) if !is_empty(value) => Field::Known(value),
        Some(_) | None => Field::Absent,
    }
}

/// Nested blocks with their masks; `None` where the list itself is unknown. A single object counts as a list of one.
pub(super) fn blocks<'a>(after: &'a Value, unknown: &'a Value, key: &str) -> Option<Vec<(&'a Value, &'a Value)>> {
    let masks = mask(unknown, key);
    if *masks == Value::Bool(true) {
        return None;
    }
    match after.get(key) {
        Some(Value::Array(list)) => {
            let longer = masks.as_array().is_some_and(|masks| masks.len() > list.len());
            (!longer).then(|| list.iter().enumerate().map(|(index, block)| (block, mask_at(masks, index))).collect())
        }
        Some(block @ Value::Object(_)) => Some(vec![(block, masks)]),
        Some(_) | None if any_true(masks) => None,
        Some(_) | None => Some(Vec::new()),
    }
}
