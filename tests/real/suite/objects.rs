//! Missions as objects, on a real API server: what it accepts and refuses, how what the host knows of them follows what is
//! written, and what is written back.
//!
//! The host's eyes and its voice run by themselves here, in a process of this suite inside the cluster's namespace and under the
//! rights of the host's account: no policy decides, and no worker runs.

use std::sync::Arc;

use quarterdeck::api::objects;
use quarterdeck::app::Update;
use quarterdeck::driver::clock;
use quarterdeck::observe::Missions as _;
use quarterdeck::observe::kubernetes::missions::{ObjectMissions, ObjectMissionsConfig};
use quarterdeck::orient::orient;
use quarterdeck::remember::Blobs;
use quarterdeck_core::charter::Charter;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Answered, Episode, Opened};
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::Observation;
use quarterdeck_core::redaction::Redactor;
use serde_json::{Value, json};
use tokio::sync::{Notify, broadcast};

use crate::cluster::{Cluster, Inside};
use crate::parts::{said, sources, until};
use crate::stage::PATIENCE;

/// Where the process inside finds its folder.
const FOLDER: &str = "QUARTERDECK_OBJECTS_FOLDER";
const MAIN_TF: &str = r#"terraform {
  required_providers {
    docker = {
      source = "kreuzwerker/docker"
    }
  }
}

resource "docker_network" "n" {
  name = "n"
}
"#;

fn install(cluster: &Cluster) {
    let folder = sources().join("deploy/kubernetes/missions");
    cluster.kubectl(&["apply", "-k", folder.to_str().unwrap()]);
    cluster.kubectl(&["wait", "--for=condition=established", "--timeout=20s", "crd/missions.quarterdeck.dev"]);
}

fn mission(name: &str, spec: Value) -> String {
    let kind = json!({ "apiVersion": "quarterdeck.dev/v1alpha1", "kind": "Mission" });
    let mut object = kind.as_object().unwrap().clone();
    object.insert("metadata".to_owned(), json!({ "name": name, "namespace": "default" }));
    object.insert("spec".to_owned(), spec);
    Value::Object(object).to_string()
}

fn inline() -> Value {
    json!({ "goal": "A network.", "terraform": { "files": { "main.tf": MAIN_TF } } })
}

/// The whole of it with one part as it is here.
fn with(pointer: &[&str], value: Value) -> Value {
    let mut spec = inline();
    let mut place = &mut spec;
    for key in pointer {
        place = &mut place[*key];
    }
    *place = value;
    spec
}

