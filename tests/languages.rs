//! The five examples: each is a policy without WASI, all decide alike, and each decides the same again.
//!
//! `QUARTERDECK_LANGUAGES` names the folder that has the components, `rust.wasm` and so on, as `.ci/run languages` leaves
//! them. This is no part of `cargo test`: five compilers make them.

#[path = "hermetic/scenarios.rs"]
mod scenarios;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow, ensure};
use quarterdeck::decide::{Policy, Sandbox};
use quarterdeck::rehearsal::Script;
use quarterdeck::replay::{Asked, replay};
use quarterdeck_core::charter::Charter;
use quarterdeck_core::decision::Decision;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::Answered;
use quarterdeck_core::situation::Situation;
use quarterdeck_tests::harness::Harness;
use quarterdeck_tests::shape;
use serde_json::{Value, json};

const LANGUAGES: [&str; 5] = ["rust", "python", "javascript", "go", "c"];
/// What a component of the pure profile may import: the log, and the types that it names.
const PURE: [&str; 2] = ["quarterdeck:policy/logging@0.1.0", "quarterdeck:policy/types@0.1.0"];

fn component(language: &str) -> Result<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration; its caller names the components")]
    let folder = std::env::var_os("QUARTERDECK_LANGUAGES");
    let folder = PathBuf::from(folder.context("set QUARTERDECK_LANGUAGES to the folder that .ci/run languages makes")?);
    let path = folder.join(language).with_extension("wasm");
    std::fs::read(&path).with_context(|| format!("read {}", path.display()))
}

/// All five, compiled once: Python alone takes half a minute here.
fn five() -> Result<&'static [(&'static str, Policy)]> {
    static FIVE: LazyLock<Result<Vec<(&str, Policy)>>> = LazyLock::new(|| {
        let sandbox = Sandbox::new()?;
        let load = |bytes: Vec<u8>| sandbox.load(&bytes).map_err(|error| anyhow!("{error:#}"));
        LANGUAGES.iter().map(|name| Ok((*name, load(component(name)?).with_context(|| (*name).to_owned())?))).collect()
    });
    FIVE.as_deref().map_err(|error| anyhow!("load the five: {error:#}"))
}

/// What one says, byte by byte: twice, and with no memo.
fn decided(policy: &Policy, situation: &[u8]) -> Result<Vec<u8>> {
    let answer = policy.decide(situation).into_journal().0;
    let again = policy.decide(situation).into_journal().0;
    ensure!(answer == again, "it answers otherwise when it is asked again: {answer:?}, {again:?}");
    let mut forgetful: Situation = encoding::decode(situation)?;
    forgetful.memo = None;
    let forgetful = policy.decide(&encoding::encode(&forgetful)).into_journal().0;
    ensure!(answer == forgetful, "it answers otherwise without a memo");
    match answer {
        Answered::Decided(bytes) => Ok(bytes),
        Answered::GuestFailure { .. } | Answered::HostAbort { .. } => Err(anyhow!("it did not decide: {answer:?}")),
    }
}

/// All five on one situation; gives back what they say.
fn alike(policies: &[(&str, Policy)], situation: &[u8]) -> Result<Decision> {
    let mut first: Option<(&str, Vec<u8>)> = None;
    for (language, policy) in policies {
        let said = decided(policy, situation).with_context(|| (*language).to_owned())?;
        match &first {
            None => first = Some((language, said)),
            Some((other, expected)) => ensure!(
                said == *expected,
                "{other}: {:#?}\n{language}: {:#?}",
                encoding::decode::<Decision>(expected)?,
                encoding::decode::<Decision>(&said)?
            ),
        }
    }
    let (_, said) = first.context("five languages")?;
    Ok(encoding::decode(&said)?)
}

#[test]
fn each_is_a_pure_policy_and_says_the_same_of_itself() -> Result<()> {
    let policies = five()?;
    for (language, policy) in policies {
        ensure!(policy.description() == policies[0].1.description(), "{language} describes itself otherwise");
        let bytes = component(language)?;
        let decoded = wit_component::decode(&bytes)?;
        let resolve = decoded.resolve();
        let wit_component::DecodedWasm::Component(_, world) = decoded else { anyhow::bail!("{language}: a package") };
        for import in resolve.worlds[world].imports.keys() {
            let name = resolve.name_world_key(import);
            ensure!(PURE.contains(&name.as_str()), "{language} imports {name}");
        }
    }
    Ok(())
}

