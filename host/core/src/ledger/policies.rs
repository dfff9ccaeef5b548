//! The policies: those on the shelf, those that decided, the one that waits, the shadow, and the fences.
//!
//! Which policy decides is the last `activated`; everything here says which one may be next, and why. A *fence* follows
//! from the journal: a policy that failed [`FAILURES_MAX`] times within [`WINDOW`] decisions is fenced by the turn that
//! tells the last of them, and the one before it decides from the next turn on. The policy that every host has built in
//! (the *fallback*) is never fenced: when it fails as often, the fault lies in the situation, so the fences of that window
//! are lifted and the loop only observes for a while.
//!
//! What is *not* here: components, which the host keeps, and how they are checked.

mod nominee;
mod shadow;
mod tenure;

pub use nominee::{Nomination, Nominee, Widening};
pub use shadow::Shadow;
pub use tenure::{MemoFate, Tenure};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CommandError, Ledger};
use crate::decision::Description;
use crate::digest::Digest;
use crate::entry::{Differed, Fenced, Opened, Uploaded};
use crate::ids::Timestamp;
use crate::observation::{Command, Person};
use crate::situation::{ApprovalState, Memo};
use crate::upload::Profile;

/// So many failures within the window fence a policy.
pub const FAILURES_MAX: usize = 3;
/// The window, in decisions that were asked for.
pub const WINDOW: u64 = 20;
/// While the fallback fails the loop only observes, so long at a time, in milliseconds (10 minutes): long enough that a
/// situation that trips it has changed, or a person has looked.
pub const OBSERVE_MS: u64 = 10 * 60 * 1_000;
/// So many components are on the shelf at most; each is copied with the ledger.
pub const SHELF_MAX: usize = 64;
/// So many activations are remembered for `rollback` and `history`; the journal has the rest.
pub const TENURES_MAX: usize = 32;
/// The last memos of so many formats are kept for a roll-back; 64 KiB each at most.
const MEMOS_MAX: usize = 4;
/// So many policies are remembered as fenced, or as not deterministic.
const FENCES_MAX: usize = 64;

/// What is known of policies beside the one that decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies {
    /// The policy that is built into the host and never fenced.
    pub fallback: Option<Digest>,
    /// The components that may be activated, by digest.
    pub shelf: BTreeMap<Digest, Shelved>,
    /// The policies that decided, the newest last.
    pub tenures: Vec<Tenure>,
    /// Those that may not decide until a person says so.
    pub fences: BTreeMap<Digest, Fence>,
    /// The one that a person wants to decide, and that waits.
    pub nominee: Option<Nominee>,
    /// The one that decides beside the active one, and whose word counts for nothing.
    pub shadow: Option<Shadow>,
    /// The last memo in each format, the newest last.
    pub memos: Vec<Memo>,
    /// The loop only observes, since the fallback fails.
    pub observing: Option<Observing>,
    /// Policies that answered the same situation in two ways.
    pub differed: BTreeMap<Digest, Differing>,
}

/// A component that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelved {
    /// When.
    pub at: Timestamp,
    /// Who uploaded it.
    pub who: Person,
    /// From where: a file's name, a registry's reference.
    pub source: String,
    /// How many bytes.
    pub bytes: u64,
    /// What it may import.
    pub profile: Profile,
    /// Its name, by its own word.
    pub name: String,
    /// Its version, by its own word.
    pub version: String,
    /// The keys that signed it.
    pub signers: Vec<String>,
    /// The digest of its report.
    pub report: Digest,
}

/// Why a policy may not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// Since when.
    pub at: Timestamp,
    /// The turn after which.
    pub turn: u32,
    /// Its name and version.
    pub name: String,
    /// Why.
    pub why: String,
}

/// That nothing is decided, since the fallback fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observing {
    /// The turn whose situation it failed on last.
    pub turn: u32,
    /// The digest of that situation.
    pub situation: Digest,
    /// How it failed.
    pub kind: String,
    /// Until when nothing is asked.
    pub until: Timestamp,
}

/// That a policy answered one situation in two ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differing {
    /// When it was seen.
    pub at: Timestamp,
    /// The turn whose situation it was.
    pub turn: u32,
    /// Its name and version.
    pub name: String,
    /// What differed.
    pub what: String,
}

/// A failure of the policy that decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedTurn {
    /// The turn.
    pub turn: u32,
    /// Which of its decisions it was.
    pub asked: u64,
}

/// What is to be done about policies before the next turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// The one that decides is fenced: the first of these that can be loaded decides, the fallback last.
    FallBack {
        /// The fenced one.
        from: Digest,
        /// The good ones before it, the newest first.
        to: Vec<Digest>,
    },
    /// The one that waited may decide.
    Activate {
        /// Which.
        policy: Digest,
    },
}

