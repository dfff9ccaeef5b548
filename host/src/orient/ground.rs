//! The ground: what gate and ledger take whole, made before anything is cut for the policy.

use std::collections::BTreeSet;

use quarterdeck_core::ground::{Footing, Ground, MISSIONS_MAX, UNKNOWN_BYTES_MAX, UNSHOWN_MAX, Unshown};
use quarterdeck_core::ids::FindingId;
use quarterdeck_core::ledger::{Ledger, MissionState};
use quarterdeck_core::observation::Observation;
use quarterdeck_core::situation::{Finding, cut};

/// What this turn stands on, of all findings and of those that the policy is shown.
pub(super) fn ground(ledger: &Ledger, observation: &Observation, findings: &[Finding], shown: &[Finding]) -> Ground {
    let told = ledger.missions.values().filter(|state| is_loaded(observation, state));
    let missions = told.take(MISSIONS_MAX).map(|state| footing(state, findings)).collect();
    let shown: BTreeSet<&FindingId> = shown.iter().map(|finding| &finding.id).collect();
    let mut unshown: Vec<&Finding> = findings.iter().filter(|finding| !shown.contains(&finding.id)).collect();
    unshown.sort_by_key(|finding| finding.mission.is_none());
    Ground {
        looked: observation.engine.state.as_ref().map(|(seen, _)| *seen),
        missions,
        unshown: unshown.into_iter().take(UNSHOWN_MAX).map(Unshown::from).collect(),
    }
}

fn footing(state: &MissionState, findings: &[Finding]) -> Footing {
    let of_it = |finding: &&Finding| finding.rule == "object-unknown" && finding.mission.as_ref() == Some(&state.id);
    let unknown = findings.iter().find(of_it).map(|finding| cut(&finding.message, UNKNOWN_BYTES_MAX));
    Footing { mission: state.id.clone(), unknown }
}

