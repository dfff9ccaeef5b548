//! The page of checks against a real API server: on a bare cluster, with everything installed, and after something of it is
//! taken away; with the host's own account and as an administrator.

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use quarterdeck_tests::fake_engine::{DOCKER_29, FakeEngine};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::parts::{quarterdeck, sources, until};
use crate::stage::PATIENCE;

/// What a host would be started with, and an engine for it to look at.
struct Page<'a> {
    cluster: &'a Cluster,
    engine: PathBuf,
    workers: PathBuf,
}

impl Page<'_> {
    /// The checks as this user sees them, and the exit code.
    fn seen(&self, kubeconfig: Option<&Path>) -> (Option<i32>, Vec<Value>) {
        let mut command = self.cluster.inside("env");
        kubeconfig.map(|path| command.arg(format!("KUBECONFIG={}", path.display())));
        command.arg(quarterdeck()).arg("--data").arg(self.cluster.path("data")).args([
            "doctor",
            "-o",
            "json",
            "--missions",
        ]);
        command.arg("--workers").arg(&self.workers).arg("--engine").arg(&self.engine);
        let output = command.output().unwrap();
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let page: Value = serde_json::from_str(&words)
            .unwrap_or_else(|error| panic!("{error}: {words}{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), page["items"].as_array().unwrap().clone())
    }
}

/// Asserts that some check of this name ended so and says this.
fn says(page: &(Option<i32>, Vec<Value>), name: &str, verdict: &str, told: &str) {
    let fits =
        |check: &&Value| check["name"] == name && check["verdict"] == verdict && check.to_string().contains(told);
    assert!(page.1.iter().any(|check| fits(&check)), "{name} {verdict} {told:?}: {page:#?}");
}

/// The names of the checks that ended so.
fn ended<'a>(page: &'a (Option<i32>, Vec<Value>), verdict: &str) -> Vec<&'a str> {
    let ended = page.1.iter().filter(|check| check["verdict"] == verdict);
    ended.map(|check| check["name"].as_str().unwrap()).collect()
}

