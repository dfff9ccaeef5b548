//! What a host writes down before its first turn: that it begins, the charter that it was given, the policy that decides.

use quarterdeck_core::charter::{Amendment, Rules};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Activated, Begun, Entry};
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::observation::{Command, Commanded, Person};
use quarterdeck_core::pause::Scope;
use quarterdeck_core::situation::{ApprovalState, Autonomy, Fact};

use super::StartError;
use super::data::random;
use crate::config::PROFILES;
use crate::decide::{self, Policy};
use crate::driver::clock;
use crate::remember::{Book, TransactError};

/// What a host begins with.
pub(super) struct Beginning<'a> {
    pub(super) rehearsal: bool,
    /// What the command line says of the charter.
    pub(super) amendment: &'a Amendment,
    /// No mission of this run gets more autonomy.
    pub(super) ceiling: Option<Autonomy>,
    pub(super) policy: &'a Policy,
    /// Whether a person brought the policy.
    pub(super) brought: bool,
    /// Whether nothing begins until people say so.
    pub(super) paused: bool,
}

/// Writes it all down at once, so that no other host's word stands between.
pub(super) fn begin(book: &Book, beginning: &Beginning<'_>) -> Result<(), StartError> {
    let nonce = Digest::from_bytes(random()?);
    let uid = rustix::process::getuid().as_raw();
    book.transact(|ledger| {
        let at = clock().max(ledger.now);
        let chartered = ledger.amend(&Person::Uid(uid), beginning.amendment, at)?;
        let mut entries = vec![Entry::Begun(Begun {
            at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rehearsal: beginning.rehearsal,
            nonce,
            sandbox: decide::identity(),
            ceiling: beginning.ceiling,
        })];
        entries.extend(chartered.map(|chartered| Entry::Chartered(Box::new(chartered))));
        entries.extend(activated(ledger, beginning, at, uid));
        entries.extend(beginning.paused.then(|| pause(at, uid)));
        Ok(entries)
    })
    .map_err(|error| match error {
        TransactError::Refused(error) => StartError::Charter(error),
        TransactError::Journal(error) => StartError::Journal(error),
    })?;
    Ok(())
}

/// The policy that decides from now on, unless it does already.
fn activated(ledger: &Ledger, beginning: &Beginning<'_>, at: Timestamp, uid: u32) -> Option<Entry> {
    let Beginning { policy, brought, .. } = beginning;
    let description = policy.description();
    let setting = |setting: &quarterdeck_core::decision::Setting| Fact::new(&setting.key, &setting.default_value);
    let activated = || Activated {
        at,
        policy: policy.digest(),
        description: description.clone(),
        settings: description.settings.iter().map(setting).collect(),
        by: brought.then_some(uid),
    };
    (ledger.policy.digest != Some(policy.digest())).then(|| Entry::Activated(activated()))
}

/// That everything is paused.
fn pause(at: Timestamp, uid: u32) -> Entry {
    let comment = Some("run --paused".to_owned());
    let command = Command::Pause { scope: Scope::default(), cancel: false, comment };
    Entry::Commanded(Commanded { at, who: Person::Uid(uid), command })
}

/// The charter in force in a few words, and what waits beside it.
pub(super) fn charter_choice(ledger: &Ledger) -> String {
    let in_force = named(&ledger.charter().rules);
    let waits = ledger.law.candidate.as_ref().filter(|waiting| waiting.state(clock()) == ApprovalState::Pending);
    waits.map_or(in_force.clone(), |waiting| {
        let (id, needed) = (&waiting.id, waiting.needed);
        let people = if needed == 1 { "a person".to_owned() } else { format!("{needed} people") };
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
