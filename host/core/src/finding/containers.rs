//! Containers that are not well: exited, restarting, unhealthy, out of memory.
//!
//! A container belongs to a mission where its label or the mission's state says so.

use super::{Fault, object};
use crate::ids::MissionId;
use crate::ledger::Ledger;
use crate::observation::{Container, ContainerState, Observation};
use crate::order::ObjectKind;
use crate::situation::{Fact, Severity};

pub(super) fn look(ledger: &Ledger, observation: &Observation) -> Vec<Fault> {
    let Some((_, engine)) = &observation.engine.state else { return Vec::new() };
    engine.containers.iter().filter_map(|container| fault(container, owner(ledger, container))).collect()
}

/// The mission that a container belongs to.
fn owner(ledger: &Ledger, container: &Container) -> Option<MissionId> {
    let named =
        container.mission.as_ref().and_then(|label| ledger.missions.keys().find(|id| id.as_str() == label).cloned());
    named.or_else(|| {
        let owns = |objects: &[crate::order::NamedObject]| {
            objects.iter().any(|object| object.kind == ObjectKind::Container && object.id == container.id)
        };
        ledger.missions.values().find(|mission| owns(&mission.objects)).map(|mission| mission.id.clone())
    })
}

fn fault(container: &Container, mission: Option<MissionId>) -> Option<Fault> {
    let name = &container.name;
    let (rule, severity, message) = match &container.state {
        ContainerState::Running if container.restarts == 0 || !container.oom_killed => return None,
        ContainerState::Running => (
            "container-oom-killed",
            Severity::Warning,
            format!("container {name} ran out of memory and was started again {} times", container.restarts),
        ),
        ContainerState::Created | ContainerState::Paused => return None,
        // The engine says so for the moment that a removal takes.
        ContainerState::Other(said) if said == "removing" => return None,
        ContainerState::Unhealthy(said) => {
            ("container-unhealthy", Severity::Warning, format!("container {name} fails its health check: {said}"))
        }
        ContainerState::Restarting => (
            "container-restarting",
            Severity::Critical,
            format!("container {name} keeps ending and is started again, {} times so far", container.restarts),
        ),
        ContainerState::Exited(_) if container.oom_killed => (
            "container-oom-killed",
            Severity::Critical,
            format!("container {name} ran out of memory and was ended; give it more, or find what it needs it for"),
        ),
        // A container of nobody's that ended well has done what it was for.
        ContainerState::Exited(0) if mission.is_none() => return None,
        ContainerState::Exited(code) => {
            ("container-exited", Severity::Critical, format!("container {name} has exited with code {code}"))
        }
        ContainerState::Other(said) => (
            "container-unknown-state",
            Severity::Warning,
            format!("container {name} is in a state unknown here: {said}"),
        ),
    };
    let evidence = vec![Fact::new("image", &container.image), Fact::new("restarts", &container.restarts.to_string())];
    let object = object("container", name, Some(&container.id));
    Some(Fault { rule, severity, object, owner: None, mission, message, evidence, count: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_of_a_container_has_its_rule() {
        let table = [
            (ContainerState::Running, false, 0, None),
            (ContainerState::Running, true, 3, Some("container-oom-killed")),
            (ContainerState::Created, false, 0, None),
            (ContainerState::Paused, false, 0, None),
            (ContainerState::Restarting, false, 7, Some("container-restarting")),
            (ContainerState::Unhealthy("curl: refused".into()), false, 0, Some("container-unhealthy")),
            (ContainerState::Exited(0), false, 0, None),
            (ContainerState::Exited(1), false, 0, Some("container-exited")),
            (ContainerState::Exited(137), true, 0, Some("container-oom-killed")),
            (ContainerState::Other("dead".into()), false, 0, Some("container-unknown-state")),
        ];
        for (state, oom_killed, restarts, rule) in table {
            let container = Container {
                id: "c1".into(),
                name: "api".into(),
                image: "api:1".into(),
                state: state.clone(),
                restarts,
                oom_killed,
                mission: None,
            };
            assert_eq!(fault(&container, None).map(|fault| fault.rule), rule, "{state:?}");
            // A mission's container shall run: that it ended well is no comfort.
            if state == ContainerState::Exited(0) {
                let mission = Some(MissionId::parse("web-1").unwrap());
                assert_eq!(fault(&container, mission).map(|fault| fault.rule), Some("container-exited"));
            }
        }
    }
}
