//! Configuration: the only place that reads the environment. Everything else is handed these values.

mod workers;

use std::env;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use quarterdeck_core::charter::{Amendment, Fault, Faults, LAPTOP, PRODUCTION, RULES_BYTES_MAX, Rules, Settings};
use quarterdeck_core::redaction::Secret;
use quarterdeck_core::situation::Autonomy;
use rustix::process::Gid;

use crate::api::webhook::Webhook;
use crate::apiserver::WorkersWanted;
use crate::observe::files::yaml_problem;
use crate::orient::gemini::{ApiKey, BASE_URL, MODEL};

pub use workers::{host_and_port, workers};

/// How a host runs.
pub struct Config {
    /// The folder of all data; `real` and `rehearsal` lie below it and share nothing.
    pub data: PathBuf,
    /// The missions, as files or folders.
    pub missions: Vec<PathBuf>,
    /// Refuse to rehearse.
    pub real: bool,
    /// Grant every approval of this run.
    pub yes: bool,
    /// Begin with everything paused.
    pub paused: bool,
    /// The rules and numbers that the operator wants; those in force stay where none are named.
    pub amendment: Amendment,
    /// No mission of this run gets more autonomy, whatever the charter says.
    pub ceiling: Option<Autonomy>,
    /// A turn at least this often.
    pub interval: Duration,
    /// Two turns are at least this far apart.
    pub between: Duration,
    /// The engine's socket.
    pub engine: PathBuf,
    /// The Kubernetes cluster that is looked at, where one is.
    pub kubernetes: Option<KubernetesWanted>,
    /// Whether missions that are objects of that cluster are looked after.
    pub mission_objects: bool,
    /// How workers run in that cluster, where its missions are looked after.
    pub workers: Option<WorkersWanted>,
    /// The Terraform program, where one was found.
    pub terraform: Option<PathBuf>,
    /// Variables that Terraform gets beside what the worker sets: where providers are found, proxies, certificates.
    pub tool_environment: Vec<(String, String)>,
    /// The policy's component; the one that decides by the journal's word where none is named, and steward at first.
    pub policy: Option<PathBuf>,
    /// Whether policies that were uploaded decide in a process without rights.
    pub isolate: bool,
    /// Who is asked for advice; none asks the table of rules.
    pub brain: Option<BrainConfig>,
}

/// Which Kubernetes cluster is looked at. Where the kubeconfig is, and what a pod knows of its own cluster, the client reads
/// itself, as kubectl does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesWanted {
    /// A context of the kubeconfig; the current one, or in a pod its own cluster, where none is named.
    pub context: Option<String>,
}

/// Who is asked for advice.
pub struct BrainConfig {
    /// The key, where there is one; without it the brain is a table of rules.
    pub key: Option<ApiKey>,
    /// Where Gemini is reached.
    pub base_url: String,
    /// The model.
    pub model: String,
}

/// What the command line says about where and how; the environment fills in the rest.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--engine`.
    pub engine: Option<PathBuf>,
    /// `--terraform`.
    pub terraform: Option<PathBuf>,
    /// `--config`: the operator's numbers as YAML.
    pub config: Option<PathBuf>,
    /// `--charter`: the operator's rules, a profile's name or a file.
    pub charter: Option<String>,
    /// `--model`.
    pub model: Option<String>,
    /// `--offline`: ask nobody, whatever the environment holds.
    pub offline: bool,
}

