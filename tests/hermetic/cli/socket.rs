//! The socket of a host that runs: who may ask, what is answered, and who is written down.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use quarterdeck::api::local::{self, Client, ClientError, Desk, ListenError, SOCKET};
use quarterdeck::app::{self, Host};
use quarterdeck::cli::Exit;
use quarterdeck::config::Config;
use quarterdeck::driver::clock;
use quarterdeck_core::charter::Amendment;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::observation::{Command, Person};
use quarterdeck_core::order::Class;
use quarterdeck_core::pause::Scope;
use quarterdeck_core::situation::ApprovalState;

use super::commands::said;

pub(super) fn config(data: &Path) -> Config {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples");
    Config {
        data: data.to_owned(),
        missions: vec![examples.join("web-approve")],
        real: false,
        yes: false,
        paused: false,
        amendment: Amendment::default(),
        ceiling: None,
        interval: Duration::from_secs(1),
        between: quarterdeck::driver::BETWEEN_TURNS,
        kubernetes: None,
        mission_objects: false,
        workers: None,
        engine: data.join("no-engine.sock"),
        terraform: None,
        tool_environment: Vec::new(),
        policy: None,
        isolate: false,
        brain: None,
    }
}

async fn start(data: &Path) -> (Host, Client) {
    // An error means that another test has installed it.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let host = app::start(config(data)).await.unwrap();
    let listener = local::listen(&host.folder.join(SOCKET), None).unwrap();
    let desk = Desk {
        shared: false,
        book: host.book.clone(),
        blobs: host.blobs.clone(),
        states: host.states.clone(),
        uploads: host.uploads.clone(),
        commands: host.commands(),
        last: local::follow(host.updates()),
        clock,
    };
    tokio::spawn(local::serve(listener, desk));
    let client = Client::at(&host.folder).unwrap();
    (host, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_reads_the_plan_and_answers_it_once() {
    let data = tempfile::tempdir().unwrap();
    let (host, client) = start(data.path()).await;
    let mut updates = host.updates();
    let asked = loop {
        let view = client.view().await.unwrap();
        assert!(view.rehearsal);
        if let Some(asked) = view.approvals.into_iter().find(|a| a.state == ApprovalState::Pending) {
            break asked;
        }
        updates.recv().await.unwrap();
    };
    let plan = client.plan(&asked.rendered.unwrap()).await.unwrap();
    assert!(plan.contains("docker_container.web"), "{plan}");
    let strange = client.plan(&Digest::of(b"not a plan")).await.unwrap_err();
    assert!(
        matches!(&strange, ClientError::Refused(refusal) if refusal.error.contains("no saved plan")),
        "{strange:?}"
    );

    let approve = Command::Approve { approval: asked.id.clone(), comment: Some("c".repeat(2_000)) };
    let long = client.send(&approve).await.unwrap_err();
    assert!(matches!(&long, ClientError::Refused(refusal) if refusal.error.contains("comment")), "{long:?}");
    let approve = Command::Approve { approval: asked.id.clone(), comment: Some("fine".to_owned()) };
    client.send(&approve).await.unwrap();
    let ledger = host.book.ledger();
    let answer = &ledger.approvals[&asked.id].answers[0];
    let me = rustix::process::getuid().as_raw();
    assert_eq!((answer.granted, &answer.who), (true, &Person::Uid(me)), "the peer of the socket is who approved");
    let twice = client.send(&approve).await.unwrap_err();
    assert!(matches!(&twice, ClientError::Refused(refusal) if refusal.error.contains("granted")), "{twice:?}");
    host.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_hosts_socket_is_replaced_and_a_live_ones_never() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join(SOCKET);
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = local::listen(&path, None).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(local::listen(&path, None), Err(ListenError::Alive(_))));
    drop(listener);
    assert!(!local::is_alive(&path));

    let deep = data.path().join("x".repeat(120)).join(SOCKET);
    let error = local::listen(&deep, None).unwrap_err();
    assert!(error.to_string().contains("107 bytes"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_command_is_refused_readably() {
    let data = tempfile::tempdir().unwrap();
    let (host, _) = start(data.path()).await;
    let http = reqwest::Client::builder().unix_socket(host.folder.join(SOCKET)).build().unwrap();
    let large = format!("{{\"approve\":{{\"approval\":\"{}\"}}}}", "a".repeat(local::COMMAND_BYTES_MAX));
    for (body, status) in [("{\"explode\":{}}", 422), ("rm -rf /", 400), (large.as_str(), 413)] {
        let request = http.post("http://host/v1/commands").header("content-type", "application/json");
        let answer = request.body(body.to_owned()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let refusal: local::Refusal = answer.json().await.unwrap();
        assert!(!refusal.error.is_empty() && !refusal.next.is_empty());
    }
    let nowhere = http.get("http://host/v2/view").send().await.unwrap();
    assert_eq!(nowhere.status().as_u16(), 404);
    assert_eq!(nowhere.json::<local::Refusal>().await.unwrap().error, "there is nothing at this path");
    host.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_is_what_was_named_and_nothing_secret_is_kept_of_why() {
    let data = tempfile::tempdir().unwrap();
    let (host, client) = start(data.path()).await;
    let mut updates = host.updates();
    updates.recv().await.unwrap();
    let me = format!("uid {}", rustix::process::getuid().as_raw());
    assert_eq!(said(data.path(), "pause web-approve").await.unwrap(), (Exit::Done, String::new()));
    let failure = said(data.path(), "pause nobody").await.unwrap_err();
    assert_eq!((failure.exit, failure.text().contains("no mission \"nobody\"")), (Exit::Failed, true));
    let failure = said(data.path(), "resume").await.unwrap_err();
    assert!(failure.text().contains("what is paused: mission web-approve"), "{}", failure.text());
    let comment = Some("leaked: password=hunter2hunter2".to_owned());
    let (scope, cancel) = (Scope { mission: None, class: Some(Class::Scanner) }, false);
    client.send(&Command::Pause { scope, cancel, comment }).await.unwrap();
    let long = Command::Pause { scope: Scope::default(), cancel, comment: Some("c".repeat(2_000)) };
    assert!(client.send(&long).await.is_err());
    let pauses = client.view().await.unwrap().pauses;
    assert_eq!(
        pauses.iter().map(|pause| pause.what.as_str()).collect::<Vec<_>>(),
        ["every scanner", "mission web-approve"]
    );
    assert!(pauses.iter().all(|pause| pause.who == me && pause.rehearsal));
    let written = pauses[0].comment.as_deref().unwrap();
    assert!(written.starts_with("leaked: ") && !written.contains("hunter2"), "{written}");
    for words in ["resume --class scanner", "resume web-approve"] {
        assert_eq!(said(data.path(), words).await.unwrap().0, Exit::Done);
    }
    assert!(client.view().await.unwrap().pauses.is_empty());
    host.stop().await.unwrap();
}
