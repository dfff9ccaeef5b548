//! `get`: tables, as kubectl prints them.

use quarterdeck_core::situation::ApprovalState;
use serde::Serialize;

use super::args::Listed;
use super::exit::{Exit, Failure};
use super::law;
use super::place::Place;
use super::policy;
use super::print::{self, Output, word};
use crate::driver::clock;
use crate::view::{ApprovalView, BudgetView, FindingView, MissionView, TurnView, View, WorkerView, age, rfc3339};

/// `get turns` shows this many: a screen.
const TURNS_SHOWN: usize = 32;

pub(super) async fn get(place: &Place, what: Listed, name: Option<&str>, output: Output) -> Result<String, Failure> {
    if what == Listed::Turns {
        return turns(place, name, output);
    }
    let view = place.view().await?;
    let keep = |own: &str, mission: Option<&str>| name.is_none_or(|name| name == own || Some(name) == mission);
    let text = match what {
        Listed::Missions => {
            let mine = view.missions.iter().filter(|m| keep(&m.name, Some(m.id.as_str()))).cloned().collect();
            listed("Mission", &view, mine, name, output, missions)?
        }
        Listed::Findings => {
            let mine = view.findings.iter().filter(|f| keep(f.id.as_str(), f.mission.as_deref())).cloned().collect();
            listed("Finding", &view, mine, name, output, findings)?
        }
        Listed::Workers => {
            let mine = view.workers.iter().filter(|w| keep(w.name.as_str(), Some(&w.mission))).cloned().collect();
            listed("Worker", &view, mine, name, output, workers)?
        }
        Listed::Approvals => {
            law::waits(&view).iter().for_each(|waits| print::note(waits));
            policy::waits(&view).iter().for_each(|waits| print::note(waits));
            let mine = view.approvals.iter().filter(|a| keep(a.id.as_str(), Some(&a.mission))).cloned().collect();
            listed("Approval", &view, mine, name, output, approvals)?
        }
        Listed::Budgets => {
            let mine = view.budgets.iter().filter(|b| keep(&b.name, None)).cloned().collect();
            listed("Budget", &view, mine, name, output, budgets)?
        }
        Listed::Turns => unreachable!("turns come from the journal, above"),
    };
    Ok(text)
}

fn listed<T: Serialize>(
    kind: &str,
    view: &View,
    items: Vec<T>,
    name: Option<&str>,
    output: Output,
    table: fn(&View, &[T], bool) -> String,
) -> Result<String, Failure> {
    if let Some(name) = name.filter(|_| items.is_empty()) {
        let (kind, error) = (kind.to_lowercase(), format!("there is no {} {name:?}", kind.to_lowercase()));
        return Err(Failure::new(Exit::Failed, error, format!("quarterdeck get {kind}s")));
    }
    if output != Output::Json {
        if view.rehearsal {
            print::note("[rehearsal] nothing of this is real");
        }
        // A mission's own pause stands in its row.
        for pause in view.pauses.iter().filter(|pause| pause.scope.mission.is_none()) {
            print::note(&quarterdeck_core::text::escape(&pause.message));
        }
    }
    Ok(match output {
        Output::Json => print::pretty(&print::list(kind, view.rehearsal, &items)),
        Output::Table | Output::Wide if items.is_empty() => {
            print::note(&format!("no {}s", kind.to_lowercase()));
            String::new()
        }
        Output::Table => table(view, &items, false),
        Output::Wide => table(view, &items, true),
    })
}

/// The table of missions.
pub(super) fn missions(view: &View, missions: &[MissionView], wide: bool) -> String {
    let mut heads = vec!["name", "phase", "reason", "desired", "autonomy", "plan", "age", "message"];
    if wide {
        heads.splice(7..7, ["generation", "providers", "id", "source"]);
    }
    let rows = missions.iter().map(|mission| {
        let reasons: Vec<&str> = mission.conditions.iter().map(|condition| condition.reason.as_str()).collect();
        let applied = mission.applied.as_ref().map(|applied| applied.saved);
        let plan = mission.plan.as_ref().map(|plan| match applied {
            Some(applied) if applied == plan.saved => "applied".to_owned(),
            Some(_) | None => {
                format!("+{} ~{} -{}", plan.adds + plan.replaces, plan.changes, plan.destroys + plan.replaces)
            }
        });
        let mut row = vec![
            mission.name.clone(),
            mission.phase.name().to_owned(),
            reasons.join(","),
            word(&mission.desired),
            word(&mission.autonomy),
            plan.unwrap_or_default(),
            age(view.at, mission.quiet_since),
            cut(&mission.message, wide),
        ];
        if wide {
            let more = [
                mission.generation.to_string(),
                mission.providers.join(", "),
                mission.id.to_string(),
                mission.source.clone(),
            ];
            row.splice(7..7, more);
        }
        row
    });
    print::table(&heads, rows)
}

fn findings(view: &View, findings: &[FindingView], wide: bool) -> String {
    let mut heads = vec!["name", "severity", "rule", "mission", "object", "age", "message"];
    if wide {
        heads.splice(6..6, ["count", "acknowledged-until"]);
    }
    let rows = findings.iter().map(|finding| {
        let mut row = vec![
            finding.id.to_string(),
            word(&finding.severity),
            finding.rule.clone(),
            finding.mission.clone().unwrap_or_default(),
            finding.root(),
            age(view.at, finding.first_seen),
            cut(&finding.message, wide),
        ];
        if wide {
            let until = finding.acknowledged_until.map(rfc3339).unwrap_or_default();
            row.splice(6..6, [finding.count.to_string(), until]);
        }
        row
    });
    print::table(&heads, rows)
}

