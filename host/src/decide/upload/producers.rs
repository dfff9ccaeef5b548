//! Which languages and tools made a component, by its own word: the `producers` sections of it and of what is inside.

use std::collections::BTreeSet;

use quarterdeck_core::situation::{KEY_BYTES_MAX, cut};
use quarterdeck_core::text::escape;
use wasmparser::{KnownCustom, Parser, Payload};

/// So many are told: Python, whose parts were made by several tools, has some ten.
const PRODUCERS_MAX: usize = 32;

/// Each once, such as `language Rust 1.95.0`, in the order of the alphabet; as many as could be read.
pub(super) fn producers(bytes: &[u8]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { break };
        let Payload::CustomSection(section) = payload else { continue };
        let KnownCustom::Producers(fields) = section.as_known() else { continue };
        for field in fields.into_iter().flatten() {
            for value in field.values.into_iter().flatten() {
                if found.len() < PRODUCERS_MAX {
                    found.insert(said(field.name, value.name, value.version));
                }
            }
        }
    }
    found.into_iter().collect()
}

fn said(field: &str, name: &str, version: &str) -> String {
    let field = if field == "processed-by" { "tool" } else { field };
    let words = [field, name, version].map(|word| escape(&cut(word, KEY_BYTES_MAX)));
    cut(words.join(" ").trim_end(), KEY_BYTES_MAX)
}
