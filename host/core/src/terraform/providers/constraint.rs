//! Terraform's version constraints: `~> 3.0.2`, `>= 3.3.0, < 4`, `= 4.5.0`, `4.5.0`, `!= 3.9.0`.
//!
//! We need one answer of a constraint: which is the newest release that it can select? Releases are not listed here
//! (that would need a registry), so the answer is the upper end of the range itself: no release above it is selected,
//! and the releases just below it are taken to exist.

use super::version::{Version, numbers};

/// A constraint has at most this many parts; real ones have one or two for each module.
const PARTS_MAX: usize = 64;

/// A patch number above every release: stands for "the newest of this minor".
const NEWEST: u32 = 999_999;

/// A parsed version constraint: all parts must hold. No part means that every release will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Constraint {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    operator: Operator,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Why a text is no constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no version constraint; write one like \"~> 3.9\" or \">= 3.3.0, < 5\"")]
pub struct ConstraintError {
    /// The part that was not understood.
    pub text: String,
}

impl Constraint {
    /// Parses parts with commas between them; an empty text allows every release.
    ///
    /// # Errors
    /// The first part that is none. A pre-release is none either: see [`Version`].
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        let mut parts = Vec::new();
        for part in text.split(',').map(str::trim).filter(|_| !text.trim().is_empty()) {
            if parts.len() >= PARTS_MAX {
                return Err(ConstraintError { text: format!("more than {PARTS_MAX} parts") });
            }
            parse_part(part, &mut parts).ok_or_else(|| ConstraintError { text: part.to_owned() })?;
        }
        Ok(Self { parts })
    }

    /// Whether `version` satisfies all parts.
    pub fn allows(&self, version: Version) -> bool {
        self.parts.iter().all(|part| match part.operator {
            Operator::Equal => version == part.version,
            Operator::NotEqual => version != part.version,
            Operator::Less => version < part.version,
            Operator::LessOrEqual => version <= part.version,
            Operator::Greater => version > part.version,
            Operator::GreaterOrEqual => version >= part.version,
        })
    }

    /// The newest version that the constraint can select, release or not; `None` where nothing satisfies it.
    ///
    /// The maximum of a range lies at its end or just below one of its bounds, so only these are tried.
    pub fn newest_possible(&self) -> Option<Version> {
        let mut candidates = vec![Version::new(NEWEST, NEWEST, NEWEST)];
        for part in &self.parts {
            let below = before(part.version);
            candidates.extend([Some(part.version), below, below.and_then(before)].into_iter().flatten());
        }
        candidates.into_iter().filter(|version| self.allows(*version)).max()
    }
}

/// The version just before another one.
fn before(version: Version) -> Option<Version> {
    let Version { major, minor, patch } = version;
    match (major, minor, patch) {
        (0, 0, 0) => None,
        (major, 0, 0) => Some(Version::new(major - 1, NEWEST, NEWEST)),
        (major, minor, 0) => Some(Version::new(major, minor - 1, NEWEST)),
        (major, minor, patch) => Some(Version::new(major, minor, patch - 1)),
    }
}

/// Adds a part; `~>` becomes the two bounds that it stands for. `None` where the text is no part.
fn parse_part(text: &str, parts: &mut Vec<Part>) -> Option<()> {
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    let (operator, number) = text.split_at(digits);
    let given = numbers(number.trim())?;
    let part = |index: usize| given.get(index).copied().unwrap_or(0);
    let version = Version::new(part(0), part(1), part(2));
    let operator = match operator.trim() {
        "" | "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        "~>" => {
            // `~> 3.0.2` is below 3.1; `~> 3.0` and `~> 3` are below 4, as `terraform init` 1.11 does.
            let upper = match given.len() {
                3 => Version::new(version.major, version.minor + 1, 0),
                _fewer => Version::new(version.major + 1, 0, 0),
            };
            parts.push(Part { operator: Operator::Less, version: upper });
            Operator::GreaterOrEqual
        }
        _ => return None,
    };
    parts.push(Part { operator, version });
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(text: &str) -> Option<Version> {
        Constraint::parse(text).expect(text).newest_possible()
    }

    #[test]
    fn the_upper_end_of_a_range() {
        assert_eq!(newest("~> 3.0.2"), Some(Version::new(3, 0, NEWEST)));
        assert_eq!(newest("~> 3.0"), Some(Version::new(3, NEWEST, NEWEST)));
        assert_eq!(newest(">= 3.3.0, < 4"), Some(Version::new(3, NEWEST, NEWEST)));
        assert_eq!(newest("4.5.0"), Some(Version::new(4, 5, 0)));
        assert_eq!(newest("<= 3.0.2, != 3.0.2"), Some(Version::new(3, 0, 1)));
        assert_eq!(newest("> 3.0.2, < 3.0.2"), None);
        assert_eq!(newest(""), Some(Version::new(NEWEST, NEWEST, NEWEST)));
        assert_eq!(newest(">=3.0,~>3.1.0"), Some(Version::new(3, 1, NEWEST)));
    }

    #[test]
    fn the_squiggle_of_one_number_ends_at_the_next() {
        assert_eq!(newest("~> 2"), Some(Version::new(2, NEWEST, NEWEST)));
    }

    #[test]
    fn what_is_no_constraint() {
        for text in [">=", ",", "1.0,", "latest", "=> 3.0", "~> 3.x", "3.0.2-rc1", "^3.0", "1.2.3.4"] {
            assert!(Constraint::parse(text).is_err(), "{text:?}");
        }
        assert!(Constraint::parse(&vec!["1.0"; PARTS_MAX + 1].join(",")).is_err());
    }
}