/// What in the configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is nowhere to keep data.
    #[error("no folder for data: set --data, QUARTERDECK_DATA, XDG_STATE_HOME or HOME")]
    NoData,
    /// The operator's rules can't be read.
    #[error("read the configuration {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The operator's rules are not understood.
    #[error("{path}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// There is no such charter.
    #[error("there is no charter {0:?}: name laptop, production or a file of rules")]
    NoCharter(String),
    /// A charter holds what is no rule.
    #[error("{}", placed(.named, .faults))]
    Charter {
        /// Which.
        named: String,
        /// Everything that is wrong.
        faults: Faults,
    },
    /// A value of the environment or the command line is not understood.
    #[error("{what}: {problem}")]
    Value {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// The charters that come with the program, by name.
pub const PROFILES: [(&str, &str); 2] = [("laptop", LAPTOP), ("production", PRODUCTION)];
/// A file of settings has at most this many bytes (64 KiB); a real one has about ten lines.
const SETTINGS_BYTES_MAX: usize = 64 << 10;

/// These variables reach Terraform. None of them is a secret, but for a password in the address of a proxy, which the
/// worker hides in all that it tells.
const TOOL_VARIABLES: [&str; 8] = [
    "TF_CLI_CONFIG_FILE",
    "TF_PLUGIN_CACHE_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "TZ",
];

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this file is the one place that reads the environment")]
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Each fault on a line of its own, as compilers write them.
fn placed(named: &str, faults: &Faults) -> String {
    let line = |fault: &Fault| format!("{named}:{}:{}: {}", fault.line, fault.column, fault.what);
    faults.list().iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The folder of all data: `--data`, `$QUARTERDECK_DATA`, `$XDG_STATE_HOME/quarterdeck` or `~/.local/state/quarterdeck`.
///
/// # Errors
/// Where none of them is set.
pub fn data_folder(given: &Given) -> Result<PathBuf, ConfigError> {
    let named = given.data.clone().or_else(|| variable("QUARTERDECK_DATA").map(PathBuf::from));
    let state = || variable("XDG_STATE_HOME").map(|state| Path::new(&state).join("quarterdeck"));
    let home = || variable("HOME").map(|home| Path::new(&home).join(".local/state/quarterdeck"));
    let folder = named.or_else(state).or_else(home).ok_or(ConfigError::NoData)?;
    std::path::absolute(&folder).map_err(|error| ConfigError::Value { what: "--data", problem: error.to_string() })
}

/// What is logged: `$QUARTERDECK_LOG`, such as `info` or `quarterdeck=debug`; warnings where it is not set. What the client
/// of the Kubernetes API warns of is a finding anyway.
pub fn log_filter() -> String {
    variable("QUARTERDECK_LOG").unwrap_or_else(|| "warn,kube_runtime=off,kube_client=off".to_owned())
}

/// The engine's socket: `--engine`, a `unix://` in `$DOCKER_HOST`, or `/var/run/docker.sock`.
///
/// # Errors
/// Where `$DOCKER_HOST` names an engine that is not reached by a socket of this machine.
pub fn engine_socket(given: &Given) -> Result<PathBuf, ConfigError> {
    if let Some(engine) = &given.engine {
        return Ok(engine.clone());
    }
    match variable("DOCKER_HOST") {
        None => Ok(PathBuf::from("/var/run/docker.sock")),
        Some(host) => host.strip_prefix("unix://").map(PathBuf::from).ok_or_else(|| ConfigError::Value {
            what: "DOCKER_HOST",
            problem: format!("{host:?} is no unix:// address; only an engine on this machine is looked after"),
        }),
    }
}

/// Where `docker login` leaves logins: `config.json` in `$DOCKER_CONFIG` or `~/.docker`.
pub fn docker_config() -> Option<PathBuf> {
    let home = || variable("HOME").map(|home| Path::new(&home).join(".docker"));
    variable("DOCKER_CONFIG").map(PathBuf::from).or_else(home).map(|folder| folder.join("config.json"))
}

/// The Terraform program: `--terraform`, `$QUARTERDECK_TERRAFORM`, or the first `terraform` of `$PATH`.
pub fn terraform(given: &Given) -> Option<PathBuf> {
    let named = given.terraform.clone().or_else(|| variable("QUARTERDECK_TERRAFORM").map(PathBuf::from));
    named.or_else(|| on_path("terraform"))
}

/// The first program of this name in `$PATH`.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = variable("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Where compilers of policies may keep what they make once: `$QUARTERDECK_CACHE` or `~/.cache/quarterdeck`.
pub fn cache_folder() -> Option<PathBuf> {
    let home = || variable("HOME").map(|home| Path::new(&home).join(".cache/quarterdeck"));
    variable("QUARTERDECK_CACHE").map(PathBuf::from).or_else(home)
}

/// Cargo's own folder, whose path is kept out of what it makes: `$CARGO_HOME` or `~/.cargo`.
pub fn cargo_home() -> Option<PathBuf> {
    let home = || variable("HOME").map(|home| Path::new(&home).join(".cargo"));
    variable("CARGO_HOME").map(PathBuf::from).or_else(home)
}

/// What Terraform gets of our own environment.
pub fn tool_environment() -> Vec<(String, String)> {
    TOOL_VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?))).collect()
}

