//! `journal show` and `journal list`: what was written.

use quarterdeck_core::decision::Description;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Answered, Closed, Entry, How, Leave, Opened, Purpose, Standing};
use quarterdeck_core::situation::Situation;
use quarterdeck_core::verdict::Verdict;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::place::{Place, tell_torn};
use super::print::{self, Output, fields, section, word};
use super::prune::pruned;
use crate::remember::journal::{self, Record};
use crate::view::{paused, rfc3339};

pub(super) fn show(place: &Place, turn: u32, situation: bool, output: Output) -> Result<String, Failure> {
    let (mut rehearsal, mut opened, mut closed) = (place.rehearsal, None, None);
    journal::read(&place.journal(), &mut |record| match record.entry {
        Entry::Begun(begun) if opened.is_none() => rehearsal = begun.rehearsal,
        Entry::Opened(found) if found.turn == turn => opened = Some(found),
        Entry::Closed(found) if found.turn == turn => closed = Some(found),
        Entry::Begun(_)
        | Entry::Opened(_)
        | Entry::Closed(_)
        | Entry::Activated(_)
        | Entry::Declared(_)
        | Entry::Commanded(_)
        | Entry::Replied(_)
        | Entry::Claimed(_)
        | Entry::Ended(_)
        | Entry::Settled(_)
        | Entry::Stored(_)
        | Entry::StateChanged(_)
        | Entry::Chartered(_)
        | Entry::Checkpoint(_)
        | Entry::Uploaded(_)
        | Entry::Nominated(_)
        | Entry::Shadowed(_)
        | Entry::Fenced(_)
        | Entry::Differed(_) => {}
    })?;
    let Some(opened) = opened else {
        let pruned = pruned(place)?.filter(|pruned| turn <= pruned.turn);
        let why = pruned.map(|pruned| format!("; {}", pruned.sentence())).unwrap_or_default();
        let error = format!("the journal has no turn {turn}{why}");
        return Err(Failure::new(Exit::Failed, error, "quarterdeck get turns"));
    };
    let seen: Situation = encoding::decode_ours(&opened.situation).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("read the situation of turn {turn}"));
        Failure::of(Exit::Damaged, error, Some("read it with the version of quarterdeck that wrote it".to_owned()))
    })?;
    let text = match (situation, output) {
        (true, _) => print::pretty(&print::object("Situation", rehearsal, &seen)),
        (false, Output::Json) => print::pretty(&turn_json(rehearsal, &opened, closed.as_ref())),
        (false, Output::Table | Output::Wide) => turn_text(rehearsal, &opened, closed.as_ref(), &seen),
    };
    Ok(text)
}

/// The class of an answer, and what stands with it.
fn class(answer: &Answered) -> (&'static str, Option<String>) {
    match answer {
        Answered::Decided(_) => ("decided", None),
        Answered::GuestFailure { kind, detail } => ("guest failure", Some(format!("{kind}: {detail}"))),
        Answered::HostAbort { kind, detail } => ("host abort", Some(format!("{kind}: {detail}"))),
    }
}

fn turn_json(rehearsal: bool, opened: &Opened, closed: Option<&Closed>) -> Value {
    let (class, detail) = class(&opened.answer);
    let object = json!({
        "turn": opened.turn,
        "at": rfc3339(opened.at),
        "policy": opened.policy,
        "ledger": opened.ledger,
        "class": class,
        "detail": detail,
        "decision": opened.answer.decision(),
        "verdicts": opened.verdicts,
        "logs": opened.logs,
        "fuel": opened.fuel,
        "receipts": closed.map(|closed| &closed.receipts),
        "closed": closed.map(|closed| rfc3339(closed.at)),
    });
    print::object("Turn", rehearsal, &object)
}

