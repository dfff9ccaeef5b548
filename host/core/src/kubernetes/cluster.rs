//! The objects of a cluster, each kind in a table of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::event::Event;
use super::network::{EndpointSlice, Ingress, IngressClass, NetworkPolicy, Service, Webhooks};
use super::node::{Namespace, Node, Quota};
use super::object::{Meta, Name};
use super::pod::{Phase, Pod};
use super::rights::{Binding, Role};
use super::rules::MISSES;
use super::storage::{Claim, StorageClass, Volume};
use super::workload::{Autoscaler, CronJob, DisruptionBudget, Job, Workload};
use crate::situation::ObjectRef;

/// Of one object so many warnings are kept, the newest: more is said by none of them.
pub const EVENTS_ABOUT_MAX: usize = 16;

/// Objects of one kind, by name.
#[derive(Clone, Debug)]
pub struct Table<T>(BTreeMap<Name, T>);

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table(BTreeMap::new())
    }
}

impl<T> Table<T> {
    /// The object of this name.
    pub fn get(&self, name: &Name) -> Option<&T> {
        self.0.get(name)
    }

    /// The object of this name in this namespace; an empty namespace is none.
    pub fn find(&self, namespace: &str, name: &str) -> Option<&T> {
        self.0.get(&Name::new(namespace, name))
    }

    /// All of them, by namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.values()
    }

    /// Those of one namespace, by name.
    pub fn within(&self, namespace: &str) -> impl Iterator<Item = &T> {
        let first = Name::new(namespace, "");
        self.0.range(first..).take_while(move |(name, _)| *name.namespace == *namespace).map(|(_, object)| object)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Declares the kinds that are looked at: their noun, their table, and their name in the API.
macro_rules! kinds {
    ($($kind:ident($noun:ident) in $table:ident: $group:literal $plural:literal,)*) => {
        /// A kind of object.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("A ", stringify!($kind), ".")] $kind,)*
        }

        /// An object of some kind.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Object {
            $(#[doc = concat!("A ", stringify!($kind), ".")] $kind($noun),)*
        }

        /// What is known of a cluster.
        #[derive(Clone, Debug, Default)]
        pub struct Cluster {
            /// The minor version of its API servers, such as 34 of 1.34.
            pub minor: Option<u32>,
            /// The kinds whose objects are all known.
            known: BTreeSet<Kind>,
            /// How many pods run.
            running: usize,
            /// The warnings about each object, by kind and name.
            about: BTreeMap<Key, BTreeSet<Name>>,
            $(#[doc = concat!("Each ", stringify!($kind), ".")] pub $table: Table<$noun>,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            /// The kind's name, such as `Pod`.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => stringify!($kind),)* }
            }

            /// The API group that it is in; the first group has an empty name.
            pub fn group(self) -> &'static str {
                match self { $(Kind::$kind => $group,)* }
            }

            /// What it is called in paths and roles, such as `pods`.
            pub fn plural(self) -> &'static str {
                match self { $(Kind::$kind => $plural,)* }
            }
        }

        impl Object {
            /// What kind it is.
            pub fn kind(&self) -> Kind {
                match self { $(Object::$kind(_) => Kind::$kind,)* }
            }

            /// What it is, whoever it is.
            pub fn meta(&self) -> &Meta {
                match self { $(Object::$kind(object) => &object.meta,)* }
            }
        }

        impl Cluster {
            /// What the object of this kind and name is, whoever it is.
            pub fn meta(&self, key: &Key) -> Option<&Meta> {
                match key.kind { $(Kind::$kind => self.$table.get(&key.name).map(|object| &object.meta),)* }
            }

            /// The object of this kind and name.
            pub fn object(&self, key: &Key) -> Option<Object> {
                match key.kind { $(Kind::$kind => self.$table.get(&key.name).cloned().map(Object::$kind),)* }
            }

            /// How many objects of a kind there are.
            pub fn count(&self, kind: Kind) -> usize {
                match kind { $(Kind::$kind => self.$table.len(),)* }
            }

            /// The names of all objects of a kind.
            pub fn names(&self, kind: Kind) -> Vec<Name> {
                match kind { $(Kind::$kind => self.$table.0.keys().cloned().collect(),)* }
            }

            /// The names of the objects of a kind in a namespace.
            pub fn names_within(&self, kind: Kind, namespace: &str) -> Vec<Name> {
                match kind {
                    $(Kind::$kind => self.$table.within(namespace).map(|object| object.meta.name.clone()).collect(),)*
                }
            }

            pub(super) fn put(&mut self, object: Object) -> Option<Object> {
                let name = object.meta().name.clone();
                match object { $(Object::$kind(object) => self.$table.0.insert(name, object).map(Object::$kind),)* }
            }

            pub(super) fn take(&mut self, key: &Key) -> Option<Object> {
                match key.kind { $(Kind::$kind => self.$table.0.remove(&key.name).map(Object::$kind),)* }
            }
        }
    };
}

