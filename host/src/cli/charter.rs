//! `charter`: what the rules are, what they say to cases, and what they said (or would have said) to what was proposed.

use std::path::Path;

use quarterdeck_core::charter::{Charter, Held, Judgment, Request, Rule, Rules};
use quarterdeck_core::situation::Ruling;
use quarterdeck_core::verdict::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::exit::{Exit, Failure};
use super::law;
use super::place::Place;
use super::print::{self, Output, fields, section, table, word};
use crate::config;
use crate::replay::recorded;

/// A file of cases has at most this many bytes (1 MiB): some thousand cases.
const CASES_BYTES_MAX: usize = 1 << 20;

/// One case of a file: a request, and what is expected of the charter.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    name: String,
    request: Request,
    #[serde(default)]
    expect: Option<Expected>,
    #[serde(default)]
    approvers: Option<u8>,
    #[serde(default)]
    rule: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Expected {
    Forbid,
    Ask,
    Permit,
}

/// A judgment, as it is compared and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    said: Expected,
    rule: String,
    approvers: u8,
    because: String,
}

impl Said {
    fn of(rules: &Rules, request: &Request) -> Said {
        let (said, reason, approvers) = match rules.judge(request) {
            Judgment::Permitted(reason) => (Expected::Permit, reason, 0),
            Judgment::Asked { reason, approvers } => (Expected::Ask, reason, approvers),
            Judgment::Forbidden(reason) => (Expected::Forbid, reason, 0),
        };
        Said { said, rule: reason.rule, approvers, because: reason.because }
    }

    fn words(&self) -> String {
        match self.approvers {
            0 => format!("{} by {}", word(&self.said), self.rule),
            approvers => format!("{} {approvers} by {}", word(&self.said), self.rule),
        }
    }

    /// How much it lets through; more people to ask is less.
    fn rank(&self) -> (Expected, std::cmp::Reverse<u8>) {
        (self.said, std::cmp::Reverse(self.approvers))
    }
}

pub(super) fn check(charter: &str, output: Output) -> Result<String, Failure> {
    let rules = config::rules(charter)?;
    if output == Output::Json {
        return Ok(print::pretty(&print::object("Charter", false, &json!({ "name": charter, "rules": rules.list() }))));
    }
    let row = |rule: &Rule| {
        vec![rule.line.to_string(), rule.id.clone(), effect(rule), rule.reason.clone().unwrap_or_default()]
    };
    Ok(table(&["line", "rule", "effect", "reason"], rules.list().iter().map(row)))
}

fn effect(rule: &Rule) -> String {
    match (rule.permits, rule.approvers) {
        (false, _) => "forbid".to_owned(),
        (true, 0) => "permit".to_owned(),
        (true, 1) => "ask".to_owned(),
        (true, approvers) => format!("ask {approvers}"),
    }
}

fn cases(path: &Path) -> Result<Vec<Case>, Failure> {
    let usage =
        |error: anyhow::Error| Failure::of(Exit::Usage, error, Some("quarterdeck charter test --help".to_owned()));
    let text = config::read_bounded(path, CASES_BYTES_MAX)
        .map_err(|error| usage(anyhow::Error::new(error).context(format!("read the cases {}", path.display()))))?;
    let cases: Vec<Case> =
        serde_saphyr::from_str(&text).map_err(|error| usage(anyhow::anyhow!("{}: {error}", path.display())))?;
    if cases.is_empty() {
        return Err(usage(anyhow::anyhow!("{} holds no case", path.display())));
    }
    Ok(cases)
}

