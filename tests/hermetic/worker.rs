//! A worker from its claim to its result, against a fake host on a Unix socket and a stand-in for Terraform.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::order::{ApplyInput, End, ObjectKind, WorkerResult};
use quarterdeck_core::situation::Operation;
use quarterdeck_core::terraform::FileSet;
use quarterdeck_core::terraform::files::File;
use quarterdeck_tests::fake_engine::{DOCKER_26, DOCKER_29, FakeEngine, Way};
use quarterdeck_tests::fake_host::{FakeHost, from_now, lay_out};
use quarterdeck_worker::protocol::{HostAddress, LockInfo, RunConfig, RunFolder};
use quarterdeck_worker::{Ending, work};
use tempfile::TempDir;
use tokio::sync::watch;

const MAIN: &str = "terraform {\n  required_providers {\n    docker = {\n      source = \"kreuzwerker/docker\"\n    }\n  }\n}\n\
                    resource \"docker_network\" \"n\" {\n  name = \"n\"\n}\n";
/// What the stand-in saves, and what it shows of it.
const SAVED: &[u8] = b"saved\n";
const SHOWN: &[u8] =
    b"{\"format_version\":\"1.2\",\"terraform_version\":\"1.11.4\",\"complete\":true,\"resource_changes\":[]}\n";
const LOCK: &[u8] = b"provider \"registry.terraform.io/kreuzwerker/docker\" {\n  version = \"4.5.0\"\n}\n";

/// A host, an engine, and one folder for a worker of them.
struct Scene {
    folder: TempDir,
    host: FakeHost,
    engine: FakeEngine,
    main: String,
    /// The provider lock file that the approved plan was made with.
    lock: Vec<u8>,
    /// The tool that made the approved plan.
    made_with: &'static str,
    config: RunConfig,
    stop: watch::Sender<bool>,
}

impl Scene {
    fn new(script: &str) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("worker.sock");
        let config = RunConfig {
            host: HostAddress::Socket(socket.clone()),
            terraform: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("hermetic/standin.sh"),
            engine: folder.path().join("engine.sock"),
            environment: vec![("STANDIN".to_owned(), script.to_owned())],
        };
        Scene {
            host: FakeHost::start(&socket),
            engine: FakeEngine::start(&config.engine, DOCKER_29),
            main: MAIN.to_owned(),
            lock: LOCK.to_vec(),
            made_with: "terraform 1.11.4",
            folder,
            config,
            stop: watch::Sender::new(false),
        }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn run(&self) -> RunFolder {
        RunFolder::at(&self.root())
    }

    fn order(&self, operation: Operation, within: Duration) {
        let file = File { path: "main.tf".to_owned(), bytes: self.main.clone().into_bytes() };
        let files = FileSet::new(vec![file]).unwrap();
        let input = ApplyInput {
            saved: Digest::of(SAVED),
            json: Digest::of(SHOWN),
            lock: Some(Digest::of(&self.lock)),
            state: None,
            destroy: false,
            tool: Some(self.made_with.to_owned()),
        };
        let input = (operation == Operation::Apply).then_some(input);
        lay_out(&self.root(), operation, &files, input, from_now(within), &self.config);
        if operation == Operation::Apply {
            fs::write(self.run().saved_in(), SAVED).unwrap();
            fs::write(self.run().json_in(), SHOWN).unwrap();
            fs::write(self.run().lock_in(), &self.lock).unwrap();
        }
    }

    async fn work(&self, operation: Operation) -> Ending {
        work(operation, &self.root(), self.stop.subscribe()).await
    }

    /// Orders and works, with time enough.
    async fn all(&self, operation: Operation) -> (Ending, WorkerResult) {
        self.order(operation, Duration::from_secs(60));
        (self.work(operation).await, self.result())
    }

    fn result(&self) -> WorkerResult {
        serde_json::from_slice(&fs::read(self.run().result()).unwrap()).unwrap()
    }

