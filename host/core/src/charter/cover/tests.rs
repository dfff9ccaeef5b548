//! What narrows, and what may not.

use super::*;
use crate::charter::{Change, Charter, Judgment, LAPTOP, PRODUCTION, PlanGist, Request, Subject};

fn rules(text: &str) -> Rules {
    Rules::parse(text).unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

/// The names of the rules because of which a charter may permit more.
fn wider(old: &str, new: &str) -> Vec<String> {
    widenings(&rules(old), &rules(new)).into_iter().map(|(rule, _)| rule).collect()
}

fn narrows(old: &str, new: &str) {
    assert_eq!(wider(old, new), Vec::<String>::new(), "{old}\n---\n{new}");
}

const PLANS: &str = "@id(\"plans\") permit (principal, action in Action::\"reads\", resource);\n";
const APPLIES: &str = "@id(\"applies\") permit (principal, action == Action::\"apply\", resource);\n";
const ASKED: &str = "@id(\"asked\") @approval(\"human\") permit (principal, action == Action::\"apply\", resource);\n";
const TWO: &str = "@id(\"two\") @approval(\"human\") @approvers(\"2\") permit (principal, action == Action::\"apply\", resource) \
                   when { context.plan.destroys > 0 };\n";
const NIGHT: &str =
    "@id(\"night\") forbid (principal, action, resource) when { context.hour < 6 && context.weekday > 5 };\n";

#[test]
fn the_same_rules_narrow_however_they_are_written() {
    for profile in [LAPTOP, PRODUCTION] {
        narrows(profile, profile);
    }
    let renamed = PLANS
        .replace("\"plans\"", "\"looks\" ) @reason(\"a plan changes nothing\"")
        .replace("( principal", "(principal");
    narrows(PLANS, &renamed);
    narrows(NIGHT, &NIGHT.replace(" && ", " } when { "));
}

#[test]
fn a_permit_that_is_gone_or_has_more_conditions_narrows() {
    narrows(&[PLANS, APPLIES].concat(), PLANS);
    narrows(PLANS, &PLANS.replace(");", ") when { context.hour > 8 };"));
    narrows(PLANS, &PLANS.replace("in Action::\"reads\"", "== Action::\"plan\""));
    narrows(PLANS, &PLANS.replace("principal,", "principal == Policy::\"ab\","));
    narrows(APPLIES, "");
}

/// It refuses everything to a cluster's user, who has no `uid`; without it something may be permitted.
#[test]
fn a_permit_that_reads_a_uid_is_missed_where_it_is_gone() {
    let by = "@id(\"by\") permit (principal, action == Action::\"amend\", resource) when { principal.uid == 7 };\n";
    assert_eq!(wider(&[PLANS, by].concat(), PLANS), ["by"]);
    narrows(&[PLANS, by].concat(), &[PLANS, by].concat());
}

#[test]
fn a_new_permit_and_one_with_fewer_conditions_may_widen() {
    assert_eq!(wider(PLANS, &[PLANS, APPLIES].concat()), ["applies"]);
    assert_eq!(wider(&PLANS.replace(");", ") when { context.hour > 8 };"), PLANS), ["plans"]);
    assert_eq!(wider(&PLANS.replace("in Action::\"reads\"", "== Action::\"plan\""), PLANS), ["plans"]);
    assert_eq!(wider(&PLANS.replace("principal,", "principal == Policy::\"ab\","), PLANS), ["plans"]);
    let eight = PLANS.replace(");", ") when { context.hour > 8 };");
    assert_eq!(wider(&eight, &eight.replace("> 8", "> 7")), ["plans"], "it is not proved, so it counts as wider");
}

#[test]
fn a_forbid_that_is_new_or_has_fewer_conditions_narrows_and_one_that_is_gone_widens() {
    narrows(PLANS, &[PLANS, NIGHT].concat());
    narrows(&[PLANS, NIGHT].concat(), &[PLANS, &NIGHT.replace(" && context.weekday > 5", "")].concat());
    assert_eq!(wider(&[PLANS, NIGHT].concat(), PLANS), ["night"]);
    // What no rule permits needs no forbid.
    narrows(&[PLANS, NIGHT].concat(), "");
    let more = NIGHT.replace("> 5 }", "> 5 && context.hour > 2 }");
    assert_eq!(wider(&[PLANS, NIGHT].concat(), &[PLANS, &more].concat()), ["night"]);
}

#[test]
fn who_is_asked_stays_asked() {
    narrows(APPLIES, ASKED);
    narrows(ASKED, &ASKED.replace("permit", "@approvers(\"3\") permit"));
    assert_eq!(wider(ASKED, APPLIES), ["asked"], "the permit is as wide, and asks nobody");
    // Removing a permit that asks two leaves the one that asks one.
    assert_eq!(wider(&[ASKED, TWO].concat(), ASKED), ["two"]);
    // Nothing is permitted where it held: nobody needs to be asked.
    narrows(&[ASKED, PLANS].concat(), PLANS);
    // Everything asks two.
    narrows(&[ASKED, TWO].concat(), &ASKED.replace("permit", "@approvers(\"2\") permit"));
}

#[test]
fn what_refused_since_it_overflowed_has_to_stay() {
    let sum = "@id(\"sum\") permit (principal, action in Action::\"reads\", resource) \
               when { context.failures + 1 > 0 };\n";
    narrows(&[PLANS, sum].concat(), &[PLANS, sum].concat());
    assert_eq!(wider(&[PLANS, sum].concat(), PLANS), ["sum"]);
    let guarded = sum.replace("context.failures +", "context.hour > 8 && context.failures +");
    assert_eq!(wider(&[PLANS, sum].concat(), &[PLANS, &guarded].concat()), ["sum"]);
}

#[test]
fn production_is_narrower_than_laptop_and_not_the_other_way_round() {
    narrows(LAPTOP, PRODUCTION);
    assert!(wider(PRODUCTION, LAPTOP).contains(&"nothing-dangerous".to_owned()));
}

#[test]
fn nothing_narrows_what_nobody_understands() {
    let odd: Rules = serde_json::from_str("\"permit (\"").unwrap();
    assert_eq!(widenings(&odd, &rules("")).len(), 1);
}

/// Every pair of charters that can be put together of the rules above, asked with everything that they read: where the
/// shape says that one narrows, nothing is let through that was not, and nobody less is asked.
#[test]
fn what_is_said_to_narrow_never_lets_more_through() {
    let forbid_apply =
        "@id(\"none\") forbid (principal, action == Action::\"apply\", resource) unless { context.weekday == 1 };\n";
    let sum = "@id(\"sum\") forbid (principal, action in Action::\"reads\", resource) \
               when { context.failures * 9223372036854775807 > 5 };\n";
    let pool: Vec<String> = [PLANS, APPLIES, ASKED, TWO, NIGHT, forbid_apply, sum].map(str::to_owned).into();
    let charters: Vec<Rules> = (0..1usize << pool.len())
        .map(|mask| {
            let chosen = pool.iter().enumerate().filter(|(index, _)| mask >> index & 1 == 1);
            rules(&chosen.map(|(_, rule)| rule.as_str()).collect::<String>())
        })
        .collect();
    let requests = requests();
    let said: Vec<Vec<u8>> =
        charters.iter().map(|rules| requests.iter().map(|request| let_through(rules, request)).collect()).collect();
    let shapes: Vec<_> = charters.iter().map(|rules| rules.shapes().unwrap()).collect();
    let (mut narrower, mut missed) = (0, 0);
    for (old, before) in said.iter().enumerate() {
        for (new, after) in said.iter().enumerate() {
            let lets_no_more = before.iter().zip(after).all(|(before, after)| after <= before);
            if compare(&shapes[old], &shapes[new]).is_empty() {
                assert!(lets_no_more, "{}\n---\n{}", charters[old].text(), charters[new].text());
                narrower += 1;
            } else if lets_no_more {
                missed += 1;
            }
        }
    }
    assert!(narrower > 1_000, "only {narrower} pairs narrow by their shape, {missed} more do");
}

fn requests() -> Vec<Request> {
    let mut requests = Vec::new();
    for action in [Name::Plan, Name::Apply, Name::Notify] {
        for (hour, weekday) in [(3, 1), (3, 6), (12, 1), (12, 6)] {
            for (destroys, failures) in [(0, 0), (1, 0), (0, 2)] {
                requests.push(Request {
                    action,
                    mission: Some(Subject { id: "web-1".into(), name: "web".into(), ..Subject::default() }),
                    failures,
                    hour,
                    weekday,
                    plan: (action == Name::Apply).then(|| PlanGist { destroys, ..PlanGist::default() }),
                    ..Request::default()
                });
            }
        }
    }
    requests
}

/// How much is let through: nothing, after so many people, or freely.
fn let_through(rules: &Rules, request: &Request) -> u8 {
    match rules.judge(request) {
        Judgment::Forbidden(_) => 0,
        Judgment::Asked { approvers, .. } => 100 - approvers,
        Judgment::Permitted(_) => 100,
    }
}

#[test]
fn a_change_is_told_rule_by_rule_and_number_by_number() {
    let mut old = Charter { rules: rules(&[PLANS, ASKED].concat()), ..Charter::default() };
    old.settings.grants = vec!["privileged".into()];
    let mut new = Charter { rules: rules(&[PLANS, APPLIES].concat()), ..old.clone() };
    new.settings.workers_max = 9;
    new.settings.failures_max = 1;
    new.settings.grants = vec!["public-port".into()];
    let change = Change::between(&old, &new);
    let told: Vec<_> =
        change.settings.iter().chain(&change.rules).map(|d| (d.name.as_str(), d.widens.is_some())).collect();
    assert_eq!(
        told,
        [
            ("failuresMax", false),
            ("workersMax", true),
            ("grants", true),
            ("grants", false),
            ("asked", true),
            ("applies", false)
        ]
    );
    assert!(!change.only_narrows() && Change::between(&old, &old).is_empty());
}

/// Each number by itself, a little more and a little less.
#[test]
fn each_number_widens_one_way_and_narrows_the_other() {
    let json = serde_json::to_value(Charter::default()).unwrap();
    let numbers = ["failuresMax", "approvalTtlMs", "repairsMax", "repairRestMs", "workersMax", "workersAnHourMax"]
        .into_iter()
        .chain(["appliesADayMax", "questionsADayMax", "tokensADayMax", "moneyADayMaxMicroUsd"])
        .chain(["prices/inputPerMillionMicroUsd", "prices/outputPerMillionMicroUsd"]);
    for name in numbers {
        let changed = |by: i64| {
            let mut json = json.clone();
            let number = json.pointer_mut(&format!("/settings/{name}")).unwrap();
            *number = (number.as_i64().unwrap() + by).into();
            let changed: Charter = serde_json::from_value(json).unwrap();
            Change::between(&Charter::default(), &changed)
        };
        let (more, less) = (changed(1), changed(-1));
        assert_eq!((more.settings.len(), less.settings.len()), (1, 1), "{name}");
        let downwards = name == "repairRestMs" || name.starts_with("prices");
        assert_eq!((more.only_narrows(), less.only_narrows()), (downwards, !downwards), "{name}");
    }
    let limited = |limit: Option<u32>| {
        let mut charter = Charter::default();
        charter.settings.workers_by_class.builder = limit;
        charter
    };
    for (before, after, narrows) in [(None, Some(3), true), (Some(3), None, false), (Some(3), Some(2), true)] {
        let change = Change::between(&limited(before), &limited(after));
        assert_eq!((change.settings.len(), change.only_narrows()), (1, narrows), "{before:?} {after:?}");
    }
}
