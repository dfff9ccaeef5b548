//! The host's own rights in a cluster: which ones its work takes, and which nobody should have who acts on other people's words.
//!
//! All are lists that somebody can read. What a watch takes is a list of its own: while a host runs, that it is missing is told
//! where it is refused.
//! Not here: who asks the API server (`observe`), and the manifests that grant the first list, which a test compares with it.

use super::cluster::Kind;

/// One right, as the API server is asked about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// In which namespace; in all of them, or of what is in none, where it is not said.
    pub namespace: Option<String>,
    /// The API group; empty for the first.
    pub group: &'static str,
    /// The resource, and its subresource after a slash.
    pub resource: &'static str,
    /// The one object, where it is about one.
    pub name: Option<String>,
    /// What is done.
    pub verb: &'static str,
}

/// What a host does in a cluster beside looking at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duties {
    /// It runs workers.
    pub workers: Option<WorkersDuty>,
    /// It looks after missions that are objects, and hears people's answers.
    pub missions: bool,
}

/// Where a host runs workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkersDuty {
    /// Their namespace.
    pub namespace: String,
    /// The host's own, where its Lease is.
    pub own: String,
    /// The Lease.
    pub lease: String,
    /// The Service by which workers find the host, where its address is asked for.
    pub service: Option<String>,
}

/// What the host may and what it may not, as far as that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnRights {
    /// What it needs and lacks.
    pub missing: Vec<Right>,
    /// What it has and should not.
    pub excess: Vec<Right>,
}

impl Right {
    /// The resource without its subresource, and that.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.resource.split_once('/').unwrap_or((self.resource, ""))
    }

    /// The right as people read it: `create jobs.batch in shop`.
    pub fn text(&self) -> String {
        let group = if self.group.is_empty() { String::new() } else { format!(".{}", self.group) };
        let name = self.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        let place = self.namespace.as_ref().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
        format!("{} {}{group}{name}{place}", self.verb, self.resource)
    }

    /// The rule of a role that grants these verbs of it, and where that role is.
    pub fn grant(&self, verbs: &[&str]) -> String {
        let role = match &self.namespace {
            Some(namespace) => format!("a Role of the namespace {namespace}"),
            None => "a ClusterRole".to_owned(),
        };
        let names = self.name.as_ref().map(|name| format!(", resourceNames: [{name}]")).unwrap_or_default();
        format!(
            "{{apiGroups: [\"{}\"], resources: [{}]{names}, verbs: [{}]}} in {role}",
            self.group,
            self.resource,
            verbs.join(", ")
        )
    }
}

/// Some verbs of one object, or of all objects of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verbs {
    /// What they are about; its verb is empty.
    pub about: Right,
    /// The verbs, as they came.
    pub verbs: Vec<&'static str>,
}

impl Verbs {
    /// What is about the same, together. The rights are sorted.
    pub fn gather(rights: &[Right]) -> Vec<Verbs> {
        let about = |right: &Right| Right { verb: "", ..right.clone() };
        let same = rights.chunk_by(|a, b| about(a) == about(b));
        same.map(|same| Verbs { about: about(&same[0]), verbs: same.iter().map(|right| right.verb).collect() })
            .collect()
    }

    /// What they are about: `jobs.batch in shop`.
    pub fn object(&self) -> String {
        self.about.text().trim_start().to_owned()
    }

    /// As people read them: `create, get jobs.batch in shop`.
    pub fn text(&self) -> String {
        format!("{} {}", self.verbs.join(", "), self.object())
    }

    /// The rule of a role that grants them, and where that role is.
    pub fn grant(&self) -> String {
        self.about.grant(&self.verbs)
    }
}

/// Rights of one resource.
fn each(
    namespace: Option<&str>,
    group: &'static str,
    resource: &'static str,
    name: Option<&str>,
    verbs: &[&'static str],
) -> Vec<Right> {
    let right = |verb: &&'static str| Right {
        namespace: namespace.map(str::to_owned),
        group,
        resource,
        name: name.map(str::to_owned),
        verb,
    };
    verbs.iter().map(right).collect()
}

/// What these duties take, sorted.
pub fn needed(duties: &Duties) -> Vec<Right> {
    let mut rights = Vec::new();
    if let Some(WorkersDuty { namespace, own, lease, service }) = &duties.workers {
        let (there, here) = (Some(namespace.as_str()), Some(own.as_str()));
        rights.extend(each(there, "batch", "jobs", None, &["create", "get", "list", "watch", "delete"]));
        rights.extend(each(there, "", "configmaps", None, &["create", "get", "delete"]));
        rights.extend(each(there, "", "pods", None, &["get", "list", "watch"]));
        rights.extend(each(there, "", "pods/log", None, &["get"]));
        rights.extend(each(there, "", "events", None, &["list"]));
        rights.extend(each(None, "authentication.k8s.io", "tokenreviews", None, &["create"]));
        rights.extend(each(here, "coordination.k8s.io", "leases", None, &["create"]));
        rights.extend(each(here, "coordination.k8s.io", "leases", Some(lease), &["get", "update"]));
        rights.extend(service.iter().flat_map(|name| each(here, "", "services", Some(name), &["get"])));
    }
    if duties.missions {
        rights.extend(each(None, "quarterdeck.dev", "missions", None, &["list", "watch", "get", "patch"]));
        rights.extend(each(None, "quarterdeck.dev", "missions/status", None, &["patch"]));
        rights.extend(each(None, "", "events", None, &["create"]));
        rights.extend(each(None, "quarterdeck.dev", "approvals", None, &["list", "watch"]));
        rights.extend(each(None, "quarterdeck.dev", "approvals/status", None, &["patch"]));
        for policies in ["validatingadmissionpolicies", "validatingadmissionpolicybindings"] {
            rights.extend(each(None, "admissionregistration.k8s.io", policies, Some(APPROVAL_POLICY), &["get"]));
        }
    }
    rights.sort();
    rights
}

