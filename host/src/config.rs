//! Configuration: the only place that reads the environment. Everything else is handed these values.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quarterdeck_core::charter::Charter;

use crate::observe::files::yaml_problem;
use crate::orient::gemini::{ApiKey, BASE_URL, MODEL};

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
    /// The operator's rules.
    pub charter: Charter,
    /// A turn at least this often.
    pub interval: Duration,
    /// The engine's socket.
    pub engine: PathBuf,
    /// The Terraform program, where one was found.
    pub terraform: Option<PathBuf>,
    /// Variables that Terraform gets beside what the worker sets: where providers are found, proxies, certificates.
    pub tool_environment: Vec<(String, String)>,
    /// The policy's component; steward where none is named.
    pub policy: Option<PathBuf>,
    /// Who is asked for advice; none asks the table of rules.
    pub brain: Option<BrainConfig>,
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
    /// `--config`: the operator's rules as YAML.
    pub charter: Option<PathBuf>,
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
    /// A value of the environment or the command line is not understood.
    #[error("{what}: {problem}")]
    Value {
        /// Which.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

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

/// What is logged: `$QUARTERDECK_LOG`, such as `info` or `quarterdeck=debug`; warnings where it is not set.
pub fn log_filter() -> String {
    variable("QUARTERDECK_LOG").unwrap_or_else(|| "warn".to_owned())
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

/// The Terraform program: `--terraform`, `$QUARTERDECK_TERRAFORM`, or the first `terraform` of `$PATH`.
pub fn terraform(given: &Given) -> Option<PathBuf> {
    let named = given.terraform.clone().or_else(|| variable("QUARTERDECK_TERRAFORM").map(PathBuf::from));
    named.or_else(|| {
        let path = variable("PATH")?;
        env::split_paths(&path).map(|folder| folder.join("terraform")).find(|file| file.is_file())
    })
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

/// The operator's rules, from a YAML file; the defaults where none is named.
///
/// # Errors
/// Where the file can't be read, or says what is not understood, with line and column.
pub fn charter(given: &Given) -> Result<Charter, ConfigError> {
    let Some(path) = &given.charter else { return Ok(Charter::default()) };
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
    let invalid = |problem: String| ConfigError::Invalid { path: path.clone(), problem };
    let charter: Charter = serde_saphyr::from_str(&text).map_err(|error| invalid(yaml_problem(&error)))?;
    charter.parsed_grants().map_err(|error| invalid(error.to_string()))?;
    Ok(charter)
}
