//! What of the overlays a user of the chart may choose, and what stays at an uninstall. This is the whole list.

use anyhow::{Context, ensure};
use serde_json::Value;

use super::overlay::Object;

/// A part of one object that values fill.
pub(super) struct Place {
    /// In which modes the object has it.
    pub(super) modes: &'static [&'static str],
    /// The object: kind, namespace and name.
    pub(super) object: &'static str,
    /// Where in the object: keys, and `[name=X]` for the one element of a list whose name is X.
    pub(super) path: &'static str,
    /// What is written there.
    pub(super) fill: Fill,
}

/// What is written in a place. A value is named as below `.Values`.
pub(super) enum Fill {
    /// The value, whose default is what stands there.
    Value(&'static str),
    /// These words and then the value, whose default makes what stands there of them.
    Behind(&'static str, &'static str),
    /// The value, which has no default. What stands there is the placeholder of the overlays.
    Required(&'static str),
    /// This key with the value, where it is not the default; the overlays have no such key.
    Optional(&'static str, &'static str),
    /// This key with what the template gives; the overlays have no such key.
    Computed(&'static str, &'static str),
    /// What the template gives, in place of this text.
    Made(&'static str, &'static str),
    /// A text that is YAML itself, with places of its own.
    Yaml(&'static [(&'static str, Fill)]),
}

const ALL: &[&str] = &["missions", "patrol", "patrol-without-storage"];
const STORED: &[&str] = &["missions", "patrol"];
const MISSIONS: &[&str] = &["missions"];

const HOST: &str = "Deployment ai-agent/quarterdeck";
const CLAIM: &str = "PersistentVolumeClaim ai-agent/quarterdeck-data";
const ALLOWS: &str = "ConfigMap ai-agent/quarterdeck-builder-allows";
const WORKERS: &str = "ConfigMap ai-agent/quarterdeck-workers";

/// The image that the overlays name in the place of one that the user has to name.
pub(super) const NO_IMAGE: &str =
    "quarterdeck-builder@sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// A host reads this file when it starts; so a new one has to make a new pod.
const WORKERS_DIGEST: &str = "include (print $.Template.BasePath \"/missions-workers.yaml\") . | sha256sum";

/// The keys of `missions.builder.secrets`, as the walls name them.
const SECRETS: &str = "include \"quarterdeck.secrets\" . | toJson";

const fn place(modes: &'static [&'static str], object: &'static str, path: &'static str, fill: Fill) -> Place {
    Place { modes, object, path, fill }
}

/// All of them.
pub(super) const PLACES: &[Place] = &[
    place(ALL, HOST, "spec/template/spec/containers/[name=host]/image", Fill::Value("image")),
    place(ALL, HOST, "spec/template/spec/containers/[name=host]/resources", Fill::Value("resources")),
    place(
        ALL,
        HOST,
        "spec/template/spec/containers/[name=host]/env/[name=GEMINI_API_KEY]/valueFrom/secretKeyRef/name",
        Fill::Value("gemini.secret"),
    ),
    place(ALL, HOST, "spec/template/spec", Fill::Optional("nodeSelector", "nodeSelector")),
    place(STORED, CLAIM, "spec/resources/requests/storage", Fill::Value("storage.size")),
    place(STORED, CLAIM, "spec", Fill::Optional("storageClassName", "storage.class")),
    place(
        MISSIONS,
        HOST,
        "spec/template/spec/containers/[name=host]/args/4",
        Fill::Behind("--charter=", "missions.charter"),
    ),
    place(
        MISSIONS,
        HOST,
        "spec/template/spec/containers/[name=host]/env/[name=QUARTERDECK_WEBHOOK_URL]/valueFrom/secretKeyRef/name",
        Fill::Value("missions.webhook.secret"),
    ),
    place(
        MISSIONS,
        HOST,
        "spec/template/spec/containers/[name=host]/env/[name=QUARTERDECK_WEBHOOK_KEY]/valueFrom/secretKeyRef/name",
        Fill::Value("missions.webhook.secret"),
    ),
    place(
        MISSIONS,
        HOST,
        "spec/template/spec/securityContext/supplementalGroups/0",
        Fill::Value("missions.engine.group"),
    ),
    place(
        MISSIONS,
        HOST,
        "spec/template/spec/volumes/[name=engine]/hostPath/path",
        Fill::Value("missions.engine.socket"),
    ),
    place(MISSIONS, HOST, "spec/template/metadata", Fill::Computed("annotations", WORKERS_DIGEST)),
    place(MISSIONS, ALLOWS, "data/engineSocket", Fill::Value("missions.engine.socket")),
    place(MISSIONS, ALLOWS, "data/images", Fill::Required("missions.builder.image")),
    place(MISSIONS, ALLOWS, "data/secrets", Fill::Made("", SECRETS)),
    place(
        MISSIONS,
        WORKERS,
        "data/workers.yaml",
        Fill::Yaml(&[
            ("builder/image", Fill::Required("missions.builder.image")),
            ("builder", Fill::Optional("engineSocket", "missions.engine.socket")),
            ("builder", Fill::Optional("environment", "missions.builder.environment")),
            // The host looks at the engine of its own node, so workers are put where the host is.
            ("builder", Fill::Optional("nodeSelector", "nodeSelector")),
            ("builder", Fill::Optional("resources", "missions.builder.resources")),
            ("builder", Fill::Optional("secrets", "missions.builder.secrets")),
        ]),
    ),
];

/// What an uninstall leaves: the journal with the states, and what would take missions and Approvals with it.
pub(super) const KEPT: [(&str, &[&str]); 4] = [
    ("Namespace /ai-agent", ALL),
    (CLAIM, STORED),
    ("CustomResourceDefinition /missions.quarterdeck.dev", MISSIONS),
    ("CustomResourceDefinition /approvals.quarterdeck.dev", MISSIONS),
];

/// Says to Helm what it leaves.
pub(super) fn keep(objects: &mut [Object], mode: &str) -> anyhow::Result<()> {
    for (id, _) in KEPT.iter().filter(|(_, modes)| modes.contains(&mode)) {
        let object = objects.iter_mut().find(|object| object.id() == *id);
        let metadata = &mut object.with_context(|| format!("{mode}: there is no {id} to keep"))?.value["metadata"];
        ensure!(metadata.get("annotations").is_none(), "{mode}: {id} has annotations of its own, which would be lost");
        metadata["annotations"] = serde_json::json!({ "helm.sh/resource-policy": "keep" });
    }
    Ok(())
}

/// What stands at a path.
pub(super) fn at<'a>(value: &'a mut Value, path: &str) -> anyhow::Result<&'a mut Value> {
    let mut value = value;
    for step in path.split('/') {
        value = match step
            .strip_prefix('[')
            .and_then(|step| step.strip_suffix(']'))
            .and_then(|step| step.split_once('='))
        {
            Some((key, name)) => {
                let list = value.as_array_mut().with_context(|| format!("{path}: there is no list for {step}"))?;
                let mut found = list.iter_mut().filter(|element| element[key] == name);
                let one = found.next().filter(|_| found.next().is_none());
                one.with_context(|| format!("{path}: there is not one element {step}"))?
            }
            None => value.pointer_mut(&format!("/{step}")).with_context(|| format!("{path}: there is no {step}"))?,
        };
    }
    Ok(value)
}
