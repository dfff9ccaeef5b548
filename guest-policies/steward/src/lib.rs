//! Steward, the default policy: plan, wait for the answer, apply, see it verified, notice drift, back off.
//!
//! It reads like its rules. [`decide`] walks over the missions in view and asks [`mission`] what each of them wants
//! next; [`question`] finds the one finding worth asking about; [`draft`] keeps the decision within its bounds.
//!
//! Steward keeps no memo. Everything that it needs is state in the situation: what was made, what was applied and
//! verified, what failed and how often, what people said. So it is right at any turn, also after a roll-back, and the
//! same situation always gives the same decision.
//!
//! What is not here: permission. Steward proposes what would be sensible; the host's gate rules on each proposal, and
//! it returns the same proposal until the situation says otherwise. It never cancels, configures, scans, inspects or
//! acknowledges, and it never acts on a finding that is resolved.

mod backoff;
mod draft;
mod mission;
mod need;
mod question;
mod settings;
#[cfg(test)]
mod tests;

use draft::Draft;
use quarterdeck_policy_sdk::{ActionKind, Decision, Description, Operation, Policy, Situation, export};
use settings::Settings;

/// The default policy.
pub struct Steward;

impl Policy for Steward {
    fn describe() -> Description {
        Description {
            name: "steward".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Plans, waits, applies, sees it verified, notices drift and backs off.".to_owned(),
            actions: vec![ActionKind::Build, ActionKind::Ask, ActionKind::Notify],
            operations: vec![Operation::Plan, Operation::PlanDestroy, Operation::Apply],
            settings: settings::described(),
            memo_format: "steward/1".to_owned(),
            // It writes none, so there is none to read.
            reads_memos: Vec::new(),
        }
    }

    fn decide(situation: &Situation) -> Result<Decision, String> {
        Ok(decide(situation))
    }
}

export!(Steward);

/// What steward does about a situation. It always can decide: in doubt it does nothing.
pub fn decide(view: &Situation) -> Decision {
    let settings = Settings::read(view);
    let mut draft = Draft::new(view.now);
    for mission in &view.missions {
        draft.take(view, mission, mission::next(view, mission, &settings));
    }
    if let Some(finding) = question::worth_asking(view) {
        draft.ask(finding);
    }
    draft.wake_for_acknowledged(view);
    draft.finish()
}
