//! What a cluster costs its host, by how many pods it has: memory, the time until the first look, what a turn reads, and
//! how soon a broken pod is found. Against a real API server, so it runs inside the namespace of one:
//!
//! ```sh
//! tests/real/kubernetes.sh run /tmp/qd -- cargo bench -p quarterdeck-tests --bench cluster -- 1000 10000
//! ```
//!
//! The pods are made here, in namespaces of a thousand, with a status as a kubelet writes it (about 3 KB of JSON each), on a
//! node that is only said to be there; nobody runs them. For each count a process of its own looks at the cluster: nothing else is in its memory. It then breaks
//! one pod after the other, as a kubelet would tell it, and each time measures how long until the loop is woken, and
//! what the turn's observation and situation cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use quarterdeck::apiserver::connect;
use quarterdeck::driver::clock;
use quarterdeck::observe::Cluster as _;
use quarterdeck::observe::kubernetes::{Kubernetes, KubernetesConfig};
use quarterdeck::orient;
use quarterdeck_core::charter::Charter;
use quarterdeck_core::kubernetes::Duties;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::Observation;
use quarterdeck_core::redaction::Redactor;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Pods of one namespace.
const PER_NAMESPACE: usize = 1_000;
/// Requests at once: two cores carry no more.
const AT_ONCE: usize = 32;
/// The node that the pods are on, whose kubelet we play.
const NODE: &str = "load";
/// A node that is not heard of for 50 s is lost.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// So many pods are broken, one after the other.
const BROKEN: usize = 20;

#[tokio::main]
async fn main() -> Result<()> {
    let _first = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if arguments.first().is_some_and(|first| first == "look") {
        return look().await;
    }
    let mut counts: Vec<usize> = arguments.iter().map(|count| count.parse()).collect::<Result<_, _>>()?;
    if counts.is_empty() {
        counts = vec![1_000, 10_000];
    }
    counts.sort_unstable();
    let client = Client::try_default().await.context("run it inside: tests/real/kubernetes.sh run DIR -- …")?;
    node(&client).await?;
    tokio::spawn(beat(client.clone()));
    println!("| pods | made/s | first look s | memory MiB | KiB a pod | found ms | max | turn us | max |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let (mut made, mut empty) = (0, None);
    for count in std::iter::once(0).chain(counts) {
        let started = Instant::now();
        make(&client, made, count).await?;
        let rate = per_second(count - made, started.elapsed());
        made = count;
        let seen = child()?;
        let kib = seen["rss"].as_u64().context("a figure")?;
        let before = *empty.get_or_insert(kib);
        let each = if count == 0 { 0.0 } else { ratio(kib.saturating_sub(before), count) };
        println!(
            "| {count} | {rate:.0} | {:.1} | {} | {each:.2} | {} | {} | {} | {} |",
            seen["first"].as_f64().context("a figure")?,
            kib >> 10,
            seen["found"],
            seen["foundMax"],
            seen["turn"],
            seen["turnMax"]
        );
    }
    Ok(())
}

/// Makes the node, ready.
async fn node(client: &Client) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    let node: Node = serde_json::from_value(json!({ "metadata": { "name": NODE } }))?;
    nodes.create(&PostParams::default(), &node).await?;
    let ready = json!({ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "it is said to be" });
    let status = Patch::Merge(json!({ "status": { "conditions": [ready] } }));
    nodes.patch_status(NODE, &PatchParams::default(), &status).await?;
    let leases: Api<Lease> = Api::namespaced(client.clone(), "kube-node-lease");
    let lease = json!({ "metadata": { "name": NODE }, "spec": { "holderIdentity": NODE, "leaseDurationSeconds": 40 } });
    leases.create(&PostParams::default(), &serde_json::from_value(lease)?).await?;
    Ok(())
}

