//! The Terraform part of a mission's object, with its schema.

use std::collections::BTreeMap;

use quarterdeck_core::terraform::secrets::{SECRETS_MAX, SecretVariables};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The Terraform files and their variables. They are packed when they are seen: a later edit is another generation, and what
/// was planned before stays what it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.files) != has(self.configMap)",
    "message": "give either files (in the object itself) or configMap (the name of one in this namespace)",
}]))]
pub struct Terraform {
    /// The files themselves, by path, such as "main.tf" or "modules/web/main.tf".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "texts_by_path")]
    pub files: Option<BTreeMap<String, String>>,
    /// The ConfigMap in the mission's own namespace whose keys are the files. The namespace has to let the host read it; see
    /// the role "quarterdeck-mission-files".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "config_map")]
    pub config_map: Option<ConfigMapName>,
    /// The values of Terraform's variables, by name: a text, a whole number, true or false, or a list of texts. No secrets:
    /// whoever may read this object reads them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "values_by_name")]
    pub variables: BTreeMap<String, Value>,
    /// The variables whose values are secrets, by name: a key of a Secret in the workers' namespace, which the operator grants to
    /// this mission. Each has to say "sensitive = true".
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "secrets_by_name")]
    pub secret_variables: SecretVariables,
}

/// Which ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapName {
    /// Its name; it is in the mission's own namespace.
    pub name: String,
}

/// Of a path the API server looks at its ends alone; the parser knows the rest.
fn texts_by_path(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 512,
        "additionalProperties": { "type": "string", "description": "The file's text.", "maxLength": 1_048_576 },
        "x-kubernetes-validations": [{
            "rule": "self.all(path, path != '' && path.size() <= 1024 && !path.startsWith('/'))",
            "message": "a path is relative, such as main.tf, and has at most 1024 characters",
        }],
    })
}

fn config_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["name"],
        "properties": { "name": {
            "type": "string",
            "description": "Its name; it is in the mission's own namespace.",
            "minLength": 1,
            "maxLength": 253,
            "pattern": "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$",
        } },
    })
}

/// A structural schema has no choice of types, so the parser refuses what Terraform and YAML do not share.
fn values_by_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 512,
        "additionalProperties": {
            "description": "A text, a whole number, true or false, or a list of texts.",
            "x-kubernetes-preserve-unknown-fields": true,
        },
    })
}

fn secrets_by_name(_: &mut SchemaGenerator) -> Schema {
    let name = |description: &str, pattern: &str| json!({ "type": "string", "description": description, "minLength": 1, "maxLength": 253, "pattern": pattern });
    json_schema!({
        "type": "object",
        "maxProperties": SECRETS_MAX,
        "additionalProperties": {
            "type": "object",
            "description": "A key of a Secret.",
            "required": ["name", "key"],
            "properties": {
                "name": name("The Secret's name.", "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"),
                "key": name("The key in it.", "^[A-Za-z0-9._-]+$"),
            },
        },
        "x-kubernetes-validations": [{
            "rule": "self.all(name, name.matches('^[A-Za-z_][A-Za-z0-9_-]{0,127}$'))",
            "message": "a variable's name has letters, digits, _ and -",
        }],
    })
}
