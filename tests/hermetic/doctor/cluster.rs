//! The page of checks where a Kubernetes cluster is asked for and there is none, or what answers is none.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use quarterdeck_tests::fake_gemini::{FakeGemini, Step};
use quarterdeck_tests::program::command;
use serde_json::{Value, json};

const TOKEN: &str = "s3cret-t0ken-that-nobody-may-see";

/// A kubeconfig for an API server, with a token.
fn kubeconfig(folder: &Path, server: &str) -> PathBuf {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{ "name": "here", "context": { "cluster": "c", "user": "u" } }],
        "clusters": [{ "name": "c", "cluster": { "server": server } }],
        "users": [{ "name": "u", "user": { "token": TOKEN } }],
    });
    file(folder, "kubeconfig", &config.to_string())
}

fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    path
}

/// The checks of `doctor` with these words, and its exit code. Nothing of it holds the token.
fn doctor(folder: &Path, kubeconfig: Option<&Path>, words: &[&str]) -> (Option<i32>, Vec<Value>) {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).unwrap();
    let mut command = command(&data, &[&["doctor", "-o", "json"], words].concat());
    kubeconfig.map(|path| command.env("KUBECONFIG", path));
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!out.contains(TOKEN) && !err.contains(TOKEN), "{out}{err}");
    let page: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    (output.status.code(), page["items"].as_array().unwrap().clone())
}

fn named<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {checks:#?}"))
}

/// The cluster's check fails, says this somewhere, and nothing more is asked.
fn fails(found: &(Option<i32>, Vec<Value>), told: &str) {
    let (code, checks) = found;
    let check = named(checks, "cluster");
    assert!(check["verdict"] == "fail" && check.to_string().contains(told), "{told}: {check:#}");
    assert!(check["cause"].is_string() && check["cure"].is_string(), "{check:#}");
    assert_eq!(*code, Some(4));
    assert!(checks.iter().all(|check| check["name"] != "rights"), "{checks:#?}");
}

#[test]
fn a_kubeconfig_that_is_not_there_or_broken_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fails(&doctor(folder.path(), None, &["--kubernetes"]), "no kubeconfig");
    fails(&doctor(folder.path(), None, &["--context", "north"]), "use the context \\\"north\\\"");
    let good = kubeconfig(folder.path(), "http://127.0.0.1:1");
    fails(&doctor(folder.path(), Some(&good), &["--context", "north"]), "north");
    for text in ["users: [{name: u, user: s3cret-t0ken-that-nobody-may-see}]", "\u{0}", "[", "{}"] {
        let broken = file(folder.path(), "broken", text);
        fails(&doctor(folder.path(), Some(&broken), &["--kubernetes"]), "kubectl config get-contexts");
    }
    // A program that gets a token may say the token.
    let exec = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "interactiveMode": "Never",
        "args": ["-c", format!("echo {TOKEN}; echo {TOKEN} >&2; exit 3")] });
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&good).unwrap()).unwrap();
    config["users"][0]["user"] = json!({ "exec": exec });
    let config = file(folder.path(), "exec", &config.to_string());
    fails(&doctor(folder.path(), Some(&config), &["--kubernetes"]), "ended with exit status: 3");
}

#[test]
fn a_workers_file_that_is_wrong_is_one_check_among_others() {
    let folder = tempfile::tempdir().unwrap();
    let workers = file(folder.path(), "workers.yaml", "builder: { image: quarterdeck-builder }\n");
    let words = ["--missions", "--workers", workers.to_str().unwrap()];
    let found = doctor(folder.path(), None, &words);
    fails(&found, "no kubeconfig");
    let check = named(&found.1, "workers file");
    assert!(check["verdict"] == "fail" && check.to_string().contains("names no digest"), "{check:#}");
    // What the workers of a cluster need is in their image.
    assert!(found.1.iter().all(|check| check["name"] != "terraform"), "{found:#?}");
    assert_eq!(named(&found.1, "engine")["verdict"], "fail");
}

#[test]
fn a_host_that_only_looks_needs_no_engine_and_no_terraform() {
    let folder = tempfile::tempdir().unwrap();
    let (_, checks) = doctor(folder.path(), None, &["--kubernetes"]);
    assert!(checks.iter().all(|check| !["engine", "terraform", "providers"].map(Value::from).contains(&check["name"])));
    assert_eq!(named(&checks, "data folder")["verdict"], "warn");
    let output = command(folder.path(), &["doctor", "--missions"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "as run: missions need workers");
}

#[test]
fn an_api_server_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens at a port that was just given back.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = kubeconfig(folder.path(), &format!("http://ada:{TOKEN}@127.0.0.1:{port}"));
    let found = doctor(folder.path(), Some(&config), &["--kubernetes"]);
    fails(&found, "does not answer");
    fails(&found, &format!("http://127.0.0.1:{port}/, by the context here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_api_server_is_told_by_what_it_answers() {
    let table = [
        (Step::Answer(200, b"<html>\x1b[2J".to_vec()), "it is no JSON object"),
        (Step::Answer(200, b"{\"gitVersion\":7}".to_vec()), "it names no version"),
        (Step::Answer(404, b"nothing here".to_vec()), "it answered 404"),
        (Step::Answer(401, b"{\"kind\":\"Status\",\"message\":\"Unauthorized\"}".to_vec()), "renew the token"),
        (Step::Answer(403, b"{\"kind\":\"Status\",\"message\":\"no\\u001b[2J\"}".to_vec()), "no\\\\u{1b}[2J"),
        (Step::Flood, "the answer is not an API server's"),
        (Step::Raw(b"SSH-2.0-x\r\n".to_vec()), "does not answer"),
        (Step::Close, "does not answer"),
        (Step::Hang, "no answer within 5 s"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (step, told) in table {
        let fake = FakeGemini::start(vec![step]).await;
        let config = kubeconfig(folder.path(), fake.base_url());
        let place = folder.path().to_owned();
        let asked = tokio::task::spawn_blocking(move || doctor(&place, Some(&config), &["--kubernetes"]));
        fails(&asked.await.unwrap(), told);
        assert_eq!(fake.seen()[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_falls_silent_does_not_hold_the_page_up() {
    let version = json!({ "major": "1", "minor": "34", "gitVersion": "v1.34.4\u{1b}" }).to_string().into_bytes();
    let folder = tempfile::tempdir().unwrap();
    let fake = FakeGemini::start(vec![Step::Answer(200, version), Step::Hang]).await;
    let config = kubeconfig(folder.path(), fake.base_url());
    let workers = format!("builder: {{ image: \"x@sha256:{}\" }}", "a".repeat(64));
    let workers = file(folder.path(), "workers.yaml", &workers).display().to_string();
    let place = folder.path().to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let begun = std::time::Instant::now();
        (doctor(&place, Some(&config), &["--missions", "--workers", &workers]), begun.elapsed())
    });
    let ((_, checks), took) = asked.await.unwrap();
    assert!(took.as_secs() < 30, "{took:?}");
    let cluster = named(&checks, "cluster");
    assert!(cluster["verdict"] == "ok" && cluster.to_string().contains("v1.34.4\\\\u{1b}"), "{cluster:#}");
    for name in ["account", "rights", "kinds", "namespace ai-agent", "images", "way to the host", "lease", "jobs"] {
        let check = named(&checks, name);
        assert!(check["verdict"] == "warn" && check.to_string().contains("no answer "), "{check:#}");
    }
}
