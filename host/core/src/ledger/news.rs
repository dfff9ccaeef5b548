//! What an observation shows that no entry says yet.

use std::borrow::Cow;

use super::{Ledger, MissionState};
use crate::digest::Digest;
use crate::entry::{Declared, Ended, Entry};
use crate::ids::Timestamp;
use crate::mission::MissionSpec;
use crate::observation::{Observation, SeenMission};
use crate::situation::{DesiredState, Reply};

impl Ledger {
    /// The entries that an observation calls for: missions that are new or changed, workers that ended, answers that
    /// came.
    pub fn news(&self, observation: &Observation) -> Vec<Entry> {
        let at = observation.at.max(self.now);
        let declared = observation
            .missions
            .iter()
            .filter_map(|seen| self.declaration(&*self.wanted(seen)?, at))
            .map(Entry::Declared);
        let ended = observation.workers.iter().filter_map(|report| {
            let open = self.orders.get(&report.order)?.ended.is_none();
            let result = report.result.clone().filter(|_| open)?;
            Some(Entry::Ended(Box::new(Ended { at, order: report.order.clone(), result })))
        });
        let replied = observation.replies.iter().filter_map(|reply| {
            let record = self.advice.get(&reply.question)?;
            let mut reply = reply.clone();
            reply.answered = at;
            (record.advice.reply == Reply::Pending).then_some(Entry::Replied(reply))
        });
        declared.chain(ended).chain(replied).collect()
    }

    /// What a mission says now. Of one that is leaving nothing shall be left, and what it said last will do for that: with the
    /// object the files may be gone.
    fn wanted<'a>(&self, seen: &'a SeenMission) -> Option<Cow<'a, MissionSpec>> {
        let said = seen.spec.as_ref().ok();
        if !seen.is_leaving() {
            return said.map(Cow::Borrowed);
        }
        let known = || self.missions.values().map(|state| &state.spec).find(|spec| seen.is_of(spec));
        let last = said.or_else(known)?;
        Some(Cow::Owned(MissionSpec { desired: DesiredState::Absent, ..last.clone() }))
    }

    fn declaration(&self, spec: &MissionSpec, at: Timestamp) -> Option<Declared> {
        match self.mission(&spec.name) {
            Some(known) if known.spec == *spec => None,
            Some(known) => Some(Declared {
                at,
                mission: known.id.clone(),
                uid: known.uid,
                generation: known.generation_of(spec),
                spec: spec.clone(),
            }),
            None => {
                let nonce = self.nonce.unwrap_or(Digest::ZERO);
                let uid = Digest::of_parts(&[nonce.as_bytes(), spec.name.as_str().as_bytes()]);
                let mission = spec.name.id(&uid).ok()?;
                Some(Declared { at, mission, uid, generation: 1, spec: spec.clone() })
            }
        }
    }
}

impl MissionState {
    /// Changing the files or the desired state is a new generation, and so is an object that was made anew under the same
    /// name: what people approved was another object's. Anything else is not.
    fn generation_of(&self, spec: &MissionSpec) -> u32 {
        let moved = spec.plan != self.spec.plan
            || spec.desired != self.spec.desired
            || spec.object_uid() != self.spec.object_uid();
        if moved { self.generation.saturating_add(1) } else { self.generation }
    }
}
