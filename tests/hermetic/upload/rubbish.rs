//! Rubbish: what is no policy at all, and a policy that was cut short or has a bit flipped. Each is refused with the step
//! that saw it, or it still is a policy; nothing panics, and no file is left.

use std::collections::BTreeMap;
use std::path::Path;

use quarterdeck::decide::Isolation;
use quarterdeck::decide::upload::{Demands, ExamineError, examine};
use quarterdeck_core::encoding;
use quarterdeck_core::upload::Step;
use quarterdeck_tests::shape;

use super::{SANDBOX, STEWARD, examined, refused};

/// Where the checks that only read say that a process should look at it: nothing is started here.
fn looked_at(bytes: &[u8]) -> Result<Step, ()> {
    match examine(bytes, Demands::default(), Path::new("/nowhere"), &mut |_| {}) {
        Ok(examined) => Ok(examined.report.refusal().expect("nothing passes without a process").step),
        Err(ExamineError::Start { .. }) => Err(()),
        Err(other) => panic!("{other}"),
    }
}

/// Numbers without rhyme, the same each time.
fn numbers() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(88_172_645_463_325_252u64), |x| {
        let x = x ^ (x << 13);
        let x = x ^ (x >> 7);
        Some(x ^ (x << 17))
    })
}

fn below(number: u64, most: usize) -> usize {
    usize::try_from(number % most as u64).expect("less than a usize")
}

#[test]
fn what_is_no_policy_is_called_by_its_name() {
    let random: Vec<u8> = numbers().take(512).flat_map(u64::to_le_bytes).collect();
    for (what, bytes, step, says) in [
        ("random bytes", random, Step::Format, "something else"),
        ("a page", b"<html><body>502 Bad Gateway</body></html>\n".to_vec(), Step::Format, "text"),
        ("a gzip", [b"\x1f\x8b\x08\0".to_vec(), vec![7; 900]].concat(), Step::Format, "a gzip archive"),
        ("zeros", vec![0; 4 << 10], Step::Format, "something else"),
        ("nothing", vec![], Step::Format, "empty"),
        ("too many zeros", vec![0; 33 << 20], Step::Size, "of 33554432 at most"),
    ] {
        let (at, why, _) = refused(&bytes);
        assert!(at == step && why.contains(says), "{what}: {at:?}: {why}");
    }
}

#[test]
fn a_policy_that_was_cut_short_is_refused_wherever_that_was() {
    let mut steps: BTreeMap<&str, u32> = BTreeMap::new();
    let mut further = vec![];
    for length in numbers().take(200).map(|number| below(number, STEWARD.len())) {
        match looked_at(&STEWARD[..length]) {
            Ok(step) => *steps.entry(step.name()).or_default() += 1,
            Err(()) => further.push(length),
        }
    }
    // Where the cut falls between two sections, only the contract can tell that something is missing.
    assert!(further.len() < 20, "{} of 200 look whole: {steps:?}", further.len());
    for length in further.into_iter().take(3) {
        let (step, why, _) = refused(&STEWARD[..length]);
        assert!(matches!(step, Step::Compile | Step::Imports), "{length} bytes: {step:?}: {why}");
    }
}

#[test]
fn a_policy_with_a_bit_flipped_is_refused_or_is_a_policy() {
    let flips = numbers().skip(1_000).take(200).map(|number| (below(number, STEWARD.len()), number >> 61));
    let flipped = flips.map(|(at, bit)| {
        let mut bytes = STEWARD.to_vec();
        bytes[at] ^= 1 << bit;
        (at, bytes)
    });
    let (seen, further): (Vec<_>, Vec<_>) = flipped.partition(|(_, bytes)| looked_at(bytes).is_ok());
    assert!(!further.is_empty(), "{} were refused by looking", seen.len());
    // A process each for some of them: compiling steward takes a while.
    let situation = encoding::encode(&shape::situation(1 << 10));
    let (mut refused, mut accepted) = (0, 0);
    for (at, bytes) in further.iter().step_by((further.len() / 10).max(1)) {
        let examined = examined(bytes);
        let report = &examined.report;
        match (report.refusal(), &examined.artifact) {
            (Some(check), None) => {
                assert!(check.step >= Step::Compile && !check.detail.is_empty(), "byte {at}: {check:?}");
                refused += 1;
            }
            (None, Some(artifact)) => {
                let said = report.description.clone().expect("it said what it is");
                let policy = SANDBOX.load_compiled(artifact, report.policy, said, &Isolation::Thread);
                let answer = policy.expect("its code is ours").decide(&situation);
                assert_ne!(answer.class.name(), "host:panic", "byte {at}");
                accepted += 1;
            }
            (refusal, _) => panic!("byte {at}: {refusal:?}, and code all the same or none"),
        }
    }
    assert!(refused + accepted >= 10, "{refused} refused, {accepted} accepted");
}
