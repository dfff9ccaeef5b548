//! The engine is upgraded under a running host, and the mission's pinned provider is too old for the new one. Terraform
//! would take the engine's refusal for "it is gone"; so nothing is started until the pin is raised.

use std::fs;
use std::path::Path;

use crate::parts::until;
use crate::stage::{Objects, PATIENCE, Stage, text};

const TODAY: &str = "\">= 3.3.0, < 5.0.0\"";
const OLD: &str = "\"~> 3.0.2\"";

#[test]
fn a_mission_waits_untouched_until_its_provider_speaks_to_the_new_engine() {
    let Some(stage) = Stage::raise("trixie") else { return };
    let web = stage.example("web");
    pin(&web, TODAY, OLD);
    let host = stage.host(&web);
    stage.until_phase("Ready");
    stage.must_answer(8080);
    let (states, workers) = (stage.states(), stage.workers(None));
    assert!(!states.is_empty());

    stage.swap("29");
    let finding = stage.until_finding("provider-too-old");
    let told = finding.to_string();
    assert!(told.contains("1.41") && told.contains("1.44"), "the cause: {told}");
    assert!(told.contains(">= 3.3.0") && told.contains("main.tf"), "the cure, and where: {told}");
    stage.until_phase("Held");

    // Neither is it destroyed by a Terraform that would find nothing to destroy.
    stage.must(&["destroy", "web", "--yes"]);
    until("the removal is wanted", PATIENCE, || (text("/desired", &stage.mission()) == "absent").then_some(()));
    stage.until_turn();
    stage.until_phase("Held");
    assert_eq!(stage.workers(None), workers, "no worker was started");
    assert_eq!(stage.states(), states, "the state is the same, byte by byte");
    stage.must(&["restore", "web"]);

    pin(&web, OLD, TODAY);
    until("the mission is made with the new provider", PATIENCE, || {
        (stage.workers(Some("apply")).len() > 1).then_some(())
    });
    stage.until_phase("Ready");
    stage.must_answer(8080);

    stage.must(&["destroy", "web", "--yes"]);
    stage.until_phase("Absent");
    assert_eq!(stage.objects(), Objects::default());
    assert_eq!(host.stop().code(), Some(130));
    stage.must_verify();
}

fn pin(mission: &Path, from: &str, to: &str) {
    let file = mission.join("main.tf");
    let old = fs::read_to_string(&file).unwrap();
    assert!(old.contains(from), "{old}");
    fs::write(file, old.replace(from, to)).unwrap();
}
