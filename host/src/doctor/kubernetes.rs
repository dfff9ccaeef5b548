//! A Kubernetes cluster: everything that would keep a host from working in it, for what it is meant to do there.
//!
//! The cluster is asked once (`observe::kubernetes::checkup`), and each answer is judged by a pure function. Where the account may not read
//! what a check takes, the check says so, and that is no failure: the host's own role is small on purpose, and who wants to
//! know looks as an administrator. Words from the cluster are bounded and escaped here.

mod kinds;
mod rights;
mod term;
mod walls;
mod workers;

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::redaction::Redactor;

use super::Check;
use crate::apiserver::read::Unread;
use crate::apiserver::{self, ConnectError, Connection, Origin, WorkersWanted};
use crate::observe::kubernetes::checkup::{self, Learned, Questions, Seen, Version};

/// What would be done in which cluster.
pub struct KubernetesInput {
    /// The context of the kubeconfig, where one is named.
    pub context: Option<String>,
    /// How workers run, where some shall, or what is wrong with the file that says it.
    pub workers: Option<Result<WorkersWanted, String>>,
    /// Whether missions that are objects shall be looked after.
    pub missions: bool,
    /// What time it is.
    pub now: Timestamp,
}

const NAME: &str = "cluster";
/// The admission policies of workers and missions are an API of Kubernetes itself from this minor version on.
const MINOR_MIN: u32 = 30;
/// A name from a cluster is shown up to this many bytes.
const SHOWN_BYTES_MAX: usize = 253;
/// What a person does to look at what an account may not read.
const AS_ADMINISTRATOR: &str = "an administrator's kubeconfig shows it";

pub(super) async fn check(input: KubernetesInput, timeout: std::time::Duration) -> Vec<Check> {
    let KubernetesInput { context, workers, missions, now } = input;
    let file = workers.as_ref().map(workers::file);
    let connection = match connect(context, timeout).await {
        Ok(connection) => connection,
        Err(check) => return file.into_iter().chain([check]).collect(),
    };
    let version = checkup::version(&connection, timeout).await;
    let workers = workers.and_then(Result::ok);
    let questions = Questions { workers: workers.as_ref(), missions, timeout };
    let cluster = cluster(&connection, &version, questions);
    let mut checks: Vec<Check> = file.into_iter().chain([cluster]).collect();
    if version.is_ok() {
        let seen = Box::pin(checkup::look(&connection, questions)).await;
        checks.extend(judged(&seen, workers.as_ref(), now));
    }
    checks
}

/// Chooses the cluster. A program that gets a token may hang, and is waited for on a thread of its own.
async fn connect(context: Option<String>, timeout: std::time::Duration) -> Result<Connection, Check> {
    let runtime = tokio::runtime::Handle::current();
    let chosen = tokio::task::spawn_blocking(move || runtime.block_on(apiserver::connect(context.as_deref())));
    match tokio::time::timeout(timeout, chosen).await {
        Ok(Ok(Ok(connection))) => Ok(connection),
        Ok(Ok(Err(error))) => Err(unconnected(&error)),
        Ok(Err(_)) => {
            Err(Check::fail(NAME, "no cluster can be asked", "the look at the kubeconfig ended early", CHOOSE))
        }
        Err(_) => {
            let cause = format!("the program that gets a token did not end within {} s", timeout.as_secs_f32());
            Err(Check::fail(
                NAME,
                "no cluster can be asked",
                cause,
                "run `kubectl get --raw /version`, which says what it waits for",
            ))
        }
    }
}

/// How a cluster is chosen.
const CHOOSE: &str =
    "see kubectl config get-contexts, and name one with --context; or name another file with KUBECONFIG";

fn unconnected(error: &ConnectError) -> Check {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    Check::fail(NAME, "no cluster can be asked", shown(&format!("{error}{source}")), CHOOSE)
}

fn cluster(connection: &Connection, version: &Learned<Version>, questions: Questions<'_>) -> Check {
    let server = &connection.server;
    let by = match &connection.origin {
        Origin::Pod => "the one that this pod stands in".to_owned(),
        Origin::Context(context) => format!("by the context {} of the kubeconfig", shown(context)),
    };
    let version = match version {
        Ok(version) => version,
        Err(problem) => return unanswered(&format!("the API server at {server}, {by}"), problem),
    };
    let what = format!("Kubernetes {} at {server}, {by}", shown(&version.text));
    match version.minor {
        Some(minor) if minor < MINOR_MIN => {
            let cause = format!("it is older than 1.{MINOR_MIN}, the oldest that this program knows");
            if questions.workers.is_some() || questions.missions {
                let cause = format!("{cause}, and has no admission policies that hold workers and missions");
                return Check::fail(NAME, &what, cause, "bring the cluster up to date");
            }
            Check::warn(NAME, &what, cause, "bring the cluster up to date; the patrol may see less until then")
        }
        Some(_) => Check::well(NAME, what),
        None => Check::warn(NAME, &what, "its minor version is no number", "see kubectl version"),
    }
}

