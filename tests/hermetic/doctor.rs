//! The page of checks: each thing that is wrong has its cause and its cure, and none of them hides another.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod cluster;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quarterdeck::doctor::{Check, DoctorInput, Place, Verdict, check, exit_code};
use quarterdeck::observe::files::{Granting, Reader};
use quarterdeck::orient::gemini::{ApiKey, GeminiConfig};
use quarterdeck::remember::Blobs;
use quarterdeck_core::observation::SeenMission;
use quarterdeck_core::redaction::Redactor;
use quarterdeck_tests::fake_engine::{DOCKER_26, DOCKER_29, FakeEngine, Way};
use quarterdeck_tests::fake_gemini::{FakeGemini, Step};
use serde_json::json;

const KEY: &str = "AIza-a-key-that-nobody-may-see-0123456789";

struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Machine {
        Machine { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn engine(&self, recording: &str) -> FakeEngine {
        FakeEngine::start(&self.path("docker.sock"), recording)
    }

    /// A program that stands in for Terraform.
    fn terraform(&self, script: &str) -> PathBuf {
        let path = self.path("terraform");
        fs::write(self.path("script"), script).unwrap();
        let sourced = Path::new(env!("CARGO_MANIFEST_DIR")).join("hermetic/sourced.sh");
        let _there_already: std::io::Result<()> = std::os::unix::fs::symlink(sourced, &path);
        path
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// A mission whose files ask for this provider.
    fn mission(&self, constraint: &str) -> Vec<SeenMission> {
        let source = "kreuzwerker/docker";
        let provider = format!("docker = {{\n source = \"{source}\"\n version = \"{constraint}\"\n }}");
        self.file("web/main.tf", &format!("terraform {{\n required_providers {{\n {provider}\n }}\n}}\n"));
        let spec = "spec:\n  goal: A web server.\n  terraform: {}\n";
        let head = "apiVersion: quarterdeck.dev/v1alpha1\nkind: Mission\nmetadata:\n  name: web\n";
        self.file("web/mission.yaml", &format!("{head}{spec}"));
        let blobs = Arc::new(Blobs::open(&self.path("blobs")).unwrap());
        let (grants, redactor): (Granting, _) = (Arc::new(Arc::default), Arc::new(Redactor::new([7; 32])));
        Reader { paths: vec![self.path("web")], blobs, grants, secrets: None, redactor }.read()
    }

    /// A machine on which all is well.
    fn input(&self) -> DoctorInput {
        let data = self.path("data");
        fs::create_dir_all(&data).unwrap();
        fs::set_permissions(&data, Permissions::from_mode(0o700)).unwrap();
        DoctorInput {
            socket: self.path("docker.sock"),
            terraform: vec![self.path("absent"), self.terraform("echo '{\"terraform_version\":\"1.11.4\"}'")],
            cli_config: None,
            missions: self.mission("~> 3.9"),
            data,
            gemini: None,
            online: false,
            kubernetes: None,
            place: Place::Machine,
            timeout: Duration::from_secs(10),
        }
    }
}

fn named<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no {name} in {checks:#?}"))
}

/// Asserts a check's end, and that it says this somewhere.
fn says(checks: &[Check], name: &str, verdict: Verdict, told: &str) {
    let check = named(checks, name);
    assert!(check.verdict == verdict && check.to_string().contains(told), "{told}: {check:#?}");
    let explained = check.cause.is_some() && check.cure.is_some();
    assert!(explained == (verdict != Verdict::Ok), "{check:#?}");
}

#[tokio::test]
async fn where_all_is_well_the_page_says_what_is_there() {
    let machine = Machine::new();
    let _engine = machine.engine(DOCKER_29);
    let checks = check(machine.input()).await;
    says(&checks, "engine", Verdict::Ok, "Docker engine 29.0.0-beta.1, API 1.44 to 1.52, at /");
    says(&checks, "socket", Verdict::Ok, "belongs to uid");
    says(&checks, "mission web", Verdict::Ok, "agree");
    says(&checks, "terraform", Verdict::Ok, "1.11.4 at /");
    says(&checks, "providers", Verdict::Ok, "public registry");
    says(&checks, "data folder", Verdict::Ok, "only by its owner");
    says(&checks, "Gemini", Verdict::Warn, "GEMINI_API_KEY is not set");
    assert_eq!(exit_code(&checks), 0, "{checks:#?}");
    assert!(fs::read_dir(machine.path("data")).unwrap().next().is_none(), "nothing is left behind");
}

#[tokio::test]
async fn an_old_provider_is_held_against_a_new_engine_with_the_line_to_change() {
    let machine = Machine::new();
    let engine = machine.engine(DOCKER_29);
    let mut input = machine.input();
    input.missions = machine.mission("~> 3.0.2");
    let checks = check(input).await;
    says(&checks, "mission web", Verdict::Fail, "speaks API 1.41 at most and the engine wants 1.44");
    assert!(named(&checks, "mission web").cure.as_ref().unwrap().contains("\">= 3.3.0\""), "{checks:#?}");
    assert!(named(&checks, "mission web").cure.as_ref().unwrap().contains("main.tf"), "{checks:#?}");
    assert_eq!(exit_code(&checks), 4);

    engine.becomes(DOCKER_26);
    let mut input = machine.input();
    input.missions = machine.mission("~> 3.0.2");
    says(&check(input).await, "mission web", Verdict::Ok, "agree");
}

#[tokio::test]
async fn whatever_is_wrong_has_its_cause_and_its_cure_and_hides_nothing_else() {
    let machine = Machine::new();
    let mut input = machine.input();
    machine.file("web/mission.yaml", "kind: Mission\nunknown: true\n");
    let blobs = Arc::new(Blobs::open(&machine.path("blobs")).unwrap());
    let redactor = Arc::new(Redactor::new([7; 32]));
    let reader =
        Reader { paths: vec![machine.path("web")], blobs, grants: Arc::new(Arc::default), secrets: None, redactor };
    input.missions.extend(reader.read());
    input.terraform = vec![machine.path("absent")];
    input.cli_config = Some(machine.path("no.tfrc"));
    input.data = machine.file("a-file", "").join("data");
    let checks = check(input).await;
    says(&checks, "engine", Verdict::Fail, "no such file");
    says(&checks, "mission web", Verdict::Warn, "no engine answers");
    let source = machine.path("web/mission.yaml");
    says(&checks, &format!("mission at {}", source.display()), Verdict::Fail, "its files can't be used");
    says(&checks, "terraform", Verdict::Fail, "no program at");
    says(&checks, "providers", Verdict::Fail, "Terraform only warns of that");
    says(&checks, "data folder", Verdict::Fail, "is no folder");
    assert!(checks.iter().all(|check| check.name != "socket"), "there is none");
    assert_eq!(exit_code(&checks), 4);
}

#[tokio::test]
async fn a_hung_engine_and_a_hung_terraform_do_not_hold_the_page_up() {
    let machine = Machine::new();
    let engine = machine.engine(DOCKER_26);
    engine.goes("/version", Way::Hang);
    let mut input = machine.input();
    input.terraform = vec![machine.terraform("exec sleep 600")];
    input.timeout = Duration::from_millis(500);
    let checks = tokio::time::timeout(Duration::from_secs(30), check(input)).await.unwrap();
    says(&checks, "engine", Verdict::Fail, "no answer within 0.5 s");
    says(&checks, "terraform", Verdict::Fail, "no answer within 0.5 s");
}

#[tokio::test]
async fn terraform_is_asked_and_not_believed() {
    let table = [
        ("echo rubbish", Verdict::Fail, "printed something else"),
        ("exit 3", Verdict::Fail, "ended with exit status: 3"),
        ("echo '{\"terraform_version\":\"1.4.7\"}'", Verdict::Fail, "older than 1.5.0"),
        ("echo '{\"terraform_version\":\"1.15.0-rc1\"}'", Verdict::Ok, "1.15.0-rc1"),
        ("exec yes", Verdict::Fail, "ended with signal"),
        ("test -z \"$HOME\" && echo '{\"terraform_version\":\"1.11.4\"}'", Verdict::Ok, "1.11.4"),
    ];
    let machine = Machine::new();
    for (script, verdict, told) in table {
        let mut input = machine.input();
        input.terraform = vec![machine.terraform(script)];
        says(&check(input).await, "terraform", verdict, told);
    }
}

#[tokio::test]
async fn the_source_of_providers_is_told_from_the_configuration() {
    let machine = Machine::new();
    let here = machine.path("data");
    let mirror = |path: &Path| {
        format!("provider_installation {{\n filesystem_mirror {{\n path = \"{}\"\n }}\n}}", path.display())
    };
    let overrides = "provider_installation {\n dev_overrides {\n \"a/b\" = \"/x\"\n }\n direct {}\n}";
    let table = [
        (mirror(&here), Verdict::Ok, "from the mirror /"),
        (mirror(&machine.path("absent")), Verdict::Fail, "which is no folder"),
        (overrides.to_owned(), Verdict::Warn, "dev_overrides"),
        ("provider_installation {\n direct {}\n}".to_owned(), Verdict::Ok, "the providers' own registries"),
        ("provider_installation {}".to_owned(), Verdict::Fail, "without a method"),
        ("plugin_cache_dir = \"/x\"".to_owned(), Verdict::Ok, "has no provider_installation"),
        ("provider_installation {".to_owned(), Verdict::Warn, "not understood"),
    ];
    for (text, verdict, told) in table {
        let mut input = machine.input();
        input.cli_config = Some(machine.file("cli.tfrc", &text));
        says(&check(input).await, "providers", verdict, told);
    }
}

#[tokio::test]
async fn who_else_can_read_or_use_what_is_ours_is_told() {
    let machine = Machine::new();
    let engine = machine.engine(DOCKER_26);
    let input = machine.input();
    fs::set_permissions(engine.socket(), Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(&input.data, Permissions::from_mode(0o755)).unwrap();
    let checks = check(input).await;
    says(&checks, "socket", Verdict::Warn, "is root on this machine");
    says(&checks, "data folder", Verdict::Warn, "chmod 700");
    let mut input = machine.input();
    input.data = machine.path("not/yet/there");
    says(&check(input).await, "data folder", Verdict::Ok, "will be made");
    assert!(!machine.path("not").exists(), "a look makes nothing");
}

#[tokio::test]
async fn gemini_is_asked_only_when_told_to_and_nobody_sees_the_key() {
    let _: Result<(), _> = rustls::crypto::ring::default_provider().install_default();
    let described = |name: &str, methods: &[&str]| {
        Step::Answer(200, json!({ "name": name, "supportedGenerationMethods": methods }).to_string().into_bytes())
    };
    let refusal = json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": format!("API key {KEY} not valid"),
        "details": [{ "reason": "API_KEY_INVALID" }] } });
    let table = [
        (described("models/gemini-2.5-flash", &["generateContent"]), Verdict::Ok, "the key is good"),
        (described("models/gemini-2.5-flash", &["embedContent"]), Verdict::Warn, "no generateContent"),
        (described("models/other", &["generateContent"]), Verdict::Warn, "described"),
        (Step::Answer(200, b"<html>".to_vec()), Verdict::Warn, "not Gemini"),
        (Step::Answer(400, refusal.to_string().into_bytes()), Verdict::Warn, "refused the key"),
        (Step::Answer(404, b"{}".to_vec()), Verdict::Warn, "does not know the model"),
        (Step::Hang, Verdict::Warn, "did not answer"),
    ];
    let machine = Machine::new();
    for (step, verdict, told) in table {
        let fake = FakeGemini::start(vec![step]).await;
        for online in [false, true] {
            let mut config = GeminiConfig::new(ApiKey::parse(KEY).unwrap());
            config.base_url = fake.base_url().to_owned();
            let mut input = machine.input();
            (input.gemini, input.online, input.timeout) = (Some(config), online, Duration::from_secs(2));
            let checks = check(input).await;
            assert!(checks.iter().all(|check| !check.to_string().contains(KEY)), "{checks:#?}");
            if online {
                says(&checks, "Gemini", verdict, told);
                assert_eq!(fake.seen()[0].line, "GET /v1beta/models/gemini-2.5-flash HTTP/1.1");
                assert_eq!(fake.seen()[0].header("x-goog-api-key"), Some(KEY));
            } else {
                says(&checks, "Gemini", Verdict::Ok, "not asked");
                assert!(fake.seen().is_empty());
            }
        }
    }
}
