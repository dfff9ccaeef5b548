//! A small story, entry by entry: one mission under `approve`, planned by one worker, waiting for a person.

use quarterdeck::orient::orient;
use quarterdeck::remember::Blobs;
use quarterdeck::remember::journal::Journal;
use quarterdeck_core::charter::Charter;
use quarterdeck_core::decision::{ActionKind, Decision, Description};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{
    Activated, Answered, Begun, Claimed, Closed, Declared, Ended, Entry, How, Opened, Receipt, SandboxIdentity,
};
use quarterdeck_core::ground::Ground;
use quarterdeck_core::ids::{ApprovalId, MissionId, Timestamp};
use quarterdeck_core::ledger::{Ledger, MissionState};
use quarterdeck_core::mission::{MissionName, MissionSpec, When};
use quarterdeck_core::observation::{Command, Commanded, Observation, Person, SeenMission};
use quarterdeck_core::order::{ApplyInput, DEADLINE_MS, End, Order, OrderKey, PlanDanger, SavedPlan, WorkerResult};
use quarterdeck_core::pause::Scope;
use quarterdeck_core::situation::{Autonomy, ChangeSummary, DesiredState, Operation, Ruling, Situation};
use quarterdeck_core::verdict::{Effect, Request, Verdict};

pub(super) const SOURCE: &str = "web/mission.yaml";
/// A goal that would recolour a terminal and turn the reading order around.
pub(super) const HOSTILE: &str = "a server\u{1b}[31m\u{202e}\nNAME  Ready";

pub(super) fn approval() -> ApprovalId {
    ApprovalId::parse("a-0123456789").unwrap()
}

fn mission() -> MissionId {
    MissionId::parse("web-01234567").unwrap()
}

pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp(1_900_000_000_000 + seconds * 1_000)
}

fn spec() -> MissionSpec {
    MissionSpec {
        name: MissionName::parse("web").unwrap(),
        goal: HOSTILE.to_owned(),
        autonomy: Autonomy::Approve,
        desired: DesiredState::Present,
        when: When::Always,
        offers: vec!["server".to_owned()],
        plan: Digest::of(b"files"),
        facts: Vec::new(),
        labels: Vec::new(),
        author: None,
        providers: Vec::new(),
        source: SOURCE.to_owned(),
        object: None,
    }
}

fn order(operation: Operation, input: Digest, apply: Option<ApplyInput>) -> Order {
    let key = OrderKey { uid: Digest::of(b"uid"), generation: 1, operation, input };
    Order {
        name: key.name(&spec().name, 1),
        mission: mission(),
        key,
        attempt: 1,
        plan: Digest::of(b"files"),
        apply,
        made: at(1),
        deadline: at(1).plus_ms(DEADLINE_MS),
        remedy: None,
        grants: Vec::new(),
        rehearsal: true,
    }
}

pub(super) fn planning() -> Order {
    order(Operation::Plan, Digest::of(b"files"), None)
}

fn input() -> ApplyInput {
    ApplyInput {
        saved: Digest::of(b"saved"),
        json: Digest::of(b"json"),
        lock: None,
        state: None,
        destroy: false,
        tool: None,
    }
}

/// The text of the plan, as a worker rendered it.
pub(super) const RENDERED: &str = "Plan: 1 to replace, 2 to add.\n-/+ docker_container.web is destroyed and made anew";

fn saved() -> SavedPlan {
    SavedPlan {
        input: input(),
        summary: ChangeSummary { adds: 2, replaces: 1, ..Default::default() },
        rendered: Digest::of(RENDERED.as_bytes()),
        dangers: vec![PlanDanger {
            kind: "published-port".to_owned(),
            address: "docker_container.web".to_owned(),
            detail: "0.0.0.0:8080".to_owned(),
            makes_root: false,
        }],
        touches: vec!["docker_container.web".to_owned()],
        kinds: Default::default(),
        changes: Digest::of(b"changes"),
        makes: Vec::new(),
    }
}

fn verdict(key: &str, ruling: Ruling, effect: Option<Effect>) -> Verdict {
    Verdict {
        key: key.to_owned(),
        action: "build".to_owned(),
        mission: Some(mission()),
        ruling,
        rule: "a-rule".to_owned(),
        because: "so it is".to_owned(),
        approval: None,
        effect,
    }
}

/// What the policy was shown at this point of the story.
pub(super) fn situation(ledger: &Ledger, now: Timestamp) -> (Situation, Ground) {
    let loaded = |state: &MissionState| SeenMission::in_file(state.spec.source.clone(), Ok(state.spec.clone()));
    let missions = ledger.missions.values().map(loaded).collect();
    orient(&Charter::default(), ledger, &Observation { at: now, missions, ..Default::default() })
}

