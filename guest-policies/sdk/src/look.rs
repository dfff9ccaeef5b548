//! Finding one's way in a situation.
//!
//! Nothing here is a rule of a policy; each function answers from the lists alone what the contract says they mean.

use crate::{Approval, Artifact, ChangeSummary, Digest, Finding, Mission, Operation, Plan, Situation, Tally, Verdict};
use crate::{Worker, WorkerPhase};

/// Whether two ids are one. They begin alike and end in a hash, so their ends are looked at first: where each mission is
/// held against each finding, `==` from the front costs ten times as much.
#[inline]
pub fn same_id(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().rev().eq(other.bytes().rev())
}

impl Situation {
    /// The finding of this id, where it is in view.
    pub fn finding(&self, id: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| same_id(&finding.id, id))
    }

    /// The mission of this id, where it is in view.
    pub fn mission(&self, id: &str) -> Option<&Mission> {
        self.missions.iter().find(|mission| same_id(&mission.id, id))
    }

    /// Whether a finding asks for something: neither resolved, should the lists disagree, nor acknowledged by a person.
    pub fn is_open(&self, finding: &Finding) -> bool {
        finding.acknowledged_until.is_none_or(|until| until <= self.now)
            && !self.resolved.iter().any(|resolution| same_id(&resolution.finding, &finding.id))
    }

    /// The findings that ask for something.
    pub fn open_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| self.is_open(finding))
    }

    /// The workers of a mission, of every generation, ended or not.
    pub fn workers_of<'a>(&'a self, mission: &'a str) -> impl Iterator<Item = &'a Worker> {
        self.workers.iter().filter(move |worker| same_id(&worker.mission, mission))
    }

    /// The worker that a mission waits for, where one has not ended.
    pub fn active_worker<'a>(&'a self, mission: &'a str) -> Option<&'a Worker> {
        self.workers_of(mission).find(|worker| worker.phase.is_active())
    }

    /// The newest verdict on the action that the policy gave this key.
    pub fn verdict(&self, key: &str) -> Option<&Verdict> {
        self.verdicts.iter().filter(|verdict| same_id(&verdict.key, key)).max_by_key(|verdict| verdict.turn)
    }

    /// The newest approval that was asked for this operation on this plan, and on this artifact for an `apply`.
    pub fn approval(
        &self,
        mission: &str,
        operation: Operation,
        plan: &str,
        artifact: Option<&str>,
    ) -> Option<&Approval> {
        self.approvals
            .iter()
            .filter(|approval| {
                approval.operation == operation && same_id(&approval.mission, mission) && approval.plan == plan
            })
            .filter(|approval| approval.artifact.as_deref() == artifact)
            .max_by_key(|approval| approval.requested)
    }

    /// What the operator set under this key at activation.
    pub fn setting(&self, key: &str) -> Option<&str> {
        crate::fact(&self.settings, key)
    }
}

impl Mission {
    /// The first plan for this tool.
    pub fn plan_for(&self, tool: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.tool == tool)
    }

    /// What the host counted for this operation on this generation.
    pub fn tally(&self, operation: Operation) -> Option<&Tally> {
        self.tallies.iter().find(|tally| tally.operation == operation)
    }

    /// The artifact of this digest.
    pub fn artifact(&self, digest: &str) -> Option<&Artifact> {
        self.artifacts.iter().find(|artifact| artifact.digest == digest)
    }

    /// The newest artifact that this operation made of these files in this generation, stale or not.
    pub fn newest(&self, operation: Operation, plan: &Digest) -> Option<&Artifact> {
        self.artifacts
            .iter()
            .filter(|artifact| artifact.operation == operation && artifact.generation == self.generation)
            .filter(|artifact| artifact.plan == *plan)
            .max_by_key(|artifact| artifact.made)
    }

    /// As [`Mission::newest`], and nothing where the world has moved on since it was made.
    pub fn newest_fresh(&self, operation: Operation, plan: &Digest) -> Option<&Artifact> {
        self.newest(operation, plan).filter(|artifact| !artifact.stale)
    }
}

impl WorkerPhase {
    /// Whether it has yet to end.
    pub fn is_active(self) -> bool {
        match self {
            WorkerPhase::Starting | WorkerPhase::Running => true,
            WorkerPhase::Succeeded | WorkerPhase::Failed | WorkerPhase::Cancelled | WorkerPhase::Lost => false,
        }
    }
}

impl ChangeSummary {
    /// Whether nothing at all is to change.
    pub fn is_empty(&self) -> bool {
        (self.adds, self.changes, self.destroys, self.replaces) == (0, 0, 0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_one_when_every_byte_is() {
        for (one, other, same) in
            [("", "", true), ("web-1", "web-1", true), ("web-1", "web-2", false), ("web-1", "dba-1", false)]
        {
            assert_eq!(same_id(one, other), same, "{one} {other}");
        }
        assert!(!same_id("1", "web-1"));
    }
}
