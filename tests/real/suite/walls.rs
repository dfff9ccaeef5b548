//! What a real API server refuses in the namespace of the workers, whoever asks: each way to the engine's socket, each worker
//! that is not exactly one, each Job of a term that is over. Beside each refusal stands what is permitted.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::parts::{sources, until};
use crate::stage::PATIENCE;

const NAMESPACE: &str = "quarterdeck-builder";
/// The host's account.
pub(crate) const HOST: &str = "system:serviceaccount:ai-agent:quarterdeck";
/// The Job controller's.
const JOBS: &str = "system:serviceaccount:kube-system:job-controller";
/// A user with the stock role `edit` in the workers' namespace.
const ADA: &str = "ada";

/// Applies what the host needs in a cluster: its account, its rights, the workers' namespace and its policies.
pub(crate) fn fortify(cluster: &Cluster, image: &str) {
    let folder = sources().join("deploy/kubernetes");
    let file = |name: &str| folder.join(name).display().to_string();
    cluster.kubectl(&["apply", "-f", &file("base/namespace.yaml"), "-f", &file("base/rights.yaml")]);
    cluster.kubectl(&["apply", "-k", &file("builder")]);
    cluster.kubectl(&["apply", "-k", &file("missions")]);
    let patch = json!({ "data": { "images": image, "secrets": "web/label, web/other" } }).to_string();
    let patch = ["-n", "ai-agent", "patch", "configmap", "quarterdeck-builder-allows", "--type=merge", "-p", &patch];
    cluster.kubectl(&patch);
}

fn image() -> String {
    format!("quarterdeck.test/builder@sha256:{}", "a".repeat(64))
}

/// A worker as the host makes it (`host/src/act/kubernetes/job.rs`).
fn job() -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": "plan-web-0123456789ab", "namespace": NAMESPACE, "annotations": { "quarterdeck.dev/term": "7" },
        },
        "spec": { "backoffLimit": 0, "template": {
            "metadata": { "labels": { "quarterdeck.dev/order": "plan-web-0123456789ab" } },
            "spec": {
                "restartPolicy": "Never", "serviceAccountName": "builder", "automountServiceAccountToken": false,
                "securityContext": { "runAsUser": 0, "seccompProfile": { "type": "RuntimeDefault" } },
                "containers": [{
                    "name": "worker", "image": image(), "command": ["/usr/local/bin/quarterdeck-worker"],
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true,
                        "capabilities": { "drop": ["ALL"] },
                    },
                    "volumeMounts": [{ "name": "engine", "mountPath": "/var/run/docker.sock" }],
                }],
                "volumes": [
                    { "name": "work", "emptyDir": {} },
                    { "name": "inputs", "configMap": { "name": "plan-web-0123456789ab" } },
                    { "name": "token", "projected": { "sources": [
                        { "serviceAccountToken": { "audience": "quarterdeck", "path": "token" } } ] } },
                    { "name": "engine", "hostPath": { "path": "/var/run/docker.sock", "type": "Socket" } },
                ],
            },
        } },
    })
}

/// A pod with this path of the node.
fn pod(path: &Value) -> Value {
    let mut spec = job()["spec"]["template"]["spec"].clone();
    spec["volumes"][3]["hostPath"] = path.clone();
    let labels = json!({ "quarterdeck.dev/order": "plan-web-0123456789ab" });
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "bare", "namespace": NAMESPACE, "labels": labels }, "spec": spec })
}

/// The same by something that makes pods.
fn by(api: &str, kind: &str, more: Value) -> Value {
    let labels = json!({ "app": "x", "quarterdeck.dev/order": "plan-web-0123456789ab" });
    let mut template = json!({ "metadata": { "labels": labels }, "spec": pod(&job()["spec"]["template"]["spec"]["volumes"][3]["hostPath"])["spec"] });
    template["spec"]["restartPolicy"] = "Always".into();
    let mut spec = json!({ "selector": { "matchLabels": { "app": "x" } }, "template": template });
    for (key, value) in more.as_object().expect("an object") {
        spec[key] = value.clone();
    }
    json!({ "apiVersion": api, "kind": kind, "metadata": { "name": "bare", "namespace": NAMESPACE }, "spec": spec })
}

