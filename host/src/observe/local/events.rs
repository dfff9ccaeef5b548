//! The engine's own word that something changed, so that the next look need not wait for its turn.
//!
//! Events only wake: what they say is not read, since a look tells more and can be trusted to be whole. So a lost event,
//! a stream that breaks or an engine that sends rubbish cost at most one interval.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::socket::Socket;

/// What is listened for: whatever a look can see. Not the start of a health check, of which there is one every few
/// seconds. Unversioned, since nothing of the answer is read.
///
/// `{"type":["container","image","network","volume"],"event":[…]}`, percent-encoded.
const EVENTS: &str = "/events?filters=%7B%22type%22%3A%5B%22container%22%2C%22image%22%2C%22network%22%2C%22volume%22%5D%2C\
%22event%22%3A%5B%22create%22%2C%22start%22%2C%22die%22%2C%22oom%22%2C%22pause%22%2C%22unpause%22%2C%22rename%22%2C\
%22destroy%22%2C%22remove%22%2C%22health_status%22%2C%22pull%22%2C%22tag%22%2C%22untag%22%2C%22delete%22%2C\
%22import%22%2C%22load%22%5D%7D";
/// After a stream ended, and after a first failure, it is waited this long.
const WAIT_MIN: Duration = Duration::from_millis(200);
/// No wait is longer: an engine that comes back is heard within this, and seen at the next look anyway.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Listens for ever, and wakes at each event, when the stream begins and when it ends.
pub(super) async fn listen(socket: Socket, changed: Arc<Notify>) {
    let mut wait = WAIT_MIN;
    loop {
        if let Ok(mut stream) = socket.stream(EVENTS).await {
            // Whatever happened while nobody listened.
            changed.notify_one();
            while let Ok(Some(_)) = stream.chunk().await {
                wait = WAIT_MIN;
                changed.notify_one();
            }
            // An engine that stops ends its streams first.
            changed.notify_one();
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAIT_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_what_its_comment_says() {
        let (_, encoded) = EVENTS.split_once("filters=").unwrap();
        let mut json = encoded.to_owned();
        for (code, plain) in
            [("%7B", "{"), ("%7D", "}"), ("%22", "\""), ("%3A", ":"), ("%2C", ","), ("%5B", "["), ("%5D", "]")]
        {
            json = json.replace(code, plain);
        }
        let filter: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(filter["type"].as_array().unwrap().len(), 4);
        let events = filter["event"].as_array().unwrap();
        assert!(events.iter().any(|event| event == "die") && !events.iter().any(|event| event == "exec_start"));
    }
}
