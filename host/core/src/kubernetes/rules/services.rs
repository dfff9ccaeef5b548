//! Services: do they lead anywhere, and does a load balancer have its address?

use super::{SETTLE_MS, Symptom};
use crate::ids::Timestamp;
use crate::kubernetes::cluster::{Cluster, Kind};
use crate::kubernetes::network::Service;
use crate::kubernetes::object::Name;
use crate::situation::Severity;

/// A cloud makes a load balancer within this time.
const ADDRESS_MS: u64 = 2 * 60_000;

pub(super) fn look(cluster: &Cluster, service: &Service) -> Vec<Symptom> {
    if service.meta.deleted.is_some() {
        return Vec::new();
    }
    no_endpoints(cluster, service).into_iter().chain(no_address(cluster, service)).collect()
}

/// Whether something answers for a Service.
pub(super) enum Answers {
    /// It leads to another name, outside of the cluster.
    Elsewhere,
    /// An endpoint is ready.
    Ready,
    /// None is, since then.
    Nobody(Timestamp),
}

/// Whether something answers for a Service that is there.
pub(super) fn answers(cluster: &Cluster, service: &Service) -> Answers {
    if is_elsewhere(service) {
        return Answers::Elsewhere;
    }
    let Name { namespace, name } = &service.meta.name;
    let mut since = service.meta.created;
    for slice in cluster.slices.within(namespace).filter(|slice| slice.service.as_ref() == Some(name)) {
        if slice.ready > 0 {
            return Answers::Ready;
        }
        since = since.max(slice.changed);
    }
    Answers::Nobody(since)
}

/// Whether a Service is only another name of something outside of the cluster.
pub(super) fn is_elsewhere(service: &Service) -> bool {
    &*service.kind == "ExternalName"
}

/// Where a Service has no selector, somebody else makes its endpoints, and may well have none to give.
fn no_endpoints(cluster: &Cluster, service: &Service) -> Option<Symptom> {
    let selector = service.selector.as_ref()?;
    let Answers::Nobody(since) = answers(cluster, service) else { return None };
    let pods = cluster.pods.within(&service.meta.name.namespace);
    let selected = pods.filter(|pod| selector.are_among(&pod.meta.labels)).count();
    let message = match selected {
        0 => {
            "it leads nowhere: no pod of its namespace has the labels that it selects; correct its selector or the \
             labels of the pods, or start the workload that it is for"
        }
        _ => "it leads nowhere: it selects pods, and none of them is ready; see what is wrong with them",
    };
    let symptom = Symptom::new("service-no-endpoints", Severity::Critical, message.to_owned());
    Some(symptom.seen_by("selected-pods", &selected.to_string()).from(since.plus_ms(SETTLE_MS)))
}

