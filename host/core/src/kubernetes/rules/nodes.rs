//! Nodes: one that is not ready, is under pressure, was cordoned and forgotten, or is too old or too new.

use super::Symptom;
use super::pods::steady;
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::node::Node;
use crate::kubernetes::object::{Condition, condition};
use crate::situation::Severity;

/// A node that joins is not ready at first: its network comes last.
const JOINED_MS: u64 = 60_000;
/// Who cordons a node for some work is done with it within a day.
const CORDONED_MS: u64 = 24 * 60 * 60_000;
/// A kubelet may be this many minor versions older than the API servers (Kubernetes' version skew policy, since 1.28).
const MINORS_BEHIND_MAX: u32 = 3;

/// What a node may suffer from, and what that means; the worst first.
const PRESSURES: [(&str, Severity, &str); 4] = [
    ("NetworkUnavailable", Severity::Critical, "its network is not set up: see to the network plugin"),
    ("MemoryPressure", Severity::Warning, "it is short of memory and evicts pods: add memory, or lower what pods use"),
    ("DiskPressure", Severity::Warning, "it is short of disk space and evicts pods: free space, or add some"),
    ("PIDPressure", Severity::Warning, "it is short of process ids: find what starts so many, or raise the limit"),
];

pub(super) fn look(cluster: &Cluster, node: &Node) -> Vec<Symptom> {
    let symptoms = [not_ready(node), pressure(node), cordoned(node), skew(cluster.minor, node)];
    symptoms.into_iter().flatten().collect()
}

fn not_ready(node: &Node) -> Option<Symptom> {
    let Some(ready) = condition(&node.conditions, "Ready") else {
        let message =
            "its kubelet has said nothing of it: see whether it runs and may speak to the API server".to_owned();
        let symptom = Symptom::new("node-not-ready", Severity::Critical, message);
        return Some(symptom.from(node.meta.created.plus_ms(JOINED_MS)));
    };
    let words = said(ready);
    let message = match ready.holds {
        Some(true) => return None,
        Some(false) => format!("it is not ready{words}"),
        None => format!("its kubelet has fallen silent{words}: see whether the machine and its kubelet run"),
    };
    let symptom = Symptom::new("node-not-ready", Severity::Critical, message).seen_by("reason", &ready.reason);
    Some(symptom.seen_by("runtime", &node.runtime).from(node.meta.created.plus_ms(JOINED_MS)))
}

fn pressure(node: &Node) -> Option<Symptom> {
    let suffers = |kind: &str| condition(&node.conditions, kind).filter(|condition| condition.holds == Some(true));
    let all = PRESSURES.iter().filter_map(|(kind, severity, means)| Some((suffers(kind)?, *severity, *means)));
    let mut symptom: Option<Symptom> = None;
    for (condition, severity, means) in all {
        let told = match symptom.take() {
            None => Symptom::new("node-pressure", severity, means.to_owned()),
            Some(known) => Symptom { message: format!("{}; {means}", known.message), ..known },
        };
        symptom = Some(told.seen_by(&condition.kind, &condition.message));
    }
    symptom
}

fn cordoned(node: &Node) -> Option<Symptom> {
    let since = node.cordoned_since.filter(|_| node.cordoned)?;
    let message = "it was cordoned more than a day ago, and gets no pods: uncordon it, or take it out".to_owned();
    let symptom = Symptom::new("node-cordoned-long", Severity::Info, message).from(since.plus_ms(CORDONED_MS));
    Some(symptom.seen_by("since", &since.utc()))
}

fn skew(served: Option<u32>, node: &Node) -> Option<Symptom> {
    let (served, minor) = (served?, minor(&node.kubelet)?);
    let message = if minor > served {
        format!(
            "its kubelet ({}) is newer than the API servers (1.{served}), which is not supported: upgrade those first",
            node.kubelet
        )
    } else if served - minor > MINORS_BEHIND_MAX {
        format!(
            "its kubelet ({}) is more than {MINORS_BEHIND_MAX} minor versions older than the API servers (1.{served}), \
             which is not supported: upgrade it",
            node.kubelet
        )
    } else {
        return None;
    };
    Some(Symptom::new("node-version-skew", Severity::Warning, message))
}

/// The minor version of a version such as `v1.34.4+k3s1`; a fork's own number is none of Kubernetes'.
fn minor(version: &str) -> Option<u32> {
    let mut parts = version.strip_prefix("v1.")?.split('.');
    parts.next()?.parse().ok()
}

