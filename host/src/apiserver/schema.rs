//! Our own kinds as this program has them, against what the cluster has: pure.
//!
//! An API server drops what its schema does not know, without a word. So where the cluster has an older one, what people
//! write is lost, or what the host says of it. What is compared is what would be lost or refused: fields, their types, and the
//! words that they take. The API server tells it of each kind to whoever has a name, in the group's own OpenAPI document.

use kube::CustomResourceExt as _;
use serde_json::Value;

use super::approval::Approval;
use super::mission::Mission;

/// Where the API server lists our kinds.
pub const RESOURCES: &str = "/apis/quarterdeck.dev/v1alpha1";
/// Where it has their schemas.
pub const DOCUMENT: &str = "/openapi/v3/apis/quarterdeck.dev/v1alpha1";
/// What is wrong with a schema is told in so many places; the rest is of the same kind.
const FAULTS_MAX: usize = 8;

/// One of our kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ours {
    /// What is wanted.
    Missions,
    /// What people say to it.
    Approvals,
}

impl Ours {
    /// All of them.
    pub const ALL: [Ours; 2] = [Ours::Missions, Ours::Approvals];

    /// As paths have it.
    pub fn plural(self) -> &'static str {
        match self {
            Ours::Missions => "missions",
            Ours::Approvals => "approvals",
        }
    }

    /// Its schema in the API server's document.
    fn name(self) -> &'static str {
        match self {
            Ours::Missions => "dev.quarterdeck.v1alpha1.Mission",
            Ours::Approvals => "dev.quarterdeck.v1alpha1.Approval",
        }
    }

    /// Its schema in this program.
    fn schema(self) -> Value {
        let crd = match self {
            Ours::Missions => Mission::crd(),
            Ours::Approvals => Approval::crd(),
        };
        let crd = serde_json::to_value(crd).expect("it is made of plain values");
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
    }

    /// What the cluster's schema lacks, by field; nothing where it has all that this program reads and writes.
    pub fn lacks(self, document: &Value) -> Vec<String> {
        let theirs = &document["components"]["schemas"][self.name()];
        let mut faults = Vec::new();
        for part in ["spec", "status"] {
            let ours = &self.schema()["properties"][part];
            compare(part, ours, &theirs["properties"][part], &mut faults);
        }
        let more = faults.len().saturating_sub(FAULTS_MAX);
        faults.truncate(FAULTS_MAX);
        faults.extend((more > 0).then(|| format!("and {more} more")));
        faults
    }
}

/// Goes as deep as our own schema.
fn compare(path: &str, ours: &Value, theirs: &Value, faults: &mut Vec<String>) {
    if !theirs.is_object() {
        faults.push(format!("no field {path}"));
        return;
    }
    // One that says nothing of its type takes any.
    if ours["type"].is_string() && ours["type"] != theirs["type"] {
        faults.push(format!("{path} is of another type than {}", ours["type"]));
        return;
    }
    let words = |schema: &Value| schema["enum"].as_array().cloned().unwrap_or_default();
    let known = words(theirs);
    for word in words(ours).iter().filter(|word| !known.is_empty() && !known.contains(word)) {
        faults.push(format!("{path} does not take {word}"));
    }
    for (name, field) in ours["properties"].as_object().into_iter().flatten() {
        compare(&format!("{path}.{name}"), field, &theirs["properties"][name], faults);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", ".*")] {
        if ours[key].is_object() {
            compare(&format!("{path}{mark}"), &ours[key], &theirs[key], faults);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(ours: Ours, change: impl FnOnce(&mut Value)) -> Value {
        let mut schema = ours.schema();
        change(&mut schema["properties"]);
        json!({ "components": { "schemas": { ours.name(): schema } } })
    }

    #[test]
    fn the_programs_own_schema_lacks_nothing_and_a_newer_one_neither() {
        for ours in Ours::ALL {
            assert_eq!(ours.lacks(&document(ours, |_| ())), Vec::<String>::new());
            let newer = document(ours, |properties| {
                properties["spec"]["properties"]["tomorrow"] = json!({ "type": "string" });
            });
            assert_eq!(ours.lacks(&newer), Vec::<String>::new());
        }
    }

    #[test]
    fn what_an_older_schema_lacks_is_told_by_its_field() {
        type Change = fn(&mut Value);
        let cases: [(Ours, Change, &str); 6] = [
            (
                Ours::Missions,
                |all| drop(all["spec"]["properties"].as_object_mut().unwrap().remove("onDelete")),
                "no field spec.onDelete",
            ),
            (Ours::Missions, |all| drop(all.as_object_mut().unwrap().remove("status")), "no field status"),
            (
                Ours::Missions,
                |all| all["spec"]["properties"]["onDelete"]["enum"] = json!(["Retain"]),
                "spec.onDelete does not take \"Destroy\"",
            ),
            (
                Ours::Missions,
                |all| all["spec"]["properties"]["goal"]["type"] = json!("integer"),
                "spec.goal is of another type than \"string\"",
            ),
            (
                Ours::Missions,
                |all| {
                    let conditions = &mut all["status"]["properties"]["conditions"]["items"]["properties"];
                    conditions.as_object_mut().unwrap().remove("reason");
                },
                "no field status.conditions[].reason",
            ),
            (
                Ours::Approvals,
                |all| drop(all["spec"]["properties"].as_object_mut().unwrap().remove("by")),
                "no field spec.by",
            ),
        ];
        for (ours, change, told) in cases {
            assert_eq!(ours.lacks(&document(ours, change)), [told]);
        }
        for rubbish in [Value::Null, json!([]), json!({ "components": 1 })] {
            assert_eq!(Ours::Missions.lacks(&rubbish), ["no field spec", "no field status"]);
        }
        let empty = document(Ours::Missions, |all| {
            (all["spec"]["properties"], all["status"]["properties"]) = (json!({}), json!({}));
        });
        let told = Ours::Missions.lacks(&empty);
        assert!(told.len() == FAULTS_MAX + 1 && told[FAULTS_MAX].starts_with("and "), "{told:?}");
    }
}
