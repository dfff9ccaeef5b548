//! The patrol on a small cluster: what is gathered, what is asked again and what is not, and what is held.

use super::*;
use crate::kubernetes::object::{Labels, Meta, Owner};
use crate::kubernetes::pod::{Container, Phase, Pod, Role, State};
use crate::kubernetes::workload::Workload;

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const CRASH: &str = "pod-crash-loop";

fn later(ms: u64) -> Timestamp {
    NOW.plus_ms(ms)
}

fn meta(name: &str, owner: Option<(&str, &str)>) -> Meta {
    Meta {
        name: Name::new("shop", name),
        uid: format!("uid-{name}").into(),
        created: Timestamp(NOW.0 - 3_600_000),
        deleted: None,
        owner: owner.map(|(kind, name)| Owner {
            kind: kind.into(),
            name: name.into(),
            uid: format!("uid-{name}").into(),
        }),
        labels: Labels::default(),
        finalizers: Vec::new(),
    }
}

fn pod(name: &str, owner: Option<(&str, &str)>, waits: Option<&str>) -> Object {
    let state = match waits {
        Some(reason) => State::Waiting { reason: reason.into(), message: "back-off".to_owned() },
        None => State::Running(Timestamp(NOW.0 - 3_000_000)),
    };
    let container = Container {
        name: "web".into(),
        image: "web:1".into(),
        role: Role::Main,
        ready: waits.is_none(),
        started: waits.is_none(),
        restarts: if waits.is_some() { 7 } else { 0 },
        state,
        last: None,
    };
    Object::Pod(Pod {
        meta: meta(name, owner),
        node: Some("node1".into()),
        phase: Phase::Running,
        reason: None,
        message: None,
        conditions: Vec::new(),
        containers: vec![container],
    })
}

fn replica_set(name: &str, owner: Option<(&str, &str)>) -> Object {
    Object::ReplicaSet(Workload {
        meta: meta(name, owner),
        observed: true,
        desired: 2,
        current: 2,
        available: 2,
        misplaced: 0,
        changed: NOW,
        conditions: Vec::new(),
        service: None,
        storage_classes: Vec::new(),
    })
}

const OF_WEB: Option<(&str, &str)> = Some(("ReplicaSet", "web-5d"));

/// What is told: rule, owner, and how many objects show it.
fn told(patrol: &mut Patrol, now: Timestamp) -> Vec<String> {
    let line = |trouble: &Arc<Trouble>| {
        format!("{} {}/{} {}", trouble.rule, trouble.owner.kind, trouble.owner.name, trouble.count)
    };
    patrol.look(now).told.iter().map(line).collect()
}

fn of(objects: impl IntoIterator<Item = Object>) -> Patrol {
    let mut patrol = Patrol::default();
    Kind::ALL.iter().for_each(|kind| patrol.knows(*kind, true));
    for object in objects {
        patrol.put(object);
    }
    patrol
}

#[test]
fn a_rollout_of_fifty_pods_with_one_fault_is_one_trouble_with_a_count_of_fifty() {
    let pods = (0..50).map(|number| pod(&format!("web-5d-{number:02}"), OF_WEB, Some("CrashLoopBackOff")));
    let mut patrol = of(pods);
    patrol.put(replica_set("web-5d", Some(("Deployment", "web"))));
    assert_eq!(told(&mut patrol, NOW), [format!("{CRASH} Deployment/web 50")]);
    let trouble = patrol.look(NOW).told[0].clone();
    assert_eq!(trouble.object.name, "web-5d-00", "the first of those that show it");

    patrol.remove(&Key::new(Kind::Pod, &Name::new("shop", "web-5d-00")));
    assert_eq!(told(&mut patrol, later(1)), [format!("{CRASH} Deployment/web 49")]);
    assert_eq!(patrol.look(later(1)).told[0].message, trouble.message, "which of them shows it is no news");
}

#[test]
fn an_owner_that_is_listed_after_its_pods_is_found_all_the_same() {
    let mut patrol = of([pod("web-5d-a", OF_WEB, Some("CrashLoopBackOff"))]);
    assert_eq!(told(&mut patrol, NOW), [format!("{CRASH} ReplicaSet/web-5d 1")]);
    patrol.put(replica_set("web-5d", Some(("Deployment", "web"))));
    assert_eq!(told(&mut patrol, later(1)), [format!("{CRASH} Deployment/web 1")]);
    patrol.remove(&Key::new(Kind::ReplicaSet, &Name::new("shop", "web-5d")));
    assert_eq!(told(&mut patrol, later(2)), [format!("{CRASH} ReplicaSet/web-5d 1")]);
}

