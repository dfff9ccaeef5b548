//! What is counted when, what comes back, and what a restart leaves of it.

use super::*;
use crate::decision::{Action, BuildStep, Target};
use crate::entry::{Entry, Settled};
use crate::fixture::{START, Scene, finding, spec, succeeded};
use crate::ids::FindingId;
use crate::question::Tokens;
use crate::situation::{Autonomy, QuestionKind, Reply, Ruling};

fn ask(id: &str) -> Action {
    let findings = vec![FindingId::parse("f-1").unwrap()];
    Action::Ask { id: id.to_owned(), kind: QuestionKind::Triage, mission: None, findings, note: None }
}

fn asking() -> Scene {
    let mut scene = Scene::new(Autonomy::Auto);
    scene.findings.push(finding("f-1", "exited", None));
    scene
}

/// The rules that decide about these, in one decision, journaled.
fn ruled(scene: &mut Scene, actions: Vec<Action>) -> Vec<String> {
    let verdicts = scene.rule_all(actions);
    let rules = verdicts.iter().map(|verdict| verdict.rule.clone()).collect();
    scene.open(verdicts);
    rules
}

fn reply(scene: &mut Scene, id: &str, bill: Bill, tokens: Tokens) {
    let question = scene.ledger.advice[id].question.clone();
    let unanswered = BrainReply::unanswered(&question, scene.now, "no");
    scene.fold(Entry::Replied(BrainReply { bill, tokens, reply: Reply::Unanswered("no".to_owned()), ..unanswered }));
}

fn used(scene: &Scene) -> Usage {
    scene.ledger.spending.usage_today(scene.now)
}

/// What the first question reserves.
fn reservation() -> Usage {
    let mut scene = asking();
    assert_eq!(ruled(&mut scene, vec![ask("q")]), ["words"]);
    used(&scene)
}

#[test]
fn a_question_is_reserved_before_it_is_asked_and_settled_by_its_reply() {
    let reserved = reservation();
    assert!(reserved.input > AROUND_TOKENS && reserved.output == u64::from(OUTPUT_TOKENS_MAX), "{reserved:?}");
    let told = Tokens { prompt: 700, answer: 40, thought: 60 };
    for (bill, settled) in [
        (Bill::Nothing, Usage::default()),
        (Bill::Counted, Usage { input: 700, output: 100 }),
        (Bill::Unknown, reserved),
    ] {
        let mut scene = asking();
        ruled(&mut scene, vec![ask("q")]);
        assert_eq!(used(&scene), reserved, "{bill:?}");
        reply(&mut scene, "q", bill, told);
        assert_eq!(used(&scene), settled, "{bill:?}");
        // A second reply to it is none, and another question is another one.
        let once = scene.ledger.spending.clone();
        reply(&mut scene, "q", Bill::Counted, told);
        assert_eq!(scene.ledger.spending, once, "{bill:?}");
        ruled(&mut scene, vec![ask("q")]);
        assert_eq!(used(&scene), settled.plus(reserved), "{bill:?}");
    }
}

#[test]
fn what_a_dead_host_had_asked_stays_reserved_until_the_day_is_over() {
    let mut scene = asking();
    ruled(&mut scene, vec![ask("q")]);
    let reserved = used(&scene);
    scene.begin(true);
    assert_eq!(used(&scene), reserved);
    reply(&mut scene, "q", Bill::Nothing, Tokens::default());
    assert_eq!(used(&scene), reserved, "whoever answers now does not know what was sent then");
    let midnight = midnight(scene.now);
    scene.now = midnight;
    assert_eq!(used(&scene), Usage::default());
    // One that is answered after midnight is paid for by the day that asked.
    scene.now = Timestamp(midnight.0 - 1);
    ruled(&mut scene, vec![ask("late")]);
    scene.now = midnight;
    ruled(&mut scene, vec![ask("early")]);
    assert_eq!(used(&scene).output, reserved.output, "the early one alone");
    reply(&mut scene, "late", Bill::Unknown, Tokens::default());
    assert_eq!(used(&scene).output, reserved.output);
}

