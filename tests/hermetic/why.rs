//! `why`: from anything done back to its turn, findings, words, policy, rule, people and bytes, from the journal alone.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod people;
mod things;
mod whole;

use std::collections::BTreeSet;

use anyhow::Result;
use quarterdeck::account::{Account, Cause, Kept, Says, account, account_of};
use quarterdeck::remember::journal::{self, Record};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Answered, Entry, Opened, Settled};
use quarterdeck_core::ids::OrderName;
use quarterdeck_core::observation::{Command, Commanded};
use quarterdeck_core::situation::{Operation, Situation};
use quarterdeck_core::verdict::{Effect, Verdict};
use quarterdeck_tests::guests::named as guest;
use quarterdeck_tests::harness::Harness;

use crate::replay::named;
use crate::scenarios::{all, play};

fn nowhere(_: &Digest) -> Kept {
    Kept::Gone
}

fn records(host: &Harness) -> Vec<Record> {
    let mut records = Vec::new();
    journal::read(&host.journal(), &mut |record| records.push(record)).unwrap();
    records
}

fn why(host: &Harness, asked: &str) -> Account {
    account(&host.journal(), asked, &nowhere).unwrap_or_else(|error| panic!("{asked}: {error}"))
}

/// All that a cause says, in one text.
fn words(cause: &Cause) -> String {
    let details = cause.details.iter().map(|detail| format!("\n{}: {}", detail.name, detail.lines.join("\n")));
    format!("{}{}", cause.what, details.collect::<String>())
}

/// The one cause of this kind in this record that says all of this.
fn cause<'a>(account: &'a Account, record: u64, says: Says, parts: &[&str]) -> &'a Cause {
    let fits = |cause: &&Cause| {
        cause.mark.record == record && cause.says == says && parts.iter().all(|part| words(cause).contains(part))
    };
    let found: Vec<&Cause> = account.causes.iter().filter(fits).collect();
    assert_eq!(found.len(), 1, "{says:?} in record {record} with {parts:?}: {account:#?}");
    found[0]
}

fn opened(records: &[Record]) -> impl Iterator<Item = (u64, &Opened)> {
    records.iter().filter_map(|record| match &record.entry {
        Entry::Opened(opened) => Some((record.seq, &**opened)),
        Entry::Begun(_)
        | Entry::Activated(_)
        | Entry::Declared(_)
        | Entry::Commanded(_)
        | Entry::Closed(_)
        | Entry::Replied(_)
        | Entry::Claimed(_)
        | Entry::Ended(_)
        | Entry::Settled(_)
        | Entry::Stored(_)
        | Entry::StateChanged(_)
        | Entry::Chartered(_)
        | Entry::Checkpoint(_)
        | Entry::Uploaded(_)
        | Entry::Nominated(_)
        | Entry::Shadowed(_)
        | Entry::Fenced(_)
        | Entry::Differed(_) => None,
    })
}

fn started(verdict: &Verdict) -> Option<&OrderName> {
    if let Some(Effect::Start(order)) = &verdict.effect { Some(&order.name) } else { None }
}

fn ended(records: &[Record], order: &OrderName) -> Option<u64> {
    let ends = |record: &&Record| matches!(&record.entry, Entry::Ended(ended) if ended.order == *order);
    records.iter().find(ends).map(|record| record.seq)
}

