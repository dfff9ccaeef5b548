//! How pods are reached, and what is asked before an object is written.

use super::object::{Labels, Meta, Name, Selector, Text};
use crate::ids::Timestamp;

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// What it is.
    pub meta: Meta,
    /// Its type, such as `ClusterIP`.
    pub kind: Text,
    /// Which pods it leads to; none where somebody else makes its endpoints.
    pub selector: Option<Labels>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Whether its load balancer has an address.
    pub has_address: bool,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name.
    pub name: Option<Text>,
    /// Its number.
    pub number: u16,
}

/// A part of a Service's endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSlice {
    /// What it is.
    pub meta: Meta,
    /// The Service, in the same namespace.
    pub service: Option<Text>,
    /// How many endpoints are ready.
    pub ready: u32,
    /// When it was written last.
    pub changed: Timestamp,
}

/// An Ingress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// What it is.
    pub meta: Meta,
    /// The class that it names.
    pub class: Option<Text>,
    /// Whether it names its controller by an annotation, as was done before there were classes.
    pub annotated: bool,
    /// Where it leads to; each once.
    pub backends: Vec<Backend>,
    /// Whether some controller gave it an address.
    pub has_address: bool,
}

/// Where an Ingress leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backend {
    /// The Service, in the same namespace.
    pub service: Text,
    /// Its port.
    pub port: BackendPort,
}

/// The port of a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackendPort {
    /// By its name.
    Name(Text),
    /// By its number.
    Number(u16),
}

/// An IngressClass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressClass {
    /// What it is.
    pub meta: Meta,
    /// Whether it is for who names none.
    pub default: bool,
}

/// A NetworkPolicy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// What it is.
    pub meta: Meta,
    /// Which pods it is about.
    pub pods: Selector,
}

/// A ValidatingWebhookConfiguration or a MutatingWebhookConfiguration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhooks {
    /// What it is.
    pub meta: Meta,
    /// The webhooks.
    pub hooks: Vec<Webhook>,
}

/// Who is asked before an object is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its name.
    pub name: Text,
    /// The Service that answers; none where it is an address outside the cluster.
    pub service: Option<Name>,
    /// Whether nothing is written while it does not answer.
    pub fails_closed: bool,
}
