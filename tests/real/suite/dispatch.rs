//! Workers in a cluster, as far as the cluster itself goes: the builder's image does its work in a pod that may do next to
//! nothing, the engine's socket is there and no longer than its engine, and the pod's token is good for the host alone.
//!
//! The Jobs are written by hand, in the shape that the host gives them (`host/src/act/kubernetes/job.rs`), so that a story that
//! fails here fails because of the cluster or the image. No host runs here.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::images::{self, Image};
use crate::parts::{parts, said, script, until};
use crate::stage::{PATIENCE, text};

/// The engine's socket on the node.
const SOCKET: &str = "/var/run/docker.sock";
/// Where the kubelet puts the worker's token.
const TOKEN: &str = "/var/run/quarterdeck/token";
/// The node as a pod sees it, and the API server.
const NODE: &str = "10.98.0.1";
const API: &str = "https://10.96.0.1:443";

/// The namespace of the builder's workers, whose account may do nothing.
const NAMESPACE: &str = "
apiVersion: v1
kind: Namespace
metadata:
  name: quarterdeck-builder
  labels: { pod-security.kubernetes.io/enforce: privileged }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: builder, namespace: quarterdeck-builder }
automountServiceAccountToken: false
";

/// One provider that the mirror has.
const MAIN: &str = r#"
terraform {
  required_providers {
    docker = { source = "kreuzwerker/docker", version = "4.6.0" }
  }
}
provider "docker" { host = "unix:///var/run/docker.sock" }
resource "docker_network" "net" { name = "net" }
"#;

/// A cluster with an engine and the builder's namespace.
fn raise() -> Cluster {
    let cluster = Cluster::raise(Some("trixie"));
    cluster.apply(NAMESPACE);
    cluster
}

/// A worker's Job.
fn job(name: &str, image: &Image, command: &[&str]) -> Value {
    let volumes = json!([
        { "name": "work", "emptyDir": {} },
        { "name": "tmp", "emptyDir": {} },
        { "name": "inputs", "configMap": { "name": name, "defaultMode": 0o444 } },
        { "name": "token", "projected": { "defaultMode": 0o400, "sources": [
            { "serviceAccountToken": { "audience": "quarterdeck", "expirationSeconds": 3600, "path": "token" } },
        ] } },
        { "name": "engine", "hostPath": { "path": SOCKET, "type": "Socket" } },
    ]);
    let container = json!({
        "name": "worker",
        "image": image.by_digest(),
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": [{ "name": "TF_CLI_CONFIG_FILE", "value": "/etc/quarterdeck/cli.tfrc" }],
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "privileged": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": [
            { "name": "work", "mountPath": "/work" },
            { "name": "tmp", "mountPath": "/tmp" },
            { "name": "inputs", "mountPath": "/inputs", "readOnly": true },
            { "name": "token", "mountPath": "/var/run/quarterdeck", "readOnly": true },
            { "name": "engine", "mountPath": SOCKET },
        ],
    });
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "name": name, "namespace": "quarterdeck-builder" },
        "spec": {
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "activeDeadlineSeconds": 300,
            "template": { "spec": {
                "restartPolicy": "Never",
                "serviceAccountName": "builder",
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "dnsPolicy": "Default",
                "terminationGracePeriodSeconds": 1,
                "securityContext": { "runAsUser": 0, "runAsGroup": 0, "seccompProfile": { "type": "RuntimeDefault" } },
                "containers": [container],
                "volumes": volumes,
            } },
        },
    })
}

/// Makes the Job with its inputs; what it is made of comes first.
fn begin(cluster: &Cluster, job: &Value, files: &Value) {
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": job["metadata"],
        "immutable": true,
        "data": files,
    });
    cluster.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": [map, job] }).to_string());
}

/// Runs a Job to its end; whether it ended well, and its log.
fn run(cluster: &Cluster, job: &Value, files: &Value) -> (bool, String) {
    begin(cluster, job, files);
    let name = text("/metadata/name", job);
    let well = until(&format!("{name} ends"), PATIENCE, || {
        let job = cluster.get(&["job", &name, "-n", "quarterdeck-builder"]);
        let conditions = job["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().find_map(|condition| match (condition["type"].as_str(), condition["status"].as_str()) {
            (Some("Complete"), Some("True")) => Some(true),
            (Some("Failed"), Some("True")) => Some(false),
            _ => None,
        })
    });
    (well, cluster.kubectl(&["logs", "-n", "quarterdeck-builder", &format!("job/{name}")]))
}

/// The pod of a Job that sleeps, once it runs.
fn sleeper(cluster: &Cluster, job: &Value) -> Value {
    begin(cluster, job, &json!({}));
    let name = text("/metadata/name", job);
    until(&format!("{name} runs"), PATIENCE, || {
        let pods = cluster.get(&["pods", "-n", "quarterdeck-builder", "-l", &format!("job-name={name}")]);
        let pod = pods["items"][0].clone();
        (pod["status"]["phase"] == "Running").then_some(pod)
    })
}

