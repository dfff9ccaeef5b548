//! The policies of the API server that hold workers, missions and the host: whether they are there, by name; and the one of
//! approvals to the last field, as the host itself looks at it.

use quarterdeck_core::ids::Timestamp;
use serde_json::Value;

use super::{AS_ADMINISTRATOR, Check, Learned, unknown};
use crate::apiserver::approval::policy::{self, AGAIN, BINDING, Installed, PolicyFault, SETTLES_S};
use crate::apiserver::read::Unread;
use crate::observe::kubernetes::checkup::{HOST_SHAPE, POLICIES, Seen};

const NAME: &str = "policies";

/// What holds workers, missions and the host.
pub(super) fn policies(seen: &Seen) -> Vec<Check> {
    // Where Pod Security holds the host's own namespace, no policy need do it.
    let open = seen.workers.as_ref().is_some_and(|workers| {
        let (_, labels) = &workers.namespaces[1];
        matches!(labels, Ok(Some(labels)) if super::workers::is_open(labels))
    });
    let takes = |name: &str| match name {
        HOST_SHAPE => open,
        name if name.starts_with("quarterdeck-missions-") => seen.missions.is_some(),
        _ => seen.workers.is_some(),
    };
    let asked: Vec<_> = seen.policies.iter().filter(|(name, _)| takes(name)).collect();
    judged(&asked)
}

