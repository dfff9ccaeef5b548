//! The static allow-list: what a mission's Terraform files may say.
//!
//! Everything that Terraform would load is read before `terraform init` runs: native and JSON syntax, overrides, variable
//! files, local modules, templates. Whatever is not allowed here is refused with its file and line, so that nothing of a
//! mission is executed, fetched or read from outside of its folder. What the files come to is judged again from the plan.
//!
//! Not here: whether arguments fit a provider's schema (Terraform says so), and the dangers of values (see
//! [`super::plan`]).

mod blocks;
mod facts;
mod functions;
mod load;
mod provider;
mod resource;
mod walk;

use serde::{Deserialize, Serialize};

pub use facts::{ModuleCall, ProviderRequirement, ResourceFact, StaticFacts, VariableFact};
pub use walk::check;

/// At most this many violations are reported; who has more mends these first.
pub const VIOLATIONS_MAX: usize = 64;

/// A file of configuration, or a template, has at most this many bytes (128 KiB): a long one has 20, and the time to
/// parse one object grows with the square of its keys.
pub const CONFIGURATION_BYTES_MAX: usize = 128 * 1024;

/// Modules may call modules at most this deep; real ones stay below 4.
pub const MODULE_DEPTH_MAX: usize = 8;

/// Something in a mission's files that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The file, relative to the mission's folder.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// The rule that it breaks.
    pub rule: Rule,
    /// What is wrong and what to do, as a sentence; escaped.
    pub message: String,
}

/// The rules of the allow-list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The text is no Terraform configuration, or could be read in two ways.
    Syntax,
    /// A file that would change what Terraform does without being configuration.
    File,
    /// A block or argument that is not on the list.
    Block,
    /// A provider, or an argument of one.
    Provider,
    /// A resource or data source type that is not granted.
    Type,
    /// A provisioner or connection.
    Provisioner,
    /// An argument of an allowed resource that is not allowed.
    Argument,
    /// A module that is not local, leads out of the folder, or calls itself.
    Module,
    /// A function that is not allowed, or a path that is not in the mission's folder.
    Function,
}

#[cfg(test)]
mod tests;
