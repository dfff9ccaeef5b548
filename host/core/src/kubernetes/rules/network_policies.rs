//! Network policies: are they about any pod?

use super::{SETTLE_MS, Symptom};
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::network::NetworkPolicy;
use crate::kubernetes::object::Selector;
use crate::situation::Severity;

/// A policy that selects nothing leaves somebody open whom its author meant to shield; most often by a label that is
/// written in two ways. One for all pods of its namespace is right whoever is there.
pub(super) fn look(cluster: &Cluster, policy: &NetworkPolicy) -> Vec<Symptom> {
    let pods = || cluster.pods.within(&policy.meta.name.namespace);
    let for_all = policy.pods == Selector::default();
    if policy.meta.deleted.is_some() || for_all || pods().any(|pod| policy.pods.selects(&pod.meta.labels)) {
        return Vec::new();
    }
    let (severity, message) = match pods().next() {
        Some(_) => (
            Severity::Warning,
            "it shields nobody: no pod of its namespace has the labels that it selects; correct its selector or the \
             labels of the pods",
        ),
        None => (Severity::Info, "it shields nobody: there is no pod in its namespace"),
    };
    let symptom = Symptom::new("network-policy-selects-nothing", severity, message.to_owned());
    vec![symptom.from(policy.meta.created.plus_ms(SETTLE_MS))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::cluster::{Key, Kind, Object};
    use crate::kubernetes::object::{Demand, How};
    use crate::kubernetes::rules::examine;
    use crate::kubernetes::rules::example::{cluster, labels, meta, pod};

    #[test]
    fn a_policy_is_about_some_pod() {
        let app = |name: &str| Selector { labels: labels(&[("app", name)]), demands: vec![] };
        let demands = |how| Selector { demands: vec![Demand { key: "app".into(), how }], ..Selector::default() };
        let web = || pod("shop", "web-1", &[("app", "web"), ("tier", "front")]);
        let elsewhere = || pod("mall", "web-1", &[("app", "wbe")]);
        let (warning, info) = (Some(Severity::Warning), Some(Severity::Info));
        for (name, selector, pods, severity) in [
            ("some", app("web"), vec![web()], None),
            ("none", app("wbe"), vec![web()], warning),
            ("none here", app("wbe"), vec![web(), elsewhere()], warning),
            ("nobody is here", app("web"), vec![elsewhere()], info),
            ("all", Selector::default(), vec![web()], None),
            ("all, who are none", Selector::default(), vec![], None),
            ("by a demand", demands(How::Exists), vec![web()], None),
            ("by a demand that nobody meets", demands(How::NotIn(vec!["web".into()])), vec![web()], warning),
        ] {
            let policy = NetworkPolicy { meta: meta("shop", "web"), pods: selector };
            let key = Key::new(Kind::NetworkPolicy, &policy.meta.name);
            let cluster = cluster(pods.into_iter().chain([Object::NetworkPolicy(policy)]));
            let symptoms = examine(&cluster, &key);
            assert_eq!(symptoms.first().map(|symptom| symptom.severity), severity, "{name}");
            assert!(symptoms.iter().all(|symptom| symptom.rule == "network-policy-selects-nothing"), "{name}");
        }
    }
}
