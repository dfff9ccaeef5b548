//! The charter in force and the one that waits, as people see them.

use quarterdeck_core::charter::{Change, LAPTOP, PRODUCTION};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::{ApprovalId, Timestamp};
use quarterdeck_core::ledger::{Candidate, Ledger};
use quarterdeck_core::situation::ApprovalState;
use serde::{Deserialize, Serialize};

use super::time;

/// The charter in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CharterView {
    /// `laptop`, `production`, or twelve digits of the rules' digest.
    pub name: String,
    /// Of rules and numbers; verdicts and approvals name the charter by it.
    pub digest: Digest,
    /// How many rules it has.
    pub rules: usize,
    /// Since when it is in force; none where none was journaled.
    #[serde(with = "time::option")]
    pub since: Option<Timestamp>,
    /// Who wanted it.
    pub who: Option<String>,
    /// Who said yes to it; nobody where nobody had to be asked.
    pub approved_by: Vec<String>,
    /// The one that waits.
    pub candidate: Option<CandidateView>,
}

/// A charter that waits for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateView {
    /// What people answer.
    pub id: ApprovalId,
    /// Where it stands.
    pub state: ApprovalState,
    /// Of rules and numbers.
    pub digest: Digest,
    /// Who wants it.
    pub who: String,
    /// Since when.
    #[serde(with = "time")]
    pub requested: Timestamp,
    /// Until when it can be answered.
    #[serde(with = "time")]
    pub expires: Timestamp,
    /// So many people have to say yes.
    pub needed: u8,
    /// So many have.
    pub given: u8,
    /// The rule in force that demands so.
    pub rule: String,
    /// Who answered, and what they wrote.
    pub answers: Vec<String>,
    /// What it would change.
    pub change: Change,
}

pub(super) fn view(ledger: &Ledger, now: Timestamp) -> CharterView {
    let (charter, enacted) = (ledger.charter_in_force(), ledger.law.enacted.as_ref());
    let text = charter.rules.text();
    let name = match text {
        LAPTOP => "laptop".to_owned(),
        PRODUCTION => "production".to_owned(),
        own => Digest::of(own.as_bytes()).short(12),
    };
    let people = enacted.map(|enacted| enacted.answers.iter().map(|answer| answer.who.to_string()).collect());
    CharterView {
        name,
        digest: charter.digest(),
        rules: charter.rules.list().len(),
        since: enacted.map(|enacted| enacted.at),
        who: enacted.map(|enacted| enacted.who.to_string()),
        approved_by: people.unwrap_or_default(),
        candidate: ledger.law.candidate.as_ref().map(|waiting| candidate(ledger, waiting, now)),
    }
}

fn candidate(ledger: &Ledger, waiting: &Candidate, now: Timestamp) -> CandidateView {
    let answer = |answer: &quarterdeck_core::ledger::ApprovalAnswer| {
        let said = if answer.granted { "yes" } else { "no" };
        let comment = answer.comment.as_ref().map_or(String::new(), |comment| format!(": {comment}"));
        format!("{} said {said}{comment}", answer.who)
    };
    CandidateView {
        id: waiting.id.clone(),
        state: waiting.state(now),
        digest: waiting.charter.digest(),
        who: waiting.who.to_string(),
        requested: waiting.requested,
        expires: waiting.expires,
        needed: waiting.needed,
        given: waiting.given(),
        rule: waiting.rule.clone(),
        answers: waiting.answers.iter().map(answer).collect(),
        change: Change::between(ledger.charter_in_force(), &waiting.charter),
    }
}
