//! Resources and data sources.

use super::super::grants::RESOURCE_TYPES;
use super::super::syntax::{Form, Item};
use super::functions::join;
use super::walk::{Place, Walk};
use super::{ResourceFact, Rule, blocks, provider};

/// Checks a `resource` or `data` block.
pub(super) fn resource(walk: &mut Walk<'_>, place: Place<'_>, item: &Item, names: &[String]) {
    let (kind, name) = (label(item, 0), label(item, 1));
    let data = item.name == "data";
    let granted = if data { walk.grants.data_allowed(kind) } else { walk.grants.resource_allowed(kind) };
    if !granted {
        let message = if data {
            format!("the data source {kind:?} is not granted; the operator can grant data:{kind}")
        } else {
            let allowed = RESOURCE_TYPES.join(", ");
            format!(
                "the resource type {kind:?} is not allowed; allowed are {allowed}, and what the operator grants by resource:TYPE"
            )
        };
        walk.refuse(place.file, item.at, Rule::Type, message);
    }
    provider::used(walk, place, item, names);
    for inner in &item.body {
        argument(walk, place, kind, inner);
    }
    let folder = place.folder.to_owned();
    walk.facts.resources.push(ResourceFact { folder, kind: kind.to_owned(), name: name.to_owned(), data });
}

fn label(item: &Item, index: usize) -> &str {
    item.labels.get(index).map(String::as_str).unwrap_or_default()
}

/// One argument or block of a resource.
fn argument(walk: &mut Walk<'_>, place: Place<'_>, kind: &str, item: &Item) {
    match (kind, item.name.as_str()) {
        (_, "provisioner" | "connection") => {
            let message = format!("a {} runs commands and is not allowed; build an image instead", item.name);
            walk.refuse(place.file, item.at, Rule::Provisioner, message);
        }
        (_, "lifecycle") => {
            let allowed = [
                "create_before_destroy",
                "prevent_destroy",
                "ignore_changes",
                "replace_triggered_by",
                "precondition",
                "postcondition",
            ];
            blocks::only(walk, place, item, &allowed);
        }
        (_, "dynamic") => dynamic(walk, place, kind, item),
        ("docker_image", "build") => {
            let message = "a mission pulls its images and builds none; push the image and name it by its digest";
            walk.refuse(place.file, item.at, Rule::Argument, message);
        }
        ("docker_container", "upload") => upload(walk, place, item),
        _allowed => {}
    }
}

/// What a `dynamic` block makes is judged like the block itself. Its label is a key in JSON.
fn dynamic(walk: &mut Walk<'_>, place: Place<'_>, kind: &str, item: &Item) {
    let blocks: Vec<(&str, &Item)> = match item.labels.first() {
        Some(name) => vec![(name.as_str(), item)],
        None => item.body.iter().map(|inner| (inner.name.as_str(), inner)).collect(),
    };
    for (name, block) in blocks {
        for content in block.inside("content") {
            let made = Item { name: name.to_owned(), ..content.clone() };
            argument(walk, place, kind, &made);
        }
        if matches!(name, "provisioner" | "connection" | "lifecycle" | "dynamic") {
            let message = format!("a dynamic block cannot make {name:?}; remove it");
            walk.refuse(place.file, block.at, Rule::Block, message);
        }
    }
}

/// A file that is copied into a container must be the mission's own.
fn upload(walk: &mut Walk<'_>, place: Place<'_>, item: &Item) {
    if item.form == Form::Argument {
        return walk.refuse(
            place.file,
            item.at,
            Rule::Argument,
            "write upload as a block, so that its source can be read",
        );
    }
    for source in item.inside("source") {
        // The provider opens the path in the folder that Terraform runs in, which is the mission's.
        let path = source.text().and_then(|text| join("", text)).or_else(|| module_path(source, place.folder));
        if path.is_none_or(|path| walk.set.get(&path).is_none()) {
            let message =
                "an upload's source must be written out and be a file of this mission; or use content = file(…)";
            walk.refuse(place.file, source.at, Rule::Argument, message);
        }
    }
}

/// `"${path.module}/x"`, which is a path known here as well.
fn module_path(source: &Item, folder: &str) -> Option<String> {
    let rest = source.value.module_path.as_deref()?;
    rest.strip_prefix('/').and_then(|rest| join(folder, rest))
}
