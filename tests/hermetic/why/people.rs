//! Whose word something rests on: two who approved a plan, and those who wanted and approved a charter.

use anyhow::Result;
use quarterdeck::account::{Cause, Says};
use quarterdeck::remember::Durable;
use quarterdeck_core::charter::{Amendment, Charter, LAPTOP, Rules};
use quarterdeck_core::entry::{Entry, Standing};
use quarterdeck_core::ids::{ApprovalId, OrderName};
use quarterdeck_core::observation::{Command, Commanded, Person};
use quarterdeck_core::situation::Operation;
use quarterdeck_tests::harness::Harness;

use super::{why, words};
use crate::replay::named;
use crate::scenarios::{MAIN_TF, mission, play};

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
