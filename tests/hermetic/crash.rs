//! Crashes: the program itself, killed from outside as each entry reaches its journal, and started again.
//!
//! What comes after must be what an undisturbed run leaves: the mission ready, the chain whole, each object once, and one
//! apply. The hosts rehearse, so what is killed is the host alone; the imagined world is a file beside the journal, and
//! moves only while a host runs. Most of a run is waiting, so many of them run side by side.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use quarterdeck::remember::journal;
use quarterdeck_core::entry::Entry;
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::order::End;
use quarterdeck_tests::program::{self, PATIENCE, Running};

/// So many runs at once: each is idle nine tenths of its time.
const SIDE_BY_SIDE: usize = 8;
const MAGIC_BYTES: usize = 22;
const HEAD_BYTES: usize = 84;

/// Runs of one mission over one data folder.
struct Place {
    data: tempfile::TempDir,
    mission: PathBuf,
    flags: &'static [&'static str],
}

/// What a run left behind.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    /// Kind and name of each object, as often as it is there.
    objects: Vec<String>,
    /// How often the mission's state was written.
    serials: Vec<u64>,
    /// How many applies were claimed and succeeded.
    applies: usize,
}

impl Place {
    fn new(example: &str, flags: &'static [&'static str]) -> Place {
        let data = tempfile::tempdir().expect("a folder");
        Place { data, mission: program::root().join("deploy/examples").join(example), flags }
    }

    fn run(&self, until_ready: bool) -> Command {
        let mut command = program::command(self.data.path(), &["run", "--offline", "--timeout", "60s"]);
        command.arg(&self.mission).args(self.flags);
        if until_ready {
            command.arg("--until-ready");
        }
        command
    }

    fn journal(&self) -> PathBuf {
        self.data.path().join("rehearsal/journal")
    }

    /// How many records there are by now, by their lengths alone: this is asked every millisecond.
    fn records(&self) -> usize {
        let Ok(bytes) = std::fs::read(self.journal().join("000001.journal")) else { return 0 };
        let (mut count, mut offset) = (0, MAGIC_BYTES);
        while let Some(length) = bytes.get(offset..offset + 4) {
            let length = u32::from_be_bytes(length.try_into().expect("four bytes"));
            offset += HEAD_BYTES + usize::try_from(length).expect("it fits into a file");
            count += usize::from(offset <= bytes.len());
        }
        count
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        journal::read(&self.journal(), &mut |record| entries.push(record.entry)).expect("the chain is whole");
        entries
    }

    /// Kills a host as soon as its journal holds so many records.
    fn killed_at(&self, records: usize) {
        let mut host = Running(self.run(false).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"));
        let until = Instant::now() + PATIENCE;
        while self.records() < records {
            assert!(Instant::now() < until, "only {} of {records} records came", self.records());
            assert_eq!(host.0.try_wait().expect("it can be asked"), None, "it ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        host.0.kill().and_then(|()| host.0.wait()).expect("it is killed");
    }

    /// Runs until the mission is ready, and looks at everything.
    fn ready(&self, what: &str) -> Left {
        let verify = program::command(self.data.path(), &["journal", "verify"]);
        for mut command in [self.run(true), verify] {
            let output = command.output().expect("it runs");
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{what}: {command:?} ended with {}\n{out}\n{err}", output.status);
        }
        self.left()
    }

    fn left(&self) -> Left {
        let world = std::fs::read(self.data.path().join("rehearsal/world.json")).expect("the world was kept");
        let world: serde_json::Value = serde_json::from_slice(&world).expect("it is JSON");
        let list = |name: &str| world[name].as_array().cloned().unwrap_or_default();
        let containers = list("containers").into_iter().map(|container| format!("container {}", container["name"]));
        let others = list("objects").into_iter().map(|object| format!("{} {}", object["kind"], object["names"]));
        let mut objects: Vec<String> = containers.chain(others).collect();
        objects.sort();
        let states = world["states"].as_object().cloned().unwrap_or_default();
        let serials = states.values().filter_map(|state| state["serial"].as_u64()).collect();
        let (mut claimed, mut succeeded): (BTreeMap<OrderName, u32>, Vec<OrderName>) = Default::default();
        for entry in self.entries() {
            if let Entry::Claimed(entry) = &entry {
                *claimed.entry(entry.order.clone()).or_default() += 1;
            }
            if let Entry::Ended(entry) = &entry
                && entry.result.end == End::Succeeded
            {
                succeeded.push(entry.order.clone());
            }
        }
        assert!(claimed.values().all(|times| *times == 1), "an order is granted once ever: {claimed:?}");
        let apply = |order: &&OrderName| order.as_str().starts_with("apply-") && claimed.contains_key(*order);
        Left { objects, serials, applies: succeeded.iter().filter(apply).count() }
    }
}

/// Kills runs at entries that an undisturbed one writes, and compares what comes of it.
fn killed(example: &str, flags: &'static [&'static str], at: fn(&Entry) -> bool) {
    let undisturbed = Place::new(example, flags);
    let expected = undisturbed.ready("undisturbed");
    assert_eq!((expected.applies, expected.serials.as_slice()), (1, &[1][..]), "{expected:?}");
    assert!(!expected.objects.is_empty());
    let entries = undisturbed.entries();
    let points = entries.iter().zip(1..).filter(|(entry, _)| at(entry)).map(|(_, records)| records);
    let points: Mutex<Vec<usize>> = Mutex::new(points.collect());
    assert!(points.lock().expect("unpoisoned").len() > 8, "{} entries are too few to say anything", entries.len());
    let next = || points.lock().expect("no run panics here").pop();
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(records) = next() {
                    let place = Place::new(example, flags);
                    place.killed_at(records);
                    let kind = place.entries().last().map_or("nothing", Entry::kind);
                    let what = format!("{example} killed at record {records} of {} ({kind})", entries.len());
                    assert_eq!(place.ready(&what), expected, "{what}");
                }
            });
        }
    });
}

#[test]
fn a_host_that_is_killed_at_any_entry_ends_where_an_undisturbed_one_does() {
    killed("web", &[], |_| true);
}

/// Killed where something was decided, said or done; turns that brought nothing are killed above.
#[test]
fn nor_is_anything_applied_twice_where_a_person_is_asked() {
    killed("web-approve", &["--yes"], |entry| match entry {
        Entry::Opened(opened) => opened.verdicts.iter().any(|verdict| verdict.effect.is_some()),
        Entry::Commanded(_)
        | Entry::Claimed(_)
        | Entry::Ended(_)
        | Entry::Declared(_)
        | Entry::Activated(_)
        | Entry::Chartered(_) => true,
        Entry::Begun(_)
        | Entry::Closed(_)
        | Entry::Replied(_)
        | Entry::Settled(_)
        | Entry::Stored(_)
        | Entry::StateChanged(_)
        | Entry::Checkpoint(_)
        | Entry::Uploaded(_)
        | Entry::Nominated(_)
        | Entry::Shadowed(_)
        | Entry::Fenced(_)
        | Entry::Differed(_) => false,
    });
}
