//! Journals asked again: the same policy must answer the same, byte by byte; whatever differs is found in its turn.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use anyhow::{Context as _, Result};
use quarterdeck::app::STEWARD;
use quarterdeck::decide::{Policy, Sandbox};
use quarterdeck::observe::{Cluster, View};
use quarterdeck::remember::journal::{self, Journal};
use quarterdeck::remember::{Book, Durable};
use quarterdeck::replay::{Asked, Difference, Report, Treatment, What, replay};
use quarterdeck_core::charter::{LAPTOP, PRODUCTION, Rules};
use quarterdeck_core::decision::Decision;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Answered, Claimed, Entry, Opened};
use quarterdeck_core::situation::Ruling;
use quarterdeck_tests::guests::named as component;
use quarterdeck_tests::harness::{Harness, START};

use super::scenarios::{Scenario, all, play};

const EVERY_TURN: RangeInclusive<u32> = 1..=u32::MAX;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| Sandbox::new().expect("a sandbox"));

fn steward() -> Policy {
    SANDBOX.load(STEWARD).expect("the default policy")
}

fn guest(name: &str) -> Policy {
    SANDBOX.load(&component(name).expect("a guest")).expect("a policy")
}

fn again(folder: &Path, policies: &[Policy]) -> Result<Report> {
    let policies: Vec<&Policy> = policies.iter().collect();
    Ok(replay(folder, Asked { policies: &policies, candidate: None, rules: None, from: 1, to: u32::MAX }, &mut |_| {})?
        .0)
}

fn instead(folder: &Path, candidate: &Policy, turns: RangeInclusive<u32>) -> Result<Report> {
    let (from, to) = turns.into_inner();
    Ok(replay(folder, Asked { policies: &[], candidate: Some(candidate), rules: None, from, to }, &mut |_| {})?.0)
}

fn under(folder: &Path, rules: &str) -> Result<Report> {
    let rules = Rules::parse(rules).expect("rules");
    let asked = Asked { policies: &[], candidate: None, rules: Some(&rules), from: 1, to: u32::MAX };
    Ok(replay(folder, asked, &mut |_| {})?.0)
}

pub(crate) fn named(name: &str) -> Scenario {
    all().into_iter().find(|scenario| scenario.name == name).expect("a scenario of that name")
}

fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    journal::read(folder, &mut |record| entries.push(record.entry))?;
    Ok(entries)
}

fn opened(folder: &Path) -> Result<Vec<Opened>> {
    let turn = |entry| if let Entry::Opened(opened) = entry { Some(*opened) } else { None };
    Ok(entries(folder)?.into_iter().filter_map(turn).collect())
}

#[test]
fn every_recorded_answer_is_the_same_byte_by_byte_when_it_is_asked_for_again() -> Result<()> {
    let policies = [steward()];
    let (mut turns, mut rulings) = (0, 0);
    for scenario in all() {
        let name = scenario.name;
        let host = play(scenario)?;
        let report = again(&host.journal(), &policies)?;
        assert_eq!(report.differences, [], "{name}");
        assert_eq!((report.turns.same, report.turns.all), (report.turns.all, host.decided.len() as u64), "{name}");
        assert_eq!((report.fuel_compared, report.fuel_not_compared), (report.turns.all, 0), "{name}");
        turns += report.turns.all;
        rulings += report.rulings;
    }
    assert!(turns > 300 && rulings > 50, "{turns} turns with {rulings} rulings are too few to say anything");
    Ok(())
}

/// Guests that fail, each in its own way; the last one is given up by the host.
const TROUBLE: [&str; 7] =
    ["unreachable", "loop-forever", "memory-grow", "log-flood", "bad-action-tag", "error-said", "recurse"];

/// A journal in which steward decided, before and after policies that failed.
fn troubled(guests: &[&str]) -> Result<(Harness, Vec<Policy>)> {
    let mut host = play(named("suggest-shows-and-does-nothing"))?;
    let mut policies = vec![steward()];
    for name in guests {
        let name = format!("hostile/{name}");
        host.activate(&component(&name)?)?;
        policies.push(guest(&name));
        for _ in 0..2 {
            host.pass(1_000);
            host.turn()?;
        }
    }
    host.activate(STEWARD)?;
    host.turns(5_000, 1_000)?;
    Ok((host, policies))
}

