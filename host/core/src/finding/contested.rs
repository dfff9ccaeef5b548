//! Objects that two missions call their own.

use super::{Fault, object};
use crate::contest::{Contest, contests};
use crate::ledger::Ledger;
use crate::situation::{Fact, Severity};

pub(super) fn look(ledger: &Ledger) -> Vec<Fault> {
    contests(ledger).iter().map(fault).collect()
}

fn fault(contest: &Contest<'_>) -> Fault {
    Fault {
        rule: "object-contested",
        severity: Severity::Critical,
        object: object(contest.kind.name(), contest.name, None),
        owner: None,
        // The one that would make it is the one that waits for a person.
        mission: Some(contest.other.id.clone()),
        message: contest.sentence(),
        evidence: vec![
            Fact::new("held-by", contest.holder.spec.name.as_str()),
            Fact::new("held-as", contest.held_as),
            Fact::new("wanted-by", contest.other.spec.name.as_str()),
            Fact::new("wanted-as", contest.wanted_as),
        ],
        count: 1,
    }
}
