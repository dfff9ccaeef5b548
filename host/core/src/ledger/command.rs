//! What people may say to the ledger, and why not.

use super::{ApprovalRecord, Ledger, MissionState};
use crate::identity::Identity;
use crate::ids::{ApprovalId, Timestamp};
use crate::mission::MissionName;
use crate::observation::{Command, Person};
use crate::pause::Scope;
use crate::situation::ApprovalState;

/// Why a command can't be done.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CommandError {
    /// There is no such mission.
    #[error("there is no mission {0:?}; `quarterdeck get missions` lists them")]
    NoMission(String),
    /// There is no such approval.
    #[error("there is no approval {0:?}; `quarterdeck get approvals` lists them")]
    NoApproval(String),
    /// The approval can't be answered any more.
    #[error("approval {id} is {state} and can't be answered any more")]
    Answered {
        /// Which.
        id: ApprovalId,
        /// What it is.
        state: &'static str,
    },
    /// This person has said yes already.
    #[error("{who} has granted approval {id} already; {given} of {needed} people have, and another one has to")]
    Twice {
        /// Which.
        id: ApprovalId,
        /// Who.
        who: Identity,
        /// How many have said yes.
        given: u8,
        /// How many have to.
        needed: u8,
    },
    /// This person's yes does not count.
    #[error("{who} {role}, and where more than one has to say yes to {id} they do not count: somebody else has to")]
    NotCounted {
        /// Which.
        id: ApprovalId,
        /// Who.
        who: Identity,
        /// Why not.
        role: &'static str,
    },
    /// There is no such worker at work.
    #[error("no worker {0:?} is at work; `quarterdeck get workers` lists them")]
    NoWorker(String),
    /// The mission is not destroyed by command.
    #[error("mission {0} was not destroyed by a command, so there is nothing to take back")]
    NotDestroyed(String),
    /// The charter in force does not let this person replace it.
    #[error(
        "the charter in force does not let itself be replaced by one that may permit more: {because} (its rule {rule})"
    )]
    NotAmended {
        /// The rule in force.
        rule: String,
        /// What it says.
        because: String,
    },
    /// There is no such policy.
    #[error("there is no policy {0:?} on the shelf; `quarterdeck policy list` lists them")]
    NoPolicy(String),
    /// The name fits several.
    #[error("{text:?} fits several policies: {digests}; name one by its digest")]
    ManyPolicies {
        /// What was named.
        text: String,
        /// What it fits.
        digests: String,
    },
    /// There is no room.
    #[error("the shelf holds {max} policies, which is all there is room for; `quarterdeck policy remove` one of them", max = super::policies::SHELF_MAX)]
    ShelfFull,
    /// It is needed.
    #[error("policy {policy} {role}, so it stays")]
    PolicyUsed {
        /// Which.
        policy: String,
        /// As what.
        role: &'static str,
    },
    /// It decides, with these settings.
    #[error("policy {0} decides already, with these settings")]
    DecidesAlready(String),
    /// It is fenced.
    #[error("policy {policy} is fenced: {why}; `quarterdeck policy unfence {policy}` once you know why")]
    PolicyFenced {
        /// Which.
        policy: String,
        /// Why.
        why: String,
    },
    /// It is not fenced.
    #[error("policy {0} is not fenced; `quarterdeck policy list` says which are")]
    NotFenced(String),
    /// There is no shadow.
    #[error("no policy is the shadow")]
    NoShadow,
    /// It has no such setting.
    #[error("this policy has no setting {key:?}; it has {known}")]
    NoSetting {
        /// What was set.
        key: String,
        /// What can be.
        known: String,
    },
    /// Nothing good decided before.
    #[error("no other policy has decided here, so there is none to go back to")]
    NothingBefore,
    /// The charter in force does not let it decide.
    #[error("the charter in force does not let this policy decide: {because} (its rule {rule})")]
    NotActivated {
        /// The rule in force.
        rule: String,
        /// What it says.
        because: String,
    },
    /// The mission is not parked.
    #[error(
        "mission {0} is not parked, so there is nothing to release; `quarterdeck get missions` says where it stands"
    )]
    NotParked(String),
    /// There is no such pause.
    #[error("there is no pause of {scope} to take back; {paused}")]
    NotPaused {
        /// Of what.
        scope: Scope,
        /// What is paused.
        paused: String,
    },
}

