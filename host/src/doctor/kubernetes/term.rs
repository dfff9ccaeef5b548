//! The Lease, by which one host acts; and the workers' Jobs that an earlier term left.

use quarterdeck_core::ids::Timestamp;
use serde_json::Value;

use super::{Check, Learned, shown, unknown};
use crate::apiserver::read::Unread;
use crate::apiserver::{label, lease};
use crate::observe::kubernetes::checkup::JOBS_MAX;

/// A renewal that is this much in the future, in seconds, is of another clock.
const CLOCKS_APART_S: i64 = 10;
/// So many Jobs are named.
const NAMED_MAX: usize = 8;

/// Who acts, and since when nobody does.
pub(super) fn lease(found: &Learned<Value>, now: Timestamp) -> Check {
    const NAME: &str = "lease";
    let spec = match found {
        Ok(lease) => &lease["spec"],
        Err(Unread::Absent) => {
            return Check::well(NAME, "no host has acted here yet; the first one makes it".to_owned());
        }
        Err(problem) => return unknown(NAME, &format!("the Lease {}", lease::NAME), problem),
    };
    let term = term(spec);
    let holder = spec["holderIdentity"].as_str().filter(|holder| !holder.is_empty());
    let Some(holder) = holder.map(shown) else { return Check::well(NAME, format!("free, after term {term}")) };
    let renewed = spec["renewTime"].as_str().and_then(|time| time.parse::<jiff::Timestamp>().ok());
    let Some(renewed) = renewed else {
        let what = format!("{holder} holds it, in term {term}");
        return Check::warn(
            NAME,
            &what,
            "it names no time of a renewal",
            "see kubectl get lease -o yaml; nobody but hosts writes it",
        );
    };
    let now_s = i64::try_from(now.0 / 1000).unwrap_or(i64::MAX);
    let age = now_s.saturating_sub(renewed.as_second());
    if age < -CLOCKS_APART_S {
        let what = format!("{holder} holds it, in term {term}");
        let cause = format!("it was renewed {} s from now: two clocks are apart", age.saturating_neg());
        return Check::warn(
            NAME,
            &what,
            cause,
            "set the clocks by one server of time; hosts never compare them, people do",
        );
    }
    let age = age.max(0);
    let held = spec["leaseDurationSeconds"].as_i64().unwrap_or(0).max(0);
    if age > held {
        return Check::well(NAME, format!("free: {holder} held it in term {term}, and renewed it {} ago", long(age)));
    }
    let what = format!(
        "held by {holder} in term {term}, renewed {age} s ago: a host acts, and another one would wait for its end"
    );
    Check::well(NAME, what)
}

fn term(spec: &Value) -> i64 {
    spec["leaseTransitions"].as_i64().unwrap_or(0)
}

