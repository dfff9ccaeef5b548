//! The last that a worker does: its result onto the disk, and to a host that shares no folder with it everything that the
//! result names, the result last of all.
//!
//! A host that has the result believes it of files that it has, so a file that it refuses makes the result a failure. What
//! can't be handed over in time stays in the folder, and the exit code says so.

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::order::{End, WorkerResult};

use crate::failure::failure;
use crate::host::{Host, HostError};
use crate::inputs::Inputs;
use crate::protocol::LeftFile;
use crate::{Ending, disk, last_words, outcome};

/// Ends a run with this result; a host that is away is waited for until then.
pub(crate) async fn finish(inputs: &Inputs, host: &Host, mut result: WorkerResult, until: Timestamp) -> Ending {
    let mut ending = outcome::write(inputs, &result);
    if !inputs.is_far() || matches!(ending, Ending::NotStarted(_)) {
        return ending;
    }
    match files(inputs, host, &result, until).await {
        Ok(()) => {}
        Err(HostError::Refused(why)) => {
            let refused = failure("conflict", format!("the host refuses what was made: {why}"), false);
            result = WorkerResult { end: End::Failed, failure: Some(refused), saved: None, summary: None, ..result };
            ending = outcome::write(inputs, &result);
        }
        Err(error @ (HostError::Away { .. } | HostError::Held(_))) => return undelivered(&error),
    }
    match host.leave(LeftFile::Result, outcome::bytes(&result), until).await {
        Ok(()) => ending,
        Err(error) => undelivered(&error),
    }
}

/// Hands over the files that the result names, and the state that Terraform could not deliver.
async fn files(inputs: &Inputs, host: &Host, result: &WorkerResult, until: Timestamp) -> Result<(), HostError> {
    for file in LeftFile::ALL {
        let path = file.path(&inputs.folder);
        let saved = result.saved.as_ref();
        let named = match file {
            LeftFile::Saved | LeftFile::Json | LeftFile::Rendered => saved.is_some(),
            LeftFile::Lock => saved.is_some_and(|saved| saved.input.lock.is_some()),
            // A link is none that Terraform wrote.
            LeftFile::ErroredState => std::fs::symlink_metadata(&path).is_ok_and(|data| data.is_file()),
            LeftFile::Result => false,
        };
        if named {
            let bytes = disk::read_bounded(&path, file.bytes_max());
            let bytes = bytes.map_err(|error| HostError::Refused(format!("read {}: {error}", path.display())))?;
            let left = host.leave(file, bytes, until).await;
            left.map_err(|error| match error {
                HostError::Refused(why) => HostError::Refused(format!("{}: {why}", file.name())),
                error @ (HostError::Away { .. } | HostError::Held(_)) => error,
            })?;
        }
    }
    Ok(())
}

fn undelivered(error: &HostError) -> Ending {
    last_words::aloud(&format!("the result could not be handed over and is in the folder: {error}"));
    Ending::Undelivered
}
