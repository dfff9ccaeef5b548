//! A rehearsal: an engine and workers that are only imagined, for newcomers and for the tests.
//!
//! The [`world`] is a value that moves with time alone: told the time, it starts, claims, ends and applies what is due.
//! It is kept in a file, so a rehearsal survives its host as real workers do. Whatever comes out of here is said to be a
//! rehearsal wherever it is shown; it has a data folder of its own and never touches a real engine.

mod plan;
pub mod world;

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quarterdeck_core::ids::{OrderName, Timestamp};
use quarterdeck_core::observation::{EngineView, WorkerReport};
use quarterdeck_core::situation::Fact;

use crate::act::{Word, Workers};
use crate::observe::{Cluster, View};
use crate::remember::Blobs;

pub use world::{Behaviour, Script, World};

/// How often an imagined worker's progress wakes the loop.
const TICK: Duration = Duration::from_millis(100);

/// Claims an order for a claimant; false where it is not granted.
pub type Claim = Arc<dyn Fn(&OrderName, &str) -> bool + Send + Sync>;

/// An imagined world, and what it needs of the host.
pub struct Rehearsal {
    world: Mutex<World>,
    file: Option<PathBuf>,
    blobs: Arc<Blobs>,
    claim: Claim,
    clock: fn() -> Timestamp,
    why: String,
}

impl Rehearsal {
    /// A world from its file; a new one where there is none, or where it can't be read: it was only imagined.
    pub fn open(
        file: Option<&Path>,
        script: Script,
        blobs: Arc<Blobs>,
        claim: Claim,
        clock: fn() -> Timestamp,
        why: String,
    ) -> Rehearsal {
        let read = file.and_then(|file| serde_json::from_slice(&std::fs::read(file).ok()?).ok());
        let mut world: World = read.unwrap_or_default();
        world.script = script;
        Rehearsal { world: Mutex::new(world), file: file.map(Path::to_owned), blobs, claim, clock, why }
    }

    /// Lets time pass by itself and wakes the loop when something happened, until nobody holds the world any more.
    pub fn keep_moving(self: &Arc<Rehearsal>, wake: Arc<dyn Fn() + Send + Sync>) {
        let world = Arc::downgrade(self);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(TICK);
                let Some(world) = world.upgrade() else { return };
                if world.advance() {
                    wake();
                }
            }
        });
    }

    /// Changes the world by hand, as a person with a terminal would: tests remove containers behind the host's back.
    pub fn disturb(&self, change: impl FnOnce(&mut World)) {
        let mut world = self.lock();
        change(&mut world);
        self.keep(&world);
    }

    /// What is due by now happens. Says whether anything did.
    fn advance(&self) -> bool {
        let now = (self.clock)();
        // The claim is asked without the world's lock: it writes to the journal, which may take its time.
        let waiting = self.lock().unclaimed(now);
        let granted: Vec<(OrderName, bool)> =
            waiting.into_iter().map(|order| (order.clone(), (self.claim)(&order, "rehearsal"))).collect();
        let mut world = self.lock();
        let moved = world.advance(now, &granted, &self.blobs);
        if moved {
            self.keep(&world);
        }
        moved
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, world: &World) {
        let Some(file) = &self.file else { return };
        let write = || -> std::io::Result<()> {
            let part = file.with_extension("part");
            let mut open = std::fs::OpenOptions::new();
            let mut written = open.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
            written.write_all(&serde_json::to_vec(world)?)?;
            written.sync_all()?;
            std::fs::rename(&part, file)
        };
        if let Err(error) = write() {
            tracing::warn!(file = %file.display(), %error, "Could not keep the rehearsed world; it goes on in memory.");
        }
    }
}

impl Workers for Rehearsal {
    fn tell(&self, word: Word) {
        let now = (self.clock)();
        let mut world = self.lock();
        match word {
            Word::Start(order) => world.start(*order, now),
            Word::Cancel(order) => world.cancel(&order),
            Word::Forget(order) => world.forget(&order),
        }
        self.keep(&world);
    }

    fn reports(&self) -> Vec<WorkerReport> {
        self.advance();
        self.lock().reports((self.clock)())
    }

    fn choice(&self) -> String {
        format!("rehearsal ({})", self.why)
    }
}

impl Cluster for Rehearsal {
    /// Each view is a look of its own, and time that passes wakes.
    fn look_again(&self) {}

    fn view(&self) -> View {
        self.advance();
        let now = (self.clock)();
        let world = self.lock();
        View {
            facts: vec![Fact::new("kind", "rehearsal")],
            engine: EngineView {
                looked: Some(now),
                state: Some((now, world.engine())),
                problem: world.problem.clone(),
            },
            kubernetes: None,
        }
    }

    fn choice(&self) -> String {
        format!("rehearsal ({})", self.why)
    }
}
