//! `run --yes` over several runs with one data folder: it grants for the missions that this run was told of, whoever
//! asked when, and for no other.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::time::Duration;

use quarterdeck::app::{self, Host, Update};
use quarterdeck::config::Config;
use quarterdeck_core::charter::Amendment;
use quarterdeck_core::ledger::{ApprovalRecord, Ledger};
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::observation::Person;

use super::scenarios::{MAIN_TF, mission};

/// Far above what the story takes; only a host that hangs gets there.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(data: &Path, name: &str, yes: bool) -> Host {
    let folder = data.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("mission.yaml"), mission(name, "  autonomy: approve\n")).unwrap();
    std::fs::write(folder.join("main.tf"), MAIN_TF.replace("shop", name)).unwrap();
    let config = Config {
        data: data.to_owned(),
        missions: vec![folder],
        real: false,
        yes,
        paused: false,
        amendment: Amendment::default(),
        ceiling: None,
        interval: Duration::from_millis(200),
        between: quarterdeck::driver::BETWEEN_TURNS,
        kubernetes: None,
        mission_objects: false,
        workers: None,
        engine: data.join("no-engine.sock"),
        terraform: None,
        tool_environment: Vec::new(),
        policy: None,
        isolate: false,
        brain: None,
    };
    app::start(config).await.unwrap()
}

/// Waits for a turn after which the mission is shown in this phase, and ends the host.
async fn until(host: Host, name: &str, phase: &str) -> std::sync::Arc<Ledger> {
    let mut updates = host.updates();
    let shown = |update: &Update| {
        let id = &update.ledger.mission(&MissionName::parse(name).unwrap()).unwrap().id;
        update.situation.missions.iter().any(|mission| mission.id == *id && mission.phase == phase)
    };
    let waited = tokio::time::timeout(PATIENCE, async { while !shown(&updates.recv().await.unwrap()) {} }).await;
    waited.unwrap_or_else(|_| panic!("{name} is not {phase}"));
    let book = host.book.clone();
    host.stop().await.unwrap();
    book.ledger()
}

fn asked<'a>(ledger: &'a Ledger, name: &str) -> Vec<&'a ApprovalRecord> {
    let id = &ledger.mission(&MissionName::parse(name).unwrap()).unwrap().id;
    ledger.approvals.values().filter(|record| record.order.mission == *id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_grants_for_the_missions_of_this_run_and_leaves_those_of_others_alone() {
    let data = tempfile::tempdir().unwrap();
    let ledger = until(run(data.path(), "shop", false).await, "shop", "AwaitingApproval").await;
    assert!(asked(&ledger, "shop")[0].answers.is_empty());

    let ledger = until(run(data.path(), "blog", true).await, "blog", "Ready").await;
    let granted = |name: &str| {
        let answers: Vec<_> = asked(&ledger, name).iter().map(|record| record.answers.clone()).collect();
        answers.iter().flatten().any(|answer| answer.granted && matches!(answer.who, Person::Yes(_)))
    };
    assert!(granted("blog") && !granted("shop"), "{:?}", ledger.approvals);
    let shop = ledger.mission(&MissionName::parse("shop").unwrap()).unwrap();
    assert!(shop.applied.is_none() && ledger.at_work(&shop.id).is_none(), "it is left alone");

    // What was asked in the first run is granted in the run that says so.
    let ledger = until(run(data.path(), "shop", true).await, "shop", "Ready").await;
    let first = asked(&ledger, "shop");
    assert_eq!(first.len(), 1);
    assert!(first[0].used && first[0].answers.first().is_some_and(|answer| matches!(answer.who, Person::Yes(_))));
    assert!(asked(&ledger, "blog").iter().all(|record| record.used));
}
