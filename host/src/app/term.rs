//! The Lease, where workers are Jobs: taken before anything is begun, and the loop ends with it.

use std::path::Path;

use quarterdeck_core::digest::Digest;
use tokio::sync::watch;
use tracing::error;

use super::{StartError, data};
use crate::apiserver::Connection;
use crate::apiserver::lease::{self, Held};
use crate::config::Config;
use crate::driver::clock;

/// Takes it, waiting while another host acts; none where no worker is a Job.
pub(super) async fn take(
    config: &Config,
    connection: Option<&Connection>,
    folder: &Path,
) -> Result<Option<Held>, StartError> {
    let (Some(connection), Some(wanted)) = (connection, &config.workers) else { return Ok(None) };
    let nonce = Digest::from_bytes(data::random()?).short(12);
    Ok(Some(lease::take(connection, &wanted.service.namespace, folder, &nonce, clock).await?))
}

/// Ends the loop once another host holds the Lease: nothing more is begun here, and its Jobs are that host's.
pub(super) async fn end_with_the_lease(mut lost: watch::Receiver<bool>, stop: watch::Sender<bool>) {
    if lost.wait_for(|lost| *lost).await.is_ok() {
        error!("Another host has taken the Lease, so this one ends; see kubectl get lease.");
        let _has_ended = stop.send(true);
    }
}
