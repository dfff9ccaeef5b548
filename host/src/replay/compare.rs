//! What is not the same: an answer beside another, and what was ruled on each of them.
//!
//! Where the same must come out, all of it is compared, byte by byte. In an open loop it is what leads to something: what
//! was proposed, how it was ruled, and when to look again. Words for people (the rationale, why a rule says what it says) and
//! the memo, which is a policy's own, are left out of it.

use quarterdeck_core::decision::{Action, Decision, Proposal};
use quarterdeck_core::encoding;
use quarterdeck_core::entry::Answered;
use quarterdeck_core::verdict::{Effect, Verdict};
use serde::Serialize;

use crate::view::{class, rfc3339};

/// What of a turn is not the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The policy's answer: its bytes, or its class.
    Answer,
    /// What was proposed under a key.
    Proposal,
    /// What was ruled on the same proposal.
    Ruling,
    /// When to look again.
    LookAgain,
    /// How much fuel was used for the same answer.
    Fuel,
    /// The ledger that was ruled on. It is another in all later turns as well, so it is counted in each and listed once.
    Ledger,
}

/// One thing that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// In which turn.
    pub turn: u32,
    /// What.
    pub what: What,
    /// Of which proposal.
    pub key: Option<String>,
    /// As it was.
    pub recorded: String,
    /// As it is now.
    pub replayed: String,
}

impl Difference {
    /// What differs, in a line: as it was, and as it is now.
    pub fn line(&self) -> String {
        let Difference { turn: _, what, key, recorded, replayed } = self;
        let what = match what {
            What::Answer => "answer",
            What::Proposal => "proposal",
            What::Ruling => "ruling",
            What::LookAgain => "look-again",
            What::Fuel => "fuel",
            What::Ledger => "ledger",
        };
        let key = key.as_ref().map(|key| format!(" {key}")).unwrap_or_default();
        format!("{what}{key}: {recorded} -> {replayed}")
    }
}

/// An answer, and what was ruled on it.
pub(super) struct Side<'a> {
    pub(super) answer: &'a Answered,
    pub(super) decision: Option<&'a Decision>,
    pub(super) verdicts: &'a [Verdict],
}

/// What stands under one key.
#[derive(Clone, Copy, PartialEq, Serialize)]
struct Item<'a> {
    proposal: Option<&'a Proposal>,
    verdict: Option<&'a Verdict>,
}

/// How much has to be the same.
#[derive(Clone, Copy)]
pub(super) struct Exact {
    /// The answer's bytes; else its class.
    pub(super) answer: bool,
    /// The verdicts whole; else what they let through.
    pub(super) verdicts: bool,
}

/// Everything that is not the same in a turn.
pub(super) fn differences(turn: u32, recorded: &Side<'_>, replayed: &Side<'_>, exact: Exact) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut differ = |what, key: Option<&str>, recorded: String, replayed: String| {
        found.push(Difference { turn, what, key: key.map(str::to_owned), recorded, replayed });
    };
    if !same_answer(recorded.answer, replayed.answer, exact.answer) {
        let (before, after) = apart(class(recorded.answer), class(replayed.answer), recorded.answer, replayed.answer);
        differ(What::Answer, None, before, after);
    }
    for key in keys(recorded, replayed) {
        let (before, after) = (recorded.item(key), replayed.item(key));
        let what = if before.proposal != after.proposal {
            What::Proposal
        } else if !same_verdict(before.verdict, after.verdict, exact.verdicts) {
            What::Ruling
        } else {
            continue;
        };
        let (before, after) = apart(before.words(), after.words(), &before, &after);
        differ(what, Some(key), before, after);
    }
    if let (Some(before), Some(after)) = (recorded.decision, replayed.decision)
        && before.look_again != after.look_again
    {
        let words = |decision: &Decision| decision.look_again.map_or("when something changes".to_owned(), rfc3339);
        differ(What::LookAgain, None, words(before), words(after));
    }
    found
}

