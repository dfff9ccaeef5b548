//! Uploads: every check refuses what it is for and passes a good policy; what compiles and tries a stranger's component
//! has no rights and can be killed; what is kept of it is used only where it is what it was.

mod apart;
mod artifacts;
mod bombs;
mod check;
mod good;
mod lies;
mod refused;
mod rubbish;
mod walls;

use quarterdeck::decide::upload::{Demands, Examined, examine};
use quarterdeck::decide::{Artifact, Sandbox};
use quarterdeck_core::upload::{Outcome, Report, Step};
use quarterdeck_tests::guests;
use quarterdeck_tests::program::program;

use std::sync::LazyLock;

/// One sandbox for all that is loaded here.
static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new().expect("a sandbox"));

/// The default policy, as it is kept in the repository.
const STEWARD: &[u8] = include_bytes!("../../guest-policies/prebuilt/steward.wasm");

/// All checks of a component, with nothing demanded.
fn examined(bytes: &[u8]) -> Examined {
    examine(bytes, Demands::default(), program(), &mut |_| {}).expect("this machine can examine")
}

/// The step that refuses a component, and why; the report besides.
fn refused(bytes: &[u8]) -> (Step, String, Report) {
    let Examined { report, artifact } = examined(bytes);
    assert!(artifact.is_none(), "what is refused leaves no code");
    let check = report.refusal().unwrap_or_else(|| panic!("it must be refused: {report:#?}")).clone();
    assert_eq!(report.checks.last(), Some(&check), "a refusal is the last check");
    let before = report.checks.iter().rev().skip(1);
    assert!(before.clone().all(|check| check.outcome != Outcome::Refused), "{report:#?}");
    let steps: Vec<Step> = report.checks.iter().map(|check| check.step).collect();
    assert_eq!(steps, Step::ALL[..steps.len()], "each check in its order");
    (check.step, check.detail, report)
}

/// The code of a component that passes.
fn artifact(bytes: &[u8]) -> (Artifact, Report) {
    let Examined { report, artifact } = examined(bytes);
    (artifact.unwrap_or_else(|| panic!("it is accepted: {report:#?}")), report)
}

/// A guest of ours whose `decide` has this body, and this besides.
fn deciding(more: &str, body: &str) -> Vec<u8> {
    let part = |name| guests::text(name).expect("a part of every guest");
    let decide = "(func (export \"quarterdeck:policy/decider@0.1.0#decide\") (param $situation i32) (result i32)";
    let parts = [part("prelude"), part("allocator"), part("describe")].join("\n");
    let module = format!("(module\n{parts}\n{more}\n{decide} {body}))");
    guests::component(&module, guests::CONTRACT).expect("a component")
}
