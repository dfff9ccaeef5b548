//! Whether the walls of the network hold: a worker in a cluster tries the one door that must be closed to it.
//!
//! That is the API server, whose address a kubelet tells every pod, and which is always there. Nothing is said to it: who gets a
//! connection could have spoken. What came of it is told to the host, which makes a finding of it; nothing here depends on it.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::host::Host;
use crate::{clock, environment};

/// An enforced policy drops what it does not permit, so this is waited in vain.
const CONNECTS: Duration = Duration::from_secs(2);
/// The host is told within this time, or not at all.
const TOLD_MS: u64 = 3_000;

/// Tries the door and tells the host. Where no door is known nothing is told.
pub(crate) async fn tell(host: Host) {
    let Some(door) = environment::api_server() else { return };
    let reached = reaches(&door).await;
    // It is told by the next worker, if not by this one.
    let _untold = host.network(reached, clock::now().plus_ms(TOLD_MS)).await;
}

async fn reaches(door: &str) -> bool {
    tokio::time::timeout(CONNECTS, TcpStream::connect(door)).await.is_ok_and(|connected| connected.is_ok())
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
