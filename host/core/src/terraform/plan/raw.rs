//! The part of `terraform show -json` that we read, as serde types.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct RawPlan {
    pub(super) format_version: String,
    #[serde(default)]
    pub(super) terraform_version: String,
    #[serde(default)]
    pub(super) applyable: bool,
    #[serde(default)]
    pub(super) complete: bool,
    #[serde(default)]
    pub(super) errored: bool,
    #[serde(default)]
    pub(super) resource_changes: Vec<RawResource>,
    #[serde(default)]
    pub(super) resource_drift: Vec<RawResource>,
    #[serde(default)]
    pub(super) output_changes: BTreeMap<String, RawOutput>,
    #[serde(default)]
    pub(super) configuration: Configuration,
}

#[derive(Deserialize)]
pub(super) struct RawOutput {
    #[serde(default)]
    pub(super) actions: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct RawResource {
    pub(super) address: String,
    #[serde(default)]
    pub(super) previous_address: Option<String>,
    #[serde(default)]
    pub(super) module_address: Option<String>,
    #[serde(default)]
    pub(super) mode: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) provider_name: String,
    pub(super) change: RawChange,
}

#[derive(Deserialize)]
pub(super) struct RawChange {
    pub(super) actions: Vec<String>,
    #[serde(default)]
    pub(super) before: Value,
    #[serde(default)]
    pub(super) after: Value,
    #[serde(default)]
    pub(super) after_unknown: Value,
    #[serde(default)]
    pub(super) before_sensitive: Value,
    #[serde(default)]
    pub(super) after_sensitive: Value,
    #[serde(default)]
    pub(super) importing: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Configuration {
    pub(super) provider_config: BTreeMap<String, ProviderConfig>,
    pub(super) root_module: Module,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ProviderConfig {
    pub(super) full_name: String,
    pub(super) expressions: BTreeMap<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Module {
    pub(super) resources: Vec<ConfiguredResource>,
    pub(super) module_calls: BTreeMap<String, ModuleCall>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ModuleCall {
    pub(super) module: Module,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ConfiguredResource {
    pub(super) mode: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) expressions: BTreeMap<String, Value>,
    pub(super) provisioners: Vec<Value>,
}

impl Configuration {
    /// What the files say of a resource; `None` where the plan does not tell.
    pub(super) fn resource(&self, resource: &RawResource) -> Option<&ConfiguredResource> {
        let path = without_indexes(resource.module_address.as_deref().unwrap_or_default());
        let mut module = &self.root_module;
        for name in path.split('.').filter(|word| !word.is_empty()).skip(1).step_by(2) {
            module = &module.module_calls.get(name)?.module;
        }
        let same = |other: &&ConfiguredResource| {
            other.mode == resource.mode && other.kind == resource.kind && other.name == resource.name
        };
        module.resources.iter().find(same)
    }
}

/// A module's address without its instances' keys: `module.a["x.y"].module.b[0]` is `module.a.module.b`.
fn without_indexes(address: &str) -> String {
    let (mut out, mut inside, mut quoted, mut escaped) = (String::new(), false, false, false);
    for c in address.chars() {
        match c {
            '"' if inside && !escaped => quoted = !quoted,
            '[' if !inside => inside = true,
            ']' if inside && !quoted => inside = false,
            c if !inside => out.push(c),
            _key => {}
        }
        escaped = c == '\\' && !escaped;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::without_indexes;

    #[test]
    fn keys_of_instances_are_dropped() {
        assert_eq!(without_indexes(r#"module.a["x.y[\"]"].module.b[0]"#), "module.a.module.b");
        assert_eq!(without_indexes(""), "");
    }
}