impl Ledger {
    /// Whether a command can be done at this time.
    ///
    /// # Errors
    /// Where it names what is not there, or what can't be answered any more.
    pub fn permits(&self, who: &Person, command: &Command, now: Timestamp) -> Result<(), CommandError> {
        let answer = self.permits_answer(who, command, now);
        let answer = answer.or_else(|| self.permits_nominee_answer(who, command, now));
        if let Some(answer) = answer.or_else(|| self.permits_policy_command(command, now)) {
            return answer;
        }
        match command {
            Command::Unshadow | Command::Unfence { .. } | Command::RemovePolicy { .. } => Ok(()),
            Command::Approve { approval, .. } | Command::Deny { approval, .. } => {
                let no = || CommandError::NoApproval(approval.to_string());
                let record = self.approvals.get(approval).ok_or_else(no)?;
                match self.approval_state(record, now) {
                    ApprovalState::Pending if matches!(command, Command::Approve { .. }) => self.counts(who, record),
                    ApprovalState::Pending => Ok(()),
                    state @ (ApprovalState::Granted
                    | ApprovalState::Denied
                    | ApprovalState::Expired
                    | ApprovalState::Superseded) => {
                        Err(CommandError::Answered { id: approval.clone(), state: state.name() })
                    }
                }
            }
            Command::Destroy { mission } => self.known(mission).map(|_| ()),
            Command::Restore { mission } => match self.known(mission)?.destroyed {
                Some(_) => Ok(()),
                None => Err(CommandError::NotDestroyed(mission.to_string())),
            },
            Command::Cancel { order } => match self.orders.get(order) {
                Some(state) if state.ended.is_none() => Ok(()),
                Some(_) | None => Err(CommandError::NoWorker(order.to_string())),
            },
            Command::Release { mission, .. } => match self.known(mission)?.parked(&self.charter().settings) {
                Some(_) => Ok(()),
                None => Err(CommandError::NotParked(mission.to_string())),
            },
            Command::Pause { scope, .. } => self.known_scope(scope),
            Command::Resume { scope } if self.pauses.contains_key(scope) => Ok(()),
            Command::Resume { scope } => {
                self.known_scope(scope)?;
                let scopes: Vec<String> = self.pauses.keys().map(Scope::to_string).collect();
                let paused = match scopes.as_slice() {
                    [] => "nothing is paused".to_owned(),
                    some => format!("what is paused: {}", some.join(", ")),
                };
                Err(CommandError::NotPaused { scope: scope.clone(), paused })
            }
        }
    }

    /// Whether this person's yes counts: once, and where more than one is wanted not that of who wrote the mission or
    /// brought the policy.
    fn counts(&self, who: &Person, record: &ApprovalRecord) -> Result<(), CommandError> {
        let id = record.id.clone();
        let who = who.identity();
        if record.answers.iter().any(|answer| answer.who.identity() == who) {
            return Err(CommandError::Twice { id, who, given: record.given(), needed: record.needed });
        }
        let author = self.missions.get(&record.order.mission).and_then(|mission| mission.spec.author);
        let role = if author.map(Identity::Uid).as_ref() == Some(&who) {
            "wrote the mission"
        } else if self.policy.by.map(Identity::Uid).as_ref() == Some(&who) {
            "brought the policy"
        } else {
            return Ok(());
        };
        if record.needed < 2 {
            return Ok(());
        }
        Err(CommandError::NotCounted { id, who, role })
    }

    fn known_scope(&self, scope: &Scope) -> Result<(), CommandError> {
        scope.mission.as_ref().map_or(Ok(()), |mission| self.known(mission).map(|_| ()))
    }

    fn known(&self, name: &MissionName) -> Result<&MissionState, CommandError> {
        self.mission(name).ok_or_else(|| CommandError::NoMission(name.to_string()))
    }
}
