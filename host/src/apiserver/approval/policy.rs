//! Whether the cluster lets nobody make an `Approval` in another one's name: the policy `quarterdeck-approval-by` and its
//! binding, as they are in the cluster now, against what is compiled in from the very file that installs them.
//!
//! It is not enough that both are as they should be *now*. Somebody could loosen the policy, make an Approval in another's
//! name, and restore it. So an Approval counts only where both stood unchanged since before it was made, and the API server
//! itself keeps what shows that: `metadata.generation` is 1 at the creation of either object, rises with each change of its
//! `spec`, and no client can set it; `metadata.creationTimestamp` is the server's, too. Generation 1 and the right `spec`
//! mean that it was never another one since it was created; and one that was removed for a while is younger than what was
//! made meanwhile. Nothing has to be remembered for this: not in the journal, and not by a host that was away meanwhile.
//! The price is that after any change, also a right one, both are made anew (`kubectl replace --force`).
//!
//! A policy is enforced some moments after it was created, since each API server hears of it by a watch; so what was made
//! within [`SETTLES_S`] after it does not count either.
//!
//! What is *not* seen: administrators who switch the admission plugin off, write to etcd, or impersonate users. They own
//! the cluster.

use std::sync::OnceLock;

use serde_json::Value;

/// The name of the policy, and of its binding.
pub const NAME: &str = "quarterdeck-approval-by";

/// Each API server enforces a policy within a second or two of its creation, where its watch is well. Until this long after
/// it, in seconds, no Approval counts.
pub const SETTLES_S: i64 = 30;

/// What installs both.
const MANIFEST: &str = include_str!("../../../../deploy/kubernetes/missions/approval-policy.yaml");

/// The kind of the one.
pub const POLICY: &str = "ValidatingAdmissionPolicy";
/// The kind of the other.
pub const BINDING: &str = "ValidatingAdmissionPolicyBinding";

/// What makes both anew.
pub const AGAIN: &str = "kubectl replace --force -f deploy/kubernetes/missions/approval-policy.yaml";

/// Why no Approval counts, or why this one does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// One of the two is not there.
    #[error("the cluster has no {what} {NAME}, so anybody could have made this in another one's name; {AGAIN}")]
    Missing {
        /// Which.
        what: &'static str,
    },
    /// One of the two may not be read.
    #[error(
        "the host may not read the {what} {NAME}, so it can't tell who made this; apply approval-rights.yaml: {why}"
    )]
    Denied {
        /// Which.
        what: &'static str,
        /// The API server's words.
        why: String,
    },
    /// One of the two is another one.
    #[error(
        "the {what} {NAME} in the cluster is not the one that this host knows, so it can't tell who made this; {AGAIN}"
    )]
    Altered {
        /// Which.
        what: &'static str,
    },
    /// One of the two was another one for a while.
    #[error(
        "the {what} {NAME} was changed since it was created, so this may have been made in another one's name; {AGAIN}, \
         and then say it again"
    )]
    Changed {
        /// Which.
        what: &'static str,
    },
    /// One of the two is younger.
    #[error("this was made before the {what} {NAME} was in force ({SETTLES_S} s after it was created); say it again")]
    Younger {
        /// Which.
        what: &'static str,
    },
    /// It can't be told.
    #[error("the API server does not say when {what} was created")]
    Undated {
        /// What.
        what: &'static str,
    },
}

/// The policy and its binding, as the cluster has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Installed {
    /// The policy, whole.
    pub policy: Value,
    /// The binding, whole.
    pub binding: Value,
}

/// Whether both stand as they should, and did when this was made: a time such as `2026-01-02T03:04:05Z`.
///
/// # Errors
/// Where they do not, or did not.
pub fn held_when(installed: &Installed, created: Option<&str>) -> Result<(), PolicyFault> {
    let made = created.and_then(seconds).ok_or(PolicyFault::Undated { what: "this Approval" })?;
    for (what, since) in unchanged(installed)? {
        // Times are whole seconds, cut: what is made in the last one of them is not later for certain.
        if made <= since.saturating_add(SETTLES_S) {
            return Err(PolicyFault::Younger { what });
        }
    }
    Ok(())
}

