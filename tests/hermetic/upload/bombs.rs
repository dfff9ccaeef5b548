//! Compile bombs: small files that would cost the compiler all memory or time. Each is refused within limits, by a process
//! that dies of it or by what is looked at before, and the host is as large afterwards as it was.

use std::fmt::Write as _;
use std::time::Duration;

use quarterdeck::decide::child::{Allowance, EXAMINE};
use quarterdeck::decide::upload::{Demands, examine};
use quarterdeck_core::upload::Step;
use quarterdeck_tests::program::program;

use super::{deciding, refused};

/// What this process has in memory, in KiB; other tests run in it as well, so only a bomb's GiB can be told from noise.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process has a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
}

/// A good policy with so many small functions, each with a loop and a call: 0.2 ms of the compiler each.
pub(super) fn functions(count: usize) -> Vec<u8> {
    let mut more = String::new();
    for i in 0..count {
        let called = (i * 7_919 + 1) % count;
        let _a_string_takes_all = write!(
            more,
            "(func $f{i} (param i32) (result i32) (block (loop (br_if 1 (i32.eqz (local.get 0)))
               (local.set 0 (call $f{called} (i32.sub (local.get 0) (i32.const {i})))) (br 0))) (local.get 0))"
        );
    }
    deciding(&more, "(i32.const 128)")
}

/// One function of so many steps, each on what the ones before left.
fn straight(count: usize) -> Vec<u8> {
    let mut body = String::new();
    for i in 0..count {
        let _a_string_takes_all = write!(
            body,
            "(local.set {} (i64.add (local.get {}) (i64.rotl (local.get {}) (i64.const {}))))",
            i % 4,
            (i + 1) % 4,
            (i + 2) % 4,
            i % 63 + 1
        );
    }
    deciding(&format!("(func (param i64 i64 i64 i64) (result i64) {body} (local.get 0))"), "(i32.const 128)")
}

/// Which step refuses it under an allowance, and why.
fn within(bytes: &[u8], allowance: Allowance) -> (Step, String) {
    let demands = Demands { allowance: Some(allowance), ..Demands::default() };
    let report = examine(bytes, demands, program(), &mut |_| {}).expect("this machine can examine").report;
    let check = report.refusal().unwrap_or_else(|| panic!("it must be refused: {report:#?}"));
    (check.step, check.detail.clone())
}

#[test]
fn what_takes_the_compiler_too_long_is_killed_by_its_own_clock_and_by_ours() {
    let long = functions(50_000);
    let (step, why) = within(&long, Allowance { cpu_seconds: Some(1), ..EXAMINE });
    assert_eq!(step, Step::Compile);
    assert_eq!(why, "the process without rights: it used up the 1 s of processor time that it may have");
    let (step, why) = within(&long, Allowance { deadline: Duration::from_secs(1), ..EXAMINE });
    assert_eq!(step, Step::Compile);
    assert_eq!(why, "the process without rights: it was not done within 1 s and was killed");
}

#[test]
fn what_takes_the_compiler_too_much_memory_is_aborted_and_the_host_does_not_grow() {
    let before = resident();
    // Compiling this one function takes some 200 MiB.
    let (step, why) = within(&straight(100_000), Allowance { data_bytes: 128 << 20, ..EXAMINE });
    assert_eq!(step, Step::Compile);
    assert_eq!(why, "the process without rights: it wanted more than the 128 MiB of memory that it may have");
    let grown = resident().saturating_sub(before);
    assert!(grown < 1 << 20, "the host has grown by {grown} KiB");
}

#[test]
fn what_multiplies_is_refused_before_anything_is_compiled() {
    let before = resident();
    // 1.4 KB that would make 2^26 instances.
    let mut doubling = "(component (component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for i in 1..=26 {
        let inner = i - 1;
        doubling += &format!(
            "(component $c{i} (alias outer 1 $c{inner} (component $p)) (instance (instantiate $p)) (instance (instantiate $p)))"
        );
    }
    doubling += "(instance (instantiate $c26)))";
    let (step, why, _) = refused(&wat::parse_str(doubling).expect("a text"));
    assert!(step == Step::Structure && why.contains("instantiating it would make"), "{why}");

    // Components inside one another, 10,000 deep: 119 KB that took the compiler 2 GB.
    let header = b"\0asm\x0d\0\x01\0";
    let mut nested = header.to_vec();
    for _ in 0..10_000 {
        let mut outer = header.to_vec();
        outer.push(4);
        leb(&mut outer, nested.len());
        outer.extend_from_slice(&nested);
        nested = outer;
    }
    let (step, why, _) = refused(&nested);
    assert!(step == Step::Structure && why.contains("more than 8 deep"), "{why}");
    let grown = resident().saturating_sub(before);
    assert!(grown < 1 << 20, "the host has grown by {grown} KiB");
}

#[test]
fn types_that_double_and_nest_are_refused_by_the_process_that_reads_them() {
    // A tuple of two of a tuple of two, 40 times: a type of 2^40 parts in 1 KB.
    let mut doubling = "(component (type $t0 (tuple u8 u8))".to_owned();
    for i in 1..=40 {
        let inner = i - 1;
        doubling += &format!("(type $t{i} (tuple $t{inner} $t{inner}))");
    }
    doubling += "(import \"log\" (func (param \"x\" $t40))))";
    let (step, why, _) = refused(&wat::parse_str(doubling).expect("a text"));
    assert!(step == Step::Compile && why.contains("effective type size"), "{step:?}: {why}");

    let mut nested = "(component (type $t0 (list u8))".to_owned();
    for i in 1..1_000 {
        let inner = i - 1;
        nested += &format!("(type $t{i} (list $t{inner}))");
    }
    nested += "(import \"log\" (func (param \"x\" $t999))))";
    let (step, why, _) = refused(&wat::parse_str(nested).expect("a text"));
    assert!(step == Step::Compile && why.contains("nest"), "{step:?}: {why}");
}

/// A number as WebAssembly writes it: seven bits a byte, the lowest first.
fn leb(to: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        to.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return;
        }
    }
}
