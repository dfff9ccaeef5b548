//! An imagined plan: what a look at the mission's files says, against the imagined state. Its JSON has Terraform's form,
//! so that facts, dangers and the text that people read come from the same code as for a real plan.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding::{self, DecodeError};
use quarterdeck_core::order::{ApplyInput, NamedObject, ObjectKind, Order, SavedPlan};
use quarterdeck_core::situation::{ChangeSummary, Operation};
use quarterdeck_core::terraform::grants::DOCKER_SOURCE;
use quarterdeck_core::terraform::plan::{PlanError, parse_plan};
use quarterdeck_core::terraform::{FileSet, sketch};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::world::State;
use crate::remember::{BlobError, Blobs};

/// What an apply of the plan leaves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) keeps: Vec<Item>,
    pub(super) summary: ChangeSummary,
}

/// An object that shall be there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) kind: ObjectKind,
    pub(super) address: String,
    pub(super) name: String,
    /// What its arguments say, so that a change of them is seen.
    pub(super) digest: Digest,
}

/// Why nothing was planned.
#[derive(Debug, thiserror::Error)]
pub(super) enum RehearsalError {
    #[error("there is no blob {0}")]
    NoBlob(Digest),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// Plans from the mission's files, the imagined state, and what is there.
pub(super) fn make(
    order: &Order,
    state: &State,
    here: impl Fn(&NamedObject) -> bool,
    blobs: &Blobs,
) -> Result<SavedPlan, RehearsalError> {
    let files: FileSet = get(&order.plan, blobs)?;
    let destroy = order.key.operation == Operation::PlanDestroy;
    let keeps: Vec<Item> = if destroy { Vec::new() } else { items(&files) };
    let mut summary = ChangeSummary::default();
    let mut changes = Vec::new();
    let mut change = |address: &str, name: &str, actions: &[&str]| {
        changes.push((address.to_owned(), name.to_owned(), actions.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>()))
    };
    for item in &keeps {
        let known = state.objects.iter().find(|(object, _)| object.address == item.address && here(object));
        match known {
            None => {
                summary.adds += 1;
                change(&item.address, &item.name, &["create"]);
            }
            Some((_, digest)) if *digest != item.digest => {
                summary.replaces += 1;
                change(&item.address, &item.name, &["delete", "create"]);
            }
            Some(_) => {}
        }
    }
    for (object, _) in &state.objects {
        if here(object) && !keeps.iter().any(|item| item.address == object.address) {
            summary.destroys += 1;
            change(&object.address, &object.name, &["delete"]);
        }
    }
    save(order, state, destroy, Wanted { keeps, summary }, &document(&changes), blobs)
}

fn save(
    order: &Order,
    state: &State,
    destroy: bool,
    wanted: Wanted,
    document: &serde_json::Value,
    blobs: &Blobs,
) -> Result<SavedPlan, RehearsalError> {
    let bytes = serde_json::to_vec(document).expect("a document of texts is JSON");
    let facts = parse_plan(&bytes)?;
    let mut lines = facts.lines();
    lines.insert(0, "[rehearsal] nothing of this is real".to_owned());
    // The name of the order makes two plans of the same change two plans, as real ones are.
    let saved = blobs.put(&encoding::encode(&(&order.name, &wanted)))?;
    let summary = wanted.summary;
    Ok(SavedPlan {
        input: ApplyInput {
            saved,
            json: blobs.put(&bytes)?,
            lock: None,
            state: state.reference(&order.mission),
            destroy,
            tool: Some(facts.tool()),
        },
        summary,
        rendered: blobs.put(lines.join("\n").as_bytes())?,
        dangers: facts.plan_dangers(),
        kinds: facts.kinds(),
        touches: facts.touches(),
        changes: facts.change_set(),
        makes: facts.makes(),
    })
}

/// What a saved plan wants.
pub(super) fn read(saved: &Digest, blobs: &Blobs) -> Result<Wanted, RehearsalError> {
    let (_, wanted): (quarterdeck_core::ids::OrderName, Wanted) = get(saved, blobs)?;
    Ok(wanted)
}

fn get<T: Serialize + serde::de::DeserializeOwned>(digest: &Digest, blobs: &Blobs) -> Result<T, RehearsalError> {
    let bytes = blobs.get(digest)?.ok_or(RehearsalError::NoBlob(*digest))?;
    Ok(encoding::decode(&bytes)?)
}

fn items(files: &FileSet) -> Vec<Item> {
    let item = |sketch: sketch::Sketch| {
        let digest = encoding::digest(&sketch.texts);
        Some(Item { kind: sketch.kind?, address: sketch.address, name: sketch.name, digest })
    };
    sketch::sketch(files).into_iter().filter_map(item).collect()
}

/// A plan in the form of `terraform show -json`, with as much as a rehearsal knows.
fn document(changes: &[(String, String, Vec<String>)]) -> serde_json::Value {
    let resource = |(address, name, actions): &(String, String, Vec<String>)| {
        let (kind, label) = address.split_once('.').unwrap_or((address, ""));
        let values = json!({ "name": name });
        let creates = actions.iter().any(|action| action == "create");
        let deletes = actions.iter().any(|action| action == "delete");
        json!({
            "address": address, "mode": "managed", "type": kind, "name": label,
            "provider_name": DOCKER_SOURCE,
            "change": {
                "actions": actions,
                "before": deletes.then(|| values.clone()),
                "after": creates.then_some(values),
                "after_unknown": {}, "before_sensitive": {}, "after_sensitive": {},
            },
        })
    };
    json!({
        "format_version": "1.2", "terraform_version": "rehearsal",
        "applyable": !changes.is_empty(), "complete": true, "errored": false,
        "resource_changes": changes.iter().map(resource).collect::<Vec<_>>(),
    })
}
