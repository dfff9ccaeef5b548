//! The whole of it in a cluster: the manifests are applied as anybody would apply them, a mission is an object, the host is a pod
//! and its workers are Jobs. What a mission built is looked at on the node's engine.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::images;
use crate::parts::{parts, said, script, sources, until};
use crate::stage::{PATIENCE, text};

pub(crate) const HOST: [&str; 5] = ["-n", "ai-agent", "exec", "deploy/quarterdeck", "--"];
const TODAY: &str = "\">= 3.3.0, < 5.0.0\"";
/// Too old for an engine of release 29.
const OLD: &str = "\"~> 3.0.2\"";

/// A cluster with everything in it that the overlay `missions` has.
pub(crate) struct Deck {
    pub(crate) cluster: Cluster,
    overlay: String,
}

impl Deck {
    /// Nobody is asked about plans.
    pub(crate) fn raise() -> Option<Deck> {
        Deck::under("laptop")
    }

    fn under(charter: &str) -> Option<Deck> {
        let parts = parts()?;
        let cluster = Cluster::raise(Some("trixie"));
        said(Command::new(script("nginx.sh")).arg("load").arg(cluster.place().join("engine/docker.sock")));
        let builder = images::builder(parts);
        cluster.load(&builder.archive);
        cluster.load(&images::host().archive);
        said(cluster.inside("mkdir").arg("/var/lib/volume"));
        cluster.kubectl(&["apply", "-f", &script("kubernetes/storage.yaml").display().to_string()]);
        let overlay = overlay(&cluster, &builder.by_digest(), charter);
        let deck = Deck { cluster, overlay };
        deck.cluster.kubectl(&["apply", "-k", &deck.overlay]);
        deck.until_rolled_out();
        Some(deck)
    }

    pub(crate) fn until_rolled_out(&self) {
        self.cluster.kubectl(&["-n", "ai-agent", "rollout", "status", "deployment/quarterdeck", "--timeout=120s"]);
    }

    /// Applies the example; with these words of it in place of others.
    pub(crate) fn apply_example(&self, words: &[(&str, &str)]) {
        self.cluster.apply(&example(words));
    }

