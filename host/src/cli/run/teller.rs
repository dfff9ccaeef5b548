//! From one view to the next: what changed, told once. Pure.
//!
//! In the order of the loop: who is done, what was found, what was ruled, who is asked, who works now, and where each
//! mission stands.

use std::collections::{BTreeMap, BTreeSet};

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::phase::Phase;
use quarterdeck_core::situation::{ApprovalState, ChangeSummary, Ruling, Severity, WorkerPhase};
use serde::Serialize;

use super::super::print::word;
use crate::view::{ApprovalView, MissionView, View, WorkerView, age, rfc3339};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Whether it is about simulated work.
    pub rehearsal: bool,
    /// When it was seen.
    pub at: String,
    /// `finding`, `resolved`, `verdict`, `approval`, `worker`, `phase` or `notification`.
    pub event: &'static str,
    /// The mission's name.
    pub mission: Option<String>,
    /// The name of what it is about.
    pub name: String,
    /// What happened, for people.
    pub text: String,
    /// What a person can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Whether it is good or bad news.
    #[serde(skip)]
    pub tone: Tone,
}

/// Whether something is good or bad news.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Neither.
    #[default]
    Plain,
    /// Good.
    Good,
    /// Bad.
    Bad,
}

/// Remembers what was told.
#[derive(Debug)]
pub struct Teller {
    since: Timestamp,
    findings: BTreeMap<String, (String, String)>,
    verdicts: BTreeSet<(String, String, String, Option<u32>)>,
    approvals: BTreeMap<String, String>,
    workers: BTreeMap<String, WorkerPhase>,
    phases: BTreeMap<String, Phase>,
    notified: Timestamp,
}

impl Teller {
    /// Tells what happens from this time on.
    pub fn since(since: Timestamp) -> Teller {
        Teller {
            since,
            findings: BTreeMap::new(),
            verdicts: BTreeSet::new(),
            approvals: BTreeMap::new(),
            workers: BTreeMap::new(),
            phases: BTreeMap::new(),
            notified: since,
        }
    }

    /// What is new in this view.
    pub fn tell(&mut self, view: &View) -> Vec<Event> {
        let (active, ended): (Vec<_>, Vec<_>) = view.workers.iter().partition(|worker| worker.phase.is_active());
        let mut events: Vec<Event> = ended.into_iter().filter_map(|worker| self.worker(view, worker)).collect();
        events.extend(self.findings(view));
        events.extend(self.verdicts(view));
        events.extend(view.approvals.iter().filter_map(|approval| self.approval(view, approval)));
        events.extend(active.into_iter().filter_map(|worker| self.worker(view, worker)));
        events.extend(view.missions.iter().filter_map(|mission| self.phase(view, mission)));
        events.extend(self.notifications(view));
        events
    }

    fn findings(&mut self, view: &View) -> Vec<Event> {
        let open: BTreeMap<String, (String, String)> = view
            .findings
            .iter()
            .map(|finding| (finding.id.to_string(), (finding.rule.clone(), finding.message.clone())))
            .collect();
        let mut events = Vec::new();
        for finding in &view.findings {
            let known = self.findings.get(finding.id.as_str());
            if known.is_some_and(|(_, message)| *message == finding.message) {
                continue;
            }
            let about = if finding.needs_root() { format!("{}: ", finding.root()) } else { String::new() };
            let text = format!("finding, {}: {about}{} ({})", word(&finding.severity), finding.message, finding.rule);
            let mut told = event(view, "finding", finding.mission.clone(), finding.id.as_str(), text);
            told.tone = if finding.severity == Severity::Critical { Tone::Bad } else { Tone::Plain };
            events.push(told);
        }
        for (id, (rule, _)) in self.findings.iter().filter(|(id, _)| !open.contains_key(*id)) {
            let mut told = event(view, "resolved", None, id, format!("finding resolved: {rule} ({id})"));
            told.tone = Tone::Good;
            events.push(told);
        }
        self.findings = open;
        events
    }

    fn verdicts(&mut self, view: &View) -> Vec<Event> {
        let mut fresh: Vec<_> = view.verdicts.iter().filter(|verdict| verdict.at >= self.since).collect();
        fresh.reverse();
        let mut events = Vec::new();
        for verdict in fresh {
            let mark = (verdict.key.clone(), word(&verdict.ruling), verdict.rule.clone(), verdict.generation);
            if !self.verdicts.insert(mark) {
                continue;
            }
            let (ruling, because) = (word(&verdict.ruling), &verdict.because);
            let text = format!("turn {}: {} {ruling} ({}): {because}", verdict.turn, verdict.key, verdict.rule);
            let mut told = event(view, "verdict", verdict.mission.clone(), &verdict.key, text);
            told.tone = if verdict.ruling == Ruling::Failed { Tone::Bad } else { Tone::Plain };
            events.push(told);
        }
        events
    }

