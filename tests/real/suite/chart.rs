//! The Helm chart in Helm's own hands: what it renders is what `kubectl kustomize` makes of the overlays, wrong values are refused
//! with why, and a release is installed, upgraded, taken away and installed again in a real cluster.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::images;
use crate::missions::example;
use crate::parts::{parts, said, script, sources, until};
use crate::stage::{PATIENCE, text};

/// The placeholder of the overlays in the place of the builder's image.
const NO_IMAGE: &str = "quarterdeck-builder@sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// What the chart says beside what the overlays say, and of which objects.
const KEEP: &str = "helm.sh/resource-policy";
const KEPT: [&str; 4] = [
    "CustomResourceDefinition /approvals.quarterdeck.dev",
    "CustomResourceDefinition /missions.quarterdeck.dev",
    "Namespace /ai-agent",
    "PersistentVolumeClaim ai-agent/quarterdeck-data",
];
/// With it a host is started again when the file that it has read is another one.
const WORKERS: &str = "quarterdeck.dev/workers";

fn chart() -> String {
    sources().join("deploy/helm/quarterdeck").display().to_string()
}

fn helm(words: &[&str]) -> Command {
    let mut command = Command::new(script("helm.sh"));
    command.arg("run").args(words);
    command
}

/// `helm template` with these values, each as `--set` or `--set-json` takes it.
fn template(values: &[&str]) -> Output {
    let mut command = helm(&["template", "quarterdeck", &chart(), "--namespace", "ai-agent"]);
    for value in values {
        command.args(["--set", value]);
    }
    command.output().unwrap()
}

/// Objects by kind, namespace and name.
fn objects(manifests: &str) -> BTreeMap<String, Value> {
    let mut objects = BTreeMap::new();
    for document in format!("\n{manifests}").split("\n---\n") {
        let only_comments = |line: &str| line.is_empty() || line.starts_with('#');
        if document.lines().all(only_comments) {
            continue;
        }
        let object: Value = serde_saphyr::from_str(document).unwrap();
        let word = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let id = format!("{} {}/{}", word("/kind"), word("/metadata/namespace"), word("/metadata/name"));
        assert!(objects.insert(id.clone(), object).is_none(), "{id} is there twice");
    }
    objects
}

fn rendered(values: &[&str]) -> BTreeMap<String, Value> {
    let output = template(values);
    assert!(output.status.success(), "{values:?}: {}", String::from_utf8_lossy(&output.stderr));
    objects(&String::from_utf8(output.stdout).unwrap())
}

/// What `kubectl kustomize` makes of an overlay. It asks no cluster.
fn kustomized(overlay: &str) -> BTreeMap<String, Value> {
    static KUBECTL: OnceLock<PathBuf> = OnceLock::new();
    let kubectl =
        KUBECTL.get_or_init(|| Path::new(&said(Command::new(script("kubernetes.sh")).arg("build"))).join("kubectl"));
    let folder = sources().join("deploy/kubernetes/overlays").join(overlay);
    objects(&said(Command::new(kubectl).arg("kustomize").arg(folder)))
}

/// Takes an annotation away that has to be there.
fn without(object: &mut Value, metadata: &str, annotation: &str) -> Value {
    let metadata = object.pointer_mut(metadata).unwrap().as_object_mut().unwrap();
    let mut annotations = metadata.remove("annotations").unwrap_or_default();
    let value = annotations.as_object_mut().and_then(|annotations| annotations.remove(annotation));
    assert_eq!(annotations, json!({}), "and no other annotation than {annotation}");
    value.unwrap()
}

