//! A stand-in for a registry on loopback that keeps what it is given, and lies, floods and hangs as it is told.
//!
//! It speaks just enough of OCI distribution over plain HTTP/1.1 to be pulled from and published to, over a bare socket, for a
//! server library would not let us lie about a length. One request a connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quarterdeck_core::digest::Digest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request that is larger is not one of ours.
const REQUEST_BYTES_MAX: usize = 64 << 20;
/// What its realm gives to whoever has the right name and password.
pub const TOKEN: &str = "a-token-of-the-realm";

/// Whom it lets in.
#[derive(Clone, Default)]
pub enum Door {
    /// Everybody.
    #[default]
    Open,
    /// Who says this, in base64, with each request.
    Basic(String),
    /// Who has its token, which it gives for this, in base64.
    Realm(String),
    /// Nobody: it sends them here for a token.
    RealmAt(String),
}

/// What it does instead of what it should.
#[derive(Clone)]
pub enum Fault {
    /// It answers this status and body.
    Status(u16, String),
    /// It answers with other bytes, and says how many.
    Bytes(Vec<u8>),
    /// It says that there are so many bytes, and sends these.
    Length(u64, Vec<u8>),
    /// It sends a body without end, as fast as it is read.
    Endless,
    /// It takes the request and says nothing.
    Hang,
    /// It sends the client here, with this status.
    Redirect(u16, String),
    /// It answers 500 and says everything again that it was told.
    Echo,
}

/// A request as the stand-in saw it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The request line without the protocol, such as `GET /v2/team/lookout/manifests/1.2`.
    pub line: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

#[derive(Default)]
struct Store {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: BTreeMap<String, Vec<u8>>,
    faults: Vec<(String, Fault)>,
    asked: Vec<Asked>,
}

struct Shared {
    door: Door,
    host: String,
    store: Mutex<Store>,
}

/// The stand-in; it ends when it is dropped.
pub struct FakeRegistry {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Request {
    line: String,
    head: String,
    body: Vec<u8>,
}

impl FakeRegistry {
    /// Starts one with this door.
    ///
    /// # Panics
    /// Where no port of loopback can be had.
    pub async fn start(door: Door) -> FakeRegistry {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
        let host = listener.local_addr().expect("a bound socket has an address").to_string();
        let shared = Arc::new(Shared { door, host, store: Mutex::default() });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        FakeRegistry { shared, task }
    }

    /// Its address, without a scheme.
    pub fn host(&self) -> &str {
        &self.shared.host
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.store().asked.clone()
    }

    /// From now on it does this with every request whose line has that in it, and nothing else wrong.
    pub fn only_fault(&self, on: &str, fault: Fault) {
        self.shared.store().faults = vec![(on.to_owned(), fault)];
    }

    /// Puts a manifest under a tag, whatever it is.
    pub fn put_manifest(&self, tag: &str, bytes: &[u8]) {
        self.shared.store().manifests.insert(tag.to_owned(), bytes.to_vec());
    }

    /// The manifest under a tag or digest.
    pub fn manifest(&self, name: &str) -> Option<Vec<u8>> {
        self.shared.store().manifests.get(name).cloned()
    }
}

impl Drop for FakeRegistry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Connections live in the set, so they end with the stand-in.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // A client that goes away ends its connection, which is what some tests want.
            let _: std::io::Result<()> = serve(stream, &shared).await;
        });
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let request = read_request(&mut stream).await?;
    let authorization = header(&request.head, "authorization").map(str::to_owned);
    let fault = {
        let mut store = shared.store();
        store.asked.push(Asked { line: request.line.clone(), authorization: authorization.clone() });
        store.faults.iter().find(|(on, _)| request.line.contains(on.as_str())).map(|(_, fault)| fault.clone())
    };
    let answer = match (turned_away(shared, &request, authorization.as_deref()), fault) {
        (Some(away), _) => away,
        (None, None) => answer(shared, &request),
        (None, Some(Fault::Status(status, body))) => head(status, "", body.len() as u64) + &body,
        (None, Some(Fault::Redirect(status, to))) => head(status, &format!("location: {to}\r\n"), 0),
        (None, Some(Fault::Echo)) => {
            let echo = format!("{{\"errors\":[{{\"code\":\"UNKNOWN\",\"message\":{:?}}}]}}", request.head);
            head(500, "", echo.len() as u64) + &echo
        }
        (None, Some(Fault::Bytes(bytes))) => {
            return send(&mut stream, &head(200, "", bytes.len() as u64), &bytes).await;
        }
        (None, Some(Fault::Length(length, bytes))) => return send(&mut stream, &head(200, "", length), &bytes).await,
        (None, Some(Fault::Hang)) => return stream.read_u8().await.map(drop),
        (None, Some(Fault::Endless)) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
            loop {
                stream.write_all(&[b' '; 16 << 10]).await?;
            }
        }
    };
    if let Some(bytes) = answer.strip_suffix(BLOB).and_then(|_| asked_for(shared, &request)) {
        let digest = format!("docker-content-digest: {}\r\n", Digest::of(&bytes));
        return send(&mut stream, &head(200, &digest, bytes.len() as u64), &bytes).await;
    }
    send(&mut stream, &answer, &[]).await
}

