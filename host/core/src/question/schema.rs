//! The form of an answer, as a JSON schema for the model.
//!
//! The schema is made for each question: its enumerations hold the needs, missions and findings of this question and no
//! other. Only the keywords stand in it that Gemini honours (it ignores others without a word, so a limit written with
//! one of them would be no limit); the test beside this file walks every schema and refuses any other keyword. A schema
//! is a help to the model and no defence: the answer is parsed again.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Question, RECOMMENDATIONS_MAX};
use crate::situation::QuestionKind;

impl Question {
    /// The JSON schema that the answer must keep.
    pub fn answer_schema(&self) -> Value {
        let mut properties = serde_json::Map::new();
        let mut ordering = Vec::new();
        let mut declare = |name: &'static str, schema: Value| {
            ordering.push(name);
            properties.insert(name.to_owned(), schema);
        };
        let needs: BTreeSet<_> = self.missions.iter().flat_map(|offer| &offer.needs).collect();
        if !self.findings.is_empty() {
            let ids: Vec<_> = self.findings.iter().map(|finding| finding.id.as_str()).collect();
            declare("finding", choice("The id of the finding that this answers.", &json!(ids)));
        }
        if !needs.is_empty() {
            let offering = self.missions.iter().filter(|offer| !offer.needs.is_empty());
            let ids: Vec<_> = offering.map(|offer| offer.mission.as_str()).collect();
            declare("need", choice("The need that would cure it, among those that the mission offers.", &json!(needs)));
            declare("mission", choice("The id of the mission that offers the need.", &json!(ids)));
        }
        declare("reason", json!({ "type": "string", "description": "Why, in one or two sentences." }));
        let description = "How sure you are, in thousandths.";
        declare("confidence", json!({ "type": "integer", "minimum": 0, "maximum": 1000, "description": description }));
        let recommendation = json!({
            "type": "object",
            "properties": properties,
            "required": self.required(),
            "additionalProperties": false,
            "propertyOrdering": ordering,
        });
        json!({
            "type": "object",
            "properties": {
                "text": { "type": "string", "description": "What is wrong and what matters first." },
                "recommendations": { "type": "array", "maxItems": RECOMMENDATIONS_MAX, "items": recommendation },
            },
            "required": ["text", "recommendations"],
            "additionalProperties": false,
            "propertyOrdering": ["text", "recommendations"],
        })
    }

    /// The fields that each recommendation must have; the parser asks for the same.
    pub(super) fn required(&self) -> Vec<&'static str> {
        let mut required = match self.kind {
            QuestionKind::Propose => vec!["need", "mission"],
            QuestionKind::Triage | QuestionKind::ChooseRemedy | QuestionKind::Summarise => Vec::new(),
        };
        if required.is_empty() && !self.findings.is_empty() {
            required.push("finding");
        }
        required.extend(["reason", "confidence"]);
        required
    }
}

fn choice(description: &str, values: &Value) -> Value {
    json!({ "type": "string", "enum": values, "description": description })
}
