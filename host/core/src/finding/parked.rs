//! Missions that are parked: what was tried, and who can release them.

use super::{Fault, object};
use crate::charter::Charter;
use crate::convergence::Parked;
use crate::ledger::{Ledger, MissionState};
use crate::situation::{Fact, Severity};

pub(super) fn look(charter: &Charter, ledger: &Ledger) -> Vec<Fault> {
    let parked = |mission| Some(fault(mission, &MissionState::parked(mission, &charter.settings)?));
    ledger.missions.values().filter_map(parked).collect()
}

fn fault(mission: &MissionState, parked: &Parked<'_>) -> Fault {
    let name = mission.spec.name.as_str();
    let mut evidence = match parked {
        Parked::Circling(circle) => vec![
            Fact::new("operation", "apply"),
            Fact::new("times", &circle.times.to_string()),
            Fact::new("since", &circle.since.utc()),
            Fact::new("touches", &circle.repair.touched()),
            Fact::new("change-set", &circle.repair.changes.short(12)),
        ],
        Parked::Exhausted(operation, tally) => {
            let mut facts =
                vec![Fact::new("operation", operation.name()), Fact::new("times", &tally.failures.to_string())];
            facts.extend(tally.last.as_ref().map(|last| Fact::new("failure", &last.kind)));
            facts
        }
    };
    evidence.push(Fact::new("to-release", &format!("quarterdeck release {name}")));
    Fault {
        rule: "mission-parked",
        severity: Severity::Critical,
        object: object("mission", name, None),
        owner: None,
        mission: Some(mission.id.clone()),
        message: parked.sentence(name),
        evidence,
        count: 1,
    }
}