#[test]
fn an_owner_that_nobody_knows_is_answerable_and_a_node_is_not() {
    let mut patrol = of([
        pod("web-a", Some(("Rollout", "web")), Some("CrashLoopBackOff")),
        pod("static-node1", Some(("Node", "node1")), Some("CrashLoopBackOff")),
    ]);
    assert_eq!(told(&mut patrol, NOW), [format!("{CRASH} Pod/static-node1 1"), format!("{CRASH} Rollout/web 1")]);
}

#[test]
fn what_is_well_again_or_gone_is_told_no_more() {
    let sick = || pod("web-5d-a", OF_WEB, Some("CrashLoopBackOff"));
    let key = Key::of(&sick());
    let mut patrol = of([sick()]);
    assert_eq!(told(&mut patrol, NOW).len(), 1);
    patrol.put(pod("web-5d-a", OF_WEB, None));
    assert!(told(&mut patrol, later(1)).is_empty());
    let mut patrol = of([sick()]);
    assert_eq!(told(&mut patrol, NOW).len(), 1);
    assert!(patrol.remove(&key) && told(&mut patrol, later(1)).is_empty());
    let mut patrol = of([sick()]);
    assert_eq!(told(&mut patrol, NOW).len(), 1);
    assert!(patrol.keep_only(Kind::Pod, &BTreeSet::new()) && told(&mut patrol, later(1)).is_empty());
    assert!(!patrol.keep_only(Kind::Pod, &BTreeSet::new()) && !patrol.remove(&key), "nothing of it is left");
}

#[test]
fn nothing_is_asked_about_what_did_not_change() {
    let mut patrol = of((0..10).map(|number| pod(&format!("web-{number}"), None, None)));
    assert!(patrol.has_news(NOW));
    assert!(!patrol.ask_some(NOW, usize::MAX));
    assert!(!patrol.has_news(later(1)), "all were asked about");
    assert!(!patrol.put(pod("web-3", None, None)), "it is as it was");
    assert!(!patrol.has_news(later(2)));
    assert!(patrol.put(pod("web-3", None, Some("CrashLoopBackOff"))));
    assert_eq!(patrol.changed.len(), 1, "one has changed, and one is asked about");
}

#[test]
fn many_changes_are_asked_about_in_parts() {
    let mut patrol = of((0..10).map(|number| pod(&format!("web-{number}"), None, Some("CrashLoopBackOff"))));
    let mut parts = 0;
    while patrol.ask_some(NOW, 4) {
        parts += 1;
    }
    assert_eq!((parts, told(&mut patrol, NOW).len()), (2, 10));
}

#[test]
fn a_trouble_that_comes_back_is_held_longer_each_time() {
    let (sick, well) = (|| pod("web-a", None, Some("CrashLoopBackOff")), || pod("web-a", None, None));
    let mut patrol = of([sick()]);
    let mut now = NOW;
    assert_eq!(told(&mut patrol, now).len(), 1);
    // The first time it ends at once; it is back within ten minutes, and again, and again.
    for hold in [0, HOLD_MS, 2 * HOLD_MS, 4 * HOLD_MS] {
        patrol.put(well());
        now = now.plus_ms(1_000);
        let ended = now;
        if hold > 0 {
            assert_eq!(told(&mut patrol, ended).len(), 1, "it is held");
            assert_eq!(told(&mut patrol, ended.plus_ms(hold - 1)).len(), 1, "still");
            assert!(patrol.has_news(ended.plus_ms(hold)));
        }
        assert!(told(&mut patrol, ended.plus_ms(hold)).is_empty(), "held for {hold} ms");
        patrol.put(sick());
        now = ended.plus_ms(hold + 1_000);
        assert_eq!(told(&mut patrol, now).len(), 1);
    }
    let evidence = patrol.look(now).told[0].evidence.clone();
    assert!(evidence.contains(&Fact::new("came-back", "4")), "{evidence:?}");
    // After ten quiet minutes it is forgotten that it flapped.
    patrol.put(well());
    told(&mut patrol, now);
    assert!(told(&mut patrol, now.plus_ms(FLAP_MS + 1)).is_empty());
    patrol.put(sick());
    told(&mut patrol, now.plus_ms(FLAP_MS + 2));
    patrol.put(well());
    assert!(told(&mut patrol, now.plus_ms(FLAP_MS + 3)).is_empty());
}

