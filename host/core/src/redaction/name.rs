//! Names that say that their value is a secret.
//!
//! `DB_PASSWORD`, `clientSecret` and `TF_VAR_db_password_admin` do; `password_policy`, `secretName` and `max_tokens` do
//! not. A name is split into words, at separators and at changes of case, and judged by them, because patterns over the
//! whole name either miss the former or eat the latter.

use std::ops::Range;

use super::kinds::{self, Kind};

/// A name longer than this (in bytes, to either side of its telling word) is no name but data.
const NAME_BYTES_MAX: usize = 96;

/// A name whose last word is one of these speaks *about* a secret: where it is, how it has to be, how old it is.
const ABOUT: &str = "\
    age alg algorithm at attempts audience backend budget changed class client controller count creation csi date \
    days disabled driver enabled endpoint error errors exp expiration expired expires expiry field file files \
    format generator group header hint hours id ids issuer kind label len length lifetime limit list manager max \
    min minutes mode mount mounts name names namespace operator param path paths pattern policy port prefix prompt \
    provider ref reference refs regex required reset review reviewer reviews role rotation rules scope scopes \
    seconds selector server service size source stdin state status store strength time timeout timestamp total ttl \
    type uri url usage used user username validation version volume";

/// What a name may end in after its telling word and still be the secret itself.
const TAIL: &str = "\
    base64 b64 current data default dev hash new old plain plaintext previous prod production raw staging string \
    test text value";

const PASSWORDS: &[&str] = &["password", "passwd", "passphrase", "passcode", "passwort", "requirepass"];

const SECRETS: &[&str] = &["secret", "credential", "credentials", "secretkey", "privatekey"];

const TOKENS: &[&str] = &["token"];

const KEYS: &[&str] = &[
    "apikey",
    "accesskey",
    "authkey",
    "secretkey",
    "accountkey",
    "sharedkey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "passkey",
    "psk",
];

/// `<word> key` is a secret for these words; a key on its own is one of a map.
const BEFORE_KEY: &str = "\
    access account api app auth client deploy encryption functions license master private secret service \
    session shared signing ssh storage subscription";

/// `<word> secret` is the name of a Kubernetes object for these words.
const BEFORE_SECRET: &[&str] = &["existing", "pull", "tls"];

/// The whole name around a telling word, and no longer than a name is.
pub(super) fn around(text: &str, word: Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let before = bytes[..word.start].iter().rev().take(NAME_BYTES_MAX).take_while(|byte| is_name(**byte)).count();
    let after = bytes[word.end..].iter().take(NAME_BYTES_MAX).take_while(|byte| is_name(**byte)).count();
    let (mut start, end) = (word.start - before, word.end + after);
    // The letter of an escape (`\n`, `\t`) is not the name's.
    if start > 0 && bytes[start - 1] == b'\\' && matches!(bytes[start], b'n' | b'r' | b't') && start < word.start {
        start += 1;
    }
    start..end
}

/// The kind of secret that a name announces, or nothing.
pub(super) fn kind(name: &str) -> Option<&'static Kind> {
    // The shell's working directory.
    if matches!(name, "PWD" | "OLDPWD") {
        return None;
    }
    let words = words(name);
    let last = words.last()?.as_str();
    // A variable of Terraform is named after what it is for (`TF_VAR_password_of_user`), so its last word says little.
    if name.starts_with("TF_VAR_") && words.iter().any(|word| is_password(word)) {
        return Some(&kinds::PASSWORD);
    }
    if is_one_of(ABOUT, last) {
        let is_id_of_secret = words.ends_with(&["access".into(), "key".into(), "id".into()]) || is_role_secret(&words);
        return is_id_of_secret.then_some(&kinds::SECRET);
    }
    // `passwordKey` is the key under which a Kubernetes Secret holds the password.
    if words.iter().any(|word| is_password(word)) {
        return (last != "key").then_some(&kinds::PASSWORD);
    }
    if words.len() > 1 && matches!(last, "pass" | "pw") {
        return Some(&kinds::PASSWORD);
    }
    // Alone it is as often a verdict: its value is read with more doubt than a password's.
    if name == "pass" {
        return Some(&kinds::SECRET);
    }
    let is_variable = !name.bytes().any(|byte| byte.is_ascii_lowercase()) || name.starts_with("TF_VAR_");
    let body = words.iter().rposition(|word| !is_one_of(TAIL, word))? + 1;
    if words.ends_with(&["connection".into(), "string".into()]) || words.ends_with(&["connectionstring".into()]) {
        return Some(&kinds::SECRET);
    }
    let first = if is_variable { 1 } else { body };
    (first..=body).rev().find_map(|end| telling(&words[..end]))
}

/// Whether the word is in the list, whose words are parted by blanks.
pub(super) fn is_one_of(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == word)
}

fn is_password(word: &str) -> bool {
    PASSWORDS.iter().any(|password| word.ends_with(password)) || (word.ends_with("pwd") && word != "oldpwd")
}

/// The kind that the last words tell.
fn telling(words: &[String]) -> Option<&'static Kind> {
    let (last, before) = words.split_last()?;
    let before = before.last().map_or("", String::as_str);
    if last == "key" && is_one_of(BEFORE_KEY, before) {
        return Some(if matches!(before, "private" | "ssh") { &kinds::SECRET } else { &kinds::API_KEY });
    }
    if KEYS.iter().any(|key| last.ends_with(key)) {
        return Some(&kinds::API_KEY);
    }
    if SECRETS.iter().any(|secret| last.ends_with(secret)) {
        return (!BEFORE_SECRET.contains(&before)).then_some(&kinds::SECRET);
    }
    // `PublicKeyToken` is the digest by which .NET names an assembly.
    let is_token = TOKENS.iter().any(|token| last.ends_with(token))
        && !words.ends_with(&["public".into(), "key".into(), "token".into()]);
    is_token.then_some(&kinds::TOKEN)
}

/// The `secret_id` of Vault's AppRole. Alone it is the name of a secret in AWS and Google Cloud.
fn is_role_secret(words: &[String]) -> bool {
    words.len() > 2 && words.ends_with(&["secret".into(), "id".into()])
}

/// The words of a name in lower case, without numbers.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let bytes = name.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        let next_is_lower = bytes.get(index + 1).is_some_and(u8::is_ascii_lowercase);
        let after_lower = index > 0 && bytes[index - 1].is_ascii_lowercase();
        let after_upper = index > 0 && bytes[index - 1].is_ascii_uppercase();
        let begins = byte.is_ascii_uppercase() && (after_lower || (after_upper && next_is_lower));
        if begins || !byte.is_ascii_alphanumeric() {
            words.push(std::mem::take(&mut word));
        }
        if byte.is_ascii_alphanumeric() {
            word.push(char::from(byte.to_ascii_lowercase()));
        }
    }
    words.push(word);
    for word in &mut words {
        if word != "base64" && word != "b64" {
            word.truncate(word.trim_end_matches(|c: char| c.is_ascii_digit()).len());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
