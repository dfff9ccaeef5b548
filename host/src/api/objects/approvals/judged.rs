//! What an object says, against what the host asks: pure.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::identity::ClusterUser;
use quarterdeck_core::ids::ApprovalId;
use quarterdeck_core::ledger::{ApprovalRecord, Ledger};
use quarterdeck_core::observation::{Command, Person};

use crate::apiserver::approval::{Approval, Decision};

/// An answer to exactly what the host asks about. Whether whoever made the object is who it says is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) who: Person,
    pub(super) command: Command,
    approval: ApprovalId,
    granted: bool,
}

impl Said {
    /// Reads an object.
    ///
    /// # Errors
    /// Why it answers nothing, for the person who made it. What it says of other namespaces' missions is the same as of none.
    pub(super) fn of(approval: &Approval, ledger: &Ledger) -> Result<Said, String> {
        let spec = &approval.spec;
        // The schema and the policy let nobody edit one. Where they were not there for a while, this still shows.
        if approval.metadata.generation != Some(1) {
            return Err("it was changed since it was created; create another one".to_owned());
        }
        let namespace = approval.metadata.namespace.as_deref().unwrap_or_default();
        let wanted = format!("{namespace}/{}", spec.mission);
        let waits_for_none = || {
            format!("nothing of mission {wanted} is asked about under {:?}; its status names what waits", spec.approval)
        };
        let id = ApprovalId::parse(&spec.approval).map_err(|_| waits_for_none())?;
        let record = ledger.approvals.get(&id).ok_or_else(waits_for_none)?;
        if mission_of(ledger, record).as_deref() != Some(wanted.as_str()) {
            return Err(waits_for_none());
        }
        if spec.plan.parse::<Digest>() != Ok(record.order.key.input) {
            return Err(format!("{id} asks about another plan than {}; read the one that waits", spec.plan));
        }
        let user = ClusterUser::parse(&spec.by).map_err(|error| format!("spec.by: {error}"))?;
        // Who may edit a namespace may speak as its accounts, and would be two.
        if user.as_str().starts_with("system:serviceaccount:") {
            return Err("people approve, and accounts of workloads do not".to_owned());
        }
        let (granted, comment) = (spec.decision == Decision::Approve, spec.comment.clone());
        let command = match spec.decision {
            Decision::Approve => Command::Approve { approval: id.clone(), comment },
            Decision::Deny => Command::Deny { approval: id.clone(), comment },
        };
        Ok(Said { who: Person::User(user), command, approval: id, granted })
    }

    /// Whether the ledger has this answer of this person already.
    pub(super) fn counts_already(&self, ledger: &Ledger) -> bool {
        let who = self.who.identity();
        let same = |record: &ApprovalRecord| {
            record.answers.iter().any(|answer| answer.who.identity() == who && answer.granted == self.granted)
        };
        ledger.approvals.get(&self.approval).is_some_and(same)
    }

    /// What is so now that it counts, for the person who made it.
    pub(super) fn standing(&self, ledger: &Ledger) -> String {
        match ledger.approvals.get(&self.approval) {
            Some(_) if !self.granted => "denied: one no is enough".to_owned(),
            Some(record) if record.given() < record.needed => {
                format!("{} of {} people have said yes; another one has to", record.given(), record.needed)
            }
            Some(_) | None => "approved by as many as have to".to_owned(),
        }
    }
}

/// `NAMESPACE/NAME` of the mission that a request is about; none where it is no object of a cluster.
fn mission_of(ledger: &Ledger, record: &ApprovalRecord) -> Option<String> {
    let name = &ledger.missions.get(&record.order.mission)?.spec.name;
    name.namespace().map(|_| name.to_string())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
