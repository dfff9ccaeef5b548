//! A raw Terraform state (version 4), reduced to what may be told of it.
//!
//! A state holds every attribute in clear, secrets too, so only what identifies it (lineage, serial) and the docker
//! objects that it names (so that the host can look at the engine itself) leave this module.
//!
//! Not here: keeping states and comparing them with the engine.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::order::{NamedObject, ObjectKind};

/// A state has at most this many bytes (16 MiB); one with a thousand containers has about 4 MiB.
pub const STATE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A state names at most this many objects that we look at; more is no mission of one engine.
pub const OBJECTS_MAX: usize = 4096;

/// A name or id has at most this many bytes; an engine's are 64 hex digits or a name of up to 255.
const NAME_BYTES_MAX: usize = 512;

/// What may be told of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateFacts {
    /// Made once for each state; another lineage is another mission's state.
    pub lineage: String,
    /// Rises with each version that is written.
    pub serial: u64,
    /// The Terraform that wrote it.
    pub terraform_version: String,
    /// How many managed resource instances it holds, of any type.
    pub instances: u32,
    /// The docker objects that it names, in the order of the state.
    pub objects: Vec<NamedObject>,
}

/// Why bytes are no state that we can read.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what each case and its fields are")]
pub enum StateError {
    #[error("the state has {bytes} bytes, more than {STATE_BYTES_MAX}")]
    TooLarge { bytes: usize },
    #[error("the state is no JSON of Terraform's form, at line {line}, column {column}")]
    Json { line: usize, column: usize },
    #[error("the state has format version {version}; only version 4 is known")]
    Version { version: u64 },
    #[error("the state has no lineage")]
    NoLineage,
    #[error("the state names more than {OBJECTS_MAX} docker objects")]
    TooMany,
}

#[derive(Deserialize)]
struct RawVersion {
    version: u64,
}

#[derive(Deserialize)]
struct RawState {
    #[serde(default)]
    lineage: String,
    #[serde(default)]
    serial: u64,
    #[serde(default)]
    terraform_version: String,
    #[serde(default)]
    resources: Vec<RawResource>,
}

#[derive(Deserialize)]
struct RawResource {
    #[serde(default)]
    module: Option<String>,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    instances: Vec<RawInstance>,
}

#[derive(Deserialize)]
struct RawInstance {
    #[serde(default)]
    index_key: Option<Value>,
    #[serde(default)]
    attributes: Option<Identity>,
}

/// The only attributes that are read; serde drops the others unseen.
#[derive(Deserialize)]
struct Identity {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    name: Option<Value>,
    #[serde(default)]
    image_id: Option<Value>,
}

/// Parses the bytes of a state.
///
/// # Errors
/// Where they are too large, no JSON, of another format version, without a lineage, or name too much.
pub fn parse_state(bytes: &[u8]) -> Result<StateFacts, StateError> {
    if bytes.len() > STATE_BYTES_MAX {
        return Err(StateError::TooLarge { bytes: bytes.len() });
    }
    let RawVersion { version } = serde_json::from_slice(bytes).map_err(|error| fault(&error))?;
    if version != 4 {
        return Err(StateError::Version { version });
    }
    let raw: RawState = serde_json::from_slice(bytes).map_err(|error| fault(&error))?;
    if raw.lineage.is_empty() || raw.lineage.len() > NAME_BYTES_MAX {
        return Err(StateError::NoLineage);
    }
    let mut facts = StateFacts {
        lineage: raw.lineage,
        serial: raw.serial,
        terraform_version: raw.terraform_version.chars().take(64).collect(),
        instances: 0,
        objects: Vec::new(),
    };
    for resource in raw.resources.iter().filter(|resource| resource.mode == "managed") {
        facts.instances = facts.instances.saturating_add(u32::try_from(resource.instances.len()).unwrap_or(u32::MAX));
        let Some(kind) = kind_of(&resource.kind) else { continue };
        facts.objects.extend(resource.instances.iter().filter_map(|instance| object(kind, resource, instance)));
        if facts.objects.len() > OBJECTS_MAX {
            return Err(StateError::TooMany);
        }
    }
    Ok(facts)
}

/// Serde's own message would quote the value that it stumbled over, which may be a secret.
fn fault(error: &serde_json::Error) -> StateError {
    StateError::Json { line: error.line(), column: error.column() }
}

