//! One conversation with a registry over HTTP (OCI distribution 1.1): what is sent, where, as whom, and what is read of the
//! answers, up to a limit each.

use std::time::Duration;

use oci_client::manifest::OCI_IMAGE_MEDIA_TYPE;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::text::escape;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;

use super::artifact::Blob;
use super::challenge::Challenge;
use super::error::RegistryError;
use super::login::{HIDDEN, Login};
use super::reference::{PolicyReference, is_loopback};

/// A manifest is read up to so many bytes (256 KiB); ours has less than one.
const MANIFEST_BYTES_MAX: usize = 256 << 10;
/// A token is read up to so many bytes (64 KiB).
const TOKEN_BYTES_MAX: usize = 64 << 10;
/// Of an error so many bytes are read (8 KiB),
const ERROR_BYTES_MAX: usize = 8 << 10;
/// and so many characters shown.
const ERROR_CHARS_MAX: usize = 300;
/// A blob may be fetched from where the registry says, over so many redirects.
const REDIRECTS_MAX: usize = 5;
/// What a registry says that it sends; believed only when it fits.
const CONTENT_DIGEST: &str = "docker-content-digest";

/// How long a registry is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// In all.
    pub total: Duration,
}

impl Default for Patience {
    /// 32 MiB come within the five minutes over 1 Mbit/s.
    fn default() -> Patience {
        Patience { connect: Duration::from_secs(10), idle: Duration::from_secs(30), total: Duration::from_secs(300) }
    }
}

/// What is wanted of the registry.
#[derive(Clone, Copy)]
pub(super) enum Access {
    /// To read.
    Pull,
    /// To read and write.
    Push,
}

/// A conversation about one repository.
pub(super) struct Wire {
    http: reqwest::Client,
    /// Where the repository is: `https://HOST/v2/REPOSITORY/`.
    base: Url,
    repository: String,
    access: Access,
    login: Login,
    /// How we said who we are, once we were asked.
    authorization: Option<HeaderValue>,
}