#[test]
fn what_it_renders_is_what_the_overlays_are() {
    let image = format!("missions.builder.image={NO_IMAGE}");
    for (overlay, values, count) in [
        ("read-only-patrol", &[][..], 6),
        ("read-only-patrol-without-storage", &["storage.enabled=false"], 5),
        ("missions", &["missions.enabled=true", &image], 44),
    ] {
        let (mut ours, theirs) = (rendered(values), kustomized(overlay));
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{overlay}");
        assert_eq!(ours.len(), count, "{overlay}: where this is right, write the number here");
        for id in KEPT {
            if let Some(object) = ours.get_mut(id) {
                assert_eq!(without(object, "/metadata", KEEP), "keep", "{id}");
            }
        }
        for (id, theirs) in theirs {
            let (ours, mut theirs) = (ours.get_mut(&id).unwrap(), theirs);
            if overlay == "missions" && id == "Deployment ai-agent/quarterdeck" {
                let digest = without(ours, "/spec/template/metadata", WORKERS);
                assert_eq!(digest.as_str().unwrap().len(), 64);
            }
            if id == "ConfigMap ai-agent/quarterdeck-workers" {
                // Its file is YAML within YAML, whose text may be another one.
                for object in [&mut *ours, &mut theirs] {
                    let file = &mut object["data"]["workers.yaml"];
                    *file = serde_saphyr::from_str(file.as_str().unwrap()).unwrap();
                }
                assert_eq!(ours["data"]["workers.yaml"], json!({ "builder": { "image": NO_IMAGE } }));
            }
            assert_eq!(*ours, theirs, "{overlay}: {id}");
        }
    }
    let lint = helm(&["lint", "--strict", &chart(), "--namespace", "ai-agent"]).output().unwrap();
    assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stdout));
}

#[test]
fn each_value_gets_where_it_belongs_and_wrong_ones_are_refused_with_why() {
    let image = format!("x/builder@sha256:{}", "1".repeat(64));
    let named = format!("missions.builder.image={image}");
    let enabled = ["missions.enabled=true", &named];
    let host = "Deployment ai-agent/quarterdeck";
    let pod = "/spec/template/spec";
    for (value, id, path, expected) in [
        ("image=example/host:2", host, "/containers/0/image", json!("example/host:2")),
        ("nodeSelector.disk=fast", host, "/nodeSelector", json!({ "disk": "fast" })),
        ("resources.limits.memory=2Gi", host, "/containers/0/resources/limits/memory", json!("2Gi")),
        ("gemini.secret=other", host, "/containers/0/env/4/valueFrom/secretKeyRef/name", json!("other")),
        ("missions.webhook.secret=other", host, "/containers/0/env/0/valueFrom/secretKeyRef/name", json!("other")),
        ("missions.webhook.secret=other", host, "/containers/0/env/1/valueFrom/secretKeyRef/name", json!("other")),
        ("missions.charter=laptop", host, "/containers/0/args/4", json!("--charter=laptop")),
        ("missions.engine.group=1000680000", host, "/securityContext/supplementalGroups", json!([1_000_680_000])),
        ("missions.engine.socket=/run/d.sock", host, "/volumes/1/hostPath/path", json!("/run/d.sock")),
    ] {
        let objects = rendered(&[&enabled[..], &[value]].concat());
        assert_eq!(objects[id].pointer(&format!("{pod}{path}")), Some(&expected), "{value}");
    }
    let all = [
        "storage.class=fast",
        "storage.size=8Gi",
        "nodeSelector.disk=fast",
        "missions.engine.socket=/run/d.sock",
        "missions.builder.environment.TF_CLI_CONFIG_FILE=/etc/a: b",
        "missions.builder.resources.limits.memory=2Gi",
        "missions.builder.secrets[0].name=db",
        "missions.builder.secrets[0].keys={user,password}",
        "missions.builder.secrets[0].missions={shop/web}",
    ];
    let objects = rendered(&[&enabled[..], &all].concat());
    let claim = &objects["PersistentVolumeClaim ai-agent/quarterdeck-data"]["spec"];
    assert_eq!(
        (&claim["storageClassName"], &claim["resources"]["requests"]["storage"]),
        (&json!("fast"), &json!("8Gi"))
    );
    let allows = &objects["ConfigMap ai-agent/quarterdeck-builder-allows"]["data"];
    assert_eq!(*allows, json!({ "images": image, "engineSocket": "/run/d.sock", "secrets": "db/user, db/password" }));
    // The host itself reads the file.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("workers.yaml");
    let config = &objects["ConfigMap ai-agent/quarterdeck-workers"]["data"]["workers.yaml"];
    fs::write(&file, config.as_str().unwrap()).unwrap();
    let builder = quarterdeck::config::workers(&file).unwrap().builder;
    assert_eq!((builder.image.as_str(), builder.engine_socket.to_str()), (image.as_str(), Some("/run/d.sock")));
    assert_eq!(builder.environment["TF_CLI_CONFIG_FILE"], "/etc/a: b");
    assert_eq!((builder.node_selector["disk"].as_str(), builder.resources.limits["memory"].as_str()), ("fast", "2Gi"));
    assert_eq!(
        (builder.secrets[0].name.as_str(), &builder.secrets[0].missions[..]),
        ("db", &["shop/web".to_owned()][..])
    );
    // Another file is another pod.
    let digest = |objects: &BTreeMap<String, Value>| {
        objects[host]["spec"]["template"]["metadata"]["annotations"][WORKERS].as_str().unwrap().to_owned()
    };
    assert_ne!(digest(&objects), digest(&rendered(&enabled)));

    for (values, says) in [
        (&["missions.enabled=true"][..], "missions.builder.image is empty: name the workers' image by its digest"),
        (&["missions.enabled=true", "missions.builder.image=builder:1"], "\"builder:1\" names no digest: write"),
        (&["missions.enabled=true", &named, "storage.enabled=false"], "the states of what missions build would end"),
        (&["color=red"], "additional properties 'color' not allowed"),
        (&["missions.builder.secrets[0].name=db"], "missing properties 'keys', 'missions'"),
        (&["missions.builder.color=red"], "additional properties 'color' not allowed"),
        (&["missions.enabled=perhaps"], "/missions/enabled': got string, want boolean"),
        (&["missions.charter=mine"], "/missions/charter': value must be one of 'laptop', 'production'"),
        (&["missions.engine.group=docker"], "/missions/engine/group': got string, want integer"),
        (&["missions.engine.socket=/var/run/../d.sock"], "/missions/engine/socket'"),
        (&["image=quarterdeck"], "/image': 'quarterdeck' does not match"),
        (&["resources.limits.memory=much"], "/resources/limits/memory': 'much' does not match"),
        (&["storage.class=A_b"], "/storage/class'"),
    ] {
        let output = template(values);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && words.contains(says), "{values:?}: {words}");
    }
    let elsewhere = helm(&["template", "quarterdeck", &chart(), "--namespace", "elsewhere"]).output().unwrap();
    let words = String::from_utf8_lossy(&elsewhere.stderr).into_owned();
    assert!(!elsewhere.status.success() && words.contains("say --namespace ai-agent (it is \"elsewhere\")"), "{words}");
}

