//! The driver: it turns the loop when something changed, when a policy wanted to look again, and at least every so often;
//! between two turns it writes down what people said.
//!
//! Here is the program's clock. Everything below is told the time.

mod policies;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quarterdeck_core::charter::Amendment;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Chartered, Entry, Episode};
use quarterdeck_core::ids::{ApprovalId, MissionId, Timestamp};
use quarterdeck_core::observation::{Command, Commanded, Person, STALE_MS};
use quarterdeck_core::situation::{ApprovalState, TEXT_BYTES_MAX};
use quarterdeck_core::text::escape;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tracing::{error, info};

use crate::Ports;
use crate::act::Word;
use crate::app::{CommandFailed, Said, Update};
use crate::decide::{Catalog, Policy};
use crate::remember::{Book, JournalError, TransactError};
use crate::turn::turn;

pub(crate) use policies::Beside;

/// Two turns are at least this far apart, however much changes, unless an operator wants it otherwise: a storm of events is
/// one change.
pub const BETWEEN_TURNS: Duration = Duration::from_millis(150);
/// A policy that wants to look again at once waits this long all the same: each turn is two writes to the disk.
const LOOK_AGAIN_MIN: Duration = Duration::from_secs(1);
/// The next turn is this near while the host's own look at what a worker changed is due.
const WHILE_SETTLING: Duration = Duration::from_secs(1);
/// A turn that the disk refused is tried again after this long.
const AFTER_DISK_TROUBLE: Duration = Duration::from_secs(5);

/// The program's clock: milliseconds since the Unix epoch.
pub fn clock() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the driver is the one place that reads the clock")]
    let now = std::time::SystemTime::now();
    let ms = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Timestamp(u64::try_from(ms).unwrap_or(u64::MAX)).min(Timestamp::MAX)
}

/// When the loop was last seen alive.
#[derive(Debug, Default)]
pub struct Pulse(AtomicU64);

impl Pulse {
    /// The loop lives.
    pub fn beat(&self, at: Timestamp) {
        self.0.store(at.0, Ordering::Relaxed);
    }

