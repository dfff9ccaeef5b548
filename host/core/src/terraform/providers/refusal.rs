//! Recognising the engine's refusal in whatever text it hides.
//!
//! The sentence is the engine's (moby, `daemon/server/middleware/version.go`) and comes through engine, provider and
//! Terraform unchanged, wrapped in text of theirs and sometimes in line breaks.

use super::version::ApiVersion;

/// The engine refused a client for its API version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The client is older than the engine serves.
    TooOld {
        /// What the client spoke.
        client: ApiVersion,
        /// The oldest that the engine serves.
        minimum: ApiVersion,
    },
    /// The client is newer than the engine and did not negotiate.
    TooNew {
        /// What the client spoke.
        client: ApiVersion,
        /// The newest that the engine serves.
        maximum: ApiVersion,
    },
}

/// Finds the engine's refusal in `text`, if it is there.
pub fn recognise_refusal(text: &str) -> Option<Refusal> {
    // Terraform wraps long lines in its human output and draws a frame beside them.
    let words: Vec<&str> = text.split_whitespace().filter(|word| !matches!(*word, "│" | "|")).collect();
    let flat = words.join(" ");
    flat.match_indices("client version ").find_map(|(start, lead)| refusal_at(&flat[start + lead.len()..]))
}

fn refusal_at(rest: &str) -> Option<Refusal> {
    let (client, rest) = rest.split_once(' ')?;
    let client = client.parse().ok()?;
    if let Some(rest) = rest.strip_prefix("is too old. Minimum supported API version is ") {
        return Some(Refusal::TooOld { client, minimum: leading_version(rest)? });
    }
    let rest = rest.strip_prefix("is too new. Maximum supported API version is ")?;
    Some(Refusal::TooNew { client, maximum: leading_version(rest)? })
}

fn leading_version(text: &str) -> Option<ApiVersion> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1_41: ApiVersion = ApiVersion { major: 1, minor: 41 };
    const V1_44: ApiVersion = ApiVersion { major: 1, minor: 44 };

    #[test]
    fn the_refusal_is_found_in_what_surrounds_it() {
        let texts = [
            "client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version",
            "Error: Unable to read Docker image into resource: unable to list Docker images: Error response from daemon: client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade",
            "│ unable to inspect: client version 1.41 is too\n│ old. Minimum supported API version is 1.44",
            "the client version unknown; client version 1.41 is too old. Minimum supported API version is 1.44.",
        ];
        for text in texts {
            assert_eq!(recognise_refusal(text), Some(Refusal::TooOld { client: V1_41, minimum: V1_44 }), "{text}");
        }
        let new = "Error response from daemon: client version 1.44 is too new. Maximum supported API version is 1.41";
        assert_eq!(recognise_refusal(new), Some(Refusal::TooNew { client: V1_44, maximum: V1_41 }));
    }

    #[test]
    fn other_texts_are_no_refusal() {
        for text in [
            "",
            "client version",
            "client version x is too old",
            "client version 1.41 is too old. Minimum supported API version is none",
            "Drift detected (delete)",
        ] {
            assert_eq!(recognise_refusal(text), None, "{text}");
        }
    }
}
