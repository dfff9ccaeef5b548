//! How the program ends: its exit code, and what it says when something failed.

use std::fmt;
use std::process::ExitCode;

use crate::api::local::{ClientError, ListenError};
use crate::app::StartError;
use crate::config::ConfigError;
use crate::registry::RegistryError;
use crate::remember::JournalError;
use crate::remember::prune::PruneError;
use crate::remember::verify::VerifyError;
use crate::replay::ReplayError;

/// The exit codes, all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: the work failed: a mission is Failed or Held, a plan was denied or refused, the host stopped by itself; or what
    /// was compared differs.
    Failed,
    /// 2: the command line, a mission or the configuration is not valid.
    Usage,
    /// 3: what is needed is not in reach: no host, no engine, no journal; or a rehearsal that is not allowed.
    Unreachable,
    /// 4: the journal or a backup is damaged, signed by somebody else or not what was kept, or `doctor` found what must be mended.
    Damaged,
    /// 124: the time that `--timeout` gave is over.
    TimedOut,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::Damaged => 4,
            Exit::TimedOut => 124,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// What failed, how the program ends because of it, and what a person can do next.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What was tried; its sources say why it failed.
    pub error: anyhow::Error,
    /// What to do now.
    pub next: Option<String>,
    /// What is printed on stdout all the same.
    pub out: String,
}

impl Failure {
    /// A failure that we found ourselves.
    pub fn new(exit: Exit, error: impl fmt::Display, next: impl Into<String>) -> Failure {
        Failure::of(exit, anyhow::anyhow!("{error}"), Some(next.into()))
    }

    /// A failure that somebody else found.
    pub fn of(exit: Exit, error: impl Into<anyhow::Error>, next: Option<String>) -> Failure {
        Failure { exit, error: error.into(), next, out: String::new() }
    }

