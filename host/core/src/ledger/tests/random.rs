//! Entries in any order, as no host would write them: the fold takes them all, and gives the same ledger each time.
//!
//! A journal's chain proves that its entries are those that were written. It proves nothing of what a later version of
//! the host makes of them, so the fold must not depend on any of them making sense.

use super::*;
use crate::decision::Action;
use crate::entry::{Closed, Declared, Ended, Settled, StateChanged, Stored};
use crate::fixture::{begun, saved, state};
use crate::observation::Command;
use crate::observation::{Commanded, Observation, SeenMission, WorkerReport};
use crate::order::{ApplyInput, Class, OBJECTS_MAX};
use crate::question::{Bill, BrainReply};
use crate::situation::{QuestionKind, Reply};

/// Numbers that look like chance and are the same in every run: xorshift64*.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn time(&mut self) -> Timestamp {
        match self.below(20) {
            0 => Timestamp(0),
            1 => Timestamp(u64::MAX),
            _ => START.plus_ms(self.below(3 * RETENTION_MS)),
        }
    }

    fn uid(&mut self) -> Digest {
        Digest::of(&self.below(3).to_be_bytes())
    }

    fn mission(&mut self) -> MissionId {
        let uid = self.uid();
        MissionName::parse("web").unwrap().id(&uid).unwrap()
    }

    fn name(&mut self) -> OrderName {
        OrderName::parse(&format!("order-{}", self.below(12))).unwrap()
    }

    fn approval(&mut self) -> ApprovalId {
        ApprovalId::parse(&format!("a-{}", self.below(6))).unwrap()
    }

    fn operation(&mut self) -> Operation {
        use Operation::*;
        [Plan, PlanDestroy, Apply, Check, Configure, Scan][usize::try_from(self.below(6)).unwrap()]
    }

    fn order(&mut self) -> Order {
        let operation = self.operation();
        let key = OrderKey {
            uid: self.uid(),
            generation: u32::try_from(self.below(4)).unwrap(),
            operation,
            input: self.uid(),
        };
        let input = ApplyInput {
            saved: self.uid(),
            json: Digest::ZERO,
            lock: None,
            state: self.one_in(2).then(|| state(1)),
            destroy: self.one_in(2),
            tool: self.one_in(2).then(|| "terraform 1.11.4".to_owned()),
        };
        Order {
            name: self.name(),
            mission: self.mission(),
            key,
            attempt: 1,
            plan: self.uid(),
            apply: (operation == Operation::Apply).then_some(input),
            made: self.time(),
            deadline: self.time(),
            remedy: None,
            grants: Vec::new(),
            rehearsal: self.one_in(2),
        }
    }

    fn result(&mut self) -> WorkerResult {
        let end = [End::Succeeded, End::Failed, End::Cancelled, End::Lost][usize::try_from(self.below(4)).unwrap()];
        let order = self.order();
        let version = self.below(5);
        let objects = (0..self.below(4)).map(|id| named(&id.to_string())).collect();
        WorkerResult {
            end,
            saved: self.one_in(2).then(|| saved(&order, Some(state(version)), false, Vec::new())),
            state: self.one_in(2).then(|| state(version)),
            objects: self.one_in(2).then_some(objects),
            ..failed(if self.one_in(3) { "version-mismatch" } else { "unreachable" })
        }
    }

    fn verdict(&mut self) -> Verdict {
        let (requested, expires, until) = (self.time(), self.time(), self.time());
        let effect = match self.below(7) {
            0 | 1 => Some(Effect::Start(Box::new(self.order()))),
            2 => Some(Effect::Request(Box::new(crate::verdict::Request {
                id: self.approval(),
                order: self.order(),
                requested,
                expires,
                policy: Digest::ZERO,
                charter: Digest::ZERO,
                needed: 1,
            }))),
            3 => Some(Effect::Cancel(self.name())),
            4 => Some(Effect::Ask(Box::new(Question {
                id: self.below(5).to_string(),
                kind: QuestionKind::Triage,
                asked: requested,
                about: None,
                findings: vec![finding("f-1", "exited", None)],
                missions: Vec::new(),
                note: None,
            }))),
            5 => Some(Effect::Acknowledge { finding: FindingId::parse("f-1").unwrap(), until, reason: String::new() }),
            _ => None,
        };
        Verdict {
            key: self.below(30).to_string(),
            action: "build".to_owned(),
            mission: self.one_in(2).then(|| self.mission()),
            ruling: if self.one_in(2) { Ruling::Acted } else { Ruling::Refused },
            rule: "any".to_owned(),
            because: String::new(),
            approval: self.one_in(2).then(|| self.approval()),
            effect,
        }
    }

    fn command(&mut self) -> Command {
        let (approval, order, comment) = (self.approval(), self.name(), None);
        let mission = self.one_in(2).then(order_mission);
        let class = self.one_in(2).then(|| Class::ALL[usize::try_from(self.below(3)).unwrap()]);
        let (scope, cancel) = (Scope { mission, class }, self.one_in(2));
        match self.below(9) {
            0 => Command::Approve { approval, comment },
            1 => Command::Deny { approval, comment },
            2 => Command::Destroy { mission: order_mission() },
            3 => Command::Restore { mission: order_mission() },
            4 => Command::Cancel { order },
            5 => Command::Pause { scope, cancel, comment },
            6 => Command::Release { mission: order_mission(), comment },
            _ => Command::Resume { scope },
        }
    }

    fn entry(&mut self, scene: &mut Scene) -> Entry {
        let at = self.time();
        let turn = u32::try_from(self.below(50)).unwrap();
        match self.below(14) {
            0 => begun(at, self.one_in(2)),
            1 => {
                let description = Description { memo_format: self.below(3).to_string(), ..description() };
                Entry::Activated(crate::entry::Activated {
                    at,
                    policy: Digest::ZERO,
                    description,
                    settings: Vec::new(),
                    by: None,
                    how: crate::entry::How::Started,
                })
            }
            2 => Entry::Declared(Declared {
                at,
                mission: self.mission(),
                uid: self.uid(),
                generation: u32::try_from(self.below(4)).unwrap(),
                spec: MissionSpec { plan: self.uid(), ..spec("web", Autonomy::Approve) },
            }),
            3 => Entry::Commanded(Commanded { at, who: Person::Uid(0), command: self.command() }),
            4..=6 => {
                let findings = if self.one_in(2) { vec![finding("f-1", "exited", None)] } else { Vec::new() };
                (scene.now, scene.findings) = (at, findings);
                let memo = self.one_in(2).then(|| vec![1]);
                let decision = Decision { memo, look_again: Some(self.time()), ..Decision::default() };
                let verdicts = (0..self.below(4)).map(|_| self.verdict()).collect();
                let mut entry = opened(turn, at, &scene.situation(), decision, verdicts);
                if let (Entry::Opened(opened), true) = (&mut entry, self.one_in(10)) {
                    opened.situation.truncate(3);
                }
                entry
            }
            7 => Entry::Closed(Closed { turn, at, receipts: Vec::new() }),
            8 => Entry::Replied(BrainReply {
                question: self.below(5).to_string(),
                answered: at,
                model: None,
                reply: Reply::Unanswered("no".to_owned()),
                tokens: Default::default(),
                bill: [Bill::Nothing, Bill::Counted, Bill::Unknown][usize::try_from(self.below(3)).unwrap()],
            }),
            9 => Entry::Claimed(Claimed { at, order: self.name(), claimant: self.below(3).to_string() }),
            10 | 11 => Entry::Ended(Box::new(Ended { at, order: self.name(), result: self.result() })),
            12 => match self.below(2) {
                0 => Entry::Stored(Stored { at, mission: self.mission(), order: self.name(), state: state(2) }),
                _ => Entry::StateChanged(StateChanged {
                    objects: None,
                    at,
                    mission: self.mission(),
                    who: Person::Uid(0),
                    state: self.one_in(2).then(|| state(3)),
                    what: "import".to_owned(),
                }),
            },
            _ => Entry::Settled(Settled { at, order: self.name(), adopted: self.one_in(2) }),
        }
    }
}

