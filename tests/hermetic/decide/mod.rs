//! Decide: the sandbox, the boundary, and what is refused before either.

mod answers;
mod boundary;
mod hostile;
mod refused;
mod steward;
mod wasi;

use std::sync::LazyLock;

use quarterdeck::decide::{Policy, Sandbox};
use quarterdeck_tests::guests;

/// One sandbox for all tests, as a host has one: what a guest leaves behind would show in another's decision.
static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new().expect("a sandbox"));

/// Loads a guest of ours by name.
fn policy(name: &str) -> Policy {
    SANDBOX.load(&guests::named(name).expect("a guest")).unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

/// The default policy, as it is kept in the repository.
const STEWARD: &[u8] = include_bytes!("../../../guest-policies/prebuilt/steward.wasm");

/// An error and its sources in one line.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