kinds! {
    Pod(Pod) in pods: "" "pods",
    Deployment(Workload) in deployments: "apps" "deployments",
    ReplicaSet(Workload) in replica_sets: "apps" "replicasets",
    StatefulSet(Workload) in stateful_sets: "apps" "statefulsets",
    DaemonSet(Workload) in daemon_sets: "apps" "daemonsets",
    Job(Job) in jobs: "batch" "jobs",
    CronJob(CronJob) in cron_jobs: "batch" "cronjobs",
    HorizontalPodAutoscaler(Autoscaler) in autoscalers: "autoscaling" "horizontalpodautoscalers",
    PodDisruptionBudget(DisruptionBudget) in budgets: "policy" "poddisruptionbudgets",
    Service(Service) in services: "" "services",
    EndpointSlice(EndpointSlice) in slices: "discovery.k8s.io" "endpointslices",
    Ingress(Ingress) in ingresses: "networking.k8s.io" "ingresses",
    IngressClass(IngressClass) in ingress_classes: "networking.k8s.io" "ingressclasses",
    NetworkPolicy(NetworkPolicy) in network_policies: "networking.k8s.io" "networkpolicies",
    ValidatingWebhookConfiguration(Webhooks) in validating_webhooks:
        "admissionregistration.k8s.io" "validatingwebhookconfigurations",
    MutatingWebhookConfiguration(Webhooks) in mutating_webhooks:
        "admissionregistration.k8s.io" "mutatingwebhookconfigurations",
    PersistentVolumeClaim(Claim) in claims: "" "persistentvolumeclaims",
    PersistentVolume(Volume) in volumes: "" "persistentvolumes",
    StorageClass(StorageClass) in storage_classes: "storage.k8s.io" "storageclasses",
    Node(Node) in nodes: "" "nodes",
    Namespace(Namespace) in namespaces: "" "namespaces",
    ResourceQuota(Quota) in quotas: "" "resourcequotas",
    Role(Role) in roles: "rbac.authorization.k8s.io" "roles",
    ClusterRole(Role) in cluster_roles: "rbac.authorization.k8s.io" "clusterroles",
    RoleBinding(Binding) in role_bindings: "rbac.authorization.k8s.io" "rolebindings",
    ClusterRoleBinding(Binding) in cluster_role_bindings: "rbac.authorization.k8s.io" "clusterrolebindings",
    Event(Event) in events: "" "events",
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
}

impl Key {
    /// Which object.
    pub fn new(kind: Kind, name: &Name) -> Key {
        Key { kind, name: name.clone() }
    }

    /// Which object this is.
    pub fn of(object: &Object) -> Key {
        Key::new(object.kind(), &object.meta().name)
    }

    /// The object for policies and people.
    pub fn object(&self, uid: Option<&str>) -> ObjectRef {
        reference(self.kind.name(), &self.name, uid)
    }
}

