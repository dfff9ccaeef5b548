//! The boundary: what goes out is what was meant, and what comes in is believed in no point.

use quarterdeck::decide::bindings::quarterdeck::policy::types as wit;
use quarterdeck::decide::boundary::{lift, lift_description, lower};
use quarterdeck_core::decision::{Action, BuildStep};
use quarterdeck_core::encoding;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_tests::shape;
use regex::Regex;

#[test]
fn every_field_of_a_situation_goes_out_as_it_is() {
    // Both sides have the same fields by the same names, so what they print differs in the wrapping alone.
    let wrapping = Regex::new(r"\b(Timestamp\((?<time>\d+)\)|[A-Z]\w*::)").expect("a pattern");
    let digest = Regex::new(r#""?(sha256:[0-9a-f]{12})([0-9a-f]{52}"|…)"#).expect("a pattern");
    let plain = |text: &str| {
        let text = wrapping.replace_all(text, "$time");
        digest.replace_all(&text, "$1").replace("ShownVerdict {", "Verdict {").replace('_', "-")
    };
    for kib in [1, 16, 64, 250] {
        let situation = shape::situation(kib << 10);
        let shown = format!("{:?}", lower(situation.clone()));
        assert_eq!(plain(&shown), plain(&format!("{situation:?}")), "{kib} KiB");
    }
}

#[test]
fn nothing_above_2_to_the_53_goes_out() {
    let mut situation = shape::situation(1 << 10);
    situation.now = Timestamp(u64::MAX);
    assert_eq!(lower(situation).now, (1 << 53) - 1);
}

#[test]
fn a_whole_decision_comes_in_and_encodes_to_itself() {
    let lifted = lift(decision()).expect("it is well formed");
    assert_eq!(lifted.proposals.len(), 1);
    assert!(matches!(&lifted.proposals[0].action, Action::Build { step: BuildStep::Apply(_), .. }));
    assert_eq!(encoding::decode(&encoding::encode(&lifted)), Ok(lifted));
}

#[test]
fn a_text_is_escaped_and_only_a_rationale_is_cut() {
    let mut said = decision();
    said.rationale = format!("\u{1b}[2Jfine\n{}", "x".repeat(1 << 20));
    said.proposals[0].action = notify("\u{202e}all well", "two\nlines");
    let lifted = lift(said).expect("texts are mended for people");
    assert!(lifted.rationale.starts_with("\\u{1b}[2Jfine\\nxxx") && lifted.rationale.ends_with("x…"));
    assert_eq!(lifted.rationale.len(), 4 << 10);
    let Action::Notify { title, text, .. } = &lifted.proposals[0].action else { panic!("it was a notification") };
    assert_eq!((title.as_str(), text.as_str()), ("\\u{202e}all well", "two\\nlines"));
}

#[test]
fn what_does_not_fit_is_refused_with_field_and_reason() {
    type Spoil = fn(&mut wit::Decision);
    let cases: &[(&str, Spoil)] = &[
        ("proposals: 129 entries, of 128 at most", |said| said.proposals = vec![said.proposals[0].clone(); 129]),
        ("proposals: the key \"k\" stands there twice", |said| said.proposals = vec![said.proposals[0].clone(); 2]),
        ("proposals[0].key: empty", |said| said.proposals[0].key.clear()),
        ("proposals[0].key: 129 bytes, of 128 at most", |said| said.proposals[0].key = "k".repeat(129)),
        ("proposals[0].key: the character \\u{200b} has no place in a name", |said| {
            said.proposals[0].key = "k\u{200b}".into();
        }),
        ("proposals[0].cites: 65 entries", |said| said.proposals[0].cites = vec!["f".into(); 65]),
        ("proposals[0].cites[1]: the character \\u{a}", |said| said.proposals[0].cites.push("a\nb".into())),
        ("memo: 65537 bytes, of 65536 at most", |said| said.memo = Some(vec![0; 65_537])),
        ("look-again: 9007199254740992 is above 2^53 - 1", |said| said.look_again = Some(1 << 53)),
        ("proposals[0].action.build.order.mission: \"../web\" is no mission id", |said| {
            build(said).order.mission = "../web".into();
        }),
        ("proposals[0].action.build.order.plan: \"sha256:12\" is no digest", |said| {
            build(said).order.plan = "sha256:12".into();
        }),
        ("proposals[0].action.build.step.apply: \"latest\" is no digest", |said| {
            build(said).step = wit::BuildStep::Apply("latest".into());
        }),
        ("proposals[0].action.cancel: \"\" is no order name", |said| {
            said.proposals[0].action = wit::Action::Cancel(String::new());
        }),
        ("proposals[0].action.ask.note: 501 bytes, of 500 at most", |said| {
            said.proposals[0].action = wit::Action::Ask(wit::Ask {
                id: "q".into(),
                kind: wit::QuestionKind::Triage,
                mission: None,
                findings: vec![],
                note: Some("n".repeat(501)),
            });
        }),
        ("proposals[0].action.notify.text: 2049 bytes, of 2048 at most", |said| {
            said.proposals[0].action = notify("t", &"t".repeat(2049));
        }),
        ("proposals[0].action.acknowledge.until: 9007199254740992 is above", |said| {
            said.proposals[0].action = wit::Action::Acknowledge(wit::Acknowledge {
                finding: "f-1".into(),
                until: 1 << 53,
                reason: String::new(),
            });
        }),
        ("proposals[0].action.scan.targets[0]: 301 bytes", |said| {
            let order = build(said).order.clone();
            said.proposals[0].action = wit::Action::Scan(wit::Scan { order, targets: vec!["t".repeat(301)] });
        }),
    ];
    for (expected, spoil) in cases {
        let mut said = decision();
        spoil(&mut said);
        let refused = lift(said).expect_err(expected).to_string();
        assert!(refused.starts_with(expected), "expected {expected}, saw {refused}");
    }
}

#[test]
fn a_description_is_bounded_too() {
    type Spoil = fn(&mut wit::Description);
    let setting = || wit::Setting { key: "s".into(), default_value: String::new(), help: String::new() };
    let good = || wit::Description {
        name: "steward".into(),
        version: "1".into(),
        summary: "what it does".into(),
        actions: vec![wit::ActionKind::Build],
        operations: vec![wit::Operation::Plan],
        settings: vec![setting()],
        memo_format: String::new(),
        reads_memos: vec!["steward/1".into()],
    };
    assert_eq!(lift_description(good()).map(|lifted| lifted.name), Ok("steward".into()));
    let cases: &[(&str, Spoil)] = &[
        ("version: empty", |said| said.version.clear()),
        ("actions: 10 entries, of 9 at most", |said| said.actions = vec![wit::ActionKind::Build; 10]),
        ("settings: the key \"s\" stands there twice", |said| said.settings.push(said.settings[0].clone())),
        ("settings[0].help: 1025 bytes", |said| said.settings[0].help = "h".repeat(1025)),
        ("reads-memos[1]: empty", |said| said.reads_memos.push(String::new())),
    ];
    for (expected, spoil) in cases {
        let mut said = good();
        spoil(&mut said);
        let refused = lift_description(said).expect_err(expected).to_string();
        assert!(refused.starts_with(expected), "expected {expected}, saw {refused}");
    }
}

fn decision() -> wit::Decision {
    let digest = format!("sha256:{}", "0".repeat(64));
    let order = wit::Order {
        mission: "web-1f2e3d4c".into(),
        generation: 1,
        plan: digest.clone(),
        remedy: Some("retry".into()),
    };
    let action = wit::Action::Build(wit::Build { order, step: wit::BuildStep::Apply(digest) });
    wit::Decision {
        proposals: vec![wit::Proposal { key: "k".into(), cites: vec!["f-1".into()], action }],
        rationale: "because".into(),
        memo: Some(vec![1, 2, 3]),
        look_again: Some(7),
    }
}

fn notify(title: &str, text: &str) -> wit::Action {
    wit::Action::Notify(wit::Notify {
        severity: wit::Severity::Info,
        title: title.into(),
        text: text.into(),
        mission: None,
    })
}

fn build(said: &mut wit::Decision) -> &mut wit::Build {
    let wit::Action::Build(build) = &mut said.proposals[0].action else { panic!("it was a build") };
    build
}
