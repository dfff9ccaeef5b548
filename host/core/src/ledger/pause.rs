//! The pauses that stand, and what they concern.

use super::{Ledger, MissionState};
use crate::mission::MissionName;
use crate::observation::{Command, Commanded};
use crate::order::Class;
use crate::pause::{Pause, Scope};

impl Ledger {
    /// The pauses that concern a worker of this class, or a question, about these missions; the widest first.
    pub fn pauses_of(&self, missions: &[&MissionName], class: Option<Class>) -> Vec<(&Scope, &Pause)> {
        self.pauses.iter().filter(|(scope, _)| scope.concerns(missions, class)).collect()
    }

    /// The pauses that hold a mission: whose plans are Terraform's, so those that concern its builders.
    pub fn holds(&self, mission: &MissionState) -> Vec<(&Scope, &Pause)> {
        self.pauses_of(&[&mission.spec.name], Some(Class::Builder))
    }

    /// What a command says beside itself: a pause that cancels tells each worker at work that it concerns to stop.
    pub fn entailed(&self, command: &Command) -> Vec<Command> {
        let Command::Pause { scope, cancel: true, comment: _ } = command else { return Vec::new() };
        let concerned = self.orders.values().filter(|state| state.ended.is_none()).filter(|state| {
            let mission = self.missions.get(&state.order.mission).map(|mission| &mission.spec.name);
            scope.concerns(mission.as_slice(), Some(Class::of(state.order.key.operation)))
        });
        concerned.map(|state| Command::Cancel { order: state.order.name.clone() }).collect()
    }

    /// Who pauses what is paused already says it again and changes nothing: it was stopped by whoever was first.
    pub(super) fn pause(&mut self, said: &Commanded, scope: &Scope, comment: Option<&String>) {
        let pause = || Pause { at: said.at, who: said.who.clone(), comment: comment.cloned() };
        self.pauses.entry(scope.clone()).or_insert_with(pause);
    }
}