#[test]
fn the_api_server_takes_good_missions_and_refuses_others_with_why() {
    let cluster = Cluster::raise(None);
    install(&cluster);
    let tried = |object: &str| {
        let file = cluster.path("object.json");
        std::fs::write(&file, object).unwrap();
        let output = cluster.try_kubectl(&["apply", "--dry-run=server", "-f", file.to_str().unwrap()]);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for spec in [
        inline(),
        with(
            &["terraform"],
            json!({ "configMap": { "name": "files" }, "variables": { "a": 1, "b": "x", "c": true, "d": ["y"] } }),
        ),
        with(&["offers"], json!(["network", "a-b-2"])),
        with(&["terraform", "files"], json!({ "main.tf": "", "modules/web/main.tf": "", ".terraform.lock.hcl": "" })),
    ] {
        let (taken, words) = tried(&mission("web", spec.clone()));
        assert!(taken, "{spec}: {words}");
    }
    let long = "w".repeat(38);
    for (name, spec, why) in [
        (long.as_str(), inline(), "metadata.name has at most 37 characters"),
        ("a.b", inline(), "metadata.name has no dots"),
        ("web", json!({ "goal": "g" }), "spec.terraform: Required value"),
        ("web", with(&["goal"], json!("g".repeat(1025))), "may not be more than 1024"),
        ("web", with(&["autonomy"], json!("always")), "Unsupported value: \"always\""),
        ("web", with(&["desired"], json!("gone")), "Unsupported value: \"gone\""),
        ("web", with(&["when"], json!("never")), "Unsupported value: \"never\""),
        ("web", with(&["offers"], json!(["A b"])), "should match '^[a-z0-9-]+$'"),
        ("web", with(&["offers"], json!(vec!["a"; 17])), "must have at most 16 items"),
        ("web", with(&["terraform", "configMap"], json!({ "name": "f" })), "give either files"),
        ("web", with(&["terraform"], json!({})), "give either files"),
        ("web", with(&["terraform", "files"], json!({ "/etc/main.tf": "" })), "a path is relative"),
        ("web", with(&["terraform"], json!({ "configMap": { "name": "A" } })), "should match"),
        ("web", with(&["onDelete"], json!("Delete")), "Unsupported value: \"Delete\""),
        ("web", with(&["destroyTimeout"], json!("soon")), "should match"),
        ("web", with(&["color"], json!("red")), "unknown field \"spec.color\""),
    ] {
        let (taken, words) = tried(&mission(name, spec.clone()));
        assert!(!taken && words.contains(why), "{name} {spec}: {words}");
    }
    cluster.apply(&mission("web", inline()));
    let explained = cluster.kubectl(&["explain", "mission.spec.terraform", "--recursive=false"]);
    assert!(explained.contains("configMap") && explained.contains("whoever may read this object"), "{explained}");
    let columns = cluster.kubectl(&["get", "msn", "-o", "wide"]);
    let columns: Vec<&str> = columns.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(columns, ["NAME", "PHASE", "READY", "APPROVAL", "AGE", "MESSAGE"]);
    only_the_finalizer(&cluster);
    let kept = cluster.get(&["mission", "web"]);
    assert_eq!((&kept["spec"]["autonomy"], &kept["spec"]["desired"]), (&json!("approve"), &json!("present")));
}

/// What the host may patch of a mission that is there.
fn only_the_finalizer(cluster: &Cluster) {
    cluster.kubectl(&[
        "patch",
        "mission",
        "web",
        "--type=merge",
        "-p",
        r#"{"metadata": {"finalizers": ["shop.example/x"]}}"#,
    ]);
    let patched = |patch: &Value| {
        let patch = patch.to_string();
        let words =
            ["--as", crate::walls::HOST, "patch", "mission", "web", "--type=merge", "--dry-run=server", "-p", &patch];
        let output = cluster.try_kubectl(&words);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let names = |names: &[&str]| json!({ "metadata": { "finalizers": names } });
    until("the policy holds", PATIENCE, || (!patched(&json!({ "spec": { "goal": "Mine." } })).0).then_some(()));
    let (taken, words) = patched(&names(&["shop.example/x", "quarterdeck.dev/destroy"]));
    assert!(taken, "{words}");
    for (patch, why) in [
        (json!({ "spec": { "goal": "Mine." } }), "changes nothing of what a mission wants"),
        (json!({ "spec": { "onDelete": "Destroy" } }), "changes nothing of what a mission wants"),
        (json!({ "metadata": { "labels": { "team": "ours" } } }), "no label, annotation or owner"),
        (json!({ "metadata": { "annotations": { "quarterdeck.dev/abandon": "" } } }), "no label, annotation or owner"),
        (names(&[]), "its own alone"),
        (names(&["shop.example/x", "shop.example/y"]), "its own alone"),
    ] {
        let (taken, words) = patched(&patch);
        assert!(!taken && words.contains(why), "{patch}: {words}");
    }
    cluster.kubectl(&["patch", "mission", "web", "--type=merge", "-p", r#"{"metadata": {"finalizers": null}}"#]);

    // How it stands is the host's to say, as it does in the story below: people read there what they say yes to.
    let status = r#"{"status": {"phase": "Ready", "observedGeneration": 1, "message": "", "conditions": []}}"#;
    let words = ["patch", "mission", "web", "--subresource=status", "--dry-run=server", "--type=merge", "-p", status];
    let output = cluster.try_kubectl(&words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("only the host says how a mission stands"), "{said}");
}

/// The host's eyes and voice, under the rights of its account.
fn start(cluster: &Cluster) -> Inside {
    for file in ["base/namespace.yaml", "base/rights.yaml", "missions/rights.yaml"] {
        cluster.kubectl(&["apply", "-f", sources().join("deploy/kubernetes").join(file).to_str().unwrap()]);
    }
    let token = cluster.kubectl(&["-n", "ai-agent", "create", "token", "quarterdeck", "--duration=1h"]);
    let admin: Value = serde_json::from_str(&cluster.kubectl(&["config", "view", "--raw", "-o", "json"])).unwrap();
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{ "name": "here", "context": { "cluster": "here", "user": "host" } }],
        "clusters": [{ "name": "here", "cluster": admin["clusters"][0]["cluster"] }],
        "users": [{ "name": "host", "user": { "token": token } }],
    });
    let path = cluster.path("kubeconfig.json");
    std::fs::write(&path, config.to_string()).unwrap();
    let mut command = cluster.inside("env");
    command.arg(format!("KUBECONFIG={}", path.display())).arg(format!("{FOLDER}={}", cluster.path("host").display()));
    command.arg(std::env::current_exe().unwrap()).args(["--exact", "objects::inside", "--nocapture"]);
    cluster.start("eyes", &mut command)
}

/// Runs in the cluster's namespace: takes what is seen into a ledger, and says all of it at each change. Where it is not told
/// a folder there is nothing to do.
#[test]
#[allow(clippy::disallowed_methods, reason = "this is a program of its own, which is told by its environment")]
fn inside() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let connection = quarterdeck::apiserver::connect(None).await.unwrap();
        let changed = Arc::new(Notify::new());
        let wake = changed.clone();
        let missions = ObjectMissions::start(ObjectMissionsConfig {
            connection: connection.clone(),
            blobs: Arc::new(Blobs::open(folder.as_ref()).unwrap()),
            grants: Arc::new(Arc::default),
            secrets: None,
            redactor: Arc::new(Redactor::new([7; 32])),
            wake: Arc::new(move || wake.notify_one()),
        });
        missions.first_look().await;
        let (updates, received) = broadcast::channel(16);
        let desk = objects::missions::Desk { updates: received, known: missions.known(), clock };
        let _voice = objects::missions::start(&connection, desk);
        let mut ledger = Ledger::default();
        loop {
            let seen = missions.seen();
            let observation = Observation { at: clock(), missions: seen.clone(), ..Observation::default() };
            ledger.news(&observation).iter().for_each(|entry| ledger.fold(entry));
            let (situation, ground) = orient(&Charter::default(), &ledger, &observation);
            let opened = Opened {
                turn: situation.turn,
                at: situation.now,
                situation: Vec::new(),
                ground,
                policy: Digest::ZERO,
                answer: Answered::Decided(Vec::new()),
                logs: Vec::new(),
                fuel: 0,
                ledger: Digest::ZERO,
                verdicts: Vec::new(),
            };
            let episode = Episode { opened, closed: None };
            let _sent = updates.send(Arc::new(Update { episode, situation, ledger: Arc::new(ledger.clone()) }));
            let told = seen.iter().map(|seen| match &seen.spec {
                Ok(spec) => {
                    let generation = ledger.mission(&spec.name).map(|state| state.generation);
                    json!({ "source": seen.source, "plan": spec.plan.to_string(), "generation": generation })
                }
                Err(problem) => json!({ "source": seen.source, "problem": problem }),
            });
            println!("SEEN {}", told.collect::<Value>());
            changed.notified().await;
        }
    });
}

