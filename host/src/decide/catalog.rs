//! The catalog: components on disk, named by their digests, and those that are compiled and ready to decide.
//!
//! A component is here once it has passed every check of an upload, and only the journal says what it may do: the folder
//! is a store and no truth. What the journal does not name is swept away at the next start, and what it names and is not
//! here, or is not what it was, can't be loaded and says so. The fallback is built into the program and needs no disk.
//!
//! - `shelf` is the folder: written whole, fsynced, and checked by digest whenever it is read.
//! - A compiled artifact is made by this program alone, for this engine and these limits, and is checked before it is used;
//!   without one the component is compiled again.
//!
//! What is *not* here: the checks (`upload`), and which policy decides (the ledger).

mod shelf;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use quarterdeck_core::digest::Digest;
use quarterdeck_core::upload::Report;

use super::artifact::Isolation;
use super::sandbox::{LoadError, Policy, Sandbox};
use super::upload::{self, Demands, Examined};
use shelf::Shelf;
pub use shelf::{ShelfError, Stored};

/// So many policies stay ready to decide, beside the fallback; one that was used longest ago goes first. The largest take
/// some 40 MB of compiled code each.
const READY_MAX: usize = 8;

/// Why a policy can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// It is not here.
    #[error("policy {} is not in the catalog any more", .0.short(12))]
    Missing(Digest),
    /// The folder said no, or its bytes were changed.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// It passed its checks once and can't be loaded now.
    #[error("load policy {}: {why}", .policy.short(12))]
    Load {
        /// Which.
        policy: Digest,
        /// Why not.
        why: String,
    },
    /// The program's own policy can't be loaded.
    #[error("load the policy that is built in")]
    Fallback(#[from] LoadError),
}

/// Components, and those that are ready to decide.
pub struct Catalog {
    shelf: Shelf,
    sandbox: Sandbox,
    isolation: Isolation,
    program: PathBuf,
    fallback: Arc<Policy>,
    ready: Mutex<Ready>,
}

/// Policies that are compiled, and when each was used last.
#[derive(Default)]
struct Ready {
    uses: u64,
    policies: BTreeMap<Digest, (u64, Arc<Policy>)>,
}

impl Catalog {
    /// Opens the folder, and makes it where there is none. The fallback is loaded at once: a host that can't decide by it
    /// need not start. `program` is the host's own, which compiles as a process without rights.
    ///
    /// # Errors
    /// Where the folder can't be used, or the fallback can't be loaded.
    pub fn open(
        folder: &Path,
        sandbox: Sandbox,
        isolation: Isolation,
        program: PathBuf,
        fallback: &[u8],
    ) -> Result<Catalog, CatalogError> {
        let fallback = Arc::new(sandbox.load(fallback)?);
        Ok(Catalog { shelf: Shelf::open(folder)?, sandbox, isolation, program, fallback, ready: Mutex::default() })
    }

    /// The policy that is never fenced.
    pub fn fallback(&self) -> &Arc<Policy> {
        &self.fallback
    }

    /// Where policies are compiled and asked.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Keeps a component that has passed every check, with its report, signatures and compiled artifact. Blocks for the
    /// disk.
    ///
    /// # Errors
    /// Where the disk said no; then nothing of it stays.
    pub fn keep(&self, stored: &Stored<'_>) -> Result<(), CatalogError> {
        Ok(self.shelf.keep(stored)?)
    }

    /// What an upload of it came to; none where it is not here.
    ///
    /// # Errors
    /// Where the report can't be read.
    pub fn report(&self, policy: Digest) -> Result<Option<Report>, CatalogError> {
        Ok(self.shelf.report(policy)?)
    }

    /// The component's bytes; none where it is not here.
    ///
    /// # Errors
    /// Where they can't be read, or are not what they were.
    pub fn component(&self, policy: Digest) -> Result<Option<Vec<u8>>, CatalogError> {
        Ok(self.shelf.component(policy)?)
    }

