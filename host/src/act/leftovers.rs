//! What an ended worker left, taken in: states first, then its result, then the files that the result names.
//!
//! The result is a worker's word. What it says about files is compared with the files, and what it says about the state
//! with the state that is kept; a difference is the failure `conflict`, and nothing of it is used. Taking in twice is the
//! same as once, so a host that dies in between begins again.

use std::io;
use std::path::{Path, PathBuf};

use quarterdeck_core::digest::Digest;
use quarterdeck_core::order::{End, NamedObject, OBJECTS_MAX, Order, SavedPlan, WorkerResult};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{Failure, Operation};
use quarterdeck_core::terraform::state_json::{STATE_BYTES_MAX, StateFacts};
use quarterdeck_worker::protocol::{ARTIFACT_BYTES_MAX, RESULT_BYTES_MAX, RunFolder};

use super::{Left, Shelf, ShelfError, clean, files};

/// What a worker's failure is called that could not hand its states over; they are in its folder.
const UNDELIVERED: &str = "state-undelivered";

/// A worker that is gone.
pub(super) struct Gone<'a> {
    pub(super) order: &'a Order,
    pub(super) folder: &'a RunFolder,
    /// What is said where it left no result.
    pub(super) failure: (End, Failure),
}

/// What can't be done now and may be done later.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaterError {
    #[error("read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("keep {what}")]
    Keep { what: &'static str, source: ShelfError },
}

impl LaterError {
    /// What was tried and why it failed.
    pub(super) fn in_words(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    }
}

