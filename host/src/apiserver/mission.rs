//! The object `Mission`: what the user wants, as an object of the cluster, and how it stands.
//!
//! The same YAML as a file elsewhere, but for the Terraform files: those stand in the object itself or in a ConfigMap beside
//! it. The bounds here are the parser's (`observe::missions`), said again for the API server, so that most of what is wrong
//! is refused when it is applied. An object may be older than its schema, so nobody relies on that.
//!
//! What is *not* here: who does something about it. See `observe::kubernetes::missions` and `api::objects::missions`.

#![allow(clippy::duplicated_attributes, reason = "each printed column has its own type, and most have the same")]

mod terraform;

use kube::CustomResource;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::mission::{ObjectVersion, OnDelete, When};
use quarterdeck_core::situation::{Autonomy, DesiredState};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::terraform::{ConfigMapName, Terraform};

/// While this stands in `metadata.finalizers`, a mission's object is not gone, though it is being deleted.
pub const FINALIZER: &str = "quarterdeck.dev/destroy";
/// On an object, as an annotation of any value: nothing is removed with it, and it is kept no longer.
pub const ABANDON: &str = "quarterdeck.dev/abandon";
/// How long a removal may take where the object does not say.
const DESTROY_TIMEOUT: &str = "1h";

/// What is wanted: a goal, a desired state, and the Terraform files that say how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, JsonSchema)]
#[kube(
    group = "quarterdeck.dev",
    version = "v1alpha1",
    kind = "Mission",
    namespaced,
    shortname = "msn",
    category = "quarterdeck",
    status = "MissionStatus",
    derive = "PartialEq",
    doc = "What Quarterdeck builds and looks after: a goal, a desired state, and the Terraform files that say how.",
    validation = Rule::new("self.metadata.name.size() <= 37").message(
        "metadata.name has at most 37 characters, since the names of its workers begin with it"
    ),
    validation = Rule::new("!self.metadata.name.contains('.')").message("metadata.name has no dots: use a-z, 0-9 and -"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase", description = "Where it stands"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether what is wanted is there"
    ),
    printcolumn(
        name = "Approval",
        type_ = "string",
        json_path = ".status.plan.approval",
        description = "What a person is asked"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since when it is there"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.message",
        description = "What a person should know about it now",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// What it is for, in a sentence or two: people and policies read it.
    #[schemars(length(max = 1024))]
    pub goal: String,
    /// How much is done without asking, at most; the operator's ceiling may be lower. "off": nothing is done. "suggest": plans
    /// are shown. "approve": a person says yes to each plan. "auto": plans are applied, but for what is dangerous. Put "off"
    /// in quotes, since YAML takes it for false.
    #[serde(default = "approve")]
    #[schemars(schema_with = "autonomies")]
    pub autonomy: Autonomy,
    /// Whether what the files say shall be there. "absent": it is removed, by a plan like any other. "suspended": nothing is
    /// done.
    #[serde(default = "present")]
    #[schemars(schema_with = "desired_states")]
    pub desired: DesiredState,
    /// "always": it is built as soon as it is there. "needed": once a recommendation names something that it offers.
    #[serde(default)]
    #[schemars(schema_with = "whens")]
    pub when: When,
    /// What others may need this mission for, such as "network": a recommendation can name one of these and no other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "needs")]
    pub offers: Vec<String>,
    /// What becomes of what it built once this object is deleted. "Retain": it stays, with its state. "Destroy": it is removed
    /// first, by a plan that is gated and approved like any other, and the object waits for that.
    #[serde(default)]
    #[schemars(schema_with = "on_deletes")]
    pub on_delete: OnDelete,
    /// How long a deleted object waits for "Destroy", such as "30m" or "1h"; after that it is let go, and what it built stays.
    #[serde(default = "destroy_timeout")]
    #[schemars(length(max = 8), regex(pattern = r"^[1-9][0-9]{0,5}[smh]$"))]
    pub destroy_timeout: String,
    /// The Terraform files and their variables.
    pub terraform: Terraform,
}

impl Wanted {
    /// How long a deleted object waits, in milliseconds.
    ///
    /// # Errors
    /// Where it is no duration.
    pub fn destroy_timeout_ms(&self) -> Result<u64, String> {
        let no = || format!("spec.destroyTimeout: {:?} is no time such as 90s, 30m or 1h", self.destroy_timeout);
        let parsed: jiff::SignedDuration = self.destroy_timeout.parse().map_err(|_| no())?;
        u64::try_from(parsed.as_millis()).map_err(|_| no())
    }
}

