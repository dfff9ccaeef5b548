//! Components that are small to send and large to compile or to bring to life.

use super::{Generated, HEADER, assemble, bare_decider, beside, exporting, leb, nested, section, with};

pub(super) const ALL: &[Generated] = &[
    (
        "nested-1000",
        "refused: more than 8 deep",
        "1,000 components inside one another: the compiler's memory grows with the square.",
        || Ok(nested(1_000)),
    ),
    (
        "nested-10000",
        "refused: more than 8 deep",
        "10,000 components inside one another, which took the compiler 2 GB.",
        || Ok(nested(10_000)),
    ),
    (
        "instances-doubling",
        "refused: instantiating it would make",
        "Each component instantiates the one before twice, 26 times: 1.4 KB that took the compiler 18 GB.",
        || {
            let mut text = "(component (component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
            for i in 1..=26 {
                text += &format!(
                    "(component $c{i} (alias outer 1 $c{} (component $p)) (instance (instantiate $p)) (instance (instantiate $p)))",
                    i - 1
                );
            }
            assemble(&(text + "(instance (instantiate $c26)))"))
        },
    ),
    ("instances-1000", "refused: instantiating it would make", "One module, instantiated a thousand times.", || {
        assemble(&format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(1_000)))
    }),
    (
        "components-1000",
        "refused: more than 200 modules and components",
        "A thousand empty components side by side.",
        || assemble(&format!("(component {})", "(component)".repeat(1_000))),
    ),
    (
        "functions-many",
        "refused: it has 60005 functions, of 60000 at most",
        "60,005 functions, each of which takes the compiler 0.2 ms.",
        || with(&"(func)".repeat(60_001)),
    ),
    (
        "function-blocks-deep",
        "decided",
        "One function of 5,000 blocks inside one another, for whoever reads it by recursion.",
        || with(&format!("(func {}{})", "(block ".repeat(5_000), ")".repeat(5_000))),
    ),
    (
        "function-locals-many",
        "refused: compile the component",
        "One function with 60,000 locals, which register allocators fear.",
        || beside(&format!("(func (local {}))", "i64 ".repeat(60_000))),
    ),
    ("function-huge", "refused: compile the component", "One function of 8 MB.", || {
        let mut code = vec![1];
        leb(&mut code, (8 << 20) + 2);
        code.push(0);
        code.extend(vec![0x01; 8 << 20]);
        code.push(0x0b);
        let module =
            [b"\0asm\x01\0\0\0", &section(1, b"\x01\x60\0\0")[..], &section(3, b"\x01\0"), &section(10, &code)];
        Ok([HEADER, &section(1, &module.concat()), &bare_decider()?].concat())
    }),
    (
        "function-arithmetic",
        "decided",
        "One function of 10,000 sums without a branch, each of all those before.",
        || {
            let sums: String = (0..10_000)
                .map(|i| {
                    format!(
                        "(local.set {} (i64.add (local.get {}) (i64.rotl (local.get {}) (i64.const {}))))",
                        i % 8,
                        (i + 1) % 8,
                        (i + 3) % 8,
                        i % 63
                    )
                })
                .collect();
            with(&format!("(func (param i64 i64 i64 i64 i64 i64 i64 i64) {sums})"))
        },
    ),
    ("branch-table-huge", "refused: compile the component", "One branch with 100,000 targets.", || {
        beside(&format!("(func (param i32) (block (br_table {}(local.get 0))))", "0 ".repeat(100_000)))
    }),
    ("globals-70000", "refused: compile the component", "70,000 globals: 1.1 MB in every instance.", || {
        beside(&"(global i64 (i64.const 1))".repeat(70_000))
    }),
    ("memories-1000", "refused: compile the component", "1,000 memories.", || beside(&"(memory 1)".repeat(1_000))),
    ("memories-90", "refused: compile the component", "90 memories: valid, and 360 GiB of address space.", || {
        with(&"(memory 1)".repeat(90))
    }),
    ("tables-1000", "refused: compile the component", "1,000 tables.", || beside(&"(table 1 funcref)".repeat(1_000))),
    ("table-huge", "refused: compile the component", "A table of 10,000,000 elements from the start.", || {
        with("(table 10_000_000 funcref)")
    }),
    ("exports-20000", "decided", "A module with 20,000 exports that nobody asks for.", || {
        with(&(0..20_000).map(|i| format!("(export \"e{i}\" (func $log))")).collect::<String>())
    }),
    (
        "imports-1000",
        "refused: and 995 more, which no profile gives",
        "Asks for a thousand interfaces: five are named in the refusal.",
        || {
            let imports: String =
                (0..1_000).map(|i| format!("(import \"acme:shell/run{i}@1.0.0\" (instance))")).collect();
            assemble(&format!(
                "(component {imports} (instance $i) (export \"quarterdeck:policy/decider@0.1.0\" (instance $i)))"
            ))
        },
    ),
    (
        "type-doubling",
        "refused: compile the component",
        "A tuple of two of a tuple of two, 40 times: a type of 2^40 parts in 1 KB.",
        || {
            let types: String = (1..=40).map(|i| format!("(type $t{i} (tuple $t{} $t{}))", i - 1, i - 1)).collect();
            assemble(&exporting(&format!("(type $t0 (tuple u8 u8)) {types}"), "$t40"))
        },
    ),
    ("type-lists-deep", "refused: compile the component", "A list of lists, 1,000 deep.", || {
        let types: String = (1..1_000).map(|i| format!("(type $t{i} (list $t{}))", i - 1)).collect();
        assemble(&exporting(&format!("(type $t0 (list u8)) {types}"), "$t999"))
    }),
    (
        "types-deep",
        "refused: its types may be nested deeper than",
        "Component types inside one another, 10,000 deep: 3.9 KB of them overflow the reader's own stack.",
        || {
            let mut body = vec![1];
            for _ in 0..10_000 {
                body.extend([0x41, 1, 1]);
            }
            body.extend([0x41, 0]);
            Ok([HEADER, &section(7, &body)].concat())
        },
    ),
    ("types-many", "refused: compile the component", "1,100,000 types in a row.", || {
        let mut body = vec![];
        leb(&mut body, 1_100_000);
        body.extend([0x40, 0, 1, 0].repeat(1_100_000));
        Ok([HEADER, &section(7, &body), &bare_decider()?].concat())
    }),
    (
        "data-huge",
        "refused: guest:trap",
        "A data segment of 4 MiB for a memory of one page: only instantiating shows that it does not fit.",
        || with(&format!("(data (i32.const 0) \"{}\")", "x".repeat(4 << 20))),
    ),
    ("data-segments-many", "refused: compile the component", "110,000 data segments of one byte.", || {
        beside(&"(data (i32.const 300) \"x\")".repeat(110_000))
    }),
    (
        "elements-many",
        "refused: it has 100001 elements for its tables, of 100000 at most",
        "A segment of 100,001 elements: no byte of a file takes the compiler longer.",
        || with(&format!("(table $t 1 funcref) (elem (table $t) (i32.const 0) func {})", "$log ".repeat(100_001))),
    ),
    (
        "elements-beyond",
        "refused: guest:trap",
        "A segment of 100 elements for a table of one: only instantiating shows that it does not fit.",
        || with(&format!("(table $t 1 funcref) (elem (table $t) (i32.const 0) func {})", "$log ".repeat(100))),
    ),
];
