//! What people say to a running host: approve, deny, destroy, restore, release, cancel.

use quarterdeck_core::ids::OrderName;
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::observation::Command;
use quarterdeck_core::situation::ApprovalState;

use super::answer::{self, Answer};
use super::args::SayArgs;
use super::describe;
use super::exit::{Exit, Failure};
use super::law;
use super::place::Place;
use super::policy;
use super::print::{self, note};
use crate::view::{CandidateView, NomineeView, View};

pub(super) async fn approve(place: &Place, args: SayArgs) -> Result<Exit, Failure> {
    let host = place.host()?;
    let view = host.view().await?;
    if let Some(waiting) = view.charter.candidate.as_ref().filter(|waiting| waiting.id == args.id) {
        return approve_charter(place, &view, waiting, args).await;
    }
    if let Some(waits) = view.policies.nominee.as_ref().filter(|waits| waits.id.as_ref() == Some(&args.id)) {
        return approve_policy(place, &view, waits, args).await;
    }
    let found = view.approvals.iter().find(|approval| approval.id == args.id);
    let asks = !args.yes && print::is_interactive();
    if let Some(approval) = found.filter(|approval| asks && approval.state == ApprovalState::Pending) {
        let plan = describe::plan_text(place, approval).await?;
        note(describe::approval(&view, approval).trim_end());
        note(describe::plan_lines(plan.as_deref()).trim_end());
        match ask(answer::question(approval), approval.removes()).await? {
            Answer::Grant => {}
            Answer::Deny => return deny(place, args).await,
            Answer::Later | Answer::Again => {
                note("nothing was said; it waits as before");
                return Ok(Exit::Done);
            }
        }
    }
    let mission = found.and_then(|approval| view.mission(&approval.mission));
    if let Some(pause) = mission.and_then(|mission| mission.pauses.first()) {
        note(&format!(
            "{}{} is paused: what is granted is begun after {}",
            mark(view.rehearsal),
            pause.what,
            pause.resume
        ));
    }
    host.send(&Command::Approve { approval: args.id.clone(), comment: args.comment }).await?;
    let left = found.map_or(0, |approval| approval.needed.saturating_sub(approval.given + 1));
    let then = match left {
        0 => "it is applied in one of the next turns".to_owned(),
        more => people_left(more),
    };
    note(&format!("{}granted {}; {then}", mark(view.rehearsal), args.id));
    Ok(Exit::Done)
}

/// Says yes to a charter that waits.
async fn approve_charter(place: &Place, view: &View, waiting: &CandidateView, args: SayArgs) -> Result<Exit, Failure> {
    let lead = mark(view.rehearsal);
    if !args.yes && print::is_interactive() && waiting.state == ApprovalState::Pending {
        note(law::candidate(view, waiting).trim_end());
        let question =
            format!("{lead}This permits more. Type yes to grant {}, n to deny it, Enter to decide later: ", args.id);
        match ask(question, true).await? {
            Answer::Grant => {}
            Answer::Deny => return deny(place, args).await,
            Answer::Later | Answer::Again => {
                note("nothing was said; it waits as before");
                return Ok(Exit::Done);
            }
        }
    }
    place.host()?.send(&Command::Approve { approval: args.id.clone(), comment: args.comment }).await?;
    let then = match waiting.needed.saturating_sub(waiting.given + 1) {
        0 => "it is in force from now on".to_owned(),
        more => people_left(more),
    };
    note(&format!("{lead}granted {}; {then}", args.id));
    Ok(Exit::Done)
}

/// Says yes to a policy that waits.
async fn approve_policy(place: &Place, view: &View, waits: &NomineeView, args: SayArgs) -> Result<Exit, Failure> {
    let lead = mark(view.rehearsal);
    if !args.yes && print::is_interactive() && waits.state == ApprovalState::Pending {
        note(policy::nominee(view, waits).trim_end());
        let wider = if waits.gained.is_empty() { "" } else { " It may return more than the one that decides." };
        let question = format!(
            "{lead}This lets another policy decide.{wider} Type yes to grant {}, n to deny it, Enter to decide later: ",
            args.id
        );
        match ask(question, true).await? {
            Answer::Grant => {}
            Answer::Deny => return deny(place, args).await,
            Answer::Later | Answer::Again => {
                note("nothing was said; it waits as before");
                return Ok(Exit::Done);
            }
        }
    }
    place.host()?.send(&Command::Approve { approval: args.id.clone(), comment: args.comment }).await?;
    let then = match (waits.needed.saturating_sub(waits.given + 1), waits.after) {
        (0, None) => "it decides from the next turn on".to_owned(),
        (0, Some(after)) => format!("it decides after {after} clean turns as the shadow ({} so far)", waits.clean),
        (more, _) => people_left(more),
    };
    note(&format!("{lead}granted {}; {then}", args.id));
    Ok(Exit::Done)
}

