//! How a pod stands, and why it ended: every way for a worker of a cluster to fail is one typed failure with its cause.
//!
//! A pod's own status says it, in the kubelet's words; where there is no pod any more, the Job's. What a worker handed over
//! before it ended counts more than any of this, and is looked at elsewhere.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use quarterdeck_core::order::End;
use quarterdeck_core::situation::Failure;

use super::job::CONTAINER;

/// How a worker's pod stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has not started yet; what it waits for, where it says so.
    Waits(Option<Stuck>),
    /// Its container runs.
    Runs,
    /// Its container has ended, or never will run.
    Ended,
}

/// What a pod waits for that may never come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stuck {
    /// The kind of the failure that it becomes.
    pub(super) kind: &'static str,
    /// In the cluster's words.
    pub(super) message: String,
}

/// The names under which a kubelet says that an image can't be had.
const IMAGE: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
];
/// The names under which a kubelet says that a container can't be made.
const CREATE: [&str; 4] =
    ["CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CreatePodSandboxError"];

/// How a pod stands now.
pub(super) fn standing(pod: &Pod) -> Standing {
    let status = pod.status.as_ref();
    if let Some("Succeeded" | "Failed") = status.and_then(|status| status.phase.as_deref()) {
        return Standing::Ended;
    }
    match container(pod).and_then(|container| container.state.as_ref()) {
        Some(ContainerState { terminated: Some(_), .. }) => Standing::Ended,
        Some(ContainerState { running: Some(_), .. }) => Standing::Runs,
        Some(ContainerState { waiting: Some(waiting), .. }) => {
            let reason = waiting.reason.as_deref().unwrap_or_default();
            let said = waiting.message.as_deref().unwrap_or_default();
            let stuck = |kind| Some(Stuck { kind, message: format!("{reason}: {said}") });
            Standing::Waits(match reason {
                _ if IMAGE.contains(&reason) => stuck("image"),
                _ if CREATE.contains(&reason) => stuck("start"),
                _ => unscheduled(pod),
            })
        }
        Some(ContainerState { .. }) | None => Standing::Waits(unscheduled(pod)),
    }
}

/// What the scheduler says against a pod.
fn unscheduled(pod: &Pod) -> Option<Stuck> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions.iter().find(|condition| condition.type_ == "PodScheduled")?;
    let message = || scheduled.message.clone().unwrap_or_default();
    (scheduled.status == "False").then(|| Stuck { kind: "unschedulable", message: message() })
}

/// The worker's container.
fn container(pod: &Pod) -> Option<&ContainerStatus> {
    pod.status.as_ref()?.container_statuses.as_ref()?.iter().find(|container| container.name == CONTAINER)
}

/// The uid of a pod.
pub(super) fn uid(pod: &Pod) -> Option<&str> {
    pod.metadata.uid.as_deref()
}