/// Helm within a cluster's namespace, about the one release.
struct Release<'a> {
    cluster: &'a Cluster,
}

impl Release<'_> {
    fn tried(&self, words: &[&str]) -> (bool, String) {
        let mut command = self.cluster.inside(script("helm.sh"));
        let output = command.arg("run").args(words).args(["--namespace", "ai-agent"]).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    /// `helm VERB`, which must end well.
    fn must(&self, verb: &str, words: &[&str]) -> String {
        let chart = chart();
        let what = if verb == "uninstall" { vec![verb, "quarterdeck"] } else { vec![verb, "quarterdeck", &chart] };
        let (done, said) = self.tried(&[&what[..], words].concat());
        assert!(done, "helm {verb} {words:?}: {said}");
        said
    }

    /// `helm VERB`, which must not, with these words.
    fn refused(&self, verb: &str, words: &[&str], says: &str) {
        let (done, said) = self.tried(&[&[verb, "quarterdeck", &chart()], words].concat());
        assert!(!done && said.contains(says), "helm {verb} {words:?}: {said}");
    }

    fn until_rolled_out(&self) {
        self.cluster.kubectl(&["-n", "ai-agent", "rollout", "status", "deployment/quarterdeck", "--timeout=120s"]);
    }

    /// The newest turn that the host has in its journal, which it tells from within its pod.
    fn turn(&self) -> u64 {
        until("it takes turns", PATIENCE, || {
            let words =
                ["-n", "ai-agent", "exec", "deploy/quarterdeck", "--", "quarterdeck", "get", "turns", "-o", "json"];
            let list: Value = serde_json::from_slice(&self.cluster.try_kubectl(&words).stdout).ok()?;
            list["items"].as_array()?.iter().filter_map(|turn| turn["turn"].as_u64()).max()
        })
    }

    fn there(&self, kind: &str, name: &str) -> bool {
        !self.cluster.get(&[kind, name]).is_null()
    }

    /// What Pod Security enforces in the host's namespace.
    fn enforced(&self) -> String {
        let namespace = self.cluster.get(&["namespace", "ai-agent"]);
        text("/metadata/labels/pod-security.kubernetes.io~1enforce", &namespace)
    }

    /// What the API server says to a pod with the node's files.
    fn to_a_pod_with_the_nodes_files(&self) -> String {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "ai-agent" }, "spec": {
            "containers": [{ "name": "c", "image": "x" }], "volumes": [{ "name": "v", "hostPath": { "path": "/" } }] } });
        let file = self.cluster.path("pod.json");
        fs::write(&file, pod.to_string()).unwrap();
        let output = self.cluster.try_kubectl(&["create", "--dry-run=server", "-f", file.to_str().unwrap()]);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

