//! Signatures of policies: made by the command line, checked as an upload checks them, and by what others make.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::Parser as _;
use quarterdeck::cli::{Cli, Exit, Failure, execute};
use quarterdeck::config;
use quarterdeck::decide::signature::{SignatureRefused, Signed, verify};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::signature::{KnownKey, SignatureDemands, SignatureFile, VerifyingKey};
use quarterdeck_tests::{guests, program};
use tempfile::TempDir;

async fn said(words: &str) -> Result<(Exit, String), Failure> {
    let words = ["quarterdeck", "--data", "/nonexistent"].into_iter().chain(words.split_whitespace());
    execute(Cli::try_parse_from(words).unwrap()).await
}

/// A folder with a component, a key for each of these people, and the signatures of some of them.
struct Desk(TempDir);

impl Desk {
    async fn new(people: &[&str], signers: &[&str]) -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        fs::write(desk.path("lookout.wasm"), guests::named("counts").unwrap()).unwrap();
        for person in people {
            said(&format!("policy keygen {}", desk.path(&format!("{person}.key")))).await.unwrap();
        }
        for signer in signers {
            desk.sign(signer).await.unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    async fn sign(&self, signer: &str) -> Result<(Exit, String), Failure> {
        let (wasm, key) = (self.path("lookout.wasm"), self.path(&format!("{signer}.key")));
        said(&format!("policy sign {wasm} --key {key}")).await
    }

    fn demands(&self, needed: u32, people: &[&str]) -> SignatureDemands {
        let key = |name: &&str| {
            let pem = fs::read_to_string(self.path(&format!("{name}.key.pub"))).unwrap();
            KnownKey { name: (*name).to_owned(), pem: VerifyingKey::read(&pem).unwrap() }
        };
        SignatureDemands { needed, keys: people.iter().map(key).collect() }
    }

    /// As an upload asks.
    fn verify(&self, demands: &SignatureDemands) -> Result<Signed, SignatureRefused> {
        verify(&self.read("lookout.wasm"), Some(&self.read("lookout.wasm.sig")), demands)
    }

    /// The operator's numbers, as a file.
    fn numbers(&self, demands: &SignatureDemands) -> String {
        let line = |key: &KnownKey| format!("    - {{name: {}, pem: {:?}}}\n", key.name, key.pem.pem());
        let keys: String = demands.keys.iter().map(line).collect();
        fs::write(self.path("numbers.yaml"), format!("signatures:\n  needed: {}\n  keys:\n{keys}", demands.needed))
            .unwrap();
        self.path("numbers.yaml")
    }
}

#[tokio::test]
async fn two_of_three_people_are_enough_and_each_counts_once() {
    let people = ["ada", "bob", "cleo"];
    let desk = Desk::new(&people, &["bob"]).await;
    let demands = desk.demands(2, &people);
    let refused = desk.verify(&demands).unwrap_err();
    assert_eq!(refused.to_string(), "2 signatures are needed: bob signed, 1 missing of ada, cleo");

    // The same key once more, also where its line stands twice.
    desk.sign("bob").await.unwrap();
    let text = String::from_utf8(desk.read("lookout.wasm.sig")).unwrap();
    let last = text.lines().last().unwrap().to_owned();
    assert_eq!(text.matches("\nsignature ").count(), 1, "{text}");
    fs::write(desk.path("lookout.wasm.sig"), format!("{text}{last}\n")).unwrap();
    assert_eq!(desk.verify(&demands).unwrap_err(), refused);

    desk.sign("ada").await.unwrap();
    let signed = desk.verify(&demands).unwrap();
    assert_eq!((signed.signers, signed.unknown.len()), (vec!["ada".to_owned(), "bob".to_owned()], 0));
    assert_eq!(signed.manifest.unwrap().name, "guest");
}

#[tokio::test]
async fn a_stranger_is_told_and_counts_for_nothing() {
    let desk = Desk::new(&["ada", "eve"], &["eve"]).await;
    let refused = desk.verify(&desk.demands(1, &["ada"])).unwrap_err().to_string();
    assert!(
        refused.starts_with("1 signature is needed: nobody who counts has signed, 1 missing of ada; sha256:"),
        "{refused}"
    );
    desk.sign("ada").await.unwrap();
    let signed = desk.verify(&desk.demands(1, &["ada"])).unwrap();
    let eve = desk.demands(0, &["eve"]).keys[0].pem.fingerprint();
    assert_eq!(signed.unknown, [format!("{eve} signed too, and is no key that counts")]);
}

#[tokio::test]
async fn nothing_that_is_changed_passes_for_what_was_signed() {
    let desk = Desk::new(&["ada", "bob"], &["ada", "bob"]).await;
    let demands = desk.demands(2, &["ada", "bob"]);
    let (component, good) = (desk.read("lookout.wasm"), desk.read("lookout.wasm.sig"));
    assert_eq!(desk.verify(&demands).unwrap().signers.len(), 2);
    for place in 0..good.len() {
        let mut file = good.clone();
        file[place] ^= 1 << (place % 7);
        // A line's end is nothing that anybody signed; no other bit may be changed.
        let same = SignatureFile::read(&file).ok() == SignatureFile::read(&good).ok();
        assert!(same || verify(&component, Some(&file), &demands).is_err(), "byte {place}");
        assert!(!same || place == good.len() - 1, "byte {place} has no meaning");
    }
    for place in [0, component.len() / 2, component.len() - 1] {
        let mut other = component.clone();
        other[place] ^= 1;
        let refused = verify(&other, Some(&good), &demands).unwrap_err();
        assert!(matches!(refused, SignatureRefused::OtherBytes { .. }), "{refused}");
    }
    // In another's name.
    let swapped = desk.demands(1, &["ada", "bob"]);
    let (ada, bob) = (swapped.keys[0].pem.fingerprint().to_string(), swapped.keys[1].pem.fingerprint().to_string());
    let text = String::from_utf8(good)
        .unwrap()
        .replace(&ada, "x")
        .replace(&bob, &ada)
        .replace("signature x", &format!("signature {bob}"));
    assert!(matches!(verify(&component, Some(text.as_bytes()), &swapped), Err(SignatureRefused::Bad(_))));
}

#[tokio::test]
async fn nothing_is_demanded_unless_it_is_and_a_broken_file_is_never_passed_over() {
    let desk = Desk::new(&["ada"], &["ada"]).await;
    let component = desk.read("lookout.wasm");
    let none = SignatureDemands::default();
    assert_eq!(verify(&component, None, &none), Ok(Signed::default()));
    assert!(matches!(verify(&component, Some(b"rubbish!"), &none), Err(SignatureRefused::File(_))));
    assert!(matches!(
        verify(b"other", Some(&desk.read("lookout.wasm.sig")), &none),
        Err(SignatureRefused::OtherBytes { .. })
    ));
    let refused = verify(&component, None, &desk.demands(1, &["ada"])).unwrap_err().to_string();
    assert_eq!(refused, "1 signature is needed: nobody who counts has signed, 1 missing of ada");
}

/// Made by cosign 2.4.1 over these bytes: `sign-blob --key cosign.key --tlog-upload=false`, with `--bundle`, and with
/// `--new-bundle-format` besides.
const BLOB: &[u8] = b"the bytes of a policy";
const COSIGN_PUB: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEid2mb3XOuU7rHKKAJ8XTo3pakMCC\nCvdU5G82BYHlU4OmamgFTwIo905NKKUp0bU04qj2V1Ez1dS+SoAxHe+7/Q==\n-----END PUBLIC KEY-----\n";
const BUNDLE: &str = concat!(
    r#"{"base64Signature":"MEQCIC6H025+KeRchc1yXBIlb9sTj9aFOBqxTnUKpUWoorjuAiBmOsmVzQg3HtEx0acvJTh0yoo6l+9+"#,
    r#"JJR9G6o8XGLmvw=="}"#,
);
const NEWER_BUNDLE: &str = concat!(
    r#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"h"#,
    r#"int":"12n1NkEdYAZ7/aXlhs3R3Y0Du7PvIg4TzmEAiIkk2Jc="}},"messageSignature":{"messageDigest":{"algorith"#,
    r#"m":"SHA2_256","digest":"fbDKPo9kWBDyS2VaYecOpnwRjpHr9Lz0w6H5YTV+B4s="},"signature":"MEUCIQDLG9c9JXxo"#,
    r#"1vXF4idcbayfiZjNLxS3PaEfjeMTMQR2RwIgYEmh979uG+rFD5Xn4t0h5giScjOp1En98B8yQFBe/8A="}}"#,
);
const BARE: &str = "MEQCIC6H025+KeRchc1yXBIlb9sTj9aFOBqxTnUKpUWoorjuAiBmOsmVzQg3HtEx0acvJTh0yoo6l+9+JJR9G6o8XGLmvw==";

#[test]
fn signatures_of_cosigns_over_the_bytes_count_bare_and_in_both_of_its_bundles() {
    let demands = SignatureDemands {
        needed: 1,
        keys: vec![KnownKey { name: "ci".to_owned(), pem: VerifyingKey::read(COSIGN_PUB).unwrap() }],
    };
    for file in [BUNDLE, NEWER_BUNDLE, BARE] {
        let signed = verify(BLOB, Some(file.as_bytes()), &demands).unwrap();
        assert_eq!((signed.signers, signed.manifest), (vec!["ci".to_owned()], None), "{file}");
        let refused = verify(b"the bytes of another", Some(file.as_bytes()), &demands).unwrap_err().to_string();
        assert!(refused.contains("a signature over the bytes is by no key that counts"), "{refused}");
    }
}

#[tokio::test]
async fn people_sign_under_what_a_build_has_signed_and_neither_is_lost() {
    let desk = Desk::new(&["ada"], &[]).await;
    fs::write(desk.path("lookout.wasm.sig"), BUNDLE).unwrap();
    desk.sign("ada").await.unwrap();
    let text = String::from_utf8(desk.read("lookout.wasm.sig")).unwrap();
    assert!(text.contains(&format!("\nblob {BARE}\nsignature sha256:")), "{text}");
    // The build's was over other bytes.
    let signed = desk.verify(&desk.demands(1, &["ada"])).unwrap();
    assert_eq!((signed.signers.len(), signed.unknown.len()), (1, 1), "{:?}", signed.unknown);
}

#[tokio::test]
async fn a_key_is_its_owners_alone_is_never_printed_and_never_written_over() {
    let desk = Desk::new(&[], &[]).await;
    let key = desk.path("ada.key");
    let (_, printed) = said(&format!("policy keygen {key}")).await.unwrap();
    assert_eq!(printed.as_bytes(), desk.read("ada.key.pub"), "the public half is printed");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let private = String::from_utf8(desk.read("ada.key")).unwrap();
    let secret = private.lines().nth(1).unwrap();
    let json = said(&format!("policy keygen {} -o json", desk.path("bob.key"))).await.unwrap().1;
    assert!(!printed.contains(secret) && !json.contains("PRIVATE"), "{json}");

    let failure = said(&format!("policy keygen {key}")).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    fs::remove_file(desk.path("ada.key.pub")).unwrap();
    assert!(said(&format!("policy keygen {key}")).await.is_err());
    assert_eq!(desk.read("ada.key"), private.as_bytes(), "neither is written over");

    // An error about a key says nothing of what stands in it.
    fs::write(&key, private.replace("MC4C", "MC5C")).unwrap();
    let failure = desk.sign("ada").await.unwrap_err();
    assert!(failure.text().contains("no Ed25519 key") && !failure.text().contains(&secret[8..]), "{}", failure.text());
    let wasm = desk.path("lookout.wasm");
    let failure = said(&format!("policy verify {wasm} --key {key}")).await.unwrap_err();
    assert!(
        failure.text().contains("this is a private key") && !failure.text().contains(&secret[8..]),
        "{}",
        failure.text()
    );
}

#[tokio::test]
async fn the_command_line_signs_what_it_shows_and_verifies_as_a_host_does() {
    let desk = Desk::new(&["ada", "bob"], &[]).await;
    let (wasm, keys) = (desk.path("lookout.wasm"), [desk.path("ada.key.pub"), desk.path("bob.key.pub")]);
    let (_, shown) = desk.sign("ada").await.unwrap();
    let digest = Digest::of(&desk.read("lookout.wasm"));
    assert!(shown.starts_with(&format!("quarterdeck policy 1\ndigest {digest}\nbytes ")), "{shown}");
    assert!(shown.contains("\nname guest\n"), "{shown}");
    assert!(String::from_utf8(desk.read("lookout.wasm.sig")).unwrap().starts_with(&shown));

    let numbers = desk.numbers(&desk.demands(2, &["ada", "bob"]));
    let both = format!("policy verify {wasm} --key {} --key {}", keys[0], keys[1]);
    for words in [both.clone(), format!("policy verify {wasm} --config {numbers}")] {
        let failure = said(&words).await.unwrap_err();
        assert_eq!(failure.exit, Exit::Failed, "{words}");
        assert!(failure.text().contains("1 missing of bob"), "{}", failure.text());
    }
    let (exit, _) = said(&format!("{both} --needed 1")).await.unwrap();
    assert_eq!(exit, Exit::Done);
    desk.sign("bob").await.unwrap();
    let (_, text) = said(&format!("policy verify {wasm} --config {numbers}")).await.unwrap();
    assert_eq!(text.matches("   yes ").count(), 2, "{text}");
    let (_, json) = said(&format!("policy verify {wasm} --config {numbers} -o json")).await.unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["kind"], &json["signers"]), (&"PolicySignatures".into(), &serde_json::json!(["ada", "bob"])));

    // Of another component there is nothing to add to, and a file that was named must be there.
    fs::write(&wasm, guests::named("floor").unwrap()).unwrap();
    let before = desk.read("lookout.wasm.sig");
    let failure = desk.sign("ada").await.unwrap_err();
    assert!(failure.text().contains("about another component"), "{}", failure.text());
    assert_eq!(desk.read("lookout.wasm.sig"), before);
    assert!(said(&format!("{both} --signature {wasm}.none")).await.is_err());
    assert_eq!(left_over(desk.0.path()), 0, "no part of a file is left");
}