/// What is said of a worker that has ended and left no result: by its pod where it is still known, else by its Job.
pub(super) fn why(pod: Option<&Pod>, job: Option<&Job>) -> (End, Failure) {
    let job_failed = job.and_then(failed);
    let said_by_job = |text: &str| job_failed.as_ref().map_or(text.to_owned(), |(_, words)| format!("{text}: {words}"));
    if let Some(("DeadlineExceeded", words)) = job_failed.as_ref().map(|(reason, words)| (reason.as_str(), words)) {
        let ran = pod.is_none_or(has_run);
        return failure(ended(ran), "deadline", format!("the cluster ended the worker after its deadline: {words}"));
    }
    let Some(pod) = pod else {
        return failure(End::Lost, "crashed", said_by_job("the worker's pod is gone and left no result"));
    };
    let status = pod.status.as_ref();
    let (reason, message) = (
        status.and_then(|status| status.reason.as_deref()).unwrap_or_default(),
        status.and_then(|status| status.message.as_deref()).unwrap_or_default(),
    );
    let ran = ended(has_run(pod));
    if reason == "Evicted" {
        return failure(ran, "evicted", format!("the node evicted the worker: {message}"));
    }
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let disrupted = conditions.and_then(|all| all.iter().find(|c| c.type_ == "DisruptionTarget" && c.status == "True"));
    let terminated = container(pod).and_then(|container| container.state.as_ref()?.terminated.as_ref());
    if let Some(ContainerStateTerminated { reason: Some(reason), .. }) = terminated
        && reason == "OOMKilled"
    {
        let text = "the worker used more memory than its limit and was killed; raise builder.resources.limits.memory";
        return failure(End::Lost, "out-of-memory", text.to_owned());
    }
    if let Some(condition) = disrupted {
        let (why, words) =
            (condition.reason.as_deref().unwrap_or("disrupted"), condition.message.as_deref().unwrap_or_default());
        return failure(ran, "node", format!("the cluster took the worker's pod away: {why}: {words}"));
    }
    if reason == "NodeLost" {
        return failure(End::Lost, "node", format!("the worker's node is gone: {message}"));
    }
    match terminated {
        Some(terminated) => exited(terminated),
        None if reason.is_empty() && message.is_empty() => {
            failure(ran, "crashed", said_by_job("the worker's pod ended without a word"))
        }
        None => failure(ran, "start", format!("the worker's pod failed: {reason}: {message}")),
    }
}

/// By the exit codes of `quarterdeck_worker::Ending`.
fn exited(terminated: &ContainerStateTerminated) -> (End, Failure) {
    let (code, reason) = (terminated.exit_code, terminated.reason.as_deref().unwrap_or_default());
    let said = terminated.message.as_deref().map(str::trim).filter(|said| !said.is_empty());
    let said = said.map(|said| format!("; its last words: {said}")).unwrap_or_default();
    match code {
        0 => failure(End::Lost, "crashed", format!("the worker ended well and handed no result over{said}")),
        2 => failure(End::Failed, "start", format!("the image's worker does not understand its command line{said}")),
        3 => failure(End::Failed, "conflict", format!("the host refused the worker its order{said}")),
        4 => failure(End::Failed, "start", format!("the worker could not begin{said}")),
        6 => {
            let text = "the worker could not hand over what it left before its time was over, and its folder went with its pod";
            failure(End::Lost, "state-undelivered", format!("{text}{said}"))
        }
        126..=128 => failure(End::Failed, "start", format!("the worker could not be started: {reason}{said}")),
        _ => failure(End::Lost, "crashed", format!("the worker ended with exit code {code} ({reason}){said}")),
    }
}

/// A worker that has run may have changed something.
fn ended(ran: bool) -> End {
    if ran { End::Lost } else { End::Failed }
}

fn has_run(pod: &Pod) -> bool {
    let state = container(pod).and_then(|container| container.state.as_ref());
    state.is_some_and(|state| {
        state.running.is_some() || state.terminated.as_ref().is_some_and(|end| end.started_at.is_some())
    })
}

/// Why a Job failed, where it has, and in which words.
fn failed(job: &Job) -> Option<(String, String)> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let failed = conditions.iter().find(|condition| condition.type_ == "Failed" && condition.status == "True")?;
    Some((failed.reason.clone().unwrap_or_default(), failed.message.clone().unwrap_or_default()))
}

/// Whether a Job has ended, well or not.
pub(super) fn has_ended(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ends = |kind: &str| kind == "Complete" || kind == "Failed";
    conditions.is_some_and(|all| all.iter().any(|condition| ends(&condition.type_) && condition.status == "True"))
}

