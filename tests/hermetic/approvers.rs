//! Two people at one host: a charter that asks two, a socket that a group may open, and who counts.
//!
//! Being two users takes the right to become others, which root has: elsewhere there is nothing to try, and the test says
//! so. The rules themselves are tried in core, as whoever runs the tests.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use quarterdeck_tests::program::{self, Running, until};
use rustix::process::Signal;
use serde_json::Value;

const CHARTER: &str = "@id(\"plans\")\npermit (principal, action in Action::\"reads\", resource);\n\
    @id(\"two-have-to-read-it\")\n@approval(\"human\")\n@approvers(\"2\")\n\
    permit (principal, action == Action::\"apply\", resource);\n\
    @id(\"words\")\npermit (principal, action in Action::\"words\", resource);\n\
    @id(\"two-amend-it\")\n@approval(\"human\")\n@approvers(\"2\")\n\
    permit (principal, action == Action::\"amend\", resource);\n";
/// The group of approvers, and two of its members; no user of a machine has such numbers.
const GROUP: u32 = 61_200;
const ADA: u32 = 61_201;
const BEN: u32 = 61_202;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        // Its parent is the test's own; a real one would be a folder that everybody may pass through.
        fs::set_permissions(place.folder.path(), Permissions::from_mode(0o711)).unwrap();
        fs::create_dir(place.path("web")).unwrap();
        for file in ["main.tf", "mission.yaml"] {
            fs::copy(program::root().join("deploy/examples/web").join(file), place.path("web").join(file)).unwrap();
        }
        fs::write(place.path("two.cedar"), CHARTER).unwrap();
        // Others may not pass through the folder that it was built in.
        fs::copy(program::program(), place.path("quarterdeck")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.path("quarterdeck"));
        command.env_clear().env("HOME", self.folder.path()).current_dir("/");
        command.arg("--data").arg(self.path("data")).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn says(&self, uid: u32, words: &[&str]) -> Output {
        let mut command = self.command(words);
        if uid != 0 {
            command.uid(uid).gid(GROUP);
        }
        command.output().unwrap()
    }

    fn list(&self, uid: u32, what: &str) -> Vec<Value> {
        let output = self.says(uid, &["get", what, "-o", "json"]);
        let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// Says something that is refused, and why.
    fn refused(&self, uid: u32, words: &[&str]) -> String {
        let output = self.says(uid, words);
        assert!(!output.status.success(), "{words:?} of uid {uid}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

#[test]
fn a_plan_that_two_have_to_read_waits_for_two_others() {
    if !rustix::process::geteuid().is_root() {
        println!("not tried: only root can be two other users");
        return;
    }
    let place = Place::new();
    let (web, charter) = (place.path("web"), place.path("two.cedar"));
    let flags = ["run", web.to_str().unwrap(), "--charter", charter.to_str().unwrap(), "--approvers", "61200"];
    let mut run = place.command(&flags);
    run.args(["--offline", "--engine", "/nonexistent"]).stdout(Stdio::null()).stderr(Stdio::null());
    // While another test forks, the copy is still open for writing there, and can't be started for a moment.
    let mut host = Running(until("the copy starts", || run.spawn().ok()));
    let asked = until("a person is asked", || {
        place.list(ADA, "approvals").into_iter().find(|approval| approval["state"] == "pending")
    });
    assert_eq!((&asked["needed"], &asked["given"]), (&2.into(), &0.into()), "{asked}");
    let id = asked["id"].as_str().unwrap();

    // The host's own user has written the mission.
    let told = place.refused(0, &["approve", id, "--yes"]);
    assert!(told.contains("wrote the mission") && told.contains("do not count"), "{told}");
    assert!(place.says(ADA, &["approve", id, "--yes"]).status.success());
    let told = place.refused(ADA, &["approve", id, "--yes"]);
    assert!(told.contains("1 of 2 people"), "{told}");
    // Approvers answer, and do nothing else.
    let others = [
        &["destroy", "web", "--yes"][..],
        &["cancel", "apply-web-1"],
        &["charter", "apply", "production"],
        &["pause"],
        &["resume", "web"],
        &["release", "web"],
    ];
    for words in others {
        let told = place.refused(ADA, words);
        assert!(told.contains("approvers may look, approve and deny"), "{words:?}: {told}");
    }
    assert!(place.list(ADA, "missions")[0]["phase"] != "Ready");
    assert!(place.says(BEN, &["approve", id, "--yes"]).status.success());
    until("the mission is ready", || (place.list(BEN, "missions").first()?["phase"] == "Ready").then_some(()));

    // A charter that permits more is read by two as well, and not by whoever wants it.
    assert!(place.says(0, &["charter", "apply", "laptop"]).status.success());
    let status = || -> Value {
        serde_json::from_slice(&place.says(ADA, &["charter", "status", "-o", "json"]).stdout).unwrap_or_default()
    };
    let wanted = status()["candidate"]["id"].as_str().unwrap().to_owned();
    let told = place.refused(0, &["approve", &wanted]);
    assert!(told.contains("wants this charter"), "{told}");
    for who in [ADA, BEN] {
        assert_ne!(status()["name"], "laptop");
        assert!(place.says(who, &["approve", &wanted]).status.success());
    }
    assert_eq!(status()["name"], "laptop");

    assert_eq!(fs::metadata(place.path("data/rehearsal/host.sock")).unwrap().mode() & 0o777, 0o660);
    nothing_is_open(&place.path("data"));
    assert_eq!(host.ends_by(Signal::TERM), Some(130));
    assert!(place.says(0, &["journal", "verify"]).status.success());
}

/// They pass through two folders to the socket; whatever else is there is closed to them.
fn nothing_is_open(data: &Path) {
    let passed = [data.to_owned(), data.join("rehearsal")];
    let mut folders = passed.to_vec();
    folders.dedup();
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let mode = entry.metadata().unwrap().mode() & 0o777;
            let expected = if passed.contains(&path) { 0o710 } else { mode & 0o700 };
            assert!(mode == expected || path.ends_with("host.sock"), "{}: {mode:o}", path.display());
            seen += 1;
            if kind.is_dir() && !passed.contains(&path) {
                folders.push(path);
            }
        }
    }
    assert!(seen > 6, "{seen} entries are too few to say anything");
}
