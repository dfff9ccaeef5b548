//! What the operator has granted by name.
//!
//! Everything in a plan is refused unless it is allowed, and the few things that can be allowed on top of the built-in
//! list are named here. Grants come from the operator's configuration only; neither a mission nor a policy can add one.

use std::collections::BTreeSet;

use super::plan::DangerKind;

/// The resource types that every mission may use.
pub const RESOURCE_TYPES: [&str; 5] =
    ["docker_container", "docker_image", "docker_network", "docker_volume", "terraform_data"];

/// The one provider that every mission may use, as Terraform spells its source without the registry's host.
pub const DOCKER_SOURCE: &str = "kreuzwerker/docker";

/// What the operator allows beyond the built-in list; the default allows nothing more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Further resource types, like `random_pet`.
    pub resources: BTreeSet<String>,
    /// Data source types, like `docker_registry_image`.
    pub data: BTreeSet<String>,
    /// Further provider sources, like `hashicorp/random`.
    pub providers: BTreeSet<String>,
    /// Dangers of a plan that are let through.
    pub dangers: BTreeSet<DangerKind>,
}

/// Why a grant's text is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the grant {text:?} is no kind of danger and none of resource:TYPE, data:TYPE, provider:NAMESPACE/TYPE; {why}")]
pub struct GrantError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl Grants {
    /// Parses grants as the operator writes them: `resource:random_pet`, `data:docker_registry_image`,
    /// `provider:hashicorp/random`, `privileged`.
    ///
    /// # Errors
    /// The first text that is no grant, with what is wrong.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, GrantError> {
        let mut grants = Self::default();
        for text in texts {
            grants.add(text)?;
        }
        Ok(grants)
    }

    fn add(&mut self, text: &str) -> Result<(), GrantError> {
        let fault = |why: String| GrantError { text: text.to_owned(), why };
        let Some((kind, name)) = text.split_once(':') else {
            let kinds = || fault(format!("the kinds are {}", DangerKind::names().join(", ")));
            self.dangers.insert(DangerKind::parse(text).ok_or_else(kinds)?);
            return Ok(());
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        match kind {
            "resource" | "data" if name.is_empty() || !name.chars().all(plain) => {
                return Err(fault("a type has letters, digits, _ and - only".into()));
            }
            "resource" => self.resources.insert(name.to_owned()),
            "data" => self.data.insert(name.to_owned()),
            "provider" => {
                let source = provider_source(name).ok_or_else(|| fault("a source is NAMESPACE/TYPE".into()))?;
                self.providers.insert(source)
            }
            other => return Err(fault(format!("{other:?} is unknown"))),
        };
        Ok(())
    }

    /// Whether resources of this type may be in a plan.
    pub fn resource_allowed(&self, kind: &str) -> bool {
        RESOURCE_TYPES.contains(&kind) || self.resources.contains(kind)
    }

    /// Whether data sources of this type may be read.
    pub fn data_allowed(&self, kind: &str) -> bool {
        self.data.contains(kind)
    }

    /// Whether this provider source (as [`provider_source`] gives it) may be used.
    pub fn provider_allowed(&self, source: &str) -> bool {
        source == DOCKER_SOURCE || self.providers.contains(source)
    }
}

/// The public registry's host, which Terraform puts before a source that names none.
const PUBLIC_REGISTRY: &str = "registry.terraform.io";

/// A provider source in the short form `namespace/type`, lower case; `None` where it is no source or names another
/// registry than the public one.
pub fn provider_source(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('/').collect();
    let (namespace, kind) = match parts.as_slice() {
        [namespace, kind] => (*namespace, *kind),
        [host, namespace, kind] if *host == PUBLIC_REGISTRY => (*namespace, *kind),
        _other => return None,
    };
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
    };
    (plain(namespace) && plain(kind)).then(|| format!("{namespace}/{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_parsed_by_name() {
        let texts = ["resource:random_pet", "data:docker_network", "provider:Hashicorp/random", "privileged"];
        let grants = Grants::parse(texts).expect("valid");
        assert!(grants.resource_allowed("random_pet") && !grants.resource_allowed("random_id"));
        assert!(grants.data_allowed("docker_network") && grants.provider_allowed("hashicorp/random"));
        assert!(grants.dangers.contains(&DangerKind::Privileged));
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        for text in ["", "everything", "resource:", "resource:a b", "danger:all", "all", "provider:random", "root:x"] {
            assert!(Grants::parse([text]).is_err(), "{text:?}");
        }
    }

    #[test]
    fn nothing_more_is_granted_by_default() {
        let none = Grants::default();
        assert!(none.resource_allowed("docker_volume") && !none.resource_allowed("docker_plugin"));
        assert!(none.provider_allowed("kreuzwerker/docker") && !none.provider_allowed("hashicorp/docker"));
        assert!(!none.data_allowed("docker_network"));
    }

    #[test]
    fn a_source_at_another_registry_is_none() {
        let long = provider_source("registry.terraform.io/kreuzwerker/docker");
        assert_eq!(long.as_deref(), Some("kreuzwerker/docker"));
        for text in ["evil.example/kreuzwerker/docker", "docker", "a/b/c/d", "/docker", "a b/c"] {
            assert_eq!(provider_source(text), None, "{text:?}");
        }
    }
}