/// What a realm gives; some call it one way and some the other.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Wire {
    pub(super) fn new(
        reference: &PolicyReference,
        login: Login,
        access: Access,
        patience: &Patience,
    ) -> Result<Wire, RegistryError> {
        // Without one the HTTP client would panic.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(RegistryError::Tls);
        }
        let repository = reference.repository().to_owned();
        let base = format!("{}/v2/{repository}/", reference.origin());
        let base = Url::parse(&base).map_err(|_| elsewhere("reach the registry", reference.host()))?;
        let from = base.clone();
        let follow = move |attempt: reqwest::redirect::Attempt<'_>| {
            let goes = attempt.previous().len() <= REDIRECTS_MAX && is_safe(&from, attempt.url());
            if goes { attempt.follow() } else { attempt.stop() }
        };
        let http = reqwest::Client::builder()
            .connect_timeout(patience.connect)
            .read_timeout(patience.idle)
            .redirect(Policy::custom(follow))
            .retry(reqwest::retry::never())
            // The environment is read in one place, and that is not the HTTP client.
            .no_proxy()
            .user_agent(concat!("quarterdeck/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(RegistryError::Client)?;
        Ok(Wire { http, base, repository, access, login, authorization: None })
    }

    /// The manifest that a reference names, and its digest.
    pub(super) async fn manifest(&mut self, reference: &PolicyReference) -> Result<(Digest, Vec<u8>), RegistryError> {
        let what = format!("pull {reference}");
        let named = reference.digest().map(|digest| digest.to_string());
        let url = self.url(&what, "manifests", named.as_deref().or(reference.tag()).unwrap_or("latest"))?;
        let response =
            self.send(&what, &url, |http| http.get(url.clone()).header(ACCEPT, OCI_IMAGE_MEDIA_TYPE)).await?;
        let said = response.headers().get(CONTENT_DIGEST).and_then(|value| value.to_str().ok()?.parse().ok());
        let response = self.expect(&what, response, &[StatusCode::OK]).await?;
        let bytes = bounded("the manifest", response, MANIFEST_BYTES_MAX).await?;
        let has = Digest::of(&bytes);
        match reference.digest().or(said).filter(|wanted| *wanted != has) {
            Some(wanted) => Err(RegistryError::Digest { what: "the manifest".to_owned(), wanted, has }),
            None => Ok((has, bytes)),
        }
    }

    /// A blob of exactly the size and digest that the manifest has.
    pub(super) async fn blob(&mut self, name: &str, blob: &Blob, bytes_max: usize) -> Result<Vec<u8>, RegistryError> {
        let what = name.to_owned();
        let Some(size) = usize::try_from(blob.bytes).ok().filter(|size| *size <= bytes_max) else {
            return Err(RegistryError::TooLarge { what, bytes_max });
        };
        let trying = format!("pull {name}");
        let url = self.url(&trying, "blobs", &blob.digest.to_string())?;
        let response = self.send(&trying, &url, |http| http.get(url.clone())).await?;
        let response = self.expect(&trying, response, &[StatusCode::OK]).await?;
        let length = |has| RegistryError::Length { what: what.clone(), announced: blob.bytes, has };
        if let Some(has) = response.content_length().filter(|has| *has != blob.bytes) {
            return Err(length(Some(has)));
        }
        let bytes = match bounded(name, response, size).await {
            Err(RegistryError::TooLarge { .. }) => return Err(length(None)),
            other => other?,
        };
        if bytes.len() != size {
            return Err(length(Some(bytes.len() as u64)));
        }
        let has = Digest::of(&bytes);
        if has == blob.digest { Ok(bytes) } else { Err(RegistryError::Digest { what, wanted: blob.digest, has }) }
    }

    /// Stores a blob, unless it is there.
    pub(super) async fn put_blob(&mut self, name: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let what = format!("publish {name}");
        let digest = Digest::of(bytes).to_string();
        let there = self.url(&what, "blobs", &digest)?;
        if self.send(&what, &there, |http| http.head(there.clone())).await?.status() == StatusCode::OK {
            return Ok(());
        }
        let begin = self.url(&what, "blobs", "uploads/")?;
        let response = self.send(&what, &begin, |http| http.post(begin.clone()).body(Vec::new())).await?;
        let response = self.expect(&what, response, &[StatusCode::ACCEPTED]).await?;
        let to = response.headers().get(LOCATION).and_then(|value| begin.join(value.to_str().ok()?).ok());
        let problem = "it does not say where to";
        let mut to = to.ok_or_else(|| RegistryError::Unreadable { what: what.clone(), problem })?;
        if !is_safe(&self.base, &to) {
            return Err(elsewhere(&what, to.host_str().unwrap_or_default()));
        }
        to.query_pairs_mut().append_pair("digest", &digest);
        let put = |http: &reqwest::Client| {
            http.put(to.clone()).header(CONTENT_TYPE, "application/octet-stream").body(bytes.to_vec())
        };
        let response = self.send(&what, &to, put).await?;
        self.expect(&what, response, &[StatusCode::CREATED]).await.map(drop)
    }

    /// Puts a manifest under a tag.
    pub(super) async fn put_manifest(&mut self, tag: &str, manifest: &[u8]) -> Result<(), RegistryError> {
        let what = format!("publish the manifest under {tag}");
        let url = self.url(&what, "manifests", tag)?;
        let put = |http: &reqwest::Client| {
            http.put(url.clone()).header(CONTENT_TYPE, OCI_IMAGE_MEDIA_TYPE).body(manifest.to_vec())
        };
        let response = self.send(&what, &url, put).await?;
        let said: Option<Digest> =
            response.headers().get(CONTENT_DIGEST).and_then(|value| value.to_str().ok()?.parse().ok());
        self.expect(&what, response, &[StatusCode::CREATED]).await?;
        let wanted = Digest::of(manifest);
        match said.filter(|has| *has != wanted) {
            Some(has) => Err(RegistryError::Digest { what: "the manifest".to_owned(), wanted, has }),
            None => Ok(()),
        }
    }

    fn url(&self, what: &str, kind: &str, name: &str) -> Result<Url, RegistryError> {
        self.base.join(&format!("./{kind}/{name}")).map_err(|_| elsewhere(what, name))
    }

    /// Sends a request; once more, and as somebody, where the registry wants to know who asks.
    async fn send(
        &mut self,
        what: &str,
        url: &Url,
        request: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Response, RegistryError> {
        let response = self.exchange(what, url, request(&self.http)).await?;
        let is_asked = response.status() == StatusCode::UNAUTHORIZED && url.origin() == self.base.origin();
        let Some(challenge) = Challenge::of(response.headers()).filter(|_| is_asked) else { return Ok(response) };
        drop(response);
        self.authorization = self.authorize(what, challenge).await?;
        self.exchange(what, url, request(&self.http)).await
    }

    /// Sends a request. Who we are is told to the registry itself, and to nobody that it sends us to.
    async fn exchange(&self, what: &str, url: &Url, request: RequestBuilder) -> Result<Response, RegistryError> {
        let own = self.authorization.clone().filter(|_| url.origin() == self.base.origin());
        let request = own.into_iter().fold(request, |request, value| request.header(AUTHORIZATION, value));
        request.send().await.map_err(|source| unsent(what, source))
    }

    /// How we say who we are; none where we can't.
    async fn authorize(&self, what: &str, challenge: Challenge) -> Result<Option<HeaderValue>, RegistryError> {
        let (realm, service) = match challenge {
            Challenge::Basic => return Ok(self.login.basic().and_then(|(name, word)| basic(&self.http, name, word))),
            Challenge::Bearer { realm, service } => (realm, service),
        };
        let mut realm = Url::parse(&realm).map_err(|_| elsewhere(what, &realm))?;
        if !is_safe(&self.base, &realm) {
            return Err(elsewhere(what, realm.host_str().unwrap_or_default()));
        }
        let rights = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let scope = format!("repository:{}:{rights}", self.repository);
        let mut fields = vec![("scope", scope.as_str())];
        fields.extend(service.as_deref().map(|service| ("service", service)));
        let request = match (self.login.identity(), self.login.basic()) {
            (Some(token), _) => {
                fields.extend([
                    ("grant_type", "refresh_token"),
                    ("client_id", "quarterdeck"),
                    ("refresh_token", token),
                ]);
                let body = realm
                    .clone()
                    .query_pairs_mut()
                    .clear()
                    .extend_pairs(fields)
                    .finish()
                    .query()
                    .unwrap_or_default()
                    .to_owned();
                self.http.post(realm).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
            }
            (None, login) => {
                realm.query_pairs_mut().extend_pairs(fields);
                let request = self.http.get(realm);
                login.into_iter().fold(request, |request, (name, word)| request.basic_auth(name, Some(word)))
            }
        };
        let what = format!("{what}: ask for a token");
        let response = request.send().await.map_err(|source| unsent(&what, source))?;
        let response = self.expect(&what, response, &[StatusCode::OK]).await?;
        let bytes = bounded("the token", response, TOKEN_BYTES_MAX).await?;
        // Why it is none is left out, for that would quote it.
        let token =
            serde_json::from_slice(&bytes).ok().and_then(|Token { token, access_token }| token.or(access_token));
        let header = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
        let mut header = header.ok_or(RegistryError::Unreadable { what, problem: "what it answers is no token" })?;
        header.set_sensitive(true);
        Ok(Some(header))
    }

    /// The answer, where it has one of these statuses; else what the registry says, as an error.
    async fn expect(&self, what: &str, response: Response, good: &[StatusCode]) -> Result<Response, RegistryError> {
        let (what, status) = (what.to_owned(), response.status());
        if good.contains(&status) {
            return Ok(response);
        }
        if status.is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|to| response.url().join(to.to_str().ok()?).ok());
            return Err(elsewhere(&what, to.as_ref().and_then(Url::host_str).unwrap_or_default()));
        }
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            return Err(RegistryError::Unauthorized { what, known: self.login.is_known() });
        }
        if status == StatusCode::NOT_FOUND {
            return Err(RegistryError::NotFound(what));
        }
        // An error that is too long is cut, and one that does not come is left out: the status says enough.
        let said = beginning(response).await;
        let said = self.without_secrets(&String::from_utf8_lossy(&said));
        let said = escape(&said.chars().take(ERROR_CHARS_MAX).collect::<String>());
        Err(RegistryError::Refused { what, status: status.as_u16(), said })
    }

    /// A text without what we said to show who we are.
    fn without_secrets(&self, text: &str) -> String {
        let token = self.authorization.as_ref().and_then(|value| value.to_str().ok()?.split(' ').nth(1));
        let text = self.login.taken_out_of(text);
        token.filter(|token| !token.is_empty()).map_or(text.clone(), |token| text.replace(token, HIDDEN))
    }
}

