//! `run --kubernetes` where there is no cluster: what is refused, and what is only found.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::TcpListener;
use std::process::Stdio;

use quarterdeck_tests::program::{self, Running, command, until};
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn what_can_be_no_cluster_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let web = program::root().join("deploy/examples/web").display().to_string();
    for (words, code, cause, next) in [
        (&["run", "--kubernetes"][..], 3, "no kubeconfig", "kubectl config get-contexts"),
        (&["run", "--context", "north"], 3, "use the context \"north\"", "kubectl config get-contexts"),
        (
            &["run", &web, "--kubernetes", "--engine", "/nonexistent"],
            3,
            "missions beside --kubernetes are looked after for real",
            "without missions",
        ),
        (&["run", "--kubernetes", "--until-ready"], 2, "<PATH>...", ""),
        (&["run"], 2, "<PATH>...", ""),
    ] {
        let output = command(folder.path(), words).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        assert!(told.contains(cause) && told.contains(next), "{words:?}: {told}");
    }
}

#[test]
fn a_cluster_that_does_not_answer_is_found_and_the_host_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens at a port that was just given back.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "{{apiVersion: v1, kind: Config, current-context: here, contexts: [{{name: here, context: {{cluster: c, user: u}}}}], \
         clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}], users: [{{name: u, user: {{}}}}]}}"
    );
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, config).unwrap();
    let data = folder.path().join("data");
    let mut host = command(&data, &["run", "--context", "here", "--offline"]);
    let mut host = Running(host.env("KUBECONFIG", &path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let found = until("the silent cluster is found", || {
        let list = command(&data, &["get", "findings", "-o", "json"]).output().unwrap();
        let list: Value = serde_json::from_slice(&list.stdout).ok()?;
        list["items"].as_array()?.iter().find(|finding| finding["rule"] == "cluster-unreachable").cloned()
    });
    assert_eq!((&found["object"], &found["severity"]), (&"cluster/kubernetes".into(), &"critical".into()));
    assert_eq!(host.ends_by(Signal::TERM), Some(130));
}
