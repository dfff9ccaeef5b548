//! The file that says how workers of a cluster run: `run --kubernetes --workers FILE`.
//!
//! ```yaml
//! listen: 0.0.0.0:8443
//! service: { namespace: ai-agent, name: quarterdeck-workers }
//! builder:
//!   namespace: quarterdeck-builder
//!   serviceAccount: builder
//!   image: registry.example/quarterdeck-builder@sha256:…
//!   engineSocket: /var/run/docker.sock
//! ```

use std::path::Path;

use super::{ConfigError, SETTINGS_BYTES_MAX, read_bounded};
use crate::apiserver::{BuilderWanted, ServiceName, WorkersWanted};
use crate::observe::files::yaml_problem;

/// A host's name has at most this many bytes, by DNS.
const HOST_BYTES_MAX: usize = 253;
/// A namespace's name has at most this many bytes, by DNS.
const NAME_BYTES_MAX: usize = 63;

/// Reads the file.
///
/// # Errors
/// Where it can't be read, or says what is not understood or can't be meant.
pub fn workers(path: &Path) -> Result<WorkersWanted, ConfigError> {
    let text =
        read_bounded(path, SETTINGS_BYTES_MAX).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let invalid = |problem: String| ConfigError::Invalid { path: path.to_owned(), problem };
    let wanted: WorkersWanted = serde_saphyr::from_str(&text).map_err(|error| invalid(yaml_problem(&error)))?;
    check(&wanted).map_err(invalid)?;
    Ok(wanted)
}

fn check(wanted: &WorkersWanted) -> Result<(), String> {
    let BuilderWanted { image, engine_socket, namespace, service_account, .. } = &wanted.builder;
    let ServiceName { namespace: own, name: service } = &wanted.service;
    for (field, name) in [
        ("builder.namespace", namespace),
        ("builder.serviceAccount", service_account),
        ("service.namespace", own),
        ("service.name", service),
    ] {
        if !is_name(name) {
            return Err(format!(
                "{field}: {name:?} is no name of Kubernetes: use a-z, 0-9 and -, 63 characters at most"
            ));
        }
    }
    let digest = image.split_once("@sha256:").map(|(_, digest)| digest);
    if !digest.is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(format!(
            "builder.image: {image:?} names no digest; write NAME@sha256:DIGEST, so that what runs is what was looked at"
        ));
    }
    let canonical = engine_socket.is_absolute()
        && !engine_socket.to_string_lossy().contains("//")
        && engine_socket.components().skip(1).all(|part| matches!(part, std::path::Component::Normal(_)));
    if !canonical {
        return Err(format!("builder.engineSocket: {} is no plain absolute path", engine_socket.display()));
    }
    if let Some(address) = &wanted.address
        && host_and_port(address).is_none()
    {
        return Err(format!("address: {address:?} is not HOST:PORT, such as 192.0.2.7:8443 or [2001:db8::7]:8443"));
    }
    Ok(())
}

/// Whether a name is one as namespaces and Services have: a label of DNS.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// The host and the port of an address; an IPv6 address stands in brackets there and not by itself.
pub fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let fits = match bracketed {
        Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            !host.is_empty() && host.len() <= HOST_BYTES_MAX && host.chars().all(plain)
        }
    };
    fits.then_some((bracketed.unwrap_or(host), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<WorkersWanted, String> {
        let wanted: WorkersWanted = serde_saphyr::from_str(text).map_err(|error| yaml_problem(&error))?;
        check(&wanted).map(|()| wanted)
    }

    #[test]
    fn an_image_is_named_by_its_digest_and_the_rest_may_be_left_out() {
        let image = format!("example/builder@sha256:{}", "a".repeat(64));
        let wanted = parse(&format!("builder: {{ image: \"{image}\" }}")).unwrap();
        assert_eq!((wanted.listen.port(), wanted.builder.namespace.as_str()), (8443, "quarterdeck-builder"));
        for image in ["example/builder:1", "example/builder@sha256:abc", "example/builder"] {
            assert!(parse(&format!("builder: {{ image: \"{image}\" }}")).unwrap_err().contains("names no digest"));
        }
        for path in ["//var/run/docker.sock", "/var/run/../docker.sock", "docker.sock", "/var//docker.sock"] {
            let text = format!("builder: {{ image: \"{image}\", engineSocket: \"{path}\" }}");
            assert!(parse(&text).unwrap_err().contains("no plain absolute path"), "{path}");
        }
        assert!(parse("builder: { image: x, sudo: true }").is_err());
        for address in ["", "host", "host:", ":8443", "host:99999", "2001:db8::7:8443", "[host]:8443", "a b:1", "a/b:1"]
        {
            let text = format!("address: \"{address}\"\nbuilder: {{ image: \"{image}\" }}");
            assert!(parse(&text).unwrap_err().contains("is not HOST:PORT"), "{address}");
        }
        for name in ["", "-a", "a-", "A", "a/b", "a?b", "a.b", &"a".repeat(64)] {
            let text = format!("builder: {{ image: \"{image}\", namespace: \"{name}\" }}");
            assert!(parse(&text).unwrap_err().contains("is no name of Kubernetes"), "{name}");
        }
        assert_eq!(host_and_port("[2001:db8::7]:8443"), Some(("2001:db8::7", 8443)));
        assert_eq!(host_and_port("node.example:8443"), Some(("node.example", 8443)));
    }
}
