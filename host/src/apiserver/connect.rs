//! Which cluster: the one of the kubeconfig, as kubectl chooses it, or the one that this pod stands in.
//!
//! A kubeconfig holds keys. So what is wrong with one is said by the place of the fault and never by its text, and an
//! address is told without what stands before its host.

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use quarterdeck_core::text::escape;

/// A cluster that can be asked.
#[derive(Clone)]
pub struct Connection {
    /// What it is called, for people.
    pub name: String,
    /// The API server's address.
    pub server: String,
    /// How it was chosen.
    pub origin: Origin,
    pub(crate) client: Client,
}

/// How a cluster was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By this context of the kubeconfig.
    Context(String),
    /// It is the one that this pod stands in.
    Pod,
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
        source: Unusable,
    },
    /// There is no cluster to be found.
    #[error("find a Kubernetes cluster: no kubeconfig ($KUBECONFIG or ~/.kube/config) can be used, and this is no pod")]
    Infer(#[source] Unusable),
    /// The kubeconfig names what no client can be made of.
    #[error("make a client for the Kubernetes API at {server}")]
    Client {
        /// Its address.
        server: String,
        /// Why not.
        #[source]
        source: Unusable,
    },
}

/// Why a kubeconfig can't be used, with nothing of it that may be a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

impl From<KubeconfigError> for Unusable {
    fn from(error: KubeconfigError) -> Unusable {
        let KubeconfigError::Parse(problem) = &error else { return Unusable(escape(&error.to_string())) };
        // Its own words show the lines around the fault.
        Unusable(match problem.location() {
            Some(at) => format!("the kubeconfig is not understood at line {}, column {}", at.line(), at.column()),
            None => "the kubeconfig is not understood".to_owned(),
        })
    }
}

/// Why a request can't show who asks, with nothing of it that may be a key; nothing where that is not what is wrong.
pub(super) fn credentials(error: &kube::Error) -> Option<String> {
    use kube::client::AuthError;
    let kube::Error::Auth(error) = error else { return None };
    Some(match error {
        // What such a program prints, and what it is started with, may be a token.
        AuthError::AuthExecRun { out, .. } => format!("the program that gets a token ended with {}", out.status),
        AuthError::AuthExecParse(_) => "the program that gets a token printed something else".to_owned(),
        AuthError::AuthExecStart(problem) => format!("the program that gets a token can't be started: {problem}"),
        AuthError::ReadTokenFile(problem, path) => {
            format!("the token's file {} can't be read: {problem}", path.display())
        }
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => "the token can't be sent".to_owned(),
        AuthError::UnrefreshableTokenResponse
        | AuthError::ExecPluginFailed
        | AuthError::MalformedTokenExpirationDate(_)
        | AuthError::AuthExecSerialize(_)
        | AuthError::AuthExec(_)
        | AuthError::ParseTokenKey(_)
        | AuthError::MissingCommand
        | AuthError::ExecMissingClusterInfo
        | AuthError::NoValidNativeRootCA(_) => "the kubeconfig's user has no token that can be used".to_owned(),
    })
}

/// Chooses the cluster: the named context of the kubeconfig, or its current one, or the one that this pod stands in.
///
/// # Errors
/// Where none is to be found. One that does not answer is no error here, but what is seen of it.
pub async fn connect(context: Option<&str>) -> Result<Connection, ConnectError> {
    let (config, origin) = match context {
        None => infer().await?,
        Some(context) => {
            let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            let config = Config::from_kubeconfig(&options)
                .await
                .map_err(|source| ConnectError::Context { context: context.to_owned(), source: source.into() })?;
            (config, Origin::Context(context.to_owned()))
        }
    };
    let server = address(&config.cluster_url.to_string());
    let name = match context {
        None => format!("at {server}"),
        Some(context) => format!("of context {context} at {server}"),
    };
    let client = Client::try_from(config).map_err(|error| {
        let source = Unusable(credentials(&error).unwrap_or_else(|| escape(&error.to_string())));
        ConnectError::Client { server: server.clone(), source }
    })?;
    Ok(Connection { name, server, origin, client })
}

/// As [`Config::infer`] chooses, and which of the two it was.
async fn infer() -> Result<(Config, Origin), ConnectError> {
    let (mut config, origin) = match Config::from_kubeconfig(&KubeConfigOptions::default()).await {
        Ok(config) => {
            let current = Kubeconfig::read().ok().and_then(|read| read.current_context);
            (config, Origin::Context(current.unwrap_or_default()))
        }
        Err(why) => match Config::incluster() {
            Ok(config) => (config, Origin::Pod),
            Err(_) => return Err(ConnectError::Infer(why.into())),
        },
    };
    config.apply_debug_overrides();
    Ok((config, origin))
}

/// An address without a user and a password.
fn address(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return escape(url) };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    escape(&format!("{scheme}://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_kubeconfig_is_told_by_the_place_and_not_by_the_text() {
        for text in [
            "users: [{name: u, user: s3cret-t0ken}]",
            "users:\n  - name: u\n    user:\n      token: s3cret-t0ken\n    : [",
        ] {
            let told = Unusable::from(Kubeconfig::from_yaml(text).unwrap_err()).to_string();
            assert!(told.contains("not understood at line") && !told.contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn an_address_is_told_without_a_password() {
        for (url, told) in [
            ("https://127.0.0.1:6443/", "https://127.0.0.1:6443/"),
            ("https://ada:s3cret@here:6443/path@x", "https://here:6443/path@x"),
            ("https://ada@here", "https://here"),
            ("here", "here"),
        ] {
            assert_eq!(address(url), told);
        }
    }
}
