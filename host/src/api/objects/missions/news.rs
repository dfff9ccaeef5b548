//! What of a new status is an event: at most one for each thing that changed.

use super::status::shown;
use crate::apiserver::mission::{MissionStatus, PlanStatus};
use crate::view::to_approve;
use quarterdeck_core::situation::cut;

/// An event says at most this much: Kubernetes' own bound.
const MESSAGE_BYTES_MAX: usize = 1024;

/// How grave it is, in Kubernetes' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Normal,
    Warning,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) weight: Weight,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// What is new at this mission. The status has been bounded, redacted and escaped already.
pub(super) fn news(name: &str, before: Option<&MissionStatus>, status: &MissionStatus) -> Vec<News> {
    let plan = |status: &MissionStatus| status.plan.as_ref().map(|plan| plan.digest.clone());
    let approval = |status: &MissionStatus| status.plan.as_ref().and_then(|plan| plan.approval.clone());
    let new = |now: &Option<String>, then: Option<Option<String>>| now.is_some() && then != Some(now.clone());
    let mut news = Vec::new();
    let mut say = |weight, reason, message: String| {
        news.push(News { weight, reason, message: cut(&shown(&message), MESSAGE_BYTES_MAX) });
    };
    if let Some(made) = &status.plan
        && new(&plan(status), before.map(plan))
    {
        let PlanStatus { adds, changes, replaces, destroys, .. } = made;
        let said = format!("{adds} to add, {changes} to change, {replaces} to replace, {destroys} to destroy");
        say(Weight::Normal, "Planned", said);
    }
    if let Some(id) = approval(status)
        && new(&Some(id.clone()), before.map(approval))
    {
        say(Weight::Normal, "ApprovalNeeded", format!("a person is asked under {id}: {}", to_approve(name, &id)));
    }
    if let Some(applied) = &status.applied
        && before.and_then(|before| before.applied.as_ref()) != Some(applied)
    {
        let what = if applied.destroy { "what was there is removed" } else { "the plan is applied" };
        say(Weight::Normal, "Applied", format!("{what}: {}", applied.digest));
    }
    let then = before.map(|before| (before.phase.as_str(), before.message.as_str()));
    for (phase, reason) in [("Failed", "Failed"), ("Held", "Held"), ("Invalid", "Invalid")] {
        if status.phase == phase && then != Some((phase, status.message.as_str())) {
            say(Weight::Warning, reason, status.message.clone());
        }
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::mission::AppliedStatus;

    fn with_plan(digest: &str, approval: Option<&str>) -> MissionStatus {
        let plan = PlanStatus {
            digest: digest.to_owned(),
            approval: approval.map(str::to_owned),
            adds: 2,
            changes: 0,
            replaces: 0,
            destroys: 1,
            touches: Vec::new(),
            dangers: Vec::new(),
        };
        MissionStatus { phase: "Planned".to_owned(), plan: Some(plan), ..MissionStatus::default() }
    }

    fn reasons(before: Option<&MissionStatus>, status: &MissionStatus) -> Vec<&'static str> {
        news("shop/web", before, status).into_iter().map(|news| news.reason).collect()
    }

    #[test]
    fn each_change_is_one_event_and_no_change_is_none() {
        let (first, asked) = (with_plan("p1", None), with_plan("p1", Some("a-1")));
        assert_eq!(reasons(None, &first), ["Planned"]);
        assert_eq!(reasons(Some(&first), &first), [""; 0]);
        assert_eq!(reasons(Some(&first), &asked), ["ApprovalNeeded"]);
        assert_eq!(reasons(Some(&asked), &first), [""; 0], "it was answered, or is asked no more");
        assert_eq!(reasons(Some(&asked), &with_plan("p2", Some("a-2"))), ["Planned", "ApprovalNeeded"]);
        let applied = AppliedStatus { digest: "p1".to_owned(), generation: 1, destroy: false, at: "then".to_owned() };
        let applied = MissionStatus { applied: Some(applied), phase: "Ready".to_owned(), ..first.clone() };
        assert_eq!(reasons(Some(&first), &applied), ["Applied"]);
        let told = &news("shop/web", Some(&first), &asked)[0].message;
        assert_eq!(told, "a person is asked under a-1: kubectl quarterdeck approve -n shop web");
    }

    #[test]
    fn what_goes_wrong_is_a_warning_once_for_each_cause() {
        let failed = |message: &str| MissionStatus {
            phase: "Failed".to_owned(),
            message: message.to_owned(),
            ..MissionStatus::default()
        };
        let told = news("shop/web", Some(&with_plan("p", None)), &failed("no\u{1b}[2J\nroom"));
        assert_eq!((told.len(), told[0].weight, told[0].reason), (1, Weight::Warning, "Failed"));
        assert_eq!(told[0].message, "no\\u{1b}[2J; room");
        assert_eq!(reasons(Some(&failed("a")), &failed("a")), [""; 0]);
        assert_eq!(reasons(Some(&failed("a")), &failed("b")), ["Failed"]);
        for phase in ["Held", "Invalid"] {
            let status = MissionStatus { phase: phase.to_owned(), ..MissionStatus::default() };
            assert_eq!(reasons(None, &status), [phase]);
        }
        assert!(news("shop/web", None, &failed(&"x".repeat(5_000)))[0].message.len() <= MESSAGE_BYTES_MAX);
    }
}