/// What the watches take: all kinds, in all namespaces.
pub fn watched() -> Vec<Right> {
    let of = |kind: &Kind| each(None, kind.group(), kind.plural(), None, &["list", "watch"]);
    let mut rights: Vec<Right> = Kind::ALL.iter().flat_map(of).collect();
    rights.sort();
    rights
}

/// The policy that lets nobody speak in another one's name.
pub const APPROVAL_POLICY: &str = "quarterdeck-approval-by";

/// What the host never needs, whatever it does, and what would let it read secrets, enter what others run, take more rights, or say
/// yes to itself; in all namespaces.
pub fn unwanted() -> Vec<Right> {
    let all = |group, resource, verbs: &[&'static str]| each(None, group, resource, None, verbs);
    let (rbac, admission) = ("rbac.authorization.k8s.io", "admissionregistration.k8s.io");
    let mut rights = [
        all("*", "*", &["*"]),
        all("", "secrets", &["get", "list", "watch"]),
        all("", "pods", &["create"]),
        all("", "pods/exec", &["create"]),
        all("", "pods/attach", &["create"]),
        all("", "pods/portforward", &["create"]),
        all("", "pods/ephemeralcontainers", &["patch"]),
        all("", "nodes/proxy", &["get", "create"]),
        all("", "serviceaccounts/token", &["create"]),
        all("", "users", &["impersonate"]),
        all("", "groups", &["impersonate"]),
        all("", "serviceaccounts", &["impersonate"]),
        all("", "namespaces", &["update", "patch", "delete"]),
        all("apps", "deployments", &["create", "patch"]),
        all("apps", "daemonsets", &["create", "patch"]),
        all("batch", "cronjobs", &["create", "patch"]),
        all(rbac, "clusterroles", &["bind", "escalate"]),
        all(rbac, "roles", &["bind", "escalate"]),
        all(rbac, "clusterrolebindings", &["create", "patch"]),
        all(rbac, "rolebindings", &["create", "patch"]),
        all(admission, "validatingadmissionpolicies", &["patch", "delete"]),
        all(admission, "validatingadmissionpolicybindings", &["patch", "delete"]),
        all("quarterdeck.dev", "approvals", &["create"]),
    ]
    .concat();
    rights.sort();
    rights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Duties {
        let workers = WorkersDuty {
            namespace: "workers".to_owned(),
            own: "host".to_owned(),
            lease: "one".to_owned(),
            service: Some("here".to_owned()),
        };
        Duties { workers: Some(workers), missions: true }
    }

    #[test]
    fn nothing_is_needed_that_is_unwanted() {
        assert!(needed(&Duties::default()).is_empty(), "a patrol needs its watches alone");
        let (needed, unwanted) = (needed(&all()), unwanted());
        assert!(needed.len() > 25 && unwanted.len() > 25, "{} {}", needed.len(), unwanted.len());
        let same = |a: &Right, b: &Right| (a.group, a.resource, a.verb) == (b.group, b.resource, b.verb);
        assert!(needed.iter().all(|right| !unwanted.iter().any(|other| same(right, other))));
        for list in [needed, unwanted] {
            let mut once = list.clone();
            once.dedup();
            assert_eq!(list, once);
        }
    }

    #[test]
    fn verbs_of_one_object_are_told_together() {
        let gathered = Verbs::gather(&needed(&all()));
        let texts: Vec<String> = gathered.iter().map(Verbs::text).collect();
        for told in [
            "get, update leases.coordination.k8s.io one in host",
            "patch missions/status.quarterdeck.dev",
            "get services here in host",
        ] {
            assert!(texts.iter().any(|text| text == told), "{told}: {texts:?}");
        }
        assert_eq!(gathered.iter().map(|verbs| verbs.verbs.len()).sum::<usize>(), needed(&all()).len());
        let watched = Verbs::gather(&watched());
        assert_eq!(watched.len(), Kind::ALL.len());
        assert!(watched.iter().all(|verbs| verbs.verbs == ["list", "watch"]));
        assert!(watched[0].grant().ends_with("in a ClusterRole"));
    }

    #[test]
    fn a_right_is_told_as_people_write_it() {
        let rights = needed(&all());
        let of = |text: &str| rights.iter().find(|right| right.text() == text).unwrap_or_else(|| panic!("{text}"));
        let lease = of("update leases.coordination.k8s.io one in host");
        assert_eq!(
            lease.grant(&["get", "update"]),
            "{apiGroups: [\"coordination.k8s.io\"], resources: [leases], resourceNames: [one], verbs: [get, update]} in a Role of \
             the namespace host"
        );
        assert_eq!(of("get pods/log in workers").parts(), ("pods", "log"));
        assert!(of("create tokenreviews.authentication.k8s.io").grant(&["create"]).ends_with("in a ClusterRole"));
    }
}
