//! One policy after the other: who decided since when, and what became of the memo.

use serde::{Deserialize, Serialize};

use super::{Ledger, TENURES_MAX};
use crate::decision::Description;
use crate::digest::Digest;
use crate::entry::{Activated, How};
use crate::ids::Timestamp;
use crate::ledger::PolicyState;
use crate::situation::{Fact, Memo};

/// One policy's time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// The policy.
    pub policy: Digest,
    /// What it says of itself.
    pub description: Description,
    /// What the operator set for it.
    pub settings: Vec<Fact>,
    /// The Unix user who brought it; none where it came with the program.
    pub by: Option<u32>,
    /// Since when.
    pub at: Timestamp,
    /// The last turn before it.
    pub turn: u32,
    /// How it came to decide.
    pub how: How,
    /// What became of the memo.
    pub memo: MemoFate,
    /// Whether it was taken back, by a person or by its own failures.
    pub undone: bool,
}

/// What became of the memo when another policy began to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemoFate {
    /// There was none.
    None,
    /// It reads the format of the one before it.
    Carried {
        /// That format.
        format: String,
    },
    /// The last memo in a format that it reads was taken again.
    Restored {
        /// That format.
        format: String,
    },
    /// It does not read the format of the one before it, and begins without one.
    Emptied {
        /// That format.
        format: String,
    },
}

impl Ledger {
    /// What would become of the memo if a policy decided from now on, and the memo that it would be shown.
    pub fn memo_for(&self, description: &Description, how: &How) -> (MemoFate, Option<Memo>) {
        let reads = |memo: &&Memo| description.reads_memos.contains(&memo.format);
        let present = self.policy.memo.as_ref();
        if let Some(memo) = present.filter(reads) {
            return (MemoFate::Carried { format: memo.format.clone() }, Some(memo.clone()));
        }
        let back = match how {
            How::RolledBack { .. } | How::FellBack { .. } => self.policies.memos.iter().rev().find(reads),
            How::Started | How::Wanted { .. } => None,
        };
        match (back, present) {
            (Some(memo), _) => (MemoFate::Restored { format: memo.format.clone() }, Some(memo.clone())),
            (None, Some(memo)) => (MemoFate::Emptied { format: memo.format.clone() }, None),
            (None, None) => (MemoFate::None, None),
        }
    }

    pub(in crate::ledger) fn activate(&mut self, activated: &Activated) {
        let (fate, memo) = self.memo_for(&activated.description, &activated.how);
        self.undo(activated);
        let Activated { at, policy, description, settings, by, how } = activated.clone();
        self.policies.tenures.push(Tenure {
            policy,
            description: description.clone(),
            settings: settings.clone(),
            by,
            at,
            turn: self.turn,
            how,
            memo: fate,
            undone: false,
        });
        let surplus = self.policies.tenures.len().saturating_sub(TENURES_MAX);
        self.policies.tenures.drain(..surplus);
        // What was asked of another policy was asked in comparison with the one before.
        self.policies.nominee = None;
        self.policies.shadow.take_if(|shadow| shadow.policy == policy);
        self.policies.observing = None;
        let digest = Some(policy);
        self.policy =
            PolicyState { digest, description: Some(description), settings, by, memo, ..PolicyState::default() };
    }

    /// Marks what a step back leaves behind, so that nothing falls back onto it.
    fn undo(&mut self, activated: &Activated) {
        let back = match activated.how {
            How::RolledBack { .. } | How::FellBack { .. } => true,
            How::Started | How::Wanted { .. } => false,
        };
        if !back {
            return;
        }
        let tenures = self.policies.tenures.iter_mut().rev().filter(|tenure| !tenure.undone);
        tenures.take_while(|tenure| tenure.policy != activated.policy).for_each(|tenure| tenure.undone = true);
    }
}
