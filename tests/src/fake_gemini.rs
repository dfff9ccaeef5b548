//! A stand-in for Gemini on loopback that answers, hangs, drips and lies as its script says.
//!
//! It speaks just enough HTTP/1.1 over a plain socket to be able to break it: a server library would not let us send half
//! a body or close without a word. One step of the script serves one request; the last step serves all that follow.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Between two bytes of a drip; a client that waits for the whole body waits for minutes.
const DRIP_PAUSE: Duration = Duration::from_millis(5);
/// A request that is larger is not one of ours.
const REQUEST_BYTES_MAX: usize = 4 << 20;

/// Makes an answer from a request's body.
pub type Answering = Arc<dyn Fn(&Value) -> String + Send + Sync>;

/// What the stand-in does with one request.
#[derive(Clone)]
pub enum Step {
    /// It sends this status and body.
    Answer(u16, Vec<u8>),
    /// It answers what the function makes of the request's JSON body.
    Compute(Answering),
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

/// A request as the stand-in saw it.
#[derive(Clone)]
pub struct Seen {
    /// The request line, such as `POST /v1beta/… HTTP/1.1`.
    pub line: String,
    /// The header lines, as they came, without the request line.
    pub headers: Vec<String>,
    /// The body, parsed.
    pub body: Value,
}

impl Seen {
    /// The value of a header, whose name is compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let split = self.headers.iter().filter_map(|line| line.split_once(':'));
        split.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// The stand-in; it ends when it is dropped.
pub struct FakeGemini {
    base_url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl FakeGemini {
    /// Starts one with this script, which must have a step.
    ///
    /// # Panics
    /// Where the script is empty or no port of loopback can be had.
    pub async fn start(script: Vec<Step>) -> FakeGemini {
        assert!(!script.is_empty(), "a script needs a step");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(accept(listener, script, Arc::clone(&seen)));
        FakeGemini { base_url: format!("http://{address}"), seen, task }
    }

    /// Where it is.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FakeGemini {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A good answer of `gemini-2.5-flash` with this text, thoughts before it, and fields that nobody knows.
pub fn answer(text: &str) -> Value {
    json!({
        "candidates": [{
            "index": 0,
            "content": { "role": "model", "parts": [
                { "text": "Let me think.", "thought": true },
                { "text": text, "thoughtSignature": "c2ln" },
            ] },
            "finishReason": "STOP",
            "aFieldOfTomorrow": { "x": [1] },
        }],
        "usageMetadata": { "promptTokenCount": 812, "candidatesTokenCount": 40, "thoughtsTokenCount": 211 },
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r",
    })
}

/// A good answer that recommends what the question's schema offers first; for tests of the whole loop.
pub fn recommend_first(request: &Value) -> String {
    let schema = &request["generationConfig"]["responseJsonSchema"];
    let fields = &schema["properties"]["recommendations"]["items"]["properties"];
    let mut advice = json!({ "reason": "It would cure the finding.", "confidence": 900 });
    for field in ["finding", "need", "mission"] {
        if let Some(first) = fields[field]["enum"].get(0) {
            advice[field] = first.clone();
        }
    }
    answer(&json!({ "text": "Something is down.", "recommendations": [advice] }).to_string()).to_string()
}

async fn accept(listener: TcpListener, script: Vec<Step>, seen: Arc<Mutex<Vec<Seen>>>) {
    // Connections live in the set, so they end with the stand-in.
    let mut connections = tokio::task::JoinSet::new();
    let script = Arc::new(script);
    while let Ok((stream, _)) = listener.accept().await {
        let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
        connections.spawn(async move {
            // A client that goes away ends its connection, which is what some tests want.
            let _: std::io::Result<()> = serve(stream, &script, &seen).await;
        });
    }
}

async fn serve(mut stream: TcpStream, script: &[Step], seen: &Mutex<Vec<Seen>>) -> std::io::Result<()> {
    let request = read_request(&mut stream).await?;
    let body = request.body.clone();
    let step = {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(request);
        script[(seen.len() - 1).min(script.len() - 1)].clone()
    };
    match step {
        Step::Answer(status, body) => send(&mut stream, status, &body).await,
        Step::Compute(answering) => send(&mut stream, 200, answering(&body).as_bytes()).await,
        Step::Raw(bytes) => stream.write_all(&bytes).await,
        Step::Drip(body) => {
            stream.write_all(head(200, body.len()).as_bytes()).await?;
            for byte in body {
                stream.write_all(&[byte]).await?;
                tokio::time::sleep(DRIP_PAUSE).await;
            }
            Ok(())
        }
        Step::Flood => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
            loop {
                stream.write_all(&[b' '; 16 << 10]).await?;
            }
        }
        Step::Hang => stream.read_u8().await.map(drop),
        Step::Close => Ok(()),
    }
}

async fn send(stream: &mut TcpStream, status: u16, body: &[u8]) -> std::io::Result<()> {
    stream.write_all(head(status, body.len()).as_bytes()).await?;
    stream.write_all(body).await?;
    stream.shutdown().await
}

fn head(status: u16, length: usize) -> String {
    let fields = format!("content-type: application/json\r\ncontent-length: {length}\r\nconnection: close");
    format!("HTTP/1.1 {status} Scripted\r\n{fields}\r\n\r\n")
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<Seen> {
    let mut bytes = Vec::new();
    loop {
        if let Some(request) = parse_request(&bytes) {
            return Ok(request);
        }
        let mut chunk = [0; 8 << 10];
        let count = stream.read(&mut chunk).await?;
        if count == 0 || bytes.len() > REQUEST_BYTES_MAX {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
}

/// The request, once all of it is there.
fn parse_request(bytes: &[u8]) -> Option<Seen> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines().map(str::to_owned);
    let mut seen = Seen { line: lines.next()?, headers: lines.collect(), body: Value::Null };
    // A GET has none.
    let length: usize = seen.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
    let body = bytes.get(end + 4..end + 4 + length)?;
    seen.body = serde_json::from_slice(body).unwrap_or(Value::Null);
    Some(seen)
}
