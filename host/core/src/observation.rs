//! What was observed: snapshots that background tasks keep, each with its age, parsed and redacted.
//!
//! An observation is the input of one turn. It is made of facts about the world and never of conclusions: the finding
//! rules conclude, and the ledger remembers.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::identity::{ClusterUser, Identity};
use crate::ids::{ApprovalId, OrderName, Timestamp};
use crate::kubernetes::ClusterView;
use crate::mission::{MissionName, MissionSpec};
use crate::order::{ObjectKind, WorkerResult};
use crate::pause::Scope;
use crate::question::BrainReply;
use crate::situation::Fact;

/// A snapshot older than this is stale: the background task that keeps it looks every 5 seconds.
pub const STALE_MS: u64 = 30_000;
/// Containers, networks, images and volumes are each read up to this many.
pub const ENGINE_OBJECTS_MAX: usize = 5_000;

/// Everything that one turn observes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// When the turn began.
    pub at: Timestamp,
    /// Where the host runs, for policies and people.
    pub cluster: Vec<Fact>,
    /// The Docker engine.
    pub engine: EngineView,
    /// The Kubernetes cluster, where one is looked at.
    pub kubernetes: Option<ClusterView>,
    /// The missions as their files and objects say them now.
    pub missions: Vec<SeenMission>,
    /// Whether all missions that are objects of a cluster are among them; not where such are not looked for, or can't be seen.
    pub all_objects: bool,
    /// The workers that the host can see.
    pub workers: Vec<WorkerReport>,
    /// What the brain answered.
    pub replies: Vec<BrainReply>,
}

/// The last look at the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineView {
    /// When it was last looked at, whether it answered or not; none before the first look.
    pub looked: Option<Timestamp>,
    /// What it answered last, and when; kept while it does not answer.
    pub state: Option<(Timestamp, EngineState)>,
    /// Why the last look failed.
    pub problem: Option<String>,
}

impl EngineView {
    /// The engine's state where the last look brought one and it is not stale.
    pub fn fresh(&self, now: Timestamp) -> Option<&EngineState> {
        let (seen, state) = self.state.as_ref()?;
        (self.problem.is_none() && now.since_ms(*seen) <= STALE_MS).then_some(state)
    }
}

/// What the engine has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineState {
    /// The engine's version, such as `29.0.1`.
    pub version: String,
    /// The newest API that it speaks, such as `1.52`.
    pub api: String,
    /// The oldest API that it speaks.
    pub api_min: String,
    /// Containers, running or not.
    pub containers: Vec<Container>,
    /// Networks, volumes and images.
    pub objects: Vec<EngineObject>,
}

/// A network, a volume or an image of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineObject {
    /// What it is.
    pub kind: ObjectKind,
    /// The engine's id for it.
    pub id: String,
    /// Its names; an image may have several.
    pub names: Vec<String>,
    /// The mission that its label names.
    pub mission: Option<String>,
}

/// A container of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// The engine's id for it.
    pub id: String,
    /// Its name, without the leading `/`.
    pub name: String,
    /// The image that it was made from, as it was named.
    pub image: String,
    /// What it is doing.
    pub state: ContainerState,
    /// How often it was restarted.
    pub restarts: u32,
    /// Whether it ran out of memory when it ended last.
    pub oom_killed: bool,
    /// The mission that its label names.
    pub mission: Option<String>,
}

/// What a container is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerState {
    /// Made and not started.
    Created,
    /// Running; its health check, where it has one, is content or has not spoken yet.
    Running,
    /// Running, and its health check is not content.
    Unhealthy(String),
    /// Between two starts.
    Restarting,
    /// Held.
    Paused,
    /// Ended, with its exit code.
    Exited(i64),
    /// The engine failed to remove it, or says something that this version does not know.
    Other(String),
}

/// A mission, where it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenMission {
    /// What it is written in.
    pub place: Place,
    /// Where that is, for people.
    pub source: String,
    /// What it says; or what is wrong with it and where.
    pub spec: Result<MissionSpec, String>,
}

impl SeenMission {
    /// Whether this says something of the mission that is known: by its name, or where it can't be read, by its place. An object
    /// that can't be read says nothing of what another one of its name has built.
    pub fn is_of(&self, known: &MissionSpec) -> bool {
        match (&self.spec, &self.place) {
            (Ok(spec), _) => spec.name == known.name,
            (Err(_), Place::File) => self.source == known.source && known.object.is_none(),
            (Err(_), Place::Object { uid, .. }) => known.object_uid() == Some(uid),
            (Err(_), Place::Objects) => false,
        }
    }

    /// Whether what it built is to be removed, and its object waits for that.
    pub fn is_leaving(&self) -> bool {
        matches!(self.place, Place::Object { leaving: true, .. })
    }

    /// One that stands in a file.
    pub fn in_file(source: String, spec: Result<MissionSpec, String>) -> SeenMission {
        SeenMission { place: Place::File, source, spec }
    }
}