pub(super) fn test(charter: &str, path: &Path, output: Output) -> Result<(Exit, String), Failure> {
    let (rules, cases) = (config::rules(charter)?, cases(path)?);
    if let Some(case) = cases.iter().find(|case| case.expect.is_none()) {
        let error = format!("the case {:?} does not say what is expected", case.name);
        return Err(Failure::new(Exit::Usage, error, "give each case expect: permit, ask or forbid"));
    }
    let judged: Vec<(&Case, Said, bool)> = cases
        .iter()
        .map(|case| {
            let said = Said::of(&rules, &case.request);
            let as_expected = case.expect == Some(said.said)
                && case.approvers.is_none_or(|approvers| approvers == said.approvers)
                && case.rule.as_ref().is_none_or(|rule| *rule == said.rule);
            (case, said, as_expected)
        })
        .collect();
    let failed = judged.iter().filter(|(_, _, as_expected)| !as_expected).count();
    let exit = if failed == 0 { Exit::Done } else { Exit::Failed };
    if output == Output::Json {
        let object = |(case, said, as_expected): &(&Case, Said, bool)| json!({ "name": case.name, "expected": expected(case), "said": said, "asExpected": as_expected });
        let items: Vec<_> = judged.iter().map(object).collect();
        return Ok((exit, print::pretty(&print::list("CharterCase", false, &items))));
    }
    let row = |(case, said, as_expected): &(&Case, Said, bool)| {
        let mark = if *as_expected { "ok" } else { "FAILED" };
        vec![mark.to_owned(), case.name.clone(), expected(case), said.words(), said.because.clone()]
    };
    let mut text = table(&["", "case", "expected", "said", "because"], judged.iter().map(row));
    text += &format!("{} of {} cases as expected\n", judged.len() - failed, judged.len());
    Ok((exit, text))
}

fn expected(case: &Case) -> String {
    let mut words = case.expect.as_ref().map(word).unwrap_or_default();
    if let Some(approvers) = case.approvers {
        words += &format!(" {approvers}");
    }
    if let Some(rule) = &case.rule {
        words += &format!(" by {rule}");
    }
    words
}

pub(super) fn diff_cases(from: &str, to: &str, path: &Path, output: Output) -> Result<(Exit, String), Failure> {
    let (old, new, cases) = (config::rules(from)?, config::rules(to)?, cases(path)?);
    let differences: Vec<Difference> = cases
        .iter()
        .filter_map(|case| {
            let (before, after) = (Said::of(&old, &case.request), Said::of(&new, &case.request));
            let change = Change::of(before.rank().cmp(&after.rank()), before.words() == after.words())?;
            Some(Difference { what: case.name.clone(), before: before.words(), after: after.words(), change })
        })
        .collect();
    Ok(told(&differences, &format!("{} cases", cases.len()), false, output))
}

/// What a candidate says of every proposal in the journal, beside what was said.
pub(super) fn diff_journal(place: &Place, candidate: &str, output: Output) -> Result<(Exit, String), Failure> {
    let rules = law::rules(Ok(place), candidate)?;
    let (mut differences, mut proposals) = (Vec::new(), 0);
    let rehearsal = recorded(&place.journal(), &mut |turn| {
        let charter = Charter { rules: rules.clone(), ..turn.charter.clone() };
        let verdicts = turn.ruled_by(&charter);
        proposals += verdicts.len();
        for (before, after) in turn.opened.verdicts.iter().zip(&verdicts) {
            if let Some(change) = Change::of(let_through(before).cmp(&let_through(after)), before.rule == after.rule) {
                let words = |verdict: &Verdict| format!("{} by {}", word(&verdict.ruling), verdict.rule);
                let what = format!("turn {}: {}", turn.opened.turn, before.key);
                differences.push(Difference { what, before: words(before), after: words(after), change });
            }
        }
    })?;
    Ok(told(&differences, &format!("{proposals} recorded proposals"), rehearsal, output))
}