#[test]
fn failures_are_the_same_again_and_what_the_host_gave_up_is_counted() -> Result<()> {
    let (host, policies) = troubled(&TROUBLE)?;
    let report = again(&host.journal(), &policies)?;
    let turns = report.turns;
    assert_eq!((report.differences.as_slice(), turns.aborted, turns.same), (&[][..], 2, turns.all - 2));
    assert_eq!(report.fuel_compared, turns.all - 2);
    // Neither is there anything to compare with what a candidate would have said.
    assert_eq!(instead(&host.journal(), &steward(), EVERY_TURN)?.turns.aborted, 2);
    let kinds: Vec<String> =
        opened(&host.journal())?.iter().map(|turn| quarterdeck::view::class(&turn.answer)).collect();
    for kind in ["trap", "out-of-fuel", "memory-limit", "log-flood", "malformed", "error"] {
        assert_eq!(kinds.iter().filter(|seen| **seen == format!("guest failure: {kind}")).count(), 2, "{kind}");
    }
    Ok(())
}

#[test]
fn a_policy_that_is_not_at_hand_is_named_and_its_turns_are_not_passed_over() -> Result<()> {
    let (host, policies) = troubled(&TROUBLE)?;
    let report = again(&host.journal(), &policies[..1])?;
    // Twelve that failed, and two that the host gave up: there is nothing to compare in those.
    assert_eq!((report.turns.not_replayed, report.turns.aborted, report.turns.different), (12, 2, 0));
    for policy in &policies {
        let decided = &report.policies[&policy.digest()];
        let is_steward = policy.digest() == Digest::of(STEWARD);
        let treatment = if is_steward { Treatment::Again } else { Treatment::NotAtHand };
        assert_eq!((decided.treatment, decided.turns == 2), (treatment, !is_steward), "{}", decided.name);
    }
    Ok(())
}

/// Writes a journal anew with something changed, as somebody who can write the whole chain could.
fn rewritten(from: &Path, change: impl FnOnce(&mut [Entry])) -> Result<tempfile::TempDir> {
    let (mut entries, folder) = (entries(from)?, tempfile::tempdir()?);
    change(&mut entries);
    Journal::open(folder.path(), |_| {})?.0.append(&entries, true)?;
    Ok(folder)
}

fn turn_in(entries: &mut [Entry], turn: u32) -> &mut Opened {
    let mut opened =
        entries.iter_mut().filter_map(|entry| if let Entry::Opened(opened) = entry { Some(opened) } else { None });
    opened.find(|opened| opened.turn == turn).expect("such a turn")
}

/// Whoever writes a whole journal anew can make the chain fit, and not the answers.
#[test]
fn whatever_is_changed_in_a_turn_is_found_in_that_turn() -> Result<()> {
    let (host, policies) = troubled(&TROUBLE[..1])?;
    let acting = play(named("auto-builds-and-rests"))?;
    let acted = |opened: &Opened| opened.verdicts.iter().any(|verdict| verdict.ruling == Ruling::Acted);
    let turn = opened(&acting.journal())?.iter().find(|opened| acted(opened)).context("nothing was done")?.turn;
    let failed = |opened: &Opened| matches!(opened.answer, Answered::GuestFailure { .. });
    let failure = opened(&host.journal())?.iter().find(|opened| failed(opened)).context("nothing failed")?.turn;

    type Change = fn(&mut Opened);
    let reworded: Change = |opened| {
        let mut decision: Decision = opened.answer.decision().expect("steward decided");
        decision.rationale.push('!');
        opened.answer = Answered::Decided(encoding::encode(&decision));
    };
    let other_failure: Change = |opened| {
        opened.answer = Answered::GuestFailure { kind: "out-of-fuel".to_owned(), detail: String::new() };
    };
    let other_detail: Change = |opened| {
        opened.answer = Answered::GuestFailure { kind: "trap".to_owned(), detail: "other words".to_owned() };
    };
    let cases: [(&Harness, u32, Change, &[What]); 7] = [
        (&acting, turn, reworded, &[What::Answer]),
        (&acting, turn, |opened| opened.fuel += 1, &[What::Fuel]),
        (&acting, turn, |opened| opened.verdicts[0].because.push('!'), &[What::Ruling]),
        (&acting, turn, |opened| opened.verdicts.clear(), &[What::Ruling]),
        (&acting, turn, |opened| opened.ledger = Digest::of(b"another"), &[What::Ledger]),
        (&host, failure, other_failure, &[What::Answer]),
        (&host, failure, other_detail, &[]),
    ];
    for (number, (host, turn, change, expected)) in cases.into_iter().enumerate() {
        let folder = rewritten(&host.journal(), |entries| change(turn_in(entries, turn)))?;
        let report = again(folder.path(), &policies)?;
        let of_turn: Vec<What> = report.differences.iter().filter(|d| d.turn == turn).map(|d| d.what).collect();
        assert_eq!(of_turn, expected, "change {number}: {:?}", report.differences);
        // Of the detail, which is for people, later ledgers know all the same.
        assert!(report.first_difference >= Some(turn), "change {number}: {:?}", report.first_difference);
        // What follows from one change is counted, and does not hide what is no such thing.
        let ledgers = report.differences.iter().filter(|difference| difference.what == What::Ledger).count();
        assert!(ledgers <= 1, "change {number}: {:?}", report.differences);
    }
    Ok(())
}

