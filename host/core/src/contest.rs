//! Missions that fight: an object of the engine that two of them call their own by its name.
//!
//! Each would take what the other made for drift, or fail at its name, for ever. A mission holds the objects that its state
//! names, whether or not this run was told of it, and those that an apply of it makes now. Another one may not make them.
//!
//! Images are no such objects: missions share them. What is *not* here: names that only the apply will tell, which no plan
//! knows; and objects that belong to no mission.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::ids::MissionId;
use crate::ledger::{Ledger, MissionState};
use crate::order::{ObjectKind, PlannedObject, SavedPlan};
use crate::situation::{DesiredState, Operation};

/// An object that two missions call their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contest<'a> {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name in the engine.
    pub name: &'a str,
    /// The mission that has it.
    pub holder: &'a MissionState,
    /// The holder's address for it.
    pub held_as: &'a str,
    /// The mission that wants it as well.
    pub other: &'a MissionState,
    /// The other's address for it.
    pub wanted_as: &'a str,
    /// Whether the other has it in its state too, and not only in its newest plan.
    pub both_have: bool,
}

/// Every such object, one contest each, by kind and name.
pub fn contests(ledger: &Ledger) -> Vec<Contest<'_>> {
    let mut held: BTreeMap<(ObjectKind, &str), (&MissionState, &str)> = BTreeMap::new();
    let mut contests: BTreeMap<(ObjectKind, &str), Contest<'_>> = BTreeMap::new();
    let mut states: Vec<&MissionState> = ledger.missions.values().collect();
    // Who had it first holds it.
    states.sort_by_key(|mission| (mission.applied.as_ref().map(|applied| applied.at), &mission.id));
    for other in &states {
        for object in other.objects.iter().filter(|object| is_claim(object.kind, &object.name)) {
            let (kind, name, wanted_as) = (object.kind, object.name.as_str(), object.address.as_str());
            let (holder, held_as) = *held.entry((kind, name)).or_insert((other, wanted_as));
            if holder.id != other.id {
                let contest = Contest { kind, name, holder, held_as, other, wanted_as, both_have: true };
                contests.entry((kind, name)).or_insert(contest);
            }
        }
    }
    for other in states {
        for made in wanted(other).into_iter().flat_map(|plan| &plan.makes) {
            let (kind, name, wanted_as) = (made.kind, made.name.as_str(), made.address.as_str());
            let Some((holder, held_as)) = held.get(&(kind, name)).filter(|(holder, _)| holder.id != other.id) else {
                continue;
            };
            let contest = Contest { kind, name, holder, held_as, other, wanted_as, both_have: false };
            contests.entry((kind, name)).or_insert(contest);
        }
    }
    contests.into_values().collect()
}

/// The first object that this plan would make and another mission holds, and that mission. Applies that the same decision
/// has begun already are `begun`, each with its saved plan.
pub fn holder<'a>(
    ledger: &'a Ledger,
    mission: &MissionState,
    plan: &'a SavedPlan,
    begun: &[(MissionId, Digest)],
) -> Option<(&'a PlannedObject, &'a MissionState)> {
    let others: Vec<&MissionState> = ledger.missions.values().filter(|other| other.id != mission.id).collect();
    let claims = |other: &MissionState, made: &PlannedObject| {
        let same = |kind: ObjectKind, name: &str| kind == made.kind && name == made.name;
        other.objects.iter().any(|object| same(object.kind, &object.name))
            || applying(ledger, other, begun)
                .is_some_and(|plan| plan.makes.iter().any(|object| same(object.kind, &object.name)))
    };
    let makes = plan.makes.iter().filter(|made| is_claim(made.kind, &made.name));
    makes.filter_map(|made| others.iter().find(|other| claims(other, made)).map(|other| (made, *other))).next()
}

/// Whether an object of this kind and name is anybody's own.
fn is_claim(kind: ObjectKind, name: &str) -> bool {
    kind != ObjectKind::Image && !name.is_empty()
}

/// The newest plan that leads to what is wanted of a mission, where it can still be applied.
fn wanted(mission: &MissionState) -> Option<&SavedPlan> {
    let saved = mission.saved.get(&Operation::Plan).filter(|_| mission.desired() == DesiredState::Present)?;
    (!mission.is_stale(saved)).then_some(&saved.plan)
}

/// The plan that is being applied to a mission.
fn applying<'a>(ledger: &Ledger, mission: &'a MissionState, begun: &[(MissionId, Digest)]) -> Option<&'a SavedPlan> {
    let at_work = ledger.at_work(&mission.id).and_then(|state| state.order.apply.as_ref()).map(|input| input.saved);
    let begun = begun.iter().find(|(id, _)| *id == mission.id).map(|(_, saved)| *saved);
    let saved = at_work.or(begun)?;
    mission.saved.values().find(|known| known.plan.input.saved == saved).map(|known| &known.plan)
}

impl Contest<'_> {
    /// Who fights about what, and what a person can do.
    pub fn sentence(&self) -> String {
        let (kind, name) = (self.kind.name(), self.name);
        let (holder, other) = (&self.holder.spec.name, &self.other.spec.name);
        let (held_as, wanted_as) = (self.held_as, self.wanted_as);
        let fight = if self.both_have {
            format!("the states of missions {holder} ({held_as}) and {other} ({wanted_as}) both name {kind} {name}")
        } else {
            format!(
                "{kind} {name} is in the state of mission {holder} ({held_as}), and the plan of mission {other} would \
                 make it ({wanted_as})"
            )
        };
        format!(
            "{fight}, so they would undo each other's work: give it another name in one of them, or remove one of them \
             (quarterdeck destroy {holder})"
        )
    }
}

#[cfg(test)]
#[path = "contest/tests.rs"]
mod tests;