impl Gone<'_> {
    /// Takes everything in and says how the worker ended.
    pub(super) fn take_in(&self, shelf: &dyn Shelf, redactor: &Redactor) -> Result<WorkerResult, LaterError> {
        let paths = self.states()?;
        let mut states = paths.iter().map(|path| files::read(path, STATE_BYTES_MAX));
        let left = shelf
            .take_in(self.order, &mut states)
            .map_err(|source| LaterError::Keep { what: "the states of a worker that is gone", source })?;
        let mut result = match self.result()? {
            Some(Ok(result)) => self.check(result, &left, shelf)?,
            Some(Err(problem)) => self.lost(End::Failed, conflict(&problem), &left),
            None => self.lost(self.failure.0, self.failure.1.clone(), &left),
        };
        if let Some(why) = left.refused {
            let text = format!("a state that the worker left does not fit: {why}; see `quarterdeck state list`");
            result = self.lost(End::Failed, conflict(&text), &Left { newest: left.newest, refused: None });
        }
        Ok(clean::result(redactor, result))
    }

    /// The files of the states that it wrote, the oldest first, and last the one that Terraform could not deliver.
    fn states(&self) -> Result<Vec<PathBuf>, LaterError> {
        let folder = self.folder.states();
        let mut numbered = Vec::new();
        match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(LaterError::Read { path: folder, source }),
            Ok(entries) => {
                let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
                numbered.extend(numbers);
            }
        }
        numbered.sort_unstable();
        let mut paths: Vec<_> = numbered.into_iter().map(|number| folder.join(format!("{number:06}"))).collect();
        // A link is none that Terraform wrote.
        if std::fs::symlink_metadata(self.folder.errored_state()).is_ok_and(|data| data.is_file()) {
            paths.push(self.folder.errored_state());
        }
        Ok(paths)
    }

    /// The result that it left; what is wrong with it, where it is none.
    fn result(&self) -> Result<Option<Result<WorkerResult, String>>, LaterError> {
        let path = self.folder.result();
        let bytes = match files::read_if_there(&path, RESULT_BYTES_MAX) {
            Ok(None) => return Ok(None),
            Ok(Some(bytes)) => bytes,
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Ok(Some(Err("its result is too large".into())));
            }
            Err(source) => return Err(LaterError::Read { path, source }),
        };
        let parsed = serde_json::from_slice::<WorkerResult>(&bytes);
        let parsed = parsed.map_err(|error| format!("its result can't be read: {error}"));
        Ok(Some(parsed.and_then(|result| {
            // Whatever is not read back from it is something that we do not know.
            let known = serde_json::to_value(&result).ok();
            let all = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
            if known == all { Ok(result) } else { Err("its result has fields that are not known".to_owned()) }
        })))
    }

    /// Compares a result with what is there, and takes in the files that it names.
    fn check(&self, result: WorkerResult, left: &Left, shelf: &dyn Shelf) -> Result<WorkerResult, LaterError> {
        let kept = left.newest.as_ref().map(|(state, _)| state);
        if result.state.is_some() && result.state.as_ref() != kept {
            let text = "its result names another state than the newest that is kept";
            return Ok(self.lost(End::Failed, conflict(text), left));
        }
        let mut result = result;
        if let Some(failure) = result.failure.as_mut().filter(|failure| failure.kind == UNDELIVERED) {
            failure.message = format!("{}; they were taken in when it was gone", failure.message);
            failure.retryable = true;
        }
        let saved = match (self.order.key.operation, &result.saved) {
            (Operation::Plan | Operation::PlanDestroy, Some(saved)) => self.artifacts(saved, shelf)?,
            (Operation::Plan | Operation::PlanDestroy, None) if result.end == End::Succeeded => {
                Err("its result has no saved plan".to_owned())
            }
            (_, Some(_)) => Err("its result has a saved plan, which it was not ordered to make".to_owned()),
            (_, None) => Ok(()),
        };
        Ok(match saved {
            Ok(()) => result,
            Err(problem) => self.lost(End::Failed, conflict(&problem), left),
        })
    }

    fn artifacts(&self, saved: &SavedPlan, shelf: &dyn Shelf) -> Result<Result<(), String>, LaterError> {
        if saved.input.destroy != (self.order.key.operation == Operation::PlanDestroy) {
            return Ok(Err("its saved plan is of the other kind than was ordered".to_owned()));
        }
        let folder = self.folder;
        let mut wanted = vec![
            ("the saved plan", folder.saved_out(), saved.input.saved),
            ("the saved plan's JSON", folder.json_out(), saved.input.json),
            ("the plan as text", folder.rendered_out(), saved.rendered),
        ];
        wanted.extend(saved.input.lock.map(|lock| ("the provider lock file", folder.lock_out(), lock)));
        for (what, path, digest) in wanted {
            if let Err(problem) = artifact(what, &path, &digest, shelf)? {
                return Ok(Err(problem));
            }
        }
        Ok(Ok(()))
    }

    /// The end of a worker whose word is not there or not used: what the newest state says stands for it.
    fn lost(&self, end: End, failure: Failure, left: &Left) -> WorkerResult {
        let mut result = WorkerResult::failed(end, failure);
        // A plan changes no state, so there is nothing new to say about it.
        if self.order.key.operation == Operation::Apply
            && let Some((state, facts)) = &left.newest
        {
            result.state = Some(state.clone());
            result.objects = objects(facts);
        }
        result
    }
}

fn artifact(
    what: &'static str,
    path: &Path,
    digest: &Digest,
    shelf: &dyn Shelf,
) -> Result<Result<(), String>, LaterError> {
    let bytes = match files::read_if_there(path, ARTIFACT_BYTES_MAX) {
        Ok(None) => return Ok(Err(format!("{what} is not there"))),
        Ok(Some(bytes)) => bytes,
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(Err(format!("{what} is too large"))),
        Err(source) => return Err(LaterError::Read { path: path.to_owned(), source }),
    };
    if Digest::of(&bytes) != *digest {
        return Ok(Err(format!("{what} is not the one that its result names")));
    }
    shelf.keep_blob(&bytes).map_err(|source| LaterError::Keep { what, source })?;
    Ok(Ok(()))
}

fn conflict(problem: &str) -> Failure {
    let message = format!("what the worker left does not fit together: {problem}");
    Failure { kind: "conflict".to_owned(), message, retryable: false, remedies: Vec::new() }
}

/// The objects that a state names; none where they are more than a ledger takes.
fn objects(facts: &StateFacts) -> Option<Vec<NamedObject>> {
    (facts.objects.len() <= OBJECTS_MAX).then(|| facts.objects.clone())
}
