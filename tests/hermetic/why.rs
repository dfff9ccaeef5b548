//! `why`: from anything done back to its turn, findings, words, policy, rule, people and bytes, from the journal alone.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod whole;

use std::collections::BTreeSet;

use anyhow::Result;
use quarterdeck::account::{Account, AccountError, Cause, Kept, Says, account, account_of};
use quarterdeck::remember::Durable;
use quarterdeck::remember::journal::{self, Record};
use quarterdeck_core::charter::{Amendment, Charter, LAPTOP, Rules};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Answered, Entry, Opened, Standing};
use quarterdeck_core::ids::{ApprovalId, OrderName};
use quarterdeck_core::observation::{Command, Commanded, Person};
use quarterdeck_core::situation::{Operation, Situation};
use quarterdeck_core::verdict::{Effect, Verdict};
use quarterdeck_tests::harness::Harness;

use crate::replay::named;
use crate::scenarios::{MAIN_TF, all, mission, play};

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
        | Entry::Checkpoint(_) => None,
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
            | Entry::Checkpoint(_) => {}
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
fn what_two_people_approved_names_both_of_them_and_what_they_wrote() -> Result<()> {
    let two = LAPTOP.replace(
        "permit (principal, action == Action::\"apply\", resource);",
        "@approval(\"human\")\n@approvers(\"2\")\npermit (principal, action == Action::\"apply\", resource);",
    );
    assert_ne!(two, LAPTOP);
    let charter = Charter { rules: Rules::parse(&two).unwrap(), ..Charter::default() };
    let yaml = mission("shop", "  autonomy: auto\n");
    let mut host =
        Harness::new(&[("shop", &[("mission.yaml", &yaml), ("main.tf", MAIN_TF)])], charter, Default::default())?;
    host.turns(10_000, 1_000)?;
    let approval = host.book.ledger().approvals.keys().next().unwrap().clone();
    for (uid, comment) in [(61_201, "seen with Ben"), (61_202, "seen with Ada")] {
        says(&host, uid, &approval, Some(comment))?;
    }
    host.turns(10_000, 1_000)?;
    let apply = host.book.ledger().orders.values().find(|s| s.order.key.operation == Operation::Apply).unwrap().clone();
    for asked in [apply.order.name.as_str(), approval.as_str()] {
        let account = why(&host, asked);
        for (who, comment) in [("uid 61201", "seen with Ben"), ("uid 61202", "seen with Ada")] {
            let said = account.causes.iter().filter(|cause| cause.says == Says::Person && cause.what.starts_with(who));
            assert_eq!(said.map(words).filter(|said| said.contains(comment)).count(), 1, "{asked}: {account:#?}");
        }
        assert!(
            account.causes.iter().any(|cause| cause.what.starts_with("2 people were asked in turn")),
            "{account:#?}"
        );
        assert!(
            account.causes.iter().any(|cause| words(cause).contains("wants 2 to say yes by applies")),
            "{account:#?}"
        );
    }
    Ok(())
}

fn says(host: &Harness, uid: u32, approval: &ApprovalId, comment: Option<&str>) -> Result<()> {
    let command = Command::Approve { approval: approval.clone(), comment: comment.map(str::to_owned) };
    host.book.transact(|ledger| {
        let (at, who) = (ledger.now, Person::Uid(uid));
        ledger.permits(&who, &command, at)?;
        Ok::<_, quarterdeck_core::ledger::CommandError>(vec![Entry::Commanded(Commanded { at, who, command })])
    })?;
    Ok(())
}