fn turn(ledger: &Ledger, now: Timestamp, verdicts: Vec<Verdict>) -> Vec<Entry> {
    let (situation, ground) = situation(ledger, now);
    let decision = Decision { rationale: "web needs a plan".to_owned(), ..Default::default() };
    let receipts = verdicts.iter().map(|v| Receipt { key: v.key.clone(), did: "start".to_owned() }).collect();
    let opened = Opened {
        turn: situation.turn,
        at: now,
        situation: encoding::encode(&situation),
        ground,
        policy: Digest::of(b"policy"),
        answer: Answered::Decided(encoding::encode(&decision)),
        logs: vec!["thinking".to_owned()],
        fuel: 12_345,
        ledger: ledger.digest(),
        verdicts,
    };
    let closed = Closed { turn: situation.turn, at: now, receipts };
    vec![Entry::Opened(Box::new(opened)), Entry::Closed(closed)]
}

/// The story so far, and the ledger that follows from it.
pub(super) struct Story {
    pub(super) entries: Vec<Entry>,
    pub(super) ledger: Ledger,
}

impl Story {
    pub(super) fn tell(&mut self, entries: Vec<Entry>) {
        entries.iter().for_each(|entry| self.ledger.fold(entry));
        self.entries.extend(entries);
    }

    /// A host began, and saw a mission.
    pub(super) fn begun() -> Story {
        let mut story = Story { entries: Vec::new(), ledger: Ledger::default() };
        let description = Description {
            name: "steward".to_owned(),
            version: "0.1.0".to_owned(),
            summary: String::new(),
            actions: vec![ActionKind::Build],
            operations: vec![Operation::Plan, Operation::Apply],
            settings: Vec::new(),
            memo_format: "m".to_owned(),
            reads_memos: Vec::new(),
        };
        let sandbox =
            SandboxIdentity { engine: "wasmtime".to_owned(), target: "here".to_owned(), limits: Digest::of(b"limits") };
        let (version, nonce) = ("0.1.0".to_owned(), Digest::of(b"nonce"));
        story.tell(vec![
            Entry::Begun(Begun {
                at: at(0),
                version,
                rehearsal: true,
                nonce,
                sandbox,
                ceiling: None,
                fallback: Digest::ZERO,
            }),
            Entry::Activated(Activated {
                at: at(0),
                policy: Digest::of(b"policy"),
                description,
                settings: Vec::new(),
                by: None,
                how: How::Started,
            }),
            Entry::Declared(Declared {
                at: at(0),
                mission: mission(),
                uid: Digest::of(b"uid"),
                generation: 1,
                spec: spec(),
            }),
        ]);
        story
    }

    /// A worker was ordered to plan.
    pub(super) fn planning() -> Story {
        let mut story = Story::begun();
        let start = Effect::Start(Box::new(planning()));
        story.tell(turn(&story.ledger.clone(), at(1), vec![verdict("plan/web", Ruling::Acted, Some(start))]));
        let order = planning().name;
        story.tell(vec![Entry::Claimed(Claimed { at: at(2), order, claimant: "process 7".to_owned() })]);
        story
    }

    /// It has planned, and a person is asked.
    pub(super) fn asking() -> Story {
        let mut story = Story::planning();
        let result = WorkerResult {
            end: End::Succeeded,
            failure: None,
            saved: Some(saved()),
            summary: None,
            state: None,
            objects: None,
            tool: Some("terraform 1.14.0".to_owned()),
        };
        story.tell(vec![Entry::Ended(Box::new(Ended { at: at(3), order: planning().name, result }))]);
        let request = Request {
            id: approval(),
            order: order(Operation::Apply, input().saved, Some(input())),
            requested: at(4),
            expires: at(4).plus_ms(60_000),
            policy: Digest::of(b"policy"),
            charter: Digest::of(b"charter"),
            needed: 1,
        };
        let ask = Effect::Request(Box::new(request));
        story.tell(turn(&story.ledger.clone(), at(4), vec![verdict("apply/web", Ruling::Asked, Some(ask))]));
        story
    }

    /// A person said no.
    pub(super) fn denied() -> Story {
        let mut story = Story::asking();
        let command = Command::Deny { approval: approval(), comment: Some("not today".to_owned()) };
        story.tell(vec![Entry::Commanded(Commanded { at: at(5), who: Person::Uid(1_000), command })]);
        story
    }

    /// Somebody has paused the mission, and a turn has seen it.
    pub(super) fn paused() -> Story {
        let mut story = Story::asking();
        let scope = Scope { mission: Some(spec().name), class: None };
        let command = Command::Pause { scope, cancel: true, comment: Some("not today".to_owned()) };
        story.tell(vec![Entry::Commanded(Commanded { at: at(5), who: Person::Uid(1_000), command })]);
        story.tell(turn(&story.ledger.clone(), at(6), Vec::new()));
        story
    }

    /// Writes the story into a data folder, as a rehearsing host would have.
    pub(super) fn write(&self) -> tempfile::TempDir {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("rehearsal");
        let (mut journal, _) = Journal::open(&folder.join("journal"), |_| {}).unwrap();
        journal.append(&self.entries, true).unwrap();
        Blobs::open(&folder.join("blobs")).unwrap().put(RENDERED.as_bytes()).unwrap();
        data
    }
}
