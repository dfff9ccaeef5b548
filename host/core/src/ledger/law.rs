//! The charter in force, and the one that waits for people.
//!
//! The first charter of a journal is in force at once: there is none that could demand anything. After that, what only
//! narrows is in force at once, and what may permit more is a candidate until as many people have said yes as the charter
//! in force demands. Until then the last approved one stays, also over restarts. One candidate waits at a time.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::approval::{ApprovalAnswer, given};
use super::{CommandError, Ledger};
use crate::charter::{Amendment, Change, Charter, Judgment, Name, Request};
use crate::digest::Digest;
use crate::encoding;
use crate::entry::{Chartered, Standing};
use crate::ids::{ApprovalId, Timestamp};
use crate::observation::{Command, Commanded, Person};
use crate::situation::{ApprovalState, Autonomy};

const HOUR_MS: u64 = 60 * 60 * 1_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// What the operator has laid down, and wants to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Law {
    /// The charter in force; the default one where none was journaled.
    in_force: Shared,
    /// It, lowered to what this run was started with; none where that lowers nothing.
    lowered: Option<Shared>,
    /// No mission of this run gets more autonomy.
    ceiling: Option<Autonomy>,
    /// How it came into force; none where none was journaled.
    pub enacted: Option<Enacted>,
    /// The charter that waits for people.
    pub candidate: Option<Candidate>,
}

/// How a charter came into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enacted {
    /// Since when it is in force.
    pub at: Timestamp,
    /// Who wanted it.
    pub who: Person,
    /// The answers that put it in force; none where nobody had to be asked.
    pub answers: Vec<ApprovalAnswer>,
}

/// A charter that waits for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// What people answer.
    pub id: ApprovalId,
    /// What it would be.
    pub charter: Shared,
    /// Who wants it.
    pub who: Person,
    /// Since when.
    pub requested: Timestamp,
    /// Until when it can be answered.
    pub expires: Timestamp,
    /// So many people have to say yes.
    pub needed: u8,
    /// The rule in force that demands so.
    pub rule: String,
    /// The answers, one a person; a no is the last.
    pub answers: Vec<ApprovalAnswer>,
}

/// A charter that many ledgers hold: it is copied with each of them, and its rules are compiled once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared(Arc<Charter>);

impl Ledger {
    /// The charter that the gate rules by.
    pub fn charter(&self) -> Arc<Charter> {
        self.law.lowered.as_ref().unwrap_or(&self.law.in_force).0.clone()
    }

    /// The charter in force, whatever this run was started with.
    pub fn charter_in_force(&self) -> &Charter {
        &self.law.in_force
    }

    /// What follows from somebody's wish for another charter; none where it is in force or waits already.
    ///
    /// # Errors
    /// Where the charter in force does not let this person replace it.
    pub fn amend(
        &self,
        who: &Person,
        amendment: &Amendment,
        now: Timestamp,
    ) -> Result<Option<Chartered>, CommandError> {
        let charter = amendment.of(&self.law.in_force);
        let written = |charter, standing| Ok(Some(Chartered { at: now, who: who.clone(), charter, standing }));
        if self.law.enacted.is_none() {
            return written(charter, Standing::First);
        }
        let waits = |waiting: &Candidate| *waiting.charter == charter && waiting.state(now) == ApprovalState::Pending;
        if charter == *self.law.in_force || self.law.candidate.as_ref().is_some_and(waits) {
            return Ok(None);
        }
        if Change::between(&self.law.in_force, &charter).only_narrows() {
            return written(charter, Standing::Narrows);
        }
        let (rule, needed) = match self.law.in_force.rules.judge(&self.question(who, now)) {
            Judgment::Forbidden(reason) => {
                return Err(CommandError::NotAmended { rule: reason.rule, because: reason.because });
            }
            Judgment::Permitted(reason) => (reason.rule, 1),
            Judgment::Asked { reason, approvers } => (reason.rule, approvers),
        };
        let parts = [&encoding::encode(&charter)[..], &self.entries.to_be_bytes(), &now.0.to_be_bytes()];
        let id = format!("c-{}", Digest::of_parts(&parts).short(10));
        let id = ApprovalId::parse(&id).expect("a letter, a dash and digits are characters of a name");
        let expires = now.plus_ms(self.law.in_force.settings.approval_ttl_ms);
        written(charter, Standing::Asked { id, rule, needed, expires })
    }

    /// What the charter in force is asked about another one.
    fn question(&self, who: &Person, now: Timestamp) -> Request {
        let (hour, weekday) = hour_and_weekday(now);
        let (action, rehearsal) = (Name::Amend, self.rehearsal);
        Request { action, person: who.identity(), rehearsal, hour, weekday, ..Request::default() }
    }

