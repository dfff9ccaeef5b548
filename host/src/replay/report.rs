//! What a replay found: each turn is counted once, whatever else is counted of it.

use std::collections::BTreeMap;

use quarterdeck_core::decision::Description;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::SandboxIdentity;
use quarterdeck_core::situation::cut;
use quarterdeck_core::text::escape;
use quarterdeck_core::upload::Replayed;
use serde::Serialize;

use super::compare::{Difference, What};

/// At most this many differences are kept, the first ones; all are counted. It is some 200 KiB of text, and more than
/// anybody reads.
pub const DIFFERENCES_KEPT_MAX: usize = 1_000;

/// So many of them stand in the report of an upload: what a person reads before an approval.
const DIFFERENCES_TOLD_MAX: usize = 50;
/// One of those is cut to this many bytes; the key is a policy's own.
const DIFFERENCE_BYTES_MAX: usize = 400;

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The first turn that was looked at, and the last.
    pub range: Option<(u32, u32)>,
    /// What became of the turns.
    pub turns: Tally,
    /// How many rulings were made again.
    pub rulings: u64,
    /// In how many turns the fuel was compared: where the same policy gave the same answer on the same sandbox.
    pub fuel_compared: u64,
    /// In how many it was not, since another engine, target or limits were recorded.
    pub fuel_not_compared: u64,
    /// Those other sandboxes.
    pub sandboxes: Vec<SandboxIdentity>,
    /// Who had decided, by digest.
    pub policies: BTreeMap<Digest, Decided>,
    /// The first turn in which something is not the same.
    pub first_difference: Option<u32>,
    /// How many differences there are of each kind.
    pub counts: BTreeMap<What, u64>,
    /// The first of them.
    pub differences: Vec<Difference>,
}

/// What became of the turns; each is counted in one place beside `all`, the first of these that it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// All of them.
    pub all: u64,
    /// Something is not the same.
    pub different: u64,
    /// The host had given up in it, for a reason that may have lain in the machine: there is nothing to compare.
    pub aborted: u64,
    /// The bytes of its policy are not at hand: its answer was not asked for again.
    pub not_replayed: u64,
    /// The host gave up in the replay.
    pub given_up: u64,
    /// Everything that was compared is the same.
    pub same: u64,
}

/// A policy that had decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// Its name and version, by its own word.
    pub name: String,
    /// In how many turns.
    pub turns: u64,
    /// What was done about them.
    pub treatment: Treatment,
}

/// Where the answer of a turn comes from in a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// The same policy is asked again, and has to answer the same.
    Again,
    /// Another policy is asked in its place.
    Candidate,
    /// The recorded answer stands, since it is the charter that is tried.
    Stands,
    /// The recorded answer stands, since the policy's bytes are not at hand.
    NotAtHand,
}

/// What one turn brought.
pub(super) struct Found<'a> {
    pub(super) turn: u32,
    pub(super) policy: Digest,
    pub(super) description: Option<&'a Description>,
    pub(super) treatment: Treatment,
    pub(super) aborted: bool,
    pub(super) given_up: bool,
    pub(super) rulings: usize,
    pub(super) differences: Vec<Difference>,
}

impl Report {
    /// What the upload of a candidate keeps of it.
    pub fn replayed(&self) -> Replayed {
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let failed = |difference: &&Difference| difference.what == What::Answer && difference.replayed != "decided";
        let told = self.differences.iter().take(DIFFERENCES_TOLD_MAX).map(|difference| {
            let words = format!("turn {}: {}", difference.turn, difference.line());
            cut(&escape(&words), DIFFERENCE_BYTES_MAX)
        });
        Replayed {
            turns: count(self.turns.all),
            differ: count(self.turns.different),
            failed: count(self.differences.iter().filter(failed).count() as u64),
            differences: told.collect(),
        }
    }

    /// Counts a turn.
    pub(super) fn count(&mut self, found: Found<'_>) {
        let Found { turn, treatment, .. } = found;
        let (first, last) = self.range.unwrap_or((turn, turn));
        self.range = Some((first.min(turn), last.max(turn)));
        self.rulings += found.rulings as u64;
        let named = |description: &Description| format!("{} {}", description.name, description.version);
        let name = found.description.map_or("a policy without a name".to_owned(), named);
        self.policies.entry(found.policy).or_insert(Decided { name, turns: 0, treatment }).turns += 1;
        let tally = &mut self.turns;
        tally.all += 1;
        let count = if !found.differences.is_empty() {
            &mut tally.different
        } else if found.aborted {
            &mut tally.aborted
        } else if treatment == Treatment::NotAtHand {
            &mut tally.not_replayed
        } else if found.given_up {
            &mut tally.given_up
        } else {
            &mut tally.same
        };
        *count += 1;
        for difference in found.differences {
            self.first_difference = Some(self.first_difference.map_or(turn, |first| first.min(turn)));
            *self.counts.entry(difference.what).or_default() += 1;
            self.differences.push(difference);
        }
        self.keep_the_first();
    }

    /// Takes in what another thread found.
    pub(super) fn add(&mut self, other: Report) {
        let min = |a: Option<u32>, b: Option<u32>| a.into_iter().chain(b).min();
        self.range = match (self.range, other.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (range, None) | (None, range) => range,
        };
        self.first_difference = min(self.first_difference, other.first_difference);
        let (turns, others) = (&mut self.turns, other.turns);
        turns.all += others.all;
        turns.different += others.different;
        turns.aborted += others.aborted;
        turns.not_replayed += others.not_replayed;
        turns.given_up += others.given_up;
        turns.same += others.same;
        self.rulings += other.rulings;
        self.fuel_compared += other.fuel_compared;
        self.fuel_not_compared += other.fuel_not_compared;
        for sandbox in other.sandboxes {
            self.other_sandbox(&sandbox);
        }
        for (digest, decided) in other.policies {
            let turns = decided.turns;
            self.policies.entry(digest).or_insert(Decided { turns: 0, ..decided }).turns += turns;
        }
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
        // Each thread sees its turns in their order, so the first ones of all are among the first ones of each.
        self.differences.extend(other.differences);
        self.differences.sort_by_key(|difference| difference.turn);
        self.keep_the_first();
    }

    fn keep_the_first(&mut self) {
        let mut ledgers = 0;
        self.differences.retain(|difference| {
            ledgers += u32::from(difference.what == What::Ledger);
            difference.what != What::Ledger || ledgers == 1
        });
        self.differences.truncate(DIFFERENCES_KEPT_MAX);
    }

    pub(super) fn other_sandbox(&mut self, sandbox: &SandboxIdentity) {
        if !self.sandboxes.contains(sandbox) {
            self.sandboxes.push(sandbox.clone());
        }
    }
}
