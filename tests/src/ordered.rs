//! A journal in which a mission has orders at work, without a turn, a policy or a gate.

use std::path::Path;
use std::sync::Arc;

use quarterdeck::remember::{Book, Durable};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Answered, Declared, Ended, Entry, Opened};
use quarterdeck_core::ids::{MissionId, OrderName, Timestamp};
use quarterdeck_core::mission::{MissionName, MissionSpec, When};
use quarterdeck_core::order::{ApplyInput, End, Order, OrderKey, WorkerResult};
use quarterdeck_core::situation::{Autonomy, DesiredState, Failure, Operation, Ruling};
use quarterdeck_core::terraform::FileSet;
use quarterdeck_core::terraform::files::File;
use quarterdeck_core::verdict::{Effect, Verdict};

use crate::shape;

/// The time in these journals.
pub fn clock() -> Timestamp {
    Timestamp(1_700_000_000_000)
}

/// A journal with the mission `web`.
pub fn book(folder: &Path) -> Arc<Book> {
    let (book, torn) = Book::open(folder).expect("the folder is ours");
    assert!(torn.is_none());
    if book.ledger().missions.is_empty() {
        let spec = MissionSpec {
            name: MissionName::parse("web").expect("a name"),
            goal: "an nginx".into(),
            autonomy: Autonomy::Auto,
            desired: DesiredState::Present,
            when: When::Always,
            offers: Vec::new(),
            plan: Digest::of(&files()),
            facts: Vec::new(),
            labels: Vec::new(),
            author: None,
            providers: Vec::new(),
            source: "test".into(),
            object: None,
        };
        let declared = Declared { at: clock(), mission: mission(), uid: uid(), generation: 1, spec };
        book.append(&[Entry::Declared(declared)], Durable::Now).expect("the disk is ours");
    }
    Arc::new(book)
}

/// The mission's files, packed.
pub fn files() -> Vec<u8> {
    let file = File { path: "main.tf".into(), bytes: b"# nothing\n".to_vec() };
    encoding::encode(&FileSet::new(vec![file]).expect("a file"))
}

/// The mission's uid.
pub fn uid() -> Digest {
    Digest::of(b"web")
}

/// The mission.
pub fn mission() -> MissionId {
    MissionName::parse("web").expect("a name").id(&uid()).expect("an id")
}

/// An order of the mission; an apply is of the saved plan `saved`, with the JSON `{}`.
pub fn order(operation: Operation, attempt: u32) -> Order {
    let saved = Digest::of(b"saved");
    let apply = ApplyInput { saved, json: Digest::of(b"{}"), lock: None, state: None, destroy: false, tool: None };
    let is_apply = operation == Operation::Apply;
    let input = if is_apply { saved } else { Digest::of(&files()) };
    let key = OrderKey { uid: uid(), generation: 1, operation, input };
    Order {
        name: key.name(&MissionName::parse("web").expect("a name"), attempt),
        mission: mission(),
        key,
        attempt,
        plan: Digest::of(&files()),
        apply: is_apply.then_some(apply),
        made: clock(),
        deadline: clock().plus_ms(600_000),
        remedy: None,
        grants: Vec::new(),
        rehearsal: false,
    }
}

/// Journals that the order was started.
pub fn start(book: &Book, order: &Order) {
    let verdict = Verdict {
        key: order.name.to_string(),
        action: "build".into(),
        mission: Some(order.mission.clone()),
        ruling: Ruling::Acted,
        rule: "test".into(),
        because: "a test".into(),
        approval: None,
        effect: Some(Effect::Start(Box::new(order.clone()))),
    };
    let opened = Opened {
        turn: book.ledger().turn + 1,
        at: clock(),
        situation: encoding::encode(&shape::situation(0)),
        ground: Default::default(),
        policy: Digest::ZERO,
        answer: Answered::HostAbort { kind: "test".into(), detail: String::new() },
        logs: Vec::new(),
        fuel: 0,
        ledger: Digest::ZERO,
        verdicts: vec![verdict],
    };
    book.append(&[Entry::Opened(Box::new(opened))], Durable::Now).expect("the disk is ours");
    assert!(book.ledger().orders.contains_key(&order.name));
}

/// Journals that the order ended, lost.
pub fn end(book: &Book, order: &OrderName) {
    let failure = Failure { kind: "crashed".into(), message: "gone".into(), retryable: true, remedies: Vec::new() };
    let result = WorkerResult::failed(End::Lost, failure);
    let ended = Ended { at: clock(), order: order.clone(), result };
    book.append(&[Entry::Ended(Box::new(ended))], Durable::Now).expect("the disk is ours");
}

/// A state's bytes.
pub fn state(lineage: &str, serial: u64, network: &str) -> Vec<u8> {
    format!(
        r#"{{"version":4,"terraform_version":"1.11.4","serial":{serial},"lineage":"{lineage}","outputs":{{}},"resources":[
        {{"mode":"managed","type":"docker_network","name":"net","provider":"p","instances":[
        {{"schema_version":0,"attributes":{{"id":"id-{network}","name":"{network}"}}}}]}}]}}"#
    )
    .into_bytes()
}
