//! Policies that may not decide, that answer in two ways, and a fallback that fails.

use super::{Fault, object};
use crate::ids::Timestamp;
use crate::ledger::Ledger;
use crate::situation::{Fact, Severity};

pub(super) fn look(ledger: &Ledger, now: Timestamp) -> Vec<Fault> {
    let policies = &ledger.policies;
    let fault = |rule, severity, digest: String, message, evidence| Fault {
        rule,
        severity,
        object: object("policy", &digest, None),
        owner: None,
        mission: None,
        message,
        evidence,
        count: 1,
    };
    let fenced = policies.fences.iter().map(|(digest, fence)| {
        let digest = digest.short(12);
        let (name, why) = (&fence.name, &fence.why);
        let decides = ledger.policy.name();
        let message = format!(
            "policy {name} ({digest}) is fenced since turn {}: {why}; {decides} decides; `quarterdeck policy unfence {digest}` \
             once you know why",
            fence.turn
        );
        fault("policy-fenced", Severity::Warning, digest, message, vec![Fact::new("turn", &fence.turn.to_string())])
    });
    let differed = policies.differed.iter().map(|(digest, differing)| {
        let digest = digest.short(12);
        let (name, turn, what) = (&differing.name, differing.turn, &differing.what);
        let message = format!(
            "policy {name} ({digest}) answered the situation of turn {turn} in two ways: {what}; it can't be replayed, so \
             do not trust it; `quarterdeck policy unfence {digest}` once you know why"
        );
        fault("policy-differs", Severity::Critical, digest, message, vec![Fact::new("turn", &turn.to_string())])
    });
    let observing = ledger.observes(now).map(|observing| {
        let (turn, kind, until) = (observing.turn, &observing.kind, observing.until.utc());
        let message = format!(
            "policy {} failed again and again, last on the situation of turn {turn} ({kind}); nothing is decided until {until}; \
             `quarterdeck journal show {turn} --situation` is what it failed on",
            ledger.policy.name()
        );
        let evidence = vec![Fact::new("turn", &turn.to_string()), Fact::new("situation", &observing.situation.to_string())];
        let name = ledger.policy.digest.map(|digest| digest.short(12)).unwrap_or_default();
        fault("policy-observing", Severity::Critical, name, message, evidence)
    });
    fenced.chain(differed).chain(observing).collect()
}