    /// What the tool was started for, by name.
    fn commands(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.root())
            .unwrap()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("environment-").map(str::to_owned))
            .collect();
        names.sort();
        names
    }

    fn heard(&self) -> Vec<String> {
        self.host.know(|world| world.heard.clone())
    }

    /// Returns once the worker or its tool has made this file.
    async fn made(&self, name: &str) {
        let path = self.root().join(name);
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn kind(result: &WorkerResult) -> &str {
    result.failure.as_ref().map_or("", |failure| failure.kind.as_str())
}

#[tokio::test]
async fn a_plan_is_saved_with_its_digests() {
    let scene = Scene::new("");
    let (ending, result) = scene.all(Operation::Plan).await;
    assert_eq!((ending, result.end, kind(&result)), (Ending::Succeeded, End::Succeeded, ""));
    let saved = result.saved.unwrap();
    assert_eq!(saved.input.saved, Digest::of(SAVED));
    assert_eq!(saved.input.json, Digest::of(&fs::read(scene.run().json_out()).unwrap()));
    assert_eq!(saved.input.lock, Some(Digest::of(LOCK)));
    assert_eq!(saved.rendered, Digest::of(&fs::read(scene.run().rendered_out()).unwrap()));
    assert_eq!((saved.input.state, result.state, result.tool.as_deref()), (None, None, Some("terraform 1.11.4")));
    let main = fs::read_to_string(scene.run().terraform().join("main.tf")).unwrap();
    assert!(main.contains("web-1f2e3d4c"), "{main}");
}

#[tokio::test]
async fn a_refused_claim_touches_nothing() {
    let scene = Scene::new("");
    scene.host.know(|world| world.refuses_claims = true);
    scene.order(Operation::Plan, Duration::from_secs(60));
    assert_eq!(scene.work(Operation::Plan).await, Ending::ClaimRefused);
    assert!(!scene.run().result().exists() && !scene.run().terraform().exists() && !scene.run().events().exists());
}

#[tokio::test]
async fn an_apply_hands_its_states_over_in_order() {
    let scene = Scene::new("");
    let (ending, result) = scene.all(Operation::Apply).await;
    assert_eq!((ending, kind(&result)), (Ending::Succeeded, ""));
    assert_eq!(scene.heard(), ["claim", "lock", "state 1", "state 2", "unlock"]);
    assert_eq!((result.state.unwrap().serial, result.summary.unwrap().adds), (2, 1));
    let objects = result.objects.unwrap();
    assert_eq!((objects[0].kind, objects[0].id.as_str()), (ObjectKind::Network, "abc"));
    assert_eq!(fs::read_to_string(scene.root().join("wrong-password")).unwrap().trim(), "401");
}

#[tokio::test]
async fn the_tools_environment_is_made_from_nothing() {
    let scene = Scene::new("");
    scene.all(Operation::Apply).await;
    let environment = fs::read_to_string(scene.root().join("environment-apply")).unwrap();
    let names: Vec<&str> = environment.lines().filter_map(|line| line.split('=').next()).collect();
    let known = |name: &&str| {
        ["CHECKPOINT_DISABLE", "DOCKER_HOST", "HOME", "PATH", "STANDIN", "TMPDIR", "PWD", "SHLVL", "_", "OLDPWD"]
            .contains(name)
            || name.starts_with("TF_")
    };
    assert!(names.iter().all(known), "{names:?}");
    // The password is in that environment and in no other file of the run.
    let password = environment.lines().find_map(|line| line.strip_prefix("TF_HTTP_PASSWORD=")).unwrap();
    for entry in fs::read_dir(scene.root()).unwrap().flatten() {
        let of_the_stand_in = entry.file_name().to_string_lossy().starts_with("environment-");
        let text = fs::read(entry.path()).unwrap_or_default();
        assert!(of_the_stand_in || !String::from_utf8_lossy(&text).contains(password), "{:?}", entry.path());
    }
}

#[tokio::test]
async fn a_host_that_is_away_gets_everything_later() {
    let mut scene = Scene::new("wait");
    scene.order(Operation::Apply, Duration::from_secs(60));
    let root = scene.root();
    let stop = scene.stop.subscribe();
    let worker = tokio::spawn(async move { work(Operation::Apply, &root, stop).await });
    scene.made("begun").await;
    scene.host.away().await;
    fs::write(scene.root().join("go"), "").unwrap();
    scene.made("states/000002").await;
    assert!(!scene.run().result().exists());
    scene.host.back();
    assert_eq!(worker.await.unwrap(), Ending::Succeeded);
    assert_eq!(scene.heard(), ["claim", "lock", "state 1", "state 2", "unlock"]);
}

#[tokio::test]
async fn a_host_that_stays_away_leaves_the_states_in_the_folder() {
    let mut scene = Scene::new("wait");
    scene.order(Operation::Apply, Duration::from_secs(4));
    let root = scene.root();
    let stop = scene.stop.subscribe();
    let worker = tokio::spawn(async move { work(Operation::Apply, &root, stop).await });
    scene.made("begun").await;
    scene.host.away().await;
    fs::write(scene.root().join("go"), "").unwrap();
    assert_eq!(worker.await.unwrap(), Ending::Undelivered);
    assert_eq!((scene.result().end, kind(&scene.result())), (End::Failed, "state-undelivered"));
    // Started again in the same folder it hands them over, and runs nothing.
    scene.host.back();
    fs::remove_file(scene.root().join("begun")).unwrap();
    assert_eq!(scene.work(Operation::Apply).await, Ending::Failed);
    assert_eq!(scene.heard().last().map(String::as_str), Some("unlock"));
    assert!(scene.heard().contains(&"state 2".to_owned()) && !scene.root().join("begun").exists());
}

#[tokio::test]
async fn told_to_stop_it_interrupts_once_and_ends_in_order() {
    let scene = Scene::new("hang");
    scene.order(Operation::Apply, Duration::from_secs(60));
    let root = scene.root();
    let stop = scene.stop.subscribe();
    let worker = tokio::spawn(async move { work(Operation::Apply, &root, stop).await });
    scene.made("begun").await;
    scene.stop.send(true).unwrap();
    assert_eq!(worker.await.unwrap(), Ending::Cancelled);
    let result = scene.result();
    assert_eq!((result.end, result.state.map(|state| state.serial)), (End::Cancelled, Some(1)));
    assert_eq!(scene.heard(), ["claim", "lock", "state 1", "unlock"]);
}

#[tokio::test]
async fn a_tool_that_hangs_meets_its_deadline() {
    let scene = Scene::new("hang");
    scene.order(Operation::Apply, Duration::from_secs(3));
    assert_eq!(scene.work(Operation::Apply).await, Ending::Failed);
    assert_eq!(kind(&scene.result()), "timeout");
    assert_eq!(scene.heard().last().map(String::as_str), Some("unlock"));
}

#[tokio::test]
async fn what_the_tool_says_has_a_kind() {
    let cases = [
        ("refused", Operation::Plan, "version-mismatch"),
        ("no-provider", Operation::Plan, "missing-provider"),
        ("newer", Operation::Plan, "missing-tool"),
        ("crash", Operation::Apply, "crashed"),
        ("different", Operation::Apply, "conflict"),
    ];
    for (script, operation, expected) in cases {
        let scene = Scene::new(script);
        let (ending, result) = scene.all(operation).await;
        assert_eq!((ending, kind(&result)), (Ending::Failed, expected), "{script}: {:?}", result.failure);
        assert!(result.saved.is_none() && result.summary.is_none());
        assert!(!scene.root().join("begun").exists());
    }
    let mut scene = Scene::new("");
    scene.config.terraform = "/no/such/terraform".into();
    let (_, result) = scene.all(Operation::Plan).await;
    assert_eq!(kind(&result), "missing-tool");
}

#[tokio::test]
async fn a_state_that_the_host_refuses_is_a_conflict() {
    let scene = Scene::new("");
    scene.host.know(|world| world.refuses_states = Some("another lineage".to_owned()));
    let (ending, result) = scene.all(Operation::Apply).await;
    assert_eq!((ending, kind(&result)), (Ending::Failed, "conflict"));
    assert!(result.failure.unwrap().message.contains("another lineage"));
}

#[tokio::test]
async fn a_lock_that_is_held_stops_an_apply() {
    let scene = Scene::new("locked");
    let held = LockInfo { id: "x".to_owned(), operation: "apply".to_owned(), who: "another".to_owned() };
    scene.host.know(|world| world.held = Some(held));
    let (_, result) = scene.all(Operation::Apply).await;
    assert_eq!((kind(&result), result.failure.as_ref().unwrap().retryable), ("state-locked", true));
}

#[tokio::test]
async fn only_what_was_approved_is_applied() {
    for name in ["in-saved.tfplan", "in-plan.json", "in-lock.hcl"] {
        let scene = Scene::new("");
        scene.order(Operation::Apply, Duration::from_secs(60));
        fs::write(scene.root().join(name), "other").unwrap();
        assert_eq!(scene.work(Operation::Apply).await, Ending::Failed);
        assert_eq!(kind(&scene.result()), "conflict", "{name}");
        assert_eq!(scene.heard(), ["claim"]);
    }
    let scene = Scene::new("");
    scene.host.know(|world| world.versions.push(br#"{"version":4,"serial":7,"lineage":"l","resources":[]}"#.to_vec()));
    let (_, result) = scene.all(Operation::Apply).await;
    assert_eq!((kind(&result), scene.heard().len()), ("conflict", 1));
}

#[tokio::test]
async fn a_plan_is_applied_by_the_tool_that_made_it_or_not_at_all() {
    let mut scene = Scene::new("");
    scene.made_with = "terraform 1.10.0";
    let (ending, result) = scene.all(Operation::Apply).await;
    let failure = result.failure.unwrap();
    assert_eq!((ending, failure.kind.as_str(), failure.retryable), (Ending::Failed, "conflict", true));
    let told = "the plan was made by terraform 1.10.0 and this is terraform 1.11.4: make a new plan";
    assert_eq!(failure.message, told);
    assert_eq!(
        (scene.commands(), scene.heard()),
        (vec!["init".to_owned(), "show".to_owned()], vec!["claim".to_owned()])
    );
}

#[tokio::test]
async fn what_a_plan_takes_for_gone_is_asked_for_at_the_engine() {
    // The stand-in's plan has nothing to destroy, though the state names a network: either it is gone, or the provider was
    // refused and took that for the same.
    let state = br#"{"version":4,"serial":1,"lineage":"l","resources":[{"mode":"managed","type":"docker_network",
        "name":"n","instances":[{"attributes":{"id":"abc","name":"n"}}]}]}"#;
    for (has_it, expected) in [(200, "version-mismatch"), (404, "")] {
        let scene = Scene::new("");
        scene.host.know(|world| world.versions.push(state.to_vec()));
        scene.engine.goes("GET /networks/abc", Way::Answer(has_it, b"{}".to_vec()));
        let (_, result) = scene.all(Operation::PlanDestroy).await;
        assert_eq!(kind(&result), expected, "{:?}", result.failure);
        assert_eq!(scene.heard(), ["claim"]);
    }
}

