//! Which policy decides, between two turns: one that failed is replaced, one that may decide begins to, and a closed turn
//! is handed to the shadow.
//!
//! Nothing here waits for a compiler. A policy that has to be compiled first is loaded beside the loop, which turns on with
//! the one that it has; what a step back needs was loaded when it decided. The swap is one pointer, after the entry that
//! says so is on disk: every turn is decided wholly by one policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use quarterdeck_core::decision::Description;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Activated, Entry, Episode, Fenced, How, Leave, Nominated, Uploaded};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::{CommandError, Due, Ledger, MemoFate, Nomination};
use quarterdeck_core::observation::Person;
use quarterdeck_core::situation::TEXT_BYTES_MAX;
use quarterdeck_core::text::escape;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::{Driver, chain, clock};
use crate::app::CommandFailed;
use crate::decide::{CatalogError, Policy};
use crate::remember::{Durable, JournalError, TransactError};
use crate::shadow::{self, Past};

/// A policy on its way from the catalog.
type Loading = JoinHandle<Result<Arc<Policy>, CatalogError>>;

/// What goes on beside the loop for the sake of policies.
#[derive(Default)]
pub(crate) struct Beside {
    /// A policy that is being loaded.
    loading: Option<(Digest, Loading)>,
    /// Those that could not be loaded, and why; a new upload or another start tries again.
    unloadable: BTreeMap<Digest, String>,
    /// The shadow and the second run, about one turn.
    asking: Option<JoinHandle<Vec<Entry>>>,
}

impl Driver {
    /// Does what is due about policies, before the next turn.
    ///
    /// # Errors
    /// Where the journal can't be written.
    pub(super) async fn settle_policies(&mut self) -> Result<(), JournalError> {
        self.take_what_was_asked_beside().await?;
        self.load_beside().await;
        let due = self.book.ledger().due(clock());
        match due {
            None => Ok(()),
            Some(Due::FallBack { from, to }) => self.fall_back(from, &to).await,
            Some(Due::Activate { policy }) => self.promote(policy).await,
        }
    }

    /// The first good policy before the one that failed decides; the fallback is always at hand.
    async fn fall_back(&mut self, from: Digest, to: &[Digest]) -> Result<(), JournalError> {
        let ledger = self.book.ledger();
        let why = ledger.policies.fences.get(&from).map(|fence| fence.why.clone()).unwrap_or_default();
        let Some(policy) = to.iter().find_map(|policy| self.catalog.at_hand(*policy)) else { return Ok(()) };
        warn!(from = %from.short(12), to = %policy.digest().short(12), %why, "A policy is fenced; another one decides.");
        let how = How::FellBack { from, why };
        let activated = activated(&ledger, policy.digest(), policy.description(), how, clock());
        self.swap(policy, activated).await
    }

    /// The policy that waited decides, once it is loaded.
    async fn promote(&mut self, digest: Digest) -> Result<(), JournalError> {
        let ledger = self.book.ledger();
        let Some(nominee) = ledger.policies.nominee.as_ref().filter(|nominee| nominee.policy == digest) else {
            return Ok(());
        };
        let Some(policy) = self.catalog.at_hand(digest) else {
            // It is on its way, unless it can't be loaded: then it is fenced, so that a person hears of it.
            let Some(why) = self.beside.unloadable.get(&digest).cloned() else { return Ok(()) };
            let name = format!("{} {}", nominee.description.name, nominee.description.version);
            let fenced = Fenced { at: clock().max(ledger.now), policy: digest, name, why };
            return self.write_policies(vec![Entry::Fenced(fenced)]).await;
        };
        let rule = match &nominee.leave {
            Leave::Given { rule } | Leave::Asked { rule, .. } => rule.clone(),
        };
        let how = How::Wanted { who: nominee.who.clone(), approval: nominee.id().cloned(), rule };
        let settings = nominee.settings.clone();
        let activated =
            Activated { settings, ..activated(&ledger, digest, &nominee.description, how, clock().max(ledger.now)) };
        self.swap(policy, activated).await
    }

