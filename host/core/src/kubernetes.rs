//! A Kubernetes cluster as the finding rules read it: its objects, trimmed, and what is wrong with them.
//!
//! In reading order: [`object`] has what all objects share, and `pod`, `workload`, `network`, `storage`, `node`, `rights`
//! and `event` the objects themselves, each with what some rule reads and nothing more; [`cluster`] keeps them; the
//! [`rules`] are pure functions that look at one object among the others and return its [`Symptom`]s; [`patrol`] asks
//! them again about what changed, and only about that, and gathers the symptoms into [`Trouble`]s: one for each rule and
//! root owner, so a rollout of fifty pods with one fault is one trouble with a count of fifty.
//!
//! Everything here is already redacted, bounded and escaped: whoever makes these values from what an API server says does
//! that (the host's `observe::kubernetes`). Secrets and the contents of ConfigMaps are no nouns here: nobody reads them.
//!
//! No rule reads a clock. One that is about "too long" says from when its symptom holds, and the patrol waits for it.

pub mod cluster;
mod depends;
pub mod event;
pub mod network;
pub mod node;
pub mod object;
pub mod own;
pub mod patrol;
pub mod pod;
pub mod quantity;
pub mod rights;
pub mod rules;
pub mod storage;
pub mod view;
pub mod workload;

pub use cluster::{Cluster, Key, Kind, Object};
pub use object::{Condition, Labels, Meta, Name, Owner, Selector, Text};
pub use own::{Duties, OwnRights, Right, Verbs, WorkersDuty};
pub use patrol::{Patrol, Trouble, Troubles};
pub use rules::Symptom;
pub use view::{ClusterView, Standing, Watch};
