//! Providers: where they come from, and what they may be told.
//!
//! A provider is a program that runs beside Terraform with everything that the worker may do. So each must come from a
//! source that is granted, said plainly in `required_providers`; and a docker provider is told nothing by a mission, for
//! its arguments name other engines, commands to reach them, and credentials.

use super::super::grants::{DOCKER_SOURCE, provider_source};
use super::super::providers::Constraint;
use super::super::syntax::{Form, Item};
use super::walk::{Place, Walk};
use super::{ProviderRequirement, Rule};

/// Reads the `required_providers` of a `terraform` block; other items are left to their own rules.
pub(super) fn required(walk: &mut Walk<'_>, place: Place<'_>, item: &Item) {
    if item.name != "terraform" || item.form == Form::Argument {
        return;
    }
    for block in item.inside("required_providers") {
        for entry in block.body.iter().filter(|entry| entry.name != "//") {
            requirement(walk, place, entry);
        }
        if block.form == Form::Argument && !block.body.is_empty() {
            walk.refuse(place.file, block.at, Rule::Provider, "required_providers is a block; write it without =");
        }
    }
}

fn requirement(walk: &mut Walk<'_>, place: Place<'_>, entry: &Item) {
    for inner in &entry.body {
        if !matches!(inner.name.as_str(), "source" | "version" | "configuration_aliases" | "//") {
            let message =
                format!("{:?} is not allowed in required_providers; allowed are source and version", inner.name);
            walk.refuse(place.file, inner.at, Rule::Provider, message);
        }
    }
    for name in ["source", "version"] {
        // `source` and `"source"` are one key to Terraform, which takes the last.
        if let Some(again) = entry.inside(name).nth(1) {
            walk.refuse(place.file, again.at, Rule::Provider, format!("{name} is there twice; keep one"));
        }
    }
    let source = entry.inside("source").next();
    let Some(text) = source.and_then(Item::text) else {
        let message = format!(
            "say where {:?} comes from: {} = {{ source = \"{DOCKER_SOURCE}\", version = \"~> 3.9\" }}",
            entry.name, entry.name
        );
        return walk.refuse(place.file, entry.at, Rule::Provider, message);
    };
    let at = source.map_or(entry.at, |source| source.at);
    let granted = provider_source(text).filter(|source| walk.grants.provider_allowed(source));
    let Some(granted) = granted else {
        let message = format!(
            "the provider {text:?} is not granted; allowed is {DOCKER_SOURCE}, and what the operator grants by provider:NAMESPACE/TYPE"
        );
        return walk.refuse(place.file, at, Rule::Provider, message);
    };
    let version = entry.inside("version").next();
    let constraint = version.map_or(Some(""), Item::text);
    let at = version.map_or(entry.at, |version| version.at);
    match constraint.map(|text| (text, Constraint::parse(text))) {
        Some((text, Ok(_))) => walk.facts.providers.push(ProviderRequirement {
            folder: place.folder.to_owned(),
            local_name: entry.name.clone(),
            source: granted,
            constraint: text.to_owned(),
            file: place.file.to_owned(),
            line: at.line,
            overrides: place.overrides,
        }),
        Some((_, Err(error))) => walk.refuse(place.file, at, Rule::Provider, error.to_string()),
        None => walk.refuse(place.file, at, Rule::Provider, "the version must be written out, like \"~> 3.9\""),
    }
}

/// The names that a module's granted providers go by there.
pub(super) fn local_names(walk: &Walk<'_>, folder: &str) -> Vec<String> {
    let here = walk.facts.providers.iter().filter(|entry| entry.folder == folder);
    let mut names: Vec<String> = here.map(|entry| entry.local_name.clone()).collect();
    // Terraform's own provider, which has terraform_data; it cannot be required under another name.
    names.push("terraform".to_owned());
    names
}

/// A `provider` block: nothing but an alias.
pub(super) fn configuration(walk: &mut Walk<'_>, place: Place<'_>, item: &Item, names: &[String]) {
    let name = item.labels.first().map(String::as_str).unwrap_or_default();
    is_required(walk, place, item, name, names);
    let source = walk.facts.providers.iter().find(|entry| entry.folder == place.folder && entry.local_name == name);
    if source.is_some_and(|entry| entry.source != DOCKER_SOURCE) {
        // Arguments of a provider that the operator granted are the operator's to judge.
        return;
    }
    for inner in item.body.iter().filter(|inner| !matches!(inner.name.as_str(), "alias" | "//")) {
        let message = format!(
            "the provider's argument {:?} is not allowed: the worker says which engine is spoken to. Remove it",
            inner.name
        );
        walk.refuse(place.file, inner.at, Rule::Provider, message);
    }
}

/// The provider that a resource uses: that of its `provider` argument, or the first word of its type.
pub(super) fn used(walk: &mut Walk<'_>, place: Place<'_>, item: &Item, names: &[String]) {
    let mut said = item.inside("provider").peekable();
    if said.peek().is_none() {
        let kind = item.labels.first().map(String::as_str).unwrap_or_default();
        let name = kind.split('_').next().unwrap_or_default();
        return is_required(walk, place, item, name, names);
    }
    for argument in said {
        match &argument.value.reference {
            Some(name) => is_required(walk, place, argument, name, names),
            None => match argument.text().and_then(|text| text.split('.').next()) {
                Some(name) => is_required(walk, place, argument, name, names),
                None => {
                    walk.refuse(place.file, argument.at, Rule::Provider, "name the provider plainly, like docker.other")
                }
            },
        }
    }
}

/// The providers that a module call passes on: all must be required here.
pub(super) fn passed_on(walk: &mut Walk<'_>, place: Place<'_>, item: &Item, names: &[String]) {
    for providers in item.inside("providers") {
        for entry in &providers.body {
            let name =
                entry.value.reference.as_deref().or_else(|| entry.text().and_then(|text| text.split('.').next()));
            match name {
                Some(name) => is_required(walk, place, entry, name, names),
                None => {
                    walk.refuse(place.file, entry.at, Rule::Provider, "name the provider plainly, like docker.other")
                }
            }
        }
    }
}

fn is_required(walk: &mut Walk<'_>, place: Place<'_>, item: &Item, name: &str, names: &[String]) {
    if names.iter().any(|known| known == name) {
        return;
    }
    let message = format!(
        "the provider {name:?} is not in this module's required_providers, so Terraform would guess where it comes from; \
         add {name} = {{ source = \"{DOCKER_SOURCE}\" }} or remove its use"
    );
    walk.refuse(place.file, item.at, Rule::Provider, message);
}