    /// Sees whether what was being loaded is ready, and begins to load the next that the loop will need: the one that may
    /// decide, the shadow, and the one that a step back would need.
    async fn load_beside(&mut self) {
        if let Some((digest, task)) = self.beside.loading.take_if(|(_, task)| task.is_finished()) {
            let why = match task.await {
                Ok(Ok(_ready)) => None, // It is at hand from now on, unless many others are loaded.
                Ok(Err(problem)) => Some(chain(&problem)),
                Err(problem) => Some(problem.to_string()),
            };
            if let Some(why) = why {
                warn!(policy = %digest.short(12), %why, "Could not load a policy.");
                self.beside.unloadable.insert(digest, escape(&why));
            }
        }
        if self.beside.loading.is_some() {
            return;
        }
        let Some(digest) = self.needed() else { return };
        let (catalog, changed) = (self.catalog.clone(), self.changed_beside.clone());
        let task = tokio::task::spawn_blocking(move || {
            let loaded = catalog.load(digest);
            changed.notify_one();
            loaded
        });
        self.beside.loading = Some((digest, task));
    }

    /// The first policy that the loop will need and that is not ready to decide.
    fn needed(&self) -> Option<Digest> {
        let ledger = self.book.ledger();
        let policies = &ledger.policies;
        let nominee = policies.nominee.as_ref().map(|nominee| nominee.policy);
        let shadow = policies.shadow.as_ref().map(|shadow| shadow.policy);
        let before = ledger.policy.digest.and_then(|active| policies.before(active).first().copied());
        let mut wanted = [nominee, shadow, before].into_iter().flatten();
        wanted.find(|policy| !self.beside.unloadable.contains_key(policy) && self.catalog.at_hand(*policy).is_none())
    }

    /// Another policy decides from the next turn on.
    async fn swap(&mut self, policy: Arc<Policy>, activated: Activated) -> Result<(), JournalError> {
        self.write_policies(vec![Entry::Activated(activated)]).await?;
        info!(policy = %policy.digest().short(12), "Another policy decides from the next turn on.");
        self.policy = policy;
        Ok(())
    }

    async fn write_policies(&self, entries: Vec<Entry>) -> Result<(), JournalError> {
        let book = self.book.clone();
        let wrote = tokio::task::spawn_blocking(move || book.append(&entries, Durable::Now).map(|_| ()));
        wrote.await.unwrap_or(Err(JournalError::Poisoned))
    }

    /// A person wants another policy, which is loaded already.
    pub(super) async fn nominate(&self, who: Person, nomination: Nomination) -> Result<Box<Nominated>, CommandFailed> {
        let book = self.book.clone();
        let wrote = tokio::task::spawn_blocking(move || {
            let mut written = None;
            book.transact(|ledger| {
                let nominated = Box::new(ledger.nominate(&who, &nomination, clock().max(ledger.now))?);
                written = Some(nominated.clone());
                Ok::<_, CommandError>(vec![Entry::Nominated(nominated)])
            })
            .map(|_| written)
        });
        match wrote.await {
            Ok(Ok(Some(written))) => Ok(written),
            Ok(Err(TransactError::Refused(error))) => Err(CommandFailed::Refused(error)),
            Ok(Err(TransactError::Journal(error))) => Err(CommandFailed::Journal(error)),
            Ok(Ok(None)) | Err(_) => Err(CommandFailed::Stopping),
        }
    }

