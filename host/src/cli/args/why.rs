//! What `why` takes.

use clap::Args;

use crate::cli::print::Output;

pub(super) const EXAMPLES: &str = "Examples:
  quarterdeck why apply-web-1f2e3d4c5b6a          (a worker: who wanted it, what let it through, what became of it)
  quarterdeck why docker_container.web            (a resource: every worker that touched it)
  quarterdeck why web/container/shop-web          (the same, by the mission and the object's kind and name)
  quarterdeck why 12                              (a turn)
  quarterdeck why a-1f2e3d4c5b                    (an approval; c-1f2e3d4c5b for a charter that was asked about)
  quarterdeck why worker/apply-web-1f2e3d4c5b6a -o json

All of it is read from the journal alone; no host has to run. A name that fits several things is refused with all of them;
worker/, approval/, turn/ or a mission's name before it says which.";

/// What `why` takes.
#[derive(Clone, Debug, Args)]
pub struct WhyArgs {
    /// A worker, a resource, the number of a turn, or an approval.
    #[arg(value_name = "WORKER|RESOURCE|TURN|APPROVAL")]
    pub asked: String,
    /// How to print it; wide has the records' whole hashes.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}
