//! A worker that shares nothing with its host but a token and a certificate: the real worker, the real desk over TLS, and
//! a stand-in for Terraform. Whose token it is a map says, which is the port's second adapter.

mod desk;
mod kept;
mod refusals;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::order::{End, WorkerResult};
use quarterdeck_core::situation::Operation;
use quarterdeck_tests::fake_engine::{DOCKER_29, FakeEngine};
use quarterdeck_tests::ordered;
use quarterdeck_worker::protocol::{LeftFile, RunFolder};
use quarterdeck_worker::{Ending, work, work_given};
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::desk::{Far, TOKEN};
use super::whole;

/// No test waits longer for what a worker makes.
const PATIENCE: Duration = Duration::from_secs(60);

async fn made(path: &Path) {
    let look = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_late| panic!("{} is not made", path.display()));
}

fn result(folder: &Path) -> WorkerResult {
    serde_json::from_slice(&fs::read(RunFolder::at(folder).result()).unwrap()).unwrap()
}

/// All bytes of all files below a folder that the stand-in did not write, with the names of the files.
fn everything(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => all.extend(everything(&path)),
            path if entry.file_name().to_string_lossy().starts_with("environment-") => drop(path),
            path => all.push((path.clone(), fs::read(path).unwrap())),
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_and_its_apply_go_all_the_way_over_tls() {
    let mut far = Far::new("").await;
    let _engine = FakeEngine::start(&far.place.run.engine, DOCKER_29);
    let plan = far.order(Operation::Plan);
    // What a ConfigMap mounts are links, and what fits comes with the order.
    fs::write(far.given().join("..data"), whole::files()).unwrap();
    std::os::unix::fs::symlink("..data", RunFolder::at(&far.given()).files()).unwrap();
    let given = everything(&far.given());
    assert_eq!(far.work(Operation::Plan).await, Ending::Succeeded);
    assert_eq!(everything(&far.given()), given, "inputs are only read");
    let (ours, theirs) = (RunFolder::at(&far.host_folder(&plan)), RunFolder::at(&far.folder()));
    for file in [LeftFile::Saved, LeftFile::Json, LeftFile::Lock, LeftFile::Rendered, LeftFile::Result] {
        assert_eq!(fs::read(file.path(&ours)).unwrap(), fs::read(file.path(&theirs)).unwrap(), "{}", file.name());
    }
    // What is there is taken in as what a process leaves.
    let host = whole::host(&far.place);
    let (taken, said) = (host.result(), result(&far.folder()));
    assert_eq!((taken.end, &taken.failure), (End::Succeeded, &None));
    let (saved, said) = (taken.saved.unwrap(), said.saved.unwrap());
    assert_eq!((&saved.input, saved.rendered, saved.summary), (&said.input, said.rendered, said.summary));
    assert_eq!(saved.input.saved, Digest::of(whole::SAVED));
    for digest in [saved.input.saved, saved.input.json, saved.input.lock.unwrap(), saved.rendered] {
        assert!(far.place.blobs.get(&digest).unwrap().is_some());
    }
    let claimant = far.place.book.ledger().orders[&plan.name].claimed.clone().unwrap().1;
    assert_eq!(claimant, "pod one", "whatever the worker says of itself");
    host.forget(&plan);
    drop(host);
    ordered::end(&far.place.book, &plan.name);

    // The files of an apply are fetched, and here the mission's too.
    let apply = far.order(Operation::Apply);
    assert_eq!(far.work(Operation::Apply).await, Ending::Succeeded);
    assert_eq!(fs::read(RunFolder::at(&far.folder()).files()).unwrap(), whole::files());
    let taken = whole::host(&far.place).result();
    assert_eq!((taken.end, &taken.failure), (End::Succeeded, &None));
    assert_eq!(taken.objects.unwrap()[0].id, "abc");
    assert_eq!(far.place.book.ledger().missions[&ordered::mission()].state, taken.state);
    let listed = far.place.states.list().unwrap().remove(0);
    assert_eq!(listed.versions.iter().map(|version| version.serial).collect::<Vec<_>>(), [1, 2]);
    assert!(listed.lock.is_none() && far.host_folder(&apply).join("result.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_what_it_does_and_never_its_token() {
    let mut far = Far::new("").await;
    let _engine = FakeEngine::start(&far.place.run.engine, DOCKER_29);
    far.order(Operation::Plan);
    let said = program(&far, &[("HTTPS_PROXY", "http://127.0.0.1:9")]).await;
    assert_eq!(result(&far.folder()).end, End::Succeeded);
    assert!(far.reached.lock().unwrap().is_empty(), "it was told of no API server");
    let out = String::from_utf8(said.stdout).unwrap();
    let lines: Vec<serde_json::Value> = out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let kinds: Vec<&str> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"claimed"), Some(&"ended")), "{out}");
    let events = fs::read_to_string(RunFolder::at(&far.folder()).events()).unwrap();
    assert!(events.lines().count() > 5 && events.lines().all(|line| out.contains(line)), "the same lines");
    let told = [out.into_bytes(), said.stderr].concat();
    assert!(!String::from_utf8_lossy(&told).contains(TOKEN));
    let kept = [everything(&far.folder()), everything(&far.place.path("work"))].concat();
    assert!(kept.len() > 10);
    for (path, bytes) in kept {
        assert!(!String::from_utf8_lossy(&bytes).contains(TOKEN), "{}", path.display());
    }
}

