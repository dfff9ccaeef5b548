//! What is refused before anything runs, and whether the reason can be read.

use quarterdeck::decide::LoadError;
use quarterdeck_tests::guests::{self, CONTRACT, component};

use super::{SANDBOX, chain};

/// Loads bytes that must be refused, and gives the reason.
fn refused(bytes: &[u8]) -> String {
    chain(&SANDBOX.load(bytes).err().expect("it must be refused"))
}

fn refused_text(text: &str) -> String {
    refused(&wat::parse_str(text).expect("a component's text"))
}

/// The reason against the floor, built for another contract than ours.
fn refused_variant(from: &str, to: &str) -> String {
    assert!(CONTRACT.contains(from), "the contract no longer says {from:?}");
    let contract = CONTRACT.replace(from, to);
    // A string is two parameters of the core function.
    let module = match to {
        to if to.ends_with("@0.2.0") => guests::text("floor").map(|text| text.replace("@0.1.0", "@0.2.0")),
        to if to.ends_with("(situation: string)") => guests::text("floor").map(|text| {
            text.replace("(param i32) (result i32) (i32.const 128)", "(param i32 i32) (result i32) (i32.const 128)")
        }),
        to if to.starts_with("describe: func(of") => guests::text("floor")
            .map(|text| text.replace("#describe\") (result", "#describe\") (param i32 i32) (result")),
        _ => guests::text("floor"),
    };
    let module = module.expect("the floor");
    refused(&component(&module, &contract).expect("a component"))
}

#[test]
fn what_is_no_component_is_called_by_its_name() {
    for (bytes, said) in [
        (&b""[..], "not WebAssembly, but empty"),
        (b"(component)", "not WebAssembly, but text"),
        (b"\x7fELF\x02\x01\x01", "a native or precompiled artifact, which is never taken from outside"),
        (b"\x1f\x8b\x08\0\0\0", "not WebAssembly, but a gzip archive"),
        (b"\0\0\0\0\0\0\0\0", "not WebAssembly, but something else"),
        (b"\0asm\x01\0\0\0", "it is a core module, not a component"),
        (b"\0asm\xff\0\x01\0", "its sections cannot be read"),
    ] {
        let reason = refused(bytes);
        assert!(reason.contains(said), "{bytes:?}: {reason}");
    }
    assert!(refused(&vec![0; 33 << 20]).contains("of 33554432 at most"));
    let good = guests::named("floor").expect("the floor");
    assert!(refused(&good[..good.len() * 2 / 3]).contains("its sections cannot be read"));
}

#[test]
fn another_version_of_the_contract_is_told_by_its_number() {
    let reason = refused_variant("package quarterdeck:policy@0.1.0", "package quarterdeck:policy@0.2.0");
    assert!(
        reason.ends_with("this component exports quarterdeck:policy/decider@0.2.0; this host speaks 0.1.0"),
        "{reason}"
    );
}

#[test]
fn a_difference_in_shape_is_told_by_its_path() {
    for (from, to, said) in [
        (
            "severity: severity,\n    object",
            "severity: string,\n    object",
            "`decide(situation).findings[].severity` is `string` where the contract has enum `severity`",
        ),
        (
            "decide: func(situation: situation)",
            "decide: func(situation: string)",
            "`decide(situation)` is `string` where the contract has record `situation`",
        ),
        ("result<decision, string>", "result<decision>", "`decide().error` is nothing where the contract has `string`"),
        (
            "    parked: option<string>,\n",
            "",
            "`decide(situation).missions[]` is with the field `more` where the contract has `parked`",
        ),
        (
            "    pending,\n    assessed(assessment)",
            "    waiting,\n    assessed(assessment)",
            "`decide(situation).advice[].reply` is with the case `waiting` where the contract has `pending`",
        ),
        (
            "turn: u32,\n    now",
            "turn: u64,\n    now",
            "`decide(situation).turn` is `u64` where the contract has `u32`",
        ),
        (
            "memo: option<list<u8>>",
            "memo: option<string>",
            "`decide().ok.memo` is `string` where the contract has a list",
        ),
        (
            "describe: func() -> description",
            "describe: func(of: string) -> description",
            "`describe` is a function of 1 parameters where the contract has a function of 0 parameters",
        ),
    ] {
        let reason = refused_variant(from, to);
        assert!(reason.ends_with(said), "{from:?}: {reason}");
    }
}

#[test]
fn instances_are_multiplied_out_before_anything_is_compiled() {
    // 1.4 KB that would make 2^26 instances: without this pass the compiler takes 18 GB for it.
    let mut text = "(component (component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for i in 1..=26 {
        let inner = i - 1;
        text += &format!(
            "(component $c{i} (alias outer 1 $c{inner} (component $p)) (instance (instantiate $p)) (instance (instantiate $p)))"
        );
    }
    text += "(instance (instantiate $c26)))";
    assert!(refused_text(&text).contains("instantiating it would make"), "{}", refused_text(&text));
}

#[test]
fn components_handed_on_as_values_are_refused_since_they_cannot_be_counted() {
    let text = "(component (component $c) (instance $i (export \"c\" (component $c))) \
                (alias export $i \"c\" (component $d)) (instance (instantiate $d)))";
    assert!(refused_text(text).contains("it hands a component on (an alias)"));
    assert!(refused_text("(component (component $c) (export \"c\" (component $c)))").contains("(an export)"));
}

#[test]
fn depth_and_numbers_are_bounded() {
    // Section 4 of a component is a component; the text format refuses such a depth, so it is written as bytes.
    let header = b"\0asm\x0d\0\x01\0";
    let mut nested = header.to_vec();
    for _ in 0..10_000 {
        let mut outer = header.to_vec();
        outer.push(4);
        leb(&mut outer, nested.len());
        outer.extend_from_slice(&nested);
        nested = outer;
    }
    assert!(refused(&nested).contains("more than 8 deep"));
    let many = format!("(component {})", "(component)".repeat(300));
    assert!(refused_text(&many).contains("more than 200 modules and components"));
    let functions = format!("(component (core module {}))", "(func)".repeat(70_000));
    assert!(refused_text(&functions).contains("it has 70000 functions, of 60000 at most"));
}

#[test]
fn types_inside_one_another_are_refused_before_a_reader_runs_out_of_stack() {
    // Section 7: one type, a component type of one declaration, which is a type, which is … 10,000 times.
    let mut body = vec![1];
    for _ in 0..10_000 {
        body.extend([0x41, 1, 1]);
    }
    body.extend([0x41, 0]);
    let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
    leb(&mut bytes, body.len());
    bytes.extend(body);
    assert!(refused(&bytes).contains("its types may be nested deeper than"));
}

#[test]
fn a_component_with_any_bit_flipped_is_refused_or_decides_and_that_is_all() {
    let good = guests::named("floor").expect("the floor");
    let situation = quarterdeck_core::encoding::encode(&quarterdeck_tests::shape::situation(1 << 10));
    let (mut refused, mut loaded) = (0, 0);
    // Spread over the file by a number that is prime to its length.
    for (count, at) in (0..good.len()).map(|i| i * 7919 % good.len()).take(100).enumerate() {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (count % 8);
        match SANDBOX.load(&flipped) {
            Err(LoadError::Panic(said)) => panic!("bit {} of byte {at}: {said}", count % 8),
            Err(_) => refused += 1,
            Ok(policy) => {
                loaded += 1;
                assert_ne!(policy.decide(&situation).class.name(), "host:panic", "bit {} of byte {at}", count % 8);
            }
        }
    }
    assert!(refused > 0 && loaded > 0, "{refused} refused, {loaded} loaded: the flips miss what matters");
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
