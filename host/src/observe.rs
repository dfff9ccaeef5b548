//! Observe: the latest snapshots, each with its age. Background tasks keep them; a turn only reads.

pub mod files;
pub mod kubernetes;
pub mod local;
mod missions;
pub mod together;

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::kubernetes::ClusterView;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::{EngineView, Observation, SeenMission};
use quarterdeck_core::question::BrainReply;
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{Fact, Reply, TEXT_BYTES_MAX};

use crate::Ports;

/// What is shown: by a Docker engine, by a Kubernetes cluster, or by both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// What it is, for policies and people.
    pub facts: Vec<Fact>,
    /// The Docker engine.
    pub engine: EngineView,
    /// The Kubernetes cluster, where one is looked at.
    pub kubernetes: Option<ClusterView>,
}

/// Where things are observed.
pub trait Cluster: Send + Sync {
    /// The latest snapshot. Never waits.
    fn view(&self) -> View;
    /// Has it looked at again at once, and the loop woken by that look, whatever it shows. Never waits.
    fn look_again(&self);
    /// What was chosen and why, in one line for people.
    fn choice(&self) -> String;
}

/// Where missions come from.
pub trait Missions: Send + Sync {
    /// The missions as they were read last. Never waits.
    fn seen(&self) -> Vec<SeenMission>;
    /// Whether all missions that are objects of a cluster are among them. Never waits.
    fn all_objects(&self) -> bool {
        false
    }
}

/// The latest snapshot of everything, at this time of the clock. The loop's own time never goes back: where the clock did,
/// the snapshots' times are moved along, so that their age stays what it is. A look of before the clock went back has its
/// time in the loop's already.
pub fn latest(ports: &Ports, clock: Timestamp, last: Timestamp) -> Observation {
    let View { facts, mut engine, mut kubernetes } = ports.cluster.view();
    let now = clock.max(last);
    let ahead = now.since_ms(clock);
    let moved = |at: Timestamp| if at > clock { at } else { at.plus_ms(ahead) };
    engine.looked = engine.looked.map(moved);
    engine.state = engine.state.map(|(at, state)| (moved(at), state));
    if let Some(cluster) = &mut kubernetes {
        cluster.asked = cluster.asked.map(moved);
        cluster.answered = cluster.answered.map(moved);
        cluster.answers_since = cluster.answers_since.map(moved);
    }
    Observation {
        at: now,
        cluster: facts,
        engine,
        kubernetes,
        missions: ports.missions.seen(),
        all_objects: ports.missions.all_objects(),
        workers: ports.workers.reports(),
        replies: ports.brain.replies().into_iter().map(|reply| redacted(&ports.redactor, reply)).collect(),
    }
}

/// Has the engine looked at again where a worker that could change something has ended since: its mission waits for that
/// look. One that was tried and failed is left to the next interval.
pub fn follow_up(ports: &Ports, ledger: &Ledger, seen: &Observation) {
    let Some(looked) = seen.engine.looked else { return };
    if ledger.missions.values().any(|mission| looked <= mission.changed) {
        ports.cluster.look_again();
    }
}

/// What the brain said, without secrets: it saw none of ours, and may still have made one up or been told one.
fn redacted(redactor: &Redactor, mut reply: BrainReply) -> BrainReply {
    let hide = |text: &mut String| *text = redactor.redact_bounded(text, TEXT_BYTES_MAX);
    match &mut reply.reply {
        Reply::Pending => {}
        Reply::Unanswered(reason) => hide(reason),
        Reply::Assessed(assessment) => {
            hide(&mut assessment.text);
            assessment.recommendations.iter_mut().for_each(|recommended| hide(&mut recommended.reason));
        }
    }
    reply
}
