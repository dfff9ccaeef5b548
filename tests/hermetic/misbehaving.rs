//! A policy that loops, traps, eats memory, floods the log or returns rubbish, in a running host: it costs the host that
//! turn's decision and nothing else. Here the loop alone is turned; `whole` gives them to the program itself.

mod lies;
mod whole;

use anyhow::{Context as _, Result};
use quarterdeck::rehearsal::Script;
use quarterdeck_core::charter::Charter;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::Answered;
use quarterdeck_core::observation::Command;
use quarterdeck_tests::guests;
use quarterdeck_tests::harness::Harness;

const MISSION: &str = "apiVersion: quarterdeck.dev/v1alpha1\nkind: Mission\nmetadata: {name: shop}\n\
                       spec: {goal: A shop., autonomy: auto, terraform: {}}\n";
const MAIN_TF: &str = r#"
terraform {
  required_providers {
    docker = { source = "kreuzwerker/docker" }
  }
}
resource "docker_network" "private" { name = "shop" }
"#;

#[test]
fn a_policy_that_misbehaves_costs_one_decision_and_the_loop_goes_on() -> Result<()> {
    let guests = ["loop-forever", "unreachable", "memory-grow", "log-flood", "list-lying", "bad-action-tag", "recurse"];
    let files = [("mission.yaml", MISSION), ("main.tf", MAIN_TF)];
    let mut host = Harness::new(&[("shop", &files)], Charter::default(), Script::default())?;
    for guest in guests.map(|guest| format!("hostile/{guest}")) {
        let text = guests::text(&guest)?;
        let expected = text.lines().next().and_then(|line| line.strip_prefix(";; expect: ")).context(guest.clone())?;
        host.activate(&guests::named(&guest)?)?;
        for _ in 0..2 {
            let before = host.book.ledger().turn;
            let situation = host.turn().context(guest.clone())?;
            assert_eq!(situation.turn, before + 1, "{guest}: the loop goes on");
            let (_, answered) = host.decided.last().context("a turn was taken")?;
            let seen = match answered {
                Answered::Decided(_) => "decided".to_owned(),
                Answered::GuestFailure { kind, .. } => format!("guest:{kind}"),
                Answered::HostAbort { kind, .. } => format!("host:{kind}"),
            };
            assert_eq!(seen, expected, "{guest}");
            host.pass(1_000);
        }
        // The next situation tells of it, and nothing was started.
        let situation = host.turn()?;
        let told = situation.findings.iter().any(|finding| finding.rule == "policy-failed");
        // What the host gave up is not held against the policy.
        assert_eq!(told, expected.starts_with("guest:"), "{guest}");
        assert_eq!(host.book.ledger().orders.len(), 0, "{guest}");
        assert_eq!(host.book.ledger().policy.memo, None, "{guest}");
    }
    host.activate(quarterdeck::app::STEWARD)?;
    // Three failures fence a policy; what the host gave up does not.
    let fenced: Vec<Digest> = host.book.ledger().policies.fences.keys().copied().collect();
    assert_eq!(fenced.len(), guests.len() - 1, "all but the one that ends on the host's stack");
    for policy in fenced {
        host.say(Command::Unfence { policy, comment: None })?;
    }
    let situation = host.turns(20_000, 1_000)?;
    assert_eq!(host.phase("shop"), "Ready", "{:?}", situation.findings);
    assert!(situation.findings.is_empty(), "{:?}", situation.findings);
    Ok(())
}
