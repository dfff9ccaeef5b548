//! The API server of a Kubernetes cluster: which one it is, by which Lease one host acts in it, how workers run there, what our
//! own kind of object looks like, and how what is ours is labelled. It is no verb, and every verb may ask it: `observe`
//! watches, `act` makes Jobs.

pub mod approval;
mod connect;
pub mod lease;
pub mod mission;
pub mod read;
pub mod schema;
mod workers;

pub use connect::{ConnectError, Connection, Origin, connect};
pub use workers::{BuilderWanted, ResourcesWanted, ServiceName, WorkersWanted};

/// The account that writes what is ours, in `metadata.managedFields`.
pub const FIELD_MANAGER: &str = "quarterdeck";

/// The labels that everything has that the host makes.
pub mod label {
    /// Who keeps it: always [`OURS`].
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    /// The value of [`MANAGED_BY`].
    pub const OURS: &str = "quarterdeck";
    /// The name of the order that it is for.
    pub const ORDER: &str = "quarterdeck.dev/order";
    /// The class of the worker, such as `builder`.
    pub const CLASS: &str = "quarterdeck.dev/class";
    /// The id of the mission.
    pub const MISSION: &str = "quarterdeck.dev/mission";
    /// On a Job, as an annotation: the term of the Lease in which it was made.
    pub const TERM: &str = "quarterdeck.dev/term";
    /// The mission's generation, by the host's count.
    pub const GENERATION: &str = "quarterdeck.dev/generation";
}
