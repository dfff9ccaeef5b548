//! `policy list`, `show`, `history`, `remove` and `unfence`: what is on the shelf, what decided, and who may not.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::observation::Command;
use quarterdeck_core::situation::Fact;

use super::super::exit::{Exit, Failure};
use super::super::place::Place;
use super::super::print::{self, Output, fields, note, section, table, word};
use super::super::say::mark;
use super::check;
use crate::decide::Catalog;
use crate::view::{PoliciesView, ShelvedView, TenureView, View, age, rfc3339};

pub(super) async fn list(place: &Place, output: Output) -> Result<String, Failure> {
    let view = place.view().await?;
    let shelf = &view.policies.shelf;
    if output == Output::Json {
        return Ok(print::pretty(&print::list("Policy", view.rehearsal, shelf)));
    }
    let wide = output == Output::Wide;
    let mut heads = vec!["name", "version", "digest", "state", "profile", "signed-by", "uploaded", "by"];
    heads.extend(wide.then_some("source"));
    let row = |policy: &ShelvedView| {
        let uploaded = policy.uploaded.map_or("-".to_owned(), |at| format!("{} ago", age(view.at, at)));
        let digest = if wide { policy.policy.hex() } else { policy.policy.short(12) };
        let mut row = vec![
            policy.name.clone(),
            policy.version.clone(),
            digest,
            dash(&policy.state),
            policy.profile.as_ref().map_or("built in".to_owned(), word),
            dash(&policy.signers.join(", ")),
            uploaded,
            policy.who.clone().unwrap_or_else(|| "-".to_owned()),
        ];
        row.extend(wide.then(|| policy.source.clone()));
        row
    };
    Ok(table(&heads, shelf.iter().map(row)))
}

fn dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// The report that is kept with a component, and where it stands.
pub(super) async fn show(place: &Place, named: &str, output: Output) -> Result<String, Failure> {
    let view = place.view().await?;
    let found = find(&view.policies, &view, named)?;
    let report = Catalog::report_in(&place.folder.join("policies"), found.policy).map_err(|error| {
        Failure::of(Exit::Failed, error, Some("quarterdeck policy push FILE writes it anew".to_owned()))
    })?;
    if output == Output::Json {
        let mut object = print::object("Policy", view.rehearsal, found);
        object["report"] = serde_json::json!(report);
        return Ok(print::pretty(&object));
    }
    let mut text = fields(&[
        ("Name", format!("{} {}", found.name, found.version)),
        ("Digest", found.policy.to_string()),
        ("Rehearsal", view.rehearsal.to_string()),
        ("State", dash(&found.state)),
        ("Source", found.source.clone()),
        ("Uploaded by", found.who.clone().unwrap_or_default()),
        (
            "Uploaded",
            found.uploaded.map(|at| format!("{} ({} ago)", rfc3339(at), age(view.at, at))).unwrap_or_default(),
        ),
        ("Signed by", found.signers.join(", ")),
        ("Fenced", found.fenced.clone().unwrap_or_default()),
        ("Differs", found.differs.clone().unwrap_or_default()),
    ]);
    match report {
        Some(report) => text += &format!("\n{}", check::told_report(&report)),
        None => text += "\nIt is built into this program, so there is no report of an upload.\n",
    }
    Ok(text)
}

/// The policy that a person means: by digest or its first digits, by name, `name@version`, or `active`.
pub(super) fn find<'a>(policies: &'a PoliciesView, view: &View, named: &str) -> Result<&'a ShelvedView, Failure> {
    let digits = named.strip_prefix("sha256:").unwrap_or(named);
    let is = |policy: &&ShelvedView| {
        let name = policy.name == named || format!("{}@{}", policy.name, policy.version) == named;
        let digest = digits.len() >= 6 && policy.policy.hex().starts_with(digits);
        name || digest || named == "active" && policy.state == "active"
    };
    let found: Vec<&ShelvedView> = policies.shelf.iter().filter(is).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let lead = mark(view.rehearsal);
            Err(Failure::new(Exit::Failed, format!("{lead}there is no policy {named:?}"), "quarterdeck policy list"))
        }
        several => {
            let digests: Vec<String> = several.iter().map(|policy| policy.policy.short(12)).collect();
            let error = format!("{named:?} fits several policies: {}", digests.join(", "));
            Err(Failure::new(Exit::Usage, error, "name one by its digest"))
        }
    }
}

pub(super) async fn history(place: &Place, output: Output) -> Result<String, Failure> {
    let view = place.view().await?;
    let history = &view.policies.history;
    if output == Output::Json {
        return Ok(print::pretty(&print::list("PolicyTenure", view.rehearsal, history)));
    }
    let row = |tenure: &TenureView| {
        let TenureView { policy, name, since, turn, how, memo, settings: _, undone } = tenure;
        let state = if *undone { "taken back" } else { "-" };
        let since = format!("{} ago", age(view.at, *since));
        vec![turn.to_string(), since, name.clone(), policy.short(12), state.to_owned(), how.clone(), memo.clone()]
    };
    let text = table(&["from-turn", "since", "policy", "digest", "state", "how", "memo"], history.iter().map(row));
    let settings = |fact: &Fact| format!("{}={}", fact.key, fact.value);
    let now =
        history.first().map(|tenure| tenure.settings.iter().map(settings).collect::<Vec<_>>()).unwrap_or_default();
    Ok(text + &section("Settings now", now))
}

pub(super) async fn remove(place: &Place, named: &str) -> Result<Exit, Failure> {
    let (digest, name) = named_digest(place, named).await?;
    place.host()?.send(&Command::RemovePolicy { policy: digest }).await?;
    note(&format!("{}{name} is off the shelf; what it decided stands in the journal", mark(place.rehearsal)));
    Ok(Exit::Done)
}

pub(super) async fn unfence(place: &Place, named: &str, comment: Option<String>) -> Result<Exit, Failure> {
    let (digest, name) = named_digest(place, named).await?;
    place.host()?.send(&Command::Unfence { policy: digest, comment }).await?;
    let lead = mark(place.rehearsal);
    note(&format!("{lead}{name} may be activated again: quarterdeck policy activate {}", digest.short(12)));
    Ok(Exit::Done)
}

async fn named_digest(place: &Place, named: &str) -> Result<(Digest, String), Failure> {
    let view = place.host()?.view().await?;
    let found = find(&view.policies, &view, named)?;
    Ok((found.policy, format!("{} {} ({})", found.name, found.version, found.policy.short(12))))
}
