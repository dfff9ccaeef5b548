//! Pods. There are more of them than of all else, and most of them are well: of those no condition is kept, and of their
//! containers little.

use k8s_openapi::api::core::v1 as k8s;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::kubernetes::pod::{Container, Ended, Phase, Pod, Role, State};
use quarterdeck_core::kubernetes::{Condition, Object};

use super::{ENTRIES_MAX, Trimmer, count, time};

pub(in super::super) fn pod(trimmer: &mut Trimmer, pod: &k8s::Pod) -> Object {
    let status = pod.status.as_ref();
    let phase = phase(status.and_then(|status| status.phase.as_deref()));
    // Of a pod that ended well no rule reads how.
    let told = status.filter(|_| phase != Phase::Succeeded);
    let message = told.and_then(|status| status.message.as_deref());
    Object::Pod(Pod {
        meta: trimmer.labelled(&pod.metadata),
        node: trimmer.maybe(pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref())),
        phase,
        reason: trimmer.maybe(told.and_then(|status| status.reason.as_deref())),
        message: message.map(|message| trimmer.sentence(Some(message))),
        conditions: told.map_or_else(Vec::new, |status| conditions(trimmer, status)),
        containers: told.map_or_else(Vec::new, |status| containers(trimmer, pod.spec.as_ref(), status)),
    })
}

fn phase(phase: Option<&str>) -> Phase {
    match phase {
        // The API server fills it in; nothing is known of one that lacks it but that it was made.
        None | Some("Pending") => Phase::Pending,
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        Some(_) => Phase::Unknown,
    }
}

/// The conditions that tell something: those that hold are the rule, but for the one that is there only when it holds.
fn conditions(trimmer: &mut Trimmer, status: &k8s::PodStatus) -> Vec<Condition> {
    let told = |condition: &&k8s::PodCondition| (condition.status == "True") == (condition.type_ == "DisruptionTarget");
    let conditions = status.conditions.as_deref().unwrap_or_default().iter().filter(told).take(ENTRIES_MAX);
    conditions
        .map(|condition| {
            let (reason, message) = (condition.reason.as_deref(), condition.message.as_deref());
            let since = condition.last_transition_time.as_ref();
            trimmer.condition(&condition.type_, &condition.status, reason, message, since)
        })
        .collect()
}

fn containers(trimmer: &mut Trimmer, spec: Option<&k8s::PodSpec>, status: &k8s::PodStatus) -> Vec<Container> {
    let init = spec.and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
    let main = spec.map(|spec| &*spec.containers).unwrap_or_default();
    let mut containers = Vec::new();
    for (specs, statuses, role) in
        [(init, &status.init_container_statuses, Role::Init), (main, &status.container_statuses, Role::Main)]
    {
        for status in statuses.iter().flatten().take(ENTRIES_MAX) {
            let spec = specs.iter().take(ENTRIES_MAX).find(|spec| spec.name == status.name);
            containers.push(container(trimmer, spec, status, role));
        }
    }
    containers
}

fn container(
    trimmer: &mut Trimmer,
    spec: Option<&k8s::Container>,
    status: &k8s::ContainerStatus,
    role: Role,
) -> Container {
    let stays = spec.is_some_and(|spec| spec.restart_policy.as_deref() == Some("Always"));
    let image = spec.and_then(|spec| spec.image.as_deref()).unwrap_or(&status.image);
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    Container {
        name: trimmer.word(&status.name),
        image: trimmer.word(image),
        role: if role == Role::Init && stays { Role::Sidecar } else { role },
        started: status.started.unwrap_or(true),
        ready: status.ready,
        restarts: count(Some(status.restart_count)),
        state: state(trimmer, status.state.as_ref()),
        last: last.map(|ended| end(trimmer, ended)),
    }
}

/// One of the three is given; none means that it waits.
fn state(trimmer: &mut Trimmer, state: Option<&k8s::ContainerState>) -> State {
    if let Some(running) = state.and_then(|state| state.running.as_ref()) {
        return State::Running(running.started_at.as_ref().map_or(Timestamp(0), time));
    }
    if let Some(ended) = state.and_then(|state| state.terminated.as_ref()) {
        return State::Ended(end(trimmer, ended));
    }
    let waiting = state.and_then(|state| state.waiting.as_ref());
    State::Waiting {
        reason: trimmer.word(waiting.and_then(|waiting| waiting.reason.as_deref()).unwrap_or_default()),
        message: trimmer.sentence(waiting.and_then(|waiting| waiting.message.as_deref())),
    }
}