fn turn_text(rehearsal: bool, opened: &Opened, closed: Option<&Closed>, seen: &Situation) -> String {
    let (class, detail) = class(&opened.answer);
    let decision = opened.answer.decision();
    let mut text = fields(&[
        ("Turn", opened.turn.to_string()),
        ("At", rfc3339(opened.at)),
        ("Rehearsal", rehearsal.to_string()),
        ("Policy", opened.policy.to_string()),
        ("Paused", paused(seen).unwrap_or_default()),
        ("Answer", class.to_owned()),
        ("Detail", detail.unwrap_or_default()),
        ("Fuel", opened.fuel.to_string()),
        ("Look again", decision.as_ref().and_then(|d| d.look_again).map(rfc3339).unwrap_or_default()),
        ("Closed", closed.map(|closed| rfc3339(closed.at)).unwrap_or_else(|| "never".to_owned())),
        ("Rationale", decision.map(|decision| decision.rationale).unwrap_or_default()),
    ]);
    text += &section("Situation", summary(seen));
    text += &section("Verdicts", opened.verdicts.iter().map(verdict));
    text += &section("Logs", opened.logs.iter().cloned());
    let receipts = closed.map(|closed| closed.receipts.as_slice()).unwrap_or_default();
    text += &section("Receipts", receipts.iter().map(|receipt| format!("{}: {}", receipt.key, receipt.did)));
    text
}

fn verdict(verdict: &Verdict) -> String {
    format!("{} {} ({}): {}", verdict.key, word(&verdict.ruling), verdict.rule, verdict.because)
}

fn summary(seen: &Situation) -> Vec<String> {
    let mission = |mission: &quarterdeck_core::situation::Mission| {
        format!("mission {} generation {}: {}", mission.id, mission.generation, mission.phase)
    };
    let finding = |finding: &quarterdeck_core::situation::Finding| {
        format!("finding {} {} {}: {}", finding.id, word(&finding.severity), finding.rule, finding.message)
    };
    let active = seen.workers.iter().filter(|worker| worker.phase.is_active());
    let worker =
        |worker: &quarterdeck_core::situation::Worker| format!("worker {}: {}", worker.id, word(&worker.phase));
    let mut lines: Vec<String> = seen.missions.iter().map(mission).collect();
    lines.extend(active.map(worker));
    lines.extend(seen.findings.iter().map(finding));
    lines.extend(seen.advice.iter().map(|advice| match &advice.reply {
        quarterdeck_core::situation::Reply::Pending => format!("question {}: no answer yet", advice.question),
        quarterdeck_core::situation::Reply::Assessed(said) => format!("question {}: {}", advice.question, said.text),
        quarterdeck_core::situation::Reply::Unanswered(why) => {
            format!("question {}: unanswered, {why}", advice.question)
        }
    }));
    lines
}

pub(super) fn list(place: &Place, last: usize, output: Output) -> Result<String, Failure> {
    let (mut rehearsal, mut lines) = (place.rehearsal, std::collections::VecDeque::new());
    let head = journal::read(&place.journal(), &mut |Record { seq, hash, entry, .. }| {
        if let Entry::Begun(begun) = &entry {
            rehearsal = begun.rehearsal;
        }
        lines.push_back((seq, hash, entry.at(), entry.kind(), about(&entry)));
        if lines.len() > last {
            lines.pop_front();
        }
    })?;
    tell_torn(&head, place.alive);
    let text = match output {
        Output::Json => {
            let item = |(seq, hash, at, kind, about)| {
                json!({
                    "rehearsal": rehearsal, "record": seq, "hash": hash, "at": rfc3339(at), "entry": kind, "about": about,
                })
            };
            let items: Vec<Value> = lines.into_iter().map(item).collect();
            print::pretty(&print::list("Entry", rehearsal, &items))
        }
        Output::Table | Output::Wide => {
            let wide = output == Output::Wide;
            let heads: &[&str] =
                if wide { &["record", "at", "entry", "about", "hash"] } else { &["record", "at", "entry", "about"] };
            let row = |(seq, hash, at, kind, about): (u64, quarterdeck_core::digest::Digest, _, &str, String)| {
                let mut row = vec![seq.to_string(), rfc3339(at), kind.to_owned(), about];
                row.extend(wide.then(|| hash.to_string()));
                row
            };
            if rehearsal {
                print::note("[rehearsal] nothing of this is real");
            }
            print::table(heads, lines.into_iter().map(row))
        }
    };
    Ok(text)
}

