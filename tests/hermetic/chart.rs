//! The Helm chart: its values, their schema and their use are one list, and no wall is a value.
//!
//! That its templates are what the overlays make is a test of `cargo xtask chart`, beside it; what Helm makes of them is a story
//! of the real-parts suite.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use quarterdeck::apiserver::BuilderWanted;
use regex::Regex;
use serde_json::Value;

const CHART: &str = "deploy/helm/quarterdeck";
/// What is written by people. Everything else is generated.
const BY_HAND: [&str; 3] = ["NOTES.txt", "_helpers.tpl", "checks.yaml"];
/// The generated templates in which a value stands: what runs, where, and on what. The others are walls, rights and kinds.
const OPEN: [&str; 4] = ["base-data.yaml", "base-host.yaml", "builder-images.yaml", "missions-workers.yaml"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(name: &str) -> String {
    let path = root().join(CHART).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

fn values() -> Value {
    serde_saphyr::from_str(&text("values.yaml")).expect("values.yaml is YAML")
}

fn schema() -> Value {
    serde_json::from_str(&text("values.schema.json")).expect("the schema is JSON")
}

/// Every template, by its name.
fn templates() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(root().join(CHART).join("templates")).expect("the folder of the templates");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("our names are plain"));
    names.map(|name| (name.clone(), text(&format!("templates/{name}")))).collect()
}

/// The schema that a part of the schema stands for.
fn followed<'a>(whole: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str() {
        Some(path) => followed(whole, whole.pointer(path.trim_start_matches('#')).expect("the schema defines it")),
        None => part,
    }
}

/// What is wrong with a value, by the few words of JSON Schema that ours uses.
fn faults(whole: &Value, part: &Value, value: &Value, name: &str) -> Vec<String> {
    let part = followed(whole, part);
    let words = [
        "type",
        "enum",
        "pattern",
        "maxLength",
        "minimum",
        "maximum",
        "properties",
        "additionalProperties",
        "required",
        "items",
    ];
    let about = ["$schema", "title", "definitions"];
    let other = part
        .as_object()
        .expect("a schema")
        .keys()
        .filter(|key| !name.is_empty() || !about.contains(&key.as_str()))
        .find(|key| !words.contains(&key.as_str()));
    assert_eq!(other, None, "{name}: a word of the schema that this test does not know");
    let mut faults = Vec::new();
    let mut fault = |fits: bool, what: &str| faults.extend((!fits).then(|| format!("{name}: {value} {what}")));
    match part["type"].as_str() {
        Some("string") => fault(value.is_string(), "is no text"),
        Some("boolean") => fault(value.is_boolean(), "is neither true nor false"),
        Some("integer") => fault(value.is_i64(), "is no whole number"),
        Some("object") => fault(value.is_object(), "is no object"),
        Some("array") => fault(value.is_array(), "is no list"),
        Some(other) => panic!("{name}: the type {other}"),
        None => fault(part["enum"].as_array().expect("a type or an enum").contains(value), "is none of those"),
    }
    if let (Some(pattern), Some(text)) = (part["pattern"].as_str(), value.as_str()) {
        fault(Regex::new(pattern).expect("a valid pattern").is_match(text), "does not match");
    }
    if let (Some(most), Some(text)) = (part["maxLength"].as_u64(), value.as_str()) {
        fault(text.len() as u64 <= most, "is too long");
    }
    if let (Some(least), Some(number)) = (part["minimum"].as_i64(), value.as_i64()) {
        fault(number >= least && part["maximum"].as_i64().is_some_and(|most| number <= most), "is out of range");
    }
    let missing = part["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for key in missing.filter(|key| value.get(key).is_none()) {
        fault(false, &format!("has no {key}"));
    }
    for (at, value) in value.as_array().into_iter().flatten().enumerate() {
        faults.extend(self::faults(whole, &part["items"], value, &format!("{name}[{at}]")));
    }
    for (key, value) in value.as_object().into_iter().flatten() {
        let name = [name, key].join(".");
        match part["properties"].get(key) {
            Some(part) => faults.extend(self::faults(whole, part, value, &name)),
            None if part["additionalProperties"].is_object() => {
                faults.extend(self::faults(whole, &part["additionalProperties"], value, &name));
            }
            None => faults.push(format!("{name} is not in the schema")),
        }
    }
    faults
}

/// The names of what a user sets. What refers to a definition, or has keys of the user's own, is one value.
fn names(part: &Value, prefix: &str) -> Vec<String> {
    let Some(properties) = part["properties"].as_object() else { return vec![prefix.to_owned()] };
    assert_eq!(part["additionalProperties"], false, "{prefix}: an unknown key would be taken");
    let below = |(key, part): (&String, &Value)| {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        names(part, &name)
    };
    properties.iter().flat_map(below).collect()
}

