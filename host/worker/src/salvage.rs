//! Coming after a worker that was killed.
//!
//! A worker started again in a folder whose order was claimed before never runs Terraform: the order was granted once.
//! It waits until the last process of the run has ended (the `alive` lock), hands over what the host does not have, also
//! the `errored.tfstate` that Terraform leaves where it could not reach us, gives Terraform's lock back, and writes the
//! result that the killed worker owes: it is lost, and what it left is known.

use std::sync::{Arc, Mutex};

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::order::{End, WorkerResult};
use quarterdeck_core::terraform::errored::mend;
use quarterdeck_core::terraform::state_json::STATE_BYTES_MAX;
use tokio::sync::mpsc;

use crate::delivery::{self, Delivered, Delivery};
use crate::failure::failure;
use crate::host::{Host, HostError};
use crate::inputs::Inputs;
use crate::outcome::{self, Halt, Newest};
use crate::states::{States, reference};
use crate::{Ending, clock, disk, handover};

/// The deadline may be over when somebody comes; handing over gets this long at least.
const DELIVERY_MS_MIN: u64 = 5 * 60 * 1_000;

/// Hands over what a killed worker left.
pub(crate) async fn salvage(inputs: &Inputs) -> Ending {
    let host = match Host::at(&inputs.config.host, &inputs.order.name) {
        Ok(host) => host,
        Err(error) => return Ending::NotStarted(format!("reach the host: {error}")),
    };
    let until = inputs.order.deadline.max(clock::now().plus_ms(DELIVERY_MS_MIN));
    if let Ok(bytes) = disk::read_bounded(&inputs.folder.result(), 16 << 20)
        && let Ok(result) = serde_json::from_slice::<WorkerResult>(&bytes)
        && result.failure.as_ref().is_none_or(|failure| failure.kind != outcome::UNDELIVERED)
    {
        // A host that has it already takes the same again.
        return handover::finish(inputs, &host, result, until).await;
    }
    let states = match States::open(&inputs.folder) {
        Ok(states) => Arc::new(Mutex::new(states)),
        Err(error) => return Ending::NotStarted(outcome::chain(&error)),
    };
    let mut delivered = Delivered::default();
    // Nobody else writes while the lock is this order's, so what the host has now is what the run began with or wrote.
    let first = match host.state(until).await {
        Ok(first) => first,
        Err(error) => {
            delivered.note(error);
            None
        }
    };
    if delivered.undelivered.is_none()
        && let Err(error) = hand_over(inputs, &host, &states, first.as_deref(), until).await
    {
        delivered.note(error);
    }
    let newest = Newest::of(&states, first.as_deref());
    let failure = failure("crashed", "the worker was killed; what it left was handed over", true);
    let result = outcome::result(inputs, Err(Halt { end: End::Lost, failure }), &delivered, &newest, None);
    handover::finish(inputs, &host, result, until).await
}

async fn hand_over(
    inputs: &Inputs,
    host: &Host,
    states: &Arc<Mutex<States>>,
    first: Option<&[u8]>,
    until: Timestamp,
) -> Result<(), HostError> {
    let disk = |error: String| HostError::Away { last: error };
    keep_errored(inputs, states, first).map_err(disk)?;
    let (numbers, lock) = {
        let states = states.lock().expect("no holder panics");
        (states.undelivered().map_err(|error| disk(error.to_string()))?, states.noted_lock())
    };
    for number in numbers {
        delivery::version(host, states, number, lock.as_ref().map(|lock| lock.id.as_str()), until).await?;
    }
    if let Some(lock) = lock {
        host.unlock(&lock, until).await?;
        states.lock().expect("no holder panics").forget_lock().map_err(|error| disk(error.to_string()))?;
    }
    Ok(())
}

/// Takes an `errored.tfstate` for the version that it is, and tells the number that it got. The file stays. `first` is
/// the state that the run began with.
fn keep_errored(inputs: &Inputs, states: &Arc<Mutex<States>>, first: Option<&[u8]>) -> Result<Option<u32>, String> {
    let path = inputs.folder.errored_state();
    if !path.exists() {
        return Ok(None);
    }
    let fault = |error: &dyn std::error::Error| format!("errored.tfstate: {}", outcome::chain(error));
    let bytes = disk::read_bounded(&path, STATE_BYTES_MAX).map_err(|error| fault(&error))?;
    let mut states = states.lock().expect("no holder panics");
    if states.has_errored(&bytes) {
        return Ok(None);
    }
    let last = match states.newest() {
        Some(newest) => Some(newest.state.clone()),
        None => first.map(reference).transpose().map_err(|error| fault(&error))?,
    };
    let mended = mend(&bytes, last.as_ref()).map_err(|error| fault(&error))?;
    let kept = states.keep(&mended).map_err(|error| fault(&error))?;
    states.note_errored(&bytes).map_err(|error| fault(&error))?;
    Ok(kept.map(|version| version.number))
}

/// At the end of a run: an `errored.tfstate`, where there is one, goes to the host before the result is written.
pub(crate) async fn errored(
    inputs: &Inputs,
    states: &Arc<Mutex<States>>,
    first: Option<&[u8]>,
    deliveries: &mpsc::Sender<Delivery>,
) -> Result<(), String> {
    let Some(number) = keep_errored(inputs, states, first)? else { return Ok(()) };
    let lock = states.lock().expect("no holder panics").noted_lock().map(|lock| lock.id);
    let told = deliveries.send(Delivery::Version { number, lock }).await;
    told.map_err(|_gone| "the task that hands states over has ended".to_owned())
}
