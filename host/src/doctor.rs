//! One page of checks: is everything here that a real mission needs, and if not, why, and what to do.
//!
//! Each check stands alone, so that one page tells all that is wrong and not only the first thing. A check reads; it
//! changes nothing but a file that it makes in the data folder and removes again, and it asks nobody outside this machine
//! unless it was told to (`online`, and a Kubernetes cluster that is named). All of them run at once and each has a time-out, so the page comes also where an
//! engine or a disk hangs.
//!
//! What is wrong with a mission's provider is judged by core's table, as before each run. Not here: the environment (the
//! caller gives values), and how the page is laid out.

mod data;
mod engine;
mod gemini;
mod kubernetes;
mod terraform;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use quarterdeck_core::observation::SeenMission;

use crate::orient::gemini::GeminiConfig;

pub use kubernetes::KubernetesInput;

/// What is looked at.
pub struct DoctorInput {
    /// The engine's socket.
    pub socket: PathBuf,
    /// Where Terraform may be, the best first; the first that is there is asked.
    pub terraform: Vec<PathBuf>,
    /// The value of `TF_CLI_CONFIG_FILE`.
    pub cli_config: Option<PathBuf>,
    /// The missions, as their files say them.
    pub missions: Vec<SeenMission>,
    /// The folder of all data.
    pub data: PathBuf,
    /// How Gemini is asked, where there is a key.
    pub gemini: Option<GeminiConfig>,
    /// Whether Gemini may be asked.
    pub online: bool,
    /// The Kubernetes cluster, where one is looked at.
    pub kubernetes: Option<KubernetesInput>,
    /// Where the work of missions would be done.
    pub place: Place,
    /// How long one check may wait for an answer.
    pub timeout: Duration,
}

/// Where the work of missions would be done, and so what has to be there for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In processes of this machine: by its engine and its Terraform.
    Machine,
    /// In Jobs of a cluster: the host looks at the engine itself, and Terraform is in the workers' image.
    Jobs,
    /// Nowhere: a host of a cluster that only looks.
    Nowhere,
}

/// How a check ended, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It could not be looked at by whoever asks, which is no fault.
    Note,
    /// It works, and something about it should be known.
    Warn,
    /// No real mission works like this.
    Fail,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, such as `engine` or `mission web`.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found.
    pub what: String,
    /// Why it is so, where it is not well.
    pub cause: Option<String>,
    /// What to do, where it is not well.
    pub cure: Option<String>,
}

impl Check {
    fn well(name: &str, what: String) -> Check {
        Check { name: name.to_owned(), verdict: Verdict::Ok, what, cause: None, cure: None }
    }

    fn note(name: &str, what: String) -> Check {
        Check { verdict: Verdict::Note, ..Check::well(name, what) }
    }

    fn ill(name: &str, verdict: Verdict, what: &str, cause: impl Into<String>, cure: impl Into<String>) -> Check {
        let (cause, cure) = (Some(cause.into()), Some(cure.into()));
        Check { name: name.to_owned(), verdict, what: what.to_owned(), cause, cure }
    }

    fn warn(name: &str, what: &str, cause: impl Into<String>, cure: impl Into<String>) -> Check {
        Check::ill(name, Verdict::Warn, what, cause, cure)
    }

    fn fail(name: &str, what: &str, cause: impl Into<String>, cure: impl Into<String>) -> Check {
        Check::ill(name, Verdict::Fail, what, cause, cure)
    }
}

impl fmt::Display for Check {
    /// One line, and one more each for the cause and the cure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Note => "note",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        write!(f, "{verdict:<4}  {}: {}", self.name, self.what)?;
        for (word, text) in [("cause", &self.cause), ("cure", &self.cure)] {
            if let Some(text) = text {
                write!(f, "\n      {word}: {text}")?;
            }
        }
        Ok(())
    }
}

/// Looks at everything. It ends within about three time-outs, and within some six where a cluster is looked at.
pub async fn check(input: DoctorInput) -> Vec<Check> {
    let DoctorInput { socket, terraform, cli_config, missions, data, gemini, online, kubernetes, place, timeout } =
        input;
    let (engine, tools, data, gemini, kubernetes) = tokio::join!(
        async { if place == Place::Nowhere { Vec::new() } else { engine::check(&socket, &missions, timeout).await } },
        async {
            if place != Place::Machine {
                return Vec::new();
            }
            let (tool, mirror) =
                tokio::join!(terraform::tool(&terraform, timeout), terraform::mirror(cli_config, timeout));
            vec![tool, mirror]
        },
        data::check(data, timeout),
        gemini::check(gemini, online, timeout),
        async {
            match kubernetes {
                Some(input) => Box::pin(kubernetes::check(input, timeout)).await,
                None => Vec::new(),
            }
        },
    );
    let mut checks = engine;
    checks.extend(tools);
    checks.extend(data);
    checks.push(gemini);
    checks.extend(kubernetes);
    checks
}

/// The program's exit code by the worst check: 0 where all is well or only warned of, 4 where something fails. A warning
/// is no failure, so that a script may ask for what is needed and not for what is nice.
pub fn exit_code(checks: &[Check]) -> u8 {
    match checks.iter().map(|check| check.verdict).max() {
        Some(Verdict::Fail) => 4,
        Some(Verdict::Ok | Verdict::Note | Verdict::Warn) | None => 0,
    }
}

/// A look at files on a thread of its own, which a disk that hangs may keep; we wait no longer than the time-out.
async fn on_disk<T: Send + 'static>(
    timeout: Duration,
    look: impl FnOnce() -> T + Send + 'static,
) -> Result<T, &'static str> {
    match tokio::time::timeout(timeout, tokio::task::spawn_blocking(look)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(_)) => Err("the look at it ended early"),
        Err(_) => Err("the disk does not answer in time"),
    }
}
