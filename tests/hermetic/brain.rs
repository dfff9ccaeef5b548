//! The brain: whatever Gemini does, each question gets one reply in time, and nobody sees the key.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;
use std::time::Duration;

use quarterdeck::orient::brain::{Brain, OnReply};
use quarterdeck::orient::gemini::{ApiKey, Gemini, GeminiConfig, QUEUE_MAX, StartError};
use quarterdeck::orient::offline::{self, Offline};
use quarterdeck_core::ids::{FindingId, MissionId, Timestamp};
use quarterdeck_core::question::{Bill, BrainReply, Offer, Question, Tokens};
use quarterdeck_core::situation::{Assessment, Fact, Finding, ObjectRef, QuestionKind, Reply, Severity};
use quarterdeck_tests::fake_gemini::{FakeGemini, Step, answer, recommend_first};
use serde_json::{Value, json};
use tokio::sync::Notify;

const KEY: &str = "AIza-a-key-that-nobody-may-see-0123456789";
/// No test waits longer; each should take milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

fn clock() -> Timestamp {
    Timestamp(5_000)
}

fn finding(id: &str, rule: &str, kind: &str, mission: Option<&str>) -> Finding {
    Finding {
        id: FindingId::parse(id).unwrap(),
        rule: rule.into(),
        severity: Severity::Critical,
        object: ObjectRef { kind: kind.into(), namespace: None, name: "web".into(), uid: None },
        owner: None,
        mission: mission.map(|id| MissionId::parse(id).unwrap()),
        message: "The container exited with 137.".into(),
        evidence: vec![Fact::new("log", "out of memory")],
        first_seen: Timestamp(1_000),
        changed: Timestamp(1_000),
        count: 1,
        acknowledged_until: None,
    }
}

fn offer(mission: &str, needs: &[&str]) -> Offer {
    let needs = needs.iter().map(|need| (*need).to_owned()).collect();
    Offer { mission: MissionId::parse(mission).unwrap(), goal: "A web server.".into(), needs }
}

fn question(id: &str) -> Question {
    Question {
        id: id.into(),
        kind: QuestionKind::Propose,
        asked: clock(),
        about: None,
        findings: vec![finding("f-1", "container-exited", "container", None)],
        missions: vec![offer("web-1", &["server", "network"])],
        note: None,
    }
}

/// A brain, and the notice that a reply is there.
struct Asked<B> {
    brain: B,
    woken: Arc<Notify>,
}

