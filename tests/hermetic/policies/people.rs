//! Who has to say yes: signatures that the operator demands, and four eyes where the charter asks two.
//!
//! Being two users takes the right to become others, which root has: elsewhere that part says that it was not tried. The
//! rules themselves are tried in core.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use quarterdeck_core::digest::Digest;
use quarterdeck_tests::program::{self, until};

use super::place::{Place, quiet};

/// The group of approvers, and two of its members; no user of a machine has such numbers.
const GROUP: u32 = 61_210;
const ADA: u32 = 61_211;
const BEN: u32 = 61_212;

/// Two keys of three have to sign.
fn numbers(place: &Place) -> String {
    let mut text = "signatures:\n  needed: 2\n  keys:\n".to_owned();
    for name in ["ada", "ben", "eve"] {
        let key = place.path(&format!("{name}.key")).display().to_string();
        let pem = place.said(&["policy", "keygen", &key]);
        text += &format!("    - name: {name}\n      pem: |\n");
        pem.lines().for_each(|line| text += &format!("        {line}\n"));
    }
    let path = place.path("numbers.yaml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn what_too_few_have_signed_is_refused_and_two_of_three_are_enough() {
    let place = Place::new();
    let numbers = numbers(&place);
    let _host = place.host(&["--config", &numbers]);
    let file = place.file("one", &quiet(1));
    let sign = |name: &str| {
        place.said(&["policy", "sign", &file, "--key", &place.path(&format!("{name}.key")).display().to_string()]);
    };
    let push = ["policy", "push", &file];
    assert!(place.fails(&push, 1).contains("signature: "), "nobody has signed");
    sign("ada");
    let told = place.fails(&push, 1);
    assert!(told.contains("signature: ") && told.contains("ada"), "{told}");
    sign("ada");
    place.fails(&push, 1);
    sign("eve");
    place.said(&push);
    let shown = place.said(&["policy", "list"]);
    assert!(shown.contains("ada, eve"), "{shown}");
    // The same signatures say nothing of other bytes.
    let other = place.file("two", &quiet(2));
    fs::copy(format!("{file}.sig"), format!("{other}.sig")).unwrap();
    let told = place.fails(&["policy", "push", &other], 1);
    assert!(told.contains("signature: ") && told.contains("is about"), "{told}");
}

#[test]
fn where_four_eyes_are_asked_the_uploader_alone_activates_nothing() {
    if !rustix::process::geteuid().is_root() {
        println!("not tried: only root can be two other users");
        return;
    }
    let place = Place::new();
    fs::set_permissions(place.path("."), Permissions::from_mode(0o711)).unwrap();
    // Others may not pass through the folder that it was built in.
    let program = place.path("quarterdeck");
    fs::copy(program::program(), &program).unwrap();
    let says = |uid: u32, words: &[&str]| -> Output {
        let mut command = Command::new(&program);
        command.env_clear().env("HOME", place.path(".")).current_dir("/").uid(uid).gid(GROUP);
        command.arg("--data").arg(place.data()).args(words).stdin(Stdio::null());
        command.output().unwrap()
    };
    let _host = place.host(&["--charter", "production", "--approvers", &GROUP.to_string()]);
    let file = place.file("one", &quiet(1));
    let digest = Digest::of(&quiet(1)).short(12);
    place.said(&["policy", "push", &file]);
    place.said(&["policy", "activate", &digest]);
    let waits = place.fails(&["policy", "remove", &digest], 1);
    assert!(waits.contains("waits to be activated"), "{waits}");
    let policies = place.json(&["get", "approvals", "-o", "json"]);
    assert!(policies["items"].as_array().unwrap().is_empty(), "it is no plan: {policies}");
    let id = asked(&place);
    let told = place.fails(&["approve", &id], 1);
    assert!(told.contains("wants this policy to decide") && told.contains("do not count"), "{told}");
    let told = String::from_utf8_lossy(&says(ADA, &["policy", "activate", &digest]).stderr).into_owned();
    assert!(told.contains("approvers may look, approve and deny"), "{told}");
    for who in [ADA, BEN] {
        assert_ne!(place.active(), digest);
        assert!(says(who, &["approve", &id]).status.success());
    }
    until("it decides", || (place.active() == digest).then_some(()));
    let history = place.said(&["policy", "history"]);
    assert!(history.contains(&format!("{id} was granted")), "{history}");
}

/// The name of what is asked about the policy that waits.
fn asked(place: &Place) -> String {
    let list = place.said(&["journal", "list", "--last", "200"]);
    let from = list.find(" p-").expect("people are asked") + 1;
    list[from..].split(' ').next().expect("a name").to_owned()
}
