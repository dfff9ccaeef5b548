//! A worker's course, as its Job and pod show it.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::order::OrderKey;
use quarterdeck_core::situation::Operation;
use serde_json::{Value, json};

use super::*;
use crate::act::{Left, ShelfError};

/// A shelf with nothing on it.
struct Empty;

impl Shelf for Empty {
    fn blob(&self, _: &Digest) -> Result<Option<Vec<u8>>, ShelfError> {
        Ok(None)
    }

    fn keep_blob(&self, bytes: &[u8]) -> Result<Digest, ShelfError> {
        Ok(Digest::of(bytes))
    }

    fn take_in(&self, _: &Order, _: &mut dyn Iterator<Item = io::Result<Vec<u8>>>) -> Result<Left, ShelfError> {
        Ok(Left::default())
    }
}

struct Scene {
    _folder: tempfile::TempDir,
    run: Run,
    now: u64,
}

impl Scene {
    fn new() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let uid = Digest::of(b"uid");
        let key = OrderKey { uid, generation: 1, operation: Operation::Plan, input: Digest::of(b"files") };
        let name = MissionName::parse("web").unwrap();
        let order = Order {
            name: key.name(&name, 1),
            mission: name.id(&uid).unwrap(),
            key,
            attempt: 1,
            plan: Digest::of(b"files"),
            apply: None,
            made: Timestamp(0),
            deadline: Timestamp(1_200_000),
            remedy: None,
            grants: Vec::new(),
            rehearsal: false,
        };
        let run = Run::new(order, RunFolder::at(folder.path()));
        Scene { _folder: folder, run, now: 1_000 }
    }

    fn made() -> Scene {
        let mut scene = Scene::new();
        scene.run.is_made("j1".to_owned(), Timestamp(scene.now));
        scene
    }

    fn look(&mut self, job: Option<Value>, pod: Option<Value>) -> (WorkerReport, Vec<Errand>) {
        let job: Option<Job> = job.map(|job| serde_json::from_value(job).unwrap());
        let pod: Option<Pod> = pod.map(|pod| serde_json::from_value(pod).unwrap());
        let sight = Sight { known: true, job: job.as_ref(), pods: pod.iter().collect() };
        self.run.look(&sight, &Empty, &Redactor::new([7; 32]), Timestamp(self.now))
    }

    fn later(&mut self, ms: u64) {
        self.now += ms;
    }
}

fn job() -> Option<Value> {
    Some(json!({ "metadata": { "name": "plan-web", "uid": "j1" } }))
}

fn pod(state: Value) -> Option<Value> {
    Some(json!({
        "metadata": { "name": "plan-web-x", "uid": "p1" },
        "status": { "phase": "Pending", "containerStatuses": [
            { "name": "worker", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state } ] },
    }))
}

fn result(report: &WorkerReport) -> (End, &str) {
    let result = report.result.as_ref().expect("it has ended");
    (result.end, result.failure.as_ref().expect("it failed").kind.as_str())
}

#[test]
fn a_worker_that_leaves_no_result_has_ended_when_its_pod_has() {
    let mut scene = Scene::made();
    let (report, errands) = scene.look(job(), pod(json!({ "running": {} })));
    assert_eq!((report.doing.as_deref(), report.result), (Some("runs"), None));
    assert_eq!(errands, [Errand::Follow("plan-web-x".to_owned())]);
    let (_, errands) = scene.look(job(), pod(json!({ "running": {} })));
    assert_eq!(errands, [], "its log is followed once");
    let ended =
        pod(json!({ "terminated": { "exitCode": 137, "reason": "OOMKilled", "startedAt": "2031-01-01T00:00:00Z" } }));
    let (report, _) = scene.look(job(), ended);
    assert_eq!(result(&report), (End::Lost, "out-of-memory"));
}

#[test]
fn what_its_pod_said_last_counts_when_the_pod_is_gone() {
    let mut scene = Scene::made();
    let ran = pod(json!({ "running": {} }));
    scene.look(job(), ran);
    let (report, _) = scene.look(None, None);
    assert_eq!(result(&report), (End::Lost, "crashed"));
}

#[test]
fn a_job_that_the_watch_has_not_told_of_yet_is_not_gone() {
    let mut scene = Scene::made();
    assert_eq!(scene.look(None, None).0.result, None);
    scene.later(TOLD_MS + 1);
    assert!(scene.look(None, None).0.result.is_some());
}

