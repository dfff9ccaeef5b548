//! How the API server is: it is asked for its version now and then, since a watch that hears nothing does not tell a
//! quiet cluster from a dead server.

use std::sync::Arc;
use std::time::Duration;

use quarterdeck_core::situation::cut;

use super::Shared;
use super::watch::told;

/// So often it is asked.
const INTERVAL: Duration = Duration::from_secs(5);
/// It has this long to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Its version is at most so many bytes: `v1.34.4` has seven.
const VERSION_BYTES_MAX: usize = 64;

/// Asks for ever.
pub(super) async fn probe(client: kube::Client, shared: Arc<Shared>) {
    loop {
        let asked = (shared.clock)();
        let answer = match tokio::time::timeout(TIMEOUT, client.apiserver_version()).await {
            Ok(Ok(info)) => Ok((cut(&info.git_version, VERSION_BYTES_MAX), minor(&info.minor))),
            Ok(Err(error)) => Err(told(&shared.redactor, &error)),
            Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
        };
        if let Ok((_, minor)) = &answer {
            shared.patrol().served_by(*minor);
        }
        let otherwise = {
            let view = &mut shared.known().view;
            view.asked = Some(asked);
            let before = (view.version.clone(), view.problem.clone());
            match answer {
                Ok((version, _)) => {
                    if view.problem.is_some() || view.answers_since.is_none() {
                        view.answers_since = Some(asked);
                    }
                    (view.answered, view.version, view.problem) = (Some(asked), Some(version), None);
                }
                Err(problem) => view.problem = Some(problem),
            }
            before != (view.version.clone(), view.problem.clone())
        };
        if otherwise {
            (shared.wake)();
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// The minor version; some clusters write `34+`.
pub(super) fn minor(said: &str) -> Option<u32> {
    let digits: String = said.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minor_version_is_read_as_clusters_write_it() {
        for (said, read) in [("34", Some(34)), ("30+", Some(30)), ("", None), ("x", None), ("99999999999", None)] {
            assert_eq!(minor(said), read);
        }
    }
}