fn sound(ledger: &Ledger) {
    for mission in ledger.missions.values() {
        assert!(mission.gone.len() <= OBJECTS_MAX);
        assert!(!mission.gone.iter().any(|gone| mission.objects.contains(gone)), "what is there need not be gone");
        assert!(mission.attempts.iter().all(|(key, _)| key.generation == mission.generation));
    }
    assert!(ledger.verdicts.len() <= KEPT_MAX && ledger.notifications.len() <= KEPT_MAX);
}

#[test]
fn any_entries_in_any_order_fold_to_one_ledger() {
    for seed in 1..=25 {
        let mut numbers = Numbers(seed);
        let mut scene = Scene::new(Autonomy::Approve);
        let entries: Vec<Entry> = (0..250).map(|_| numbers.entry(&mut scene)).collect();
        let once = Ledger::of(&entries);
        sound(&once);
        // What stands in a journal is the encoding: folding what is read back is folding what was written.
        let read: Vec<Entry> =
            entries.iter().map(|entry| encoding::decode(&encoding::encode(entry)).expect("canonical")).collect();
        let mut again = Ledger::default();
        for (index, entry) in read.iter().enumerate() {
            again.fold(entry);
            assert_eq!(again.entries, index as u64 + 1);
        }
        assert_eq!((&again, again.digest()), (&once, once.digest()), "seed {seed}");
        // So does a journal that goes on from a ledger that was written down whole.
        assert_eq!(encoding::decode(&encoding::encode(&once)), Ok(once), "seed {seed}");
    }
}

