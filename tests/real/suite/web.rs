//! The example missions on real parts: made, kept, repaired and removed, under `auto` and under `approve`.

use std::fs;

use serde_json::Value;

use crate::parts::until;
use crate::stage::{Objects, PATIENCE, Stage, text};

#[test]
fn under_auto_a_mission_is_made_kept_repaired_and_removed() {
    let Some(stage) = Stage::raise("trixie") else { return };
    let web = stage.example("web");

    stage.run_until_ready(&web);
    stage.must_answer(8080);
    let made = stage.objects();
    assert_eq!((made.containers.len(), made.networks.len()), (1, 1), "{made:?}");
    let applies = stage.workers(Some("apply"));
    assert_eq!(applies.len(), 1, "{applies:?}");

    // A second run changes nothing.
    stage.run_until_ready(&web);
    assert_eq!(stage.workers(Some("apply")), applies);
    assert_eq!(stage.objects(), made);

    let host = stage.host(&web);
    stage.until_phase("Ready");
    stage.remove_container("quarterdeck-web");
    let repaired = until("the container is made again", PATIENCE, || {
        let now = stage.objects();
        (now.containers.len() == 1 && now.containers != made.containers).then_some(now)
    });
    stage.until_phase("Ready");
    stage.must_answer(8080);
    assert_eq!(repaired.networks, made.networks, "the network was not touched");

    stage.must(&["destroy", "web", "--yes"]);
    stage.until_phase("Absent");
    assert_eq!(stage.objects(), Objects::default());
    assert_eq!(host.stop().code(), Some(130));
    stage.must_verify();
}

#[test]
fn a_container_that_is_removed_after_each_repair_parks_its_mission() {
    let Some(stage) = Stage::raise("trixie") else { return };
    let (web, numbers) = (stage.example("web"), stage.path("numbers.yaml"));
    fs::write(&numbers, "repairsMax: 2\nrepairRestMs: 1000\n").unwrap();
    let host = stage.host_with(&stage.socket(), &web, &["--config", numbers.to_str().unwrap()]);
    stage.until_phase("Ready");
    for _ in 0..2 {
        let before = stage.objects();
        stage.remove_container("quarterdeck-web");
        until("the container is made again", PATIENCE, || {
            let now = stage.objects();
            (now.containers.len() == 1 && now.containers != before.containers).then_some(())
        });
        stage.until_phase("Ready");
    }
    let finding = stage.until_finding("mission-parked");
    let message = text("/message", &finding);
    assert!(message.contains("applied 2 times since") && message.contains("create docker_container.web"), "{message}");

    // The next time it stays away, and no worker looks.
    let workers = stage.workers(None);
    stage.remove_container("quarterdeck-web");
    stage.until_phase("Degraded");
    stage.until_turn();
    assert_eq!((stage.objects().containers, stage.workers(None)), (Vec::new(), workers));
    stage.must(&["release", "web", "--comment", "the script is gone"]);
    stage.until_phase("Ready");
    stage.must_answer(8080);
    assert_eq!(host.stop().code(), Some(130));
    stage.must_verify();
}

#[test]
fn under_approve_nothing_is_applied_that_nobody_has_approved() {
    let Some(stage) = Stage::raise("trixie") else { return };
    let web = stage.example("web-approve");
    let host = stage.host(&web);

    let first = pending(&stage, &[]);
    assert_eq!(stage.objects(), Objects::default(), "a plan makes nothing");
    approve(&stage, &first);
    stage.until_phase("Ready");
    stage.must_answer(8081);

    // What is gone is planned, and made again only after a yes.
    let applies = stage.workers(Some("apply"));
    stage.remove_container("quarterdeck-web-approve");
    let repair = pending(&stage, &[&first]);
    stage.until_turn();
    assert_eq!(stage.objects().containers, []);
    assert_eq!(stage.workers(Some("apply")), applies);

    // The state moves on behind it: the plan was made from another one.
    import_anew(&stage, "web-approve");
    let again = pending(&stage, &[&first, &repair]);
    must_be_late(&stage, &repair);

    // The files change behind it: the yes would be to a plan that nobody wants any more.
    let file = web.join("mission.yaml");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("port: 8081", "port: 8082")).unwrap();
    let changed = pending(&stage, &[&first, &repair, &again]);
    must_be_late(&stage, &again);
    assert_eq!(stage.workers(Some("apply")), applies, "stale bytes are not applied");
    approve(&stage, &changed);
    stage.until_phase("Ready");
    stage.must_answer(8082);

    stage.must(&["destroy", "web-approve", "--yes"]);
    let removal = pending(&stage, &[&first, &repair, &again, &changed]);
    assert_eq!(stage.objects().containers.len(), 1, "the removal is approved like any other plan");
    approve(&stage, &removal);
    stage.until_phase("Absent");
    assert_eq!(stage.objects(), Objects::default());
    assert_eq!(host.stop().code(), Some(130));
    stage.must_verify();
}

/// The approval that waits for a person and is none of those that were seen before.
fn pending(stage: &Stage, before: &[&str]) -> String {
    let waits = |approval: &Value| approval["state"] == "pending" && !before.contains(&text("/id", approval).as_str());
    let found = until("somebody is asked", PATIENCE, || stage.get("approvals").into_iter().find(waits));
    text("/id", &found)
}

/// A yes to a plan that has been superseded is refused.
fn must_be_late(stage: &Stage, approval: &str) {
    let late = stage.say(&["approve", approval, "--yes"]);
    assert!(!late.status.success(), "{}", String::from_utf8_lossy(&late.stderr));
}

/// Makes the mission's own state its newest version again, under the next serial.
fn import_anew(stage: &Stage, mission: &str) {
    let mut state: Value = serde_json::from_str(&stage.must(&["state", "export", mission])).unwrap();
    let serial = state["serial"].as_u64().expect("a state has a serial");
    state["serial"] = (serial + 1).into();
    let file = stage.path("anew.tfstate");
    fs::write(&file, state.to_string()).unwrap();
    stage.must(&["state", "import", mission, &file.display().to_string()]);
}

fn approve(stage: &Stage, approval: &str) {
    stage.must(&["approve", approval, "--yes"]);
}
