//! Workers as Jobs of a real Kubernetes: a mission is built by them on the node's engine, a host that is killed amid an
//! apply finds it again, what stands under a worker's name is never taken for ours, and of two hosts one acts.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Inside};
use crate::images;
use crate::parts::{parts, quarterdeck, said, script, sources, until};
use crate::stage::{PATIENCE, text};
use crate::walls::fortify;

/// Where the workers' Jobs are.
const NAMESPACE: &str = "quarterdeck-builder";
/// The node's own address, by which its pods reach a program of the namespace.
const NODE: &str = "10.98.0.1";

/// A cluster with an engine on its node, the builder's image, and what workers need.
struct Yard {
    cluster: Cluster,
    image: String,
}

impl Yard {
    fn raise() -> Option<Yard> {
        let parts = parts()?;
        let cluster = Cluster::raise(Some("trixie"));
        said(Command::new(script("nginx.sh")).arg("load").arg(cluster.place().join("engine/docker.sock")));
        let image = images::builder(parts);
        cluster.load(&image.archive);
        let image = image.by_digest();
        fortify(&cluster, &image);
        // The host is who it will be in a pod, with its rights and no others.
        let mut config: Value =
            serde_json::from_str(&cluster.kubectl(&["config", "view", "--raw", "-o", "json"])).unwrap();
        config["users"][0]["user"] =
            json!({ "token": cluster.kubectl(&["-n", "ai-agent", "create", "token", "quarterdeck"]) });
        fs::write(cluster.path("kubeconfig"), config.to_string()).unwrap();
        let yard = Yard { cluster, image };
        let (from, to) = (sources().join("deploy/examples/web"), yard.cluster.path("web"));
        fs::create_dir(&to).unwrap();
        for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        Some(yard)
    }

    /// A host in the background, with a data folder and a port of its own, once it has taken a turn.
    fn host(&self, name: &str, port: u16, more: &[&str]) -> Host {
        let file = self.cluster.path(&format!("{name}.yaml"));
        let text = format!(
            "listen: 0.0.0.0:{port}\naddress: {NODE}:{port}\nbuilder:\n  image: {}\n  environment: {{ TF_CLI_CONFIG_FILE: \
             /etc/quarterdeck/cli.tfrc }}\n",
            self.image
        );
        fs::write(&file, text).unwrap();
        let data = self.cluster.path(name);
        let mut command = self.cluster.inside("env");
        command
            .arg("QUARTERDECK_LOG=info")
            .arg(format!("KUBECONFIG={}", self.cluster.path("kubeconfig").display()))
            .arg(quarterdeck())
            .arg("--data")
            .arg(&data)
            .arg("run");
        command.arg(self.cluster.path("web")).arg("--workers").arg(file);
        command.args(["--engine", "/run/docker.sock", "--offline"]).args(more);
        Host { program: self.cluster.start(name, &mut command), data }
    }

