//! The program itself while something hangs for a minute: real adapters, a stand-in for the engine, for Gemini and for
//! Terraform, and a library that is preloaded into the host to let the disk or the start of a process hang.
//!
//! The measure is a host beside them that nothing disturbs: each mission's file is changed every second, which makes each
//! host turn every two, and what is disturbed must have turned as often and as steadily in the same minute. So no speed
//! of a machine is asserted. Only a dead disk stops the turns, before they act.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use quarterdeck::driver::clock;
use quarterdeck::remember::journal;
use quarterdeck_core::entry::{Entry, Opened};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::verdict::Effect;
use quarterdeck_tests::fake_engine::{DOCKER_26, FakeEngine, Way};
use quarterdeck_tests::fake_gemini::{FakeGemini, Step};
use quarterdeck_tests::program::{self, Running, until};
use rustix::process::Signal;

const MINUTE: Duration = Duration::from_secs(60);
/// Of each hundred turns that the undisturbed host takes, a disturbed one takes so many at least.
const TURNS_OF_HUNDRED: usize = 80;
/// Its longest pause is at most so many times that of the undisturbed one. A turn that waited for a request to the
/// engine to time out would make one of 7 s instead of 2.
const PAUSE_TIMES_MAX: u64 = 2;
/// The undisturbed host takes some 30; of fewer than this the eighty of a hundred would be a matter of one or two.
const TURNS_MIN: usize = 10;

const DISK: &str = "disk";
const START: &str = "start";

/// A host, its mission, and its stand-ins.
struct Place {
    /// What hangs.
    what: &'static str,
    folder: tempfile::TempDir,
    engine: FakeEngine,
    host: Option<Running>,
}

/// What was measured of a host in the minute.
struct Measured {
    turns: usize,
    pause_ms: u64,
}

/// What was measured of those who read.
struct Reads {
    answers: usize,
    slowest: Duration,
}

impl Place {
    fn new(what: &'static str, wanted: bool) -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = FakeEngine::start(&folder.path().join("engine.sock"), DOCKER_26);
        let place = Place { what, folder, engine, host: None };
        fs::create_dir(place.path("mission")).expect("a folder");
        fs::write(place.path("mission/main.tf"), super::MAIN_TF).expect("a file");
        place.says(wanted, 0);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes the mission's file. A mission that is wanted is planned, but not again for another second.
    fn says(&self, wanted: bool, second: u64) {
        let when = if wanted { "always, offers: [server]" } else { "needed" };
        let mission = format!(
            "apiVersion: quarterdeck.dev/v1alpha1\nkind: Mission\nmetadata: {{name: shop}}\n\
             spec: {{goal: A shop in second {second}., autonomy: auto, when: {when}, terraform: {{}}}}\n"
        );
        let part = self.path("mission/.part");
        fs::write(&part, mission).and_then(|()| fs::rename(part, self.path("mission/mission.yaml"))).expect("a file");
    }

    fn starts(&mut self, library: &Path, environment: &[(&str, &str)]) {
        let standin = program::root().join("tests/hermetic/standin.sh");
        let told = |name: &str| Stdio::from(File::create(self.path(name)).expect("a file"));
        let mut command = program::command(&self.path("data"), &["run", "--real"]);
        command.arg(self.path("mission")).arg("--terraform").arg(standin).arg("--engine").arg(self.engine.socket());
        command.env("LD_PRELOAD", library).env("HANG_DISK", self.path(DISK)).env("HANG_START", self.path(START));
        command.envs(environment.iter().copied()).stdout(told("out")).stderr(told("err"));
        self.host = Some(Running(command.spawn().expect("it starts")));
    }

    fn hangs(&self, gate: &str) {
        File::create(self.path(gate)).expect("a file");
    }

    fn heals(&self, gate: &str) {
        fs::remove_file(self.path(gate)).expect("it hung");
    }

    /// The calls that hung so far.
    fn hung(&self, gate: &str) -> Vec<String> {
        let notes = fs::read_to_string(self.path(gate).with_extension("hung")).unwrap_or_default();
        notes.lines().map(str::to_owned).collect()
    }

    /// The phase of the mission, by the host's own word; none before it answers.
    fn phase(&self) -> Option<String> {
        if !self.path("data/real/host.sock").exists() {
            return None;
        }
        let missions = program::said(&self.path("data"), &["get", "missions", "-o", "json"]);
        let missions: serde_json::Value = serde_json::from_str(&missions).expect("it is JSON");
        missions["items"][0]["phase"].as_str().map(str::to_owned)
    }

    fn becomes(&self, phase: &str) {
        until(phase, || self.phase().filter(|now| now == phase));
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let folder = self.path("data/real/journal");
        journal::read(&folder, &mut |record| entries.push(record.entry)).expect("the chain is whole");
        entries
    }

    fn opened(&self) -> Vec<Opened> {
        let opened = |entry| if let Entry::Opened(opened) = entry { Some(*opened) } else { None };
        self.entries().into_iter().filter_map(opened).collect()
    }

    /// The turn that told the first worker to start, and when the worker had its claim.
    fn first_order(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let starts =
            |opened: &Opened| opened.verdicts.iter().any(|verdict| matches!(verdict.effect, Some(Effect::Start(_))));
        let ordered = self.opened().into_iter().find(starts).map(|opened| opened.at);
        let claimed = |entry| if let Entry::Claimed(claimed) = entry { Some(claimed.at) } else { None };
        (ordered, self.entries().into_iter().find_map(claimed))
    }

    /// How many turns have come to their end.
    fn closed(&self) -> usize {
        self.entries().iter().filter(|entry| matches!(entry, Entry::Closed(_))).count()
    }

    fn measured(&self, minute: &Minute) -> Measured {
        let (begun, ended) = (minute.begun, minute.ended);
        let turns: Vec<Timestamp> =
            self.opened().iter().map(|opened| opened.at).filter(|at| *at >= begun && *at < ended).collect();
        let points: Vec<Timestamp> = [begun].into_iter().chain(turns.iter().copied()).chain([ended]).collect();
        let pauses = points.windows(2).map(|two| two[1].since_ms(two[0]));
        Measured { turns: turns.len(), pause_ms: pauses.max().unwrap_or_default() }
    }

    /// Reads all the time, as people do.
    fn read(&self, begun: Instant) -> Reads {
        let (mut answers, mut slowest) = (0, Duration::ZERO);
        while begun.elapsed() < MINUTE {
            let asked = Instant::now();
            assert!(self.phase().is_some(), "{}", self.what);
            slowest = slowest.max(asked.elapsed());
            answers += 1;
            std::thread::sleep(Duration::from_secs(1));
        }
        Reads { answers, slowest }
    }

    /// Ends the host, which must end as one that is interrupted, and leave a journal that is whole.
    fn ends(&mut self) {
        let mut host = self.host.take().expect("it runs");
        assert_eq!(host.ends_by(Signal::TERM), Some(130), "{}", self.what);
        program::said(&self.path("data"), &["journal", "verify"]);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let told = fs::read_to_string(self.path("err")).unwrap_or_default();
            eprintln!("{} hangs: the host told\n{told}", self.what);
        }
    }
}