/// Fuel is the same on the same sandbox. On another one it is not compared, and the report says on which.
#[test]
fn fuel_is_compared_on_the_same_sandbox_alone() -> Result<()> {
    let host = play(named("suggest-shows-and-does-nothing"))?;
    let folder = rewritten(&host.journal(), |entries| {
        let Entry::Begun(begun) = &mut entries[0] else { panic!("a host begins first") };
        begun.sandbox.engine = "another engine".to_owned();
        turn_in(entries, 2).fuel += 1;
    })?;
    let report = again(folder.path(), &[steward()])?;
    assert_eq!((report.turns.same, report.differences.as_slice()), (report.turns.all, &[][..]));
    assert_eq!((report.fuel_compared, report.fuel_not_compared), (0, report.turns.all));
    let engines: Vec<&str> = report.sandboxes.iter().map(|sandbox| sandbox.engine.as_str()).collect();
    assert_eq!(engines, ["another engine"]);
    Ok(())
}

/// A journal in which the floor decided, after steward: nothing, ever.
pub(crate) fn idle(turns: u64) -> Result<Harness> {
    let mut host = play(named("off-does-nothing-at-all"))?;
    host.activate(&component("floor")?)?;
    host.turns(turns * 1_000, 1_000)?;
    Ok(host)
}

#[test]
fn a_candidate_with_one_rule_changed_is_found_in_the_turn_where_it_matters() -> Result<()> {
    let mut host = play(named("off-does-nothing-at-all"))?;
    let before = host.book.ledger().turn;
    host.activate(&component("floor")?)?;
    host.turns(5_000, 1_000)?;
    let journal = host.journal();
    let same = again(&journal, &[guest("floor"), steward()])?;
    assert_eq!((same.turns.same, same.turns.all), (same.turns.all, u64::from(before) + 6));

    // The turns that steward decided are as good for a candidate as any.
    let report = instead(&journal, &guest("once"), EVERY_TURN)?;
    let third: Vec<&Difference> = report.differences.iter().filter(|d| d.turn == 3).collect();
    assert_eq!(third.len(), 1, "{third:?}");
    assert_eq!((third[0].what, third[0].replayed.as_str()), (What::LookAgain, "1970-01-01T00:00:00.007Z"));
    let report = instead(&journal, &guest("once"), before + 1..=u32::MAX)?;
    assert_eq!((report.turns.different, report.turns.same), (0, 6), "{:?}", report.differences);
    Ok(())
}

#[test]
fn a_candidate_that_does_nothing_differs_wherever_something_was_proposed() -> Result<()> {
    let host = play(named("auto-builds-and-rests"))?;
    let report = instead(&host.journal(), &guest("floor"), EVERY_TURN)?;
    let proposed: Vec<(u32, String)> = opened(&host.journal())?
        .iter()
        .flat_map(|opened| opened.verdicts.iter().map(|verdict| (opened.turn, verdict.key.clone())))
        .collect();
    let missed = report.differences.iter().filter(|difference| difference.what == What::Proposal);
    let missed: Vec<(u32, String)> = missed.map(|d| (d.turn, d.key.clone().unwrap_or_default())).collect();
    assert!(!proposed.is_empty() && missed == proposed, "{missed:?} are not {proposed:?}");
    let first = report.differences.iter().find(|d| d.what == What::Proposal).context("it differs")?;
    assert!(first.recorded.starts_with("plan shop-") && first.recorded.ends_with(": acted by plans"), "{first:?}");
    assert_eq!(first.replayed, "nothing");
    Ok(())
}

/// A candidate is ruled on as the policy that decides: what counts is what it named itself, and not what the recorded one
/// did.
#[test]
fn a_candidate_is_ruled_on_by_what_it_says_of_itself() -> Result<()> {
    let mut host = idle(1)?;
    let yaml = super::scenarios::mission("shop", "  autonomy: auto\n");
    host.edit("shop", &[("mission.yaml", &yaml)])?;
    host.turns(2_000, 1_000)?;
    let report = instead(&host.journal(), &steward(), EVERY_TURN)?;
    let proposed = report.differences.iter().find(|d| d.what == What::Proposal).context("steward proposes a plan")?;
    assert_eq!(proposed.recorded, "nothing");
    assert!(
        proposed.replayed.starts_with("plan shop-") && proposed.replayed.ends_with(": acted by plans"),
        "{proposed:?}"
    );
    // In the place of itself it is the same.
    let host = play(named("auto-builds-and-rests"))?;
    let report = instead(&host.journal(), &steward(), EVERY_TURN)?;
    assert_eq!(report.policies[&Digest::of(STEWARD)].treatment, Treatment::Candidate);
    assert_eq!((report.turns.same, report.turns.all), (report.turns.all, host.decided.len() as u64));
    Ok(())
}

