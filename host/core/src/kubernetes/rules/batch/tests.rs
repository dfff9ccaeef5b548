//! The tables of cases: how Jobs ended, and what is told of them and of their CronJobs.

use super::super::example::{MADE, cluster, meta, warning};
use super::*;
use crate::kubernetes::cluster::Object;
use crate::kubernetes::object::{Meta, Owner};

fn a_job(name: &str, end: Option<(&str, &str)>) -> Job {
    let condition = |(kind, reason): (&str, &str)| Condition {
        kind: kind.into(),
        holds: Some(true),
        reason: reason.into(),
        message: "in the controller's words".to_owned(),
        since: MADE,
    };
    let conditions = end.map(condition).into_iter().collect();
    Job { meta: meta("web", name), active: 0, failed: 1, suspended: false, conditions }
}

/// One that the CronJob of the tests made so much later than itself.
fn of_cron(name: &str, after_ms: u64, end: Option<(&str, &str)>) -> Object {
    let job = a_job(name, end);
    let owner = Some(Owner { kind: "CronJob".into(), name: "backup".into(), uid: "backup-uid".into() });
    Object::Job(Job { meta: Meta { owner, created: MADE.plus_ms(after_ms), ..job.meta.clone() }, ..job })
}

fn a_cron_job() -> CronJob {
    CronJob {
        meta: meta("web", "backup"),
        schedule: "0 3 * * *".into(),
        suspended: false,
        scheduled: None,
        succeeded: None,
        active: 0,
    }
}

fn rules(symptoms: &[Symptom]) -> Vec<&'static str> {
    symptoms.iter().map(|symptom| symptom.rule).collect()
}

#[test]
fn a_job_is_told_that_failed_with_its_cause_or_is_held_or_refused() {
    for (reason, cause) in [
        ("BackoffLimitExceeded", "backoffLimit"),
        ("DeadlineExceeded", "activeDeadlineSeconds"),
        ("PodFailurePolicy", "podFailurePolicy ended it: in the controller's words"),
        ("MaxFailedIndexesExceeded", "maxFailedIndexes"),
        ("Another", "it failed: in the controller's words"),
    ] {
        let symptoms = job(&Cluster::default(), &a_job("import", Some(("Failed", reason))));
        assert_eq!(rules(&symptoms), ["job-failed"]);
        assert!(symptoms[0].message.contains(cause), "{}", symptoms[0].message);
    }
    let refusal = || cluster([warning("Job", &meta("web", "import"), "FailedCreate", "no")]);
    let waiting = a_job("import", None);
    let suspended = Job { suspended: true, ..waiting.clone() };
    let at_work = Job { active: 1, ..waiting.clone() };
    for (cluster, of, told) in [
        (Cluster::default(), waiting.clone(), &[][..]),
        (Cluster::default(), a_job("import", Some(("FailureTarget", "DeadlineExceeded"))), &[]),
        (Cluster::default(), suspended.clone(), &["job-suspended"]),
        (refusal(), suspended, &["job-suspended"]),
        (refusal(), waiting, &["workload-refused"]),
        (refusal(), at_work, &[]),
        (refusal(), a_job("import", Some(("Complete", ""))), &[]),
    ] {
        assert_eq!(rules(&job(&cluster, &of)), told, "{of:?}");
    }
}

#[test]
fn a_cron_job_is_told_as_long_as_its_newest_job_to_end_has_failed() {
    let [failed, complete] = [Some(("Failed", "DeadlineExceeded")), Some(("Complete", ""))];
    let told = &["cron-job-failing"][..];
    let of_another = Object::Job(a_job("import", failed));
    for (jobs, told) in [
        (vec![], &[][..]),
        (vec![of_another], &[]),
        (vec![of_cron("a", 1, failed)], told),
        (vec![of_cron("a", 1, failed), of_cron("b", 2, None)], told),
        (vec![of_cron("a", 1, failed), of_cron("b", 2, complete)], &[]),
        (vec![of_cron("b", 1, complete), of_cron("a", 2, failed)], told),
        (vec![of_cron("a", 1, None)], &[]),
    ] {
        assert_eq!(rules(&cron_job(&cluster(jobs.clone()), &a_cron_job())), told, "{jobs:?}");
    }
    let Object::Job(child) = of_cron("a", 1, failed) else { unreachable!("it is a Job") };
    assert!(job(&Cluster::default(), &child).is_empty(), "it is told at the CronJob");
}

#[test]
fn a_cron_job_that_keeps_no_jobs_is_told_by_its_status() {
    let [early, late] = [1, 2].map(|ms| Some(MADE.plus_ms(ms)));
    for (scheduled, succeeded, active, jobs, told) in [
        (late, None, 0, vec![], &["cron-job-failing"][..]),
        (late, early, 0, vec![], &["cron-job-failing"]),
        (early, late, 0, vec![], &[]),
        (late, early, 1, vec![], &[]),
        (late, early, 0, vec![of_cron("a", 1, None)], &[]),
    ] {
        let cron = CronJob { scheduled, succeeded, active, ..a_cron_job() };
        assert_eq!(rules(&cron_job(&cluster(jobs), &cron)), told, "{cron:?}");
    }
}

#[test]
fn a_cron_job_is_told_that_is_held_refused_late_or_never_comes() {
    let warned = |reason: &str| vec![warning("CronJob", &meta("web", "backup"), reason, "no")];
    let suspended = CronJob { suspended: true, ..a_cron_job() };
    let never = CronJob { schedule: "0 0 31 2 *".into(), ..a_cron_job() };
    let made_since = CronJob { scheduled: Some(MADE), succeeded: Some(MADE), ..a_cron_job() };
    for (events, cron, told) in [
        (vec![], suspended.clone(), &["cron-job-suspended"][..]),
        (warned("MissSchedule"), suspended, &["cron-job-suspended"]),
        (vec![], never, &["cron-job-never-runs"]),
        (warned("FailedCreate"), a_cron_job(), &["workload-refused"]),
        (warned("MissSchedule"), a_cron_job(), &["cron-job-missed"]),
        (warned("TooManyMissedTimes"), a_cron_job(), &["cron-job-missed"]),
        (warned("TooManyMissedTimes"), made_since, &[]),
        (warned("UnexpectedJob"), a_cron_job(), &[]),
    ] {
        assert_eq!(rules(&cron_job(&cluster(events), &cron)), told, "{cron:?}");
    }
}
