//! The plan as lines for a person who approves it.
//!
//! What cannot be undone comes first, everything is escaped, sensitive values are marks, and what is left out is counted.

use super::change::ResourceChange;
use super::{Action, Danger, PlanFacts};

/// At most this many resources are shown with their attributes; a screen or two.
pub(super) const RESOURCES_SHOWN_MAX: usize = 40;

/// At most this many dangers and drifts are shown each.
pub(super) const NOTES_SHOWN_MAX: usize = 20;

/// The lines of a plan.
pub(super) fn lines(plan: &PlanFacts) -> Vec<String> {
    let mut out = vec![summary(plan)];
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
    bounded(&mut out, &plan.changes, RESOURCES_SHOWN_MAX, "resources", resource);
    bounded(&mut out, &plan.outputs_changed, NOTES_SHOWN_MAX, "outputs", |name| vec![format!("output {name} changes")]);
    out
}

fn summary(plan: &PlanFacts) -> String {
    let counts = &plan.counts;
    let parts = [
        (counts.destroys, "to destroy"),
        (counts.replaces, "to replace"),
        (counts.forgets, "to forget"),
        (counts.imports, "to take over"),
        (counts.adds, "to add"),
        (counts.changes, "to change"),
        (counts.moves, "to move"),
    ];
    let said: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if said.is_empty() { "No resource changes.".into() } else { format!("Plan: {}.", said.join(", ")) }
}

fn bounded<T>(out: &mut Vec<String>, all: &[T], most: usize, what: &str, lines: impl Fn(&T) -> Vec<String>) {
    out.extend(all.iter().take(most).flat_map(lines));
    if all.len() > most {
        out.push(format!("… and {} more {what}", all.len() - most));
    }
}

fn resource(change: &ResourceChange) -> Vec<String> {
    let (mark, verb) = match change.action {
        Action::Destroy => ("-", "is destroyed"),
        Action::Replace => ("-/+", "is destroyed and made anew"),
        Action::Forget => (".", "is left on the engine and forgotten"),
        Action::Update => ("~", "is changed"),
        Action::Create => ("+", "is made"),
        Action::Read => ("<", "is read"),
        Action::Move => (">", "moves"),
        Action::NoOp => ("=", "is taken over unchanged"),
    };
    let name = if change.name.is_empty() { String::new() } else { format!(" \"{}\"", change.name) };
    let from =
        if change.previous_address.is_empty() { String::new() } else { format!(", was {}", change.previous_address) };
    let mut out = vec![format!("{mark} {}{name} {verb}{from}", change.address)];
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