fn unanswered(server: &str, problem: &Unread) -> Check {
    let (what, cure) = match problem {
        Unread::Unknown(_) => ("does not know who asks", "renew the token or certificate of the kubeconfig's user"),
        Unread::Credentials(_) => ("can't be told who asks", "correct the kubeconfig's user, or log in again"),
        Unread::Certificate(_) => (
            "is not the one that the kubeconfig trusts",
            "take the certificate authority of this very cluster into the kubeconfig, and never switch the check off",
        ),
        Unread::Unreached(_) | Unread::Late(_) => {
            ("does not answer", "see that it runs and that the network leads there: kubectl get --raw /version")
        }
        Unread::Garbled(_) | Unread::Absent => {
            ("answers what is no API server's", "correct the cluster's address in the kubeconfig")
        }
        Unread::Denied(_) | Unread::Failed(_, _) => {
            ("does not tell its version", "look at its log, and at kubectl get --raw /version")
        }
    };
    Check::fail(NAME, &format!("{server} {what}"), problem.to_string(), cure)
}

/// All that is known of a cluster that answers.
fn judged(seen: &Seen, workers: Option<&WorkersWanted>, now: Timestamp) -> Vec<Check> {
    let mut checks = vec![rights::account(&seen.account, workers)];
    checks.extend(rights::check(&seen.rights));
    checks.push(kinds::watched(&seen.absent));
    if let Some(missions) = &seen.missions {
        checks.extend(kinds::ours(missions));
    }
    if let (Some(wanted), Some(there)) = (workers, &seen.workers) {
        checks.extend(workers::namespaces(&there.namespaces));
        checks.extend(workers::allows(&there.allows, wanted));
        checks.push(workers::service(there.service.as_ref(), wanted));
        checks.push(term::lease(&there.lease, now));
        checks.push(term::jobs(&there.jobs, &there.lease, &wanted.builder.namespace));
    }
    checks.extend(walls::policies(seen));
    checks.extend(seen.missions.as_ref().map(|missions| walls::approvals(&missions.policy, now)));
    checks
}

/// What can't be told of something, and no fault of it.
fn unknown(name: &str, what: &str, problem: &Unread) -> Check {
    if matches!(problem, Unread::Denied(_)) {
        return Check::note(name, format!("not known: may not read {what} ({AS_ADMINISTRATOR})"));
    }
    Check::warn(name, &format!("{what} could not be asked for"), problem.to_string(), "look again")
}

/// Words from a cluster, without secrets, bounded, as one line.
fn shown(words: &str) -> String {
    Redactor::new([0; 32]).safe(words, SHOWN_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn an_api_server_that_gives_no_answer_has_a_cure() {
        for (problem, what) in [
            (Unread::Unknown("Unauthorized".to_owned()), "does not know who asks"),
            (Unread::Credentials("no token".to_owned()), "can't be told who asks"),
            (Unread::Certificate("UnknownIssuer".to_owned()), "is not the one"),
            (Unread::Unreached("refused".to_owned()), "does not answer"),
            (Unread::Late(Duration::from_secs(5)), "does not answer"),
            (Unread::Garbled("x".to_owned()), "no API server's"),
            (Unread::Absent, "no API server's"),
            (Unread::Denied("x".to_owned()), "its version"),
            (Unread::Failed(500, "x".to_owned()), "its version"),
        ] {
            let check = unanswered("there", &problem);
            assert!(check.verdict == Verdict::Fail && check.what.contains(what), "{check:#?}");
            assert!(check.cause.is_some() && check.cure.is_some(), "{check:#?}");
        }
    }

    #[test]
    fn what_may_not_be_read_is_a_note_and_what_fails_is_no_note() {
        let note = unknown("x", "configmaps", &Unread::Denied("no".to_owned()));
        assert_eq!((note.verdict, note.cure), (Verdict::Note, None));
        assert!(note.what.starts_with("not known: may not read configmaps"));
        let late = unknown("x", "configmaps", &Unread::Late(Duration::from_secs(1)));
        assert_eq!(late.verdict, Verdict::Warn);
    }
}
