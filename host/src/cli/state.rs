//! `state`: Terraform's states as the host keeps them.
//!
//! A running host answers over its socket; where none runs the journal is opened here, so that a change is written down
//! with the person who made it either way.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use quarterdeck_core::ids::OrderName;
use quarterdeck_core::observation::Person;
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::terraform::state_json::STATE_BYTES_MAX;
use serde_json::Value;

use super::args::StateCommand;
use super::exit::{Exit, Failure};
use super::place::Place;
use super::print::{self, Output, fields, note, section};
use crate::act;
use crate::api::local::{self, StateRequest};
use crate::app::{self, JOURNAL_KEY};
use crate::driver::clock;
use crate::remember::journal::SEGMENT_BYTES_MAX;
use crate::remember::{Book, StateStore};

pub(super) async fn state(place: &Place, command: StateCommand) -> Result<String, Failure> {
    if place.rehearsal {
        let next = "look into the real world: quarterdeck --real state list";
        return Err(Failure::new(Exit::Failed, "a rehearsal keeps no states; its world is imagined", next));
    }
    let output = command.output();
    let said = match &command {
        StateCommand::Import { mission, file, .. } => {
            let text = read(file)?;
            ask(place, StateRequest::Import { mission: mission.clone(), text }).await?
        }
        StateCommand::List { .. } => ask(place, StateRequest::List {}).await?,
        StateCommand::Show { mission, number, .. } => {
            ask(place, StateRequest::Show { mission: mission.clone(), number: *number }).await?
        }
        StateCommand::Export { mission, number } => {
            note("a state holds secrets in clear: keep it where only you can read it");
            ask(place, StateRequest::Export { mission: mission.clone(), number: *number }).await?
        }
        StateCommand::Unlock { mission, .. } => ask(place, StateRequest::Unlock { mission: mission.clone() }).await?,
    };
    Ok(match (&command, output) {
        // Exactly the bytes that Terraform wrote, for a file or another tool.
        (StateCommand::Export { .. }, _) => said.as_str().unwrap_or_default().to_owned(),
        (StateCommand::List { .. }, Output::Json) => {
            print::pretty(&print::list("State", false, said.as_array().map(Vec::as_slice).unwrap_or_default()))
        }
        (_, Output::Json) => print::pretty(&print::object("State", false, &said)),
        (StateCommand::List { .. }, Output::Table | Output::Wide) => table(&said),
        (StateCommand::Show { .. }, Output::Table | Output::Wide) => facts(&said),
        (StateCommand::Import { .. } | StateCommand::Unlock { .. }, Output::Table | Output::Wide) => {
            note("done, and journaled with your name");
            String::new()
        }
    })
}

async fn ask(place: &Place, request: StateRequest) -> Result<Value, Failure> {
    if place.alive {
        return Ok(place.host()?.states(&request).await?);
    }
    let (folder, journal) = (place.folder.clone(), place.journal());
    let asked = tokio::task::spawn_blocking(move || -> Result<Value, Failure> {
        let (book, _) = Book::signed(&journal, &folder.join(JOURNAL_KEY), SEGMENT_BYTES_MAX)?;
        let (book, data) = (Arc::new(book), folder.clone());
        let lives = Arc::new(move |order: &OrderName| act::lives(&data, order));
        let redactor = Redactor::new(app::redaction_key(&folder.join("key"))?);
        let store = StateStore::open(&folder.join("state"), book.clone(), clock, lives, redactor)?;
        let who = Person::Uid(rustix::process::getuid().as_raw());
        local::answer(&store, &book.ledger(), &who, request).map_err(|fault| {
            let next = "quarterdeck state list shows what there is";
            Failure::of(Exit::Failed, fault, Some(next.to_owned()))
        })
    });
    asked.await.map_err(std::io::Error::other)?
}

fn read(file: &Path) -> Result<String, Failure> {
    let wrong = |error: anyhow::Error| {
        let error = error.context(format!("read the state {}", file.display()));
        Failure::of(Exit::Usage, error, Some("name a file that `quarterdeck state export` wrote".to_owned()))
    };
    let mut text = String::new();
    let limit = STATE_BYTES_MAX as u64 + 1;
    let opened = std::fs::File::open(file).and_then(|file| file.take(limit).read_to_string(&mut text));
    opened.map_err(|error| wrong(error.into()))?;
    if text.len() > STATE_BYTES_MAX {
        return Err(wrong(anyhow::anyhow!("it is larger than {STATE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

fn table(said: &Value) -> String {
    let rows = said.as_array().into_iter().flatten().map(|mission| {
        let versions = mission["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let newest = versions.last();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let lock = match (&mission["lock"], mission["lockIsDead"] == true) {
            (Value::Null, _) => String::new(),
            (lock, true) => format!("dead: {}", text(&lock["order"])),
            (lock, false) => text(&lock["order"]),
        };
        vec![
            text(&mission["mission"]),
            versions.len().to_string(),
            newest.map(|newest| text(&newest["number"])).unwrap_or_default(),
            newest.map(|newest| text(&newest["serial"])).unwrap_or_default(),
            newest.map(|newest| text(&newest["bytes"])).unwrap_or_default(),
            lock,
        ]
    });
    print::table(&["mission", "versions", "newest", "serial", "bytes", "lock"], rows)
}

fn facts(said: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (state, facts) = (&said["state"], &said["facts"]);
    let mut shown = fields(&[
        ("Mission", text(&said["mission"])),
        ("Lineage", text(&state["lineage"])),
        ("Serial", text(&state["serial"])),
        ("Digest", text(&state["digest"])),
        ("Resources", text(&facts["instances"])),
    ]);
    let objects = facts["objects"].as_array().into_iter().flatten();
    let object = |o: &Value| format!("{} {} ({})", text(&o["kind"]), text(&o["name"]), text(&o["address"]));
    shown += &section("Objects", objects.map(object));
    shown
}
