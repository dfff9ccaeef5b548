//! `policy activate`, `shadow` and `rollback`: another policy decides, decides beside, or the one before decides again.

use quarterdeck_core::entry::{Leave, Purpose};
use quarterdeck_core::observation::Command;
use quarterdeck_core::situation::{ApprovalState, Fact};

use super::super::args::{ActivateArgs, ShadowArgs};
use super::super::exit::{Exit, Failure};
use super::super::place::Place;
use super::super::print::{self, Output, fields, note, section, word};
use super::super::say::mark;
use crate::api::local::{Activating, RolledBack, RollingBack, Wanted};
use crate::view::{NomineeView, ShadowView, View, age, memo_told, rfc3339};

pub(super) async fn activate(place: &Place, args: &ActivateArgs) -> Result<Exit, Failure> {
    let ActivateArgs { policy, set, after } = args;
    let purpose = Purpose::Activate { after: *after };
    let wanted = Activating { policy: policy.clone(), settings: settings(set), purpose };
    let said = place.host()?.activate(&wanted).await?;
    let lead = mark(place.rehearsal);
    let Wanted { policy, name, leave, gained, memo, .. } = said;
    let name = format!("{name} ({})", policy.short(12));
    if !gained.is_empty() {
        note(&format!("{lead}it may return what the policy that decides now may not: {}", gained.join(", ")));
    }
    let then = match after {
        None => "decides from the next turn on".to_owned(),
        Some(turns) => format!("decides after {turns} turns as the shadow with no failure and no refusal"),
    };
    match leave {
        Leave::Given { rule } => note(&format!("{lead}{name} {then} (rule {rule})")),
        Leave::Asked { id, rule, needed, .. } => {
            let people = if needed == 1 { "a person has".to_owned() } else { format!("{needed} people have") };
            note(&format!("{lead}{people} to say yes (rule {rule}); then {name} {then}"));
            note(&format!("next: quarterdeck describe approval {id}; quarterdeck approve {id}"));
        }
    }
    note(&format!("{lead}memo: {}", memo_told(&memo)));
    Ok(Exit::Done)
}

fn settings(set: &[(String, String)]) -> Vec<Fact> {
    set.iter().map(|(key, value)| Fact::new(key, value)).collect()
}

pub(super) async fn shadow(place: &Place, args: &ShadowArgs) -> Result<(Exit, String), Failure> {
    let lead = mark(place.rehearsal);
    if args.stop {
        place.host()?.send(&Command::Unshadow).await?;
        note(&format!("{lead}no policy is the shadow any more"));
        return Ok((Exit::Done, String::new()));
    }
    let Some(policy) = &args.policy else { return status(place, args.output).await };
    let wanted = Activating { policy: policy.clone(), settings: settings(&args.set), purpose: Purpose::Shadow };
    let Wanted { policy, name, .. } = place.host()?.activate(&wanted).await?;
    note(&format!("{lead}{name} ({}) is asked after each turn, and nothing follows from it", policy.short(12)));
    note("next: quarterdeck policy shadow");
    Ok((Exit::Done, String::new()))
}

/// What the shadow would have done so far.
async fn status(place: &Place, output: Output) -> Result<(Exit, String), Failure> {
    let view = place.view().await?;
    let Some(shadow) = &view.policies.shadow else {
        let next = "quarterdeck policy shadow POLICY";
        return Err(Failure::new(Exit::Failed, "no policy is the shadow", next));
    };
    let text = match output {
        Output::Json => print::pretty(&print::object("PolicyShadow", view.rehearsal, shadow)),
        Output::Table | Output::Wide => told(&view, shadow),
    };
    Ok((Exit::Done, text))
}

fn told(view: &View, shadow: &ShadowView) -> String {
    let failure = shadow.last_failure.as_ref().map(|(turn, how)| format!("turn {turn}: {how}"));
    let mut text = fields(&[
        ("Shadow", format!("{} ({})", shadow.name, shadow.policy.short(12))),
        ("Rehearsal", view.rehearsal.to_string()),
        ("Since", format!("{} ({} ago)", rfc3339(shadow.since), age(view.at, shadow.since))),
        ("Turns", shadow.turns.to_string()),
        ("Differ", shadow.differ.to_string()),
        ("Failed", shadow.failed.to_string()),
        ("Host gave up", shadow.aborted.to_string()),
        ("Refused", format!("{} proposals", shadow.refused)),
        ("Clean", format!("{} turns since it last failed or was refused anything", shadow.clean)),
        ("Fuel", format!("{} a turn, {} at most", shadow.fuel_mean, shadow.fuel_max)),
        ("Time", format!("{} us a turn", shadow.micros_mean)),
        ("Last failure", failure.unwrap_or_default()),
    ]);
    text += &section("Last differences", shadow.differences.iter().map(|(turn, what)| format!("turn {turn}: {what}")));
    text + "Each turn is compared by itself; what would have come of it is not predicted.\n"
}

pub(super) async fn roll_back(place: &Place, comment: Option<String>) -> Result<Exit, Failure> {
    let RolledBack { policy, name, memo } = place.host()?.roll_back(&RollingBack { comment }).await?;
    let lead = mark(place.rehearsal);
    note(&format!("{lead}{name} ({}) decides from the next turn on", policy.short(12)));
    note(&format!("{lead}memo: {}", memo_told(&memo)));
    Ok(Exit::Done)
}

/// Everything about a policy that waits, as people read it before they answer.
pub(in crate::cli) fn nominee(view: &View, waits: &NomineeView) -> String {
    let after = waits.after.map(|after| format!("{} of {after} turns as the shadow, clean", waits.clean));
    let mut text = fields(&[
        ("Policy", format!("{} ({})", waits.name, waits.policy)),
        ("Approval", waits.id.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("Rehearsal", view.rehearsal.to_string()),
        ("State", word(&waits.state)),
        ("Wanted by", format!("{}, {} ago", waits.who, age(view.at, waits.requested))),
        ("Expires", waits.expires.map(rfc3339).unwrap_or_default()),
        ("Needs", format!("{} of {} said yes (rule {})", waits.given, waits.needed, waits.rule)),
        ("Answers", waits.answers.join("; ")),
        ("Signed by", waits.signers.join(", ")),
        ("Waits for", after.unwrap_or_default()),
    ]);
    text += &section("May return more", waits.gained.clone());
    text += &section("May return no more", waits.lost.clone());
    text += &section("Settings", waits.settings.iter().map(|fact| format!("{}={}", fact.key, fact.value)));
    let digest = waits.policy.short(12);
    text + &format!(
        "What it was checked for: quarterdeck policy show {digest}; against the journal: quarterdeck policy diff active {digest}\n"
    )
}

/// A line for those who list approvals, where a policy waits for them.
pub(in crate::cli) fn waits(view: &View) -> Option<String> {
    let waits = view.policies.nominee.as_ref().filter(|waits| waits.state == ApprovalState::Pending)?;
    Some(format!(
        "{}policy {} waits to decide: {} of {} said yes; quarterdeck describe approval {}",
        mark(view.rehearsal),
        waits.name,
        waits.given,
        waits.needed,
        waits.id.as_ref()?
    ))
}
