//! `policy diff A B`: what two policies say of themselves, and what each would have decided in the journal's last turns.

use std::path::Path;
use std::sync::Arc;

use quarterdeck_core::decision::Description;
use quarterdeck_core::ledger::Widening;
use serde_json::json;

use super::super::args::DiffArgs;
use super::super::exit::{Exit, Failure};
use super::super::place::Place;
use super::super::print::{self, Output, section, table};
use super::shelf;
use crate::decide::Policy;
use crate::replay::{Beside, beside};

/// So many differences are shown; all are counted.
const SHOWN_MAX: usize = 40;

pub(super) async fn diff(place: &Place, args: &DiffArgs) -> Result<(Exit, String), Failure> {
    let DiffArgs { a, b, turns, output } = args;
    let view = place.view().await?;
    let catalog = super::catalog(place)?;
    let named = |named: &str| -> Result<Arc<Policy>, Failure> {
        if Path::new(named).is_file() {
            let file = Path::new(named);
            return super::load(catalog.sandbox(), file, &super::bytes(file)?).map(Arc::new);
        }
        let digest = shelf::find(&view.policies, &view, named)?.policy;
        let load =
            |error| Failure::of(Exit::Failed, error, Some("quarterdeck policy push FILE brings it back".to_owned()));
        catalog.load(digest).map_err(load)
    };
    let (first, second) = (named(a)?, named(b)?);
    let from = view.turn.saturating_sub(*turns).saturating_add(1);
    let found = beside(&place.journal(), &first, &second, from)?;
    let said = said(first.description(), second.description());
    let exit = if said.is_empty() && found.differ == 0 { Exit::Done } else { Exit::Failed };
    if *output == Output::Json {
        let described = |policy: &Policy| json!({ "digest": policy.digest(), "description": policy.description() });
        let object = json!({
            "a": described(&first), "b": described(&second), "turns": found.turns, "differ": found.differ,
            "failed": [found.failed.0, found.failed.1], "differences": found.lines,
        });
        return Ok((exit, print::pretty(&print::object("PolicyDiff", view.rehearsal, &object))));
    }
    let row = |(what, before, after): &(String, String, String)| vec![what.clone(), before.clone(), after.clone()];
    let name = |policy: &Policy| {
        format!("{} {} ({})", policy.description().name, policy.description().version, policy.digest().short(12))
    };
    let mut text = table(&["what", &name(&first), &name(&second)], said.iter().map(row));
    text += &section("Differences", found.lines.iter().take(SHOWN_MAX).cloned());
    let Beside { turns, differ, failed, .. } = &found;
    text += &format!(
        "{turns} recorded turns: in {differ} they differ; the first failed in {}, the second in {}\n",
        failed.0, failed.1
    );
    text += "Each turn is compared by itself, and each has a memo of its own; what would have come of it is not predicted.\n";
    Ok((exit, text))
}

/// What the two say of themselves differently.
fn said(first: &Description, second: &Description) -> Vec<(String, String, String)> {
    let Widening { gained, lost } = Widening::between(Some(first), second);
    let settings = |of: &Description| {
        of.settings.iter().map(|s| format!("{}={}", s.key, s.default_value)).collect::<Vec<_>>().join(", ")
    };
    let reads = |of: &Description| of.reads_memos.join(", ");
    [
        ("name", first.name.clone(), second.name.clone()),
        ("version", first.version.clone(), second.version.clone()),
        ("summary", first.summary.clone(), second.summary.clone()),
        ("may return, and the other may not", lost.join(", "), gained.join(", ")),
        ("settings", settings(first), settings(second)),
        ("memo format", first.memo_format.clone(), second.memo_format.clone()),
        ("reads memos", reads(first), reads(second)),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(what, before, after)| (what.to_owned(), before, after))
    .collect()
}