/// The brain: Gemini where `$GEMINI_API_KEY` (or `$GOOGLE_API_KEY`) is set, the table of rules elsewhere.
///
/// # Errors
/// Where the key is none.
pub fn brain(given: &Given) -> Result<BrainConfig, ConfigError> {
    let key = variable("GEMINI_API_KEY").or_else(|| variable("GOOGLE_API_KEY")).filter(|_| !given.offline);
    let parsed = key.map(|key| ApiKey::parse(&key)).transpose();
    Ok(BrainConfig {
        key: parsed.map_err(|error| ConfigError::Value { what: "GEMINI_API_KEY", problem: error.to_string() })?,
        base_url: variable("QUARTERDECK_GEMINI_URL").unwrap_or_else(|| BASE_URL.to_owned()),
        model: given.model.clone().or_else(|| variable("QUARTERDECK_GEMINI_MODEL")).unwrap_or_else(|| MODEL.to_owned()),
    })
}

/// Who is told of what waits for people, where somebody is.
///
/// # Errors
/// Where address or key is none, or one of the two is missing.
pub fn webhook() -> Result<Option<Webhook>, ConfigError> {
    let what = "QUARTERDECK_WEBHOOK_URL and QUARTERDECK_WEBHOOK_KEY";
    let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    match (given("QUARTERDECK_WEBHOOK_URL"), given("QUARTERDECK_WEBHOOK_KEY").map(Secret::new)) {
        (None, None) => Ok(None),
        (Some(url), Some(key)) => {
            let parsed = Webhook::parse(url.trim(), &key);
            parsed.map(Some).map_err(|error| ConfigError::Value { what, problem: error.to_string() })
        }
        (_, _) => Err(ConfigError::Value { what, problem: "only one of the two is set".to_owned() }),
    }
}

/// What the operator wants of the charter: rules, numbers, or both; what is not named stays as it is.
///
/// # Errors
/// Where a file can't be read, or says what is not understood, with line and column.
pub fn amendment(given: &Given) -> Result<Amendment, ConfigError> {
    let rules = given.charter.as_deref().map(rules).transpose()?;
    let settings = given.config.as_deref().map(settings).transpose()?;
    Ok(Amendment { rules, settings })
}

/// The rules of a charter: a profile that comes with the program, or a file.
///
/// # Errors
/// Where the file can't be read, or holds what is no rule, with line and column.
pub fn rules(named: &str) -> Result<Rules, ConfigError> {
    let path = PathBuf::from(named);
    let text = match PROFILES.iter().find(|(name, _)| *name == named) {
        Some((_, text)) => (*text).to_owned(),
        None => read_bounded(&path, RULES_BYTES_MAX).map_err(|source| {
            if source.kind() == io::ErrorKind::NotFound {
                return ConfigError::NoCharter(named.to_owned());
            }
            ConfigError::Read { path: path.clone(), source }
        })?,
    };
    Rules::parse(&text).map_err(|faults| ConfigError::Charter { named: named.to_owned(), faults })
}

/// A Unix group, by number, or by its name in `/etc/group`.
///
/// # Errors
/// Where there is no such group.
pub fn group(named: &str) -> Result<Gid, ConfigError> {
    let no = |problem: &str| ConfigError::Value { what: "--approvers", problem: format!("{named:?}: {problem}") };
    let listed = || {
        let text = std::fs::read_to_string("/etc/group").ok()?;
        let line = text.lines().find(|line| line.split(':').next() == Some(named))?;
        line.split(':').nth(2)?.parse::<u32>().ok()
    };
    let number = named.parse::<u32>().ok().or_else(listed);
    let number = number.ok_or_else(|| no("no such group in /etc/group; name it by its number"))?;
    // All ones means "as it is" to the kernel.
    if number == u32::MAX { Err(no("no group has this number")) } else { Ok(Gid::from_raw(number)) }
}

/// The operator's numbers.
///
/// # Errors
/// Where the file can't be read, or says what is not understood or can't be meant.
pub fn settings(path: &Path) -> Result<Settings, ConfigError> {
    let read = |source| ConfigError::Read { path: path.to_owned(), source };
    let text = read_bounded(path, SETTINGS_BYTES_MAX).map_err(read)?;
    let invalid = |problem: String| ConfigError::Invalid { path: path.to_owned(), problem };
    let settings: Settings = serde_saphyr::from_str(&text).map_err(|error| invalid(yaml_problem(&error)))?;
    settings.parsed_grants().map_err(|error| invalid(error.to_string()))?;
    settings.check().map_err(|error| invalid(error.to_string()))?;
    Ok(settings)
}

/// A text file, up to this size.
///
/// # Errors
/// Where it can't be read, is larger, or is no text.
pub fn read_bounded(path: &Path, bytes_max: usize) -> io::Result<String> {
    let mut text = String::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(path)?.take(limit).read_to_string(&mut text)?;
    if text.len() > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {bytes_max} bytes")));
    }
    Ok(text)
}
