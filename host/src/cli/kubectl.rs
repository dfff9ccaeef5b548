//! kubectl's plugin: a person's answer as an object of the cluster. It needs no host of this machine.

use quarterdeck_core::text::escape;
use serde_json::json;

use super::answer::Answer;
use super::args::{PluginArgs, PluginCommand};
use super::exit::{Exit, Failure};
use super::print::{self, Output, note};
use super::say::ask;
use crate::apiserver::approval::say::{self, SayError, Waiting};
use crate::apiserver::approval::{ApprovalStanding, Decision};
use crate::apiserver::{self, mission::PlanStatus};

/// Says it, and what became of it.
pub(super) async fn plugin(command: PluginCommand) -> Result<(Exit, String), Failure> {
    let (args, mut decision) = match command {
        PluginCommand::Approve(args) => (args, Decision::Approve),
        PluginCommand::Deny(args) => (args, Decision::Deny),
    };
    let connection = apiserver::connect(args.context.as_deref()).await.map_err(unreachable)?;
    let waiting = say::waiting(&connection, args.namespace.as_deref(), &args.mission).await.map_err(unreachable)?;
    let asks = decision == Decision::Approve && !args.yes && print::is_interactive();
    if asks {
        note(shown(&waiting).trim_end());
        match ask(question(&waiting), removes(&waiting.plan)).await? {
            Answer::Grant => {}
            Answer::Deny => decision = Decision::Deny,
            Answer::Later | Answer::Again => {
                note("nothing was said; it waits as before");
                return Ok((Exit::Done, String::new()));
            }
        }
    }
    let PluginArgs { comment, output, .. } = args;
    let made = say::say(&connection, &waiting, decision, comment).await.map_err(failed)?;
    let answer = say::answer(&connection, &made).await.map_err(failed)?;
    let (exit, state, reason) = match &answer {
        Some(status) if status.state == ApprovalStanding::Accepted => (Exit::Done, "Accepted", status.reason.clone()),
        Some(status) => (Exit::Failed, "Refused", status.reason.clone()),
        None => (Exit::TimedOut, "Waiting", "the host has not answered yet".to_owned()),
    };
    if output == Output::Json {
        let object = json!({
            "approval": made.name, "namespace": made.namespace, "mission": waiting.name, "plan": waiting.plan.digest,
            "by": waiting.by, "decision": decision, "state": state, "reason": reason,
        });
        return Ok((exit, print::line(&object)));
    }
    let object = format!("approval {}/{}", made.namespace, made.name);
    if exit != Exit::Done {
        let next = format!("look at it again: kubectl -n {} get {}", made.namespace, object_name(&made.name));
        return Err(Failure::new(exit, format!("{object} is {state}: {reason}"), next));
    }
    Ok((exit, format!("{object} of {:?}: {}\n", waiting.by, escape(&reason))))
}

fn object_name(name: &str) -> String {
    format!("approval.quarterdeck.dev/{name}")
}

fn unreachable(error: impl Into<anyhow::Error>) -> Failure {
    let error = error.into();
    let next = match error.downcast_ref() {
        Some(SayError::NotAsked { .. }) => "see how it stands: kubectl get missions -A",
        Some(_) | None => "name the mission's namespace with -n, and see that kubectl get missions works",
    };
    Failure::of(Exit::Unreachable, error, Some(next.to_owned()))
}

fn failed(error: SayError) -> Failure {
    let next = "see whether you may: kubectl auth can-i create approvals.quarterdeck.dev -n NAMESPACE";
    Failure::of(Exit::Failed, error, Some(next.to_owned()))
}

fn removes(plan: &PlanStatus) -> bool {
    plan.destroys > 0 || plan.replaces > 0
}

fn question(waiting: &Waiting) -> String {
    let by = &waiting.by;
    if removes(&waiting.plan) {
        format!("This removes what is there. Type yes to grant it as {by:?}, n to deny it, Enter to decide later: ")
    } else {
        format!("Grant it as {by:?}? y, n to deny it, Enter to decide later [y/n]: ")
    }
}

/// What the person is asked about. All of it comes from the cluster, where others write too.
fn shown(waiting: &Waiting) -> String {
    let Waiting { namespace, name, goal, approval, plan, by: _ } = waiting;
    let PlanStatus { digest, adds, changes, replaces, destroys, touches, dangers, .. } = plan;
    let mut text = format!(
        "Mission:    {namespace}/{name}\nGoal:       {}\nAsked as:   {}\nPlan:       {}\n\
         Changes:    {adds} to add, {changes} to change, {replaces} to replace, {destroys} to destroy\n",
        escape(goal.trim()),
        escape(approval),
        escape(digest),
    );
    for (head, lines) in [("Touches:", touches), ("DANGEROUS:", dangers)] {
        for (index, line) in lines.iter().enumerate() {
            let head = if index == 0 { head } else { "" };
            text.push_str(&format!("{head:<12}{}\n", escape(line)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(destroys: i64) -> Waiting {
        Waiting {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            goal: "A web\u{1b}[2J server.".to_owned(),
            approval: "a-1".to_owned(),
            plan: PlanStatus {
                digest: "sha256:00".to_owned(),
                approval: Some("a-1".to_owned()),
                adds: 2,
                changes: 0,
                replaces: 0,
                destroys,
                touches: vec!["docker_container.web".to_owned(), "docker_network.n".to_owned()],
                dangers: vec!["docker_container.web: privileged".to_owned()],
            },
            by: "ada".to_owned(),
        }
    }

    #[test]
    fn a_person_reads_all_that_is_asked_about_and_nothing_that_moves_the_screen() {
        let text = shown(&waiting(0));
        for line in [
            "shop/web",
            "A web\\u{1b}[2J server.",
            "2 to add",
            "Touches:    docker_container.web",
            "            docker_network.n",
            "DANGEROUS:  docker",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(question(&waiting(0)).contains("as \"ada\"? y"));
        assert!(question(&waiting(1)).contains("Type yes"));
    }
}
