//! A policy that begins to fail in the middle of its work: three failures, and the one before it decides.

use quarterdeck::app::STEWARD;
use quarterdeck_core::digest::Digest;
use quarterdeck_tests::program::until;

use super::place::{Place, quiet, trapping_from};

#[test]
fn three_failures_fence_a_policy_and_the_one_before_it_decides() {
    let place = Place::new();
    let _host = place.host(&["--between-turns", "5ms"]);
    let (good, bad) = (quiet(1), trapping_from(9));
    let [good_digest, bad_digest] = [&good, &bad].map(|bytes| Digest::of(bytes).short(12));
    for (name, bytes) in [("good", &good), ("bad", &bad)] {
        place.said(&["policy", "push", &place.file(name, bytes)]);
        place.said(&["policy", "activate", &Digest::of(bytes).short(12)]);
        until("it decided, or has failed already", || {
            let history = place.said(&["policy", "history"]);
            history.contains(&Digest::of(bytes).short(12)).then_some(())
        });
    }
    until("it fails, and the one before it decides", || {
        place.stir();
        (place.active() == good_digest).then_some(())
    });
    let findings = place.said(&["get", "findings"]);
    assert!(findings.contains("policy-fenced"), "{findings}");
    let history = place.said(&["policy", "history"]);
    assert!(history.contains("fell back to it: it failed in turns") && history.contains("trap"), "{history}");
    let failed = place.said(&["journal", "list", "--last", "1000"]).matches("guest failure").count();
    assert_eq!(failed, 3, "no more than it takes");

    let refused = place.fails(&["policy", "activate", &bad_digest], 1);
    assert!(refused.contains("is fenced") && refused.contains("quarterdeck policy unfence"), "{refused}");
    place.said(&["policy", "unfence", &bad_digest, "--comment", "it was the ninth turn"]);
    until("the finding is gone", || {
        place.stir();
        (!place.said(&["get", "findings"]).contains("policy-fenced")).then_some(())
    });
    // A step back from the good one leads to steward, and not to what was taken back.
    place.said(&["policy", "rollback"]);
    until("steward decides", || (place.active() == Digest::of(STEWARD).short(12)).then_some(()));
}
