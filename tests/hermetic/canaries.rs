//! Secrets are put into everything that a host meets, and then looked for in everything that it leaves and says.
//!
//! The program itself runs a mission: a container of nobody's exits, Gemini is asked about it and names what the mission
//! offers, the first plan fails, the second is read and approved, its apply fails after it has handed a state over. Then
//! every file below the data folder, every line that a command printed, every answer of the socket and every request that
//! Gemini got is searched for each secret, plain and encoded, whole and in parts of eight bytes.
//!
//! Where secrets do lie in clear is said in docs/redaction.md: the mission's files, saved plans, their JSON, and states.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod search;
mod stage;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use quarterdeck::api::local::SOCKET;
use quarterdeck::remember::journal;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_tests::fake_engine::{DOCKER_29, FakeEngine};
use quarterdeck_tests::fake_gemini::{FakeGemini, Step, recommend_first};
use quarterdeck_tests::program::{self, Running, until};
use rustix::process::Signal;
use search::{Search, forms};
use serde_json::Value;
use stage::{PLACES, PROXY, secret};

/// A name for what was said, and the bytes.
type Said = (String, Vec<u8>);

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn list(&self, what: &str) -> Vec<Value> {
        let output = program::command(&self.data(), &["get", what, "-o", "json"]).output().unwrap();
        let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// What a command says, wherever it says it.
    fn say(&self, words: &[&str]) -> Said {
        let output = program::command(&self.data(), words).output().unwrap();
        (format!("{words:?}"), [output.stdout, output.stderr].concat())
    }

    /// Everything that can be listed and described while a host runs.
    fn say_all(&self) -> Vec<Said> {
        let mut said = Vec::new();
        for (listed, described, name) in [
            ("missions", Some("mission"), "name"),
            ("findings", Some("finding"), "id"),
            ("workers", Some("worker"), "name"),
            ("approvals", Some("approval"), "id"),
            ("turns", None, ""),
        ] {
            for output in ["table", "wide", "json"] {
                said.push(self.say(&["get", listed, "-o", output]));
            }
            for item in described.into_iter().flat_map(|described| {
                self.list(listed).into_iter().filter_map(move |item| Some((described, item[name].as_str()?.to_owned())))
            }) {
                said.push(self.say(&["describe", item.0, &item.1]));
                said.push(self.say(&["describe", item.0, &item.1, "-o", "json"]));
            }
        }
        said.extend([self.say(&["state", "list"]), self.say(&["state", "show", "web"])]);
        said
    }

    /// What is read from the journal when nobody runs.
    fn say_what_was(&self) -> Vec<Said> {
        let turns = self.list("turns").into_iter().map(|turn| turn["turn"].to_string());
        let shown = turns.flat_map(|turn| {
            [self.say(&["journal", "show", &turn]), self.say(&["journal", "show", &turn, "--situation"])]
        });
        let mut said: Vec<Said> = shown.collect();
        for words in [&["journal", "export"][..], &["journal", "verify"], &["journal", "list"], &["replay"]] {
            said.push(self.say(words));
        }
        said
    }
}

/// What the socket answers, byte by byte.
async fn answers(place: &Place) -> Vec<Said> {
    let http = reqwest::Client::builder().unix_socket(place.data().join("real").join(SOCKET)).build().unwrap();
    let ask = async |path: String| {
        let answer = http.get(format!("http://host{path}")).send().await.unwrap();
        (path, answer.bytes().await.unwrap().to_vec())
    };
    let view = ask("/v1/view".to_owned()).await;
    let parsed: Value = serde_json::from_slice(&view.1).unwrap();
    let mut said = vec![view];
    for approval in parsed["approvals"].as_array().unwrap() {
        said.push(ask(format!("/v1/plans/{}", approval["rendered"].as_str().unwrap())).await);
    }
    assert!(said.len() > 1, "there is a plan to read");
    said
}

/// Every plain file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(self::files(&entry.path()));
        } else if !kind.is_socket() {
            files.push(entry.path());
        }
    }
    files
}

/// The files that are documented to hold clear text: by what the journal says of them, and not by what they hold.
fn clear(data: &Path) -> BTreeSet<PathBuf> {
    let (mut ledger, mut clear) = (Ledger::default(), BTreeSet::new());
    let blob = |digest: &quarterdeck_core::digest::Digest| data.join("real/blobs").join(digest.hex());
    journal::read(&data.join("real/journal"), &mut |record| {
        ledger.fold(&record.entry);
        for mission in ledger.missions.values() {
            clear.insert(blob(&mission.spec.plan));
            for saved in mission.saved.values() {
                clear.extend([blob(&saved.plan.input.saved), blob(&saved.plan.input.json)]);
            }
        }
    })
    .unwrap();
    clear.extend(
        files(&data.join("real/state"))
            .into_iter()
            .filter(|path| path.extension().is_some_and(|kind| kind == "tfstate")),
    );
    clear
}

