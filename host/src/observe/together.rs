//! A Docker engine and a Kubernetes cluster, seen as one; and missions that are files beside those that are objects.

use std::sync::Arc;

use quarterdeck_core::observation::SeenMission;

use super::{Cluster, Missions, View};

/// The engine that missions are built on, and the cluster that is looked at beside it.
pub struct Together {
    /// The engine.
    pub engine: Arc<dyn Cluster>,
    /// The cluster.
    pub kubernetes: Arc<dyn Cluster>,
}

impl Cluster for Together {
    fn view(&self) -> View {
        let (engine, kubernetes) = (self.engine.view(), self.kubernetes.view());
        let facts = engine.facts.into_iter().chain(kubernetes.facts).collect();
        View { facts, engine: engine.engine, kubernetes: kubernetes.kubernetes }
    }

    fn look_again(&self) {
        // Workers change the engine alone.
        self.engine.look_again();
    }

    fn choice(&self) -> String {
        format!("{}; {}", self.engine.choice(), self.kubernetes.choice())
    }
}

/// Missions of two places.
pub struct Both {
    /// Files.
    pub files: Arc<dyn Missions>,
    /// Objects.
    pub objects: Arc<dyn Missions>,
}

impl Missions for Both {
    fn seen(&self) -> Vec<SeenMission> {
        [self.files.seen(), self.objects.seen()].concat()
    }

    fn all_objects(&self) -> bool {
        self.objects.all_objects()
    }
}
