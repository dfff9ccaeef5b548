//! Terraform itself, and where it gets its providers from.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use quarterdeck_core::terraform::providers::Version;
use quarterdeck_core::terraform::syntax::{Item, parse_native};
use quarterdeck_core::terraform::text::escape;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::{Check, on_disk};

const TOOL: &str = "terraform";
const MIRROR: &str = "providers";
/// What Terraform says of itself is read up to this many bytes; it is about 200.
const SAID_BYTES_MAX: u64 = 64 << 10;
/// A text from outside is shown up to this many characters.
const SHOWN_CHARS_MAX: usize = 200;
/// A CLI configuration is read up to this many bytes; real ones have ten lines.
const CONFIG_BYTES_MAX: u64 = 256 << 10;
/// From this release on `plan -json` and the state's endpoint are as the worker needs them; it is tried with 1.11.
const TRIED_FROM: Version = Version::new(1, 5, 0);
/// What to do where there is none.
const INSTALL: &str =
    "install Terraform, or name it with --terraform or QUARTERDECK_TERRAFORM; without it missions are rehearsed";

#[derive(Deserialize)]
struct Answer {
    terraform_version: String,
}

/// Is Terraform there, and what does it say its version is?
pub(super) async fn tool(candidates: &[PathBuf], timeout: Duration) -> Check {
    let looked = candidates.to_vec();
    let found = on_disk(timeout, move || looked.into_iter().find(|path| is_program(path))).await;
    let program = match found {
        Ok(Some(program)) => program,
        Ok(None) => {
            let looked: Vec<_> = candidates.iter().map(|path| path.display().to_string()).collect();
            let cause = if looked.is_empty() {
                "none on PATH".to_owned()
            } else {
                format!("no program at {}", looked.join(", "))
            };
            return Check::fail(TOOL, "not found", cause, INSTALL);
        }
        Err(cause) => return Check::fail(TOOL, "can't be looked for", cause, INSTALL),
    };
    let at = program.display().to_string();
    let broken = |cause: String| Check::fail(TOOL, &format!("{at} does not work"), cause, INSTALL);
    match tokio::time::timeout(timeout, ask(&program)).await {
        Err(_) => broken(format!("no answer within {} s to `version -json`", timeout.as_secs_f32())),
        Ok(Err(cause)) => broken(cause),
        Ok(Ok(version)) => match version.parse::<Version>() {
            Ok(known) if known < TRIED_FROM => {
                let cause = format!("it is older than {TRIED_FROM}, the oldest that is meant to work");
                Check::fail(TOOL, &format!("{version} at {at}"), cause, "install a newer Terraform")
            }
            // A pre-release has no plain number; it is a new one.
            Ok(_) | Err(_) => Check::well(TOOL, format!("{version} at {at}")),
        },
    }
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Runs `version -json`, with an environment made from nothing and in a folder without files of Terraform's.
async fn ask(program: &Path) -> Result<String, String> {
    let mut child = Command::new(program)
        .args([OsStr::new("version"), OsStr::new("-json")])
        .env_clear()
        .env("CHECKPOINT_DISABLE", "1")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("it can't be started: {error}"))?;
    let mut said = Vec::new();
    let output = child.stdout.take().expect("the output was asked for");
    output.take(SAID_BYTES_MAX).read_to_end(&mut said).await.map_err(|error| format!("read its output: {error}"))?;
    let status = child.wait().await.map_err(|error| format!("wait for its end: {error}"))?;
    if !status.success() {
        return Err(format!("`version -json` ended with {status}"));
    }
    let answer: Answer =
        serde_json::from_slice(&said).map_err(|_| "`version -json` printed something else".to_owned())?;
    Ok(escape(&answer.terraform_version, SHOWN_CHARS_MAX))
}