    /// Whether an answer to the candidate can be given; nothing where the name is not the candidate's.
    pub(super) fn permits_answer(
        &self,
        who: &Person,
        command: &Command,
        now: Timestamp,
    ) -> Option<Result<(), CommandError>> {
        let (Command::Approve { approval, .. } | Command::Deny { approval, .. }) = command else { return None };
        let candidate = self.law.candidate.as_ref().filter(|candidate| candidate.id == *approval)?;
        Some(match candidate.state(now) {
            ApprovalState::Pending if matches!(command, Command::Approve { .. }) => candidate.counts(who),
            ApprovalState::Pending => Ok(()),
            state @ (ApprovalState::Granted
            | ApprovalState::Denied
            | ApprovalState::Expired
            | ApprovalState::Superseded) => {
                Err(CommandError::Answered { id: candidate.id.clone(), state: state.name() })
            }
        })
    }
}

impl Law {
    /// A run begins that gives no mission more than this.
    pub(super) fn begin(&mut self, ceiling: Option<Autonomy>) {
        self.ceiling = ceiling;
        self.lower();
    }

    pub(super) fn take(&mut self, chartered: &Chartered) {
        let Chartered { at, who, charter, standing } = chartered;
        match standing {
            Standing::First | Standing::Narrows => {
                self.enact(charter.clone().into(), Enacted { at: *at, who: who.clone(), answers: Vec::new() });
            }
            Standing::Asked { id, rule, needed, expires } => {
                self.candidate = Some(Candidate {
                    id: id.clone(),
                    charter: charter.clone().into(),
                    who: who.clone(),
                    requested: *at,
                    expires: *expires,
                    needed: *needed,
                    rule: rule.clone(),
                    answers: Vec::new(),
                });
            }
        }
    }

    /// Takes an answer to the candidate; the last yes that is needed puts it in force.
    pub(super) fn answer(&mut self, said: &Commanded, approval: &ApprovalId, answer: ApprovalAnswer) {
        let Some(mut candidate) = self.candidate.take_if(|candidate| candidate.id == *approval) else { return };
        candidate.answers.push(answer);
        if candidate.state(said.at) == ApprovalState::Granted {
            let Candidate { charter, who, answers, .. } = candidate;
            self.enact(charter, Enacted { at: said.at, who, answers });
        } else {
            self.candidate = Some(candidate);
        }
    }

    /// What another charter was compared with is in force no longer, so a candidate falls with it.
    fn enact(&mut self, charter: Shared, enacted: Enacted) {
        self.in_force = charter;
        self.enacted = Some(enacted);
        self.candidate = None;
        self.lower();
    }

    fn lower(&mut self) {
        let autonomy = self.ceiling.filter(|ceiling| *ceiling < self.in_force.settings.autonomy);
        self.lowered = autonomy.map(|autonomy| {
            // Compiled before it is copied, so that it is compiled once.
            self.in_force.rules.list();
            let mut charter = (*self.in_force).clone();
            charter.settings.autonomy = autonomy;
            charter.into()
        });
    }
}

impl Candidate {
    /// Where it stands at this time.
    pub fn state(&self, now: Timestamp) -> ApprovalState {
        if self.answers.iter().any(|answer| !answer.granted) {
            ApprovalState::Denied
        } else if self.given() >= self.needed {
            ApprovalState::Granted
        } else if now >= self.expires {
            ApprovalState::Expired
        } else {
            ApprovalState::Pending
        }
    }

    /// How many people have said yes.
    pub fn given(&self) -> u8 {
        given(&self.answers)
    }

    /// Whether this person's yes counts: once, and where more than one is wanted not that of who wants the charter.
    fn counts(&self, who: &Person) -> Result<(), CommandError> {
        let (id, who) = (self.id.clone(), who.identity());
        if self.answers.iter().any(|answer| answer.who.identity() == who) {
            return Err(CommandError::Twice { id, who, given: self.given(), needed: self.needed });
        }
        if self.needed > 1 && self.who.identity() == who {
            return Err(CommandError::NotCounted { id, who, role: "wants this charter" });
        }
        Ok(())
    }
}

/// The hour of the day, 0 to 23, and the day of the week, 1 Monday to 7 Sunday; UTC.
pub(crate) fn hour_and_weekday(now: Timestamp) -> (u32, u32) {
    let hour = u32::try_from(now.0 % DAY_MS / HOUR_MS).expect("a day has 24 hours");
    // The epoch was a Thursday.
    let weekday = u32::try_from((now.0 / DAY_MS + 3) % 7 + 1).expect("a week has 7 days");
    (hour, weekday)
}

impl Deref for Shared {
    type Target = Charter;

    fn deref(&self) -> &Charter {
        &self.0
    }
}

impl From<Charter> for Shared {
    fn from(charter: Charter) -> Shared {
        Shared(Arc::new(charter))
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shared, D::Error> {
        Charter::deserialize(deserializer).map(Shared::from)
    }
}
