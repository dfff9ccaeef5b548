//! A turn as people see it: a view of its entries in the journal.

use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Answered, Episode};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::situation::{Ruling, Situation};
use serde::{Deserialize, Serialize};

use super::time;

/// One turn of the loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnView {
    /// Whether the workers are simulated.
    pub rehearsal: bool,
    /// Which turn.
    pub turn: u32,
    /// When it began.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// The first digits of the policy's digest.
    pub policy: String,
    /// `decided`, or the kind of the failure.
    pub class: String,
    /// What people had paused then; nothing is told where another version wrote the turn.
    pub paused: Option<String>,
    /// How many proposals were ruled how.
    pub verdicts: Rulings,
    /// The fuel that the decision used.
    pub fuel: u64,
    /// When the policy wants to look again.
    #[serde(with = "time::option")]
    pub look_again: Option<Timestamp>,
    /// Whether the turn came to its end.
    pub closed: bool,
}

/// How many proposals were ruled how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rulings {
    /// Done.
    pub acted: u32,
    /// A person was asked.
    pub asked: u32,
    /// Only shown.
    pub suggested: u32,
    /// Refused by a rule.
    pub refused: u32,
    /// Permitted, and it did not work.
    pub failed: u32,
}

impl TurnView {
    /// A turn of a journal.
    pub fn of(episode: &Episode, rehearsal: bool) -> TurnView {
        let opened = &episode.opened;
        TurnView {
            rehearsal,
            turn: opened.turn,
            at: opened.at,
            policy: opened.policy.short(12),
            class: class(&opened.answer),
            paused: encoding::decode_ours::<Situation>(&opened.situation).ok().and_then(|seen| paused(&seen)),
            verdicts: opened.verdicts.iter().fold(Rulings::default(), |rulings, verdict| rulings.and(verdict.ruling)),
            fuel: opened.fuel,
            look_again: opened.answer.decision().and_then(|decision| decision.look_again),
            closed: episode.closed.is_some(),
        }
    }
}

impl Rulings {
    fn and(mut self, ruling: Ruling) -> Rulings {
        match ruling {
            Ruling::Acted => self.acted += 1,
            Ruling::Asked => self.asked += 1,
            Ruling::Suggested => self.suggested += 1,
            Ruling::Refused => self.refused += 1,
            Ruling::Failed => self.failed += 1,
        }
        self
    }

    /// Those that there are, as `2 acted, 1 refused`; `none` where nothing was proposed.
    pub fn text(&self) -> String {
        let all = [
            (self.acted, "acted"),
            (self.asked, "asked"),
            (self.suggested, "suggested"),
            (self.refused, "refused"),
            (self.failed, "failed"),
        ];
        let said: Vec<String> =
            all.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        if said.is_empty() { "none".to_owned() } else { said.join(", ") }
    }
}

/// What the policy was told that people had paused.
pub fn paused(situation: &Situation) -> Option<String> {
    situation.more.iter().find(|fact| fact.key == "paused").map(|fact| fact.value.clone())
}

/// The class of an answer, with the kind of a failure.
pub fn class(answer: &Answered) -> String {
    match answer {
        Answered::Decided(_) => "decided".to_owned(),
        Answered::GuestFailure { kind, .. } => format!("guest failure: {kind}"),
        Answered::HostAbort { kind, .. } => format!("host abort: {kind}"),
    }
}
