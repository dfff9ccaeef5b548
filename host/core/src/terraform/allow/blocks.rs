//! Which blocks may stand at the top of a file, and what may stand in them.

use super::super::syntax::{Form, Item};
use super::functions::is_type_constructor;
use super::walk::{Place, Walk};
use super::{ModuleCall, Rule, VariableFact, provider, resource};

/// How many labels a top-level block has; JSON nests an object for each.
pub(super) fn label_count(block: &str) -> usize {
    match block {
        "resource" | "data" | "ephemeral" | "action" => 2,
        "provider" | "variable" | "output" | "module" | "check" | "run" => 1,
        _other => 0,
    }
}

/// Checks the files of one module together.
pub(super) fn module(walk: &mut Walk<'_>, folder: &str, files: &[(Place<'_>, Vec<Item>)]) {
    for (place, items) in files {
        items.iter().for_each(|item| provider::required(walk, *place, item));
    }
    let names = provider::local_names(walk, folder);
    for (place, items) in files {
        for item in items {
            top(walk, *place, item, &names);
        }
    }
}

fn top(walk: &mut Walk<'_>, place: Place<'_>, item: &Item, names: &[String]) {
    if item.form == Form::Argument {
        let message = format!("{:?} stands outside of every block; remove it", item.name);
        return walk.refuse(place.file, item.at, Rule::Block, message);
    }
    if item.labels.len() != label_count(&item.name) {
        let message = format!("a {} block has {} labels here", item.name, label_count(&item.name));
        return walk.refuse(place.file, item.at, Rule::Block, message);
    }
    match item.name.as_str() {
        "terraform" => only(walk, place, item, &["required_version", "required_providers"]),
        "provider" => provider::configuration(walk, place, item, names),
        "variable" => return variable(walk, place, item),
        "locals" => {}
        "output" => {
            let allowed = ["value", "description", "sensitive", "depends_on", "ephemeral", "precondition"];
            only(walk, place, item, &allowed);
        }
        "resource" | "data" => resource::resource(walk, place, item, names),
        "module" => called_module(walk, place, item, names),
        "moved" => only(walk, place, item, &["from", "to"]),
        other => return walk.refuse(place.file, item.at, Rule::Block, why_not(other)),
    }
    every_call(walk, place, item);
}

/// A block that is not allowed, with what to do instead.
fn why_not(block: &str) -> String {
    let instead = match block {
        "import" => "a mission makes its own objects and takes over none; remove it",
        "removed" => "an object that is forgotten stays on the engine; let the plan destroy it",
        "check" => "checks read data sources while a plan is made; use preconditions",
        "ephemeral" | "action" => "it does something that is in no plan; remove it",
        _other => "allowed are terraform, provider, variable, locals, output, resource, module and moved",
    };
    format!("the block {block:?} is not allowed: {instead}")
}

/// Refuses everything in a block that is not on the list.
pub(super) fn only(walk: &mut Walk<'_>, place: Place<'_>, block: &Item, allowed: &[&str]) {
    for inner in block.body.iter().filter(|inner| !allowed.contains(&inner.name.as_str())) {
        if inner.name == "//" && inner.form != Form::Block {
            continue;
        }
        let message = match (block.name.as_str(), inner.name.as_str()) {
            ("terraform", "backend" | "cloud") => {
                format!(
                    "{:?} is not allowed: the worker keeps the state at the host and adds its own backend",
                    inner.name
                )
            }
            (block, name) => format!("{name:?} is not allowed in {block}; allowed are {}", allowed.join(", ")),
        };
        walk.refuse(place.file, inner.at, Rule::Block, message);
    }
}

pub(super) fn every_call(walk: &mut Walk<'_>, place: Place<'_>, item: &Item) {
    let mut calls = Vec::new();
    item.every_call(&mut calls);
    walk.calls(place, &calls);
}

fn variable(walk: &mut Walk<'_>, place: Place<'_>, item: &Item) {
    let allowed = ["type", "default", "description", "sensitive", "nullable", "ephemeral", "validation"];
    only(walk, place, item, &allowed);
    for inner in &item.body {
        let mut calls = Vec::new();
        inner.every_call(&mut calls);
        if inner.name == "type" {
            calls.retain(|call| !is_type_constructor(call));
        }
        walk.calls(place, &calls);
    }
    if place.folder.is_empty() {
        let name = item.labels.first().cloned().unwrap_or_default();
        let has_default = item.inside("default").next().is_some();
        // Only where it says so plainly: an expression is not evaluated here.
        let sensitive = item.inside("sensitive").next().is_some_and(Item::is_true);
        walk.facts.variables.push(VariableFact { name, has_default, sensitive });
    }
}

fn called_module(walk: &mut Walk<'_>, place: Place<'_>, item: &Item, names: &[String]) {
    let name = item.labels.first().cloned().unwrap_or_default();
    let sources: Vec<&Item> = item.inside("source").collect();
    if sources.is_empty() && !place.overrides {
        walk.refuse(place.file, item.at, Rule::Module, "a module needs a source like \"./modules/x\"");
    }
    for source in sources {
        let target = source.text().and_then(|text| walk.local_module(place.folder, text));
        match target {
            Some(target) => walk.facts.modules.push(ModuleCall { folder: place.folder.to_owned(), name: name.clone(), target }),
            None => walk.refuse(
                place.file,
                source.at,
                Rule::Module,
                "a module's source must be written out, begin with ./ or ../ and be a folder of this mission with *.tf files",
            ),
        }
    }
    for version in item.inside("version") {
        walk.refuse(place.file, version.at, Rule::Module, "a local module has no version; remove it");
    }
    for inner in item.body.iter().filter(|inner| matches!(inner.name.as_str(), "provisioner" | "connection")) {
        walk.refuse(place.file, inner.at, Rule::Provisioner, "provisioners are not allowed; build an image instead");
    }
    provider::passed_on(walk, place, item, names);
}