fn judged(asked: &[&(&'static str, [Learned<Value>; 2])]) -> Vec<Check> {
    let (mut stand, mut unread, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    for (name, parts) in asked {
        match fault(parts) {
            Ok(None) => stand.push(*name),
            Ok(Some((what, cause))) => {
                let file = POLICIES.iter().find(|(known, _)| known == name).map_or("", |(_, file)| *file);
                let cure = format!("kubectl apply -f deploy/kubernetes/{file}");
                checks.push(Check::fail(&format!("policy {name}"), what, cause, cure));
            }
            Err(Unread::Denied(_)) => unread.push(*name),
            Err(problem) => checks.push(unknown(&format!("policy {name}"), "it", &problem)),
        }
    }
    if !unread.is_empty() {
        let what = format!("not known: may not read admission policies ({AS_ADMINISTRATOR}): {}", unread.join(", "));
        checks.push(Check::note(NAME, what));
    }
    if !stand.is_empty() {
        checks.insert(0, Check::well(NAME, format!("there, and bound to deny: {}", stand.join(", "))));
    }
    checks
}

/// What is wrong with a policy and its binding: what, and why it matters.
fn fault([policy, binding]: &[Learned<Value>; 2]) -> Result<Option<(&'static str, &'static str)>, Unread> {
    match (policy, binding) {
        (Err(Unread::Absent), _) => return Ok(Some(("it is not there", "nothing holds what it should"))),
        (_, Err(Unread::Absent)) => return Ok(Some(("it is not bound", "it holds nothing without its binding"))),
        (Err(problem), _) | (_, Err(problem)) => return Err(problem.clone()),
        (Ok(_), Ok(_)) => {}
    }
    let denies = |binding: &Value| {
        binding["spec"]["validationActions"].as_array().is_some_and(|actions| actions.iter().any(|one| one == "Deny"))
    };
    let is_bound = binding.as_ref().is_ok_and(denies);
    Ok((!is_bound).then_some(("its binding does not deny", "what it forbids is let through")))
}

/// The policy of approvals, as the host verifies it before an Approval counts.
pub(super) fn approvals([policy, binding]: &[Learned<Value>; 2], now: Timestamp) -> Check {
    let name = format!("policy {}", policy::NAME);
    let (policy, binding) = match (policy, binding) {
        (Ok(policy), Ok(binding)) => (policy.clone(), binding.clone()),
        (Err(Unread::Absent), _) => return Check::fail(&name, "it is not there", NO_APPROVAL, AGAIN),
        (_, Err(Unread::Absent)) => return Check::fail(&name, "it is not bound", NO_APPROVAL, AGAIN),
        (Err(problem), _) | (_, Err(problem)) => return unread(&name, problem),
    };
    let since = match policy::unchanged(&Installed { policy, binding }) {
        Ok(since) => since.map(|(_, since)| since),
        Err(fault) => {
            let (what, cause) = match fault {
                PolicyFault::Missing { what } => (format!("the {what} is on its way out"), NO_APPROVAL),
                PolicyFault::Altered { what } => {
                    (format!("the {what} is another one than this program's"), NO_APPROVAL)
                }
                PolicyFault::Changed { what } => (format!("the {what} was changed since it was created"), LOOSENED),
                PolicyFault::Undated { what } | PolicyFault::Younger { what } | PolicyFault::Denied { what, .. } => {
                    (format!("it is not known since when the {what} stands"), NO_APPROVAL)
                }
            };
            return Check::fail(&name, &what, cause, AGAIN);
        }
    };
    let counts_from = since.into_iter().max().unwrap_or(0).saturating_add(SETTLES_S);
    let now_s = i64::try_from(now.0 / 1000).unwrap_or(i64::MAX);
    if now_s <= counts_from {
        let cause =
            format!("it was created less than {SETTLES_S} s ago, and each API server hears of it a moment later");
        return Check::warn(&name, "no Approval counts yet", cause, "wait so long before somebody approves");
    }
    Check::well(&name, "this program's, and unchanged since it was created".to_owned())
}

const NO_APPROVAL: &str = "anybody could approve in another one's name, so no Approval counts";
const LOOSENED: &str = "somebody may have approved in another one's name meanwhile, so no Approval counts";

/// That one of these two may not be read is no small thing: the host could not either.
fn unread(name: &str, problem: &Unread) -> Check {
    if !matches!(problem, Unread::Denied(_)) {
        return unknown(name, "it", problem);
    }
    let cause =
        format!("this account may not read it or the {BINDING}, and no Approval counts for a host that may not");
    Check::fail(name, "it may not be read", cause, "kubectl apply -f deploy/kubernetes/missions/approval-rights.yaml")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::Verdict;

    fn there(actions: Value) -> [Learned<Value>; 2] {
        [Ok(json!({})), Ok(json!({ "spec": { "validationActions": actions } }))]
    }

    #[test]
    fn each_policy_is_there_and_denies_or_its_file_is_named() {
        let denied = || Err(Unread::Denied("no".to_owned()));
        let asked = [
            ("quarterdeck-builder-makers", there(json!(["Deny", "Audit"]))),
            ("quarterdeck-builder-shape", [Err(Unread::Absent), there(json!(["Deny"]))[1].clone()]),
            ("quarterdeck-builder-term", [Ok(json!({})), Err(Unread::Absent)]),
            ("quarterdeck-builder-tokens", there(json!(["Warn"]))),
            ("quarterdeck-builder-removers", [denied(), denied()]),
            ("quarterdeck-missions-status", [Err(Unread::Failed(500, "x".to_owned())), denied()]),
        ];
        let checks = judged(&asked.iter().collect::<Vec<_>>());
        let told: Vec<(Verdict, String)> = checks.iter().map(|check| (check.verdict, check.to_string())).collect();
        for (verdict, words) in [
            (Verdict::Ok, "policies: there, and bound to deny: quarterdeck-builder-makers"),
            (Verdict::Fail, "policy quarterdeck-builder-shape: it is not there"),
            (Verdict::Fail, "kubectl apply -f deploy/kubernetes/builder/shape.yaml"),
            (Verdict::Fail, "policy quarterdeck-builder-term: it is not bound"),
            (Verdict::Fail, "policy quarterdeck-builder-tokens: its binding does not deny"),
            (Verdict::Note, "may not read admission policies"),
            (Verdict::Warn, "policy quarterdeck-missions-status"),
        ] {
            assert!(told.iter().any(|(found, text)| *found == verdict && text.contains(words)), "{words}: {told:#?}");
        }
        assert_eq!(judged(&[]), vec![]);
    }

    #[test]
    fn the_policy_of_approvals_is_the_programs_own_and_was_always_so() {
        /// 2026-01-02T03:05:05Z, a minute after both were created.
        const NOW: Timestamp = Timestamp(1_767_323_105_000);
        let manifest = include_str!("../../../../deploy/kubernetes/missions/approval-policy.yaml");
        let installed = |created: &str| -> [Learned<Value>; 2] {
            let (policy, binding) = manifest.split_once("\n---\n").unwrap();
            [policy, binding].map(|text| {
                let mut stored: Value = serde_saphyr::from_str(text).unwrap();
                stored["metadata"] = json!({ "name": policy::NAME, "generation": 1, "creationTimestamp": created });
                Ok(stored)
            })
        };
        type Change = fn(&mut [Learned<Value>; 2]);
        let cases: [(Change, Verdict, &str); 7] = [
            (|_| (), Verdict::Ok, "unchanged since it was created"),
            (|all| all[0] = Err(Unread::Absent), Verdict::Fail, "it is not there"),
            (|all| all[1] = Err(Unread::Absent), Verdict::Fail, "it is not bound"),
            (|all| all[1] = Err(Unread::Denied("no".to_owned())), Verdict::Fail, "approval-rights.yaml"),
            (
                |all| all[0].as_mut().unwrap()["spec"]["failurePolicy"] = json!("Ignore"),
                Verdict::Fail,
                "is another one",
            ),
            (|all| all[0].as_mut().unwrap()["metadata"]["generation"] = json!(3), Verdict::Fail, "replace --force"),
            (|all| all[1] = Err(Unread::Failed(500, "x".to_owned())), Verdict::Warn, "could not be asked for"),
        ];
        for (change, verdict, told) in cases {
            let mut parts = installed("2026-01-02T03:04:05Z");
            change(&mut parts);
            let check = approvals(&parts, NOW);
            assert!(check.verdict == verdict && check.to_string().contains(told), "{told}: {check:#?}");
        }
        let young = approvals(&installed("2026-01-02T03:04:50Z"), NOW);
        assert!(young.verdict == Verdict::Warn && young.what.contains("no Approval counts yet"), "{young:#?}");
    }
}
