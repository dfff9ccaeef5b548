//! A person wants another policy to decide: what the charter in force says, who has to be asked, and what it waits for.
//!
//! Two things are asked anew whatever the charter says. A policy that may return what the one before it may not (a
//! *widening*) needs at least one person's yes, whoever signed it. And where more than one has to say yes, neither who
//! wants it nor who uploaded it counts.

use serde::{Deserialize, Serialize};

use super::{CommandError, Ledger, Policies, Shadow};
use crate::charter::{Asker, CandidateGist, Judgment, Name, Request};
use crate::decision::Description;
use crate::digest::Digest;
use crate::encoding;
use crate::entry::{Leave, Nominated, Purpose};
use crate::ids::{ApprovalId, Timestamp};
use crate::ledger::approval::{ApprovalAnswer, given};
use crate::ledger::{Enacted, hour_and_weekday};
use crate::observation::{Command, Person};
use crate::situation::{ApprovalState, Fact};

/// The host's own rule about widenings.
const WIDENING: &str = "widening-asks-a-person";

/// What a person wants of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nomination {
    /// The policy.
    pub policy: Digest,
    /// What it says of itself.
    pub description: Description,
    /// What the operator sets; what is not named has its default.
    pub settings: Vec<Fact>,
    /// What for.
    pub purpose: Purpose,
}

/// A policy that a person wants to decide, and that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nominee {
    /// The policy.
    pub policy: Digest,
    /// What it says of itself.
    pub description: Description,
    /// What the operator set for it.
    pub settings: Vec<Fact>,
    /// Who wants it.
    pub who: Person,
    /// Since when.
    pub at: Timestamp,
    /// Whether people are asked.
    pub leave: Leave,
    /// It decides only after so many turns as the shadow, with no failure and no refusal among them.
    pub after: Option<u32>,
    /// The answers, one a person; a no is the last.
    pub answers: Vec<ApprovalAnswer>,
}

/// What a policy may do that another may not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Widening {
    /// Actions and operations, by name.
    pub gained: Vec<String>,
    /// What the other may do and this one may not.
    pub lost: Vec<String>,
}

impl Widening {
    /// What `to` may do that `from` may not, and the other way round. Where nothing decided before, everything is gained.
    pub fn between(from: Option<&Description>, to: &Description) -> Widening {
        let may = |description: &Description| -> Vec<String> {
            let actions = description.actions.iter().map(|action| action.name().to_owned());
            // Some actions and operations share a name, and are not the same.
            let operations = description.operations.iter().map(|operation| format!("operation {}", operation.name()));
            actions.chain(operations).collect()
        };
        let (before, after) = (from.map(may).unwrap_or_default(), may(to));
        let without = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|name| !those.contains(name)).cloned().collect()
        };
        Widening { gained: without(&after, &before), lost: without(&before, &after) }
    }
}

impl Ledger {
    /// What follows from somebody's wish for another policy.
    ///
    /// # Errors
    /// Where it is fenced, a setting is none of its own, it decides already, or the charter in force does not let it.
    pub fn nominate(&self, who: &Person, nomination: &Nomination, now: Timestamp) -> Result<Nominated, CommandError> {
        let Nomination { policy, description, settings, purpose } = nomination;
        let settings = chosen(description, settings)?;
        if let Some(fence) = self.policies.fences.get(policy) {
            return Err(CommandError::PolicyFenced { policy: policy.short(12), why: fence.why.clone() });
        }
        if self.policy.digest == Some(*policy) && (self.policy.settings == settings || *purpose == Purpose::Shadow) {
            return Err(CommandError::DecidesAlready(policy.short(12)));
        }
        let leave = match purpose {
            // It says nothing that anybody hears.
            Purpose::Shadow => Leave::Given { rule: "shadow".to_owned() },
            Purpose::Activate { .. } => self.leave(who, nomination, now)?,
        };
        let (policy, description, purpose) = (*policy, description.clone(), *purpose);
        Ok(Nominated { at: now, who: who.clone(), policy, description, settings, purpose, leave })
    }

