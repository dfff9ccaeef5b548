//! Making a data folder of a backup: unpacked beside the place that it shall have, proven, paused, and then named.
//!
//! Nothing that is there is overwritten or removed: a world's folder that is not empty stays, and may be set aside under
//! another name where that is asked for. Files are written through a handle of the new folder, which no path leads out of.

use std::io::{self, Read, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, OpenOptions, OpenOptionsExt as _};
use quarterdeck_core::entry::Entry;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::{Command, Commanded, Person};
use quarterdeck_core::pause::Scope;

use super::archive::{Member, Unpacker};
use super::copy::Told;
use super::prove::{self, Proven};
use super::{BackupError, Header, World, failed};
use crate::remember::journal::{self, SEGMENT_BYTES_MAX};
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
/// Where the stream is no whole backup, the folder is there already, or the file system says no. Then nothing is left.
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
    let lock = match is_free(&folder)? {
        true => None,
        false if target.set_aside => hold(&folder)?,
        false => return Err(BackupError::Occupied(folder)),
    };
    let mut private = std::fs::DirBuilder::new();
    let made = private.recursive(true).mode(0o700).create(target.data);
    made.map_err(failed("make", target.data))?;
    let data = Dir::open_ambient_dir(target.data, ambient_authority()).map_err(failed("open", target.data))?;
    let begun = Begun::new(&data, target.data, world)?;
    let proven = pass(unpacker, &header, tell, &mut |member| begun.keep(member))?;
    pause(&begun.path, &header, target)?;
    begun.sync()?;
    let aside = if is_free(&folder)? { None } else { Some(set_aside(&data, target, world)?) };
    begun.named(world)?;
    drop(lock);
    Ok(Restored { header, proven, folder, aside })
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

/// A folder that goes again unless it gets its name.
struct Begun<'a> {
    data: &'a Dir,
    folder: Dir,
    name: String,
    path: PathBuf,
    is_named: std::cell::Cell<bool>,
}

impl Begun<'_> {
    fn new<'a>(data: &'a Dir, path: &Path, world: &str) -> Result<Begun<'a>, BackupError> {
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(|error| failed("draw a name in", path)(io::Error::other(error)))?;
        let name = format!("{world}.{:08x}.restoring", u32::from_be_bytes(random));
        let path = path.join(&name);
        let made = data.create_dir_with(&name, private()).and_then(|()| data.open_dir(&name));
        let folder = made.map_err(failed("make", &path))?;
        Ok(Begun { data, folder, name, path, is_named: false.into() })
    }

    fn keep(&self, member: &Member) -> Result<(), BackupError> {
        let write = || -> io::Result<()> {
            let mut at = 0;
            // Its name is one of the table's, so each folder of it has a name.
            while let Some(slash) = member.name[at..].find('/') {
                let folder = &member.name[..at + slash];
                match self.folder.create_dir_with(folder, private()) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    Ok(()) | Err(_) => at += slash + 1,
                }
            }
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            self.folder.open_with(&member.name, &options)?.write_all(&member.bytes)
        };
        write().map_err(failed("write", self.path.join(&member.name)))
    }

    /// Everything is on disk after this.
    fn sync(&self) -> Result<(), BackupError> {
        // The handle of a folder is for names alone; one that was opened to be read can be synced.
        let synced = self.folder.open(".").and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
        synced.map_err(failed("sync", &self.path))
    }

    fn named(&self, world: &str) -> Result<(), BackupError> {
        // An empty folder makes way, any other one does not.
        let named = self.data.rename(&self.name, self.data, world);
        named.map_err(failed("give the restored folder its name, beside", &self.path))?;
        self.is_named.set(true);
        sync(self.data).map_err(failed("sync", &self.path))
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.is_named.get() {
            // Where not even this can be done, its name says what it is.
            let _left = self.data.remove_dir_all(&self.name);
        }
    }
}

fn private() -> &'static DirBuilder {
    static PRIVATE: std::sync::OnceLock<DirBuilder> = std::sync::OnceLock::new();
    PRIVATE.get_or_init(|| {
        let mut private = DirBuilder::new();
        private.mode(0o700);
        private
    })
}

fn sync(folder: &Dir) -> io::Result<()> {
    folder.open(".")?.sync_all()
}

/// Holds the lock of the journal that is there, so that no host runs in a folder that is set aside.
fn hold(folder: &Path) -> Result<Option<std::fs::File>, BackupError> {
    let journal = folder.join("journal");
    Ok(if journal.is_dir() { Some(journal::Journal::lock(&journal)?) } else { None })
}

/// Gives the folder that is there another name.
fn set_aside(data: &Dir, target: &Target<'_>, world: &str) -> Result<PathBuf, BackupError> {
    let folder = target.data.join(world);
    let when: String = target.at.utc().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let name = format!("{world}.before-{when}");
    let aside = target.data.join(&name);
    if aside.exists() {
        return Err(BackupError::Occupied(aside));
    }
    data.rename(world, data, &name).map_err(failed("set aside", folder))?;
    Ok(aside)
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
