//! Jobs and CronJobs.
//!
//! A Job that a CronJob made stays for a while after it has failed, also when the next one ends well. So it is the CronJob
//! that is told, as long as its newest Job to end has failed. That a Job's pods do not start is told at the pods.

use super::{Symptom, refusals, schedules};
use crate::ids::Timestamp;
use crate::kubernetes::cluster::{Cluster, Kind};
use crate::kubernetes::event::Event;
use crate::kubernetes::object::{Condition, condition};
use crate::kubernetes::workload::{CronJob, Job};
use crate::situation::Severity;

/// What a CronJob's controller warns of when it made no Job in time. `FailedNeedsStart` is what it said before 1.21.
const MISSED: [&str; 3] = ["MissSchedule", "TooManyMissedTimes", "FailedNeedsStart"];

pub(super) fn job(cluster: &Cluster, job: &Job) -> Vec<Symptom> {
    if job.meta.deleted.is_some() || ended(job).is_some_and(|ended| &*ended.kind == "Complete") {
        return Vec::new();
    }
    if let Some(failed) = ended(job) {
        let of_cron_job = job.meta.owner.as_ref().is_some_and(|owner| &*owner.kind == Kind::CronJob.name());
        return if of_cron_job { Vec::new() } else { vec![job_failed(job, failed)] };
    }
    if job.suspended {
        let message = "it is suspended: it has no pods until somebody, or the queue that holds it, lets it go on";
        return vec![Symptom::new("job-suspended", Severity::Info, message.to_owned())];
    }
    let makes_none = job.active == 0;
    let refused = makes_none.then(|| refusals::by_event(cluster, Kind::Job, &job.meta, Severity::Critical));
    refused.flatten().into_iter().collect()
}

pub(super) fn cron_job(cluster: &Cluster, cron: &CronJob) -> Vec<Symptom> {
    if cron.meta.deleted.is_some() {
        return Vec::new();
    }
    let mut symptoms: Vec<Symptom> = failing(cluster, cron).into_iter().collect();
    if cron.suspended {
        let message = "it is suspended: it makes no Jobs until somebody lets it go on";
        symptoms.push(Symptom::new("cron-job-suspended", Severity::Info, message.to_owned()));
        return symptoms;
    }
    if schedules::never_comes(&cron.schedule) {
        let message = "its schedule never comes: none of its months has such a day; correct it";
        let symptom = Symptom::new("cron-job-never-runs", Severity::Critical, message.to_owned());
        symptoms.push(symptom.seen_by("schedule", &cron.schedule));
    }
    symptoms.extend(refusals::by_event(cluster, Kind::CronJob, &cron.meta, Severity::Critical));
    symptoms.extend(missed(cluster, cron));
    symptoms
}

/// The condition that says how a Job ended, once it has.
fn ended(job: &Job) -> Option<&Condition> {
    let holds = |kind| condition(&job.conditions, kind).filter(|condition| condition.holds == Some(true));
    holds("Complete").or_else(|| holds("Failed"))
}

fn job_failed(job: &Job, failed: &Condition) -> Symptom {
    let symptom = Symptom::new("job-failed", Severity::Critical, why(failed));
    let symptom = symptom.seen_by("reason", &failed.reason).seen_by("said", &failed.message);
    symptom.seen_by("failed-pods", &job.failed.to_string())
}

/// Why a Job failed, for people.
fn why(failed: &Condition) -> String {
    match &*failed.reason {
        "BackoffLimitExceeded" => {
            "its pods failed more often than its backoffLimit allows: see what they say".to_owned()
        }
        "DeadlineExceeded" => {
            "it ran longer than its activeDeadlineSeconds: give it more time, or find what it waits for".to_owned()
        }
        "PodFailurePolicy" => format!("its podFailurePolicy ended it: {}", failed.message),
        "FailedIndexes" => "some of its indexes failed: see what their pods say".to_owned(),
        "MaxFailedIndexesExceeded" => "more of its indexes failed than its maxFailedIndexes allows".to_owned(),
        _ => format!("it failed: {}", failed.message),
    }
}

/// Its newest Job to end says so; where it keeps none, its status does.
fn failing(cluster: &Cluster, cron: &CronJob) -> Option<Symptom> {
    let is_its = |job: &&Job| job.meta.owner.as_ref().is_some_and(|owner| owner.uid == cron.meta.uid);
    let jobs: Vec<&Job> = cluster.jobs.within(&cron.meta.name.namespace).filter(is_its).collect();
    let ends = jobs.iter().filter_map(|job| Some((*job, ended(job)?)));
    let newest = ends.max_by_key(|(job, ended)| (job.meta.created, ended.since, &job.meta.name));
    let symptom = |why: String| Symptom::new("cron-job-failing", Severity::Warning, why);
    let symptom = match newest {
        Some((_, ended)) if &*ended.kind == "Complete" => return None,
        Some((job, failed)) => {
            let symptom = symptom(format!("its last Job failed: {}", why(failed)));
            symptom.seen_by("job", &job.meta.name.name).seen_by("reason", &failed.reason)
        }
        None => {
            let scheduled = cron.scheduled.filter(|scheduled| cron.succeeded.is_none_or(|ended| ended < *scheduled))?;
            if cron.active > 0 || !jobs.is_empty() {
                return None;
            }
            let why =
                "its last Job did not end well, and is gone: keep failed ones to see why (failedJobsHistoryLimit)";
            symptom(why.to_owned()).seen_by("scheduled", &scheduled.utc())
        }
    };
    Some(match cron.succeeded {
        Some(succeeded) => symptom.seen_by("succeeded-last", &succeeded.utc()),
        None => symptom,
    })
}

fn missed(cluster: &Cluster, cron: &CronJob) -> Option<Symptom> {
    let warnings = cluster.warnings(Kind::CronJob, &cron.meta.name);
    let is_missed = |event: &&Event| MISSED.contains(&&*event.reason) && event.about_uid == cron.meta.uid;
    let event = warnings.into_iter().find(is_missed)?;
    // It has made a Job since.
    if cron.scheduled.unwrap_or(Timestamp(0)) >= event.last {
        return None;
    }
    let message = "it did not make its Job in time: see whether its startingDeadlineSeconds is too short, or whether the \
                   cluster's controllers or its clock stood still";
    Some(Symptom::new("cron-job-missed", Severity::Warning, message.to_owned()).seen_by("said", &event.message))
}

#[cfg(test)]
mod tests;
