//! Guests for tests, made of text: a core module in WAT becomes a component of the contract.
//!
//! A line `;; include NAME` stands for `tests/guests/NAME.wat`, so that a hostile guest shows only what is hostile.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The contract's own text.
pub const CONTRACT: &str = include_str!("../../wit/policy.wit");

/// The folder of guests.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests")
}

/// The text of a guest below the folder, such as `floor` or `hostile/loop-forever`, with what it includes.
///
/// # Errors
/// Where there is no such file.
pub fn text(name: &str) -> Result<String> {
    let path = folder().join(name).with_extension("wat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read the guest {}", path.display()))?;
    let line = |line: &str| match line.trim().strip_prefix(";; include ") {
        Some(included) => self::text(included),
        None => Ok(line.to_owned()),
    };
    Ok(text.lines().map(line).collect::<Result<Vec<_>>>()?.join("\n"))
}

/// A guest as bytes: a core module is made a component of the contract, anything else is taken as it is.
///
/// # Errors
/// Where the text is not what WAT has.
pub fn named(name: &str) -> Result<Vec<u8>> {
    let text = text(name)?;
    if text.contains("(component") || text.contains("As it is.") {
        return wat::parse_str(&text).with_context(|| format!("assemble the guest {name}"));
    }
    component(&text, CONTRACT).with_context(|| format!("make a component of the guest {name}"))
}

/// Makes a component of a core module, for the world `policy` of a contract: ours, or a test's variant of it.
///
/// # Errors
/// Where the text is no module, or lacks what the world demands.
pub fn component(module: &str, contract: &str) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("policy.wit", contract)?;
    let world = resolve.select_world(&[package], Some("policy"))?;
    let mut module = wat::parse_str(module)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
    // Unvalidated: what a hostile guest is refused for is the host's to say.
    ComponentEncoder::default().validate(false).module(&module)?.encode()
}
