//! A small world for this crate's own tests: a ledger that grew by folding entries, and what a policy would be shown.
//!
//! It holds one mission, `web`, and a policy that may do everything. It writes nothing past the fold, so what a test finds
//! in a ledger could have come from a journal.

use crate::charter::Charter;
use crate::decision::{Action, ActionKind, BuildStep, Decision, Description, Proposal, Target};
use crate::digest::Digest;
use crate::encoding;
use crate::entry::{Activated, Answered, Begun, Claimed, Ended, Entry, How, Opened, SandboxIdentity};
use crate::gate::gate;
use crate::ground::{Footing, Ground};
use crate::ids::{ApprovalId, FindingId, MissionId, OrderName, Timestamp};
use crate::ledger::{Ledger, MissionState};
use crate::mission::{MissionName, MissionSpec, ProviderNeed, When};
use crate::observation::{Command, Commanded, Person};
use crate::order::{ApplyInput, End, Order, PlanDanger, SavedPlan, StateRef, WorkerResult};
use crate::situation::{
    Autonomy, ChangeSummary, DesiredState, DockerEngine, Failure, Finding, Mission, ObjectRef, Operation, Ruling,
    Severity, Situation,
};
use crate::verdict::{Effect, Verdict};

pub(crate) const START: Timestamp = Timestamp(1_795_000_000_000);

/// Charter, ledger, and what is in view.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) charter: Charter,
    pub(crate) ledger: Ledger,
    pub(crate) now: Timestamp,
    pub(crate) engine: Option<DockerEngine>,
    pub(crate) findings: Vec<Finding>,
    /// When the engine was looked at: after everything, unless the test says otherwise.
    pub(crate) looked: Option<Timestamp>,
    /// An object of a mission that no state knows.
    pub(crate) unknown: Option<(MissionId, String)>,
    /// The missions that this run was not told of.
    pub(crate) untold: Vec<MissionId>,
}

impl Scene {
    /// A mission of this autonomy was declared, and nothing was done yet.
    pub(crate) fn new(autonomy: Autonomy) -> Scene {
        let engine = DockerEngine {
            version: "29.0.1".to_owned(),
            api: "1.52".to_owned(),
            api_min: "1.44".to_owned(),
            more: Vec::new(),
        };
        let mut scene = Scene {
            charter: Charter::default(),
            ledger: Ledger::default(),
            now: START,
            engine: Some(engine),
            findings: Vec::new(),
            looked: Some(Timestamp::MAX),
            unknown: None,
            untold: Vec::new(),
        };
        scene.begin(true);
        scene.activate(description());
        scene.declare(spec("web", autonomy));
        scene
    }

    pub(crate) fn fold(&mut self, entry: Entry) {
        self.ledger.fold(&entry);
    }

    pub(crate) fn begin(&mut self, rehearsal: bool) {
        self.fold(begun(self.now, rehearsal));
    }

    pub(crate) fn activate(&mut self, description: Description) {
        self.fold(Entry::Activated(Activated {
            at: self.now,
            policy: Digest::of(description.version.as_bytes()),
            description,
            settings: Vec::new(),
            by: None,
            how: How::Started,
        }));
    }

    /// A file was read: a new mission, or another word of a known one, with the generation that the ledger gives it.
    pub(crate) fn declare(&mut self, spec: MissionSpec) {
        let seen = crate::observation::SeenMission::in_file(spec.source.clone(), Ok(spec));
        let observation = crate::observation::Observation { at: self.now, missions: vec![seen], ..Default::default() };
        self.ledger.news(&observation).into_iter().for_each(|entry| self.ledger.fold(&entry));
    }

    pub(crate) fn say(&mut self, command: Command) {
        assert_eq!(self.ledger.permits(&Person::Uid(1000), &command, self.now), Ok(()));
        self.fold(Entry::Commanded(Commanded { at: self.now, who: Person::Uid(1000), command }));
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }

    pub(crate) fn web(&self) -> &MissionState {
        self.ledger.mission(&MissionName::parse("web").unwrap()).unwrap()
    }

    pub(crate) fn target(&self) -> Target {
        let web = self.web();
        Target { mission: web.id.clone(), generation: web.generation, plan: web.spec.plan, remedy: None }
    }

    pub(crate) fn build(&self, step: BuildStep) -> Action {
        Action::Build { order: self.target(), step }
    }

    pub(crate) fn situation(&self) -> Situation {
        situation(self)
    }

    /// Every mission is of this run, the engine was just looked at, and nothing is unknown, but as the test says.
    pub(crate) fn ground(&self) -> Ground {
        let footing = |mission: &MissionId| {
            let unknown = self.unknown.as_ref().filter(|(of, _)| of == mission).map(|(_, what)| what.clone());
            Footing { mission: mission.clone(), unknown }
        };
        let missions = self.ledger.missions.keys().filter(|id| !self.untold.contains(id)).map(footing).collect();
        Ground { looked: self.looked, missions, unshown: Vec::new() }
    }

