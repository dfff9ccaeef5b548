//! A data folder with a mission, its host, and policies that were made for it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use quarterdeck::api::local::{SOCKET, is_alive};
use quarterdeck_tests::guests::{self, CONTRACT};
use quarterdeck_tests::program::{self, Running, until};
use rustix::process::Signal;
use serde_json::Value;

pub(super) struct Place {
    folder: tempfile::TempDir,
    goals: AtomicU32,
}

/// A host that ends in order with its test.
pub(super) struct Host(Running);

impl Drop for Host {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.ends_by(Signal::TERM);
        }
    }
}

impl Host {
    /// The process.
    pub(super) fn id(&self) -> u32 {
        self.0.0.id()
    }
}

/// A policy that decides nothing. The number makes it another one.
pub(super) fn quiet(number: u32) -> Vec<u8> {
    made(number, "(i32.const 128)")
}

/// A policy that can't decide at all.
pub(super) fn trapping() -> Vec<u8> {
    made(0, "unreachable")
}

/// A policy that decides nothing, and traps in the turns from this one on; the situation begins with the turn. In the first
/// turns and in those of the samples, which are the 4,700th and later, it behaves.
pub(super) fn trapping_from(turn: u32) -> Vec<u8> {
    let late = format!("(i32.sub (i32.load (local.get $situation)) (i32.const {turn}))");
    made(turn, &format!("(if (i32.lt_u {late} (i32.const 1000)) (then unreachable)) (i32.const 128)"))
}

fn made(number: u32, body: &str) -> Vec<u8> {
    let parts = ["prelude", "allocator", "describe"].map(|part| guests::text(part).expect("a part of every guest"));
    let decide = "(func (export \"quarterdeck:policy/decider@0.1.0#decide\") (param $situation i32) (result i32)";
    let module = format!("(module {} (data (i32.const 512) \"{number}\") {decide} {body}))", parts.join("\n"));
    guests::component(&module, CONTRACT).expect("a component")
}

impl Place {
    pub(super) fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder"), goals: AtomicU32::new(0) };
        fs::create_dir(place.path("web")).expect("a folder");
        fs::copy(program::root().join("deploy/examples/web/main.tf"), place.path("web/main.tf")).expect("a file");
        place.stir();
        place
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The data folder of the rehearsal.
    pub(super) fn world(&self) -> PathBuf {
        self.path("data/rehearsal")
    }

    /// Changes the mission's goal, which makes the host turn and is no work for anybody.
    pub(super) fn stir(&self) {
        let example = program::root().join("deploy/examples/web/mission.yaml");
        let goal = format!("  goal: {} ", self.goals.fetch_add(1, Ordering::Relaxed));
        let mission = fs::read_to_string(example).expect("the example").replace("  goal: ", &goal);
        let part = self.path("web/.part");
        fs::write(&part, mission).and_then(|()| fs::rename(part, self.path("web/mission.yaml"))).expect("a file");
    }

    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(&format!("{name}.wasm"));
        fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    }

    /// A rehearsal that is answering.
    pub(super) fn host(&self, flags: &[&str]) -> Host {
        let mut command = program::command(&self.data(), &["run", "--offline"]);
        command.arg(self.path("web")).args(flags).stdout(Stdio::null()).stderr(Stdio::null());
        let host = Host(Running(command.spawn().expect("it starts")));
        until("the host answers", || is_alive(&self.world().join(SOCKET)).then_some(()));
        until("it takes turns", || (self.said(&["get", "turns"]).lines().count() > 1).then_some(()));
        host
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        program::command(&self.data(), arguments)
    }

    pub(super) fn said(&self, arguments: &[&str]) -> String {
        program::said(&self.data(), arguments)
    }

    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.said(arguments)).expect("it is JSON")
    }

    /// What is told where a command has to fail.
    pub(super) fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.command(arguments).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        told
    }

    /// The policy that decides, by its digest's first digits.
    pub(super) fn active(&self) -> String {
        self.list().into_iter().find(|policy| policy["state"] == "active").expect("one decides")["policy"]
            .as_str()
            .and_then(|digest| digest.strip_prefix("sha256:"))
            .expect("a digest")[..12]
            .to_owned()
    }

    fn list(&self) -> Vec<Value> {
        self.json(&["policy", "list", "-o", "json"])["items"].as_array().expect("a list").clone()
    }

    /// Name and state of everything on the shelf.
    pub(super) fn states(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let mut all: Vec<_> =
            self.list().iter().map(|policy| (text(&policy["name"]), text(&policy["state"]))).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1));
        all
    }

    pub(super) fn policies_folder(&self) -> PathBuf {
        self.world().join("policies")
    }

    /// What lies in the catalog, by the first digits.
    pub(super) fn policies(&self) -> Vec<String> {
        let entries = fs::read_dir(self.policies_folder()).expect("the catalog");
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy()[..12].to_owned();
        let mut names: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
        names.sort();
        names
    }
}
