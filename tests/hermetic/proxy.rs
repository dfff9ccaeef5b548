//! The password of a proxy reaches Terraform, and nothing that the worker tells.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use quarterdeck_core::order::End;
use quarterdeck_core::situation::Operation;
use quarterdeck_core::terraform::FileSet;
use quarterdeck_core::terraform::files::File;
use quarterdeck_tests::fake_engine::{DOCKER_29, FakeEngine};
use quarterdeck_tests::fake_host::{FakeHost, from_now, lay_out};
use quarterdeck_worker::protocol::{HostAddress, RunConfig, RunFolder};
use quarterdeck_worker::work;
use tokio::sync::watch;

const MAIN: &str = "terraform {\n  required_providers {\n    docker = {\n      source = \"kreuzwerker/docker\"\n    }\n  }\n}\n\
                    resource \"docker_network\" \"n\" {\n  name = \"n\"\n}\n";
/// Neither its shape nor a name beside it tells that it is one.
const PASSWORD: &str = "correct horse";

/// A stand-in for terraform that says what it was given, wherever it can.
fn tool(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("terraform");
    let text = format!(
        "#!/bin/sh\necho \"seen $HTTPS_PROXY\" >&2\necho 'Error: the proxy does not take {PASSWORD}' >&2\nexit 1\n"
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    path
}

#[tokio::test]
async fn a_proxys_password_is_in_no_event_and_in_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("worker.sock");
    let _host = FakeHost::start(&socket);
    let engine = FakeEngine::start(&folder.path().join("engine.sock"), DOCKER_29);
    let address = format!("http://ada:{}@proxy:3128", PASSWORD.replace(' ', "%20"));
    let config = RunConfig {
        host: HostAddress::Socket(socket),
        terraform: tool(folder.path()),
        engine: engine.socket().to_owned(),
        environment: vec![("HTTPS_PROXY".to_owned(), address.clone())],
    };
    let file = File { path: "main.tf".to_owned(), bytes: MAIN.as_bytes().to_vec() };
    let (root, files) = (folder.path().join("run"), FileSet::new(vec![file]).unwrap());
    lay_out(&root, Operation::Plan, &files, None, from_now(Duration::from_secs(60)), &config);
    let stop = watch::Sender::new(false);
    work(Operation::Plan, &root, stop.subscribe()).await;
    let run = RunFolder::at(&root);
    let told = [fs::read_to_string(run.result()).unwrap(), fs::read_to_string(run.events()).unwrap()];
    let result: quarterdeck_core::order::WorkerResult = serde_json::from_str(&told[0]).unwrap();
    assert_eq!(result.end, End::Failed);
    assert!(result.failure.unwrap().message.contains("[redacted:known:"), "{}", told[0]);
    for text in told {
        assert!(!text.contains(PASSWORD) && !text.contains("correct%20horse"), "{text}");
    }
    let private = fs::read_dir(&root).unwrap().flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok());
    assert!(private.into_iter().any(|text| text.contains(&address)), "Terraform has it");
}