    /// The HTTP status that nginx answers with, or 000.
    fn web(&self) -> String {
        let words = "-s -o /dev/null -w %{http_code} --max-time 10 http://127.0.0.1:8080/";
        let output = self.cluster.inside("curl").args(words.split(' ')).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The requests in the workers' namespace that the API server granted.
    fn granted(&self, verb: &str, resource: &str) -> Vec<Value> {
        let granted = |event: &Value| event["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300);
        let here = |event: &Value| event["objectRef"]["namespace"] == NAMESPACE && granted(event);
        self.cluster.audited(verb, resource).into_iter().filter(here).collect()
    }

    /// What the cluster has of workers.
    fn left(&self) -> Vec<String> {
        let words = [
            "-n",
            NAMESPACE,
            "get",
            "jobs,pods,configmaps",
            "-o",
            "name",
            "-l",
            "app.kubernetes.io/managed-by=quarterdeck",
        ];
        self.cluster.kubectl(&words).lines().map(str::to_owned).collect()
    }
}

/// A host that works in the cluster.
struct Host {
    program: Inside,
    data: PathBuf,
}

impl Host {
    fn say(&self, words: &[&str]) -> Output {
        let mut command = Command::new(quarterdeck());
        command.arg("--data").arg(&self.data).args(words).stdin(Stdio::null()).output().unwrap()
    }

    fn get(&self, what: &str) -> Vec<Value> {
        let output = self.say(&["get", what, "-o", "json"]);
        let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    fn until_phase(&self, phase: &str) {
        until(&format!("the mission is {phase}"), PATIENCE, || {
            self.get("missions").into_iter().find(|mission| mission["phase"] == phase)
        });
    }

    /// The newest worker of this operation, once there is one in this phase.
    fn until_worker(&self, operation: &str, phase: &str) -> Value {
        until(&format!("a worker for {operation} is {phase}"), PATIENCE, || {
            self.get("workers").into_iter().find(|worker| worker["operation"] == operation && worker["phase"] == phase)
        })
    }

    fn must(&self, words: &[&str]) {
        let output = self.say(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Ends in order, with a journal that is whole.
    fn stop(mut self) {
        self.program.signal(Signal::TERM);
        until("the host ends", PATIENCE, || self.program.ended());
        self.must(&["journal", "verify"]);
        self.must(&["replay"]);
    }
}

#[test]
fn a_mission_is_built_by_jobs_survives_its_host_and_is_removed() {
    let Some(yard) = Yard::raise() else { return };
    let host = yard.host("first", 8443, &[]);
    host.until_worker("apply", "running");
    host.program.signal(Signal::KILL);
    drop(host);

    // The apply goes on by itself; the next host takes its result.
    let host = yard.host("first", 8443, &[]);
    host.until_phase("Ready");
    assert_eq!(yard.web(), "200");
    let applies: Vec<Value> = host.get("workers").into_iter().filter(|worker| worker["operation"] == "apply").collect();
    assert_eq!(applies.len(), 1, "the apply that was at work was taken over, and no other was made: {applies:?}");
    assert!(text("/claimant", &applies[0]).starts_with("pod "), "{applies:?}");
    let made = yard.granted("create", "jobs");
    let mut names: Vec<String> = made.iter().map(|event| text("/objectRef/name", event)).collect();
    names.sort();
    let mut once = names.clone();
    once.dedup();
    assert_eq!(names, once, "each order's Job is made once, by two hosts");
    assert!(made.iter().all(|event| text("/user/username", event) == crate::walls::HOST), "{made:?}");
    let lease = yard.cluster.get(&["-n", "ai-agent", "lease", "quarterdeck"]);
    assert_eq!(lease["spec"]["leaseTransitions"], 2, "each taking is a term of its own");
    until("nothing is left of the workers", PATIENCE, || yard.left().is_empty().then_some(()));

    host.must(&["destroy", "web", "--yes"]);
    host.until_phase("Absent");
    assert_eq!(yard.web(), "000");
    host.stop();
}

#[test]
fn what_stands_under_a_workers_name_is_never_taken_for_ours() {
    let Some(yard) = Yard::raise() else { return };
    // No Job can be made, so the name is known before there is one.
    yard.cluster.kubectl(&["-n", NAMESPACE, "create", "quota", "none", "--hard=count/jobs.batch=0"]);
    let host = yard.host("squatted", 8443, &[]);
    let order = text("/name", &until("a worker is ordered", PATIENCE, || host.get("workers").into_iter().next()));
    host.program.signal(Signal::STOP);
    yard.cluster.kubectl(&["-n", NAMESPACE, "delete", "quota", "none"]);
    // Only an administrator who takes the walls away can make one.
    let walls =
        ["delete", "validatingadmissionpolicybinding", "quarterdeck-builder-makers", "quarterdeck-builder-shape"];
    yard.cluster.kubectl(&[&walls[..], &["quarterdeck-builder-term"]].concat());
    yard.cluster.apply(&format!(
        r#"{{"apiVersion": "batch/v1", "kind": "Job", "metadata": {{"name": "{order}", "namespace": "{NAMESPACE}",
            "labels": {{"app.kubernetes.io/managed-by": "quarterdeck", "quarterdeck.dev/order": "{order}"}}}},
            "spec": {{"template": {{
                "metadata": {{"labels": {{"app.kubernetes.io/managed-by": "quarterdeck", "quarterdeck.dev/order": "{order}"}}}},
                "spec": {{"restartPolicy": "Never", "serviceAccountName": "builder", "containers": [
                    {{"name": "worker", "image": "quarterdeck.test/busybox:1", "command": ["sleep", "3600"]}}]}}}}}}}}"#
    ));
    host.program.signal(Signal::CONT);

    let failed = until("the worker has failed", PATIENCE, || {
        host.get("workers").into_iter().find(|worker| worker["name"] == order.as_str() && worker["ended"].is_string())
    });
    assert_eq!(failed["failure"], "squatted", "{failed:?}");
    assert_eq!(failed["claimant"], Value::Null, "what stands there gets no claim");
    let forged = yard.cluster.get(&["-n", NAMESPACE, "job", &order]);
    assert_eq!(
        forged["spec"]["template"]["spec"]["containers"][0]["image"], "quarterdeck.test/busybox:1",
        "left alone"
    );
    let finding = until("it is a finding", PATIENCE, || {
        host.get("findings").into_iter().find(|finding| finding["rule"] == "worker-name-taken")
    });
    assert!(text("/message", &finding).contains("is there already and is not ours"), "{finding:?}");
    assert_eq!(yard.web(), "000");
    host.stop();
}

#[test]
fn of_two_hosts_one_acts_and_one_that_was_frozen_ends() {
    let Some(yard) = Yard::raise() else { return };
    let mut first = yard.host("first", 8443, &["--paused"]);
    until("it takes turns", PATIENCE, || first.get("turns").into_iter().next());
    let second = yard.host("second", 8444, &["--paused"]);
    let holder = || text("/spec/holderIdentity", &yard.cluster.get(&["-n", "ai-agent", "lease", "quarterdeck"]));
    let held = holder();
    first.program.signal(Signal::STOP);
    until("the second has the Lease", PATIENCE, || (holder() != held).then_some(()));
    until("it takes turns", PATIENCE, || second.get("turns").into_iter().next());
    first.program.signal(Signal::CONT);
    let ended = until("the first ends", PATIENCE, || first.program.ended());
    assert_eq!(ended.code(), Some(1), "{}", first.program.words());
    assert!(first.program.words().contains("Another host has taken the Lease"), "{}", first.program.words());
    second.stop();
}
