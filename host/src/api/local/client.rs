//! The other end of the socket: what the CLI asks a running host.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::observation::Command;
use reqwest::{RequestBuilder, Response};

use super::policies::{SIGNATURES, SOURCE};
use super::{Activating, Amended, Amending, Pushed, Refusal, RolledBack, RollingBack, SOCKET, StateRequest, Wanted};
use crate::view::View;

/// A host answers within this time unless its disk hangs: a command waits for the turn at hand and one fsync.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// An upload is compiled and tried, and a policy may have to be compiled again: minutes for the largest on a slow machine.
const CHECKED_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Why a host did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection could not be set up.
    #[error("prepare to talk to the host")]
    Setup(#[source] reqwest::Error),
    /// It did not answer.
    #[error("ask the host at {socket}")]
    NoAnswer {
        /// Its socket.
        socket: PathBuf,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// It said no.
    #[error("{}", .0.error)]
    Refused(Refusal),
}

/// A connection to a running host.
pub struct Client {
    http: reqwest::Client,
    socket: PathBuf,
}

impl Client {
    /// A connection to the host of this data folder (`real` or `rehearsal`); nothing is sent yet.
    ///
    /// # Errors
    /// Where the client can't be made.
    pub fn at(folder: &Path) -> Result<Client, ClientError> {
        let socket = folder.join(SOCKET);
        let http = reqwest::Client::builder().unix_socket(socket.clone()).timeout(ANSWER_WITHIN).build();
        Ok(Client { http: http.map_err(ClientError::Setup)?, socket })
    }

    /// Everything that can be shown now.
    ///
    /// # Errors
    /// Where the host does not answer.
    pub async fn view(&self) -> Result<View, ClientError> {
        let answer = self.ask(self.http.get("http://host/v1/view")).await?;
        answer.json().await.map_err(|source| self.silent(source))
    }

    /// The text of a saved plan.
    ///
    /// # Errors
    /// Where the host does not answer, or has no such plan.
    pub async fn plan(&self, rendered: &Digest) -> Result<String, ClientError> {
        let answer = self.ask(self.http.get(format!("http://host/v1/plans/{rendered}"))).await?;
        answer.text().await.map_err(|source| self.silent(source))
    }

    /// Has a command written down.
    ///
    /// # Errors
    /// Where the host does not answer, or the command can't be done.
    pub async fn send(&self, command: &Command) -> Result<(), ClientError> {
        self.ask(self.http.post("http://host/v1/commands").json(command)).await.map(|_| ())
    }

    /// Wants another charter.
    ///
    /// # Errors
    /// Where the host does not answer, or the charter in force does not let itself be replaced.
    pub async fn amend(&self, wanted: &Amending) -> Result<Amended, ClientError> {
        let answer = self.ask(self.http.post("http://host/v1/charter").json(wanted)).await?;
        answer.json().await.map_err(|source| self.silent(source))
    }

    /// Asks about states.
    ///
    /// # Errors
    /// Where the host does not answer, or it can't be done.
    pub async fn states(&self, request: &StateRequest) -> Result<serde_json::Value, ClientError> {
        let answer = self.ask(self.http.post("http://host/v1/states").json(request)).await?;
        answer.json().await.map_err(|source| self.silent(source))
    }

    /// Uploads a component, and waits until it was checked.
    ///
    /// # Errors
    /// Where the host does not answer, or could not look at it. One that is refused is no error.
    pub async fn push(
        &self,
        source: &str,
        component: Vec<u8>,
        signatures: Option<&[u8]>,
    ) -> Result<Pushed, ClientError> {
        let mut request = self.http.post("http://host/v1/policies").header(SOURCE, STANDARD.encode(source));
        if let Some(signatures) = signatures {
            request = request.header(SIGNATURES, STANDARD.encode(signatures));
        }
        let answer = self.ask(request.timeout(CHECKED_WITHIN).body(component)).await?;
        answer.json().await.map_err(|source| self.silent(source))
    }

    /// Wants another policy.
    ///
    /// # Errors
    /// Where the host does not answer, or the policy may not decide.
    pub async fn activate(&self, wanted: &Activating) -> Result<Wanted, ClientError> {
        let request = self.http.post("http://host/v1/activations").timeout(CHECKED_WITHIN).json(wanted);
        let answer = self.ask(request).await?;
        answer.json().await.map_err(|source| self.silent(source))
    }

    /// Wants the policy before.
    ///
    /// # Errors
    /// Where the host does not answer, or nothing decided before.
    pub async fn roll_back(&self, wanted: &RollingBack) -> Result<RolledBack, ClientError> {
        let request = self.http.post("http://host/v1/rollback").timeout(CHECKED_WITHIN).json(wanted);
        let answer = self.ask(request).await?;
        answer.json().await.map_err(|source| self.silent(source))
    }

    async fn ask(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let answer = request.send().await.map_err(|source| self.silent(source))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let said = answer.json().await.map_err(|source| self.silent(source))?;
        Err(ClientError::Refused(said))
    }

    fn silent(&self, source: reqwest::Error) -> ClientError {
        ClientError::NoAnswer { socket: self.socket.clone(), source }
    }
}
