//! What a worker says, made fit for the journal and for policies: redacted, escaped and bounded.

use std::collections::BTreeSet;

use quarterdeck_core::order::{End, KINDS_MAX, OBJECTS_MAX, PlanDanger, PlannedObject, SavedPlan, WorkerResult};
use quarterdeck_core::redaction::{NAME_BYTES_MAX, Redactor};
use quarterdeck_core::situation::{Failure, KEY_BYTES_MAX, TEXT_BYTES_MAX};
use serde::Deserialize;

/// A failure offers at most this many remedies; each is a choice of the policy's.
const REMEDIES_MAX: usize = 16;
/// A plan's dangers are told up to this many, those that make root first.
const DANGERS_MAX: usize = 256;
/// The addresses that a plan touches are told up to this many.
const TOUCHES_MAX: usize = 64;

/// A result without secrets, each text and list within its limit.
pub(super) fn result(redactor: &Redactor, mut result: WorkerResult) -> WorkerResult {
    let text = |text: &mut String, bytes_max| *text = redactor.safe(text, bytes_max);
    if let Some(Failure { kind, message, remedies, .. }) = &mut result.failure {
        text(kind, KEY_BYTES_MAX);
        text(message, TEXT_BYTES_MAX);
        remedies.truncate(REMEDIES_MAX);
        remedies.iter_mut().for_each(|remedy| text(remedy, KEY_BYTES_MAX));
    }
    if result.saved.as_ref().is_some_and(|saved| saved.kinds.longest() > KINDS_MAX) {
        // Rules are about what it touches, and none of that may be left out.
        let message = format!("the plan touches more than {KINDS_MAX} types of resources");
        let failure = Failure { kind: "usage".to_owned(), message, retryable: false, remedies: Vec::new() };
        result = WorkerResult { tool: result.tool, ..WorkerResult::failed(End::Failed, failure) };
    }
    if let Some(SavedPlan { input, dangers, touches, kinds, changes, makes, .. }) = &mut result.saved {
        if let Some(tool) = &mut input.tool {
            text(tool, KEY_BYTES_MAX);
        }
        let safe = |names: &BTreeSet<String>| names.iter().map(|name| redactor.safe(name, KEY_BYTES_MAX)).collect();
        kinds.makes = safe(&kinds.makes);
        kinds.alters = safe(&kinds.alters);
        kinds.removes = safe(&kinds.removes);
        kinds.providers = safe(&kinds.providers);
        // What makes a container root must not be what is left out.
        let mut told = std::collections::BTreeSet::new();
        let first = |danger: &PlanDanger| danger.makes_root && told.insert(danger.kind.clone());
        let (kept, rest): (Vec<PlanDanger>, Vec<PlanDanger>) = std::mem::take(dangers).into_iter().partition(first);
        *dangers = kept.into_iter().chain(rest).take(DANGERS_MAX).collect();
        dangers.sort_by_key(|danger| !danger.makes_root);
        for PlanDanger { kind, address, detail, .. } in dangers {
            text(kind, KEY_BYTES_MAX);
            text(address, NAME_BYTES_MAX);
            text(detail, TEXT_BYTES_MAX);
        }
        touches.truncate(TOUCHES_MAX);
        touches.iter_mut().for_each(|touch| text(touch, NAME_BYTES_MAX));
        // It is of values that could be guessed: without the key nobody who reads the journal can try.
        *changes = redactor.keyed(changes);
        makes.truncate(OBJECTS_MAX);
        for PlannedObject { kind: _, name, address } in makes {
            *name = redactor.name(name);
            *address = redactor.name(address);
        }
    }
    // An incomplete list would say that the rest is gone.
    result.objects = result.objects.filter(|objects| objects.len() <= OBJECTS_MAX);
    result.objects.iter_mut().flatten().for_each(|object| *object = object.redacted(redactor));
    if let Some(tool) = &mut result.tool {
        text(tool, KEY_BYTES_MAX);
    }
    result
}

/// An event in one line: what it is about, and its text.
pub(super) fn event(redactor: &Redactor, line: &str, bytes_max: usize) -> String {
    #[derive(Deserialize)]
    struct Event {
        #[serde(default)]
        kind: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        address: Option<String>,
    }
    let told = match serde_json::from_str::<Event>(line) {
        Ok(Event { text, address: Some(address), .. }) => format!("{address}: {text}"),
        Ok(Event { kind, text, address: None }) if text.is_empty() => kind,
        Ok(Event { text, address: None, .. }) => text,
        Err(_no_event) => line.to_owned(),
    };
    redactor.safe(&told, bytes_max)
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::digest::Digest;
    use quarterdeck_core::order::ApplyInput;
    use quarterdeck_core::situation::ChangeSummary;

    use super::*;

    fn danger(kind: &str, index: usize, makes_root: bool) -> PlanDanger {
        let address = format!("docker_container.c{index:04}");
        PlanDanger { kind: kind.to_owned(), address, detail: String::new(), makes_root }
    }

    fn cleaned(dangers: Vec<PlanDanger>) -> Vec<PlanDanger> {
        let digest = Digest::of(b"saved");
        let input = ApplyInput { saved: digest, json: digest, lock: None, state: None, destroy: false, tool: None };
        let summary = ChangeSummary::default();
        let saved = SavedPlan {
            input,
            summary,
            rendered: digest,
            dangers,
            touches: Vec::new(),
            kinds: Default::default(),
            changes: digest,
            makes: Vec::new(),
        };
        let failure = Failure { kind: "other".into(), message: String::new(), retryable: false, remedies: Vec::new() };
        let worker = WorkerResult { saved: Some(saved), ..WorkerResult::failed(End::Failed, failure) };
        result(&Redactor::new([7; 32]), worker).saved.unwrap().dangers
    }

    #[test]
    fn one_of_each_kind_that_makes_root_is_told_however_long_the_list_is() {
        let harmless = (0..=DANGERS_MAX).map(|index| danger("published-port", index, false));
        let privileged = (0..=DANGERS_MAX).map(|index| danger("privileged", index, true));
        let last = danger("engine-socket", 9_999, true);
        let told = cleaned(harmless.chain(privileged).chain([last]).collect());
        assert_eq!(told.len(), DANGERS_MAX);
        let kinds: Vec<(&str, bool)> = told.iter().map(|danger| (danger.kind.as_str(), danger.makes_root)).collect();
        assert_eq!(kinds[..2], [("privileged", true), ("engine-socket", true)]);
        assert!(kinds[2..].iter().all(|(_, makes_root)| !makes_root));
    }
}
