//! Guests that mean harm. Each file in `tests/guests/hostile` says in its first line what must come of it: the class
//! of the answer, or `refused:` and a part of the reason. Afterwards a good policy must decide as it did before.

use quarterdeck_core::encoding;
use quarterdeck_tests::{guests, shape};

use super::{SANDBOX, chain, policy};

#[test]
fn every_hostile_guest_gets_what_it_deserves_and_hurts_nobody_else() {
    let situation = encoding::encode(&shape::situation(1 << 10));
    let good = policy("floor");
    let before = good.decide(&situation);
    assert_eq!(before.class.name(), "decided");

    let mut names: Vec<String> = std::fs::read_dir(guests::folder().join("hostile"))
        .expect("the folder of hostile guests")
        .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() > 40, "the hostile guests are gone");

    let mut wrong = vec![];
    for name in names {
        let text = guests::text(&format!("hostile/{name}")).expect("a text");
        let expected = text.lines().next().and_then(|line| line.strip_prefix(";; expect: ")).expect("an expectation");
        let bytes = guests::named(&format!("hostile/{name}")).expect("bytes");
        let seen = match SANDBOX.load(&bytes) {
            Err(error) => format!("refused: {}", chain(&error)),
            Ok(policy) => {
                let answer = policy.decide(&situation);
                // The same again, to the byte: a class that depends on chance is none.
                assert_eq!(answer, policy.decide(&situation), "{name}");
                answer.class.name()
            }
        };
        let as_expected = match expected.strip_prefix("refused: ") {
            Some(part) => seen.starts_with("refused: ") && seen.contains(part),
            None => seen == expected,
        };
        if !as_expected {
            wrong.push(format!("{name}: expected {expected}, saw {seen}"));
        }
        assert_eq!(good.decide(&situation), before, "the good policy after {name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
