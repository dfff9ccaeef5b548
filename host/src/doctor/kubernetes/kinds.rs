//! Kinds: those that are watched and that the API server does not have; and our own, as they are installed.

use quarterdeck_core::kubernetes::Kind;

use super::{Check, Learned, shown, unknown};
use crate::apiserver::read::Unread;
use crate::apiserver::schema::Ours;
use crate::observe::kubernetes::checkup::SeenMissions;

/// What installs our kinds.
const INSTALL: &str = "kubectl apply --server-side -f deploy/kubernetes/missions/crds.yaml";

/// The watched kinds.
pub(super) fn watched(absent: &Learned<Vec<Kind>>) -> Check {
    const NAME: &str = "kinds";
    match absent {
        Err(problem) => unknown(NAME, "which kinds there are", problem),
        Ok(absent) if absent.is_empty() => {
            Check::well(NAME, format!("the API server has all {} that are watched", Kind::ALL.len()))
        }
        Ok(absent) => {
            let names: Vec<&str> = absent.iter().map(|kind| kind.plural()).collect();
            let what = format!("the API server has not {} of those that are watched", names.len());
            let cause = format!("nothing is found about {}", names.join(", "));
            Check::warn(NAME, &what, cause, "bring the cluster up to date, or leave it so")
        }
    }
}

/// Our own kinds.
pub(super) fn ours(seen: &SeenMissions) -> Vec<Check> {
    let resources = match &seen.resources {
        Ok(resources) => Some(resources),
        // The whole group is not there.
        Err(Unread::Absent) => None,
        Err(problem) => return vec![unknown("kind", "which kinds of quarterdeck.dev there are", problem)],
    };
    Ours::ALL
        .iter()
        .map(|kind| {
            let has = |name: &str| resources.is_some_and(|names| names.contains(name));
            one(*kind, has(kind.plural()), has(&format!("{}/status", kind.plural())), &seen.document)
        })
        .collect()
}

fn one(kind: Ours, installed: bool, status: bool, document: &Learned<serde_json::Value>) -> Check {
    let name = format!("kind {}", kind.plural());
    if !installed {
        let cause = format!("{}.quarterdeck.dev is not installed", kind.plural());
        return Check::fail(&name, "there is none", cause, INSTALL);
    }
    if !status {
        let cause = "its definition has no subresource status, so nothing can be answered";
        return Check::fail(&name, "it has no status", cause, INSTALL);
    }
    let document = match document {
        Ok(document) => document,
        Err(problem) => return unknown(&name, "its schema", problem),
    };
    let lacks = kind.lacks(document);
    if lacks.is_empty() {
        return Check::well(&name, "installed, with a status and all fields of this program".to_owned());
    }
    let cause = format!("what it does not know is dropped without a word: {}", shown(&lacks.join(", ")));
    Check::fail(&name, "its schema is older than this program", cause, INSTALL)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_kind_that_is_absent_is_a_warning() {
        assert_eq!(watched(&Ok(vec![])).verdict, Verdict::Ok);
        let check = watched(&Ok(vec![Kind::HorizontalPodAutoscaler, Kind::EndpointSlice]));
        assert_eq!(check.verdict, Verdict::Warn);
        assert!(check.to_string().contains("horizontalpodautoscalers, endpointslices"), "{check}");
        assert_eq!(watched(&Err(Unread::Denied("no".to_owned()))).verdict, Verdict::Note);
    }

    #[test]
    fn our_kinds_are_there_with_their_status_or_it_is_said_how() {
        let seen = |resources: Learned<&[&str]>| {
            let resources = resources.map(|names| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
            let no = || Err(Unread::Denied("no".to_owned()));
            SeenMissions { resources, document: no(), policy: [no(), no()] }
        };
        let told = |resources: Learned<&[&str]>| -> Vec<(Verdict, String)> {
            ours(&seen(resources)).iter().map(|check| (check.verdict, check.to_string())).collect()
        };
        let none = told(Err(Unread::Absent));
        assert!(
            none.len() == 2
                && none.iter().all(|(verdict, text)| *verdict == Verdict::Fail && text.contains("crds.yaml"))
        );
        let half = told(Ok(&["missions", "missions/status", "approvals"]));
        assert_eq!((half[0].0, half[1].0), (Verdict::Note, Verdict::Fail), "{half:?}");
        assert!(half[1].1.contains("no status"), "{half:?}");
        assert_eq!(told(Err(Unread::Denied("no".to_owned()))).len(), 1);
    }

    #[test]
    fn an_older_schema_is_told_by_what_it_lacks() {
        let check = one(Ours::Missions, true, true, &Ok(json!({})));
        assert_eq!(check.verdict, Verdict::Fail);
        assert!(check.to_string().contains("no field spec, no field status"), "{check}");
    }
}