/// Both, each with when it was created, in seconds, where they are as they should be and always were.
///
/// # Errors
/// Where they are not, or were not.
pub fn unchanged(installed: &Installed) -> Result<[(&'static str, i64); 2], PolicyFault> {
    let [policy, binding] = expected();
    Ok([holds(POLICY, policy, &installed.policy)?, holds(BINDING, binding, &installed.binding)?])
}

fn holds(what: &'static str, wanted: &Value, found: &Value) -> Result<(&'static str, i64), PolicyFault> {
    // All of it is compared, also what a later Kubernetes may add and this program knows nothing of.
    if found["spec"] != wanted["spec"] || found["metadata"]["name"] != NAME || found["kind"] != what {
        return Err(PolicyFault::Altered { what });
    }
    // One that is on its way out is still enforced, and gone in a moment.
    if found["metadata"].get("deletionTimestamp").is_some() {
        return Err(PolicyFault::Missing { what });
    }
    if found["metadata"]["generation"] != 1 {
        return Err(PolicyFault::Changed { what });
    }
    let since = found["metadata"]["creationTimestamp"].as_str().and_then(seconds);
    since.map(|since| (what, since)).ok_or(PolicyFault::Undated { what })
}

fn seconds(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// Both, as the file has them.
fn expected() -> &'static [Value; 2] {
    static PARSED: OnceLock<[Value; 2]> = OnceLock::new();
    PARSED.get_or_init(|| {
        let (policy, binding) = MANIFEST.split_once("\n---\n").expect("a test of this file parses it");
        [policy, binding].map(|text| serde_saphyr::from_str(text).expect("a test of this file parses it"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CREATED: &str = "2026-01-02T03:04:05Z";
    const LATER: &str = "2026-01-02T03:05:05Z";

    /// Both as a cluster has them just after the file was applied.
    fn installed() -> Installed {
        let stored = |wanted: &Value| {
            let mut stored = wanted.clone();
            let metadata = json!({ "name": NAME, "uid": "u", "generation": 1, "creationTimestamp": CREATED });
            stored["metadata"] = metadata;
            stored["status"] = json!({ "observedGeneration": 1 });
            stored
        };
        let [policy, binding] = expected();
        Installed { policy: stored(policy), binding: stored(binding) }
    }

    fn after(change: impl FnOnce(&mut Installed)) -> Result<(), PolicyFault> {
        let mut installed = installed();
        change(&mut installed);
        held_when(&installed, Some(LATER))
    }

    #[test]
    fn the_file_denies_everywhere_and_fails_closed() {
        let [policy, binding] = expected();
        assert_eq!((&policy["kind"], &policy["metadata"]["name"]), (&json!("ValidatingAdmissionPolicy"), &json!(NAME)));
        assert_eq!(policy["spec"]["failurePolicy"], "Fail");
        let constraints = &policy["spec"]["matchConstraints"];
        assert_eq!((&constraints["namespaceSelector"], &constraints["objectSelector"]), (&json!({}), &json!({})));
        for narrowing in ["matchConditions", "paramKind"] {
            assert!(policy["spec"].get(narrowing).is_none(), "{narrowing}");
        }
        assert!(constraints.get("excludeResourceRules").is_none());
        let whole = json!({ "policyName": NAME, "validationActions": ["Deny"] });
        assert_eq!(binding["spec"], whole, "nothing narrows it");
        assert_eq!(after(|_| ()), Ok(()));
    }

    #[test]
    fn what_is_altered_counts_for_nothing() {
        type Alter = fn(&mut Installed);
        let altered: [(&str, Alter); 10] = [
            ("another expression", |all| all.policy["spec"]["validations"][0]["expression"] = json!("true")),
            ("one validation less", |all| drop(all.policy["spec"]["validations"].as_array_mut().unwrap().remove(0))),
            ("a condition", |all| {
                all.policy["spec"]["matchConditions"] = json!([{ "name": "x", "expression": "false" }])
            }),
            ("ignored failures", |all| all.policy["spec"]["failurePolicy"] = json!("Ignore")),
            ("another variable", |all| all.policy["spec"]["variables"][0]["expression"] = json!("'eve'")),
            ("a namespace left out", |all| {
                all.policy["spec"]["matchConstraints"]["namespaceSelector"] = json!({ "matchLabels": { "a": "b" } });
            }),
            ("what nobody knows", |all| all.policy["spec"]["later"] = json!(true)),
            ("a warning alone", |all| all.binding["spec"]["validationActions"] = json!(["Warn"])),
            ("a match", |all| all.binding["spec"]["matchResources"] = json!({ "namespaceSelector": {} })),
            ("another policy", |all| all.binding["spec"]["policyName"] = json!("mine")),
        ];
        for (what, alter) in altered {
            let fault = after(alter).unwrap_err();
            assert!(matches!(fault, PolicyFault::Altered { .. }), "{what}: {fault}");
        }
    }

    #[test]
    fn what_was_loosened_and_restored_is_seen() {
        let what = "ValidatingAdmissionPolicy";
        for generation in [json!(3), json!(2), json!(0), json!("1"), Value::Null] {
            let fault = after(|all| all.policy["metadata"]["generation"] = generation.clone());
            assert_eq!(fault, Err(PolicyFault::Changed { what }), "{generation}");
        }
        let what = "ValidatingAdmissionPolicyBinding";
        assert_eq!(after(|all| all.binding["metadata"]["generation"] = json!(3)), Err(PolicyFault::Changed { what }));
        // Removed, something forged, and installed again: it is younger than the forgery.
        let fault = after(|all| all.binding["metadata"]["creationTimestamp"] = json!("2026-01-02T03:05:06Z"));
        assert_eq!(fault, Err(PolicyFault::Younger { what }));
        let fault = after(|all| all.binding["metadata"]["deletionTimestamp"] = json!(LATER));
        assert_eq!(fault, Err(PolicyFault::Missing { what }));
    }

    #[test]
    fn what_was_made_before_the_policy_was_in_force_does_not_count() {
        let made = |created: Option<&str>| held_when(&installed(), created);
        let younger = Err(PolicyFault::Younger { what: "ValidatingAdmissionPolicy" });
        assert_eq!(made(Some("2026-01-02T03:04:36Z")), Ok(()));
        for early in ["2026-01-02T03:04:35Z", CREATED, "2026-01-02T03:04:04Z", "1970-01-01T00:00:00Z"] {
            assert_eq!(made(Some(early)), younger, "{early}");
        }
        for none in [None, Some(""), Some("yesterday")] {
            assert_eq!(made(none), Err(PolicyFault::Undated { what: "this Approval" }));
        }
    }
}