impl<B: Brain> Asked<B> {
    /// Takes replies until there are this many.
    async fn replies(&self, count: usize) -> Vec<BrainReply> {
        let mut replies = self.brain.replies();
        let all = async {
            while replies.len() < count {
                self.woken.notified().await;
                replies.extend(self.brain.replies());
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("each question gets its reply in time");
        replies
    }
}

fn waking() -> (Arc<Notify>, OnReply) {
    let woken = Arc::new(Notify::new());
    let notify = Arc::clone(&woken);
    (woken, Arc::new(move || notify.notify_one()))
}

fn config(base_url: &str) -> GeminiConfig {
    // Somebody else in this binary may have installed it already.
    let _: Result<(), _> = rustls::crypto::ring::default_provider().install_default();
    let mut config = GeminiConfig::new(ApiKey::parse(&format!(" {KEY}\n")).unwrap());
    config.base_url = base_url.to_owned();
    config.retry_wait = Duration::from_millis(1);
    config
}

fn gemini(config: GeminiConfig) -> Asked<Gemini> {
    let (woken, on_reply) = waking();
    Asked { brain: Gemini::start(config, clock, on_reply).unwrap(), woken }
}

/// Asks one question of a stand-in with this script: the reply, and how many requests it took.
async fn ask(script: Vec<Step>, change: impl FnOnce(&mut GeminiConfig)) -> (BrainReply, usize) {
    let fake = FakeGemini::start(script).await;
    let mut config = config(fake.base_url());
    change(&mut config);
    let asked = gemini(config);
    asked.brain.ask(question("q"));
    let reply = asked.replies(1).await.remove(0);
    assert!(!format!("{reply:?}").contains(KEY), "{reply:?}");
    (reply, fake.seen().len())
}

fn reason(reply: &BrainReply) -> &str {
    match &reply.reply {
        Reply::Unanswered(reason) => reason,
        Reply::Assessed(_) | Reply::Pending => panic!("an answer where there is none: {reply:?}"),
    }
}

fn assessment(reply: &BrainReply) -> &Assessment {
    match &reply.reply {
        Reply::Assessed(assessment) => assessment,
        Reply::Unanswered(_) | Reply::Pending => panic!("no answer where there is one: {reply:?}"),
    }
}

fn good_text() -> String {
    let advice = json!({
        "need": "server", "mission": "web-1", "finding": "f-1", "reason": "It ran out of memory.", "confidence": 870,
    });
    json!({ "text": "The web server is down.", "recommendations": [advice] }).to_string()
}

fn ok(body: &Value) -> Step {
    Step::Answer(200, body.to_string().into_bytes())
}

fn error(status: u16, error: &Value) -> Step {
    Step::Answer(status, json!({ "error": error }).to_string().into_bytes())
}

/// A good answer with one thing changed.
fn but(pointer: &str, value: Value) -> Step {
    let mut body = answer(&good_text());
    *body.pointer_mut(pointer).expect("the pointer is into the answer") = value;
    ok(&body)
}

#[tokio::test]
async fn a_good_answer_is_an_assessment_and_the_key_is_in_its_header_only() {
    let fake = FakeGemini::start(vec![ok(&answer(&good_text()))]).await;
    let asked = gemini(config(fake.base_url()));
    assert_eq!(asked.brain.choice(), "Gemini gemini-2.5-flash at 127.0.0.1");
    asked.brain.ask(question("why"));
    let reply = asked.replies(1).await.remove(0);
    assert_eq!((reply.question.as_str(), reply.answered), ("why", clock()));
    assert_eq!(reply.model.as_deref(), Some("gemini-2.5-flash"));
    assert_eq!(reply.tokens, Tokens { prompt: 812, answer: 40, thought: 211 });
    let advice = &assessment(&reply).recommendations[0];
    assert_eq!((advice.need.as_deref(), advice.confidence), (Some("server"), 870));

    let seen = fake.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].line, "POST /v1beta/models/gemini-2.5-flash:generateContent HTTP/1.1");
    assert_eq!(seen[0].header("x-goog-api-key"), Some(KEY));
    assert_eq!(seen[0].headers.iter().filter(|line| line.contains(KEY)).count(), 1);
    assert!(!seen[0].body.to_string().contains(KEY));
    let generation = &seen[0].body["generationConfig"];
    assert_eq!(generation["responseMimeType"], "application/json");
    assert_eq!(generation["candidateCount"], 1);
    assert_eq!(generation["responseJsonSchema"], question("why").answer_schema());
    assert_eq!(generation["thinkingConfig"]["thinkingBudget"], 1_024);
    assert_eq!(seen[0].body["contents"][0]["parts"][0]["text"], question("why").user_text());
}

#[tokio::test]
async fn an_answer_in_a_list_of_one_and_one_that_is_computed_are_read() {
    let (reply, _) = ask(vec![ok(&json!([answer(&good_text())]))], |_| {}).await;
    assert_eq!(assessment(&reply).text, "The web server is down.");
    let (reply, _) = ask(vec![Step::Compute(Arc::new(recommend_first))], |_| {}).await;
    assert_eq!(assessment(&reply).recommendations[0].need.as_deref(), Some("network"));
}

