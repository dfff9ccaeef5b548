//! Making a data folder of a backup: unpacked beside the place that it shall have, proven, paused, and then named.
//!
//! Nothing that is there is overwritten or removed: a world's folder that is not empty stays, and may be set aside under
//! another name where that is asked for. Files are written through a handle of the new folder, which no path leads out of.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use quarterdeck_core::entry::Entry;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::{Command, Commanded, Person};
use quarterdeck_core::pause::Scope;

use super::archive::{Member, Unpacker};
use super::begun::Begun;
use super::copy::Told;
use super::prove::{self, Proven};
use super::{BackupError, Header, World, failed};
use crate::remember::journal::{Journal, SEGMENT_BYTES_MAX};
use crate::remember::{Book, Durable};

/// A folder that was made.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What it was made of.
    pub header: Header,
    /// What that held.
    pub proven: Proven,
    /// Where it is.
    pub folder: PathBuf,
    /// Where what was there before is now.
    pub aside: Option<PathBuf>,
}

/// Where a backup goes, and by whose word.
pub struct Target<'a> {
    /// The data folder, in which each world has its own.
    pub data: &'a Path,
    /// The world that was asked for; none where the backup's own is meant.
    pub world: Option<World>,
    /// Whether a folder that is there is set aside under another name.
    pub set_aside: bool,
    /// How many bytes the backup has, where that is known before it is read: the disk must have room for them.
    pub bytes: Option<u64>,
    /// Now.
    pub at: Timestamp,
    /// Who restores.
    pub who: Person,
}

/// Proves that a stream is a whole backup, and keeps nothing of it.
///
/// # Errors
/// Where it is not.
pub fn check(source: &mut dyn Read, tell: &mut dyn FnMut(Told)) -> Result<(Header, Proven), BackupError> {
    let (unpacker, header) = Unpacker::begin(source)?;
    let proven = pass(unpacker, &header, tell, &mut |_| Ok(()))?;
    Ok((header, proven))
}

/// Makes a world's folder of a backup, with everything paused.
///
/// # Errors
/// Where the stream is no whole backup, the folder is there already, is used by a host or came meanwhile, the disk has no
/// room, or the file system says no. Then nothing is left, and what was there is where it was, unless the error says
/// where it is now.
pub fn restore(
    source: &mut dyn Read,
    target: &Target<'_>,
    tell: &mut dyn FnMut(Told),
) -> Result<Restored, BackupError> {
    let (unpacker, header) = Unpacker::begin(source)?;
    let world = header.world.name();
    if target.world.is_some_and(|asked| asked != header.world) {
        return Err(BackupError::OtherWorld(world));
    }
    let folder = target.data.join(world);
    let held = match is_free(&folder)? {
        true => None,
        false if target.set_aside => Some(hold(&folder)?),
        false => return Err(BackupError::Occupied(folder)),
    };
    let mut private = std::fs::DirBuilder::new();
    let made = private.recursive(true).mode(0o700).create(target.data);
    made.map_err(failed("make", target.data))?;
    let data = Dir::open_ambient_dir(target.data, ambient_authority()).map_err(failed("open", target.data))?;
    has_room(&data, target)?;
    let begun = Begun::new(&data, target.data, world)?;
    let proven = pass(unpacker, &header, tell, &mut |member| begun.keep(member))?;
    pause(&begun.path(), &header, target)?;
    begun.sync()?;
    // It is held until the new folder stands in its place.
    let held = last_look(&folder, target, held)?;
    let aside = held.as_ref().map(|_| aside(target, world));
    match &aside {
        Some(aside) => begun.place_instead(world, aside)?,
        None => begun.place(world)?,
    }
    drop(held);
    Ok(Restored { header, proven, folder, aside: aside.map(|aside| target.data.join(aside)) })
}

/// Reads all of it, proves it, and hands each member on.
fn pass<R: Read>(
    mut unpacker: Unpacker<R>,
    header: &Header,
    tell: &mut dyn FnMut(Told),
    keep: &mut dyn FnMut(&Member) -> Result<(), BackupError>,
) -> Result<Proven, BackupError> {
    let (mut members, mut bytes) = (0, 0);
    prove::prove(header, &mut || {
        let Some(member) = unpacker.next()? else { return Ok(None) };
        keep(&member)?;
        (members, bytes) = (members + 1, bytes + member.bytes.len() as u64);
        tell(Told::Passed(members, bytes));
        Ok(Some(member))
    })
}

/// Whether nothing is there, or a folder that is empty.
fn is_free(folder: &Path) -> Result<bool, BackupError> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(failed("list", folder)(error)),
    }
}

/// Nothing in an archive is compressed, so what is unpacked has no more bytes than it. What blocks take beyond that is found
/// as it is written.
fn has_room(data: &Dir, target: &Target<'_>) -> Result<(), BackupError> {
    let Some(bytes) = target.bytes else { return Ok(()) };
    let disk = rustix::fs::fstatvfs(data).map_err(|error| failed("look at the disk of", target.data)(error.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    match bytes > free {
        true => Err(BackupError::NoRoom { bytes, path: target.data.to_owned(), free }),
        false => Ok(()),
    }
}

/// Whether what is there may be set aside at the end, minutes after the first look: by the lock that keeps hosts out of it.
/// None where nothing is there.
fn last_look(folder: &Path, target: &Target<'_>, held: Option<File>) -> Result<Option<File>, BackupError> {
    if is_free(folder)? {
        return Ok(None);
    }
    let journal = folder.join("journal");
    match held.filter(|held| Journal::is_locked_by(&journal, held)) {
        Some(held) => Ok(Some(held)),
        // Another folder came in between. One without a journal is what a host has made that is just starting.
        None if target.set_aside && journal.join("lock").exists() => hold(folder).map(Some),
        None => Err(BackupError::Occupied(folder.to_owned())),
    }
}

/// Holds the lock of the journal that is there, and makes one where none is, so that no host begins in the folder.
fn hold(folder: &Path) -> Result<File, BackupError> {
    if !folder.is_dir() {
        return Err(BackupError::Occupied(folder.to_owned()));
    }
    Ok(Journal::lock(&folder.join("journal"))?)
}

/// The name of a folder that is set aside.
fn aside(target: &Target<'_>, world: &str) -> String {
    let when: String = target.at.utc().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    format!("{world}.before-{when}")
}

/// Writes down, after everything that was restored, that all is paused.
fn pause(folder: &Path, header: &Header, target: &Target<'_>) -> Result<(), BackupError> {
    let key = folder.join(crate::app::JOURNAL_KEY);
    let (book, _) = Book::signed(&folder.join("journal"), &key, SEGMENT_BYTES_MAX)?;
    let entries = pauses(&book.ledger(), header, target);
    book.append(&entries, Durable::Now)?;
    Ok(book.close()?)
}

/// A pause of everything that stood already is taken back and said again, so that whoever lifts it reads both reasons.
fn pauses(ledger: &Ledger, header: &Header, target: &Target<'_>) -> Vec<Entry> {
    let (at, scope) = (target.at.max(ledger.now), Scope::default());
    let said = |command| Entry::Commanded(Commanded { at, who: target.who.clone(), command });
    let mut comment = format!("restored from a backup of {}", header.when);
    let before = ledger.pauses.get(&scope);
    if let Some(pause) = before {
        let why = pause.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
        comment += &format!("; {} had paused it before{why}", pause.who);
    }
    let resumed = before.map(|_| said(Command::Resume { scope: scope.clone() }));
    let paused = said(Command::Pause { scope, cancel: false, comment: Some(comment) });
    resumed.into_iter().chain([paused]).collect()
}
