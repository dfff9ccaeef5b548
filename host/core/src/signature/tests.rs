//! What is signed and in which form, and demands that can't be meant.

use super::*;
use crate::checkpoint::PublicKey;
use crate::encoding;

fn description() -> Description {
    Description {
        name: "lookout".into(),
        version: "1.2.0".into(),
        summary: "It looks out.".into(),
        // As a policy may say it: in any order, and twice.
        actions: vec![ActionKind::Notify, ActionKind::Build, ActionKind::Notify],
        operations: vec![Operation::Apply, Operation::Plan],
        settings: Vec::new(),
        memo_format: "lookout/1".into(),
        reads_memos: Vec::new(),
    }
}

fn manifest() -> Manifest {
    Manifest::of(Digest::of(b"a component"), 11, &description())
}

fn key(byte: u8) -> VerifyingKey {
    VerifyingKey::Ed25519(PublicKey::from_bytes([byte; 32]))
}

fn demands(needed: u32, keys: &[(&str, u8)]) -> SignatureDemands {
    let keys = keys.iter().map(|(name, byte)| KnownKey { name: (*name).into(), pem: key(*byte) }).collect();
    SignatureDemands { needed, keys }
}

#[test]
fn a_manifest_is_these_bytes() {
    let digest = "sha256:8b7c41ca3bb05ee4fa37fec07b7d6b6fdd58cbdd02c7e5a8c5d4d8a5a8d2bd3c";
    let manifest = Manifest { digest: digest.parse().unwrap(), ..manifest() };
    let text = format!(
        "quarterdeck policy 1\ndigest {digest}\nbytes 11\nname lookout\nversion 1.2.0\nactions build,notify\noperations plan,apply\n"
    );
    assert_eq!(manifest.text(), text);
    assert_eq!(SignatureFile::read(text.as_bytes()).unwrap().manifest, Some(manifest.clone()));
    let silent = Manifest { actions: Vec::new(), operations: Vec::new(), ..manifest };
    assert!(silent.text().ends_with("actions -\noperations -\n"));
    assert_eq!(SignatureFile::read(silent.text().as_bytes()).unwrap().manifest, Some(silent));
}

#[test]
fn a_file_reads_back_what_it_writes_and_no_other_spelling_of_a_manifest() {
    let signed = Signing::Manifest { key: key(1).fingerprint(), signature: vec![9; 64] };
    let file =
        SignatureFile { manifest: Some(manifest()), signings: vec![signed, Signing::Bytes { signature: vec![7; 70] }] };
    let text = file.text();
    assert_eq!(SignatureFile::read(text.as_bytes()), Ok(file));
    for (this, other, says) in [
        ("bytes 11", "bytes 011", "bytes of its manifest"),
        ("bytes 11", "bytes +11", "bytes of its manifest"),
        ("build,notify", "notify,build", "actions of its manifest"),
        ("build,notify", "build,build,notify", "actions of its manifest"),
        ("build,notify", "build,steer", "actions of its manifest"),
        ("name lookout", "name look\u{202e}out", "name of its manifest"),
        ("name lookout", "name ", "name of its manifest"),
        ("name lookout", "nome lookout", "name of its manifest"),
        ("policy 1\n", "policy 2\n", "does not begin with"),
        ("\n", "\r\n", "does not begin with"),
        ("signature sha256:", "signature sha1:", "line 8: the fingerprint"),
        ("signature sha256:", "signed sha256:", "line 8: a line after the manifest"),
        ("blob Bw", "blob *w", "line 9: what stands there"),
    ] {
        let error = SignatureFile::read(text.replace(this, other).as_bytes()).unwrap_err();
        assert!(error.to_string().contains(says), "{other}: {error}");
    }
    let many = |line: &str, count| SignatureFile::read((manifest().text() + &line.repeat(count)).as_bytes());
    let line = format!("signature {} CQkJCQ==\n", key(1).fingerprint());
    assert_eq!(many(&line, 64).map(|file| file.signings.len()), Ok(64));
    assert_eq!(many(&line, 65), Err(SignatureFileError::TooMany));
    assert_eq!(many("blob CQkJCQ==\n", 5), Err(SignatureFileError::TooMany));
    assert_eq!(SignatureFile::read(&vec![b'A'; SIGNATURE_BYTES_MAX + 1]), Err(SignatureFileError::TooLarge(65537)));
}