/// A candidate is shown its own memo of the turn before, and none of another policy's.
#[test]
fn what_a_candidate_keeps_goes_from_turn_to_turn_of_the_replay() -> Result<()> {
    let host = idle(4)?;
    let last = host.book.ledger().turn;
    for from in [1, last - 2] {
        let report = instead(&host.journal(), &guest("counts"), from..=last)?;
        let counted: Vec<&str> = report.differences.iter().map(|difference| difference.replayed.as_str()).collect();
        let expected: Vec<String> =
            (1..=last + 1 - from).map(|count| format!("1970-01-01T00:00:{count:02}.000Z")).collect();
        assert_eq!(counted, expected, "from turn {from}");
    }
    Ok(())
}

#[test]
fn a_charter_is_tried_on_what_was_decided() -> Result<()> {
    let host = play(named("auto-builds-and-rests"))?;
    let report = under(&host.journal(), LAPTOP)?;
    assert_eq!((report.turns.different, report.turns.same), (0, report.turns.all));
    let report = under(&host.journal(), PRODUCTION)?;
    let acted = |opened: &Opened| {
        let applied = opened.verdicts.iter().find(|v| v.ruling == Ruling::Acted && v.key.starts_with("apply/"));
        applied.map(|verdict| (opened.turn, verdict.key.clone()))
    };
    let applied: Vec<(u32, String)> = opened(&host.journal())?.iter().filter_map(acted).collect();
    let found: Vec<(u32, String)> =
        report.differences.iter().map(|d| (d.turn, d.key.clone().unwrap_or_default())).collect();
    assert!(!applied.is_empty() && found == applied, "{found:?} are not {applied:?}");
    let first = &report.differences[0];
    assert_eq!(first.what, What::Ruling);
    assert!(first.recorded.ends_with(": acted by applies"), "{first:?}");
    assert!(first.replayed.ends_with(": asked by applies-are-asked-about"), "{first:?}");
    // Two people are not one, though the same rule asks them.
    let host = play(named("approve-waits-for-a-person"))?;
    let two = LAPTOP.replace("@id(\"applies\")", "@id(\"applies\")\n@approval(\"human\")\n@approvers(\"2\")");
    let report = under(&host.journal(), &two)?;
    let asked = report.differences.first().context("it asks two")?;
    assert!(asked.replayed.contains("asked 2 people by applies"), "{asked:?}");
    Ok(())
}

/// An engine at which a worker's claim arrives each time that somebody looks: in the middle of a turn.
struct Claiming {
    inner: Arc<dyn Cluster>,
    book: Arc<Book>,
    claimed: Mutex<u32>,
}

impl Cluster for Claiming {
    fn view(&self) -> View {
        self.inner.view()
    }

    fn look_again(&self) {
        let ledger = self.book.ledger();
        let Some(order) = ledger.orders.keys().next().cloned() else { return };
        let claimed = Claimed { at: START, order, claimant: "a latecomer".to_owned() };
        self.book.append(&[Entry::Claimed(claimed)], Durable::Now).expect("it is written");
        *self.claimed.lock().expect("nobody panics with it") += 1;
        self.inner.look_again();
    }

    fn choice(&self) -> String {
        "claiming".to_owned()
    }
}

/// What is written between a turn's look and its verdicts was not known to it; its ledger's digest says so.
#[test]
fn what_came_while_a_turn_decided_is_no_part_of_what_it_knew() -> Result<()> {
    let mut host = play(named("suspended-rests"))?;
    let yaml = super::scenarios::mission("shop", "  autonomy: auto\n");
    let claiming = Arc::new(Claiming { inner: host.world.clone(), book: host.book.clone(), claimed: Mutex::new(0) });
    host.rewire(|ports| ports.cluster = claiming.clone());
    host.edit("shop", &[("mission.yaml", &yaml)])?;
    host.turns(20_000, 1_000)?;
    assert_eq!(host.phase("shop"), "Ready");
    assert!(*claiming.claimed.lock().expect("nobody panics with it") > 0, "nothing came in between");
    let entries = entries(&host.journal())?;
    let between = entries.windows(2).any(|two| {
        matches!(&two[0], Entry::Claimed(claimed) if claimed.claimant == "a latecomer")
            && matches!(two[1], Entry::Opened(_))
    });
    assert!(between, "no claim stands before a turn that did not know of it");
    let report = again(&host.journal(), &[steward()])?;
    assert_eq!((report.turns.same, report.differences), (report.turns.all, Vec::new()));
    Ok(())
}
