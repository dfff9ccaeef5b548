//! A data folder and missions, for tests that run the program in rehearsal as its users do.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use quarterdeck::remember::journal;
use quarterdeck_core::entry::Entry;
use serde_json::Value;

use crate::program::{self, Running, until};

/// A folder of the test's own; `data` in it is the program's, and what hosts tell is in `out` and `err`.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// With the mission `web` of the examples, which is `auto`.
    ///
    /// # Panics
    /// Where it can't be made.
    pub fn new() -> Home {
        let home = Home { folder: tempfile::tempdir().expect("a folder") };
        home.mission("web", "web");
        home
    }

    /// The example under another name; what it makes is called after `objects`.
    ///
    /// # Panics
    /// Where the example has changed.
    pub fn mission(&self, name: &str, objects: &str) {
        fs::create_dir_all(self.path(name)).expect("a folder");
        for (file, own, new) in [
            ("main.tf", "\"quarterdeck-web\"", format!("\"quarterdeck-{objects}\"")),
            ("mission.yaml", "name: web", format!("name: {name}")),
        ] {
            let text = fs::read_to_string(program::root().join("deploy/examples/web").join(file)).expect("a file");
            assert!(text.contains(own), "{file} has changed");
            fs::write(self.path(name).join(file), text.replace(own, &new)).expect("a file");
        }
    }

    /// A file that the test writes.
    ///
    /// # Panics
    /// Where it can't be written.
    pub fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).expect("a file");
        self.path(name).display().to_string()
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program's data folder.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// `run` with missions of this folder.
    pub fn run(&self, missions: &[&str], flags: &[&str]) -> Command {
        let mut command = program::command(&self.data(), &["run", "--offline"]);
        command.args(missions.iter().map(|name| self.path(name))).args(flags);
        command
    }

    /// A host that runs until it is ended.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn host(&self, missions: &[&str], flags: &[&str]) -> Running {
        let told = |name: &str| Stdio::from(File::create(self.path(name)).expect("a file"));
        Running(self.run(missions, flags).stdout(told("out")).stderr(told("err")).spawn().expect("it starts"))
    }

    /// A host, once it answers.
    ///
    /// # Panics
    /// Where it does not.
    pub fn answering(&self, missions: &[&str], flags: &[&str]) -> Running {
        let host = self.host(missions, flags);
        // The socket of a host that was killed lies there still; resuming what is not paused asks whoever listens.
        until("the host", || {
            let asked = program::command(&self.data(), &["resume"]).output().expect("it runs");
            String::from_utf8_lossy(&asked.stderr).contains("there is no pause").then_some(())
        });
        host
    }

    /// What the host that ran last has told on stderr.
    ///
    /// # Panics
    /// Where none was started.
    pub fn told(&self) -> String {
        fs::read_to_string(self.path("err")).expect("a host was started")
    }

    /// Says something that must be done, and gives back what it tells.
    ///
    /// # Panics
    /// Where it is not done.
    pub fn says(&self, words: &[&str]) -> String {
        let (done, told) = self.tries(words);
        assert!(done, "{words:?}: {told}");
        told
    }

    /// Says something that must be refused, and gives back what it tells.
    ///
    /// # Panics
    /// Where it is done.
    pub fn refused(&self, words: &[&str]) -> String {
        let (done, told) = self.tries(words);
        assert!(!done, "{words:?} is not refused");
        told
    }

    fn tries(&self, words: &[&str]) -> (bool, String) {
        let output = program::command(&self.data(), words).output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// What a command prints with `-o json`.
    ///
    /// # Panics
    /// Where it is no JSON.
    pub fn json(&self, words: &[&str]) -> Value {
        let words = [words, &["-o", "json"]].concat();
        serde_json::from_str(&program::said(&self.data(), &words)).expect("it is JSON")
    }

    /// What `get` lists.
    ///
    /// # Panics
    /// Where it lists nothing of that name.
    pub fn list(&self, what: &str) -> Vec<Value> {
        self.json(&["get", what])["items"].as_array().expect("a list has items").clone()
    }

    /// Whether the first mission is in this phase.
    ///
    /// # Panics
    /// As [`Home::list`].
    pub fn is(&self, phase: &str) -> Option<()> {
        (self.list("missions").first()?["phase"] == phase).then_some(())
    }

    /// The folder of the journal.
    pub fn journal(&self) -> PathBuf {
        self.data().join("rehearsal/journal")
    }

    /// What stands in the journal; nothing before a host has begun.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let _none = journal::read(&self.journal(), &mut |record| entries.push(record.entry));
        entries
    }
}

impl Default for Home {
    fn default() -> Home {
        Home::new()
    }
}

impl AsRef<Path> for Home {
    fn as_ref(&self) -> &Path {
        self.folder.path()
    }
}
