//! From what happened to the result, and the result onto the disk.

use std::sync::Mutex;

use quarterdeck_core::order::{End, NamedObject, OBJECTS_MAX, SavedPlan, StateRef, WorkerResult};
use quarterdeck_core::situation::{ChangeSummary, Failure, Operation};
use quarterdeck_core::terraform::state_json::parse_state;

use crate::delivery::Delivered;
use crate::failure::{MESSAGE_BYTES_MAX, failure};
use crate::inputs::Inputs;
use crate::states::States;
use crate::{Ending, disk};

/// What the failure is called of a worker whose states the host does not have.
pub(crate) const UNDELIVERED: &str = "state-undelivered";

/// Why the work ended before it was done.
#[derive(Debug)]
pub(crate) struct Halt {
    pub(crate) end: End,
    pub(crate) failure: Failure,
}

/// What was done.
#[derive(Debug)]
pub(crate) enum Done {
    /// A plan was saved.
    Planned(Box<SavedPlan>),
    /// A saved plan was applied; the changes by the tool's own word.
    Applied(ChangeSummary),
}

/// The newest state that is known, and whether this run wrote it.
pub(crate) struct Newest {
    written: Option<StateRef>,
    bytes: Option<Vec<u8>>,
}

impl Newest {
    /// What the run wrote, or else what the host had at its start.
    pub(crate) fn of(states: &Mutex<States>, first: Option<&[u8]>) -> Newest {
        let states = states.lock().expect("no holder panics");
        let written = states.newest().map(|newest| newest.state.clone());
        let bytes = match states.newest() {
            Some(newest) => states.bytes(newest.number).ok(),
            None => first.map(<[u8]>::to_vec),
        };
        Newest { written, bytes }
    }

    /// What it names; nothing is known of a state that can't be read or names more than we look for.
    fn objects(&self) -> Option<Vec<NamedObject>> {
        let Some(bytes) = &self.bytes else { return Some(Vec::new()) };
        let facts = parse_state(bytes).ok()?;
        (facts.objects.len() <= OBJECTS_MAX).then_some(facts.objects)
    }
}

/// The result of a run. A state that the host refused or does not have makes any success a failure.
pub(crate) fn result(
    inputs: &Inputs,
    done: Result<Done, Halt>,
    delivered: &Delivered,
    newest: &Newest,
    tool: Option<String>,
) -> WorkerResult {
    let objects = if inputs.order.key.operation == Operation::Apply { newest.objects() } else { None };
    let mut result = WorkerResult {
        end: End::Succeeded,
        failure: None,
        saved: None,
        summary: None,
        state: newest.written.clone(),
        objects,
        tool,
    };
    match done {
        Ok(Done::Planned(saved)) => result.saved = Some(*saved),
        Ok(Done::Applied(summary)) => result.summary = Some(summary),
        Err(halt) => {
            result.end = halt.end;
            result.failure = Some(halt.failure);
        }
    }
    if let Some(why) = &delivered.undelivered {
        let message = format!("the host does not have every version of the state, the folder does: {why}");
        result.end = End::Failed;
        result.failure = Some(failure(UNDELIVERED, message, false));
    } else if let Some(why) = &delivered.refused {
        result.end = End::Failed;
        result.failure = Some(failure("conflict", format!("the host refuses the state: {why}"), false));
    }
    result
}

/// Writes the result, last of all files.
pub(crate) fn write(inputs: &Inputs, result: &WorkerResult) -> Ending {
    if let Err(error) = disk::write_whole(&inputs.folder.result(), &bytes(result)) {
        return Ending::NotStarted(format!("write {}: {error}", inputs.folder.result().display()));
    }
    let undelivered = result.failure.as_ref().is_some_and(|failure| failure.kind == UNDELIVERED);
    match result.end {
        _undelivered if undelivered => Ending::Undelivered,
        End::Succeeded => Ending::Succeeded,
        End::Cancelled => Ending::Cancelled,
        End::Failed | End::Lost => Ending::Failed,
    }
}

/// A result as it is written, and handed over.
pub(crate) fn bytes(result: &WorkerResult) -> Vec<u8> {
    let mut result = result.clone();
    if let Some(failure) = &mut result.failure {
        failure.message = quarterdeck_core::situation::cut(&failure.message, MESSAGE_BYTES_MAX);
    }
    serde_json::to_vec_pretty(&result).expect("a result is plain JSON")
}

/// An error with its sources.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
