//! Whether the walls of the network hold: a worker in a cluster tries the one door that must be closed to it.
//!
//! That is the API server, whose address a kubelet tells every pod, and which is always there. Nothing is said to it: who gets a
//! connection could have spoken. What came of it is told to the host, which makes a finding of it; nothing here depends on it.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::clock;
use crate::host::Host;

/// An enforced policy drops what it does not permit, so this is waited in vain.
const CONNECTS: Duration = Duration::from_secs(2);
/// The host is told within this time, or not at all.
const TOLD_MS: u64 = 3_000;

/// Tries the door and tells the host. Where no door is known nothing is told.
pub(crate) async fn tell(host: Host) {
    let Some(door) = door() else { return };
    let reached = reaches(&door).await;
    // It is told by the next worker, if not by this one.
    let _untold = host.network(reached, clock::now().plus_ms(TOLD_MS)).await;
}

async fn reaches(door: &str) -> bool {
    tokio::time::timeout(CONNECTS, TcpStream::connect(door)).await.is_ok_and(|connected| connected.is_ok())
}

/// The API server's address in the cluster.
#[allow(clippy::disallowed_methods, reason = "a kubelet tells it to a pod by its environment and in no other way")]
fn door() -> Option<String> {
    let address = std::env::var("KUBERNETES_SERVICE_HOST").ok()?;
    let port = std::env::var("KUBERNETES_SERVICE_PORT").ok()?;
    let bracketed = if address.contains(':') { format!("[{address}]") } else { address };
    Some(format!("{bracketed}:{port}"))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn who_gets_a_connection_reaches_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = listener.local_addr().unwrap().to_string();
        assert!(reaches(&door).await);
        drop(listener);
        assert!(!reaches(&door).await, "a closed port is no open door");
        assert!(!reaches("no address").await);
    }
}