#[tokio::test]
async fn a_manifest_that_says_more_than_its_module_is_refused_by_name() {
    let desk = Desk::new(&["ada"], &["ada"]).await;
    let wasm = desk.path("lookout.wasm");
    // Signed in good faith by somebody who was shown another program's word.
    let mut file = SignatureFile::read(&desk.read("lookout.wasm.sig")).unwrap();
    let manifest = file.manifest.as_mut().unwrap();
    manifest.name = "steward".to_owned();
    file.signings.clear();
    fs::write(desk.path("lookout.wasm.sig"), file.text()).unwrap();
    let failure =
        said(&format!("policy verify {wasm} --key {} --needed 0", desk.path("ada.key.pub"))).await.unwrap_err();
    let text = failure.text();
    assert!(text.contains(r#"the manifest has the name "steward", the module says "guest""#), "{text}");
}

/// What `docs/signatures.md` shows is what the program reads.
#[test]
fn the_page_shows_a_demand_and_a_manifest_that_are_read() {
    let page = fs::read_to_string(program::root().join("docs/signatures.md")).unwrap();
    let block = |head: &str| page.split(head).nth(1).unwrap().split("```").next().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let numbers = folder.path().join("numbers.yaml");
    fs::write(&numbers, block("```yaml\n")).unwrap();
    let demands = config::settings(&numbers).unwrap().signatures;
    assert_eq!((demands.needed, demands.keys.len()), (2, 2));
    let manifest = block("```\nquarterdeck policy 1\n");
    let text = format!("quarterdeck policy 1\n{manifest}");
    assert_eq!(SignatureFile::read(text.as_bytes()).unwrap().text(), text);
}

fn left_over(folder: &Path) -> usize {
    fs::read_dir(folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".part"))
        .count()
}
