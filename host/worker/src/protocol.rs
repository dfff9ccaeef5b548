//! What host and worker agree on: the folder of a run, and what a worker says over the host's socket.
//!
//! A worker lives in a folder of its own, mode 0700. The host writes the inputs and starts the worker in a session of
//! its own; from then on the worker needs the host for two things only, its claim and the states that it hands over, and
//! it asks again until its deadline where the host is away. It leaves everything else in its folder, and the folder goes
//! only after the host has journaled the result and has every state.

use std::path::{Path, PathBuf};

use quarterdeck_core::ids::OrderName;
use quarterdeck_core::order::StateRef;
use serde::{Deserialize, Serialize};

/// The paths inside a worker's folder.
#[derive(Clone, Debug)]
pub struct RunFolder {
    root: PathBuf,
}

impl RunFolder {
    /// The folder at this path; nothing is made.
    pub fn at(root: &Path) -> RunFolder {
        RunFolder { root: root.to_owned() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The order, as JSON. Written by the host, last of its inputs.
    pub fn order(&self) -> PathBuf {
        self.root.join("order.json")
    }

    /// How to run, as JSON ([`RunConfig`]). Written by the host.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.json")
    }

    /// The mission's files in the canonical encoding. Written by the host.
    pub fn files(&self) -> PathBuf {
        self.root.join("files.bin")
    }

    /// For an apply: the saved plan. Written by the host, mode 0600.
    pub fn saved_in(&self) -> PathBuf {
        self.root.join("in-saved.tfplan")
    }

    /// For an apply: what `terraform show -json` said of the saved plan. Written by the host, mode 0600.
    pub fn json_in(&self) -> PathBuf {
        self.root.join("in-plan.json")
    }

    /// For an apply: the provider lock file that the saved plan was made with. Written by the host.
    pub fn lock_in(&self) -> PathBuf {
        self.root.join("in-lock.hcl")
    }

    /// The file whose lock (`flock`) says that the worker lives.
    pub fn alive(&self) -> PathBuf {
        self.root.join("alive")
    }

    /// One event a line, as the worker writes them.
    pub fn events(&self) -> PathBuf {
        self.root.join("events.jsonl")
    }

    /// The versions of the state, one file each, named by their number from 1 on.
    pub fn states(&self) -> PathBuf {
        self.root.join("states")
    }

    /// Where Terraform works.
    pub fn terraform(&self) -> PathBuf {
        self.root.join("terraform")
    }

    /// The saved plan that was made.
    pub fn saved_out(&self) -> PathBuf {
        self.root.join("out-saved.tfplan")
    }

    /// What `terraform show -json` says of it.
    pub fn json_out(&self) -> PathBuf {
        self.root.join("out-plan.json")
    }

    /// The provider lock file that it was made with.
    pub fn lock_out(&self) -> PathBuf {
        self.root.join("out-lock.hcl")
    }

    /// The plan as people read it: masked and escaped.
    pub fn rendered_out(&self) -> PathBuf {
        self.root.join("out-plan.txt")
    }

    /// The state that Terraform could not deliver, where one ever appears.
    pub fn errored_state(&self) -> PathBuf {
        self.terraform().join("errored.tfstate")
    }

    /// The result, as JSON ([`quarterdeck_core::order::WorkerResult`]). Written last, by renaming.
    pub fn result(&self) -> PathBuf {
        self.root.join("result.json")
    }
}

/// How a worker runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunConfig {
    /// The host's socket for workers.
    pub socket: PathBuf,
    /// The tool.
    pub terraform: PathBuf,
    /// The engine's socket.
    pub engine: PathBuf,
    /// Variables of the environment that the tool gets beside what the worker sets itself: where providers are found
    /// (`TF_CLI_CONFIG_FILE`, `TF_PLUGIN_CACHE_DIR`), proxies, certificates. Never a secret.
    pub environment: Vec<(String, String)>,
}

/// `POST /v1/claim`: a worker wants its order. Granted once ever, to one claimant; 409 for any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// The order.
    pub order: OrderName,
    /// Who claims it: `process PID started STARTTIME`, so that a number used again is another claimant.
    pub claimant: String,
}

/// `POST /v1/lock/ORDER` and `POST /v1/unlock/ORDER`: Terraform's own lock, in Terraform's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockInfo {
    /// Terraform's name for the lock.
    #[serde(rename = "ID")]
    pub id: String,
    /// What Terraform does with it.
    #[serde(rename = "Operation", default)]
    pub operation: String,
    /// Who Terraform says that it is.
    #[serde(rename = "Who", default)]
    pub who: String,
}

/// `GET /v1/state/ORDER` answers 200 with the newest version's bytes, or 204 where there is none.
/// `POST /v1/state/ORDER?lock=ID` with a version's bytes answers 200 with this, after it is on disk and journaled; 409
/// with a [`Refused`] where lineage, serial or lock do not fit: asking again will not help. The same version twice is the
/// same version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// The version.
    pub state: StateRef,
}

/// The host says no, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// For people.
    pub error: String,
}
