//! What a kubelet tells a pod by its environment and in no other way: where the API server is, and the values of the variables that
//! are secrets. The one room of the worker that reads it, and of a worker in a cluster only: elsewhere it is the host's own.

use quarterdeck_core::redaction::Secret;
use quarterdeck_core::terraform::secrets::VARIABLE_PREFIX;

/// The API server's address in the cluster, `HOST:PORT`.
#[allow(clippy::disallowed_methods, reason = "this is the room that reads it")]
pub(crate) fn api_server() -> Option<String> {
    let told = |name: &str| std::env::var(name).ok();
    Some(address(&told("KUBERNETES_SERVICE_HOST")?, &told("KUBERNETES_SERVICE_PORT")?))
}

fn address(host: &str, port: &str) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The values of variables that are secrets, by what Terraform looks for.
pub(crate) fn secrets() -> Vec<(String, Secret)> {
    among(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))))
}

fn among(environment: impl Iterator<Item = (String, String)>) -> Vec<(String, Secret)> {
    let ours = environment.filter(|(name, _)| name.starts_with(VARIABLE_PREFIX));
    ours.map(|(name, value)| (name, Secret::new(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_variable_of_terraform_is_a_secret() {
        let environment = [("TF_VAR_password", "s3cret"), ("TF_LOG", "trace"), ("PATH", "/bin"), ("XTF_VAR_a", "b")];
        let found = among(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(found, [("TF_VAR_password", "s3cret")]);
    }

    #[test]
    fn an_address_of_the_sixth_version_stands_in_brackets() {
        assert_eq!(address("10.96.0.1", "443"), "10.96.0.1:443");
        assert_eq!(address("fd00::1", "443"), "[fd00::1]:443");
    }
}
