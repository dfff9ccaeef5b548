//! The engine, the rights of its socket, and whether each mission's provider can speak to it.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use quarterdeck_core::mission::MissionSpec;
use quarterdeck_core::observation::SeenMission;
use quarterdeck_core::preflight;
use quarterdeck_core::terraform::providers::EngineVersion;
use quarterdeck_core::terraform::text::escape;

use super::{Check, on_disk};
use crate::observe::local::{ProbeError, probe};

/// A mission's fault is told in at most this many characters: a sentence with a path in it.
const FAULT_CHARS_MAX: usize = 600;

pub(super) async fn check(socket: &Path, missions: &[SeenMission], timeout: Duration) -> Vec<Check> {
    let probed = probe(socket, timeout).await;
    let mut checks = vec![engine(socket, &probed)];
    checks.extend(rights(socket, timeout).await);
    checks.extend(missions.iter().map(|seen| mission(seen, probed.as_ref().ok())));
    checks
}

fn engine(socket: &Path, probed: &Result<EngineVersion, ProbeError>) -> Check {
    const NAME: &str = "engine";
    let problem = match probed {
        Ok(version) => return Check::well(NAME, format!("{version}, at {}", socket.display())),
        Err(problem) => problem,
    };
    let cure = match problem {
        ProbeError::NoSocket(_) => "install and start Docker, or name its socket with --engine or DOCKER_HOST",
        ProbeError::Denied(_) => {
            "add yourself to the group that owns the socket: sudo usermod -aG docker \"$USER\"; log in again"
        }
        ProbeError::Refused(_) => "start Docker: sudo systemctl start docker",
        ProbeError::Timeout { .. } | ProbeError::Broken { .. } | ProbeError::Status { .. } => {
            "look at the engine's log (journalctl -u docker), and restart it"
        }
        ProbeError::Unreadable { .. } | ProbeError::TooLarge { .. } | ProbeError::TooMany { .. } => {
            "name the socket of a Docker engine with --engine or DOCKER_HOST"
        }
        ProbeError::Client { .. } => "name the socket of a Docker engine by a shorter path",
    };
    Check::fail(NAME, "no Docker engine answers", problem.to_string(), cure)
}

/// Who may use the socket; nothing where there is none, which the check of the engine tells.
async fn rights(socket: &Path, timeout: Duration) -> Option<Check> {
    const NAME: &str = "socket";
    let path = socket.to_owned();
    let found = on_disk(timeout, move || std::fs::metadata(&path)).await.ok()?.ok()?;
    if !found.file_type().is_socket() {
        let cure = "name the engine's socket with --engine or DOCKER_HOST";
        return Some(Check::fail(NAME, "no socket", format!("{} is another kind of file", socket.display()), cure));
    }
    let mode = found.mode() & 0o777;
    let owner = format!("{} belongs to uid {}, gid {}, mode {mode:04o}", socket.display(), found.uid(), found.gid());
    if mode & 0o002 != 0 {
        let cause = format!("{owner}: whoever can write to it is root on this machine, and everybody can");
        return Some(Check::warn(NAME, "everybody may use it", cause, format!("sudo chmod o-rw {}", socket.display())));
    }
    Some(Check::well(NAME, owner))
}

fn mission(seen: &SeenMission, engine: Option<&EngineVersion>) -> Check {
    let source = escape(&seen.source, FAULT_CHARS_MAX);
    match &seen.spec {
        Ok(spec) => provider(spec, engine),
        Err(fault) => {
            let name = format!("mission at {source}");
            Check::fail(
                &name,
                "its files can't be used",
                escape(fault, FAULT_CHARS_MAX),
                "correct the file that is named",
            )
        }
    }
}

/// Whether the provider that a mission's files select and the engine understand each other.
fn provider(spec: &MissionSpec, engine: Option<&EngineVersion>) -> Check {
    let name = format!("mission {}", spec.name);
    let Some(version) = engine else {
        let cause = "no engine answers";
        return Check::warn(&name, "its provider can't be judged", cause, "see the engine above");
    };
    let (api, api_min) = (version.api.max.to_string(), version.api.min.to_string());
    if let Some(hold) = preflight::hold(spec, &api, &api_min) {
        let what = "its provider is too old for this engine";
        let cause = format!(
            "{} speaks API {} at most and the engine wants {} at least: every run would be refused",
            hold.provider, hold.speaks, hold.minimum
        );
        return Check::fail(&name, what, cause, hold.cure);
    }
    let doubts = preflight::doubts(spec, &api, &api_min);
    if !doubts.is_empty() {
        let cure = "choose a release of the table (>= 3.3.0), or see that the engine serves an older API";
        return Check::warn(&name, "nobody knows whether its provider and this engine agree", doubts.join("; "), cure);
    }
    Check::well(&name, "its provider and this engine agree".to_owned())
}