/// The library that lets calls hang.
fn library(folder: &Path) -> PathBuf {
    let (library, source) = (folder.join("preload.so"), program::root().join("tests/hermetic/hang/preload.c"));
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).args([
        library.as_os_str(),
        source.as_os_str(),
        OsStr::new("-ldl"),
    ]);
    let output = compiler.output().expect("there is a C compiler, as for the build");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// The hosts, each named by what hangs.
struct Hosts {
    nothing: Place,
    engine: Place,
    start: Place,
    brain: Place,
    disk: Place,
}

/// What came of the minute.
struct Minute {
    begun: Timestamp,
    ended: Timestamp,
    /// On the host without a disk, and on the undisturbed one.
    reads: [Reads; 2],
}

impl Hosts {
    /// Starts all of them. Brain and start hang from the beginning, and are known to.
    fn start(library: &Path, gemini: &FakeGemini) -> Hosts {
        let place = |what| Place::new(what, true);
        let (nothing, engine, start, brain) =
            (place("nothing"), place("the engine"), place("a worker's start"), place("the brain"));
        let mut hosts = Hosts { nothing, engine, start, brain, disk: Place::new("the disk", false) };
        hosts.start.hangs(START);
        for place in [&mut hosts.nothing, &mut hosts.engine, &mut hosts.start, &mut hosts.disk] {
            place.starts(library, &[]);
        }
        let brain = [("GEMINI_API_KEY", "a-key-of-some-length"), ("QUARTERDECK_GEMINI_URL", gemini.base_url())];
        hosts.brain.starts(library, &brain);
        [&hosts.nothing, &hosts.engine, &hosts.brain].into_iter().for_each(|place| place.becomes("Ready"));
        hosts.disk.becomes("Waiting");
        until("a start that hangs", || Some(hosts.start.hung(START)).filter(|hung| !hung.is_empty()));
        until("a question", || Some(gemini.seen()).filter(|seen| !seen.is_empty()));
        hosts
    }

    fn all(&self) -> [&Place; 5] {
        [&self.nothing, &self.engine, &self.start, &self.brain, &self.disk]
    }

    /// Lets engine and disk hang too. The disk does right after a turn, so that the next one is the first to find it so.
    fn hang(&self) {
        self.engine.engine.goes("GET ", Way::Hang);
        let turns = self.disk.closed();
        self.disk.says(false, 1);
        until("a turn", || (self.disk.closed() > turns).then_some(()));
        self.disk.hangs(DISK);
    }

