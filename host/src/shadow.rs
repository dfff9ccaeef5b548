//! After a turn: what another policy would have made of it, and whether the one that decided would say the same again.
//!
//! Both are asked when the turn has closed and never inside it, on a thread of their own, and nothing follows from what
//! they say: a shadow's proposals are ruled on and go no further. Its situation is the turn's own, but for what is a
//! policy's own (memo, settings, the time of its last decision), so nothing in it tells it that it is a shadow.
//!
//! What is *not* here: what is counted of it, which follows from the entries in the ledger, and when it is asked, which is
//! the driver's.

use std::sync::Arc;
use std::time::Instant;

use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Answered, Differed, Entry, Opened, Shadowed};
use quarterdeck_core::gate::gate;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::{Ledger, Shadow};
use quarterdeck_core::situation::{Ruling, SITUATION_BYTES_MAX, Situation, TEXT_BYTES_MAX, cut};

use crate::decide::{self, Policy, Probe, compare};
use crate::replay::compare_open_loop;

/// So many differences of a turn are written down; a person reads the first.
const DIFFERENCES_MAX: usize = 8;
/// The policy that decides is asked again about every such turn: often enough to find one that drifts within the hour,
/// seldom enough to cost a hundredth of a busy host.
pub const ASKED_AGAIN_EVERY: u32 = 16;

/// A turn that is closed, with what it was ruled on.
#[derive(Clone, Debug)]
pub struct Past {
    /// What was written of it.
    pub opened: Arc<Opened>,
    /// The ledger that was ruled on.
    pub ledger: Arc<Ledger>,
}

/// Asks a shadow about a turn; nothing where its situation can't be read.
pub async fn ask(past: &Past, shadow: &Shadow, policy: Arc<Policy>, at: Timestamp) -> Option<Entry> {
    let Past { opened, ledger } = past;
    let situation: Situation = encoding::decode_ours(&opened.situation).ok()?;
    let shown = shown(&situation, shadow);
    let begun = Instant::now();
    let answer = decide::decide(policy, encoding::encode(&shown).into()).await;
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (answer, logs, fuel) = answer.into_journal();
    let decision = answer.decision();
    let in_place = ledger.as_the_shadow_has_it(shadow);
    let rule = |decision| gate(&ledger.charter(), &in_place, &opened.ground, &shown, decision);
    let verdicts = decision.as_ref().map(rule).unwrap_or_default();
    let refused = verdicts.iter().filter(|verdict| verdict.ruling == Ruling::Refused).count();
    let differ = match &opened.answer {
        // Where nothing was decided there is nothing to compare with.
        Answered::HostAbort { .. } => Vec::new(),
        Answered::Decided(_) | Answered::GuestFailure { .. } => compare_open_loop(opened, &answer, &verdicts),
    };
    Some(Entry::Shadowed(Box::new(Shadowed {
        at,
        turn: opened.turn,
        policy: shadow.policy,
        decided_at: opened.at,
        answer,
        logs,
        fuel,
        micros,
        refused: u32::try_from(refused).unwrap_or(u32::MAX),
        differ: differ.into_iter().take(DIFFERENCES_MAX).map(|line| cut(&line, TEXT_BYTES_MAX)).collect(),
    })))
}

/// The situation as a policy in the shadow's place is shown it.
fn shown(situation: &Situation, shadow: &Shadow) -> Situation {
    let mut shown = situation.clone();
    shown.settings.clone_from(&shadow.settings);
    (shown.memo, shown.last_decision) = (shadow.memo.clone(), shadow.last_decision);
    if shown.memo.is_some() && encoding::encode(&shown).len() > SITUATION_BYTES_MAX {
        // A policy must get by without one at any turn.
        shown.memo = None;
    }
    shown
}

/// Asks the policy that decided once more; an entry where it says something else.
pub async fn ask_again(past: &Past, policy: Arc<Policy>, at: Timestamp) -> Option<Entry> {
    let opened = &past.opened;
    let name = format!("{} {}", policy.description().name, policy.description().version);
    let answer = decide::decide(policy.clone(), opened.situation.clone().into()).await;
    let first = (opened.answer.clone(), opened.logs.clone(), opened.fuel);
    let what = match compare(&first, &answer.into_journal()) {
        Probe::Same | Probe::NotCompared => return None,
        Probe::Differs(what) => what,
    };
    Some(Entry::Differed(Differed { at, turn: opened.turn, policy: policy.digest(), name, what }))
}
