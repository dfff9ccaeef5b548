//! `policy check`, as its users start it.

use std::path::Path;
use std::process::Output;

use quarterdeck_tests::guests;
use quarterdeck_tests::program::command;
use serde_json::Value;

use super::deciding;

fn check(data: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        command(data, &[&["policy", "check"], arguments].concat()).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("it is text");
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_file_is_checked_without_a_host_and_nothing_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let steward = guests::folder().join("../../guest-policies/prebuilt/steward.wasm");
    let steward = steward.to_str().expect("a plain path");
    let (code, out, err) = check(folder.path(), &[steward]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    for part in [
        "Checks:   ok\n",
        "size           ok",
        "signature      not asked",
        "dry-decision   ok",
        "steward",
        "one mission",
    ] {
        assert!(out.contains(part), "{part:?}: {out}");
    }
    let (code, out, _) = check(folder.path(), &[steward, "-o", "json"]);
    let report: Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!(
        (code, &report["kind"], &report["checks"][9]["step"]),
        (Some(0), &"PolicyReport".into(), &"replay".into())
    );
    assert_eq!(report["samples"].as_array().map(Vec::len), Some(4));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "no file is left");
}

#[test]
fn a_refusal_names_its_step_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("it can be written");
        path.to_str().expect("a plain path").to_owned()
    };
    let trap = deciding(
        "(data (i32.const 200) \"last words\") (func $fall unreachable)",
        "(call $log (i32.const 2) (i32.const 200) (i32.const 10)) (call $fall) (i32.const 128)",
    );
    let (code, out, err) = check(folder.path(), &[&file("trap.wasm", &trap)]);
    assert_eq!(code, Some(1), "{out}{err}");
    for part in ["Checks:   refused: dry-decision", "dry-decision   refused", "warn: last words", "fall"] {
        assert!(out.contains(part), "{part:?}: {out}");
    }
    for part in ["error: check ", "because: dry-decision: on \"nothing at all\": guest:trap", "next: mend the policy"] {
        assert!(err.contains(part), "{part:?}: {err}");
    }
    let (code, out, err) = check(folder.path(), &[&file("page.html", b"<html>"), "-o", "json"]);
    let report: Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!((code, &report["checks"][1]["outcome"]), (Some(1), &"refused".into()), "{err}");
    let (code, _, err) = check(folder.path(), &["/nowhere.wasm"]);
    assert!(code == Some(2) && err.contains("error: read /nowhere.wasm"), "{err}");
    let (code, _, err) =
        check(folder.path(), &[&file("good.wasm", &guests::named("floor").expect("it")), "--turns", "9"]);
    assert!(code == Some(3) && err.contains("there is no journal"), "{err}");
}
