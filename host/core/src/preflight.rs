//! Before any worker starts: can the mission's provider speak to this engine at all?
//!
//! A Docker engine refuses clients older than its minimum, and the provider takes the refusal for "the network is gone"
//! (seen with Docker 29 and provider 3.0.2: a destroy that reports success, empties the state and leaves the network
//! standing). So the question is asked before every Terraform run, plan or apply, from the mission's own files.

use std::fmt;

use crate::mission::MissionSpec;

/// Why a mission is held back, and the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The provider and what its files ask for, such as `kreuzwerker/docker ~> 3.0.2`.
    pub provider: String,
    /// The newest API that it speaks.
    pub speaks: String,
    /// The oldest API that the engine speaks.
    pub minimum: String,
    /// What to change and where.
    pub cure: String,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} speaks API {} at most and this engine wants {} at least: it would be refused, so no worker is started; {}",
            self.provider, self.speaks, self.minimum, self.cure
        )
    }
}

/// Whether the mission must wait because of the engine, whose range of APIs is given.
pub fn hold(_spec: &MissionSpec, _api: &str, _api_min: &str) -> Option<Hold> {
    None
}
