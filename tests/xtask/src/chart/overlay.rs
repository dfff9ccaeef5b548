//! What `kubectl kustomize` makes of an overlay, for the few of its words that ours use: resources, labels, images, and patches
//! that are merged. Any other word is an error, so that nothing of an overlay is left out in silence. That both make the same
//! is shown on the real one by the story `chart` of the real-parts suite.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value};

/// The words of a kustomization that are understood here.
const WORDS: [&str; 6] = ["apiVersion", "kind", "resources", "labels", "images", "patches"];

/// By which key an element of a list is the same as a patch's. A list that is not named here is replaced as a whole.
const LIST_KEYS: [(&str, &str); 5] = [
    ("containers", "name"),
    ("env", "name"),
    ("ports", "containerPort"),
    ("volumeMounts", "mountPath"),
    ("volumes", "name"),
];

/// One object that an overlay gives to a cluster.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// The file below the overlays' root that it was read from; patches come from others.
    pub(super) source: String,
    /// All of it.
    pub(super) value: Value,
}

impl Object {
    /// What tells it from all others of an overlay.
    pub(super) fn id(&self) -> String {
        let text = |path: &str| self.value.pointer(path).and_then(Value::as_str).unwrap_or_default();
        format!("{} {}/{}", text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
    }
}

/// Every object of an overlay: a folder below the root.
pub(super) fn render(root: &Path, folder: &str) -> anyhow::Result<Vec<Object>> {
    let file = format!("{folder}/kustomization.yaml");
    let [kustomization] = &documents(root, &file)?[..] else { bail!("{file} is not one document") };
    let words = kustomization.as_object().with_context(|| format!("{file} is no object"))?;
    for word in words.keys() {
        ensure!(WORDS.contains(&word.as_str()), "{file} says {word:?}: teach overlay.rs what that does");
    }
    let mut objects = Vec::new();
    for resource in list(kustomization, "resources") {
        let path = beside(folder, resource.as_str().with_context(|| format!("{file}: a resource is no path"))?);
        if root.join(&path).is_dir() {
            objects.extend(render(root, &path)?);
        } else {
            objects.extend(documents(root, &path)?.into_iter().map(|value| Object { source: path.clone(), value }));
        }
    }
    for patch in list(kustomization, "patches") {
        let path = only(patch, &["path"]).and_then(|patch| patch["path"].as_str().context("a path is a text"));
        let path = beside(folder, path.with_context(|| format!("{file}: a patch"))?);
        for change in documents(root, &path)? {
            patched(&mut objects, &path, change).with_context(|| format!("patch by {path}"))?;
        }
    }
    for label in list(kustomization, "labels") {
        let pairs = only(label, &["pairs"]).with_context(|| format!("{file}: a label"))?["pairs"].as_object();
        for (name, value) in pairs.with_context(|| format!("{file}: pairs are names and values"))? {
            for object in &mut objects {
                let labels = object.value["metadata"].as_object_mut().context("an object has metadata")?;
                labels.entry("labels").or_insert_with(|| Map::new().into())[name.as_str()] = value.clone();
            }
        }
    }
    for image in list(kustomization, "images") {
        let image = only(image, &["name", "newName", "newTag"]).with_context(|| format!("{file}: an image"))?;
        let word = |name: &str| image[name].as_str().with_context(|| format!("{file}: an image has a {name}"));
        renamed(&mut objects, word("name")?, &format!("{}:{}", word("newName")?, word("newTag")?));
    }
    Ok(objects)
}

/// Every document of a file.
fn documents(root: &Path, path: &str) -> anyhow::Result<Vec<Value>> {
    let text = fs::read_to_string(root.join(path)).with_context(|| format!("read {path}"))?;
    let parse = |document: &str| serde_saphyr::from_str(document).with_context(|| format!("read {path} as YAML"));
    text.split("\n---\n").map(parse).collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// An object that has no other keys than these.
fn only<'a>(value: &'a Value, keys: &[&str]) -> anyhow::Result<&'a Value> {
    let object = value.as_object().context("it is no object")?;
    let other = object.keys().find(|key| !keys.contains(&key.as_str()));
    ensure!(other.is_none(), "it says {other:?}: teach overlay.rs what that does");
    Ok(value)
}

