//! Jobs and CronJobs.

use k8s_openapi::api::batch::v1 as k8s;
use quarterdeck_core::kubernetes::Object;
use quarterdeck_core::kubernetes::workload::{CronJob, Job};

use super::workloads::conditions;
use super::{Trimmer, count, time};

pub(in super::super) fn job(trimmer: &mut Trimmer, object: &k8s::Job) -> Object {
    let status = object.status.as_ref();
    Object::Job(Job {
        meta: trimmer.meta(&object.metadata),
        active: count(status.and_then(|status| status.active)),
        failed: count(status.and_then(|status| status.failed)),
        suspended: object.spec.as_ref().and_then(|spec| spec.suspend).unwrap_or(false),
        conditions: conditions!(trimmer, status.and_then(|status| status.conditions.as_ref())),
    })
}

pub(in super::super) fn cron_job(trimmer: &mut Trimmer, object: &k8s::CronJob) -> Object {
    let (spec, status) = (object.spec.as_ref(), object.status.as_ref());
    let active = status.and_then(|status| status.active.as_ref()).map_or(0, Vec::len);
    Object::CronJob(CronJob {
        meta: trimmer.meta(&object.metadata),
        schedule: trimmer.word(spec.map(|spec| &*spec.schedule).unwrap_or_default()),
        suspended: spec.and_then(|spec| spec.suspend).unwrap_or(false),
        scheduled: status.and_then(|status| status.last_schedule_time.as_ref()).map(time),
        succeeded: status.and_then(|status| status.last_successful_time.as_ref()).map(time),
        active: u32::try_from(active).unwrap_or(u32::MAX),
    })
}