#[tokio::test]
async fn an_answer_that_is_none_is_unanswered_and_not_asked_for_again() {
    let text = |text: &str| ok(&answer(text));
    let extra = good_text().replacen('{', "{\"command\":\"rm\",", 1);
    let too_long = json!({ "text": "x".repeat(70_000), "recommendations": [] }).to_string();
    let mut two = answer(&good_text());
    let candidate = two["candidates"][0].clone();
    two["candidates"].as_array_mut().unwrap().push(candidate);
    let mut nameless = answer(&good_text());
    nameless.as_object_mut().unwrap().remove("modelVersion");
    let cut_off = json!({
        "candidates": [{ "finishReason": "MAX_TOKENS", "content": { "role": "model" } }],
        "usageMetadata": { "promptTokenCount": 5, "thoughtsTokenCount": 8000 }, "modelVersion": "gemini-2.5-flash",
    });
    let finish = |reason: &str| but("/candidates/0/finishReason", json!(reason));
    let cases = [
        (ok(&cut_off), "cut off at the limit of tokens, 8000 of which went into thinking"),
        (ok(&json!({ "promptFeedback": { "blockReason": "SAFETY" } })), "block reason SAFETY"),
        (ok(&json!({})), "holds 0 candidates"),
        (ok(&two), "holds 2 candidates"),
        (finish("SAFETY"), "finish reason SAFETY"),
        (finish("A_REASON_OF_TOMORROW"), "finish reason A_REASON_OF_TOMORROW"),
        (finish("\u{1b}[2J"), "finish reason \\u{1b}[2J"),
        (but("/candidates/0/content", json!({})), "answer is empty"),
        (but("/candidates/0/content/parts/0/thought", json!("maybe")), "can't be read"),
        (but("/modelVersion", json!("gemini-2.5-flash-lite")), "answered by another model: \"gemini-2.5-flash-lite\""),
        (ok(&nameless), "does not say which model"),
        (text("The server is down."), "does not keep the schema"),
        (text(&extra), "unknown field `command`"),
        (text(&good_text().replace("870", "1001")), "confidence of 1001"),
        (text(&good_text().replace("f-1", "f-2")), "a finding that is not in the question"),
        (text(&too_long), "more than 65536"),
        (Step::Answer(200, b"{\"candidates\":".to_vec()), "can't be read"),
        (Step::Answer(200, b"[]".to_vec()), "can't be read"),
        (Step::Answer(200, b"{\"modelVersion\":\"\xff\"}".to_vec()), "not UTF-8"),
        (Step::Answer(204, Vec::new()), "HTTP 204"),
        (Step::Flood, "larger than 1048576 bytes"),
        (Step::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_vec()), "the connection to Gemini broke"),
        (Step::Raw(b"\x16\x03 is no HTTP".to_vec()), "the connection to Gemini broke"),
        (Step::Close, "the connection to Gemini broke"),
    ];
    for (step, expected) in cases {
        let (reply, requests) = ask(vec![step], |_| {}).await;
        assert!(reason(&reply).contains(expected), "{expected}: {reply:?}");
        assert!(reason(&reply).len() <= 1_024, "{reply:?}");
        assert_eq!(requests, 1, "{expected}");
    }
}

#[tokio::test]
async fn an_invented_need_is_dropped_and_a_useless_answer_is_paid_for_all_the_same() {
    let (reply, _) = ask(vec![ok(&answer(&good_text().replace("\"server\"", "\"root-shell\"")))], |_| {}).await;
    assert_eq!(assessment(&reply).recommendations, []);
    let (reply, _) = ask(vec![ok(&answer("no JSON"))], |_| {}).await;
    assert_eq!((reply.tokens.thought, reply.model.as_deref()), (211, Some("gemini-2.5-flash")));
    reason(&reply);
}

