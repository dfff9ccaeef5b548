//! Claims, volumes and their classes.

use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::api::storage::v1::StorageClass as K8sStorageClass;
use quarterdeck_core::kubernetes::Object;
use quarterdeck_core::kubernetes::storage::{Claim, StorageClass, Volume};

use super::{Trimmer, annotation, written};

/// Marks the class of those that name none; the second is how it was done before 1.6, and still counts.
const DEFAULT: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
/// Names a claim's class as it was done before 1.6; it still goes before the field.
const CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// The node of the first pod that wants a claim: the scheduler's word to who makes the volume.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

pub(in super::super) fn claim(trimmer: &mut Trimmer, claim: &k8s::PersistentVolumeClaim) -> Object {
    let spec = claim.spec.as_ref();
    let class = annotation(&claim.metadata, CLASS);
    let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    Object::PersistentVolumeClaim(Claim {
        meta: trimmer.meta(&claim.metadata),
        phase: trimmer.word(phase),
        class: trimmer.maybe(class.or(spec.and_then(|spec| spec.storage_class_name.as_deref()))),
        volume: trimmer.maybe(spec.and_then(|spec| spec.volume_name.as_deref()).filter(|name| !name.is_empty())),
        wanted: annotation(&claim.metadata, SELECTED_NODE).is_some(),
        changed: written(&claim.metadata),
    })
}

pub(in super::super) fn volume(trimmer: &mut Trimmer, volume: &k8s::PersistentVolume) -> Object {
    let spec = volume.spec.as_ref();
    let status = volume.status.as_ref();
    let claim = spec.and_then(|spec| spec.claim_ref.as_ref());
    let reclaim = spec.and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref()).unwrap_or("Retain");
    Object::PersistentVolume(Volume {
        meta: trimmer.meta(&volume.metadata),
        phase: trimmer.word(status.and_then(|status| status.phase.as_deref()).unwrap_or_default()),
        reason: trimmer.word(status.and_then(|status| status.reason.as_deref()).unwrap_or_default()),
        message: trimmer.sentence(status.and_then(|status| status.message.as_deref())),
        claim: claim.map(|claim| trimmer.name(claim.namespace.as_deref(), claim.name.as_deref().unwrap_or_default())),
        reclaim: trimmer.word(reclaim),
    })
}

pub(in super::super) fn storage_class(trimmer: &mut Trimmer, class: &K8sStorageClass) -> Object {
    Object::StorageClass(StorageClass {
        meta: trimmer.meta(&class.metadata),
        default: DEFAULT.iter().any(|mark| annotation(&class.metadata, mark) == Some("true")),
        provisioner: trimmer.word(&class.provisioner),
        waits: class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer"),
    })
}
