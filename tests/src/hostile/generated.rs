//! Hostile guests that are made by code: the same bytes every time.

use anyhow::{Context as _, Result, ensure};
use quarterdeck::decide::engine_config;
use quarterdeck::decide::structure::COMPONENT_BYTES_MAX;

use crate::guests::{self, CONTRACT, component, of_world};

/// Name, what must come of it, what it does, and how it is made.
type Generated = (&'static str, &'static str, &'static str, fn() -> Result<Vec<u8>>);

pub(super) const ALL: &[Generated] = &[
    // What is no component.
    ("file-empty", "refused: not WebAssembly, but empty", "No bytes at all.", || Ok(vec![])),
    (
        "file-text",
        "refused: not WebAssembly, but text",
        "A component in the text format: only binaries are taken.",
        || Ok(guests::text("floor")?.into_bytes()),
    ),
    ("file-html", "refused: not WebAssembly, but text", "An error page that somebody saved as a policy.", || {
        Ok(b"<!doctype html>\n<html><head><title>404 Not Found</title></head><body>nginx</body></html>\n".to_vec())
    }),
    (
        "file-gzip",
        "refused: not WebAssembly, but a gzip archive",
        "A compressed file: what it unpacks to is not looked at.",
        || Ok([&b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..], &[0; 4096]].concat()),
    ),
    ("file-zeroes", "refused: not WebAssembly, but something else", "4 KiB of zeroes.", || Ok(vec![0; 4096])),
    ("file-noise", "refused: not WebAssembly, but something else", "64 KiB of noise.", || Ok(noise(64 << 10))),
    (
        "file-noise-behind-header",
        "refused: its sections cannot be read",
        "The first eight bytes of a component, and noise.",
        || Ok([HEADER, &noise(64 << 10)].concat()),
    ),
    (
        "file-too-large",
        "refused: of 33554432 at most",
        "A good component with a section of padding, one byte over the size.",
        || {
            let good = floor()?;
            let padding = COMPONENT_BYTES_MAX - good.len();
            Ok(custom(good, padding))
        },
    ),
    ("file-elf", "refused: a native or precompiled artifact", "A native program.", || {
        Ok([&b"\x7fELF\x02\x01\x01"[..], &[0; 4089]].concat())
    }),
    (
        "precompiled",
        "refused: a native or precompiled artifact, which is never taken from outside",
        "The floor, compiled by this very engine: machine code runs without a sandbox, so nobody's but ours is taken.",
        || {
            wasmtime::Engine::new(&engine_config())
                .and_then(|engine| engine.precompile_component(&floor().expect("the floor")))
                .map_err(|error| anyhow::anyhow!("{error}"))
        },
    ),
    (
        "precompiled-inside",
        "refused: its sections cannot be read",
        "A precompiled artifact where a component has its core module.",
        || {
            let artifact = wasmtime::Engine::new(&engine_config())
                .and_then(|engine| engine.precompile_component(&floor().expect("the floor")));
            let artifact = artifact.map_err(|error| anyhow::anyhow!("{error}"))?;
            let export = wat::parse_str(
                "(component (instance $i) (export \"quarterdeck:policy/decider@0.1.0\" (instance $i)))",
            )?;
            Ok([HEADER, &section(1, &artifact), &export[HEADER.len()..]].concat())
        },
    ),
    ("module-core-binary", "refused: it is a core module", "The good guest before it was made a component.", || {
        Ok(wat::parse_str(guests::text("floor")?)?)
    }),
    ("version-future", "refused: its sections cannot be read", "A component of a format to come.", || {
        Ok([b"\0asm\xff\0\x01\0", &floor()?[8..]].concat())
    }),
    // What is cut off or spoiled.
    ("cut-in-header", "refused: its sections cannot be read", "A good component after six bytes.", || {
        Ok(floor()?[..6].to_vec())
    }),
    ("cut-after-header", "refused: exports nothing", "A good component after its header.", || {
        Ok(floor()?[..8].to_vec())
    }),
    ("cut-in-half", "refused: its sections cannot be read", "The first half of a good component.", || {
        let good = floor()?;
        Ok(good[..good.len() / 2].to_vec())
    }),
    ("cut-at-the-end", "refused: its sections cannot be read", "A good component without its last byte.", || {
        let mut good = floor()?;
        good.pop();
        Ok(good)
    }),
    (
        "bit-flipped-kind",
        "refused: it is a core module",
        "A good component, with the one bit changed that says that it is none.",
        || {
            let mut good = floor()?;
            good[6] ^= 1;
            good[4] = 1;
            Ok(good)
        },
    ),
    (
        "bit-flipped-code",
        "refused: compile the component",
        "A good component, with one bit of an instruction changed.",
        || {
            let mut good = floor()?;
            let at = find(&good, &[0x41, 0x80, 0x01, 0x0b])?;
            good[at] ^= 0x40;
            Ok(good)
        },
    ),
    (
        "bit-flipped-name",
        "refused: it exports quarterdeck:policy/decidez@0.1.0",
        "A good component, with one bit changed in the name of what it exports.",
        || {
            let mut good = floor()?;
            let name = b"quarterdeck:policy/decider@0.1.0";
            let mut rest = 0;
            while let Ok(at) = find(&good[rest..], name) {
                good[rest + at + name.len() - 7] = b'z';
                rest += at + name.len();
            }
            Ok(good)
        },
    ),
    (
        "section-lying",
        "refused: its sections cannot be read",
        "A good component and a section of 4 GiB that is not there.",
        || Ok([&floor()?[..], b"\0\xf0\xff\xff\xff\x0f\x04junk"].concat()),
    ),
    (
        "section-unknown",
        "refused: malformed section id: 99",
        "A good component and a section of a kind that does not exist.",
        || Ok([floor()?, section(99, b"junk")].concat()),
    ),
    (
        "section-length-overlong",
        "refused: its sections cannot be read",
        "A length in eleven bytes, where five are the most.",
        || Ok([HEADER, b"\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"].concat()),
    ),
    ("custom-section-huge", "decided", "A good component with 10 MiB that mean nothing: they are dropped.", || {
        Ok(custom(floor()?, 10 << 20))
    }),
    ("custom-sections-many", "decided", "A good component with 100,000 empty sections.", || {
        Ok([floor()?, section(0, b"\x04junk").repeat(100_000)].concat())
    }),
    (
        "name-section-lying",
        "decided",
        "A good component whose names for its functions are rubbish: they are for people, and nothing hangs on them.",
        || {
            Ok([floor()?, section(0, &[&b"\x0ecomponent-name\x01\xff\xff\xff\xff\x0f"[..], &noise(64)].concat())]
                .concat())
        },
    ),
    // Compile bombs.
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
    // Wrong signatures.
    (
        "contract-next",
        "refused: this component exports quarterdeck:policy/decider@0.2.0; this host speaks 0.1.0",
        "Right in all but the version of the contract.",
        || {
            let module = guests::text("floor")?.replace("@0.1.0", "@0.2.0");
            component(&module, &changed("package quarterdeck:policy@0.1.0", "package quarterdeck:policy@0.2.0")?)
        },
    ),
    (
        "contract-patch",
        "refused: this component exports quarterdeck:policy/decider@0.1.1; this host speaks 0.1.0",
        "Right in all but the last number of the contract's version.",
        || {
            let module = guests::text("floor")?.replace("@0.1.0", "@0.1.1");
            component(&module, &changed("package quarterdeck:policy@0.1.0", "package quarterdeck:policy@0.1.1")?)
        },
    ),
    (
        "contract-of-another",
        "refused: exports no quarterdeck:policy/decider; it exports acme:policy/decider@0.1.0",
        "Right in all but the owner of the contract.",
        || {
            let module = guests::text("floor")?.replace("quarterdeck:policy", "acme:policy");
            component(&module, &changed("package quarterdeck:policy@0.1.0", "package acme:policy@0.1.0")?)
        },
    ),
    (
        "decide-takes-text",
        "refused: `decide(situation)` is `string` where the contract has record `situation`",
        "Would be shown a text.",
        || {
            let module = guests::text("floor")?
                .replace("(param i32) (result i32) (i32.const 128)", "(param i32 i32) (result i32) (i32.const 128)");
            component(&module, &changed("decide: func(situation: situation)", "decide: func(situation: string)")?)
        },
    ),
    (
        "decide-takes-nothing",
        "refused: `decide` is a function of 0 parameters",
        "Decides without being shown anything.",
        || {
            let module = guests::text("floor")?
                .replace("(param i32) (result i32) (i32.const 128)", "(result i32) (i32.const 128)");
            component(&module, &changed("decide: func(situation: situation)", "decide: func()")?)
        },
    ),
    (
        "decide-without-error",
        "refused: `decide()` is a record where the contract has a result",
        "Can't say that it can't decide.",
        || {
            variant(
                "decide: func(situation: situation) -> result<decision, string>",
                "decide: func(situation: situation) -> decision",
            )
        },
    ),
    (
        "describe-missing",
        "refused: `describe` is missing where the contract has a function",
        "Never says what it is.",
        || {
            let module = guests::text("floor")?.replace(
                "  (func (export \"quarterdeck:policy/decider@0.1.0#describe\") (result i32) (i32.const 16))",
                "",
            );
            component(&module, &changed("  describe: func() -> description;\n", "")?)
        },
    ),
    (
        "describe-takes-text",
        "refused: `describe` is a function of 1 parameters where the contract has a function of 0 parameters",
        "Wants to be told what to say that it is.",
        || {
            let module = guests::text("floor")?.replace("#describe\") (result", "#describe\") (param i32 i32) (result");
            component(
                &module,
                &changed("describe: func() -> description", "describe: func(of: string) -> description")?,
            )
        },
    ),
    (
        "type-other-kind",
        "refused: `decide(situation).findings[].severity` is `string` where the contract has enum `severity`",
        "A text where the contract has one of three cases.",
        || variant("severity: severity,\n    object", "severity: string,\n    object"),
    ),
    (
        "type-wider",
        "refused: `decide(situation).turn` is `u64` where the contract has `u32`",
        "A number that is wider than the contract's.",
        || variant("turn: u32,\n    now", "turn: u64,\n    now"),
    ),
    (
        "type-field-missing",
        "refused: with the field `more` where the contract has `parked`",
        "A record without one of its fields.",
        || variant("    parked: option<string>,\n", ""),
    ),
    (
        "type-case-renamed",
        "refused: with the case `waiting` where the contract has `pending`",
        "A case under another name.",
        || variant("    pending,\n    assessed(assessment)", "    waiting,\n    assessed(assessment)"),
    ),
    (
        "type-case-added",
        "refused: is with the case `reboot` where the contract has no more",
        "An action that the contract does not have.",
        || variant("    acknowledge(acknowledge),\n  }", "    acknowledge(acknowledge),\n    reboot,\n  }"),
    ),
    (
        "log-answers",
        "refused: `logging.log()` is `string` where the contract has nothing",
        "Wants an answer to what it logs, which would tell it where it runs.",
        || {
            let module = guests::text("floor")?
                .replace("(func $log (param i32 i32 i32))", "(func $log (param i32 i32 i32 i32))");
            let module = module.replace(
                "(result i32) (i32.const 128)",
                "(result i32) (call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 128)",
            );
            component(
                &module,
                &changed(
                    "log: func(level: level, message: string);",
                    "log: func(level: level, message: string) -> string;",
                )?,
            )
        },
    ),
    (
        "log-and-more",
        "refused: `logging.now` is a function where the contract has nothing",
        "Wants the time from the log.",
        || {
            let module = guests::text("floor")?.replace(
                "  (memory $memory",
                "  (import \"quarterdeck:policy/logging@0.1.0\" \"now\" (func $now (result i64)))\n  (memory $memory",
            );
            component(
                &module,
                &changed(
                    "log: func(level: level, message: string);",
                    "log: func(level: level, message: string);\n  now: func() -> u64;",
                )?,
            )
        },
    ),
    ("wasi-wrong-signature", "refused: link the component", "Wants the wall clock to answer in words.", || {
        let module = guests::text("floor")?.replace(
            "  (memory $memory",
            "  (import \"wasi:clocks/wall-clock@0.2.6\" \"now\" (func $now (param i32)))\n  (memory $memory",
        );
        let added = std::fs::read_to_string(guests::folder().join("wasi.wit"))?;
        ensure!(added.contains("now: func() -> datetime;"), "the world has changed");
        of_world(
            &module,
            &format!("{CONTRACT}{}", added.replace("now: func() -> datetime;", "now: func() -> string;")),
            "wasi",
        )
    }),
];

