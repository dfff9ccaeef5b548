//! Good guests whose contract differs from ours in one point.

use anyhow::ensure;

use super::{Generated, changed, variant};
use crate::guests::{self, CONTRACT, component, of_world};

pub(super) const ALL: &[Generated] = &[
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
