//! Each check refuses what it is for, and says so in words that an author can use.

use quarterdeck_core::upload::{Sample, Step};
use quarterdeck_tests::guests::{self, CONTRACT};

use super::{deciding, refused};

#[test]
fn every_step_refuses_what_it_is_for() {
    let wat = |text: &str| wat::parse_str(text).expect("a text");
    let module = |text: &str| guests::component(text, CONTRACT).expect("a component");
    let parts = ["prelude", "allocator", "describe"].map(|name| guests::text(name).expect("a part"));
    let decide = "(func (export \"quarterdeck:policy/decider@0.1.0#decide\") (param i32) (result i32) (i32.const 128))";
    let starting = format!("(module {} (func $s (loop $l (br $l))) (start $s) {decide})", parts.join("\n"));
    let silent = format!(
        "(module {}\n{} (func (export \"quarterdeck:policy/decider@0.1.0#describe\") (result i32) unreachable) {decide})",
        parts[0], parts[1]
    );
    for (bytes, step, says) in [
        (vec![0; 33 << 20], Step::Size, "of 33554432 at most"),
        (b"<!doctype html><title>404</title>".to_vec(), Step::Format, "not WebAssembly, but text"),
        (b"\x7fELF\x02\x01\x01".to_vec(), Step::Format, "a native or precompiled artifact"),
        (wat("(module)"), Step::Format, "it is a core module"),
        (b"\0asm\xff\0\x01\0".to_vec(), Step::Format, "its sections cannot be read"),
        (wat("(component (component $c) (export \"c\" (component $c)))"), Step::Structure, "it hands a component on"),
        (
            wat("(component (core module (func (result i32))))"),
            Step::Compile,
            "type mismatch: expected i32 but nothing on stack",
        ),
        (wat("(component)"), Step::Imports, "this component exports no quarterdeck:policy/decider"),
        (
            wat("(component (import \"wasi:sockets/tcp@0.2.0\" (instance)) (instance $i)
                 (export \"quarterdeck:policy/decider@0.1.0\" (instance $i)))"),
            Step::Imports,
            "wasi:sockets/tcp@0.2.0, which no profile gives",
        ),
        (module(&starting), Step::Instantiate, "guest:out-of-fuel"),
        (module(&silent), Step::Describe, "guest:trap"),
        (deciding("", "unreachable"), Step::DryDecision, "on \"nothing at all\": guest:trap"),
    ] {
        let (at, why, _) = refused(&bytes);
        assert!(at == step && why.contains(says), "expected {step:?} and {says:?}, saw {at:?}: {why}");
    }
}

#[test]
fn an_author_sees_the_log_the_cost_and_where_it_failed() {
    let more = "(data (i32.const 200) \"\\1b[2Jcounting\") (func $count_to_one_thousand unreachable)";
    let body = "(call $log (i32.const 2) (i32.const 200) (i32.const 12)) (call $count_to_one_thousand) (i32.const 128)";
    let (step, why, report) = refused(&deciding(more, body));
    assert_eq!(step, Step::DryDecision);
    assert!(why.contains(" of fuel, 65552 bytes of memory"), "{why}");
    let Sample { name, class, backtrace, logs, fuel, memory_bytes, .. } = &report.samples[0];
    assert_eq!((name.as_str(), class.as_str(), report.samples.len()), ("nothing at all", "guest:trap", 1));
    assert!(backtrace[0].contains("count_to_one_thousand"), "the backtrace has names: {backtrace:?}");
    assert!(*fuel > 0 && *memory_bytes == 65_552, "{report:#?}");
    assert_eq!(logs, &["warn: \\u{1b}[2Jcounting"]);
}

#[test]
fn a_policy_that_fails_where_it_says_what_it_is_shows_its_log_too() {
    let parts = ["prelude", "allocator"].map(|name| guests::text(name).expect("a part")).join("\n");
    let module = format!(
        "(module {parts} (data (i32.const 200) \"who am I\")
           (func (export \"quarterdeck:policy/decider@0.1.0#describe\") (result i32)
             (call $log (i32.const 3) (i32.const 200) (i32.const 8)) unreachable)
           (func (export \"quarterdeck:policy/decider@0.1.0#decide\") (param i32) (result i32) (i32.const 128)))"
    );
    let (step, _, report) = refused(&guests::component(&module, CONTRACT).expect("a component"));
    assert_eq!((step, report.samples[0].name.as_str()), (Step::Describe, "describe"));
    assert_eq!(report.samples[0].logs, ["error: who am I"]);
}
