//! Pods and Jobs that the API server refuses to make: a quota, a webhook, Pod Security, an account that is not there.
//!
//! It is told at what asks for them, and not again at a Deployment, whose condition is a copy of its replica set's. The
//! words are the API server's, without the name that was tried, which is another each time, and without a quota's numbers.

use super::Symptom;
use crate::kubernetes::cluster::{Cluster, Kind};
use crate::kubernetes::object::{Meta, condition};
use crate::kubernetes::workload::Workload;
use crate::situation::Severity;

/// Who is refused tries again within 1,000 seconds, and says so each time; after this time it has given up or succeeded.
const RETRY_MS: u64 = 20 * 60_000;
/// What stands before the reason, the last first: a name that changes stands before all of them.
const BEFORE_THE_REASON: [&str; 4] = [" is forbidden: ", " is invalid: ", " failed error: ", "Error creating: "];

/// What a replica set's condition says of its pods.
pub(super) fn by_condition(set: &Workload, severity: Severity) -> Option<Symptom> {
    let failure = condition(&set.conditions, "ReplicaFailure")?;
    let refused = failure.holds == Some(true) && &*failure.reason == "FailedCreate" && set.current < set.desired;
    refused.then(|| symptom(severity, &failure.message))
}

/// What the newest warning about an object says of what it makes; for those that have no condition for it.
pub(super) fn by_event(cluster: &Cluster, kind: Kind, meta: &Meta, severity: Severity) -> Option<Symptom> {
    let warnings = cluster.warnings(kind, &meta.name);
    let event = warnings.into_iter().find(|event| &*event.reason == "FailedCreate" && event.about_uid == meta.uid)?;
    Some(symptom(severity, &event.message).until(event.last.plus_ms(RETRY_MS)))
}

fn symptom(severity: Severity, said: &str) -> Symptom {
    let reason = reason(said);
    let cure = match reason.starts_with("exceeded quota") {
        true => "raise that quota, or take away what is not needed",
        false => "change what it asks for, or what refuses it",
    };
    let message = format!("the API server refuses to make what it wants: {reason}; {cure}");
    Symptom::new("workload-refused", severity, message).seen_by("said", said)
}

fn reason(said: &str) -> &str {
    let after = BEFORE_THE_REASON.iter().find_map(|marker| said.split_once(marker)).map_or(said, |(_, reason)| reason);
    after.split_once(", requested: ").map_or(after, |(reason, _)| reason)
}

#[cfg(test)]
mod tests {
    use super::super::example::{MADE, cluster, meta, warning};
    use super::*;
    use crate::kubernetes::object::Meta;

    #[test]
    fn a_refusal_is_told_in_the_api_servers_words_without_what_changes() {
        for (said, told) in [
            (
                r#"pods "web-729v6" is forbidden: exceeded quota: quota, requested: pods=1, used: pods=1, limited: pods=1"#,
                "wants: exceeded quota: quota; raise that quota",
            ),
            (
                r#"create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: exceeded quota: q, requested: a=1"#,
                "wants: exceeded quota: q; raise",
            ),
            (
                r#"Error creating: pods "a-x" is forbidden: violates PodSecurity "restricted:latest": privileged"#,
                r#"wants: violates PodSecurity "restricted:latest": privileged; change"#,
            ),
            (
                r#"Error creating: Pod "a-x" is invalid: spec.containers: Required value"#,
                "wants: spec.containers: Required",
            ),
            (
                r#"Error creating: admission webhook "a.b" denied the request: no"#,
                r#"wants: admission webhook "a.b" denied the request: no; change"#,
            ),
            ("something new", "wants: something new; change"),
        ] {
            let message = symptom(Severity::Warning, said).message;
            assert!(message.contains(told) && !message.contains("-x") && !message.contains("requested"), "{message}");
        }
    }

    #[test]
    fn a_warning_counts_for_its_own_object_and_as_long_as_it_is_repeated() {
        let job = meta("web", "backup");
        let look = |about: &Meta, reason: &str| {
            let cluster = cluster([warning("Job", about, reason, "Error creating: no")]);
            by_event(&cluster, Kind::Job, &job, Severity::Warning)
        };
        let told = look(&job, "FailedCreate").expect("it is about this Job");
        assert!(told.holds(MADE) && told.holds(MADE.plus_ms(RETRY_MS - 1)) && !told.holds(MADE.plus_ms(RETRY_MS)));
        assert_eq!(look(&job, "BackoffLimitExceeded"), None);
        assert_eq!(look(&meta("web", "other"), "FailedCreate"), None);
        assert_eq!(look(&Meta { uid: "before".into(), ..job.clone() }, "FailedCreate"), None, "of a namesake");
    }
}