/// What an object says about its own end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// What becomes of what it built.
    pub on_delete: OnDelete,
    /// Since when it is being deleted.
    pub deleting: Option<Timestamp>,
    /// Whether our finalizer keeps it.
    pub kept: bool,
    /// Whether a person wants it to be let go, and nothing removed.
    pub abandoned: bool,
    /// How long it may take to remove what it built, in milliseconds.
    pub timeout_ms: u64,
}

impl End {
    /// What it built shall be removed, and the object waits for that.
    pub fn is_leaving(&self) -> bool {
        self.deleting.is_some() && self.kept && !self.abandoned && self.on_delete == OnDelete::Destroy
    }

    /// What it builds shall be removed with it, and our finalizer does not keep it for that yet.
    pub fn is_unkept(&self) -> bool {
        self.deleting.is_none() && !self.kept && self.on_delete == OnDelete::Destroy
    }

    /// It is as good as gone: nothing is begun for it any more.
    pub fn is_gone(&self) -> bool {
        self.deleting.is_some() && !self.is_leaving()
    }
}

/// How a mission stands, as the host wrote it last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MissionStatus {
    /// The metadata.generation that all of this is about. While it is behind, the host has not looked at the newest.
    pub observed_generation: i64,
    /// Where it stands in one word, such as Planned, AwaitingApproval, Ready, Held, Failed or Invalid.
    #[schemars(length(max = 64))]
    pub phase: String,
    /// What a person should know or do about it now.
    #[schemars(length(max = 4096))]
    pub message: String,
    /// Planned, Approved, Applied, Verified, Drifted and Ready, each with why.
    #[schemars(schema_with = "conditions_by_type")]
    pub conditions: Vec<Condition>,
    /// The newest plan that leads to what is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "not_null::<PlanStatus>")]
    pub plan: Option<PlanStatus>,
    /// What was applied last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "not_null::<AppliedStatus>")]
    pub applied: Option<AppliedStatus>,
}

/// One thing that holds or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What: Planned, Approved, Applied, Verified, Drifted or Ready.
    #[serde(rename = "type")]
    #[schemars(length(max = 64))]
    pub kind: String,
    /// True, False, or Unknown while the host has not looked.
    #[schemars(length(max = 7))]
    pub status: String,
    /// Why, in one word.
    #[schemars(length(min = 1, max = 128))]
    pub reason: String,
    /// Why, for people.
    #[schemars(length(max = 4096))]
    pub message: String,
    /// When the status last changed.
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub last_transition_time: String,
    /// The metadata.generation that this is about.
    pub observed_generation: i64,
}

/// The newest plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// The digest of the saved plan. An Approval names it.
    #[schemars(length(max = 71))]
    pub digest: String,
    /// Under which id a person is asked about it, while one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "id")]
    pub approval: Option<String>,
    /// Objects that it makes.
    pub adds: i64,
    /// Objects that it changes.
    pub changes: i64,
    /// Objects that it makes anew.
    pub replaces: i64,
    /// Objects that it removes.
    pub destroys: i64,
    /// What it touches, by Terraform's address, what it removes first; the first 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "lines")]
    pub touches: Vec<String>,
    /// What is dangerous in it, in words; the first 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "lines")]
    pub dangers: Vec<String>,
}

/// So many lines of a plan are told.
pub const LINES_MAX: usize = 64;
/// Each has at most so many characters.
pub const LINE_CHARACTERS_MAX: usize = 256;

/// What was applied last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppliedStatus {
    /// The digest of the saved plan.
    #[schemars(length(max = 71))]
    pub digest: String,
    /// Of which generation by the host's count, which rises with files and desired state alone.
    pub generation: i64,
    /// Whether it removed what was there.
    pub destroy: bool,
    /// When it ended.
    #[schemars(extend("format" = "date-time"), length(max = 64))]
    pub at: String,
}

/// An object as it was seen last, for whoever says how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownMission {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which version of which object it is.
    pub version: ObjectVersion,
    /// What is wrong with it, redacted; nothing where it is a mission.
    pub problem: Option<String>,
    /// What it says about its end.
    pub end: End,
    /// The status that it has.
    pub status: Option<MissionStatus>,
}