    /// What the gate says to these actions in one decision.
    pub(crate) fn rule_all(&self, actions: Vec<Action>) -> Vec<Verdict> {
        let proposal = |(index, action)| Proposal { key: format!("key-{index}"), cites: Vec::new(), action };
        let proposals = actions.into_iter().enumerate().map(proposal).collect();
        let decision = Decision { proposals, ..Decision::default() };
        gate(&self.charter, &self.ledger, &self.ground(), &self.situation(), &decision)
    }

    pub(crate) fn rule(&self, action: Action) -> Verdict {
        self.rule_all(vec![action]).remove(0)
    }

    /// The name of the rule that decides about an action.
    pub(crate) fn rule_of(&self, action: Action) -> String {
        self.rule(action).rule
    }

    /// Journals verdicts as a turn does.
    pub(crate) fn open(&mut self, verdicts: Vec<Verdict>) {
        let entry = opened(self.ledger.turn + 1, self.now, &self.situation(), Decision::default(), verdicts);
        self.fold(entry);
    }

    /// Rules on an action that must be permitted, and journals it.
    pub(crate) fn start(&mut self, action: Action) -> Order {
        let verdict = self.rule(action);
        assert_eq!(verdict.ruling, Ruling::Acted, "{verdict:?}");
        let Some(Effect::Start(order)) = verdict.effect.clone() else { panic!("no start: {verdict:?}") };
        self.open(vec![verdict]);
        *order
    }

    pub(crate) fn claim(&mut self, order: &OrderName, claimant: &str) {
        let claimant = claimant.to_owned();
        self.fold(Entry::Claimed(Claimed { at: self.now, order: order.clone(), claimant }));
    }

    pub(crate) fn end(&mut self, order: &OrderName, result: WorkerResult) {
        self.fold(Entry::Ended(Box::new(Ended { at: self.now, order: order.clone(), result })));
    }

    /// A plan is made and saved, a second later; the digest of it.
    pub(crate) fn planned(&mut self, dangers: Vec<PlanDanger>) -> Digest {
        let absent = self.web().desired() == DesiredState::Absent;
        let step = if absent { BuildStep::PlanDestroy } else { BuildStep::Plan };
        let order = self.start(self.build(step));
        self.claim(&order.name, "one");
        self.pass(1_000);
        let saved = saved(&order, self.web().state.clone(), absent, dangers);
        let digest = saved.input.saved;
        self.end(&order.name, WorkerResult { saved: Some(saved), ..succeeded() });
        digest
    }

    /// The saved plan is applied, a second later: the state has a new serial.
    pub(crate) fn applied(&mut self, artifact: Digest) -> Order {
        let order = self.start(self.build(BuildStep::Apply(artifact)));
        self.claim(&order.name, "one");
        self.pass(1_000);
        let serial = self.web().state.as_ref().map_or(1, |state| state.serial + 1);
        self.end(&order.name, WorkerResult { state: Some(state(serial)), ..succeeded() });
        order
    }

    /// The gate asks people for this apply; the name of the request.
    pub(crate) fn asked(&mut self, artifact: Digest) -> ApprovalId {
        let verdict = self.rule(self.build(BuildStep::Apply(artifact)));
        assert_eq!((verdict.ruling, verdict.rule.as_str()), (Ruling::Asked, "needs-approval"));
        let Some(Effect::Request(request)) = &verdict.effect else { panic!("no request: {verdict:?}") };
        let id = request.id.clone();
        self.open(vec![verdict]);
        id
    }

    pub(crate) fn approve(&mut self, approval: &ApprovalId) {
        self.say(Command::Approve { approval: approval.clone(), comment: None });
    }
}

/// The policy that every host has, and that is not the one which decides here.
pub(crate) fn fallback() -> Digest {
    Digest::of(b"fallback")
}

pub(crate) fn begun(at: Timestamp, rehearsal: bool) -> Entry {
    Entry::Begun(Begun {
        at,
        version: "0".to_owned(),
        rehearsal,
        nonce: Digest::of(b"nonce"),
        sandbox: SandboxIdentity { engine: "e".to_owned(), target: "t".to_owned(), limits: Digest::ZERO },
        ceiling: None,
        fallback: fallback(),
    })
}

pub(crate) fn opened(
    turn: u32,
    at: Timestamp,
    situation: &Situation,
    decision: Decision,
    verdicts: Vec<Verdict>,
) -> Entry {
    Entry::Opened(Box::new(Opened {
        turn,
        at,
        situation: encoding::encode(situation),
        ground: Ground::default(),
        policy: Digest::ZERO,
        answer: Answered::Decided(encoding::encode(&decision)),
        logs: Vec::new(),
        fuel: 0,
        ledger: Digest::ZERO,
        verdicts,
    }))
}

