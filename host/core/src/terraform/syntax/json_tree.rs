//! JSON with the places of its keys, and with every key once.
//!
//! `serde_json` parses; two things are added. A key that is there twice is an error, because Terraform keeps both while
//! most readers keep one. And each key gets its place: keys are numbered in the order of the text, and a scan of the same
//! text, known to be valid by then, finds the n-th.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{At, SyntaxFault, saturate};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    /// null or a number.
    Plain,
    True,
    False,
    Text(String),
    List(Vec<Json>),
    Object(Vec<Member>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) at: At,
    pub(super) value: Json,
}

/// Parses JSON and places its keys.
pub(super) fn parse(text: &str) -> Result<Json, SyntaxFault> {
    let mut json: Json = serde_json::from_str(text).map_err(|error| {
        let at = At { line: saturate(error.line().max(1)), column: saturate(error.column().max(1)) };
        SyntaxFault { at, message: format!("this is no JSON that Terraform would take: {error}") }
    })?;
    place(&mut json, &mut keys(text).into_iter());
    Ok(json)
}

/// The places of all keys, in the order of the text, which must be valid JSON.
fn keys(text: &str) -> Vec<At> {
    let bytes = text.as_bytes();
    let (mut found, mut index, mut at) = (Vec::new(), 0, At::START);
    let mut string: Option<At> = None;
    for c in text.chars() {
        match (string, c) {
            (None, '"') if closes_before(bytes, index) => found.push(at),
            (None | Some(_), _) => {}
        }
        // A string ends at a quote that no odd number of backslashes precedes.
        if c == '"' && (string.is_none() || !escaped(bytes, index)) {
            string = if string.is_none() { Some(at) } else { None };
        }
        index += c.len_utf8();
        at = if c == '\n' { At { line: at.line + 1, column: 1 } } else { At { line: at.line, column: at.column + 1 } };
    }
    found
}

fn escaped(bytes: &[u8], index: usize) -> bool {
    bytes[..index].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Whether the string that begins at `start` is followed by a colon, so is a key.
fn closes_before(bytes: &[u8], start: usize) -> bool {
    let end = (start + 1..bytes.len()).find(|index| bytes[*index] == b'"' && !escaped(bytes, *index));
    let after = end.and_then(|end| bytes[end + 1..].iter().find(|byte| !byte.is_ascii_whitespace()));
    after == Some(&b':')
}

fn place(json: &mut Json, places: &mut impl Iterator<Item = At>) {
    match json {
        Json::True | Json::False | Json::Plain | Json::Text(_) => {}
        Json::List(values) => values.iter_mut().for_each(|value| place(value, places)),
        Json::Object(members) => {
            for member in members {
                member.at = places.next().unwrap_or(At::START);
                place(&mut member.value, places);
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Plain)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(if value { Json::True } else { Json::False })
    }

    fn visit_u64<E>(self, _value: u64) -> Result<Json, E> {
        Ok(Json::Plain)
    }

    fn visit_i64<E>(self, _value: i64) -> Result<Json, E> {
        Ok(Json::Plain)
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Json, E> {
        Ok(Json::Plain)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut seen = std::collections::BTreeSet::new();
        let mut members = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            // "//" is Terraform's comment and may stand there as often as it likes.
            if key != "//" && !seen.insert(key.clone()) {
                return Err(de::Error::custom(format_args!("the key {key:?} is there twice; keep one")));
            }
            members.push(Member { key, at: At::START, value: entries.next_value()? });
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_places() {
        let text = "{\n  \"a\\\"\": [{\"b\": \"c:\\\\\"}],\n  \"ü\" : {\"d\": null}\n}";
        let Json::Object(members) = parse(text).expect("valid") else { panic!("no object") };
        assert_eq!(members[0].at, At { line: 2, column: 3 });
        let Json::List(list) = &members[0].value else { panic!("no list") };
        assert!(matches!(&list[0], Json::Object(inner) if inner[0].at == At { line: 2, column: 12 }));
        assert_eq!((members[1].key.as_str(), members[1].at), ("ü", At { line: 3, column: 3 }));
        assert!(matches!(&members[1].value, Json::Object(inner) if inner[0].at == At { line: 3, column: 10 }));
    }

    #[test]
    fn a_key_twice_is_an_error_with_its_line() {
        let fault = parse("{\"a\": 1,\n\"a\": 2}").expect_err("twice");
        assert_eq!(fault.at.line, 2);
        assert!(parse("{\"//\": 1, \"//\": 2}").is_ok());
        assert!(parse(&"[".repeat(1000)).is_err());
    }
}