pub(super) fn reference(kind: &str, name: &Name, uid: Option<&str>) -> ObjectRef {
    let namespace = (!name.namespace.is_empty()).then(|| name.namespace.to_string());
    ObjectRef { kind: kind.to_owned(), namespace, name: name.name.to_string(), uid: uid.map(str::to_owned) }
}

impl Kind {
    /// The kind of this name, where it is one that is looked at.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// An owner chain is followed this far: Kubernetes' own are two long.
const OWNERS_MAX: usize = 4;

impl Cluster {
    /// The warnings about an object, the newest first.
    pub fn warnings(&self, kind: Kind, name: &Name) -> Vec<&Event> {
        let Some(names) = self.about.get(&Key::new(kind, name)) else { return Vec::new() };
        let mut events: Vec<&Event> = names.iter().filter_map(|name| self.events.get(name)).collect();
        events.sort_by(|a, b| (b.last, &b.meta.name).cmp(&(a.last, &a.meta.name)));
        events.truncate(EVENTS_ABOUT_MAX);
        events
    }

    /// What is answerable for an object in the end: the owner of its owner, as far as that is known. A static pod's node
    /// is not answerable for it.
    pub fn root(&self, key: &Key) -> ObjectRef {
        let mut at = key.clone();
        let mut uid = self.meta(key).map(|meta| meta.uid.to_string());
        for _ in 0..OWNERS_MAX {
            let Some(owner) = self.meta(&at).and_then(|meta| meta.owner.as_ref()) else { break };
            if &*owner.kind == Kind::Node.name() {
                break;
            }
            let name = Name { namespace: at.name.namespace.clone(), name: owner.name.clone() };
            let Some(kind) = Kind::named(&owner.kind) else { return reference(&owner.kind, &name, Some(&owner.uid)) };
            uid = Some(owner.uid.to_string());
            at = Key { kind, name };
        }
        at.object(uid.as_deref())
    }

    /// Whether what this rule tells can be told: all kinds are known that it may miss an object of.
    pub(super) fn can_tell(&self, rule: &str) -> bool {
        MISSES.iter().filter(|(of, _)| *of == rule).all(|(_, kinds)| kinds.iter().all(|kind| self.known.contains(kind)))
    }

    /// Notes whether all objects of a kind are known; says whether that is anything new.
    pub(super) fn knows(&mut self, kind: Kind, known: bool) -> bool {
        if known { self.known.insert(kind) } else { self.known.remove(&kind) }
    }

    /// Whether an object is not there any more, as far as objects of its kind are looked at.
    pub(super) fn is_gone(&self, object: &ObjectRef) -> bool {
        let Some(kind) = Kind::named(&object.kind) else { return false };
        let name = Name::new(object.namespace.as_deref().unwrap_or_default(), &object.name);
        self.meta(&Key { kind, name }).is_none()
    }

    /// How many pods run.
    pub fn pods_running(&self) -> usize {
        self.running
    }

    /// Keeps the indices.
    pub(super) fn index(&mut self, gone: Option<&Object>, come: Option<&Object>) {
        let running = |object: Option<&Object>| match object {
            Some(Object::Pod(pod)) => usize::from(pod.phase == Phase::Running),
            Some(_) | None => 0,
        };
        self.running = self.running + running(come) - running(gone);
        if let Some(Object::Event(event)) = gone
            && let Some(about) = about(event)
            && let Some(names) = self.about.get_mut(&about)
        {
            names.remove(&event.meta.name);
            if names.is_empty() {
                self.about.remove(&about);
            }
        }
        if let Some(Object::Event(event)) = come
            && let Some(about) = about(event)
        {
            self.about.entry(about).or_default().insert(event.meta.name.clone());
        }
    }
}

fn about(event: &Event) -> Option<Key> {
    Kind::named(&event.about_kind).map(|kind| Key::new(kind, &event.about))
}
