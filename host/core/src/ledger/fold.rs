//! How each entry changes the ledger.

use super::{
    AdviceRecord, ApprovalAnswer, ApprovalRecord, KEPT_MAX, KeptVerdict, Ledger, MissionState, Notification,
    OrderState, RETENTION_MS, SeenFinding,
};
use crate::digest::Digest;
use crate::encoding;
use crate::entry::{Answered, Declared, Ended, Entry, Opened};
use crate::ground::{Ground, Unshown};
use crate::ids::{ApprovalId, OrderName, Timestamp};
use crate::observation::{Command, Commanded};
use crate::order::Order;
use crate::question::{BrainReply, Question};
use crate::situation::{Advice, Finding, Memo, Reply, Resolution, Ruling, Situation};
use crate::verdict::{Effect, Request, Verdict};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Ledger {
    /// Takes the next entry of the journal.
    pub fn fold(&mut self, entry: &Entry) {
        self.entries += 1;
        self.now = self.now.max(entry.at());
        match entry {
            Entry::Begun(begun) => {
                self.nonce.get_or_insert(begun.nonce);
                self.rehearsal = begun.rehearsal;
                self.unanswer_questions(begun.at);
                self.law.begin(begun.ceiling);
                self.spending.keep_open();
                self.policies.fallback = Some(begun.fallback);
            }
            Entry::Chartered(chartered) => {
                let before = self.law.enacted.clone();
                self.law.take(chartered);
                self.withdraw_nominee(before.as_ref());
            }
            Entry::Activated(activated) => self.activate(activated),
            Entry::Uploaded(uploaded) => self.policies.upload(uploaded),
            Entry::Nominated(nominated) => self.take_nomination(nominated),
            Entry::Shadowed(shadowed) => {
                if let Some(shadow) = &mut self.policies.shadow {
                    shadow.take(shadowed);
                }
            }
            Entry::Fenced(fenced) => self.policies.take_fence(fenced, self.turn),
            Entry::Differed(differed) => self.policies.differ(differed),
            Entry::Declared(declared) => self.declare(declared),
            Entry::Commanded(commanded) => self.command(commanded),
            Entry::Opened(opened) => self.open(opened),
            Entry::Closed(closed) => {
                if self.open == Some(closed.turn) {
                    self.open = None;
                }
            }
            Entry::Replied(reply) => self.reply(reply),
            Entry::Claimed(claimed) => {
                if let Some(state) = self.orders.get_mut(&claimed.order) {
                    state.claimed.get_or_insert((claimed.at, claimed.claimant.clone()));
                }
            }
            Entry::Ended(ended) => self.end(ended),
            Entry::Settled(settled) => {
                if !settled.adopted {
                    self.abandon(&settled.order);
                }
            }
            Entry::Stored(stored) => {
                if let Some(mission) = self.missions.get_mut(&stored.mission) {
                    mission.state = Some(stored.state.clone());
                }
            }
            Entry::StateChanged(changed) => {
                if let Some(mission) = self.missions.get_mut(&changed.mission) {
                    mission.state.clone_from(&changed.state);
                    if let Some(objects) = &changed.objects {
                        mission.take_objects(objects);
                    }
                }
            }
            Entry::Checkpoint(_) => {} // It says what the ledger is and changes nothing of it.
        }
    }

    /// A question that the host had asked when it died will not be answered: the brain's task died with it.
    fn unanswer_questions(&mut self, at: Timestamp) {
        for record in self.advice.values_mut().filter(|record| record.advice.reply == Reply::Pending) {
            record.advice.reply = Reply::Unanswered("the host was restarted before the answer came".into());
            record.advice.answered = Some(at);
        }
    }

    fn declare(&mut self, declared: &Declared) {
        let fresh = || MissionState {
            id: declared.mission.clone(),
            uid: declared.uid,
            generation: declared.generation,
            spec: declared.spec.clone(),
            destroyed: None,
            tallies: Default::default(),
            saved: Default::default(),
            applied: None,
            state: None,
            objects: Vec::new(),
            gone: Vec::new(),
            quiet_since: declared.at,
            changed: Timestamp(0),
            ever_real: false,
            repairs: Default::default(),
            attempts: Vec::new(),
        };
        let mission = self.missions.entry(declared.mission.clone()).or_insert_with(fresh);
        if mission.spec.plan != declared.spec.plan || mission.spec.object_uid() != declared.spec.object_uid() {
            // A destruction was commanded of what the files said then, or of an object that is gone; there is another one now.
            mission.destroyed = None;
        }
        mission.spec = declared.spec.clone();
        if mission.generation != declared.generation {
            mission.next_generation(declared.generation);
        }
    }

    fn command(&mut self, commanded: &Commanded) {
        let answer = |granted: bool, comment: &Option<String>| ApprovalAnswer {
            at: commanded.at,
            who: commanded.who.clone(),
            granted,
            comment: comment.clone(),
        };
        match &commanded.command {
            Command::Approve { approval, comment } => {
                self.answer(commanded, approval, answer(true, comment));
            }
            Command::Deny { approval, comment } => {
                self.answer(commanded, approval, answer(false, comment));
            }
            Command::Destroy { mission } => {
                if let Some(state) = self.missions.values_mut().find(|state| state.spec.name == *mission)
                    && state.destroyed.is_none()
                {
                    state.destroyed = Some((commanded.at, commanded.who.clone()));
                    state.next_generation(state.generation.saturating_add(1));
                }
            }
            Command::Restore { mission } => {
                if let Some(state) = self.missions.values_mut().find(|state| state.spec.name == *mission)
                    && state.destroyed.take().is_some()
                {
                    state.next_generation(state.generation.saturating_add(1));
                }
            }
            Command::Cancel { .. } => {} // The driver tells the worker; its end is observed.
            Command::Pause { scope, cancel: _, comment } => self.pause(commanded, scope, comment.as_ref()),
            Command::Resume { scope } => drop(self.pauses.remove(scope)),
            Command::Unshadow => self.policies.shadow = None,
            Command::Unfence { policy, comment: _ } => self.policies.unfence(*policy),
            Command::RemovePolicy { policy } => self.policies.remove(*policy),
            Command::Release { mission, comment: _ } => {
                if let Some(state) = self.missions.values_mut().find(|state| state.spec.name == *mission) {
                    state.release();
                }
            }
        }
    }

    fn answer(&mut self, said: &Commanded, approval: &ApprovalId, answer: ApprovalAnswer) {
        match self.approvals.get_mut(approval) {
            Some(record) => record.answers.push(answer),
            None if self.policies.is_nominee(approval) => self.policies.answer_nominee(answer),
            None => {
                let before = self.law.enacted.clone();
                self.law.answer(said, approval, answer);
                self.withdraw_nominee(before.as_ref());
            }
        }
    }

    fn open(&mut self, opened: &Opened) {
        self.turn = opened.turn;
        self.open = Some(opened.turn);
        // One that another version wrote is passed over; what was ruled on it stands all the same.
        if let Ok(situation) = encoding::decode_ours::<Situation>(&opened.situation) {
            self.see_findings(&situation, &opened.ground);
        }
        self.judge_policy(opened);
        for verdict in &opened.verdicts {
            self.rule(opened, verdict);
        }
        self.forget(opened.at);
    }

    /// Remembers when each finding was first seen and last changed, and which of them are gone: of all that there are,
    /// whether the policy was shown them or not.
    fn see_findings(&mut self, situation: &Situation, ground: &Ground) {
        let known = std::mem::take(&mut self.findings);
        for Unshown { id, rule, first_seen, changed, content, .. } in
            situation.findings.iter().map(Unshown::from).chain(ground.unshown.iter().cloned())
        {
            let acknowledged_until = known.get(&id).and_then(|seen| seen.acknowledged_until);
            self.findings.insert(id, SeenFinding { rule, first_seen, changed, content, acknowledged_until });
        }
        let now = situation.now;
        let gone = known.into_iter().filter(|(id, _)| !self.findings.contains_key(id));
        self.resolved.extend(
            gone.map(|(finding, seen)| (finding.clone(), Resolution { finding, rule: seen.rule, resolved: now })),
        );
        let Ledger { findings, resolved, .. } = self;
        resolved.retain(|id, gone| !findings.contains_key(id) && now.since_ms(gone.resolved) < RETENTION_MS);
        keep_newest(resolved, KEPT_MAX, |gone| Some(gone.resolved));
    }

    fn judge_policy(&mut self, opened: &Opened) {
        let policy = &mut self.policy;
        match &opened.answer {
            Answered::Decided(_) => {
                let Some(decision) = opened.answer.decision() else { return };
                policy.failures = 0;
                policy.last_failure = None;
                policy.last_decision = Some(opened.at);
                policy.look_again = decision.look_again;
                if let (Some(bytes), Some(description)) = (decision.memo, &policy.description) {
                    let memo = Memo { format: description.memo_format.clone(), bytes };
                    self.policies.keep_memo(&memo);
                    policy.memo = Some(memo);
                }
                self.judge_failures(opened, None);
            }
            Answered::GuestFailure { kind, detail } => {
                policy.failures = policy.failures.saturating_add(1);
                policy.last_failure = Some((opened.at, kind.clone(), detail.clone()));
                policy.look_again = None;
                self.judge_failures(opened, Some((kind, detail)));
            }
            // Never held against the policy.
            Answered::HostAbort { .. } => policy.look_again = None,
        }
    }

    fn rule(&mut self, opened: &Opened, verdict: &Verdict) {
        match &verdict.effect {
            Some(Effect::Start(order)) => self.start(order, verdict, opened.at),
            Some(Effect::Request(request)) => self.request(request),
            Some(Effect::Ask(question)) => self.ask(question, opened.at),
            Some(Effect::Notify { severity, title, text }) => self.notifications.push(Notification {
                at: opened.at,
                severity: *severity,
                title: title.clone(),
                text: text.clone(),
                mission: verdict.mission.clone(),
            }),
            Some(Effect::Acknowledge { finding, until, .. }) => {
                if let Some(seen) = self.findings.get_mut(finding) {
                    seen.acknowledged_until = Some(*until);
                }
            }
            Some(Effect::Cancel(_)) | None => {}
        }
        let generation = verdict.mission.as_ref().and_then(|id| self.missions.get(id)).map(|state| state.generation);
        let kept = KeptVerdict { turn: opened.turn, at: opened.at, generation, verdict: verdict.clone() };
        self.verdicts.insert(verdict.key.clone(), kept);
    }

    fn start(&mut self, order: &Order, verdict: &Verdict, at: Timestamp) {
        self.spending.begin(order, at);
        if let Some(record) = verdict.approval.as_ref().and_then(|id| self.approvals.get_mut(id)) {
            record.used = true;
        }
        if let Some(mission) = self.missions.get_mut(&order.mission) {
            mission.ever_real |= order.apply.is_some() && !order.rehearsal;
        }
        let approval = verdict.approval.clone();
        let state = OrderState { order: order.clone(), approval, claimed: None, ended: None };
        self.orders.insert(order.name.clone(), state);
    }

    /// An order that was never started has used up nothing: no attempt, and no person's word.
    fn abandon(&mut self, order: &OrderName) {
        self.spending.give_back(order);
        let approval = self.orders.remove(order).and_then(|state| state.approval);
        if let Some(record) = approval.and_then(|id| self.approvals.get_mut(&id)) {
            record.used = false;
        }
    }

    fn request(&mut self, request: &Request) {
        let record = ApprovalRecord {
            id: request.id.clone(),
            order: request.order.clone(),
            requested: request.requested,
            expires: request.expires,
            policy: request.policy,
            charter: request.charter,
            needed: request.needed,
            answers: Vec::new(),
            used: false,
        };
        self.approvals.entry(request.id.clone()).or_insert(record);
    }

    fn ask(&mut self, question: &Question, at: Timestamp) {
        self.spending.reserve(question, at);
        let day = at.0 / DAY_MS;
        self.asked = if self.asked.0 == day { (day, self.asked.1.saturating_add(1)) } else { (day, 1) };
        let advice = Advice {
            question: question.id.clone(),
            kind: question.kind,
            asked: at,
            answered: None,
            model: None,
            reply: Reply::Pending,
        };
        self.advice.insert(question.id.clone(), AdviceRecord { question: question.clone(), advice });
    }

    fn reply(&mut self, reply: &BrainReply) {
        self.spending.settle(reply);
        if let Some(record) = self.advice.get_mut(&reply.question) {
            record.advice.answered = Some(reply.answered);
            record.advice.model.clone_from(&reply.model);
            record.advice.reply = reply.reply.clone();
        }
    }

    fn end(&mut self, ended: &Ended) {
        let Some(state) = self.orders.get_mut(&ended.order) else { return };
        if state.ended.is_some() {
            return;
        }
        state.ended = Some((ended.at, ended.result.clone()));
        let order = state.order.clone();
        if let Some(mission) = self.missions.get_mut(&order.mission) {
            mission.end(&order, &ended.result, ended.at);
        }
    }

    /// Lets go of what is old; the journal has it.
    fn forget(&mut self, now: Timestamp) {
        let old = |at: Timestamp| now.since_ms(at) >= RETENTION_MS;
        let generation = |mission: &crate::ids::MissionId| self.missions.get(mission).map(|state| state.generation);
        self.orders.retain(|_, state| match &state.ended {
            None => true,
            Some((at, _)) => !old(*at) || generation(&state.order.mission) == Some(state.order.key.generation),
        });
        self.verdicts.retain(|_, kept| {
            let same = kept.verdict.mission.as_ref().and_then(generation) == kept.generation;
            // What was done about a mission stays done until the mission changes; what was refused may be tried again.
            let lasting = kept.generation.is_some() && kept.verdict.ruling == Ruling::Acted;
            same && (lasting || !old(kept.at))
        });
        self.advice.retain(|_, record| {
            let open = record.question.findings.iter().any(|finding| self.findings.contains_key(&finding.id));
            record.advice.reply == Reply::Pending || open || !record.advice.answered.is_some_and(old)
        });
        self.approvals.retain(|_, record| now.since_ms(record.requested) < 7 * DAY_MS);
        keep_newest(&mut self.orders, KEPT_MAX, |state| state.ended.as_ref().map(|(at, _)| *at));
        keep_newest(&mut self.verdicts, KEPT_MAX, |kept| Some(kept.at));
        keep_newest(&mut self.advice, KEPT_MAX, |record| record.advice.answered);
        keep_newest(&mut self.approvals, KEPT_MAX, |record| Some(record.requested));
        let surplus = self.notifications.len().saturating_sub(KEPT_MAX);
        self.notifications.drain(..surplus);
    }
}

/// Removes the oldest entries above a number; what has no time (it still runs or waits) always stays.
pub(super) fn keep_newest<K: Ord + Clone, V>(
    map: &mut std::collections::BTreeMap<K, V>,
    keep: usize,
    at: impl Fn(&V) -> Option<Timestamp>,
) {
    if map.len() <= keep {
        return;
    }
    let mut ages: Vec<(Timestamp, K)> = map.iter().filter_map(|(key, value)| Some((at(value)?, key.clone()))).collect();
    ages.sort();
    for (_, key) in ages.into_iter().take(map.len() - keep) {
        map.remove(&key);
    }
}

/// What a finding says, without its times: a fault that merely goes on has not changed.
pub(crate) fn content(finding: &Finding) -> Digest {
    encoding::digest(&(
        finding.severity,
        &finding.object,
        &finding.owner,
        &finding.mission,
        &finding.message,
        &finding.evidence,
        finding.count,
    ))
}
