//! The state that Terraform writes down where it could not deliver it: `errored.tfstate`.
//!
//! It names what was made and is in no other state, so it must become a version like any other. Terraform did not always
//! get as far as numbering it: where there was no state before, it has neither lineage nor serial (seen with Terraform
//! 1.11.4 and an `http` backend that is gone). So both are mended, in the text, also a serial that did not rise, and
//! everything else stays byte for byte as Terraform wrote it.
//!
//! Not here: whether it may be kept. Whoever keeps versions still refuses another lineage.

use serde::Deserialize;

use super::state_json::{STATE_BYTES_MAX, StateError, parse_state};
use crate::digest::Digest;
use crate::order::StateRef;

#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    serial: u64,
    #[serde(default)]
    lineage: String,
}

/// The bytes of an `errored.tfstate` as the version after `last`, which is the newest that its run began with or wrote.
/// Where there was none before it begins a history, as [`begin`] does.
///
/// # Errors
/// Where the bytes are no state, or do not tell that they follow the version that was there.
pub fn mend(bytes: &[u8], last: Option<&StateRef>) -> Result<Vec<u8>, StateError> {
    if bytes.len() > STATE_BYTES_MAX {
        return Err(StateError::TooLarge { bytes: bytes.len() });
    }
    let odd = |line: usize, column: usize| StateError::Json { line, column };
    let header: Header = serde_json::from_slice(bytes).map_err(|error| odd(error.line(), error.column()))?;
    let mended = match last {
        None if header.lineage.is_empty() => begin(bytes).ok_or_else(|| odd(1, 1))?,
        Some(_) if header.lineage.is_empty() => return Err(StateError::NoLineage),
        Some(last)
            if last.lineage == header.lineage && header.serial <= last.serial && last.digest != Digest::of(bytes) =>
        {
            let text = std::str::from_utf8(bytes).map_err(|_not_text| odd(1, 1))?;
            let next = last.serial.saturating_add(1).to_string();
            set(text, "serial", &next).ok_or_else(|| odd(1, 1))?.into_bytes()
        }
        Some(_) | None => bytes.to_vec(),
    };
    parse_state(&mended)?;
    Ok(mended)
}

/// A state without a lineage as the first of a history; `None` where it has one or is no such state. The history is
/// named by the state's own digest, in the form of a UUID, so that whoever mends it makes the same bytes of it.
pub fn begin(bytes: &[u8]) -> Option<Vec<u8>> {
    let header: Header = serde_json::from_slice(bytes).ok()?;
    if !header.lineage.is_empty() {
        return None;
    }
    let hex = Digest::of(bytes).short(32);
    let lineage = format!("\"{}-{}-{}-{}-{}\"", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    let text = set(std::str::from_utf8(bytes).ok()?, "lineage", &lineage)?;
    Some(set(&text, "serial", &header.serial.max(1).to_string())?.into_bytes())
}

/// Sets a member of the outermost object, which Terraform writes on a line of its own after two blanks. Deeper ones have
/// more, and a text in JSON holds no line break, so there is no other such line.
fn set(text: &str, name: &str, value: &str) -> Option<String> {
    let key = format!("\n  \"{name}\": ");
    let start = text.find(&key)? + key.len();
    let end = start + text[start..].find('\n')?;
    let comma = if text[start..end].ends_with(',') { "," } else { "" };
    Some(format!("{}{value}{comma}{}", &text[..start], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errored(serial: u64, lineage: &str) -> Vec<u8> {
        format!(
            "{{\n  \"version\": 4,\n  \"terraform_version\": \"1.11.4\",\n  \"serial\": {serial},\n  \"lineage\": \
             \"{lineage}\",\n  \"outputs\": {{}},\n  \"resources\": [],\n  \"check_results\": null\n}}\n"
        )
        .into_bytes()
    }

    fn last(serial: u64) -> StateRef {
        StateRef { lineage: "l".into(), serial, digest: Digest::of(b"last") }
    }

    #[test]
    fn a_first_state_begins_a_history() {
        let first = mend(&errored(0, ""), None).unwrap();
        let facts = parse_state(&first).unwrap();
        assert_eq!((facts.serial, facts.lineage.len()), (1, 36));
        assert_eq!(first, errored(1, &facts.lineage));
        assert_eq!(begin(&errored(0, "")), Some(first.clone()));
        assert_eq!(begin(&first), None);
    }

    #[test]
    fn a_later_one_follows_the_last() {
        assert_eq!(mend(&errored(3, "l"), Some(&last(3))).unwrap(), errored(4, "l"));
        assert_eq!(mend(&errored(4, "l"), Some(&last(3))).unwrap(), errored(4, "l"));
        let same = StateRef { digest: Digest::of(&errored(3, "l")), ..last(3) };
        assert_eq!(mend(&errored(3, "l"), Some(&same)).unwrap(), errored(3, "l"));
    }

    #[test]
    fn what_does_not_follow_is_not_made_to() {
        assert!(matches!(mend(&errored(0, ""), Some(&last(3))), Err(StateError::NoLineage)));
        assert_eq!(mend(&errored(2, "other"), Some(&last(3))).unwrap(), errored(2, "other"));
        assert!(mend(b"rubbish", None).is_err() && begin(b"rubbish").is_none());
        assert!(mend(br#"{"version":4,"serial":0,"lineage":""}"#, None).is_err());
    }
}