    /// Lets a component go.
    ///
    /// # Errors
    /// Where the disk said no.
    pub fn remove(&self, policy: Digest) -> Result<(), CatalogError> {
        self.lock().policies.remove(&policy);
        Ok(self.shelf.remove(policy)?)
    }

    /// Lets go of whatever the journal does not name: what a crash left between the disk and the journal.
    ///
    /// # Errors
    /// Where the disk said no.
    pub fn sweep(&self, named: impl Fn(&Digest) -> bool) -> Result<usize, CatalogError> {
        Ok(self.shelf.sweep(named)?)
    }

    /// A policy that is ready to decide at once; none where it has to be loaded first.
    pub fn at_hand(&self, policy: Digest) -> Option<Arc<Policy>> {
        if policy == self.fallback.digest() {
            return Some(self.fallback.clone());
        }
        let mut ready = self.lock();
        ready.uses += 1;
        let uses = ready.uses;
        ready.policies.get_mut(&policy).map(|(used, policy)| {
            *used = uses;
            policy.clone()
        })
    }

    /// Makes a policy ready to decide. Blocks: for milliseconds where it was compiled before, for seconds elsewhere, when it
    /// is compiled anew by a process without rights.
    ///
    /// # Errors
    /// Where it is not here, was changed, or can't be loaded.
    pub fn load(&self, policy: Digest) -> Result<Arc<Policy>, CatalogError> {
        if let Some(ready) = self.at_hand(policy) {
            return Ok(ready);
        }
        let bytes = self.shelf.component(policy)?.ok_or(CatalogError::Missing(policy))?;
        let described = self.shelf.report(policy)?.and_then(|report| report.description);
        let ready = described.and_then(|described| {
            let artifact = self.shelf.artifact(policy)?;
            // Where it is of another engine, or not what it was, it is made again.
            self.sandbox.load_compiled(&artifact, policy, described, &self.isolation).ok()
        });
        let ready = match ready {
            Some(ready) => ready,
            None => self.compile(policy, &bytes)?,
        };
        let ready = Arc::new(ready);
        self.make_ready(ready.clone());
        Ok(ready)
    }

    /// Compiles a component that passed its checks once, by the same checks.
    fn compile(&self, policy: Digest, bytes: &[u8]) -> Result<Policy, CatalogError> {
        let refused = |why: String| CatalogError::Load { policy, why };
        let examined = upload::examine(bytes, Demands::default(), &self.program, &mut |_| {});
        let Examined { report, artifact } = examined.map_err(|error| refused(error.to_string()))?;
        let (Some(artifact), Some(description)) = (artifact, report.description.clone()) else {
            let why = report.refusal().map(|check| format!("{}: {}", check.step.name(), check.detail));
            return Err(refused(why.unwrap_or_default()));
        };
        // Where it can't be kept it is compiled again next time.
        let _kept = self.shelf.keep_artifact(policy, &artifact);
        let loaded = self.sandbox.load_compiled(&artifact, policy, description, &self.isolation);
        loaded.map_err(|error| refused(error.to_string()))
    }

    /// The report in a folder of policies; none where it is not there.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn report_in(folder: &Path, policy: Digest) -> Result<Option<Report>, CatalogError> {
        if !folder.exists() {
            return Ok(None);
        }
        Ok(Shelf::open(folder)?.report(policy)?)
    }

    /// Keeps a policy ready that was loaded by other means.
    pub fn make_ready(&self, policy: Arc<Policy>) {
        let mut ready = self.lock();
        ready.uses += 1;
        let uses = ready.uses;
        ready.policies.insert(policy.digest(), (uses, policy));
        while ready.policies.len() > READY_MAX {
            let oldest = ready.policies.iter().min_by_key(|(_, (used, _))| *used).map(|(digest, _)| *digest);
            oldest.and_then(|oldest| ready.policies.remove(&oldest));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