impl Ledger {
    /// What is to be done about policies before the next turn; nothing most of the time.
    pub fn due(&self, now: Timestamp) -> Option<Due> {
        let active = self.policy.digest?;
        if self.policies.fences.contains_key(&active) {
            return Some(Due::FallBack { from: active, to: self.policies.before(active) });
        }
        let nominee = self.policies.nominee.as_ref()?;
        let clean = self.policies.shadow_turns(nominee.policy);
        nominee.is_ready(now, clean).then_some(Due::Activate { policy: nominee.policy })
    }

    /// Whether nothing is decided at this time, since the fallback fails.
    pub fn observes(&self, now: Timestamp) -> Option<&Observing> {
        self.policies.observing.as_ref().filter(|observing| now < observing.until)
    }

    /// The policy of that name: a digest or the first digits of one (6 at least), `name@version`, or a name that only one
    /// has. The fallback counts as being on the shelf.
    ///
    /// # Errors
    /// Where there is none, or several.
    pub fn policy_named(&self, text: &str) -> Result<Digest, CommandError> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let by_digest = |digest: &Digest| digits.len() >= 6 && digest.hex().starts_with(digits);
        let by_name = |name: &str, version: &str| text == name || text == format!("{name}@{version}");
        let shelf = self.policies.shelf.iter().map(|(digest, shelved)| (*digest, &shelved.name, &shelved.version));
        let tenures = self.policies.tenures.iter();
        let tenures = tenures.map(|tenure| (tenure.policy, &tenure.description.name, &tenure.description.version));
        let mut found: Vec<Digest> = shelf
            .chain(tenures.filter(|(digest, ..)| Some(*digest) == self.policies.fallback))
            .filter(|(digest, name, version)| by_digest(digest) || by_name(name, version))
            .map(|(digest, ..)| digest)
            .chain(self.policies.fallback.filter(by_digest))
            .collect();
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(CommandError::NoPolicy(text.to_owned())),
            several => {
                let digests: Vec<String> = several.iter().map(|digest| digest.short(12)).collect();
                Err(CommandError::ManyPolicies { text: text.to_owned(), digests: digests.join(", ") })
            }
        }
    }

    /// Whether a policy can be uploaded.
    ///
    /// # Errors
    /// Where the shelf is full.
    pub fn permits_upload(&self, policy: Digest) -> Result<(), CommandError> {
        if self.policies.shelf.len() >= SHELF_MAX && !self.policies.shelf.contains_key(&policy) {
            return Err(CommandError::ShelfFull);
        }
        Ok(())
    }

    pub(super) fn permits_policy_command(&self, command: &Command, now: Timestamp) -> Option<Result<(), CommandError>> {
        let policies = &self.policies;
        match command {
            Command::Unshadow => Some(match policies.shadow {
                Some(_) => Ok(()),
                None => Err(CommandError::NoShadow),
            }),
            Command::Unfence { policy, .. } => {
                let known = policies.fences.contains_key(policy) || policies.differed.contains_key(policy);
                Some(if known { Ok(()) } else { Err(CommandError::NotFenced(policy.short(12))) })
            }
            Command::RemovePolicy { policy } => Some(self.permits_removal(*policy, now)),
            Command::Approve { .. }
            | Command::Deny { .. }
            | Command::Destroy { .. }
            | Command::Restore { .. }
            | Command::Cancel { .. }
            | Command::Pause { .. }
            | Command::Resume { .. }
            | Command::Release { .. } => None,
        }
    }

    fn permits_removal(&self, policy: Digest, now: Timestamp) -> Result<(), CommandError> {
        let policies = &self.policies;
        let used = |role: &'static str| Err(CommandError::PolicyUsed { policy: policy.short(12), role });
        if !policies.shelf.contains_key(&policy) {
            return Err(CommandError::NoPolicy(policy.short(12)));
        }
        if self.policy.digest == Some(policy) {
            return used("decides; let another one decide first");
        }
        let waits = |nominee: &Nominee| matches!(nominee.state(now), ApprovalState::Pending | ApprovalState::Granted);
        if policies.nominee.as_ref().is_some_and(|nominee| nominee.policy == policy && waits(nominee)) {
            return used("waits to be activated; deny it first");
        }
        if policies.shadow.as_ref().is_some_and(|shadow| shadow.policy == policy) {
            return used("is the shadow; quarterdeck policy shadow --stop");
        }
        Ok(())
    }

    /// Takes what the policy that decides made of a turn.
    pub(super) fn judge_failures(&mut self, opened: &Opened, failed: Option<(&str, &str)>) {
        self.policy.asked += 1;
        let asked = self.policy.asked;
        self.policy.failed.retain(|failed| asked - failed.asked < WINDOW);
        let Some((kind, detail)) = failed else { return };
        self.policy.failed.push(FailedTurn { turn: opened.turn, asked });
        if self.policy.failed.len() < FAILURES_MAX {
            return;
        }
        let (Some(policy), name) = (self.policy.digest, self.policy.name()) else { return };
        let Policies { fallback, fences, observing, .. } = &mut self.policies;
        if *fallback == Some(policy) {
            // It was asked all the same where others were fenced: then it is the situation that nobody can decide on.
            fences.retain(|_, fence| u64::from(opened.turn.saturating_sub(fence.turn)) > WINDOW);
            *observing = Some(Observing {
                turn: opened.turn,
                situation: Digest::of(&opened.situation),
                kind: kind.to_owned(),
                until: opened.at.plus_ms(OBSERVE_MS),
            });
            return;
        }
        let turns: Vec<String> = self.policy.failed.iter().map(|failed| failed.turn.to_string()).collect();
        let why = format!("it failed in turns {} ({kind}: {detail})", turns.join(", "));
        let fence = Fence { at: opened.at, turn: opened.turn, name, why };
        self.policies.fence(policy, fence);
    }
}