#[test]
fn a_charter_that_was_asked_about_is_led_back_to_who_wanted_and_who_approved_it() -> Result<()> {
    let mut host = play(named("auto-builds-and-rests"))?;
    let (before, wider) = LAPTOP.split_once("@id(\"volumes-are-asked-about\")").unwrap();
    let wider = format!("{before}{}", wider.split_once(";\n").unwrap().1);
    let wanted = Amendment { rules: Some(Rules::parse(&wider).unwrap()), settings: None };
    let (ledger, who) = (host.book.ledger(), Person::Uid(61_201));
    let chartered = ledger.amend(&who, &wanted, ledger.now)?.unwrap();
    let Standing::Asked { id, .. } = chartered.standing.clone() else { panic!("it permits more") };
    let digest = chartered.charter.digest().to_string();
    host.book.append(&[Entry::Chartered(Box::new(chartered))], Durable::Now)?;
    let waits = why(&host, id.as_str());
    assert!(waits.of == "charter" && waits.summary.contains("never in force"), "{waits:#?}");
    host.pass(1_000);
    host.turn()?;
    says(&host, 61_202, &id, Some("read it"))?;
    host.disturb("removes shop-web", |world| assert_eq!(world.remove("shop-web"), 1));
    host.turns(60_000, 1_000)?;
    let account = why(&host, id.as_str());
    assert!(account.summary.contains("uid 61201 wanted") && account.summary.contains("in force since"), "{account:#?}");
    assert!(
        account.causes.iter().any(|cause| words(cause).contains("amendments, a rule of the charter")),
        "{account:#?}"
    );
    // Whatever is done from then on leads to it and to whoever approved it; what was done before does not.
    let ledger = host.book.ledger();
    let mut applies: Vec<_> = ledger.orders.values().filter(|s| s.order.key.operation == Operation::Apply).collect();
    applies.sort_by_key(|state| state.order.made);
    let [first, last] = applies.as_slice() else { panic!("it was applied, and repaired") };
    let after = charter_of(&host, &last.order.name);
    for part in ["wanted by uid 61201", &digest, "uid 61202 said yes", id.as_str()] {
        assert!(after.contains(part), "{part} is missing in {after}");
    }
    let (first, last) = (first.order.name.clone(), last.order.name.clone());
    let before = charter_of(&host, &first);
    assert!(before.contains("uid 0") && !before.contains("61201") && !before.contains(&digest), "{before}");
    // The first one again, by somebody else's word.
    let back = Amendment { rules: Some(Rules::parse(LAPTOP).unwrap()), settings: None };
    let chartered = ledger.amend(&Person::Uid(61_203), &back, ledger.now)?.unwrap();
    host.book.append(&[Entry::Chartered(Box::new(chartered))], Durable::Now)?;
    host.disturb("removes shop-web", |world| assert_eq!(world.remove("shop-web"), 1));
    host.turns(60_000, 1_000)?;
    let ledger = host.book.ledger();
    let newest = ledger.orders.values().filter(|state| state.order.key.operation == Operation::Apply);
    let newest = newest.max_by_key(|state| state.order.made).unwrap().order.name.clone();
    assert!(
        newest != last && charter_of(&host, &newest).contains("wanted by uid 61203"),
        "{}",
        charter_of(&host, &newest)
    );
    assert!(charter_of(&host, &newest).contains("it only narrowed the one before"), "{}", charter_of(&host, &newest));
    assert_eq!(charter_of(&host, &first), before);
    Ok(())
}

