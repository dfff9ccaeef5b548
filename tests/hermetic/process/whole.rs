//! The real worker, started by the real adapter and served by the real socket; only Terraform is a stand-in. The worker
//! is this test binary itself, told by a variable to be one.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser as _;
use quarterdeck::act::Workers as _;
use quarterdeck::api::workers::{Desk, listen, serve};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::order::{ApplyInput, End, Order};
use quarterdeck_core::situation::Operation;
use quarterdeck_core::terraform::FileSet;
use quarterdeck_core::terraform::files::File;
use quarterdeck_tests::fake_engine::{DOCKER_29, FakeEngine};
use quarterdeck_tests::fake_host::from_now;
use quarterdeck_tests::ordered::{self, clock};

use super::place::{Host, Place};

/// What the stand-in saves, and what it shows of it.
pub(super) const SAVED: &[u8] = b"saved\n";
const SHOWN: &[u8] =
    b"{\"format_version\":\"1.2\",\"terraform_version\":\"1.11.4\",\"complete\":true,\"resource_changes\":[]}\n";
const LOCK: &[u8] = b"provider \"registry.terraform.io/kreuzwerker/docker\" {\n  version = \"4.5.0\"\n}\n";
const MAIN: &[u8] =
    b"terraform {\n  required_providers {\n    docker = {\n      source = \"kreuzwerker/docker\"\n    }\n  }\n}\n\
                      resource \"docker_network\" \"n\" {\n  name = \"n\"\n}\n";

/// No test: where the variable is set, this process is a worker.
#[test]
#[allow(clippy::disallowed_methods, reason = "libtest leaves no other way to tell a process what it is")]
fn worker_program() {
    let Ok(line) = std::env::var("QUARTERDECK_TEST_WORKER") else { return };
    let words = std::iter::once("quarterdeck-worker").chain(line.split(' '));
    let _its_result_is_in_its_folder = quarterdeck_worker::run(quarterdeck_worker::Worker::parse_from(words));
}

pub(super) fn place(script: &str) -> Place {
    let mut place = Place::new();
    place.run.terraform = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("hermetic/standin.sh");
    place.run.engine = place.path("engine.sock");
    place.run.environment = vec![("STANDIN".to_owned(), script.to_owned())];
    for blob in [&files()[..], SAVED, SHOWN, LOCK] {
        place.blobs.put(blob).unwrap();
    }
    place
}

pub(super) fn files() -> Vec<u8> {
    encoding::encode(&FileSet::new(vec![File { path: "main.tf".into(), bytes: MAIN.to_vec() }]).unwrap())
}

pub(super) fn order(place: &Place, operation: Operation) -> Order {
    let mut order = ordered::order(operation, 1);
    order.plan = Digest::of(&files());
    order.deadline = from_now(Duration::from_secs(60));
    if let Some(apply) = &mut order.apply {
        let (saved, json, lock) = (Digest::of(SAVED), Digest::of(SHOWN), Some(Digest::of(LOCK)));
        let tool = Some("terraform 1.11.4".to_owned());
        *apply = ApplyInput { saved, json, lock, tool, ..apply.clone() };
    }
    ordered::start(&place.book, &order);
    order
}

pub(super) fn host(place: &Place) -> Host {
    let test = std::env::current_exe().unwrap();
    let become_one = "QUARTERDECK_TEST_WORKER=\"$*\" exec \"$0\" --exact process::whole::worker_program";
    place.host_of("/bin/bash", &["-c", become_one, test.to_str().unwrap()])
}

/// The host's socket and an engine; dropping the runtime closes both.
fn socket(place: &Place) -> (tokio::runtime::Runtime, FakeEngine) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let desk = Desk { book: place.book.clone(), states: place.states.clone(), clock };
    let listener = runtime.block_on(async { listen(&place.path("worker.sock")) }).unwrap();
    runtime.spawn(serve(listener, desk));
    let engine = runtime.block_on(async { FakeEngine::start(&place.run.engine, DOCKER_29) });
    (runtime, engine)
}

#[test]
fn a_plan_and_its_apply_go_all_the_way() {
    let place = place("");
    let (_served, host) = (socket(&place), host(&place));
    let plan = order(&place, Operation::Plan);
    host.start(&plan);
    let result = host.result();
    assert_eq!((result.end, &result.failure), (End::Succeeded, &None));
    let saved = result.saved.unwrap();
    for digest in [saved.input.saved, saved.input.json, saved.input.lock.unwrap(), saved.rendered] {
        assert!(place.blobs.get(&digest).unwrap().is_some());
    }
    host.forget(&plan);
    ordered::end(&place.book, &plan.name);

    let apply = order(&place, Operation::Apply);
    host.start(&apply);
    let result = host.result();
    assert_eq!((result.end, &result.failure), (End::Succeeded, &None));
    assert_eq!(result.objects.unwrap()[0].id, "abc");
    let ledger = place.book.ledger();
    assert_eq!(ledger.missions[&ordered::mission()].state, result.state);
    let claimant = &ledger.orders[&apply.name].claimed.as_ref().unwrap().1;
    assert!(claimant.starts_with("process "), "{claimant}");
    let listed = place.states.list().unwrap().remove(0);
    assert_eq!(listed.versions.iter().map(|version| version.serial).collect::<Vec<_>>(), [1, 2]);
    assert!(listed.lock.is_none());
}

#[test]
fn an_apply_goes_on_while_its_host_is_dead_and_is_adopted() {
    let place = place("wait");
    let apply = order(&place, Operation::Apply);
    let (served, first) = (socket(&place), host(&place));
    first.start(&apply);
    let run = place.path("work").join(apply.name.as_str());
    first.until("Terraform at work", |_| run.join("begun").exists().then_some(()));
    drop((first, served));
    fs::write(run.join("go"), b"").unwrap();
    let second = host(&place);
    assert!(second.workers.reports()[0].result.is_none());
    let _served = socket(&place);
    let result = second.result();
    assert_eq!((result.end, &result.failure), (End::Succeeded, &None));
    assert_eq!(result.state.unwrap().serial, 2);
    assert!(place.states.list().unwrap()[0].lock.is_none());
}
