//! Running Terraform: its environment, its output, its end.
//!
//! The environment is built from nothing. Output goes to files in the folder, which the worker reads while they grow: a
//! pipe would break when the worker is killed, and Terraform with it, in the middle of an apply. Terraform has a process
//! group of its own, with its plugins, so that none of them outlives it. Its standard input is the empty file `alive` with
//! the worker's lock on it, so that the lock is free only when nobody of this run works any more, also where the worker
//! itself was killed.
//!
//! It is stopped in one way: one interrupt, upon which it finishes what it has begun, unlocks and ends; and where it does
//! not, after a grace, the end of its whole group.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::redaction::Secret;
use quarterdeck_core::terraform::ui_events::LINE_BYTES_MAX;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpgid};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::clock;
use crate::inputs::Inputs;
use crate::protocol::{RunConfig, RunFolder};

/// How often the output is looked at while Terraform runs.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Terraform has this long to end after its interrupt.
const GRACE: Duration = Duration::from_secs(30);
/// What a program says on its standard error is kept up to this many bytes, the last ones.
const STDERR_BYTES_MAX: u64 = 32 << 10;
/// Variables of the host's choice that would undo what the worker sets.
const OURS: [&str; 9] = [
    "HOME",
    "PATH",
    "TMPDIR",
    "DOCKER_HOST",
    "CHECKPOINT_DISABLE",
    "TF_DATA_DIR",
    "TF_INPUT",
    "TF_IN_AUTOMATION",
    "TF_WORKSPACE",
];

/// Terraform, ready to be run in its folder.
pub(crate) struct Tool {
    program: PathBuf,
    folder: RunFolder,
    environment: Vec<(String, String)>,
    /// The values of variables that are secrets, by what Terraform looks for.
    secrets: Vec<(String, Secret)>,
    /// The lock that says that somebody of this run lives.
    alive: File,
    /// When it is interrupted.
    pub(crate) interrupt_at: Timestamp,
    /// Whether the worker was told to stop.
    pub(crate) stop: watch::Receiver<bool>,
}

/// Why it was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    /// The worker was told to stop.
    Told,
    /// Its time was over.
    Late,
}

/// How a run of it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) interrupted: Option<Interrupted>,
    /// What it said on its standard error, the last of it.
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn success(&self) -> bool {
        self.status.success() && self.interrupted.is_none()
    }

    /// The end in words.
    pub(crate) fn words(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("terraform ended with exit code {code}"),
            (None, Some(signal)) => format!("terraform was ended by signal {signal}"),
            (None, None) => "terraform ended".to_owned(),
        }
    }

    /// Whether something other than the worker ended it by force.
    pub(crate) fn was_killed(&self) -> bool {
        self.status.signal().is_some() && self.interrupted.is_none()
    }
}

impl Tool {
    /// Terraform as the host configured it, with the state endpoint's variables.
    pub(crate) fn new(
        inputs: &Inputs,
        endpoint: &[(&'static str, String)],
        secrets: Vec<(String, Secret)>,
        alive: File,
        interrupt_at: Timestamp,
        stop: watch::Receiver<bool>,
    ) -> Tool {
        let environment = environment(&inputs.folder, &inputs.config, endpoint);
        let (program, folder) = (inputs.config.terraform.clone(), inputs.folder.clone());
        Tool { program, folder, environment, secrets, alive, interrupt_at, stop }
    }

    /// Runs one command and gives every line of its standard output to `line`, while it runs.
    pub(crate) async fn run(
        &mut self,
        step: &str,
        arguments: &[&str],
        line: &mut (dyn FnMut(&str) + Send),
    ) -> io::Result<Ended> {
        let out = self.folder.root().join(format!("{step}.out"));
        let ended = self.start(step, arguments, &out)?;
        let mut lines = Lines::open(&out)?;
        let ended = self.watch(ended, &mut || lines.read(false, line)).await?;
        lines.read(true, line);
        Ok(Ended { stderr: self.stderr(step), ..ended })
    }

    /// Runs one command whose standard output is a file that is wanted as a whole.
    pub(crate) async fn run_into(&mut self, step: &str, arguments: &[&str], out: &Path) -> io::Result<Ended> {
        let child = self.start(step, arguments, out)?;
        let ended = self.watch(child, &mut || ()).await?;
        Ok(Ended { stderr: self.stderr(step), ..ended })
    }

    fn start(&self, step: &str, arguments: &[&str], out: &Path) -> io::Result<Child> {
        let create = |path: &Path| OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let err = self.folder.root().join(format!("{step}.err"));
        Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(self.secrets.iter().map(|(name, value)| (name, value.expose())))
            .current_dir(self.folder.terraform())
            .stdin(self.alive.try_clone()?)
            .stdout(create(out)?)
            .stderr(create(&err)?)
            .process_group(0)
            .spawn()
    }

    async fn watch(&mut self, mut child: Child, look: &mut (dyn FnMut() + Send)) -> io::Result<Ended> {
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let mut interrupted = None;
        let mut kill_after: Option<tokio::time::Instant> = None;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status?,
                () = tokio::time::sleep(LOOK_EVERY) => look(),
            }
            if interrupted.is_none() {
                let told = *self.stop.borrow();
                let late = clock::now() >= self.interrupt_at;
                if told || late {
                    interrupted = Some(if told { Interrupted::Told } else { Interrupted::Late });
                    kill_after = Some(tokio::time::Instant::now() + GRACE);
                    // Terraform alone: its plugins leave the interrupt to it.
                    let _gone_already = group.map(|pid| kill_process(pid, Signal::INT));
                }
            } else if kill_after.is_some_and(|at| tokio::time::Instant::now() >= at) {
                let _gone_already = group.map(|pid| kill_process_group(pid, Signal::KILL));
            }
        };
        if let Some(group) = group {
            sweep(group).await;
        }
        Ok(Ended { status, interrupted, stderr: String::new() })
    }

