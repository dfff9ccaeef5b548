//! `journal key` and `journal checkpoint`: what a person carries to another machine, so that this one need not be trusted.

use std::path::PathBuf;

use quarterdeck_core::checkpoint::Checkpoint;
use quarterdeck_core::entry::Entry;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::place::{Place, tell_torn};
use super::print::{self, Output};
use crate::app::JOURNAL_KEY;
use crate::remember::journal;
use crate::remember::seal::SealKey;

/// Where the key of a place lies.
pub(super) fn key_path(place: &Place) -> PathBuf {
    place.folder.join(JOURNAL_KEY)
}

pub(super) fn key(place: &Place, output: Output) -> Result<String, Failure> {
    let path = key_path(place);
    let Some(key) = SealKey::read(&path)? else {
        let error = format!("there is no key in {}", path.display());
        return Err(Failure::new(Exit::Unreachable, error, "start a host once, which makes one: quarterdeck run PATH"));
    };
    let key = key.public();
    Ok(match output {
        Output::Table | Output::Wide => key.pem(),
        Output::Json => {
            let object = json!({ "folder": place.journal(), "key": key, "pem": key.pem() });
            print::pretty(&print::object("JournalKey", place.rehearsal, &object))
        }
    })
}

pub(super) fn checkpoint(place: &Place, output: Output) -> Result<String, Failure> {
    let mut newest: Option<Checkpoint> = None;
    let head = journal::read(&place.journal(), &mut |record| {
        if let Entry::Checkpoint(checkpoint) = record.entry {
            newest = Some(checkpoint);
        }
    })?;
    tell_torn(&head, place.alive);
    let Some(newest) = newest else {
        let error = format!("there is no checkpoint in {}", place.journal().display());
        return Err(Failure::new(Exit::Unreachable, error, "start a host, which writes one: quarterdeck run PATH"));
    };
    if place.rehearsal {
        print::note("[rehearsal] nothing of this is real");
    }
    Ok(match output {
        Output::Table | Output::Wide => newest.text(),
        Output::Json => print::pretty(&print::object("JournalCheckpoint", place.rehearsal, &newest)),
    })
}