/// What the account of a started worker has to name, whatever started it.
fn names_all(name: &str, account: &Account, records: &[Record], seq: u64, opened: &Opened, verdict: &Verdict) {
    let order = started(verdict).unwrap();
    assert_eq!((account.missing.as_slice(), account.name.as_str()), (&[][..], order.as_str()), "{name}");
    assert!(account.summary.contains(&format!("in turn {}", opened.turn)), "{name}: {}", account.summary);
    let decision = opened.answer.decision().unwrap();
    cause(account, seq, Says::Policy, &[&decision.rationale, &verdict.key]);
    cause(account, seq, Says::Gate, &[&verdict.rule, &verdict.because, "the charter's word: ", "line "]);
    let turn = format!("quarterdeck why turn/{}", opened.turn);
    assert_eq!(cause(account, seq, Says::Host, &[order.as_str(), "was ordered"]).next.as_ref(), Some(&turn));
    for record in records.iter().filter(|record| record.seq <= seq) {
        match &record.entry {
            Entry::Activated(activated) if activated.policy == opened.policy => {
                cause(account, record.seq, Says::Host, &[&activated.policy.to_string(), "it came with the program"]);
            }
            Entry::Chartered(chartered) => {
                cause(account, record.seq, Says::Person, &["uid 0", &chartered.charter.digest().to_string()]);
            }
            Entry::Commanded(Commanded { who, command: Command::Approve { approval, comment }, .. })
                if verdict.approval.as_ref() == Some(approval) =>
            {
                let comment = comment.clone().unwrap_or_default();
                cause(account, record.seq, Says::Person, &[&who.to_string(), approval.as_str(), &comment]);
            }
            Entry::Begun(_)
            | Entry::Activated(_)
            | Entry::Declared(_)
            | Entry::Commanded(_)
            | Entry::Opened(_)
            | Entry::Closed(_)
            | Entry::Replied(_)
            | Entry::Claimed(_)
            | Entry::Ended(_)
            | Entry::Settled(_)
            | Entry::Stored(_)
            | Entry::StateChanged(_)
            | Entry::Checkpoint(_)
            | Entry::Uploaded(_)
            | Entry::Nominated(_)
            | Entry::Shadowed(_)
            | Entry::Fenced(_)
            | Entry::Differed(_) => {}
        }
    }
    let situation: Situation = encoding::decode(&opened.situation).unwrap();
    let proposal = decision.proposals.iter().find(|proposal| proposal.key == verdict.key).unwrap();
    for finding in &situation.findings {
        let cited = proposal.cites.contains(&finding.id.to_string());
        let told = account.causes.iter().filter(|cause| {
            cause.says == Says::Host
                && words(cause).contains(finding.id.as_str())
                && words(cause).contains(&finding.message)
        });
        let told: Vec<&Cause> = told.collect();
        let concerns = cited || finding.mission == verdict.mission;
        assert!(!concerns || told.len() == 1, "{name}: {} of {order}: {account:#?}", finding.rule);
        assert!(told.iter().all(|cause| cause.mark.at <= opened.at && cause.mark.record <= seq), "{name}: {told:#?}");
    }
    if let Some(seq) = ended(records, order) {
        let end = account.causes.iter().any(|cause| cause.mark.record == seq && cause.what.starts_with("it "));
        assert!(end, "{name}: {order} has ended: {account:#?}");
    }
    let sorted = account.causes.is_sorted_by_key(|cause| cause.mark.record);
    let chained =
        account.causes.iter().all(|c| records.iter().any(|r| (r.seq, r.hash) == (c.mark.record, c.mark.hash)));
    assert!(sorted && chained, "{name}: {account:#?}");
}

#[test]
fn every_worker_of_every_scenario_is_led_back_to_its_turn_rule_policy_and_people() -> Result<()> {
    let (mut workers, mut answers, mut verified, mut failed) = (0, 0, 0, 0);
    let mut findings = BTreeSet::new();
    for scenario in all() {
        let name = scenario.name;
        let host = play(scenario)?;
        let records = records(&host);
        for (seq, opened) in opened(&records) {
            for verdict in opened.verdicts.iter().filter(|verdict| started(verdict).is_some()) {
                let account = why(&host, started(verdict).unwrap().as_str());
                names_all(name, &account, &records, seq, opened, verdict);
                workers += 1;
                answers += usize::from(verdict.approval.is_some());
                let says = |part: &str| account.causes.iter().any(|cause| cause.what.contains(part));
                verified += usize::from(says("looked at the engine itself: everything is as it shall be"));
                failed += usize::from(says("the script says unreachable"));
                let rules = ["object-missing", "container-exited"].into_iter().filter(|rule| says(rule));
                findings.extend(rules);
            }
        }
    }
    assert!(workers > 40 && answers >= 3 && verified > 8 && failed >= 7, "{workers} {answers} {verified} {failed}");
    assert!(findings.contains("object-missing"), "{findings:?}");
    Ok(())
}

#[test]
fn every_request_and_every_turn_that_did_something_has_an_account() -> Result<()> {
    let (mut requests, mut started_on, mut verdicts) = (0, 0, 0);
    for scenario in all() {
        let name = scenario.name;
        let host = play(scenario)?;
        let records = records(&host);
        let acts = |opened: &Opened| opened.verdicts.iter().any(|verdict| verdict.effect.is_some());
        for (seq, opened) in opened(&records).filter(|(_, opened)| acts(opened)) {
            let turn = why(&host, &format!("turn/{}", opened.turn));
            assert_eq!((turn.of, turn.missing.as_slice()), ("turn", &[][..]), "{name}");
            for verdict in &opened.verdicts {
                cause(&turn, seq, Says::Gate, &[&verdict.key, &verdict.rule, &verdict.because]);
                verdicts += 1;
                if let Some(order) = started(verdict) {
                    let cause = cause(&turn, seq, Says::Host, &[order.as_str(), "was started; it "]);
                    assert_eq!(cause.next, Some(format!("quarterdeck why {order}")));
                }
                let Some(Effect::Request(request)) = &verdict.effect else { continue };
                let id = request.id.as_str();
                assert!(
                    turn.causes.iter().any(|cause| cause.next.as_deref() == Some(&format!("quarterdeck why {id}")))
                );
                let asked = why(&host, id);
                assert_eq!((asked.of, asked.missing.as_slice()), ("approval", &[][..]), "{name}");
                cause(&asked, seq, Says::Gate, &["a person was asked in turn", id, &verdict.because]);
                cause(&asked, seq, Says::Policy, &[&verdict.key]);
                assert_eq!(asked.bytes[1].digest, request.order.key.input);
                requests += 1;
                started_on += asked.causes.iter().filter(|cause| cause.what.contains("was started on it")).count();
            }
        }
    }
    assert!(requests >= 5 && started_on >= 3 && verdicts > 50, "{requests} {started_on} {verdicts}");
    Ok(())
}