#[test]
fn what_flapped_and_whose_owner_is_gone_is_held_no_more() {
    let (sick, well) = (|| pod("web-5d-a", OF_WEB, Some("CrashLoopBackOff")), || pod("web-5d-a", OF_WEB, None));
    let mut patrol = of([sick(), replica_set("web-5d", None)]);
    for (object, many) in [(sick(), 1), (well(), 0), (sick(), 1), (well(), 1)] {
        patrol.put(object);
        assert_eq!(told(&mut patrol, NOW).len(), many);
    }
    patrol.remove(&Key::of(&well()));
    assert_eq!(told(&mut patrol, later(1)).len(), 1, "its owner may make another");
    patrol.remove(&Key::new(Kind::ReplicaSet, &Name::new("shop", "web-5d")));
    assert!(told(&mut patrol, later(2)).is_empty());
}

#[test]
fn no_hold_is_longer_than_its_limit() {
    assert_eq!([0, 1, 2, 60, u32::MAX].map(hold_ms), [0, HOLD_MS, 2 * HOLD_MS, HOLD_MS_MAX, HOLD_MS_MAX]);
}

#[test]
fn the_worst_are_told_and_the_rest_is_counted() {
    let many = TROUBLES_MAX + 5;
    let mut patrol = of((0..many).map(|number| pod(&format!("web-{number}"), None, Some("CrashLoopBackOff"))));
    let troubles = patrol.look(NOW);
    assert_eq!((troubles.told.len(), troubles.omitted), (TROUBLES_MAX, 5));
}

/// Whatever happens in whatever order, what is told is what a patrol tells that meets the cluster as it is now: nothing is
/// missed that depends on another object, and nothing is left behind. Flapping is left out, since it remembers.
#[test]
fn what_is_told_is_what_a_fresh_look_at_everything_would_tell() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut patrol = of([]);
    let mut now = NOW;
    for step in 0..400 {
        let name = format!("o{}", draw(4));
        let owner =
            [None, Some(("ReplicaSet", "o1")), Some(("ReplicaSet", "o2")), Some(("Job", "o1"))][to_index(draw(4))];
        let object = match draw(4) {
            0 | 1 => pod(&name, owner, [None, Some("CrashLoopBackOff")][to_index(draw(2))]),
            2 => replica_set(&name, Some(("Deployment", "web"))),
            _ => replica_set(&name, None),
        };
        if draw(3) == 0 {
            patrol.remove(&Key::of(&object));
        } else {
            patrol.put(object);
        }
        // Past what any trouble is held, so that both tell the same.
        now = now.plus_ms(FLAP_MS + HOLD_MS_MAX + 1);
        if draw(2) == 0 {
            patrol.look(now);
            now = now.plus_ms(FLAP_MS + HOLD_MS_MAX + 1);
        }
        let mut fresh = of([]);
        for kind in Kind::ALL {
            for name in patrol.cluster().names(*kind) {
                let key = Key { kind: *kind, name };
                fresh.put(patrol.cluster().object(&key).expect("it was named"));
            }
        }
        assert_eq!(told(&mut patrol, now), told(&mut fresh, now), "after step {step}");
    }
}

fn to_index(number: u64) -> usize {
    usize::try_from(number).expect("a small number")
}

#[test]
fn what_is_missed_is_told_only_where_all_of_its_kind_are_known() {
    for (rule, kinds) in super::super::rules::MISSES {
        assert!(!kinds.is_empty(), "{rule} misses nothing");
        for kind in *kinds {
            let mut cluster = Cluster::default();
            for kind in Kind::ALL {
                cluster.knows(*kind, true);
            }
            assert!(cluster.can_tell(rule));
            cluster.knows(*kind, false);
            assert!(!cluster.can_tell(rule) && cluster.can_tell("another"), "{rule} without {kind:?}");
        }
    }
}
