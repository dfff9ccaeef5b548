//! What is stored: a manifest, a config as other WebAssembly tools write one, the component, and its signatures.
//!
//! It is an OCI image manifest with an artifact type of ours. Nothing in it depends on when and where it was published.

use std::collections::BTreeMap;

use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use quarterdeck_core::digest::Digest;
use serde_json::json;

use super::error::RegistryError;

/// What the artifact is.
pub const ARTIFACT_TYPE: &str = "application/vnd.quarterdeck.policy.v1";
/// The config of a WebAssembly artifact, as the CNCF's working group laid it down.
pub const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// The layer that holds the component.
pub const POLICY_TYPE: &str = "application/wasm";
/// The layer that holds the file of signatures.
pub const SIGNATURE_TYPE: &str = "application/vnd.quarterdeck.policy.signatures.v1";
/// The annotation that gives a layer its file's name, when other tools pull it.
const TITLE: &str = "org.opencontainers.image.title";
/// So many layers are looked at; an artifact of ours has two.
const LAYERS_MAX: usize = 16;

/// A blob as the manifest has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) digest: Digest,
    pub(super) bytes: u64,
}

/// Where an artifact's parts are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Artifact {
    pub(super) policy: Blob,
    pub(super) signature: Option<Blob>,
}

impl Artifact {
    /// Finds the parts in a manifest. Another artifact type is no obstacle: whoever packs a component with other tools
    /// has the same layer.
    pub(super) fn read(manifest: &[u8]) -> Result<Artifact, RegistryError> {
        let no = |what: String| RegistryError::Manifest(what);
        let manifest: OciImageManifest =
            serde_json::from_slice(manifest).map_err(|error| no(format!("it is no image manifest: {error}")))?;
        let kind = manifest.media_type.as_deref().unwrap_or(OCI_IMAGE_MEDIA_TYPE);
        if manifest.schema_version != 2 || kind != OCI_IMAGE_MEDIA_TYPE {
            return Err(no(format!("it is {kind:?}, version {}", manifest.schema_version)));
        }
        if manifest.layers.len() > LAYERS_MAX {
            return Err(no(format!("it has {} layers, of {LAYERS_MAX} at most", manifest.layers.len())));
        }
        let policy = one(&manifest.layers, POLICY_TYPE)?;
        let policy =
            policy.ok_or_else(|| no(format!("it has no layer of the type {POLICY_TYPE}: it holds no policy")))?;
        Ok(Artifact { policy, signature: one(&manifest.layers, SIGNATURE_TYPE)? })
    }
}

/// The one layer of a type; none where there is none.
fn one(layers: &[OciDescriptor], media_type: &str) -> Result<Option<Blob>, RegistryError> {
    let mut found = layers.iter().filter(|layer| layer.media_type == media_type);
    let Some(layer) = found.next() else { return Ok(None) };
    let no = |what: &str| RegistryError::Manifest(format!("{what} of the type {media_type}"));
    if found.next().is_some() {
        return Err(no("it has more than one layer"));
    }
    let digest = layer.digest.parse().map_err(|_| no("it has no SHA-256 digest for the layer"))?;
    let bytes = u64::try_from(layer.size).map_err(|_| no("it has a negative size for the layer"))?;
    Ok(Some(Blob { digest, bytes }))
}

/// The config: what another tool asks to know that this is WebAssembly.
pub(super) fn config(policy: &[u8]) -> Vec<u8> {
    let config = json!({ "architecture": "wasm", "layerDigests": [Digest::of(policy)], "os": "wasip2" });
    config.to_string().into_bytes()
}

/// The manifest.
pub(super) fn manifest(policy: &[u8], signature: Option<&[u8]>, config: &[u8]) -> Vec<u8> {
    let descriptor = |media_type: &str, bytes: &[u8], title: Option<&str>| OciDescriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes).to_string(),
        size: i64::try_from(bytes.len()).expect("what is in memory has a size"),
        annotations: title.map(|title| BTreeMap::from([(TITLE.to_owned(), title.to_owned())])),
        ..OciDescriptor::default()
    };
    let policy = descriptor(POLICY_TYPE, policy, Some("policy.wasm"));
    let signature = signature.map(|bytes| descriptor(SIGNATURE_TYPE, bytes, Some("policy.wasm.sig")));
    let manifest = OciImageManifest {
        media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
        artifact_type: Some(ARTIFACT_TYPE.to_owned()),
        config: descriptor(CONFIG_TYPE, config, None),
        layers: [Some(policy), signature].into_iter().flatten().collect(),
        ..OciImageManifest::default()
    };
    serde_json::to_vec(&manifest).expect("a manifest of texts and numbers is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_reads_back_and_is_the_same_each_time() {
        let (policy, signature) = (b"policy".as_slice(), b"signed".as_slice());
        let whole = manifest(policy, Some(signature), &config(policy));
        assert_eq!(whole, manifest(policy, Some(signature), &config(policy)));
        let blob = |bytes: &[u8]| Blob { digest: Digest::of(bytes), bytes: bytes.len() as u64 };
        let read = Artifact::read(&whole).unwrap();
        assert_eq!((read.policy, read.signature), (blob(policy), Some(blob(signature))));
        assert_eq!(Artifact::read(&manifest(policy, None, b"{}")).unwrap().signature, None);

        let text = String::from_utf8(whole).unwrap();
        for (this, other, says) in [
            (POLICY_TYPE, "text/html", "no layer of the type application/wasm"),
            (SIGNATURE_TYPE, POLICY_TYPE, "more than one layer"),
            ("\"size\":6", "\"size\":-6", "negative"),
            ("\"schemaVersion\":2", "\"schemaVersion\":1", "version 1"),
            (OCI_IMAGE_MEDIA_TYPE, "application/vnd.oci.image.index.v1+json", "image.index"),
            ("\"layers\"", "\"manifests\"", "no image manifest"),
            ("sha256:", "sha1:", "no SHA-256 digest"),
        ] {
            let error = Artifact::read(text.replace(this, other).as_bytes()).unwrap_err();
            assert!(error.to_string().contains(says), "{other}: {error}");
        }
    }
}
