//! What a kubelet tells a pod by its environment and in no other way: where the API server is, and the values of the variables that
//! are secrets. The one room of the worker that reads it, and of a worker in a cluster only: elsewhere it is the host's own.

use std::ffi::OsString;

use quarterdeck_core::redaction::{KNOWN_BYTES_MIN, Secret};
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
///
/// # Errors
/// Of one that could not be kept out of what is told: which, and why.
pub(crate) fn secrets() -> Result<Vec<(String, Secret)>, String> {
    among(std::env::vars_os())
}

fn among(environment: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<(String, Secret)>, String> {
    let named = environment.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let ours = named.filter(|(name, _)| name.starts_with(VARIABLE_PREFIX));
    ours.map(|(name, value)| match value.into_string() {
        Err(_) => Err(format!("the secret of {name} is no UTF-8, as Terraform's texts are")),
        Ok(value) if value.trim().len() < KNOWN_BYTES_MIN => Err(format!(
            "the secret of {name} is shorter than {KNOWN_BYTES_MIN} bytes: it could not be told from other words"
        )),
        Ok(value) => Ok((name, Secret::new(value))),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn found(environment: &[(&str, &[u8])]) -> Result<Vec<(String, String)>, String> {
        let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let found = among(environment.iter().map(|(name, value)| (os(name.as_bytes()), os(value))));
        found.map(|found| found.into_iter().map(|(name, value)| (name, value.expose().to_owned())).collect())
    }

    #[test]
    fn what_is_a_variable_of_terraform_is_a_secret() {
        let environment: [(&str, &[u8]); 4] =
            [("TF_VAR_password", b"s3cret"), ("TF_LOG", b"trace"), ("PATH", b"/\xff"), ("XTF_VAR_a", b"b")];
        assert_eq!(found(&environment), Ok(vec![("TF_VAR_password".to_owned(), "s3cret".to_owned())]));
        assert!(
            found(&[("TF_VAR_password", b"12345")]).unwrap_err().contains("TF_VAR_password is shorter than 6 bytes")
        );
        assert!(found(&[("TF_VAR_password", b"\xff23456789")]).unwrap_err().contains("no UTF-8"));
    }

    #[test]
    fn an_address_of_the_sixth_version_stands_in_brackets() {
        assert_eq!(address("10.96.0.1", "443"), "10.96.0.1:443");
        assert_eq!(address("fd00::1", "443"), "[fd00::1]:443");
    }
}
