//! `policy test`, `policy bench`, `policy inspect`: what an author is shown of a policy.

use std::path::Path;

use quarterdeck::cli::{Exit, Failure};
use quarterdeck_tests::guests;
use serde_json::Value;

use super::commands::said;

const STEWARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest-policies/prebuilt/steward.wasm");
/// A mission that has no plan yet: steward plans it.
const SITUATION: &str = "situation: # as it was in March
  turn: 7
  now: 1795000000000
  missions:
  - {id: web-1f2e3d4c, generation: 1, goal: a web server, autonomy: auto, desired: present, phase: Pending,
     plans: [{digest: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\", tool: terraform}]}
";
/// What it decides then, but for one word of it.
const DECISION: &str = "decision:
  proposals:
  - key: plan/web-1f2e3d4c
    action:
      build:
        order:
          mission: web-1f2e3d4c
          generation: 2
          plan: sha256:0000000000000000000000000000000000000000000000000000000000000000
        step: plan
  rationale: none
";

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
}

fn guest(folder: &Path, name: &str) -> String {
    let path = folder.join("guest.wasm");
    std::fs::write(&path, guests::named(name).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_case_that_differs_is_told_by_its_fields_and_blessed_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases");
    write(&cases, "first.yaml", &format!("{SITUATION}{DECISION}"));
    let asked = format!("policy test {STEWARD} {}", cases.display());
    let (exit, text) = said(folder.path(), &asked).await.unwrap();
    assert_eq!(exit, Exit::Failed);
    let differs = "proposal plan/web-1f2e3d4c.action.build.order.generation: expected 2, it says 1";
    assert!(text.contains(differs) && text.contains("rationale: expected \"none\", it says \""), "{text}");
    assert!(text.contains("Fuel:") && text.contains("of 1000000000") && text.contains("Memory:"), "{text}");
    let (exit, json) = said(folder.path(), &format!("{asked} -o json")).await.unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    let item = &json["items"][0];
    assert_eq!(
        (exit, &item["result"], &item["differences"][0]["decided"]),
        (Exit::Failed, &"differs".into(), &"1".into())
    );
    assert_eq!(item["decision"]["proposals"][0]["key"], "plan/web-1f2e3d4c");

    let (exit, text) = said(folder.path(), &format!("{asked} --bless")).await.unwrap();
    assert!(exit == Exit::Done && text.contains("blessed") && text.contains("says now what was decided"), "{text}");
    let blessed = std::fs::read_to_string(cases.join("first.yaml")).unwrap();
    assert!(blessed.starts_with(SITUATION) && blessed.contains("generation: 1\n"), "{blessed}");
    assert!(!blessed.contains("null") && !blessed.contains("[]"), "{blessed}");
    let (exit, text) = said(folder.path(), &asked).await.unwrap();
    assert!(exit == Exit::Done && text.contains("first   ok"), "{text}");
    // Nothing is written where nothing differs.
    let before = std::fs::metadata(cases.join("first.yaml")).unwrap().modified().unwrap();
    said(folder.path(), &format!("{asked} --bless")).await.unwrap();
    assert_eq!(std::fs::metadata(cases.join("first.yaml")).unwrap().modified().unwrap(), before);
}

#[tokio::test]
async fn a_failure_shows_what_the_guest_said_and_used_and_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (lost, cases) = (guest(folder.path(), "lost"), folder.path().join("cases"));
    write(&cases, "a.json", r#"{"situation": {"turn": 7, "now": 1}, "decision": {}}"#);
    write(&cases, "b.yaml", "situation: {turn: 7, now: 1}\nfailure: trap\n");
    write(&cases, "c.yaml", "situation: {turn: 7, now: 1}\nfailure: out-of-fuel\n");
    let (exit, text) = said(folder.path(), &format!("policy test {lost} {}", cases.display())).await.unwrap();
    assert_eq!(exit, Exit::Failed);
    for part in [
        "answer: expected decided, it says guest:trap",
        "answer: expected guest:out-of-fuel, it says guest:trap",
        "guest:trap: wasm trap: wasm `unreachable` instruction executed\n",
        "info: going",
        "Backtrace:",
        " lookout::is_new",
        "a \\u{1b}[2J name",
        "2 of 3 cases are not as expected",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Of one case alone, by its name.
    let (exit, text) = said(folder.path(), &format!("policy test {lost} {} b", cases.display())).await.unwrap();
    assert!(exit == Exit::Done && !text.contains("lookout"), "{text}");
    // A failure is not blessed: the case stays as it is, and wrong.
    let (exit, _) = said(folder.path(), &format!("policy test {lost} {} a --bless", cases.display())).await.unwrap();
    assert_eq!(exit, Exit::Failed);
    assert!(std::fs::read_to_string(cases.join("a.json")).unwrap().ends_with(r#""decision": {}}"#));
}

#[tokio::test]
async fn what_is_wrong_with_a_case_is_said_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let asked = |folder: &Path| format!("policy test {STEWARD} {}", folder.display());
    let refused = async |words: &str| -> Failure { said(folder.path(), words).await.unwrap_err() };
    let huge = format!(
        "situation:\n  turn: 1\n  now: 1\n  more: [{}]\n",
        vec![format!("{{key: k, value: {}}}", "x".repeat(10_000)); 27].join(", ")
    );
    for (index, (text, part)) in [
        ("situation: {turn: 7, now: 1}\ndecision: {proposal: []}\n", "line 2 column 12: unknown field `proposal`"),
        ("situation:\n  turn: 7\n  now: 1\n  findngs: []\n", "line 4 column 3: unknown field `findngs`"),
        ("situation:\n  turn: 7\n  now: 1\n  missions:\n  - id: web-1\n    gaol: x\n", "unknown field `gaol`"),
        ("situation: {turn: 7}\ndecision: {}\n", "missing field `now`"),
        ("decision: {}\n", "missing field `situation`"),
        ("situation: {turn: 7, now: 1}\nfailure: tarp\n", "is no way in which a policy fails; those are error, trap"),
        ("situation: {turn: 7, now: 1}\nfailure: trap\ndecision: {}\n", "a decision and a failure"),
        ("situation: {turn: 7, now: 1}\n", "expects nothing: it has neither"),
        ("situation: {turn: 7, now: 1, memo: {format: a/1, bytes: 7}}\ndecision: {}\n", "in quotes"),
        (huge.as_str(), "bytes, of 262144 at most"),
    ]
    .into_iter()
    .enumerate()
    {
        let cases = folder.path().join(format!("cases-{index}"));
        write(&cases, "a.yaml", text);
        let failure = refused(&asked(&cases)).await;
        assert!(failure.exit == Exit::Usage && failure.next.is_some(), "{}", failure.text());
        assert!(failure.text().contains(part) && failure.text().contains("a.yaml"), "{part}: {}", failure.text());
    }
    let empty = folder.path().join("empty");
    write(&empty, "README.md", "no case");
    assert!(refused(&asked(&empty)).await.text().contains("holds no case"));
    assert!(refused(&asked(&folder.path().join("nowhere"))).await.text().contains("nowhere"));
    write(&empty, "a.yaml", "");
    write(&empty, "a.json", "");
    assert!(refused(&asked(&empty)).await.text().contains("two cases that are called a"));
    let unknown = refused(&format!("{} b", asked(&folder.path().join("cases-0")))).await;
    assert!(unknown.text().contains("has no case \"b\"") && unknown.text().contains("next: name one of these: a"));
    let hidden = guest(folder.path(), "hostile/describe-loops");
    let failure = refused(&format!("policy test {hidden} {} --bless", folder.path().join("cases-7").display())).await;
    assert!(failure.text().contains("guest:out-of-fuel") && failure.out.contains("Backtrace:"), "{}", failure.out);
}

#[tokio::test]
async fn a_turn_that_was_printed_is_a_situation_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases");
    let mut whole = quarterdeck_core::sample::situation(16 << 10);
    whole.memo = Some(quarterdeck_core::situation::Memo { format: "steward/1".into(), bytes: vec![0, 255, 7] });
    let mut printed = serde_json::json!({
        "situation": { "apiVersion": "quarterdeck.dev/v1alpha1", "kind": "Situation", "rehearsal": true },
    });
    let serde_json::Value::Object(fields) = serde_json::to_value(&whole).unwrap() else { panic!("no object") };
    printed["situation"].as_object_mut().unwrap().extend(fields);
    write(&cases, "turn-7.json", &serde_json::to_string_pretty(&printed).unwrap());
    let asked = format!("policy test {STEWARD} {}", cases.display());
    let (exit, text) = said(folder.path(), &format!("{asked} --bless")).await.unwrap();
    assert!(exit == Exit::Done && text.contains("blessed"), "{text}");
    let (exit, json) = said(folder.path(), &format!("{asked} -o json")).await.unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((exit, &json["items"][0]["result"]), (Exit::Done, &"ok".into()));
    // What was asked is the situation itself: asked directly, steward uses the same fuel.
    let steward = quarterdeck::decide::Sandbox::new().unwrap().load(&std::fs::read(STEWARD).unwrap()).unwrap();
    assert_eq!(json["items"][0]["answer"]["fuel"], steward.decide_on(whole).fuel);
}

#[tokio::test]
async fn an_inspection_says_what_a_policy_is_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let (_, text) = said(folder.path(), &format!("policy inspect {STEWARD}")).await.unwrap();
    for part in [
        "Interface:",
        "quarterdeck:policy/decider 0.1.0",
        "pure",
        "build, ask, notify",
        "replan-after-seconds=600: ",
        "processed-by wit-bindgen-rust",
        "of which 0 have names",
        "Memories:",
        "3 modules",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (_, json) = said(folder.path(), &format!("policy inspect {STEWARD} -o json")).await.unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["interface"]["version"], "0.1.0");
    assert_eq!((&json["profile"], &json["problem"], &json["memories"]), (&"pure".into(), &Value::Null, &1.into()));
    assert_eq!(json["description"]["memo-format"], "steward/1");

    let lost = guest(folder.path(), "lost");
    let (_, json) = said(folder.path(), &format!("policy inspect {lost} -o json")).await.unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json["namedFunctions"].as_u64().unwrap() > 2, "{json}");
    let loops = guest(folder.path(), "hostile/describe-loops");
    let failure = said(folder.path(), &format!("policy inspect {loops}")).await.unwrap_err();
    assert!(
        failure.out.contains("Can decide:") && failure.out.contains("Answer:  guest:out-of-fuel"),
        "{}",
        failure.out
    );
}

#[tokio::test]
async fn a_bench_measures_against_the_floor_in_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    let (exit, json) = said(folder.path(), &format!("policy bench {STEWARD} --turns 3 -o json")).await.unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((exit, &json["turns"]), (Exit::Done, &3.into()));
    assert!(json["artifactBytes"].as_u64().unwrap() > json["bytes"].as_u64().unwrap(), "{json}");
    let situations = json["situations"].as_array().unwrap();
    assert_eq!(situations.len(), 3);
    for (situation, kib) in situations.iter().zip([1, 16, 64]) {
        let bytes = situation["situationBytes"].as_u64().unwrap();
        assert!(bytes > (kib << 9) && bytes < (kib + 3) << 10, "{situation}");
        // How much it is hangs on the machine's load, so only that it was measured is sure.
        assert!(situation["medianUs"].as_f64() > Some(0.0) && situation["floorUs"].as_f64() > Some(0.0), "{situation}");
        assert!(situation["timesTheFloor"].is_f64() && situation["p99Us"].is_f64(), "{situation}");
        assert_eq!(situation["answer"]["class"], "decided");
    }
    let cases = folder.path().join("cases");
    write(&cases, "mine.yaml", SITUATION);
    let lost = guest(folder.path(), "lost");
    let asked = format!("policy bench {lost} {} --turns 1", cases.display());
    let (exit, text) = said(folder.path(), &asked).await.unwrap();
    assert!(exit == Exit::Failed && text.contains("mine") && text.contains("lookout::is_new"), "{text}");
}

/// The floor is kept assembled, since the program has no assembler.
#[test]
fn the_floor_is_what_its_text_assembles_to() {
    let assembled = guests::named("floor").unwrap();
    let kept = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../host/src/cli/policy/floor.wasm")).unwrap();
    if assembled != kept {
        let aside = concat!(env!("CARGO_TARGET_TMPDIR"), "/floor.wasm");
        std::fs::write(aside, &assembled).unwrap();
        panic!("floor.wat was changed: cp {aside} host/src/cli/policy/floor.wasm");
    }
}

/// The case that is written down for people to copy is one; the floor, which tells nobody anything, does not meet it.
#[tokio::test]
async fn the_documents_case_is_a_case() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policies.md")).unwrap();
    let case = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (floor, cases) = (guest(folder.path(), "floor"), folder.path().join("cases"));
    write(&cases, "documented.yaml", case);
    let (exit, text) = said(folder.path(), &format!("policy test {floor} {}", cases.display())).await.unwrap();
    assert_eq!(exit, Exit::Failed);
    assert!(text.contains("proposal notify/f-1f2e3d4c5b6a: missing; expected {"), "{text}");
    assert!(text.contains(r#"rationale: expected "I tell 1 things.", it says """#), "{text}");
}
