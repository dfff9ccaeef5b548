//! A stand-in for a Docker engine on a Unix socket, which answers what a real one was recorded to answer, and can be told
//! to hang, drip, lie or break at each path.
//!
//! The recordings in `fixtures/engine` were made of Docker 20.10, 26 and 29 with the scripts of `real/`: a container of
//! each state, a network, a volume and an image with two tags. They are kept to what may matter.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::broadcast;
use tokio::task::{JoinHandle, JoinSet};

/// Between two bytes of a drip; a client that waits for the whole body waits for minutes.
const DRIP_PAUSE: Duration = Duration::from_millis(20);
/// A request's head is no larger.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Docker 20.10.24, API 1.41.
pub const DOCKER_20_10: &str = include_str!("../fixtures/engine/20.10.json");
/// Docker 26.1.5, API 1.45.
pub const DOCKER_26: &str = include_str!("../fixtures/engine/26.json");
/// Docker 29.0, API 1.52, minimum 1.44.
pub const DOCKER_29: &str = include_str!("../fixtures/engine/29.json");

/// What the stand-in does with a request.
#[derive(Clone)]
pub enum Way {
    /// It sends this status and body.
    Answer(u16, Vec<u8>),
    /// It sends these bytes as they are, and closes.
    Raw(Vec<u8>),
    /// It sends the head of a good answer, then this body a byte at a time.
    Drip(Vec<u8>),
    /// It sends a body without end, as fast as it is read.
    Flood,
    /// It takes the request and says nothing.
    Hang,
    /// It takes the request and closes.
    Close,
}

/// What the stand-in knows, and what it saw.
#[derive(Default)]
struct Inside {
    answers: HashMap<String, Vec<u8>>,
    ways: Vec<(String, Way)>,
    seen: Vec<String>,
    open: usize,
    open_max: usize,
}

/// The stand-in; it ends when it is dropped, and leaves its socket's file, as an engine that was killed does.
pub struct FakeEngine {
    socket: PathBuf,
    inside: Arc<Mutex<Inside>>,
    events: broadcast::Sender<&'static [u8]>,
    task: JoinHandle<()>,
}

impl FakeEngine {
    /// Starts one that answers as recorded.
    ///
    /// # Panics
    /// Where the socket can't be had or the recording can't be read.
    pub fn start(socket: &Path, recording: &str) -> FakeEngine {
        let _absent: std::io::Result<()> = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket).expect("a free path for the socket");
        let inside = Arc::new(Mutex::new(Inside::default()));
        let (events, _) = broadcast::channel(16);
        let task = tokio::spawn(accept(listener, Arc::clone(&inside), events.clone()));
        let engine = FakeEngine { socket: socket.to_owned(), inside, events, task };
        engine.becomes(recording);
        engine
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// From now on it is another engine.
    ///
    /// # Panics
    /// Where the recording can't be read.
    pub fn becomes(&self, recording: &str) {
        let recorded: HashMap<String, Value> = serde_json::from_str(recording).expect("a recording is JSON");
        let bytes = |(path, value): (String, Value)| (path, value.to_string().into_bytes());
        self.inside().answers = recorded.into_iter().map(bytes).collect();
    }

    /// What it answers to a request such as `GET /version`, parsed; to be changed and given back with [`Self::answers`].
    ///
    /// # Panics
    /// Where nothing is recorded for it.
    pub fn answer(&self, request: &str) -> Value {
        let inside = self.inside();
        serde_json::from_slice(inside.answers.get(request).expect("a recorded request"))
            .expect("what was recorded is JSON")
    }

    /// From now on it answers this.
    pub fn answers(&self, request: &str, value: &Value) {
        self.inside().answers.insert(request.to_owned(), value.to_string().into_bytes());
    }

    /// From now on requests whose line holds this text are treated so; an earlier word about the same text is void.
    pub fn goes(&self, text: &str, way: Way) {
        self.heals(text);
        self.inside().ways.push((text.to_owned(), way));
    }