#[test]
fn questions_of_one_decision_count_each_other_against_tokens_and_money() {
    let one = reservation();
    let mut scene = asking();
    scene.charter.settings.tokens_a_day_max = one.tokens() * 2 + 1;
    let verdicts = scene.rule_all(vec![ask("a"), ask("b"), ask("c")]);
    let rules: Vec<&str> = verdicts.iter().map(|verdict| verdict.rule.as_str()).collect();
    assert_eq!(rules, ["words", "words", "tokens-spent"]);
    let (limit, midnight) = (scene.charter.settings.tokens_a_day_max.to_string(), midnight(START).utc());
    let because = &verdicts[2].because;
    assert!(because.contains(&limit) && because.ends_with(&midnight), "{because}");
    scene.open(verdicts);
    assert_eq!(scene.rule_of(ask("d")), "tokens-spent");
    scene.charter.settings.tokens_a_day_max *= 10;
    let price = scene.charter.settings.prices.micro_usd(one);
    assert!(price > 20_000, "{price}: 8 192 tokens that come back cost two cents");
    let three = scene.charter.settings.prices.micro_usd(one.plus(one).plus(one));
    scene.charter.settings.money_a_day_max_micro_usd = three - 1;
    assert_eq!(scene.rule_of(ask("d")), "money-spent");
    scene.charter.settings.money_a_day_max_micro_usd += 1;
    assert_eq!(scene.rule_of(ask("d")), "words");
    // What was free makes room.
    scene.charter.settings.money_a_day_max_micro_usd -= 1;
    reply(&mut scene, "a", Bill::Nothing, Tokens::default());
    assert_eq!(scene.rule_of(ask("d")), "words");
}

/// A plan of each of three missions.
fn three(scene: &mut Scene) -> Vec<Action> {
    for name in ["shop", "blog"] {
        scene.declare(spec(name, Autonomy::Auto));
    }
    let plan = |state: &crate::ledger::MissionState| {
        let (mission, generation, plan) = (state.id.clone(), state.generation, state.spec.plan);
        Action::Build { order: Target { mission, generation, plan, remedy: None }, step: BuildStep::Plan }
    };
    scene.ledger.missions.values().map(plan).collect()
}

#[test]
fn workers_are_limited_by_class_and_by_the_hour() {
    let mut scene = Scene::new(Autonomy::Auto);
    let plans = three(&mut scene);
    scene.charter.settings.workers_by_class.builder = Some(1);
    assert_eq!(ruled(&mut scene, plans.clone()), ["plans", "workers-busy-class", "workers-busy-class"]);
    let order = scene.ledger.orders.keys().next().unwrap().clone();
    assert_eq!(scene.rule_of(plans[1].clone()), "workers-busy-class");
    scene.end(&order, succeeded());
    scene.charter.settings.workers_by_class.builder = None;
    scene.charter.settings.workers_an_hour_max = 2;
    scene.pass(60_000);
    assert_eq!(ruled(&mut scene, plans[1..].to_vec()), ["plans", "workers-hour-spent"]);
    let verdict = scene.rule(plans[2].clone());
    assert_eq!((verdict.ruling, verdict.rule.as_str()), (Ruling::Refused, "workers-hour-spent"));
    let again = START.plus_ms(HOUR_MS);
    assert!(
        verdict.because.ends_with(&again.utc()) && verdict.because.contains("no more than 2"),
        "{}",
        verdict.because
    );
    assert_eq!(room(&scene.charter.settings, &scene.ledger, Operation::Plan, scene.now), Some(again));
    // No restart brings any of it back; time does.
    scene.begin(true);
    scene.now = Timestamp(again.0 - 1);
    assert_eq!(scene.rule_of(plans[2].clone()), "workers-hour-spent");
    scene.now = again;
    assert_eq!(scene.rule_of(plans[2].clone()), "plans");
}

#[test]
fn an_order_that_was_never_started_gives_its_count_back() {
    let mut scene = Scene::new(Autonomy::Auto);
    let artifact = scene.planned(Vec::new());
    let apply = scene.build(BuildStep::Apply(artifact));
    scene.charter.settings.applies_a_day_max = 1;
    scene.charter.settings.workers_an_hour_max = 2;
    let order = scene.start(apply.clone());
    let counts = |scene: &Scene| {
        let spending = &scene.ledger.spending;
        (spending.workers_this_hour(scene.now), spending.applies_today(scene.now))
    };
    assert_eq!(counts(&scene), (2, 1));
    let settled = |adopted| Entry::Settled(Settled { at: scene.now, order: order.name.clone(), adopted });
    let (adopted, abandoned) = (settled(true), settled(false));
    scene.fold(adopted);
    assert_eq!(counts(&scene), (2, 1), "one that was found is at work");
    scene.fold(abandoned);
    assert_eq!(counts(&scene), (1, 0));
    assert_eq!(scene.rule_of(apply), "applies");
}

