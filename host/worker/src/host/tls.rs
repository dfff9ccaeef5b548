//! The way to a host over TLS: one authority is believed, and a token says who asks.
//!
//! The authority comes with the inputs, whose digest the host compares. No other is believed, not one of the system
//! either; no proxy is asked, since those of the environment are for Terraform; and no redirect is followed, since the
//! token is for the host alone.

use std::path::{Path, PathBuf};

use quarterdeck_core::redaction::Secret;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder};

use crate::disk;

/// A token has at most this many bytes; a real one has about 1 KiB.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// A client that believes this authority alone.
pub(super) fn client(authority: &str) -> Result<ClientBuilder, reqwest::Error> {
    let authorities = Certificate::from_pem_bundle(authority.as_bytes())?;
    let builder = Client::builder().tls_certs_only(authorities).https_only(true).no_proxy();
    // `ask` tries again itself, and knows what is safe to repeat.
    Ok(builder.redirect(Policy::none()).retry(reqwest::retry::never()))
}

/// The pod's token, in a file that the kubelet renews.
#[derive(Clone)]
pub(super) struct Pass {
    file: PathBuf,
}

impl Pass {
    pub(super) fn at(file: &Path) -> Pass {
        Pass { file: file.to_owned() }
    }

    /// What the file holds now.
    pub(super) fn token(&self) -> Result<Secret, String> {
        let fault = |why: &dyn std::fmt::Display| format!("read the token {}: {why}", self.file.display());
        let bytes = disk::read_bounded(&self.file, TOKEN_BYTES_MAX).map_err(|error| fault(&error))?;
        let text = String::from_utf8(bytes).map_err(|_its_bytes| fault(&"it is no text"))?;
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(fault(&"it is no token"));
        }
        Ok(Secret::new(token.to_owned()))
    }

    /// The header that shows it.
    pub(super) fn header(&self) -> Result<HeaderValue, String> {
        let token = self.token()?;
        let mut header = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_its_text| "the token fits into no header".to_owned())?;
        header.set_sensitive(true);
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_anew_and_never_told() {
        let folder = tempfile::tempdir().unwrap();
        let pass = Pass::at(&folder.path().join("token"));
        assert!(pass.header().unwrap_err().contains("read the token"));
        for text in ["first-word", "second-word\n"] {
            std::fs::write(&pass.file, text).unwrap();
            let header = pass.header().unwrap();
            assert_eq!(header.to_str().unwrap(), format!("Bearer {}", text.trim()));
            assert!(!format!("{header:?}").contains("word"));
        }
        for odd in ["", "two words-of-it", "word\u{1b}[0m", &"word".repeat(TOKEN_BYTES_MAX)] {
            std::fs::write(&pass.file, odd).unwrap();
            let problem = pass.header().unwrap_err();
            assert!(!problem.contains("word"), "{problem}");
        }
    }
}