/// Says again and again that the node is there.
async fn beat(client: Client) {
    let leases: Api<Lease> = Api::namespaced(client, "kube-node-lease");
    loop {
        let now = format!("{:.6}", jiff::Timestamp::now());
        let patch = Patch::Merge(json!({ "spec": { "renewTime": now } }));
        if let Err(problem) = leases.patch(NODE, &PatchParams::default(), &patch).await {
            eprintln!("the node's heartbeat: {problem}");
        }
        tokio::time::sleep(HEARTBEAT).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn ratio(kib: u64, count: usize) -> f64 {
    kib as f64 / count as f64
}

/// This program again, which looks and measures.
fn child() -> Result<Value> {
    let output = std::process::Command::new(std::env::current_exe()?)
        .arg("look")
        .stderr(std::process::Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the look failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Makes the pods from this one to that.
async fn make(client: &Client, from: usize, to: usize) -> Result<()> {
    for number in from / PER_NAMESPACE..to.div_ceil(PER_NAMESPACE) {
        let namespace: Namespace =
            serde_json::from_value(json!({ "metadata": { "name": namespace(number * PER_NAMESPACE) } }))?;
        let made = Api::all(client.clone()).create(&PostParams::default(), &namespace).await;
        ensure!(made.is_ok() || !from.is_multiple_of(PER_NAMESPACE), "make a namespace: {made:?}");
        settled(client, &namespace).await?;
    }
    stream::iter((from..to).map(|number| make_one(client.clone(), number)))
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// Waits for the namespace's service account, without which no pod is taken.
async fn settled(client: &Client, namespace: &Namespace) -> Result<()> {
    let name = namespace.metadata.name.as_deref().context("it was named")?;
    let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> = Api::namespaced(client.clone(), name);
    while accounts.get_opt("default").await?.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn namespace(number: usize) -> String {
    format!("load-{}", number / PER_NAMESPACE)
}

async fn make_one(client: Client, number: usize) -> Result<()> {
    let (name, namespace) = (format!("web-{number:06}"), namespace(number));
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    let labels = json!({ "app": "web", "pod-template-hash": format!("5d{}", number / 50), "tier": "front" });
    let container = json!({
        "name": "web", "image": "registry.test/shop/web:1.27.3",
        "resources": { "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "memory": "256Mi" } },
        "env": [{ "name": "MODE", "value": "production" }, { "name": "PORT", "value": "8080" }],
        "ports": [{ "containerPort": 8080, "name": "http" }],
        "readinessProbe": { "httpGet": { "path": "/ready", "port": 8080 } },
    });
    let spec = json!({ "nodeName": NODE, "containers": [container] });
    let pod: Pod = serde_json::from_value(json!({ "metadata": { "name": name, "labels": labels }, "spec": spec }))?;
    pods.create(&PostParams::default(), &pod).await?;
    tell(&pods, &name, &healthy()).await
}

/// Says of a pod what a kubelet would.
async fn tell(pods: &Api<Pod>, name: &str, status: &Value) -> Result<()> {
    let patch = Patch::Merge(json!({ "status": status }));
    pods.patch_status(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

fn status(container: Value, ready: &str) -> Value {
    let at = "2026-11-27T12:00:00Z";
    let condition = |kind: &str, status: &str| json!({ "type": kind, "status": status, "lastTransitionTime": at, "lastProbeTime": null });
    json!({
        "phase": "Running", "qosClass": "Burstable", "startTime": at,
        "hostIP": "10.98.0.1", "podIP": "10.244.3.7", "podIPs": [{ "ip": "10.244.3.7" }],
        "conditions": [
            condition("PodReadyToStartContainers", "True"), condition("Initialized", "True"), condition("Ready", ready),
            condition("ContainersReady", ready), condition("PodScheduled", "True"),
        ],
        "containerStatuses": [container],
    })
}

fn container(ready: bool, restarts: u32, state: Value) -> Value {
    let digest = "sha256:4c0fdaa8b6341bfdeca5f18f7837462c80cff90527ee35ef185571e1c327beac";
    json!({
        "name": "web", "image": "registry.test/shop/web:1.27.3", "imageID": format!("registry.test/shop/web@{digest}"),
        "containerID": "containerd://0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "ready": ready, "started": ready, "restartCount": restarts, "state": state,
    })
}

fn healthy() -> Value {
    status(container(true, 0, json!({ "running": { "startedAt": "2026-11-27T12:00:00Z" } })), "True")
}

fn crashing() -> Value {
    let waits =
        json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container" } });
    status(container(false, 7, waits), "False")
}

/// Looks at the cluster in this process, breaks pods, and prints the figures.
async fn look() -> Result<()> {
    let started = Instant::now();
    let (wake, mut woken) = mpsc::unbounded_channel();
    let connection = connect(None).await?;
    let redactor = Arc::new(Redactor::new([7; 32]));
    let wake = Arc::new(move || {
        // Nobody listens any more at the end.
        let _ = wake.send(());
    });
    let cluster = Kubernetes::start(KubernetesConfig { connection, clock, wake, redactor, duties: Duties::default() });
    cluster.first_look().await;
    let first = started.elapsed().as_secs_f64();
    let rss = resident()?;

    let (mut found, mut turns) = (Vec::new(), Vec::new());
    let pods: Api<Pod> = Api::namespaced(Client::try_default().await?, &namespace(0));
    let (charter, ledger) = (Charter::default(), Ledger::default());
    let known = || cluster.view().kubernetes.map_or(0, |view| view.troubles.told.len());
    for number in 0..BROKEN {
        let name = format!("web-{number:06}");
        if pods.get_opt(&name).await?.is_none() {
            break;
        }
        let before = known();
        let told = Instant::now();
        tell(&pods, &name, &crashing()).await?;
        while known() == before {
            tokio::time::timeout(Duration::from_secs(30), woken.recv()).await.context("nothing was found")?;
        }
        found.push(told.elapsed().as_millis());
        let turn = Instant::now();
        let seen = cluster.view();
        let observation =
            Observation { at: clock(), cluster: seen.facts, kubernetes: seen.kubernetes, ..Observation::default() };
        let (situation, _) = orient::orient(&charter, &ledger, &observation);
        turns.push(turn.elapsed().as_micros());
        ensure!(situation.findings.iter().any(|finding| finding.rule == "pod-crash-loop"), "it was found");
    }
    for number in 0..found.len() {
        tell(&pods, &format!("web-{number:06}"), &healthy()).await?;
    }
    let (found, turns) = (of(found), of(turns));
    let figures = json!({
        "first": first, "rss": rss, "found": found.0, "foundMax": found.1, "turn": turns.0, "turnMax": turns.1,
    });
    println!("{figures}");
    Ok(())
}

/// Median and maximum.
fn of(mut times: Vec<u128>) -> (u64, u64) {
    times.sort_unstable();
    let at = |index: usize| times.get(index).map_or(0, |time| u64::try_from(*time).unwrap_or(u64::MAX));
    (at(times.len() / 2), at(times.len().saturating_sub(1)))
}

/// The memory of this process, in KiB.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("it has memory")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
