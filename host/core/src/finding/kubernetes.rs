//! A Kubernetes cluster: what the patrol's rules found in it, whether it answers, and what of it can't be seen.
//!
//! While its API server is silent nothing new is told of the cluster, and what was told before stays.

use super::{Fault, object};
use crate::ids::Timestamp;
use crate::kubernetes::{ClusterView, Kind, OwnRights, Standing, Trouble, Verbs};
use crate::ledger::Ledger;
use crate::observation::{Observation, STALE_MS};
use crate::situation::{FACTS_MAX, Fact, Severity};

pub(super) fn look(ledger: &Ledger, observation: &Observation) -> Vec<Fault> {
    let Some(view) = &observation.kubernetes else { return Vec::new() };
    let silent = silent(view, observation);
    let told = view.troubles.told.iter().map(|trouble| fault(trouble));
    let told = told.filter(|fault| silent.is_none() || ledger.findings.contains_key(&fault.id()));
    // A short break is ordinary; a silent API server is told once, and when it is back, so are its watches soon.
    let ms = |since: Timestamp| observation.at.since_ms(view.answers_since.map_or(since, |answers| answers.max(since)));
    let is_broken = |since: Timestamp| silent.is_none() && ms(since) > STALE_MS;
    let unseen = view.watches.iter().filter_map(|watch| unseen(watch.kind, &watch.standing, is_broken));
    silent.clone().into_iter().chain(told).chain(unseen).chain(rights(&view.rights)).chain(open_network(view)).collect()
}

/// A worker reached what nobody lets it reach.
fn open_network(view: &ClusterView) -> Option<Fault> {
    let message = "a worker's pod reached the API server: nothing holds the workers' NetworkPolicy, so what Terraform runs reaches \
                   whatever its node reaches. Apply deploy/kubernetes/builder/network.yaml, and use a network plugin that holds \
                   NetworkPolicies";
    let (rule, severity, object, message) =
        ("network-open", Severity::Warning, object("cluster", "kubernetes", None), message.to_owned());
    let fault = Fault { rule, severity, object, owner: None, mission: None, message, evidence: vec![], count: 1 };
    view.worker_reached.then_some(fault)
}

/// What the host may not and should, one finding for each object of a rule; and all that it may and should not, as one.
fn rights(rights: &OwnRights) -> Vec<Fault> {
    let missing = Verbs::gather(&rights.missing).into_iter().map(|verbs| {
        let (may, grant) = (verbs.text(), verbs.grant());
        let message = format!("the host may not {may}: what takes that is not done. Grant it: {grant}");
        let object = object("right", &verbs.object(), None);
        let (rule, severity) = ("right-missing", Severity::Warning);
        Fault { rule, severity, object, owner: None, mission: None, message, evidence: vec![], count: 1 }
    });
    let excess = (!rights.excess.is_empty()).then(|| {
        let many = rights.excess.len();
        let message = format!(
            "the host may do {many} things that it never needs, such as {}: give it an account with its own roles (deploy/kubernetes)",
            rights.excess[0].text()
        );
        let evidence = rights.excess.iter().take(FACTS_MAX).map(|right| Fact::new("may", &right.text())).collect();
        let (rule, severity, count) = ("rights-excess", Severity::Info, u32::try_from(many).unwrap_or(u32::MAX));
        let object = object("cluster", "kubernetes", None);
        Fault { rule, severity, object, owner: None, mission: None, message, evidence, count }
    });
    missing.chain(excess).collect()
}

/// What the patrol found. Its object is told with what is answerable for it, unless that is the object itself.
fn fault(trouble: &Trouble) -> Fault {
    let same = |a: &crate::situation::ObjectRef, b: &crate::situation::ObjectRef| {
        (&a.kind, &a.namespace, &a.name) == (&b.kind, &b.namespace, &b.name)
    };
    Fault {
        rule: trouble.rule,
        severity: trouble.severity,
        object: trouble.object.clone(),
        owner: (!same(&trouble.object, &trouble.owner)).then(|| trouble.owner.clone()),
        mission: None,
        message: trouble.message.clone(),
        evidence: trouble.evidence.clone(),
        count: trouble.count,
    }
}

