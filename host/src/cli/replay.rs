//! `replay`: whether every recorded answer and ruling is the same when it is asked for again, and what another policy or
//! charter would have said in their place.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use quarterdeck_core::charter::Rules;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::Entry;
use serde_json::json;

use super::args::ReplayArgs;
use super::exit::{Exit, Failure};
use super::place::Place;
use super::print::{self, Output, fields, section, table, word};
use super::prune::{Pruned, pruned};
use crate::config;
use crate::decide::Policy;
use crate::remember::journal;
use crate::replay::{Asked, Decided, Difference, Report, Tally, Treatment};

/// So many differences are listed for people; `-o wide` and `-o json` have all that are kept.
const LISTED_MAX: usize = 50;
/// What an open loop is, said with each of its reports.
const OPEN_LOOP: &str = "Each turn was asked about by itself, as it stood: this compares single decisions and predicts no course of events.";

pub(super) fn replay(place: &Place, args: &ReplayArgs) -> Result<(Exit, String), Failure> {
    let (from, to) = (args.from, args.to.unwrap_or(u32::MAX));
    if from > to {
        let error = format!("there is no turn from {from} to {to}");
        return Err(Failure::new(Exit::Usage, error, "quarterdeck replay --help"));
    }
    let rules = args.charter.as_deref().map(config::rules).transpose()?;
    let policies = at_hand(place, args.policy.as_deref(), rules.as_ref())?;
    let policies: Vec<&Policy> = policies.iter().map(|policy| &**policy).collect();
    let candidate = policies.first().copied().filter(|_| args.policy.is_some());
    let asked = Asked { policies: &policies, candidate, rules: rules.as_ref(), from, to };
    let progress = progress();
    let replayed = crate::replay::replay(&place.journal(), asked, &mut |turn| progress.set_message(turn.to_string()));
    progress.finish_and_clear();
    let (report, rehearsal) = replayed?;
    let pruned = pruned(place)?;
    if report.range.is_none() {
        let why = pruned.map(|pruned| format!("; {}", pruned.sentence())).unwrap_or_default();
        let error = format!("the journal has no such turn to replay{why}");
        return Err(Failure::new(Exit::Unreachable, error, "quarterdeck get turns"));
    }
    let text = match args.output {
        Output::Json => json_of(place, asked, &report, rehearsal, pruned.as_ref()),
        Output::Table => told(place, asked, &report, rehearsal, pruned.as_ref(), LISTED_MAX),
        Output::Wide => told(place, asked, &report, rehearsal, pruned.as_ref(), usize::MAX),
    };
    Ok((exit(&report.turns), text))
}

/// What differs comes first; then what could not be said.
fn exit(turns: &Tally) -> Exit {
    match turns {
        Tally { different: 1.., .. } => Exit::Failed,
        Tally { not_replayed: 1.., .. } | Tally { given_up: 1.., .. } => Exit::Unreachable,
        Tally { .. } => Exit::Done,
    }
}

/// The policy of the file, or else every one that decided here and is on the shelf; none where only a charter is tried,
/// since the recorded decisions stand.
fn at_hand(place: &Place, file: Option<&Path>, rules: Option<&Rules>) -> Result<Vec<Arc<Policy>>, Failure> {
    match (file, rules) {
        (Some(file), _) => super::policy::of_file(file).map(|policy| vec![policy]),
        (None, Some(_)) => Ok(Vec::new()),
        (None, None) => {
            let catalog = super::policy::catalog(place)?;
            let mut policies = vec![catalog.fallback().clone()];
            for digest in decided(place)? {
                match catalog.load(digest) {
                    Ok(policy) if digest != catalog.fallback().digest() => policies.push(policy),
                    // What is not at hand is told with the turns that it decided.
                    Ok(_) | Err(_) => {}
                }
            }
            Ok(policies)
        }
    }
}

/// The policies that decided in this journal.
fn decided(place: &Place) -> Result<BTreeSet<Digest>, Failure> {
    let mut decided = BTreeSet::new();
    journal::read(&place.journal(), &mut |record| {
        if let Entry::Opened(opened) = &record.entry {
            decided.insert(opened.policy);
        }
    })?;
    Ok(decided)
}

/// On a terminal, which turn is at hand; drawn on stderr, and nowhere else.
fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} turn {msg} {elapsed}").expect("a constant template");
    let bar = ProgressBar::no_length().with_style(style);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Whether another policy or other rules were asked anywhere.