#[test]
fn all_five_decide_alike_on_the_situations_of_every_scenario() -> Result<()> {
    let policies = five()?;
    let (mut situations, mut proposals, mut looks) = (0, 0, 0);
    let mut count = |decision: &Decision| {
        situations += 1;
        proposals += decision.proposals.len();
        looks += usize::from(decision.look_again.is_some());
    };
    for scenario in scenarios::all() {
        let name = scenario.name;
        let host = scenarios::play(scenario).with_context(|| name)?;
        // Every turn of a long story is one like its neighbours.
        for (turn, (bytes, _)) in host.decided.iter().enumerate().filter(|(turn, _)| *turn < 12 || turn % 7 == 0) {
            count(&alike(policies, bytes).with_context(|| format!("{name}, situation {turn}"))?);
        }
    }
    for kib in [1, 4, 16, 64, 250] {
        count(&alike(policies, &encoding::encode(&shape::situation(kib << 10))).with_context(|| format!("{kib} KiB"))?);
    }
    ensure!(
        situations > 300 && proposals > 100 && looks > 50,
        "{situations} situations, {proposals} proposals, {looks} looks"
    );
    Ok(())
}

/// Each decides a whole course of events, and its journal is asked again.
#[test]
fn each_brings_a_mission_to_its_end_and_replays_bit_by_bit() -> Result<()> {
    for (language, policy) in five()? {
        let yaml = scenarios::mission("shop", "  autonomy: auto\n");
        let files: [(&str, &str); 2] = [("mission.yaml", &yaml), ("main.tf", scenarios::MAIN_TF)];
        let script = Script { takes_ms: 1_500, ..Script::default() };
        let mut host = Harness::new(&[("shop", &files)], Charter::default(), script)?;
        host.activate(&component(language)?)?;
        host.turns(20_000, 1_000)?;
        ensure!(host.phase("shop") == "Ready", "{language}: the shop is {}", host.phase("shop"));
        host.disturb("removes shop-web", |world| assert_eq!(world.remove("shop-web"), 1));
        host.turns(60_000, 2_000)?;
        ensure!(host.world_names() == ["container shop-web", "network shop"], "{language} repairs nothing");
        let asked = Asked { policies: &[policy], candidate: None, rules: None, from: 1, to: u32::MAX };
        let report = replay(&host.journal(), asked, &mut |_| {})?.0;
        ensure!(report.differences.is_empty(), "{language}: {:?}", report.differences);
        let turns = host.decided.len() as u64;
        ensure!((report.turns.same, report.turns.all) == (turns, turns), "{language}: {:?}", report.turns);
        ensure!(report.fuel_compared == turns, "{language}: fuel of {} turns alone", report.fuel_compared);
    }
    Ok(())
}

/// A case's situation leaves out the lists that are empty.
fn whole(mut situation: Value) -> Result<Situation> {
    let fields = situation.as_object_mut().context("a situation is an object")?;
    for list in [
        "settings",
        "cluster",
        "findings",
        "resolved",
        "missions",
        "workers",
        "verdicts",
        "approvals",
        "allowances",
        "advice",
        "recollections",
        "inspections",
        "more",
    ] {
        fields.entry(list).or_insert(json!([]));
    }
    Ok(serde_json::from_value(situation)?)
}

#[test]
fn the_cases_that_come_with_a_project_hold_in_every_language() -> Result<()> {
    let policies = five()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-policies/examples/common/cases");
    let mut cases = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let case: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path)?)?;
        let situation = whole(case["situation"].clone()).with_context(|| path.display().to_string())?;
        let expected: Decision = serde_json::from_value(case["decision"].clone())?;
        let said = alike(policies, &encoding::encode(&situation))?;
        ensure!(said == expected, "{}: {said:#?}", path.display());
        cases += 1;
    }
    ensure!(cases >= 2, "{cases} cases");
    Ok(())
}
