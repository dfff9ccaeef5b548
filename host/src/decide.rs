//! Decide: ask the policy.
//!
//! A policy is a WebAssembly component that somebody wrote in some language, perhaps badly, perhaps in bad faith. It is
//! shown a situation and proposes; it never acts. This verb keeps it in its place: no failure of a guest costs the
//! host more than that turn's decision.
//!
//! - `signature` asks who answers for a component, before anything else does.
//! - `structure` looks at a file before anything is compiled, `shape` compares it with the contract, readably;
//!   `anatomy` says what it is made of, for people.
//! - `sandbox` compiles, instantiates and calls on the `engine`, under the limits of `limits`; `guest` counts what one
//!   call uses, `backtrace` says where it ended; `thread` keeps all that off the loop's own threads.
//! - `upload` is what a file has to pass before it may ever decide; `child` is the process without rights in which it is
//!   compiled and first run, `artifact` what is kept of that, `apart` a policy that decides in such a process.
//! - `wasi` is what languages get that cannot be built without it: a WASI in which nothing is outside.
//! - `boundary` is where values cross, and the only place that believes nothing; `bindings` is generated.
//! - `probe` asks the same again, and says whether the answer was the same.
//! - `catalog` keeps components, and those that are ready to decide.
//!
//! What is *not* here: which policy is active, and what becomes of a decision. The gate rules on that.

pub mod anatomy;
mod answer;
mod apart;
pub mod artifact;
mod backtrace;
pub mod bindings;
pub mod boundary;
pub mod catalog;
pub mod child;
mod engine;
mod guest;
pub mod limits;
mod probe;
mod sandbox;
mod shape;
pub mod signature;
pub mod structure;
mod thread;
pub mod upload;
mod wasi;

pub use answer::{Answer, Class, GuestFailure, HostAbort, Level, LogLine};
pub use artifact::{Artifact, ArtifactError, Isolation};
pub use boundary::Malformed;
pub use catalog::{Catalog, CatalogError};
pub use engine::engine_config;
pub use limits::identity;
pub use probe::{Journaled, Probe, compare};
pub use sandbox::{LoadError, Policy, Sandbox, SandboxError};
pub use shape::Mismatch;
pub use structure::StructureError;
pub use thread::{decide, decide_within, observe_only};