impl Policies {
    pub(super) fn upload(&mut self, uploaded: &Uploaded) {
        let Description { name, version, .. } = &uploaded.description;
        let shelved = Shelved {
            at: uploaded.at,
            // Whoever brought it first did: uploading it again makes nobody else's yes count.
            who: self.shelf.get(&uploaded.policy).map_or_else(|| uploaded.who.clone(), |known| known.who.clone()),
            source: uploaded.source.clone(),
            bytes: uploaded.bytes,
            profile: uploaded.profile,
            name: name.clone(),
            version: version.clone(),
            signers: uploaded.signers.clone(),
            report: uploaded.report,
        };
        self.shelf.insert(uploaded.policy, shelved);
    }

    pub(super) fn take_fence(&mut self, fenced: &Fenced, turn: u32) {
        let Fenced { at, policy, name, why } = fenced;
        self.fence(*policy, Fence { at: *at, turn, name: name.clone(), why: why.clone() });
    }

    fn fence(&mut self, policy: Digest, fence: Fence) {
        self.nominee.take_if(|nominee| nominee.policy == policy);
        self.shadow.take_if(|shadow| shadow.policy == policy);
        self.fences.insert(policy, fence);
        super::fold::keep_newest(&mut self.fences, FENCES_MAX, |fence| Some(fence.at));
    }

    pub(super) fn differ(&mut self, differed: &Differed) {
        let Differed { at, turn, policy, name, what } = differed;
        let differing = Differing { at: *at, turn: *turn, name: name.clone(), what: what.clone() };
        self.differed.insert(*policy, differing);
        super::fold::keep_newest(&mut self.differed, FENCES_MAX, |differing| Some(differing.at));
    }

    /// A person knows why it failed, or why it answered in two ways.
    pub(super) fn unfence(&mut self, policy: Digest) {
        self.fences.remove(&policy);
        self.differed.remove(&policy);
    }

    pub(super) fn remove(&mut self, policy: Digest) {
        self.shelf.remove(&policy);
        self.differed.remove(&policy);
    }

    /// Keeps a memo as the last one of its format.
    pub(super) fn keep_memo(&mut self, memo: &Memo) {
        self.memos.retain(|known| known.format != memo.format);
        self.memos.push(memo.clone());
        let surplus = self.memos.len().saturating_sub(MEMOS_MAX);
        self.memos.drain(..surplus);
    }

    /// The good policies that decided before this one and were not taken back, the newest first, each once; the fallback
    /// is always among them.
    pub fn before(&self, active: Digest) -> Vec<Digest> {
        let mut good: Vec<Digest> = Vec::new();
        let standing = self.tenures.iter().rev().filter(|tenure| !tenure.undone).map(|tenure| tenure.policy);
        for policy in standing.chain(self.fallback) {
            let at_hand = self.shelf.contains_key(&policy) || self.fallback == Some(policy);
            if policy != active && at_hand && !self.fences.contains_key(&policy) && !good.contains(&policy) {
                good.push(policy);
            }
        }
        good
    }

    /// Turns that a policy has decided as the shadow since it last failed or was refused anything.
    pub fn shadow_turns(&self, policy: Digest) -> u32 {
        self.shadow.as_ref().filter(|shadow| shadow.policy == policy).map_or(0, |shadow| shadow.clean)
    }
}

#[cfg(test)]
mod tests;
