//! Images that a node cannot get.
//!
//! The kubelet says `ErrImagePull` while it tries and `ImagePullBackOff` while it waits, and the runtime's words name
//! other ports and addresses each time. So what is told is the cause that the words speak of, and the words are evidence.

use super::waits;
use super::words::steady;
use crate::kubernetes::event::Event;
use crate::kubernetes::pod::{Container, State};
use crate::kubernetes::rules::Symptom;
use crate::situation::Severity;

/// Why a container waits whose image is not there.
const REASONS: [&str; 7] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// Words of runtimes and registries, in lower case, and what they mean; the first that is found counts.
const CAUSES: [(&[&str], &str); 9] = [
    (&["no space left on device"], "the node's disk is full: free space on it"),
    (&["toomanyrequests", "429 too many"], "the registry refuses so many pulls: log in to it, or use a mirror"),
    (
        &["unauthorized", "401", "403 forbidden", "authorization failed", "access denied", "authentication required"],
        "the registry does not give it to the node, or has no such image: check its name, and give the pod or its service \
         account an imagePullSecret",
    ),
    (
        &["no match for platform", "no matching manifest"],
        "there is none for the node's processor: build it for that too",
    ),
    (
        &["x509", "certificate", "http response to https"],
        "the node does not trust the registry: give it the certificate",
    ),
    (&["lookup ", "no such host"], "the node cannot resolve the registry's name: check the name and the node's DNS"),
    (
        &[
            "connection refused",
            "timeout",
            "timed out",
            "no route to host",
            "deadline exceeded",
            "network is unreachable",
        ],
        "the node cannot reach the registry: check the address and the network between them",
    ),
    (&["not found", "manifest unknown", "name unknown"], "the registry has no such image: check its name and tag"),
    (&["signature"], "its signature is not accepted: sign it, or correct the policy that asks for it"),
];

pub(super) fn look(container: &Container, warnings: &[&Event]) -> Option<Symptom> {
    if !waits(container, &REASONS) {
        return None;
    }
    let State::Waiting { reason, message } = &container.state else { return None };
    let said = words(container, message, warnings);
    let (name, image) = (&container.name, &container.image);
    let message = match &**reason {
        "InvalidImageName" => format!("container {name}: the image name {image} is invalid: correct it"),
        "ErrImageNeverPull" => format!(
            "container {name}: the image {image} is not on the node, and imagePullPolicy Never forbids to pull it: load it \
             onto the node, or change the policy"
        ),
        _ => format!("container {name}: the image {image} cannot be pulled: {}", why(said, warnings)),
    };
    let symptom = Symptom::new("pod-image-pull", Severity::Critical, message).seen_by("reason", reason);
    Some(if said.is_empty() { symptom } else { symptom.seen_by("said", &steady(said)) })
}

/// What was said of the attempt: while it waits, an older kubelet says nothing but that, and its warning says more.
fn words<'a>(container: &Container, message: &'a str, warnings: &[&'a Event]) -> &'a str {
    let says_more = !message.starts_with("Back-off pulling image") || message.contains("\": ");
    if says_more && !message.is_empty() {
        return message;
    }
    let tried = |event: &&&Event| {
        event.message.starts_with("Failed to pull image") && event.message.contains(&*container.image)
    };
    warnings.iter().find(tried).map_or(message, |event| &event.message)
}

fn why(said: &str, warnings: &[&Event]) -> String {
    if warnings.iter().any(|event| &*event.reason == "FailedToRetrieveImagePullSecret") {
        return "an imagePullSecret that the pod names is not there: create it".to_owned();
    }
    let lower = said.to_lowercase();
    let cause = CAUSES.iter().find(|(words, _)| words.iter().any(|word| lower.contains(word)));
    match cause {
        Some((_, why)) => (*why).to_owned(),
        None => "see what the runtime said, and `kubectl describe pod`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{container, pod, seen, waiting, warning};
    use super::*;
    use crate::kubernetes::pod::Pod;

    fn told(reason: &str, message: &str, warnings: &[Event]) -> String {
        let state = waiting(reason, message);
        let pod = Pod { containers: vec![Container { state, ..container("main") }], ..pod() };
        let mut symptoms = seen(&pod, warnings);
        assert_eq!(symptoms.len(), 1);
        assert_eq!(symptoms[0].rule, "pod-image-pull");
        symptoms.remove(0).message
    }

    #[test]
    fn the_message_stays_while_the_kubelet_tries_and_waits() {
        let tries = "failed to pull and unpack image \"web:1\": failed to do request: Head \"https://r.test/v2/\": dial tcp: \
                     lookup r.test on [::1]:53: read udp [::1]:44122->[::1]:53: read: connection refused";
        let newer = format!("Back-off pulling image \"web:1\": ErrImagePull: {}", tries.replace("44122", "39999"));
        let older = [warning("Failed", &format!("Failed to pull image \"web:1\": {tries}"), 120)];
        let first = told("ErrImagePull", tries, &[]);
        assert!(first.contains("resolve the registry's name"), "{first}");
        assert_eq!(told("ImagePullBackOff", &newer, &[]), first);
        assert_eq!(told("ImagePullBackOff", "Back-off pulling image \"web:1\"", &older), first);
        assert_ne!(told("ImagePullBackOff", "Back-off pulling image \"web:1\"", &[]), first);
    }

    #[test]
    fn each_cause_has_its_cure() {
        let absent =
            [warning("FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (reg)", 120)];
        for (reason, message, warnings, words) in [
            ("InvalidImageName", "couldn't parse image name", &[][..], "is invalid"),
            ("ErrImageNeverPull", "not present with pull policy of Never", &[], "forbids to pull"),
            ("ErrImagePull", "docker.io/web:1: not found", &[], "no such image: check its name and tag"),
            ("ErrImagePull", "pull access denied, repository does not exist", &[], "imagePullSecret"),
            ("ErrImagePull", "pull access denied, repository does not exist", &absent, "is not there: create it"),
            ("ErrImagePull", "unexpected status: 401 Unauthorized", &[], "imagePullSecret"),
            ("ErrImagePull", "toomanyrequests: You have reached your pull rate limit", &[], "mirror"),
            ("ErrImagePull", "tls: failed to verify certificate: x509: unknown authority", &[], "trust"),
            ("ErrImagePull", "dial tcp 10.0.0.9:5000: connect: connection refused", &[], "cannot reach"),
            ("ErrImagePull", "no match for platform in manifest", &[], "processor"),
            ("ErrImagePull", "write /var/lib/x: no space left on device", &[], "disk is full"),
            ("ErrImagePull", "something new", &[], "kubectl describe"),
        ] {
            let message = told(reason, message, warnings);
            assert!(message.contains(words), "{message} does not say {words}");
        }
    }
}
