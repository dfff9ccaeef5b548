//! Resources, names that fit several things or none, and journals that begin later than what is asked about.

use anyhow::Result;
use quarterdeck::account::{Account, AccountError, Says, account, account_of};
use quarterdeck_core::charter::Charter;
use quarterdeck_core::entry::Entry;
use quarterdeck_tests::harness::Harness;

use super::{cause, ended, nowhere, opened, records, started, why, words};
use crate::replay::named;
use crate::scenarios::{MAIN_TF, mission, play};

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
