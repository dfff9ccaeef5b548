//! The real Kubernetes itself: it comes up, survives its API server, ends with its story, and leaves nothing. Our program is
//! not run here.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use quarterdeck_core::digest::Digest;
use rustix::process::Signal;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::parts::until;
use crate::stage::{PATIENCE, text};

/// The image of `kubernetes.sh image`, which the node has already.
const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: greeter}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: main
      image: quarterdeck.test/busybox:1
      imagePullPolicy: Never
      command: [sh, -c, 'echo good morning | tee /tmp/index.html; exec httpd -f -p 8080 -h /tmp']
";

#[test]
fn a_cluster_runs_a_pod_and_nothing_is_left_of_it() {
    let before = Traces::of_the_machine();
    let mut cluster = Cluster::raise(None);
    cluster.apply(POD);
    until_running(&cluster, "greeter");
    assert_eq!(cluster.kubectl(&["logs", "greeter"]), "good morning");
    let address = text("/status/podIP", &cluster.get(&["pod", "greeter"]));
    until("the pod answers at its address", PATIENCE, || {
        let answer = cluster.inside("curl").args(["-s", &format!("http://{address}:8080/")]).output().unwrap();
        (answer.stdout == b"good morning\n").then_some(())
    });

    // What was started inside hears our signals, and ends with whoever started it.
    let ticks = "trap 'exit 9' INT; while :; do echo tick; sleep 0.1; done";
    let mut ticker = cluster.start("ticker", cluster.inside("sh").args(["-c", ticks]));
    until("the ticker ticks", PATIENCE, || ticker.words().contains("tick").then_some(()));
    ticker.signal(Signal::STOP);
    let stopped = ticker.words().len();
    ticker.signal(Signal::CONT);
    until("the ticker ticks again", PATIENCE, || (ticker.words().len() > stopped + 10).then_some(()));
    ticker.signal(Signal::INT);
    let ended = until("the ticker has heard it", PATIENCE, || ticker.ended());
    assert_eq!(ended.code(), Some(9));
    let (place, own) = (fs::canonicalize(cluster.place()).unwrap(), namespace_of(&cluster));
    let mut sleeper = cluster.inside("sleep").arg("987654").spawn().unwrap();
    until("the sleeper is up", PATIENCE, || (sleepers(&own) == 1).then_some(()));
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    until("the sleeper ends with its caller", PATIENCE, || (sleepers(&own) == 0).then_some(()));

    // It can be seen while it runs, so it would be seen if it stayed.
    assert!(processes_in(&own).len() > 8, "{:?}", processes_in(&own));
    assert!(!cgroups_of(&place).is_empty());
    assert!(cluster.stop().success());
    assert_eq!(processes_in(&own), BTreeSet::new());
    assert!(!place.exists(), "{}", place.display());
    assert_eq!(cgroups_of(&place), Vec::<PathBuf>::new());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(place.to_str().unwrap()), "{mounts}");
    assert_eq!(Traces::of_the_machine(), before);
}

#[test]
fn a_cluster_outlives_its_api_server() {
    let cluster = Cluster::raise(None);
    cluster.apply(POD);
    let before = until_running(&cluster, "greeter");
    cluster.apiserver("stop");
    let refused = cluster.try_kubectl(&["get", "pods"]);
    assert!(!refused.status.success());
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("refused"), "{refused}");
    cluster.apiserver("start");
    let after = until_running(&cluster, "greeter");
    for pointer in ["/metadata/uid", "/status/containerStatuses/0/containerID"] {
        assert_eq!(text(pointer, &after), text(pointer, &before), "{pointer}");
    }

    cluster.apiserver("freeze");
    let silent = cluster.inside("kubectl").args(["get", "--raw=/readyz", "--request-timeout=1s"]).output().unwrap();
    assert!(!silent.status.success(), "a frozen server answers nothing");
    cluster.apiserver("thaw");
    assert_eq!(cluster.kubectl(&["get", "--raw=/readyz"]), "ok");
}

fn until_running(cluster: &Cluster, pod: &str) -> Value {
    until(&format!("the pod {pod} runs"), PATIENCE, || {
        let pod = cluster.get(&["pod", pod]);
        (pod["status"]["containerStatuses"][0]["ready"] == true).then_some(pod)
    })
}

/// The process namespace of a cluster, as the kernel names it.
fn namespace_of(cluster: &Cluster) -> String {
    let init = fs::read_to_string(cluster.place().join("init")).unwrap();
    let init = init.split_whitespace().next().expect("a number and a time");
    fs::read_link(format!("/proc/{init}/ns/pid")).unwrap().to_string_lossy().into_owned()
}

/// The processes in a process namespace. The pods' are in namespaces below it, and end with it.
fn processes_in(namespace: &str) -> BTreeSet<u32> {
    let numbers = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let inside = |pid: &u32| fs::read_link(format!("/proc/{pid}/ns/pid")).is_ok_and(|own| own == Path::new(namespace));
    numbers.filter(inside).collect()
}

fn sleepers(namespace: &str) -> usize {
    let line = |pid: &u32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"sleep\x00987654\x00");
    processes_in(namespace).iter().filter(|pid| line(pid)).count()
}

/// The cgroups of a cluster: one in all on v2, one in each hierarchy on v1. They are named after the path of its place.
fn cgroups_of(place: &Path) -> Vec<PathBuf> {
    let name = format!("quarterdeck-{}", &Digest::of(place.as_os_str().as_bytes()).hex()[..12]);
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    hierarchies.chain([root.to_owned()]).map(|folder| folder.join(&name)).filter(|cgroup| cgroup.exists()).collect()
}

/// What a cluster could leave on its machine under other names than its own.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    /// Of the network.
    links: BTreeSet<OsString>,
    /// Folders that a kubelet, a container runtime or a network plugin make where nobody tells them otherwise.
    folders: Vec<&'static str>,
    /// Settings of the kernel that a kubelet and a kube-proxy write.
    settings: Vec<String>,
}

impl Traces {
    fn of_the_machine() -> Traces {
        let folders = [
            "/etc/cni",
            "/opt/cni",
            "/run/containerd",
            "/usr/libexec/kubernetes",
            "/var/lib/cni",
            "/var/lib/containerd",
            "/var/lib/kubelet",
            "/var/log/containers",
            "/var/log/pods",
        ];
        let settings = ["kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory", "vm/panic_on_oom"];
        Traces {
            links: fs::read_dir("/sys/class/net").unwrap().map(|entry| entry.unwrap().file_name()).collect(),
            folders: folders.into_iter().filter(|folder| Path::new(folder).exists()).collect(),
            settings: settings.iter().map(|name| fs::read_to_string(format!("/proc/sys/{name}")).unwrap()).collect(),
        }
    }
}