#[test]
fn the_values_are_what_the_schema_knows() {
    let (values, schema) = (values(), schema());
    assert_eq!(faults(&schema, &schema, &values, ""), Vec::<String>::new());
    for name in names(&schema, "") {
        let pointer = format!("/{}", name.replace('.', "/"));
        assert!(values.pointer(&pointer).is_some(), "{name} has no default in values.yaml");
    }
    for (pointer, value, says) in [
        ("/color", Value::from("red"), ".color is not in the schema"),
        ("/missions/builder/color", "red".into(), "is not in the schema"),
        ("/missions/enabled", "yes".into(), "neither true nor false"),
        ("/missions/charter", "mine".into(), "none of those"),
        ("/missions/engine/group", (-1).into(), "out of range"),
        ("/missions/engine/socket", "/var/run/../docker.sock".into(), "does not match"),
        ("/image", "quarterdeck".into(), "does not match"),
        ("/resources/limits/memory", "much".into(), "does not match"),
        ("/storage/size", 4.into(), "no text"),
        ("/gemini/secret", "s".repeat(254).into(), "too long"),
        ("/missions/builder/secrets", "db".into(), "no list"),
        ("/missions/builder/secrets", serde_json::json!([{ "name": "db", "keys": ["a"] }]), "has no missions"),
        (
            "/missions/builder/secrets",
            serde_json::json!([{ "name": "db", "keys": ["a/b"], "missions": [] }]),
            "does not match",
        ),
    ] {
        let mut wrong = values.clone();
        let (above, key) = pointer.rsplit_once('/').expect("a pointer");
        wrong.pointer_mut(above).expect("it is there")[key] = value;
        let faults = faults(&schema, &schema, &wrong, "");
        assert!(faults.len() == 1 && faults[0].contains(says), "{pointer}: {faults:?}");
    }
}

#[test]
fn every_value_is_used_and_every_use_is_a_value() {
    let used = Regex::new(r"\.Values\.([A-Za-z]+(?:\.[A-Za-z]+)*)").expect("a valid pattern");
    let all: String = templates().into_values().collect();
    let used: BTreeSet<String> = used.captures_iter(&all).map(|found| found[1].to_owned()).collect();
    assert_eq!(used, names(&schema(), "").into_iter().collect());
}

#[test]
fn every_value_says_what_it_is() {
    let text = text("values.yaml");
    for name in names(&schema(), "") {
        let (depth, key) = (name.matches('.').count(), name.rsplit('.').next().expect("a name"));
        let begins = format!("\n{}{key}:", "  ".repeat(depth));
        // By its parents' keys, since some keys stand there more than once.
        let mut at = 0;
        for (depth, parent) in name.split('.').enumerate().take(depth) {
            let parent = format!("\n{}{parent}:", "  ".repeat(depth));
            at += text[at..].find(&parent).unwrap_or_else(|| panic!("{name}: there is no {parent:?}"));
        }
        let line = at + text[at..].find(&begins).unwrap_or_else(|| panic!("{name}: there is no {begins:?}"));
        let before = text[..line].rsplit('\n').next().expect("a line");
        assert!(
            before.trim_start().starts_with("# ") && before.len() > 20,
            "{name} does not say what it is: {before:?}"
        );
    }
    // What the program has where a worker's resources are not given.
    let said = text.split("it is what the program has:\n    # ").nth(1).expect("it is said").split(".\n").next();
    let said: Value = serde_saphyr::from_str(said.expect("a line")).expect("it is YAML");
    let image = format!("x@sha256:{}", "0".repeat(64));
    let wanted: BuilderWanted = serde_saphyr::from_str(&format!("image: \"{image}\"")).unwrap();
    let has = serde_json::json!({ "requests": wanted.resources.requests, "limits": wanted.resources.limits });
    assert_eq!(said, has);
}

/// A role, a policy, a label of Pod Security: none of them has a part that a value fills.
#[test]
fn no_wall_is_a_value() {
    let generated = |name: &String| !BY_HAND.contains(&name.as_str());
    let templates = templates();
    let open: BTreeSet<&str> = templates
        .iter()
        .filter(|(name, text)| generated(name) && text.contains(".Values"))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(open, OPEN.into());
    for (name, text) in templates.iter().filter(|(name, _)| generated(name)) {
        assert!(text.starts_with("{{- /* Generated by `cargo xtask chart`"), "{name} is written by nobody");
        let kinds = |kind: &str| text.contains(&format!("\nkind: {kind}\n"));
        let wall = ["Role", "ClusterRole", "ValidatingAdmissionPolicy", "Namespace", "CustomResourceDefinition"];
        assert!(!OPEN.contains(&name.as_str()) || !wall.into_iter().any(kinds), "{name} has a wall in it");
    }
    // Nothing runs beside the release: no hook, and no folder of kinds that an upgrade would pass by.
    assert!(templates.values().all(|text| !text.contains("helm.sh/hook")));
    assert!(!root().join(CHART).join("crds").exists());
}

#[test]
fn the_charts_version_is_the_programs() {
    let chart: Value = serde_saphyr::from_str(&text("Chart.yaml")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!((chart["version"].as_str(), chart["appVersion"].as_str()), (Some(version), Some(version)));
    assert_eq!(values()["image"], format!("quarterdeck:{version}"));
}
