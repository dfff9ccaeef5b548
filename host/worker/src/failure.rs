//! From what Terraform and its providers said to one of the contract's kinds of failure.
//!
//! The kind is what a policy acts on: whether to try again, which remedy to choose, or to tell people. It is read from
//! the errors that were said and from how the program ended; what matches nothing is `other`, which is tried again, a
//! bounded number of times. The sentences are Terraform's (`internal/command`, `internal/getproviders`), Docker's
//! (moby, `client/errors.go` and the daemon) and Go's.

use quarterdeck_core::situation::Failure;
use quarterdeck_core::terraform::providers::recognise_refusal;

/// A message keeps at most this many bytes, as every text from outside that a policy sees.
pub(crate) const MESSAGE_BYTES_MAX: usize = quarterdeck_core::situation::TEXT_BYTES_MAX;

/// One rule: any of these texts, in lower case, means this kind.
struct Rule {
    kind: &'static str,
    retryable: bool,
    texts: &'static [&'static str],
}

/// The first that matches decides, so what says more stands before what says less.
const RULES: [Rule; 12] = [
    Rule { kind: "state-locked", retryable: true, texts: &["error acquiring the state lock", "state is locked"] },
    Rule { kind: "conflict", retryable: false, texts: &["saved plan is stale", "saved plan does not match"] },
    // Another Terraform than the one that made the plan; the next plan is made by the one that is there.
    Rule { kind: "conflict", retryable: true, texts: &["plan files cannot be transferred between different"] },
    // The way to the registry was cut; what is there or not is not known.
    Rule {
        kind: "unreachable",
        retryable: true,
        texts: &[
            "no such host",
            "i/o timeout",
            "tls handshake timeout",
            "network is unreachable",
            "server misbehaving",
        ],
    },
    Rule {
        kind: "missing-provider",
        retryable: false,
        texts: &[
            "failed to query available provider packages",
            "failed to install provider",
            "could not retrieve the list of available versions",
            "inconsistent dependency lock file",
            "required plugins are not installed",
            "failed to instantiate provider",
            "provider registry",
        ],
    },
    Rule {
        kind: "out-of-memory",
        retryable: true,
        texts: &["out of memory", "cannot allocate memory", "oom-kill", "oomkilled"],
    },
    Rule {
        kind: "crashed",
        retryable: true,
        texts: &[
            "terraform crash",
            "panic: ",
            "plugin did not respond",
            "plugin crashed",
            "the plugin encountered an error",
        ],
    },
    // Whoever has the port or the name may let it go.
    Rule {
        kind: "conflict",
        retryable: true,
        texts: &["is already in use by container", "port is already allocated", "already exists", "pool overlaps"],
    },
    Rule {
        kind: "denied",
        retryable: false,
        texts: &["permission denied", "access denied", "pull access denied", "unauthorized", "forbidden"],
    },
    Rule {
        kind: "unreachable",
        retryable: true,
        texts: &[
            "cannot connect to the docker daemon",
            "error pinging docker server",
            "connection refused",
            "connection reset",
            "no such host",
            "i/o timeout",
            "tls handshake timeout",
            "network is unreachable",
            "dial unix",
            "server misbehaving",
            "unexpected eof",
        ],
    },
    Rule { kind: "timeout", retryable: true, texts: &["context deadline exceeded", "timed out", "timeout while"] },
    Rule {
        kind: "usage",
        retryable: false,
        texts: &[
            "unsupported argument",
            "unsupported block type",
            "missing required argument",
            "no value for required variable",
            "invalid value for",
            "incorrect attribute value type",
            "invalid reference",
            "reference to undeclared",
            "invalid expression",
            "unsupported attribute",
            "argument or block definition required",
            "module not installed",
            "duplicate resource",
            "conflicting configuration arguments",
            "unsupported terraform core version",
        ],
    },
];

/// A failure of this kind.
pub(crate) fn failure(kind: &str, message: impl Into<String>, retryable: bool) -> Failure {
    Failure { kind: kind.to_owned(), message: message.into(), retryable, remedies: Vec::new() }
}

/// Finds the kind of what was said, which is safe to show already.
pub(crate) fn classify(said: &str, ended: &str) -> Failure {
    let message = if said.trim().is_empty() { ended.to_owned() } else { said.to_owned() };
    if recognise_refusal(&message).is_some() {
        return failure("version-mismatch", message, false);
    }
    let flat = message.to_lowercase();
    let rule = RULES.iter().find(|rule| rule.texts.iter().any(|text| flat.contains(text)));
    match rule {
        Some(rule) => failure(rule.kind, message, rule.retryable),
        None => failure("other", message, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_has_a_kind() {
        let cases = [
            (
                "Unable to create network: Error response from daemon: client version 1.41 is too old. Minimum supported \
                 API version is 1.44, please upgrade your client to a newer version",
                "version-mismatch",
                false,
            ),
            ("Error acquiring the state lock: HTTP remote state already locked: ID=x", "state-locked", true),
            ("Saved plan is stale: The given plan file can no longer be applied", "conflict", false),
            (
                "Error: Failed to query available provider packages. Could not retrieve the list of available versions \
                 for provider kreuzwerker/docker: no such host",
                "unreachable",
                true,
            ),
            (
                "plan file was created by Terraform 1.11.4, but this is 1.12.0; plan files cannot be transferred between \
                 different Terraform versions",
                "conflict",
                true,
            ),
            (
                "Error: Failed to query available provider packages: provider x/y was not found",
                "missing-provider",
                false,
            ),
            (
                "Error pinging Docker server: Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
                "unreachable",
                true,
            ),
            ("permission denied while trying to connect to the Docker daemon socket", "denied", false),
            (
                "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated",
                "conflict",
                true,
            ),
            ("Unsupported argument: An argument named \"nmae\" is not expected here.", "usage", false),
            ("Error: Plugin did not respond", "crashed", true),
            ("Something new", "other", true),
        ];
        for (said, kind, retryable) in cases {
            let failure = classify(said, "exit code 1");
            assert_eq!((failure.kind.as_str(), failure.retryable), (kind, retryable), "{said}");
        }
        assert_eq!(classify("", "exit code 3").message, "exit code 3");
    }
}
