//! An answer as the policy's author reads it: what came of asking, what the policy said, what it used of what it may
//! use, and where it was when it failed.
//!
//! All of it has been bounded and escaped where it was parsed. What is *not* here is the decision itself.

use serde_json::{Value, json};

use crate::cli::print::{fields, section};
use crate::decide::{Answer, limits};

/// Where the engine's own words for a backtrace begin in a detail: it stands below it, readably.
const ENGINES_BACKTRACE: &str = " (error while executing at wasm backtrace";

/// Several lines, the last one ended.
pub(in crate::cli) fn told(answer: &Answer) -> String {
    let outcome = match detail(answer) {
        "" => answer.class.name(),
        detail => format!("{}: {detail}", answer.class.name()),
    };
    let mut text = fields(&[
        ("Answer", outcome),
        ("Fuel", format!("{} of {}", answer.fuel, limits::FUEL)),
        ("Memory", format!("{} of {} bytes", answer.memory_bytes, limits::MEMORY_BYTES_MAX)),
    ]);
    text += &section("Log", answer.lines());
    text += &section("Backtrace", answer.backtrace.iter().cloned());
    text
}

/// The same as JSON.
pub(in crate::cli) fn told_json(answer: &Answer) -> Value {
    json!({
        "class": answer.class.name(),
        "detail": detail(answer),
        "fuel": answer.fuel,
        "memoryBytes": answer.memory_bytes,
        "logs": answer.lines(),
        "backtrace": answer.backtrace,
    })
}

fn detail(answer: &Answer) -> &str {
    let detail = answer.class.detail();
    if answer.backtrace.is_empty() { detail } else { detail.split(ENGINES_BACKTRACE).next().unwrap_or(detail) }
}
