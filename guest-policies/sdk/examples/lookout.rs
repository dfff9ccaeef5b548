//! Lookout tells people about every critical finding, once, and does nothing else.

use quarterdeck_policy_sdk::*;

/// The policy.
pub struct Lookout;

impl Policy for Lookout {
    fn describe() -> Description {
        Description::new("lookout", env!("CARGO_PKG_VERSION"), "Tells people what is critical, and does nothing.")
            .returns(&[ActionKind::Notify]) // any other action would be refused as `undeclared`
    }

    fn decide(situation: &Situation) -> Result<Decision, String> {
        let critical = situation.open_findings().filter(|finding| finding.severity == Severity::Critical);
        let news: Decision = critical.map(Finding::notify).filter(|told| !situation.was_done(told)).collect();
        let count = news.proposals.len();
        info!("{count} of {} findings are new and critical", situation.findings.len());
        Ok(news.because(format!("I tell {count} things.")))
    }
}

export!(Lookout);
