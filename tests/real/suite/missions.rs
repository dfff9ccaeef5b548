//! The whole of it in a cluster: the manifests are applied as anybody would apply them, a mission is an object, the host is a pod
//! and its workers are Jobs. What a mission built is looked at on the node's engine.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::images;
use crate::parts::{parts, said, script, sources, until};
use crate::stage::{PATIENCE, text};

const HOST: [&str; 5] = ["-n", "ai-agent", "exec", "deploy/quarterdeck", "--"];
const TODAY: &str = "\">= 3.3.0, < 5.0.0\"";
/// Too old for an engine of release 29.
const OLD: &str = "\"~> 3.0.2\"";

/// A cluster with everything in it that the overlay `missions` has.
struct Deck {
    cluster: Cluster,
    overlay: String,
}

impl Deck {
    fn raise() -> Option<Deck> {
        let parts = parts()?;
        let cluster = Cluster::raise(Some("trixie"));
        said(Command::new(script("nginx.sh")).arg("load").arg(cluster.place().join("engine/docker.sock")));
        let builder = images::builder(parts);
        cluster.load(&builder.archive);
        cluster.load(&images::host().archive);
        said(cluster.inside("mkdir").arg("/var/lib/volume"));
        cluster.kubectl(&["apply", "-f", &script("kubernetes/storage.yaml").display().to_string()]);
        let overlay = overlay(&cluster, &builder.by_digest());
        let deck = Deck { cluster, overlay };
        deck.cluster.kubectl(&["apply", "-k", &deck.overlay]);
        deck.until_rolled_out();
        Some(deck)
    }

    fn until_rolled_out(&self) {
        self.cluster.kubectl(&["-n", "ai-agent", "rollout", "status", "deployment/quarterdeck", "--timeout=120s"]);
    }

    /// Applies the example; with these words of it in place of others.
    fn apply_example(&self, words: &[(&str, &str)]) {
        let example = sources().join("deploy/examples/kubernetes/web/mission.yaml");
        let mut text = fs::read_to_string(example).unwrap();
        for (from, to) in words {
            assert!(text.contains(from), "{from}: {text}");
            text = text.replace(from, to);
        }
        self.cluster.apply(&text);
    }