fn is_open(asked: Asked<'_>, report: &Report) -> bool {
    let tried = |decided: &Decided| decided.treatment == Treatment::Candidate;
    asked.rules.is_some() || report.policies.values().any(tried)
}

fn json_of(place: &Place, asked: Asked<'_>, report: &Report, rehearsal: bool, pruned: Option<&Pruned>) -> String {
    let open = is_open(asked, report);
    let mut object = print::object("Replay", rehearsal, report);
    object["journal"] = json!(place.journal());
    object["openLoop"] = json!(open);
    object["prunedUpToTurn"] = json!(pruned.map(|pruned| pruned.turn));
    object["candidate"] = json!({
        "policy": asked.candidate.map(Policy::digest),
        "rules": asked.rules.map(|rules| Digest::of(rules.text().as_bytes())),
    });
    if open {
        object["note"] = json!(OPEN_LOOP);
    }
    print::pretty(&object)
}

fn told(
    place: &Place,
    asked: Asked<'_>,
    report: &Report,
    rehearsal: bool,
    pruned: Option<&Pruned>,
    listed: usize,
) -> String {
    let open = is_open(asked, report);
    let (first, last) = report.range.unwrap_or_default();
    let mut text = fields(&[
        ("Journal", place.journal().display().to_string()),
        ("Rehearsal", rehearsal.to_string()),
        ("Turns", format!("{} ({first} to {last}): {}", report.turns.all, tally(&report.turns))),
        ("Pruned", pruned.map(Pruned::sentence).unwrap_or_default()),
        ("Rulings", format!("{} made again", report.rulings)),
        ("Fuel", fuel(report)),
        ("First difference", report.first_difference.map(|turn| format!("turn {turn}")).unwrap_or_default()),
    ]);
    text += &section("Policies", report.policies.iter().map(|(digest, decided)| policy(digest, decided)));
    if let Some(candidate) = asked.candidate.filter(|_| open) {
        let said = candidate.description();
        text += &section("Candidate", [format!("{} {}, {}", said.name, said.version, candidate.digest())]);
    }
    let row = |difference: &Difference| {
        let Difference { turn, what, key, recorded, replayed } = difference;
        vec![turn.to_string(), word(what), key.clone().unwrap_or_default(), recorded.clone(), replayed.clone()]
    };
    let heads = ["turn", "differs", "key", "recorded", if open { "candidate" } else { "replayed" }];
    if !report.differences.is_empty() {
        text += "\n";
        text += &table(&heads, report.differences.iter().take(listed).map(row));
        let all: u64 = report.counts.values().sum();
        let counts = report.counts.iter().map(|(what, count)| format!("{count} {}", word(what)));
        let shown = report.differences.len().min(listed);
        text +=
            &format!("{all} differences ({}), the first {shown} are listed\n", counts.collect::<Vec<_>>().join(", "));
    }
    if open {
        text += &format!("{OPEN_LOOP}\n");
    }
    text
}

fn tally(turns: &Tally) -> String {
    let Tally { all: _, different, aborted, not_replayed, given_up, same } = turns;
    let mut parts = vec![format!("{same} the same"), format!("{different} different")];
    let more = [
        (aborted, "in which the host had given up, not compared"),
        (not_replayed, "not replayed, since their policy is not at hand"),
        (given_up, "not replayed, since the host gave up now"),
    ];
    parts.extend(more.iter().filter(|(count, _)| **count > 0).map(|(count, what)| format!("{count} {what}")));
    parts.join(", ")
}

fn fuel(report: &Report) -> String {
    let compared = format!("compared in {} turns", report.fuel_compared);
    match (report.fuel_compared, report.fuel_not_compared) {
        (0, 0) => return String::new(),
        (_, 0) => return compared,
        (_, _) => {}
    }
    let others = report
        .sandboxes
        .iter()
        .map(|other| format!("{} on {} with the limits {}", other.engine, other.target, other.limits.short(12)));
    let others: Vec<String> = others.collect();
    format!("{compared}, not in {}, which were decided by {}", report.fuel_not_compared, others.join(" and "))
}

fn policy(digest: &Digest, decided: &Decided) -> String {
    let Decided { name, turns, treatment } = decided;
    let done = match treatment {
        Treatment::Again => "asked again, on exactly what it was shown",
        Treatment::Candidate => "the candidate was asked in its place",
        Treatment::Stands => "its answers stand, the charter was asked",
        Treatment::NotAtHand => "not replayed: its bytes are not at hand, name its file with --policy",
    };
    format!("{name}, {digest}, {turns} turns: {done}")
}
