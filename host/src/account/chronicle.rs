//! A journal read once, with what may be asked about it kept.
//!
//! Of every order, request, charter, policy, mission's generation and word of a person a note is kept, some hundred bytes
//! each: that is what an account follows from one to the next. A turn is kept whole only where the subject is about it, and
//! what states name only where a resource is asked about.

use std::collections::BTreeMap;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Activated, Declared, Ended, Entry, Opened, Standing, StateChanged};
use quarterdeck_core::ids::{ApprovalId, FindingId, MissionId, OrderName};
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::{Command, Commanded};
use quarterdeck_core::order::NamedObject;
use quarterdeck_core::situation::Situation;
use quarterdeck_core::verdict::{Effect, Verdict};

use super::Mark;
use super::notes::{Course, Requested, Start, Touched, Wanted};
use super::scene::{Asked, Scene, Since};
use super::subject::Subject;
use crate::remember::journal::Record;
use crate::replay::{Recall, Turn};

/// What is kept of a journal.
pub(super) struct Chronicle {
    pub(super) asked: Vec<Subject>,
    pub(super) rehearsal: bool,
    pub(super) policies: Vec<(Mark, Activated)>,
    pub(super) charters: Vec<Wanted>,
    pub(super) declared: BTreeMap<(MissionId, u32), (Mark, Declared)>,
    pub(super) commands: Vec<(Mark, Commanded)>,
    pub(super) courses: BTreeMap<OrderName, Course>,
    pub(super) requests: BTreeMap<ApprovalId, Requested>,
    pub(super) scenes: Vec<Scene>,
    pub(super) touched: Vec<Touched>,
    /// Which worker made a saved plan.
    pub(super) plans: BTreeMap<Digest, OrderName>,
    names: BTreeMap<MissionId, String>,
    objects: BTreeMap<MissionId, Vec<NamedObject>>,
    findings: BTreeMap<FindingId, Since>,
    questions: BTreeMap<String, Asked>,
    recall: Recall,
    begins: Option<Mark>,
}

impl Chronicle {
    pub(super) fn new(asked: Vec<Subject>) -> Chronicle {
        Chronicle {
            asked,
            rehearsal: false,
            policies: Vec::new(),
            charters: Vec::new(),
            declared: BTreeMap::new(),
            commands: Vec::new(),
            courses: BTreeMap::new(),
            requests: BTreeMap::new(),
            scenes: Vec::new(),
            touched: Vec::new(),
            plans: BTreeMap::new(),
            names: BTreeMap::new(),
            objects: BTreeMap::new(),
            findings: BTreeMap::new(),
            questions: BTreeMap::new(),
            recall: Recall::default(),
            begins: None,
        }
    }

    /// Goes on from what followed from the records that were pruned.
    pub(super) fn after(mut self, recall: Recall) -> Chronicle {
        let ledger = recall.ledger();
        self.rehearsal = ledger.rehearsal;
        self.names = ledger.missions.iter().map(|(id, state)| (id.clone(), state.spec.name.to_string())).collect();
        self.objects = ledger.missions.iter().map(|(id, state)| (id.clone(), state.objects.clone())).collect();
        self.recall = recall;
        self
    }

    /// The number of the first record.
    pub(super) fn begins(&self) -> u64 {
        self.begins.map_or(1, |mark| mark.record)
    }

    /// A mission's name; its id where the journal does not hold its declaration.
    pub(super) fn name_of(&self, id: &MissionId) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// Whether people call this mission so, by its name or its id.
    pub(super) fn is_called(&self, id: &MissionId, called: &str) -> bool {
        id.as_str() == called || self.names.get(id).is_some_and(|name| name == called)
    }

    /// The mission's name where no other mission of this journal had it, else its id.
    pub(super) fn unmistakable(&self, id: &MissionId) -> String {
        let name = self.name_of(id);
        let namesakes = self.names.values().filter(|known| **known == name).count();
        if namesakes > 1 { id.to_string() } else { name }
    }

    /// The ledger at the end.
    pub(super) fn ledger(&self) -> &Ledger {
        self.recall.ledger()
    }

    /// What people said to a request.
    pub(super) fn answers(&self, id: &str) -> Vec<&(Mark, Commanded)> {
        let answers = |said: &&(Mark, Commanded)| match &said.1.command {
            Command::Approve { approval, .. } | Command::Deny { approval, .. } => approval.as_str() == id,
            Command::Destroy { .. }
            | Command::Restore { .. }
            | Command::Cancel { .. }
            | Command::Pause { .. }
            | Command::Resume { .. }
            | Command::Release { .. }
            | Command::Unshadow
            | Command::Unfence { .. }
            | Command::RemovePolicy { .. } => false,
        };
        self.commands.iter().filter(answers).collect()
    }

