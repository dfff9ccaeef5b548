//! Resource quotas.

use k8s_openapi::api::core::v1::ResourceQuota;
use quarterdeck_core::kubernetes::Object;
use quarterdeck_core::kubernetes::node::{Quota, QuotaLine};

use super::{ENTRIES_MAX, Trimmer};

/// Both columns are the controller's: what it has not counted yet is none of the lines.
pub(in super::super) fn quota(trimmer: &mut Trimmer, object: &ResourceQuota) -> Object {
    let status = object.status.as_ref();
    let hard = status.and_then(|status| status.hard.as_ref()).into_iter().flatten();
    let used = status.and_then(|status| status.used.as_ref());
    let counted = hard.filter_map(|(resource, hard)| Some((resource, hard, used?.get(resource)?)));
    let lines = counted.take(ENTRIES_MAX).map(|(resource, hard, used)| QuotaLine {
        resource: trimmer.word(resource),
        hard: trimmer.word(&hard.0),
        used: trimmer.word(&used.0),
    });
    let lines = lines.collect();
    Object::ResourceQuota(Quota { meta: trimmer.meta(&object.metadata), lines })
}