fn long(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The Jobs of an earlier term that are still at work.
pub(super) fn jobs(found: &Learned<Value>, lease: &Learned<Value>, namespace: &str) -> Check {
    const NAME: &str = "jobs";
    let list = match found {
        Ok(list) => list,
        Err(problem) => return unknown(NAME, &format!("jobs in {namespace}"), problem),
    };
    let now = match lease {
        Ok(lease) => term(&lease["spec"]),
        Err(Unread::Absent) => 0,
        Err(problem) => return unknown(NAME, "the Lease's term, which tells earlier Jobs", problem),
    };
    let all: Vec<&Value> = list["items"].as_array().into_iter().flatten().take(JOBS_MAX).collect();
    let earlier: Vec<String> = all.iter().filter_map(|job| earlier(job, now)).collect();
    let more = list["metadata"]["continue"].as_str().is_some_and(|next| !next.is_empty());
    let only = if more { format!(" (of the first {JOBS_MAX})") } else { String::new() };
    if earlier.is_empty() {
        return Check::well(NAME, format!("none of an earlier term is at work in {namespace}{only}"));
    }
    let named = earlier.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    let rest = earlier.len().saturating_sub(NAMED_MAX);
    let rest = if rest > 0 { format!(", and {rest} more") } else { String::new() };
    let what = format!("{} of an earlier term at work in {namespace}{only}: {named}{rest}", earlier.len());
    let cause = "the host that began them has ended, or was started anew";
    let cure = format!(
        "start the host with the data folder that began them, which takes them over; what no host knows: kubectl -n {namespace} logs job/NAME, and delete its pod to stop it"
    );
    Check::warn(NAME, &what, cause, cure)
}

/// The name and the term of a Job, where it is of an earlier one and has not ended.
fn earlier(job: &Value, now: i64) -> Option<String> {
    let ended = job["status"]["conditions"].as_array().into_iter().flatten().any(|condition| {
        ["Complete", "Failed"].iter().any(|kind| condition["type"] == *kind) && condition["status"] == "True"
    });
    let term = job["metadata"]["annotations"][label::TERM].as_str().and_then(|term| term.parse::<i64>().ok());
    let is_earlier = term.is_none_or(|term| term != now);
    let told = term.map_or_else(|| "none".to_owned(), |term| term.to_string());
    let name = || shown(job["metadata"]["name"].as_str().unwrap_or("?"));
    (is_earlier && !ended).then(|| format!("{} (term {told})", name()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::Verdict;

    /// 2026-01-02T03:04:05Z.
    const NOW: Timestamp = Timestamp(1_767_323_045_000);

    fn held(renewed: &str) -> Learned<Value> {
        Ok(json!({ "spec": {
            "holderIdentity": "quarterdeck-ab\u{1b}", "leaseDurationSeconds": 15, "leaseTransitions": 7, "renewTime": renewed,
        } }))
    }

    #[test]
    fn a_lease_says_who_acts_or_since_when_nobody_does() {
        for (found, verdict, told) in [
            (Err(Unread::Absent), Verdict::Ok, "the first one makes it"),
            (Err(Unread::Denied("no".to_owned())), Verdict::Note, "not known: may not read the Lease quarterdeck"),
            (Ok(json!({})), Verdict::Ok, "free, after term 0"),
            (Ok(json!({ "spec": { "holderIdentity": "", "leaseTransitions": 3 } })), Verdict::Ok, "free, after term 3"),
            (
                held("2026-01-02T03:04:02.000000Z"),
                Verdict::Ok,
                "held by quarterdeck-ab\\u{1b} in term 7, renewed 3 s ago",
            ),
            (held("2026-01-02T03:04:07.000000Z"), Verdict::Ok, "renewed 0 s ago"),
            (held("2026-01-02T03:03:00.000000Z"), Verdict::Ok, "renewed it 65 s ago"),
            (held("2026-01-01T03:03:00.000000Z"), Verdict::Ok, "renewed it 24 h ago"),
            (held("2025-01-01T03:03:00.000000Z"), Verdict::Ok, "renewed it 366 days ago"),
            (held("2026-01-02T03:05:05.000000Z"), Verdict::Warn, "60 s from now"),
            (held("yesterday"), Verdict::Warn, "no time of a renewal"),
        ] {
            let check = lease(&found, NOW);
            assert!(check.verdict == verdict && check.to_string().contains(told), "{told}: {check:#?}");
        }
    }

    #[test]
    fn only_what_is_at_work_and_of_another_term_is_told() {
        let job = |name: &str, term: &str, ended: &str| {
            json!({
                "metadata": { "name": name, "annotations": { label::TERM: term } },
                "status": { "conditions": [{ "type": ended, "status": "True" }] },
            })
        };
        let lease = held("2026-01-02T03:04:02Z");
        let told = |items: Vec<Value>, more: &str| {
            let list = Ok(json!({ "metadata": { "continue": more }, "items": items }));
            let check = jobs(&list, &lease, "workers");
            (check.verdict, check.what)
        };
        assert_eq!(told(vec![], ""), (Verdict::Ok, "none of an earlier term is at work in workers".to_owned()));
        let well = vec![job("now", "7", "x"), job("done", "6", "Complete"), job("failed", "1", "Failed")];
        assert_eq!(told(well, "").0, Verdict::Ok);
        let (verdict, what) = told(vec![job("old", "6", "x"), job("now", "7", "x"), json!({})], "");
        assert_eq!(verdict, Verdict::Warn);
        assert_eq!(what, "2 of an earlier term at work in workers: old (term 6), ? (term none)");
        let (_, what) = told((0..20).map(|n| job(&format!("j{n}"), "2", "x")).collect(), "more");
        assert!(what.contains("(of the first 100)") && what.ends_with("j7 (term 2), and 12 more"), "{what}");

        let list = Ok(json!({ "items": [job("old", "6", "x")] }));
        let denied = || Err(Unread::Denied("no".to_owned()));
        assert_eq!(jobs(&list, &denied(), "workers").verdict, Verdict::Note);
        assert_eq!(jobs(&denied(), &lease, "workers").verdict, Verdict::Note);
        assert_eq!(jobs(&list, &Err(Unread::Absent), "workers").verdict, Verdict::Warn);
    }
}