    /// Takes the next record.
    pub(super) fn take(&mut self, Record { seq, hash, entry, .. }: Record) {
        let mark = Mark { record: seq, hash, at: entry.at() };
        self.begins.get_or_insert(mark);
        let entry = match entry {
            Entry::Opened(opened) => return self.open(mark, opened),
            other @ (Entry::Begun(_)
            | Entry::Activated(_)
            | Entry::Declared(_)
            | Entry::Commanded(_)
            | Entry::Closed(_)
            | Entry::Replied(_)
            | Entry::Claimed(_)
            | Entry::Ended(_)
            | Entry::Settled(_)
            | Entry::Stored(_)
            | Entry::StateChanged(_)
            | Entry::Chartered(_)
            | Entry::Checkpoint(_)
            | Entry::Uploaded(_)
            | Entry::Nominated(_)
            | Entry::Shadowed(_)
            | Entry::Fenced(_)
            | Entry::Differed(_)) => other,
        };
        self.note(mark, &entry);
        let _no_turn = self.recall.take(entry);
        self.enact(mark);
    }

    /// Notes what an entry says that is no turn.
    fn note(&mut self, mark: Mark, entry: &Entry) {
        match entry {
            Entry::Begun(begun) => self.rehearsal = begun.rehearsal,
            Entry::Activated(activated) => self.policies.push((mark, activated.clone())),
            Entry::Declared(declared) => {
                self.names.insert(declared.mission.clone(), declared.spec.name.to_string());
                let key = (declared.mission.clone(), declared.generation);
                self.declared.entry(key).or_insert((mark, declared.clone()));
            }
            Entry::Commanded(commanded) => self.commands.push((mark, commanded.clone())),
            Entry::Closed(closed) => {
                if let Some(scene) = self.scenes.iter_mut().rfind(|scene| scene.turn() == closed.turn) {
                    scene.closed = Some((mark, closed.clone()));
                }
                for receipt in &closed.receipts {
                    let starts = |course: &&mut Course| {
                        course.starts.last().is_some_and(|s| s.since.turn == closed.turn && s.key == receipt.key)
                    };
                    if let Some(course) = self.courses.values_mut().find(starts) {
                        course.receipts.push((mark, receipt.did.clone()));
                    }
                }
            }
            Entry::Replied(reply) => {
                if let Some(asked) = self.questions.get_mut(&reply.question) {
                    asked.answered = Some(mark);
                }
            }
            Entry::Claimed(claimed) => {
                self.course(&claimed.order).claimed.get_or_insert((mark, claimed.claimant.clone()));
            }
            Entry::Ended(ended) => self.end(mark, ended),
            Entry::Settled(settled) => self.course(&settled.order).settled.push((mark, settled.adopted)),
            Entry::Stored(stored) => self.course(&stored.order).stored.push((mark, stored.state.clone())),
            Entry::StateChanged(changed) => self.change(mark, changed),
            Entry::Chartered(chartered) => {
                let digest = chartered.charter.digest();
                let enacted = match chartered.standing {
                    Standing::First | Standing::Narrows => Some(mark),
                    Standing::Asked { .. } => None,
                };
                self.charters.push(Wanted { mark, chartered: (**chartered).clone(), digest, enacted });
            }
            // A turn is taken as one, and a checkpoint attests the chain: nothing was done because of it.
            Entry::Opened(_) | Entry::Checkpoint(_) => {}
            // What a policy says of itself stands with its activation, and what a shadow says leads to nothing.
            Entry::Uploaded(_) | Entry::Nominated(_) | Entry::Shadowed(_) | Entry::Fenced(_) | Entry::Differed(_) => {}
        }
    }

    /// The answer that put a candidate in force is known by the ledger, which has no candidate any more.
    fn enact(&mut self, mark: Mark) {
        let Some(waits) = self.charters.last_mut().filter(|wanted| wanted.enacted.is_none()) else { return };
        let law = &self.recall.ledger().law;
        let granted = law.enacted.as_ref().is_some_and(|enacted| enacted.at == mark.at && !enacted.answers.is_empty());
        if granted && law.candidate.is_none() {
            waits.enacted = Some(mark);
        }
    }

    fn course(&mut self, order: &OrderName) -> &mut Course {
        self.courses.entry(order.clone()).or_default()
    }

    fn open(&mut self, mark: Mark, opened: Box<Opened>) {
        let since = Since { mark, turn: opened.turn };
        for verdict in &opened.verdicts {
            self.rule(since, &opened, verdict);
        }
        self.verify(since, &opened);
        let about = self.is_about(&opened);
        let entry = Entry::Opened(opened);
        let turn = if about { self.recall.take(entry) } else { self.pass_over(&entry) };
        let open = &self.recall.ledger().findings;
        self.findings.retain(|id, _| open.contains_key(id));
        for id in open.keys() {
            self.findings.entry(id.clone()).or_insert(since);
        }
        if let Some(turn) = turn {
            self.scenes.push(Scene::of(mark, turn, self.findings.clone(), self.questions.clone()));
        }
    }

    fn pass_over(&mut self, opened: &Entry) -> Option<Turn> {
        self.recall.pass_over(opened);
        None
    }

