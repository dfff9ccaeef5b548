//! A socket before the engine's own: it remembers every request, and can hold back the answer to one.
//!
//! The answer is held after the engine has given it: what was asked for is done, and who asked does not know it yet.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use regex::bytes::Regex;

use crate::parts::until;
use crate::stage::PATIENCE;

/// A request line is at most this long; more than that is no request.
const REQUEST_LINE_MAX: usize = 16 << 10;

/// The socket. Held answers go on when it is dropped.
pub(crate) struct Proxy {
    pub(crate) socket: PathBuf,
    shared: Arc<Shared>,
}

struct Shared {
    engine: PathBuf,
    book: Mutex<Book>,
    changed: Condvar,
    ended: AtomicBool,
}

#[derive(Default)]
struct Book {
    /// Method and path of every request.
    requests: Vec<String>,
    /// The end of a request whose answer is held.
    hold: Option<String>,
    /// Whether such an answer has come.
    held: bool,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    /// Listens at `socket` for an engine.
    pub(crate) fn start(socket: PathBuf, engine: &Path) -> Proxy {
        let shared = Shared {
            engine: engine.to_owned(),
            book: Mutex::default(),
            changed: Condvar::new(),
            ended: AtomicBool::new(false),
        };
        let shared = Arc::new(shared);
        let (listener, of_thread) = (UnixListener::bind(&socket).unwrap(), shared.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if of_thread.ended.load(Ordering::SeqCst) {
                    return;
                }
                let shared = of_thread.clone();
                thread::spawn(move || carry(client, &shared));
            }
        });
        Proxy { socket, shared }
    }

    /// From now on the answer to a request such as `POST /networks/create` is held.
    pub(crate) fn hold(&self, request: &str) {
        let mut book = self.shared.book();
        (book.hold, book.held) = (Some(request.to_owned()), false);
    }

    /// Waits until an answer is held: the engine has done what was asked of it.
    pub(crate) fn until_held(&self) {
        until("an answer is held", PATIENCE, || self.shared.book().held.then_some(()));
    }

    /// Lets held answers go on.
    pub(crate) fn release(&self) {
        self.shared.book().hold = None;
        self.shared.changed.notify_all();
    }

    /// Every request so far, the API's version left out.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.book().requests.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.release();
        // The listener looks at the mark when somebody comes.
        let _it_listens_no_more = UnixStream::connect(&self.socket);
    }
}

/// One connection, both ways.
fn carry(client: UnixStream, shared: &Arc<Shared>) {
    // An engine that is down is what the client would see without us, too.
    let Ok(engine) = UnixStream::connect(&shared.engine) else { return };
    let (Ok(from_client), Ok(to_engine)) = (client.try_clone(), engine.try_clone()) else { return };
    let holds = Arc::new(AtomicBool::new(false));
    let (of_thread, marks) = (shared.clone(), holds.clone());
    let asking = thread::spawn(move || ask(from_client, to_engine, &of_thread, &marks));
    answer(engine, client, shared, &holds);
    let _its_own_errors_ended_it = asking.join();
}

/// Carries requests, and writes each down before it goes on.
fn ask(mut from: UnixStream, mut to: UnixStream, shared: &Shared, holds: &AtomicBool) {
    let line = Regex::new(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) (/[^ ]*) HTTP/1\.[01]\r\n").unwrap();
    let version = Regex::new(r"^/v1\.[0-9]+/").unwrap();
    let (mut seen, mut bytes) = (Vec::new(), vec![0; 64 << 10]);
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        seen.extend_from_slice(&bytes[..count]);
        while let Some(found) = line.captures(&seen) {
            let path = version.replace(&found[2], &b"/"[..]);
            let request = format!("{} {}", String::from_utf8_lossy(&found[1]), String::from_utf8_lossy(&path));
            let end = found.get(0).expect("the whole is always there").end();
            seen.drain(..end);
            let mut book = shared.book();
            let held = book.hold.as_ref().is_some_and(|hold| request.split('?').next() == Some(hold.as_str()));
            holds.fetch_or(held, Ordering::SeqCst);
            book.requests.push(request);
        }
        let over = seen.len().saturating_sub(REQUEST_LINE_MAX);
        seen.drain(..over);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _gone = to.shutdown(Shutdown::Write);
}

/// Carries answers, and holds the one that is to be held.
fn answer(mut from: UnixStream, mut to: UnixStream, shared: &Shared, holds: &AtomicBool) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if holds.swap(false, Ordering::SeqCst) {
            let mut book = shared.book();
            book.held = true;
            while book.hold.is_some() {
                book = shared.changed.wait(book).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _gone = to.shutdown(Shutdown::Both);
}