/// Stands in an answer whose body is what is stored.
const BLOB: &str = "<blob>";

/// The answer to whoever is not let in; none where they are.
fn turned_away(shared: &Shared, request: &Request, authorization: Option<&str>) -> Option<String> {
    let asks = |how: String| head(401, &format!("www-authenticate: {how}\r\n"), 0);
    match &shared.door {
        Door::Open => None,
        Door::Basic(pair) => {
            (authorization != Some(&format!("Basic {pair}"))).then(|| asks("Basic realm=\"fake\"".to_owned()))
        }
        Door::RealmAt(realm) => Some(asks(format!("Bearer realm=\"{realm}\",service=\"fake\""))),
        Door::Realm(pair) if request.line.starts_with("GET /token?") => {
            let scoped = request.line.contains("service=fake") && request.line.contains("scope=repository%3A");
            let body = format!("{{\"access_token\":\"{TOKEN}\",\"expires_in\":300}}");
            let known = scoped && authorization == Some(&format!("Basic {pair}"));
            Some(if known { head(200, "", body.len() as u64) + &body } else { head(401, "", 0) })
        }
        Door::Realm(_) => (authorization != Some(&format!("Bearer {TOKEN}")))
            .then(|| asks(format!("Bearer realm=\"http://{}/token\",service=\"fake\",scope=\"x\"", shared.host))),
    }
}

/// What is stored under the last part of the request's path.
fn asked_for(shared: &Shared, request: &Request) -> Option<Vec<u8>> {
    let (store, name) = (shared.store(), request.line.rsplit('/').next()?);
    let blobs = request.line.contains("/blobs/");
    if blobs { store.blobs.get(name).cloned() } else { store.manifests.get(name).cloned() }
}

fn answer(shared: &Shared, request: &Request) -> String {
    let (method, path) = request.line.split_once(' ').unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    match method {
        "GET" if asked_for(shared, request).is_some() => BLOB.to_owned(),
        "HEAD" if asked_for(shared, request).is_some() => head(200, "", 0),
        "POST" if path.ends_with("/blobs/uploads/") => head(202, &format!("location: {path}1?state=a\r\n"), 0),
        "PUT" if path.contains("/blobs/uploads/1?state=a&digest=") => {
            let named = path.rsplit("digest=").next().unwrap_or_default().replace("%3A", ":");
            let digest = Digest::of(&request.body).to_string();
            shared.store().blobs.insert(digest.clone(), request.body.clone());
            head(if named == digest { 201 } else { 400 }, "", 0)
        }
        "PUT" if path.contains("/manifests/") => {
            let digest = Digest::of(&request.body).to_string();
            for name in [last, &digest] {
                shared.store().manifests.insert(name.to_owned(), request.body.clone());
            }
            head(201, &format!("docker-content-digest: {digest}\r\n"), 0)
        }
        _ => head(404, "", 0),
    }
}

fn head(status: u16, fields: &str, length: u64) -> String {
    format!("HTTP/1.1 {status} Scripted\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n")
}

async fn send(stream: &mut TcpStream, head: &str, body: &[u8]) -> std::io::Result<()> {
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.shutdown().await
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<Request> {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = parse_request(&bytes) {
            return Ok(request);
        }
        let mut chunk = vec![0; 64 << 10];
        let count = stream.read(&mut chunk).await?;
        if count == 0 || bytes.len() > REQUEST_BYTES_MAX {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
}

/// The request, once all of it is there.
fn parse_request(bytes: &[u8]) -> Option<Request> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let line = head.lines().next()?.rsplit_once(' ')?.0.to_owned();
    let length: usize = header(&head, "content-length").map_or(Some(0), |length| length.parse().ok())?;
    let body = bytes.get(end + 4..end + 4 + length)?.to_vec();
    Some(Request { line, head, body })
}
