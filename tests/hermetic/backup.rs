//! Backups of the program's own hosts while they work, and hosts that are restored from them: what the journal names is
//! there, nothing begins before a person says so, and then it goes on.

mod aside;
mod hurt;
mod pruned;
mod real;
mod table;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use quarterdeck::cli::Exit;
use quarterdeck::remember::journal;
use quarterdeck_core::entry::Entry;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::verdict::Effect;
use quarterdeck_tests::home::Home;
use quarterdeck_tests::program::{self, Running, until};
use rustix::process::Signal;
use serde_json::Value;

/// So many backups are made of a host at work: of one before its first plan, amid applies, and after them.
const BACKUPS: usize = 24;

/// The exit code and all that a command says.
fn ends(data: &Path, words: &[&str]) -> (i32, String) {
    let output = program::command(data, words).output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("it ended"), String::from_utf8_lossy(&text).into_owned())
}

/// It must end with this code.
fn says(data: &Path, exit: Exit, words: &[&str]) -> String {
    let (code, text) = ends(data, words);
    assert_eq!(code, i32::from(exit.code()), "{words:?}: {text}");
    text
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// The entries of a journal, and what follows from them.
fn read(data: &Path) -> (Vec<Entry>, Ledger) {
    let (mut entries, mut ledger) = (Vec::new(), Ledger::default());
    journal::read(&data.join("rehearsal/journal"), &mut |record| {
        ledger.fold(&record.entry);
        entries.push(record.entry);
    })
    .expect("the chain holds");
    (entries, ledger)
}

fn started(entries: &[Entry]) -> usize {
    let opened = entries.iter().filter_map(|entry| if let Entry::Opened(opened) = entry { Some(opened) } else { None });
    let effects = opened.flat_map(|opened| &opened.verdicts).filter_map(|verdict| verdict.effect.as_ref());
    effects.filter(|effect| matches!(effect, Effect::Start(_))).count()
}

/// What lies in a folder.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
    names.sort();
    names
}

/// The host is told to do something all the time, so that it takes a turn whenever it can.
fn busy(home: &Home) -> Running {
    let script = "while :; do \"$0\" --data \"$1\" pause other; \"$0\" --data \"$1\" resume other; done";
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", script]).arg(program::program()).arg(home.data());
    Running(command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("a shell"))
}

#[test]
fn every_backup_of_a_host_at_work_is_whole_and_becomes_a_folder_that_proves_and_folds() {
    let home = Home::new();
    home.mission("other", "other");
    let mut host = home.answering(&["web", "other"], &["--between-turns", "1ms"]);
    let load = busy(&home);
    let mut seen = Vec::new();
    for number in 0..BACKUPS {
        let file = home.path(&format!("{number}.tar"));
        // Every second one through a pipe.
        if number % 2 == 0 {
            says(&home.data(), Exit::Done, &["backup", text(&file)]);
        } else {
            let output = program::command(&home.data(), &["backup", "-"]).output().expect("it runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            fs::write(&file, output.stdout).expect("it is written");
        }
        seen.push(file);
    }
    until("both are ready", || home.list("missions").iter().all(|mission| mission["phase"] == "Ready").then_some(()));
    let last = home.path("last.tar");
    says(&home.data(), Exit::Done, &["backup", text(&last)]);
    seen.push(last);
    drop(load);
    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));

    let (whole, _) = read(&home.data());
    let mut records = Vec::new();
    for file in seen {
        let other = home.path("restored");
        let told = says(&other, Exit::Done, &["restore", text(&file), "-o", "json"]);
        let told: Value =
            serde_json::from_str(told.split("\n}").next().map(|json| format!("{json}}}")).as_deref().unwrap_or(""))
                .unwrap_or_else(|error| panic!("{error}: {told}"));
        says(&other, Exit::Done, &["journal", "verify"]);
        let (entries, ledger) = read(&other);
        let copied = usize::try_from(told["journal"]["records"].as_u64().expect("a number")).expect("it fits");
        assert_eq!(entries[..copied], whole[..copied], "what was copied is what was written");
        assert!(ledger.pauses.keys().any(|scope| scope.mission.is_none()), "{:?}", ledger.pauses);
        assert_eq!(names(&other), ["rehearsal"], "nothing else is left");
        records.push(copied);
        fs::remove_dir_all(other).expect("it goes");
    }
    assert!(records.is_sorted() && records[0] < records[BACKUPS], "{records:?}");
}

