//! One look at an engine: its version, everything that it has, and the containers that need a second glance.
//!
//! The version is asked at each look, so that an engine that was swapped is never taken for the one before. The lists
//! are asked together. A container is inspected where the list can't tell how it is: it is a mission's, it does not run,
//! it fails its check, or it began so lately that it may be coming back again and again. An inspection that fails costs
//! only its detail: one container whose lock is held must not hide all others.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use quarterdeck_core::observation::{ENGINE_OBJECTS_MAX, EngineState};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::terraform::providers::{ApiRange, EngineVersion};
use tokio::time::timeout;

use super::raw::{self, Inspected, ListedContainer, ListedImage, ListedNetwork, ListedVolumes, Parser};
use super::socket::{ProbeError, Socket};
use super::version::{ask, spoken};

/// So many containers are inspected in one look; the missions' own come first. At 1 ms each that is 0.2 s of the engine.
pub const INSPECTED_MAX: usize = 200;
/// So many inspections are under way at once: enough to be quick, too few to be felt by the engine.
const INSPECTED_AT_ONCE: usize = 8;
/// The HTTP status of a container that went while we looked.
const GONE: u16 = 404;

/// Looks, and remembers of the last look what can't have changed since.
pub(super) struct Looker {
    pub(super) socket: Socket,
    pub(super) redactor: Arc<Redactor>,
    settled: HashMap<String, Inspected>,
}

/// What became of one inspection.
enum Glance {
    Seen(Box<Inspected>),
    Gone,
    Failed,
}

impl Looker {
    pub(super) fn new(socket: Socket, redactor: Arc<Redactor>) -> Looker {
        Looker { socket, redactor, settled: HashMap::new() }
    }

    /// One look. It takes at most three time-outs: the version, the lists, the inspections.
    pub(super) async fn look(&mut self) -> Result<EngineState, ProbeError> {
        let version = ask(&self.socket).await?;
        let api = spoken(version.api);
        let asked = |what: &str| format!("/v{api}/{what}");
        let (containers, networks, volumes, images) =
            (asked("containers/json?all=true"), asked("networks"), asked("volumes"), asked("images/json"));
        let (containers, networks, volumes, images): (
            Vec<ListedContainer>,
            Vec<ListedNetwork>,
            ListedVolumes,
            Vec<ListedImage>,
        ) = tokio::try_join!(
            self.socket.get(&containers),
            self.socket.get(&networks),
            self.socket.get(&volumes),
            self.socket.get(&images),
        )?;
        let volumes = volumes.volumes.unwrap_or_default();
        bounded("containers", containers.len())?;
        bounded("networks", networks.len())?;
        bounded("volumes", volumes.len())?;
        bounded("images", images.len())?;
        let glances = self.inspect(version.api, &containers).await;
        let redactor = Arc::clone(&self.redactor);
        // Thousands of names take a while to redact, and nothing else shall wait for that.
        let made = tokio::task::spawn_blocking(move || {
            let parser = Parser(&redactor);
            let objects = networks.into_iter().map(|listed| parser.network(listed));
            let objects = objects.chain(volumes.into_iter().map(|listed| parser.volume(listed)));
            let objects = objects.chain(images.into_iter().map(|listed| parser.image(listed))).collect();
            state(version, &parser, containers, &glances, objects)
        });
        Ok(made.await.expect("parsing does not panic, and is not cancelled while the runtime lives"))
    }

    /// Inspects who needs it, and keeps what has settled for the next look.
    async fn inspect(&mut self, api: ApiRange, containers: &[ListedContainer]) -> HashMap<String, Glance> {
        let known = std::mem::take(&mut self.settled);
        let mut glances = HashMap::new();
        let mut wanted = Vec::new();
        for container in containers.iter().filter(|container| needs_a_glance(container)) {
            match known.get(&container.id).filter(|_| settled(container)) {
                Some(inspected) => {
                    glances.insert(container.id.clone(), Glance::Seen(Box::new(inspected.clone())));
                }
                None => wanted.push(container),
            }
        }
        wanted.sort_by_key(|container| !container.labelled());
        wanted.truncate(INSPECTED_MAX);
        let socket = &self.socket;
        let api = spoken(api);
        let wanted: Vec<String> = wanted.into_iter().map(|container| container.id.clone()).collect();
        let asking = futures_util::stream::iter(wanted.into_iter().map(|id| async move {
            let asked = format!("/v{api}/containers/{id}/json");
            let glance = match socket.get::<Inspected>(&asked).await {
                Ok(inspected) => Glance::Seen(Box::new(inspected)),
                Err(ProbeError::Status { status: GONE, .. }) => Glance::Gone,
                Err(_) => Glance::Failed,
            };
            (id, glance)
        }));
        let mut asking = asking.buffer_unordered(INSPECTED_AT_ONCE);
        // All of them together have one time-out: what has not come by then is told from the list alone.
        let _late = timeout(socket.timeout(), async {
            while let Some((id, glance)) = asking.next().await {
                glances.insert(id, glance);
            }
        })
        .await;
        drop(asking);
        for container in containers.iter().filter(|container| settled(container)) {
            if let Some(Glance::Seen(inspected)) = glances.get(&container.id) {
                self.settled.insert(container.id.clone(), (**inspected).clone());
            }
        }
        glances
    }
}

/// More than is looked at is a failed look and not a shorter list: what was left out would seem to be missing.
fn bounded(what: &'static str, count: usize) -> Result<(), ProbeError> {
    if count > ENGINE_OBJECTS_MAX {
        return Err(ProbeError::TooMany { what, count, max: ENGINE_OBJECTS_MAX });
    }
    Ok(())
}

fn state(
    version: EngineVersion,
    parser: &Parser<'_>,
    containers: Vec<ListedContainer>,
    glances: &HashMap<String, Glance>,
    mut objects: Vec<quarterdeck_core::observation::EngineObject>,
) -> EngineState {
    let mut seen = Vec::with_capacity(containers.len());
    for listed in containers {
        match glances.get(&listed.id) {
            Some(Glance::Gone) => {}
            Some(Glance::Seen(inspected)) => seen.push(parser.container(listed, Some(inspected))),
            Some(Glance::Failed) | None => seen.push(parser.container(listed, None)),
        }
    }
    // The rules compare by the beginning of an id, and nothing begins with everything.
    seen.retain(|container| !container.id.is_empty());
    objects.retain(|object| !object.id.is_empty());
    seen.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    objects.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    let EngineVersion { engine, api } = version;
    let (api, api_min) = (api.max.to_string(), api.min.to_string());
    EngineState { version: engine, api, api_min, containers: seen, objects }
}

/// Whether the list alone can't tell how a container is.
fn needs_a_glance(container: &ListedContainer) -> bool {
    let status = container.status.as_deref().unwrap_or_default();
    let lately = status.contains("second") || status.contains("minute");
    container.labelled() || container.state.as_deref() != Some("running") || raw::unhealthy(status) || lately
}

/// Whether a container ended so long ago that an inspection of the last look is still true: the engine says `Exited (0)
/// 3 hours ago`, and each look is younger than the hour that an end needs to be told of like this.
fn settled(container: &ListedContainer) -> bool {
    let status = container.status.as_deref().unwrap_or_default();
    let long_ago = ["hour", "day", "week", "month", "year"].iter().any(|unit| status.contains(unit));
    container.state.as_deref() == Some("exited") && long_ago
}