fn create(cluster: &Cluster, who: &str, object: &Value) -> Output {
    let mut command = cluster.inside("kubectl");
    command.args(["--as", who, "create", "--dry-run=server", "-f", "-"]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().expect("it is piped").write_all(object.to_string().as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Makes it in earnest.
fn make(cluster: &Cluster, who: &str, object: &Value) {
    let mut command = cluster.inside("kubectl");
    command.args(["--as", who, "create", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().expect("it is piped").write_all(object.to_string().as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{who}: {object}");
}

fn must_be_made(cluster: &Cluster, who: &str, object: &Value) {
    let made = create(cluster, who, object);
    assert!(made.status.success(), "{who}: {}: {object}", String::from_utf8_lossy(&made.stderr));
}

fn must_be_refused(cluster: &Cluster, who: &str, object: &Value, because: &str) {
    refused(&create(cluster, who, object), who, because, object);
}

fn refused(output: &Output, who: &str, because: &str, what: &Value) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(because), "{who}, {because:?}: {said}: {what}");
}

/// The walls stand, and the Lease is at term 7.
fn walled() -> Cluster {
    let cluster = Cluster::raise(None);
    fortify(&cluster, &image());
    cluster.apply(
        r#"{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "quarterdeck", "namespace": "ai-agent"},
            "spec": {"holderIdentity": "x", "leaseTransitions": 7}}"#,
    );
    let binding = ["-n", NAMESPACE, "create", "rolebinding", "ada", "--clusterrole=edit", "--user", ADA];
    cluster.kubectl(&binding);
    // A policy is known to the API server a moment after it is there.
    until("the policies hold", PATIENCE, || {
        let bare = create(&cluster, ADA, &pod(&json!({ "path": "/", "type": "" })));
        let good = create(&cluster, HOST, &job());
        (!bare.status.success() && good.status.success()).then_some(())
    });
    cluster
}

#[test]
fn nobody_comes_to_the_socket_but_by_a_job_of_the_hosts() {
    let cluster = walled();
    must_be_made(&cluster, HOST, &job());
    let mut bare = pod(&json!({ "path": "/var/run/docker.sock", "type": "Socket" }));
    must_be_made(&cluster, JOBS, &bare);

    let (maker, else_) = ("only the Job controller makes pods", "and nothing else");
    must_be_refused(&cluster, ADA, &bare, maker);
    for path in
        ["/var/run/docker.sock", "/var/run", "//var/run/docker.sock", "/run/docker.sock", "/var/run/./docker.sock", "/"]
    {
        // Neither who makes it nor what it is: the API server tells of one of the two.
        must_be_refused(&cluster, ADA, &pod(&json!({ "path": path, "type": "" })), "'quarterdeck-builder-");
        if path != "/var/run/docker.sock" {
            must_be_refused(&cluster, JOBS, &pod(&json!({ "path": path, "type": "Socket" })), "by exactly the path");
        }
    }
    must_be_refused(&cluster, JOBS, &pod(&json!({ "path": "/var/run/docker.sock" })), "by exactly the path");
    must_be_refused(&cluster, ADA, &job(), "only the host");
    let cron = json!({ "schedule": "* * * * *", "jobTemplate": { "spec": job()["spec"] } });
    let cron = json!({ "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "bare", "namespace": NAMESPACE }, "spec": cron });
    must_be_refused(&cluster, ADA, &cron, else_);
    for (api, kind, more) in [
        ("apps/v1", "Deployment", json!({})),
        ("apps/v1", "ReplicaSet", json!({})),
        ("apps/v1", "DaemonSet", json!({})),
        ("apps/v1", "StatefulSet", json!({ "serviceName": "x" })),
        ("v1", "ReplicationController", json!({ "selector": { "app": "x" } })),
    ] {
        must_be_refused(&cluster, ADA, &by(api, kind, more), else_);
    }
    let claim = json!({ "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Mi" } } });
    let claim = json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "bare", "namespace": NAMESPACE }, "spec": claim });
    must_be_refused(&cluster, ADA, &claim, else_);
    let map = |name: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": NAMESPACE }, "data": {} });
    must_be_refused(&cluster, ADA, &map("plan-web-0123456789ab"), "only the host");
    must_be_made(&cluster, HOST, &map("plan-web-0123456789ab"));

    // Into a worker's pod that is there.
    bare["metadata"]["name"] = "worker".into();
    make(&cluster, JOBS, &bare);
    let try_as_ada = |words: &[&str]| cluster.try_kubectl(&[&["--as", ADA, "-n", NAMESPACE], words].concat());
    let inside = Value::Null;
    refused(&try_as_ada(&["exec", "worker", "--", "true"]), ADA, "no pod in it is entered", &inside);
    refused(&try_as_ada(&["attach", "worker"]), ADA, "no pod in it is entered", &inside);
    // kubectl itself wants a pod that runs before it forwards a port, so the API is asked.
    let forward = "/api/v1/namespaces/quarterdeck-builder/pods/worker/portforward?ports=1";
    refused(&try_as_ada(&["create", "--raw", forward, "-f", "/dev/null"]), ADA, "no pod in it is entered", &inside);
    // Her role does not permit it; an administrator's does, and is refused by the walls.
    let debug = cluster.try_kubectl(&["-n", NAMESPACE, "debug", "worker", "--image=x", "--", "true"]);
    refused(&debug, "admin", "no pod in it is entered", &inside);
    let image = r#"{"spec":{"containers":[{"name":"worker","image":"x"}]}}"#;
    refused(&try_as_ada(&["patch", "pod", "worker", "-p", image]), ADA, "never changed", &inside);
    // Another order's name, or an owner that is not there, would be as good as its end.
    let order = "quarterdeck.dev/order=plan-web-ffffffffffff";
    refused(&try_as_ada(&["label", "--overwrite", "pod", "worker", order]), ADA, "never changed", &inside);
    let gone = r#"{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"gone","uid":"x"}]}}"#;
    refused(&try_as_ada(&["patch", "pod", "worker", "-p", gone]), ADA, "never changed", &inside);
    make(&cluster, HOST, &job());
    let name = "plan-web-0123456789ab";
    refused(&try_as_ada(&["patch", "job", name, "-p", gone]), ADA, "never changed", &inside);
    refused(&try_as_ada(&["patch", "job", name, "-p", r#"{"spec":{"suspend":true}}"#]), ADA, "never changed", &inside);
    refused(&try_as_ada(&["delete", "job", name]), ADA, "to stop a worker delete its pod", &inside);
    assert!(try_as_ada(&["delete", "pod", "worker", "--dry-run=server"]).status.success(), "she may stop it");
    assert!(try_as_ada(&["get", "pod", "worker"]).status.success(), "she may look");
}

#[test]
fn a_worker_is_exactly_one_and_of_this_term() {
    let cluster = walled();
    must_be_made(&cluster, HOST, &job());
    let spec = "/spec/template/spec";
    let named = "that the ConfigMap ai-agent/quarterdeck-builder-allows names";
    let secret = |name: &str, secret: &str, key: &str| json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": secret, "key": key } } });
    let mut has_secrets = job();
    has_secrets["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([secret("TF_VAR_label", "web", "label"), secret("TF_VAR_other", "web", "other")]);
    must_be_made(&cluster, HOST, &has_secrets);
    for (pointer, value, because) in [
        ("/containers/0/image", json!("quarterdeck.test/builder:1"), "names by digest"),
        // The API server's own check comes first where both are asked for.
        (
            "/containers/0/securityContext",
            json!({ "privileged": true, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] } }),
            "not privileged",
        ),
        ("/containers/0/securityContext/allowPrivilegeEscalation", json!(true), "not privileged"),
        ("/containers/0/securityContext/readOnlyRootFilesystem", json!(false), "does not write to its root"),
        (
            "/containers/0/securityContext/capabilities",
            json!({ "drop": ["ALL"], "add": ["SYS_ADMIN"] }),
            "no capability",
        ),
        ("/containers/0/securityContext/capabilities", json!({}), "no capability"),
        ("/containers/0/env", json!([{ "name": "A", "value": "b" }]), "from keys of Secrets"),
        ("/containers/0/env", json!([{ "name": "TF_VAR_label", "value": "b" }]), "from keys of Secrets"),
        (
            "/containers/0/env",
            json!([secret("TF_VAR_label", "web", "label"), secret("TF_VAR_a", "db", "label")]),
            named,
        ),
        ("/containers/0/env", json!([secret("TF_VAR_label", "web", "password")]), named),
        ("/containers/0/env", json!([secret("LD_PRELOAD", "web", "label")]), named),
        ("/containers/0/envFrom", json!([{ "secretRef": { "name": "web" } }]), "by its inputs alone"),
        ("/containers/0/lifecycle", json!({ "preStop": { "exec": { "command": ["x"] } } }), "by its inputs alone"),
        ("/containers/0/ports", json!([{ "containerPort": 1, "hostPort": 1 }]), "no port of the node"),
        ("/initContainers", json!([{ "name": "first", "image": "x" }]), "one container"),
        ("/hostNetwork", json!(true), "namespaces of its own"),
        ("/hostPID", json!(true), "namespaces of its own"),
        ("/hostIPC", json!(true), "namespaces of its own"),
        ("/serviceAccountName", json!("default"), "runs as builder"),
        ("/automountServiceAccountToken", json!(true), "no token for the API server"),
        ("/securityContext/seccompProfile", json!({ "type": "Unconfined" }), "filtered"),
        ("/volumes/1/configMap/name", json!("kube-root-ca.crt"), "of its own order"),
        ("/volumes/0", json!({ "name": "work", "secret": { "secretName": "x" } }), "volumes are"),
        ("/volumes/0", json!({ "name": "work", "persistentVolumeClaim": { "claimName": "x" } }), "volumes are"),
        (
            "/volumes/0",
            json!({ "name": "work", "hostPath": { "path": "/var/run/docker.sock", "type": "Socket" } }),
            "the one path",
        ),
        ("/volumes/3/hostPath/path", json!("/var/run"), "by exactly the path"),
        ("/volumes/2/projected/sources/0/serviceAccountToken/audience", json!("api"), "audience quarterdeck"),
        ("/volumes/2/projected/sources/0", json!({ "secret": { "name": "x" } }), "audience quarterdeck"),
    ] {
        let mut other = job();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let parent = other.pointer_mut(&format!("{spec}{parent}")).expect("it is there");
        match key.parse::<usize>() {
            Ok(index) if parent.is_array() => parent[index] = value,
            Ok(_) | Err(_) => parent[key] = value,
        }
        must_be_refused(&cluster, HOST, &other, because);
    }
    let mut second = job();
    let containers = second.pointer_mut("/spec/template/spec/containers").expect("it is there");
    let mut more = containers[0].clone();
    more["name"] = "second".into();
    containers.as_array_mut().expect("a list").push(more);
    must_be_refused(&cluster, HOST, &second, "one container");

    for (key, value) in [
        ("backoffLimit", json!(1)),
        ("parallelism", json!(2)),
        ("completions", json!(2)),
        ("managedBy", json!("x.example/y")),
    ] {
        let mut other = job();
        other["spec"][key] = value;
        must_be_refused(&cluster, HOST, &other, "one pod, once");
    }

    for term in [json!({ "quarterdeck.dev/term": "6" }), json!({})] {
        let mut old = job();
        old["metadata"]["annotations"] = term;
        must_be_refused(&cluster, HOST, &old, "another host acts");
    }
    cluster.kubectl(&["-n", "ai-agent", "delete", "lease", "quarterdeck"]);
    until("without a Lease nothing is made", PATIENCE, || {
        (!create(&cluster, HOST, &job()).status.success()).then_some(())
    });
}

#[test]
fn a_pod_beside_the_host_is_restricted_but_for_the_one_socket() {
    let cluster = Cluster::raise(None);
    let overlay = sources().join("deploy/kubernetes/overlays/missions");
    cluster.kubectl(&["apply", "-k", &overlay.display().to_string()]);
    cluster.kubectl(&["-n", "ai-agent", "create", "rolebinding", "ada", "--clusterrole=edit", "--user", ADA]);
    let host = cluster.get(&["-n", "ai-agent", "deployment", "quarterdeck"]);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "beside", "namespace": "ai-agent" },
        "spec": host["spec"]["template"]["spec"],
    });
    let with = |pointer: &str, value: Value| {
        let mut pod = pod.clone();
        match (pod.pointer(pointer).is_some(), pointer.rsplit_once('/').unwrap()) {
            (true, _) => *pod.pointer_mut(pointer).unwrap() = value,
            (false, (parent, key)) => pod.pointer_mut(parent).unwrap()[key] = value,
        }
        pod
    };
    until("the policies hold", PATIENCE, || {
        let bare = create(&cluster, ADA, &with("/spec/hostNetwork", json!(true)));
        (!bare.status.success() && create(&cluster, ADA, &pod).status.success()).then_some(())
    });
    must_be_made(&cluster, ADA, &pod);
    assert_eq!(pod["spec"]["volumes"][1]["name"], "engine", "{pod}");
    let (socket, plain) = ("one way to the node's files", "the volumes that Pod Security's restricted profile permits");
    let (own, root) = ("none of the node's", "does not run as root");
    for (pointer, value, because) in [
        ("/spec/volumes/1/hostPath/path", json!("/"), socket),
        ("/spec/volumes/1/hostPath/path", json!("/run/docker.sock"), socket),
        ("/spec/volumes/1/hostPath/type", json!(""), socket),
        ("/spec/volumes/1", json!({ "name": "engine", "nfs": { "server": "192.0.2.1", "path": "/" } }), plain),
        ("/spec/hostNetwork", json!(true), own),
        ("/spec/hostPID", json!(true), own),
        ("/spec/hostIPC", json!(true), own),
        ("/spec/containers/0/ports/0/hostPort", json!(8443), own),
        ("/spec/securityContext/runAsUser", json!(0), root),
        ("/spec/securityContext/runAsNonRoot", json!(false), root),
        ("/spec/containers/0/securityContext/runAsUser", json!(0), root),
        ("/spec/containers/0/securityContext/allowPrivilegeEscalation", json!(true), "is not privileged"),
        ("/spec/containers/0/securityContext/capabilities", json!({ "drop": ["NET_RAW"] }), "drops ALL"),
        (
            "/spec/containers/0/securityContext/capabilities",
            json!({ "drop": ["ALL"], "add": ["SYS_ADMIN"] }),
            "drops ALL",
        ),
        ("/spec/containers/0/securityContext/seLinuxOptions", json!({ "type": "spc_t" }), "no security option"),
        ("/spec/securityContext/seccompProfile/type", json!("Unconfined"), "seccomp profile RuntimeDefault"),
        (
            "/spec/securityContext/sysctls",
            json!([{ "name": "kernel.shm_rmid_forced", "value": "1" }]),
            "no security option",
        ),
    ] {
        let pod = with(pointer, value);
        must_be_refused(&cluster, ADA, &pod, because);
    }
    let mut init = pod.clone();
    init["spec"]["initContainers"] = json!([{ "name": "first", "image": image() }]);
    must_be_refused(&cluster, ADA, &init, "is not privileged");
}
