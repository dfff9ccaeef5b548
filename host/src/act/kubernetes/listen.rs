//! What a worker says while it works: its pod's log, followed, the newest line kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{AsyncRead, AsyncReadExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, LogParams};
use quarterdeck_core::redaction::Redactor;

use super::clerk::Clerk;
use super::job::CONTAINER;
use crate::act::clean;

/// A line is at most this long, or it is not shown.
const LINE_BYTES_MAX: usize = 16 << 10;
/// What is shown has this many bytes.
const DOING_BYTES_MAX: usize = 256;
/// A log that broke off is followed again this much later.
const AGAIN: Duration = Duration::from_secs(2);
/// It is followed again so often, two minutes of an API server that is away: then the pod is gone, and its end is seen
/// otherwise.
const TRIES_MAX: u32 = 60;

/// Follows a pod's log to its end; `said` holds the newest line.
pub(super) async fn follow(
    clerk: Clerk,
    pod: String,
    redactor: Arc<Redactor>,
    said: Arc<Mutex<Option<String>>>,
    changed: Arc<dyn Fn() + Send + Sync>,
) {
    let api: Api<Pod> = Api::namespaced(clerk.client.clone(), &clerk.namespace);
    let params =
        LogParams { container: Some(CONTAINER.to_owned()), follow: true, tail_lines: Some(1), ..LogParams::default() };
    for _ in 0..TRIES_MAX {
        match api.log_stream(&pod, &params).await {
            Ok(log) => {
                let tell = |line: &str| {
                    let line = clean::event(&redactor, line, DOING_BYTES_MAX);
                    *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
                    changed();
                };
                lines(Box::pin(log), tell).await;
            }
            Err(error) => tracing::debug!(pod, %error, "A worker's log can't be followed now."),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Each whole line that is not too long.
async fn lines(mut log: impl AsyncRead + Unpin, mut tell: impl FnMut(&str)) {
    let (mut buffer, mut line, mut too_long) = ([0; 4096], Vec::new(), false);
    while let Ok(read) = log.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        for byte in &buffer[..read] {
            if *byte == b'\n' {
                if !too_long && !line.is_empty() {
                    tell(&String::from_utf8_lossy(&line));
                }
                line.clear();
                too_long = false;
            } else if line.len() < LINE_BYTES_MAX {
                line.push(*byte);
            } else {
                too_long = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_whole_lines_are_told_and_what_is_too_long_is_not() {
        let log = format!("one\n\n{}\ntwo\nhalf", "x".repeat(LINE_BYTES_MAX + 1));
        let mut told = Vec::new();
        lines(log.as_bytes(), |line| told.push(line.to_owned())).await;
        assert_eq!(told, ["one", "two"]);
    }
}
