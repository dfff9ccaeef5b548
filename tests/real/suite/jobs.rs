//! Workers as Jobs of a real Kubernetes: a mission is built by them on the node's engine, a host that is killed amid an
//! apply finds it again, what stands under a worker's name is never taken for ours, and of two hosts one acts.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

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
pub(crate) struct Yard {
    pub(crate) cluster: Cluster,
    image: String,
    /// Which missions may have which secrets, as the workers' file has it.
    pub(crate) secrets: &'static str,
}

impl Yard {
    pub(crate) fn raise() -> Option<Yard> {
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
        let yard = Yard { cluster, image, secrets: "[]" };
        let (from, to) = (sources().join("deploy/examples/web"), yard.cluster.path("web"));
        fs::create_dir(&to).unwrap();
        for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        Some(yard)
    }

    /// A host in the background, with a data folder and a port of its own, that looks after one file.
    fn host(&self, name: &str, port: u16, more: &[&str]) -> Host {
        let web = self.cluster.path("web").display().to_string();
        self.host_with(name, port, &[&[web.as_str(), "--offline"], more].concat(), &[])
    }

    /// A host with these arguments and this environment.
    pub(crate) fn host_with(&self, name: &str, port: u16, words: &[&str], environment: &[String]) -> Host {
        let file = self.cluster.path(&format!("{name}.yaml"));
        let text = format!(
            "listen: 0.0.0.0:{port}\naddress: {NODE}:{port}\nbuilder:\n  image: {}\n  environment: {{ TF_CLI_CONFIG_FILE: \
             /etc/quarterdeck/cli.tfrc }}\n  secrets: {}\n",
            self.image, self.secrets
        );
        fs::write(&file, text).unwrap();
        let data = self.cluster.path(name);
        let mut command = self.cluster.inside("env");
        command
            .arg("QUARTERDECK_LOG=info")
            .arg(format!("KUBECONFIG={}", self.cluster.path("kubeconfig").display()))
            .args(environment)
            .arg(quarterdeck())
            .arg("--data")
            .arg(&data)
            .arg("run");
        command.args(["--engine", "/run/docker.sock", "--workers"]).arg(file).args(words);
        Host { program: self.cluster.start(name, &mut command), data }
    }