#[test]
fn a_turn_says_what_came_and_went_since_the_one_before_and_how_its_policy_failed() -> Result<()> {
    let mut host = play(named("drift-is-repaired-under-auto"))?;
    let seen = |opened: &Opened| -> BTreeSet<String> {
        let situation: Situation = encoding::decode(&opened.situation).unwrap();
        situation.findings.iter().map(|finding| finding.id.to_string()).collect()
    };
    let (mut before, mut came, mut went) = (BTreeSet::new(), 0, 0);
    for (seq, opened) in opened(&records(&host)) {
        let now = seen(opened);
        if now != before {
            let account = why(&host, &format!("turn/{}", opened.turn));
            let news = cause(&account, seq, Says::Host, &["had not seen in the turn before"]);
            let told = |name: &str| -> BTreeSet<String> {
                let details = news.details.iter().filter(|detail| detail.name == name);
                details.map(|detail| detail.lines[0].split(' ').next().unwrap().to_owned()).collect()
            };
            assert_eq!(told("opened"), now.difference(&before).cloned().collect(), "turn {}", opened.turn);
            assert_eq!(told("resolved"), before.difference(&now).cloned().collect(), "turn {}", opened.turn);
            (came, went) = (came + told("opened").len(), went + told("resolved").len());
        }
        before = now;
    }
    assert!(came > 0 && went > 0, "{came} {went}");

    host.activate(&guest("hostile/unreachable")?)?;
    host.pass(1_000);
    let turn = host.turn()?.turn;
    let account = why(&host, &turn.to_string());
    let failed = account.causes.iter().find(|cause| cause.what.contains(&format!("failed in turn {turn}: trap")));
    assert_eq!(failed.map(|cause| cause.says), Some(Says::Host), "{account:#?}");
    assert!(!account.causes.iter().any(|cause| cause.says == Says::Policy), "{account:#?}");
    Ok(())
}

/// A host that dies between an order and its start leaves nobody at it; the next one orders the same again.
#[test]
fn an_order_that_was_abandoned_says_so_and_whose_second_start_it_was() -> Result<()> {
    let all = records(&play(named("auto-builds-and-rests"))?);
    let (seq, name) =
        opened(&all).flat_map(|(s, o)| o.verdicts.iter().filter_map(move |v| Some((s, started(v)?)))).next().unwrap();
    let before = || all.iter().filter(|record| record.seq <= seq).cloned();
    let settled = |seq: u64, adopted: bool| {
        let (at, order) = (all[0].entry.at(), name.clone());
        Record { seq, segment: 1, hash: Digest::ZERO, entry: Entry::Settled(Settled { at, order, adopted }) }
    };
    let account = account_of(before().chain([settled(seq + 1, false)]), name.as_str(), &nowhere)?;
    assert!(
        account.summary.ends_with("it was never begun: the host died, and the next one found nobody at it"),
        "{account:#?}"
    );
    cause(&account, seq + 1, Says::Host, &["nobody was at it, so it was abandoned"]);
    let mut again = all[usize::try_from(seq)? - 1].clone();
    again.seq = seq + 2;
    let twice = before().chain([settled(seq + 1, false), again]);
    let account = account_of(twice, name.as_str(), &nowhere)?;
    assert!(account.summary.ends_with("it has not begun by the end of this journal"), "{account:#?}");
    for record in [seq, seq + 2] {
        cause(&account, record, Says::Host, &[name.as_str(), "was ordered"]);
    }
    let account = account_of(before().chain([settled(seq + 1, true)]), name.as_str(), &nowhere)?;
    cause(&account, seq + 1, Says::Host, &["found at work and adopted"]);
    Ok(())
}

/// What a policy leaves out of its reasons was in its view all the same.
#[test]
fn a_finding_of_the_mission_is_told_whether_or_not_the_policy_cites_it() -> Result<()> {
    let host = play(named("drift-is-repaired-under-auto"))?;
    let applies = host.book.ledger();
    let applies = applies.orders.values().filter(|state| state.order.key.operation == Operation::Apply);
    let repair = applies.max_by_key(|state| state.order.made).unwrap().order.name.clone();
    let mut silent = records(&host);
    let mut cites = 0;
    for record in &mut silent {
        if let Entry::Opened(opened) = &mut record.entry
            && let Some(mut decision) = opened.answer.decision()
        {
            cites +=
                decision.proposals.iter_mut().map(|proposal| std::mem::take(&mut proposal.cites).len()).sum::<usize>();
            opened.answer = Answered::Decided(encoding::encode(&decision));
        }
    }
    assert!(cites > 0);
    for (account, cited) in
        [(why(&host, repair.as_str()), true), (account_of(silent, repair.as_str(), &nowhere)?, false)]
    {
        let told: Vec<String> =
            account.causes.iter().map(words).filter(|said| said.contains("object-missing")).collect();
        let [told] = told.as_slice() else { panic!("it is told once: {account:#?}") };
        assert_eq!(told.contains("cited: by the policy"), cited, "{told}");
    }
    Ok(())
}