/// The worker as a program of its own, to its end, with these variables as a kubelet sets them.
async fn program(far: &Far, variables: &[(&str, &str)]) -> std::process::Output {
    let line = format!("terraform plan --folder {} --inputs {}", far.folder().display(), far.given().display());
    let program = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::whole::worker_program"])
        .env("QUARTERDECK_TEST_WORKER", line)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    tokio::time::timeout(PATIENCE, program).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_value_of_a_secret_is_terraforms_and_nobody_elses() {
    for (script, end) in [("", End::Succeeded), ("tells", End::Failed), ("names", End::Succeeded)] {
        let mut far = Far::new(script).await;
        let _engine = FakeEngine::start(&far.place.run.engine, DOCKER_29);
        far.order(Operation::Plan);
        let said = program(&far, &[("TF_VAR_password", "hush-4711-hush"), ("HUSH", "hush-4711-hush")]).await;
        assert_eq!(result(&far.folder()).end, end);
        let environment = fs::read_to_string(far.folder().join("environment-plan")).unwrap();
        let has = |line: &str| environment.lines().any(|is| is == line);
        assert!(has("TF_VAR_password=hush-4711-hush") && !environment.contains("HUSH="), "{environment}");
        // What Terraform says stays in the worker's own folder as it was said.
        let run = RunFolder::at(&far.folder());
        let own = [run.events(), run.result()].map(|path| (path.clone(), fs::read(path).unwrap()));
        let out = [("stdout".into(), said.stdout), ("stderr".into(), said.stderr)];
        // The plan's JSON has every value in it, and is the host's alone.
        let json = run.json_out().file_name().unwrap().to_owned();
        let left = everything(&far.place.path("work")).into_iter().filter(|(path, _)| path.file_name() != Some(&json));
        for (path, bytes) in left.chain(own).chain(out) {
            assert!(!String::from_utf8_lossy(&bytes).contains("hush-4711"), "{}", path.display());
        }
        let told = fs::read_to_string(run.result()).unwrap();
        assert_eq!(told.contains("the password is"), end == End::Failed, "{told}");
        assert_eq!(told.contains("docker_network.n["), script == "names", "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_hears_whether_a_worker_could_reach_the_api_server() {
    for open in [true, false] {
        let mut far = Far::new("").await;
        let _engine = FakeEngine::start(&far.place.run.engine, DOCKER_29);
        far.order(Operation::Plan);
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = door.local_addr().unwrap().port().to_string();
        let _door = open.then_some(door);
        program(&far, &[("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", &port)]).await;
        assert_eq!(result(&far.folder()).end, End::Succeeded);
        assert_eq!(*far.reached.lock().unwrap(), [open]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_believed_yet_is_shown_again_when_it_was_renewed() {
    let mut far = Far::new("").await;
    let _engine = FakeEngine::start(&far.place.run.engine, DOCKER_29);
    far.order(Operation::Plan);
    fs::write(far.token_file(), "a-token-of-yesterday").unwrap();
    let (given, folder) = (far.given(), far.folder());
    let worker = tokio::spawn(async move {
        let stop = watch::Sender::new(false);
        work_given(Operation::Plan, &given, &folder, stop.subscribe()).await
    });
    let asked = async {
        while !far.tokens.asked("a-token-of-yesterday") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap();
    fs::write(far.token_file(), TOKEN).unwrap();
    assert_eq!(worker.await.unwrap(), Ending::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_nobody_takes_stays_in_the_folder_and_is_handed_over_later() {
    let mut far = Far::new("wait-init").await;
    let _engine = FakeEngine::start(&far.place.run.engine, DOCKER_29);
    let plan = far.order(Operation::Plan);
    let (given, folder) = (far.given(), far.folder());
    let worker = tokio::spawn(async move {
        let stop = watch::Sender::new(false);
        work_given(Operation::Plan, &given, &folder, stop.subscribe()).await
    });
    made(&far.folder().join("begun")).await;
    let aside = far.place.path("aside");
    fs::rename(far.host_folder(&plan), &aside).unwrap();
    fs::write(far.folder().join("go"), "").unwrap();
    assert_eq!(worker.await.unwrap(), Ending::Undelivered);
    let kept = result(&far.folder());
    assert_eq!((kept.end, kept.saved), (End::Failed, None), "a plan whose files the host does not have is none");
    // Started again in the same folder it runs nothing, and hands over what is there.
    fs::rename(&aside, far.host_folder(&plan)).unwrap();
    fs::remove_file(far.folder().join("begun")).unwrap();
    let stop = watch::Sender::new(false);
    assert_eq!(work(Operation::Plan, &far.folder(), stop.subscribe()).await, Ending::Failed);
    assert!(!far.folder().join("begun").exists());
    let ours = fs::read(RunFolder::at(&far.host_folder(&plan)).result()).unwrap();
    assert_eq!(ours, fs::read(RunFolder::at(&far.folder()).result()).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_could_not_be_delivered_is_handed_over_with_the_rest() {
    let mut far = Far::new("errored").await;
    let _engine = FakeEngine::start(&far.place.run.engine, DOCKER_29);
    let apply = far.order(Operation::Apply);
    assert_eq!(far.work(Operation::Apply).await, Ending::Failed);
    let (ours, theirs) = (RunFolder::at(&far.host_folder(&apply)), RunFolder::at(&far.folder()));
    assert_eq!(fs::read(ours.errored_state()).unwrap(), fs::read(theirs.errored_state()).unwrap());
    let taken = whole::host(&far.place).result();
    assert_eq!(taken.state.unwrap().serial, 2);
    assert!(far.place.states.list().unwrap()[0].lock.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_that_are_none_start_nothing() {
    let mut far = Far::new("").await;
    let plan = far.order(Operation::Plan);
    let order = RunFolder::at(&far.given()).order();
    fs::write(&order, vec![b' '; 1 << 20]).unwrap();
    let Ending::NotStarted(why) = far.work(Operation::Plan).await else { panic!("it started") };
    assert!(why.contains("order.json") && why.contains("more than"), "{why}");
    fs::remove_file(&order).unwrap();
    fs::create_dir(&order).unwrap();
    let Ending::NotStarted(why) = far.work(Operation::Plan).await else { panic!("it started") };
    assert!(why.contains("no plain file"), "{why}");
    assert!(far.place.book.ledger().orders[&plan.name].claimed.is_none());
}
