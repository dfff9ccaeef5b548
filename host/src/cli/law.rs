//! `charter status` and `charter apply`: which charter is in force, which waits, and wanting another one.

use quarterdeck_core::charter::{Difference, Kind, Rules};
use quarterdeck_core::situation::ApprovalState;
use quarterdeck_core::text::escape;

use super::args::AmendArgs;
use super::exit::{Exit, Failure};
use super::place::Place;
use super::print::{self, Output, escape_lines, fields, note, section, word};
use super::say::mark;
use crate::api::local::{Amended, Amending};
use crate::config::{self, Given};
use crate::view::{CandidateView, View, age, rfc3339};

/// Wants another charter of the running host.
pub(super) async fn apply(place: &Place, args: AmendArgs) -> Result<Exit, Failure> {
    if args.charter.is_none() && args.config.is_none() {
        let next = "name a charter, or numbers with --config: quarterdeck charter apply --help";
        return Err(Failure::new(Exit::Usage, "there is nothing to apply", next));
    }
    let given = Given { charter: args.charter, config: args.config, ..Given::default() };
    // Read here, so that what is wrong is told with line and column of the file that was named.
    let amendment = config::amendment(&given)?;
    let wanted =
        Amending { rules: amendment.rules.as_ref().map(|rules| rules.text().to_owned()), settings: amendment.settings };
    let host = place.host()?;
    let lead = mark(place.rehearsal);
    match host.amend(&wanted).await? {
        Amended::Unchanged => note(&format!("{lead}nothing changes: it is in force, or waits already")),
        Amended::InForce => note(&format!("{lead}it is in force from now on: it permits nothing more than before")),
        Amended::Asked { id, needed, rule } => {
            let view = host.view().await?;
            if let Some(waiting) = view.charter.candidate.as_ref().filter(|waiting| waiting.id == id) {
                note(candidate(&view, waiting).trim_end());
            }
            let people = if needed == 1 { "a person has".to_owned() } else { format!("{needed} people have") };
            note(&format!(
                "{lead}it may permit more, so {people} to say yes (rule {rule}); until then nothing changes"
            ));
            note(&format!("next: quarterdeck approve {id}"));
        }
    }
    Ok(Exit::Done)
}

/// Which charter is in force, and which waits.
pub(super) async fn status(place: &Place, output: Output) -> Result<String, Failure> {
    let view = place.view().await?;
    if output == Output::Json {
        return Ok(print::pretty(&print::object("CharterStatus", view.rehearsal, &view.charter)));
    }
    let charter = &view.charter;
    let since = charter.since.map(|since| format!("{} ({} ago)", rfc3339(since), age(view.at, since)));
    let mut text = fields(&[
        ("In force", format!("{}, {} rules", charter.name, charter.rules)),
        ("Digest", charter.digest.to_string()),
        ("Rehearsal", view.rehearsal.to_string()),
        ("Since", since.unwrap_or_default()),
        ("Wanted by", charter.who.clone().unwrap_or_default()),
        ("Approved by", charter.approved_by.join(", ")),
    ]);
    if let Some(waiting) = &charter.candidate {
        text += &format!("\n{}", candidate(&view, waiting));
    }
    Ok(text)
}

/// Everything about a charter that waits, as people read it before they answer.
pub(super) fn candidate(view: &View, waiting: &CandidateView) -> String {
    let mut text = fields(&[
        ("Candidate", waiting.id.to_string()),
        ("Digest", waiting.digest.to_string()),
        ("Rehearsal", view.rehearsal.to_string()),
        ("State", word(&waiting.state)),
        ("Wanted by", format!("{}, {} ago", waiting.who, age(view.at, waiting.requested))),
        ("Expires", rfc3339(waiting.expires)),
        ("Needs", format!("{} of {} said yes (rule {})", waiting.given, waiting.needed, waiting.rule)),
        ("Answers", waiting.answers.join("; ")),
    ]);
    let differences = || waiting.change.settings.iter().chain(&waiting.change.rules);
    text += &section("May permit more", differences().filter(|one| one.widens.is_some()).flat_map(told));
    text += &section("By itself permits no more", differences().filter(|one| one.widens.is_none()).flat_map(told));
    text + "What it would have said to what was proposed so far: quarterdeck charter diff candidate\n"
}

/// One rule or number, with its text before and after.
fn told(difference: &Difference) -> Vec<String> {
    let kind = match difference.kind {
        Kind::Added => "new",
        Kind::Removed => "gone",
        Kind::Changed => "changed",
    };
    let why = difference.widens.as_ref().map_or(String::new(), |why| format!(": {why}"));
    let mut lines = vec![escape(&format!("{} ({kind}){why}", difference.name))];
    let mut side = |sign: &str, text: &Option<String>| {
        let text = text.iter().flat_map(|text| escape_lines(text).lines().map(str::to_owned).collect::<Vec<_>>());
        lines.extend(text.map(|line| format!("  {sign} {line}")));
    };
    side("-", &difference.before);
    side("+", &difference.after);
    lines
}

/// A line for those who list approvals, where a charter waits for them.
pub(super) fn waits(view: &View) -> Option<String> {
    let waiting = view.charter.candidate.as_ref().filter(|waiting| waiting.state == ApprovalState::Pending)?;
    Some(format!(
        "{}another charter waits: {} of {} said yes; quarterdeck describe approval {}",
        mark(view.rehearsal),
        waiting.given,
        waiting.needed,
        waiting.id
    ))
}

/// The rules of a charter by name: of the one in force, of the one that waits, of a profile, or of a file.
pub(super) fn rules(place: Result<impl std::borrow::Borrow<Place>, Failure>, named: &str) -> Result<Rules, Failure> {
    match named {
        "in-force" => Ok(place?.borrow().story(0)?.ledger.charter_in_force().rules.clone()),
        "candidate" => match place?.borrow().story(0)?.ledger.law.candidate {
            Some(waiting) => Ok(waiting.charter.rules.clone()),
            None => Err(Failure::new(Exit::Failed, "no charter waits for people", "quarterdeck charter status")),
        },
        other => Ok(config::rules(other)?),
    }
}