/// What a shell says in a pod, errors included, whatever its end.
fn shell(cluster: &Cluster, pod: &Value, words: &str) -> String {
    let name = text("/metadata/name", pod);
    let words = format!("{{ {words}; }} 2>&1");
    let output = cluster.try_kubectl(&["exec", "-n", "quarterdeck-builder", &name, "--", "sh", "-c", &words]);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_builders_image_works_as_a_root_that_may_do_nothing_else() {
    let Some(parts) = parts() else { return };
    let cluster = raise();
    let builder = images::builder(parts);
    cluster.load(&builder.archive);

    let programs = [
        ("/usr/local/bin/terraform", "version", "Terraform v"),
        ("/usr/local/bin/quarterdeck-worker", "--version", "quarterdeck-worker "),
    ];
    for (name, (program, word, begins)) in ["terraform", "worker"].into_iter().zip(programs) {
        let (well, log) = run(&cluster, &job(name, builder, &[program, word]), &json!({}));
        assert!(well && log.starts_with(begins), "{log}");
    }

    // Terraform finds in the image what a mission asks for, and nothing that is not in it.
    let init = ["/usr/local/bin/terraform", "-chdir=/work", "init", "-input=false", "-no-color"];
    let init = |name: &str| {
        let mut job = job(name, builder, &init);
        // A file of its own and no link, where Terraform looks for it: the worker would copy it there.
        let mount = json!({ "name": "inputs", "mountPath": "/work/main.tf", "subPath": "main.tf", "readOnly": true });
        let mounts = &mut job["spec"]["template"]["spec"]["containers"][0]["volumeMounts"];
        mounts.as_array_mut().expect("it is a list").push(mount);
        job
    };
    let (well, log) = run(&cluster, &init("init"), &json!({ "main.tf": MAIN }));
    assert!(well && log.contains("Installed kreuzwerker/docker v4.6.0"), "{log}");
    let absent = MAIN.replace("kreuzwerker/docker\", version = \"4.6.0", "hashicorp/null\", version = \"3.2.4");
    assert_ne!(absent, MAIN);
    let (well, log) = run(&cluster, &init("absent"), &json!({ "main.tf": absent }));
    assert!(!well && log.contains("hashicorp/null") && log.contains("/usr/share/quarterdeck/providers"), "{log}");

    // Another digest under the same name is another image, which nobody has.
    let mut other = builder.clone();
    other.digest = format!("sha256:{}", "0".repeat(64));
    begin(&cluster, &job("other", &other, &["/usr/local/bin/terraform", "version"]), &json!({}));
    until("another digest can't be had", PATIENCE, || {
        let pods = cluster.get(&["pods", "-n", "quarterdeck-builder", "-l", "job-name=other"]);
        let reason = text("/items/0/status/containerStatuses/0/state/waiting/reason", &pods);
        ["ErrImagePull", "ImagePullBackOff"].contains(&reason.as_str()).then_some(())
    });

    // Who made which Job is known afterwards.
    let made = until("the audit log has the Jobs", PATIENCE, || {
        let made = cluster.audited("create", "jobs");
        (made.len() == 5).then_some(made)
    });
    for event in made {
        let answer = (text("/user/username", &event), text("/objectRef/namespace", &event));
        assert_eq!(answer, ("admin".to_owned(), "quarterdeck-builder".to_owned()), "{event}");
        assert_eq!(event["responseStatus"]["code"], 201, "{event}");
    }
}

#[test]
fn the_engines_socket_is_there_for_root_without_capabilities_until_its_engine_ends() {
    let cluster = raise();
    let prober = images::prober();
    cluster.load(&prober.archive);
    let version = format!("curl -sS --unix-socket {SOCKET} http://engine/version");
    let sleeps = ["sleep", "infinity"];

    let old = sleeper(&cluster, &job("old", prober, &sleeps));
    let answer: Value = serde_json::from_str(&shell(&cluster, &old, &version)).unwrap();
    assert_eq!(answer["ApiVersion"], "1.45");
    // It owns the socket, and that is all it has.
    assert!(shell(&cluster, &old, "grep CapEff /proc/self/status").ends_with("\t0000000000000000\n"));
    let written = shell(&cluster, &old, "echo x >/file");
    assert!(written.contains("Read-only file system"), "{written}");

    let mut nobody = job("nobody", prober, &sleeps);
    nobody["spec"]["template"]["spec"]["securityContext"] = json!({ "runAsUser": 65532, "runAsGroup": 65532 });
    let nobody = sleeper(&cluster, &nobody);
    let refused = shell(&cluster, &nobody, &format!("ls {SOCKET}; {version} || echo refused"));
    assert!(refused.starts_with(SOCKET) && refused.ends_with("refused\n"), "{refused}");

    // The pod holds the socket of the engine that was there when it started; a new one has the new engine's.
    cluster.swap("29");
    let gone = shell(&cluster, &old, &format!("stat -c %h {SOCKET}; {version} || echo refused"));
    assert!(gone.starts_with("0\n") && gone.ends_with("refused\n"), "{gone}");
    let new = sleeper(&cluster, &job("new", prober, &sleeps));
    let answer: Value = serde_json::from_str(&shell(&cluster, &new, &version)).unwrap();
    assert_eq!(answer["ApiVersion"], "1.52");
}

/// Asks the API server whose token this is, for these audiences.
fn review(cluster: &Cluster, token: &str, audiences: &[&str]) -> Value {
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": { "token": token, "audiences": audiences },
    });
    let mut command = cluster.inside("kubectl");
    let command = command.args(["create", "-f", "-", "-o", "json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().expect("it is piped").write_all(review.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["status"].clone()
}

#[test]
fn a_workers_token_names_its_pod_to_the_host_and_is_refused_by_the_api_server() {
    let cluster = raise();
    let prober = images::prober();
    cluster.load(&prober.archive);
    let pod = sleeper(&cluster, &job("worker", prober, &["sleep", "infinity"]));
    let token = shell(&cluster, &pod, &format!("cat {TOKEN}"));

    let status = review(&cluster, &token, &["quarterdeck"]);
    assert_eq!(status["authenticated"], true, "{status}");
    assert_eq!(status["audiences"], json!(["quarterdeck"]));
    assert_eq!(status["user"]["username"], "system:serviceaccount:quarterdeck-builder:builder");
    let extra = |key: &str| status["user"]["extra"][format!("authentication.kubernetes.io/{key}")][0].clone();
    assert_eq!((&extra("pod-name"), &extra("pod-uid")), (&pod["metadata"]["name"], &pod["metadata"]["uid"]));
    // Whoever else asks does not get to know.
    for audiences in [&["https://kubernetes.default.svc"][..], &["somebody-else"]] {
        assert_ne!(review(&cluster, &token, audiences)["authenticated"], true);
    }

    // The API server knows a token of its own audience, though it grants it nothing, and does not know this one.
    let code = |bearer: &str| {
        let asked = format!("{API}/api/v1/namespaces/quarterdeck-builder/pods");
        shell(
            &cluster,
            &pod,
            &format!("curl -sk -o /dev/null -w '%{{http_code}}' -H 'Authorization: Bearer {bearer}' {asked}"),
        )
    };
    let own = cluster.kubectl(&["create", "token", "builder", "-n", "quarterdeck-builder"]);
    assert_eq!((code(&own).as_str(), code(&token).as_str()), ("403", "401"));
    // A process on the node is reached too: here the kubelet, which wants to know who asks.
    let kubelet =
        shell(&cluster, &pod, &format!("curl -sk -o /dev/null -w '%{{http_code}}' https://{NODE}:10250/pods"));
    assert_eq!(kubelet, "401");

    // With its pod its token ends.
    cluster.kubectl(&["delete", "job", "worker", "-n", "quarterdeck-builder"]);
    until("the token ends with its pod", PATIENCE, || {
        (review(&cluster, &token, &["quarterdeck"])["authenticated"] != true).then_some(())
    });
}

/// The claims of `deploy/kubernetes` in small: one for a pod whose program is nobody in particular.
const CLAIM: &str = "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec: { accessModes: [ReadWriteOncePod], resources: { requests: { storage: 4Gi } } }
---
apiVersion: v1
kind: Pod
metadata: { name: keeper }
spec:
  restartPolicy: Never
  securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 }
  containers:
    - name: main
      image: quarterdeck.test/busybox:1
      imagePullPolicy: Never
      command: [sh, -c, 'cat /data/below/file || { mkdir /data/below && echo kept >/data/below/file; }']
      volumeMounts: [{ name: data, mountPath: /data }]
  volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]
";

#[test]
fn a_claim_of_the_default_class_gets_a_volume_that_its_pods_group_may_write() {
    let cluster = Cluster::raise(None);
    let storage = script("kubernetes/storage.yaml");
    said(cluster.inside("mkdir").arg("/var/lib/volume"));
    cluster.kubectl(&["apply", "-f", &storage.display().to_string()]);
    for expected in ["cat: can't open '/data/below/file': No such file or directory", "kept"] {
        cluster.apply(CLAIM);
        until("the pod ends well", PATIENCE, || {
            (text("/status/phase", &cluster.get(&["pod", "keeper"])) == "Succeeded").then_some(())
        });
        assert_eq!(cluster.kubectl(&["logs", "keeper"]), expected);
        cluster.kubectl(&["delete", "pod", "keeper"]);
    }
    assert_eq!(cluster.get(&["pvc", "data"])["spec"]["storageClassName"], "standard");
}