#[test]
fn a_restored_host_knows_what_was_asked_begins_nothing_and_goes_on_after_a_word() {
    let home = Home::new();
    let yaml = fs::read_to_string(home.path("web/mission.yaml")).expect("a mission");
    home.write("web/mission.yaml", &yaml.replace("autonomy: auto", "autonomy: approve"));
    let mut host = home.answering(&["web"], &[]);
    let asked = until("a person is asked", || home.list("approvals").pop());
    let file = home.path("monday.tar");
    says(&home.data(), Exit::Done, &["backup", text(&file)]);
    host.0.kill().and_then(|()| host.0.wait()).expect("it is killed");
    fs::rename(home.data(), home.path("lost")).expect("the machine is lost");

    let told = says(&home.data(), Exit::Done, &["restore", text(&file)]);
    assert!(told.contains("everything is paused"), "{told}");
    let mode = fs::metadata(home.data().join("rehearsal")).expect("a folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let before = started(&read(&home.data()).0);
    let mut host = until_answers(&home);
    until("a turn", || {
        let waits = |mission: &Value| {
            mission["conditions"].as_array().is_some_and(|all| all.iter().any(|one| one["type"] == "Paused"))
        };
        home.list("missions").iter().any(waits).then_some(())
    });
    let told = home.told();
    assert!(told.contains("(restored from a backup of 20") && told.contains("quarterdeck resume"), "{told}");
    let again = home.list("approvals").pop().expect("it is still asked");
    assert_eq!((&again["id"], &again["state"]), (&asked["id"], &"pending".into()));

    home.says(&["approve", asked["id"].as_str().expect("an id"), "--yes"]);
    let turns = || read(&home.data()).0.iter().filter(|entry| matches!(entry, Entry::Closed(_))).count();
    for _ in 0..4 {
        let before = turns();
        home.says(&["pause"]);
        until("another turn", || (turns() > before).then_some(()));
    }
    assert_eq!(started(&read(&home.data()).0), before, "nothing begins before a person says so");
    home.says(&["resume"]);
    until("the mission is ready", || home.is("Ready"));
    assert_eq!(host.ends_by(Signal::TERM), Some(i32::from(Exit::Interrupted.code())));
    says(&home.data(), Exit::Done, &["journal", "verify"]);
}

#[test]
fn a_pause_that_stood_is_named_by_the_one_of_the_restore() {
    let home = Home::new();
    let host = home.answering(&["web"], &[]);
    home.says(&["pause", "--comment", "the outage"]);
    let file = home.path("paused.tar");
    says(&home.data(), Exit::Done, &["backup", text(&file)]);
    drop(host);
    let other = home.path("other-data");
    says(&other, Exit::Done, &["restore", text(&file)]);
    let (_, ledger) = read(&other);
    let pause = ledger.pauses.values().next().and_then(|pause| pause.comment.clone()).expect("a comment");
    assert!(
        pause.starts_with("restored from a backup of 20") && pause.ends_with("had paused it before: the outage"),
        "{pause}"
    );
}

#[test]
fn nothing_is_overwritten_by_a_backup_or_a_restore() {
    let home = Home::new();
    let host = home.answering(&["web"], &["--paused"]);
    let file = home.path("a.tar");
    says(&home.data(), Exit::Done, &["backup", text(&file)]);
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    fs::write(&file, "mine").expect("it is written");
    let told = says(&home.data(), Exit::Usage, &["backup", text(&file)]);
    assert!(told.contains("is there already") && told.contains("--force"), "{told}");
    assert_eq!(fs::read(&file).expect("a file"), b"mine");
    says(&home.data(), Exit::Done, &["backup", text(&file), "--force"]);
    says(&home.data(), Exit::Done, &["restore", "--check", text(&file)]);
    let parts: Vec<String> = names(&home.path(".")).into_iter().filter(|name| name.contains("part")).collect();
    assert_eq!(parts, [""; 0]);

    let before = names(&home.data().join("rehearsal"));
    let told = says(&home.data(), Exit::Usage, &["restore", text(&file)]);
    assert!(told.contains("is there already and is not empty") && told.contains("--set-aside"), "{told}");
    let told = says(&home.data(), Exit::Unreachable, &["restore", "--set-aside", text(&file)]);
    assert!(told.contains("end the host that runs there"), "{told}");
    let told = says(&home.data(), Exit::Usage, &["--real", "restore", text(&file)]);
    assert!(told.contains("backup of the folder \"rehearsal\""), "{told}");
    assert_eq!((names(&home.data()), names(&home.data().join("rehearsal"))), (vec!["rehearsal".to_owned()], before));

    drop(host);
    let own = read(&home.data()).0;
    says(&home.data(), Exit::Done, &["restore", "--set-aside", text(&file)]);
    let folders = names(&home.data());
    assert!(
        folders[0] == "rehearsal" && folders[1].starts_with("rehearsal.before-20") && folders.len() == 2,
        "{folders:?}"
    );
    fs::remove_dir_all(home.data().join("rehearsal")).expect("it goes");
    fs::rename(home.data().join(&folders[1]), home.data().join("rehearsal")).expect("it comes back");
    assert_eq!(read(&home.data()).0, own, "what was set aside is what was there");
}

#[test]
fn what_can_not_be_copied_is_told_and_leaves_no_file() {
    let home = Home::new();
    let told = says(&home.data(), Exit::Unreachable, &["backup", text(&home.path("a.tar"))]);
    assert!(told.contains("there is no journal"), "{told}");
    let host = home.answering(&["web"], &["--paused"]);
    let told = says(&home.data(), Exit::Failed, &["backup", text(&home.path("no/such/folder.tar"))]);
    assert!(told.contains("no/such/folder.tar") && told.contains("next:"), "{told}");
    let plan = until("a mission", || read(&home.data()).1.missions.values().next().map(|mission| mission.spec.plan));
    drop(host);
    fs::write(home.data().join("rehearsal/strange"), "?").expect("it is written");
    let told = says(&home.data(), Exit::Done, &["backup", text(&home.path("a.tar"))]);
    assert!(told.contains("not in the backup: strange: it is unknown"), "{told}");
    // A blob that the journal names is changed, and then it is gone.
    let blob = home.data().join("rehearsal/blobs").join(plan.hex());
    fs::write(&blob, "else").expect("it is changed");
    let told = says(&home.data(), Exit::Damaged, &["backup", text(&home.path("b.tar"))]);
    assert!(told.contains("names the blob") && told.contains("its bytes have another digest"), "{told}");
    fs::remove_file(&blob).expect("it goes");
    let (code, told) = ends(&home.data(), &["backup", "-"]);
    assert!(code == 4 && told.contains("names the blob"), "{code}: {told}");
    assert!(!home.path("b.tar").exists());
    assert_eq!(names(&home.path(".")).iter().filter(|name| name.ends_with(".part")).count(), 0);
}

#[test]
fn a_policy_that_was_uploaded_is_compiled_anew_where_it_is_restored() {
    let home = Home::new();
    let policy = home.path("quiet.wasm");
    fs::write(&policy, quiet()).expect("it is written");
    let host = home.answering(&["web"], &["--paused"]);
    home.says(&["policy", "push", text(&policy)]);
    let pushed = home.json(&["policy", "list"])["items"].clone();
    let digest = quarterdeck_core::digest::Digest::of(&quiet());
    home.says(&["policy", "activate", &digest.hex()[..12]]);
    let file = home.path("a.tar");
    says(&home.data(), Exit::Done, &["backup", text(&file)]);
    let listed = std::process::Command::new("tar").arg("-tf").arg(&file).output().expect("tar runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let of_policy = format!("policies/{}/", digest.hex());
    assert!(listed.contains(&format!("{of_policy}component.wasm")) && !listed.contains("compiled-"), "{listed}");
    assert!(listed.starts_with("quarterdeck-backup.json\n") && listed.ends_with("manifest.json\n"), "{listed}");
    drop(host);
    fs::rename(home.data(), home.path("lost")).expect("the machine is lost");

    says(&home.data(), Exit::Done, &["restore", text(&file)]);
    let compiled =
        || names(&home.data().join("rehearsal").join(&of_policy)).iter().any(|name| name.starts_with("compiled-"));
    assert!(!compiled());
    let _host = until_answers(&home);
    assert!(compiled(), "it is compiled by the program that loads it");
    assert_eq!(home.json(&["policy", "list"])["items"].as_array().map(Vec::len), pushed.as_array().map(Vec::len));
    assert_eq!(read(&home.data()).1.policy.digest, Some(digest), "the same policy decides");
}

/// A host that is restored is paused, so it answers that.
fn until_answers(home: &Home) -> Running {
    let host = home.host(&["web"], &[]);
    until("the host", || {
        program::command(&home.data(), &["pause"]).output().expect("it runs").status.success().then_some(())
    });
    host
}

/// A policy that decides nothing.
fn quiet() -> Vec<u8> {
    let parts = ["prelude", "allocator", "describe"];
    let parts = parts.map(|part| quarterdeck_tests::guests::text(part).expect("a part of every guest"));
    let decide = "(func (export \"quarterdeck:policy/decider@0.1.0#decide\") (param i32) (result i32) (i32.const 128))";
    let module = format!("(module {} {decide})", parts.join("\n"));
    quarterdeck_tests::guests::component(&module, quarterdeck_tests::guests::CONTRACT).expect("a component")
}
