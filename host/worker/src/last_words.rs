//! A worker's last words, for people: on its standard error, and for a pod in the file that Kubernetes reads when the
//! container has ended. They are taken from the result, whose texts are redacted already.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use quarterdeck_core::order::{End, WorkerResult};
use quarterdeck_core::situation::cut;

use crate::protocol::{RESULT_BYTES_MAX, RunFolder};
use crate::{Ending, disk};

/// The file that a container's last words are read from, where it is there.
pub(crate) const TERMINATION_LOG: &str = "/dev/termination-log";
/// Kubernetes keeps at most this many bytes of it.
const BYTES_MAX: usize = 4096;

/// Says one line on the standard error.
pub(crate) fn aloud(text: &str) {
    let _nobody_listens = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// How a worker ended, by its exit and by the result in its folder.
pub(crate) fn of(ending: &Ending, folder: &Path) -> String {
    let result = disk::read_bounded(&RunFolder::at(folder).result(), RESULT_BYTES_MAX).ok();
    let result = result.and_then(|bytes| serde_json::from_slice::<WorkerResult>(&bytes).ok());
    let told = result.map(|result| in_words(&result)).unwrap_or_else(|| "it left no result".to_owned());
    let words = match ending {
        Ending::Succeeded | Ending::Failed | Ending::Cancelled => told,
        Ending::ClaimRefused => "the order was not given to this worker; nothing was touched".to_owned(),
        Ending::NotStarted(why) => format!("not started: {why}"),
        Ending::Undelivered => format!("the host does not have all that was left; {told}"),
    };
    cut(&words, BYTES_MAX)
}

/// Leaves them in this file, if it is there and may be written.
pub(crate) fn leave(words: &str, at: &Path) {
    if let Ok(mut file) = OpenOptions::new().write(true).truncate(true).open(at) {
        let _for_people = file.write_all(words.as_bytes());
    }
}

fn in_words(result: &WorkerResult) -> String {
    let end = match result.end {
        End::Succeeded => "succeeded",
        End::Failed => "failed",
        End::Cancelled => "cancelled",
        End::Lost => "lost",
    };
    match &result.failure {
        Some(failure) => format!("{end}: {}: {}", failure.kind, failure.message),
        None => end.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::failure;

    #[test]
    fn they_say_what_failed_and_are_left_only_where_somebody_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("termination-log");
        let result = WorkerResult::failed(End::Failed, failure("conflict", "moved on".repeat(2000), false));
        std::fs::write(RunFolder::at(folder.path()).result(), serde_json::to_vec(&result).unwrap()).unwrap();
        let words = of(&Ending::Failed, folder.path());
        assert!(words.starts_with("failed: conflict: moved on") && words.len() <= BYTES_MAX, "{words}");
        leave(&words, &log);
        assert!(!log.exists(), "nobody reads it");
        std::fs::write(&log, "what was there before".repeat(1000)).unwrap();
        leave(&words, &log);
        assert_eq!(std::fs::read_to_string(&log).unwrap(), words);
        let not_started = Ending::NotStarted("read /inputs/order.json".to_owned());
        assert_eq!(of(&not_started, folder.path()), "not started: read /inputs/order.json");
        assert!(
            of(&Ending::Undelivered, folder.path()).starts_with("the host does not have all that was left; failed")
        );
    }
}
