//! Policies pulled from registries and published to them: whole, by digest, and from registries that lie.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Parser as _;
use quarterdeck::cli::{Cli, Exit, Failure, execute};
use quarterdeck::registry::{Patience, PolicyReference, Pulled, RegistryError, publish, pull};
use quarterdeck_core::digest::Digest;
use quarterdeck_tests::fake_registry::{Door, FakeRegistry, Fault, TOKEN};
use quarterdeck_tests::{guests, program};
use serde_json::json;
use tempfile::TempDir;

const POLICY: &[u8] = b"the bytes of a policy";
const SIGNATURES: &[u8] = b"the signatures of it";
const PASSWORD: &str = "a wooden horse";

fn reference(registry: &FakeRegistry, rest: &str) -> PolicyReference {
    let _already = rustls::crypto::ring::default_provider().install_default();
    format!("oci://{}/team/lookout{rest}", registry.host()).parse().unwrap()
}

fn soon() -> Patience {
    Patience { connect: Duration::from_secs(5), idle: Duration::from_secs(20), total: Duration::from_secs(20) }
}

async fn pulled(registry: &FakeRegistry, rest: &str) -> Result<Pulled, RegistryError> {
    pull(&reference(registry, rest), None, &soon()).await
}

/// A registry that has the policy as `1.2`, and the digest of it.
async fn stocked(door: Door, config: Option<&Docker>) -> (FakeRegistry, Digest) {
    let registry = FakeRegistry::start(door).await;
    let config = config.map(Docker::config);
    let digest =
        publish(POLICY, Some(SIGNATURES), &reference(&registry, ":1.2"), config.as_deref(), &soon()).await.unwrap();
    (registry, digest)
}

/// A folder as `docker login` leaves it.
struct Docker(TempDir);

impl Docker {
    fn new(config: &serde_json::Value) -> Docker {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        Docker(folder)
    }

    fn logged_in(host: &str, pair: &str) -> Docker {
        Docker::new(&json!({ "auths": { host: { "auth": STANDARD.encode(pair) } } }))
    }

    fn config(&self) -> PathBuf {
        self.0.path().join("config.json")
    }
}

#[tokio::test]
async fn what_was_published_is_pulled_by_tag_and_by_digest() {
    let (registry, digest) = stocked(Door::Open, None).await;
    let by_tag = pulled(&registry, ":1.2").await.unwrap();
    assert_eq!((by_tag.bytes.as_slice(), by_tag.signature.as_deref()), (POLICY, Some(SIGNATURES)));
    assert_eq!(
        (by_tag.digest, by_tag.reference.to_string()),
        (digest, reference(&registry, &format!("@{digest}")).to_string())
    );
    assert_eq!(pulled(&registry, &format!("@{digest}")).await.unwrap(), by_tag);

    // Published again it is the same artifact, and no blob is sent a second time.
    let uploads = || registry.asked().iter().filter(|asked| asked.line.starts_with("POST")).count();
    let before = uploads();
    let again = publish(POLICY, Some(SIGNATURES), &reference(&registry, ":other"), None, &soon()).await.unwrap();
    assert_eq!((again, uploads()), (digest, before));

    let manifest = registry.manifest("1.2").unwrap();
    assert_eq!(Digest::of(&manifest), digest);
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["artifactType"], "application/vnd.quarterdeck.policy.v1");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert!(matches!(publish(POLICY, None, &by_tag.reference, None, &soon()).await, Err(RegistryError::NoTag)));
}

