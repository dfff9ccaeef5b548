//! The second profile: what a policy with WASI sees follows from its situation, and from nothing else.

use quarterdeck::decide::{Class, Level, Policy};
use quarterdeck_core::decision::Decision;
use quarterdeck_core::encoding;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::situation::Situation;
use quarterdeck_core::upload::Profile;
use quarterdeck_tests::shape;

use super::{SANDBOX, policy};

fn at(now: u64) -> Situation {
    Situation { now: Timestamp(now), ..shape::situation(1 << 10) }
}

/// What the guest says whose error are random bytes.
fn drawn(policy: &Policy, situation: &Situation) -> String {
    let answer = policy.decide(&encoding::encode(situation));
    let Class::GuestFailure { detail, .. } = answer.class else { panic!("{answer:?}") };
    detail
}

#[test]
fn a_profile_is_told_by_what_is_imported() {
    assert_eq!(policy("floor").profile(), Profile::Pure);
    assert_eq!(policy("looker").profile(), Profile::Wasi);
}

#[test]
fn the_clock_stands_at_the_situations_now() {
    let looker = policy("looker");
    for now in [0, 1, 999, 1_000, 1_764_271_234_567] {
        let answer = looker.decide(&encoding::encode(&at(now)));
        let Class::Decided(bytes) = &answer.class else { panic!("{answer:?}") };
        let decision: Decision = encoding::decode(bytes).expect("a decision");
        assert_eq!(decision.look_again, Some(Timestamp(now)));
    }
}

#[test]
fn what_is_printed_is_logged_line_by_line_and_escaped() {
    let answer = policy("looker").decide(&encoding::encode(&at(7)));
    let lines: Vec<(Level, &str)> = answer.logs.iter().map(|line| (line.level, line.text.as_str())).collect();
    // The line that was not ended comes last.
    assert_eq!(lines, [(Level::Info, "clear\\u{1b}[2J"), (Level::Warn, "\u{fffd}"), (Level::Info, "begun")]);
    assert_eq!(answer.logs_dropped, 0);
}

#[test]
fn random_bytes_follow_from_the_situation() {
    let policy = policy("hostile/wasi-random-differs");
    let (one, other) = (drawn(&policy, &at(1)), drawn(&policy, &at(2)));
    assert_eq!(one.len(), 32);
    assert_eq!(one, drawn(&policy, &at(1)));
    // A situation that was decoded already draws the same.
    assert_eq!(policy.decide_on(at(1)), policy.decide(&encoding::encode(&at(1))));
    // The three sources differ, and another situation has other bytes of each.
    let parts =
        [&one[..8], &one[8..16], &one[16..24], &one[24..], &other[..8], &other[8..16], &other[16..24], &other[24..]];
    for (index, part) in parts.iter().enumerate() {
        assert!(!parts[index + 1..].contains(part), "{one} {other}");
    }
    assert_eq!(SANDBOX.under_way(), 0);
}
