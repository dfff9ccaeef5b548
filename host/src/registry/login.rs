//! What `docker login` left: a name and a password, or an identity token, in Docker's `config.json` or with a credential
//! helper that it names. None of it is ever shown.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use tokio::time::timeout;

use super::reference::PolicyReference;

/// Docker's `config.json` is read up to so many bytes (1 MiB): some hundred logins.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// A credential helper may ask a person; longer than this it hangs.
const HELPER_TIME_MAX: Duration = Duration::from_secs(30);
/// What helpers print where they know nothing of a registry, which Docker takes for no login.
const NOT_FOUND: &str = "credentials not found";

/// What stands in the place of a secret.
pub(super) const HIDDEN: &str = "[hidden]";

/// How we say who we are. Nothing prints it.
pub(super) struct Login(Option<DockerCredential>);

/// Why no login was found, where one was to be.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Docker's configuration is there and can't be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is read, and says nothing that can be used. What it says is not shown.
    #[error("{path}: {what}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The helper does not come back.
    #[error("the credential helper that {0} names did not answer within {HELPER_TIME_MAX:?}")]
    Hangs(PathBuf),
}

impl Login {
    /// Looks for a login; where there is none, the registry is asked by nobody.
    pub(super) async fn find(reference: &PolicyReference, config: Option<&Path>) -> Result<Login, LoginError> {
        let Some(path) = config.map(Path::to_path_buf) else { return Ok(Login(None)) };
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Login(None)),
            Err(source) => return Err(LoginError::Read { path, source }),
        };
        let name = reference.login_name().to_owned();
        // A helper is a process that is waited for.
        let asked =
            tokio::task::spawn_blocking(move || docker_credential::get_credential_from_reader(bytes.as_slice(), &name));
        let config = |what: &str| LoginError::Config { path: path.clone(), what: what.to_owned() };
        match timeout(HELPER_TIME_MAX, asked).await.map_err(|_| LoginError::Hangs(path.clone()))? {
            Ok(Ok(credential)) => Ok(Login(Some(credential))),
            Ok(Err(error)) => absent(&error).map_or(Ok(Login(None)), |what| Err(config(&what))),
            Err(_) => Err(config("looking for a login in it failed")),
        }
    }

    /// The name and password.
    pub(super) fn basic(&self) -> Option<(&str, &str)> {
        match &self.0 {
            Some(DockerCredential::UsernamePassword(name, password)) => Some((name, password)),
            Some(DockerCredential::IdentityToken(_)) | None => None,
        }
    }

    /// The identity token.
    pub(super) fn identity(&self) -> Option<&str> {
        match &self.0 {
            Some(DockerCredential::IdentityToken(token)) => Some(token),
            Some(DockerCredential::UsernamePassword(..)) | None => None,
        }
    }

    /// Whether there is one.
    pub(super) fn is_known(&self) -> bool {
        self.0.is_some()
    }

    /// A text without the password or token, in whatever form we send it, should a registry send it back.
    pub(super) fn taken_out_of(&self, text: &str) -> String {
        let pair = self.basic().map(|(name, word)| STANDARD.encode(format!("{name}:{word}")));
        let word = self.basic().map(|(_, word)| word.to_owned()).or(self.identity().map(str::to_owned));
        let secrets = [pair, word].into_iter().flatten().filter(|secret| !secret.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(&secret, HIDDEN))
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(CONFIG_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What is wrong; none where there simply is no login. What a helper printed is left out, for it may be the password.
fn absent(error: &CredentialRetrievalError) -> Option<String> {
    match error {
        CredentialRetrievalError::NoCredentialConfigured | CredentialRetrievalError::ConfigNotFound => None,
        CredentialRetrievalError::HelperFailure { stdout, stderr, .. }
            if stdout.contains(NOT_FOUND) || stderr.contains(NOT_FOUND) =>
        {
            None
        }
        CredentialRetrievalError::HelperFailure { helper, .. } => {
            Some(format!("the credential helper {helper} failed"))
        }
        CredentialRetrievalError::HelperCommunicationError => {
            Some("the credential helper that it names can't be run: is it on PATH?".to_owned())
        }
        CredentialRetrievalError::MalformedHelperResponse => {
            Some("the credential helper that it names answers with something else".to_owned())
        }
        CredentialRetrievalError::CredentialDecodingError | CredentialRetrievalError::CredentialMismatchError => {
            Some("the login that it has for this registry can't be read; log in again".to_owned())
        }
        CredentialRetrievalError::ConfigReadError => Some("it is not what `docker login` writes".to_owned()),
    }
}
