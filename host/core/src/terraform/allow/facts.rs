//! What the files say of themselves, for the provider's verdict, the policy and the dashboard.

use serde::{Deserialize, Serialize};

use super::super::providers::LockFile;
use super::super::text::escape;
use crate::mission::ProviderNeed;
use crate::situation::Fact;

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
    /// Whether it says by the literal `true` that its value must not be shown.
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
    /// The providers that these files select, one entry a source, together with a lock file where there is one.
    ///
    /// Terraform takes one release for all modules, so all constraints hold together. The place is that of the first
    /// constraint that names versions, for a cure to point at.
    pub fn provider_needs(&self, lock: Option<&LockFile>) -> Vec<ProviderNeed> {
        let mut sources: Vec<&str> = self.providers.iter().map(|entry| entry.source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        sources.into_iter().filter_map(|source| self.need(source, lock)).collect()
    }

    fn need(&self, source: &str, lock: Option<&LockFile>) -> Option<ProviderNeed> {
        let in_force = |entry: &&ProviderRequirement| entry.source == source && !self.is_replaced(entry);
        let entries: Vec<_> = self.providers.iter().filter(in_force).collect();
        let place = entries.iter().find(|entry| !entry.constraint.trim().is_empty()).or(entries.first())?;
        let constraints = entries.iter().map(|entry| entry.constraint.trim()).filter(|text| !text.is_empty());
        let constraint = constraints.collect::<Vec<_>>().join(", ");
        Some(ProviderNeed {
            source: source.to_owned(),
            constraint: (!constraint.is_empty()).then_some(constraint),
            locked: lock.and_then(|lock| lock.version_of(source)).map(|version| version.to_string()),
            file: place.file.clone(),
            line: place.line,
        })
    }

    /// Whether an override file says something else under the same name.
    fn is_replaced(&self, entry: &ProviderRequirement) -> bool {
        let mut others = self.providers.iter().filter(|other| other.overrides && !entry.overrides);
        others.any(|other| other.folder == entry.folder && other.local_name == entry.local_name)
    }

    /// The facts as keys and values for the policy; bounded, and without any value of a variable.
    pub fn as_facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        let mut add = |key: &str, values: Vec<String>| {
            let more = values.len().saturating_sub(FACTS_PER_KIND_MAX);
            let fact = |value: String| Fact { key: key.to_owned(), value: escape(&value, FACT_CHARS_MAX) };
            facts.extend(values.into_iter().take(FACTS_PER_KIND_MAX).map(fact));
            if more > 0 {
                facts.push(Fact { key: format!("{key}.more"), value: more.to_string() });
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
