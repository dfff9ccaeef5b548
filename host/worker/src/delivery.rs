//! Everything that the host must hear about the state, in the order in which Terraform did it.
//!
//! One queue and one task: a version is handed over before the lock under which it was written is given back, also when
//! the host is away for a while in between. Terraform itself waits for the host at one place only, where it takes the
//! lock: nothing has been changed by then. Versions and the return of the lock are answered from our own disk.

use std::sync::{Arc, Mutex};

use quarterdeck_core::ids::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::host::{Host, HostError};
use crate::protocol::LockInfo;
use crate::states::States;

/// At most this many deliveries wait in memory; beyond it Terraform waits with its next version.
const WAITING_MAX: usize = 256;

/// What the host is to hear.
pub(crate) enum Delivery {
    /// A version, which is on our disk, and the lock that it was written under.
    Version { number: u32, lock: Option<String> },
    /// Terraform wants the lock.
    Lock { info: LockInfo, answer: oneshot::Sender<Result<(), HostError>> },
    /// Terraform gives the lock back.
    Unlock { info: LockInfo },
}

/// What became of the deliveries.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// The host refused something for good, and why.
    pub(crate) refused: Option<String>,
    /// The host was away until our time was over, or our disk failed.
    pub(crate) undelivered: Option<String>,
}

/// Starts the task. It ends when all senders are gone and everything is delivered, or when the time is over.
pub(crate) fn start(
    host: Host,
    states: Arc<Mutex<States>>,
    until: Timestamp,
) -> (mpsc::Sender<Delivery>, JoinHandle<Delivered>) {
    let (sender, mut receiver) = mpsc::channel(WAITING_MAX);
    let task = tokio::spawn(async move {
        let mut delivered = Delivered::default();
        while let Some(delivery) = receiver.recv().await {
            match delivery {
                Delivery::Version { number, lock } => {
                    if let Err(error) = version(&host, &states, number, lock.as_deref(), until).await {
                        delivered.note(error);
                    }
                }
                Delivery::Lock { info, answer } => {
                    let result = host.lock(&info, until).await;
                    let noted = result.is_ok().then(|| states.lock().expect("no holder panics").note_lock(&info));
                    let result = match noted {
                        Some(Err(error)) => Err(HostError::Away { last: format!("write lock.json: {error}") }),
                        Some(Ok(())) | None => result,
                    };
                    let _terraform_is_gone = answer.send(result);
                }
                Delivery::Unlock { info } => match host.unlock(&info, until).await {
                    Ok(()) => {
                        let _found_again_at_worst = states.lock().expect("no holder panics").forget_lock();
                    }
                    Err(error) => delivered.note(error),
                },
            }
        }
        delivered
    });
    (sender, task)
}

/// Hands one version over.
pub(crate) async fn version(
    host: &Host,
    states: &Arc<Mutex<States>>,
    number: u32,
    lock: Option<&str>,
    until: Timestamp,
) -> Result<(), HostError> {
    let disk = |error: std::io::Error| HostError::Away { last: format!("version {number} of the state: {error}") };
    let bytes = states.lock().expect("no holder panics").bytes(number).map_err(disk)?;
    host.keep(bytes, lock, until).await?;
    states.lock().expect("no holder panics").note_delivered(number).map_err(disk)
}

impl Delivered {
    pub(crate) fn note(&mut self, error: HostError) {
        match error {
            HostError::Away { last } => {
                self.undelivered.get_or_insert(last);
            }
            HostError::Refused(why) => {
                self.refused.get_or_insert(why);
            }
            HostError::Held(holder) => {
                self.refused.get_or_insert(format!("the state is locked by {}", holder.who));
            }
        }
    }
}