fn end(trimmer: &mut Trimmer, ended: &k8s::ContainerStateTerminated) -> Box<Ended> {
    Box::new(Ended {
        exit: ended.exit_code,
        reason: trimmer.word(ended.reason.as_deref().unwrap_or_default()),
        message: trimmer.sentence(ended.message.as_deref()),
        begun: ended.started_at.as_ref().map_or(Timestamp(0), time),
        at: ended.finished_at.as_ref().map_or(Timestamp(0), time),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::samples::{parse, trimmer};
    use super::*;

    fn read(pod_: &serde_json::Value) -> Pod {
        let object = pod(&mut trimmer(), &parse(pod_));
        let Object::Pod(pod) = object else { panic!("no pod: {object:?}") };
        pod
    }

    #[test]
    fn of_a_pod_that_is_well_no_condition_is_kept_and_of_one_that_ended_well_nothing() {
        let pod = |phase: &str| {
            read(&json!({
                "metadata": { "name": "web", "namespace": "shop", "labels": { "app": "web" } },
                "spec": {
                    "nodeName": "node1",
                    "initContainers": [{ "name": "log", "restartPolicy": "Always" }, { "name": "wait" }],
                    "containers": [{ "name": "main", "image": "web:1" }],
                },
                "status": {
                    "phase": phase,
                    "conditions": [
                        { "type": "Ready", "status": "True" },
                        { "type": "PodScheduled", "status": "True" },
                    ],
                    "initContainerStatuses": [
                        { "name": "log", "ready": true, "restartCount": 0, "image": "log@sha256:1", "imageID": "" },
                        { "name": "wait", "ready": true, "restartCount": 0, "image": "wait:1", "imageID": "" },
                    ],
                    "containerStatuses": [{
                        "name": "main", "ready": true, "started": true, "restartCount": -1, "image": "sha256:2",
                        "imageID": "", "state": { "running": { "startedAt": "2026-11-27T23:37:34Z" } },
                    }],
                },
            }))
        };
        let running = pod("Running");
        assert!(running.conditions.is_empty());
        assert_eq!(running.meta.labels.get("app"), Some("web"));
        let containers: Vec<(&str, &str, Role, u32)> = running
            .containers
            .iter()
            .map(|container| (&*container.name, &*container.image, container.role, container.restarts))
            .collect();
        let (log, wait) = (("log", "log@sha256:1", Role::Sidecar, 0), ("wait", "wait:1", Role::Init, 0));
        assert_eq!(containers, [log, wait, ("main", "web:1", Role::Main, 0)]);
        assert_eq!(running.containers[2].state, State::Running(Timestamp(1_795_822_654_000)));
        let ended = pod("Succeeded");
        assert!(ended.containers.is_empty() && ended.conditions.is_empty());
    }

    #[test]
    fn a_disruption_is_kept_when_it_holds_and_other_conditions_when_they_do_not() {
        let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status });
        let conditions = [
            condition("DisruptionTarget", "True"),
            condition("DisruptionTarget", "False"),
            condition("Ready", "False"),
            condition("ContainersReady", "Unknown"),
            condition("Initialized", "True"),
        ];
        let pod = read(&json!({ "metadata": {}, "status": { "phase": "Failed", "conditions": conditions } }));
        let kept: Vec<(&str, Option<bool>)> =
            pod.conditions.iter().map(|condition| (&*condition.kind, condition.holds)).collect();
        assert_eq!(kept, [("DisruptionTarget", Some(true)), ("Ready", Some(false)), ("ContainersReady", None)]);
    }

    #[test]
    fn an_empty_pod_is_one_that_was_only_made() {
        let pod = read(&json!({ "metadata": {} }));
        assert_eq!((pod.phase, pod.node, pod.containers.len()), (Phase::Pending, None, 0));
        assert_eq!(read(&json!({ "metadata": {}, "status": { "phase": "Lost" } })).phase, Phase::Unknown);
    }

    #[test]
    fn what_a_container_left_to_say_is_bounded_redacted_and_escaped() {
        let said = format!("password=hunter22hunter22\u{1b}[2J{}", "x".repeat(4_096));
        let status = json!({
            "name": "main", "ready": false, "restartCount": 1, "image": "", "imageID": "",
            "state": { "terminated": { "exitCode": 1, "message": said, "finishedAt": "2026-11-27T23:37:34Z" } },
        });
        let pod = read(&json!({ "metadata": {}, "status": { "phase": "Running", "containerStatuses": [status] } }));
        let State::Ended(end) = &pod.containers[0].state else { panic!("{pod:?}") };
        assert!(end.message.len() <= super::super::SENTENCE_BYTES_MAX, "{}", end.message.len());
        assert!(!end.message.contains("hunter22") && !end.message.contains('\u{1b}'), "{}", end.message);
        assert_eq!((end.begun, end.at), (Timestamp(0), Timestamp(1_795_822_654_000)));
    }
}
