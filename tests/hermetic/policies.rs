//! Policies on the program itself, as an operator meets them: pushed, looked at, activated, in the shadow, rolled back,
//! fenced, and swapped a thousand times while turns run flat out.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod fenced;
mod people;
mod place;
mod swapped;

use std::fs;

use quarterdeck::api::local::Client;
use quarterdeck::registry::{Patience, publish};
use quarterdeck_core::digest::Digest;
use quarterdeck_tests::fake_registry::{Door, FakeRegistry};
use quarterdeck_tests::program::until;

use place::{Place, quiet, trapping};

#[test]
fn a_policy_is_pushed_shown_activated_and_taken_back() {
    let place = Place::new();
    let _host = place.host(&[]);
    let (one, two) = (place.file("one", &quiet(1)), place.file("two", &quiet(2)));

    let report = place.json(&["policy", "push", &one, "-o", "json"]);
    assert_eq!((&report["shelved"], &report["known"]), (&true.into(), &false.into()), "{report}");
    let names = report["report"]["checks"].as_array().unwrap().iter().map(|check| check["step"].as_str().unwrap());
    let order = "size format signature structure compile imports instantiate describe dry-decision replay";
    assert_eq!(names.collect::<Vec<_>>().join(" "), order);
    assert_eq!(place.json(&["policy", "push", &one, "-o", "json"])["known"], true, "the same again is no other");
    place.said(&["policy", "push", &two]);
    assert_eq!(
        place.states(),
        [("steward", "active"), ("guest", ""), ("guest", "")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );

    let digests = [1, 2].map(|number| Digest::of(&quiet(number)).short(12));
    place.said(&["policy", "activate", &digests[0]]);
    until("the first one decides", || (place.active() == digests[0]).then_some(()));
    place.said(&["policy", "activate", &digests[1]]);
    until("the second one decides", || (place.active() == digests[1]).then_some(()));
    let refused = place.fails(&["policy", "remove", &digests[1]], 1);
    assert!(refused.contains("decides; let another one decide first"), "{refused}");

    place.said(&["policy", "rollback", "--comment", "it was a try"]);
    until("the first one decides again", || (place.active() == digests[0]).then_some(()));
    let history = place.said(&["policy", "history"]);
    assert!(history.contains("taken back") && history.contains("rolled back to it: it was a try"), "{history}");
    place.said(&["policy", "remove", &digests[1]]);
    assert!(!place.policies().contains(&digests[1]), "nothing of it is left");
    let shown = place.said(&["policy", "show", &digests[0]]);
    assert!(shown.contains("dry-decision") && shown.contains(&one), "{shown}");
}

#[test]
fn what_decided_still_does_after_a_restart_and_its_damage_is_noticed() {
    let place = Place::new();
    let digest = Digest::of(&quiet(1));
    {
        let _host = place.host(&[]);
        place.said(&["policy", "push", &place.file("one", &quiet(1))]);
        place.said(&["policy", "activate", &digest.short(12)]);
        until("it decides", || (place.active() == digest.short(12)).then_some(()));
    }
    // What a crash left between disk and journal is swept.
    let orphan = place.policies_folder().join("00".repeat(32));
    std::fs::create_dir(&orphan).unwrap();
    {
        let _host = place.host(&[]);
        assert_eq!(place.active(), digest.short(12));
        assert!(!orphan.exists(), "nobody had written it down");
        place.said(&["replay"]);
    }
    let component = place.policies_folder().join(digest.hex()).join("component.wasm");
    let mut bytes = std::fs::read(&component).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&component, bytes).unwrap();
    let _host = place.host(&[]);
    let history = place.said(&["policy", "history"]);
    assert!(history.contains("fell back to it") && history.contains("have another digest"), "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_pushed_from_a_registry_to_a_running_host() {
    let _already = rustls::crypto::ring::default_provider().install_default();
    let registry = FakeRegistry::start(Door::Open).await;
    let reference = |rest: &str| format!("oci://{}/team/guest{rest}", registry.host());
    let (component, patience) = (quiet(1), Patience::default());
    let tagged = reference(":1").parse().unwrap();
    let artifact = publish(&component, None, &tagged, None, &patience).await.unwrap();

    let place = Place::new();
    let _host = place.host(&[]);
    let digest = Digest::of(&component).short(12);
    let refused = place.fails(&["policy", "push", &reference(":2")], 3);
    assert!(refused.contains(":2") && !place.policies().contains(&digest), "{refused}");
    place.said(&["policy", "push", &reference(&format!("@{artifact}"))]);
    let shown = place.said(&["policy", "show", &digest]);
    assert!(shown.contains(&reference(&format!("@{artifact}"))), "where it came from: {shown}");
    place.said(&["policy", "activate", &digest]);
    until("it decides", || (place.active() == digest).then_some(()));
}

#[test]
fn rubbish_disturbs_nothing_and_leaves_nothing() {
    let place = Place::new();
    let _host = place.host(&[]);
    let before = (place.active(), place.policies());
    let good = quiet(1);
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 0x10;
    let rubbish: [(&str, &[u8], &str); 6] = [
        ("empty", b"", "format: "),
        ("page", b"<!doctype html><html></html>", "format: it is not WebAssembly, but text"),
        ("archive", &[0x1f, 0x8b, 8, 0, 0], "gzip"),
        ("cut", &good[..good.len() / 2], "structure: "),
        ("flipped", &flipped, ": "),
        ("module", b"\0asm\x01\0\0\0", "core module"),
    ];
    for (name, bytes, why) in rubbish {
        let told = place.fails(&["policy", "push", &place.file(name, bytes)], 1);
        assert!(told.contains(why) && told.contains("\nnext: "), "{name}: {told}");
    }
    // Two gigabytes of zeros are refused by their length, before a byte of them is read; and what gets past whoever asks is
    // refused by the host.
    let zeros = place.file("zeros", b"");
    fs::File::options().write(true).open(&zeros).unwrap().set_len(2 << 30).unwrap();
    let told = place.fails(&["policy", "push", &zeros], 2);
    assert!(told.contains("2147483648 bytes, of 33554432 at most"), "{told}");
    let _already = rustls::crypto::ring::default_provider().install_default();
    let client = Client::at(&place.world()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let told = runtime.block_on(client.push("zeros", vec![0; (32 << 20) + 1], None)).unwrap_err();
    let told = quarterdeck::driver::chain(&told);
    assert!(told.contains("size: ") || told.contains("ask the host"), "{told}");
    let trap = place.fails(&["policy", "push", &place.file("trap", &trapping())], 1);
    assert!(trap.contains("dry-decision: ") && trap.contains("unreachable"), "{trap}");
    assert_eq!((place.active(), place.policies()), before);
    let after = place.said(&["journal", "list"]);
    assert!(!after.contains("uploaded"), "{after}");
}

#[test]
fn a_shadow_is_asked_beside_and_promoted_after_clean_turns() {
    let place = Place::new();
    let _host = place.host(&["--between-turns", "5ms"]);
    let digest = Digest::of(&quiet(1)).short(12);
    place.said(&["policy", "push", &place.file("one", &quiet(1))]);
    place.said(&["policy", "shadow", &digest]);
    let turns = |place: &Place| place.json(&["policy", "shadow", "-o", "json"])["turns"].as_u64().unwrap();
    until("the shadow is asked", || {
        place.stir();
        (turns(&place) >= 3).then_some(())
    });
    let shadow = place.json(&["policy", "shadow", "-o", "json"]);
    assert!(
        shadow["differ"].as_u64().unwrap() > 0 && shadow["failed"] == 0,
        "it plans nothing, and steward did: {shadow}"
    );
    assert_ne!(place.active(), digest, "nothing follows from it");
    place.said(&["policy", "shadow", "--stop"]);
    place.fails(&["policy", "shadow"], 1);

    place.said(&["policy", "activate", &digest, "--after", "4"]);
    until("it was clean for long enough", || {
        place.stir();
        (place.active() == digest).then_some(())
    });
    let said = place.said(&["journal", "list", "--last", "400"]);
    assert!(said.matches("shadowed").count() >= 7, "{said}");
}
