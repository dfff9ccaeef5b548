//! A host in a pod is copied while it runs, and goes on from the copy, by the words of `docs/backup.md`.

use std::fs::{self, File};
use std::process::Command;

use crate::missions::{Deck, HOST};
use crate::parts::{quarterdeck, said, sources, until};
use crate::stage::PATIENCE;

/// The pod of the document.
fn restore_pod() -> String {
    let document = fs::read_to_string(sources().join("docs/backup.md")).unwrap();
    let (_, block) = document.split_once("```yaml\n# restore-pod.yaml").expect("the document has the pod");
    format!("#{}", block.split_once("\n```").expect("the block ends").0)
}

#[test]
fn a_host_in_a_pod_is_copied_and_goes_on_from_the_copy_as_the_document_says() {
    let Some(deck) = Deck::raise() else { return };
    let agent = |words: &[&str]| deck.cluster.kubectl(&[&["-n", "ai-agent"], words].concat());
    deck.apply_example(&[]);
    deck.until_phase("Ready");
    let copied = deck.cluster.try_kubectl(&[&HOST[..], &["quarterdeck", "backup", "-"]].concat());
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let file = deck.cluster.path("quarterdeck.tar");
    fs::write(&file, copied.stdout).unwrap();
    said(Command::new(quarterdeck()).args(["restore", "--check"]).arg(&file));

    // What happens from here on is in no copy.
    deck.must(&["destroy", "web/web", "--yes"]);
    until("nothing answers", PATIENCE, || (deck.web() == "000").then_some(()));

    agent(&["scale", "deploy/quarterdeck", "--replicas", "0"]);
    agent(&["wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=quarterdeck", "--timeout", "2m"]);
    deck.cluster.apply(&restore_pod());
    agent(&["wait", "--for=condition=Ready", "pod/restore", "--timeout", "2m"]);
    let mut attach = deck.cluster.inside("kubectl");
    said(attach.args(["-n", "ai-agent", "attach", "-i", "restore"]).stdin(File::open(&file).unwrap()));
    agent(&["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/restore", "--timeout", "2m"]);
    let told = agent(&["logs", "restore"]);
    assert!(told.contains("paused"), "{told}");
    agent(&["delete", "pod", "restore"]);
    agent(&["scale", "deploy/quarterdeck", "--replicas", "1"]);
    deck.until_rolled_out();

    // It takes turns, sees that what it built is gone, and begins nothing.
    until("it takes turns, paused", PATIENCE, || {
        deck.get("missions").iter().any(|mission| mission.to_string().contains("\"Paused\"")).then_some(())
    });
    deck.must(&["journal", "verify"]);
    assert_eq!(deck.web(), "000");
    deck.must(&["resume"]);
    deck.until_phase("Ready");
    assert_eq!(deck.web(), "200", "what was removed since is built anew");
}