/// The whole story, up to the end of the apply.
async fn story(place: &Place, gemini: &FakeGemini) -> (Vec<Said>, Running) {
    let engine = place.path("engine.sock");
    let (web, tool) = (stage::mission(place.folder.path()), stage::tool(place.folder.path()));
    let told = |name: &str| Stdio::from(File::create(place.path(name)).unwrap());
    let mut run = program::command(&place.data(), &["run", "--real"]);
    run.arg(web).arg("--engine").arg(engine).arg("--terraform").arg(tool);
    run.env("QUARTERDECK_GEMINI_URL", gemini.base_url()).env("GEMINI_API_KEY", secret("gemini"));
    run.env("HTTPS_PROXY", format!("http://ada:{}@127.0.0.1:9", secret(PROXY))).env("NO_PROXY", "127.0.0.1");
    run.env("QUARTERDECK_LOG", "debug");
    let host = Running(run.stdout(told("out")).stderr(told("err")).spawn().unwrap());
    let asked = until("a person is asked", || place.list("approvals").into_iter().find(|a| a["state"] == "pending"));
    let id = asked["id"].as_str().unwrap();
    let mut said = vec![place.say(&["describe", "approval", id]), place.say(&["get", "findings", "-o", "json"])];
    said.extend(answers(place).await);
    let comment = format!("seen with Ada, password={}", secret("comment"));
    said.push(place.say(&["approve", id, "--comment", &comment]));
    let apply = || place.list("workers").into_iter().find(|worker| worker["operation"] == "apply");
    until("the apply", apply);
    // Nothing is begun after it, so that no worker's folder is there at the end.
    let comment = format!("enough, token={}", secret("pause"));
    said.push(place.say(&["pause", "--comment", &comment]));
    until("the apply's end", || apply().filter(|worker| worker["phase"] == "failed"));
    until("the end of its folder", || files(&place.data().join("real/work")).is_empty().then_some(()));
    said.extend(place.say_all());
    said.extend(answers(place).await);
    (said, host)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_canary_gets_out_of_what_is_documented_to_hold_it() {
    // An error means that another test has installed it.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let place = Place { folder: tempfile::tempdir().unwrap() };
    let engine = FakeEngine::start(&place.path("engine.sock"), DOCKER_29);
    stage::engine(&engine);
    let gemini = FakeGemini::start(vec![Step::Compute(Arc::new(recommend_first))]).await;
    let (mut said, mut host) = story(&place, &gemini).await;
    assert_eq!(host.ends_by(Signal::TERM), Some(130));
    said.extend(place.say_what_was());
    for name in ["out", "err"] {
        said.push((name.to_owned(), fs::read(place.path(name)).unwrap()));
    }
    let asked = gemini.seen();
    assert!(!asked.is_empty(), "Gemini was asked");
    for request in asked {
        let headers = request.headers.iter().filter(|line| !line.to_lowercase().starts_with("x-goog-api-key:"));
        let headers: Vec<String> = headers.cloned().collect();
        let text = format!("{}\n{}\n{}", request.line, headers.join("\n"), request.body);
        said.push(("a request to Gemini".to_owned(), text.into_bytes()));
    }

    let secrets: Vec<(&str, String)> = PLACES.into_iter().chain([PROXY]).map(|place| (place, secret(place))).collect();
    let search = Search::new(secrets.iter().map(|(name, secret)| (*name, secret.as_str())));
    let (data, clear) = (place.data(), clear(&place.data()));
    for path in files(&data).into_iter().filter(|path| !clear.contains(path)) {
        let name = path.strip_prefix(&data).unwrap().display().to_string();
        said.push((format!("the name of {name}"), name.clone().into_bytes()));
        said.push((name, fs::read(path).unwrap()));
    }
    let out: Vec<String> = said
        .iter()
        .flat_map(|(name, bytes)| search.found(bytes).into_iter().map(move |whose| format!("{name}: {whose}")))
        .collect();
    assert!(out.is_empty(), "{} leaks:\n{}", out.len(), out.join("\n"));
    nothing_was_overlooked(&search, &secrets, &said, &clear);
}

/// The same search finds what is there: in a file that this test writes, and in those that are documented to hold it.
fn nothing_was_overlooked(search: &Search, secrets: &[(&str, String)], said: &[Said], clear: &BTreeSet<PathBuf>) {
    let control = tempfile::NamedTempFile::new().unwrap();
    for (name, secret) in secrets {
        for (form, text, _) in forms(secret.as_bytes()) {
            fs::write(control.path(), [b"before ".as_slice(), &text, b" after"].concat()).unwrap();
            let whose = format!("{name}, {form}");
            assert!(search.found(&fs::read(control.path()).unwrap()).contains(&whose.as_str()), "{whose}");
        }
    }
    let mut sung = BTreeSet::new();
    for path in clear {
        let bytes = fs::read(path).unwrap();
        sung.extend(search.found(&bytes).into_iter().map(str::to_owned));
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    let all =
        String::from_utf8_lossy(&said.iter().flat_map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>()).into_owned();
    for place in ["file name", "tfvar", "literal in a file", "resource key", "planned environment", "state"] {
        assert!(sung.contains(&format!("{place}, plain")), "{place}: {sung:?}");
    }
    // Where they stood there are placeholders now: the host has met each of them.
    for before in stage::BEFORE {
        // Between them there are quotes at most, as often escaped as JSON stands in JSON.
        let met = regex::Regex::new(&format!(r#"{}[\["\\:]*\[redacted:"#, regex::escape(before))).unwrap();
        assert!(met.is_match(&all), "{before}");
    }
    assert!(said.len() > 60, "{} texts are too few to say anything", said.len());
}
