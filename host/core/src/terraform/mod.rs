//! What we know about Terraform, without ever running it.
//!
//! A mission's author hands us a folder, Terraform hands us JSON, and both are untrusted until they were parsed here.
//! In the order of a run: the [`files`] of a mission, the static [`allow`]-list over everything that Terraform would
//! load from them, the [`secrets`] that they name, the [`labels`] that a worker adds to them, the [`providers`] table that tells whether the docker
//! provider can talk to an engine at all, the [`ui_events`] that Terraform prints while it works, the [`plan`] it wants
//! to apply, the [`state_json`] it left, and the [`errored`] one that it could not deliver.
//!
//! Not here: starting Terraform, reading files, asking the engine. Those are verbs and belong to the worker and host.

pub mod allow;
pub mod errored;
pub mod files;
pub mod grants;
pub mod labels;
pub mod plan;
pub mod providers;
pub mod secrets;
pub mod sketch;
pub mod state_json;
pub mod syntax;
pub mod text;
pub mod ui_events;

pub use files::FileSet;
pub use grants::Grants;
