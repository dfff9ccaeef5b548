//! The mission's label on everything that a plan makes.
//!
//! What the engine has must be traceable to the mission that made it, also when no state tells any more: a container that
//! a killed apply left behind is found by its label. No mission may write that label (see [`super::allow`] and
//! [`super::plan`]); the worker adds it to its own copy
//! of their files, in native and in JSON syntax, in local modules too. It is the same label for every run of a mission,
//! so it never shows as a change.
//!
//! Images have no labels of their own: they are made by whoever built them. Not here: reading and writing the files.

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Attribute, Block, Body};
use serde_json::{Map, Value, json};

use crate::ids::MissionId;

/// The key of the label; its value is the mission's id.
pub const MISSION_LABEL: &str = "dev.quarterdeck.mission";

/// The resource types that get it.
pub const LABELLED_TYPES: [&str; 3] = ["docker_container", "docker_network", "docker_volume"];

/// Why a file could not get its labels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what each case and its fields are")]
pub enum LabelError {
    #[error("{path} is no valid configuration, so no label can be added to it")]
    Syntax { path: String },
    #[error("{path}: the labels of {address} are no list, so none can be added to them")]
    Shape { path: String, address: String },
}

/// The file with the mission's label on each resource that can have one; `None` where nothing is to be changed.
///
/// # Errors
/// Where the file can't be read as configuration, or labels are written in a way that can't be added to.
pub fn with_label(path: &str, bytes: &[u8], mission: &MissionId) -> Result<Option<Vec<u8>>, LabelError> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if let Some(stem) = name.strip_suffix(".tf.json") {
        return json_file(path, bytes, is_override(stem), mission);
    }
    match name.strip_suffix(".tf") {
        Some(stem) => native_file(path, bytes, is_override(stem), mission),
        None => Ok(None),
    }
}

/// An override's blocks replace all blocks of that name in the resource that it overrides.
fn is_override(stem: &str) -> bool {
    stem == "override" || stem.ends_with("_override")
}

fn native_file(path: &str, bytes: &[u8], overrides: bool, mission: &MissionId) -> Result<Option<Vec<u8>>, LabelError> {
    let syntax = || LabelError::Syntax { path: path.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|_not_text| syntax())?;
    let mut body: Body = hcl_edit::parser::parse_body(text).map_err(|_invalid| syntax())?;
    let mut changed = false;
    for block in body.get_blocks_mut("resource") {
        if block.labels.first().is_some_and(|kind| LABELLED_TYPES.contains(&kind.as_str())) {
            changed |= native_block(path, &mut block.body, overrides, mission)?;
        }
    }
    let out = body.to_string();
    // What we hand to Terraform must be what we meant: our own output is parsed again.
    hcl_edit::parser::parse_body(&out).map_err(|_invalid| syntax())?;
    Ok(changed.then(|| out.into_bytes()))
}

fn native_block(path: &str, body: &mut Body, overrides: bool, mission: &MissionId) -> Result<bool, LabelError> {
    if let Some(mut attribute) = body.get_attribute_mut("labels") {
        let ours = format!("[{{ label = \"{MISSION_LABEL}\", value = \"{mission}\" }}]");
        let all = format!("flatten([{}, {ours}])", attribute.get().value.to_string().trim());
        let parsed: Expression = all.parse().map_err(|_invalid| LabelError::Syntax { path: path.to_owned() })?;
        *attribute.value_mut() = parsed;
        return Ok(true);
    }
    let dynamic = body.get_blocks("dynamic").any(|block| block.has_labels(&["labels"]));
    if overrides && !dynamic && !body.has_blocks("labels") {
        return Ok(false);
    }
    body.set_prefer_oneline(false);
    let label = Block::builder(hcl_edit::Ident::new("labels"))
        .attribute(Attribute::new(hcl_edit::Ident::new("label"), MISSION_LABEL))
        .attribute(Attribute::new(hcl_edit::Ident::new("value"), mission.as_str()))
        .build();
    body.push(label);
    Ok(true)
}

fn json_file(path: &str, bytes: &[u8], overrides: bool, mission: &MissionId) -> Result<Option<Vec<u8>>, LabelError> {
    let syntax = || LabelError::Syntax { path: path.to_owned() };
    let mut root: Value = serde_json::from_slice(bytes).map_err(|_invalid| syntax())?;
    let mut changed = false;
    for file in objects(&mut root) {
        let Some(resources) = file.get_mut("resource") else { continue };
        for kinds in objects(resources) {
            for (kind, named) in kinds.iter_mut().filter(|(kind, _)| LABELLED_TYPES.contains(&kind.as_str())) {
                for (name, bodies) in objects(named).into_iter().flatten() {
                    for body in objects(bodies) {
                        let shape = || LabelError::Shape { path: path.to_owned(), address: format!("{kind}.{name}") };
                        changed |= json_body(body, overrides, mission).ok_or_else(shape)?;
                    }
                }
            }
        }
    }
    let out = serde_json::to_vec_pretty(&root).map_err(|_impossible| syntax())?;
    Ok(changed.then_some(out))
}