/// What an entry is about, in one line.
fn about(entry: &Entry) -> String {
    match entry {
        Entry::Begun(begun) => format!("quarterdeck {}, rehearsal: {}", begun.version, begun.rehearsal),
        Entry::Activated(activated) => {
            let (policy, how) = (named(&activated.description, activated.policy), &activated.how);
            let how = match how {
                How::Started => "the host was started with it".to_owned(),
                How::Wanted { who, approval: Some(id), .. } => format!("{who} wanted it, by {id}"),
                How::Wanted { who, approval: None, rule } => format!("{who} wanted it, by rule {rule}"),
                How::RolledBack { who, .. } => format!("{who} rolled back to it"),
                How::FellBack { from, .. } => format!("it fell back from {}", from.short(12)),
            };
            format!("{policy}: {how}")
        }
        Entry::Declared(declared) => format!("{} generation {}", declared.mission, declared.generation),
        Entry::Commanded(commanded) => format!("{}: {}", commanded.who, command(&commanded.command)),
        Entry::Opened(opened) => {
            format!("turn {}: {}, {} verdicts", opened.turn, class(&opened.answer).0, opened.verdicts.len())
        }
        Entry::Closed(closed) => format!("turn {}: {} receipts", closed.turn, closed.receipts.len()),
        Entry::Replied(reply) => format!("question {}", reply.question),
        Entry::Claimed(claimed) => format!("{} by {}", claimed.order, claimed.claimant),
        Entry::Ended(ended) => format!("{}: {}", ended.order, word(&ended.result.end)),
        Entry::Settled(settled) => {
            format!("{}: {}", settled.order, if settled.adopted { "adopted" } else { "abandoned" })
        }
        Entry::Stored(stored) => format!("{} serial {}", stored.mission, stored.state.serial),
        Entry::StateChanged(changed) => format!("{}: {} by {}", changed.mission, changed.what, changed.who),
        Entry::Chartered(chartered) => {
            let standing = match &chartered.standing {
                Standing::First => "in force, the first".to_owned(),
                Standing::Narrows => "in force, it narrows".to_owned(),
                Standing::Asked { id, needed, .. } => format!("{id} asks {needed}"),
            };
            format!("{}: charter {}, {standing}", chartered.who, chartered.charter.digest().short(12))
        }
        Entry::Checkpoint(checkpoint) => format!("record {} by {}", checkpoint.record, checkpoint.key),
        Entry::Uploaded(uploaded) => {
            format!("{}: {} from {}", uploaded.who, named(&uploaded.description, uploaded.policy), uploaded.source)
        }
        Entry::Nominated(nominated) => {
            let (who, policy) = (&nominated.who, named(&nominated.description, nominated.policy));
            let wish = match nominated.purpose {
                Purpose::Shadow => "is the shadow".to_owned(),
                Purpose::Activate { after: None } => "shall decide".to_owned(),
                Purpose::Activate { after: Some(turns) } => format!("shall decide after {turns} turns as the shadow"),
            };
            match &nominated.leave {
                Leave::Given { .. } => format!("{who}: {policy} {wish}"),
                Leave::Asked { id, needed, .. } => format!("{who}: {policy} {wish}, {id} asks {needed}"),
            }
        }
        Entry::Shadowed(shadowed) => format!(
            "turn {}: {}, {} differences, {} refused",
            shadowed.turn,
            class(&shadowed.answer).0,
            shadowed.differ.len(),
            shadowed.refused
        ),
        Entry::Fenced(fenced) => format!("{} {}: {}", fenced.name, fenced.policy.short(12), fenced.why),
        Entry::Differed(differed) => {
            format!("{} {}, turn {}: {}", differed.name, differed.policy.short(12), differed.turn, differed.what)
        }
    }
}

fn named(description: &Description, policy: Digest) -> String {
    format!("{} {} ({})", description.name, description.version, policy.short(12))
}

fn command(command: &quarterdeck_core::observation::Command) -> String {
    use quarterdeck_core::observation::Command;
    match command {
        Command::Approve { approval, .. } => format!("approve {approval}"),
        Command::Deny { approval, .. } => format!("deny {approval}"),
        Command::Destroy { mission } => format!("destroy {mission}"),
        Command::Restore { mission } => format!("restore {mission}"),
        Command::Cancel { order } => format!("cancel {order}"),
        Command::Pause { scope, cancel, comment: _ } => {
            format!("pause{}{}", scope.words(), if *cancel { " --cancel" } else { "" })
        }
        Command::Resume { scope } => format!("resume{}", scope.words()),
        Command::Release { mission, comment: _ } => format!("release {mission}"),
        Command::Unshadow => "policy shadow --stop".to_owned(),
        Command::Unfence { policy, comment: _ } => format!("policy unfence {}", policy.short(12)),
        Command::RemovePolicy { policy } => format!("policy remove {}", policy.short(12)),
    }
}
