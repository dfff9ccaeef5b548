//! Namespaces: one that was deleted and does not go.

use super::Symptom;
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::node::Namespace;
use crate::kubernetes::object::{Condition, condition};
use crate::situation::Severity;

/// What is in a namespace is deleted within this time, unless something holds it.
const GONE_MS: u64 = 60_000;

/// What may hold a namespace, and what that means; the first that holds is told, since the later ones follow from it.
const HOLDS: [(&str, &str); 5] = [
    (
        "NamespaceDeletionDiscoveryFailure",
        "an API group does not answer, so nobody knows what is left in it: mend or delete the APIService",
    ),
    ("NamespaceDeletionGroupVersionParsingFailure", "an API group has a name that nobody can read"),
    ("NamespaceDeletionContentFailure", "what is in it cannot be deleted"),
    ("NamespaceFinalizersRemaining", "what is in it waits for finalizers: see to who has to take them away"),
    ("NamespaceContentRemaining", "something is still in it"),
];

pub(super) fn look(_cluster: &Cluster, namespace: &Namespace) -> Vec<Symptom> {
    let Some(deleted) = namespace.meta.deleted else { return Vec::new() };
    let held = |kind: &str| condition(&namespace.conditions, kind).filter(|condition| condition.holds == Some(true));
    let told = HOLDS.iter().find_map(|(kind, means)| held(kind).map(|condition| (condition, *means)));
    let message = match told {
        Some((condition, means)) => format!("its deletion is stuck: {means} ({})", uncounted(&condition.message)),
        None => "its deletion is stuck, and its controller does not say why: see whether that runs".to_owned(),
    };
    let symptom = Symptom::new("namespace-stuck-terminating", Severity::Warning, message);
    let said = |symptom: Symptom, condition: &Condition| symptom.seen_by(&condition.kind, &condition.message);
    vec![namespace.conditions.iter().fold(symptom.from(deleted.plus_ms(GONE_MS)), said)]
}

/// The words without how many objects are left, which changes while some of them go.
fn uncounted(said: &str) -> String {
    let mut words: Vec<&str> = said.split(' ').collect();
    while let Some(end) = words.windows(2).position(|two| two[0] == "resource" && two[1].starts_with("instances")) {
        // `… has 3 resource instances` or `… in 3 resource instances`: with the comma that ends it.
        let comma = words[end + 1].ends_with(',');
        words.drain(end.saturating_sub(2)..end + 2);
        if comma {
            words.insert(end.saturating_sub(2), "and");
        }
    }
    words.join(" ").trim_end_matches('.').replace(". and ", " and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Timestamp;
    use crate::kubernetes::object::{Labels, Meta, Name};

    fn namespace(deleted: Option<u64>, conditions: &[(&str, &str)]) -> Namespace {
        let meta = Meta {
            name: Name::new("", "shop"),
            uid: "uid".into(),
            created: Timestamp(1_000),
            deleted: deleted.map(Timestamp),
            owner: None,
            labels: Labels::default(),
            finalizers: Vec::new(),
        };
        let condition = |(kind, message): &(&str, &str)| Condition {
            kind: (*kind).into(),
            holds: Some(true),
            reason: "Some".into(),
            message: (*message).to_owned(),
            since: Timestamp(3_000),
        };
        Namespace { meta, conditions: conditions.iter().map(condition).collect() }
    }

    #[test]
    fn a_deleted_namespace_is_told_after_a_minute_by_what_holds_it() {
        let content =
            ("NamespaceContentRemaining", "Some resources are remaining: configmaps. has 1 resource instances");
        let finalizers = (
            "NamespaceFinalizersRemaining",
            "Some content in the namespace has finalizers remaining: a.test/x in 12 resource instances",
        );
        let discovery =
            ("NamespaceDeletionDiscoveryFailure", "Discovery failed for some groups: metrics.k8s.io/v1beta1");
        for (conditions, words) in [
            (&[][..], "does not say why"),
            (&[content], "(Some resources are remaining: configmaps)"),
            (&[content, finalizers], "finalizers remaining: a.test/x)"),
            (
                &[content, finalizers, discovery],
                "APIService (Discovery failed for some groups: metrics.k8s.io/v1beta1)",
            ),
        ] {
            let symptoms = look(&Cluster::default(), &namespace(Some(2_000), conditions));
            assert_eq!(symptoms.len(), 1);
            assert_eq!(symptoms[0].rule, "namespace-stuck-terminating");
            assert!(symptoms[0].message.contains(words), "{}", symptoms[0].message);
            assert!(!symptoms[0].holds(Timestamp(61_999)) && symptoms[0].holds(Timestamp(62_000)));
            assert_eq!(symptoms[0].evidence.len(), conditions.len());
        }
        assert!(look(&Cluster::default(), &namespace(None, &[content])).is_empty());
    }

    #[test]
    fn counts_of_what_is_left_are_not_told() {
        for (said, told) in [
            (
                "left: configmaps. has 1 resource instances, pods. has 22 resource instances",
                "left: configmaps and pods",
            ),
            ("left: a in 1 resource instances, b in 2 resource instances", "left: a and b"),
            ("resource instances", ""),
            ("", ""),
        ] {
            assert_eq!(uncounted(said), told);
        }
    }
}
