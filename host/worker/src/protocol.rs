//! What host and worker agree on: the folder of a run, and what a worker says to the host.
//!
//! A worker lives in a folder of its own, mode 0700. The host writes the inputs and starts the worker in a session of
//! its own; from then on the worker needs the host for two things only, its claim and the states that it hands over, and
//! it asks again until its deadline where the host is away. It leaves everything else in its folder, and the folder goes
//! only after the host has journaled the result and has every state.
//!
//! In a cluster they share no folder. The order and how to run it come with the pod; the rest is fetched and handed over as
//! [`Input`] and [`LeftFile`] say, and each request carries the token of the pod. The host keeps a folder of the same form
//! for what is handed over.

use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::order::{Order, StateRef};
use quarterdeck_core::redaction::Secret;
use quarterdeck_core::terraform::state_json::STATE_BYTES_MAX;
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
    /// Where the host is.
    pub host: HostAddress,
    /// The tool.
    pub terraform: PathBuf,
    /// The engine's socket.
    pub engine: PathBuf,
    /// Variables of the environment that the tool gets beside what the worker sets itself: where providers are found
    /// (`TF_CLI_CONFIG_FILE`, `TF_PLUGIN_CACHE_DIR`), proxies, certificates. No secret but what
    /// [`RunConfig::secrets`] tells.
    pub environment: Vec<(String, String)>,
}

/// Where a worker finds its host.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum HostAddress {
    /// On this machine: the host's socket for workers. Inputs and outputs are in the run's folder, which host and worker
    /// share.
    Socket(PathBuf),
    /// Elsewhere, over TLS: nothing is shared. What an order needs is fetched once it is claimed, and what it leaves is
    /// handed over before the worker ends.
    Tls {
        /// Where, such as `https://quarterdeck-workers.ai-agent.svc:8443`; without a path.
        url: String,
        /// The certificate of the host's own authority, as PEM. No other authority is believed.
        authority: String,
        /// The file of the token that says which pod this is; it is read at each request, since a kubelet renews it.
        token: PathBuf,
    },
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
    /// Who claims it: `process PID started STARTTIME`, so that a number used again is another claimant. Over TLS it is
    /// the pod of the token, whatever stands here.
    pub claimant: String,
    /// The digest of what the worker was given, [`inputs_digest`]; over TLS the host compares it with what it gave.
    pub inputs: Option<Digest>,
}

/// The digest of a worker's inputs: the bytes of `order.json` and of `config.json`.
pub fn inputs_digest(order: &[u8], config: &[u8]) -> Digest {
    Digest::of_parts(&[order, config])
}

/// An input that is fetched, or an artifact that is handed over, has at most this many bytes (32 MiB): what a blob of the
/// host may have.
pub const ARTIFACT_BYTES_MAX: usize = 32 << 20;
/// A result has at most this many bytes: 512 objects and 64 addresses take about 200 KiB.
pub const RESULT_BYTES_MAX: usize = 1 << 20;

/// `POST /v1/network/ORDER`: what a worker over TLS could reach of what it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeenNetwork {
    /// Whether it got a connection to the API server of its cluster.
    pub api_server: bool,
}

/// What a worker over TLS fetches once it has its order: `GET /v1/input/ORDER/NAME` answers 200 with the bytes, or 404
/// where the order has no such input. The worker checks the digest that stands in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// `files`: the mission's files in the canonical encoding, where they were too large to come with the order.
    Files,
    /// `saved`: for an apply, the saved plan.
    Saved,
    /// `json`: for an apply, what `terraform show -json` said of it.
    Json,
    /// `lock`: for an apply, the provider lock file that it was made with.
    Lock,
}

impl Input {
    /// Every input.
    pub const ALL: [Input; 4] = [Input::Files, Input::Saved, Input::Json, Input::Lock];

    /// Its name in the path.
    pub fn name(self) -> &'static str {
        match self {
            Input::Files => "files",
            Input::Saved => "saved",
            Input::Json => "json",
            Input::Lock => "lock",
        }
    }

    /// The input of that name.
    pub fn named(name: &str) -> Option<Input> {
        Input::ALL.into_iter().find(|input| input.name() == name)
    }

    /// Where it lies in a run's folder.
    pub fn path(self, folder: &RunFolder) -> PathBuf {
        match self {
            Input::Files => folder.files(),
            Input::Saved => folder.saved_in(),
            Input::Json => folder.json_in(),
            Input::Lock => folder.lock_in(),
        }
    }

    /// The digest that an order names it by; none where the order has no such input.
    pub fn of(self, order: &Order) -> Option<Digest> {
        let apply = order.apply.as_ref();
        match self {
            Input::Files => Some(order.plan),
            Input::Saved => apply.map(|apply| apply.saved),
            Input::Json => apply.map(|apply| apply.json),
            Input::Lock => apply.and_then(|apply| apply.lock),
        }
    }
}

/// What a worker over TLS hands over before it ends: `PUT /v1/left/ORDER/NAME` with the file's bytes answers 200 once
/// they are on disk. The result is handed over last of all; what comes after it is refused with 409.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftFile {
    /// `saved`: the saved plan that was made.
    Saved,
    /// `json`: what `terraform show -json` says of it.
    Json,
    /// `lock`: the provider lock file that it was made with.
    Lock,
    /// `rendered`: the plan as people read it.
    Rendered,
    /// `errored-state`: the state that Terraform could not deliver.
    ErroredState,
    /// `result`: the result.
    Result,
}

impl LeftFile {
    /// Every file, the result last.
    pub const ALL: [LeftFile; 6] =
        [LeftFile::Saved, LeftFile::Json, LeftFile::Lock, LeftFile::Rendered, LeftFile::ErroredState, LeftFile::Result];

    /// Its name in the path.
    pub fn name(self) -> &'static str {
        match self {
            LeftFile::Saved => "saved",
            LeftFile::Json => "json",
            LeftFile::Lock => "lock",
            LeftFile::Rendered => "rendered",
            LeftFile::ErroredState => "errored-state",
            LeftFile::Result => "result",
        }
    }

    /// The file of that name.
    pub fn named(name: &str) -> Option<LeftFile> {
        LeftFile::ALL.into_iter().find(|file| file.name() == name)
    }

    /// It has at most this many bytes; the host refuses more with 413.
    pub fn bytes_max(self) -> usize {
        match self {
            LeftFile::Saved | LeftFile::Json | LeftFile::Lock | LeftFile::Rendered => ARTIFACT_BYTES_MAX,
            LeftFile::ErroredState => STATE_BYTES_MAX,
            LeftFile::Result => RESULT_BYTES_MAX,
        }
    }

    /// Where it lies in a run's folder.
    pub fn path(self, folder: &RunFolder) -> PathBuf {
        match self {
            LeftFile::Saved => folder.saved_out(),
            LeftFile::Json => folder.json_out(),
            LeftFile::Lock => folder.lock_out(),
            LeftFile::Rendered => folder.rendered_out(),
            LeftFile::ErroredState => folder.errored_state(),
            LeftFile::Result => folder.result(),
        }
    }
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
            host: HostAddress::Socket("/s".into()),
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