/// How every component begins.
const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

/// A well-behaved guest.
fn floor() -> Result<Vec<u8>> {
    guests::named("floor")
}

/// The well-behaved guest with something more in its module.
fn with(more: &str) -> Result<Vec<u8>> {
    let text = guests::text("floor")?;
    let module = text.trim_end().strip_suffix(')').context("the floor is a module")?;
    component(&format!("{module}\n{more})"), CONTRACT)
}

/// A component with a module that is never instantiated, which the tools here would refuse to make a component of.
fn beside(fields: &str) -> Result<Vec<u8>> {
    assemble(&format!(
        "(component (core module {fields}) (instance $i) (export \"quarterdeck:policy/decider@0.1.0\" (instance $i)))"
    ))
}

/// The contract with a change.
fn changed(from: &str, to: &str) -> Result<String> {
    ensure!(CONTRACT.contains(from), "the contract no longer says {from:?}");
    Ok(CONTRACT.replace(from, to))
}

/// The well-behaved guest, made for a contract with a change.
fn variant(from: &str, to: &str) -> Result<Vec<u8>> {
    component(&guests::text("floor")?, &changed(from, to)?)
}

fn assemble(text: &str) -> Result<Vec<u8>> {
    Ok(wat::parse_str(text)?)
}

/// A component of these types that exports a decider by name, and a function that takes one of them.
fn exporting(types: &str, ty: &str) -> String {
    format!(
        "(component {types} (import \"quarterdeck:policy/logging@0.1.0\" (instance (export \"log\" (func (param \"x\" {ty}))))) \
         (instance $i) (export \"quarterdeck:policy/decider@0.1.0\" (instance $i)))"
    )
}

/// The sections of a component that exports a decider with nothing in it.
fn bare_decider() -> Result<Vec<u8>> {
    let whole = assemble("(component (instance $i) (export \"quarterdeck:policy/decider@0.1.0\" (instance $i)))")?;
    Ok(whole[HEADER.len()..].to_vec())
}

/// Components inside one another. The text format refuses such a depth.
fn nested(levels: usize) -> Vec<u8> {
    (0..levels).fold(HEADER.to_vec(), |inner, _| [HEADER, &section(4, &inner)].concat())
}

/// A component with a section of padding of so many bytes.
fn custom(component: Vec<u8>, bytes: usize) -> Vec<u8> {
    [component, section(0, &[&b"\x04junk"[..], &vec![0; bytes]].concat())].concat()
}

fn section(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut section = vec![kind];
    leb(&mut section, body.len());
    section.extend_from_slice(body);
    section
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

fn find(bytes: &[u8], part: &[u8]) -> Result<usize> {
    bytes.windows(part.len()).position(|window| window == part).context("the guest no longer has these bytes")
}

/// Bytes that look random and are the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}
