//! A real Kubernetes of one node for a story: a cluster of its own, what a person would say to it, and programs inside its
//! namespace. `kubernetes.sh` makes it; `broken.sh` breaks things in it.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::parts::{quarterdeck, said, script, until};
use crate::stage::PATIENCE;

/// A cluster ends within two seconds; where Kubernetes was never built here, its start takes minutes.
const ENDS: Duration = Duration::from_secs(60);

/// A cluster. It ends with its story, and also when the whole suite is killed: it is held by a command inside that reads
/// what nobody but this process can write.
pub(crate) struct Cluster {
    folder: TempDir,
    holder: Child,
}

/// A program inside, in the background. It ends with its story.
pub(crate) struct Inside {
    child: Child,
    log: PathBuf,
}

impl Cluster {
    /// Brings a cluster up, with an engine of this release beside it where one is named.
    pub(crate) fn raise(engine: Option<&str>) -> Cluster {
        let folder = tempfile::Builder::new().prefix("qd").tempdir().unwrap();
        let log = File::create(folder.path().join("cluster.log")).unwrap();
        let mut command = Command::new(script("kubernetes.sh"));
        command.arg("run");
        if let Some(release) = engine {
            command.args(["--engine", release]);
        }
        command.arg(folder.path().join("cluster")).args(["--", "sh", "-c", "echo up; exec cat"]);
        let holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut cluster = Cluster { folder, holder };
        let mut answer = String::new();
        let stdout = cluster.holder.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut answer).unwrap();
        assert_eq!(answer, "up\n", "kubernetes.sh: {}", cluster.log());
        cluster
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("cluster.log")).unwrap_or_default()
    }

    /// Where everything of the cluster lies.
    pub(crate) fn place(&self) -> PathBuf {
        self.folder.path().join("cluster")
    }

    /// A path beside the cluster's folder, for what a story writes.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program inside the namespace, where the API server and the published ports are, with `KUBECONFIG` of the
    /// administrator and, beside an engine, `DOCKER_HOST`.
    pub(crate) fn inside(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(script("kubernetes.sh"));
        command.arg("inside").arg(self.place()).arg(program.as_ref()).stdin(Stdio::null());
        command
    }

    /// Starts a command of [`Cluster::inside`] in the background; what it says is kept under this name.
    pub(crate) fn start(&self, name: &str, command: &mut Command) -> Inside {
        let log = self.path(&format!("{name}.log"));
        let open = || File::options().create(true).append(true).open(&log).unwrap();
        let child = command.stdout(open()).stderr(open()).spawn().unwrap();
        Inside { child, log }
    }

    /// `kubectl`, whatever becomes of it.
    pub(crate) fn try_kubectl(&self, words: &[&str]) -> Output {
        self.inside("kubectl").arg("--request-timeout=10s").args(words).output().unwrap()
    }

    /// `kubectl`, which must end well; gives what it says.
    pub(crate) fn kubectl(&self, words: &[&str]) -> String {
        said(self.inside("kubectl").args(words))
    }

    /// `kubectl apply` of manifests. It is tried until it succeeds: in a namespace that was made this moment a pod is
    /// refused, until the controllers have made its service account.
    pub(crate) fn apply(&self, manifests: &str) {
        let mut last = String::new();
        let applied = |last: &mut String| {
            let mut command = self.inside("kubectl");
            command.args(["apply", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            // Where it has ended already, its own words say more.
            let _broken = child.stdin.take().expect("it is piped").write_all(manifests.as_bytes());
            last.clear();
            child.stderr.take().expect("it is piped").read_to_string(last).unwrap();
            child.wait().unwrap().success().then_some(())
        };
        until("the manifests are applied", PATIENCE, || {
            let done = applied(&mut last);
            if done.is_none() {
                eprintln!("{last}");
            }
            done
        });
    }

    /// `kubectl get … -o json`; null where there is no such object, or no answer.
    pub(crate) fn get(&self, words: &[&str]) -> Value {
        let output = self.try_kubectl(&[&["get", "-o", "json"], words].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Breaks things, by the names of `broken.sh list`. The namespace of each has its name.
    pub(crate) fn damage(&self, names: &[&str]) {
        said(Command::new(script("broken.sh")).arg("break").arg(self.place()).args(names));
    }

    /// The plugin of kubectl, as this user of the cluster calls it: its exit code, and what it says.
    pub(crate) fn plugin_as(&self, user: &str, words: &[&str]) -> (Option<i32>, String) {
        let (plugin, file) = (self.path("kubectl-quarterdeck"), self.path(&format!("{user}.kubeconfig")));
        if !plugin.exists() {
            std::os::unix::fs::symlink(quarterdeck(), &plugin).unwrap();
        }
        let mut config: Value =
            serde_json::from_str(&self.kubectl(&["config", "view", "--raw", "-o", "json"])).unwrap();
        config["users"][0]["user"]["as"] = user.into();
        fs::write(&file, config.to_string()).unwrap();
        let mut command = self.inside("env");
        command.arg(format!("KUBECONFIG={}", file.display())).arg(plugin).args(words);
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    /// `stop`, `start`, `freeze` or `thaw` for the API server alone.
    pub(crate) fn apiserver(&self, verb: &str) {
        self.must("apiserver", Command::new(script("kubernetes.sh")).args(["apiserver", verb]).arg(self.place()));
    }

    /// Another release of the engine beside it, on the same socket and data.
    pub(crate) fn swap(&self, release: &str) {
        self.must("engine", Command::new(script("engine.sh")).args(["swap", release]).arg(self.place().join("engine")));
    }

    /// Runs a command whose output is a file: what it starts would keep a pipe open, and we would wait for its end.
    fn must(&self, name: &str, command: &mut Command) {
        let path = self.path(&format!("{name}.log"));
        let log = File::create(&path).unwrap();
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).status().unwrap();
        assert!(status.success(), "{command:?}: {status}: {}", fs::read_to_string(path).unwrap());
    }

    /// An image archive, for its pods.
    pub(crate) fn load(&self, archive: &Path) {
        said(Command::new(script("kubernetes.sh")).arg("load").arg(self.place()).arg(archive));
    }

    /// What the audit log has of a verb on a resource so far, the oldest first: who asked (`/user/username`), for what
    /// (`/objectRef`), and the answer (`/responseStatus/code`). The line of a request may come a moment after its answer.
    pub(crate) fn audited(&self, verb: &str, resource: &str) -> Vec<Value> {
        let log = fs::read_to_string(self.place().join("log/audit.log")).unwrap();
        // The last line may be written this moment.
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["verb"] == verb && event["objectRef"]["resource"] == resource).collect()
    }

    /// Ends the cluster and waits until nothing is left of it.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        drop(self.holder.stdin.take());
        until("the cluster has ended", ENDS, || self.holder.try_wait().unwrap())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the cluster said\n{}", self.log());
        }
        drop(self.holder.stdin.take());
        if !self.holder.wait().is_ok_and(|status| status.success()) {
            eprintln!("could not stop the cluster in {}: {}", self.place().display(), self.log());
        }
    }
}

impl Inside {
    /// The program itself: what was started is `nsenter`, which waits for it.
    fn program(&self) -> Option<Pid> {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
    }

    /// Sends the program a signal, if it runs. `nsenter` stops together with it, perhaps a moment after it went on already, and has
    /// to be told to go on with whatever follows.
    pub(crate) fn signal(&self, signal: Signal) {
        let _gone = self.program().map(|pid| kill_process(pid, signal));
        if signal != Signal::STOP {
            let _gone = kill_process(Pid::from_child(&self.child), Signal::CONT);
        }
    }

    /// What it has said so far.
    pub(crate) fn words(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How it has ended, once it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- {} said\n{}", self.log.display(), self.words());
        }
        // It holds nothing that would be lost, and waiting for it could hang a story that has failed.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
            let _gone = self.child.kill();
            let _gone = self.child.wait();
        }
    }
}