fn workers(view: &View, workers: &[WorkerView], wide: bool) -> String {
    let mut heads = vec!["name", "mission", "operation", "attempt", "phase", "started", "took", "message"];
    if wide {
        heads.splice(7..7, ["generation", "claimed-by", "tool"]);
    }
    let rows = workers.iter().map(|worker| {
        let mut row = vec![
            worker.name.to_string(),
            worker.mission.clone(),
            word(&worker.operation),
            worker.attempt.to_string(),
            word(&worker.phase),
            age(view.at, worker.started),
            age(worker.ended.unwrap_or(view.at), worker.started),
            cut(&worker.message, wide),
        ];
        if wide {
            let claimant = worker.claimant.clone().unwrap_or_default();
            row.splice(7..7, [worker.generation.to_string(), claimant, worker.tool.clone().unwrap_or_default()]);
        }
        row
    });
    print::table(&heads, rows)
}

fn approvals(view: &View, approvals: &[ApprovalView], wide: bool) -> String {
    let mut heads = vec!["name", "mission", "operation", "plan", "dangers", "state", "age", "expires", "answered-by"];
    if wide {
        heads.extend(["generation", "saved", "comment"]);
    }
    let rows = approvals.iter().map(|approval| {
        let plan = approval.summary.map(|summary| {
            format!(
                "+{} ~{} -{}",
                summary.adds + summary.replaces,
                summary.changes,
                summary.destroys + summary.replaces
            )
        });
        let mut row = vec![
            approval.id.to_string(),
            approval.mission.clone(),
            if approval.destroy { "destroy".to_owned() } else { word(&approval.operation) },
            plan.unwrap_or_default(),
            approval.dangers.len().to_string(),
            match (approval.state, approval.needed) {
                (ApprovalState::Pending, 2..) => format!("pending ({} of {})", approval.given, approval.needed),
                (state, _) => word(&state),
            },
            age(view.at, approval.requested),
            format!("in {}", age(approval.expires, view.at)),
            approval.who.clone().unwrap_or_default(),
        ];
        if wide {
            let comment = approval.comment.clone().unwrap_or_default();
            row.extend([approval.generation.to_string(), approval.saved.to_string(), comment]);
        }
        row
    });
    print::table(&heads, rows)
}

fn budgets(view: &View, budgets: &[BudgetView], wide: bool) -> String {
    let mut heads = vec!["name", "used", "limit", "unit", "frees"];
    if wide {
        heads.push("frees-at");
    }
    let rows = budgets.iter().map(|budget| {
        let frees = budget.frees.map(|at| format!("in {}", age(at, view.at)));
        let mut row = vec![
            budget.name.clone(),
            budget.used.to_string(),
            budget.limit.to_string(),
            budget.unit.clone(),
            frees.unwrap_or_default(),
        ];
        row.extend(wide.then(|| budget.frees.map(rfc3339).unwrap_or_default()));
        row
    });
    print::table(&heads, rows)
}

/// Turns come from the journal, whether or not a host runs: it alone has those of earlier hosts.
fn turns(place: &Place, name: Option<&str>, output: Output) -> Result<String, Failure> {
    let wanted = name
        .map(str::parse::<u32>)
        .transpose()
        .map_err(|_| Failure::new(Exit::Usage, "a turn is named by its number", "quarterdeck get turns"))?;
    let story = place.story(if wanted.is_some() { usize::MAX / 4 } else { TURNS_SHOWN })?;
    let turns: Vec<TurnView> = story
        .turns
        .iter()
        .filter(|episode| wanted.is_none_or(|turn| episode.opened.turn == turn))
        .map(|episode| TurnView::of(episode, story.ledger.rehearsal))
        .collect();
    if let Some(turn) = wanted.filter(|_| turns.is_empty()) {
        return Err(Failure::new(Exit::Failed, format!("there is no turn {turn}"), "quarterdeck get turns"));
    }
    let text = match output {
        Output::Json => print::pretty(&print::list("Turn", story.ledger.rehearsal, &turns)),
        Output::Table | Output::Wide => {
            if story.ledger.rehearsal {
                print::note("[rehearsal] nothing of this is real");
            }
            turn_table(&turns, output == Output::Wide)
        }
    };
    Ok(text)
}

fn turn_table(turns: &[TurnView], wide: bool) -> String {
    let now = clock();
    let mut heads = vec!["turn", "age", "policy", "class", "verdicts", "paused", "look-again"];
    if wide {
        heads.extend(["fuel", "closed", "at"]);
    }
    let rows = turns.iter().map(|turn| {
        let again = turn.look_again.map(|at| format!("after {}", age(at, turn.at)));
        let mut row = vec![
            turn.turn.to_string(),
            age(now, turn.at),
            turn.policy.clone(),
            turn.class.clone(),
            turn.verdicts.text(),
            turn.paused.clone().unwrap_or_default(),
            again.unwrap_or_default(),
        ];
        if wide {
            row.extend([turn.fuel.to_string(), turn.closed.to_string(), rfc3339(turn.at)]);
        }
        row
    });
    print::table(&heads, rows)
}

/// A message is cut in a narrow table; `describe` has the whole of it.
fn cut(message: &str, wide: bool) -> String {
    const MESSAGE_CHARS_MAX: usize = 80;
    if wide || message.chars().count() <= MESSAGE_CHARS_MAX {
        return message.to_owned();
    }
    message.chars().take(MESSAGE_CHARS_MAX - 1).chain(['…']).collect()
}