    /// Requests whose line holds this text are answered as recorded again.
    pub fn heals(&self, text: &str) {
        self.inside().ways.retain(|(known, _)| known != text);
    }

    /// Tells everybody who listens for events that something happened.
    pub fn fires(&self) {
        let _nobody_listens = self.events.send(b"{\"Type\":\"container\",\"Action\":\"die\"}\n");
    }

    /// The requests so far, such as `GET /version`.
    pub fn seen(&self) -> Vec<String> {
        self.inside().seen.clone()
    }

    /// How many requests were open at once at most, those for events aside.
    pub fn open_max(&self) -> usize {
        self.inside().open_max
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: UnixListener, inside: Arc<Mutex<Inside>>, events: broadcast::Sender<&'static [u8]>) {
    // Connections live in the set, so they end with the stand-in.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (inside, events) = (Arc::clone(&inside), events.subscribe());
        connections.spawn(async move {
            // A client that goes away ends its connection, which is what some tests want.
            let _: std::io::Result<()> = serve(stream, &inside, events).await;
        });
    }
}

async fn serve(
    mut stream: UnixStream,
    inside: &Mutex<Inside>,
    events: broadcast::Receiver<&'static [u8]>,
) -> std::io::Result<()> {
    let request = read_request(&mut stream).await?;
    if request.starts_with("GET /events") {
        return tell(stream, events).await;
    }
    let way = {
        let mut inside = inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.open += 1;
        inside.open_max = inside.open_max.max(inside.open);
        let way = inside.ways.iter().find(|(text, _)| request.contains(text)).map(|(_, way)| way.clone());
        let recorded = || inside.answers.get(&request).map(|body| Way::Answer(200, body.clone()));
        let way = way.or_else(recorded);
        inside.seen.push(request);
        way.unwrap_or_else(|| Way::Answer(404, br#"{"message":"page not found"}"#.to_vec()))
    };
    let outcome = go(&mut stream, way).await;
    inside.lock().unwrap_or_else(PoisonError::into_inner).open -= 1;
    outcome
}

async fn go(stream: &mut UnixStream, way: Way) -> std::io::Result<()> {
    match way {
        Way::Answer(status, body) => {
            stream.write_all(head(status, body.len()).as_bytes()).await?;
            stream.write_all(&body).await?;
            stream.shutdown().await
        }
        Way::Raw(bytes) => stream.write_all(&bytes).await,
        Way::Drip(body) => {
            stream.write_all(head(200, body.len()).as_bytes()).await?;
            for byte in body {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(DRIP_PAUSE).await;
            }
            Ok(())
        }
        Way::Flood => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
            loop {
                stream.write_all(&[b' '; 64 << 10]).await?;
            }
        }
        Way::Hang => stream.read_u8().await.map(drop),
        Way::Close => Ok(()),
    }
}

/// A stream of events, in chunks as the engine sends them.
async fn tell(mut stream: UnixStream, mut events: broadcast::Receiver<&'static [u8]>) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    while let Ok(event) = events.recv().await {
        stream.write_all(format!("{:x}\r\n", event.len()).as_bytes()).await?;
        stream.write_all(event).await?;
        stream.write_all(b"\r\n").await?;
    }
    Ok(())
}

fn head(status: u16, length: usize) -> String {
    let fields = format!("content-type: application/json\r\ncontent-length: {length}\r\nconnection: close");
    format!("HTTP/1.1 {status} Scripted\r\n{fields}\r\n\r\n")
}

/// The request's method and path, once its head is there; these requests have no body.
async fn read_request(stream: &mut UnixStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((line, _)) = text.split_once("\r\n").filter(|_| text.contains("\r\n\r\n")) {
            return Ok(line.trim_end_matches(" HTTP/1.1").to_owned());
        }
        let mut chunk = [0; 1 << 10];
        let count = stream.read(&mut chunk).await?;
        if count == 0 || bytes.len() > HEAD_BYTES_MAX {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
}
