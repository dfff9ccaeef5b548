//! The one room of this program where the clock is read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quarterdeck_core::ids::Timestamp;

/// The time by the wall clock, which is also what an order's deadline is told in.
#[allow(clippy::disallowed_methods, reason = "a worker has a deadline of its own and events have times")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)).min(Timestamp::MAX)
}

/// How long it is until then; nothing where it has passed.
pub(crate) fn until(then: Timestamp) -> Duration {
    Duration::from_millis(then.since_ms(now()))
}