#[test]
fn applies_are_limited_by_the_day_and_plans_are_not() {
    let mut scene = Scene::new(Autonomy::Auto);
    scene.charter.settings.applies_a_day_max = 1;
    let artifact = scene.planned(Vec::new());
    let ordered = scene.now;
    scene.applied(artifact);
    let artifact = scene.planned(Vec::new());
    let apply = scene.build(BuildStep::Apply(artifact));
    let verdict = scene.rule(apply.clone());
    assert_eq!(verdict.rule, "applies-day-spent");
    assert!(verdict.because.ends_with(&ordered.plus_ms(DAY_MS).utc()), "{}", verdict.because);
    assert_eq!(scene.rule_of(scene.build(BuildStep::Plan)), "plans");
    scene.now = ordered.plus_ms(DAY_MS);
    assert_eq!(scene.rule_of(apply), "applies");
}

#[test]
fn rules_see_what_is_used_up() {
    let rules = "@id(\"plan\") permit (principal, action == Action::\"plan\", resource) when { context.workersThisHour < 2 };\n\
        @id(\"apply\") permit (principal, action == Action::\"apply\", resource) when { context.appliesToday < 1 };\n\
        @id(\"ask\") permit (principal, action == Action::\"ask\", resource)\n\
        when { context.tokensToday == 0 && context.microUsdToday == 0 };";
    let mut scene = asking();
    scene.charter.rules = crate::charter::Rules::parse(rules).unwrap();
    let artifact = scene.planned(Vec::new());
    assert_eq!(scene.rule_of(scene.build(BuildStep::Plan)), "plan");
    let order = scene.start(scene.build(BuildStep::Apply(artifact)));
    scene.end(&order.name, succeeded());
    assert_eq!(scene.rule_of(scene.build(BuildStep::Plan)), "no-permit");
    scene.pass(HOUR_MS);
    let artifact = scene.planned(Vec::new());
    assert_eq!(scene.rule_of(scene.build(BuildStep::Apply(artifact))), "no-permit");
    assert_eq!(ruled(&mut scene, vec![ask("q")]), ["ask"]);
    assert_eq!(scene.rule_of(ask("another")), "no-permit");
}

#[test]
fn each_budget_says_how_much_is_used_and_when_it_comes_back() {
    let mut scene = asking();
    scene.charter.settings.workers_by_class.scanner = Some(3);
    let artifact = scene.planned(Vec::new());
    scene.start(scene.build(BuildStep::Apply(artifact)));
    ruled(&mut scene, vec![ask("q")]);
    let all = budgets(&scene.charter.settings, &scene.ledger, scene.now);
    let shown: Vec<(&str, u64, u64)> = all.iter().map(|b| (b.name.as_str(), b.used, b.limit)).collect();
    let usage = used(&scene);
    assert_eq!(
        shown,
        [
            ("workers", 1, 4),
            ("workers-scanner", 0, 3),
            ("workers-this-hour", 2, 120),
            ("applies-today", 1, 200),
            ("questions-today", 1, 200),
            ("tokens-today", usage.tokens(), 5_000_000),
            ("money-today", scene.charter.settings.prices.micro_usd(usage), 10_000_000),
        ]
    );
    let frees: Vec<Option<Timestamp>> = all.iter().map(|budget| budget.frees).collect();
    let (hour, day) = (Some(START.plus_ms(HOUR_MS)), Some(START.plus_ms(1_000 + DAY_MS)));
    let midnight = Some(midnight(scene.now));
    assert_eq!(frees, [None, None, hour, day, midnight, midnight, midnight]);
}

#[test]
fn a_number_that_can_not_be_meant_is_refused_by_name() {
    use crate::charter::{ByClass, Prices};
    let good = Settings::default();
    assert_eq!(good.check(), Ok(()));
    let prices = Prices { output_per_million_micro_usd: 0, ..Prices::default() };
    let workers_by_class = ByClass { scanner: Some(65), ..ByClass::default() };
    for (settings, says) in [
        (Settings { repairs_max: 0, ..good.clone() }, "repairsMax is 0; use a number from 1 to 100"),
        (Settings { failures_max: 101, ..good.clone() }, "failuresMax is 101; use a number from 1 to 100"),
        (Settings { repair_rest_ms: 600_001, ..good.clone() }, "repairRestMs is 600001; use a number from 0 to 600000"),
        (Settings { workers_by_class, ..good.clone() }, "workersByClass.scanner is 65; use a number from 0 to 64"),
        (Settings { workers_an_hour_max: 601, ..good.clone() }, "workersAnHourMax is 601; use a number from 0 to 600"),
        (
            Settings { prices, ..good.clone() },
            "prices.outputPerMillionMicroUsd is 0; use a number from 1 to 10000000000",
        ),
    ] {
        assert_eq!(settings.check().unwrap_err().to_string(), says);
    }
}