#[tokio::test]
async fn the_engine_is_asked_before_each_command_which_api_it_serves() {
    for operation in [Operation::Plan, Operation::Apply] {
        let scene = Scene::new("");
        scene.all(operation).await;
        assert_eq!(scene.engine.seen(), ["GET /version"; 2], "before init, and before what follows");
    }
}

#[tokio::test]
async fn terraform_is_not_started_on_an_engine_that_would_refuse_its_provider() {
    let pinned = MAIN.replace("docker\"\n", "docker\"\n      version = \"~> 3.0.2\"\n");
    let old = String::from_utf8_lossy(LOCK).replace("4.5.0", "3.0.2").into_bytes();
    // The last is a pin that allows both, where the mirror has the old release alone: `init` is what finds that out.
    let cases = [
        ("", pinned.as_str(), LOCK, Operation::Plan, 0),
        ("", pinned.as_str(), LOCK, Operation::PlanDestroy, 0),
        ("", MAIN, old.as_slice(), Operation::Apply, 0),
        ("old-mirror", MAIN, LOCK, Operation::Plan, 1),
    ];
    for (script, main, lock, operation, commands) in cases {
        let mut scene = Scene::new(script);
        (scene.main, scene.lock) = (main.to_owned(), lock.to_vec());
        let (ending, result) = scene.all(operation).await;
        assert_eq!((ending, kind(&result)), (Ending::Failed, "version-mismatch"), "{operation:?}");
        let message = result.failure.unwrap().message;
        assert!(message.contains("1.41") && message.contains("29.0.0") && message.contains(">= 3.3.0"), "{message}");
        assert_eq!(scene.commands().len(), commands, "{operation:?}: {:?}", scene.commands());
        assert_eq!(scene.heard(), ["claim"], "{operation:?}");
        // The same on the engine that was there before.
        scene.engine.becomes(DOCKER_26);
        fs::remove_dir_all(scene.root()).unwrap();
        let (ending, result) = scene.all(operation).await;
        assert_eq!((ending, kind(&result)), (Ending::Succeeded, ""), "{operation:?}");
    }
}

