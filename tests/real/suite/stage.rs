//! What one story has: an engine of its own, a data folder, missions to edit, and the program to talk to.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::parts::{Parts, parts, said, script, sources, until};
use crate::processes;

/// Nothing that a story waits for takes longer on two busy processors; most takes seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// An engine, a data folder and missions. Everything ends with it.
pub(crate) struct Stage {
    parts: &'static Parts,
    folder: TempDir,
}

/// A host in the background. It ends with its story; its workers end with the stage.
pub(crate) struct Host {
    child: Child,
    log: PathBuf,
}

/// What is on the engine, its own networks left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Objects {
    /// Name and id of the containers, also of those that do not run.
    pub(crate) containers: Vec<(String, String)>,
    /// The same of the networks.
    pub(crate) networks: Vec<(String, String)>,
    /// The names of the volumes.
    pub(crate) volumes: Vec<String>,
}

impl Stage {
    /// Brings an engine of this release up, with nginx's image. None where the suite is skipped.
    pub(crate) fn raise(release: &str) -> Option<Stage> {
        let stage = Stage { parts: parts()?, folder: tempfile::Builder::new().prefix("qd").tempdir().unwrap() };
        stage.engine(&["start", release]);
        said(Command::new(script("nginx.sh")).arg("load").arg(stage.socket()));
        Some(stage)
    }

    fn engine_folder(&self) -> PathBuf {
        self.folder.path().join("engine")
    }