fn said(condition: &Condition) -> String {
    let words = steady(&condition.message);
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Timestamp;
    use crate::kubernetes::object::{Labels, Meta, Name};

    const DAY_MS: u64 = 24 * 60 * 60_000;

    fn node(conditions: &[(&str, Option<bool>, &str)]) -> Node {
        let meta = Meta {
            name: Name::new("", "node1"),
            uid: "uid".into(),
            created: Timestamp(1_000),
            deleted: None,
            owner: None,
            labels: Labels::default(),
            finalizers: Vec::new(),
        };
        let condition = |(kind, holds, message): &(&str, Option<bool>, &str)| Condition {
            kind: (*kind).into(),
            holds: *holds,
            reason: "Kubelet".into(),
            message: (*message).to_owned(),
            since: Timestamp(500_000),
        };
        Node {
            meta,
            conditions: conditions.iter().map(condition).collect(),
            cordoned: false,
            cordoned_since: None,
            kubelet: "v1.34.4".into(),
            runtime: "containerd://1.7".into(),
        }
    }

    fn told(node: &Node, minor: Option<u32>, second: u64) -> Vec<(&'static str, Severity, String)> {
        let mut cluster = Cluster::default();
        cluster.minor = minor;
        let symptoms = look(&cluster, node).into_iter();
        let holds = symptoms.filter(|symptom| symptom.holds(Timestamp(second * 1_000)));
        holds.map(|symptom| (symptom.rule, symptom.severity, symptom.message)).collect()
    }

    #[test]
    fn a_node_is_ready_or_told_with_its_kubelets_words() {
        for (conditions, words) in [
            (&[("Ready", Some(true), "kubelet is posting ready status")][..], None),
            (
                &[("Ready", Some(false), "cni plugin not initialized")],
                Some("it is not ready: cni plugin not initialized"),
            ),
            (
                &[("Ready", None, "Kubelet stopped posting node status.")],
                Some("silent: Kubelet stopped posting node status"),
            ),
            (&[], Some("said nothing")),
        ] {
            let symptoms = told(&node(conditions), None, 600);
            assert_eq!(symptoms.len(), usize::from(words.is_some()), "{symptoms:?}");
            if let Some(words) = words {
                assert_eq!((symptoms[0].0, symptoms[0].1), ("node-not-ready", Severity::Critical));
                assert!(symptoms[0].2.contains(words), "{}", symptoms[0].2);
                assert!(told(&node(conditions), None, 60).is_empty(), "a node that joins has a minute");
            }
        }
    }

    #[test]
    fn pressures_are_one_trouble_of_which_the_worst_counts() {
        let ready = ("Ready", Some(true), "");
        let memory = ("MemoryPressure", Some(true), "kubelet has insufficient memory available");
        let network = ("NetworkUnavailable", Some(true), "no route");
        for (conditions, severity, parts) in [
            (&[ready, ("DiskPressure", Some(false), ""), ("PIDPressure", None, "")][..], None, 0),
            (&[ready, memory], Some(Severity::Warning), 1),
            (&[ready, memory, ("DiskPressure", Some(true), "")], Some(Severity::Warning), 2),
            (&[ready, memory, network], Some(Severity::Critical), 2),
        ] {
            let symptoms = told(&node(conditions), None, 600);
            assert_eq!(symptoms.first().map(|symptom| symptom.1), severity);
            assert!(symptoms.iter().all(|symptom| symptom.0 == "node-pressure"));
            assert_eq!(symptoms.iter().map(|symptom| symptom.2.split("; ").count()).sum::<usize>(), parts);
        }
    }

    #[test]
    fn a_cordon_is_told_after_a_day() {
        let ready = node(&[("Ready", Some(true), "")]);
        let cordon =
            |cordoned, since: Option<u64>| Node { cordoned, cordoned_since: since.map(Timestamp), ..ready.clone() };
        let day = DAY_MS / 1_000;
        assert_eq!(told(&cordon(true, Some(2_000)), None, day + 2)[0].0, "node-cordoned-long");
        assert!(told(&cordon(true, Some(2_000)), None, day + 1).is_empty());
        assert!(told(&cordon(true, None), None, day * 9).is_empty());
        assert!(told(&cordon(false, Some(2_000)), None, day * 9).is_empty());
    }

    #[test]
    fn a_kubelet_may_be_three_minors_older_and_none_newer() {
        for (kubelet, served, words) in [
            ("v1.34.4", Some(34), None),
            ("v1.31.0", Some(34), None),
            ("v1.30.9", Some(34), Some("older")),
            ("v1.35.0-alpha.1+abc", Some(34), Some("newer")),
            ("v1.30.9", None, None),
            ("v2.1", Some(34), None),
            ("v1.x", Some(34), None),
            ("", Some(34), None),
        ] {
            let node = Node { kubelet: kubelet.into(), ..node(&[("Ready", Some(true), "")]) };
            let symptoms = told(&node, served, 600);
            assert_eq!(symptoms.first().map(|symptom| symptom.0), words.map(|_| "node-version-skew"), "{kubelet}");
            assert!(words.is_none_or(|words| symptoms[0].2.contains(words)));
        }
    }
}
