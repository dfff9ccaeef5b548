//! `journal verify`: the proof that a journal is still what was written, and by whom; and what is not proven.

use std::io::Read;
use std::path::Path;

use quarterdeck_core::checkpoint::{Checkpoint, PublicKey};
use serde_json::json;

use super::args::VerifyArgs;
use super::exit::{Exit, Failure};
use super::place::{Place, tell_torn};
use super::print::{self, Output};
use super::seal::key_path;
use crate::remember::journal::Reader;
use crate::remember::seal::SealKey;
use crate::remember::verify::{self, Proof, Trust};

/// A key or a checkpoint is some hundred bytes; what is larger than this is something else.
const FILE_BYTES_MAX: u64 = 4_096;

/// Where the keys that are believed come from.
#[derive(Clone, Copy)]
enum Believed {
    /// From the command line.
    Named,
    /// From checkpoints that were kept elsewhere.
    Kept,
    /// From the file beside the journal.
    Own,
    /// There is none.
    Nobody,
}

pub(super) fn verify(place: &Place, args: &VerifyArgs) -> Result<String, Failure> {
    let (trust, believed) = trust(place, args)?;
    let reader = match &args.archive {
        Some(archive) => Reader::with_archive(&place.journal(), archive)?,
        None => Reader::open(&place.journal())?,
    };
    let proof = verify::verify(&reader, &trust)?;
    tell_torn(&proof.head, place.alive);
    Ok(match args.output {
        Output::Table | Output::Wide => told(place, &proof, &trust, believed),
        Output::Json => json_of(place, &proof, &trust, believed),
    })
}

fn trust(place: &Place, args: &VerifyArgs) -> Result<(Trust, Believed), Failure> {
    let keys = args.keys.iter().map(|text| named_key(text)).collect::<Result<Vec<PublicKey>, Failure>>()?;
    let kept = args.checkpoints.iter().map(|file| kept(file)).collect::<Result<Vec<Checkpoint>, Failure>>()?;
    if !keys.is_empty() {
        return Ok((Trust { keys, demanded: true, kept }, Believed::Named));
    }
    if !kept.is_empty() {
        let keys = kept.iter().map(|kept| kept.key).collect();
        return Ok((Trust { keys, demanded: true, kept }, Believed::Kept));
    }
    let own = SealKey::read(&key_path(place))?.map(|key| key.public());
    let believed = if own.is_some() { Believed::Own } else { Believed::Nobody };
    Ok((Trust { keys: own.into_iter().collect(), demanded: false, kept }, believed))
}

/// A key by its digits, or else by its file.
fn named_key(text: &str) -> Result<PublicKey, Failure> {
    if let Ok(key) = PublicKey::read(text) {
        return Ok(key);
    }
    let wrong = |error: anyhow::Error| {
        let error = error.context(format!("read the public key {text}"));
        Failure::of(
            Exit::Usage,
            error,
            Some("name a file that `quarterdeck journal key` wrote, or its digits".to_owned()),
        )
    };
    let read = small(Path::new(text)).map_err(wrong)?;
    PublicKey::read(&read).map_err(|error| wrong(error.into()))
}

fn kept(file: &Path) -> Result<Checkpoint, Failure> {
    let read = small(file).and_then(|text| Ok(text.parse()?));
    read.map_err(|error| {
        let error = error.context(format!("read the checkpoint {}", file.display()));
        Failure::of(Exit::Usage, error, Some("name a file that `quarterdeck journal checkpoint` wrote".to_owned()))
    })
}

fn small(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    std::fs::File::open(file)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn told(place: &Place, proof: &Proof, trust: &Trust, believed: Believed) -> String {
    let Proof { head, first, checkpoints, keys, .. } = proof;
    let mark = if proof.ledger.rehearsal { " [rehearsal]" } else { "" };
    let what =
        if *first == 1 { format!("{} records", head.records) } else { format!("records {first} to {}", head.records) };
    let mut text = format!("{}: {what}, whole; the last is {}{mark}\n", place.journal().display(), head.hash);
    if let Some(base) = &proof.base {
        text += &format!(
            "pruned: records 1 to {} are gone; what followed from them is attested by the base\n",
            base.record
        );
    }
    text += &match proof.attested {
        Some(attested) => {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            format!(
                "attested: records 1 to {attested}, by {}, signed by {}\n",
                counted(*checkpoints),
                keys.join(" and ")
            )
        }
        None => "attested: nothing; there is no checkpoint\n".to_owned(),
    };
    text += &match believed {
        Believed::Named => "believed: the key that was named\n".to_owned(),
        Believed::Kept => "believed: the key of the checkpoint that was kept elsewhere\n".to_owned(),
        Believed::Own => format!(
            "believed: the key in {}, so this trusts this machine; whoever can write here can have written all of it anew. \
             Elsewhere, say --key with what `quarterdeck journal key` printed\n",
            key_path(place).display()
        ),
        Believed::Nobody => {
            "believed: nobody; no key is at hand and none was named, so anybody can have signed\n".to_owned()
        }
    };
    if let Some(last) = trust.kept.iter().map(|kept| kept.record).max() {
        let count = counted(trust.kept.len() as u64);
        text += &format!("kept elsewhere: {count}, still in it; nothing up to record {last} was cut off\n");
    }
    text + &not_proven(proof, trust) + "\n"
}

fn counted(checkpoints: u64) -> String {
    if checkpoints == 1 { "1 checkpoint".to_owned() } else { format!("{checkpoints} checkpoints") }
}

/// What this verification can't show.
fn not_proven(proof: &Proof, trust: &Trust) -> String {
    let kept = trust.kept.iter().map(|kept| kept.record).max();
    let cut = match kept {
        Some(last) => format!("that no records after record {last} were cut off at the end"),
        None => "that no records were cut off at the end (keep `quarterdeck journal checkpoint` elsewhere, and name it with \
                 --checkpoint)"
            .to_owned(),
    };
    let tail = after(proof);
    let tail = if tail == 0 {
        String::new()
    } else {
        format!(
            ", and who wrote the last {tail} records: they came after the newest checkpoint, and the chain alone holds them"
        )
    };
    format!("not proven: {cut}{tail}")
}

/// How many records came after the newest checkpoint.
fn after(proof: &Proof) -> u64 {
    let stands = proof.newest.map(|(seq, _)| seq).or(proof.attested).unwrap_or(0);
    proof.head.records.saturating_sub(stands)
}

fn json_of(place: &Place, proof: &Proof, trust: &Trust, believed: Believed) -> String {
    let Proof { head, first, checkpoints, keys, newest, attested, base, ledger } = proof;
    let torn = head.torn.as_ref();
    let torn = torn.map(|(path, at, bytes)| json!({ "path": path, "offset": at, "bytes": bytes }));
    let believed = match believed {
        Believed::Named => "named",
        Believed::Kept => "kept elsewhere",
        Believed::Own => "this machine",
        Believed::Nobody => "nobody",
    };
    let object = json!({
        "folder": place.journal(), "whole": true, "records": head.records, "first": first, "hash": head.hash, "torn": torn,
        "checkpoints": checkpoints, "keys": keys, "attested": attested, "afterNewestCheckpoint": after(proof),
        "newest": newest.map(|(_, checkpoint)| checkpoint), "prunedUpToRecord": base.as_ref().map(|base| base.record),
        "believed": believed, "kept": trust.kept, "notProven": not_proven(proof, trust),
    });
    print::pretty(&print::object("JournalVerification", ledger.rehearsal, &object))
}