/// Where do the providers come from? Only the configuration is looked at.
pub(super) async fn mirror(cli_config: Option<PathBuf>, timeout: Duration) -> Check {
    let Some(path) = cli_config else {
        let what = "from the public registry: no TF_CLI_CONFIG_FILE names another source, so `init` needs the network";
        return Check::well(MIRROR, what.to_owned());
    };
    match on_disk(timeout, move || judge(&path)).await {
        Ok(check) => check,
        Err(cause) => Check::fail(MIRROR, "the CLI configuration can't be read", cause, "repair the disk"),
    }
}

/// Judges the CLI configuration and looks whether what it names is there.
fn judge(path: &Path) -> Check {
    let at = path.display();
    let text = match read(path) {
        Ok(text) => text,
        Err(error) => {
            let what = "TF_CLI_CONFIG_FILE can't be read";
            let cause = format!("{at}: {error}; Terraform only warns of that, and goes to the public registry");
            return Check::fail(MIRROR, what, cause, "correct TF_CLI_CONFIG_FILE, or unset it");
        }
    };
    let items = match parse_native(&text) {
        Ok(items) => items,
        // Its names are quoted, which is no HCL 2; it is the only such thing in a CLI configuration.
        Err(_) if text.contains("dev_overrides") => return overrides(path),
        Err(fault) => {
            let cause = format!("{at}, line {}: {}", fault.at.line, escape(&fault.message, SHOWN_CHARS_MAX));
            return Check::warn(
                MIRROR,
                "the CLI configuration is not understood",
                cause,
                "see that Terraform takes it",
            );
        }
    };
    let installation = items.iter().find(|item| item.name == "provider_installation");
    let Some(installation) = installation else {
        return Check::well(MIRROR, format!("from the public registry: {at} has no provider_installation"));
    };
    let methods: Vec<Method> = installation.body.iter().filter_map(method).collect();
    let absent = methods.iter().find_map(|method| match method {
        Method::Folder(folder) if !Path::new(folder).is_dir() => Some(folder),
        Method::Folder(_) | Method::Network(_) | Method::Direct | Method::Overrides => None,
    });
    if let Some(folder) = absent {
        let cause = format!("{at} names the mirror {}, which is no folder", escape(folder, SHOWN_CHARS_MAX));
        return Check::fail(
            MIRROR,
            "the mirror is not there",
            cause,
            "make the mirror (terraform providers mirror), or correct the path",
        );
    }
    if methods.iter().any(|method| matches!(method, Method::Overrides)) {
        return overrides(path);
    }
    if methods.is_empty() {
        let cause = format!("{at} has a provider_installation without a method");
        return Check::fail(MIRROR, "from nowhere", cause, "name a filesystem_mirror, a network_mirror or direct");
    }
    let from: Vec<String> = methods.iter().map(ToString::to_string).collect();
    Check::well(MIRROR, format!("from {}, says {at}", from.join(", then ")))
}

fn overrides(path: &Path) -> Check {
    let cause = format!("{} has dev_overrides: versions and checksums of lock files mean nothing then", path.display());
    Check::warn(MIRROR, "a provider is replaced", cause, "remove dev_overrides")
}

/// One way to get providers.
enum Method {
    Folder(String),
    Network(String),
    Direct,
    Overrides,
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Method::Folder(folder) => write!(f, "the mirror {}", escape(folder, SHOWN_CHARS_MAX)),
            Method::Network(url) => write!(f, "the mirror {}", escape(url, SHOWN_CHARS_MAX)),
            Method::Direct => f.write_str("the providers' own registries"),
            Method::Overrides => f.write_str("a folder of its developer's"),
        }
    }
}

fn method(item: &Item) -> Option<Method> {
    let argument = |name: &str| item.inside(name).next().and_then(Item::text).unwrap_or_default().to_owned();
    match item.name.as_str() {
        "filesystem_mirror" => Some(Method::Folder(argument("path"))),
        "network_mirror" => Some(Method::Network(argument("url"))),
        "direct" => Some(Method::Direct),
        "dev_overrides" => Some(Method::Overrides),
        _ => None,
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    // A named pipe or a device would be waited for; only a plain file is a configuration.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no plain file"));
    }
    std::fs::File::open(path)?.take(CONFIG_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}
