//! Registries: policies pulled from, and published to, wherever images are kept.
//!
//! A registry is a stranger that stores bytes. What it is believed is nothing: what is pulled is named by digest, its
//! manifest first, then each blob by the digest and size in that manifest; a tag is resolved once, and the digest that it
//! had is told. Every answer is read up to a limit and within a time, an error as much as a blob. `docs/registries.md`
//! says what an artifact looks like.
//!
//! - `reference` is what people write; `artifact` is what is stored; `login` finds what `docker login` left.
//! - `wire` sends and reads; `challenge` is what a registry that wants to know us answers first.
//!
//! Of `oci-client` we take references and manifests. Its client is not used: it reads manifests, tokens and error texts
//! without a limit, follows any redirect, and ends the program over a malformed token or upload location.
//!
//! What is *not* here: whether a policy that was pulled may decide. It is signed or not, and passes an upload or not, like
//! any other file. It is no verb of a turn.

mod artifact;
mod challenge;
mod error;
mod login;
mod reference;
mod wire;

pub use artifact::{ARTIFACT_TYPE, CONFIG_TYPE, POLICY_TYPE, SIGNATURE_TYPE};
pub use error::RegistryError;
pub use login::LoginError;
pub use reference::{PolicyReference, ReferenceError};
pub use wire::Patience;

use std::path::Path;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::signature::SIGNATURE_BYTES_MAX;
use tokio::time::timeout;

use crate::decide::structure::COMPONENT_BYTES_MAX;
use artifact::Artifact;
use login::Login;
use wire::{Access, Wire};

/// A policy as a registry had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The component.
    pub bytes: Vec<u8>,
    /// The file of signatures that was published with it.
    pub signature: Option<Vec<u8>>,
    /// The digest of the artifact's manifest.
    pub digest: Digest,
    /// The artifact by that digest: what is pulled by it is always the same.
    pub reference: PolicyReference,
}

/// Pulls a policy. `docker_config` is Docker's `config.json`, where there may be one.
///
/// # Errors
/// Where the registry does not have it, does not let us, does not answer in time, or answers with something else.
pub async fn pull(
    reference: &PolicyReference,
    docker_config: Option<&Path>,
    patience: &Patience,
) -> Result<Pulled, RegistryError> {
    within(patience, async {
        let mut wire = Wire::new(reference, Login::find(reference, docker_config).await?, Access::Pull, patience)?;
        let (digest, manifest) = wire.manifest(reference).await?;
        let artifact = Artifact::read(&manifest)?;
        let bytes = wire.blob("the policy", &artifact.policy, COMPONENT_BYTES_MAX).await?;
        let signature = match &artifact.signature {
            Some(blob) => Some(wire.blob("the file of signatures", blob, SIGNATURE_BYTES_MAX).await?),
            None => None,
        };
        Ok(Pulled { bytes, signature, digest, reference: reference.by_digest(&digest) })
    })
    .await
}

/// Publishes a policy under a tag; gives back the digest of the artifact's manifest. The same policy and signatures are the
/// same artifact each time.
///
/// # Errors
/// Where the reference names a digest, or the registry does not take it.
pub async fn publish(
    bytes: &[u8],
    signature: Option<&[u8]>,
    reference: &PolicyReference,
    docker_config: Option<&Path>,
    patience: &Patience,
) -> Result<Digest, RegistryError> {
    let tag = reference.tag().ok_or(RegistryError::NoTag)?;
    within(patience, async {
        let mut wire = Wire::new(reference, Login::find(reference, docker_config).await?, Access::Push, patience)?;
        let config = artifact::config(bytes);
        for (what, blob) in [("the policy", Some(bytes)), ("its config", Some(&config)), ("its signatures", signature)]
        {
            if let Some(blob) = blob {
                wire.put_blob(what, blob).await?;
            }
        }
        let manifest = artifact::manifest(bytes, signature, &config);
        wire.put_manifest(tag, &manifest).await?;
        Ok(Digest::of(&manifest))
    })
    .await
}

async fn within<T>(
    patience: &Patience,
    work: impl Future<Output = Result<T, RegistryError>>,
) -> Result<T, RegistryError> {
    timeout(patience.total, work).await.map_err(|_| RegistryError::Deadline(patience.total))?
}
