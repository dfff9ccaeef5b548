//! Secrets that are known by their own shape, whatever stands around them.
//!
//! A table: a kind, a pattern, and a judgement of what it found for the few patterns that prose can match too. Prefixes
//! that no ordinary word has are looked for without a word boundary before them, because in escaped text the letter
//! before a token may be the `n` of `\n`. Lengths are lower bounds well under the real ones: a token that a log has cut
//! short is still most of a token.
//!
//! What is not here: secrets that only their name gives away (`assignment.rs`).

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::span::{Kind, Span};
use super::value::is_reference;

/// One row of the table.
struct Pattern {
    kind: Kind,
    /// The last group that took part is the secret; without groups it is the whole match.
    regex: &'static str,
    /// Whether what was found is a secret after all.
    accept: fn(&str) -> bool,
}

const PATTERNS: &[Pattern] = &[
    any(Kind::AwsKey, r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}"),
    any(Kind::GithubToken, r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"),
    any(Kind::GitlabToken, r"gl(?:pat|ptt|dt|rt|soat|cbt|ft|agent)-[A-Za-z0-9_.=-]{16,}"),
    any(
        Kind::SlackToken,
        r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/([A-Za-z0-9/]{20,})",
    ),
    any(Kind::GoogleKey, r"AIza[A-Za-z0-9_-]{30,}|GOCSPX-[A-Za-z0-9_-]{20,}"),
    any(Kind::OauthToken, r"ya29\.[A-Za-z0-9_-]{10,}|1//0[A-Za-z0-9_-]{30,}"),
    any(Kind::StripeKey, r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}"),
    any(Kind::NpmToken, r"npm_[A-Za-z0-9]{30,}"),
    // Two parts are enough: a cut token still holds its claims. JWE has five.
    any(Kind::Jwt, r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}"),
    judged(Kind::ApiKey, r"(?:^|[^A-Za-z0-9_-]|\\[nrt])(sk-[A-Za-z0-9_-]{20,})", is_mixed),
    any(Kind::ApiKey, r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|AGE-SECRET-KEY-1[0-9A-Z]{40,}|hf_[A-Za-z0-9]{30,}"),
    any(
        Kind::Token,
        r"hv[sb]\.[A-Za-z0-9_-]{20,}|dckr_pat_[A-Za-z0-9_-]{20,}|dop_v1_[a-f0-9]{40,}|pypi-AgE[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{10,}\.atlasv1\.[A-Za-z0-9_-]{30,}",
    ),
    any(Kind::DockerAuth, r#"\\*"auth\\*"\s*:\s*\\*"([A-Za-z0-9+/_=.-]{4,})"#),
    any(Kind::DockerAuth, r"(?m)^[ \t]*auth:[ \t]*([A-Za-z0-9+/]{12,}={0,2})[ \t\r]*$"),
    judged(
        Kind::Authorization,
        r#"(?i)authorization\\*["']?[ \t]*[:=][ \t]*\\*["']?(?:bearer|basic|token|digest|negotiate|apikey)[ \t]+([^\s"'\\,]+)"#,
        is_no_reference,
    ),
    judged(
        Kind::Authorization,
        r#"(?i)authorization\\*["']?[ \t]*[:=][ \t]*\\*["']?([A-Za-z0-9._~+/=-]{12,})"#,
        has_digit,
    ),
    judged(Kind::Authorization, r"(?i)bearer[ \t]+([A-Za-z0-9._~+/=-]{16,})", has_digit),
    judged(Kind::Authorization, r"(?i)basic[ \t]+([A-Za-z0-9+/]{12,}={0,2})", has_digit_or_padding),
    any(Kind::Authorization, r#"(?i)cookie\\*["']?[ \t]*:[ \t]*\\*["']?([^\s"'\\=;]{1,64}=[^\r\n"'\\]{4,})"#),
    // Up to the last `@` before the path, because passwords with an unescaped `@` exist …
    judged(Kind::UrlPassword, r#"://[^\s/:@"'<>?#]*:([^\s/"'<>]+)@"#, is_no_reference),
    // … and with an unescaped `/`, which a port never has after anything but digits.
    judged(Kind::UrlPassword, r#"://[^\s/:@"'<>?#]+:([^\s/"'<>@]*[^\s/"'<>@0-9][^\s"'<>@]*)@"#, is_no_reference),
    judged(Kind::UrlPassword, r"://([A-Za-z0-9_-]{20,})@", has_digit),
    judged(Kind::UrlPassword, r#"[A-Za-z0-9_.-]:([^\s@"'/]+)@(?:tcp6?|udp|unix)\("#, is_no_reference),
    any(Kind::Token, r"[?&](?:sig|X-Amz-Signature|X-Goog-Signature)=([A-Za-z0-9%+/_=-]{16,})"),
    judged(Kind::Password, r#"(?i)curl[ \t][^\n]*?[ \t](?:-u|--user)[ =]?["']?[^\s:"']+:([^\s"']+)"#, is_no_reference),
    judged(Kind::Password, r#"(?:sshpass[ \t]+-p|redis-cli[ \t][^\n]*?-a)[ \t]*["']?([^\s"']{4,})"#, is_no_reference),
    judged(Kind::Password, r"(?i)login\s+\S+\s+password\s+(\S+)", is_no_reference),
    judged(Kind::Password, r"(?i)(?:identified\s+by|password)\s+'([^'\n]{4,})'", is_no_reference),
    // The fixed first bytes of a private key's DER (PKCS#1, PKCS#8, SEC1, Ed25519) or of OpenSSH's own form, for
    // bodies that have lost their header.
    any(
        Kind::PrivateKey,
        r"(?:MII[A-Za-z0-9+/]{3}IBAAK|MII[A-Za-z0-9+/]{3}IBADANBgkq|MC4CAQAwBQYDK2Vw|MHcCAQEEI|MHQCAQEEI|MI[GH][A-Za-z0-9+/]AgEAM|b3BlbnNzaC1rZXktdjE)[A-Za-z0-9+/=]{8,}(?:(?:\s|\\+[nr])+[A-Za-z0-9+/=]{40,})*(?:(?:\s|\\+[nr])+[A-Za-z0-9+/]+={1,2})?",
    ),
];

const fn any(kind: Kind, regex: &'static str) -> Pattern {
    Pattern { kind, regex, accept: |_| true }
}

const fn judged(kind: Kind, regex: &'static str, accept: fn(&str) -> bool) -> Pattern {
    Pattern { kind, regex, accept }
}

/// All patterns in one pass over the text: most texts hold nothing, and then this is the only pass.
static ANY: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new(PATTERNS.iter().map(|pattern| pattern.regex))
        .expect("the patterns are constants that a test compiles")
});

static EACH: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    PATTERNS
        .iter()
        .map(|pattern| Regex::new(pattern.regex).expect("the patterns are constants that a test compiles"))
        .collect()
});

/// Adds every secret that is known by its shape.
pub(super) fn find(text: &str, spans: &mut Vec<Span>) {
    for index in ANY.matches(text) {
        let (pattern, regex) = (&PATTERNS[index], &EACH[index]);
        for captures in regex.captures_iter(text) {
            let Some(secret) = captures.iter().flatten().last() else { continue };
            if (pattern.accept)(secret.as_str()) {
                spans.push(Span { range: secret.range(), kind: pattern.kind });
            }
        }
    }
}

fn has_digit(secret: &str) -> bool {
    secret.bytes().any(|byte| byte.is_ascii_digit())
}

fn has_digit_or_padding(secret: &str) -> bool {
    has_digit(secret) || secret.ends_with('=')
}

fn is_no_reference(secret: &str) -> bool {
    !is_reference(secret)
}

/// A generated key rather than a name in kebab case that happens to begin with `sk-`.
fn is_mixed(secret: &str) -> bool {
    let body = secret.get(3..).unwrap_or_default();
    has_digit(body) && (body.bytes().any(|byte| byte.is_ascii_uppercase()) || !body.contains('-'))
}