/// A path as a file in a folder says it.
fn beside(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Changes the one object that a patch is for.
fn patched(objects: &mut Vec<Object>, source: &str, mut change: Value) -> anyhow::Result<()> {
    let id = Object { source: source.to_owned(), value: change.clone() }.id();
    let index = objects.iter().position(|object| object.id() == id).with_context(|| format!("there is no {id}"))?;
    let directive = change.as_object_mut().and_then(|change| change.remove("$patch"));
    match directive.as_ref().map(Value::as_str) {
        None => merge(&mut objects[index].value, change, ""),
        Some(Some("delete")) => {
            objects.remove(index);
            Ok(())
        }
        Some(other) => bail!("$patch: {other:?}: teach overlay.rs what that does"),
    }
}

/// Merges as kustomize does: null takes a key away, and what is new in a list comes before what was there.
fn merge(target: &mut Value, change: Value, key: &str) -> anyhow::Result<()> {
    match (target, change) {
        (Value::Object(target), Value::Object(change)) => {
            for (key, value) in change {
                match (target.get_mut(&key), value) {
                    (_, Value::Null) => drop(target.remove(&key)),
                    (Some(old), value) => merge(old, value, &key)?,
                    (None, value) => drop(target.insert(key, value)),
                }
            }
        }
        (Value::Array(target), Value::Array(change)) if change.iter().any(Value::is_object) => {
            let known = LIST_KEYS.iter().find(|(list, _)| *list == key);
            let (_, by) = known.with_context(|| format!("how the list {key:?} is merged is not known"))?;
            let mut new = Vec::new();
            for value in change {
                match target.iter_mut().find(|old| old[*by] == value[*by]) {
                    Some(old) => merge(old, value, "")?,
                    None => new.push(value),
                }
            }
            target.splice(0..0, new);
        }
        (target, change) => *target = change,
    }
    Ok(())
}

/// Gives containers of this image another.
fn renamed(objects: &mut [Object], name: &str, image: &str) {
    for object in objects {
        let containers = object.value.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let is_it = container["image"].as_str().is_some_and(|image| image.split([':', '@']).next() == Some(name));
            if is_it {
                container["image"] = image.into();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_is_merged_as_kustomize_merges_it() {
        let mut pod = json!({ "containers": [{ "name": "host", "env": [{ "name": "A", "value": "1" }], "args": ["x"] }],
            "volumes": [{ "name": "data", "claim": {} }] });
        let change = json!({ "containers": [{ "name": "host", "env": [{ "name": "B" }, { "name": "C" }], "args": ["y"] }],
            "volumes": [{ "name": "data", "claim": null, "emptyDir": {} }] });
        merge(&mut pod, change, "").unwrap();
        let expected = json!({ "containers": [{ "name": "host", "args": ["y"],
            "env": [{ "name": "B" }, { "name": "C" }, { "name": "A", "value": "1" }] }],
            "volumes": [{ "name": "data", "emptyDir": {} }] });
        assert_eq!(pod, expected);
        let said = merge(&mut json!({ "rules": [{}] }), json!({ "rules": [{}] }), "").unwrap_err().to_string();
        assert!(said.contains("\"rules\" is merged is not known"), "{said}");
    }

    /// An overlay of these files, by their names.
    fn rendered(files: &[(&str, &str)]) -> Result<Vec<Object>, String> {
        let folder = std::env::temp_dir().join(format!("quarterdeck-overlay-{}", std::process::id()));
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("o")).unwrap();
        files.iter().for_each(|(name, text)| fs::write(folder.join("o").join(name), text).unwrap());
        let made = render(&folder, "o").map_err(|error| format!("{error:#}"));
        fs::remove_dir_all(&folder).unwrap();
        made
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let object = ("a.yaml", "kind: A\nmetadata: { name: a }\n");
        let with = |more: &str| rendered(&[object, ("kustomization.yaml", &format!("resources: [a.yaml]\n{more}"))]);
        assert_eq!(with("labels: [{ pairs: { x: z } }]").unwrap()[0].value["metadata"]["labels"]["x"], "z");
        for (more, says) in [
            ("namePrefix: x-", "\"namePrefix\": teach"),
            ("labels: [{ pairs: { x: z }, includeSelectors: true }]", "\"includeSelectors\""),
            ("images: [{ name: a, digest: b }]", "\"digest\""),
            ("patches: [{ path: a.yaml, target: {} }]", "\"target\""),
            ("patches: [{ path: none.yaml }]", "read o/none.yaml"),
        ] {
            let said = with(more).unwrap_err();
            assert!(said.contains(says), "{more}: {said}");
        }
        let other = ("p.yaml", "kind: A\nmetadata: { name: b }\n");
        let kustomization = ("kustomization.yaml", "resources: [a.yaml]\npatches: [{ path: p.yaml }]\n");
        let said = rendered(&[object, other, kustomization]).unwrap_err();
        assert!(said.contains("there is no A /b"), "{said}");
    }
}
