//! Where missions come from: files, and objects of the cluster beside them; and how the host talks through those.

use std::sync::Arc;

use quarterdeck_core::observation::SeenMission;
use quarterdeck_core::redaction::Redactor;
use tokio::task::JoinHandle;

use super::adapters::Shared;
use super::{Commands, Updates};
use crate::api;
use crate::apiserver::Connection;
use crate::driver::clock;
use crate::observe::Missions;
use crate::observe::files::{FileMissions, Reader};
use crate::observe::kubernetes::missions::{ObjectMissions, ObjectMissionsConfig};
use crate::observe::together::Both;
use crate::remember::Book;

/// The missions; and those that are objects, where such are looked after.
pub(super) type Sources = (Arc<dyn Missions>, Option<(Connection, Arc<ObjectMissions>)>);

/// Starts to read them; comes back once the objects were listed.
pub(super) async fn start(shared: &Shared<'_>, reader: Reader, first: Vec<SeenMission>) -> Sources {
    let Some(connection) = shared.connection.filter(|_| shared.config.mission_objects) else {
        return (Arc::new(FileMissions::start(reader, first, shared.wake.clone())), None);
    };
    let objects = ObjectMissions::start(ObjectMissionsConfig {
        connection: connection.clone(),
        blobs: shared.blobs.clone(),
        grants: reader.grants.clone(),
        secrets: reader.secrets.clone(),
        redactor: Arc::new(Redactor::new(shared.key)),
        wake: shared.wake.clone(),
    });
    objects.first_look().await;
    let objects = Arc::new(objects);
    let files = Arc::new(FileMissions::start(reader, first, shared.wake.clone()));
    (Arc::new(Both { files, objects: objects.clone() }), Some((connection.clone(), objects)))
}

/// Says at each object how it stands, and takes people's answers that are objects, until it is aborted.
pub(super) fn talk(
    objects: Option<(Connection, Arc<ObjectMissions>)>,
    updates: Updates,
    book: &Arc<Book>,
    commands: &Commands,
) -> Vec<JoinHandle<()>> {
    let Some((connection, objects)) = objects else { return Vec::new() };
    let missions = api::objects::missions::Desk { updates, known: objects.known(), clock };
    let approvals = api::objects::approvals::Desk { book: book.clone(), commands: commands.clone() };
    vec![api::objects::missions::start(&connection, missions), api::objects::approvals::start(&connection, approvals)]
}
