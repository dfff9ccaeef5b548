//! Nobody does any work: a host without missions only looks.

use quarterdeck_core::observation::WorkerReport;

use super::{Word, Workers};

/// No workers at all.
pub struct Nobody;

impl Workers for Nobody {
    fn tell(&self, word: Word) {
        // The gate starts nothing for missions that this run was not told of, so there is nothing to be told.
        tracing::error!(?word, "A worker was told something, and there is none in a host without missions.");
    }

    fn reports(&self) -> Vec<WorkerReport> {
        Vec::new()
    }

    fn choice(&self) -> String {
        "none: a host without missions looks, and starts nothing".to_owned()
    }
}
