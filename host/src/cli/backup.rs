//! `backup` and `restore`: everything durable of a host in one file, and a data folder of it.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read};
use std::path::Path;
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::observation::Person;
use quarterdeck_core::text::escape;
use serde_json::{Value, json};

use super::args::{BackupArgs, RestoreArgs};
use super::exit::{Exit, Failure};
use super::place::{self, Place};
use super::print::{self, Output, fields, note};
use super::say::mark;
use crate::backup::{self, BackupError, Header, Proven, Target, Told, World};
use crate::driver::clock;
use crate::remember::JournalError;
use crate::remember::verify::VerifyError;

const STREAM: &str = "-";
const ANOTHER: &str = "take another backup; nothing of this one was kept";

pub(super) fn backup(place: &Place, args: &BackupArgs) -> Result<String, Failure> {
    let to_stdout = args.file == Path::new(STREAM);
    if to_stdout && io::stdout().is_terminal() {
        let error = "a backup holds secrets and is no text, so it is not written to a terminal";
        return Err(Failure::new(Exit::Usage, error, "name a file, or pipe it: quarterdeck backup - > FILE"));
    }
    let bar = progress();
    let mut tell = |told| tell(&bar, told);
    let made = match to_stdout {
        true => backup::pack(&place.folder, clock(), &mut io::stdout().lock(), &mut tell),
        false => backup::to_file(&place.folder, clock(), &args.file, args.force, &mut tell),
    };
    bar.finish_and_clear();
    let made = made?;
    let bytes = ("Bytes", made.bytes.to_string());
    let shown = shown(&made.header, &made.proven, args.output, Some(bytes), |object| {
        object["bytes"] = made.bytes.into();
        object["file"] = json!((!to_stdout).then_some(&args.file));
    });
    note("a backup holds keys, and states in clear: keep it where only you can read it");
    if to_stdout {
        note(shown.trim_end());
        return Ok(String::new());
    }
    Ok(shown)
}

pub(super) fn restore(
    data: &Path,
    world: Option<place::World>,
    file: &Path,
    args: &RestoreArgs,
) -> Result<String, Failure> {
    let (mut source, bytes) = open(file)?;
    let bar = progress();
    let mut tell = |told| tell(&bar, told);
    if args.check {
        let checked = backup::check(&mut source, &mut tell);
        bar.finish_and_clear();
        let (header, proven) = checked.map_err(of_archive)?;
        return Ok(shown(&header, &proven, args.output, None, |object| object["whole"] = true.into()));
    }
    let world = world.map(|world| match world {
        place::World::Real => World::Real,
        place::World::Rehearsal => World::Rehearsal,
    });
    let who = Person::Uid(rustix::process::getuid().as_raw());
    let target = Target { data, world, set_aside: args.set_aside, bytes, at: clock(), who };
    let restored = backup::restore(&mut source, &target, &mut tell);
    bar.finish_and_clear();
    let restored = restored.map_err(of_archive)?;
    let (header, proven) = (&restored.header, &restored.proven);
    let folder = ("Folder", restored.folder.display().to_string());
    let shown = shown(header, proven, args.output, Some(folder), |object| {
        object["folder"] = json!(restored.folder);
        object["setAside"] = json!(restored.aside);
        object["paused"] = true.into();
    });
    let lead = mark(header.rehearsal());
    if let Some(aside) = &restored.aside {
        note(&format!("{lead}what was there before is now {}", escape(&aside.display().to_string())));
    }
    look(lead, proven).iter().for_each(|line| note(line));
    note(&format!("{lead}everything is paused: start the host, look at what it says, and then: quarterdeck resume"));
    Ok(shown)
}

/// A file that has the name of a mission is not meant, and whoever meant it is told.
pub(super) fn tell_namesake(mission: &MissionName) {
    if Path::new(mission.as_str()).is_file() {
        note(&format!("note: {mission} is taken for a mission; the file here is quarterdeck restore ./{mission}"));
    }
}

/// What a person should look at before anything goes on.
fn look(lead: &str, proven: &Proven) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |names: Vec<String>, text: &str| {
        if !names.is_empty() {
            lines.push(format!("{lead}{text}: {}", names.join(", ")));
        }
    };
    let names = proven.at_work().iter().map(ToString::to_string).collect();
    line(names, "at work when the backup was made, so its end is not known here");
    let names = proven.granted(clock()).iter().map(ToString::to_string).collect();
    line(names, "granted and not used by then; it permits its plan again once nothing is paused");
    line(proven.newer.clone(), "its state is newer than the journal says, and the newer one counts");
    lines
}

/// The backup, and how many bytes it has where it is a file.
fn open(file: &Path) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    if file == Path::new(STREAM) {
        if io::stdin().is_terminal() {
            return Err(Failure::new(Exit::Usage, "there is no backup on a terminal", "quarterdeck restore - < FILE"));
        }
        return Ok((Box::new(BufReader::new(io::stdin().lock())), None));
    }
    let opened = File::open(file).and_then(|opened| {
        let about = opened.metadata()?;
        let bytes = about.is_file().then_some(about.len());
        Ok((Box::new(BufReader::new(opened)) as Box<dyn Read>, bytes))
    });
    opened.map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("read the backup {}", file.display()));
        Failure::of(Exit::Usage, error, Some("name a file that `quarterdeck backup` wrote, or - for stdin".to_owned()))
    })
}

