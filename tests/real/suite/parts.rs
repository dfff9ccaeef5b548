//! What the stories run: the program, built once out of these sources, and Terraform with its mirror of providers.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// `terraform.sh` says with this exit code that there is no Terraform.
const ABSENT: i32 = 3;
/// How often something that is awaited is looked at: each look may be a process.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The programs.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) quarterdeck: PathBuf,
    pub(crate) terraform: PathBuf,
    /// Terraform's CLI configuration, whose only source of providers is the mirror.
    pub(crate) cli_config: PathBuf,
}

/// The programs; none where Terraform is absent and that is allowed.
///
/// # Panics
/// Where something is missing that may not be missing.
pub(crate) fn parts() -> Option<&'static Parts> {
    static PARTS: OnceLock<Option<Parts>> = OnceLock::new();
    PARTS.get_or_init(find).as_ref()
}

#[allow(clippy::disallowed_methods, reason = "whoever starts the suite says in the environment what may be skipped")]
fn find() -> Option<Parts> {
    let path = Command::new(script("terraform.sh")).arg("path").stderr(Stdio::inherit()).output().unwrap();
    if path.status.code() == Some(ABSENT) && std::env::var("QUARTERDECK_REAL").is_ok_and(|word| word == "skip") {
        // Not by a macro: the test harness would keep those to itself.
        let _nobody_listens = writeln!(
            std::io::stderr(),
            "SKIPPED: the real-parts suite, since terraform is absent and QUARTERDECK_REAL is \"skip\""
        );
        return None;
    }
    assert!(
        path.status.success(),
        "terraform.sh path: {}; put terraform on PATH, or set QUARTERDECK_REAL=skip",
        path.status
    );
    let quarterdeck = quarterdeck().to_owned();
    let cli_config = said(Command::new(script("terraform.sh")).arg("cli-config").stderr(Stdio::inherit()));
    let terraform = String::from_utf8(path.stdout).unwrap();
    Some(Parts { quarterdeck, terraform: terraform.trim().into(), cli_config: cli_config.into() })
}

/// The program alone, for a story that needs neither Terraform nor an engine.
pub(crate) fn quarterdeck() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("quarterdeck"))
}

/// The program of a worker's image.
pub(crate) fn worker() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("quarterdeck-worker"))
}

/// The program beside this one, out of the sources as they are now.
#[allow(clippy::disallowed_methods, reason = "cargo says in the environment which cargo it is")]
fn build(package: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.ancestors().nth(2).expect("a test lies in target/PROFILE/deps");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // With the whole workspace's features, as the suite itself was built: nothing is compiled a second time.
    command.args(["build", "--quiet", "--workspace", "--bin", package, "--target-dir"]).arg(folder.parent().unwrap());
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let built = command.current_dir(sources()).status().unwrap();
    assert!(built.success(), "cargo build --bin {package}: {built}");
    folder.join(package)
}

/// The root of the sources.
pub(crate) fn sources() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in a folder of the sources")
}

/// A script of the real parts.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("real").join(name)
}

/// What a command says on its standard output, which must end well.
pub(crate) fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Looks until there is something, and gives up loudly. How long it took is shown by `--nocapture`, and when it fails.
pub(crate) fn until<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            eprintln!("[{:5.1} s] {what}", begun.elapsed().as_secs_f32());
            return found;
        }
        assert!(begun.elapsed() < patience, "not within {patience:?}: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