    /// The HTTP status that nginx answers with, or 000.
    pub(crate) fn web(&self) -> String {
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

/// Told to the process that is a gate before the API server: the file that opens it.
const GATE: &str = "QUARTERDECK_GATE";
/// Where the gate listens, in the cluster's network, and where `kubectl proxy` does.
const GATE_PORT: u16 = 8009;
const PROXY_PORT: u16 = 8001;

/// Runs in the cluster's network, between a host and `kubectl proxy`: whatever would make a Job is held until the gate is open.
/// Where it is not told to there is nothing to do.
#[test]
#[allow(clippy::disallowed_methods, reason = "this is a program of its own, which is told by its environment")]
fn gate() {
    let Some(opens) = std::env::var_os(GATE).map(PathBuf::from) else { return };
    let listener = TcpListener::bind(("127.0.0.1", GATE_PORT)).unwrap();
    println!("LISTENS");
    for stream in listener.incoming() {
        let (host, server) = (stream.unwrap(), TcpStream::connect(("127.0.0.1", PROXY_PORT)).unwrap());
        let (mut answers, mut hears) = (server.try_clone().unwrap(), host.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut answers, &mut hears));
        let opens = opens.clone();
        std::thread::spawn(move || held(host, server, &opens));
    }
}

fn held(mut host: TcpStream, mut server: TcpStream, opens: &Path) {
    let makes = b"POST /apis/batch/v1/namespaces/quarterdeck-builder/jobs";
    let mut bytes = [0; 64 << 10];
    while let Ok(many @ 1..) = host.read(&mut bytes) {
        if bytes[..many].windows(makes.len()).any(|part| part == makes) && !opens.exists() {
            println!("HELD");
            while !opens.exists() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        if server.write_all(&bytes[..many]).is_err() {
            return;
        }
    }
}

/// A host that works in the cluster.
pub(crate) struct Host {
    program: Inside,
    data: PathBuf,
}

impl Host {
    fn say(&self, words: &[&str]) -> Output {
        let mut command = Command::new(quarterdeck());
        command.arg("--data").arg(&self.data).args(words).stdin(Stdio::null()).output().unwrap()
    }

    pub(crate) fn get(&self, what: &str) -> Vec<Value> {
        let output = self.say(&["get", what, "-o", "json"]);
        let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) fn until_phase(&self, phase: &str) {
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

    /// What it has said by its own end.
    pub(crate) fn said_at_its_end(mut self) -> String {
        until("the host ends", PATIENCE, || self.program.ended());
        self.program.words()
    }

    /// Ends in order, with a journal that is whole.
    pub(crate) fn stop(mut self) {
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

/// Has an object stand under the name of the first worker before that is made; the host has failed because of it, and told of it.
fn squat(yard: &Yard, object: impl Fn(&str) -> String) -> (Host, String) {
    // No Job can be made, so the name is known before there is one.
    let quota = ["-n", NAMESPACE, "create", "quota", "none", "--hard=count/jobs.batch=0,count/configmaps=0"];
    yard.cluster.kubectl(&quota);
    let host = yard.host("squatted", 8443, &[]);
    let order = text("/name", &until("a worker is ordered", PATIENCE, || host.get("workers").into_iter().next()));
    host.program.signal(Signal::STOP);
    yard.cluster.kubectl(&["-n", NAMESPACE, "delete", "quota", "none"]);
    // Only an administrator who takes the walls away can make one.
    let walls =
        ["delete", "validatingadmissionpolicybinding", "quarterdeck-builder-makers", "quarterdeck-builder-shape"];
    yard.cluster.kubectl(&[&walls[..], &["quarterdeck-builder-term"]].concat());
    yard.cluster.apply(&object(&order));
    host.program.signal(Signal::CONT);
    let failed = until("the worker has failed", PATIENCE, || {
        host.get("workers").into_iter().find(|worker| worker["name"] == order.as_str() && worker["ended"].is_string())
    });
    assert_eq!(failed["failure"], "squatted", "{failed:?}");
    assert_eq!(failed["claimant"], Value::Null, "what stands there gets no claim");
    let finding = until("it is a finding", PATIENCE, || {
        host.get("findings").into_iter().find(|finding| finding["rule"] == "worker-name-taken")
    });
    assert!(text("/message", &finding).contains("is there already and is not ours"), "{finding:?}");
    (host, order)
}

#[test]
fn a_job_that_stands_under_a_workers_name_is_never_taken_for_ours() {
    let Some(yard) = Yard::raise() else { return };
    let (host, order) = squat(&yard, |order| {
        format!(
            r#"{{"apiVersion": "batch/v1", "kind": "Job", "metadata": {{"name": "{order}", "namespace": "{NAMESPACE}",
            "labels": {{"app.kubernetes.io/managed-by": "quarterdeck", "quarterdeck.dev/order": "{order}"}}}},
            "spec": {{"template": {{
                "metadata": {{"labels": {{"app.kubernetes.io/managed-by": "quarterdeck", "quarterdeck.dev/order": "{order}"}}}},
                "spec": {{"restartPolicy": "Never", "serviceAccountName": "builder", "containers": [
                    {{"name": "worker", "image": "quarterdeck.test/busybox:1", "command": ["sleep", "3600"]}}]}}}}}}}}"#
        )
    });
    let forged = yard.cluster.get(&["-n", NAMESPACE, "job", &order]);
    let image = &forged["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "quarterdeck.test/busybox:1", "left alone");
    assert_eq!(yard.web(), "000");
    host.stop();
}

#[test]
fn inputs_that_stand_under_a_workers_name_are_never_given_to_a_worker() {
    let Some(yard) = Yard::raise() else { return };
    let (host, order) = squat(&yard, |order| {
        let labels = json!({ "app.kubernetes.io/managed-by": "quarterdeck", "quarterdeck.dev/order": order });
        let metadata = json!({ "name": order, "namespace": NAMESPACE, "labels": labels });
        let data = json!({ "order.json": "{}", "main.tf": "", "result.json": r#"{"end":"Succeeded"}"# });
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data }).to_string()
    });
    assert_eq!(yard.cluster.get(&["-n", NAMESPACE, "configmap", &order])["data"]["order.json"], "{}", "left alone");
    assert!(yard.granted("create", "jobs").iter().all(|event| text("/objectRef/name", event) != order));
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

#[test]
fn a_job_that_was_asked_for_in_a_term_that_is_over_is_refused() {
    let Some(yard) = Yard::raise() else { return };
    let (opens, through) = (yard.cluster.path("open"), yard.cluster.path("through"));
    let mut proxy = yard.cluster.inside("kubectl");
    proxy.arg("--kubeconfig").arg(yard.cluster.path("kubeconfig")).args(["proxy", "--port", &PROXY_PORT.to_string()]);
    let proxy = yard.cluster.start("proxy", &mut proxy);
    until("kubectl proxy listens", PATIENCE, || proxy.words().contains("Starting to serve").then_some(()));
    let mut gate = yard.cluster.inside("env");
    gate.arg(format!("{GATE}={}", opens.display())).arg(std::env::current_exe().unwrap());
    let gate = yard.cluster.start("gate", gate.args(["--exact", "jobs::gate", "--nocapture"]));
    until("the gate listens", PATIENCE, || gate.words().contains("LISTENS").then_some(()));
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here", "users": [{ "name": "proxy", "user": {} }],
        "contexts": [{ "name": "here", "context": { "cluster": "here", "user": "proxy" } }],
        "clusters": [{ "name": "here", "cluster": { "server": format!("http://127.0.0.1:{GATE_PORT}") } }],
    });
    fs::write(&through, config.to_string()).unwrap();

    let web = yard.cluster.path("web").display().to_string();
    let environment = [format!("KUBECONFIG={}", through.display())];
    let mut first = yard.host_with("first", 8443, &[&web, "--offline"], &environment);
    until("its first Job is held", PATIENCE, || gate.words().contains("HELD").then_some(()));
    first.program.signal(Signal::STOP);
    let second = yard.host("second", 8444, &["--paused"]);
    until("another host takes turns", PATIENCE, || second.get("turns").into_iter().next());
    fs::write(&opens, "").unwrap();

    let code = |event: &Value| event["responseStatus"]["code"].as_u64().unwrap_or_default();
    let refused = until("the API server refuses it", PATIENCE, || {
        yard.cluster.audited("create", "jobs").into_iter().find(|event| code(event) >= 400)
    });
    assert_eq!(text("/user/username", &refused), crate::walls::HOST, "{refused}");
    assert!(yard.granted("create", "jobs").is_empty(), "nothing was made in a term that is over");
    first.program.signal(Signal::CONT);
    let ended = until("the first ends", PATIENCE, || first.program.ended());
    assert_eq!(ended.code(), Some(1), "{}", first.program.words());

    second.must(&["resume"]);
    second.until_phase("Ready");
    assert_eq!(yard.web(), "200");
    let mut names: Vec<String> =
        yard.granted("create", "jobs").iter().map(|event| text("/objectRef/name", event)).collect();
    let many = names.len();
    names.sort();
    names.dedup();
    assert!(many >= 2 && names.len() == many, "each order's Job is made once: {names:?}");
    second.stop();
}

#[test]
fn an_apply_goes_on_while_the_api_server_is_away_for_a_minute() {
    let Some(yard) = Yard::raise() else { return };
    let host = yard.host("first", 8443, &[]);
    host.until_worker("apply", "running");
    yard.cluster.apiserver("stop");
    let newest = || host.get("turns").iter().filter_map(|turn| turn["turn"].as_u64()).max();
    let (stopped, before) = (Instant::now(), newest());
    until("the minute is over", PATIENCE, || (stopped.elapsed() > Duration::from_secs(60)).then_some(()));
    assert_eq!(yard.web(), "200", "the worker needed no API server");
    assert!(before.is_some() && newest() > before, "the loop turns");
    yard.cluster.apiserver("start");
    host.until_phase("Ready");
    let made = yard.granted("create", "jobs");
    let applies = made.iter().filter(|event| text("/objectRef/name", event).starts_with("apply-")).count();
    assert_eq!(applies, 1, "{made:?}");
    // A Job's pod is removed by a controller, which takes its time after its API server was away.
    until("no Job and no input is left", PATIENCE, || {
        yard.left().iter().all(|left| left.starts_with("pod/")).then_some(())
    });
    host.stop();
}

#[test]
fn rights_that_are_missing_or_too_many_are_told() {
    let Some(yard) = Yard::raise() else { return };
    let logs = r#"[{"op": "test", "path": "/rules/3/resources", "value": ["pods/log"]}, {"op": "remove", "path": "/rules/3"}]"#;
    yard.cluster.kubectl(&["-n", NAMESPACE, "patch", "role", "quarterdeck-workers", "--type=json", "-p", logs]);
    yard.cluster.kubectl(&["create", "clusterrole", "spy", "--verb=get", "--resource=secrets"]);
    let account = "--serviceaccount=ai-agent:quarterdeck";
    yard.cluster.kubectl(&["create", "clusterrolebinding", "spy", "--clusterrole=spy", account]);
    let host = yard.host("rights", 8443, &["--paused"]);
    let of_rule = |rule: &str| host.get("findings").into_iter().find(|finding| finding["rule"] == rule);
    let missing = until("a right is missing", PATIENCE, || of_rule("right-missing"));
    let grant =
        "{apiGroups: [\"\"], resources: [pods/log], verbs: [get]} in a Role of the namespace quarterdeck-builder";
    assert!(text("/message", &missing).ends_with(grant), "{missing}");
    let excess = until("rights are too many", PATIENCE, || of_rule("rights-excess"));
    assert!(text("/message", &excess).contains("may do 1 things that it never needs, such as get secrets"), "{excess}");
    let rights = sources().join("deploy/kubernetes/builder/rights.yaml");
    yard.cluster.kubectl(&["apply", "-f", rights.to_str().unwrap()]);
    until("nothing is missing", PATIENCE, || of_rule("right-missing").is_none().then_some(()));
    host.stop();
}
