//! The proof that a backup is one: the journal holds by the same code as `journal verify`, and what the ledger names that
//! follows from it is there and is what it was.
//!
//! The same proof is made of what is copied while it is written, of a file before it gets its name, and of what is
//! restored before it becomes a data folder. Members pass by once, one at a time.
//!
//! What is *not* proven: whose key it is. The archive brings its own; `journal verify --key` asks that of the restored
//! journal, with a key that was kept elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::{ApprovalId, OrderName, Timestamp};
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::order::{ApplyInput, Order, StateRef};
use quarterdeck_core::situation::ApprovalState;
use quarterdeck_core::terraform::state_json::parse_state;

use super::archive::Member;
use super::table::Kind;
use super::{BackupError, Header};
use crate::remember::journal::Reader;
use crate::remember::seal::SealKey;
use crate::remember::verify::{Trust, verify_segments};

/// What a backup was proven to hold.
#[derive(Clone, Debug, Default)]
pub struct Proven {
    /// What follows from its journal.
    pub ledger: Ledger,
    /// How many states it has, all versions counted.
    pub states: usize,
    /// How many blobs.
    pub blobs: usize,
    /// How many policies.
    pub policies: usize,
    /// The missions whose newest state is newer than the journal says: it was kept while the copy was made.
    pub newer: Vec<String>,
}

impl Proven {
    /// The workers that were at work by the journal's word.
    pub fn at_work(&self) -> Vec<OrderName> {
        let open = self.ledger.orders.values().filter(|state| state.ended.is_none());
        open.map(|state| state.order.name.clone()).collect()
    }

    /// The approvals that are granted and not used: they permit what they are about as soon as nothing is paused.
    pub fn granted(&self, now: Timestamp) -> Vec<ApprovalId> {
        let granted = |state| state == ApprovalState::Granted;
        let unused = self.ledger.approvals.values().filter(|record| !record.used);
        let unused = unused.filter(|record| granted(self.ledger.approval_state(record, now)));
        unused.map(|record| record.id.clone()).collect()
    }
}

/// Proves what comes, in the order in which a backup has it.
pub(super) fn prove(
    header: &Header,
    next: &mut dyn FnMut() -> Result<Option<Member>, BackupError>,
) -> Result<Proven, BackupError> {
    let mut members = Members { next, peeked: None };
    let missing = |name: &str| BackupError::NotWhole(format!("{name} is missing"));
    let key = members.of(Kind::JournalKey)?.ok_or_else(|| missing("journal.key"))?;
    let key = SealKey::of(&key.bytes).map_err(|error| refused("journal.key", &error.to_string()))?;
    let base = members.of(Kind::Base)?;
    let reader = Reader::of_segments(Path::new("journal"), base.as_ref().map(|base| base.bytes.as_slice()))?;
    if reader.base().is_some_and(|base| base.key != key.public()) {
        return Err(refused("journal/base", "it is signed by another key than journal.key"));
    }
    let mut expected = reader.first();
    let proof = verify_segments(&reader, &Trust::default(), &mut || {
        let Some(segment) = members.of(Kind::Segment)? else { return Ok(None) };
        let number = expected;
        if segment.name != format!("journal/{number:06}.journal") {
            return Err(BackupError::NotWhole(format!(
                "journal/{number:06}.journal is missing before {}",
                segment.name
            )));
        }
        expected += 1;
        Ok::<_, BackupError>(Some((number, segment.bytes)))
    })?;
    if expected == reader.first() {
        return Err(missing(&format!("journal/{expected:06}.journal")));
    }
    let ledger = proof.ledger;
    let said = &header.journal;
    let same = (said.records, said.hash, Some(said.nonce)) == (proof.head.records, proof.head.hash, ledger.nonce);
    if !same || header.rehearsal() != ledger.rehearsal {
        return Err(BackupError::NotWhole("its journal is not the one that its first member names".to_owned()));
    }
    let mut rest = Rest::default();
    while let Some(member) = members.take()? {
        rest.take(member)?;
    }
    if !rest.key {
        return Err(missing("key"));
    }
    rest.holds(ledger)
}

/// Members as they come, of which one is looked at before it is taken.
struct Members<'a> {
    next: &'a mut dyn FnMut() -> Result<Option<Member>, BackupError>,
    peeked: Option<Member>,
}

impl Members<'_> {
    fn take(&mut self) -> Result<Option<Member>, BackupError> {
        match self.peeked.take() {
            Some(member) => Ok(Some(member)),
            None => (self.next)(),
        }
    }

    /// The next one, if it is of this kind.
    fn of(&mut self, kind: Kind) -> Result<Option<Member>, BackupError> {
        let Some(member) = self.take()? else { return Ok(None) };
        if member.kind == kind {
            return Ok(Some(member));
        }
        self.peeked = Some(member);
        Ok(None)
    }
}

/// What comes after the journal.
#[derive(Default)]
struct Rest {
    key: bool,
    policies: BTreeSet<Digest>,
    /// The newest version of each mission, by its folder; the problem, where it is no state.
    newest: BTreeMap<String, Result<StateRef, String>>,
    states: usize,
    blobs: BTreeSet<Digest>,
}