/// An object, or the objects of a list: Terraform's JSON syntax takes both for blocks.
fn objects(value: &mut Value) -> Vec<&mut Map<String, Value>> {
    match value {
        Value::Object(map) => vec![map],
        Value::Array(values) => values.iter_mut().filter_map(Value::as_object_mut).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Whether the body was changed; `None` where its labels are no list.
fn json_body(body: &mut Map<String, Value>, overrides: bool, mission: &MissionId) -> Option<bool> {
    let dynamic = body
        .get_mut("dynamic")
        .is_some_and(|blocks| objects(blocks).into_iter().any(|block| block.contains_key("labels")));
    let ours = json!({ "label": MISSION_LABEL, "value": mission.as_str() });
    match body.get_mut("labels") {
        None if overrides && !dynamic => return Some(false),
        None => {
            body.insert("labels".to_owned(), Value::Array(vec![ours]));
        }
        Some(Value::Array(labels)) => labels.push(ours),
        Some(one @ Value::Object(_)) => *one = Value::Array(vec![one.take(), ours]),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => return None,
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(path: &str, text: &str) -> Option<String> {
        let mission = MissionId::parse("web-1f2e3d4c").unwrap();
        with_label(path, text.as_bytes(), &mission).unwrap().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn labels(text: &str) -> usize {
        text.matches("web-1f2e3d4c").count()
    }

    #[test]
    fn each_resource_that_can_have_labels_gets_one() {
        let text = "resource \"docker_network\" \"n\" { name = \"n\" }\n\n# kept\nresource \"docker_image\" \"i\" {\n  \
                    name = \"nginx\"\n}\nresource docker_container c {\n  name = \"c\" # too\n  labels {\n    label = \"a\"\n    \
                    value = \"b\"\n  }\n}\n";
        let out = label("main.tf", text).unwrap();
        assert_eq!(labels(&out), 2, "{out}");
        assert!(out.contains("# kept") && out.contains("# too") && out.contains("label = \"a\""), "{out}");
        let body = hcl_edit::parser::parse_body(&out).unwrap();
        let counts: Vec<usize> = body.blocks().map(|block| block.body.get_blocks("labels").count()).collect();
        assert_eq!(counts, [1, 0, 2]);
        assert_eq!(label("main.tf", "variable \"x\" {}\n"), None);
        assert_eq!(label("x.tfvars", "a = 1\n"), None);
    }

    #[test]
    fn labels_written_as_an_argument_are_added_to() {
        let out = label("m/x.tf", "resource \"docker_volume\" \"v\" {\n  labels = var.labels\n}\n").unwrap();
        assert!(out.contains("flatten([var.labels, [{") && labels(&out) == 1, "{out}");
    }

    #[test]
    fn an_override_keeps_the_labels_that_it_overrides() {
        let plain = "resource \"docker_volume\" \"v\" {\n  name = \"w\"\n}\n";
        assert_eq!(label("a_override.tf", plain), None);
        assert_eq!(label("override.tf.json", r#"{"resource":{"docker_volume":{"v":{"name":"w"}}}}"#), None);
        let own = "resource \"docker_volume\" \"v\" {\n  labels {\n    label = \"a\"\n    value = \"b\"\n  }\n}\n";
        assert_eq!(labels(&label("override.tf", own).unwrap()), 1);
    }

    #[test]
    fn json_says_the_same() {
        let one = r#"{"resource":[{"docker_network":{"n":{"name":"n"},"m":[{"labels":{"label":"a","value":"b"}}]}},
            {"docker_image":{"i":{}}}]}"#;
        let out: Value = serde_json::from_str(&label("x.tf.json", one).unwrap()).unwrap();
        let networks = &out["resource"][0]["docker_network"];
        assert_eq!(networks["n"]["labels"][0]["value"], "web-1f2e3d4c");
        assert_eq!(networks["m"][0]["labels"].as_array().unwrap().len(), 2);
        assert_eq!(out["resource"][1]["docker_image"]["i"], json!({}));
        let mission = MissionId::parse("web-1f2e3d4c").unwrap();
        let odd = r#"{"resource":{"docker_network":{"n":{"labels":"${var.x}"}}}}"#;
        let error = with_label("x.tf.json", odd.as_bytes(), &mission).unwrap_err();
        assert!(matches!(error, LabelError::Shape { address, .. } if address == "docker_network.n"));
    }
}