#[tokio::test]
async fn an_engine_that_is_swapped_during_init_stops_the_apply() {
    let mut scene = Scene::new("wait-init");
    scene.engine.becomes(DOCKER_26);
    scene.lock = String::from_utf8_lossy(LOCK).replace("4.5.0", "3.0.2").into_bytes();
    scene.order(Operation::Apply, Duration::from_secs(60));
    let root = scene.root();
    let stop = scene.stop.subscribe();
    let worker = tokio::spawn(async move { work(Operation::Apply, &root, stop).await });
    scene.made("begun").await;
    scene.engine.becomes(DOCKER_29);
    fs::write(scene.root().join("go"), "").unwrap();
    assert_eq!(worker.await.unwrap(), Ending::Failed);
    assert_eq!(
        (kind(&scene.result()), scene.commands()),
        ("version-mismatch", vec!["init".to_owned(), "show".to_owned()])
    );
    assert_eq!(scene.heard(), ["claim"], "neither lock nor state");
}

#[tokio::test]
async fn an_engine_that_does_not_say_what_it_serves_is_not_tried() {
    let cases = [
        (Way::Close, "connection closed"),
        (Way::Answer(500, b"{}".to_vec()), "HTTP 500"),
        (Way::Answer(200, b"<html>".to_vec()), "not an engine's"),
        (Way::Answer(200, br#"{"Version":"1","ApiVersion":"1.30","MinAPIVersion":"1.44"}"#.to_vec()), "newer than"),
        (Way::Flood, "larger than"),
    ];
    for (way, says) in cases {
        let scene = Scene::new("");
        scene.engine.goes("GET /version", way);
        let (_, result) = scene.all(Operation::Plan).await;
        let failure = result.failure.as_ref().unwrap();
        assert_eq!((failure.kind.as_str(), failure.retryable), ("unreachable", true), "{}", failure.message);
        assert!(failure.message.contains("engine.sock") && failure.message.contains(says), "{}", failure.message);
        assert!(scene.commands().is_empty());
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_yet_is_waited_for() {
    let mut scene = Scene::new("");
    scene.host.away().await;
    scene.order(Operation::Plan, Duration::from_secs(60));
    let root = scene.root();
    let stop = scene.stop.subscribe();
    let worker = tokio::spawn(async move { work(Operation::Plan, &root, stop).await });
    scene.made("alive").await;
    assert!(!scene.run().terraform().exists());
    scene.host.back();
    assert_eq!(worker.await.unwrap(), Ending::Succeeded);
    // Nobody there at all, and told to stop: a result, and nothing touched.
    let mut scene = Scene::new("");
    scene.host.away().await;
    scene.stop.send_replace(true);
    let (ending, result) = scene.all(Operation::Plan).await;
    assert_eq!((ending, result.end), (Ending::Cancelled, End::Cancelled));
    assert!(!scene.run().terraform().exists());
}

#[tokio::test]
async fn an_errored_state_goes_to_the_host() {
    let scene = Scene::new("errored");
    let (ending, result) = scene.all(Operation::Apply).await;
    assert_eq!(ending, Ending::Failed);
    assert_eq!(scene.heard(), ["claim", "lock", "state 1", "state 2"]);
    assert_eq!(result.state.unwrap().serial, 2);
    assert!(scene.run().errored_state().exists());
}

#[tokio::test]
async fn who_comes_after_a_killed_worker_hands_over_what_it_left() {
    let scene = Scene::new("");
    scene.order(Operation::Apply, Duration::from_secs(60));
    let (run, lock) = (scene.run(), r#"{"ID":"lock-1","Operation":"apply","Who":"standin"}"#);
    let state = |serial| format!(r#"{{"version":4,"serial":{serial},"lineage":"l","resources":[]}}"#);
    fs::create_dir_all(run.states()).unwrap();
    fs::create_dir_all(run.terraform()).unwrap();
    fs::write(scene.root().join("claimed"), "process 1 started 1").unwrap();
    fs::write(scene.root().join("lock.json"), lock).unwrap();
    fs::write(run.states().join("000001"), state(1)).unwrap();
    fs::write(run.errored_state(), state(2)).unwrap();
    scene.host.know(|world| world.held = serde_json::from_str(lock).ok());
    // Terraform of the killed worker still runs: it holds the lock, and nothing is handed over before it ends.
    let alive = fs::File::create(run.alive()).unwrap();
    rustix::fs::flock(&alive, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let after = async {
        tokio::task::yield_now().await;
        assert!(scene.heard().is_empty());
        drop(alive);
    };
    let (ending, ()) = tokio::join!(scene.work(Operation::Apply), after);
    assert_eq!((ending, scene.result().end), (Ending::Failed, End::Lost));
    assert_eq!(scene.heard(), ["state 1", "state 2", "unlock"]);
    assert_eq!(scene.result().state.unwrap().serial, 2);
    assert!(run.errored_state().exists());
    // Once more changes nothing.
    scene.work(Operation::Apply).await;
    assert_eq!(scene.heard().len(), 3);
}

#[tokio::test]
async fn a_folder_with_odd_inputs_is_not_begun() {
    let scene = Scene::new("");
    scene.order(Operation::Plan, Duration::from_secs(60));
    assert!(matches!(scene.work(Operation::Apply).await, Ending::NotStarted(why) if why.contains("Plan")));
    assert!(matches!(not_started(&scene.root().join("none")).await, Ending::NotStarted(_)));
    fs::write(scene.run().order(), "{}").unwrap();
    assert!(matches!(scene.work(Operation::Plan).await, Ending::NotStarted(why) if why.contains("order.json")));
    assert!(scene.heard().is_empty());
}

async fn not_started(folder: &Path) -> Ending {
    work(Operation::Plan, folder, watch::Sender::new(false).subscribe()).await
}
