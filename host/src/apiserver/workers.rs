//! How workers of a cluster run, as the operator's file says it; the defaults are those of `deploy/kubernetes`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use quarterdeck_core::kubernetes::WorkersDuty;
use quarterdeck_core::terraform::secrets::SecretGrant;
use serde::Deserialize;

use super::lease;

/// How workers of a cluster run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkersWanted {
    /// Where the host answers workers, over TLS.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// The Service by which workers find it.
    #[serde(default)]
    pub service: ServiceName,
    /// Where workers find it in place of a Service, `HOST:PORT`: for a host that is not in the cluster.
    #[serde(default)]
    pub address: Option<String>,
    /// Agent-Builder's workers.
    pub builder: BuilderWanted,
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// How Agent-Builder's workers run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuilderWanted {
    /// The namespace of their Jobs; nothing else lives in it.
    #[serde(default = "builder_namespace")]
    pub namespace: String,
    /// The account of their pods. It may do nothing; its token is for the host alone.
    #[serde(default = "builder_account")]
    pub service_account: String,
    /// Their image, by digest.
    pub image: String,
    /// The program in the image.
    #[serde(default = "program")]
    pub program: PathBuf,
    /// Terraform in the image.
    #[serde(default = "terraform")]
    pub terraform: PathBuf,
    /// Variables that Terraform gets beside what the worker sets, such as where providers are found. No secrets: they
    /// stand in a ConfigMap.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Which missions may have which Secrets of the namespace, as values of Terraform's variables.
    #[serde(default)]
    pub secrets: Vec<SecretGrant>,
    /// The engine's socket on the node, mounted into the builder's container alone.
    #[serde(default = "engine_socket")]
    pub engine_socket: PathBuf,
    /// The labels of the node whose engine it is; any node where there are none.
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    /// What a pod asks for, and its limits.
    #[serde(default)]
    pub resources: ResourcesWanted,
}

/// Kubernetes' quantities for a worker's container.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourcesWanted {
    /// `requests`.
    #[serde(default)]
    pub requests: BTreeMap<String, String>,
    /// `limits`.
    #[serde(default)]
    pub limits: BTreeMap<String, String>,
}

impl WorkersWanted {
    /// Where they run, as far as it takes rights.
    pub fn duty(&self) -> WorkersDuty {
        WorkersDuty {
            namespace: self.builder.namespace.clone(),
            own: self.service.namespace.clone(),
            lease: lease::NAME.to_owned(),
            service: self.address.is_none().then(|| self.service.name.clone()),
        }
    }
}

impl Default for ServiceName {
    fn default() -> ServiceName {
        ServiceName { namespace: "ai-agent".to_owned(), name: "quarterdeck-workers".to_owned() }
    }
}

impl Default for ResourcesWanted {
    fn default() -> ResourcesWanted {
        let quantities = |list: &[(&str, &str)]| list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        ResourcesWanted {
            requests: quantities(&[("cpu", "100m"), ("memory", "256Mi")]),
            // Terraform and a provider take some 200 MB; the disk holds the provider, plan and states.
            limits: quantities(&[("memory", "1Gi"), ("ephemeral-storage", "2Gi")]),
        }
    }
}

fn listen() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 8443))
}

fn builder_namespace() -> String {
    "quarterdeck-builder".to_owned()
}

fn builder_account() -> String {
    "builder".to_owned()
}

fn program() -> PathBuf {
    "/usr/local/bin/quarterdeck-worker".into()
}

fn terraform() -> PathBuf {
    "/usr/local/bin/terraform".into()
}

fn engine_socket() -> PathBuf {
    "/var/run/docker.sock".into()
}