pub(crate) fn description() -> Description {
    use ActionKind::*;
    Description {
        name: "all".to_owned(),
        version: "1".to_owned(),
        summary: "May do everything.".to_owned(),
        actions: vec![Build, Configure, Scan, Cancel, Ask, Inspect, Remember, Notify, Acknowledge],
        operations: vec![
            Operation::Plan,
            Operation::PlanDestroy,
            Operation::Apply,
            Operation::Check,
            Operation::Configure,
            Operation::Scan,
        ],
        settings: Vec::new(),
        memo_format: "all/1".to_owned(),
        reads_memos: vec!["all/1".to_owned()],
    }
}

pub(crate) fn spec(name: &str, autonomy: Autonomy) -> MissionSpec {
    let provider = ProviderNeed {
        source: "kreuzwerker/docker".to_owned(),
        constraint: Some(">= 3.3.0".to_owned()),
        locked: None,
        file: "main.tf".to_owned(),
        line: 5,
    };
    MissionSpec {
        name: MissionName::parse(name).unwrap(),
        goal: "A shop.".to_owned(),
        autonomy,
        desired: DesiredState::Present,
        when: When::Always,
        offers: vec!["server".to_owned()],
        plan: Digest::of(b"files"),
        facts: Vec::new(),
        labels: Vec::new(),
        author: None,
        providers: vec![provider],
        source: format!("{name}/mission.yaml"),
        object: None,
    }
}

pub(crate) fn state(serial: u64) -> StateRef {
    StateRef { lineage: "lineage".to_owned(), serial, digest: Digest::of(&serial.to_be_bytes()) }
}

/// What a worker saves for an order; another attempt saves other bytes.
pub(crate) fn saved(order: &Order, state: Option<StateRef>, destroy: bool, dangers: Vec<PlanDanger>) -> SavedPlan {
    let part = |what: &str| Digest::of_parts(&[what.as_bytes(), order.name.as_str().as_bytes()]);
    SavedPlan {
        input: ApplyInput {
            saved: part("saved"),
            json: part("json"),
            lock: Some(Digest::of(b"lock")),
            state,
            destroy,
            tool: Some("terraform 1.11.4".to_owned()),
        },
        summary: ChangeSummary { adds: 2, ..ChangeSummary::default() },
        rendered: part("rendered"),
        dangers,
        touches: vec!["docker_network.private".to_owned()],
        kinds: Default::default(),
        changes: part("changes"),
        makes: Vec::new(),
    }
}

pub(crate) fn succeeded() -> WorkerResult {
    WorkerResult {
        end: End::Succeeded,
        failure: None,
        saved: None,
        summary: None,
        state: None,
        objects: None,
        tool: None,
    }
}

pub(crate) fn failed(kind: &str) -> WorkerResult {
    let (kind, message) = (kind.to_owned(), "it did not work".to_owned());
    WorkerResult::failed(End::Failed, Failure { kind, message, retryable: true, remedies: Vec::new() })
}

pub(crate) fn finding(id: &str, rule: &str, mission: Option<MissionId>) -> Finding {
    Finding {
        id: FindingId::parse(id).unwrap(),
        rule: rule.to_owned(),
        severity: Severity::Warning,
        object: ObjectRef { kind: "network".to_owned(), namespace: None, name: "shop".to_owned(), uid: None },
        owner: None,
        mission,
        message: "something is wrong".to_owned(),
        evidence: Vec::new(),
        first_seen: START,
        changed: START,
        count: 1,
        acknowledged_until: None,
    }
}

fn situation(scene: &Scene) -> Situation {
    let mission = |state: &MissionState| Mission {
        id: state.id.clone(),
        generation: state.generation,
        goal: state.spec.goal.clone(),
        autonomy: state.spec.autonomy,
        desired: state.desired(),
        phase: "Pending".to_owned(),
        plans: Vec::new(),
        offers: state.spec.offers.clone(),
        targets: Vec::new(),
        tallies: Vec::new(),
        artifacts: Vec::new(),
        applied: None,
        verification: None,
        parked: None,
        more: Vec::new(),
    };
    Situation {
        turn: scene.ledger.turn + 1,
        now: scene.now,
        last_decision: None,
        settings: Vec::new(),
        cluster: Vec::new(),
        engine: scene.engine.clone(),
        findings: scene.findings.clone(),
        resolved: Vec::new(),
        missions: scene.ledger.missions.values().map(mission).collect(),
        workers: Vec::new(),
        verdicts: Vec::new(),
        approvals: Vec::new(),
        allowances: Vec::new(),
        advice: Vec::new(),
        recollections: Vec::new(),
        inspections: Vec::new(),
        omitted: Default::default(),
        memo: scene.ledger.policy.memo.clone(),
        more: Vec::new(),
    }
}