#[test]
fn nothing_is_concluded_before_the_first_lists() {
    let mut scene = Scene::made();
    scene.later(TOLD_MS + 1);
    let sight = Sight { known: false, job: None, pods: Vec::new() };
    let (report, errands) = scene.run.look(&sight, &Empty, &Redactor::new([7; 32]), Timestamp(scene.now));
    assert_eq!((report.result, errands), (None, Vec::new()));
    assert!(report.doing.unwrap().contains("has not said yet"));
}

#[test]
fn an_image_that_never_comes_is_waited_for_and_then_ended() {
    let mut scene = Scene::made();
    let waits = || pod(json!({ "waiting": { "reason": "ErrImagePull", "message": "not found" } }));
    let (report, errands) = scene.look(job(), waits());
    assert_eq!((report.doing.as_deref(), errands), (Some("its pod waits: ErrImagePull: not found"), Vec::new()));
    scene.later(NO_IMAGE_MS + 1);
    let (_, errands) = scene.look(job(), waits());
    assert_eq!(errands, [Errand::End]);
    assert_eq!(scene.look(job(), waits()).1, [], "it is told once");
    scene.run.was_not_ended();
    assert_eq!(scene.look(job(), waits()).1, [Errand::End], "and again where that failed");
    let (report, _) = scene.look(None, None);
    assert_eq!(result(&report), (End::Failed, "image"));
}

#[test]
fn a_job_without_a_pod_is_asked_about_and_ended_where_there_is_a_reason() {
    let mut scene = Scene::made();
    scene.later(NO_POD_MS + 1);
    assert_eq!(scene.look(job(), None).1, [Errand::AskWhy]);
    scene.run.has_no_pod(None);
    assert_eq!(scene.look(job(), None).1, [Errand::AskWhy], "it may be told later");
    scene.run.has_no_pod(Some("exceeded quota".to_owned()));
    assert_eq!(scene.look(job(), None).1, [Errand::End]);
    let (report, _) = scene.look(None, None);
    assert_eq!(result(&report), (End::Failed, "admission"));
    let message = report.result.unwrap().failure.unwrap().message;
    assert!(message.contains("exceeded quota"), "{message}");
}

#[test]
fn a_worker_that_is_told_to_stop_before_its_pod_runs_is_cancelled() {
    let mut scene = Scene::made();
    scene.run.cancelled = true;
    assert_eq!(scene.look(job(), pod(json!({ "waiting": {} }))).1, [Errand::End]);
    let (report, _) = scene.look(None, None);
    assert_eq!(result(&report), (End::Cancelled, "cancelled"));
}

#[test]
fn what_stands_under_its_name_and_is_anothers_is_no_attempt_to_repeat() {
    let mut scene = Scene::new();
    scene.run.is_unmade(SQUATTED, "a job is there already and is not ours", &Redactor::new([7; 32]));
    let (report, errands) = scene.look(job(), None);
    assert_eq!((result(&report), errands), ((End::Failed, SQUATTED), Vec::new()));
    assert!(!report.result.unwrap().failure.unwrap().retryable);
}

#[test]
fn a_host_that_comes_later_finds_the_job_that_was_made_and_no_other_order() {
    let scene = Scene::made();
    let root = scene.run.folder.root();
    let name = &scene.run.order.name;
    assert!(Run::found(name, root, Timestamp(5)).unwrap().is_none(), "no order, no worker");
    files::write_whole(&scene.run.folder.order(), &serde_json::to_vec(&scene.run.order).unwrap()).unwrap();
    let found = Run::found(name, root, Timestamp(5)).unwrap().unwrap();
    assert_eq!(found.stage, Stage::Made { uid: "j1".to_owned(), since: Timestamp(5) });
    assert!(Run::found(&OrderName::parse("plan-other").unwrap(), root, Timestamp(5)).is_err());
}

#[test]
fn a_worker_that_could_not_be_made_is_not_made_by_the_next_host_either() {
    let mut scene = Scene::new();
    scene.run.is_unmade("admission", "exceeded quota", &Redactor::new([7; 32]));
    let order = serde_json::to_vec(&scene.run.order).unwrap();
    files::write_whole(&scene.run.folder.order(), &order).unwrap();
    let found = Run::found(&scene.run.order.name, scene.run.folder.root(), Timestamp(5)).unwrap().unwrap();
    assert_eq!((found.stage, found.result), (Stage::Unmade, scene.run.result));
}