/// How much a ruling lets through.
fn let_through(verdict: &Verdict) -> u8 {
    match verdict.ruling {
        Ruling::Failed | Ruling::Refused => 0,
        Ruling::Suggested => 1,
        Ruling::Asked => 2,
        Ruling::Acted => 3,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    Gained,
    Lost,
    /// As much as before, by another rule.
    OtherRule,
}

impl Change {
    fn of(order: std::cmp::Ordering, same: bool) -> Option<Change> {
        match order {
            std::cmp::Ordering::Less => Some(Change::Gained),
            std::cmp::Ordering::Greater => Some(Change::Lost),
            std::cmp::Ordering::Equal if same => None,
            std::cmp::Ordering::Equal => Some(Change::OtherRule),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Difference {
    what: String,
    before: String,
    after: String,
    change: Change,
}

fn told(differences: &[Difference], of: &str, rehearsal: bool, output: Output) -> (Exit, String) {
    let exit = if differences.is_empty() { Exit::Done } else { Exit::Failed };
    let count = |change| differences.iter().filter(|difference| difference.change == change).count();
    let (gained, lost) = (count(Change::Gained), count(Change::Lost));
    if output == Output::Json {
        let object = json!({ "of": of, "gained": gained, "lost": lost, "differences": differences });
        return (exit, print::pretty(&print::object("CharterDiff", rehearsal, &object)));
    }
    let row = |difference: &Difference| {
        let Difference { what, before, after, change } = difference;
        vec![word(change), what.clone(), before.clone(), after.clone()]
    };
    let mut text = match differences {
        [] => String::new(),
        some => table(&["change", "what", "before", "after"], some.iter().map(row)),
    };
    let others = differences.len() - gained - lost;
    text += &format!("{of}: {gained} permits gained, {lost} lost, {others} by another rule\n");
    text += "Each was ruled on by itself, as it stood; what would have come after another ruling is not predicted.\n";
    (exit, text)
}

pub(super) fn explain(
    place: &Place,
    turn: u32,
    key: &str,
    charter: Option<&str>,
    output: Output,
) -> Result<String, Failure> {
    let other = charter.map(config::rules).transpose()?;
    let mut found = None;
    let mut keys = Vec::new();
    let rehearsal = recorded(&place.journal(), &mut |recorded| {
        if recorded.opened.turn != turn {
            return;
        }
        keys = recorded.opened.verdicts.iter().map(|verdict| verdict.key.clone()).collect();
        let charter = match &other {
            Some(rules) => Charter { rules: rules.clone(), ..recorded.charter.clone() },
            None => recorded.charter.clone(),
        };
        let Some(index) = keys.iter().position(|known| known == key) else { return };
        let Some(proposal) = recorded.decision.proposals.get(index) else { return };
        let verdicts = recorded.ruled_by(&charter);
        let request = recorded.asked_of(&charter, proposal);
        found = Some((verdicts[index].clone(), request, charter));
    })?;
    let Some((verdict, request, charter)) = found else {
        let error = match keys.as_slice() {
            [] => format!("the journal has no turn {turn} in which anything was proposed"),
            keys => format!("turn {turn} has no proposal {key:?}; it has {}", keys.join(", ")),
        };
        return Err(Failure::new(Exit::Failed, error, "quarterdeck journal list; quarterdeck journal show TURN"));
    };
    let said = request.as_ref().map(|request| Said::of(&charter.rules, request));
    let held = request.as_ref().map(|request| charter.rules.explain(request)).unwrap_or_default();
    if output == Output::Json {
        let rules: Vec<_> = held.iter().map(|(rule, held)| json!({ "rule": rule, "holds": held })).collect();
        let object = json!({
            "turn": turn, "key": key, "verdict": verdict, "charter": charter.digest(), "request": request,
            "said": said, "rules": rules,
        });
        return Ok(print::pretty(&print::object("CharterExplanation", rehearsal, &object)));
    }
    let mut text = fields(&[
        ("Turn", turn.to_string()),
        ("Proposal", key.to_owned()),
        ("Ruled", format!("{} by {}: {}", word(&verdict.ruling), verdict.rule, verdict.because)),
        ("Charter", charter.digest().to_string()),
        ("Its word", said.map_or("it was not asked".to_owned(), |said| format!("{}: {}", said.words(), said.because))),
    ]);
    text += &section("Asked with", request.iter().flat_map(told_request));
    text +=
        &section("Rules", held.iter().map(|(rule, held)| format!("{} ({}): {}", rule.id, effect(rule), holds(held))));
    Ok(text)
}

fn holds(held: &Held) -> String {
    match held {
        Held::Yes => "holds".to_owned(),
        Held::No => "its conditions do not hold".to_owned(),
        Held::NotAsked => "is about other actions".to_owned(),
        Held::Failed(why) => format!("can't be evaluated: {why}"),
    }
}

/// The request as YAML, which a case can be made of.
fn told_request(request: &Request) -> Vec<String> {
    let text = serde_saphyr::to_string(request).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