/// What a backup is of and what it holds, and none of its secrets.
fn shown(
    header: &Header,
    proven: &Proven,
    output: Output,
    last: Option<(&str, String)>,
    more: impl FnOnce(&mut Value),
) -> String {
    let journal = &header.journal;
    let (missions, now) = (proven.ledger.missions.len(), clock());
    match output {
        Output::Table | Output::Wide => {
            let mut lines = vec![
                ("Backup of", format!("{}{}", mark(header.rehearsal()), header.world.name())),
                ("Made", format!("{} by quarterdeck {}", header.when, header.program)),
                ("Journal", format!("{} records; the last is {}", journal.records, journal.hash)),
                ("Missions", missions.to_string()),
                ("States", proven.states.to_string()),
                ("Blobs", proven.blobs.to_string()),
                ("Policies", proven.policies.to_string()),
            ];
            lines.extend(last);
            fields(&lines)
        }
        Output::Json => {
            let mut object = json!({
                "world": header.world, "at": header.when, "program": header.program, "version": header.version,
                "journal": journal, "missions": missions, "states": proven.states, "blobs": proven.blobs,
                "policies": proven.policies, "atWork": proven.at_work(), "granted": proven.granted(now),
                "newerStates": proven.newer,
            });
            more(&mut object);
            print::pretty(&print::object("Backup", header.rehearsal(), &object))
        }
    }
}

/// On a terminal, how much has passed by; drawn on stderr, and nowhere else.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("a constant template");
    let bar = ProgressBar::no_length().with_style(style);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn tell(bar: &ProgressBar, told: Told) {
    match told {
        Told::Passed(members, bytes) => bar.set_message(format!("{members} members, {}", HumanBytes(bytes))),
        Told::LeftOut(name, why) => bar.suspend(|| note(&format!("not in the backup: {}: {why}", escape(&name)))),
    }
}

/// Of a journal in a backup nothing can be mended here.
fn of_archive(error: BackupError) -> Failure {
    let damaged = match &error {
        BackupError::Journal(problem) => matches!(problem, JournalError::Damaged { .. } | JournalError::Base { .. }),
        BackupError::Verify(problem) => !matches!(problem, VerifyError::Journal(JournalError::Entry { .. })),
        BackupError::Named { .. } => true,
        BackupError::Io { .. }
        | BackupError::NothingBegun(_)
        | BackupError::Exists(_)
        | BackupError::Foreign(_)
        | BackupError::Version(_)
        | BackupError::Cut(_)
        | BackupError::Member { .. }
        | BackupError::NotWhole(_)
        | BackupError::Occupied(_)
        | BackupError::LeftAside { .. }
        | BackupError::NoRoom { .. }
        | BackupError::OtherWorld(_) => false,
    };
    let failure = Failure::from(error);
    if damaged { Failure { next: Some(ANOTHER.to_owned()), ..failure } } else { failure }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Failure {
        let (exit, next) = match error {
            BackupError::Journal(JournalError::InUse(_)) => {
                (Exit::Unreachable, "end the host that runs there first; quarterdeck backup needs none of that")
            }
            BackupError::Journal(error) => return Failure::from(error),
            BackupError::Verify(error) => return Failure::from(error),
            BackupError::NothingBegun(_) => (Exit::Unreachable, "start a host once: quarterdeck run PATH"),
            BackupError::Named { .. } => {
                (Exit::Damaged, "if somebody removed it just now, try again; else bring it back from an older backup")
            }
            BackupError::Exists(_) => (Exit::Usage, "choose another name, or replace it with --force"),
            BackupError::Occupied(_) => {
                (Exit::Usage, "move it away, name another folder with --data, or say --set-aside, which renames it")
            }
            BackupError::LeftAside { .. } => {
                (Exit::Failed, "remove nothing; where no folder has its name now, rename it back before a host starts")
            }
            BackupError::NoRoom { .. } => {
                (Exit::Failed, "make room there, or name a folder of another disk with --data")
            }
            BackupError::OtherWorld(_) => (Exit::Usage, "leave --real and --rehearsal out, or name the other backup"),
            BackupError::Version(_) => (Exit::Usage, "restore it with the version of quarterdeck that made it"),
            BackupError::Foreign(_) => (Exit::Damaged, "name a file that `quarterdeck backup` wrote"),
            BackupError::Cut(_) | BackupError::Member { .. } | BackupError::NotWhole(_) => (Exit::Damaged, ANOTHER),
            BackupError::Io { .. } => (Exit::Failed, "look at the disk, and at who may read and write there"),
        };
        Failure::of(exit, error, Some(next.to_owned()))
    }
}