#[test]
fn a_release_is_installed_upgraded_to_missions_taken_away_and_taken_up_again() {
    let Some(parts) = parts() else { return };
    let cluster = Cluster::raise(Some("trixie"));
    said(Command::new(script("nginx.sh")).arg("load").arg(cluster.place().join("engine/docker.sock")));
    let builder = images::builder(parts);
    cluster.load(&builder.archive);
    cluster.load(&images::host().archive);
    said(cluster.inside("mkdir").arg("/var/lib/volume"));
    cluster.kubectl(&["apply", "-f", &script("kubernetes/storage.yaml").display().to_string()]);
    let release = Release { cluster: &cluster };

    // A namespace that Helm makes on the way would have no Pod Security; one that is there gets the chart's.
    release.refused(
        "install",
        &["--create-namespace"],
        "kubectl create namespace ai-agent, then helm install with --take-ownership",
    );
    assert!(!release.there("namespace", "ai-agent"), "nothing was begun");
    cluster.kubectl(&["create", "namespace", "ai-agent"]);
    release.refused("install", &[], "Namespace \"ai-agent\" in namespace \"\" exists and cannot be imported");
    let notes = release.must("install", &["--take-ownership"]);
    assert!(notes.contains("It can change nothing.") && notes.contains("the volume with the journal"), "{notes}");
    release.until_rolled_out();
    let patrolled = release.turn();
    assert_eq!(release.enforced(), "restricted");
    assert!(release.to_a_pod_with_the_nodes_files().contains("violates PodSecurity \"restricted"));

    // The same release looks after missions: with a mission it works from its files to what it wants.
    let group = said(cluster.inside("stat").args(["-L", "-c", "%g", "/run/docker.sock"]));
    let values = json!({ "missions": {
        "enabled": true, "charter": "laptop", "engine": { "group": group.trim().parse::<u32>().unwrap() },
        "builder": { "image": builder.by_digest(), "environment": { "TF_CLI_CONFIG_FILE": "/etc/quarterdeck/cli.tfrc" } },
    } });
    let file = cluster.path("values.json");
    fs::write(&file, values.to_string()).unwrap();
    let with = ["-f", file.to_str().unwrap()];
    release.must("upgrade", &with);
    release.until_rolled_out();
    assert!(release.turn() > patrolled, "the journal goes on");
    assert_eq!(release.enforced(), "privileged");
    let denied = until("the host's namespace has its wall", PATIENCE, || {
        let words = release.to_a_pod_with_the_nodes_files();
        words.contains("denied").then_some(words)
    });
    assert!(denied.contains("one way to the node's files, the engine's socket"), "{denied}");
    cluster.apply(&example(&[]));
    let phase = |wanted: &str| {
        until(&format!("the mission is {wanted}"), PATIENCE, || {
            (cluster.get(&["-n", "web", "mission", "web"])["status"]["phase"] == wanted).then_some(())
        });
    };
    phase("Ready");

    // An upgrade to the same changes nothing, and the policy of Approvals above all.
    let generation =
        |kind: &str, name: &str| cluster.get(&["-n", "ai-agent", kind, name])["metadata"]["generation"].clone();
    let (policy, by) = ("validatingadmissionpolicy", "quarterdeck-approval-by");
    let before = generation("deployment", "quarterdeck");
    release.must("upgrade", &with);
    assert_eq!((generation("deployment", "quarterdeck"), generation(policy, by)), (before, json!(1)));
    // One that was changed is never mended in place, since no Approval would count by it.
    cluster.kubectl(&["patch", policy, by, "--type=merge", "-p", r#"{"spec": {"failurePolicy": "Ignore"}}"#]);
    release.refused(
        "upgrade",
        &with,
        "kubectl delete validatingadmissionpolicy,validatingadmissionpolicybinding quarterdeck-approval-by",
    );
    cluster.kubectl(&["delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", by]);
    release.must("upgrade", &with);
    let made = cluster.get(&[policy, by]);
    assert_eq!((&made["metadata"]["generation"], &made["spec"]["failurePolicy"]), (&json!(1), &json!("Fail")));

    // Nobody takes the workers' namespace away while there are missions.
    let patrol = ["--reset-values"];
    release.refused("upgrade", &patrol, "there is the mission web/web (1 in all)");
    phase("Ready");
    cluster.kubectl(&["-n", "web", "delete", "mission", "web", "--timeout=60s"]);
    release.must("upgrade", &patrol);
    release.until_rolled_out();
    until("the workers' namespace is gone", PATIENCE, || {
        (!release.there("namespace", "quarterdeck-builder")).then_some(())
    });
    assert_eq!(release.enforced(), "restricted");
    assert!(!release.there(policy, by) && release.there("crd", "missions.quarterdeck.dev"));
    let last = release.turn();

    // What an uninstall leaves, the next release takes up.
    let left = release.must("uninstall", &["--wait"]);
    assert!(
        left.contains("[Namespace] ai-agent") && left.contains("[PersistentVolumeClaim] quarterdeck-data"),
        "{left}"
    );
    assert!(!release.there("clusterrole", "quarterdeck-read"));
    let claim = cluster.get(&["-n", "ai-agent", "pvc", "quarterdeck-data"]);
    assert_eq!(claim["status"]["phase"], "Bound");
    release.must("install", &[]);
    release.until_rolled_out();
    assert!(release.turn() > last, "the journal goes on");
}

#[test]
fn what_kustomize_applied_is_taken_over_as_it_is() {
    let cluster = Cluster::raise(None);
    let overlay = sources().join("deploy/kubernetes/overlays/missions").display().to_string();
    cluster.kubectl(&["apply", "-k", &overlay]);
    let release = Release { cluster: &cluster };
    let ids: Vec<String> = kustomized("missions").into_keys().collect();
    let all = || -> BTreeMap<String, Value> {
        let one = |id: &String| {
            let (kind, name) = id.split_once(' ').unwrap();
            let (namespace, name) = name.split_once('/').unwrap();
            let namespace = if namespace.is_empty() { "default" } else { namespace };
            (id.clone(), cluster.get(&["-n", namespace, kind, name]))
        };
        ids.iter().map(one).collect()
    };
    let before = all();
    let image = format!("missions.builder.image={NO_IMAGE}");
    let with = ["--set", "missions.enabled=true", "--set", &image];
    release.refused("install", &with, "cannot be imported into the current release");
    release.must("install", &[&with[..], &["--take-ownership"]].concat());
    for (id, mut after) in all() {
        assert_eq!(after["metadata"]["labels"]["app.kubernetes.io/managed-by"], "Helm", "{id}");
        // The pod is another one, by the annotation that names the file it has read; that file is spelled otherwise.
        if id == "Deployment ai-agent/quarterdeck" {
            without(&mut after, "/spec/template/metadata", WORKERS);
        }
        let parts = ["spec", "rules", "roleRef", "subjects"].into_iter();
        for part in parts.chain((id != "ConfigMap ai-agent/quarterdeck-workers").then_some("data")) {
            assert_eq!(after[part], before[&id][part], "{id}: {part}");
        }
        // One that was changed in place would be the end of all Approvals.
        if id.starts_with("ValidatingAdmissionPolicy") {
            assert_eq!(after["metadata"]["generation"], 1, "{id}");
        }
    }
}
