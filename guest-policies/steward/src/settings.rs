//! What the operator may tune, and the pauses that nobody needs to.

use quarterdeck_policy_sdk::{Setting, Situation, warn};

const REPLAN_AFTER_SECONDS: &str = "replan-after-seconds";
const REPLAN_AFTER_SECONDS_DEFAULT: u64 = 600;
/// A plan takes a worker some seconds; more often than this it would plan without pause.
const REPLAN_AFTER_SECONDS_MIN: u64 = 30;

/// After a plan or an apply, in milliseconds, before the same mission is planned once more: the world settles, and the
/// host looks at it. Short enough that a removed container comes back while one watches.
pub(crate) const SETTLE_MS: u64 = 15_000;

/// The same after a plan that found nothing to do: a finding that no plan mends would otherwise be planned for each
/// time that it changes.
pub(crate) const SETTLE_IDLE_MS: u64 = 60_000;

/// The settings, parsed.
pub(crate) struct Settings {
    /// A plan older than this, in milliseconds, is made anew to notice drift.
    pub(crate) replan_after_ms: u64,
}

impl Settings {
    /// Reads what the operator set. A value that is no number falls back to the default, and the log says so.
    pub(crate) fn read(view: &Situation) -> Settings {
        let seconds = match view.setting(REPLAN_AFTER_SECONDS) {
            None => REPLAN_AFTER_SECONDS_DEFAULT,
            Some(text) => text.trim().parse().unwrap_or_else(|_| {
                warn!("{REPLAN_AFTER_SECONDS} is no number of seconds; {REPLAN_AFTER_SECONDS_DEFAULT} is used");
                REPLAN_AFTER_SECONDS_DEFAULT
            }),
        };
        Settings { replan_after_ms: seconds.max(REPLAN_AFTER_SECONDS_MIN).saturating_mul(1000) }
    }
}

/// What steward's description says about them.
pub(crate) fn described() -> Vec<Setting> {
    vec![Setting {
        key: REPLAN_AFTER_SECONDS.to_owned(),
        default_value: REPLAN_AFTER_SECONDS_DEFAULT.to_string(),
        help: format!(
            "A mission that stands as wanted is planned again after this many seconds, to notice drift. \
             {REPLAN_AFTER_SECONDS_MIN} at least."
        ),
    }]
}
