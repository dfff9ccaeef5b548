//! Who is answered what: each refusal beside the question that is answered.

use std::fs;
use std::time::Duration;

use quarterdeck::remember::Authority;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::order::Order;
use quarterdeck_core::situation::Operation;
use quarterdeck_tests::fake_host::from_now;
use quarterdeck_tests::ordered;
use quarterdeck_worker::Ending;
use quarterdeck_worker::protocol::{Claim, HostAddress, LeftFile, RunFolder, inputs_digest};
use reqwest::{Certificate, Client, Method};
use tokio::net::TcpStream;

use super::super::whole;
use super::desk::{Far, LATER, TOKEN};
use super::result;

/// The pod of another order, and another pod of the same one.
const STRANGER: &str = "word-of-another-order";
const SECOND: &str = "word-of-the-second-pod";

/// Asks as a pod does, and tells status and words, which never hold a token.
async fn ask(far: &Far, method: Method, path: &str, token: Option<&str>, body: Vec<u8>) -> (u16, Vec<u8>) {
    let _already = rustls::crypto::ring::default_provider().install_default();
    let authority = Certificate::from_pem(far.authority.as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([authority]).no_proxy().build().unwrap();
    let mut request = client.request(method, format!("https://{}{path}", far.address)).body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    let (status, body) = (response.status().as_u16(), response.bytes().await.unwrap().to_vec());
    let text = String::from_utf8_lossy(&body);
    assert!([TOKEN, STRANGER, SECOND, LATER].iter().all(|token| !text.contains(token)), "{text}");
    (status, body)
}

async fn status(far: &Far, method: Method, path: &str, token: &str, body: &[u8]) -> u16 {
    ask(far, method, path, Some(token), body.to_vec()).await.0
}

fn claim(order: &Order, inputs: Option<Digest>) -> Vec<u8> {
    let claim = Claim { order: order.name.clone(), claimant: "pod of nobody".to_owned(), inputs };
    serde_json::to_vec(&claim).unwrap()
}

fn given(far: &Far) -> Digest {
    let run = RunFolder::at(&far.given());
    inputs_digest(&fs::read(run.order()).unwrap(), &fs::read(run.config()).unwrap())
}

async fn place() -> (Far, Order) {
    let mut far = Far::new("").await;
    let order = far.order(Operation::Plan);
    far.tokens.know(SECOND, &order.name, "pod two");
    far.tokens.know(STRANGER, &OrderName::parse("plan-web-ffffffffffff").unwrap(), "pod three");
    (far, order)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_given_to_a_pod_that_was_made_for_it_with_these_inputs() {
    let (far, order) = place().await;
    let right = claim(&order, Some(given(&far)));
    let post = async |token: &str, body: &[u8]| status(&far, Method::POST, "/v1/claim", token, body).await;
    assert_eq!(ask(&far, Method::POST, "/v1/claim", None, right.clone()).await.0, 401);
    assert_eq!(post("word-of-nobody", &right).await, 401);
    assert_eq!(post("", &right).await, 401);
    assert_eq!(post(LATER, &right).await, 503);
    assert_eq!(post(STRANGER, &right).await, 403);
    assert_eq!(post(TOKEN, &claim(&order, None)).await, 409);
    assert_eq!(post(TOKEN, &claim(&order, Some(Digest::of(b"other")))).await, 409);
    assert_eq!(post(TOKEN, &vec![b' '; 1 << 17]).await, 413);
    assert!(far.place.book.ledger().orders[&order.name].claimed.is_none());
    assert_eq!(post(TOKEN, &right).await, 200);
    assert_eq!(post(TOKEN, &right).await, 200, "its answer was lost on its way");
    assert_eq!(post(SECOND, &right).await, 409, "an order is given once");
    assert_eq!(far.place.book.ledger().orders[&order.name].claimed.as_ref().unwrap().1, "pod one");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_else_is_for_the_pod_that_has_claimed_the_order() {
    let (far, order) = place().await;
    let lock = br#"{"ID":"lock-1","Operation":"apply","Who":"me"}"#;
    let left = fs::read_dir(far.host_folder(&order)).unwrap().count();
    let questions = [
        (Method::GET, "state", "", &b""[..], 204),
        (Method::POST, "lock", "", lock, 200),
        (Method::POST, "state", "?lock=lock-1", &ordered::state("l", 1, "n"), 200),
        (Method::POST, "unlock", "", lock, 200),
        (Method::GET, "input", "/files", b"", 200),
        (Method::PUT, "left", "/rendered", b"a plan", 200),
        (Method::POST, "network", "", br#"{"apiServer":false}"#, 200),
        (Method::POST, "network", "", br#"{"apiServer":"perhaps"}"#, 400),
    ];
    for (method, what, rest, body, _) in &questions {
        let path = format!("/v1/{what}/{}{rest}", order.name);
        assert_eq!(status(&far, method.clone(), &path, TOKEN, body).await, 409, "{what} before the claim");
    }
    let right = claim(&order, Some(given(&far)));
    assert_eq!(status(&far, Method::POST, "/v1/claim", TOKEN, &right).await, 200);
    for (method, what, rest, body, answered) in &questions {
        let path = format!("/v1/{what}/{}{rest}", order.name);
        assert_eq!(ask(&far, method.clone(), &path, None, body.to_vec()).await.0, 401, "{what}");
        assert_eq!(status(&far, method.clone(), &path, "word-of-nobody", body).await, 401, "{what}");
        assert_eq!(status(&far, method.clone(), &path, STRANGER, body).await, 403, "{what} of another order");
        assert_eq!(status(&far, method.clone(), &path, SECOND, body).await, 403, "{what} of another pod's order");
        assert_eq!(status(&far, method.clone(), &path, TOKEN, body).await, *answered, "{what}");
    }
    // The pod's own order, spelled otherwise, is no other way in.
    let spelled = format!("/v1/input/{}/files", order.name.as_str().replace("plan", "%70lan"));
    assert_eq!(status(&far, Method::GET, &spelled, STRANGER, b"").await, 403);
    assert_eq!(fs::read_dir(far.host_folder(&order)).unwrap().count(), left + 1, "the one file that was handed over");
    assert_eq!(*far.reached.lock().unwrap(), [false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_are_those_of_the_order_and_what_is_left_ends_with_the_result() {
    let (far, order) = place().await;
    let right = claim(&order, Some(given(&far)));
    assert_eq!(status(&far, Method::POST, "/v1/claim", TOKEN, &right).await, 200);
    let input = |name: &str| format!("/v1/input/{}/{name}", order.name);
    assert_eq!(ask(&far, Method::GET, &input("files"), Some(TOKEN), Vec::new()).await, (200, whole::files()));
    for none in ["saved", "json", "lock", "order.json", "..%2F..%2Fworkers-ca.key"] {
        assert_eq!(status(&far, Method::GET, &input(none), TOKEN, b"").await, 404, "{none}");
    }
    let left = |file: &str| format!("/v1/left/{}/{file}", order.name);
    let put = async |file: &str, body: &[u8]| status(&far, Method::PUT, &left(file), TOKEN, body).await;
    assert_eq!(put("order", b"{}").await, 404);
    assert_eq!(put("..%2Forder.json", b"{}").await, 404);
    assert_eq!(put("saved", b"a plan").await, 200);
    assert_eq!(put("result", &vec![b' '; LeftFile::Result.bytes_max() + 1]).await, 413);
    assert_eq!(put("result", b"{}").await, 200);
    for (file, body, answered) in
        [("result", "{}", 200), ("saved", "a plan", 200), ("result", "[]", 409), ("json", "{}", 409)]
    {
        assert_eq!(put(file, body.as_bytes()).await, answered, "{file} {body} after the result");
    }
    fs::remove_dir_all(far.host_folder(&order)).unwrap();
    assert_eq!(put("result", b"{}").await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_given_something_else_touches_nothing() {
    let (far, order) = place().await;
    let path = RunFolder::at(&far.given()).config();
    let config = fs::read_to_string(&path).unwrap().replace("STANDIN", "HTTP_PROXY");
    fs::write(&path, config).unwrap();
    assert_eq!(far.work(Operation::Plan).await, Ending::ClaimRefused);
    assert!(far.place.book.ledger().orders[&order.name].claimed.is_none());
    assert!(!RunFolder::at(&far.folder()).result().exists() && !RunFolder::at(&far.folder()).terraform().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_another_authority_is_not_shown_the_token() {
    let mut far = Far::new("").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Authority::open(elsewhere.path(), from_now(Duration::ZERO)).unwrap();
    let HostAddress::Tls { url, token, .. } = far.place.run.host.clone() else { panic!("it is far") };
    let authority = other.certificate_pem().to_owned();
    far.place.run.host = HostAddress::Tls { url: url.clone(), authority, token: token.clone() };
    let mut order = whole::order(&far.place, Operation::Plan);
    order.deadline = from_now(Duration::from_secs(2));
    far.give(&order);
    assert_eq!(far.work(Operation::Plan).await, Ending::Failed);
    let failure = result(&far.folder()).failure.unwrap();
    assert_eq!(failure.kind, "unreachable");
    assert!(failure.message.contains("certificate") && !failure.message.contains(TOKEN), "{}", failure.message);
    assert!(!far.tokens.asked(TOKEN));
    // Nor does it go anywhere in clear.
    let url = url.replace("https://", "http://");
    far.place.run.host = HostAddress::Tls { url, authority: far.authority.clone(), token };
    order.deadline = from_now(Duration::from_secs(2));
    far.give(&order);
    assert_eq!(far.work(Operation::Plan).await, Ending::Failed);
    assert_eq!(result(&far.folder()).failure.unwrap().kind, "unreachable");
    assert!(!far.tokens.asked(TOKEN));
    let plain = Client::builder().no_proxy().build().unwrap().get(format!("http://{}/v1/claim", far.address));
    let answered = plain.bearer_auth(TOKEN).send().await;
    assert!(answered.is_err() && !far.tokens.asked(TOKEN), "the port speaks TLS alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_keeps_silent_holds_nobody_up() {
    let (far, order) = place().await;
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(far.address).await.unwrap());
    }
    let right = claim(&order, Some(given(&far)));
    let asked = status(&far, Method::POST, "/v1/claim", TOKEN, &right);
    // Less than a handshake may take, so nobody was waited for.
    assert_eq!(tokio::time::timeout(Duration::from_secs(8), asked).await, Ok(200));
    drop(silent);
}