    fn rule(&mut self, since: Since, opened: &Opened, verdict: &Verdict) {
        let Verdict { key, rule, because, approval, effect, .. } = verdict;
        let (key, rule, because) = (key.clone(), rule.clone(), because.clone());
        match effect {
            Some(Effect::Start(order)) => {
                let (approval, policy, order) = (approval.clone(), opened.policy, (**order).clone());
                let name = order.name.clone();
                self.course(&name).starts.push(Start { since, key, rule, because, approval, policy, order });
            }
            Some(Effect::Request(request)) => {
                let requested = Requested { since, key, rule, because, request: (**request).clone() };
                self.requests.entry(request.id.clone()).or_insert(requested);
            }
            Some(Effect::Ask(question)) => {
                self.questions.insert(question.id.clone(), Asked { asked: since, answered: None });
            }
            Some(Effect::Cancel(_) | Effect::Notify { .. } | Effect::Acknowledge { .. }) | None => {}
        }
    }

    /// The host's first look at a mission after the worker that is asked about.
    fn verify(&mut self, since: Since, opened: &Opened) {
        for subject in &self.asked {
            let Subject::Worker(name) = subject else { continue };
            let Some(course) = self.courses.get_mut(name.as_str()).filter(|course| course.verified.is_none()) else {
                continue;
            };
            let (Some(start), Some((ended, _))) = (course.starts.last(), &course.ended) else { continue };
            if !start.order.key.operation.changes() {
                continue;
            }
            let Ok(seen) = encoding::decode_ours::<Situation>(&opened.situation) else { continue };
            let mission = seen.missions.into_iter().find(|mission| mission.id == start.order.mission);
            let verified = mission.and_then(|mission| mission.verification);
            course.verified = verified.filter(|look| look.at >= ended.at).map(|look| (since, look));
        }
    }

    /// Whether the account is about this turn.
    fn is_about(&self, opened: &Opened) -> bool {
        let concerns = |subject: &Subject, verdict: &Verdict| match (subject, &verdict.effect) {
            (Subject::Worker(name), Some(Effect::Start(order))) => order.name.as_str() == name,
            (Subject::Worker(name), Some(Effect::Cancel(order))) => order.as_str() == name,
            (Subject::Approval(id), Some(Effect::Request(request))) => request.id.as_str() == id,
            (Subject::Turn(_) | Subject::Thing { .. } | Subject::Worker(_) | Subject::Approval(_), _) => false,
        };
        self.asked.iter().any(|subject| match subject {
            Subject::Turn(turn) => opened.turn == *turn,
            Subject::Worker(_) | Subject::Approval(_) | Subject::Thing { .. } => {
                opened.verdicts.iter().any(|verdict| concerns(subject, verdict))
            }
        })
    }

    fn end(&mut self, mark: Mark, ended: &Ended) {
        let mut result = ended.result.clone();
        let objects = result.objects.take();
        if let Some(saved) = &result.saved {
            self.plans.insert(saved.input.saved, ended.order.clone());
        }
        let course = self.course(&ended.order);
        let order = course.starts.last().map(|start| start.order.clone());
        course.ended.get_or_insert((mark, result.clone()));
        let Some(order) = order else { return };
        let planned = |saved: &Digest| {
            let (_, result) = self.courses.get(self.plans.get(saved)?)?.ended.as_ref()?;
            Some(result.saved.as_ref()?.touches.clone())
        };
        let touches = match (&result.saved, &order.apply) {
            (Some(saved), _) => saved.touches.clone(),
            (None, Some(apply)) => planned(&apply.saved).unwrap_or_default(),
            (None, None) => Vec::new(),
        };
        let changed = objects.map(|objects| self.differences(&order.mission, objects)).unwrap_or_default();
        let (mission, by) = (order.mission, order.name.to_string());
        self.touch(Touched { mark, mission, order: Some(order.name), by, touches, changed });
    }

    fn change(&mut self, mark: Mark, change: &StateChanged) {
        let changed = change.objects.clone().map(|objects| self.differences(&change.mission, objects));
        let (mission, by) = (change.mission.clone(), format!("{} ({} by hand)", change.who, change.what));
        let changed = changed.unwrap_or_default();
        self.touch(Touched { mark, mission, order: None, by, touches: Vec::new(), changed });
    }

    fn touch(&mut self, touched: Touched) {
        let asked = self.asked.iter().any(|subject| match subject {
            Subject::Thing { .. } => true,
            Subject::Turn(_) | Subject::Worker(_) | Subject::Approval(_) => false,
        });
        if asked && !(touched.touches.is_empty() && touched.changed.is_empty()) {
            self.touched.push(touched);
        }
    }

    /// What a state names otherwise than the one before it.
    fn differences(
        &mut self,
        mission: &MissionId,
        objects: Vec<NamedObject>,
    ) -> Vec<(Option<NamedObject>, Option<NamedObject>)> {
        let before = self.objects.insert(mission.clone(), objects.clone()).unwrap_or_default();
        let same = |a: &NamedObject, b: &NamedObject| (a.kind, &a.address) == (b.kind, &b.address);
        let gone = before.iter().filter(|old| !objects.iter().any(|new| same(old, new)));
        let mut changed: Vec<_> = gone.map(|old| (Some(old.clone()), None)).collect();
        for new in &objects {
            let old = before.iter().find(|old| same(old, new));
            if old != Some(new) {
                changed.push((old.cloned(), Some(new.clone())));
            }
        }
        changed
    }
}
