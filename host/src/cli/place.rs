//! Where a command looks: the data folder has `real` and `rehearsal`, which share nothing.
//!
//! Without `--real` or `--rehearsal` it is the one whose host is running, else the one with the newest journal. What is
//! shown comes from the running host; where none runs, from the journal alone, which says as much as a host would know at
//! its start.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Entry, Episode, Opened};
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::situation::Situation;

use super::exit::{Exit, Failure};
use super::print::note;
use crate::api::local::{Client, SOCKET, is_alive};
use crate::driver::clock;
use crate::remember::Blobs;
use crate::remember::journal::{Head, Reader, Record};
use crate::view::{self, View};

/// Which of the two worlds a person asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum World {
    /// The one with real workers.
    Real,
    /// The simulated one.
    Rehearsal,
}

/// A sub-folder of the data folder, and whether a host runs there.
pub(super) struct Place {
    /// The sub-folder.
    pub(super) folder: PathBuf,
    /// Whether it is the simulated world.
    pub(super) rehearsal: bool,
    /// Whether a host answers.
    pub(super) alive: bool,
}

impl Place {
    /// The place that a person means.
    ///
    /// # Errors
    /// Where nothing was ever run in the data folder.
    pub(super) fn find(data: &Path, world: Option<World>) -> Result<Place, Failure> {
        let at = |name: &str| {
            let folder = data.join(name);
            Place { alive: is_alive(&folder.join(SOCKET)), rehearsal: name == "rehearsal", folder }
        };
        let places = match world {
            Some(World::Real) => vec![at("real")],
            Some(World::Rehearsal) => vec![at("rehearsal")],
            None => vec![at("real"), at("rehearsal")],
        };
        // Approvers reach the host's socket and see nothing of its journal.
        let known = places.into_iter().map(|place| (place.alive, place.newest(), place));
        let known = known.filter(|(alive, newest, _)| *alive || newest.is_some());
        let best = known.max_by_key(|(alive, newest, _)| (*alive, *newest));
        best.map(|(_, _, place)| place).ok_or_else(|| {
            let error = format!("there is no journal in {}", data.display());
            Failure::new(Exit::Unreachable, error, "start a host, quarterdeck run PATH, or name its folder with --data")
        })
    }

    /// When the journal was last written to; none where there is no journal.
    fn newest(&self) -> Option<SystemTime> {
        let files = std::fs::read_dir(self.journal()).ok()?.flatten();
        let journals = files.filter(|file| file.path().extension().is_some_and(|end| end == "journal"));
        journals.filter_map(|file| file.metadata().ok()?.modified().ok()).max()
    }

    /// The folder of the journal.
    pub(super) fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// A connection to the running host.
    ///
    /// # Errors
    /// Where none runs.
    pub(super) fn host(&self) -> Result<Client, Failure> {
        if !self.alive {
            let error = format!("no host is running in {}", self.folder.display());
            return Err(Failure::new(Exit::Unreachable, error, "start one: quarterdeck run PATH"));
        }
        Ok(Client::at(&self.folder)?)
    }

    /// What can be shown: by the running host, else by the journal.
    ///
    /// # Errors
    /// Where the host does not answer, or the journal is damaged.
    pub(super) async fn view(&self) -> Result<View, Failure> {
        if self.alive {
            return Ok(self.host()?.view().await?);
        }
        note("no host is running; this is the journal's last word");
        let Story { ledger, last, .. } = self.story(0)?;
        Ok(view::look(&ledger, last.as_ref(), clock().max(ledger.now)))
    }

    /// The text of a saved plan, where it is kept.
    ///
    /// # Errors
    /// Where it can't be read.
    pub(super) async fn plan(&self, rendered: &quarterdeck_core::digest::Digest) -> Result<Option<String>, Failure> {
        if self.alive {
            return Ok(Some(self.host()?.plan(rendered).await?));
        }
        let read = Blobs::open(&self.folder.join("blobs")).map_err(anyhow::Error::new);
        let blob = read.and_then(|blobs| Ok(blobs.get(rendered)?));
        let blob = blob.map_err(|error| Failure::of(Exit::Failed, error, None))?;
        Ok(blob.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }

    /// Folds the journal, and keeps its last turns.
    ///
    /// # Errors
    /// Where the journal can't be read or is damaged.
    pub(super) fn story(&self, turns: usize) -> Result<Story, Failure> {
        let reader = Reader::open(&self.journal())?;
        let mut story = Story { ledger: reader.ledger(), last: None, turns: Vec::new() };
        let (mut opened, mut all): (Option<Box<Opened>>, Vec<Episode>) = (None, Vec::new());
        let head = reader.read(&mut |Record { entry, .. }| {
            story.ledger.fold(&entry);
            match entry {
                Entry::Opened(turn) => {
                    opened = Some(turn.clone());
                    all.push(Episode { opened: *turn, closed: None });
                    if all.len() > turns.max(1) * 2 {
                        all.drain(..all.len() - turns.max(1));
                    }
                }
                Entry::Closed(closed) => {
                    if let Some(episode) = all.iter_mut().rev().find(|e| e.opened.turn == closed.turn) {
                        episode.closed = Some(closed);
                    }
                }
                Entry::Begun(_)
                | Entry::Activated(_)
                | Entry::Declared(_)
                | Entry::Commanded(_)
                | Entry::Replied(_)
                | Entry::Claimed(_)
                | Entry::Ended(_)
                | Entry::Settled(_)
                | Entry::Stored(_)
                | Entry::StateChanged(_)
                | Entry::Chartered(_)
                | Entry::Checkpoint(_)
                | Entry::Uploaded(_)
                | Entry::Nominated(_)
                | Entry::Shadowed(_)
                | Entry::Fenced(_)
                | Entry::Differed(_) => {}
            }
        })?;
        tell_torn(&head, self.alive);
        story.last = opened.and_then(|opened| encoding::decode_ours(&opened.situation).ok());
        story.turns = all.split_off(all.len().saturating_sub(turns));
        Ok(story)
    }
}

/// What a journal says.
pub(super) struct Story {
    /// What follows from it.
    pub(super) ledger: Ledger,
    /// The situation of the last turn.
    pub(super) last: Option<Situation>,
    /// The last turns, the oldest first.
    pub(super) turns: Vec<Episode>,
}

/// A torn tail is no damage: a crash leaves one, and a running host may be in the middle of a write.
pub(super) fn tell_torn(head: &Head, alive: bool) {
    if let Some((path, offset, length)) = &head.torn
        && !alive
    {
        note(&format!(
            "note: the last write was torn by a crash ({length} bytes of {} at byte {offset}); the next start keeps them \
             in a file of their own and goes on before them",
            path.display()
        ));
    }
}