fn same_answer(recorded: &Answered, replayed: &Answered, exact: bool) -> bool {
    match (recorded, replayed) {
        (Answered::Decided(before), Answered::Decided(after)) => !exact || before == after,
        // The details are for people.
        (Answered::GuestFailure { kind: before, .. }, Answered::GuestFailure { kind: after, .. })
        | (Answered::HostAbort { kind: before, .. }, Answered::HostAbort { kind: after, .. }) => before == after,
        (Answered::Decided(_) | Answered::GuestFailure { .. } | Answered::HostAbort { .. }, _other_class) => false,
    }
}

fn same_verdict(recorded: Option<&Verdict>, replayed: Option<&Verdict>, exact: bool) -> bool {
    if exact {
        return recorded == replayed;
    }
    // An order and a request name the policy and the charter that they were made under.
    let through = |verdict: &Verdict| (verdict.ruling, verdict.rule.clone(), needed(verdict));
    recorded.map(through) == replayed.map(through)
}

/// How many people have to say yes, where that is asked for the first time.
fn needed(verdict: &Verdict) -> Option<u8> {
    match &verdict.effect {
        Some(Effect::Request(request)) => Some(request.needed),
        Some(
            Effect::Start(_) | Effect::Cancel(_) | Effect::Ask(_) | Effect::Notify { .. } | Effect::Acknowledge { .. },
        )
        | None => None,
    }
}

impl<'a> Side<'a> {
    fn item(&self, key: &str) -> Item<'a> {
        let proposals = self.decision.map(|decision| decision.proposals.as_slice()).unwrap_or_default();
        Item {
            proposal: proposals.iter().find(|proposal| proposal.key == key),
            verdict: self.verdicts.iter().find(|verdict| verdict.key == key),
        }
    }

    fn keys(&self) -> impl Iterator<Item = &'a str> {
        let proposals = self.decision.map(|decision| decision.proposals.as_slice()).unwrap_or_default();
        proposals.iter().map(|proposal| proposal.key.as_str()).chain(self.verdicts.iter().map(|v| v.key.as_str()))
    }
}

/// Every key of both sides, once, in their order.
fn keys<'a>(recorded: &Side<'a>, replayed: &Side<'a>) -> Vec<&'a str> {
    let mut keys = Vec::new();
    for key in recorded.keys().chain(replayed.keys()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

impl Item<'_> {
    fn words(&self) -> String {
        let proposed = match (self.proposal, self.verdict) {
            (Some(proposal), _) => gist(&proposal.action),
            (None, Some(verdict)) => verdict.action.clone(),
            (None, None) => return "nothing".to_owned(),
        };
        let Some(verdict) = self.verdict else { return format!("{proposed}: not ruled on") };
        let people = needed(verdict).filter(|needed| *needed > 1).map(|needed| format!(" {needed} people"));
        let ruling = format!("{:?}", verdict.ruling).to_lowercase();
        format!("{proposed}: {ruling}{} by {}", people.unwrap_or_default(), verdict.rule)
    }
}

/// Words that look alike though what they stand for does not get the first digits of its digest.
fn apart<T: Serialize + PartialEq>(before: String, after: String, recorded: &T, replayed: &T) -> (String, String) {
    if before != after || recorded == replayed {
        return (before, after);
    }
    let marked = |words: String, value: &T| format!("{words} ({})", encoding::digest(value).short(12));
    (marked(before, recorded), marked(after, replayed))
}

/// An action in a few words.
fn gist(action: &Action) -> String {
    match action {
        Action::Build { .. } | Action::Configure { .. } | Action::Scan { .. } => {
            let Some((target, operation, artifact)) = action.work() else { return action.kind().name().to_owned() };
            let artifact = artifact.map(|artifact| format!(" {}", artifact.short(12))).unwrap_or_default();
            format!("{} {} generation {}{artifact}", operation.name(), target.mission, target.generation)
        }
        Action::Cancel(order) => format!("cancel {order}"),
        Action::Ask { id, .. } => format!("ask {id}"),
        Action::Inspect { object, .. } => format!("inspect {} {}", object.kind, object.name),
        Action::Remember { .. } => "remember a lesson".to_owned(),
        Action::Notify { title, .. } => format!("notify {title:?}"),
        Action::Acknowledge { finding, .. } => format!("acknowledge {finding}"),
    }
}
