//! A turn that an account is about, whole: what was seen, decided and ruled, and where each of it stands in the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use quarterdeck_core::charter::Charter;
use quarterdeck_core::decision::{Decision, Proposal};
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Closed, Opened};
use quarterdeck_core::ids::FindingId;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::situation::Situation;

use super::Mark;
use crate::replay::{Recorded, Turn};

/// Where something that lasts was written down first, and in which turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    pub(super) mark: Mark,
    pub(super) turn: u32,
}

/// Where a question was asked, and where it was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) asked: Since,
    pub(super) answered: Option<Mark>,
}

/// A turn, and what led to it.
pub(super) struct Scene {
    pub(super) mark: Mark,
    pub(super) opened: Box<Opened>,
    pub(super) charter: Arc<Charter>,
    pub(super) ledger: Arc<Ledger>,
    /// None where another version wrote it.
    pub(super) situation: Option<Situation>,
    pub(super) decision: Option<Decision>,
    pub(super) closed: Option<(Mark, Closed)>,
    /// Since when each open finding is open.
    pub(super) findings: BTreeMap<FindingId, Since>,
    /// The questions to the brain, as far as they had come.
    pub(super) questions: BTreeMap<String, Asked>,
}

impl Scene {
    pub(super) fn of(
        mark: Mark,
        turn: Turn,
        findings: BTreeMap<FindingId, Since>,
        questions: BTreeMap<String, Asked>,
    ) -> Scene {
        let Turn { opened, charter, ledger, as_recorded: _, sandbox: _ } = turn;
        let situation = encoding::decode_ours(&opened.situation).ok();
        let decision = opened.answer.decision();
        Scene { mark, opened, charter, ledger, situation, decision, closed: None, findings, questions }
    }

    pub(super) fn turn(&self) -> u32 {
        self.opened.turn
    }

    pub(super) fn proposal(&self, key: &str) -> Option<&Proposal> {
        self.decision.as_ref()?.proposals.iter().find(|proposal| proposal.key == key)
    }

    /// The turn as the gate can be asked about it.
    pub(super) fn recorded(&self) -> Option<Recorded<'_>> {
        let Scene { opened, charter, ledger, situation, decision, .. } = self;
        let (situation, decision) = (situation.as_ref()?, decision.as_ref()?);
        Some(Recorded { opened, charter, ledger, situation, decision })
    }
}
