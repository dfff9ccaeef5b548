//! The program looks at a real Kubernetes: each broken thing is found, soon, once, and no more when it is mended; an API
//! server that dies or freezes is told, and costs nothing that was known; a missing right is told with what grants it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::cluster::{Cluster, Inside};
use crate::images;
use crate::parts::{quarterdeck, said, script, until};
use crate::stage::{PATIENCE, text};

/// Some things are found only after minutes: what is not ready for two, what does not go for one, what a kubelet measures
/// once a minute. All are broken at once, on two processors.
const MINUTES: Duration = Duration::from_secs(420);

/// A host that looks at a cluster. It ends with its story.
struct Patrol<'a> {
    cluster: &'a Cluster,
    host: Inside,
}

impl Patrol<'_> {
    fn start(cluster: &Cluster) -> Patrol<'_> {
        Patrol::with(cluster, &[], None)
    }

    fn with<'a>(cluster: &'a Cluster, more: &[&str], kubeconfig: Option<&PathBuf>) -> Patrol<'a> {
        let mut command = cluster.inside("env");
        if let Some(path) = kubeconfig {
            command.arg(format!("KUBECONFIG={}", path.display()));
        }
        command.arg(quarterdeck()).arg("--data").arg(cluster.path("data")).args(["run", "--kubernetes", "--offline"]);
        let host = cluster.start("patrol", command.args(more));
        let patrol = Patrol { cluster, host };
        until("it takes turns", PATIENCE, || patrol.get("turns").and_then(|turns| turns.first().cloned()));
        patrol
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(quarterdeck());
        command.arg("--data").arg(self.cluster.path("data")).args(words).stdin(Stdio::null());
        command
    }

    fn get(&self, what: &str) -> Option<Vec<Value>> {
        let output = self.command(&["get", what, "-o", "json"]).output().unwrap();
        let list: Value = serde_json::from_slice(&output.stdout).ok()?;
        list["items"].as_array().cloned()
    }

    /// What it found, but for that it is an administrator here, which may do too much; see `jobs.rs` for that.
    fn findings(&self) -> Vec<Value> {
        let mut findings = self.get("findings").unwrap_or_default();
        findings.retain(|finding| finding["rule"] != "rights-excess");
        findings
    }

    /// The rules of the findings in a namespace.
    fn rules_in(&self, namespace: &str) -> BTreeSet<String> {
        let within = |finding: &&Value| finding["namespace"] == namespace;
        self.findings().iter().filter(within).map(|finding| text("/rule", finding)).collect()
    }

    fn until_rule(&self, rule: &str, patience: Duration) -> Value {
        until(&format!("{rule} is found"), patience, || {
            self.findings().into_iter().find(|finding| finding["rule"] == rule)
        })
    }

    fn until_gone(&self, rule: &str, patience: Duration) {
        until(&format!("{rule} is found no more"), patience, || {
            self.findings().iter().all(|finding| finding["rule"] != rule).then_some(())
        });
    }

    /// Ends in order.
    fn stop(mut self) {
        self.host.signal(Signal::TERM);
        let ended = until("the host ends", PATIENCE, || self.host.ended());
        assert_eq!(ended.code(), Some(130), "interrupted: {}", self.host.words());
        said(&mut self.command(&["journal", "verify"]));
        said(&mut self.command(&["replay"]));
    }
}

/// What a file of `broken/` says behind this word, line by line.
fn lines(name: &str, word: &str) -> Vec<String> {
    let file = fs::read_to_string(script("broken").join(format!("{name}.yaml"))).unwrap();
    let word = format!("# {word}: ");
    file.lines().filter_map(|line| line.strip_prefix(&word)).map(str::to_owned).collect()
}

#[test]
fn a_broken_thing_is_told_of_as_its_file_says_and_found_by_its_rules() {
    let cluster = Cluster::raise(None);
    let patrol = Patrol::start(&cluster);
    let healthy: Vec<String> = patrol.findings().iter().map(|finding| text("/rule", finding)).collect();
    assert!(healthy.is_empty(), "a cluster in which nothing is broken: {healthy:?}");

    let names = said(Command::new(script("broken.sh")).arg("list"));
    // What is wrong with a node would change what is said of the others.
    let (late, early): (Vec<&str>, Vec<&str>) = names.lines().partition(|name| name.starts_with("node-"));
    assert!(early.len() > 50 && late.len() == 3, "{names}");
    for names in [early, late] {
        cluster.damage(&names);
        for name in names {
            is_told(&cluster, name);
            is_found(&patrol, name);
        }
    }
    patrol.stop();
}

/// Kubernetes says of it what its file says.
fn is_told(cluster: &Cluster, name: &str) {
    let seen = lines(name, "Seen");
    assert!(!seen.is_empty(), "{name}: its file does not say what is seen");
    for line in seen {
        let (object, words) = line.split_once(": ").expect("an object, and words of it");
        until(&format!("{name}: {line}"), MINUTES, || {
            has(&cluster.get(&["--namespace", name, object]), words).then_some(())
        });
    }
}

