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
/// Where there was none before, it begins the history `fresh`, which must be new (Terraform takes a UUID).
///
/// # Errors
/// Where the bytes are no state, or do not tell that they follow the version that was there.
pub fn mend(bytes: &[u8], last: Option<&StateRef>, fresh: &str) -> Result<Vec<u8>, StateError> {
    if bytes.len() > STATE_BYTES_MAX {
        return Err(StateError::TooLarge { bytes: bytes.len() });
    }
    let odd = |line: usize, column: usize| StateError::Json { line, column };
    let header: Header = serde_json::from_slice(bytes).map_err(|error| odd(error.line(), error.column()))?;
    let mut text = std::str::from_utf8(bytes).map_err(|_not_text| odd(1, 1))?.to_owned();
    if header.lineage.is_empty() {
        if last.is_some() {
            return Err(StateError::NoLineage);
        }
        let lineage = serde_json::to_string(fresh).expect("a text is always JSON");
        text = set(&text, "lineage", &lineage).ok_or_else(|| odd(1, 1))?;
    }
    let serial = match last {
        Some(last) if last.digest == Digest::of(bytes) || last.lineage != header.lineage => header.serial,
        Some(last) => header.serial.max(last.serial.saturating_add(1)),
        None => header.serial.max(1),
    };
    if serial != header.serial {
        text = set(&text, "serial", &serial.to_string()).ok_or_else(|| odd(1, 1))?;
    }
    parse_state(text.as_bytes())?;
    Ok(text.into_bytes())
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
        assert_eq!(mend(&errored(0, ""), None, "fresh").unwrap(), errored(1, "fresh"));
    }

    #[test]
    fn a_later_one_follows_the_last() {
        assert_eq!(mend(&errored(3, "l"), Some(&last(3)), "x").unwrap(), errored(4, "l"));
        assert_eq!(mend(&errored(4, "l"), Some(&last(3)), "x").unwrap(), errored(4, "l"));
        let same = StateRef { digest: Digest::of(&errored(3, "l")), ..last(3) };
        assert_eq!(mend(&errored(3, "l"), Some(&same), "x").unwrap(), errored(3, "l"));
    }

    #[test]
    fn what_does_not_follow_is_not_made_to() {
        assert!(matches!(mend(&errored(0, ""), Some(&last(3)), "x"), Err(StateError::NoLineage)));
        assert_eq!(mend(&errored(2, "other"), Some(&last(3)), "x").unwrap(), errored(2, "other"));
        assert!(mend(b"rubbish", None, "x").is_err());
        assert!(mend(br#"{"version":4,"serial":0,"lineage":""}"#, None, "x").is_err());
    }
}
