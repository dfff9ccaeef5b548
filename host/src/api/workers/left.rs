//! What a worker elsewhere claims, sees, fetches and hands over. `pass` has looked at who asks.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use quarterdeck_worker::protocol::{ARTIFACT_BYTES_MAX, Claim, Input, LeftFile, SeenNetwork};

use super::{FarDesk, No, Proven, blocking, grant, no, parse, pass};
use crate::remember::{BLOB_BYTES_MAX, LeftError};

// What is handed over becomes a blob.
const _: () = assert!(ARTIFACT_BYTES_MAX <= BLOB_BYTES_MAX, "an artifact fits into a blob");

/// Gives an order to the pod that was made for it, if what it was given is what this host gave. Its own word for who it
/// is does not count.
pub(super) async fn claim(
    State(far): State<FarDesk>,
    Extension(proven): Extension<Proven>,
    body: Bytes,
) -> Result<StatusCode, No> {
    let Claim { order, claimant: _, inputs } = parse(&body)?;
    pass::is_its_own(&proven, order.as_str())?;
    let (left, name) = (far.left.clone(), order.clone());
    let given = blocking(move || left.given(&name)).await??;
    if inputs != Some(given) {
        let what = format!("what {} was given for order {order} is not what this host gave", proven.claimant);
        return Err(No(StatusCode::CONFLICT, what));
    }
    grant(far.desk, order, proven.claimant).await
}

/// `GET /v1/input/ORDER/NAME`.
pub(super) async fn input(
    State(far): State<FarDesk>,
    Extension(proven): Extension<Proven>,
    UrlPath((_, name)): UrlPath<(String, String)>,
) -> Result<Response, No> {
    let none = || No(StatusCode::NOT_FOUND, format!("order {} has no input {name:?}", proven.order));
    let input = Input::named(&name).ok_or_else(none)?;
    let ledger = far.desk.book.ledger();
    let order = ledger.orders.get(&proven.order).map(|state| &state.order);
    let digest = order.and_then(|order| input.of(order)).ok_or_else(none)?;
    let blobs = far.blobs.clone();
    let bytes = blocking(move || blobs.get(&digest)).await?;
    match bytes.map_err(|error| no(StatusCode::SERVICE_UNAVAILABLE, &error))? {
        Some(bytes) => Ok(bytes.into_response()),
        None => Err(none()),
    }
}

/// `POST /v1/network/ORDER`.
pub(super) async fn network(State(far): State<FarDesk>, body: Bytes) -> Result<StatusCode, No> {
    let SeenNetwork { api_server } = parse(&body)?;
    (far.reached)(api_server);
    Ok(StatusCode::OK)
}

/// `PUT /v1/left/ORDER/NAME`.
pub(super) async fn left(
    State(far): State<FarDesk>,
    Extension(proven): Extension<Proven>,
    UrlPath((_, name)): UrlPath<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, No> {
    let file = LeftFile::named(&name)
        .ok_or_else(|| No(StatusCode::NOT_FOUND, format!("nothing that a worker leaves is called {name:?}")))?;
    blocking(move || {
        far.left.take(&proven.order, file, &body)?;
        if file == LeftFile::Result {
            tracing::info!(order = %proven.order, claimant = %proven.claimant, "A worker has left its result.");
        }
        Ok::<_, LeftError>(StatusCode::OK)
    })
    .await?
    .map_err(No::from)
}

impl From<LeftError> for No {
    fn from(error: LeftError) -> No {
        let status = match &error {
            LeftError::NoFolder(_) => StatusCode::NOT_FOUND,
            LeftError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            LeftError::Late(_) => StatusCode::CONFLICT,
            LeftError::Io { .. } => StatusCode::SERVICE_UNAVAILABLE,
        };
        no(status, &error)
    }
}
