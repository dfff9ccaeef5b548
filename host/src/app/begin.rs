//! What a host writes down before its first turn: that it begins, the charter that it was given, the policy that decides.

use std::sync::Arc;

use quarterdeck_core::charter::{Amendment, Rules};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Activated, Begun, Entry, How, Leave, Purpose, Uploaded};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::{CommandError, Ledger, Nomination, Nominee};
use quarterdeck_core::observation::{Command, Commanded, Person};
use quarterdeck_core::pause::Scope;
use quarterdeck_core::situation::{ApprovalState, Autonomy};
use quarterdeck_core::text::escape;
use tracing::warn;

use super::StartError;
use super::brought::Brought;
use super::data::random;
use crate::Ports;
use crate::config::PROFILES;
use crate::decide::{self, Catalog, Policy};
use crate::driver::{chain, clock};
use crate::remember::{Book, Durable, TransactError};
use crate::uploads::Uploads;

/// What a host begins with.
pub(super) struct Beginning<'a> {
    pub(super) rehearsal: bool,
    /// What the command line says of the charter.
    pub(super) amendment: &'a Amendment,
    /// No mission of this run gets more autonomy.
    pub(super) ceiling: Option<Autonomy>,
    pub(super) uploads: &'a Uploads,
    /// The policy that the command line names.
    pub(super) brought: Option<&'a Brought>,
    /// Whether nothing begins until people say so.
    pub(super) paused: bool,
}

/// Writes it all down at once, so that no other host's word stands between. Gives back the policy that decides.
pub(super) fn begin(book: &Book, beginning: &Beginning<'_>) -> Result<Arc<Policy>, StartError> {
    let nonce = Digest::from_bytes(random()?);
    let uid = rustix::process::getuid().as_raw();
    let who = Person::Uid(uid);
    let catalog = &beginning.uploads.catalog;
    let named = match beginning.brought {
        None => None,
        Some(Brought::Fallback) => Some(Named::BuiltIn(catalog.fallback().clone())),
        Some(Brought::File(file)) => Some(Named::Uploaded(Box::new(file.kept(catalog, &who)?))),
    };
    let written = book.transact(|ledger| {
        let at = clock().max(ledger.now);
        let fallback = catalog.fallback();
        let mut said = Words { ledger: ledger.clone(), entries: Vec::new() };
        let chartered = ledger.amend(&who, beginning.amendment, at).map_err(NotBegun::Charter)?;
        // The one that came with the program before, where this program has another.
        let replaced = ledger.policies.fallback.filter(|known| *known != fallback.digest());
        said.say(Entry::Begun(Begun {
            at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rehearsal: beginning.rehearsal,
            nonce,
            sandbox: decide::identity(),
            ceiling: beginning.ceiling,
            fallback: fallback.digest(),
        }));
        chartered.into_iter().for_each(|chartered| said.say(Entry::Chartered(Box::new(chartered))));
        if said.ledger.policy.digest.is_none() && named.is_none() || replaced == said.ledger.policy.digest {
            said.say(started(fallback, at));
        }
        if let Some(named) = named {
            said.bring(&who, at, named).map_err(NotBegun::Policy)?;
        }
        if beginning.paused {
            said.say(pause(at, uid));
        }
        Ok(said.entries)
    });
    let ledger = written.map_err(|error| match error {
        TransactError::Refused(NotBegun::Charter(error)) => StartError::Charter(error),
        TransactError::Refused(NotBegun::Policy(source)) => {
            let name = beginning.brought.map(Brought::name).unwrap_or_default();
            StartError::Nominate { name, source }
        }
        TransactError::Journal(error) => StartError::Journal(error),
    })?;
    if let Err(problem) = catalog.sweep(|policy| ledger.policies.shelf.contains_key(policy)) {
        warn!(error = %chain(&problem), "Could not sweep the catalog of policies.");
    }
    decides(book, catalog)
}

/// Why a host does not begin.
#[derive(Debug, thiserror::Error)]
enum NotBegun {
    #[error(transparent)]
    Charter(CommandError),
    #[error(transparent)]
    Policy(CommandError),
}

/// Entries, and what follows from them.
struct Words {
    ledger: Ledger,
    entries: Vec<Entry>,
}

impl Words {
    fn say(&mut self, entry: Entry) {
        self.ledger.fold(&entry);
        self.entries.push(entry);
    }

    /// The policy of the command line: where nothing has decided yet it does; elsewhere it is a person's wish, which the
    /// charter in force may ask people about. The one that decides already is left as it is.
    fn bring(&mut self, who: &Person, at: Timestamp, named: Named) -> Result<(), CommandError> {
        let (policy, description) = match named {
            Named::BuiltIn(policy) => (policy.digest(), policy.description().clone()),
            Named::Uploaded(uploaded) => {
                let (policy, description) = (uploaded.policy, uploaded.description.clone());
                if !self.ledger.policies.shelf.contains_key(&policy) {
                    self.ledger.permits_upload(policy)?;
                    self.say(Entry::Uploaded(Box::new(Uploaded { at, ..*uploaded })));
                }
                (policy, description)
            }
        };
        let by = self.ledger.policies.shelf.get(&policy).and_then(|shelved| shelved.who.uid());
        let settings = description.defaults();
        if self.ledger.policy.digest.is_none() {
            let how = How::Started;
            self.say(Entry::Activated(Activated { at, policy, description, settings, by, how }));
            return Ok(());
        }
        let waits = |nominee: &Nominee| nominee.policy == policy && nominee.state(at) == ApprovalState::Pending;
        if self.ledger.policy.digest == Some(policy) || self.ledger.policies.nominee.as_ref().is_some_and(waits) {
            return Ok(());
        }
        let purpose = Purpose::Activate { after: None };
        let nomination = Nomination { policy, description: description.clone(), settings: Vec::new(), purpose };
        let nominated = self.ledger.nominate(who, &nomination, at)?;
        let rule = match &nominated.leave {
            Leave::Given { rule } => Some(rule.clone()),
            Leave::Asked { .. } => None,
        };
        self.say(Entry::Nominated(Box::new(nominated)));
        if let Some(rule) = rule {
            let how = How::Wanted { who: who.clone(), approval: None, rule };
            self.say(Entry::Activated(Activated { at, policy, description, settings, by, how }));
        }
        Ok(())
    }
}

