//! A request to people reaches a webhook: signed, again until it is taken, and once more after a restart.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use quarterdeck::api::webhook::{self, Webhook};
use quarterdeck::driver::clock;
use quarterdeck_core::redaction::Secret;
use serde_json::Value;
use sha2::Sha256;

use crate::yes::run;

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Far above what it takes; only a message that never comes gets there.
const PATIENCE: Duration = Duration::from_secs(60);

/// A receiver that answers with these, the last one for ever; and each request as it came.
fn receiver(answers: &'static [&'static str]) -> (String, Receiver<String>) {
    // An error means that another test has installed it.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for (index, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let (mut request, mut bytes) = (Vec::new(), [0; 4096]);
            while !is_whole(&request) {
                let many = stream.read(&mut bytes).unwrap();
                assert!(many > 0, "a request ends before its body");
                request.extend_from_slice(&bytes[..many]);
            }
            let status = answers[index.min(answers.len() - 1)];
            let _gone = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            if tell.send(String::from_utf8(request).unwrap()).is_err() {
                return;
            }
        }
    });
    (address, told)
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let lines = request.split("\r\n\r\n").next()?.lines();
    lines
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((_, body)) = text.split_once("\r\n\r\n") else { return false };
    header(&text, "content-length")
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: usize| body.len() >= length)
}

/// The signature is right, by another implementation of it.
fn must_be_signed(request: &str) -> Value {
    let of = |name: &str| header(request, name).unwrap_or_else(|| panic!("{name}: {request}"));
    let body = request.split_once("\r\n\r\n").unwrap().1;
    let key = base64(&KEY["whsec_".len()..]);
    let signed = format!("{}.{}.{body}", of("webhook-id"), of("webhook-timestamp"));
    let mut keyed = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    keyed.update(signed.as_bytes());
    let signature = base64(of("webhook-signature").strip_prefix("v1,").expect("a version"));
    keyed.verify_slice(&signature).expect("it is signed with the key");
    serde_json::from_str(body).unwrap()
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_people_is_sent_until_it_is_taken_and_once() {
    let (address, told) = receiver(&["500 No", "204 Yes"]);
    let data = tempfile::tempdir().unwrap();
    let host = run(data.path(), "shop", false).await;
    let hook = || Webhook::parse(&address, &Secret::new(KEY.to_owned())).unwrap();
    let sending = webhook::start(hook(), host.updates(), clock).unwrap();
    let wait = |told: Receiver<String>| {
        tokio::task::spawn_blocking(move || (told.recv_timeout(PATIENCE).expect("a message"), told))
    };
    let (refused, told) = wait(told).await.unwrap();
    let (taken, told) = wait(told).await.unwrap();
    let message = must_be_signed(&taken);
    assert_eq!(must_be_signed(&refused), message);
    assert_eq!(header(&refused, "webhook-id"), header(&taken, "webhook-id"));
    let data_of = &message["data"];
    assert_eq!((&message["type"], &data_of["mission"]), (&"approval.pending".into(), &"shop".into()));
    let id = data_of["approval"].as_str().unwrap();
    assert_eq!(data_of["answer"], format!("quarterdeck approve {id}"));
    assert!(data_of["adds"].as_u64().is_some_and(|adds| adds > 0), "{message}");

    // Turns go on, and nothing is sent again.
    let mut updates = host.updates();
    for _ in 0..5 {
        updates.recv().await.unwrap();
    }
    assert!(told.try_recv().is_err(), "what was taken is not sent again");
    sending.abort();
    host.stop().await.unwrap();

    // A host that is started anew sends what still waits, under the same name.
    let host = run(data.path(), "shop", false).await;
    let sending = webhook::start(hook(), host.updates(), clock).unwrap();
    let (again, _) = wait(told).await.unwrap();
    assert_eq!(header(&again, "webhook-id"), header(&taken, "webhook-id"));
    sending.abort();
    host.stop().await.unwrap();
}