    fn approval(&mut self, view: &View, approval: &ApprovalView) -> Option<Event> {
        let state = word(&approval.state);
        let known = self.approvals.insert(approval.id.to_string(), state.clone());
        let pending = approval.state == ApprovalState::Pending;
        let older = known.is_none() && !pending && approval.requested < self.since;
        if known.as_ref() == Some(&state) || older {
            return None;
        }
        let what = if approval.destroy { "the destruction" } else { "a plan" };
        let plan = approval.summary.map(|summary| format!(" ({})", planned(&summary))).unwrap_or_default();
        let text = match (pending, &approval.who) {
            (true, _) => format!("{}: asks for an approval of {what}{plan}", approval.mission),
            (false, Some(who)) => format!("{}: {} was {state} by {who}", approval.mission, approval.id),
            (false, None) => format!("{}: {} is {state}", approval.mission, approval.id),
        };
        let mut told = event(view, "approval", Some(approval.mission.clone()), approval.id.as_str(), text);
        told.next = pending.then(|| format!("quarterdeck approve {}", approval.id));
        told.tone = if approval.state == ApprovalState::Denied { Tone::Bad } else { Tone::Plain };
        Some(told)
    }

    fn worker(&mut self, view: &View, worker: &WorkerView) -> Option<Event> {
        let known = self.workers.insert(worker.name.to_string(), worker.phase);
        if known == Some(worker.phase) || worker.ended.is_some_and(|ended| ended < self.since) {
            return None;
        }
        let took = age(worker.ended.unwrap_or(view.at), worker.started);
        let name = &worker.name;
        let counts = if worker.operation.changes() { changed } else { planned };
        let summary = worker.summary.map(|summary| format!(": {}", counts(&summary))).unwrap_or_default();
        let (text, tone) = match worker.phase {
            WorkerPhase::Starting => (format!("worker {name} is started"), Tone::Plain),
            WorkerPhase::Running => {
                let by = worker.claimant.as_ref().map(|claimant| format!(" by {claimant}")).unwrap_or_default();
                (format!("worker {name} is at work, claimed{by}"), Tone::Plain)
            }
            WorkerPhase::Succeeded => (format!("worker {name} succeeded after {took}{summary}"), Tone::Good),
            WorkerPhase::Cancelled => (format!("worker {name} was cancelled after {took}"), Tone::Plain),
            WorkerPhase::Failed | WorkerPhase::Lost => {
                let kind = worker.failure.as_deref().unwrap_or("no reason given");
                let phase = word(&worker.phase);
                (format!("worker {name} is {phase} after {took}, {kind}: {}", worker.message), Tone::Bad)
            }
        };
        let mut told = event(view, "worker", Some(worker.mission.clone()), name.as_str(), text);
        told.tone = tone;
        Some(told)
    }

    fn phase(&mut self, view: &View, mission: &MissionView) -> Option<Event> {
        let known = self.phases.insert(mission.name.clone(), mission.phase);
        if known == Some(mission.phase) {
            return None;
        }
        let from = known.map(|phase| format!("{} -> ", phase.name())).unwrap_or_default();
        let tone = match mission.phase {
            Phase::Ready | Phase::Absent => Tone::Good,
            Phase::Failed | Phase::Held | Phase::Degraded => Tone::Bad,
            Phase::Pending
            | Phase::Waiting
            | Phase::Planning
            | Phase::Planned
            | Phase::AwaitingApproval
            | Phase::Suggested
            | Phase::Applying
            | Phase::Destroying
            | Phase::Verifying
            | Phase::Suspended
            | Phase::Off => Tone::Plain,
        };
        let why = match tone {
            Tone::Bad if !mission.message.is_empty() => format!(": {}", mission.message),
            Tone::Bad | Tone::Good | Tone::Plain => String::new(),
        };
        let text = format!("{}: {from}{}{why}", mission.name, mission.phase.name());
        let mut told = event(view, "phase", Some(mission.name.clone()), &mission.name, text);
        told.tone = tone;
        Some(told)
    }

    fn notifications(&mut self, view: &View) -> Vec<Event> {
        let fresh = view.notifications.iter().filter(|told| told.at > self.notified);
        let events = fresh
            .map(|told| {
                let text = format!("{}: {}", told.title, told.text);
                event(view, "notification", told.mission.clone(), &told.title, text)
            })
            .collect();
        self.notified = view.notifications.iter().map(|told| told.at).max().unwrap_or(self.since).max(self.notified);
        events
    }
}

fn event(view: &View, event: &'static str, mission: Option<String>, name: &str, text: String) -> Event {
    Event {
        rehearsal: view.rehearsal,
        at: rfc3339(view.at),
        event,
        mission,
        name: name.to_owned(),
        text,
        next: None,
        tone: Tone::Plain,
    }
}

/// How much would change, as `1 to destroy, 2 to add`.
fn planned(summary: &ChangeSummary) -> String {
    counts(summary, ["to destroy", "to replace", "to add", "to change"])
}

/// How much did change.
fn changed(summary: &ChangeSummary) -> String {
    counts(summary, ["destroyed", "replaced", "added", "changed"])
}

fn counts(summary: &ChangeSummary, words: [&str; 4]) -> String {
    let counts = [summary.destroys, summary.replaces, summary.adds, summary.changes];
    let said: Vec<String> = counts
        .iter()
        .zip(words)
        .filter(|(count, _)| **count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if said.is_empty() { "nothing to change".to_owned() } else { said.join(", ") }
}
