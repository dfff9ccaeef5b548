//! A broken thing in the cluster, a question to Gemini on its real wire format, and what comes of the answer: a mission that offers
//! what is needed is planned, a user of the cluster says yes, and a Job builds it.

use quarterdeck_tests::fake_gemini::{FakeGemini, Step, recommend_first};
use serde_json::{Value, json};

use crate::cluster::Inside;
use crate::jobs::Yard;
use crate::missions::{APPROVERS, example};
use crate::parts::until;
use crate::stage::PATIENCE;

/// Told to the process that is Gemini inside the cluster's network.
const BEGIN: &str = "QUARTERDECK_FAKE_GEMINI";
const KEY: &str = "a-key-for-the-fake-gemini";

/// Runs in the cluster's network: a Gemini that recommends what it is offered first, and says what it was asked. Where it is not
/// told to there is nothing to do.
#[test]
#[allow(clippy::disallowed_methods, reason = "this is a program of its own, which is told by its environment")]
fn inside() {
    if std::env::var_os(BEGIN).is_none() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let gemini = FakeGemini::start(vec![Step::Compute(std::sync::Arc::new(recommend_first))]).await;
        println!("AT {}", gemini.base_url());
        let mut told = 0;
        loop {
            for seen in &gemini.seen()[told..] {
                let key = seen.header("x-goog-api-key") == Some(KEY);
                println!("SEEN {}", json!({ "line": seen.line, "key": key, "body": seen.body }));
                told += 1;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
}

fn questions(gemini: &Inside) -> Vec<Value> {
    let words = gemini.words();
    let whole = &words[..words.rfind('\n').map_or(0, |end| end + 1)];
    whole.lines().filter_map(|line| serde_json::from_str(line.split_once("SEEN ")?.1).ok()).collect()
}

#[test]
fn what_gemini_recommends_is_built_once_a_user_of_the_cluster_says_yes() {
    let Some(yard) = Yard::raise() else { return };
    let mut command = yard.cluster.inside("env");
    command.arg(format!("{BEGIN}=1")).arg(std::env::current_exe().unwrap());
    let gemini = yard.cluster.start("gemini", command.args(["--exact", "advice::inside", "--nocapture"]));
    let at = until("Gemini listens", PATIENCE, || {
        gemini.words().lines().find_map(|line| Some(line.split_once("AT ")?.1.to_owned()))
    });
    let environment = [format!("GEMINI_API_KEY={KEY}"), format!("QUARTERDECK_GEMINI_URL={at}")];
    let host = yard.host_with("advised", 8443, &["--missions", "--charter", "production"], &environment);
    until("it takes turns", PATIENCE, || host.get("turns").into_iter().next());
    yard.cluster.apply(&example(&[("  offers:", "  when: needed\n  offers:")]));
    yard.cluster.apply(APPROVERS);
    host.until_phase("Waiting");
    assert!(questions(&gemini).is_empty() && host.get("workers").is_empty(), "nobody needs it yet");

    yard.cluster.damage(&["crash-loop"]);
    let asked = until("Gemini is asked", PATIENCE, || questions(&gemini).into_iter().next());
    assert!(asked["line"].as_str().unwrap().starts_with("POST /v1beta/models/"), "{asked}");
    assert_eq!(asked["key"], true, "{asked}");
    assert!(asked["body"].to_string().contains("exit code 3"), "it is told what is wrong: {asked}");
    host.until_phase("AwaitingApproval");
    assert_eq!(yard.web(), "000");
    let (code, said) = until("ada's word counts", PATIENCE, || {
        let (code, said) = yard.cluster.plugin_as("ada", &["approve", "web", "-n", "web", "--yes"]);
        (!said.contains("was in force")).then_some((code, said))
    });
    assert_eq!(code, Some(0), "{said}");
    host.until_phase("Ready");
    assert_eq!(yard.web(), "200");
    let operations: Vec<Value> = host.get("workers").iter().map(|worker| worker["operation"].clone()).collect();
    assert!(operations.contains(&json!("plan")) && operations.contains(&json!("apply")), "{operations:?}");
    host.stop();
}
