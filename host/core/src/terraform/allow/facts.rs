//! What the files say of themselves, for the provider's verdict, the policy and the dashboard.

use serde::{Deserialize, Serialize};

use super::super::grants::DOCKER_SOURCE;
use super::super::providers::{ProviderPin, Version};
use super::super::text::escape;

/// At most this many entries of a kind become facts for the policy; more are told as a count.
const FACTS_PER_KIND_MAX: usize = 32;

/// A fact's value has at most this many characters.
const FACT_CHARS_MAX: usize = 200;

/// What allowed files say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StaticFacts {
    /// The providers that each module requires, in the order of the files.
    pub providers: Vec<ProviderRequirement>,
    /// The resources and data sources.
    pub resources: Vec<ResourceFact>,
    /// The variables of the root module.
    pub variables: Vec<VariableFact>,
    /// The calls of local modules.
    pub modules: Vec<ModuleCall>,
    /// The files that Terraform would load, sorted.
    pub files: Vec<String>,
}

/// An entry of `required_providers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRequirement {
    /// The module's folder; empty for the root.
    pub folder: String,
    /// The name that the module gives it.
    pub local_name: String,
    /// The source in short form, like `kreuzwerker/docker`.
    pub source: String,
    /// The version constraint as written; empty where there is none.
    pub constraint: String,
    /// The file with the constraint, or with the entry where there is none.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// Whether an override file says so; it then replaces what the module's other files say.
    pub overrides: bool,
}

/// A resource or data source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceFact {
    /// The module's folder; empty for the root.
    pub folder: String,
    /// The type.
    pub kind: String,
    /// The name.
    pub name: String,
    /// Whether it is a data source.
    pub data: bool,
}

/// A variable of the root module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableFact {
    /// The name.
    pub name: String,
    /// Whether it has a default, so may be left out.
    pub has_default: bool,
    /// Whether its value must not be shown.
    pub sensitive: bool,
}

/// A call of a local module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleCall {
    /// The folder of the module that calls.
    pub folder: String,
    /// The name of the call.
    pub name: String,
    /// The folder of the module that is called.
    pub target: String,
}

impl StaticFacts {
    /// The docker provider that these files select together with a lock file; `None` where no module requires it.
    ///
    /// Terraform takes one release for all modules, so all constraints hold together. The place is that of the first
    /// constraint that names versions, for a cure to point at.
    pub fn docker_pin(&self, locked: Option<Version>) -> Option<ProviderPin> {
        let all: Vec<_> = self.providers.iter().filter(|entry| entry.source == DOCKER_SOURCE).collect();
        let replaced = |entry: &ProviderRequirement| {
            !entry.overrides
                && self.providers.iter().any(|other| {
                    other.overrides && other.folder == entry.folder && other.local_name == entry.local_name
                })
        };
        let in_force: Vec<_> = all.into_iter().filter(|entry| !replaced(entry)).collect();
        let place = in_force.iter().find(|entry| !entry.constraint.is_empty()).or(in_force.first())?;
        let constraints: Vec<&str> = in_force.iter().map(|entry| entry.constraint.as_str()).collect();
        let constraints: Vec<&str> = constraints.into_iter().filter(|text| !text.trim().is_empty()).collect();
        let (source, constraint) = (DOCKER_SOURCE.to_owned(), constraints.join(", "));
        Some(ProviderPin { source, constraint, file: place.file.clone(), line: place.line, locked })
    }

    /// The facts as keys and values for the policy; bounded, and without any value of a variable.
    pub fn as_facts(&self) -> Vec<(String, String)> {
        let mut facts = Vec::new();
        let mut add = |key: &str, values: Vec<String>| {
            let more = values.len().saturating_sub(FACTS_PER_KIND_MAX);
            facts.extend(
                values
                    .into_iter()
                    .take(FACTS_PER_KIND_MAX)
                    .map(|value| (key.to_owned(), escape(&value, FACT_CHARS_MAX))),
            );
            if more > 0 {
                facts.push((format!("{key}.more"), more.to_string()));
            }
        };
        add("terraform.provider", self.providers.iter().map(|p| format!("{} {}", p.source, p.constraint)).collect());
        let address = |r: &ResourceFact| {
            let folder = if r.folder.is_empty() { String::new() } else { format!("{}: ", r.folder) };
            let data = if r.data { "data." } else { "" };
            format!("{folder}{data}{}.{}", r.kind, r.name)
        };
        add("terraform.resource", self.resources.iter().map(address).collect());
        let variable = |v: &VariableFact| {
            let default = if v.has_default { "optional" } else { "required" };
            format!("{} {default}{}", v.name, if v.sensitive { " sensitive" } else { "" })
        };
        add("terraform.variable", self.variables.iter().map(variable).collect());
        add("terraform.module", self.modules.iter().map(|m| format!("{} in {}", m.name, m.target)).collect());
        facts
    }
}
