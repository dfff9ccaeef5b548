//! Which cluster: the one of the kubeconfig, as kubectl chooses it, or the one that this pod stands in.

use kube::config::{InferConfigError, KubeConfigOptions, KubeconfigError};
use kube::{Client, Config};

/// A cluster that can be asked.
#[derive(Clone)]
pub struct Connection {
    /// What it is called, for people.
    pub name: String,
    pub(crate) client: Client,
}

/// Why no cluster can be asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no such context, or the kubeconfig can't be used.
    #[error("use the context {context:?} of the kubeconfig ($KUBECONFIG or ~/.kube/config)")]
    Context {
        /// Which was asked for.
        context: String,
        /// Why not.
        #[source]
        source: KubeconfigError,
    },
    /// There is no cluster to be found.
    #[error("find a Kubernetes cluster: no kubeconfig ($KUBECONFIG or ~/.kube/config) can be used, and this is no pod")]
    Infer(#[from] InferConfigError),
    /// The kubeconfig names what no client can be made of.
    #[error("make a client for the Kubernetes API at {server}")]
    Client {
        /// Its address.
        server: String,
        /// Why not.
        #[source]
        source: kube::Error,
    },
}

/// Chooses the cluster: the named context of the kubeconfig, or its current one, or the one that this pod stands in.
///
/// # Errors
/// Where none is to be found. One that does not answer is no error here, but what is seen of it.
pub async fn connect(context: Option<&str>) -> Result<Connection, ConnectError> {
    let config = match context {
        None => Config::infer().await?,
        Some(context) => {
            let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            Config::from_kubeconfig(&options)
                .await
                .map_err(|source| ConnectError::Context { context: context.to_owned(), source })?
        }
    };
    let server = config.cluster_url.to_string();
    let name = match context {
        None => format!("at {server}"),
        Some(context) => format!("of context {context} at {server}"),
    };
    let client = Client::try_from(config).map_err(|source| ConnectError::Client { server, source })?;
    Ok(Connection { name, client })
}