/// What it said last.
fn last(eyes: &Inside) -> Option<Value> {
    let words = eyes.words();
    // A line that is being written is none yet.
    let whole = &words[..=words.rfind('\n')?];
    let line = whole.lines().rev().find_map(|line| line.split_once("SEEN "))?;
    serde_json::from_str(line.1).ok()
}

fn until_seen<T>(eyes: &Inside, what: &str, mut fits: impl FnMut(&Value) -> Option<T>) -> T {
    until(what, PATIENCE, || fits(&last(eyes)?))
}

/// The plan and the generation of the only mission.
fn only(seen: &Value) -> Option<(String, u64)> {
    match seen.as_array()?.as_slice() {
        [one] => Some((one["plan"].as_str()?.to_owned(), one["generation"].as_u64()?)),
        _ => None,
    }
}

fn problem(seen: &Value, says: &str) -> Option<String> {
    let mut problems = seen.as_array()?.iter().filter_map(|one| one["problem"].as_str());
    problems.find(|problem| problem.contains(says)).map(str::to_owned)
}

#[test]
fn what_is_written_is_seen_and_what_is_seen_is_written_back() {
    let cluster = Cluster::raise(None);
    let eyes = start(&cluster);
    until_seen(&eyes, "there is no such kind", |seen| {
        problem(seen, "kubectl apply -f deploy/kubernetes/missions/crds.yaml")
    });
    drop(eyes);
    install(&cluster);
    let eyes = start(&cluster);
    until_seen(&eyes, "nothing is there", |seen| (*seen == json!([])).then_some(()));

    // The files lie in a ConfigMap that nobody lets the host read; what it says is what has to be done.
    let map = |text: &str| {
        let file = cluster.path("main.tf");
        std::fs::write(&file, text).unwrap();
        let words = ["create", "configmap", "files", "--dry-run=client", "-o", "yaml", "--from-file"];
        let map = cluster.kubectl(&[&words[..], &[file.to_str().unwrap()]].concat());
        cluster.apply(&map);
    };
    cluster.apply(&mission("web", with(&["terraform"], json!({ "configMap": { "name": "files" } }))));
    let denied = until_seen(&eyes, "the files may not be read", |seen| problem(seen, "may not be read"));
    let command = denied.split("with: kubectl ").nth(1).unwrap().split(" (").next().unwrap();
    let status = until("its status says so", PATIENCE, || {
        let object = cluster.get(&["mission", "web"]);
        (object["status"]["phase"] == "Invalid").then(|| object["status"].clone())
    });
    assert!(status["message"].as_str().unwrap().contains("create rolebinding"), "{status}");
    assert_eq!(status["observedGeneration"], 1);
    said(cluster.inside("kubectl").args(command.split_whitespace()));
    until_seen(&eyes, "there are no files", |seen| problem(seen, "there is no ConfigMap default/files"));
    map(MAIN_TF);
    let (plan, generation) = until_seen(&eyes, "it is a mission", only);
    let status = until("its status says that as well", PATIENCE, || {
        let object = cluster.get(&["mission", "web"]);
        (object["status"]["phase"] == "Pending").then(|| object["status"].clone())
    });
    let kinds: Vec<&str> =
        status["conditions"].as_array().unwrap().iter().filter_map(|one| one["type"].as_str()).collect();
    assert_eq!(kinds.len(), 6, "{status}");
    let owned = cluster.get(&["mission", "web", "--show-managed-fields"])["metadata"]["managedFields"].clone();
    let ours = owned.as_array().unwrap().iter().find(|entry| entry["manager"] == "quarterdeck").unwrap();
    assert_eq!((&ours["operation"], &ours["subresource"]), (&json!("Apply"), &json!("status")));

    // The ConfigMap is edited: another generation. It breaks: the last good one stays, and the status says so.
    map(&MAIN_TF.replace("\"n\"\n", "\"other\"\n"));
    let edited = until_seen(&eyes, "the edit is seen", |seen| only(seen).filter(|(now, _)| *now != plan));
    assert_eq!(edited.1, generation + 1);
    map("resource {");
    until_seen(&eyes, "it is broken", |seen| problem(seen, "default/files/main.tf:1:"));
    map(MAIN_TF);
    until_seen(&eyes, "it is mended", only);

    // While the API server is away nothing is forgotten; afterwards it is followed again.
    let before = eyes.words().len();
    cluster.apiserver("stop");
    cluster.apiserver("start");
    cluster.kubectl(&["delete", "mission", "web"]);
    until_seen(&eyes, "it is gone", |seen| (*seen == json!([])).then_some(()));
    assert!(!eyes.words()[before..].contains("problem"), "{}", eyes.words());

    // Made anew, it is another object: another generation of the same mission.
    cluster.apply(&mission("web", with(&["terraform"], json!({ "configMap": { "name": "files" } }))));
    let anew = until_seen(&eyes, "it is there again", only);
    assert_eq!((&anew.0, anew.1), (&plan, edited.1 + 2));
    let described = until("there are events", PATIENCE, || {
        let described = cluster.kubectl(&["describe", "mission", "web"]);
        described.contains("Conditions").then_some(described)
    });
    assert!(described.contains("Pending"), "{described}");
    let events = cluster.get(&["events", "--field-selector", "involvedObject.kind=Mission"]);
    let invalid = events["items"].as_array().unwrap().iter().filter(|event| event["reason"] == "Invalid");
    assert_eq!(invalid.count(), 3, "denied, missing, broken: {events}");
}
