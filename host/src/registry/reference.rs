//! What people write: `oci://HOST/REPOSITORY:TAG` or `oci://HOST/REPOSITORY@sha256:…`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use oci_client::Reference;
use quarterdeck_core::digest::Digest;

/// Before a reference, so that none is taken for a file.
const SCHEME: &str = "oci://";
/// Of a reference that is none, so much is shown.
const SHOWN_CHARS_MAX: usize = 120;
/// What Docker's own registry is called in Docker's configuration.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A policy in a registry, by tag or digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyReference(Reference);

/// A text that names no policy in a registry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{text:?} names no policy in a registry: {what}; write oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@sha256:…"
)]
pub struct ReferenceError {
    text: String,
    what: String,
}

impl FromStr for PolicyReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<PolicyReference, ReferenceError> {
        let no =
            |what: &str| ReferenceError { text: text.chars().take(SHOWN_CHARS_MAX).collect(), what: what.to_owned() };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| no("it does not begin with oci://"))?;
        if rest.contains('@')
            && rest.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default().contains(':')
        {
            return Err(no("it has both a tag and a digest"));
        }
        let reference: Reference = rest.parse().map_err(|error: oci_client::ParseError| no(&error.to_string()))?;
        // Without a host Docker means its own; here it has to be said.
        if !rest.starts_with(&format!("{}/", reference.registry())) {
            return Err(no("it has no host"));
        }
        if reference.digest().is_some_and(|digest| digest.parse::<Digest>().is_err()) {
            return Err(no("its digest is none of SHA-256"));
        }
        Ok(PolicyReference(reference))
    }
}

impl fmt::Display for PolicyReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.0.whole())
    }
}

impl PolicyReference {
    /// The tag; none where a digest is named. Without either it is `latest`.
    pub fn tag(&self) -> Option<&str> {
        if self.0.digest().is_some() { None } else { self.0.tag() }
    }

    /// The digest, where one is named.
    pub fn digest(&self) -> Option<Digest> {
        self.0.digest().and_then(|digest| digest.parse().ok())
    }

    /// The same repository, by a digest.
    pub fn by_digest(&self, digest: &Digest) -> PolicyReference {
        let (registry, repository) = (self.0.registry().to_owned(), self.0.repository().to_owned());
        PolicyReference(Reference::with_digest(registry, repository, digest.to_string()))
    }

    /// The host, with its port where one is named.
    pub fn host(&self) -> &str {
        self.0.resolve_registry()
    }

    /// What is kept there.
    pub(super) fn repository(&self) -> &str {
        self.0.repository()
    }

    /// What the registry is called in Docker's configuration.
    pub(super) fn login_name(&self) -> &str {
        if self.0.registry() == "docker.io" { DOCKER_HUB } else { self.0.registry() }
    }

    /// Where the registry is reached: over TLS, unless it is this machine itself.
    pub(super) fn origin(&self) -> String {
        let host = self.host();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        format!("{}://{host}", if is_loopback(name) { "http" } else { "https" })
    }
}

/// Whether a host's name is this machine itself.
pub(super) fn is_loopback(name: &str) -> bool {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:8b7c41ca3bb05ee4fa37fec07b7d6b6fdd58cbdd02c7e5a8c5d4d8a5a8d2bd3c";

    #[test]
    fn a_reference_names_a_host_and_one_of_tag_and_digest() {
        let by_tag: PolicyReference = "oci://127.0.0.1:5000/team/lookout:1.2".parse().unwrap();
        assert_eq!((by_tag.tag(), by_tag.digest(), by_tag.host()), (Some("1.2"), None, "127.0.0.1:5000"));
        let by_digest = by_tag.by_digest(&DIGEST.parse().unwrap());
        assert_eq!(by_digest.to_string(), format!("oci://127.0.0.1:5000/team/lookout@{DIGEST}"));
        assert_eq!(by_digest.to_string().parse(), Ok(by_digest.clone()));
        assert_eq!((by_digest.tag(), by_digest.digest()), (None, DIGEST.parse().ok()));
        assert_eq!("oci://localhost/lookout".parse::<PolicyReference>().unwrap().tag(), Some("latest"));
        for (refused, says) in [
            ("lookout.wasm", "does not begin with oci://"),
            ("oci://lookout", "no host"),
            ("oci://team/lookout:1", "no host"),
            ("oci://", "no"),
            ("oci://host:1/Team", "names no policy"),
            ("oci://host:1/../x", "names no policy"),
            ("oci://host:1/x?y=z", "names no policy"),
            (&format!("oci://host:1/x:1@{DIGEST}"), "both a tag and a digest"),
            ("oci://host:1/x@sha256:00", "names no policy"),
            (&format!("oci://host:1/x@sha512:{}", "0".repeat(128)), "none of SHA-256"),
        ] {
            let error = refused.parse::<PolicyReference>().unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_without_tls() {
        for (reference, origin) in [
            ("oci://127.0.0.1:5000/x", "http://127.0.0.1:5000"),
            ("oci://localhost:5000/x", "http://localhost:5000"),
            ("oci://registry.example.com/x", "https://registry.example.com"),
            ("oci://10.0.0.1:5000/x", "https://10.0.0.1:5000"),
            ("oci://localhost.example.com/x", "https://localhost.example.com"),
            ("oci://127.0.0.1.example.com/x", "https://127.0.0.1.example.com"),
        ] {
            assert_eq!(reference.parse::<PolicyReference>().unwrap().origin(), origin);
        }
    }
}
