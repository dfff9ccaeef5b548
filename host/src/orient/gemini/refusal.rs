//! What an HTTP error of the service means (`google.rpc.Status`).
//!
//! There is no `Retry-After`: the time stands in a `RetryInfo` among the details, as a protobuf duration, or only in the
//! message; the details may be absent, and some proxies wrap the object in a list of one. A quota whose id names the day
//! is not worth a retry. The classes follow what Google's own command line does (gemini-cli, `googleQuotaErrors.ts`).

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::failure::{Failure, excerpt};

/// A wait beyond this is read as this: a year, far beyond any that is waited for.
const WAIT_SECONDS_MAX: f64 = 31_536_000.0;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
    status: String,
    details: Vec<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    reason: String,
    retry_delay: String,
    violations: Vec<Violation>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Violation {
    quota_id: String,
}

/// Reads a JSON object, or the one object of a list.
pub(super) fn read<T: DeserializeOwned>(body: &str) -> Result<T, serde_json::Error> {
    if body.trim_start().starts_with('[') {
        let [only] = serde_json::from_str::<[T; 1]>(body)?;
        return Ok(only);
    }
    serde_json::from_str(body)
}

/// What an answer with this status other than success means.
pub(super) fn classify(http: u16, body: &str, model: &str) -> Failure {
    let status = read::<Body>(body).unwrap_or_default().error;
    // A detail that is not as expected is as good as absent.
    let details: Vec<Detail> = status.details.iter().filter_map(|it| Deserialize::deserialize(it).ok()).collect();
    let said = match (status.status.as_str(), status.message.as_str()) {
        ("", "") => excerpt(body),
        ("", message) => excerpt(message),
        (name, message) => excerpt(&format!("{name}: {message}")),
    };
    let reason = |wanted: &str| details.iter().any(|detail| detail.reason == wanted);
    match http {
        400 if reason("API_KEY_INVALID") => Failure::Key { status: http, said },
        401 | 403 => Failure::Key { status: http, said },
        404 => Failure::ModelNotFound { model: model.to_owned(), said },
        429 if details.iter().any(of_day) => Failure::QuotaOfDay(said),
        429 if status.message.contains("limit: 0") => Failure::NoQuota(said),
        429 if reason("MODEL_CAPACITY_EXHAUSTED") => Failure::NoCapacity(said),
        429 => Failure::Quota { wait: wait(&details, &status.message), said },
        500 | 503 | 504 => Failure::Unavailable { status: http, said },
        _ => Failure::Refused { status: http, said },
    }
}

fn of_day(detail: &Detail) -> bool {
    detail.violations.iter().any(|it| it.quota_id.contains("PerDay") || it.quota_id.contains("Daily"))
}

fn wait(details: &[Detail], message: &str) -> Option<Duration> {
    let told = details.iter().find_map(|detail| duration(&detail.retry_delay));
    told.or_else(|| {
        let (_, after) = message.split_once("Please retry in ")?;
        duration(after.split_whitespace().next()?.trim_end_matches('.'))
    })
}

/// A duration such as `34.07s` or `900ms`.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s')?, 1.0),
    };
    let seconds = number.parse::<f64>().ok().filter(|seconds| !seconds.is_nan())? * unit;
    // What is negative is refused by the conversion.
    Duration::try_from_secs_f64(seconds.min(WAIT_SECONDS_MAX)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_protobuf_writes_them() {
        assert_eq!(duration("34.5s"), Some(Duration::from_millis(34_500)));
        assert_eq!(duration("900ms"), Some(Duration::from_millis(900)));
        assert_eq!(duration("1e300s"), Some(Duration::from_secs(31_536_000)));
        for text in ["", "s", "-1s", "NaNs", "5", "5m"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn the_message_tells_the_time_where_no_detail_does() {
        let wait = |body: &str| classify(429, body, "m").retry_after(Duration::ZERO);
        let told = r#"{"error":{"message":"Slow down. Please retry in 26.1s."}}"#;
        assert_eq!(wait(told), Some(Duration::from_millis(26_100)));
        assert_eq!(
            wait(r#"{"error":{"details":[7,{"retryDelay":3},{"retryDelay":"2s"}]}}"#),
            Some(Duration::from_secs(2))
        );
        assert_eq!(wait("<html>"), Some(Duration::ZERO));
    }
}
