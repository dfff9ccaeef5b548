//! The finding rules: pure functions that look through an observation and say what is wrong.
//!
//! A rule makes a [`Fault`]; [`look`] runs them all, gives each fault its fingerprint, and takes from the ledger when it
//! was first seen and last changed. The fingerprint is a hash of rule and root owner, so the same fault keeps its id over
//! turns and restarts. No rule reads a clock or asks anybody: a rule about "too long" compares the observation's own
//! times.

mod containers;
mod contested;
mod engine;
mod kubernetes;
mod missions;
mod parked;
mod pauses;
mod policies;

use crate::charter::Charter;
use crate::digest::Digest;
use crate::ids::{FindingId, MissionId, Timestamp};
use crate::ledger::{Ledger, MissionState};
use crate::observation::Observation;
use crate::order::ObjectKind;
use crate::situation::{Fact, Finding, ObjectRef, Severity, TEXT_BYTES_MAX, cut};

pub use missions::{Difference, differences};

/// Something that a rule found wrong, before it has an id and a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule's name.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The object that shows it.
    pub object: ObjectRef,
    /// What is answerable for it in the end, where that is another.
    pub owner: Option<ObjectRef>,
    /// The mission that the object belongs to.
    pub mission: Option<MissionId>,
    /// What is wrong and, where the rule knows it, what to do.
    pub message: String,
    /// What it was seen by.
    pub evidence: Vec<Fact>,
    /// How many objects show it.
    pub count: u32,
}

impl Fault {
    /// The fault's name: rule and root owner, never what is said about it.
    pub fn id(&self) -> FindingId {
        let root = self.owner.as_ref().unwrap_or(&self.object);
        let parts: [&[u8]; 4] = [
            self.rule.as_bytes(),
            root.kind.as_bytes(),
            root.namespace.as_deref().unwrap_or_default().as_bytes(),
            root.name.as_bytes(),
        ];
        FindingId::parse(&format!("f-{}", Digest::of_parts(&parts).short(12)))
            .expect("a letter, a dash and digits are characters of a name")
    }
}

/// Everything that is wrong now, ordered by severity (the worst first), then age, then id.
pub fn look(charter: &Charter, ledger: &Ledger, observation: &Observation) -> Vec<Finding> {
    let faults = engine::look(observation)
        .into_iter()
        .chain(containers::look(ledger, observation))
        .chain(kubernetes::look(ledger, observation))
        .chain(missions::look(ledger, observation))
        .chain(contested::look(ledger))
        .chain(parked::look(charter, ledger))
        .chain(pauses::look(ledger))
        .chain(policies::look(ledger, observation.at));
    let mut findings: Vec<Finding> = Vec::new();
    for fault in faults.filter(|fault| stands(ledger, observation, fault)) {
        let finding = remember(ledger, fault, observation.at);
        match findings.iter_mut().find(|known| known.id == finding.id) {
            Some(known) => known.count = known.count.saturating_add(finding.count),
            None => findings.push(finding),
        }
    }
    findings.sort_by(|a, b| (b.severity, a.first_seen, &a.id).cmp(&(a.severity, b.first_seen, &b.id)));
    findings
}

/// Whether a fault can be told now. What the engine shows while a worker changes it, or showed before it fell silent, is
/// no new fault; but it does not end one that was there before either.
fn stands(ledger: &Ledger, observation: &Observation, fault: &Fault) -> bool {
    let of_the_engine = ObjectKind::ALL.iter().any(|kind| kind.name() == fault.object.kind);
    let mission = fault.mission.as_ref().and_then(|id| ledger.missions.get(id));
    let silent = observation.engine.fresh(observation.at).is_none();
    let moving = mission.is_some_and(|mission| unsettled(ledger, mission, observation));
    !of_the_engine || !(silent || moving) || ledger.findings.contains_key(&fault.id())
}

/// Whether a mission's objects may be other than they were last seen: a worker changes them, or the engine was not
/// looked at since the last worker ended.
pub fn unsettled(ledger: &Ledger, mission: &MissionState, observation: &Observation) -> bool {
    let changing = ledger.at_work(&mission.id).is_some_and(|state| state.order.key.operation.changes());
    let seen = observation.engine.state.as_ref().map(|(seen, _)| *seen);
    changing || seen.is_none_or(|seen| seen <= mission.changed)
}

fn remember(ledger: &Ledger, fault: Fault, now: Timestamp) -> Finding {
    let id = fault.id();
    let seen = ledger.findings.get(&id);
    let mut finding = Finding {
        id,
        rule: fault.rule.to_owned(),
        severity: fault.severity,
        object: fault.object,
        owner: fault.owner,
        mission: fault.mission,
        message: cut(&fault.message, TEXT_BYTES_MAX),
        evidence: fault.evidence,
        first_seen: seen.map_or(now, |seen| seen.first_seen),
        changed: now,
        count: fault.count,
        acknowledged_until: seen.and_then(|seen| seen.acknowledged_until).filter(|until| *until > now),
    };
    if let Some(seen) = seen.filter(|seen| seen.content == crate::ledger::content(&finding)) {
        finding.changed = seen.changed;
    }
    finding
}

/// An object that stands outside any namespace.
fn object(kind: &str, name: &str, uid: Option<&str>) -> ObjectRef {
    ObjectRef { kind: kind.to_owned(), namespace: None, name: cut(name, 256), uid: uid.map(|uid| cut(uid, 128)) }
}
