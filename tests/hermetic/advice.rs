//! The seed's story of the brain, with the whole host and a fake Gemini on loopback: a container of nobody's exits, Gemini
//! is asked about it, and the need that it names launches the builder of the mission that offers it, through the gate.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quarterdeck::app::{self, Host};
use quarterdeck::config::{BrainConfig, Config};
use quarterdeck::orient::gemini::{ApiKey, MODEL};
use quarterdeck::rehearsal::World;
use quarterdeck_core::charter::Amendment;
use quarterdeck_core::observation::ContainerState;
use quarterdeck_core::situation::{Reply, Ruling};
use quarterdeck_tests::fake_gemini::{FakeGemini, Step, recommend_first};

const MISSION: &str = "apiVersion: quarterdeck.dev/v1alpha1\nkind: Mission\nmetadata: {name: shop}\nspec:\n  goal: A server.\n  \
                       autonomy: auto\n  when: needed\n  offers: [server]\n  terraform: {}\n";
const MAIN_TF: &str = r#"
terraform {
  required_providers {
    docker = { source = "kreuzwerker/docker" }
  }
}
resource "docker_network" "private" { name = "shop" }
"#;
/// Far above what the story takes; only a host that hangs gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A host in rehearsal whose imagined engine has a container that exited, and whose brain is this Gemini.
pub(crate) async fn host(data: &Path, gemini: &FakeGemini) -> Host {
    // An error means that another test has installed it.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let mission = data.join("shop");
    std::fs::create_dir_all(&mission).expect("a folder of the test's own");
    std::fs::write(mission.join("mission.yaml"), MISSION).expect("a folder of the test's own");
    std::fs::write(mission.join("main.tf"), MAIN_TF).expect("a folder of the test's own");
    let mut world = World::default();
    world.add_container("api", ContainerState::Exited(1));
    std::fs::create_dir_all(data.join("rehearsal")).expect("a folder of the test's own");
    std::fs::write(data.join("rehearsal/world.json"), serde_json::to_vec(&world).expect("JSON"))
        .expect("a folder of the test's own");
    let brain = BrainConfig {
        key: Some(ApiKey::parse("a-key-for-the-fake-gemini").expect("a key")),
        base_url: gemini.base_url().to_owned(),
        model: MODEL.to_owned(),
    };
    let config = Config {
        data: data.to_owned(),
        missions: vec![mission],
        real: false,
        yes: false,
        paused: false,
        amendment: Amendment::default(),
        ceiling: None,
        interval: Duration::from_millis(200),
        between: quarterdeck::driver::BETWEEN_TURNS,
        kubernetes: None,
        mission_objects: false,
        workers: None,
        engine: data.join("no-engine.sock"),
        terraform: None,
        tool_environment: Vec::new(),
        policy: None,
        isolate: false,
        brain: Some(brain),
    };
    app::start(config).await.expect("a host")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_need_that_gemini_names_launches_the_builder_that_offers_it() {
    let gemini = FakeGemini::start(vec![Step::Compute(Arc::new(recommend_first))]).await;
    let data = tempfile::tempdir().unwrap();
    let host = host(data.path(), &gemini).await;
    let mut updates = host.updates();
    let mut gated = Vec::new();
    let ready = tokio::time::timeout(PATIENCE, async {
        loop {
            let update = updates.recv().await.unwrap();
            for verdict in &update.episode.opened.verdicts {
                gated.push((verdict.key.split('/').next().unwrap_or_default().to_owned(), verdict.ruling));
            }
            if update.situation.missions.iter().any(|mission| mission.phase == "Ready") {
                return;
            }
        }
    });
    ready.await.expect("the mission that Gemini named becomes Ready");
    let steps: Vec<&str> =
        gated.iter().filter(|(_, ruling)| *ruling == Ruling::Acted).map(|(key, _)| key.as_str()).collect();
    assert_eq!(steps, ["ask", "plan", "apply"]);
    let seen = gemini.seen();
    assert_eq!(seen.len(), 1, "one question, asked once");
    assert_eq!(seen[0].header("x-goog-api-key"), Some("a-key-for-the-fake-gemini"));
    host.stop().await.unwrap();
    let journal = std::fs::read(data.path().join("rehearsal/journal/000001.journal")).unwrap();
    let secret = b"a-key-for-the-fake-gemini";
    assert!(!journal.windows(secret.len()).any(|bytes| bytes == secret), "the key is in the journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_gemini_hangs_the_turns_do_not_move() {
    let gemini = FakeGemini::start(vec![Step::Hang]).await;
    let data = tempfile::tempdir().unwrap();
    let host = host(data.path(), &gemini).await;
    let mut updates = host.updates();
    let mut turns = Vec::new();
    let taken = tokio::time::timeout(PATIENCE, async {
        while turns.len() < 10 || gemini.seen().is_empty() {
            let update = updates.recv().await.unwrap();
            turns.push(Instant::now());
            assert!(update.ledger.advice.values().all(|record| record.advice.reply == Reply::Pending));
        }
    });
    taken.await.expect("ten turns are taken while the question is open");
    // Nobody answered meanwhile, and the question is still what it was.
    let ledger = host.book.ledger();
    assert_eq!(ledger.advice.len(), 1);
    assert!(ledger.advice.values().all(|record| record.advice.reply == Reply::Pending));
    host.stop().await.unwrap();
}
