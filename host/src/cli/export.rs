//! `journal export`: every entry as a line of JSON, for programs that do not read the journal's own encoding.
//!
//! One record is in memory at a time, beside the segment that it stands in. What is in the journal has been redacted; what
//! could deceive whoever looks at the lines is escaped, as in all that is printed.

use std::io::{self, BufWriter, Write};
use std::mem::take;
use std::ops::RangeInclusive;

use quarterdeck_core::decision::Decision;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding::{self, DecodeError};
use quarterdeck_core::entry::{Answered, Entry, Opened, Shadowed};
use quarterdeck_core::situation::Situation;
use serde::Serialize;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::place::{Place, tell_torn};
use super::print;
use super::prune::pruned;
use crate::remember::journal::{self, Record};
use crate::view::rfc3339;

pub(super) fn export(place: &Place, range: RangeInclusive<u64>) -> Result<(), Failure> {
    if range.is_empty() {
        let error = format!("there is no record from {} to {}", range.start(), range.end());
        return Err(Failure::new(Exit::Usage, error, "quarterdeck journal export --help"));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut rehearsal, mut written) = (place.rehearsal, Ok(()));
    let head = journal::read(&place.journal(), &mut |record| {
        if let Entry::Begun(begun) = &record.entry {
            rehearsal = begun.rehearsal;
        }
        // After a line that could not be written none is tried.
        if written.is_ok() && range.contains(&record.seq) {
            written = out.write_all(line(record, rehearsal).as_bytes());
        }
    })?;
    tell_torn(&head, place.alive);
    if let Some(pruned) = pruned(place)?.filter(|pruned| *range.start() <= pruned.record) {
        print::note(&format!("note: {}", pruned.sentence()));
    }
    written.and_then(|()| out.flush())?;
    Ok(())
}

fn line(Record { seq, hash, entry, .. }: Record, rehearsal: bool) -> String {
    let (at, kind) = (rfc3339(entry.at()), entry.kind());
    let entry = match entry {
        Entry::Begun(entry) => value(&entry),
        Entry::Activated(entry) => value(&entry),
        Entry::Declared(entry) => value(&entry),
        Entry::Commanded(entry) => value(&entry),
        Entry::Opened(entry) => turn(*entry),
        Entry::Closed(entry) => value(&entry),
        Entry::Replied(entry) => value(&entry),
        Entry::Claimed(entry) => value(&entry),
        Entry::Ended(entry) => value(&entry),
        Entry::Settled(entry) => value(&entry),
        Entry::Stored(entry) => value(&entry),
        Entry::StateChanged(entry) => value(&entry),
        Entry::Chartered(entry) => value(&entry),
        Entry::Checkpoint(entry) => value(&entry),
        Entry::Uploaded(entry) => value(&entry),
        Entry::Nominated(entry) => value(&entry),
        Entry::Shadowed(entry) => shadowed(*entry),
        Entry::Fenced(entry) => value(&entry),
        Entry::Differed(entry) => value(&entry),
    };
    print::line(&json!({ "rehearsal": rehearsal, "seq": seq, "at": at, "kind": kind, "hash": hash, "entry": entry }))
}

/// What a shadow made of a turn, decoded likewise.
fn shadowed(mut shadowed: Shadowed) -> Value {
    let decided = match &mut shadowed.answer {
        Answered::Decided(bytes) => Some(take(bytes)),
        Answered::GuestFailure { .. } | Answered::HostAbort { .. } => None,
    };
    let mut object = value(&shadowed);
    if let Some(bytes) = decided {
        object["answer"] = json!({ "decided": decoded(encoding::decode::<Decision>(&bytes), &bytes) });
    }
    object
}

/// A turn with what it holds as bytes decoded.
fn turn(mut opened: Opened) -> Value {
    let situation = take(&mut opened.situation);
    let decided = match &mut opened.answer {
        Answered::Decided(bytes) => Some(take(bytes)),
        Answered::GuestFailure { .. } | Answered::HostAbort { .. } => None,
    };
    let mut whole = value(&opened);
    whole["situation"] = decoded(encoding::decode::<Situation>(&situation), &situation);
    if let Some(bytes) = decided {
        whole["answer"] = json!({ "decided": decoded(encoding::decode::<Decision>(&bytes), &bytes) });
    }
    whole
}

/// What the bytes say; what another version wrote is handed on as it stands, so that nothing is left out.
fn decoded<T: Serialize>(read: Result<T, DecodeError>, bytes: &[u8]) -> Value {
    match read {
        Ok(read) => value(&read),
        Err(error) => json!({ "unreadable": error.to_string(), "digest": Digest::of(bytes), "bytes": bytes }),
    }
}

fn value(noun: &impl Serialize) -> Value {
    serde_json::to_value(noun).expect("our nouns have texts for keys, so each of them is JSON")
}
