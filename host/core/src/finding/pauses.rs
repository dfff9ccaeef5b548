//! What people have paused. Nothing is wrong with that, but nobody should wonder why nothing happens.

use super::{Fault, object};
use crate::ledger::Ledger;
use crate::pause::{Pause, Scope};
use crate::situation::{Fact, Severity};

pub(super) fn look(ledger: &Ledger) -> Vec<Fault> {
    ledger.pauses.iter().map(|(scope, pause)| fault(ledger, scope, pause)).collect()
}

fn fault(ledger: &Ledger, scope: &Scope, pause: &Pause) -> Fault {
    let mut evidence = vec![
        Fact::new("by", &pause.who.to_string()),
        Fact::new("since", &pause.at.utc()),
        Fact::new("to-go-on", &scope.resume()),
    ];
    evidence.extend(pause.comment.as_ref().map(|comment| Fact::new("comment", comment)));
    Fault {
        rule: "paused",
        severity: Severity::Info,
        object: object("pause", &scope.to_string(), None),
        owner: None,
        mission: scope.mission.as_ref().and_then(|name| Some(ledger.mission(name)?.id.clone())),
        message: pause.sentence(scope),
        evidence,
        count: 1,
    }
}
