//! The program itself, for tests that start it as its users do.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long something may take that takes some seconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program that is tried: the one that `QUARTERDECK_CRASH_PROGRAM` names (the release, in CI), or one that is built
/// like this test. Cargo is asked for that each time: yesterday's program would prove nothing.
///
/// # Panics
/// Where it can't be built.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        #[expect(clippy::disallowed_methods, reason = "whoever runs the tests may name another build of the program")]
        let named = std::env::var_os("QUARTERDECK_CRASH_PROGRAM");
        if let Some(program) = named {
            return program.into();
        }
        let myself = std::env::current_exe().expect("this test has a file");
        let folder = myself.parent().and_then(Path::parent).expect("it lies in PROFILE/deps");
        let profile = match folder.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        // With this crate, so that the features are those that everything was built with already.
        let mut cargo = Command::new(env!("CARGO"));
        // Cargo told this test about its package, and would take that for a change of what some libraries are built from.
        let told = std::env::vars_os().map(|(name, _)| name);
        for name in told.filter(|name| name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR")
        {
            cargo.env_remove(name);
        }
        let built = cargo
            .args(["build", "--quiet", "-p", "quarterdeck", "-p", "quarterdeck-tests", "--bin", "quarterdeck"])
            .args(["--profile", profile, "--target-dir"])
            .arg(folder.parent().expect("a profile lies in the target folder"))
            .current_dir(root())
            .status();
        assert!(built.expect("cargo runs").success(), "the program is built");
        folder.join("quarterdeck")
    })
}

/// The program over a data folder, with nothing of this machine's environment: no Terraform, no engine, no key.
pub fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.env_clear().env("HOME", data).arg("--data").arg(data);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command prints, which must end with 0.
///
/// # Panics
/// Where it does not.
pub fn said(data: &Path, arguments: &[&str]) -> String {
    let output = command(data, arguments).output().expect("it runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?} ended with {}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// Waits until something is there, and gives up after [`PATIENCE`].
///
/// # Panics
/// Where it does not come.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not come within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A process that is killed with its test.
pub struct Running(pub Child);

impl Running {
    /// Sends a signal, waits for the end, and says with which code it ended; none where the signal ended it.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn ends_by(&mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), signal).expect("it is a child that nobody has waited for");
        until("the process's end", || self.0.try_wait().expect("it can be asked")).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It is dead already where all went well.
        let _dead = self.0.kill().and_then(|()| self.0.wait());
    }
}
