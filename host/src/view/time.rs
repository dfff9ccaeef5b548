//! Times for people: RFC 3339 in JSON, an age in tables.

use quarterdeck_core::ids::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};

/// The time as RFC 3339 with milliseconds, such as `2031-04-05T06:07:08.009Z`.
pub fn rfc3339(at: Timestamp) -> String {
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| at.0.to_string(), |at| format!("{at:.3}"))
}

/// How long ago something was, in one unit: `42s`, `7m`, `3h`, `12d`.
pub fn age(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.since_ms(then) / 1_000;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let at: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
    Ok(Timestamp(u64::try_from(at.as_millisecond()).unwrap_or(0)))
}

/// The same for a time that may be missing.
pub(super) mod option {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    #[derive(Deserialize)]
    struct At(#[serde(with = "super")] Timestamp);

    pub(in crate::view) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::view) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<At>::deserialize(deserializer)?.map(|At(at)| at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit() {
        let ages = [(0, "0s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (172_800, "2d")];
        for (seconds, shown) in ages {
            assert_eq!(age(Timestamp(seconds * 1_000 + 999), Timestamp(0)), shown);
        }
        assert_eq!(age(Timestamp(0), Timestamp(5_000)), "0s");
    }

    #[test]
    fn a_time_in_a_sentence_is_the_same_to_the_second() {
        // Some four months apart, over eight centuries.
        for at in (0..2_400u64).map(|index| Timestamp(index * 10_518_975_123)) {
            let (shown, said) = (rfc3339(at), at.utc());
            assert_eq!(shown.split_once('.').map(|(seconds, _)| seconds), said.strip_suffix('Z'));
        }
    }

    #[test]
    fn a_time_is_rfc_3339_with_milliseconds() {
        assert_eq!(rfc3339(Timestamp(1_000_000_000_009)), "2001-09-09T01:46:40.009Z");
    }
}
