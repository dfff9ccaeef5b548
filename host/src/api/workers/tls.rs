//! The door for workers elsewhere: TLS, one task a connection, and a time for everything.
//!
//! Whoever reaches the port may open connections, so each of them costs little until its token is proven: so many at
//! once, some seconds for the handshake and for a request's head, and a time in which a request must be over. A
//! connection that fails ends alone.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use quarterdeck_core::terraform::state_json::STATE_BYTES_MAX;
use quarterdeck_worker::protocol::ARTIFACT_BYTES_MAX;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::{FarDesk, No, SMALL_BYTES_MAX, keep, left, lock, pass, state, unlock};

/// So many connections at once; a worker has one, a second while the first is being closed.
const CONNECTIONS_MAX: usize = 256;
/// A handshake takes one round trip or two.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A request's head comes within this time; so does the next request, or the connection is closed.
const HEAD: Duration = Duration::from_secs(10);
/// A request is answered within this time: 32 MiB come over a cluster's network and are fsynced. A worker gives up after
/// 30 s and asks again.
const REQUEST: Duration = Duration::from_secs(30);
/// Where no connection can be taken (there are no files left to open), it is tried again after this time.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Answers until it is dropped, and every connection with it.
pub async fn serve_tls(listener: TcpListener, config: Arc<ServerConfig>, desk: FarDesk) {
    let (acceptor, router) = (TlsAcceptor::from(config), router(desk));
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let place = places.clone().acquire_owned().await.expect("nobody closes it");
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (acceptor, router) = (acceptor.clone(), router.clone());
                connections.spawn(async move {
                    if let Err(problem) = connection(stream, acceptor, router).await {
                        tracing::debug!(%peer, problem, "A connection to the workers' port ended.");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "Can't take a connection of a worker now.");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, router: Router) -> Result<(), String> {
    let greeted = timeout(HANDSHAKE, acceptor.accept(stream)).await;
    let stream = greeted.map_err(|_late| "no handshake in time".to_owned())?.map_err(|error| error.to_string())?;
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
    let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    served.await.map_err(|error| error.to_string())
}

/// What is answered over TLS.
fn router(desk: FarDesk) -> Router {
    let small = DefaultBodyLimit::max(SMALL_BYTES_MAX);
    Router::new()
        .route("/v1/claim", post(left::claim).layer(small))
        .route("/v1/lock/{order}", post(lock).layer(small))
        .route("/v1/unlock/{order}", post(unlock).layer(small))
        .route("/v1/state/{order}", get(state).post(keep).layer(DefaultBodyLimit::max(STATE_BYTES_MAX)))
        .route("/v1/input/{order}/{name}", get(left::input))
        .route("/v1/left/{order}/{name}", put(left::left).layer(DefaultBodyLimit::max(ARTIFACT_BYTES_MAX)))
        .route("/v1/network/{order}", post(left::network).layer(small))
        .route_layer(from_fn_with_state(desk.clone(), pass::check))
        .layer(from_fn(in_time))
        .with_state(desk)
}

/// Whoever sends its request drop by drop is not waited for. What is being written to a disk is written to its end.
async fn in_time(request: Request, next: Next) -> Response {
    let late = No(StatusCode::SERVICE_UNAVAILABLE, "the request took too long".to_owned());
    timeout(REQUEST, next.run(request)).await.unwrap_or_else(|_late| late.into_response())
}
