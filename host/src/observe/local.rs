//! A Docker engine on this machine: a background task keeps a snapshot of it, and a turn reads the snapshot.
//!
//! The task looks at an interval, and at once when the engine says that something changed or the loop asks. Whatever the engine does, it
//! costs no turn: each request has a time-out, lists and texts are bounded, and an engine that hangs, breaks or lies only
//! makes the snapshot old, with the reason beside it. The last good state stays until there is a better one.
//!
//! In the order of a look: `socket` sends one request, `version` asks which engine it is, `look` asks for all it has, and
//! `raw` makes core's nouns of the answers; `events` wakes. Only reads are sent. Not here: judging what was seen (core's
//! finding rules), and changing anything (the workers).
//!
//! A snapshot's time is when its look *began*: what it shows is at least that new, which is what the rules that compare
//! it with a worker's end rely on.

mod events;
mod look;
mod raw;
mod socket;
mod version;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::observation::{EngineState, EngineView};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::Fact;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use look::INSPECTED_MAX;
pub use raw::MISSION_LABEL;
pub use socket::{BODY_BYTES_MAX, ProbeError};
pub use version::probe;

use super::{Cluster, View};
use look::Looker;
use socket::Socket;

/// The interval of the looks where the configuration names none.
pub const INTERVAL: Duration = Duration::from_secs(5);
/// How long one request may take where the configuration does not say.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// Two looks begin at least this long after each other, however many events there are.
const LOOKS_APART: Duration = Duration::from_millis(250);
/// A problem is told in at most this many bytes.
const PROBLEM_BYTES_MAX: usize = 512;

/// How an engine is observed.
pub struct LocalDockerConfig {
    /// The engine's socket.
    pub socket: PathBuf,
    /// How often it is looked at.
    pub interval: Duration,
    /// How long one request may take.
    pub timeout: Duration,
    /// What time it is.
    pub clock: fn() -> Timestamp,
    /// Called when what is seen has changed, and not when only the time has.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// Keeps secrets out of what is seen.
    pub redactor: Arc<Redactor>,
}

/// A Docker engine, observed. Dropping it ends the observation.
pub struct LocalDocker {
    socket: PathBuf,
    view: Arc<Mutex<EngineView>>,
    asked: Arc<Notify>,
    tasks: [JoinHandle<()>; 2],
}

impl LocalDocker {
    /// Starts to observe; needs a tokio runtime around it. Nothing is known before the first look.
    ///
    /// # Errors
    /// Where no client can be made. An engine that is not there is no error here but what the snapshot says.
    pub fn start(config: LocalDockerConfig) -> Result<LocalDocker, ProbeError> {
        let path = config.socket.clone();
        let looker = Looker::new(Socket::new(&path, config.timeout)?, Arc::clone(&config.redactor));
        let (changed, asked) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let listening = tokio::spawn(events::listen(Socket::new(&path, config.timeout)?, Arc::clone(&changed)));
        let view = Arc::new(Mutex::new(EngineView::default()));
        let watching = tokio::spawn(watch(config, looker, Arc::clone(&view), changed, Arc::clone(&asked)));
        Ok(LocalDocker { socket: path, view, asked, tasks: [watching, listening] })
    }

    fn latest(&self) -> EngineView {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Cluster for LocalDocker {
    fn view(&self) -> View {
        let engine = self.latest();
        let mut facts = vec![Fact::new("cluster", "docker"), Fact::new("socket", &self.socket.to_string_lossy())];
        if let Some((_, state)) = &engine.state {
            facts.push(Fact::new("engine", &state.version));
            facts.push(Fact::new("engine-api", &state.api));
            facts.push(Fact::new("engine-api-minimum", &state.api_min));
        }
        View { facts, engine, kubernetes: None }
    }

    fn look_again(&self) {
        self.asked.notify_one();
    }

    fn choice(&self) -> String {
        choice(&self.socket, &self.latest())
    }
}

impl Drop for LocalDocker {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn choice(socket: &Path, view: &EngineView) -> String {
    let at = socket.display();
    match (&view.problem, &view.state) {
        (Some(problem), _) => format!("the Docker engine at {at}, which does not answer: {problem}"),
        (None, Some((_, state))) => {
            format!("Docker engine {} at {at}, API {} to {}", state.version, state.api_min, state.api)
        }
        (None, None) => format!("the Docker engine at {at}, not looked at yet"),
    }
}

/// Looks for ever.
async fn watch(
    config: LocalDockerConfig,
    mut looker: Looker,
    view: Arc<Mutex<EngineView>>,
    changed: Arc<Notify>,
    asked: Arc<Notify>,
) {
    let mut awaited = false;
    loop {
        let (begun, at) = (Instant::now(), (config.clock)());
        let seen = looker.look().await;
        if let Err(problem) = &seen {
            tracing::debug!(socket = %looker.socket.path().display(), %problem, "The engine could not be looked at.");
        }
        let seen = seen.map_err(|problem| config.redactor.redact_bounded(&problem.to_string(), PROBLEM_BYTES_MAX));
        if publish(&view, at, seen) || awaited {
            (config.wake)();
        }
        tokio::time::sleep_until(begun + LOOKS_APART).await;
        // Whoever asks during a look wants the next one, which begins after what is asked about.
        awaited = tokio::select! {
            () = asked.notified() => true,
            () = tokio::time::sleep(config.interval) => false,
            () = changed.notified() => false,
        };
    }
}

/// Puts what was seen into the snapshot, and says whether it differs from what was there.
fn publish(view: &Mutex<EngineView>, at: Timestamp, seen: Result<EngineState, String>) -> bool {
    let mut view = view.lock().unwrap_or_else(PoisonError::into_inner);
    view.looked = Some(at);
    match seen {
        Ok(state) => {
            let known = view.problem.is_none() && view.state.as_ref().is_some_and(|(_, known)| *known == state);
            view.problem = None;
            view.state = Some((at, state));
            !known
        }
        Err(problem) => {
            let known = view.problem.as_deref() == Some(problem.as_str());
            view.problem = Some(problem);
            !known
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_wakes_and_the_last_good_state_stays() {
        let view = Mutex::new(EngineView::default());
        let state = |version: &str| EngineState { version: version.into(), ..Default::default() };
        assert!(publish(&view, Timestamp(1), Ok(state("26"))));
        assert!(!publish(&view, Timestamp(2), Ok(state("26"))));
        assert!(publish(&view, Timestamp(3), Err("hangs".into())));
        assert!(!publish(&view, Timestamp(4), Err("hangs".into())));
        let seen = view.lock().unwrap().clone();
        assert_eq!((seen.looked, seen.problem.as_deref()), (Some(Timestamp(4)), Some("hangs")));
        assert_eq!(seen.state, Some((Timestamp(2), state("26"))));
        assert!(publish(&view, Timestamp(5), Ok(state("26"))), "it is back");
        assert!(publish(&view, Timestamp(6), Ok(state("29"))), "it is another");
    }
}