/// Whether this run was told of the mission. One that the journal remembers from an earlier run is shown and left alone,
/// but for a removal that a person has commanded.
pub(super) fn is_loaded(observation: &Observation, state: &MissionState) -> bool {
    state.destroyed.is_some() || observation.missions.iter().any(|seen| seen.is_of(&state.spec))
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::charter::Charter;
    use quarterdeck_core::decision::Decision;
    use quarterdeck_core::digest::Digest;
    use quarterdeck_core::encoding;
    use quarterdeck_core::entry::{Answered, Entry, Opened};
    use quarterdeck_core::ids::Timestamp;
    use quarterdeck_core::mission::{MissionName, MissionSpec, When};
    use quarterdeck_core::observation::{Container, ContainerState, EngineState, EngineView, SeenMission};
    use quarterdeck_core::situation::{Autonomy, DesiredState, FINDINGS_MAX, Situation};

    use super::*;
    use crate::orient::orient;

    const START: Timestamp = Timestamp(1_795_000_000_000);

    fn spec(name: &str) -> MissionSpec {
        MissionSpec {
            name: MissionName::parse(name).unwrap(),
            goal: "A shop.".to_owned(),
            autonomy: Autonomy::Auto,
            desired: DesiredState::Present,
            when: When::Always,
            offers: Vec::new(),
            plan: Digest::of(b"files"),
            facts: Vec::new(),
            labels: Vec::new(),
            author: None,
            providers: Vec::new(),
            source: format!("{name}/mission.yaml"),
            object: None,
        }
    }

    fn container(name: &str, state: ContainerState, mission: Option<&str>) -> Container {
        let (id, image) = (Digest::of(name.as_bytes()).hex(), "a:1".to_owned());
        let (name, mission) = (name.to_owned(), mission.map(str::to_owned));
        Container { id, name, image, state, restarts: 0, oom_killed: false, mission }
    }

    /// Missions of these names, and an engine with these containers, looked at a moment ago.
    fn seen(now: Timestamp, missions: &[&str], containers: Vec<Container>) -> Observation {
        let seen = |name: &&str| SeenMission::in_file(spec(name).source, Ok(spec(name)));
        let engine = EngineState { containers, ..EngineState::default() };
        Observation {
            at: now,
            missions: missions.iter().map(seen).collect(),
            engine: EngineView { looked: Some(now), state: Some((now, engine)), problem: None },
            ..Observation::default()
        }
    }

    fn declared(missions: &[&str]) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.news(&seen(START, missions, Vec::new())).iter().for_each(|entry| ledger.fold(entry));
        ledger
    }

    fn turn(ledger: &mut Ledger, observation: &Observation) -> (Situation, Ground) {
        let (situation, ground) = orient(&Charter::default(), ledger, observation);
        ledger.fold(&Entry::Opened(Box::new(Opened {
            turn: situation.turn,
            at: situation.now,
            situation: encoding::encode(&situation),
            ground: ground.clone(),
            policy: Digest::ZERO,
            answer: Answered::Decided(encoding::encode(&Decision::default())),
            logs: Vec::new(),
            fuel: 0,
            ledger: Digest::ZERO,
            verdicts: Vec::new(),
        })));
        (situation, ground)
    }

    #[test]
    fn what_no_state_knows_is_on_the_ground_also_where_the_policy_is_not_shown_it() {
        let mut ledger = declared(&["shop", "web"]);
        let id = |name: &str| ledger.mission(&MissionName::parse(name).unwrap()).unwrap().id.clone();
        let (shop, web) = (id("shop"), id("web"));
        let strange = |index: usize| container(&format!("w{index}"), ContainerState::Running, Some(web.as_str()));
        let mut containers: Vec<Container> = (0..4 * FINDINGS_MAX).map(strange).collect();
        containers.push(container("other", ContainerState::Running, Some(shop.as_str())));
        let (situation, ground) = turn(&mut ledger, &seen(START, &["shop", "web"], containers));
        let of_shop = |finding: &&Finding| finding.mission.as_ref() == Some(&shop);
        assert_eq!(situation.findings.iter().filter(of_shop).count(), 0, "it is cut, or this test shows nothing");
        for mission in [&shop, &web] {
            let unknown = ground.of(mission).unwrap().unknown.as_deref();
            assert!(unknown.is_some_and(|unknown| unknown.contains("is in no state")), "{unknown:?}");
        }
    }

    #[test]
    fn only_what_this_run_was_told_of_is_on_the_ground() {
        let mut ledger = declared(&["shop", "web"]);
        let (situation, ground) = turn(&mut ledger, &seen(START, &["web"], Vec::new()));
        assert_eq!((situation.missions.len(), ground.missions.len()), (2, 1));
        assert_eq!(ledger.missions[&ground.missions[0].mission].spec.name.as_str(), "web");
    }

    #[test]
    fn a_finding_is_remembered_and_resolved_also_where_the_policy_was_never_shown_it() {
        let mut ledger = declared(&["web"]);
        let many = 2 * FINDINGS_MAX;
        let exited = |index: usize| container(&format!("c{index}"), ContainerState::Exited(1), None);
        let (first, _) = turn(&mut ledger, &seen(START, &["web"], (0..many).map(exited).collect()));
        let shown = |situation: &Situation, index: usize| {
            let name = format!("c{index}");
            situation.findings.iter().find(|finding| finding.object.name == name).cloned()
        };
        let left_out = (0..many).find(|index| shown(&first, *index).is_none()).unwrap();
        assert_eq!((first.findings.len(), ledger.findings.len()), (FINDINGS_MAX, many));
        let later = START.plus_ms(60_000);
        let (second, _) = turn(&mut ledger, &seen(later, &["web"], vec![exited(left_out)]));
        let finding = shown(&second, left_out).unwrap();
        assert_eq!((finding.first_seen, finding.changed), (START, START), "it was there all the time");
        let (third, _) = turn(&mut ledger, &seen(later.plus_ms(1), &["web"], Vec::new()));
        assert!(third.resolved.iter().any(|gone| gone.finding == finding.id));
        assert!(ledger.resolved.contains_key(&finding.id) && ledger.findings.is_empty());
    }
}