    /// A component has passed its checks and lies in the catalog.
    pub(super) async fn shelve(&mut self, uploaded: Box<Uploaded>) -> Result<(), CommandFailed> {
        self.beside.unloadable.remove(&uploaded.policy);
        let book = self.book.clone();
        let wrote = tokio::task::spawn_blocking(move || {
            book.transact(|ledger| {
                ledger.permits_upload(uploaded.policy)?;
                let at = clock().max(ledger.now);
                Ok::<_, CommandError>(vec![Entry::Uploaded(Box::new(Uploaded { at, ..*uploaded }))])
            })
        });
        match wrote.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(TransactError::Refused(error))) => Err(CommandFailed::Refused(error)),
            Ok(Err(TransactError::Journal(error))) => Err(CommandFailed::Journal(error)),
            Err(_) => Err(CommandFailed::Stopping),
        }
    }

    /// A component is off the shelf by a person's word: its files go, now or at the next start.
    pub(super) async fn let_go(&self, policy: Digest) {
        let catalog = self.catalog.clone();
        if let Ok(Err(problem)) = tokio::task::spawn_blocking(move || catalog.remove(policy)).await {
            warn!(error = %chain(&problem), "Could not remove a policy's files; the next start does.");
        }
    }

    /// A person goes back to the policy before. Whoever asked has had it loaded; one that can't be is passed over.
    pub(super) async fn roll_back(
        &mut self,
        who: Person,
        comment: Option<String>,
    ) -> Result<Box<(Activated, MemoFate)>, CommandFailed> {
        let ledger = self.book.ledger();
        let active = self.policy.digest();
        let before = ledger.policies.before(active);
        let policy = before.iter().find_map(|policy| self.catalog.at_hand(*policy));
        let Some(policy) = policy else { return Err(CommandFailed::Refused(CommandError::NothingBefore)) };
        let comment = comment.map(|text| self.ports.redactor.redact_bounded(&escape(&text), TEXT_BYTES_MAX));
        let how = How::RolledBack { who, comment };
        let activated = activated(&ledger, policy.digest(), policy.description(), how, clock().max(ledger.now));
        let (fate, _) = ledger.memo_for(&activated.description, &activated.how);
        self.swap(policy, activated.clone()).await.map_err(CommandFailed::Journal)?;
        Ok(Box::new((activated, fate)))
    }

    /// Hands a closed turn to the shadow, and now and then to the policy that decided. One turn at a time: while they are
    /// asked about one, later ones pass by.
    pub(super) fn ask_beside(&mut self, episode: &Episode, ledger: Arc<Ledger>) {
        if self.beside.asking.is_some() {
            return;
        }
        let shadow = self.book.ledger().policies.shadow.clone();
        let shadow = shadow.and_then(|shadow| Some((self.catalog.at_hand(shadow.policy)?, shadow)));
        let again = episode.opened.turn.is_multiple_of(shadow::ASKED_AGAIN_EVERY).then(|| self.policy.clone());
        if shadow.is_none() && again.is_none() {
            return;
        }
        let past = Past { opened: Arc::new(episode.opened.clone()), ledger };
        let changed = self.changed_beside.clone();
        self.beside.asking = Some(tokio::spawn(async move {
            let mut entries = Vec::new();
            if let Some((policy, shadow)) = shadow {
                entries.extend(shadow::ask(&past, &shadow, policy, clock()).await);
            }
            if let Some(policy) = again {
                entries.extend(shadow::ask_again(&past, policy, clock()).await);
            }
            changed.notify_one();
            entries
        }));
    }

    /// Writes down what the shadow said; whether there is nothing else to be done about it.
    pub(super) async fn hear_the_shadow(&mut self) -> bool {
        if let Err(problem) = self.take_what_was_asked_beside().await {
            warn!(error = %chain(&problem), "Could not write down what the shadow said.");
            return false;
        }
        self.load_beside().await;
        self.book.ledger().due(clock()).is_none()
    }

    /// Writes down what the shadow said. It has its place between two turns, so that no turn is ruled on a ledger that
    /// changes beside it.
    async fn take_what_was_asked_beside(&mut self) -> Result<(), JournalError> {
        let Some(asking) = self.beside.asking.take_if(|asking| asking.is_finished()) else { return Ok(()) };
        let entries = asking.await.unwrap_or_default();
        if entries.is_empty() { Ok(()) } else { self.write_policies(entries).await }
    }
}

/// The entry that a policy decides from now on. A step back takes the settings that it had.
fn activated(ledger: &Ledger, policy: Digest, description: &Description, how: How, at: Timestamp) -> Activated {
    let tenure = ledger.policies.tenures.iter().rev().find(|tenure| tenure.policy == policy);
    let by = ledger.policies.shelf.get(&policy).and_then(|shelved| shelved.who.uid());
    Activated {
        at: at.max(ledger.now),
        policy,
        description: description.clone(),
        settings: tenure.map_or_else(|| description.defaults(), |tenure| tenure.settings.clone()),
        by,
        how,
    }
}
