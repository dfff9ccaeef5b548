//! Quarterdeck's nouns: what is observed, decided, permitted and recorded. The verbs (observe, orient, decide, act,
//! remember) live in the host and pass these values on.
//!
//! Nothing here performs IO, reads a clock, draws randomness or awaits: time and keys are arguments. That is kept by
//! this crate's `Cargo.toml`, which names no crate that could, and by a tidy test that reads it.
//!
//! In loop order: an [`observation`] is looked through by the rules of findings; with the [`ledger`] it becomes a
//! [`situation`], and what is not cut for the policy is the [`ground`]; a policy answers with a [`decision`]; the gate
//! rules on it under the [`charter`] and gives [`verdict`]s; what is permitted becomes an [`order`]; all of it is an [`entry`] in the journal, which [`checkpoint`]s
//! attest.

pub mod budget;
pub mod charter;
pub mod checkpoint;
pub mod contest;
pub mod convergence;
pub mod decision;
pub mod digest;
pub mod encoding;
pub mod entry;
pub mod finding;
#[cfg(test)]
mod fixture;
pub mod gate;
pub mod ground;
mod hex;
pub mod identity;
pub mod ids;
pub mod kubernetes;
pub mod ledger;
pub mod mission;
pub mod observation;
pub mod order;
pub mod pause;
pub mod phase;
pub mod preflight;
pub mod question;
pub mod redaction;
pub mod sample;
pub mod signature;
pub mod situation;
pub mod terraform;
pub mod text;
pub mod upload;
pub mod verdict;