#[tokio::test]
async fn a_registry_that_lies_is_found_out_and_one_that_floods_is_cut() {
    let (registry, digest) = stocked(Door::Open, None).await;
    let policy = format!("GET /v2/team/lookout/blobs/{}", Digest::of(POLICY));
    let signatures = format!("/blobs/{}", Digest::of(SIGNATURES));
    let by_digest = format!("@{digest}");
    let other = b"other bytes of same s".to_vec();
    assert_eq!(other.len(), POLICY.len());
    let long = json!({ "schemaVersion": 2, "config": "\u{1b}".repeat(9_999), "layers": [] }).to_string().into_bytes();
    let not_here = "http://192.0.2.1/x".to_owned();
    for (on, fault, rest, says) in [
        (policy.as_str(), Fault::Bytes(other), ":1.2", "the policy was to be sha256:"),
        (&policy, Fault::Bytes(b"short".to_vec()), ":1.2", "was to have 21 bytes, and the registry sends 5"),
        (&policy, Fault::Bytes(vec![0; 99]), ":1.2", "was to have 21 bytes, and the registry sends 99"),
        (&policy, Fault::Length(21, b"cut".to_vec()), ":1.2", "read the policy"),
        (&policy, Fault::Endless, ":1.2", "was to have 21 bytes, and the registry sends more"),
        (&signatures, Fault::Endless, ":1.2", "the file of signatures was to have 20 bytes"),
        ("/manifests/", Fault::Endless, ":1.2", "the manifest has more than 262144 bytes"),
        ("/manifests/", Fault::Length(1 << 40, Vec::new()), ":1.2", "the manifest has more than 262144 bytes"),
        ("/manifests/", Fault::Bytes(b"{}".to_vec()), by_digest.as_str(), "the manifest was to be sha256:"),
        ("/manifests/", Fault::Bytes(b"<html>".to_vec()), ":1.2", "it is no image manifest"),
        ("/manifests/", Fault::Bytes(long), ":1.2", "it is no image manifest"),
        ("/manifests/", Fault::Status(404, String::new()), ":1.2", "the registry does not have it"),
        ("/manifests/", Fault::Status(500, "\u{1b}[2Jboom".repeat(9_999)), ":1.2", "answers 500: \"\\\\u{1b}[2Jboom"),
        ("/manifests/", Fault::Status(403, String::new()), ":1.2", "does not let anybody without a login do this"),
        ("/manifests/", Fault::Redirect(307, not_here.clone()), ":1.2", "sends us to \"192.0.2.1\""),
        (&policy, Fault::Redirect(302, not_here), ":1.2", "sends us to \"192.0.2.1\""),
        (&policy, Fault::Redirect(302, "/v2/team/lookout/manifests/1.2".to_owned()), ":1.2", "was to have 21 bytes"),
        (&policy, Fault::Redirect(302, policy[4..].to_owned()), ":1.2", "where we do not go"),
    ] {
        registry.only_fault(on, fault);
        let error = pulled(&registry, rest).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(says), "{on} should say {says:?}: {text}");
        assert!(text.len() < 1_000 && !text.contains('\u{1b}'), "{text}");
    }
    registry.only_fault("nothing", Fault::Hang);
    assert!(pulled(&registry, ":1.2").await.is_ok(), "it was the faults");
}

#[tokio::test]
async fn a_manifest_that_announces_too_much_is_refused_before_anything_is_read() {
    let (registry, _) = stocked(Door::Open, None).await;
    let manifest = String::from_utf8(registry.manifest("1.2").unwrap()).unwrap();
    for (size, bytes, says) in [
        ("21", (32 << 20) + 1, "the policy has more than 33554432 bytes"),
        ("20", (64 << 10) + 1, "the file of signatures has more than 65536 bytes"),
    ] {
        let lying = manifest.replace(&format!("\"size\":{size}"), &format!("\"size\":{bytes}"));
        assert_ne!(lying, manifest);
        registry.put_manifest("lying", lying.as_bytes());
        let error = pulled(&registry, ":lying").await.unwrap_err().to_string();
        assert_eq!(error, says);
    }
}