/// The policy that the command line names, as it is written down.
enum Named {
    BuiltIn(Arc<Policy>),
    Uploaded(Box<Uploaded>),
}

fn started(policy: &Policy, at: Timestamp) -> Entry {
    let description = policy.description().clone();
    let (settings, how, by) = (description.defaults(), How::Started, None);
    Entry::Activated(Activated { at, policy: policy.digest(), description, settings, by, how })
}

/// The policy that decides by the ledger's word. Where it can't be loaded any more, the one before it decides, and the
/// fallback at last.
fn decides(book: &Book, catalog: &Catalog) -> Result<Arc<Policy>, StartError> {
    let ledger = book.ledger();
    let Some(active) = ledger.policy.digest else { return Ok(catalog.fallback().clone()) };
    let problem = match catalog.load(active) {
        Ok(policy) => return Ok(policy),
        Err(problem) => chain(&problem),
    };
    warn!(policy = %active.short(12), %problem, "The policy that decided can't be loaded; another one decides.");
    let before = ledger.policies.before(active);
    let tenure = |policy: &Digest| ledger.policies.tenures.iter().rev().find(|tenure| tenure.policy == *policy);
    let found = before.iter().find_map(|policy| catalog.load(*policy).ok());
    let policy = found.unwrap_or_else(|| catalog.fallback().clone());
    let settings = tenure(&policy.digest()).map(|tenure| tenure.settings.clone());
    let description = policy.description().clone();
    let activated = Activated {
        at: clock().max(ledger.now),
        policy: policy.digest(),
        settings: settings.unwrap_or_else(|| description.defaults()),
        description,
        by: ledger.policies.shelf.get(&policy.digest()).and_then(|shelved| shelved.who.uid()),
        how: How::FellBack { from: active, why: escape(&problem) },
    };
    book.append(&[Entry::Activated(activated)], Durable::Now)?;
    Ok(policy)
}

/// What was chosen for each port, and what decides and rules.
pub(super) fn choices(ports: &Ports, book: &Book) -> Vec<(&'static str, String)> {
    let ledger = book.ledger();
    vec![
        ("cluster", ports.cluster.choice()),
        ("workers", ports.workers.choice()),
        ("brain", ports.brain.choice()),
        ("policy", policy_choice(&ledger)),
        ("charter", charter_choice(&ledger)),
    ]
}

/// The policy that decides in a few words, and the one that waits beside it.
fn policy_choice(ledger: &Ledger) -> String {
    let decides = ledger.policy.name();
    let nominee = ledger.policies.nominee.as_ref().filter(|nominee| nominee.state(clock()) == ApprovalState::Pending);
    match nominee.and_then(|nominee| Some((nominee, nominee.id()?))) {
        None => decides,
        Some((nominee, id)) => {
            let (name, version) = (&nominee.description.name, &nominee.description.version);
            format!(
                "{decides}; {name} {version} waits for {}: quarterdeck describe approval {id}, then quarterdeck approve {id}",
                people(nominee.needed())
            )
        }
    }
}

fn people(needed: u8) -> String {
    if needed == 1 { "a person".to_owned() } else { format!("{needed} people") }
}

/// That everything is paused.
fn pause(at: Timestamp, uid: u32) -> Entry {
    let comment = Some("run --paused".to_owned());
    let command = Command::Pause { scope: Scope::default(), cancel: false, comment };
    Entry::Commanded(Commanded { at, who: Person::Uid(uid), command })
}

/// The charter in force in a few words, and what waits beside it.
fn charter_choice(ledger: &Ledger) -> String {
    let in_force = named(&ledger.charter().rules);
    let waits = ledger.law.candidate.as_ref().filter(|waiting| waiting.state(clock()) == ApprovalState::Pending);
    waits.map_or(in_force.clone(), |waiting| {
        let (id, needed) = (&waiting.id, waiting.needed);
        let people = people(needed);
        format!(
            "{in_force}; another one may permit more and waits for {people}: quarterdeck describe approval {id}, then \
             quarterdeck approve {id}"
        )
    })
}

/// A charter's rules in a few words.
fn named(rules: &Rules) -> String {
    let profile = PROFILES.iter().find(|(_, text)| *text == rules.text());
    let name = profile.map_or_else(
        || format!("rules {}", Digest::of(rules.text().as_bytes()).short(12)),
        |(name, _)| (*name).to_owned(),
    );
    format!("{name}, {} rules", rules.list().len())
}
