//! A thousand swaps between two policies while turns run flat out: no decision fails, each turn is decided wholly by one
//! policy, and nothing leaks.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;

use quarterdeck::api::local::{Activating, Client};
use quarterdeck::remember::journal;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Answered, Entry, Purpose};

use super::place::{Place, quiet};

const SWAPS: usize = 1_000;
/// The memory is looked at after so many, when everything that is made once has been made.
const WARM: usize = 200;
/// What a host may have more in the end than it had then, in KiB: its journal's ledger keeps 32 tenures, and the allocator's
/// own noise is some megabytes. A leak of a policy's code or of an instance in each swap would be hundreds.
const GROWTH_KIB_MAX: u64 = 24 << 10;

#[test]
fn a_thousand_swaps_fail_no_decision_and_leak_nothing() {
    let place = Place::new();
    // An error means that another test has installed it.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let host = place.host(&["--between-turns", "1ms"]);
    let digests = [1, 2].map(|number| {
        place.said(&["policy", "push", &place.file(&number.to_string(), &quiet(number))]);
        Digest::of(&quiet(number))
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Client::at(&place.world()).unwrap();
    let mut warm = 0;
    for swap in 0..SWAPS {
        let policy = digests[swap % 2].to_string();
        let wanted = Activating { policy, settings: vec![], purpose: Purpose::Activate { after: None } };
        runtime.block_on(async {
            // The one before may still be on its way: it decides from the next turn on.
            while let Err(error) = client.activate(&wanted).await {
                assert!(error.to_string().contains("decides already"), "{error}");
            }
        });
        if swap == WARM {
            warm = resident_kib(host.id());
        }
    }
    let end = resident_kib(host.id());
    println!("resident after {WARM} swaps {warm} KiB, after {SWAPS} {end} KiB");
    assert!(end < warm + GROWTH_KIB_MAX, "{warm} KiB after {WARM} swaps, {end} KiB after {SWAPS}");
    drop(host);

    let (mut active, mut swaps, mut turns) = (None, 0, 0);
    journal::read(&place.world().join("journal"), &mut |record| {
        if let Entry::Activated(activated) = &record.entry {
            swaps += 1;
            active = Some(activated.policy);
        } else if let Entry::Opened(opened) = &record.entry {
            turns += 1;
            assert_eq!(Some(opened.policy), active, "turn {} is decided wholly by one policy", opened.turn);
            assert!(matches!(opened.answer, Answered::Decided(_)), "turn {}", opened.turn);
        }
    })
    .unwrap();
    assert!(swaps > SWAPS * 9 / 10 && turns > SWAPS * 9 / 10, "{swaps} swaps in {turns} turns");
}

fn resident_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
