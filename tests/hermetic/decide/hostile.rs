//! Guests that mean harm. Each module of the corpus says what must come of it: the class of the answer, or `refused:` and
//! a part of the reason. Afterwards a good policy must decide as it did before.

use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use quarterdeck::decide::{Probe, compare};
use quarterdeck_core::encoding;
use quarterdeck_tests::hostile::{self, Hostile};
use quarterdeck_tests::shape;

use super::{SANDBOX, chain, policy};
use crate::scenarios::bless;

/// What comes of a guest, by the words of its expectation.
fn seen(guest: &Hostile, situation: &[u8]) -> String {
    let bytes = match guest.bytes() {
        Ok(bytes) => bytes,
        Err(error) => return format!("nothing, for it cannot be made: {error:#}"),
    };
    match SANDBOX.load(&bytes) {
        Err(error) => format!("refused: {}", chain(&error)),
        Ok(policy) => {
            let answer = policy.decide(situation);
            // The same again, to the byte: a class that depends on chance is none.
            let again = policy.decide(situation);
            assert_eq!(answer, again, "{}", guest.name);
            let by_the_probe = compare(&answer.clone().into_journal(), &again.into_journal());
            let compared = !answer.class.name().starts_with("host:");
            assert_eq!(by_the_probe, if compared { Probe::Same } else { Probe::NotCompared }, "{}", guest.name);
            answer.class.name()
        }
    }
}

#[test]
fn every_hostile_guest_gets_what_it_deserves_and_hurts_nobody_else() {
    let situation = encoding::encode(&shape::situation(1 << 10));
    let good = policy("floor");
    let before = good.decide(&situation);
    assert_eq!(before.class.name(), "decided");
    let guests = hostile::all().expect("the corpus");
    assert!(guests.len() > 150, "the hostile guests are gone");

    // Two at a time, as a live policy and its shadow are.
    let (next, wrong) = (Mutex::new(guests.iter()), Mutex::new(vec![]));
    let take = || next.lock().expect("nobody panics with it").next();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(guest) = take() {
                    let began = Instant::now();
                    let seen = seen(guest, &situation);
                    println!("{:>6} ms  {:<32} {seen}", began.elapsed().as_millis(), guest.name);
                    if !guest.meets(&seen) {
                        let (name, expect) = (&guest.name, &guest.expect);
                        wrong
                            .lock()
                            .expect("nobody panics with it")
                            .push(format!("{name}: expected {expect}, saw {seen}"));
                    }
                    assert_eq!(good.decide(&situation), before, "the good policy after {}", guest.name);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("nobody panicked with it");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_is_published_as_it_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/hostile.md");
    let guests = hostile::all().expect("the corpus");
    for pair in guests.windows(2) {
        assert_ne!(pair[0].name, pair[1].name, "two guests have one name");
    }
    for guest in &guests {
        assert!(guest.does.ends_with('.'), "{} says in no sentence what it does", guest.name);
    }
    let table = hostile::table(&guests);
    if bless() {
        std::fs::write(&file, table).expect("the file can be written");
    } else {
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == table, "docs/hostile.md is not the corpus: QUARTERDECK_BLESS=1 writes it anew");
    }
}