fn people_left(more: u8) -> String {
    if more == 1 { "one more person has to".to_owned() } else { format!("{more} more people have to") }
}

pub(super) async fn deny(place: &Place, args: SayArgs) -> Result<Exit, Failure> {
    place.host()?.send(&Command::Deny { approval: args.id.clone(), comment: args.comment }).await?;
    note(&format!("{}denied {}; what it is about is not done", mark(place.rehearsal), args.id));
    Ok(Exit::Done)
}

pub(super) async fn destroy(place: &Place, mission: &MissionName, yes: bool) -> Result<Exit, Failure> {
    let host = place.host()?;
    let view = host.view().await?;
    let Some(found) = view.mission(mission.as_str()) else {
        return Err(Failure::new(Exit::Failed, format!("there is no mission {mission}"), "quarterdeck get missions"));
    };
    let lead = mark(view.rehearsal);
    note(&format!("{lead}destroying mission {mission} removes what it made:"));
    let objects = found.objects.iter().map(|object| format!("{} {} ({})", object.kind, object.name, object.address));
    let objects = print::section("Objects", objects);
    note(if objects.is_empty() { "Objects: none are known" } else { objects.trim_end() });
    note("The host plans the destruction first; under autonomy approve it asks again before it applies that plan.");
    if !yes && print::is_interactive() {
        let question = format!("{lead}Type yes to destroy mission {mission}: ");
        if ask(question, true).await? != Answer::Grant {
            note("nothing was said; nothing changes");
            return Ok(Exit::Done);
        }
    } else if !yes {
        return Err(Failure::new(
            Exit::Usage,
            "nobody can be asked, since this is no terminal",
            format!("quarterdeck destroy {mission} --yes"),
        ));
    }
    host.send(&Command::Destroy { mission: mission.clone() }).await?;
    note(&format!("{lead}mission {mission} is to be removed; watch it: quarterdeck get missions {mission}"));
    if let Some(pause) = found.pauses.first() {
        note(&format!("{lead}{} is paused, so nothing of it is begun before: {}", pause.what, pause.resume));
    }
    Ok(Exit::Done)
}

pub(super) async fn restore(place: &Place, mission: &MissionName) -> Result<Exit, Failure> {
    place.host()?.send(&Command::Restore { mission: mission.clone() }).await?;
    note(&format!("{}mission {mission} is wanted as its file says again", mark(place.rehearsal)));
    Ok(Exit::Done)
}

pub(super) async fn release(place: &Place, mission: &MissionName, comment: Option<String>) -> Result<Exit, Failure> {
    let host = place.host()?;
    host.send(&Command::Release { mission: mission.clone(), comment }).await?;
    let view = host.view().await?;
    let lead = mark(view.rehearsal);
    note(&format!("{lead}mission {mission} is released; it is tried anew from the next turn on"));
    if let Some(pause) = view.mission(mission.as_str()).and_then(|mission| mission.pauses.first()) {
        note(&format!("{lead}still, {}", quarterdeck_core::text::escape(&pause.message)));
    }
    Ok(Exit::Done)
}

pub(super) async fn cancel(place: &Place, worker: &OrderName) -> Result<Exit, Failure> {
    place.host()?.send(&Command::Cancel { order: worker.clone() }).await?;
    note(&format!("{}worker {worker} is told to stop; Terraform may take a while", mark(place.rehearsal)));
    Ok(Exit::Done)
}

pub(super) fn mark(rehearsal: bool) -> &'static str {
    if rehearsal { "[rehearsal] " } else { "" }
}

/// Asks until the answer is understood; the end of the input decides nothing.
pub(super) async fn ask(question: String, removes: bool) -> Result<Answer, Failure> {
    let asked = tokio::task::spawn_blocking(move || -> std::io::Result<Answer> {
        loop {
            note(&question);
            let mut line = String::new();
            if std::io::stdin().read_line(&mut line)? == 0 {
                return Ok(Answer::Later);
            }
            match answer::parse(&line, removes) {
                Answer::Again => {}
                understood @ (Answer::Grant | Answer::Deny | Answer::Later) => return Ok(understood),
            }
        }
    });
    Ok(asked.await.map_err(std::io::Error::other)??)
}
