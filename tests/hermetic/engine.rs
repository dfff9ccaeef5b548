//! The observer of a Docker engine: what recorded engines have is read right, and whatever an engine does costs its own
//! snapshot only.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quarterdeck::observe::Cluster;
use quarterdeck::observe::local::{INSPECTED_MAX, LocalDocker, LocalDockerConfig, ProbeError, probe};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::observation::{ContainerState, EngineState, EngineView};
use quarterdeck_core::order::ObjectKind;
use quarterdeck_core::redaction::Redactor;
use quarterdeck_tests::fake_engine::{DOCKER_20_10, DOCKER_26, DOCKER_29, FakeEngine, Way};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// No test waits longer; each should take milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// A request to an engine that hangs takes this long.
const TIMEOUT: Duration = Duration::from_millis(300);
/// Only events make the observer look again.
const NEVER: Duration = Duration::from_secs(3_600);

const CONTAINERS: &str = "GET /v1.44/containers/json?all=true";

/// An observer, and the notice that what it sees has changed.
struct Observed {
    docker: LocalDocker,
    changed: Arc<Notify>,
    wakes: Arc<AtomicUsize>,
}

impl Observed {
    fn start(socket: &Path, interval: Duration) -> Observed {
        let (changed, wakes) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let (notice, count) = (Arc::clone(&changed), Arc::clone(&wakes));
        let wake = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
            notice.notify_one();
        });
        let (socket, redactor) = (socket.to_owned(), Arc::new(Redactor::new([7; 32])));
        let config =
            LocalDockerConfig { socket, interval, timeout: TIMEOUT, clock: || Timestamp(5_000), wake, redactor };
        Observed { docker: LocalDocker::start(config).unwrap(), changed, wakes }
    }

    /// The snapshot, once it is as the function wants it.
    async fn until(&self, wanted: impl Fn(&EngineView) -> bool) -> EngineView {
        let seen = async {
            loop {
                let view = self.docker.view().engine;
                if wanted(&view) {
                    return view;
                }
                self.changed.notified().await;
            }
        };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("seen instead: {:?}", self.docker.view().engine))
    }

    async fn state(&self) -> EngineState {
        self.until(|view| view.problem.is_none() && view.state.is_some()).await.state.unwrap().1
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn start(folder: &tempfile::TempDir, recording: &str) -> FakeEngine {
    FakeEngine::start(&folder.path().join("docker.sock"), recording)
}

#[tokio::test]
async fn what_recorded_engines_have_is_read() {
    let engines = [
        (DOCKER_20_10, "20.10.24+dfsg1", "1.41", "1.12"),
        (DOCKER_26, "26.1.5+dfsg1", "1.45", "1.24"),
        (DOCKER_29, "29.0.0-beta.1", "1.52", "1.44"),
    ];
    for (recording, version, api, api_min) in engines {
        let folder = folder();
        let engine = start(&folder, recording);
        let observed = Observed::start(engine.socket(), NEVER);
        let state = observed.state().await;
        assert_eq!((state.version.as_str(), state.api.as_str(), state.api_min.as_str()), (version, api, api_min));
        let container = |name: &str| state.containers.iter().find(|container| container.name == name).unwrap();
        assert_eq!(state.containers.len(), 7, "{version}");
        assert_eq!(container("web").state, ContainerState::Running, "{version}");
        assert_eq!(container("web").mission.as_deref(), Some("web-1a2b3c4d"));
        assert_eq!((container("web").image.as_str(), container("web").id.len()), ("nginx:alpine", 64));
        assert_eq!(container("exited").state, ContainerState::Exited(3));
        assert_eq!((container("exited").oom_killed, &container("exited").mission), (false, &None));
        assert_eq!((&container("hungry").state, container("hungry").oom_killed), (&ContainerState::Exited(137), true));
        assert_eq!(container("created").state, ContainerState::Created);
        assert_eq!(container("held").state, ContainerState::Paused);
        assert_eq!(container("sick").state, ContainerState::Unhealthy("connection refused".into()));
        assert_eq!(container("looping").state, ContainerState::Restarting);
        assert!(container("looping").restarts >= 3, "{version}");
        let of = |kind: ObjectKind| state.objects.iter().filter(move |object| object.kind == kind);
        let web = of(ObjectKind::Network).find(|network| network.names == ["web"]).unwrap();
        assert_eq!((web.id.len(), web.mission.as_deref()), (64, Some("web-1a2b3c4d")));
        let volume = of(ObjectKind::Volume).next().unwrap();
        assert_eq!((volume.id.as_str(), volume.mission.as_deref()), ("web-data", Some("web-1a2b3c4d")));
        let image = of(ObjectKind::Image).next().unwrap();
        assert!(image.id.starts_with("sha256:") && image.names.contains(&"nginx:alpine".to_owned()), "{image:?}");
        assert!(image.names.contains(&"nginx:1.27-alpine".to_owned()), "{image:?}");
        assert!(observed.docker.choice().contains(version), "{}", observed.docker.choice());
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_and_the_last_good_state_stays() {
    let many = json!((0..5_001).map(|n| json!({ "Id": format!("c{n}"), "State": "running" })).collect::<Vec<_>>());
    let answer = |status, body: &str| Way::Answer(status, body.as_bytes().to_vec());
    let table = [
        ("/version", Way::Hang, "no answer within 0.3 s to GET /version"),
        ("/networks", Way::Hang, "no answer within 0.3 s to GET /v1.44/networks"),
        ("/images/json", Way::Drip(b"[        ]".repeat(10)), "no answer within 0.3 s to GET /v1.44/images/json"),
        ("/version", Way::Close, "the connection broke during GET /version"),
        ("/volumes", Way::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}".to_vec()), "broke during"),
        ("/version", Way::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "broke during"),
        ("/version", answer(200, "{}"), "is not an engine's: it lacks a field"),
        ("/version", answer(200, "<html>"), "is not an engine's: it is no JSON, at line 1 column 1"),
        ("/version", answer(200, r#"{"Version":"9","ApiVersion":"nine"}"#), "\"nine\" is no version"),
        (
            "/version",
            answer(200, r#"{"Version":"9","ApiVersion":"1.40","MinAPIVersion":"1.44"}"#),
            "its oldest API 1.44 is newer than its newest 1.40",
        ),
        ("/containers/json", answer(200, "[{}]"), "lacks a field"),
        ("/containers/json", answer(200, &many.to_string()), "5001 containers, more than the 5000"),
        ("/networks", answer(500, r#"{"message":"disk\u001b[2J full, password=hunter2hunter2"}"#), "HTTP 500: disk"),
        ("/networks", answer(302, ""), "HTTP 302"),
        ("/networks", Way::Flood, "larger than"),
    ];
    let folder = folder();
    let engine = start(&folder, DOCKER_26);
    let observed = Observed::start(engine.socket(), Duration::from_millis(10));
    let good = observed.state().await;
    for (path, way, told) in table {
        // A flood is read to its limit, which takes a while on a busy machine.
        let slow = matches!(way, Way::Flood);
        engine.goes(path, way);
        let view = observed.until(|view| view.problem.is_some()).await;
        let problem = view.problem.unwrap();
        assert!(problem.contains(told) || (slow && problem.contains("no answer within")), "{told}: {problem}");
        assert!(!problem.contains("hunter2") && !problem.contains('\u{1b}'), "{problem}");
        assert_eq!(view.state.as_ref().map(|(_, state)| state), Some(&good), "{told}");
        engine.heals(path);
        assert_eq!(observed.state().await, good, "{told}");
    }
}

#[tokio::test]
async fn an_absent_engine_is_told_with_what_to_do() {
    let folder = folder();
    let socket = folder.path().join("docker.sock");
    let observed = Observed::start(&socket, Duration::from_millis(10));
    let view = observed.until(|view| view.problem.is_some()).await;
    assert!(view.problem.unwrap().contains("no such file"));
    assert_eq!((view.looked, view.state), (Some(Timestamp(5_000)), None));
    assert!(matches!(probe(&socket, TIMEOUT).await, Err(ProbeError::NoSocket(path)) if path == socket));

    // It comes, and goes without tidying up: the file is there and nobody listens.
    let engine = FakeEngine::start(&socket, DOCKER_29);
    observed.state().await;
    assert_eq!(probe(&socket, TIMEOUT).await.unwrap().to_string(), "Docker engine 29.0.0-beta.1, API 1.44 to 1.52");
    drop(engine);
    let view = observed.until(|view| view.problem.is_some()).await;
    assert!(view.problem.as_ref().unwrap().contains("connection refused"), "{view:?}");
    assert!(matches!(probe(&socket, TIMEOUT).await, Err(ProbeError::Refused(_))));
}

#[tokio::test]
async fn an_event_is_followed_at_once_and_an_unchanged_engine_wakes_nobody() {
    let folder = folder();
    let engine = start(&folder, DOCKER_26);
    let observed = Observed::start(engine.socket(), NEVER);
    observed.state().await;
    let looks = || engine.seen().iter().filter(|request| *request == "GET /version").count();
    // The stream's own beginning is followed by a look; then each event is, though nothing has changed.
    let before = looks();
    timeout(PATIENCE, async {
        while looks() < before + 3 {
            engine.fires();
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(observed.wakes.load(Ordering::SeqCst), 1);

    let mut containers = engine.answer(CONTAINERS);
    containers.as_array_mut().unwrap().retain(|container| container["Names"][0] != "/web");
    engine.answers(CONTAINERS, &containers);
    engine.fires();
    let gone = |view: &EngineView| view.state.as_ref().is_some_and(|(_, state)| state.containers.len() == 6);
    observed.until(gone).await;
}

#[tokio::test]
async fn who_asks_for_a_look_gets_one_at_once_and_is_woken_though_nothing_has_changed() {
    let folder = folder();
    let engine = start(&folder, DOCKER_26);
    let observed = Observed::start(engine.socket(), NEVER);
    observed.state().await;
    let looks = || engine.seen().iter().filter(|request| *request == "GET /version").count();
    for woken in 2..5 {
        let before = looks();
        observed.docker.look_again();
        let wake = async {
            while observed.wakes.load(Ordering::SeqCst) < woken {
                observed.changed.notified().await;
            }
        };
        timeout(PATIENCE, wake).await.unwrap();
        assert!(looks() > before);
    }
}

#[tokio::test]
async fn a_swapped_engine_is_asked_in_its_own_version() {
    let folder = folder();
    let engine = start(&folder, DOCKER_20_10);
    let observed = Observed::start(engine.socket(), Duration::from_millis(10));
    assert_eq!(observed.state().await.api, "1.41");
    engine.becomes(DOCKER_29);
    observed.until(|view| view.state.as_ref().is_some_and(|(_, state)| state.api_min == "1.44")).await;
    let seen = engine.seen();
    assert!(seen.contains(&"GET /v1.41/networks".to_owned()) && seen.contains(&"GET /v1.44/networks".to_owned()));
}

#[tokio::test]
async fn one_container_whose_inspection_hangs_hides_no_other() {
    let folder = folder();
    let engine = start(&folder, DOCKER_26);
    let listed = engine.answer(CONTAINERS);
    let id = |name: &str| {
        let found = listed.as_array().unwrap().iter().find(|container| container["Names"][0] == name).unwrap();
        found["Id"].as_str().unwrap().to_owned()
    };
    engine.goes(&id("/hungry"), Way::Hang);
    engine.goes(&id("/sick"), Way::Answer(500, b"{}".to_vec()));
    // Between the list and its inspection this one went.
    engine.goes(&id("/exited"), Way::Answer(404, br#"{"message":"No such container"}"#.to_vec()));
    let observed = Observed::start(engine.socket(), NEVER);
    let state = observed.state().await;
    let container = |name: &str| state.containers.iter().find(|container| container.name == name);
    assert_eq!(container("hungry").unwrap().state, ContainerState::Exited(137));
    assert!(matches!(container("sick").unwrap().state, ContainerState::Unhealthy(_)));
    assert!(container("exited").is_none());
    assert!(container("looping").unwrap().restarts >= 3);
}

#[tokio::test]
async fn inspections_are_few_at_once_and_few_in_all_and_missions_come_first() {
    let folder = folder();
    let engine = start(&folder, DOCKER_26);
    let label = |n: usize| if n == 999 { json!({ "dev.quarterdeck.mission": "web-1" }) } else { json!({}) };
    let status = "Exited (1) 3 hours ago";
    let made = |n| json!({ "Id": format!("c{n}"), "State": "exited", "Status": status, "Labels": label(n) });
    engine.answers(CONTAINERS, &json!((0..1_000).map(made).collect::<Vec<_>>()));
    let inspected = json!({ "RestartCount": 1, "State": { "Status": "exited", "ExitCode": 1, "OOMKilled": true } });
    engine.goes("/containers/c", Way::Answer(200, inspected.to_string().into_bytes()));
    let observed = Observed::start(engine.socket(), NEVER);
    let state = observed.state().await;
    assert_eq!(state.containers.len(), 1_000);
    assert!(state.containers.iter().find(|container| container.id == "c999").unwrap().oom_killed);
    assert!(state.containers.iter().all(|container| container.state == ContainerState::Exited(1)));
    let inspections: Vec<_> = engine.seen().into_iter().filter(|request| request.contains("/containers/c")).collect();
    assert_eq!(inspections.iter().filter(|request| request.contains("/c999/")).count(), 1, "it has settled");
    assert!(inspections.len() >= INSPECTED_MAX && inspections.len() % INSPECTED_MAX == 0, "{}", inspections.len());
    assert!(engine.open_max() <= 8 + 4, "{}", engine.open_max());
}

#[tokio::test]
async fn nobody_waits_for_a_hung_engine() {
    let folder = folder();
    let engine = start(&folder, DOCKER_26);
    engine.goes("/version", Way::Hang);
    let observed = Observed::start(engine.socket(), NEVER);
    let begun = Instant::now();
    for _ in 0..1_000 {
        assert!(observed.docker.view().engine.state.is_none());
    }
    assert!(begun.elapsed() < PATIENCE / 2);
    observed.until(|view| view.problem.is_some()).await;
}
