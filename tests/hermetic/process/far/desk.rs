//! A host with a desk over TLS, and what a pod is given.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use quarterdeck::api::workers::{Desk, FarDesk, Passes, Proof, Proven, Unproven, serve_tls};
use quarterdeck::remember::{Authority, LeftFolders};
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::order::Order;
use quarterdeck_core::redaction::Secret;
use quarterdeck_core::situation::Operation;
use quarterdeck_tests::fake_host::from_now;
use quarterdeck_tests::ordered::clock;
use quarterdeck_worker::protocol::{HostAddress, RunFolder};
use quarterdeck_worker::{Ending, work_given};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::super::place::Place;
use super::super::whole;

/// The token of the pod that does the order.
pub(super) const TOKEN: &str = "word-of-the-first-pod";
/// A token that can't be looked at now.
pub(super) const LATER: &str = "word-that-nobody-knows-now";

/// Whose tokens are: the port's adapter for tests.
#[derive(Default)]
pub(super) struct Tokens {
    known: Mutex<HashMap<String, Proven>>,
    asked: Mutex<BTreeSet<String>>,
}

/// The host, and the pod's folders.
pub(super) struct Far {
    pub(super) place: Place,
    pub(super) tokens: Arc<Tokens>,
    pub(super) authority: String,
    pub(super) address: SocketAddr,
    /// What workers said of whether they could reach the API server.
    pub(super) reached: Arc<Mutex<Vec<bool>>>,
    /// How many orders there were: each has folders of its own.
    orders: u32,
    served: JoinHandle<()>,
}

impl Proof for Tokens {
    fn prove(&self, token: Secret) -> BoxFuture<'_, Result<Proven, Unproven>> {
        self.asked.lock().unwrap().insert(token.expose().to_owned());
        let answer = match self.known.lock().unwrap().get(token.expose()) {
            Some(proven) => Ok(proven.clone()),
            None if token.expose() == LATER => Err(Unproven::Unavailable("the API server is away".to_owned())),
            None => Err(Unproven::Refused("it is no token of a worker".to_owned())),
        };
        Box::pin(async move { answer })
    }
}

impl Tokens {
    pub(super) fn know(&self, token: &str, order: &OrderName, claimant: &str) {
        let proven = Proven { order: order.clone(), claimant: claimant.to_owned() };
        self.known.lock().unwrap().insert(token.to_owned(), proven);
    }

    /// Whether anybody showed it, or one that begins so.
    pub(super) fn asked(&self, token: &str) -> bool {
        self.asked.lock().unwrap().iter().any(|asked| asked.starts_with(token))
    }
}

impl Far {
    pub(super) async fn new(script: &str) -> Far {
        let mut place = whole::place(script);
        let now = from_now(Duration::ZERO);
        let authority = Authority::open(&place.path(""), now).unwrap();
        let config = authority.server_config(&["localhost".to_owned(), "127.0.0.1".to_owned()], now).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tokens = Arc::new(Tokens::default());
        let reached = Arc::new(Mutex::new(Vec::new()));
        let told = reached.clone();
        let desk = FarDesk {
            desk: Desk { book: place.book.clone(), states: place.states.clone(), clock },
            blobs: place.blobs.clone(),
            left: Arc::new(LeftFolders::at(&place.path("work"))),
            passes: Arc::new(Passes::new(tokens.clone())),
            reached: Arc::new(move |word| told.lock().unwrap().push(word)),
        };
        let served = tokio::spawn(serve_tls(listener, Arc::new(config), desk));
        let authority = authority.certificate_pem().to_owned();
        let url = format!("https://localhost:{}", address.port());
        place.run.host = HostAddress::Tls { url, authority: authority.clone(), token: place.path("token") };
        Far { place, tokens, authority, address, reached, orders: 0, served }
    }

    /// Orders, and gives a pod what it works from, without the mission's files.
    pub(super) fn order(&mut self, operation: Operation) -> Order {
        let order = whole::order(&self.place, operation);
        self.give(&order);
        order
    }

    /// Lays out what a pod is given for an order.
    pub(super) fn give(&mut self, order: &Order) {
        self.orders += 1;
        // Each pod has a token of its own, the first one the token that tests name.
        let token = if self.orders == 1 { TOKEN.to_owned() } else { format!("{TOKEN}-{}", self.orders) };
        self.tokens.know(&token, &order.name, "pod one");
        fs::write(self.token_file(), token + "\n").unwrap();
        for folder in [self.host_folder(order), self.given()] {
            fs::create_dir_all(&folder).unwrap();
            let run = RunFolder::at(&folder);
            fs::write(run.config(), serde_json::to_vec(&self.place.run).unwrap()).unwrap();
            fs::write(run.order(), serde_json::to_vec(order).unwrap()).unwrap();
        }
        fs::create_dir_all(self.folder()).unwrap();
    }

    pub(super) async fn work(&self, operation: Operation) -> Ending {
        let stop = watch::Sender::new(false);
        work_given(operation, &self.given(), &self.folder(), stop.subscribe()).await
    }

    pub(super) fn token_file(&self) -> PathBuf {
        self.place.path("token")
    }

    /// Where the pod finds what it is given.
    pub(super) fn given(&self) -> PathBuf {
        self.place.path(&format!("inputs-{}", self.orders))
    }

    /// Where the pod works.
    pub(super) fn folder(&self) -> PathBuf {
        self.place.path(&format!("pod-{}", self.orders))
    }

    /// Where the host keeps what it gave and gets.
    pub(super) fn host_folder(&self, order: &Order) -> PathBuf {
        self.place.run_folder(order)
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.served.abort();
    }
}