#[tokio::test]
async fn what_was_or_may_have_been_paid_for_is_told_from_what_was_free() {
    let mut silent = answer("no JSON");
    silent.as_object_mut().unwrap().remove("usageMetadata");
    let cases = [
        (vec![ok(&answer(&good_text()))], Bill::Counted),
        (vec![ok(&answer("no JSON"))], Bill::Counted),
        (vec![ok(&silent)], Bill::Unknown),
        (vec![Step::Answer(200, b"{".to_vec())], Bill::Unknown),
        (vec![Step::Answer(204, Vec::new())], Bill::Unknown),
        (vec![Step::Close], Bill::Unknown),
        (vec![Step::Hang], Bill::Unknown),
        (vec![error(503, &json!({})), Step::Hang], Bill::Unknown),
        (vec![error(503, &json!({}))], Bill::Nothing),
        (vec![error(429, &json!({ "message": "limit: 0" }))], Bill::Nothing),
        (vec![error(403, &json!({}))], Bill::Nothing),
    ];
    for (index, (script, bill)) in cases.into_iter().enumerate() {
        let late = Duration::from_millis(200);
        let short = |config: &mut GeminiConfig| config.total_timeout = late;
        let (reply, _) = if bill == Bill::Unknown { ask(script, short).await } else { ask(script, |_| {}).await };
        assert_eq!(reply.bill, bill, "case {index}: {reply:?}");
    }
    // What does not even leave the queue costs nothing.
    let refused = BrainReply::unanswered(&question("q"), clock(), "too many questions at once");
    assert_eq!(refused.bill, Bill::Nothing);
}

#[tokio::test]
async fn what_may_pass_is_tried_once_more_and_what_will_not_is_not() {
    let good = || ok(&answer(&good_text()));
    let retry = |delay: &str| json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay });
    let busy = |details: Value, message: &str| {
        error(429, &json!({ "status": "RESOURCE_EXHAUSTED", "message": message, "details": details }))
    };
    let quota = |id: &str| json!([{ "violations": [{ "quotaId": id }] }, retry("0.001s")]);
    let per_minute = quota("GenerateContentInputTokensPerModelPerMinute-FreeTier");
    let per_day = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier");
    let bad_key = json!({ "status": "INVALID_ARGUMENT", "message": format!("API key {KEY} not valid."),
        "details": [{ "reason": "API_KEY_INVALID" }] });
    let listed = Step::Answer(429, br#"[{"error":{"details":[{"retryDelay":"900s"}]}}]"#.to_vec());
    // The script, the requests that it takes, and what is said where there is no answer.
    let cases: Vec<(Vec<Step>, usize, Option<&str>)> = vec![
        (vec![busy(per_minute, "Slow down."), good()], 2, None),
        (vec![busy(json!([retry("2ms")]), ""), good()], 2, None),
        (vec![busy(Value::Array(Vec::new()), "Please retry in 1.5ms."), good()], 2, None),
        (vec![Step::Answer(429, b"<html>busy</html>".to_vec()), good()], 2, None),
        (vec![busy(json!([]), "")], 2, Some("too many questions for Gemini's quota (HTTP 429)")),
        (vec![busy(json!([retry("12.07s")]), ""), good()], 1, Some("too many questions for Gemini's quota")),
        (vec![listed, good()], 1, Some("too many questions for Gemini's quota")),
        (vec![busy(per_day, "Enough."), good()], 1, Some("the day's quota at Gemini is used up")),
        (vec![busy(json!([]), "Quota exceeded, limit: 0"), good()], 1, Some("no quota for this model")),
        (vec![busy(json!([{ "reason": "MODEL_CAPACITY_EXHAUSTED" }]), ""), good()], 1, Some("no capacity")),
        (vec![error(500, &json!({ "status": "INTERNAL" })), good()], 2, None),
        (vec![error(503, &json!({ "status": "UNAVAILABLE" })), good()], 2, None),
        (vec![error(504, &json!({})), good()], 2, None),
        (vec![error(503, &json!({ "status": "UNAVAILABLE" }))], 2, Some("not available (HTTP 503): UNAVAILABLE")),
        (vec![error(503, &json!({})), error(400, &json!({ "message": "no" }))], 2, Some("(HTTP 400): no")),
        (
            vec![error(400, &bad_key), good()],
            1,
            Some("refused the key (HTTP 400): INVALID_ARGUMENT: API key [key] not"),
        ),
        (vec![error(403, &json!({ "status": "PERMISSION_DENIED" })), good()], 1, Some("refused the key (HTTP 403)")),
        (vec![error(404, &json!({ "message": "gone" })), good()], 1, Some("not know the model gemini-2.5-flash")),
        (vec![error(400, &json!({ "message": "bad\n\u{1b}[1mschema" })), good()], 1, Some("bad\\n\\u{1b}[1mschema")),
        (vec![Step::Answer(418, b"\xff\xfe".to_vec()), good()], 1, Some("refused the request (HTTP 418)")),
    ];
    for (script, requests, expected) in cases {
        let (reply, seen) = ask(script, |_| {}).await;
        assert_eq!(seen, requests, "{expected:?}: {reply:?}");
        match expected {
            Some(expected) => assert!(reason(&reply).contains(expected), "{expected}: {reply:?}"),
            None => assert_eq!(assessment(&reply).recommendations.len(), 1),
        }
    }
}

