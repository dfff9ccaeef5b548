//! Ingresses and their classes: does a controller take it, and is there what it leads to?
//!
//! Whether its certificates are there is not asked: they are Secrets, which nobody here reads.

use std::collections::BTreeSet;

use super::services::is_elsewhere;
use super::{SETTLE_MS, Symptom, defaults};
use crate::kubernetes::cluster::Cluster;
use crate::kubernetes::network::{Backend, BackendPort, Ingress, IngressClass};
use crate::situation::Severity;

/// What marks a class as the default.
const DEFAULT_MARK: &str = "ingressclass.kubernetes.io/is-default-class";
/// The port of a backend that is no Service but an action that an annotation describes: so the AWS controller has it.
const ACTION_PORT: &str = "use-annotation";

pub(super) fn look(cluster: &Cluster, ingress: &Ingress) -> Vec<Symptom> {
    if ingress.meta.deleted.is_some() {
        return Vec::new();
    }
    let symptoms = no_class(cluster, ingress).into_iter().chain(no_backend(cluster, ingress));
    symptoms.map(|symptom| symptom.from(ingress.meta.created.plus_ms(SETTLE_MS))).collect()
}

pub(super) fn class(cluster: &Cluster, class: &IngressClass) -> Vec<Symptom> {
    let defaults = cluster.ingress_classes.iter().filter(|class| class.default).map(|class| &class.meta);
    defaults::twice("ingress-class-default-twice", DEFAULT_MARK, defaults, &class.meta).into_iter().collect()
}

/// Nobody takes an Ingress whose class does not exist. One without a class may be taken all the same, by a controller
/// that takes what nobody else does: its address tells.
fn no_class(cluster: &Cluster, ingress: &Ingress) -> Option<Symptom> {
    let (severity, message) = match &ingress.class {
        Some(class) if cluster.ingress_classes.find("", class).is_some() => return None,
        Some(class) => {
            let message =
                format!("it names the class {class}, which does not exist, so nobody serves it: name one that does");
            (Severity::Critical, message)
        }
        None if ingress.annotated || ingress.has_address => return None,
        None if cluster.ingress_classes.iter().any(|class| class.default) => return None,
        None => {
            let message = format!(
                "it names no class, and none is the default, so nobody may serve it: name one, or mark one by the \
                 annotation {DEFAULT_MARK}"
            );
            (Severity::Warning, message)
        }
    };
    let classes: Vec<&str> = cluster.ingress_classes.iter().map(|class| &*class.meta.name.name).collect();
    Some(Symptom::new("ingress-class-missing", severity, message).seen_by("classes", &classes.join(", ")))
}

fn no_backend(cluster: &Cluster, ingress: &Ingress) -> Option<Symptom> {
    let lacks = |backend: &Backend| lack(cluster, ingress, backend);
    let lacking: BTreeSet<String> = ingress.backends.iter().filter_map(lacks).collect();
    let message = match (lacking.first()?, lacking.len() - 1) {
        (first, 0) => format!("{first}: make it, or lead elsewhere"),
        (first, others) => {
            format!("{first}, and {others} more of its backends are missing: make them, or lead elsewhere")
        }
    };
    let all = ingress.backends.iter().all(|backend| lacks(backend).is_some());
    let severity = if all { Severity::Critical } else { Severity::Warning };
    Some(Symptom::new("ingress-backend-missing", severity, message))
}

