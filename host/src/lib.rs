//! Quarterdeck's verbs: observe, orient, decide, act, remember; and the loop that alone knows them all.
//!
//! The host is a library so that the tests drive the same code as the binary. Each verb is a module with its port, where
//! it has one, and its adapters below it; no verb imports another. Only `app` names the adapters.

use std::sync::Arc;

use quarterdeck_core::redaction::Redactor;

pub mod account;
pub mod act;
pub mod api;
pub mod apiserver;
pub mod app;
pub mod author;
pub mod backup;
pub mod cli;
pub mod config;
pub mod decide;
pub mod doctor;
pub mod driver;
pub mod kept;
pub mod observe;
pub mod orient;
pub mod registry;
pub mod rehearsal;
pub mod remember;
pub mod replay;
pub mod shadow;
pub mod telemetry;
pub mod turn;
pub mod uploads;
pub mod view;

/// What the loop reaches the world through. Each port has a second adapter, and none of them ever waits.
pub struct Ports {
    /// What is observed.
    pub cluster: Arc<dyn observe::Cluster>,
    /// What users want.
    pub missions: Arc<dyn observe::Missions>,
    /// Who gives advice.
    pub brain: Arc<dyn orient::brain::Brain>,
    /// Who does the work.
    pub workers: Arc<dyn act::Workers>,
    /// What hides the secrets in whatever people and the brain say; the other adapters hide them themselves.
    pub redactor: Arc<Redactor>,
}
