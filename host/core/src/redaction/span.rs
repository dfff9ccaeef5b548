//! What was found and where: spans of a text, each with the kind of secret it holds.
//!
//! Rules look at a text independently, so their spans overlap. Overlapping spans become one that covers them all:
//! of two readings of a secret the wider one wins, because a rest left over is a leak and a word too many is not.

use std::ops::Range;

/// The kind of a secret, as its placeholder names it. Of two kinds for the same span the one further up is shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    PrivateKey,
    AwsKey,
    GithubToken,
    GitlabToken,
    SlackToken,
    GoogleKey,
    OauthToken,
    StripeKey,
    NpmToken,
    Jwt,
    DockerAuth,
    Authorization,
    UrlPassword,
    ApiKey,
    Password,
    Token,
    Secret,
    Known,
    Encoded,
    Text,
}

impl Kind {
    /// Every kind: a placeholder is only believed to be one when it names one of these.
    pub(super) const ALL: [Kind; 20] = [
        Kind::PrivateKey,
        Kind::AwsKey,
        Kind::GithubToken,
        Kind::GitlabToken,
        Kind::SlackToken,
        Kind::GoogleKey,
        Kind::OauthToken,
        Kind::StripeKey,
        Kind::NpmToken,
        Kind::Jwt,
        Kind::DockerAuth,
        Kind::Authorization,
        Kind::UrlPassword,
        Kind::ApiKey,
        Kind::Password,
        Kind::Token,
        Kind::Secret,
        Kind::Known,
        Kind::Encoded,
        Kind::Text,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::PrivateKey => "private-key",
            Kind::AwsKey => "aws-key",
            Kind::GithubToken => "github-token",
            Kind::GitlabToken => "gitlab-token",
            Kind::SlackToken => "slack-token",
            Kind::GoogleKey => "google-key",
            Kind::OauthToken => "oauth-token",
            Kind::StripeKey => "stripe-key",
            Kind::NpmToken => "npm-token",
            Kind::Jwt => "jwt",
            Kind::DockerAuth => "docker-auth",
            Kind::Authorization => "authorization",
            Kind::UrlPassword => "url-password",
            Kind::ApiKey => "api-key",
            Kind::Password => "password",
            Kind::Token => "token",
            Kind::Secret => "secret",
            Kind::Known => "known",
            Kind::Encoded => "encoded",
            Kind::Text => "text",
        }
    }
}

/// A secret in a text: the bytes that are replaced.
pub(super) struct Span {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

/// The spans in order, overlapping ones made one. Spans that only touch stay two: they are two secrets.
pub(super) fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by(|a, b| {
        a.range.start.cmp(&b.range.start).then(b.range.end.cmp(&a.range.end)).then(a.kind.cmp(&b.kind))
    });
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.range.start < last.range.end => {
                if span.range.len() > last.range.len() {
                    last.kind = span.kind;
                }
                last.range.end = last.range.end.max(span.range.end);
            }
            Some(_) | None => merged.push(span),
        }
    }
    merged
}