/// Whether something may be asked of this place, coming from a registry: TLS, or this machine coming from this machine.
fn is_safe(registry: &Url, to: &Url) -> bool {
    let here = |url: &Url| url.host_str().is_some_and(is_loopback);
    to.scheme() == "https" || (to.scheme() == "http" && here(registry) && here(to))
}

fn basic(http: &reqwest::Client, name: &str, word: &str) -> Option<HeaderValue> {
    // The client knows how to write it; the address is never asked.
    let request = http.get("http://localhost/").basic_auth(name, Some(word)).build().ok()?;
    request.headers().get(AUTHORIZATION).cloned()
}

fn elsewhere(what: &str, to: &str) -> RegistryError {
    let to = escape(&to.chars().take(ERROR_CHARS_MAX).collect::<String>());
    RegistryError::Elsewhere { what: what.to_owned(), to }
}

/// Without the address, whose query may open a store to whoever reads it.
fn unsent(what: &str, source: reqwest::Error) -> RegistryError {
    RegistryError::Send { what: what.to_owned(), source: source.without_url() }
}

/// The body, as long as it is not too large; never more of it in memory.
async fn bounded(what: &str, mut response: Response, bytes_max: usize) -> Result<Vec<u8>, RegistryError> {
    let too_large = || RegistryError::TooLarge { what: what.to_owned(), bytes_max };
    if response.content_length().is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|source| unsent(&format!("read {what}"), source))? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The beginning of an error's body.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk[..chunk.len().min(ERROR_BYTES_MAX - bytes.len())]);
        if bytes.len() == ERROR_BYTES_MAX {
            break;
        }
    }
    bytes
}
