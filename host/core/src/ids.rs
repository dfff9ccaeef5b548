//! Names and times, each a type of its own, parsed once.

use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch. Never goes back from one turn to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The largest time in the contract: 2^53 - 1, since one JavaScript engine has nothing above it.
    pub const MAX: Timestamp = Timestamp((1 << 53) - 1);

    /// This much later, in milliseconds.
    pub fn plus_ms(self, ms: u64) -> Timestamp {
        Timestamp(self.0.saturating_add(ms)).min(Timestamp::MAX)
    }

    /// How long ago `earlier` was, in milliseconds; nothing where it was not earlier.
    pub fn since_ms(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time for sentences, to the second: `2031-04-05T06:07:08Z`. The calendar is Hinnant's `civil_from_days`, which
    /// counts years from March, so that a leap day is a year's last.
    pub fn utc(self) -> String {
        let (days, second) = (self.0 / 86_400_000, self.0 / 1_000 % 86_400);
        // Since the first of March of the year 0; an era has 400 years.
        let (era, day) = ((days + 719_468) / 146_097, (days + 719_468) % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let (month, day) = ((5 * day + 2) / 153, day - (153 * ((5 * day + 2) / 153) + 2) / 5 + 1);
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = era * 400 + year + next;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// A text that is no name of its kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is no {kind}: {rule}")]
pub struct IdError {
    kind: &'static str,
    text: String,
    rule: &'static str,
}

/// A name is at most this many bytes long. It stands in file names (255 at most), labels (63 a part) and logs.
pub const ID_BYTES_MAX: usize = 200;

fn parse_id(kind: &'static str, text: &str) -> Result<String, IdError> {
    let rule = "1 to 200 of a-z A-Z 0-9 . _ / : - and no \"..\"";
    let fits = |c: char| c.is_ascii_alphanumeric() || "._/:-".contains(c);
    if text.is_empty() || text.len() > ID_BYTES_MAX || !text.chars().all(fits) || text.contains("..") {
        return Err(IdError { kind, text: text.chars().take(80).collect(), rule });
    }
    Ok(text.to_owned())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses a name.
            ///
            /// # Errors
            /// Where the text is empty, too long, or holds other characters than a name may.
            pub fn parse(text: &str) -> Result<$name, IdError> {
                parse_id($kind, text).map($name)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<$name, IdError> {
                $name::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id!(
    /// A mission: its name and eight digits that tell it from a namesake that was there before.
    MissionId,
    "mission id"
);
id!(
    /// A finding: a hash of rule and root owner, so the same fault keeps its name from turn to turn.
    FindingId,
    "finding id"
);
id!(
    /// An order and the worker that takes it: a hash of what is to be done, never of the turn.
    OrderName,
    "order name"
);
id!(
    /// A person's answer to one exact order.
    ApprovalId,
    "approval id"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_once_and_refused_readably() {
        assert_eq!(MissionId::parse("web-1f2e3d4c").map(String::from), Ok("web-1f2e3d4c".into()));
        for text in ["", "a b", "../etc", "naïve", "\u{1b}[2J", &"x".repeat(201)] {
            assert!(MissionId::parse(text).is_err(), "{text:?}");
        }
        assert!(serde_json::from_str::<MissionId>("\"a b\"").is_err());
    }

    #[test]
    fn a_time_in_a_sentence_is_the_calendars() {
        for (ms, said) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399_999, "2000-02-28T23:59:59Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (951_868_800_000, "2000-03-01T00:00:00Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(Timestamp(ms).utc(), said);
        }
        // Whatever a journal holds can be said.
        assert!(Timestamp(u64::MAX).utc().ends_with('Z'));
    }

    #[test]
    fn time_saturates() {
        assert_eq!(Timestamp::MAX.plus_ms(9), Timestamp::MAX);
        assert_eq!(Timestamp(3).since_ms(Timestamp(9)), 0);
    }
}