    /// Changes every mission once a second, and reads meanwhile. That of the host without a disk is wanted from now on.
    fn minute(&self) -> Minute {
        let (begun, since) = (clock(), Instant::now());
        let reads = std::thread::scope(|scope| {
            let readers = [&self.disk, &self.nothing].map(|place| scope.spawn(move || place.read(since)));
            for second in 2.. {
                if since.elapsed() >= MINUTE {
                    break;
                }
                self.all().iter().for_each(|place| place.says(true, second));
                std::thread::sleep(Duration::from_secs(1));
            }
            readers.map(|reader| reader.join().expect("it was answered"))
        });
        Minute { begun, ended: clock(), reads }
    }

    fn tell(&self, minute: &Minute) {
        println!("{:<18}{:>6}{:>15}", "hangs", "turns", "longest pause");
        for place in self.all() {
            let Measured { turns, pause_ms } = place.measured(minute);
            println!("{:<18}{turns:>6}{pause_ms:>12} ms", place.what);
        }
        for (place, Reads { answers, slowest }) in [&self.disk, &self.nothing].iter().zip(&minute.reads) {
            println!("{} hangs: {answers} reads were answered, the slowest in {} ms", place.what, slowest.as_millis());
        }
    }
}

#[test]
fn a_minute_of_hanging_costs_turns_on_a_dead_disk_alone() {
    let background = super::background();
    let _inside = background.enter();
    let folder = tempfile::tempdir().expect("a folder");
    let gemini = background.block_on(FakeGemini::start(vec![Step::Hang]));
    let hosts = Hosts::start(&library(folder.path()), &gemini);
    assert!(hosts.disk.hung(DISK).is_empty() && hosts.disk.first_order() == (None, None), "nobody needs it");
    hosts.hang();
    let asked = hosts.engine.engine.seen().len();
    let minute = hosts.minute();
    hosts.tell(&minute);
    let Hosts { nothing, engine, start, brain, disk } = hosts;

    // What hung did hang.
    assert!(engine.engine.seen().len() > asked, "the engine takes requests");
    assert!(gemini.seen().len() >= 2, "a question is given up after 30 s, and the next hangs as well");
    assert_eq!(start.hung(START), ["posix_spawnp"], "one order waits, and no second one is made");
    assert_eq!(disk.hung(DISK), ["fdatasync"], "one turn waits for the disk");
    assert!(nothing.hung(START).is_empty() && nothing.hung(DISK).is_empty());

    let expected = nothing.measured(&minute);
    assert!(expected.turns >= TURNS_MIN, "{} turns compare with nothing", expected.turns);
    for place in [&engine, &start, &brain] {
        let Measured { turns, pause_ms } = place.measured(&minute);
        assert!(turns * 100 >= expected.turns * TURNS_OF_HUNDRED, "{} hangs: {turns} turns", place.what);
        assert!(pause_ms <= expected.pause_ms * PAUSE_TIMES_MAX, "{} hangs: no turn for {pause_ms} ms", place.what);
    }

    // Whoever reads is answered; the turn that would act waits, and no worker hears of it.
    let [reads, undisturbed] = &minute.reads;
    assert!(reads.answers * 100 >= undisturbed.answers * TURNS_OF_HUNDRED, "{} answers", reads.answers);
    let (ordered, claimed) = disk.first_order();
    assert!(ordered.is_some_and(|at| at >= minute.begun) && claimed.is_none(), "{ordered:?} {claimed:?}");
    assert_eq!(disk.measured(&minute).turns, 1);
    let work = fs::read_dir(disk.path("data/real/work")).expect("the workers' folder");
    assert_eq!((work.count(), start.first_order().1), (0, None), "no worker was started");

    let released = clock();
    disk.heals(DISK);
    start.heals(START);
    engine.engine.heals("GET ");
    [&disk, &start, &engine].into_iter().for_each(|place| place.becomes("Ready"));
    let again = disk.first_order();
    assert!(again.0 == ordered && again.1.is_some_and(|at| at >= released), "it goes on by itself: {again:?}");
    [nothing, engine, start, brain, disk].iter_mut().for_each(Place::ends);
}

/// A command that ends the host must not wait for a disk that never comes back.
#[test]
fn a_dead_disk_keeps_no_host_from_ending() {
    let background = super::background();
    let _inside = background.enter();
    let folder = tempfile::tempdir().expect("a folder");
    let library = library(folder.path());
    let mut disk = Place::new("the disk", true);
    disk.starts(&library, &[]);
    disk.becomes("Ready");
    disk.hangs(DISK);
    disk.says(true, 1);
    until("a turn that hangs", || Some(disk.hung(DISK)).filter(|hung| !hung.is_empty()));
    disk.ends();
    disk.heals(DISK);
    disk.starts(&library, &[]);
    disk.becomes("Ready");
    disk.ends();
}
