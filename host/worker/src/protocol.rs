//! What host and worker agree on: the folder of a run, and what a worker says over the host's socket.
//!
//! A worker lives in a folder of its own, mode 0700. The host writes the inputs and starts the worker in a session of
//! its own; from then on the worker needs the host for two things only, its claim and the states that it hands over, and
//! it asks again until its deadline where the host is away. It leaves everything else in its folder, and the folder goes
//! only after the host has journaled the result and has every state.

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::order::StateRef;
use quarterdeck_core::redaction::Secret;
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

/// The variables that name proxies.
const PROXIES: [&str; 2] = ["HTTP_PROXY", "HTTPS_PROXY"];

/// How a worker runs. It has no `Debug`: the address of a proxy may hold a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunConfig {
    /// The host's socket for workers.
    pub socket: PathBuf,
    /// The tool.
    pub terraform: PathBuf,
    /// The engine's socket.
    pub engine: PathBuf,
    /// Variables of the environment that the tool gets beside what the worker sets itself: where providers are found
    /// (`TF_CLI_CONFIG_FILE`, `TF_PLUGIN_CACHE_DIR`), proxies, certificates. No secret but what
    /// [`RunConfig::secrets`] tells.
    pub environment: Vec<(String, String)>,
}

impl RunConfig {
    /// What must not be shown: the proxies' passwords, as they are written and as they are meant.
    pub fn secrets(&self) -> Vec<Secret> {
        let proxies = self.environment.iter().filter(|(name, _)| PROXIES.contains(&name.as_str()));
        let passwords = proxies.filter_map(|(_, address)| password(address));
        let both = |written: &str| [written.to_owned(), percent_decode_str(written).decode_utf8_lossy().into_owned()];
        passwords.flat_map(both).map(Secret::new).collect()
    }
}

/// The password in an address such as `http://ada:s3cret@proxy:3128`; what stands in its place where there is no name.
fn password(address: &str) -> Option<&str> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (who, _) = rest.rsplit_once('@')?;
    Some(who.split_once(':').map_or(who, |(_, password)| password))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_password_is_a_secret_however_its_address_is_written() {
        let config = |name: &str, address: &str| RunConfig {
            socket: "/s".into(),
            terraform: "/t".into(),
            engine: "/e.sock".into(),
            environment: vec![(name.to_owned(), address.to_owned())],
        };
        let secrets = |name: &str, address: &str| -> Vec<String> {
            config(name, address).secrets().iter().map(|secret| secret.expose().to_owned()).collect()
        };
        assert_eq!(secrets("HTTPS_PROXY", "http://ada:s3cret-word@proxy:3128"), ["s3cret-word"; 2]);
        assert_eq!(secrets("HTTP_PROXY", "ada:s3%40cret@proxy:3128"), ["s3%40cret", "s3@cret"]);
        assert_eq!(secrets("HTTP_PROXY", "http://token-alone@proxy"), ["token-alone"; 2]);
        assert_eq!(secrets("HTTP_PROXY", "http://ada:p@ss/word@proxy"), ["p@ss/word"; 2]);
        assert!(secrets("HTTP_PROXY", "http://proxy:3128").is_empty());
        assert!(secrets("NO_PROXY", "a:b@c").is_empty());
    }
}
