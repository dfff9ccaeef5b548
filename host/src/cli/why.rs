//! `why`: the account of one thing, read from what became of it back to where it began.
//!
//! A turn alone is read forwards, since it is a beginning. Whose word each part is stands beside it.

use std::path::Path;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::text::escape;
use serde_json::Value;

use super::exit::{Exit, Failure};
use super::place::Place;
use super::print::{self, Output, section, table, word};
use crate::account::{Account, AccountError, Bytes, Cause, Detail, Kept, account};
use crate::remember::{BlobError, Blobs};
use crate::view::rfc3339;

const CLAIMS: &str = "Words of the policy, of the brain (Gemini, or the table in its place) and of a worker are what they say; nobody checked them.\n";

pub(super) fn why(place: &Place, asked: &str, output: Output) -> Result<String, Failure> {
    let blobs = place.folder.join("blobs");
    let account = account(&place.journal(), asked, &|digest| kept(&blobs, digest))?;
    Ok(match output {
        Output::Json => print::pretty(&json(&account)),
        Output::Table => text(&account, false),
        Output::Wide => text(&account, true),
    })
}

/// A folder that is not there is not made: whoever reads a copy of a journal changes nothing.
fn kept(folder: &Path, digest: &Digest) -> Kept {
    if !folder.is_dir() {
        return Kept::Gone;
    }
    match Blobs::open(folder).map(|blobs| blobs.get(digest)) {
        Ok(Ok(Some(_))) => Kept::Kept,
        Ok(Err(BlobError::Changed(_) | BlobError::TooLarge(_))) => Kept::Changed,
        Ok(Ok(None) | Err(BlobError::Io { .. })) | Err(_) => Kept::Gone,
    }
}

fn json(account: &Account) -> Value {
    print::object("Account", account.rehearsal, account)
}

fn text(account: &Account, wide: bool) -> String {
    let mark = if account.rehearsal { " [rehearsal]" } else { "" };
    let head = format!("{} {}{mark}: {}", account.of, account.name, account.summary);
    let mut text = format!("{}\n\n", escape(&head));
    if account.of == "turn" {
        text += &account.causes.iter().map(|cause| told(cause, "- ", wide)).collect::<String>();
    } else {
        let back = account.causes.iter().rev().enumerate();
        text += &back.map(|(index, cause)| told(cause, if index == 0 { "" } else { "<- " }, wide)).collect::<String>();
    }
    if !account.bytes.is_empty() {
        let row = |bytes: &Bytes| vec![bytes.what.to_owned(), bytes.digest.to_string(), word(&bytes.kept)];
        text += &format!("\n{}", table(&["bytes", "digest", "here"], account.bytes.iter().map(row)));
    }
    let missing = section("Not to be told", account.missing.iter().cloned());
    if !missing.is_empty() {
        text += &format!("\n{missing}");
    }
    text + "\n" + CLAIMS
}

/// A cause, with what belongs to it indented below.
fn told(cause: &Cause, arrow: &str, wide: bool) -> String {
    let Cause { mark, says, what, details, next } = cause;
    let hash = if wide { mark.hash.to_string() } else { mark.hash.short(12) };
    let mut text = format!("{arrow}{}\n", escape(what));
    text += &format!("     {}; record {} ({hash}), {}\n", says.words(), mark.record, rfc3339(mark.at));
    for Detail { name, lines } in details {
        let mut lines = lines.iter();
        text += &format!("     {name}: {}\n", escape(lines.next().map_or("-", String::as_str)));
        text += &lines.map(|line| format!("       {}\n", escape(line))).collect::<String>();
    }
    text + &next.as_ref().map_or(String::new(), |next| format!("     see: {}\n", escape(next)))
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Failure {
        match error {
            AccountError::Journal(error) => Failure::from(error),
            AccountError::Nothing { .. } => {
                let next = "quarterdeck get workers, get approvals or get turns list names; \
                            a resource is called as in describe mission, such as docker_container.web";
                Failure::of(Exit::Failed, error, Some(next.to_owned()))
            }
            AccountError::Several { ref fits, .. } => {
                let next = fits.first().map(|first| format!("say which, such as: quarterdeck why {first}"));
                Failure::of(Exit::Usage, error, next)
            }
        }
    }
}