/// Neither asking nor ruling on such a ledger panics, and what is ruled can be folded again.
#[test]
fn any_ledger_can_be_asked_and_ruled_on() {
    for seed in 100..=115 {
        let mut numbers = Numbers(seed);
        let mut scene = Scene::new(Autonomy::Approve);
        for _ in 0..150 {
            let entry = numbers.entry(&mut scene);
            scene.fold(entry);
            scene.now = numbers.time();
            let observation = Observation {
                at: scene.now,
                missions: vec![SeenMission::in_file("web".to_owned(), Ok(spec("web", Autonomy::Auto)))],
                workers: vec![WorkerReport {
                    order: numbers.name(),
                    at: scene.now,
                    doing: None,
                    result: Some(numbers.result()),
                }],
                ..Observation::default()
            };
            for news in scene.ledger.news(&observation) {
                scene.fold(news);
            }
            let command = numbers.command();
            let _either = scene.ledger.permits(&crate::observation::Person::Uid(1000), &command, scene.now).is_ok();
            for told in scene.ledger.entailed(&command) {
                let permitted = scene.ledger.permits(&crate::observation::Person::Uid(0), &told, scene.now);
                assert_eq!(permitted, Ok(()), "what a command entails can be done");
            }
            let targets: Vec<crate::decision::Target> = scene
                .ledger
                .missions
                .values()
                .map(|state| crate::decision::Target {
                    mission: state.id.clone(),
                    generation: state.generation,
                    plan: state.spec.plan,
                    remedy: None,
                })
                .collect();
            let artifact = numbers.uid();
            let actions = targets.into_iter().flat_map(|order| {
                [BuildStep::Plan, BuildStep::Apply(artifact)].map(|step| Action::Build { order: order.clone(), step })
            });
            let verdicts = scene.rule_all(actions.collect());
            let starts = verdicts.iter().any(|verdict| matches!(verdict.effect, Some(Effect::Start(_))));
            assert!(!starts || !scene.ledger.pauses.contains_key(&Scope::default()), "everything is paused");
            scene.open(verdicts);
        }
        sound(&scene.ledger);
    }
}