/// What a mission is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file.
    File,
    /// An object of a cluster.
    Object {
        /// The API server's own name for it: one that is made anew under the same name has another.
        uid: String,
        /// It is being deleted, and waits until what it built is removed. Then its files may be gone already.
        leaving: bool,
    },
    /// All objects of a cluster: why they, or some of them, can't be seen.
    Objects,
}

/// What the host sees of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerReport {
    /// Its order.
    pub order: OrderName,
    /// When it was seen so.
    pub at: Timestamp,
    /// What it is doing, in the tool's words; the newest line alone.
    pub doing: Option<String>,
    /// What it left, once it has ended.
    pub result: Option<WorkerResult>,
}

/// Who says something: the peer of a socket, a flag of the command line, or an object of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Person {
    /// The Unix user at the other end of the host's socket.
    Uid(u32),
    /// `--yes` was given to `run`, by this Unix user.
    Yes(u32),
    /// A user of the cluster, by an object that the API server let nobody else make.
    User(ClusterUser),
}

impl Person {
    /// Who it is. Two ways to say yes are still one person.
    pub fn identity(&self) -> Identity {
        match self {
            Person::Uid(uid) | Person::Yes(uid) => Identity::Uid(*uid),
            Person::User(user) => Identity::User(user.clone()),
        }
    }

    /// The Unix user, where it is one.
    pub fn uid(&self) -> Option<u32> {
        match self {
            Person::Uid(uid) | Person::Yes(uid) => Some(*uid),
            Person::User(_) => None,
        }
    }
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Person::Uid(uid) => write!(f, "uid {uid}"),
            Person::Yes(uid) => write!(f, "--yes of uid {uid}"),
            Person::User(user) => write!(f, "user {user}"),
        }
    }
}

/// What a person said, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commanded {
    /// When the host heard it.
    pub at: Timestamp,
    /// Who said it.
    pub who: Person,
    /// What.
    pub command: Command,
}

/// What people can tell a running host to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Grant an approval.
    Approve {
        /// Which.
        approval: ApprovalId,
        /// What the person wrote with it.
        comment: Option<String>,
    },
    /// Deny an approval.
    Deny {
        /// Which.
        approval: ApprovalId,
        /// What the person wrote with it.
        comment: Option<String>,
    },
    /// Want a mission's objects gone, until its files change or `restore`.
    Destroy {
        /// Which.
        mission: MissionName,
    },
    /// Take an earlier `destroy` back.
    Restore {
        /// Which.
        mission: MissionName,
    },
    /// End a worker early.
    Cancel {
        /// Which.
        order: OrderName,
    },
    /// Begin nothing more of this until it is resumed.
    Pause {
        /// Of what.
        scope: Scope,
        /// Whether the workers that it concerns are told to stop; each is a `cancel` of its own, beside this.
        cancel: bool,
        /// What the person wrote with it.
        comment: Option<String>,
    },
    /// Take exactly this pause back.
    Resume {
        /// Of what.
        scope: Scope,
    },
    /// Let a mission be tried anew that is parked since the same was tried too often.
    Release {
        /// Which.
        mission: MissionName,
        /// What the person wrote with it.
        comment: Option<String>,
    },
    /// Ask no shadow any more.
    Unshadow,
    /// Let a fenced policy be activated again.
    Unfence {
        /// Which.
        policy: Digest,
        /// What the person wrote with it.
        comment: Option<String>,
    },
    /// Take a component off the shelf.
    RemovePolicy {
        /// Which.
        policy: Digest,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding;

    /// What journals hold of before clusters had users: `uid 1000` and `--yes of uid 7`, in their own bytes.
    #[test]
    fn people_of_older_journals_are_read_and_users_come_after_them() {
        let bytes = |body: &[u8]| [&[encoding::VERSION][..], body].concat();
        let user = Person::User(ClusterUser::parse("ada").unwrap());
        for (person, written) in [
            (Person::Uid(1000), bytes(&[0, 0xe8, 0x07])),
            (Person::Yes(7), bytes(&[1, 7])),
            (user, bytes(&[2, 3, b'a', b'd', b'a'])),
        ] {
            assert_eq!(encoding::decode::<Person>(&written), Ok(person.clone()));
            assert_eq!(encoding::encode(&person), written);
        }
        assert!(encoding::decode::<Person>(&bytes(&[2, 1, b'\n'])).is_err(), "a name that nobody can have");
    }

    #[test]
    fn two_ways_of_a_uid_are_one_person_and_a_user_is_another() {
        let user = Person::User(ClusterUser::parse("7").unwrap());
        assert_eq!(Person::Uid(7).identity(), Person::Yes(7).identity());
        assert_ne!(Person::Uid(7).identity(), user.identity());
        assert_eq!((Person::Yes(7).uid(), user.uid(), user.to_string()), (Some(7), None, "user \"7\"".to_owned()));
    }
}