    fn stderr(&self, step: &str) -> String {
        crate::disk::tail(&self.folder.root().join(format!("{step}.err")), STDERR_BYTES_MAX)
    }
}

/// Ends what is left of a group whose leader has ended: plugins that forgot to, whom the worker has inherited.
async fn sweep(group: Pid) {
    for _ in 0..50 {
        if kill_process_group(group, Signal::KILL).is_err() {
            return;
        }
        while let Ok(Some(_reaped)) = waitpgid(group, WaitOptions::NOHANG) {}
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn environment(folder: &RunFolder, config: &RunConfig, endpoint: &[(&'static str, String)]) -> Vec<(String, String)> {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let allowed = |name: &String| {
        !OURS.contains(&name.as_str()) && !name.starts_with("TF_HTTP_") && !name.starts_with("TF_CLI_ARGS")
    };
    let mut all: Vec<(String, String)> = config.environment.iter().filter(|(name, _)| allowed(name)).cloned().collect();
    let ours = [
        ("HOME", text(folder.root().to_owned())),
        ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("TMPDIR", text(folder.root().join("tmp"))),
        ("TF_DATA_DIR", text(folder.terraform().join(".terraform"))),
        ("TF_IN_AUTOMATION", "1".to_owned()),
        ("TF_INPUT", "0".to_owned()),
        ("CHECKPOINT_DISABLE", "1".to_owned()),
        ("DOCKER_HOST", format!("unix://{}", config.engine.display())),
    ];
    all.extend(ours.into_iter().map(|(name, value)| (name.to_owned(), value)));
    all.extend(endpoint.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    all
}

/// The lines of a file that grows.
struct Lines {
    file: File,
    rest: Vec<u8>,
    /// Whether the rest of a line that was too long is being left out.
    skipping: bool,
}

impl Lines {
    fn open(path: &Path) -> io::Result<Lines> {
        Ok(Lines { file: File::open(path)?, rest: Vec::new(), skipping: false })
    }

    /// Gives on what has been added; with `last` also a line that does not end.
    fn read(&mut self, last: bool, line: &mut (dyn FnMut(&str) + Send)) {
        let mut chunk = vec![0; 64 << 10];
        // A file that can't be read any more has nothing more to say; how the program ended tells the rest.
        while let Ok(length @ 1..) = self.file.read(&mut chunk) {
            for byte in &chunk[..length] {
                if *byte == b'\n' {
                    self.give(line);
                } else if !self.skipping {
                    self.rest.push(*byte);
                    if self.rest.len() > LINE_BYTES_MAX {
                        self.give(line);
                        self.skipping = true;
                    }
                }
            }
        }
        if last {
            self.give(line);
        }
    }

    fn give(&mut self, line: &mut (dyn FnMut(&str) + Send)) {
        if !self.skipping && !self.rest.is_empty() {
            line(&String::from_utf8_lossy(&self.rest));
        }
        self.skipping = false;
        self.rest.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::protocol::HostAddress;

    #[test]
    fn lines_are_given_once_they_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut writer = File::create(&path).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        let mut seen = Vec::new();
        write!(writer, "one\ntw").unwrap();
        lines.read(false, &mut |line| seen.push(line.to_owned()));
        write!(writer, "o\n{}\nfour", "x".repeat(LINE_BYTES_MAX + 9)).unwrap();
        lines.read(false, &mut |line| seen.push(line.to_owned()));
        lines.read(true, &mut |line| seen.push(line.to_owned()));
        assert_eq!((seen[0].as_str(), seen[1].as_str(), seen[3].as_str()), ("one", "two", "four"));
        assert_eq!((seen.len(), seen[2].len()), (4, LINE_BYTES_MAX + 1));
    }

    #[test]
    fn nothing_undoes_what_the_worker_sets() {
        let config = RunConfig {
            host: HostAddress::Socket("/s".into()),
            terraform: "/t".into(),
            engine: "/e.sock".into(),
            environment: [
                ("HOME", "/root"),
                ("TF_HTTP_ADDRESS", "http://evil"),
                ("TF_CLI_ARGS", "-x"),
                ("HTTPS_PROXY", "p"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        };
        let folder = RunFolder::at(Path::new("/run/x"));
        let all = environment(&folder, &config, &[("TF_HTTP_ADDRESS", "http://ours".to_owned())]);
        let value = |wanted: &str| {
            let found: Vec<_> =
                all.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str()).collect();
            found
        };
        assert_eq!(value("HOME"), ["/run/x"]);
        assert_eq!(value("TF_HTTP_ADDRESS"), ["http://ours"]);
        assert_eq!(value("DOCKER_HOST"), ["unix:///e.sock"]);
        assert_eq!(value("HTTPS_PROXY"), ["p"]);
        assert!(value("TF_CLI_ARGS").is_empty());
    }
}
