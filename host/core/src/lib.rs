//! Quarterdeck's nouns: what is observed, what a policy is shown, what it decides, what the gate rules, and what is
//! recorded. The verbs (observe, orient, decide, act, remember) live in the host and pass these values on.
//!
//! Nothing here performs IO, reads a clock, draws randomness or awaits: time and keys are arguments. That is kept by
//! this crate's `Cargo.toml`, which names no crate that could, and by a tidy test that reads it.

pub mod decision;
pub mod digest;
pub mod encoding;
pub mod ids;
pub mod question;
pub mod situation;