    fn engine(&self, words: &[&str]) {
        // Its output is a file: the engine would keep a pipe open, and we would wait for its end.
        let log = File::create(self.folder.path().join("engine.log")).unwrap();
        let mut command = Command::new(script("engine.sh"));
        command.args(words).arg(self.engine_folder()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let status = command.status().unwrap();
        let log = fs::read_to_string(self.folder.path().join("engine.log")).unwrap();
        assert!(status.success(), "engine.sh {words:?}: {status}: {log}");
    }

    /// Another release of the engine, on the same socket and data.
    pub(crate) fn swap(&self, release: &str) {
        self.engine(&["swap", release]);
    }

    /// The engine's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.engine_folder().join("docker.sock")
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A path beside the data folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy of an example, to be edited.
    pub(crate) fn example(&self, name: &str) -> PathBuf {
        let (from, to) = (sources().join("deploy/examples").join(name), self.folder.path().join(name));
        fs::create_dir(&to).unwrap();
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
        to
    }

    /// The HTTP status that a published port answers with, or 000.
    pub(crate) fn web(&self, port: u16) -> String {
        let mut command = Command::new(script("engine.sh"));
        command.arg("inside").arg(self.engine_folder());
        command.args("curl -s -o /dev/null -w %{http_code} --max-time 10".split(' '));
        let output = command.arg(format!("http://127.0.0.1:{port}/")).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits for nginx at a published port.
    pub(crate) fn must_answer(&self, port: u16) {
        until(&format!("nginx answers at port {port}"), PATIENCE, || (self.web(port) == "200").then_some(()));
    }

    /// A request to the engine itself, past everybody else.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Value {
        let mut command = Command::new("curl");
        command.args(["-sS", "--fail-with-body", "--max-time", "30", "-X", method, "--unix-socket"]).arg(self.socket());
        let body = said(command.arg(format!("http://engine/{path}")));
        if body.is_empty() { Value::Null } else { serde_json::from_str(&body).unwrap() }
    }

    /// Removes a container by hand, as `docker rm -f` does.
    pub(crate) fn remove_container(&self, name: &str) {
        self.ask("DELETE", &format!("containers/{name}?force=1"));
    }

    /// What the engine has.
    pub(crate) fn objects(&self) -> Objects {
        let named = |value: &Value, name: &str| (text(name, value), text("/Id", value));
        let list = |path: &str| self.ask("GET", path).as_array().cloned().unwrap_or_default();
        let containers = list("containers/json?all=1");
        let networks = list("networks").into_iter().map(|network| named(&network, "/Name"));
        let volumes = self.ask("GET", "volumes");
        let volumes = volumes["Volumes"].as_array().cloned().unwrap_or_default();
        Objects {
            containers: containers
                .iter()
                .map(|c| named(c, "/Names/0"))
                .map(|(name, id)| (name.trim_start_matches('/').to_owned(), id))
                .collect(),
            networks: networks.filter(|(name, _)| !["bridge", "host", "none"].contains(&name.as_str())).collect(),
            volumes: volumes.iter().map(|volume| text("/Name", volume)).collect(),
        }
    }

    fn program(&self) -> Command {
        let mut command = Command::new(&self.parts.quarterdeck);
        command.env("TF_CLI_CONFIG_FILE", &self.parts.cli_config).env("NO_COLOR", "1").env_remove("DOCKER_HOST");
        command.env("QUARTERDECK_LOG", "info").arg("--data").arg(self.data()).arg("--real").stdin(Stdio::null());
        command
    }

    fn command(&self, engine: &Path, missions: &[&Path], more: &[&str]) -> Command {
        let mut command = self.program();
        command.arg("run").args(missions).arg("--engine").arg(engine).arg("--terraform").arg(&self.parts.terraform);
        command.arg("--offline").args(more);
        command
    }

    /// `quarterdeck run`, to its end.
    pub(crate) fn run(&self, engine: &Path, missions: &[&Path], more: &[&str]) -> Output {
        self.command(engine, missions, more).output().unwrap()
    }

    /// `quarterdeck run --until-ready`, which must end well.
    pub(crate) fn run_until_ready(&self, mission: &Path) {
        let output = self.run(&self.socket(), &[mission], &["--until-ready", "--timeout", "3m"]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "run --until-ready: {}: {errors}", output.status);
    }

    /// A host in the background, once it answers.
    pub(crate) fn host(&self, mission: &Path) -> Host {
        self.host_at(&self.socket(), mission)
    }

    /// The same, which reaches the engine by another socket.
    pub(crate) fn host_at(&self, engine: &Path, mission: &Path) -> Host {
        self.host_with(engine, mission, &[])
    }

    /// The same, with more flags.
    pub(crate) fn host_with(&self, engine: &Path, mission: &Path, more: &[&str]) -> Host {
        let log = self.folder.path().join("host.log");
        let open = || File::options().create(true).append(true).open(&log).unwrap();
        let child = self.command(engine, &[mission], more).stdout(open()).stderr(open()).spawn().unwrap();
        let mut host = Host { child, log: log.clone() };
        until("the host answers", PATIENCE, || {
            if let Some(status) = host.child.try_wait().unwrap() {
                panic!("the host ended: {status}");
            }
            let socket = self.data().join("real/host.sock");
            std::os::unix::net::UnixStream::connect(socket).ok()
        });
        host
    }

    /// Any other command of the program.
    pub(crate) fn say(&self, words: &[&str]) -> Output {
        self.program().args(words).output().unwrap()
    }

    /// A command of the program that must end well; gives what it says on its standard output.
    pub(crate) fn must(&self, words: &[&str]) -> String {
        said(self.program().args(words))
    }

    /// `quarterdeck get WHAT -o json`.
    pub(crate) fn get(&self, what: &str) -> Vec<Value> {
        let list: Value = serde_json::from_str(&self.must(&["get", what, "-o", "json"])).unwrap();
        list["items"].as_array().expect("a list has items").clone()
    }

    /// The one mission.
    pub(crate) fn mission(&self) -> Value {
        self.get("missions").into_iter().next().unwrap_or_default()
    }

    /// Waits until the one mission is in this phase.
    pub(crate) fn until_phase(&self, phase: &str) -> Value {
        let mut last = Value::Null;
        let mission = |last: &mut Value| {
            *last = self.mission();
            (last["phase"] == phase).then(|| last.clone())
        };
        until(&format!("the mission is {phase}"), PATIENCE, || mission(&mut last))
    }

    /// Waits for an open finding of a rule.
    pub(crate) fn until_finding(&self, rule: &str) -> Value {
        until(&format!("a finding {rule}"), PATIENCE, || {
            self.get("findings").into_iter().find(|finding| finding["rule"] == rule)
        })
    }

    /// The names of all workers of an operation that were ever started.
    pub(crate) fn workers(&self, operation: Option<&str>) -> Vec<String> {
        let workers = self.get("workers").into_iter();
        let mine = workers.filter(|worker| operation.is_none_or(|operation| worker["operation"] == operation));
        let mut names: Vec<String> = mine.map(|worker| text("/name", &worker)).collect();
        names.sort();
        names
    }

    /// Waits for one more turn: what the loop would do about what it has seen is begun by then. A loop that sees nothing
    /// new turns rarely.
    pub(crate) fn until_turn(&self) {
        let newest = || self.get("turns").iter().filter_map(|turn| turn["turn"].as_u64()).max();
        let begun = newest();
        until("the loop turns", PATIENCE, || (newest() > begun).then_some(()));
    }

    /// Every file of the states, with its bytes.
    pub(crate) fn states(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.data().join("real/state")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    files.insert(entry.path(), fs::read(entry.path()).unwrap());
                }
            }
        }
        files
    }

    /// The journal is whole.
    pub(crate) fn must_verify(&self) {
        self.must(&["journal", "verify"]);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for what in ["missions", "workers", "findings", "approvals"] {
                let output = self.say(&["get", what]);
                eprintln!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            }
        }
        processes::of_workers(&self.data()).iter().for_each(processes::Process::kill);
        let stopped = Command::new(script("engine.sh")).arg("stop").arg(self.engine_folder()).status();
        if !stopped.is_ok_and(|status| status.success()) {
            eprintln!("could not stop the engine in {}", self.engine_folder().display());
        }
    }
}

impl Host {
    /// Ends it as a person would.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.interrupt();
        self.child.wait().unwrap()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn interrupt(&self) {
        let _gone = kill_process(Pid::from_child(&self.child), Signal::INT);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the host said\n{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
        // It holds nothing that would be lost, and waiting for it could hang a story that has failed.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _gone = self.child.kill();
            let _gone = self.child.wait();
        }
    }
}

/// A text in a JSON value.
pub(crate) fn text(pointer: &str, value: &Value) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
