//! What a registry answers first when it wants to know who asks (RFC 7235): a name and a password, or a token from
//! elsewhere.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// How a registry wants to be told who asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A name and a password, each time.
    Basic,
    /// A token that the realm gives.
    Bearer {
        /// Where the token is had.
        realm: String,
        /// For whom.
        service: Option<String>,
    },
}

impl Challenge {
    /// The challenge in an answer; a token is preferred, for it can do less.
    pub(super) fn of(headers: &HeaderMap) -> Option<Challenge> {
        let values = headers.get_all(WWW_AUTHENTICATE).into_iter().filter_map(|value| value.to_str().ok());
        let mut challenges: Vec<Challenge> = values.filter_map(Challenge::parse).collect();
        let token = challenges.iter().position(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        (!challenges.is_empty()).then(|| challenges.swap_remove(token.unwrap_or(0)))
    }

    fn parse(text: &str) -> Option<Challenge> {
        let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service) = (None, None);
        let mut rest = rest.trim_start();
        while let Some((key, after)) = rest.split_once('=') {
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => after.split_at(after.find(',').unwrap_or(after.len())),
            };
            match key.trim().to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value.to_owned()),
                "service" => service = Some(value.to_owned()),
                _ => {}
            }
            rest = after.trim_start_matches([',', ' ']);
        }
        realm.map(|realm| Challenge::Bearer { realm, service })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        for (text, challenge) in [
            ("Basic realm=\"quarterdeck\"", Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://auth.example.com/token\",service=\"r.example.com\",scope=\"repository:a/b:pull,push\"",
                bearer("https://auth.example.com/token", Some("r.example.com")),
            ),
            ("bearer Realm=https://a/t, error=\"x\"", bearer("https://a/t", None)),
            ("Bearer service=\"x\"", None),
            ("Bearer realm=\"unended", None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(Challenge::parse(text), challenge, "{text}");
        }
        let mut headers = HeaderMap::new();
        assert_eq!(Challenge::of(&headers), None);
        headers.append(WWW_AUTHENTICATE, "Basic realm=\"x\"".parse().unwrap());
        headers.append(WWW_AUTHENTICATE, "Bearer realm=\"https://a/t\"".parse().unwrap());
        assert_eq!(Challenge::of(&headers), bearer("https://a/t", None));
    }
}