/// The API server itself: does it answer, and did it lately?
fn silent(view: &ClusterView, observation: &Observation) -> Option<Fault> {
    let late = view.answered.is_none_or(|answered| observation.at.since_ms(answered) > STALE_MS);
    let (rule, severity, message) = match &view.problem {
        Some(problem) => {
            let message = format!("the Kubernetes API server does not answer: {problem}");
            ("cluster-unreachable", Severity::Critical, message)
        }
        None if late && view.asked.is_some() => {
            let message = "the Kubernetes API server was last heard too long ago: nothing is known about it now";
            ("cluster-stale", Severity::Warning, message.to_owned())
        }
        None => return None,
    };
    let object = object("cluster", "kubernetes", None);
    Some(Fault { rule, severity, object, owner: None, mission: None, message, evidence: vec![], count: 1 })
}

/// A kind that can't be seen, and what to do about it.
fn unseen(kind: Kind, standing: &Standing, is_broken: impl Fn(Timestamp) -> bool) -> Option<Fault> {
    let (rule, severity, message) = match standing {
        Standing::Listing | Standing::Live => return None,
        Standing::Denied(said) => (
            "watch-denied",
            Severity::Warning,
            format!(
                "{} can't be watched, and nothing is found about them: {said}. Grant it in a ClusterRole: \
                 {{apiGroups: [\"{}\"], resources: [{}], verbs: [list, watch]}}",
                kind.plural(),
                kind.group(),
                kind.plural()
            ),
        ),
        Standing::Absent => (
            "watch-absent",
            Severity::Info,
            format!("the API server has no {} in {}, so nothing is found about them", kind.plural(), group(kind)),
        ),
        Standing::Broken(since, _) if !is_broken(*since) => return None,
        Standing::Broken(_, problem) => (
            "watch-broken",
            Severity::Warning,
            format!("{} are not told about any more, and what is known of them is old: {problem}", kind.plural()),
        ),
    };
    let object = object("watch", kind.plural(), None);
    Some(Fault { rule, severity, object, owner: None, mission: None, message, evidence: vec![], count: 1 })
}