#[test]
fn bundles_of_cosigns_and_bare_signatures_are_read() {
    let signature = vec![0x30, 0x45, 1, 2];
    let bytes = SignatureFile { manifest: None, signings: vec![Signing::Bytes { signature }] };
    for text in [
        r#"{"base64Signature":"MEUBAg==","cert":"","rekorBundle":{"SignedEntryTimestamp":"x"}}"#,
        r#" {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"h"}},
            "messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"AA=="},"signature":"MEUBAg=="}}"#,
        "MEUBAg==",
        "MEUBAg==\n",
    ] {
        assert_eq!(SignatureFile::read(text.as_bytes()), Ok(bytes.clone()), "{text}");
    }
    for text in ["", "{", "{}", r#"{"base64Signature":"*"}"#, r#"{"dsseEnvelope":{}}"#, "<html>", "\u{0}", "MEUB\nAg=="]
    {
        assert!(SignatureFile::read(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn every_fact_that_a_policy_says_otherwise_is_told() {
    assert_eq!(manifest().difference(&description()), None);
    let said = |description: Description| manifest().difference(&description).unwrap();
    assert!(
        said(Description { name: "steward".into(), ..description() })
            .contains(r#"the name "lookout", the module says "steward""#)
    );
    assert!(said(Description { version: "1.2.1".into(), ..description() }).contains("version"));
    let actions = vec![ActionKind::Build];
    assert!(said(Description { actions, ..description() }).contains(r#""build,notify", the module says "build""#));
    let operations = vec![Operation::Apply, Operation::Plan, Operation::Scan];
    assert!(said(Description { operations, ..description() }).contains(r#"the module says "plan,apply,scan""#));
}

/// Both keys are `openssl pkey -pubin`'s own, and so are their fingerprints: `-outform DER | sha256sum`.
#[test]
fn keys_of_both_kinds_are_read_as_openssl_writes_them() {
    const P256: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqpqjB6NOUWEXtWa+Nvz3oX0LjPvC\n\
        xedpBnHEqjHHkL2CVHF8G4KJo2xHBUFNGibaYo6KQXhNQYukzkw0Qt65LQ==\n\
        -----END PUBLIC KEY-----\n";
    for pem in [P256.to_owned(), key(7).pem()] {
        let key = VerifyingKey::read(&format!("\n{pem}  ")).unwrap();
        assert_eq!(key.pem(), pem);
        assert_eq!(encoding::decode(&encoding::encode(&key)), Ok(key));
    }
    let compressed = P256.replace("cDQgAE", "cDQgAD");
    for (text, error) in [
        ("", VerifyingKeyError::Pem),
        ("ed25519:00", VerifyingKeyError::Pem),
        (&P256.replace("MFkw", "M*kw"), VerifyingKeyError::Pem),
        (&P256.replace("MFkw", "MFkx"), VerifyingKeyError::Kind),
        (&compressed, VerifyingKeyError::Kind),
        ("-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----", VerifyingKeyError::Private),
    ] {
        assert_eq!(VerifyingKey::read(text), Err(error), "{text}");
    }
}

#[test]
fn demands_that_can_not_be_meant_are_refused_where_they_are_read() {
    assert_eq!(demands(2, &[("ada", 1), ("bob", 2)]).check(), Ok(()));
    assert_eq!(SignatureDemands::default().check(), Ok(()));
    for (refused, says) in [
        (demands(1, &[]), "signatures.needed is 1, and signatures.keys has 0"),
        (demands(1, &[("ada", 1), ("ada", 2)]), "the name ada is used twice"),
        (demands(1, &[("ada", 1), ("bob", 1)]), "ada and bob are one key"),
        (demands(1, &[("a da", 1)]), "is no name"),
        (demands(1, &[("", 1)]), "is no name"),
    ] {
        let json = serde_json::to_string(&refused).unwrap();
        for error in [
            refused.check().unwrap_err().to_string(),
            serde_json::from_str::<SignatureDemands>(&json).unwrap_err().to_string(),
        ] {
            assert!(error.contains(says), "{error}");
        }
    }
    let many: Vec<KnownKey> = (0..17).map(|n| KnownKey { name: format!("k{n}"), pem: key(n) }).collect();
    assert_eq!(SignatureDemands { needed: 1, keys: many }.check(), Err(DemandError::TooMany(17)));
    assert!(serde_json::from_str::<SignatureDemands>(r#"{"need": 1}"#).is_err(), "an unknown key is a slip of the pen");
}

/// By trying every set of signers: what is not said to be wider lets nothing through that was refused before.
#[test]
fn what_is_not_wider_is_satisfied_by_no_new_set_of_signers() {
    let keys = [("a", 1), ("b", 2), ("c", 3)];
    let subsets = |mask: usize| keys.iter().enumerate().filter(move |(n, _)| mask & (1 << n) != 0).map(|(_, key)| *key);
    let all: Vec<SignatureDemands> = (0..8)
        .flat_map(|mask| (0..=3).map(move |needed| (mask, needed)))
        .map(|(mask, needed)| demands(needed, &subsets(mask).collect::<Vec<_>>()))
        .filter(|demands| demands.check().is_ok())
        .collect();
    let suffices = |demands: &SignatureDemands, mask: usize| {
        let signed = demands.keys.iter().filter(|known| subsets(mask).any(|(_, byte)| key(byte) == known.pem)).count();
        signed >= demands.needed as usize
    };
    let (mut wider, mut narrower) = (0, 0);
    for old in &all {
        for new in &all {
            let lets_more = (0..8).any(|mask| suffices(new, mask) && !suffices(old, mask));
            assert!(!lets_more || new.is_wider_than(old), "{new:?} lets more through than {old:?}");
            if lets_more {
                wider += 1
            } else if !new.is_wider_than(old) {
                narrower += 1
            }
        }
    }
    assert!(wider > 20 && narrower > 20, "both happen: {wider}, {narrower}");
}

#[test]
fn a_charter_that_asks_for_less_is_wider_and_one_that_asks_for_more_is_not() {
    use crate::charter::{Change, Charter, Settings};
    let charter =
        |signatures| Charter { settings: Settings { signatures, ..Settings::default() }, ..Charter::default() };
    let change = |old: SignatureDemands, new: SignatureDemands| Change::between(&charter(old), &charter(new));
    let both = [("ada", 1), ("bob", 2)];
    for (old, new, names, narrows) in [
        (demands(0, &[]), demands(2, &both), &["signatures.needed", "signatures.keys", "signatures.keys"][..], true),
        (demands(1, &both), demands(2, &both), &["signatures.needed"], true),
        (demands(2, &both), demands(1, &both), &["signatures.needed"], false),
        (demands(1, &both[..1]), demands(1, &both), &["signatures.keys"], false),
        (demands(1, &both), demands(1, &both[..1]), &["signatures.keys"], true),
        (demands(1, &both[..1]), demands(2, &both), &["signatures.needed", "signatures.keys"], true),
        (demands(1, &both[..1]), demands(1, &both[1..]), &["signatures.keys", "signatures.keys"], false),
        (demands(1, &[("ada", 1)]), demands(1, &[("eve", 1)]), &["signatures.keys"], true),
        (demands(1, &both), demands(1, &both), &[], true),
    ] {
        let change = change(old.clone(), new.clone());
        let named: Vec<&str> = change.settings.iter().map(|difference| difference.name.as_str()).collect();
        assert_eq!((named.as_slice(), change.only_narrows()), (names, narrows), "{old:?} to {new:?}");
    }
    let settings = Settings { signatures: demands(3, &both), ..Settings::default() };
    assert_eq!(settings.check().unwrap_err().to_string(), "signatures.needed is 3; use a number from 0 to 2");
}
