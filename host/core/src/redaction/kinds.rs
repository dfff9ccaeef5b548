//! The kinds of secret: a table with the name that placeholders show, where the format is documented, and the shapes
//! that give it away.
//!
//! Kinds without shapes are found by reading (`assignment.rs`, `pem.rs`) or by being known (`known.rs`). Of two kinds
//! that find the same bytes the one further up in the table is shown, so what is particular stands before what is
//! general. Each kind has an example among the tests; a kind without one fails them.

mod cloud;
mod code;
mod place;
mod service;

use super::value::is_reference;

/// How sure a finding tells the secret from what stands around it. Where several overlap, the surest names the secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sureness {
    /// The host knows this very text.
    Known,
    /// Its own form tells it, wherever it stands.
    Form,
    /// Its place tells it: a header, an address, a line of a file.
    Place,
    /// Its name tells it.
    Name,
}

/// A kind of secret.
pub(super) struct Kind {
    /// As placeholders show it.
    pub(super) name: &'static str,
    /// Where its format is documented.
    pub(super) source: &'static str,
    pub(super) sureness: Sureness,
    /// How many bytes a whole one has, by what it begins with; empty where that differs from one to the next.
    pub(super) whole: &'static [(&'static str, usize)],
    pub(super) shapes: &'static [Shape],
}

/// A pattern that finds secrets of a kind.
pub(super) struct Shape {
    /// Stands in every match: letters rather than long counts of classes, because all anchors are looked for in one pass,
    /// and a text without any is done with after it.
    pub(super) anchor: &'static str,
    /// The last group that took part is the secret; without groups it is the whole match.
    pub(super) regex: &'static str,
    /// Whether what was found is a secret after all.
    pub(super) accept: fn(&str) -> bool,
}

const NAMES: &str = "kubernetes.io/docs/concepts/configuration/secret, and whatever else names its secrets";

pub(super) static PRIVATE_KEY: Kind = Kind {
    name: "private-key",
    source: "RFC 7468 (PEM), RFC 9580 (PGP), github.com/openssh/openssh-portable/blob/master/PROTOCOL.key, \
             the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html",
    sureness: Sureness::Form,
    whole: &[],
    shapes: &[
        // The fixed first bytes of a private key's DER (PKCS#1, PKCS#8, SEC1, Ed25519) or of OpenSSH's own form, for
        // bodies that have lost their header.
        shape(
            "IBAAK|IBADANBgkq|MC4CAQAwBQYDK2Vw|M[HI][A-Za-z0-9+/]?[CQ]AQE|AgEAM|b3BlbnNzaC1rZXktdjE",
            r"(?:MII[A-Za-z0-9+/]{3}IBAAK|MII[A-Za-z0-9+/]{3}IBADANBgkq|MC4CAQAwBQYDK2Vw|MHcCAQEEI|MHQCAQEEI|MI[GH][A-Za-z0-9+/]AgEAM|b3BlbnNzaC1rZXktdjE)[A-Za-z0-9+/=]{8,}(?:(?:\s|\\+[nr])+[A-Za-z0-9+/=]{40,})*(?:(?:\s|\\+[nr])+[A-Za-z0-9+/]+={1,2})?",
        ),
        shape("Private-Lines:", r"Private-Lines: [0-9]+((?:\s+[A-Za-z0-9+/=]{4,})+)"),
    ],
};

/// A text that the host was told: Terraform's `sensitive` values, its own keys.
pub(super) static KNOWN: Kind = named("known", "developer.hashicorp.com/terraform/language/manage-sensitive-data");

pub(super) static API_KEY: Kind = named("api-key", NAMES);

pub(super) static PASSWORD: Kind = Kind { shapes: place::COMMAND_LINES, ..named("password", NAMES) };

pub(super) static TOKEN: Kind = named("token", NAMES);

pub(super) static SECRET: Kind = named("secret", NAMES);

/// A placeholder that was not made with our key: a worker's, another installation's, or a forged one.
pub(super) static FOREIGN: Kind = named("foreign", "this page: what another key made");

/// A text that was made to outlast all passes.
pub(super) static TEXT: Kind = named("text", "this page: a whole text that was made to be redacted without end");

const fn named(name: &'static str, source: &'static str) -> Kind {
    Kind { name, source, sureness: Sureness::Name, whole: &[], shapes: &[] }
}

/// A kind whose own form tells it, with one shape.
const fn form(name: &'static str, source: &'static str, shapes: &'static [Shape]) -> Kind {
    Kind { name, source, sureness: Sureness::Form, whole: &[], shapes }
}

const fn shape(anchor: &'static str, regex: &'static str) -> Shape {
    Shape { anchor, regex, accept: |_| true }
}

const fn judged(anchor: &'static str, regex: &'static str, accept: fn(&str) -> bool) -> Shape {
    Shape { anchor, regex, accept }
}

impl Kind {
    const fn of_length(self, whole: &'static [(&'static str, usize)]) -> Kind {
        Kind { whole, ..self }
    }

    /// How many bytes a whole secret that begins like this one has, where that is fixed.
    pub(super) fn whole_of(&self, secret: &str) -> Option<usize> {
        self.whole.iter().find(|(head, _)| secret.starts_with(head)).map(|(_, bytes)| *bytes)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        self.name == other.name
    }
}

/// Every kind, the most particular first.
pub(super) fn all() -> impl Iterator<Item = &'static Kind> {
    let by_form = cloud::KINDS.iter().chain(code::KINDS).chain(service::KINDS);
    let by_name = [&API_KEY, &PASSWORD, &TOKEN, &SECRET, &FOREIGN, &TEXT];
    [&KNOWN, &PRIVATE_KEY].into_iter().chain(by_form).chain(place::KINDS).chain(by_name)
}

pub(super) fn has_digit(secret: &str) -> bool {
    secret.bytes().any(|byte| byte.is_ascii_digit())
}

fn has_digit_or_padding(secret: &str) -> bool {
    has_digit(secret) || secret.ends_with('=')
}

fn is_no_reference(secret: &str) -> bool {
    !is_reference(secret)
}

/// Digits and letters of both cases: generated, and neither a word nor a digest.
pub(super) fn is_mixed(secret: &str) -> bool {
    has_digit(secret)
        && secret.bytes().any(|byte| byte.is_ascii_uppercase())
        && secret.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn is_no_digest(secret: &str) -> bool {
    !secret.bytes().all(|byte| byte.is_ascii_hexdigit())
}