    fn mission(&self) -> Option<Value> {
        let output = self.cluster.try_kubectl(&["-n", "web", "get", "mission", "web", "-o", "json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// The mission, once it stands so.
    fn until_phase(&self, phase: &str) -> Value {
        until(&format!("the mission is {phase}"), PATIENCE, || {
            self.mission().filter(|mission| mission["status"]["phase"] == phase)
        })
    }

    fn until_gone(&self) {
        until("the mission's object is gone", PATIENCE, || self.mission().is_none().then_some(()));
    }

    /// What the command line says within the host's pod.
    fn say(&self, words: &[&str]) -> (bool, String) {
        let output = self.cluster.try_kubectl(&[&HOST[..], &["quarterdeck"], words].concat());
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn must(&self, words: &[&str]) {
        let (done, said) = self.say(words);
        assert!(done, "{words:?}: {said}");
    }

    fn get(&self, what: &str) -> Vec<Value> {
        let list: Value = serde_json::from_str(&self.say(&["get", what, "-o", "json"]).1).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    fn until_finding(&self, rule: &str) -> Value {
        until(&format!("{rule} is found"), PATIENCE, || {
            self.get("findings").into_iter().find(|finding| finding["rule"] == rule)
        })
    }

    fn until_worker(&self, operation: &str, phase: &str) -> Value {
        until(&format!("a worker for {operation} is {phase}"), PATIENCE, || {
            self.get("workers").into_iter().find(|worker| worker["operation"] == operation && worker["phase"] == phase)
        })
    }

    /// The events on the mission, by their reason.
    fn events(&self) -> Vec<String> {
        let words = ["-n", "web", "get", "events", "--field-selector", "involvedObject.kind=Mission", "-o", "json"];
        let list: Value = serde_json::from_str(&self.cluster.kubectl(&words)).unwrap();
        let events = list["items"].as_array().cloned().unwrap_or_default();
        events.iter().map(|event| text("/reason", event)).collect()
    }

    /// The HTTP status that nginx answers with, or 000.
    fn web(&self) -> String {
        let words = "-s -o /dev/null -w %{http_code} --max-time 10 http://127.0.0.1:8080/";
        let output = self.cluster.inside("curl").args(words.split(' ')).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// The overlay as an operator edits it: the builder's image, and the group of the engine's socket. Nobody is asked about plans
/// here; what people are asked is tried elsewhere.
fn overlay(cluster: &Cluster, image: &str) -> String {
    let folder = cluster.path("overlay");
    fs::create_dir(&folder).unwrap();
    let up: String = fs::canonicalize(&folder).unwrap().components().skip(1).map(|_| "../").collect();
    let base = fs::canonicalize(sources().join("deploy/kubernetes/overlays/missions")).unwrap();
    let base = base.strip_prefix("/").unwrap().display();
    let group = said(cluster.inside("stat").args(["-L", "-c", "%g", "/run/docker.sock"]));
    let group: u32 = group.trim().parse().unwrap();
    let workers =
        format!("builder:\n  image: {image}\n  environment: {{ TF_CLI_CONFIG_FILE: /etc/quarterdeck/cli.tfrc }}\n");
    let charter = "/spec/template/spec/containers/0/args/4";
    let replace = |path: &str, value: Value| json!({ "op": "replace", "path": path, "value": value });
    let patch = |kind: &str, name: &str, changes: &[Value]| json!({ "target": { "kind": kind, "name": name }, "patch": json!(changes).to_string() });
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [format!("{up}{base}")],
        "patches": [
            patch("ConfigMap", "quarterdeck-builder-allows", &[replace("/data/images", json!(image))]),
            patch("ConfigMap", "quarterdeck-workers", &[replace("/data/workers.yaml", json!(workers))]),
            patch("Deployment", "quarterdeck", &[
                replace("/spec/template/spec/securityContext/supplementalGroups", json!([group])),
                json!({ "op": "test", "path": charter, "value": "--charter=production" }),
                replace(charter, json!("--charter=laptop")),
            ]),
        ],
    });
    fs::write(folder.join("kustomization.yaml"), kustomization.to_string()).unwrap();
    folder.display().to_string()
}

#[test]
fn a_mission_of_the_cluster_is_built_kept_through_an_upgrade_and_removed() {
    let Some(deck) = Deck::raise() else { return };
    deck.apply_example(&[(TODAY, OLD)]);
    let ready = deck.until_phase("Ready");
    assert_eq!(deck.web(), "200");
    let conditions = ready["status"]["conditions"].as_array().unwrap();
    for (kind, status) in
        [("Planned", "True"), ("Applied", "True"), ("Verified", "True"), ("Drifted", "False"), ("Ready", "True")]
    {
        let of_kind = conditions.iter().find(|condition| condition["type"] == kind).unwrap();
        assert_eq!(of_kind["status"], status, "{of_kind}");
    }
    assert_eq!(ready["status"]["observedGeneration"], ready["metadata"]["generation"]);
    assert_eq!(ready["metadata"]["finalizers"], Value::Null, "it is retained");
    let events = until("the events are there", PATIENCE, || {
        Some(deck.events()).filter(|events| events.contains(&"Applied".to_owned()))
    });
    assert!(events.contains(&"Planned".to_owned()), "{events:?}");

    // The engine is upgraded. A pod has the socket that was there when it began, so the host is begun anew.
    deck.cluster.swap("29");
    deck.cluster.kubectl(&["-n", "ai-agent", "rollout", "restart", "deployment/quarterdeck"]);
    deck.until_rolled_out();
    let held = deck.until_phase("Held");
    let told = text("/status/message", &held);
    assert!(told.contains("1.41") && told.contains("1.44"), "the cause: {told}");
    assert!(told.contains(">= 3.3.0") && told.contains("main.tf"), "the cure, and where: {told}");
    deck.apply_example(&[]);
    until("it is planned anew", PATIENCE, || deck.mission().filter(|mission| mission["status"]["phase"] != "Held"));
    deck.until_phase("Ready");
    assert_eq!(deck.web(), "200");

    // Retain: the object goes at once, and what it built stays until a person says otherwise.
    deck.cluster.kubectl(&["-n", "web", "delete", "mission", "web", "--timeout=30s"]);
    let finding = deck.until_finding("mission-gone");
    assert!(finding.to_string().contains("docker_container.web"), "it lists what is left: {finding}");
    assert_eq!(deck.web(), "200");
    deck.must(&["destroy", "web/web", "--yes"]);
    until("nothing answers", PATIENCE, || (deck.web() == "000").then_some(()));

    // Destroy: the object waits for that.
    let destroys = ("  offers:", "  onDelete: Destroy\n  offers:");
    deck.apply_example(&[destroys]);
    let ready = deck.until_phase("Ready");
    assert_eq!(ready["metadata"]["finalizers"], json!(["quarterdeck.dev/destroy"]));
    assert_eq!(deck.web(), "200");
    // With its files: what it was made of is remembered.
    deck.cluster.kubectl(&["-n", "web", "delete", "configmap/web-files", "mission/web", "--timeout=120s"]);
    deck.until_gone();
    assert_eq!(deck.web(), "000");
    until("it is told", PATIENCE, || deck.events().contains(&"Destroyed".to_owned()).then_some(()));
    until("no finding is left of it", PATIENCE, || {
        deck.get("findings").iter().all(|finding| finding["rule"] != "mission-gone").then_some(())
    });

    // Abandoned: it goes as it is.
    deck.apply_example(&[destroys]);
    deck.until_phase("Ready");
    deck.must(&["pause", "web/web"]);
    deck.cluster.kubectl(&["-n", "web", "delete", "mission", "web", "--wait=false"]);
    let going = deck.mission().expect("it waits for a removal that is paused");
    assert!(going["metadata"]["deletionTimestamp"].is_string(), "{going}");
    deck.cluster.kubectl(&["-n", "web", "annotate", "mission", "web", "quarterdeck.dev/abandon="]);
    deck.until_gone();
    assert_eq!(deck.web(), "200");
    let finding = deck.until_finding("mission-gone");
    assert_eq!(finding["severity"], "warning", "{finding}");

    // All of it at once goes too, and what was retained stays.
    deck.cluster.kubectl(&["delete", "-k", &deck.overlay, "--timeout=120s"]);
    assert_eq!(deck.web(), "200");
    assert!(!deck.cluster.try_kubectl(&["get", "crd", "missions.quarterdeck.dev"]).status.success());
}

#[test]
fn a_mission_that_is_deleted_amid_an_apply_lets_the_apply_end_whole() {
    let Some(deck) = Deck::raise() else { return };
    for mode in ["background", "foreground", "orphan"] {
        deck.apply_example(&[]);
        let worker = deck.until_worker("apply", "running");
        let mode = format!("--cascade={mode}");
        deck.cluster.kubectl(&["-n", "web", "delete", "mission", "web", &mode, "--timeout=30s"]);
        let name = text("/name", &worker);
        let ended = until("the apply ends", PATIENCE, || {
            deck.get("workers")
                .into_iter()
                .find(|worker| worker["name"] == name.as_str() && worker["ended"].is_string())
        });
        assert_eq!((&ended["phase"], &ended["failure"]), (&json!("succeeded"), &Value::Null), "{mode}: {ended}");
        assert_eq!(deck.web(), "200", "{mode}");
        deck.must(&["destroy", "web/web", "--yes"]);
        until("nothing answers", PATIENCE, || (deck.web() == "000").then_some(()));
        until("the removal has ended", PATIENCE, || {
            deck.get("workers").iter().all(|worker| worker["ended"].is_string()).then_some(())
        });
    }
}
