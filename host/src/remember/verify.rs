//! Verifying: the chain, and beyond it what every checkpoint says of it.
//!
//! The chain alone shows what was changed, taken out, put in or moved. With checkpoints that are signed with a key that
//! is known from elsewhere it shows as well that nobody else wrote it; with one checkpoint that was kept elsewhere, that
//! nothing up to it was cut off. What came after the newest checkpoint is held by the chain alone.

use std::collections::BTreeSet;

use quarterdeck_core::checkpoint::{Base, Checkpoint, PublicKey};
use quarterdeck_core::entry::Entry;
use quarterdeck_core::ledger::Ledger;

use super::journal::{Head, JournalError, Reader, Record};
use super::seal;

/// Whom to believe.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The keys that may have signed; where there is none, anybody may, and nobody vouches for who it was.
    pub keys: Vec<PublicKey>,
    /// Whether something must be signed with one of them.
    pub demanded: bool,
    /// Checkpoints that were kept elsewhere: the journal must still hold what they attest.
    pub kept: Vec<Checkpoint>,
}

/// What a journal was proven to be.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Where it ends.
    pub head: Head,
    /// The number of the first record that is there.
    pub first: u64,
    /// What follows from it.
    pub ledger: Ledger,
    /// How many checkpoints there are, a base included.
    pub checkpoints: u64,
    /// Who signed them.
    pub keys: BTreeSet<PublicKey>,
    /// The newest checkpoint, and the record that it stands in.
    pub newest: Option<(u64, Checkpoint)>,
    /// The last record that is attested.
    pub attested: Option<u64>,
    /// What it stands on, where it was pruned.
    pub base: Option<Base>,
}

/// Why a journal is not proven to be what was written.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The chain does not hold, or can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A checkpoint in the journal does not hold.
    #[error("record {seq} of the journal is a checkpoint that does not hold: {problem}")]
    Checkpoint {
        /// The record that it stands in.
        seq: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The base does not hold.
    #[error("the base of record {record} that the journal stands on does not hold: {problem}")]
    Base {
        /// The last record that is gone.
        record: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A checkpoint that was kept elsewhere is not what the journal holds.
    #[error("the checkpoint of record {record} that was kept elsewhere is not in this journal: {problem}")]
    Kept {
        /// The record that it attests.
        record: u64,
        /// What is wrong.
        problem: String,
    },
    /// A checkpoint that was kept elsewhere is older than what is left.
    #[error(
        "the checkpoint of record {record} that was kept elsewhere can't be looked for: the journal was pruned and begins with record {first}"
    )]
    Pruned {
        /// The record that it attests.
        record: u64,
        /// The first record that is there.
        first: u64,
    },
    /// Nothing is signed with the key that has to be.
    #[error("nothing in this journal is signed with {0}: whoever wrote it was somebody else, or had no key")]
    Unattested(PublicKey),
}

/// Checks every record, every checkpoint and the base.
///
/// # Errors
/// Where anything is not what was written, or was written by somebody else; the first such record is named.
pub fn verify(reader: &Reader, trust: &Trust) -> Result<Proof, VerifyError> {
    verify_each(reader, trust, &mut |_, _| {})
}

/// The same, and hands each record on with the ledger after it.
///
/// # Errors
/// As [`verify`].
pub(super) fn verify_each(
    reader: &Reader,
    trust: &Trust,
    each: &mut impl FnMut(&Record, &Ledger),
) -> Result<Proof, VerifyError> {
    let mut walk = Walk::begin(reader, trust)?;
    let mut failed = None;
    let read = reader.read(&mut |record| {
        if failed.is_none() {
            match walk.take(&record) {
                Ok(()) => each(&record, &walk.ledger),
                Err(problem) => failed = Some(problem),
            }
        }
    });
    match failed {
        // It stands before whatever ended the reading.
        Some(problem) => Err(problem),
        None => walk.end(read?),
    }
}

/// The same for a journal whose segments come from elsewhere, each whole, one after another.
///
/// # Errors
/// As [`verify`], and whatever the segments' source says.
pub fn verify_segments<E: From<VerifyError>>(
    reader: &Reader,
    trust: &Trust,
    next: &mut dyn FnMut() -> Result<Option<(u32, Vec<u8>)>, E>,
) -> Result<Proof, E> {
    let (mut walk, mut head, mut failed) = (Walk::begin(reader, trust)?, reader.head(), None);
    while let Some((number, bytes)) = next()? {
        let read = reader.segment(number, &bytes, false, &mut head, &mut |record| {
            if failed.is_none() {
                failed = walk.take(&record).err();
            }
        });
        if let Some(problem) = failed {
            return Err(problem.into());
        }
        read.map_err(VerifyError::from)?;
    }
    Ok(walk.end(head)?)
}

/// What is known up to a record.
struct Walk<'a> {
    trust: &'a Trust,
    base: Option<&'a Base>,
    between: Option<&'a Base>,
    kept: Vec<&'a Checkpoint>,
    ledger: Ledger,
    /// The record before, and its hash.
    before: (u64, quarterdeck_core::digest::Digest),
    first: u64,
    checkpoints: u64,
    keys: BTreeSet<PublicKey>,
    newest: Option<(u64, Checkpoint)>,
}

