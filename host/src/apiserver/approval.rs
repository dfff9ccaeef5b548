//! The object `Approval`: a user of the cluster says yes or no to one saved plan of one mission.
//!
//! An object says in whose name it speaks (`spec.by`), and whoever may create it may write anything there. So it counts only
//! where the API server lets nobody write another's name: that is what [`policy`] is about. Who may approve at all is the
//! cluster's own question: who may `create` approvals in the mission's namespace.
//!
//! What is *not* here: whether it counts. That is for the ledger, which knows what waits.

#![allow(clippy::duplicated_attributes, reason = "each printed column has its own type, and most have the same")]

pub mod installed;
pub mod policy;
pub mod say;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One user's answer to one saved plan. It is said once and never changed: create another one to say something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomResource, JsonSchema)]
#[kube(
    group = "quarterdeck.dev",
    version = "v1alpha1",
    kind = "Approval",
    namespaced,
    category = "quarterdeck",
    status = "ApprovalStatus",
    derive = "PartialEq",
    doc = "One user's answer to one saved plan of a mission in the same namespace. It counts once, and stays as it was said.",
    printcolumn(name = "Mission", type_ = "string", json_path = ".spec.mission", description = "The mission"),
    printcolumn(name = "Decision", type_ = "string", json_path = ".spec.decision", description = "Yes or no"),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.by", description = "Who says it"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state", description = "Whether it counts"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since when it is there"
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    { "rule": "self == oldSelf", "message": "an Approval stays as it was said; create another one" },
]))]
pub struct ApprovalSpec {
    /// What is answered: the id that the host asks under, as the Mission's status and events name it, such as
    /// `a-0123456789`.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^a-[0-9a-z-]+$"))]
    pub approval: String,
    /// The mission that the plan is of, in the same namespace.
    #[schemars(length(min = 1, max = 37), regex(pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"))]
    pub mission: String,
    /// The digest of the saved plan that was read, as the Mission's status names it. Where the host asks about another plan,
    /// this answers nothing.
    #[schemars(length(min = 71, max = 71), regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    pub plan: String,
    /// Who says it: the name of the user who creates this object, as `kubectl auth whoami` shows it. Another name is denied.
    #[schemars(length(min = 1, max = 256))]
    pub by: String,
    /// Yes or no.
    pub decision: Decision,
    /// Why, for those who read the journal later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub comment: Option<String>,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Exactly this plan may be applied.
    Approve,
    /// It may not, however many are asked.
    Deny,
}

/// What the host made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalStatus {
    /// Whether it counts.
    pub state: ApprovalStanding,
    /// Why it does not, or what else it takes.
    #[schemars(length(max = 1024))]
    pub reason: String,
}

/// Whether an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApprovalStanding {
    /// It was written down, and counts.
    Accepted,
    /// It does not count, and never will: create another one.
    Refused,
}

#[cfg(test)]
mod tests {
    use kube::CustomResourceExt as _;
    use serde_json::Value;

    use super::*;

    fn undocumented(path: &str, schema: &Value) -> Vec<String> {
        let described = schema["description"].as_str().is_some_and(|text| !text.is_empty());
        let own = (!described).then(|| path.to_owned());
        let below = schema["properties"].as_object().into_iter().flatten();
        own.into_iter().chain(below.flat_map(|(key, part)| undocumented(&format!("{path}.{key}"), part))).collect()
    }

    #[test]
    fn every_field_is_described_and_bounded_and_the_spec_stays() {
        let crd = serde_json::to_value(Approval::crd()).unwrap();
        let version = &crd["spec"]["versions"][0];
        let schema = &version["schema"]["openAPIV3Schema"];
        for part in ["spec", "status"] {
            assert_eq!(undocumented(part, &schema["properties"][part]), Vec::<String>::new());
        }
        let spec = &schema["properties"]["spec"];
        for (name, field) in spec["properties"].as_object().unwrap() {
            assert!(field["maxLength"].is_u64() || field["enum"].is_array(), "{name} has no end: {field}");
        }
        assert_eq!(spec["x-kubernetes-validations"][0]["rule"], "self == oldSelf");
        assert_eq!(spec["properties"]["decision"]["enum"], serde_json::json!(["approve", "deny"]));
        assert_eq!(version["subresources"]["status"], serde_json::json!({}));
        assert_eq!(crd["spec"]["scope"], "Namespaced");
    }
}