    fn leave(&self, who: &Person, nomination: &Nomination, now: Timestamp) -> Result<Leave, CommandError> {
        let Nomination { policy, description, .. } = nomination;
        let widens = !Widening::between(self.policy.description.as_ref(), description).gained.is_empty();
        let charter = self.charter();
        let (rule, needed) = match charter.rules.judge(&self.question_about(who, nomination, widens, now)) {
            Judgment::Forbidden(reason) => {
                return Err(CommandError::NotActivated { rule: reason.rule, because: reason.because });
            }
            Judgment::Permitted(_) if widens => (WIDENING.to_owned(), 1),
            Judgment::Permitted(reason) => return Ok(Leave::Given { rule: reason.rule }),
            Judgment::Asked { reason, approvers } => (reason.rule, approvers),
        };
        let settings = encoding::encode(&nomination.settings);
        let parts = [&policy.as_bytes()[..], &settings, &self.entries.to_be_bytes(), &now.0.to_be_bytes()];
        let id = format!("p-{}", Digest::of_parts(&parts).short(10));
        let id = ApprovalId::parse(&id).expect("a letter, a dash and digits are characters of a name");
        let expires = now.plus_ms(charter.settings.approval_ttl_ms);
        Ok(Leave::Asked { id, rule, needed, expires })
    }

    fn question_about(&self, who: &Person, nomination: &Nomination, widens: bool, now: Timestamp) -> Request {
        let Nomination { policy, description, .. } = nomination;
        let shelved = self.policies.shelf.get(policy);
        let (hour, weekday) = hour_and_weekday(now);
        Request {
            policy: Asker {
                name: description.name.clone(),
                version: description.version.clone(),
                digest: policy.hex(),
            },
            action: Name::Activate,
            person: who.identity(),
            rehearsal: self.rehearsal,
            hour,
            weekday,
            candidate: CandidateGist {
                profile: shelved.map_or("pure", |shelved| shelved.profile.name()).to_owned(),
                widens,
                signers: shelved.map_or(0, |shelved| u32::try_from(shelved.signers.len()).unwrap_or(u32::MAX)),
                uploaded_by_same: shelved.is_some_and(|shelved| shelved.who.identity() == who.identity()),
                shadow_turns: self.policies.shadow_turns(*policy),
            },
            ..Request::default()
        }
    }

    /// Whether an answer to the nominee can be given; nothing where the name is not the nominee's.
    pub(in crate::ledger) fn permits_nominee_answer(
        &self,
        who: &Person,
        command: &Command,
        now: Timestamp,
    ) -> Option<Result<(), CommandError>> {
        let (Command::Approve { approval, .. } | Command::Deny { approval, .. }) = command else { return None };
        let nominee = self.policies.nominee.as_ref().filter(|nominee| nominee.id() == Some(approval))?;
        Some(match nominee.state(now) {
            ApprovalState::Pending if matches!(command, Command::Approve { .. }) => self.counts_for(who, nominee),
            ApprovalState::Pending => Ok(()),
            state @ (ApprovalState::Granted
            | ApprovalState::Denied
            | ApprovalState::Expired
            | ApprovalState::Superseded) => Err(CommandError::Answered { id: approval.clone(), state: state.name() }),
        })
    }

    fn counts_for(&self, who: &Person, nominee: &Nominee) -> Result<(), CommandError> {
        let Leave::Asked { id, needed, .. } = &nominee.leave else { return Ok(()) };
        let (id, needed, who) = (id.clone(), *needed, who.identity());
        if nominee.answers.iter().any(|answer| answer.who.identity() == who) {
            return Err(CommandError::Twice { id, who, given: given(&nominee.answers), needed });
        }
        let uploaded = self.policies.shelf.get(&nominee.policy).is_some_and(|shelved| shelved.who.identity() == who);
        match needed {
            0 | 1 => Ok(()),
            _several if nominee.who.identity() == who => {
                Err(CommandError::NotCounted { id, who, role: "wants this policy to decide" })
            }
            _several if uploaded => Err(CommandError::NotCounted { id, who, role: "uploaded this policy" }),
            _several => Ok(()),
        }
    }

