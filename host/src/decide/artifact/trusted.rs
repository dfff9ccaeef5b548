//! The one place where native code is taken for ours.
//!
//! `Component::deserialize` is unsafe since the engine runs what it is given and can't tell whether a compiler made it. It
//! is sound here because of where the bytes come from. They were made by `Component::serialize` in a process that the host
//! started from its own program, and the host had read all of them from its pipe before the component's first instruction
//! ran there; from then on they are held by the host alone, or by a file with their checksum in the host's own folder.
//! Whoever can write there can replace the host's state, policies and keys as well. The engine checks version, target and
//! settings once more. Nothing that came over a network or from a user's file gets here: the pipeline refuses whatever is
//! precompiled, by its first bytes.
#![expect(unsafe_code, reason = "the engine can't prove what we know: that this code was made by itself, for us")]

use wasmtime::Engine;
use wasmtime::component::Component;

use super::super::guest::detail;

/// Gives the engine code that it made itself.
pub(super) fn component(engine: &Engine, code: &[u8]) -> Result<Component, String> {
    // SAFETY: `code` is what `Component::serialize` gave, unchanged; see above.
    unsafe { Component::deserialize(engine, code) }.map_err(|error| detail(&error))
}
