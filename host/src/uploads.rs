//! Uploads, as the host checks them: the checks of `decide`, with what only the host has beside them, which is the charter's
//! demand for signatures and the journal.
//!
//! It is no verb of a turn: a component is checked beside the loop, by a person's wish, and nothing is decided by it. The
//! same checks are made of a policy that the command line names.

use std::path::PathBuf;
use std::sync::Arc;

use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::upload::{Check, Outcome, Replayed, Report, Step};
use tokio::sync::Semaphore;

use crate::decide::signature;
use crate::decide::upload::{self, Demands, Replay, Signed};
use crate::decide::{Artifact, Catalog, Isolation, Policy};
use crate::driver::chain;
use crate::replay::{Asked, replay};

/// A candidate is asked about so many of the journal's last turns: an hour and more of a host that has nothing to do, and a
/// second of work.
const REPLAYED_TURNS: u32 = 200;

/// What uploads are checked with.
#[derive(Clone)]
pub struct Uploads {
    /// Where policies are kept.
    pub catalog: Arc<Catalog>,
    /// The journal, for the replay.
    pub journal: PathBuf,
    /// This program, which is started as a process without rights.
    pub program: PathBuf,
    /// One upload is checked at a time.
    pub one: Arc<Semaphore>,
}

/// What an upload came to.
pub struct Checked {
    /// What people read of it.
    pub report: Report,
    /// It, compiled; none where it was refused.
    pub artifact: Option<Artifact>,
}

impl Uploads {
    /// Uploads into this catalog.
    pub fn new(catalog: Arc<Catalog>, journal: PathBuf, program: PathBuf) -> Uploads {
        Uploads { catalog, journal, program, one: Arc::new(Semaphore::new(1)) }
    }

    /// Takes a component through all checks. Blocks, for seconds or minutes.
    ///
    /// # Errors
    /// Where the machine can't do it, in a sentence.
    pub fn examine(&self, ledger: &Ledger, component: &[u8], signatures: Option<&[u8]>) -> Result<Checked, String> {
        let mut manifest = None;
        let demanded = &ledger.charter().settings.signatures;
        let demands = Demands {
            signature: Some(Box::new(|component| match signature::verify(component, signatures, demanded) {
                Ok(signed) => {
                    manifest.clone_from(&signed.manifest);
                    found(demanded.needed, signed)
                }
                Err(refused) => Signed { outcome: Outcome::Refused, detail: chain(&refused), signers: Vec::new() },
            })),
            replay: Some(Replay {
                sandbox: self.catalog.sandbox(),
                isolation: Isolation::Thread,
                ask: Box::new(|policy| self.replay(ledger, policy)),
            }),
            allowance: None,
        };
        let examined = upload::examine(component, demands, &self.program, &mut |_step| {});
        let mut examined = examined.map_err(|error| chain(&error))?;
        // What was signed is compared with what the component says of itself, once it has said so.
        let description = examined.report.description.as_ref();
        let differs = manifest.zip(description).and_then(|(manifest, description)| manifest.difference(description));
        if let Some(detail) = differs {
            let detail = format!("what was signed is not what it says of itself: {detail}");
            examined.report.checks.push(Check { step: Step::Signature, outcome: Outcome::Refused, detail });
            examined.artifact = None;
        }
        Ok(Checked { report: examined.report, artifact: examined.artifact })
    }

    /// What a candidate makes of the journal's last turns; nothing where there are none, or they can't be read, which is no
    /// fault of the candidate's.
    fn replay(&self, ledger: &Ledger, policy: &Policy) -> Option<Replayed> {
        let from = ledger.turn.saturating_sub(REPLAYED_TURNS).saturating_add(1);
        let policies = &[policy];
        let asked = Asked { policies, candidate: Some(policy), rules: None, from, to: u32::MAX };
        let (report, _) = replay(&self.journal, asked, &mut |_| {}).ok()?;
        report.range.map(|_| report.replayed())
    }
}

/// What was found of signatures that are enough.
fn found(needed: u32, signed: signature::Signed) -> Signed {
    let signature::Signed { signers, unknown, manifest: _ } = signed;
    let (outcome, mut detail) = match (needed, signers.len()) {
        (0, 0) => (Outcome::NotAsked, "no signature is demanded, and none that counts was found".to_owned()),
        (0, _) => (Outcome::Passed, format!("none is demanded; signed by {}", signers.join(", "))),
        (_, _) => (Outcome::Passed, format!("{needed} demanded; signed by {}", signers.join(", "))),
    };
    unknown.iter().for_each(|stranger| detail += &format!("; {stranger}"));
    Signed { outcome, detail, signers }
}