    /// The failure as people read it: `error:`, a `because:` for each source, and `next:`.
    pub fn text(&self) -> String {
        let escape = super::print::escape_lines;
        let mut text = format!("error: {}\n", escape(&self.error.to_string()));
        for cause in self.error.chain().skip(1) {
            text.push_str(&format!("because: {}\n", escape(&cause.to_string())));
        }
        if let Some(next) = &self.next {
            text.push_str(&format!("next: {}\n", escape(next)));
        }
        text
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Failure {
        let (exit, next) = match &error {
            JournalError::Base { .. } => {
                (Exit::Damaged, "restore the journal's folder, and journal.key beside it, from a copy")
            }
            JournalError::Damaged { .. } => (Exit::Damaged, "restore the file from a copy, or move the folder away"),
            JournalError::Entry { .. } => (Exit::Damaged, "read it with the version of quarterdeck that wrote it"),
            JournalError::InUse(_) => (Exit::Unreachable, "ask the running host: quarterdeck get missions"),
            JournalError::Io { .. } => (Exit::Failed, "look at the disk and at who owns the folder"),
            JournalError::TooLarge(_) | JournalError::Poisoned => {
                (Exit::Failed, "start it again: quarterdeck run PATH")
            }
        };
        Failure::of(exit, error, Some(next.to_owned()))
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Failure {
        let (exit, next) = match error {
            VerifyError::Journal(error) => return Failure::from(error),
            VerifyError::Pruned { .. } => (Exit::Unreachable, "name the folder of the older segments with --archive"),
            VerifyError::Checkpoint { .. } | VerifyError::Base { .. } | VerifyError::Unattested(_) => {
                (Exit::Damaged, "ask who can write to this folder, and restore it from a copy that verifies")
            }
            VerifyError::Kept { .. } => {
                (Exit::Damaged, "keep the checkpoint and this folder as they are, and ask who can write here")
            }
        };
        Failure::of(exit, error, Some(next.to_owned()))
    }
}

impl From<PruneError> for Failure {
    fn from(error: PruneError) -> Failure {
        let (exit, next) = match error {
            PruneError::Verify(error) => {
                let mut failure = Failure::from(error);
                failure.error = failure.error.context("verify the journal before anything of it goes");
                return failure;
            }
            PruneError::Journal(JournalError::InUse(_)) => {
                (Exit::Unreachable, "end the host first: interrupt it, prune, and start it again")
            }
            PruneError::Journal(error) => return Failure::from(error),
            PruneError::NoKey(_) => (Exit::Unreachable, "start a host once, which makes one: quarterdeck run PATH"),
            PruneError::Archive(_) | PruneError::SameFolder(_) => (Exit::Usage, "choose another folder with --archive"),
        };
        Failure::of(exit, error, Some(next.to_owned()))
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Failure {
        match error {
            ReplayError::Journal(error) => Failure::from(error),
            ReplayError::Thread(_) => Failure::of(Exit::Failed, error, Some("end what else runs here".to_owned())),
        }
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Failure {
        let (exit, next) = match &error {
            RegistryError::NoTag => (Exit::Usage, "name a tag: oci://HOST/REPOSITORY:TAG"),
            RegistryError::Tls | RegistryError::Client(_) => (Exit::Failed, "this machine lacks what TLS needs"),
            RegistryError::Login(_) => (Exit::Failed, "log in again: docker login HOST"),
            RegistryError::Unauthorized { .. } => (Exit::Failed, "log in: docker login HOST"),
            RegistryError::Send { .. } | RegistryError::Deadline(_) => {
                (Exit::Unreachable, "look at the host's name and at the network, and try again")
            }
            RegistryError::NotFound(_) => (Exit::Unreachable, "look at the repository's name and at the tag"),
            RegistryError::Refused { .. } => (Exit::Failed, "ask whoever runs the registry"),
            RegistryError::Elsewhere { .. } | RegistryError::Unreadable { .. } => {
                (Exit::Failed, "ask whoever runs the registry; nothing was kept")
            }
            RegistryError::Manifest(_) => (Exit::Failed, "name a policy: quarterdeck policy publish stores one"),
            RegistryError::TooLarge { .. } | RegistryError::Length { .. } | RegistryError::Digest { .. } => {
                (Exit::Failed, "do not trust this registry's copy; nothing was kept")
            }
        };
        Failure::of(exit, error, Some(next.to_owned()))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure::of(Exit::Usage, error, Some("quarterdeck run --help".to_owned()))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        let (exit, next) = match &error {
            ClientError::Setup(_) => (Exit::Failed, None),
            ClientError::NoAnswer { .. } => (Exit::Unreachable, Some("start a host: quarterdeck run PATH".to_owned())),
            ClientError::Refused(refusal) => (Exit::Failed, Some(refusal.next.clone())),
        };
        Failure::of(exit, error, next)
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Failure {
        let next = match &error {
            ListenError::Alive(_) => "ask the running host: quarterdeck get missions",
            ListenError::Io { .. } => "choose another folder with --data",
        };
        Failure::of(Exit::Unreachable, error, Some(next.to_owned()))
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Failure {
        let (exit, next) = match error {
            StartError::Journal(error) => {
                let mut failure = Failure::from(error);
                failure.error = failure.error.context("start the host");
                return failure;
            }
            StartError::Mission(_) => (Exit::Usage, "correct the file; the README shows a whole mission"),
            StartError::NoMission => (Exit::Usage, "quarterdeck run deploy/examples/web"),
            StartError::Grants(_) => (Exit::Usage, "correct the file that --config names"),
            StartError::Charter(_) => (
                Exit::Failed,
                "start without --charter and --config to go on under the charter in force; quarterdeck charter show in-force",
            ),
            StartError::Policy { .. } => (Exit::Usage, "quarterdeck policy check FILE says what each check saw"),
            StartError::Nominate { .. } => (
                Exit::Failed,
                "leave --policy out to go on with the one that decides, or see quarterdeck charter show in-force",
            ),
            StartError::Catalog(_) => (Exit::Failed, "look at the folder policies/ in the data folder"),
            StartError::ReadPolicy { .. } => (Exit::Usage, "name a file that is there with --policy"),
            StartError::NotReal(_) => (Exit::Unreachable, "start an engine and install terraform, or leave --real out"),
            StartError::WasReal { .. } => {
                (Exit::Unreachable, "bring the engine and terraform back; nothing was changed")
            }
            StartError::HalfReal(_) => (
                Exit::Unreachable,
                "start an engine and install terraform, or run with --kubernetes and without missions",
            ),
            StartError::AnotherKind { .. } => {
                (Exit::Usage, "start the host as it was started before, until that worker has ended")
            }
            StartError::AtWork { .. } => (Exit::Usage, "name its mission's folder too; quarterdeck get workers"),
            StartError::Kubernetes(_) => {
                (Exit::Unreachable, "kubectl config get-contexts lists what --context can name")
            }
            StartError::Lease(_) => (Exit::Unreachable, "kubectl auth can-i --list shows what the host may do"),
            StartError::Engine { .. } => (Exit::Unreachable, "quarterdeck doctor says what the engine lacks"),
            StartError::Listen(_) | StartError::Folder { .. } => (Exit::Failed, "choose another folder with --data"),
            StartError::ListenTls { .. } => (Exit::Failed, "name a free address in the file of --workers"),
            StartError::Brain(_) => (Exit::Usage, "correct the key or the address, or run with --offline"),
            StartError::Sandbox(_) | StartError::Random(_) => (Exit::Failed, "this machine lacks what a host needs"),
        };
        Failure::of(exit, error, Some(next.to_owned()))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        // Whoever read our output has seen enough: `quarterdeck get turns | head`.
        let exit = if error.kind() == std::io::ErrorKind::BrokenPipe { Exit::Done } else { Exit::Failed };
        Failure::of(exit, anyhow::Error::new(error).context("write the output"), None)
    }
}