#[tokio::test]
async fn a_registry_that_hangs_is_left() {
    let (registry, _) = stocked(Door::Open, None).await;
    registry.only_fault("/blobs/", Fault::Hang);
    let begun = Instant::now();
    let patience = Patience { total: Duration::from_millis(300), ..soon() };
    let error = pull(&reference(&registry, ":1.2"), None, &patience).await.unwrap_err();
    assert!(matches!(error, RegistryError::Deadline(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let idle = Patience { idle: Duration::from_millis(200), ..soon() };
    let error = pull(&reference(&registry, ":1.2"), None, &idle).await.unwrap_err();
    assert!(matches!(error, RegistryError::Send { .. }), "{error}");
    let failure = Failure::from(error);
    assert_eq!(failure.exit, Exit::Unreachable);
}

#[tokio::test]
async fn a_login_of_dockers_opens_both_kinds_of_doors_and_no_other_login_does() {
    let pair = format!("ada:{PASSWORD}");
    for door in [Door::Basic(STANDARD.encode(&pair)), Door::Realm(STANDARD.encode(&pair))] {
        let registry = FakeRegistry::start(door).await;
        let name = reference(&registry, ":1.2");
        let docker = Docker::logged_in(registry.host(), &pair);
        publish(POLICY, None, &name, Some(&docker.config()), &soon()).await.unwrap();
        let got = pull(&name, Some(&docker.config()), &soon()).await.unwrap();
        assert_eq!((got.bytes.as_slice(), got.signature), (POLICY, None));

        let wrong = Docker::logged_in(registry.host(), "ada:a wooden cow");
        let elsewhere = Docker::logged_in("registry.example.com", &pair);
        for (config, says) in [
            (Some(wrong.config()), "does not let this login do this"),
            (Some(elsewhere.config()), "does not let anybody without a login do this"),
            (Some("/nonexistent/config.json".into()), "does not let anybody without a login do this"),
            (None, "does not let anybody without a login do this"),
        ] {
            let error = pull(&name, config.as_deref(), &soon()).await.unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        // It is said only to whoever asked.
        let first = registry.asked().into_iter().find(|asked| asked.line.contains("/v2/")).unwrap();
        assert_eq!(first.authorization, None);
    }
}

#[tokio::test]
async fn no_login_is_told_in_an_error_or_to_anybody_but_the_registry() {
    let pair = format!("ada:{PASSWORD}");
    let encoded = STANDARD.encode(&pair);
    let stranger = FakeRegistry::start(Door::Open).await;
    for door in [Door::Basic(encoded.clone()), Door::Realm(encoded.clone())] {
        let registry = FakeRegistry::start(door).await;
        let (name, docker) = (reference(&registry, ":1.2"), Docker::logged_in(registry.host(), &pair));
        publish(POLICY, None, &name, Some(&docker.config()), &soon()).await.unwrap();
        registry.only_fault("/manifests/", Fault::Echo);
        let error = pull(&name, Some(&docker.config()), &soon()).await.unwrap_err();
        let text = format!("{error} {error:?}") + &Failure::from(error).text();
        assert!(text.contains("[hidden]"), "it was echoed: {text}");
        for secret in [PASSWORD, &encoded, TOKEN] {
            assert!(!text.contains(secret), "{text}");
        }
        // Sent on to another host, neither with a blob nor with an upload.
        let blob = format!("GET /v2/team/lookout/blobs/{}", Digest::of(POLICY));
        registry.only_fault(&blob, Fault::Redirect(307, format!("http://{}/store?signed=yes", stranger.host())));
        pull(&name, Some(&docker.config()), &soon()).await.unwrap_err();
        registry.only_fault("POST", Fault::Redirect(202, format!("http://{}/store?signed=yes", stranger.host())));
        publish(b"another", None, &name, Some(&docker.config()), &soon()).await.unwrap_err();
    }
    let asked = stranger.asked();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked.iter().all(|asked| asked.authorization.is_none()), "{asked:?}");
}

#[tokio::test]
async fn a_realm_or_an_upload_elsewhere_in_the_clear_is_not_gone_to() {
    let realm = "http://192.0.2.1/token".to_owned();
    let registry = FakeRegistry::start(Door::RealmAt(realm)).await;
    let docker = Docker::logged_in(registry.host(), "ada:x");
    let error = pull(&reference(&registry, ":1.2"), Some(&docker.config()), &soon()).await.unwrap_err();
    assert!(matches!(&error, RegistryError::Elsewhere { to, .. } if to == "192.0.2.1"), "{error}");

    let registry = FakeRegistry::start(Door::Open).await;
    for (to, says) in [("http://192.0.2.1/up", "192.0.2.1"), ("ftp://127.0.0.1/up", "127.0.0.1")] {
        registry.only_fault("POST", Fault::Redirect(202, to.to_owned()));
        let error = publish(POLICY, None, &reference(&registry, ":1"), None, &soon()).await.unwrap_err();
        assert!(matches!(&error, RegistryError::Elsewhere { to, .. } if to == says), "{error}");
    }
    registry.only_fault("POST", Fault::Redirect(202, "http://[".to_owned()));
    let error = publish(POLICY, None, &reference(&registry, ":1"), None, &soon()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn a_configuration_of_dockers_that_is_broken_is_named_and_not_quoted() {
    let registry = FakeRegistry::start(Door::Open).await;
    let name = reference(&registry, ":1.2");
    for (config, says) in [
        (json!([PASSWORD]), "not what `docker login` writes"),
        (json!({ "auths": { registry.host(): { "auth": PASSWORD } } }), "can't be read; log in again"),
        (json!({ "credHelpers": { registry.host(): "of-nobody" } }), "can't be run: is it on PATH?"),
    ] {
        let docker = Docker::new(&config);
        let error = Failure::from(pull(&name, Some(&docker.config()), &soon()).await.unwrap_err());
        let text = error.text();
        assert!(text.contains(says) && text.contains("config.json") && !text.contains(PASSWORD), "{text}");
    }
}

async fn said(words: &str) -> Result<(Exit, String), Failure> {
    let words = ["quarterdeck", "--data", "/nonexistent"].into_iter().chain(words.split_whitespace());
    execute(Cli::try_parse_from(words).unwrap()).await
}

#[tokio::test]
async fn the_command_line_publishes_pulls_and_writes_over_nothing() {
    let registry = FakeRegistry::start(Door::Open).await;
    let name = reference(&registry, ":1.2");
    let folder = tempfile::tempdir().unwrap();
    let path = |file: &str| folder.path().join(file).to_str().unwrap().to_owned();
    let policy = guests::named("floor").unwrap();
    fs::write(path("floor.wasm"), &policy).unwrap();
    said(&format!("policy keygen {}", path("ada.key"))).await.unwrap();
    said(&format!("policy sign {} --key {}", path("floor.wasm"), path("ada.key"))).await.unwrap();

    let (_, published) = said(&format!("policy publish {} {name}", path("floor.wasm"))).await.unwrap();
    assert!(published.starts_with(&format!("oci://{}/team/lookout@sha256:", registry.host())), "{published}");
    let pull = format!("policy pull {} -o {}", published.trim(), path("got.wasm"));
    let (_, told) = said(&pull).await.unwrap();
    assert_eq!(told, published);
    assert_eq!(fs::read(path("got.wasm")).unwrap(), policy);
    said(&format!("policy verify {} --key {}", path("got.wasm"), path("ada.key.pub"))).await.unwrap();

    let failure = said(&pull).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert!(failure.text().contains("got.wasm is there already"), "{}", failure.text());
    fs::remove_file(path("got.wasm")).unwrap();
    assert!(said(&pull).await.unwrap_err().text().contains("got.wasm.sig is there already"));
    said(&format!("{pull} --force")).await.unwrap();

    // Without signatures nothing is left that would be about another policy.
    fs::remove_file(path("floor.wasm.sig")).unwrap();
    said(&format!("policy publish {} {name}", path("floor.wasm"))).await.unwrap();
    said(&format!("policy pull {name} -o {} --force", path("got.wasm"))).await.unwrap();
    assert!(!folder.path().join("got.wasm.sig").exists());
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "no part of a file is left: {names:?}");

    // What no host would take in is not stored, nor signatures of something else.
    fs::write(path("page.wasm"), "<html>").unwrap();
    let failure = said(&format!("policy publish {} {name}", path("page.wasm"))).await.unwrap_err();
    assert!(failure.text().contains("no WebAssembly component"), "{}", failure.text());
    said(&format!("policy sign {} --key {}", path("got.wasm"), path("ada.key"))).await.unwrap();
    fs::write(path("counts.wasm"), guests::named("counts").unwrap()).unwrap();
    let words = format!("policy publish {} {name} --signature {}", path("counts.wasm"), path("got.wasm.sig"));
    assert!(said(&words).await.unwrap_err().text().contains("is about sha256:"));
    assert!(Cli::try_parse_from(["quarterdeck", "policy", "pull", "lookout:1", "-o", "x"]).is_err());
}

/// The program itself, whose credential helper is found on its PATH.
#[tokio::test(flavor = "multi_thread")]
async fn a_credential_helper_is_asked_and_what_it_says_is_shown_nowhere() {
    let registry = FakeRegistry::start(Door::Basic(STANDARD.encode(format!("ada:{PASSWORD}")))).await;
    let name = reference(&registry, ":1.2").to_string();
    let docker = Docker::new(&json!({ "credHelpers": { registry.host(): "ours" } }));
    let helper = docker.0.path().join("docker-credential-ours");
    fs::write(docker.0.path().join("floor.wasm"), guests::named("floor").unwrap()).unwrap();
    for (answer, code, says) in [
        (format!("echo '{{\"Username\":\"ada\",\"Secret\":\"{PASSWORD}\"}}'"), 0, "published"),
        ("echo credentials not found in native keychain; exit 1".to_owned(), 1, "anybody without a login"),
        (format!("echo {PASSWORD}; echo {PASSWORD} >&2; exit 1"), 1, "docker-credential-ours failed"),
        (format!("echo {PASSWORD}"), 1, "answers with something else"),
    ] {
        fs::write(&helper, format!("#!/bin/sh\nread -r host\n{answer}\n")).unwrap();
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = program::command(docker.0.path(), &["policy", "publish"]);
        command.arg(docker.0.path().join("floor.wasm")).arg(&name);
        command.env("DOCKER_CONFIG", docker.0.path()).env("PATH", docker.0.path()).env("QUARTERDECK_LOG", "trace");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(says) && !text.contains(PASSWORD), "{answer}: {text}");
        assert!(!text.contains(&STANDARD.encode(format!("ada:{PASSWORD}"))), "{text}");
    }
}