impl<'a> Walk<'a> {
    fn begin(reader: &'a Reader, trust: &'a Trust) -> Result<Walk<'a>, VerifyError> {
        let base = reader.base();
        let before = base.map_or((0, quarterdeck_core::digest::Digest::ZERO), |base| (base.record, base.hash));
        let mut walk = Walk {
            trust,
            base,
            between: reader.between(),
            kept: trust.kept.iter().collect(),
            ledger: reader.ledger(),
            before,
            first: before.0 + 1,
            checkpoints: 0,
            keys: BTreeSet::new(),
            newest: None,
        };
        for base in [walk.base, walk.between].into_iter().flatten() {
            // That its signature fits was seen when it was read.
            let refused = |problem| VerifyError::Base { record: base.record, problem };
            walk.known(&base.key).map_err(refused)?;
            walk.checkpoints += 1;
        }
        for kept in &trust.kept {
            let refused = |problem: &str| VerifyError::Kept { record: kept.record, problem: problem.to_owned() };
            if !seal::fits(&kept.key, &kept.statement(), &kept.signature) {
                return Err(refused("its signature does not fit what it says"));
            }
            walk.known(&kept.key).map_err(|problem| refused(&problem))?;
            if kept.record < before.0 {
                return Err(VerifyError::Pruned { record: kept.record, first: walk.first });
            }
        }
        walk.look_for_kept()?;
        Ok(walk)
    }

    /// Whether that key may sign.
    fn known(&mut self, key: &PublicKey) -> Result<(), String> {
        self.keys.insert(*key);
        if self.trust.keys.is_empty() || self.trust.keys.contains(key) {
            return Ok(());
        }
        let known: Vec<String> = self.trust.keys.iter().map(ToString::to_string).collect();
        Err(format!("it is signed by another key, {key}, and not by {}", known.join(" or ")))
    }

    fn take(&mut self, record: &Record) -> Result<(), VerifyError> {
        if let Entry::Checkpoint(checkpoint) = &record.entry {
            let refused = |problem| VerifyError::Checkpoint { seq: record.seq, problem };
            self.holds(checkpoint).map_err(refused)?;
            self.checkpoints += 1;
            self.newest = Some((record.seq, *checkpoint));
        }
        self.ledger.fold(&record.entry);
        self.before = (record.seq, record.hash);
        if let Some(base) = self.between.filter(|base| base.record == record.seq) {
            let same = base.hash == record.hash && base.ledger().as_ref() == Ok(&self.ledger);
            if !same {
                let problem = "the archive holds another record, or another ledger follows from it".to_owned();
                return Err(VerifyError::Base { record: base.record, problem });
            }
        }
        self.look_for_kept()
    }

    /// Whether a checkpoint says what is so.
    fn holds(&mut self, said: &Checkpoint) -> Result<(), String> {
        if !seal::fits(&said.key, &said.statement(), &said.signature) {
            return Err("its signature does not fit what it says".to_owned());
        }
        self.known(&said.key)?;
        self.agrees(said)
    }

    fn agrees(&self, said: &Checkpoint) -> Result<(), String> {
        let (record, hash) = self.before;
        if self.ledger.nonce != Some(said.journal) {
            return Err("it is of another journal".to_owned());
        }
        if said.record != record {
            return Err(format!("it attests record {}, and stands after record {record}", said.record));
        }
        if said.hash != hash {
            return Err(format!("record {record} has another hash than it says, {hash}"));
        }
        let ledger = self.ledger.digest();
        if said.ledger != ledger {
            return Err(format!("another ledger than it says follows from the records up to {record}, {ledger}"));
        }
        Ok(())
    }

    /// Whether what was kept elsewhere of the record at hand is what is here.
    fn look_for_kept(&mut self) -> Result<(), VerifyError> {
        let (record, _) = self.before;
        let (here, later): (Vec<&Checkpoint>, _) = self.kept.iter().partition(|kept| kept.record == record);
        self.kept = later;
        for kept in here {
            self.agrees(kept).map_err(|problem| VerifyError::Kept { record, problem })?;
        }
        Ok(())
    }

    fn end(self, head: Head) -> Result<Proof, VerifyError> {
        if let Some(kept) = self.kept.first() {
            let problem = format!(
                "it ends with record {}, so its end was cut off, or it was put back from an older copy",
                head.records
            );
            return Err(VerifyError::Kept { record: kept.record, problem });
        }
        if let (true, 0, Some(key)) = (self.trust.demanded, self.checkpoints, self.trust.keys.first()) {
            return Err(VerifyError::Unattested(*key));
        }
        let bases = self.base.into_iter().chain(self.between).map(|base| base.record);
        let attested = self.newest.map(|(_, checkpoint)| checkpoint.record).into_iter().chain(bases).max();
        Ok(Proof {
            head,
            first: self.first,
            ledger: self.ledger,
            checkpoints: self.checkpoints,
            keys: self.keys,
            newest: self.newest,
            attested,
            base: self.base.cloned(),
        })
    }
}