    /// What was said of a policy was said under the charter before: under another one it is asked anew.
    pub(in crate::ledger) fn withdraw_nominee(&mut self, before: Option<&Enacted>) {
        if self.law.enacted.as_ref() != before {
            self.policies.nominee = None;
        }
    }

    pub(in crate::ledger) fn take_nomination(&mut self, nominated: &Nominated) {
        let Nominated { at, who, policy, description, settings, purpose, leave } = nominated.clone();
        let shadow = || Shadow::new(policy, description.clone(), settings.clone(), who.clone(), at);
        let after = match purpose {
            Purpose::Shadow => {
                self.policies.shadow = Some(shadow());
                return;
            }
            Purpose::Activate { after } => after,
        };
        let shadows = self.policies.shadow.as_ref().is_some_and(|s| s.policy == policy && s.settings == settings);
        if after.is_some() && !shadows {
            self.policies.shadow = Some(shadow());
        }
        let answers = Vec::new();
        self.policies.nominee = Some(Nominee { policy, description, settings, who, at, leave, after, answers });
    }
}

impl Policies {
    pub(in crate::ledger) fn is_nominee(&self, approval: &ApprovalId) -> bool {
        self.nominee.as_ref().and_then(Nominee::id) == Some(approval)
    }

    pub(in crate::ledger) fn answer_nominee(&mut self, answer: ApprovalAnswer) {
        if let Some(nominee) = &mut self.nominee {
            nominee.answers.push(answer);
        }
    }
}

impl Nominee {
    /// What people answer; none where nobody has to be asked.
    pub fn id(&self) -> Option<&ApprovalId> {
        match &self.leave {
            Leave::Given { .. } => None,
            Leave::Asked { id, .. } => Some(id),
        }
    }

    /// So many people have to say yes.
    pub fn needed(&self) -> u8 {
        match &self.leave {
            Leave::Given { .. } => 0,
            Leave::Asked { needed, .. } => *needed,
        }
    }

    /// So many have.
    pub fn given(&self) -> u8 {
        given(&self.answers)
    }

    /// Where it stands with people at this time.
    pub fn state(&self, now: Timestamp) -> ApprovalState {
        let Leave::Asked { needed, expires, .. } = &self.leave else { return ApprovalState::Granted };
        if self.answers.iter().any(|answer| !answer.granted) {
            ApprovalState::Denied
        } else if self.given() >= *needed {
            ApprovalState::Granted
        } else if now >= *expires {
            ApprovalState::Expired
        } else {
            ApprovalState::Pending
        }
    }

    /// Whether it may decide: people have said yes, and it has been a shadow for long enough.
    pub(super) fn is_ready(&self, now: Timestamp, shadow_turns: u32) -> bool {
        self.state(now) == ApprovalState::Granted && self.after.is_none_or(|after| shadow_turns >= after)
    }
}

/// Every setting that the policy described, as the operator set it or by its default.
fn chosen(description: &Description, set: &[Fact]) -> Result<Vec<Fact>, CommandError> {
    let known: Vec<&str> = description.settings.iter().map(|setting| setting.key.as_str()).collect();
    if let Some(stranger) = set.iter().find(|fact| !known.contains(&fact.key.as_str())) {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(CommandError::NoSetting { key: stranger.key.clone(), known });
    }
    let value = |key: &str| set.iter().rev().find(|fact| fact.key == key).map(|fact| fact.value.clone());
    let settings = description.settings.iter();
    Ok(settings
        .map(|setting| Fact::new(&setting.key, &value(&setting.key).unwrap_or_else(|| setting.default_value.clone())))
        .collect())
}
