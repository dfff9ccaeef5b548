//! A child that a guest has taken over says what it likes. Here a script plays it: whatever it says out of turn, too large
//! or too early, the upload is refused in the step that it was in, in one sentence, and nothing of it is kept.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use quarterdeck::decide::upload::{Demands, examine};
use quarterdeck_core::encoding;
use quarterdeck_core::upload::Step;
use quarterdeck_tests::guests;

/// The words of a child, as `printf` has them: a kind, a length, and the encoding's version with
/// a case of what is told; `V` stands for that version.
const CONFINED: &str = r"\000\002\000\000\000V\000";
const CODE: &str = r"\001\001\000\000\000X";
const COMPILED: &str = r"\000\004\000\000\000V\002\004\000";
const IMPORTED: &str = r"\000\004\000\000\000V\002\005\000";
const PURE: &str = r"\000\003\000\000\000V\004\000";
const LIVES: &str = r"\000\004\000\000\000V\002\006\000";
const DESCRIBED: &str = r"\000\004\000\000\000V\002\007\000";

fn versioned(words: &str) -> String {
    words.replace('V', &format!(r"\{:03o}", encoding::VERSION))
}

#[test]
fn whatever_a_child_says_out_of_turn_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let floor = guests::named("floor").expect("the floor");
    for (number, (words, then, step, says)) in [
        (vec![CONFINED, r"\007\000\000\000\000"], "", Step::Compile, "a frame of the kind 7"),
        (vec![CONFINED, r"\001\377\377\377\377"], "", Step::Compile, "a frame of 4294967295 bytes"),
        (vec![CONFINED, r"\000\002\000\000\000V\377"], "", Step::Compile, "no value of this type"),
        (vec![CODE], "", Step::Compile, "bytes that nobody asked for"),
        (vec![COMPILED], "", Step::Compile, "a step out of turn"),
        (vec![CONFINED, COMPILED], "", Step::Compile, "a step out of turn"),
        (vec![CONFINED, CODE, IMPORTED], "", Step::Compile, "a step out of turn"),
        (vec![CONFINED, CODE, CODE], "", Step::Compile, "bytes that nobody asked for"),
        (vec![CONFINED, CODE, COMPILED, IMPORTED], "", Step::Imports, "a step out of turn"),
        (vec![CONFINED, CODE, COMPILED, PURE, PURE], "", Step::Imports, "a profile out of turn"),
        (vec![CONFINED, CODE, COMPILED, PURE, IMPORTED, LIVES, DESCRIBED], "", Step::Describe, "a step out of turn"),
        (vec![CONFINED, CODE, COMPILED, PURE, IMPORTED, LIVES], "", Step::Describe, "it ended with the code 0 before"),
        (vec![CONFINED], "exit 3", Step::Compile, "it ended with the code 3 before it had answered"),
        (vec![CONFINED, CODE], "kill -SEGV $$", Step::Compile, "it crashed with the signal 11"),
        (vec![CONFINED, CODE], "kill -KILL $$", Step::Compile, "somebody killed it"),
    ]
    .into_iter()
    .enumerate()
    {
        let program = folder.path().join(format!("child-{number}"));
        let said: String = words.iter().map(|word| format!("printf '{}'\n", versioned(word))).collect();
        fs::write(&program, format!("#!/bin/sh\n{said}{then}\n")).expect("it can be written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it can be made a program");
        let examined = examine(&floor, Demands::default(), &program, &mut |_| {}).expect("it starts");
        let refusal = examined.report.refusal().unwrap_or_else(|| panic!("{words:?} is believed"));
        assert!(refusal.step == step && refusal.detail.contains(says), "{words:?}: {refusal:?}");
        assert!(examined.artifact.is_none());
    }
}

#[test]
fn a_child_that_could_not_give_up_its_rights_says_nothing_of_the_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("child");
    // `no seccomp`, as the reason why it does not begin.
    let words = r"\000\015\000\000\000V\001\012no seccomp";
    fs::write(&program, format!("#!/bin/sh\nprintf '{}'\n", versioned(words))).expect("it can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it can be made a program");
    let floor = guests::named("floor").expect("the floor");
    let error = examine(&floor, Demands::default(), &program, &mut |_| {}).err().expect("it is no report");
    assert_eq!(error.to_string(), "give up the rights of the process that examines a policy: no seccomp");
}
