//! The plan as lines for a person who approves it.
//!
//! What cannot be undone comes first, everything is escaped, sensitive values are marks, and what is left out is counted by
//! what is done to it.

use std::collections::BTreeMap;

use super::change::ResourceChange;
use super::{Action, Counts, Danger, PlanFacts};

/// At most this many resources are shown with their attributes; a screen or two.
pub(super) const RESOURCES_SHOWN_MAX: usize = 40;

/// Beyond those, what is taken away is shown by its name alone, up to this many: nobody should approve a removal that they
/// could not read.
pub(super) const REMOVALS_SHOWN_MAX: usize = 200;

/// At most this many dangers and drifts are shown each.
pub(super) const NOTES_SHOWN_MAX: usize = 20;

/// The lines of a plan.
pub(super) fn lines(plan: &PlanFacts) -> Vec<String> {
    let mut out = vec![summary(&plan.counts)];
    if plan.by_type.len() > 1 {
        bounded(&mut out, &plan.by_type, NOTES_SHOWN_MAX, "types", |of| {
            vec![format!("  {}: {}", of.kind, said(&of.counts))]
        });
    }
    if plan.errored {
        out.push("Planning failed halfway: this plan is not whole.".into());
    } else if !plan.complete {
        out.push("This plan covers only a part of what is wanted.".into());
    }
    let danger = |danger: &Danger| {
        let mark = if danger.makes_root { "!!" } else { " i" };
        format!("{mark} {}: {} ({})", danger.address, danger.kind.name(), danger.detail)
    };
    bounded(&mut out, &plan.dangers, NOTES_SHOWN_MAX, "dangers", |entry| vec![danger(entry)]);
    bounded(&mut out, &plan.drift, NOTES_SHOWN_MAX, "drifted resources", |drift| {
        let what = if drift.action == Action::Destroy { "is gone" } else { "was changed" };
        vec![format!(" ~ {} {what} outside of Terraform", drift.address)]
    });
    resources(&mut out, &plan.changes);
    bounded(&mut out, &plan.outputs_changed, NOTES_SHOWN_MAX, "outputs", |name| vec![format!("output {name} changes")]);
    out
}

fn summary(counts: &Counts) -> String {
    let said = said(counts);
    if said.is_empty() { "No resource changes.".into() } else { format!("Plan: {said}.") }
}

fn said(counts: &Counts) -> String {
    let parts = [
        (counts.destroys, wanted(Action::Destroy)),
        (counts.replaces, wanted(Action::Replace)),
        (counts.forgets, wanted(Action::Forget)),
        (counts.imports, "to take over"),
        (counts.adds, wanted(Action::Create)),
        (counts.changes, wanted(Action::Update)),
        (counts.moves, wanted(Action::Move)),
        (counts.reads, wanted(Action::Read)),
    ];
    let said: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    said.join(", ")
}

fn wanted(action: Action) -> &'static str {
    match action {
        Action::Destroy => "to destroy",
        Action::Replace => "to replace",
        Action::Forget => "to forget",
        Action::Update => "to change",
        Action::Create => "to add",
        Action::Read => "to read",
        Action::Move => "to move",
        Action::NoOp => "to take over unchanged",
    }
}

/// The first ones whole, then what is taken away by name, then how many more there are of each.
fn resources(out: &mut Vec<String>, changes: &[ResourceChange]) {
    let (whole, more) = changes.split_at(changes.len().min(RESOURCES_SHOWN_MAX));
    out.extend(whole.iter().flat_map(resource));
    let removals = more.iter().take_while(|change| change.action.removes()).take(REMOVALS_SHOWN_MAX).count();
    let (named, folded) = more.split_at(removals);
    out.extend(named.iter().map(head));
    if !folded.is_empty() {
        let mut counts = BTreeMap::<Action, usize>::new();
        folded.iter().for_each(|change| *counts.entry(change.action).or_default() += 1);
        let each: Vec<String> = counts.iter().map(|(action, count)| format!("{count} {}", wanted(*action))).collect();
        out.push(format!("… and {} more resources: {}", folded.len(), each.join(", ")));
    }
}

fn bounded<T>(out: &mut Vec<String>, all: &[T], most: usize, what: &str, lines: impl Fn(&T) -> Vec<String>) {
    out.extend(all.iter().take(most).flat_map(lines));
    if all.len() > most {
        out.push(format!("… and {} more {what}", all.len() - most));
    }
}

/// The mark of an action, and what becomes of the resource.
fn words(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Destroy => ("-", "is destroyed"),
        Action::Replace => ("-/+", "is destroyed and made anew"),
        Action::Forget => (".", "is left on the engine and forgotten"),
        Action::Update => ("~", "is changed"),
        Action::Create => ("+", "is made"),
        Action::Read => ("<", "is read"),
        Action::Move => (">", "moves"),
        Action::NoOp => ("=", "is taken over unchanged"),
    }
}

fn head(change: &ResourceChange) -> String {
    let (mark, verb) = words(change.action);
    let name = if change.name.is_empty() { String::new() } else { format!(" \"{}\"", change.name) };
    let from =
        if change.previous_address.is_empty() { String::new() } else { format!(", was {}", change.previous_address) };
    format!("{mark} {}{name} {verb}{from}", change.address)
}

fn resource(change: &ResourceChange) -> Vec<String> {
    let mut out = vec![head(change)];
    for attribute in &change.attributes {
        let value = match (attribute.before.as_str(), attribute.after.as_str()) {
            ("", after) => after.to_owned(),
            (before, "") => format!("{before} -> (none)"),
            (before, after) => format!("{before} -> {after}"),
        };
        out.push(format!("    {} = {value}", attribute.name));
    }
    if change.attributes_left_out > 0 {
        out.push(format!("    … and {} more attributes", change.attributes_left_out));
    }
    out
}

#[cfg(test)]
mod tests;