/// The kind of object that a type of resource makes; none where the host does not look for it.
pub(super) fn kind_of(resource: &str) -> Option<ObjectKind> {
    match resource {
        "docker_network" => Some(ObjectKind::Network),
        "docker_volume" => Some(ObjectKind::Volume),
        "docker_image" => Some(ObjectKind::Image),
        "docker_container" => Some(ObjectKind::Container),
        _other => None,
    }
}

fn object(kind: ObjectKind, resource: &RawResource, instance: &RawInstance) -> Option<NamedObject> {
    let attributes = instance.attributes.as_ref()?;
    // The provider's id of an image is image id and name run together; the engine knows only the image id.
    let id = match kind {
        ObjectKind::Image => attributes.image_id.as_ref().or(attributes.id.as_ref()),
        ObjectKind::Network | ObjectKind::Volume | ObjectKind::Container => attributes.id.as_ref(),
    };
    Some(NamedObject {
        kind,
        name: plain(attributes.name.as_ref()),
        id: plain(id),
        address: address(resource, instance),
    })
}

fn plain(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).filter(|text| text.len() <= NAME_BYTES_MAX).unwrap_or_default().to_owned()
}

fn address(resource: &RawResource, instance: &RawInstance) -> String {
    let module = resource.module.as_deref().map(|module| format!("{module}.")).unwrap_or_default();
    let index = match &instance.index_key {
        None | Some(Value::Null) => String::new(),
        Some(key) => format!("[{key}]"),
    };
    format!("{module}{}.{}{index}", resource.kind, resource.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = r#"{"version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": "9258e473", "outputs":
      {"o": {"value": "s3cret", "type": "string", "sensitive": true}}, "resources": [
      {"mode": "data", "type": "docker_network", "name": "seen", "provider": "p", "instances": [{"attributes": {"id": "d"}}]},
      {"mode": "managed", "type": "docker_network", "name": "net", "provider": "p", "instances": [
        {"schema_version": 0, "attributes": {"id": "n1", "name": "private"}}]},
      {"module": "module.a[\"x\"]", "mode": "managed", "type": "docker_container", "name": "web", "provider": "p", "instances": [
        {"index_key": 0, "attributes": {"id": "c1", "name": "web-0", "env": ["PASSWORD=s3cret"]}},
        {"index_key": "k", "attributes": {"id": "c2", "name": "web-k"}}]},
      {"mode": "managed", "type": "docker_image", "name": "i", "provider": "p", "instances": [
        {"attributes": {"id": "sha256:aanginx", "image_id": "sha256:aa", "name": "nginx"}}]},
      {"mode": "managed", "type": "terraform_data", "name": "t", "provider": "p", "instances": [{"attributes": {"id": "t"}}]}
    ]}"#;

    #[test]
    fn a_state_names_its_objects_and_no_secret() {
        let facts = parse_state(STATE.as_bytes()).expect("valid");
        assert_eq!((facts.lineage.as_str(), facts.serial, facts.instances), ("9258e473", 7, 5));
        let seen: Vec<_> = facts.objects.iter().map(|o| (o.kind, o.id.as_str(), o.address.as_str())).collect();
        assert_eq!(
            seen,
            [
                (ObjectKind::Network, "n1", "docker_network.net"),
                (ObjectKind::Container, "c1", "module.a[\"x\"].docker_container.web[0]"),
                (ObjectKind::Container, "c2", "module.a[\"x\"].docker_container.web[\"k\"]"),
                (ObjectKind::Image, "sha256:aa", "docker_image.i"),
            ]
        );
        assert!(!format!("{facts:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let fault = |text: &str| parse_state(text.as_bytes()).expect_err(text);
        assert!(matches!(fault("{"), StateError::Json { .. }));
        assert!(matches!(fault("[]"), StateError::Json { .. }));
        assert!(matches!(fault(r#"{"version": 3, "modules": []}"#), StateError::Version { version: 3 }));
        assert!(matches!(fault(r#"{"version": 4, "resources": []}"#), StateError::NoLineage));
        assert!(matches!(fault(r#"{"version": 4, "lineage": "l", "serial": -1}"#), StateError::Json { .. }));
    }
}
