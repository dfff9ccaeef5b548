//! Host, worker and Terraform are killed while the engine does what was asked of it and its answer is on the way: the
//! moment at which the most could be lost or done twice.

use std::fs;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::parts::until;
use crate::processes::{self, Process};
use crate::proxy::Proxy;
use crate::stage::{Host, Objects, PATIENCE, Stage};

/// The host is away for this long: longer than Terraform's backend tries again, which the second story measures.
const AWAY: Duration = Duration::from_secs(20);

const CONTAINER: &str = "POST /containers/create";
const NETWORK: &str = "POST /networks/create";

/// The web mission, whose apply waits for the answer to this request; what is asked for is done.
fn amid_apply(stage: &Stage, request: &str) -> (Proxy, Host) {
    let proxy = Proxy::start(stage.path("proxy.sock"), &stage.socket());
    proxy.hold(request);
    let host = stage.host_at(&proxy.socket, &stage.example("web"));
    proxy.until_held();
    (proxy, host)
}

/// One of each on the engine, the mission's state names them, nobody holds its lock, and the journal is whole.
fn must_be_whole(stage: &Stage) -> Objects {
    let objects = stage.objects();
    assert_eq!((objects.containers.len(), objects.networks.len()), (1, 1), "{objects:?}");
    let exported = stage.must(&["state", "export", "web"]);
    for (name, id) in objects.containers.iter().chain(&objects.networks) {
        assert!(exported.contains(id), "the state does not name {name}");
    }
    let states: serde_json::Value = serde_json::from_str(&stage.must(&["state", "list", "-o", "json"])).unwrap();
    assert!(states["items"][0]["lock"].is_null(), "{states}");
    stage.must_verify();
    objects
}

/// The state that Terraform could not hand over, as soon as it has written it into its folder. It is looked for without a
/// pause, since the folder goes once the host has it.
fn errored_state(stage: &Stage) -> JoinHandle<Option<(Value, Instant)>> {
    let work = stage.data().join("real/work");
    thread::spawn(move || {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            for run in fs::read_dir(&work).into_iter().flatten().flatten() {
                let bytes = fs::read(run.path().join("terraform/errored.tfstate")).unwrap_or_default();
                // It may be read while it is being written.
                if let Ok(state) = serde_json::from_slice(&bytes) {
                    return Some((state, Instant::now()));
                }
            }
            thread::sleep(Duration::from_millis(2));
        }
        None
    })
}

#[test]
fn a_killed_host_adopts_the_apply_that_went_on_without_it() {
    let Some(stage) = Stage::raise("trixie") else { return };
    let (proxy, host) = amid_apply(&stage, CONTAINER);
    let begun = Instant::now();
    host.kill();
    proxy.release();
    let tools = || processes::of_workers(&stage.data()).into_iter().filter(|process| !process.is_worker()).count();
    until("Terraform ends without a host", PATIENCE, || (tools() == 0).then_some(()));
    until("the host was away for long", PATIENCE, || (begun.elapsed() >= AWAY).then_some(()));
    let alone = stage.objects();

    let host = stage.host_at(&proxy.socket, &stage.path("web"));
    stage.until_phase("Ready");
    stage.must_answer(8080);
    assert_eq!(stage.workers(Some("apply")).len(), 1, "it was applied once");
    assert_eq!(must_be_whole(&stage), alone);
    assert_eq!(host.stop().code(), Some(130));
}

#[test]
fn what_terraform_could_not_tell_its_killed_worker_is_taken_in() {
    let Some(stage) = Stage::raise("trixie") else { return };
    let (proxy, host) = amid_apply(&stage, CONTAINER);
    let made = stage.objects();
    let workers: Vec<Process> = processes::of_workers(&stage.data()).into_iter().filter(Process::applies).collect();
    assert_eq!(workers.len(), 1, "{workers:?}");
    workers.iter().for_each(Process::kill);
    let (errored, begun) = (errored_state(&stage), Instant::now());
    proxy.release();
    let (errored, gave_up) = errored.join().unwrap().expect("an errored.tfstate appears");
    let tried = gave_up - begun;
    assert!(tried > Duration::from_secs(1) && tried < AWAY, "Terraform tried to hand its state over for {tried:?}");
    println!("Terraform tried to hand its state over for {tried:?}");

    stage.until_phase("Ready");
    stage.must_answer(8080);
    assert_eq!(must_be_whole(&stage), made, "nothing was made twice");
    let named = |id: &str| errored["resources"].to_string().contains(id);
    assert!(made.containers.iter().chain(&made.networks).all(|(_, id)| named(id)), "{errored}");
    // It was delivered whole, before anything else was done: it is the first of the mission's states.
    let delivered = stage.must(&["state", "export", "web", "--number", "1"]);
    let delivered: Value = serde_json::from_str(&delivered).unwrap();
    assert_eq!((&delivered["resources"], &delivered["outputs"]), (&errored["resources"], &errored["outputs"]));
    assert_eq!(host.stop().code(), Some(130));
}

#[test]
fn what_is_on_the_engine_and_in_no_state_is_told_and_not_made_twice() {
    let Some(stage) = Stage::raise("trixie") else { return };
    let (proxy, host) = amid_apply(&stage, NETWORK);
    let made = stage.objects();
    assert_eq!(made.networks.len(), 1, "{made:?}");
    let all = processes::of_workers(&stage.data());
    assert!(all.iter().any(Process::applies) && !all.iter().all(Process::is_worker), "{all:?}");
    all.iter().for_each(Process::kill);
    proxy.release();

    let finding = stage.until_finding("object-unknown");
    assert!(finding.to_string().contains("quarterdeck-web"), "{finding}");
    stage.until_turn();
    assert_eq!(stage.objects(), made, "an engine would make a second network of that name");

    // Once a person has removed it, the mission goes on by itself.
    stage.ask("DELETE", &format!("networks/{}", made.networks[0].1));
    stage.until_phase("Ready");
    stage.must_answer(8080);
    assert_ne!(must_be_whole(&stage).networks, made.networks);
    assert_eq!(host.stop().code(), Some(130));
}