fn group(kind: Kind) -> &'static str {
    match kind.group() {
        "" => "its first API group",
        group => group,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kubernetes::{Name, Right, Troubles, Watch, cluster};
    use crate::ledger::SeenFinding;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn rules(ledger: &Ledger, view: ClusterView) -> Vec<&'static str> {
        let observation = Observation { at: NOW, kubernetes: Some(view), ..Observation::default() };
        look(ledger, &observation).iter().map(|fault| fault.rule).collect()
    }

    fn answering() -> ClusterView {
        ClusterView { asked: Some(NOW), answered: Some(NOW), ..ClusterView::default() }
    }

    fn trouble() -> Trouble {
        let object = |kind: Kind, name: &str| cluster::Key::new(kind, &Name::new("shop", name)).object(None);
        Trouble {
            rule: "pod-crash-loop",
            severity: Severity::Critical,
            object: object(Kind::Pod, "web-1"),
            owner: object(Kind::Deployment, "web"),
            message: "it ends again and again".to_owned(),
            evidence: Vec::new(),
            count: 3,
        }
    }

    #[test]
    fn a_silent_cluster_is_told_and_nothing_new_of_it() {
        let view = |problem: Option<&str>| ClusterView {
            problem: problem.map(str::to_owned),
            troubles: Arc::new(Troubles { told: vec![Arc::new(trouble())], omitted: 0 }),
            ..answering()
        };
        let nothing_known = Ledger::default();
        assert_eq!(rules(&nothing_known, view(None)), ["pod-crash-loop"]);
        assert_eq!(rules(&nothing_known, view(Some("refused"))), ["cluster-unreachable"]);
        let late = ClusterView { answered: Some(Timestamp(NOW.0 - STALE_MS - 1)), ..view(None) };
        assert_eq!(rules(&nothing_known, late), ["cluster-stale"]);

        let mut known = Ledger::default();
        let seen = SeenFinding {
            rule: "pod-crash-loop".to_owned(),
            first_seen: NOW,
            changed: NOW,
            content: crate::digest::Digest::ZERO,
            acknowledged_until: None,
        };
        known.findings.insert(fault(&trouble()).id(), seen);
        assert_eq!(rules(&known, view(Some("refused"))), ["cluster-unreachable", "pod-crash-loop"]);
    }

    #[test]
    fn what_cant_be_watched_is_told_with_what_grants_it() {
        let watch =
            |standing: Standing| ClusterView { watches: vec![Watch { kind: Kind::Ingress, standing }], ..answering() };
        let ledger = Ledger::default();
        let broken = |ms: u64| watch(Standing::Broken(Timestamp(NOW.0 - ms), "reset".to_owned()));
        for (view, told) in [
            (watch(Standing::Listing), &[][..]),
            (watch(Standing::Live), &[]),
            (watch(Standing::Absent), &["watch-absent"]),
            (watch(Standing::Denied("forbidden".to_owned())), &["watch-denied"]),
            (broken(STALE_MS), &[]),
            (broken(STALE_MS + 1), &["watch-broken"]),
            (ClusterView { problem: Some("refused".to_owned()), ..broken(STALE_MS + 1) }, &["cluster-unreachable"]),
            // It was silent, and has just come back.
            (ClusterView { answers_since: Some(Timestamp(NOW.0 - STALE_MS)), ..broken(2 * STALE_MS) }, &[]),
            (
                ClusterView { answers_since: Some(Timestamp(NOW.0 - STALE_MS - 1)), ..broken(2 * STALE_MS) },
                &["watch-broken"],
            ),
        ] {
            assert_eq!(rules(&ledger, view), told);
        }
        let observation = Observation {
            at: NOW,
            kubernetes: Some(watch(Standing::Denied("forbidden".to_owned()))),
            ..Observation::default()
        };
        let message = &look(&ledger, &observation)[0].message;
        assert!(
            message.contains("{apiGroups: [\"networking.k8s.io\"], resources: [ingresses], verbs: [list, watch]}"),
            "{message}"
        );
    }

    #[test]
    fn the_same_fault_of_two_pods_of_one_deployment_has_one_name() {
        let mut other = trouble();
        other.object.name = "web-2".to_owned();
        assert_eq!(fault(&trouble()).id(), fault(&other).id());
        other.owner.name = "shop".to_owned();
        assert_ne!(fault(&trouble()).id(), fault(&other).id());
    }

    #[test]
    fn rights_are_told_by_what_grants_them_and_too_many_as_one() {
        let right = |resource: &'static str, verb: &'static str| Right {
            namespace: Some("workers".to_owned()),
            group: "batch",
            resource,
            name: None,
            verb,
        };
        let missing = vec![right("jobs", "create"), right("jobs", "delete"), right("pods", "get")];
        let excess = vec![Right { namespace: None, group: "", ..right("secrets", "get") }; 3];
        let view = ClusterView { rights: Arc::new(OwnRights { missing, excess }), ..answering() };
        let observation = Observation { at: NOW, kubernetes: Some(view), ..Observation::default() };
        let faults = look(&Ledger::default(), &observation);
        let [jobs, pods, excess] = &faults[..] else { panic!("{faults:?}") };
        let said = "the host may not create, delete jobs.batch in workers: what takes that is not done. Grant it: {apiGroups: \
                    [\"batch\"], resources: [jobs], verbs: [create, delete]} in a Role of the namespace workers";
        assert_eq!((jobs.rule, jobs.message.as_str()), ("right-missing", said));
        assert_eq!(
            (jobs.object.name.as_str(), pods.object.name.as_str()),
            ("jobs.batch in workers", "pods.batch in workers")
        );
        assert_eq!((excess.rule, excess.count, excess.severity), ("rights-excess", 3, Severity::Info));
        assert_eq!(excess.evidence[0], Fact::new("may", "get secrets"));
    }

    #[test]
    fn a_worker_that_reaches_the_api_server_is_told() {
        let told = |worker_reached: bool| {
            let view = ClusterView { worker_reached, ..answering() };
            let observation = Observation { at: NOW, kubernetes: Some(view), ..Observation::default() };
            look(&Ledger::default(), &observation).iter().map(|fault| fault.rule).collect::<Vec<_>>()
        };
        assert_eq!((told(true), told(false)), (vec!["network-open"], vec![]));
    }
}