    fn mission(&self) -> Option<Value> {
        let output = self.cluster.try_kubectl(&["-n", "web", "get", "mission", "web", "-o", "json"]);
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// The mission, once it stands so.
    pub(crate) fn until_phase(&self, phase: &str) -> Value {
        until(&format!("the mission is {phase}"), PATIENCE, || {
            self.mission().filter(|mission| mission["status"]["phase"] == phase)
        })
    }

    fn until_gone(&self) {
        until("the mission's object is gone", PATIENCE, || self.mission().is_none().then_some(()));
    }

    /// What the command line says within the host's pod.
    pub(crate) fn say(&self, words: &[&str]) -> (bool, String) {
        let output = self.cluster.try_kubectl(&[&HOST[..], &["quarterdeck"], words].concat());
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(crate) fn must(&self, words: &[&str]) {
        let (done, said) = self.say(words);
        assert!(done, "{words:?}: {said}");
    }

    pub(crate) fn get(&self, what: &str) -> Vec<Value> {
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

    /// An Approval of this name, as this user makes it by hand; whether it was taken, and what was said.
    fn made_by_hand(&self, user: &str, name: &str, spec: &Value) -> (bool, String) {
        let object = json!({
            "apiVersion": "quarterdeck.dev/v1alpha1", "kind": "Approval",
            "metadata": { "name": name, "namespace": "web" }, "spec": spec,
        });
        let file = self.cluster.path("approval.json");
        fs::write(&file, object.to_string()).unwrap();
        let output = self.cluster.try_kubectl(&["--as", user, "create", "-f", file.to_str().unwrap()]);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// What the host made of an Approval.
    fn answered(&self, name: &str) -> (String, String) {
        until(&format!("the Approval {name} is answered"), PATIENCE, || {
            let approval = self.cluster.get(&["-n", "web", "approval", name]);
            let state = approval["status"]["state"].as_str()?.to_owned();
            Some((state, text("/status/reason", &approval)))
        })
    }

    /// The HTTP status that nginx answers with, or 000.
    pub(crate) fn web(&self) -> String {
        let words = "-s -o /dev/null -w %{http_code} --max-time 10 http://127.0.0.1:8080/";
        let output = self.cluster.inside("curl").args(words.split(' ')).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// The example, with these words of it in place of others.
pub(crate) fn example(words: &[(&str, &str)]) -> String {
    let example = sources().join("deploy/examples/kubernetes/web/mission.yaml");
    let mut text = fs::read_to_string(example).unwrap();
    for (from, to) in words {
        assert!(text.contains(from), "{from}: {text}");
        text = text.replace(from, to);
    }
    text
}

/// The overlay as an operator edits it: the builder's image, the group of the engine's socket, and the charter.
fn overlay(cluster: &Cluster, image: &str, wanted: &str) -> String {
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
                replace(charter, json!(format!("--charter={wanted}"))),
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

    // Destroy: the object waits for that. What can't be kept for it is not built.
    let destroys = ("  offers:", "  onDelete: Destroy\n  offers:");
    let may_patch = |op: &str, value: &str| {
        let patch = format!("[{{\"op\":\"{op}\",\"path\":\"/rules/0/verbs/3\"{value}}}]");
        deck.cluster.kubectl(&["patch", "clusterrole", "quarterdeck-missions", "--type=json", "-p", &patch]);
    };
    let workers = deck.get("workers").len();
    may_patch("remove", "");
    deck.apply_example(&[destroys]);
    let unkept = deck.until_phase("Invalid");
    assert!(text("/status/message", &unkept).contains("finalizer"), "{unkept}");
    assert_eq!(deck.get("workers").len(), workers, "nothing is begun");
    may_patch("add", ",\"value\":\"patch\"");
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

/// Who may approve in the mission's namespace.
pub(crate) const APPROVERS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: approver, namespace: web}
rules:
  - {apiGroups: [quarterdeck.dev], resources: [missions], verbs: [get, list]}
  - {apiGroups: [quarterdeck.dev], resources: [approvals], verbs: [create, get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: approvers, namespace: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: approver}
subjects:
  - {kind: User, name: ada, apiGroup: rbac.authorization.k8s.io}
  - {kind: User, name: ben, apiGroup: rbac.authorization.k8s.io}
";

#[test]
fn users_of_the_cluster_say_yes_in_their_own_names_and_nobody_in_anothers() {
    let Some(deck) = Deck::under("production") else { return };
    deck.apply_example(&[("  offers:", "  onDelete: Destroy\n  offers:")]);
    deck.cluster.apply(APPROVERS);
    let waiting = deck.until_phase("AwaitingApproval");
    let plan = &waiting["status"]["plan"];
    assert!(plan["touches"].to_string().contains("docker_container.web"), "{plan}");
    let own = |by: &str| json!({ "approval": plan["approval"], "mission": "web", "plan": plan["digest"], "by": by, "decision": "approve" });

    // Another's name, another plan, and somebody who may not.
    let (made, said) = deck.made_by_hand("ada", "forged", &own("ben"));
    assert!(!made && said.contains("spec.by has to be the name of the user"), "{said}");
    let (code, said) = deck.cluster.plugin_as("eve", &["approve", "web", "-n", "web", "--yes"]);
    assert!(code == Some(3) && said.contains("cannot get resource \"missions\""), "{code:?} {said}");
    let mut other = own("ada");
    other["plan"] = format!("sha256:{}", "0".repeat(64)).into();
    assert!(deck.made_by_hand("ada", "other", &other).0);
    let (state, reason) = deck.answered("other");
    assert!(state == "Refused" && reason.contains("another plan"), "{state}: {reason}");

    // The policy is loosened, a name is forged, and the policy is as it was: seen, before and afterwards. What is younger than
    // half a minute would be refused for that.
    let created = text(
        "/metadata/creationTimestamp",
        &deck.cluster.get(&["validatingadmissionpolicy", "quarterdeck-approval-by"]),
    );
    let seconds =
        |when: &str| crate::parts::said(Command::new("date").args(["-d", when, "+%s"])).trim().parse::<i64>().unwrap();
    until("the policy is old enough", PATIENCE, || (seconds("now") > seconds(&created) + 31).then_some(()));
    let loosen = ["patch", "validatingadmissionpolicybinding", "quarterdeck-approval-by", "--type=merge", "-p"];
    deck.cluster.kubectl(&[&loosen[..], &["{\"spec\":{\"validationActions\":[\"Warn\"]}}"]].concat());
    until("nobody holds it back", PATIENCE, || deck.made_by_hand("ada", "while-loose", &own("ben")).0.then_some(()));
    let (state, reason) = deck.answered("while-loose");
    assert!(state == "Refused" && reason.contains("is not the one that this host knows"), "{state}: {reason}");
    deck.cluster.kubectl(&[&loosen[..], &["{\"spec\":{\"validationActions\":[\"Deny\"]}}"]].concat());
    let (code, said) = deck.cluster.plugin_as("ada", &["approve", "web", "-n", "web", "--yes"]);
    assert!(code == Some(1) && said.contains("was changed since it was created"), "{code:?} {said}");
    let policy = sources().join("deploy/kubernetes/missions/approval-policy.yaml");
    deck.cluster.kubectl(&["replace", "--force", "-f", policy.to_str().unwrap()]);
    assert!(deck.get("workers").iter().all(|worker| worker["operation"] == "plan"), "nothing was applied meanwhile");
    assert_eq!(deck.web(), "000");

    // In one's own name, once the policy has been in force for a while.
    let (code, said) = until("an Approval counts", PATIENCE, || {
        let (code, said) = deck.cluster.plugin_as("ada", &["approve", "web", "-n", "web", "--yes", "-o", "json"]);
        (!said.contains("was in force")).then_some((code, said))
    });
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{code:?} {said}"));
    assert_eq!((code, &told["state"], &told["by"]), (Some(0), &json!("Accepted"), &json!("ada")), "{said}");
    deck.until_phase("Ready");
    assert_eq!(deck.web(), "200");
    // What was said is not said again, and nobody else says it any more.
    let workers = deck.get("workers").len();
    assert!(deck.made_by_hand("ada", "replayed", &own("ada")).0);
    assert!(deck.answered("replayed").1.contains("approved by as many as have to"));
    assert!(deck.made_by_hand("ben", "late", &own("ben")).0);
    assert_eq!(deck.answered("late").0, "Refused");
    assert_eq!(deck.get("workers").len(), workers, "no worker was begun for either");
    let (code, said) = deck.cluster.plugin_as("ada", &["approve", "web", "-n", "web", "--yes"]);
    assert!(code == Some(3) && said.contains("nobody is asked about mission web/web"), "{code:?} {said}");

    // A removal needs two of them.
    deck.cluster.kubectl(&["-n", "web", "delete", "mission", "web", "--wait=false"]);
    deck.until_phase("AwaitingApproval");
    let (code, said) = deck.cluster.plugin_as("ada", &["approve", "web", "-n", "web", "--yes"]);
    assert!(code == Some(0) && said.contains("1 of 2 people have said yes"), "{code:?} {said}");
    let (code, said) = deck.cluster.plugin_as("ada", &["approve", "web", "-n", "web", "--yes"]);
    assert!(said.contains("1 of 2 people have said yes"), "said twice it is said once: {code:?} {said}");
    assert_eq!(deck.web(), "200");
    let (code, said) = deck.cluster.plugin_as("ben", &["approve", "web", "-n", "web", "--yes"]);
    assert_eq!(code, Some(0), "{said}");
    deck.until_gone();
    assert_eq!(deck.web(), "000");
    deck.must(&["journal", "verify"]);
}