fn no_address(cluster: &Cluster, service: &Service) -> Option<Symptom> {
    if &*service.kind != "LoadBalancer" || service.has_address {
        return None;
    }
    let meta = &service.meta;
    let warnings = cluster.warnings(Kind::Service, &meta.name);
    let message = match warnings.into_iter().find(|warning| warning.about_uid == meta.uid) {
        Some(warning) => format!("its load balancer has no address: {}", warning.message),
        None => "its load balancer has no address, and nobody says why: does anything in this cluster make load \
                 balancers, for a Service of this class?"
            .to_owned(),
    };
    let symptom = Symptom::new("service-no-address", Severity::Critical, message);
    Some(symptom.from(meta.created.plus_ms(ADDRESS_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::Patrol;
    use crate::kubernetes::cluster::{Key, Object};
    use crate::kubernetes::network::EndpointSlice;
    use crate::kubernetes::rules::examine;
    use crate::kubernetes::rules::example::{MADE, cluster, labels, meta, pod, warning};

    fn web() -> Service {
        Service {
            meta: meta("shop", "web"),
            kind: "ClusterIP".into(),
            selector: Some(labels(&[("app", "web")])),
            ports: Vec::new(),
            has_address: false,
        }
    }

    fn of_kind(kind: &str) -> Service {
        Service { kind: kind.into(), ..web() }
    }

    fn slice(namespace: &str, service: &str, ready: u32) -> Object {
        Object::EndpointSlice(EndpointSlice {
            meta: meta(namespace, &format!("{service}-{ready}")),
            service: Some(service.into()),
            ready,
            changed: MADE.plus_ms(5_000),
        })
    }

    fn seen(service: &Service, others: Vec<Object>) -> Vec<Symptom> {
        let key = Key::new(Kind::Service, &service.meta.name);
        examine(&cluster(others.into_iter().chain([Object::Service(service.clone())])), &key)
    }

    fn front() -> Object {
        pod("shop", "web-1", &[("app", "web"), ("tier", "front")])
    }

    #[test]
    fn a_service_leads_to_a_pod_that_is_ready_or_nowhere() {
        let no_selector = Service { selector: None, ..web() };
        let addressed = Service { has_address: true, ..of_kind("LoadBalancer") };
        let deleted = |service: Service| {
            let meta = crate::kubernetes::Meta { deleted: Some(MADE), ..service.meta.clone() };
            Service { meta, ..service }
        };
        let (nowhere, addressless) = ("service-no-endpoints", "service-no-address");
        for (name, service, others, rules) in [
            ("a ready endpoint", web(), vec![slice("shop", "web", 1)], vec![]),
            ("one of two slices", web(), vec![slice("shop", "web", 0), slice("shop", "web", 2)], vec![]),
            ("no slice at all", web(), vec![], vec![nowhere]),
            ("an empty slice", web(), vec![slice("shop", "web", 0)], vec![nowhere]),
            ("another one's slice", web(), vec![slice("shop", "api", 1)], vec![nowhere]),
            ("a namesake's slice", web(), vec![slice("mall", "web", 1)], vec![nowhere]),
            ("endpoints by hand", no_selector, vec![], vec![]),
            ("another name", of_kind("ExternalName"), vec![], vec![]),
            ("going away", deleted(of_kind("LoadBalancer")), vec![], vec![]),
            ("an address is not needed", of_kind("NodePort"), vec![slice("shop", "web", 1)], vec![]),
            ("no address", of_kind("LoadBalancer"), vec![slice("shop", "web", 1)], vec![addressless]),
            ("an address", addressed, vec![slice("shop", "web", 1)], vec![]),
            ("neither", of_kind("LoadBalancer"), vec![], vec![nowhere, addressless]),
        ] {
            let symptoms = seen(&service, others);
            assert_eq!(symptoms.iter().map(|symptom| symptom.rule).collect::<Vec<_>>(), rules, "{name}");
        }
    }

    #[test]
    fn it_is_said_whether_there_are_pods_at_all() {
        for (pods, said, count) in [
            (vec![], "no pod of its namespace has the labels", "0"),
            (vec![pod("shop", "api", &[("app", "api")]), pod("mall", "web-1", &[("app", "web")])], "no pod", "0"),
            (vec![front(), pod("shop", "web-2", &[("app", "web")])], "none of them is ready", "2"),
        ] {
            let symptoms = seen(&web(), pods);
            assert!(symptoms[0].message.contains(said), "{symptoms:?}");
            assert_eq!(symptoms[0].evidence[0].value, count);
        }
    }

    #[test]
    fn endpoints_may_be_away_for_a_moment_and_an_address_may_take_a_while() {
        let symptoms = seen(&of_kind("LoadBalancer"), vec![slice("shop", "web", 0)]);
        let from: Vec<Timestamp> = symptoms.iter().map(|symptom| symptom.from).collect();
        assert_eq!(from, [MADE.plus_ms(5_000 + SETTLE_MS), MADE.plus_ms(ADDRESS_MS)]);
    }

    #[test]
    fn who_makes_load_balancers_says_why_there_is_none() {
        let service = of_kind("LoadBalancer");
        let ready = slice("shop", "web", 1);
        let quota = warning("Service", &service.meta, "SyncLoadBalancerFailed", "no quota is left");
        let before = crate::kubernetes::Meta { uid: "another".into(), ..service.meta.clone() };
        let of_a_namesake = warning("Service", &before, "SyncLoadBalancerFailed", "no quota is left");
        assert!(seen(&service, vec![ready.clone(), quota])[0].message.ends_with("no quota is left"));
        assert!(seen(&service, vec![ready, of_a_namesake])[0].message.contains("nobody says why"));
    }

    #[test]
    fn a_pod_that_comes_or_goes_changes_what_is_said() {
        let mut patrol = Patrol::default();
        Kind::ALL.iter().for_each(|kind| patrol.knows(*kind, true));
        let now = MADE.plus_ms(60_000);
        let said = |patrol: &mut Patrol| patrol.look(now).told[0].message.clone();
        patrol.put(Object::Service(web()));
        assert!(said(&mut patrol).contains("no pod"));
        patrol.put(front());
        assert!(said(&mut patrol).contains("none of them is ready"));
        patrol.remove(&Key::of(&front()));
        assert!(said(&mut patrol).contains("no pod"));
        patrol.put(slice("shop", "web", 1));
        assert!(patrol.look(now).told.is_empty());
    }
}