fn charter_of(host: &Harness, name: &OrderName) -> String {
    let account = why(host, name.as_str());
    let told: Vec<&Cause> = account.causes.iter().filter(|c| c.what.starts_with("the charter in force")).collect();
    assert_eq!(told.len(), 1, "{account:#?}");
    words(told[0])
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

#[test]
fn a_resource_is_led_back_to_every_worker_that_touched_it() -> Result<()> {
    let host = play(named("drift-is-repaired-under-auto"))?;
    let touched = |account: &Account| -> Vec<String> {
        let workers = account.causes.iter().filter_map(|cause| cause.next.as_ref()?.strip_prefix("quarterdeck why "));
        workers.map(|name| name.rsplit_once('-').unwrap().0.to_owned()).collect()
    };
    let expected = ["plan-shop", "apply-shop", "plan-shop", "apply-shop"];
    for asked in
        ["docker_container.web", "shop/docker_container.web", "container/shop-web", "shop-web", "shop/shop-web"]
    {
        let account = why(&host, asked);
        assert_eq!((account.of, touched(&account)), ("resource", expected.map(str::to_owned).to_vec()), "{asked}");
        let states =
            account.causes.iter().map(words).filter(|said| said.contains("the state: names container/shop-web"));
        assert_eq!(states.count(), 2, "{asked}: made, and made anew: {account:#?}");
        assert!(account.causes.iter().any(|cause| words(cause).contains("in place of id")), "{account:#?}");
    }
    // The network stayed as it was.
    assert_eq!(touched(&why(&host, "docker_network.private")), ["plan-shop", "apply-shop"]);
    // Where a plan's list was cut, it is said, and what the state shows is there all the same.
    let mut cut = records(&host);
    for record in &mut cut {
        if let Entry::Ended(ended) = &mut record.entry
            && let Some(saved) = &mut ended.result.saved
        {
            saved.touches = (0..64).map(|index| format!("create docker_volume.v[{index}]")).collect();
        }
    }
    let account = account_of(cut, "docker_container.web", &nowhere)?;
    assert_eq!(touched(&account), ["apply-shop", "apply-shop"]);
    assert!(account.missing[0].contains("more than 64 addresses"), "{account:#?}");
    Ok(())
}

#[test]
fn what_fits_several_things_is_refused_with_all_of_them_and_what_fits_none_is_said() -> Result<()> {
    let yaml = |name: &str| mission(name, "  autonomy: auto\n");
    let (shop, front) = (yaml("shop"), yaml("front"));
    let other = MAIN_TF.replace("shop-web", "web").replace("\"shop\"", "\"web\"");
    let missions: [(&str, &[(&str, &str)]); 2] = [
        ("shop", &[("mission.yaml", &shop), ("main.tf", MAIN_TF)]),
        ("front", &[("mission.yaml", &front), ("main.tf", &other)]),
    ];
    let mut host = Harness::new(&missions, Charter::default(), Default::default())?;
    host.turns(20_000, 1_000)?;
    let fits = |asked: &str| match account(&host.journal(), asked, &nowhere) {
        Err(AccountError::Several { fits, .. }) => fits,
        other => panic!("{asked}: {other:?}"),
    };
    assert_eq!(fits("docker_container.web"), ["front/docker_container.web", "shop/docker_container.web"]);
    // A network and a container have one name.
    assert_eq!(fits("web"), ["front/container/web", "front/network/web"]);
    for called in fits("docker_container.web").iter().chain(&fits("web")) {
        assert_eq!(why(&host, called).name, *called);
    }
    for nothing in
        ["4711", "turn/4711", "a-0000000000", "apply-shop-000000000000", "worker/shop", "back/docker_container.web"]
    {
        let error = account(&host.journal(), nothing, &nowhere).unwrap_err();
        assert!(error.to_string().ends_with(&format!("{nothing:?}")), "{error}");
    }
    Ok(())
}

#[test]
fn a_journal_that_begins_later_says_what_it_does_not_hold() -> Result<()> {
    let host = play(named("approve-waits-for-a-person"))?;
    let all = records(&host);
    let from = |seq: u64, asked: &str| account_of(all.iter().filter(|r| r.seq >= seq).cloned(), asked, &nowhere);
    let approve = all.iter().find(|record| matches!(record.entry, Entry::Commanded(_))).unwrap().seq;
    let apply = opened(&all).filter(|(seq, _)| *seq > approve);
    let apply =
        apply.flat_map(|(seq, o)| o.verdicts.iter().filter_map(move |v| Some((seq, started(v)?)))).next().unwrap();
    let (start, name) = (apply.0, apply.1.as_str());
    let whole = from(1, name)?;
    assert_eq!(whole.missing, Vec::<String>::new());
    let later = from(approve, name)?;
    for part in ["how the charter ", "the activation of the policy ", "what a-", "the worker that made the saved plan"]
    {
        let said =
            |told: &&String| told.contains(part) && told.ends_with(&format!("which begins with record {approve}"));
        assert_eq!(later.missing.iter().filter(said).count(), 1, "{part}: {:#?}", later.missing);
    }
    cause(&later, start, Says::Gate, &["approved", "granted by uid 1000"]);
    // Its start is gone as well, and its end is still told.
    let end = from(start + 1, name)?;
    assert!(end.missing[0].contains(&format!("the turn that started {name} is not in this journal")), "{end:#?}");
    cause(&end, ended(&all, apply.1).unwrap(), Says::Worker, &["succeeded"]);
    let error = from(approve, "turn/1").unwrap_err().to_string();
    assert!(error.contains(&format!("it begins with record {approve}")), "{error}");
    Ok(())
}