/// A kubeconfig of somebody with this token.
fn with_token(cluster: &Cluster, token: &str, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut config: Value = serde_json::from_str(&cluster.kubectl(&["config", "view", "--raw", "-o", "json"])).unwrap();
    config["users"][0]["user"] = json!({ "token": token });
    change(&mut config);
    let path = cluster.path("host.kubeconfig");
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

#[test]
fn doctor_says_what_a_host_would_lack_in_a_cluster() {
    let cluster = Cluster::raise(None);
    let workers = cluster.path("workers.yaml");
    let image = format!("quarterdeck-builder@sha256:{}", "0".repeat(64));
    std::fs::write(&workers, format!("builder: {{ image: \"{image}\" }}\n")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let engine = cluster.path("engine.sock");
    let _engine = runtime.block_on(async { FakeEngine::start(&engine, DOCKER_29) });
    let page = Page { cluster: &cluster, engine, workers };

    // Nothing is installed: each part is named, with what installs it.
    let bare = page.seen(None);
    assert_eq!(bare.0, Some(4));
    says(
        &bare,
        "cluster",
        "ok",
        "Kubernetes v1.34.4 at https://127.0.0.1:6443/, by the context real of the kubeconfig",
    );
    says(&bare, "account", "warn", "system:serviceaccount:ai-agent:quarterdeck");
    says(&bare, "kinds", "ok", "the API server has all 27");
    says(&bare, "kind missions", "fail", "missions/crds.yaml");
    says(&bare, "kind approvals", "fail", "missions/crds.yaml");
    says(&bare, "namespace quarterdeck-builder", "fail", "kubectl apply -k deploy/kubernetes/overlays/missions");
    says(&bare, "namespace ai-agent", "fail", "it is not there");
    says(&bare, "images", "fail", "images.yaml");
    says(&bare, "way to the host", "fail", "no worker would find the host");
    says(&bare, "lease", "ok", "no host has acted here yet");
    says(&bare, "policy quarterdeck-builder-shape", "fail", "builder/shape.yaml");
    says(&bare, "policy quarterdeck-missions-status", "fail", "missions/unchanged.yaml");
    says(&bare, "policy quarterdeck-approval-by", "fail", "it is not there");

    let overlay = sources().join("deploy/kubernetes/overlays/missions");
    cluster.kubectl(&["apply", "-k", overlay.to_str().unwrap()]);
    let host = cluster.kubectl(&["-n", "ai-agent", "create", "token", "quarterdeck"]);
    let host = with_token(&cluster, &host, |_| ());

    // Everything is: the API server's document of our kinds comes a moment after them.
    let well = until("all is well", PATIENCE, || {
        let page = page.seen(Some(&host));
        (page.0 == Some(0)).then_some(page)
    });
    says(&well, "account", "ok", "system:serviceaccount:ai-agent:quarterdeck");
    says(&well, "rights", "ok", "all that the host's work takes");
    says(&well, "kind missions", "ok", "all fields of this program");
    says(&well, "kind approvals", "ok", "all fields of this program");
    says(&well, "namespace quarterdeck-builder", "ok", "there");
    says(&well, "namespace ai-agent", "ok", "there");
    says(&well, "way to the host", "ok", "the Service ai-agent/quarterdeck-workers at 10.96.");
    says(&well, "lease", "ok", "no host has acted here yet");
    says(&well, "jobs", "ok", "none of an earlier term");
    // What its role does not let it read, by design.
    assert_eq!(ended(&well, "note"), ["images", "policies"], "{well:#?}");
    assert_eq!(ended(&well, "fail"), Vec::<&str>::new());
    let nothing_else =
        |name: &&str| !["Gemini", "data folder", "disk", "policy quarterdeck-approval-by"].contains(name);
    assert!(!ended(&well, "warn").iter().any(nothing_else), "{well:#?}");
    let all = page.seen(None);
    assert_eq!(all.0, Some(0), "{all:#?}");
    says(&all, "rights", "warn", "that a host never needs");
    says(&all, "images", "ok", "names the workers' image");
    says(&all, "policies", "ok", "quarterdeck-builder-makers");
    says(&all, "policies", "ok", "quarterdeck-host-shape");

    // A right, two policies, a field of a kind and the host are taken away.
    let patch = |words: &[&str], patch: Value| {
        cluster.kubectl(&[words, &["--type=json", "-p", &patch.to_string()]].concat());
    };
    let role = ["-n", "quarterdeck-builder", "patch", "role", "quarterdeck-workers"];
    patch(&role, json!([{ "op": "remove", "path": "/rules/0/verbs/0" }]));
    let field = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/onDelete";
    patch(&["patch", "crd", "missions.quarterdeck.dev"], json!([{ "op": "remove", "path": field }]));
    cluster.kubectl(&["delete", "validatingadmissionpolicy", "quarterdeck-builder-shape"]);
    cluster.kubectl(&["delete", "validatingadmissionpolicybinding", "quarterdeck-approval-by"]);
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": "quarterdeck", "namespace": "ai-agent" },
        "spec": { "holderIdentity": "quarterdeck-gone", "leaseTransitions": 7, "leaseDurationSeconds": 15,
            "renewTime": "2026-01-02T03:04:05.000000Z" },
    });
    cluster.apply(&lease.to_string());
    let lacking = until("the older schema is known", PATIENCE, || {
        let page = page.seen(Some(&host));
        page.1.iter().any(|check| check.to_string().contains("no field spec.onDelete")).then_some(page)
    });
    assert_eq!(lacking.0, Some(4));
    says(&lacking, "rights", "fail", "may not create jobs.batch in quarterdeck-builder");
    says(
        &lacking,
        "rights",
        "fail",
        "resources: [jobs], verbs: [create]} in a Role of the namespace quarterdeck-builder",
    );
    says(&lacking, "kind missions", "fail", "its schema is older than this program");
    says(&lacking, "policy quarterdeck-approval-by", "fail", "it is not bound");
    says(&lacking, "policy quarterdeck-approval-by", "fail", "kubectl replace --force");
    says(&lacking, "lease", "ok", "quarterdeck-gone held it in term 7");
    let all = page.seen(None);
    assert_eq!(all.0, Some(4));
    says(&all, "policy quarterdeck-builder-shape", "fail", "kubectl apply -f deploy/kubernetes/builder/shape.yaml");
    says(&all, "policies", "ok", "quarterdeck-builder-makers");

    // Who is nobody, and who trusts another authority.
    let nobody = page.seen(Some(&with_token(&cluster, "eyJ-no-token", |_| ())));
    assert_eq!(nobody.0, Some(4));
    says(&nobody, "cluster", "fail", "renew the token");
    // The server's own certificate is no authority.
    let other = BASE64_STANDARD.encode(std::fs::read(cluster.place().join("pki/apiserver.crt")).unwrap());
    let strange = page.seen(Some(&with_token(&cluster, "eyJ-no-token", |config| {
        config["clusters"][0]["cluster"]["certificate-authority-data"] = other.into();
    })));
    says(&strange, "cluster", "fail", "is not the one that the kubeconfig trusts");
    assert!(!format!("{nobody:?}{strange:?}").contains("eyJ-no-token"));
}