impl KnownMission {
    /// The name of the mission that it is, as [`quarterdeck_core::mission::MissionName`] has it.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// Where a mission that is an object comes from, for people: `mission NAMESPACE/NAME`.
pub fn source(namespace: &str, name: &str) -> String {
    format!("mission {namespace}/{name}")
}

fn approve() -> Autonomy {
    Autonomy::Approve
}

fn present() -> DesiredState {
    DesiredState::Present
}

fn destroy_timeout() -> String {
    DESTROY_TIMEOUT.to_owned()
}

/// A text that is one of these.
fn one_of(words: &[impl Serialize]) -> Schema {
    json_schema!({ "type": "string", "enum": words })
}

fn autonomies(_: &mut SchemaGenerator) -> Schema {
    one_of(&[Autonomy::Off, Autonomy::Suggest, Autonomy::Approve, Autonomy::Auto])
}

fn desired_states(_: &mut SchemaGenerator) -> Schema {
    one_of(&[DesiredState::Present, DesiredState::Absent, DesiredState::Suspended])
}

fn whens(_: &mut SchemaGenerator) -> Schema {
    one_of(&[When::Always, When::Needed])
}

fn on_deletes(_: &mut SchemaGenerator) -> Schema {
    one_of(&[OnDelete::Retain, OnDelete::Destroy])
}

fn needs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "items": {
            "type": "string",
            "description": "A need, of a-z, 0-9 and -.",
            "minLength": 1,
            "maxLength": 128,
            "pattern": "^[a-z0-9-]+$",
        },
    })
}

fn lines(_: &mut SchemaGenerator) -> Schema {
    let line = json!({ "type": "string", "description": "One of them.", "maxLength": LINE_CHARACTERS_MAX });
    json_schema!({ "type": "array", "maxItems": LINES_MAX, "items": line })
}

fn id(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 64 })
}

/// What is left out and never null.
fn not_null<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

fn conditions_by_type(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = json_schema!({
        "type": "array",
        "maxItems": 16,
        "items": Condition::json_schema(generator),
    });
    schema.insert("x-kubernetes-list-type".to_owned(), json!("map"));
    schema.insert("x-kubernetes-list-map-keys".to_owned(), json!(["type"]));
    schema
}

#[cfg(test)]
mod tests {
    use kube::CustomResourceExt as _;

    use serde_json::Value;

    use super::*;

    fn schema() -> Value {
        let crd = serde_json::to_value(Mission::crd()).expect("it is JSON");
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
    }

    /// Every part of a schema, with its path.
    fn parts<'a>(path: &str, schema: &'a Value) -> Vec<(String, &'a Value)> {
        let below = schema["properties"].as_object().into_iter().flatten();
        let below = below.map(|(key, part)| (format!("{path}.{key}"), part));
        let each = ["items", "additionalProperties"].into_iter().filter_map(|key| Some((key, schema.get(key)?)));
        let each = each.filter(|(_, part)| part.is_object()).map(|(key, part)| (format!("{path}[{key}]"), part));
        let deeper = below.chain(each).flat_map(|(path, part)| parts(&path, part));
        std::iter::once((path.to_owned(), schema)).chain(deeper).collect()
    }

    #[test]
    fn every_field_is_described_and_has_an_end() {
        let schema = schema();
        let parts = parts("mission", &schema);
        assert!(parts.len() > 30, "{}", parts.len());
        for (path, part) in parts {
            assert!(part["description"].as_str().is_some_and(|text| text.len() > 4), "{path} is not described: {part}");
            let ends = match part["type"].as_str() {
                Some("string") => part["maxLength"].is_u64() || part["enum"].is_array(),
                Some("array") => part["maxItems"].is_u64(),
                Some("object") => part["properties"].is_object() || part["maxProperties"].is_u64(),
                Some("boolean" | "integer") => true,
                Some(_) | None => part["x-kubernetes-preserve-unknown-fields"] == true,
            };
            assert!(ends, "{path} has no end: {part}");
        }
    }

    /// What no structural schema may hold: see the documentation of CustomResourceDefinition.
    #[test]
    fn the_schema_is_structural() {
        let text = schema().to_string();
        for word in ["$ref", "anyOf", "oneOf", "allOf", "patternProperties", "definitions", "$defs"] {
            assert!(!text.contains(&format!("\"{word}\"")), "{word}: {text}");
        }
        assert!(!text.contains("\"additionalProperties\":false"), "{text}");
    }

    #[test]
    fn what_may_be_left_out_has_the_defaults_of_a_file() {
        let wanted: Wanted = serde_json::from_value(json!({ "goal": "g", "terraform": {} })).expect("it is whole");
        assert_eq!(
            (wanted.autonomy, wanted.desired, wanted.when),
            (Autonomy::Approve, DesiredState::Present, When::Always)
        );
        let spec = &schema()["properties"]["spec"];
        assert_eq!(spec["required"], json!(["goal", "terraform"]));
        for (field, default) in [("autonomy", "approve"), ("desired", "present"), ("when", "always")] {
            assert_eq!(spec["properties"][field]["default"], default, "{field}");
        }
    }

    #[test]
    fn conditions_are_told_apart_by_their_type() {
        let schema = schema();
        let conditions = &schema["properties"]["status"]["properties"]["conditions"];
        assert_eq!(conditions["x-kubernetes-list-type"], "map");
        assert_eq!(conditions["x-kubernetes-list-map-keys"], json!(["type"]));
        assert_eq!(schema["required"], json!(["spec"]));
    }
}