    /// When it last did.
    pub fn last(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// What the loop turns with.
pub struct Driver {
    pub(crate) ports: Ports,
    pub(crate) book: Arc<Book>,
    /// The policy that decides; the ledger names the same one.
    pub(crate) policy: Arc<Policy>,
    /// Where policies are.
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) beside: Beside,
    /// Told when the shadow has answered: its word is written down, and no turn is taken for its sake.
    pub(crate) changed_beside: Arc<Notify>,
    /// Shows that the loop lives.
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) interval: Duration,
    /// Two turns are at least this far apart.
    pub(crate) between: Duration,
    /// Grants every approval in this user's name.
    pub(crate) yes: Option<u32>,
    /// Told by every background task that saw a change.
    pub(crate) changed: Arc<Notify>,
    pub(crate) commands: mpsc::Receiver<Said>,
    pub(crate) updates: broadcast::Sender<Arc<Update>>,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Driver {
    /// Turns the loop until it is told to stop.
    ///
    /// # Errors
    /// Where it is not known what is on disk: then nothing more is done until a restart has looked.
    pub async fn run(mut self) -> Result<(), JournalError> {
        while !*self.stop.borrow() {
            self.pulse.beat(clock());
            let turned = match self.settle_policies().await {
                Ok(()) => turn(&self.ports, &self.book, &self.policy, clock()).await,
                Err(problem) => Err(problem),
            };
            let pause = match turned {
                Ok((episode, ledger)) => {
                    let again = self.look_again();
                    self.ask_beside(&episode, ledger);
                    self.tell(episode);
                    self.grant_all().await;
                    again
                }
                Err(JournalError::Poisoned) => return Err(JournalError::Poisoned),
                Err(problem) => {
                    error!(error = %chain(&problem), "Could not write the journal; nothing is done until it can be.");
                    AFTER_DISK_TROUBLE
                }
            };
            self.wait(pause).await;
        }
        Ok(())
    }

    /// Waits for a change, a command, or the time; writes commands down meanwhile.
    async fn wait(&mut self, pause: Duration) {
        tokio::time::sleep(self.between).await;
        let over = tokio::time::sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = self.changed.notified() => {}
                // No turn is taken for the sake of what a shadow said, unless another policy may decide by it.
                () = self.changed_beside.notified() => {
                    if self.hear_the_shadow().await {
                        continue;
                    }
                }
                () = &mut over => {}
                said = self.commands.recv() => {
                    if let Some(said) = said {
                        self.take(said).await;
                    }
                }
                _ = self.stop.changed() => {}
            }
            break;
        }
        while let Ok(said) = self.commands.try_recv() {
            self.take(said).await;
        }
    }

    /// Whoever said it may have gone away; it is written down all the same.
    async fn take(&mut self, said: Said) {
        match said {
            Said::Upload { uploaded, answer } => drop(answer.send(self.shelve(uploaded).await)),
            Said::Nomination { who, nomination, answer } => drop(answer.send(self.nominate(who, *nomination).await)),
            Said::RollBack { who, comment, answer } => drop(answer.send(self.roll_back(who, comment).await)),
            Said::Command { who, command, answer } => drop(answer.send(self.write_down(who, command).await)),
            Said::Amendment { who, amendment, answer } => drop(answer.send(self.amend(who, amendment).await)),
        }
    }

    async fn amend(&self, who: Person, amendment: Box<Amendment>) -> Result<Option<Box<Chartered>>, CommandFailed> {
        let book = self.book.clone();
        let wrote = tokio::task::spawn_blocking(move || {
            let mut written = None;
            book.transact(|ledger| {
                written = ledger.amend(&who, &amendment, clock().max(ledger.now))?.map(Box::new);
                Ok(written.clone().map(Entry::Chartered).into_iter().collect())
            })
            .map(|_| written)
        });
        match wrote.await {
            Ok(Ok(written)) => Ok(written),
            Ok(Err(TransactError::Refused(error))) => Err(CommandFailed::Refused(error)),
            Ok(Err(TransactError::Journal(error))) => Err(CommandFailed::Journal(error)),
            Err(_) => Err(CommandFailed::Stopping),
        }
    }

    async fn write_down(&self, who: Person, command: Command) -> Result<(), CommandFailed> {
        let book = self.book.clone();
        let command = self.redacted(command);
        let removed = match &command {
            Command::RemovePolicy { policy } => Some(*policy),
            Command::Approve { .. }
            | Command::Deny { .. }
            | Command::Pause { .. }
            | Command::Release { .. }
            | Command::Resume { .. }
            | Command::Destroy { .. }
            | Command::Restore { .. }
            | Command::Cancel { .. }
            | Command::Unshadow
            | Command::Unfence { .. } => None,
        };
        let wrote = tokio::task::spawn_blocking(move || {
            let mut cancelled = Vec::new();
            book.transact(|ledger| {
                let at = clock().max(ledger.now);
                ledger.permits(&who, &command, at)?;
                let entailed = ledger.entailed(&command);
                let said = std::iter::once(command).chain(entailed);
                let entry = |command| {
                    if let Command::Cancel { order } = &command {
                        cancelled.push(order.clone());
                    }
                    Entry::Commanded(Commanded { at, who: who.clone(), command })
                };
                Ok(said.map(entry).collect())
            })
            .map(|_| cancelled)
        });
        let cancelled = match wrote.await {
            Ok(Ok(cancelled)) => cancelled,
            Ok(Err(TransactError::Refused(error))) => return Err(CommandFailed::Refused(error)),
            Ok(Err(TransactError::Journal(error))) => return Err(CommandFailed::Journal(error)),
            Err(_) => return Err(CommandFailed::Stopping),
        };
        for order in cancelled {
            self.ports.workers.tell(Word::Cancel(order));
        }
        if let Some(policy) = removed {
            self.let_go(policy).await;
        }
        Ok(())
    }

    /// The command without the secrets that its comment may hold.
    fn redacted(&self, mut command: Command) -> Command {
        match &mut command {
            Command::Approve { comment: Some(comment), .. }
            | Command::Deny { comment: Some(comment), .. }
            | Command::Pause { comment: Some(comment), .. }
            | Command::Release { comment: Some(comment), .. }
            | Command::Unfence { comment: Some(comment), .. } => {
                *comment = self.ports.redactor.redact_bounded(&escape(comment), TEXT_BYTES_MAX);
            }
            Command::Approve { comment: None, .. }
            | Command::Deny { comment: None, .. }
            | Command::Pause { comment: None, .. }
            | Command::Release { comment: None, .. }
            | Command::Unfence { comment: None, .. }
            | Command::Unshadow
            | Command::RemovePolicy { .. }
            | Command::Resume { .. }
            | Command::Destroy { .. }
            | Command::Restore { .. }
            | Command::Cancel { .. } => {}
        }
        command
    }

    /// `--yes`: every approval that waits for a mission of this run is granted, and journaled as such.
    async fn grant_all(&self) {
        let Some(uid) = self.yes else { return };
        let who = Person::Yes(uid);
        let approve = |approval: &ApprovalId| Command::Approve { approval: approval.clone(), comment: None };
        let ledger = self.book.ledger();
        let named = |mission: &MissionId| {
            let seen = self.ports.missions.seen();
            let name = ledger.missions.get(mission).map(|state| &state.spec.name);
            seen.iter().filter_map(|seen| seen.spec.as_ref().ok()).any(|spec| Some(&spec.name) == name)
        };
        let waiting: Vec<ApprovalId> = ledger
            .approvals
            .values()
            .filter(|record| named(&record.order.mission))
            .filter(|record| ledger.approval_state(record, clock()) == ApprovalState::Pending)
            .filter(|record| ledger.permits(&who, &approve(&record.id), clock()).is_ok())
            .map(|record| record.id.clone())
            .collect();
        for approval in waiting {
            info!(%approval, "Granting, since --yes was given.");
            if let Err(problem) = self.write_down(who.clone(), approve(&approval)).await {
                error!(error = %chain(&problem), "Could not grant an approval.");
            }
            self.changed.notify_one();
        }
    }

    /// How long until the policy or the interval wants the next turn. After a worker changed something the host's own
    /// look at it is due, and a look that shows the same as before wakes nobody: then the next turn is near.
    fn look_again(&self) -> Duration {
        let (ledger, now) = (self.book.ledger(), clock());
        let moved = |changed: Timestamp| now.since_ms(changed) < STALE_MS;
        let settling = ledger.missions.values().any(|mission| moved(mission.changed));
        let interval = if settling { self.interval.min(WHILE_SETTLING) } else { self.interval };
        let wanted = ledger.policy.look_again.map(|at| Duration::from_millis(at.since_ms(now)));
        wanted.unwrap_or(interval).max(LOOK_AGAIN_MIN).min(interval)
    }

    fn tell(&self, episode: Episode) {
        let Ok(situation) = encoding::decode_ours(&episode.opened.situation) else { return };
        let update = Update { episode, situation, ledger: self.book.ledger() };
        // Nobody may be listening.
        let _ = self.updates.send(Arc::new(update));
    }
}

/// An error and its sources in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