/// What is not there of a backend.
fn lack(cluster: &Cluster, ingress: &Ingress, backend: &Backend) -> Option<String> {
    let Backend { service: name, port } = backend;
    if matches!(port, BackendPort::Name(port) if &**port == ACTION_PORT) {
        return None;
    }
    let Some(service) = cluster.services.find(&ingress.meta.name.namespace, name) else {
        return Some(format!("it leads to the Service {name}, which does not exist"));
    };
    let has = match port {
        BackendPort::Name(port) => service.ports.iter().any(|known| known.name.as_ref() == Some(port)),
        BackendPort::Number(port) => service.ports.iter().any(|known| known.number == *port),
    };
    // Another name of something outside of the cluster needs to list no ports.
    if has || is_elsewhere(service) {
        return None;
    }
    Some(match port {
        BackendPort::Name(port) => {
            format!("it leads to the port {port} of the Service {name}, which has none of that name")
        }
        BackendPort::Number(port) => {
            format!("it leads to the port {port} of the Service {name}, which has no such port")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::cluster::{Key, Kind, Object};
    use crate::kubernetes::network::{Service, ServicePort};
    use crate::kubernetes::rules::examine;
    use crate::kubernetes::rules::example::{MADE, cluster, meta};

    fn ingress(class: Option<&str>, backends: Vec<Backend>) -> Ingress {
        Ingress {
            meta: meta("shop", "web"),
            class: class.map(Into::into),
            annotated: false,
            backends,
            has_address: false,
        }
    }

    fn nginx(default: bool) -> Object {
        Object::IngressClass(IngressClass { meta: meta("", "nginx"), default })
    }

    fn service(namespace: &str, name: &str, kind: &str, ports: &[(&str, u16)]) -> Object {
        let port = |(name, number): &(&str, u16)| ServicePort { name: Some((*name).into()), number: *number };
        Object::Service(Service {
            meta: meta(namespace, name),
            kind: kind.into(),
            selector: None,
            ports: ports.iter().map(port).collect(),
            has_address: false,
        })
    }

    fn number(service: &str, port: u16) -> Backend {
        Backend { service: service.into(), port: BackendPort::Number(port) }
    }

    fn named(service: &str, port: &str) -> Backend {
        Backend { service: service.into(), port: BackendPort::Name(port.into()) }
    }

    fn seen(ingress: Ingress, others: Vec<Object>) -> Vec<Symptom> {
        let key = Key::new(Kind::Ingress, &ingress.meta.name);
        examine(&cluster(others.into_iter().chain([Object::Ingress(ingress)])), &key)
    }

    #[test]
    fn an_ingress_has_a_class_that_exists() {
        let (critical, warning) = (Some(Severity::Critical), Some(Severity::Warning));
        let annotated = Ingress { annotated: true, ..ingress(None, vec![]) };
        let taken = Ingress { has_address: true, ..ingress(None, vec![]) };
        for (name, ingress, classes, severity) in [
            ("a class", ingress(Some("nginx"), vec![]), vec![nginx(false)], None),
            ("another class", ingress(Some("traefik"), vec![]), vec![nginx(true)], critical),
            ("no classes", ingress(Some("nginx"), vec![]), vec![], critical),
            ("by default", ingress(None, vec![]), vec![nginx(true)], None),
            ("no default", ingress(None, vec![]), vec![nginx(false)], warning),
            ("the old way", annotated, vec![nginx(false)], None),
            ("somebody took it", taken, vec![nginx(false)], None),
        ] {
            let symptoms = seen(ingress, classes);
            assert_eq!(symptoms.first().map(|symptom| symptom.severity), severity, "{name}");
            assert!(symptoms.iter().all(|symptom| symptom.rule == "ingress-class-missing"), "{symptoms:?}");
            assert!(symptoms.iter().all(|symptom| symptom.from == MADE.plus_ms(SETTLE_MS)), "{symptoms:?}");
        }
    }

    #[test]
    fn an_ingress_leads_to_services_and_ports_that_exist() {
        let web = || service("shop", "web", "ClusterIP", &[("http", 80)]);
        let elsewhere = || service("shop", "far", "ExternalName", &[]);
        let namesake = || service("mall", "web", "ClusterIP", &[("http", 80)]);
        let (critical, warning) = (Some(Severity::Critical), Some(Severity::Warning));
        for (name, backends, services, severity, said) in [
            ("by number", vec![number("web", 80)], vec![web()], None, ""),
            ("by name", vec![named("web", "http")], vec![web()], None, ""),
            ("nowhere", vec![], vec![], None, ""),
            ("no service", vec![number("web", 80)], vec![], critical, "the Service web, which does not exist: make"),
            ("a namesake", vec![number("web", 80)], vec![namesake()], critical, "which does not exist: make"),
            ("no such number", vec![number("web", 81)], vec![web()], critical, "the port 81 of the Service web"),
            ("no such name", vec![named("web", "https")], vec![web()], critical, "the port https of the Service web"),
            ("in part", vec![number("web", 80), number("api", 80)], vec![web()], warning, "the Service api"),
            ("two", vec![number("api", 80), number("web", 81)], vec![web()], critical, "and 1 more of its backends"),
            ("another name", vec![number("far", 443)], vec![elsewhere()], None, ""),
            ("an action", vec![named("redirect", "use-annotation")], vec![], None, ""),
        ] {
            let symptoms = seen(ingress(Some("nginx"), backends), services.into_iter().chain([nginx(false)]).collect());
            assert_eq!(symptoms.first().map(|symptom| symptom.severity), severity, "{name}");
            for symptom in &symptoms {
                assert_eq!(symptom.rule, "ingress-backend-missing", "{name}");
                assert!(symptom.message.contains(said), "{name}: {}", symptom.message);
            }
        }
    }

    #[test]
    fn a_second_default_class_is_told_once() {
        let class = |name: &str, default| Object::IngressClass(IngressClass { meta: meta("", name), default });
        let told = |classes: Vec<Object>| {
            let cluster = cluster(classes);
            let keys = cluster.names(Kind::IngressClass).into_iter().map(|name| Key::new(Kind::IngressClass, &name));
            let symptoms =
                keys.flat_map(|key| examine(&cluster, &key).into_iter().map(move |symptom| (key.clone(), symptom)));
            symptoms.map(|(key, symptom)| (key.name.to_string(), symptom.message)).collect::<Vec<_>>()
        };
        assert!(told(vec![class("a", true), class("b", false)]).is_empty());
        assert!(told(vec![class("a", false), class("b", true)]).is_empty());
        let two = told(vec![class("a", false), class("b", true), class("c", true)]);
        assert!(matches!(&two[..], [(name, said)] if name == "b" && said.contains("this one and c:")), "{two:?}");
        let five = told(["a", "b", "c", "d", "e"].map(|name| class(name, true)).to_vec());
        assert!(matches!(&five[..], [(name, said)] if name == "a" && said.contains("b, c, d and 1 more:")), "{five:?}");
    }
}
