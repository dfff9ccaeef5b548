//! `journal prune`: old segments go, and what is left can be proven all the same; and how other commands say what is gone.

use quarterdeck_core::ids::Timestamp;
use serde_json::{Value, json};

use super::args::PruneArgs;
use super::exit::Failure;
use super::place::Place;
use super::print::{self, Output};
use super::seal::key_path;
use crate::driver::clock;
use crate::remember::journal::Reader;
use crate::remember::prune::{self, Before, Prune, Step};

/// What is no more in a journal.
pub(super) struct Pruned {
    /// The last record that is gone.
    pub(super) record: u64,
    /// The last turn that is gone.
    pub(super) turn: u32,
}

impl Pruned {
    /// In a sentence.
    pub(super) fn sentence(&self) -> String {
        let Pruned { record, turn } = self;
        format!("records 1 to {record} were pruned, with the turns up to {turn}: the journal begins after them")
    }
}

/// What is no more in the journal of a place; none where all of it is there.
///
/// # Errors
/// Where the journal can't be read.
pub(super) fn pruned(place: &Place) -> Result<Option<Pruned>, Failure> {
    let reader = Reader::open(&place.journal())?;
    Ok(reader.base().map(|base| Pruned { record: base.record, turn: reader.ledger().turn }))
}

pub(super) fn prune(place: &Place, args: &PruneArgs) -> Result<String, Failure> {
    let kept = args.keep.map(|keep| Before::Time(Timestamp(clock().0.saturating_sub(keep))));
    // The command line has one of the two.
    let before = args.before.or(kept).unwrap_or(Before::Turn(0));
    let prune = prune::plan(&place.journal(), &key_path(place), before, args.archive.as_deref())?;
    if !args.dry_run {
        for step in &prune.steps {
            prune.perform(step)?;
        }
    }
    Ok(match args.output {
        Output::Json => json_of(place, &prune, args.dry_run),
        Output::Table | Output::Wide => told(&prune, args),
    })
}

fn told(prune: &Prune, args: &PruneArgs) -> String {
    let Some((first, last)) = prune.records else {
        return "nothing goes: no closed segment is that old\n".to_owned();
    };
    let verb = if args.dry_run { "would remove" } else { "removed" };
    let bytes: u64 = prune.segments.iter().map(|(_, bytes)| bytes).sum();
    let mut text = String::new();
    for (path, bytes) in &prune.segments {
        text += &format!("{verb} {}: {bytes} bytes\n", path.display());
    }
    if let Some(archive) = &args.archive {
        let done = if args.dry_run { "would be kept" } else { "were kept" };
        text += &format!("they {done} in {}\n", archive.display());
    }
    let turn = prune.turn;
    text + &format!("{verb} {bytes} bytes in all: records {first} to {last}, with the turns up to {turn}\n")
}

fn json_of(place: &Place, prune: &Prune, dry_run: bool) -> String {
    let segments: Vec<Value> =
        prune.segments.iter().map(|(path, bytes)| json!({ "path": path, "bytes": bytes })).collect();
    let archived = |step: &Step| match step {
        Step::Archive(_, to) => Some(to.clone()),
        Step::Base | Step::Remove(_) => None,
    };
    let archived: Vec<_> = prune.steps.iter().filter_map(archived).collect();
    let object = json!({
        "folder": place.journal(), "dryRun": dry_run, "segments": segments, "archived": archived,
        "firstRecord": prune.records.map(|(first, _)| first), "lastRecord": prune.records.map(|(_, last)| last),
        "lastTurn": prune.records.map(|_| prune.turn),
    });
    print::pretty(&print::object("JournalPrune", place.rehearsal, &object))
}
