//! What a host needs before anything runs: whether it rehearses, its folder, its missions as they are read, its policy, and
//! its book with the beginning written down.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quarterdeck_core::observation::SeenMission;
use quarterdeck_core::redaction::Redactor;
use tracing::warn;

use super::begin::{self, Beginning};
use super::brought::Brought;
use super::granted::Granted;
use super::{JOURNAL_KEY, STEWARD, StartError, adapters};
use crate::config::Config;
use crate::decide::child::DECIDE;
use crate::decide::{Catalog, Isolation, Policy, Sandbox};
use crate::observe::files::Reader;
use crate::remember::journal::{self, SEGMENT_BYTES_MAX};
use crate::remember::{Blobs, Book};
use crate::uploads::Uploads;

/// All of it.
pub(super) struct Data {
    pub(super) rehearsal: bool,
    /// Why it rehearses.
    pub(super) why: String,
    pub(super) folder: PathBuf,
    pub(super) blobs: Arc<Blobs>,
    /// The key of the placeholders.
    pub(super) key: [u8; 32],
    pub(super) redactor: Arc<Redactor>,
    pub(super) reader: Reader,
    pub(super) missions: Vec<SeenMission>,
    /// The one that decides.
    pub(super) policy: Arc<Policy>,
    pub(super) uploads: Uploads,
    pub(super) book: Arc<Book>,
}

/// Makes it ready.
pub(super) async fn ready(config: &Config) -> Result<Data, StartError> {
    let only_looks = config.missions.is_empty() && !config.mission_objects;
    if only_looks && config.kubernetes.is_none() {
        return Err(StartError::NoMission);
    }
    let (rehearsal, why) = match adapters::can_be_real(config).await {
        // A host of a cluster works for real or looks; what its workers need is in their image.
        _ if only_looks || config.workers.is_some() => (false, String::new()),
        Ok(()) => (false, String::new()),
        // Missions that are imagined beside a cluster that is not: nobody could tell the two apart.
        Err(why) if config.kubernetes.is_some() => return Err(StartError::HalfReal(why)),
        Err(why) if config.real => return Err(StartError::NotReal(why)),
        Err(why) => (true, why),
    };
    let folder = config.data.join(if rehearsal { "rehearsal" } else { "real" });
    private_folder(&folder)?;
    let at = |name: &str| folder.join(name);
    let in_folder = |source| StartError::Folder { path: folder.clone(), source };
    let blobs = Arc::new(Blobs::open(&at("blobs")).map_err(in_folder)?);
    let key = redaction_key(&at("key"))?;
    let redactor = Arc::new(Redactor::new(key));
    let granted = Granted::wanted(&config.amendment)?;
    let reader = Reader {
        paths: config.missions.clone(),
        blobs: blobs.clone(),
        grants: granted.reader(),
        secrets: config.workers.as_ref().map(|wanted| wanted.builder.secrets.clone().into()),
        redactor: redactor.clone(),
    };
    let missions = reader.read();
    if let Some(problem) = missions.iter().find_map(|seen| seen.spec.as_ref().err()) {
        return Err(StartError::Mission(problem.clone()));
    }
    if rehearsal {
        never_was_real(&config.data.join("real/journal"), &missions, &why)?;
    }
    let (uploads, brought) = policies(&folder, config)?;
    let book = open_book(&folder)?;
    if only_looks && let Some(state) = book.ledger().orders.values().find(|state| state.ended.is_none()) {
        return Err(StartError::AtWork { order: state.order.name.clone(), mission: state.order.mission.clone() });
    }
    let (amendment, ceiling) = (&config.amendment, config.ceiling);
    let beginning = Beginning {
        rehearsal,
        amendment,
        ceiling,
        uploads: &uploads,
        brought: brought.as_ref(),
        paused: config.paused,
    };
    let policy = begin::begin(&book, &beginning)?;
    // Under the charter in force files may say other things than under the one that was asked for.
    granted.in_force(&book);
    let missions = reader.read();
    Ok(Data { rehearsal, why, folder, blobs, key, redactor, reader, missions, policy, uploads, book })
}

fn open_book(folder: &Path) -> Result<Arc<Book>, StartError> {
    let (book, torn) = Book::signed(&folder.join("journal"), &folder.join(JOURNAL_KEY), SEGMENT_BYTES_MAX)?;
    if let Some(kept) = torn {
        warn!(kept = %kept.display(), "The journal ended in a torn write, as a crash leaves it; its bytes were kept.");
    }
    Ok(Arc::new(book))
}

/// A mission that was ever applied for real is never rehearsed: it would look as if all were well.
fn never_was_real(journal: &Path, missions: &[SeenMission], why: &str) -> Result<(), StartError> {
    if !journal.exists() {
        return Ok(());
    }
    let reader = journal::Reader::open(journal)?;
    let mut ledger = reader.ledger();
    reader.read(&mut |record| ledger.fold(&record.entry))?;
    let names = missions.iter().filter_map(|seen| Some(&seen.spec.as_ref().ok()?.name));
    let real = names.filter_map(|name| ledger.mission(name)).find(|state| state.ever_real);
    match real {
        Some(state) => Err(StartError::WasReal { mission: state.spec.name.clone(), why: why.to_owned() }),
        None => Ok(()),
    }
}

/// Makes the folder where there is none, readable to its owner alone.
fn private_folder(path: &Path) -> Result<(), StartError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| StartError::Folder { path: path.to_owned(), source })
}

/// The key of the placeholders that stand for secrets: made once, so that one secret has one placeholder for good.
///
/// # Errors
/// Where its file can't be read or made.
pub fn redaction_key(path: &Path) -> Result<[u8; 32], StartError> {
    let folder = |source| StartError::Folder { path: path.to_owned(), source };
    match std::fs::read(path) {
        Ok(bytes) => bytes.try_into().map_err(|_| folder(std::io::Error::other("it does not hold 32 bytes"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = random()?;
            let mut file =
                std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(folder)?;
            std::io::Write::write_all(&mut file, &key).and_then(|()| file.sync_all()).map_err(folder)?;
            Ok(key)
        }
        Err(error) => Err(folder(error)),
    }
}

pub(super) fn random() -> Result<[u8; 32], StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StartError::Random(error.to_string()))?;
    Ok(bytes)
}

/// The policies, and the one that the command line names, if it names one.
fn policies(folder: &Path, config: &Config) -> Result<(Uploads, Option<Brought>), StartError> {
    let program = std::env::current_exe().map_err(|source| StartError::Folder { path: folder.to_owned(), source })?;
    let isolation = match config.isolate {
        true => Isolation::Process { program: program.clone(), allowance: DECIDE },
        false => Isolation::Thread,
    };
    let opened = Catalog::open(&folder.join("policies"), Sandbox::new()?, isolation, program.clone(), STEWARD)?;
    let uploads = Uploads::new(Arc::new(opened), folder.join("journal"), program);
    let brought = config.policy.as_deref().map(|path| Brought::read(path, &uploads)).transpose()?;
    Ok((uploads, brought))
}
