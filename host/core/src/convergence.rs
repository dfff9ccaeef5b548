//! The convergence guard: the same fix is not tried for ever.
//!
//! An object that is made again has a new id, and the digest of a state never comes twice; so what is compared is what
//! each applied plan tried: its set of (address, action, known after-values). For each mission, on its generation and since
//! a person's release, the ledger keeps when which set was applied. A set that comes again rests, longer each time, and at
//! the limit the mission is parked: nothing of it is begun until a person releases it or its files change. A circle of
//! several sets is found as well, since each of them comes again. Failures that came too often park a mission likewise.
//!
//! What is *not* here: who asks (the gate and the finding rules), and what fails (the ledger's tallies).

use serde::{Deserialize, Serialize};

use crate::charter::Settings;
use crate::digest::Digest;
use crate::ids::Timestamp;
use crate::ledger::{MissionState, TallyState};
use crate::order::SavedPlan;
use crate::situation::{Operation, cut};

/// Applies of one set that are further apart than this are no circle, in milliseconds: a day. What is older than the
/// newest apply by this much is let go of; so a parked mission, of which nothing is applied, stays parked.
pub const WINDOW_MS: u64 = 24 * 60 * 60 * 1_000;
/// The limit on one set may be set to this at most; so many of its times are kept.
pub const REPAIRS_MAX: u32 = 100;
/// No rest between two applies is longer than this, in milliseconds: ten minutes.
pub const REST_MS_MAX: u64 = 600_000;
/// So many sets of a mission are kept, those that were applied last.
const SETS_MAX: usize = 32;
/// So many of the addresses that a set touches are kept, the first of its plan's.
const TOUCHES_MAX: usize = 8;
/// A sentence tells this much of what was tried or of what failed, in bytes, so that what to do is never cut off.
const QUOTED_BYTES_MAX: usize = 400;

/// What was applied to a mission, by what it tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repairs(Vec<Repair>);

/// One set of changes, and when it was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The set.
    pub changes: Digest,
    /// The first of the addresses that it touches, each after its action.
    pub touches: Vec<String>,
    /// How many more it touches.
    pub more: usize,
    /// When it was applied, in the order of the journal.
    pub at: Vec<Timestamp>,
}

/// How often one set was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circle<'a> {
    /// The set.
    pub repair: &'a Repair,
    /// How often.
    pub times: u32,
    /// Since when.
    pub since: Timestamp,
}

/// Why nothing of a mission is begun until a person releases it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked<'a> {
    /// The same was applied again and again.
    Circling(Circle<'a>),
    /// An operation failed too often in a row.
    Exhausted(Operation, &'a TallyState),
}

impl Repairs {
    /// A saved plan was applied.
    pub fn applied(&mut self, plan: &SavedPlan, at: Timestamp) {
        match self.0.iter_mut().find(|repair| repair.changes == plan.changes) {
            Some(repair) => repair.at.push(at),
            None => self.0.push(Repair {
                changes: plan.changes,
                touches: plan.touches.iter().take(TOUCHES_MAX).cloned().collect(),
                more: plan.touches.len().saturating_sub(TOUCHES_MAX),
                at: vec![at],
            }),
        }
        let newest = self.newest();
        for repair in &mut self.0 {
            repair.at.retain(|at| newest.since_ms(*at) < WINDOW_MS);
            let surplus = repair.at.len().saturating_sub(REPAIRS_MAX as usize);
            repair.at.drain(..surplus);
        }
        self.0.retain(|repair| !repair.at.is_empty());
        self.0.sort_by_key(|repair| repair.at.iter().max().copied());
        let surplus = self.0.len().saturating_sub(SETS_MAX);
        self.0.drain(..surplus);
    }

    /// When anything was applied last.
    fn newest(&self) -> Timestamp {
        self.0.iter().flat_map(|repair| &repair.at).max().copied().unwrap_or(Timestamp(0))
    }

    /// The set that was applied most often in the day before this time; none where nothing was.
    fn most(&self, now: Timestamp) -> Option<Circle<'_>> {
        let circle = |repair: &'_ Repair| {
            let within = repair.at.iter().filter(|at| now.since_ms(**at) < WINDOW_MS);
            let times = u32::try_from(within.clone().count()).unwrap_or(u32::MAX);
            within.min().map(|since| (times, *since))
        };
        let circles = self.0.iter().filter_map(|repair| {
            let (times, since) = circle(repair)?;
            Some(Circle { repair, times, since })
        });
        circles.max_by_key(|circle| circle.times)
    }
}

impl Settings {
    /// How long a mission rests after a set was applied to it for the n-th time, in milliseconds: not at all after the first,
    /// then `repairRestMs`, doubled each time, 10 minutes at most. What somebody removed once is made again at once.
    pub fn repair_rest_ms(&self, times: u32) -> u64 {
        match times {
            0 | 1 => 0,
            again => self.repair_rest_ms.saturating_mul(1 << (again - 2).min(20)).min(REST_MS_MAX),
        }
    }
}

impl MissionState {
    /// Why nothing of it is begun until a person releases it; none where it is not parked.
    pub fn parked(&self, settings: &Settings) -> Option<Parked<'_>> {
        // As of the last apply, and not of now: it does not release itself by waiting.
        let circling = self.repairs.most(self.repairs.newest()).filter(|circle| circle.times >= settings.repairs_max);
        let exhausted = self.tallies.iter().filter(|(_, tally)| tally.failures >= settings.failures_max);
        let worst = exhausted.max_by_key(|(_, tally)| tally.failures);
        circling.map(Parked::Circling).or_else(|| worst.map(|(operation, tally)| Parked::Exhausted(*operation, tally)))
    }

    /// Until when it rests before anything is applied to it again, and after what; none where it need not.
    pub fn rests(&self, settings: &Settings, now: Timestamp) -> Option<(Timestamp, Circle<'_>)> {
        let circle = self.repairs.most(now)?;
        let until = self.repairs.newest().plus_ms(settings.repair_rest_ms(circle.times));
        (now < until).then_some((until, circle))
    }
}

impl Circle<'_> {
    /// What was tried, how often and since when.
    pub fn tried(&self) -> String {
        let (times, since) = (self.times, self.since.utc());
        format!("the same was applied {times} times since {since}: {}", self.repair.touched())
    }
}

impl Repair {
    /// What it touches, in a few words.
    pub fn touched(&self) -> String {
        let more = if self.more > 0 { format!(" and {} more", self.more) } else { String::new() };
        match self.touches.as_slice() {
            [] => "nothing but outputs".to_owned(),
            some => format!("{}{more}", cut(&some.join(", "), QUOTED_BYTES_MAX)),
        }
    }
}

impl Parked<'_> {
    /// What was tried and what a person can do, in a sentence.
    pub fn sentence(&self, mission: &str) -> String {
        let release = format!("quarterdeck release {mission}; changed files release it as well");
        match self {
            Parked::Circling(circle) => format!(
                "mission {mission} is parked: {}; something undoes it each time. Find out what does, then: {release}",
                circle.tried()
            ),
            Parked::Exhausted(operation, tally) => {
                let last = tally.last.as_ref().map_or("", |failure| failure.message.as_str());
                format!(
                    "mission {mission} is parked: {} failed {} times in a row, at last with: {}. Mend the cause, then: \
                     {release}",
                    operation.name(),
                    tally.failures,
                    cut(last, QUOTED_BYTES_MAX)
                )
            }
        }
    }
}
