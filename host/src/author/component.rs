//! From a core module to a component of the contract.
//!
//! Rust's modules carry the contract's types, for wit-bindgen's macro puts them in; those of C and Go get them here. A
//! Go module asks for an operating system besides, and `preview1.wat` stands in for it: what it answers is the same in
//! every run, and nothing of it is asked of the host.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::AuthorError;
use super::templates::CONTRACT;

/// The world of the contract.
pub(super) const WORLD: &str = "policy";
/// The adapter, assembled; its text stands beside it.
const PREVIEW1: &[u8] = include_bytes!("preview1.wasm");
/// What a Go module calls its operating system.
const PREVIEW1_NAME: &str = "wasi_snapshot_preview1";

/// A core module that somebody compiled.
pub(super) struct Core {
    pub(super) module: Vec<u8>,
    /// Whether the contract's types are in it.
    pub(super) is_typed: bool,
    /// Whether it asks for an operating system.
    pub(super) is_wasi: bool,
}

/// Wraps it; `contract` is the project's own text of it, where it has one.
pub(super) fn wrap(core: Core, contract: Option<&str>, tool: &'static str) -> Result<Vec<u8>, AuthorError> {
    encode(core, contract.unwrap_or(CONTRACT))
        .map_err(|error| AuthorError::Wrap { tool, problem: format!("{error:#}") })
}

fn encode(mut core: Core, contract: &str) -> anyhow::Result<Vec<u8>> {
    if !core.is_typed {
        let mut resolve = Resolve::default();
        let package = resolve.push_source("policy.wit", contract)?;
        let world = resolve.select_world(&[package], Some(WORLD))?;
        embed_component_metadata(&mut core.module, &resolve, world, StringEncoding::UTF8, false)?;
    }
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&core.module)?;
    if core.is_wasi {
        encoder.adapter(PREVIEW1_NAME, PREVIEW1)?;
    }
    encoder.encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_module_or_lacks_the_contract_is_refused_with_a_reason() {
        for (module, is_typed) in [(b"no wasm at all".to_vec(), true), (b"\0asm\x01\0\0\0".to_vec(), false)] {
            let refused = wrap(Core { module, is_typed, is_wasi: false }, None, "a test").unwrap_err();
            let AuthorError::Wrap { tool: "a test", problem } = refused else { panic!("{refused:?}") };
            assert!(problem.len() > 20, "{problem}");
        }
    }
}