#[tokio::test]
async fn silence_and_a_drip_end_at_the_deadline_which_holds_for_the_retry_too() {
    let short = |config: &mut GeminiConfig| config.total_timeout = Duration::from_millis(200);
    let drip = Step::Drip(answer(&good_text()).to_string().into_bytes());
    for script in [vec![Step::Hang], vec![drip]] {
        let (reply, requests) = ask(script, short).await;
        assert_eq!((reason(&reply), requests), ("Gemini did not answer within 200 ms", 1));
    }
    let (reply, requests) = ask(vec![error(503, &json!({})), Step::Hang], short).await;
    assert_eq!((reason(&reply), requests), ("Gemini did not answer within 200 ms", 2));
    // A retry that could only begin after the deadline does not begin.
    let late = error(429, &json!({ "details": [{ "retryDelay": "9s" }] }));
    let (reply, requests) = ask(vec![late], short).await;
    assert!(reason(&reply).contains("HTTP 429"), "{reply:?}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn asking_returns_at_once_while_gemini_hangs_and_too_many_questions_are_told_so() {
    let fake = FakeGemini::start(vec![Step::Hang]).await;
    // The deadline is the default of 30 s, so a call that waited for it would be seen.
    let asked = gemini(config(fake.base_url()));
    let begun = std::time::Instant::now();
    for n in 0..QUEUE_MAX + 3 {
        asked.brain.ask(question(&format!("q{n}")));
    }
    let replies = asked.replies(3).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "asking waited");
    let names: Vec<_> = replies.iter().map(|reply| reply.question.clone()).collect();
    assert_eq!(names, ["q8", "q9", "q10"]);
    assert!(replies.iter().all(|reply| reason(reply) == "too many questions at once"));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_an_absent_service_is_unreachable() {
    let elsewhere = FakeGemini::start(vec![ok(&answer(&good_text()))]).await;
    for status in ["301 Moved", "307 Temporary", "308 Permanent"] {
        let head = format!("HTTP/1.1 {status}\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.base_url());
        let (reply, requests) = ask(vec![Step::Raw(head.into_bytes())], |_| {}).await;
        assert!(reason(&reply).contains("redirect"), "{reply:?}");
        assert_eq!(requests, 1);
    }
    assert_eq!(elsewhere.seen().len(), 0);

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let asked = gemini(config(&format!("http://{address}")));
    asked.brain.ask(question("q"));
    let reply = asked.replies(1).await.remove(0);
    assert!(reason(&reply).starts_with("Gemini could not be reached: "), "{reply:?}");
}

#[tokio::test]
async fn the_key_is_in_nothing_that_comes_back() {
    let escaped: String = KEY.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let spelled = good_text().replace("It ran out of memory.", &escaped);
    let long = format!("{}{KEY}", "x".repeat(150));
    for step in [
        ok(&answer(&good_text().replace("The web server is down.", KEY))),
        ok(&answer(&spelled)),
        but("/modelVersion", json!(KEY)),
        but("/candidates/0/finishReason", json!(KEY)),
        error(400, &json!({ "message": long })),
        Step::Answer(500, KEY.as_bytes().to_vec()),
        Step::Raw(format!("HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n").into_bytes()),
    ] {
        // `ask` looks for the whole key; cut, escaped or spelled out it may not be there either.
        let (reply, _) = ask(vec![step], |_| {}).await;
        assert!(!format!("{reply:?}").contains(&KEY[..8]), "{reply:?}");
    }
}

#[tokio::test]
async fn a_configuration_that_would_leak_the_key_or_cannot_be_right_is_refused() {
    let start = |change: &dyn Fn(&mut GeminiConfig)| {
        let mut config = config("http://127.0.0.1:1");
        change(&mut config);
        let refusal = Gemini::start(config, clock, waking().1).map(drop).unwrap_err();
        assert!(!format!("{refusal:?} {refusal}").contains(KEY));
        refusal
    };
    for base in ["http://example.com", "ftp://127.0.0.1", "https://u:p@host", "https://host/?key=1", "nonsense", ""] {
        let refusal = start(&|config| config.base_url = base.to_owned());
        assert!(matches!(refusal, StartError::BaseUrl), "{base}: {refusal}");
    }
    for model in ["", "../v1/files", "gemini 2", "a/b", "GEMINI"] {
        let refusal = start(&|config| config.model = model.to_owned());
        assert!(matches!(refusal, StartError::Model(_)), "{model}: {refusal}");
    }
    for key in ["", "short", "a key with spaces", "line\nbreak-in-it"] {
        assert!(matches!(ApiKey::parse(key), Err(StartError::Key)), "{key}");
    }
}

#[tokio::test]
async fn offline_rules_answer_at_once_and_always_the_same() {
    let (woken, on_reply) = waking();
    let asked = Asked { brain: Offline::new(clock, on_reply), woken };
    asked.brain.ask(question("q"));
    let reply = asked.replies(1).await.remove(0);
    assert_eq!((reply.model.as_deref(), reply.tokens), (Some(offline::MODEL), Tokens::default()));
    let advice = &assessment(&reply).recommendations[0];
    assert_eq!((advice.need.as_deref(), advice.mission.as_ref().unwrap().as_str()), (Some("server"), "web-1"));
    assert_eq!(assessment(&reply), &offline::advise(&question("q")));
}

#[test]
fn offline_rules_recommend_only_what_is_offered_and_prefer_the_finding_s_own_mission() {
    let mut question = question("q");
    question.missions =
        vec![offer("a-1", &["server"]), offer("b-1", &["server"]), offer("c-1", &["server", "network"])];
    let mut advised = |rule: &str, kind: &str, own: Option<&str>, about: Option<&str>| {
        question.findings = vec![finding("f-1", rule, kind, own)];
        question.about = about.map(|id| MissionId::parse(id).unwrap());
        let advice = offline::advise(&question).recommendations.pop()?;
        Some((advice.need.unwrap(), String::from(advice.mission.unwrap()), advice.confidence))
    };
    let some = |need: &str, mission: &str, confidence| Some((need.to_owned(), mission.to_owned(), confidence));
    assert_eq!(advised("container-exited", "container", Some("b-1"), Some("c-1")), some("server", "b-1", 800));
    assert_eq!(advised("container-exited", "container", None, Some("c-1")), some("server", "c-1", 600));
    assert_eq!(advised("container-exited", "container", None, None), some("server", "a-1", 600));
    assert_eq!(advised("object-missing", "network", Some("a-1"), None), some("network", "c-1", 600));
    assert_eq!(advised("object-missing", "volume", None, None), None);
    assert_eq!(advised("provider-too-old", "container", Some("a-1"), None), None);
    assert_eq!(advised("object-left-behind", "container", Some("a-1"), None), None);
}