fn failure(end: End, kind: &str, message: String) -> (End, Failure) {
    // Another attempt is another worker; what may still be there of this one keeps no other from its work.
    let retryable = kind != "conflict";
    (end, Failure { kind: kind.to_owned(), message, retryable, remedies: Vec::new() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({ "metadata": { "name": "plan-web-x", "uid": "1" }, "status": status })).unwrap()
    }

    fn with_state(state: Value) -> Pod {
        pod(json!({ "phase": "Pending", "containerStatuses": [
            { "name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state },
        ] }))
    }

    fn with_exit(code: i32, reason: &str) -> Pod {
        with_state(json!({ "terminated": {
            "exitCode": code, "reason": reason, "startedAt": "2031-01-01T00:00:00Z", "message": "so it was" } }))
    }

    #[test]
    fn a_pod_stands_as_its_kubelet_says() {
        let waits = |reason: &str| with_state(json!({ "waiting": { "reason": reason, "message": "why" } }));
        let kind = |pod: &Pod| match standing(pod) {
            Standing::Waits(Some(stuck)) => stuck.kind.to_owned(),
            other @ (Standing::Waits(None) | Standing::Runs | Standing::Ended) => format!("{other:?}"),
        };
        for (pod, expected) in [
            (waits("ErrImagePull"), "image"),
            (waits("ErrImageNeverPull"), "image"),
            (waits("CreateContainerConfigError"), "start"),
            (waits("ContainerCreating"), "Waits(None)"),
            (with_state(json!({ "running": {} })), "Runs"),
            (with_exit(0, "Completed"), "Ended"),
            (pod(json!({ "phase": "Failed" })), "Ended"),
            (
                pod(json!({ "phase": "Pending", "conditions": [
                { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node" } ] })),
                "unschedulable",
            ),
            (pod(json!({ "phase": "Pending" })), "Waits(None)"),
        ] {
            assert_eq!(kind(&pod), expected, "{pod:?}");
        }
    }

    #[test]
    fn every_end_without_a_result_has_its_cause() {
        let job = |reason: &str| -> Job {
            serde_json::from_value(json!({ "status": { "conditions": [
                { "type": "Failed", "status": "True", "reason": reason, "message": "in the Job's words" } ] } }))
            .unwrap()
        };
        let taken = |reason: &str| {
            pod(json!({ "phase": "Failed", "conditions": [
                { "type": "DisruptionTarget", "status": "True", "reason": reason, "message": "tainted" } ] }))
        };
        let evicted = pod(json!({ "phase": "Failed", "reason": "Evicted", "message": "The node was low on memory" }));
        for (pod, job, end, kind) in [
            (Some(with_exit(137, "OOMKilled")), None, End::Lost, "out-of-memory"),
            (Some(with_exit(137, "Error")), None, End::Lost, "crashed"),
            (Some(with_exit(0, "Completed")), None, End::Lost, "crashed"),
            (Some(with_exit(3, "Error")), None, End::Failed, "conflict"),
            (Some(with_exit(4, "Error")), None, End::Failed, "start"),
            (Some(with_exit(6, "Error")), None, End::Lost, "state-undelivered"),
            (Some(with_exit(128, "StartError")), None, End::Failed, "start"),
            (Some(evicted), None, End::Failed, "evicted"),
            (Some(taken("DeletionByTaintManager")), None, End::Failed, "node"),
            (Some(pod(json!({ "phase": "Failed", "reason": "NodeLost" }))), None, End::Lost, "node"),
            (Some(with_exit(143, "Error")), Some(job("DeadlineExceeded")), End::Lost, "deadline"),
            (None, Some(job("DeadlineExceeded")), End::Lost, "deadline"),
            (None, Some(job("BackoffLimitExceeded")), End::Lost, "crashed"),
            (None, None, End::Lost, "crashed"),
        ] {
            let (ended, failure) = why(pod.as_ref(), job.as_ref());
            assert_eq!((ended, failure.kind.as_str()), (end, kind), "{pod:?} {job:?}: {}", failure.message);
        }
        let (_, failure) = why(Some(&with_exit(1, "Error")), None);
        assert!(failure.message.ends_with("its last words: so it was"), "{}", failure.message);
        assert!(has_ended(&job("BackoffLimitExceeded")) && !has_ended(&Job::default()));
    }
}
