//! The sentences that accounts share.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::Standing;
use quarterdeck_core::observation::Command;
use quarterdeck_core::order::{End, Order, PlanDanger, SavedPlan, StateRef, WorkerResult};
use quarterdeck_core::situation::{ChangeSummary, Failure, Ruling};

use super::chronicle::Chronicle;
use super::notes::{Course, Wanted};

/// What an order does, such as `apply (destroys), attempt 2`.
pub(super) fn operation(order: &Order) -> String {
    let destroys = if order.apply.as_ref().is_some_and(|input| input.destroy) { " (destroys)" } else { "" };
    format!("{}{destroys}", order.key.operation.name())
}

pub(super) fn changes(summary: &ChangeSummary) -> String {
    let ChangeSummary { adds, changes, destroys, replaces } = summary;
    format!("{adds} added, {changes} changed, {replaces} replaced, {destroys} destroyed")
}

pub(super) fn would_change(summary: &ChangeSummary) -> String {
    let ChangeSummary { adds, changes, destroys, replaces } = summary;
    format!("{adds} to add, {changes} to change, {replaces} to replace, {destroys} to destroy")
}

pub(super) fn end(result: &WorkerResult) -> &'static str {
    match result.end {
        End::Succeeded => "succeeded",
        End::Failed => "failed",
        End::Cancelled => "was cancelled",
        End::Lost => "was lost",
    }
}

pub(super) fn failure(failure: &Failure) -> String {
    format!("{}: {}", failure.kind, failure.message)
}

pub(super) fn state(state: &StateRef) -> String {
    format!("serial {} of lineage {}, {}", state.serial, state.lineage, state.digest)
}

pub(super) fn danger(danger: &PlanDanger) -> String {
    let mark = if danger.makes_root { ", which makes a container root on the node" } else { "" };
    format!("{}: {} ({}){mark}", danger.address, danger.kind, danger.detail)
}

pub(super) fn ruling(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Acted => "acted on",
        Ruling::Asked => "asked people about",
        Ruling::Suggested => "only showed",
        Ruling::Refused => "refused",
        Ruling::Failed => "could not do",
    }
}

/// What a person said, without who it was.
pub(super) fn command(command: &Command) -> String {
    match command {
        Command::Approve { approval, .. } => format!("said yes to {approval}"),
        Command::Deny { approval, .. } => format!("said no to {approval}"),
        Command::Destroy { mission } => format!("wanted {mission} destroyed"),
        Command::Restore { mission } => format!("took the destruction of {mission} back"),
        Command::Cancel { order } => format!("cancelled {order}"),
        Command::Pause { scope, .. } => format!("paused{}", scope.words()),
        Command::Resume { scope } => format!("resumed{}", scope.words()),
        Command::Release { mission, .. } => format!("released {mission}, so that it was tried anew"),
        Command::Unshadow => "wanted no shadow any more".to_owned(),
        Command::Unfence { policy, .. } => format!("unfenced policy {}", policy.short(12)),
        Command::RemovePolicy { policy } => format!("removed policy {}", policy.short(12)),
    }
}

/// What a person wrote with what they said.
pub(super) fn comment(command: &Command) -> Option<&String> {
    match command {
        Command::Approve { comment, .. }
        | Command::Deny { comment, .. }
        | Command::Pause { comment, .. }
        | Command::Release { comment, .. }
        | Command::Unfence { comment, .. } => comment.as_ref(),
        Command::Destroy { .. }
        | Command::Restore { .. }
        | Command::Cancel { .. }
        | Command::Resume { .. }
        | Command::Unshadow
        | Command::RemovePolicy { .. } => None,
    }
}

/// How a charter stood when it was wanted.
pub(super) fn standing(wanted: &Wanted) -> String {
    match &wanted.chartered.standing {
        Standing::First => "the first of this journal, so nobody was asked".to_owned(),
        Standing::Narrows => "it only narrowed the one before, so nobody was asked".to_owned(),
        Standing::Asked { id, rule, needed, .. } => format!("{id} asked {needed} to say yes, as {rule} demands"),
    }
}

/// How far a worker has come.
pub(super) fn course(course: &Course) -> String {
    match (&course.ended, &course.claimed, course.settled.last()) {
        (Some((_, result)), _, _) => {
            let what = match (&result.failure, &result.saved, &result.summary) {
                (Some(why), _, _) => format!(", {}", failure(why)),
                (None, Some(saved), _) => format!(", {}", would_change(&saved.summary)),
                (None, None, Some(summary)) => format!(", {}", changes(summary)),
                (None, None, None) => String::new(),
            };
            format!("{}{what}", end(result))
        }
        // Abandoned, and not ordered again since.
        (None, _, Some((mark, false)))
            if course.starts.last().is_none_or(|start| start.since.mark.record < mark.record) =>
        {
            "was never begun: the host died, and the next one found nobody at it".to_owned()
        }
        (None, Some(_), _) => "has not ended by the end of this journal".to_owned(),
        (None, None, _) => "has not begun by the end of this journal".to_owned(),
    }
}

impl Chronicle {
    /// A policy by name, version and digits; by digits alone where the journal does not hold its activation.
    pub(super) fn policy(&self, digest: &Digest) -> String {
        let known = self.policies.iter().rev().find(|(_, activated)| activated.policy == *digest);
        match known {
            Some((_, activated)) => {
                let description = &activated.description;
                format!("{} {} ({})", description.name, description.version, digest.short(12))
            }
            None => digest.short(12),
        }
    }

    /// The saved plan of these bytes, by the worker that made it.
    pub(super) fn saved(&self, saved: &Digest) -> Option<&SavedPlan> {
        let course = self.courses.get(self.plans.get(saved)?)?;
        course.ended.as_ref()?.1.saved.as_ref()
    }
}