impl Rest {
    fn take(&mut self, Member { kind, name, bytes }: Member) -> Result<(), BackupError> {
        match kind {
            Kind::JournalKey | Kind::Base | Kind::Segment => {
                return Err(refused(&name, "it is not where a backup has it"));
            }
            Kind::Key if bytes.len() != 32 => return Err(refused(&name, "it does not hold 32 bytes")),
            Kind::Key => self.key = true,
            Kind::Component => {
                self.policies
                    .insert(named(&name, &bytes).ok_or_else(|| refused(&name, "its bytes have another digest"))?);
            }
            Kind::Blob => {
                self.blobs.insert(named(&name, &bytes).ok_or_else(|| refused(&name, "its bytes have another digest"))?);
            }
            Kind::Version => {
                self.states += 1;
                let facts = parse_state(&bytes).map_err(|error| error.to_string());
                let digest = Digest::of(&bytes);
                let state = facts.map(|facts| StateRef { lineage: facts.lineage, serial: facts.serial, digest });
                let mission = name.split('/').nth(1).unwrap_or_default();
                // They come in the order of their numbers, so the last one is the newest.
                self.newest.insert(mission.to_owned(), state);
            }
            Kind::Report | Kind::Signatures | Kind::Refused | Kind::Lock | Kind::World => {}
        }
        Ok(())
    }

    /// Whether what the ledger names is there.
    fn holds(mut self, ledger: Ledger) -> Result<Proven, BackupError> {
        let mut newer = Vec::new();
        let stored = ledger.missions.values().filter_map(|mission| Some((&mission.id, mission.state.as_ref()?)));
        // The states of a rehearsal are imagined.
        for (mission, known) in stored.filter(|_| !ledger.rehearsal) {
            let lacks = |problem: String| named_fault("the state of mission", mission.as_str(), problem);
            let newest = self.newest.remove(mission.as_str()).ok_or_else(|| lacks("not there".to_owned()))?;
            let newest = newest.map_err(|why| lacks(format!("none: {why}")))?;
            // As the host has it: a version may be on disk before it is in the journal, never the other way round.
            if newest != *known {
                if newest.serial <= known.serial {
                    return Err(lacks(format!(
                        "serial {}, where serial {} is written down",
                        newest.serial, known.serial
                    )));
                }
                newer.push(mission.to_string());
            }
        }
        if let Some(digest) = wanted(&ledger).into_iter().find(|digest| !self.blobs.contains(digest)) {
            return Err(named_fault("the blob", &digest.hex(), "not there, or not what it was".to_owned()));
        }
        if let Some(digest) = ledger.policies.shelf.keys().find(|digest| !self.policies.contains(digest)) {
            return Err(named_fault("the policy", &digest.hex(), "not there, or not what it was".to_owned()));
        }
        let (states, blobs, policies) = (self.states, self.blobs.len(), self.policies.len());
        Ok(Proven { ledger, states, blobs, policies, newer })
    }
}

/// The blobs that can still be asked for: missions' files, their saved plans, and what open orders and requests are about.
/// Older ones are copied as well, and nothing depends on them.
fn wanted(ledger: &Ledger) -> BTreeSet<Digest> {
    let input = |input: &ApplyInput| [Some(input.saved), Some(input.json), input.lock];
    let of_order = |order: &Order| {
        let apply = order.apply.as_ref().map(input).into_iter().flatten().flatten();
        apply.chain([order.plan]).collect::<Vec<_>>()
    };
    let mut wanted = BTreeSet::new();
    for mission in ledger.missions.values() {
        wanted.insert(mission.spec.plan);
        for saved in mission.saved.values() {
            wanted.extend(input(&saved.plan.input).into_iter().flatten().chain([saved.plan.rendered]));
        }
    }
    let open = ledger.orders.values().filter(|state| state.ended.is_none()).map(|state| &state.order);
    let asked = ledger.approvals.values().filter(|record| !record.used && record.denial().is_none());
    let asked = asked.filter(|record| record.expires > ledger.now).map(|record| &record.order);
    wanted.extend(open.chain(asked).flat_map(of_order));
    wanted
}

/// The digest that the bytes have, where one of the words of their path is it.
fn named(name: &str, bytes: &[u8]) -> Option<Digest> {
    let digest = Digest::of(bytes);
    (name.split('/').nth(1) == Some(digest.hex().as_str())).then_some(digest)
}

/// Whether a member that is named by its digest is what it was.
pub(super) fn is_whole(member: &Member) -> bool {
    match member.kind {
        Kind::Component | Kind::Blob => named(&member.name, &member.bytes).is_some(),
        Kind::JournalKey
        | Kind::Base
        | Kind::Segment
        | Kind::Key
        | Kind::Report
        | Kind::Signatures
        | Kind::Version
        | Kind::Refused
        | Kind::Lock
        | Kind::World => true,
    }
}

fn named_fault(what: &'static str, name: &str, problem: String) -> BackupError {
    BackupError::Named { what, name: name.to_owned(), problem }
}

fn refused(name: &str, problem: &str) -> BackupError {
    BackupError::Member { name: name.to_owned(), problem: problem.to_owned() }
}