/// Exactly the rules that its file names find it: in its namespace, and of what stands in none those with an object.
fn is_found(patrol: &Patrol<'_>, name: &str) {
    let finds = lines(name, "Finds");
    assert!(!finds.is_empty(), "{name}: its file does not say what finds it");
    let (outside, within): (Vec<&String>, Vec<&String>) = finds.iter().partition(|line| line.contains(": "));
    let within: BTreeSet<String> = within.into_iter().cloned().collect();
    let mut last = BTreeSet::new();
    let begun = Instant::now();
    until(&format!("{name}: {within:?} are found"), MINUTES, || {
        let found = patrol.rules_in(name);
        if found != last {
            eprintln!("{name}: after {} s: {found:?}", begun.elapsed().as_secs());
            last.clone_from(&found);
        }
        (found == within).then_some(())
    });
    for line in outside {
        let (object, rule) = line.split_once(": ").expect("an object, and a rule");
        until(&format!("{name}: {line}"), MINUTES, || {
            let is_it = |finding: &&Value| finding["object"] == object && finding["rule"] == rule;
            patrol.findings().iter().find(is_it).map(|_| ())
        });
    }
}

/// Whether one of the texts in a value has these words.
fn has(value: &Value, words: &str) -> bool {
    match value {
        Value::String(text) => text.contains(words),
        Value::Array(values) => values.iter().any(|value| has(value, words)),
        Value::Object(fields) => fields.values().any(|value| has(value, words)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Three replicas whose image is not there: each kubelet says so once, and then nothing changes any more.
const NEVER_PULLED: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - {name: main, image: 'quarterdeck.test/absent:1', imagePullPolicy: Never}
";

#[test]
fn a_broken_rollout_is_found_at_once_and_as_one_thing_and_ends_when_it_is_mended() {
    let cluster = Cluster::raise(None);
    let patrol = Patrol::start(&cluster);
    cluster.apply(NEVER_PULLED);
    let found = until("three pods are found", PATIENCE, || {
        patrol.findings().into_iter().find(|finding| finding["rule"] == "pod-image-pull" && finding["count"] == 3)
    });
    assert_eq!((text("/owner", &found), text("/namespace", &found)), ("Deployment/web".into(), "default".into()));
    let first = millis(&text("/firstSeen", &found));
    // The time of the kubelet's first write of a status, which has no fractions of a second.
    let written = cluster.kubectl(&["get", "pods", "-o", "json", "--show-managed-fields"]);
    let pods: Value = serde_json::from_str(&written).unwrap();
    let by_kubelet = pods["items"].as_array().unwrap().iter().flat_map(|pod| {
        let fields = pod["metadata"]["managedFields"].as_array().unwrap().clone();
        fields.into_iter().filter(|field| field["manager"] == "kubelet").map(|field| millis(&text("/time", &field)))
    });
    let reported = by_kubelet.min().expect("a kubelet has written");
    // Two seconds, and the one that a time without fractions may be short of.
    assert!(first - reported <= 3_000, "found {} ms after the kubelet's report", first - reported);

    cluster.kubectl(&["set", "image", "deployment/web", "main=quarterdeck.test/busybox:1"]);
    cluster.kubectl(&[
        "patch", "deployment", "web", "--type=json",
        "--patch=[{\"op\":\"add\",\"path\":\"/spec/template/spec/containers/0/command\",\"value\":[\"sleep\",\"infinity\"]}]",
    ]);
    patrol.until_gone("pod-image-pull", PATIENCE);
    assert_eq!(patrol.rules_in("default"), BTreeSet::new(), "nothing of it is left");
    patrol.stop();
}

fn millis(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn an_api_server_that_dies_or_freezes_is_told_and_what_was_known_stays() {
    let cluster = Cluster::raise(None);
    let patrol = Patrol::start(&cluster);
    cluster.apply(NEVER_PULLED);
    let found = patrol.until_rule("pod-image-pull", PATIENCE);

    for (ends, comes_back, seconds) in [("stop", "start", 60), ("freeze", "thaw", 20)] {
        let turns = || {
            let turns = patrol.get("turns").unwrap_or_default();
            turns.iter().filter_map(|turn| turn["turn"].as_u64()).max().expect("it turns")
        };
        let before = turns();
        cluster.apiserver(ends);
        let silent = patrol.until_rule("cluster-unreachable", PATIENCE);
        assert_eq!(silent["severity"], "critical");
        let known = patrol.until_rule("pod-image-pull", PATIENCE);
        assert_eq!((&known["id"], &known["firstSeen"]), (&found["id"], &found["firstSeen"]), "it stays as it was");
        assert!(turns() > before, "the loop goes on");
        // Longer than any wait between two tries, so that every watch has met it.
        let since = Instant::now();
        until("some time has passed", MINUTES, || (since.elapsed().as_secs() >= seconds).then_some(()));
        cluster.apiserver(comes_back);
        patrol.until_gone("cluster-unreachable", PATIENCE);
        let broken = patrol.findings().iter().filter(|finding| finding["rule"] == "watch-broken").count();
        assert_eq!(broken, 0, "a watch has the time to come back");
        let known = patrol.until_rule("pod-image-pull", PATIENCE);
        assert_eq!((&known["id"], &known["firstSeen"]), (&found["id"], &found["firstSeen"]), "it is the same");
    }

    // It sees again what happens, and no watch is taken for broken.
    cluster.kubectl(&["scale", "deployment/web", "--replicas=5"]);
    until("five pods are found", PATIENCE, || {
        patrol.findings().into_iter().find(|finding| finding["rule"] == "pod-image-pull" && finding["count"] == 5)
    });
    cluster.kubectl(&["delete", "deployment", "web"]);
    patrol.until_gone("pod-image-pull", PATIENCE);
    assert!(patrol.findings().is_empty(), "{:?}", patrol.findings());
    patrol.stop();
}

/// An account that has what the manifest's role grants.
const ALMOST: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: patrol}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: patrol-view}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: quarterdeck-read}
subjects: [{kind: ServiceAccount, name: patrol, namespace: default}]
";

#[test]
fn a_missing_right_is_told_with_what_grants_it_and_what_it_hides_is_found_once_it_is_granted() {
    let cluster = Cluster::raise(None);
    let rights = fs::read_to_string(script("../../deploy/kubernetes/base/rights.yaml")).unwrap();
    let role = rights.split("---").find(|part| part.contains("kind: ClusterRole\n")).expect("there is one role");
    let almost: String =
        role.lines().filter(|line| !line.contains("- ingresses ")).map(|line| format!("{line}\n")).collect();
    assert_ne!(almost, role);
    cluster.apply(&almost);
    cluster.apply(ALMOST);

    let config: Value = serde_json::from_str(&cluster.kubectl(&["config", "view", "--raw", "-o", "json"])).unwrap();
    let mut config = config;
    config["users"][0]["user"] = serde_json::json!({ "token": cluster.kubectl(&["create", "token", "patrol"]) });
    let path = cluster.path("patrol.kubeconfig");
    fs::write(&path, config.to_string()).unwrap();

    let patrol = Patrol::with(&cluster, &[], Some(&path));
    let denied = patrol.until_rule("watch-denied", PATIENCE);
    assert_eq!(denied["object"], "watch/ingresses");
    let message = text("/message", &denied);
    let grants = "{apiGroups: [\"networking.k8s.io\"], resources: [ingresses], verbs: [list, watch]}";
    assert!(
        message.contains("User \"system:serviceaccount:default:patrol\" cannot watch") && message.contains(grants),
        "{message}"
    );
    let denied = || patrol.findings().iter().filter(|finding| finding["rule"] == "watch-denied").count();
    assert_eq!(denied(), 1, "everything else is granted");

    cluster.damage(&["ingress-backend-missing"]);
    cluster.apply(role);
    patrol.until_rule("ingress-backend-missing", PATIENCE);
    patrol.until_gone("watch-denied", PATIENCE);
    patrol.stop();
}

#[test]
fn the_manifests_deploy_a_patrol_that_finds_what_is_broken_and_may_change_nothing() {
    let cluster = Cluster::raise(None);
    cluster.load(&images::host().archive);
    let overlay = script("../../deploy/kubernetes/overlays/read-only-patrol-without-storage");
    cluster.kubectl(&["apply", "-k", &overlay.display().to_string()]);
    cluster.kubectl(&["-n", "ai-agent", "rollout", "status", "deployment/quarterdeck", "--timeout=120s"]);

    let findings = || {
        let words =
            ["-n", "ai-agent", "exec", "deploy/quarterdeck", "--", "quarterdeck", "get", "findings", "-o", "json"];
        let list: Value = serde_json::from_slice(&cluster.try_kubectl(&words).stdout).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    };
    cluster.damage(&["image-never-pulled"]);
    until("the broken pod is found by the host in its own pod", PATIENCE, || {
        findings().into_iter().find(|finding| finding["rule"] == "pod-image-pull")
    });
    let rules: BTreeSet<String> = findings().iter().map(|finding| text("/rule", finding)).collect();
    assert_eq!(
        rules,
        BTreeSet::from(["pod-image-pull".to_owned()]),
        "every watch is granted, and nothing of ours is wrong"
    );

    let may = |verb: &str, resource: &str| {
        let account = "--as=system:serviceaccount:ai-agent:quarterdeck";
        cluster.try_kubectl(&["auth", "can-i", verb, resource, "--all-namespaces", account]).status.success()
    };
    for kind in ["pods", "events", "nodes", "clusterrolebindings.rbac.authorization.k8s.io"] {
        assert!(may("list", kind) && may("watch", kind), "{kind}");
        for verb in ["create", "update", "patch", "delete", "deletecollection"] {
            assert!(!may(verb, kind), "{verb} {kind}");
        }
    }
    for (verb, resource) in [
        ("list", "secrets"),
        ("get", "secrets"),
        ("list", "configmaps"),
        ("create", "pods/exec"),
        ("get", "pods/log"),
        ("create", "serviceaccounts/token"),
        ("impersonate", "users"),
        ("*", "*"),
    ] {
        assert!(!may(verb, resource), "{verb} {resource}");
    }
}
