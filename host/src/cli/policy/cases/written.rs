//! A case as it is written: YAML or JSON, which is YAML.
//!
//! The situation is what `journal show TURN --situation` prints, so that a turn that surprised somebody is a case at once;
//! where it is written by hand, lists and options may be left out. What is misspelled is refused where it stands. Bytes
//! (memos) are written as the text that they are, as `base64:…`, or as the journal prints them, a list of numbers.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use quarterdeck_core::decision::{Decision, Proposal};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::situation::{
    Advice, Allowance, Approval, DockerEngine, Fact, Finding, Inspection, Memo, Mission, Omitted, Recollection,
    Resolution, ShownVerdict, Situation, Worker,
};
use quarterdeck_core::text::is_hidden;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::Expected;
use crate::decide::GuestFailure;
use crate::observe::files::yaml_problem;

/// How bytes begin that are no text.
const ENCODED: &str = "base64:";

/// Reads a case: what is shown, and what is expected, where that is said.
pub(in crate::cli::policy) fn parse(text: &str) -> anyhow::Result<(Situation, Option<Expected>)> {
    let written: Written = serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!(yaml_problem(&error)))?;
    let expected = match (written.decision, written.failure) {
        (None, None) => None,
        (Some(decision), None) => Some(Expected::Decision(decision.into())),
        (None, Some(kind)) => Some(Expected::Failure(kind.0)),
        (Some(_), Some(_)) => anyhow::bail!("it expects a decision and a failure: leave one of them out"),
    };
    Ok((written.situation.into(), expected))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    situation: Shown,
    decision: Option<Decided>,
    failure: Option<Kind>,
}

/// A situation, with the head that every printed object has.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Shown {
    #[serde(default, rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(default, rename = "kind")]
    _kind: IgnoredAny,
    #[serde(default, rename = "rehearsal")]
    _rehearsal: IgnoredAny,
    turn: u32,
    now: Timestamp,
    last_decision: Option<Timestamp>,
    #[serde(default)]
    settings: Vec<Fact>,
    #[serde(default)]
    cluster: Vec<Fact>,
    engine: Option<DockerEngine>,
    #[serde(default)]
    findings: Vec<Finding>,
    #[serde(default)]
    resolved: Vec<Resolution>,
    #[serde(default)]
    missions: Vec<Mission>,
    #[serde(default)]
    workers: Vec<Worker>,
    #[serde(default)]
    verdicts: Vec<ShownVerdict>,
    #[serde(default)]
    approvals: Vec<Approval>,
    #[serde(default)]
    allowances: Vec<Allowance>,
    #[serde(default)]
    advice: Vec<Advice>,
    #[serde(default)]
    recollections: Vec<Recollection>,
    #[serde(default)]
    inspections: Vec<Inspection>,
    #[serde(default)]
    omitted: Omitted,
    memo: Option<Kept>,
    #[serde(default)]
    more: Vec<Fact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    format: String,
    bytes: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Decided {
    #[serde(default)]
    proposals: Vec<Proposal>,
    #[serde(default)]
    rationale: String,
    memo: Option<Bytes>,
    look_again: Option<Timestamp>,
}

impl From<Shown> for Situation {
    fn from(shown: Shown) -> Situation {
        Situation {
            turn: shown.turn,
            now: shown.now,
            last_decision: shown.last_decision,
            settings: shown.settings,
            cluster: shown.cluster,
            engine: shown.engine,
            findings: shown.findings,
            resolved: shown.resolved,
            missions: shown.missions,
            workers: shown.workers,
            verdicts: shown.verdicts,
            approvals: shown.approvals,
            allowances: shown.allowances,
            advice: shown.advice,
            recollections: shown.recollections,
            inspections: shown.inspections,
            omitted: shown.omitted,
            memo: shown.memo.map(|memo| Memo { format: memo.format, bytes: memo.bytes.0 }),
            more: shown.more,
        }
    }
}

impl From<Decided> for Decision {
    fn from(decided: Decided) -> Decision {
        let Decided { proposals, rationale, memo, look_again } = decided;
        Decision { proposals, rationale, memo: memo.map(|bytes| bytes.0), look_again }
    }
}

/// How a policy is expected to fail. What the host gave up is no fault of a policy, so nobody can expect it of one.
struct Kind(GuestFailure);

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = GuestFailure::ALL.into_iter().find(|kind| kind.name() == word);
        known.map(Kind).ok_or_else(|| {
            let all = GuestFailure::ALL.map(GuestFailure::name).join(", ");
            D::Error::custom(format!("{word:?} is no way in which a policy fails; those are {all}"))
        })
    }
}

/// Bytes as people read them.
pub(in crate::cli::policy) struct Bytes(pub(in crate::cli::policy) Vec<u8>);

impl Bytes {
    /// The text that they are, where it can be read; else `base64:…`.
    pub(in crate::cli::policy) fn text(&self) -> String {
        let plain = |text: &&str| !text.starts_with(ENCODED) && !text.chars().any(|c| c != '\n' && is_hidden(c));
        match std::str::from_utf8(&self.0).ok().filter(plain) {
            Some(text) => text.to_owned(),
            None => format!("{ENCODED}{}", BASE64.encode(&self.0)),
        }
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text (in quotes, where it looks like something else), \"base64:…\" or a list of bytes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Bytes, E> {
        match text.strip_prefix(ENCODED) {
            Some(encoded) => {
                BASE64.decode(encoded).map(Bytes).map_err(|error| E::custom(format!("no base64: {error}")))
            }
            None => Ok(Bytes(text.as_bytes().to_owned())),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_are_written() {
        for bytes in [&b""[..], b"told: web\nand f-1", b"base64:", b"\x00\xff", "a\u{1b}[2J".as_bytes()] {
            let yaml = serde_saphyr::to_string(&Bytes(bytes.to_owned())).expect("it can be written");
            let again: Bytes = serde_saphyr::from_str(&yaml).expect("it can be read");
            assert_eq!(again.0, bytes, "{yaml}");
        }
        let listed: Bytes = serde_saphyr::from_str("[104, 105]").expect("a list");
        assert_eq!(listed.text(), "hi");
        assert!(
            serde_saphyr::from_str::<Bytes>("base64:~").is_err() && serde_saphyr::from_str::<Bytes>("[256]").is_err()
        );
    }
}
