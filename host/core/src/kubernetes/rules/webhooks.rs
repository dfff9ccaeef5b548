//! Webhooks: is there who is asked before an object is written? Those at an address outside of the cluster are not
//! looked at: from here nobody can tell.

use super::services::{Answers, answers};
use super::{SETTLE_MS, Symptom};
use crate::ids::Timestamp;
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::network::{Webhook, Webhooks};
use crate::situation::Severity;

pub(super) fn look(cluster: &Cluster, webhooks: &Webhooks) -> Vec<Symptom> {
    let mut missing = Faults::default();
    let mut silent = Faults::default();
    for hook in &webhooks.hooks {
        let Some(name) = &hook.service else { continue };
        match cluster.services.get(name).map(|service| answers(cluster, service)) {
            None => missing.add(hook, webhooks.meta.created),
            Some(Answers::Nobody(since)) => silent.add(hook, since),
            Some(Answers::Ready | Answers::Elsewhere) => {}
        }
    }
    let missing = missing.symptom("webhook-service-missing", "does not exist", "bring it back, or remove this webhook");
    let silent = silent.symptom(
        "webhook-no-endpoints",
        "has no endpoint that is ready",
        "see what is wrong with its pods, or remove this webhook",
    );
    missing.into_iter().chain(silent).collect()
}

/// Webhooks of one configuration with the same fault.
#[derive(Default)]
struct Faults<'a> {
    hooks: Vec<&'a Webhook>,
    since: Timestamp,
}

impl<'a> Faults<'a> {
    fn add(&mut self, hook: &'a Webhook, since: Timestamp) {
        self.since = self.since.max(since);
        self.hooks.push(hook);
    }

    /// The symptom: of the first that stops others, where one does.
    fn symptom(&self, rule: &'static str, what: &str, cure: &str) -> Option<Symptom> {
        let closed = self.hooks.iter().find(|hook| hook.fails_closed);
        let hook = closed.or(self.hooks.first())?;
        let service = hook.service.as_ref()?;
        let (severity, follows) = match closed {
            Some(_) => (Severity::Critical, "whatever it is asked about is refused"),
            None => (Severity::Warning, "whatever it is asked about is written as if it had agreed"),
        };
        let others = match self.hooks.len() - 1 {
            0 => String::new(),
            others => format!(" (nor do the Services of {others} more answer)"),
        };
        let name = &hook.name;
        let message = format!("{name} asks the Service {service}, which {what}{others}: {follows}; {cure}");
        Some(Symptom::new(rule, severity, message).from(self.since.plus_ms(SETTLE_MS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::cluster::{Key, Kind, Object};
    use crate::kubernetes::network::{EndpointSlice, Service};
    use crate::kubernetes::object::Name;
    use crate::kubernetes::rules::examine;
    use crate::kubernetes::rules::example::{MADE, cluster, meta};

    fn hook(name: &str, service: Option<&str>, fails_closed: bool) -> Webhook {
        Webhook { name: name.into(), service: service.map(|service| Name::new("guards", service)), fails_closed }
    }

    fn service(name: &str, kind: &str) -> Object {
        Object::Service(Service {
            meta: meta("guards", name),
            kind: kind.into(),
            selector: None,
            ports: Vec::new(),
            has_address: false,
        })
    }

    fn slice(service: &str, ready: u32) -> Object {
        Object::EndpointSlice(EndpointSlice {
            meta: meta("guards", &format!("{service}-1")),
            service: Some(service.into()),
            ready,
            changed: MADE.plus_ms(7_000),
        })
    }

    fn seen(kind: Kind, hooks: Vec<Webhook>, others: Vec<Object>) -> Vec<Symptom> {
        let webhooks = Webhooks { meta: meta("", "guard"), hooks };
        let key = Key::new(kind, &webhooks.meta.name);
        let object = if kind == Kind::MutatingWebhookConfiguration {
            Object::MutatingWebhookConfiguration(webhooks)
        } else {
            Object::ValidatingWebhookConfiguration(webhooks)
        };
        examine(&cluster(others.into_iter().chain([object])), &key)
    }

    #[test]
    fn a_webhook_asks_a_service_that_answers() {
        let (missing, silent) = ("webhook-service-missing", "webhook-no-endpoints");
        let (critical, warning) = (Severity::Critical, Severity::Warning);
        let pod = || vec![service("guard", "ClusterIP"), slice("guard", 1)];
        let nobody = || vec![service("guard", "ClusterIP"), slice("guard", 0)];
        for kind in [Kind::ValidatingWebhookConfiguration, Kind::MutatingWebhookConfiguration] {
            for (name, hooks, others, expected) in [
                ("answers", vec![hook("a", Some("guard"), true)], pod(), vec![]),
                ("far away", vec![hook("a", None, true)], vec![], vec![]),
                ("another name", vec![hook("a", Some("far"), true)], vec![service("far", "ExternalName")], vec![]),
                ("gone, closed", vec![hook("a", Some("guard"), true)], vec![], vec![(missing, critical)]),
                ("gone, open", vec![hook("a", Some("guard"), false)], vec![], vec![(missing, warning)]),
                ("silent, closed", vec![hook("a", Some("guard"), true)], nobody(), vec![(silent, critical)]),
                ("silent, open", vec![hook("a", Some("guard"), false)], nobody(), vec![(silent, warning)]),
                (
                    "each",
                    vec![hook("a", Some("guard"), false), hook("b", Some("gone"), true)],
                    nobody(),
                    vec![(missing, critical), (silent, warning)],
                ),
            ] {
                let symptoms = seen(kind, hooks, others);
                let told: Vec<_> = symptoms.iter().map(|symptom| (symptom.rule, symptom.severity)).collect();
                assert_eq!(told, expected, "{name}");
            }
        }
    }

    #[test]
    fn one_that_refuses_is_named_before_those_that_let_pass() {
        let hooks = vec![hook("a", Some("one"), false), hook("b", Some("two"), true)];
        let symptoms = seen(Kind::ValidatingWebhookConfiguration, hooks, vec![]);
        let said = &symptoms[0].message;
        assert!(said.starts_with("b asks the Service guards/two, which does not exist (nor do"), "{said}");
        assert!(said.contains("of 1 more") && said.contains("is refused"), "{said}");
        assert_eq!(symptoms[0].from, MADE.plus_ms(SETTLE_MS));
    }

    #[test]
    fn endpoints_may_be_away_for_a_moment() {
        let others = vec![service("guard", "ClusterIP"), slice("guard", 0)];
        let symptoms = seen(Kind::ValidatingWebhookConfiguration, vec![hook("a", Some("guard"), true)], others);
        assert_eq!(symptoms[0].from, MADE.plus_ms(7_000 + SETTLE_MS));
    }
}
