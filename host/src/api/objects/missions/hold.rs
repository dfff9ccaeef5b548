//! What becomes of our finalizer on a mission's object: it keeps an object that is deleted until what it built is removed.

use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::ledger::Ledger;
use quarterdeck_core::mission::{MissionName, OnDelete};
use quarterdeck_core::phase::Phase;
use quarterdeck_core::situation::DesiredState;

use super::news::{News, Weight};
use crate::apiserver::mission::KnownMission;
use crate::view::View;

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Nothing.
    AsIs,
    /// It is set.
    Keep,
    /// It is taken away, and with it the object goes.
    LetGo(Why),
}

/// Why an object is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// What it built is removed.
    Destroyed,
    /// It never built anything.
    NothingBuilt,
    /// It wants what it built to stay.
    Retained,
    /// A person wants it to go as it is.
    Abandoned,
    /// What it built was not removed in time.
    TimedOut,
}

/// What is to be done about an object's finalizer, by what the host knows. `leaving_since` is when the host itself first saw that it
/// leaves: a host that was away meanwhile has done nothing yet. Before the first turn it knows nothing, and nothing is let go for
/// what it knows.
pub(super) fn hold(
    known: &KnownMission,
    seen: Option<(&View, &Ledger)>,
    leaving_since: Option<Timestamp>,
    now: Timestamp,
) -> Hold {
    let end = &known.end;
    let Some(deleted) = end.deleting else {
        return match (end.on_delete, end.kept) {
            (OnDelete::Destroy, false) => Hold::Keep,
            (OnDelete::Retain, true) => Hold::LetGo(Why::Retained),
            (OnDelete::Destroy, true) | (OnDelete::Retain, false) => Hold::AsIs,
        };
    };
    if !end.kept {
        return Hold::AsIs;
    }
    if end.abandoned {
        return Hold::LetGo(Why::Abandoned);
    }
    if end.on_delete == OnDelete::Retain {
        return Hold::LetGo(Why::Retained);
    }
    let Some((view, ledger)) = seen else { return Hold::AsIs };
    let name = known.full_name();
    // What another object of its name has built is not its own.
    let state = MissionName::parse(&name).ok().and_then(|name| ledger.mission(&name));
    let Some(state) = state.filter(|state| state.spec.object_uid() == Some(&known.version.uid)) else {
        return Hold::LetGo(Why::NothingBuilt);
    };
    if state.desired() == DesiredState::Absent {
        let phase = view.mission(&name).map(|mission| mission.phase);
        let has_nothing = state.state.is_none() && state.applied.is_none() && state.objects.is_empty();
        if phase == Some(Phase::Absent) {
            return Hold::LetGo(Why::Destroyed);
        }
        if has_nothing && ledger.at_work(&state.id).is_none() {
            return Hold::LetGo(Why::NothingBuilt);
        }
    }
    let since = leaving_since.map_or(now, |since| since.max(deleted));
    if now.since_ms(since) >= end.timeout_ms { Hold::LetGo(Why::TimedOut) } else { Hold::AsIs }
}

impl Why {
    /// What is told of it, as an event.
    pub(super) fn news(self, known: &KnownMission) -> Option<News> {
        let name = known.full_name();
        let stays = format!("what it built stays, with its state; quarterdeck destroy {name} removes it");
        let (weight, reason, message) = match self {
            Why::Destroyed => (Weight::Normal, "Destroyed", "what it built is removed".to_owned()),
            Why::NothingBuilt | Why::Retained => return None,
            Why::Abandoned => (Weight::Warning, "Abandoned", format!("by its annotation nothing is removed: {stays}")),
            Why::TimedOut => {
                let minutes = known.end.timeout_ms / 60_000;
                (Weight::Warning, "DestroyTimedOut", format!("not removed within {minutes} min: {stays}"))
            }
        };
        Some(News { weight, reason, message })
    }
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::digest::Digest;
    use quarterdeck_core::entry::{Entry, Stored};
    use quarterdeck_core::ids::OrderName;
    use quarterdeck_core::mission::{MissionSpec, ObjectVersion, When};
    use quarterdeck_core::observation::{Observation, Place, SeenMission};
    use quarterdeck_core::order::StateRef;
    use quarterdeck_core::situation::Autonomy;

    use super::*;
    use crate::apiserver::mission::End;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);
    const HOUR: u64 = 3_600_000;

    fn known(on_delete: OnDelete, kept: bool, deleting: Option<Timestamp>) -> KnownMission {
        KnownMission {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            version: ObjectVersion { uid: "u".to_owned(), generation: 1, on_delete },
            problem: None,
            end: End { on_delete, deleting, kept, abandoned: false, timeout_ms: HOUR },
            status: None,
        }
    }

    #[test]
    fn the_finalizer_is_there_while_destroy_is_wanted_and_at_no_other_time() {
        use OnDelete::{Destroy, Retain};
        let deleted = Some(Timestamp(NOW.0 - 2 * HOUR));
        for (on_delete, kept, deleting, expected) in [
            (Destroy, false, None, Hold::Keep),
            (Destroy, true, None, Hold::AsIs),
            (Retain, false, None, Hold::AsIs),
            (Retain, true, None, Hold::LetGo(Why::Retained)),
            (Retain, true, deleted, Hold::LetGo(Why::Retained)),
            (Destroy, false, deleted, Hold::AsIs),
            (Destroy, true, deleted, Hold::AsIs),
        ] {
            let known = known(on_delete, kept, deleting);
            assert_eq!(hold(&known, None, deleted, NOW), expected, "{known:?}");
        }
        let mut abandoned = known(Destroy, true, deleted);
        abandoned.end.abandoned = true;
        assert_eq!(hold(&abandoned, None, deleted, NOW), Hold::LetGo(Why::Abandoned));
        abandoned.end.deleting = None;
        assert_eq!(hold(&abandoned, None, None, NOW), Hold::AsIs, "it says what becomes of it once it is deleted");
    }

    /// A ledger that took this object, and then that it leaves.
    fn taken(uid: &str, leaves: bool) -> Ledger {
        let object = ObjectVersion { uid: uid.to_owned(), generation: 1, on_delete: OnDelete::Destroy };
        let spec = MissionSpec {
            name: MissionName::parse("shop/web").unwrap(),
            goal: String::new(),
            autonomy: Autonomy::Off,
            desired: DesiredState::Present,
            when: When::Always,
            offers: Vec::new(),
            plan: Digest::of(b"plan"),
            facts: Vec::new(),
            labels: Vec::new(),
            author: None,
            providers: Vec::new(),
            source: "mission shop/web".to_owned(),
            object: Some(object),
        };
        let mut ledger = Ledger::default();
        for leaving in [false, leaves] {
            let place = Place::Object { uid: uid.to_owned(), leaving };
            let seen = SeenMission { place, source: spec.source.clone(), spec: Ok(spec.clone()) };
            let observation = Observation { at: NOW, missions: vec![seen], ..Observation::default() };
            ledger.news(&observation).iter().for_each(|entry| ledger.fold(entry));
        }
        ledger
    }

    fn held(ledger: &Ledger, leaving: &KnownMission, since: Timestamp) -> Hold {
        let view = crate::view::look(ledger, None, NOW);
        hold(leaving, Some((&view, ledger)), Some(since), NOW)
    }

    #[test]
    fn what_built_nothing_goes_and_what_another_one_built_is_not_waited_for() {
        let leaving = known(OnDelete::Destroy, true, Some(NOW));
        for (ledger, expected) in [
            (Ledger::default(), Hold::LetGo(Why::NothingBuilt)),
            (taken("u", true), Hold::LetGo(Why::NothingBuilt)),
            (taken("v", true), Hold::LetGo(Why::NothingBuilt)),
            // The loop has not taken yet that it leaves.
            (taken("u", false), Hold::AsIs),
        ] {
            assert_eq!(held(&ledger, &leaving, NOW), expected);
        }
    }

    #[test]
    fn the_time_to_remove_it_begins_when_a_host_is_there() {
        let mut ledger = taken("u", true);
        let state = ledger.missions.values_mut().next().unwrap();
        let (mission, order) = (state.id.clone(), OrderName::parse("apply-web-1").unwrap());
        let kept = StateRef { lineage: "l".to_owned(), serial: 1, digest: Digest::of(b"state") };
        ledger.fold(&Entry::Stored(Stored { at: NOW, mission, order, state: kept }));
        let leaving = known(OnDelete::Destroy, true, Some(Timestamp(NOW.0 - 3 * HOUR)));
        assert_eq!(held(&ledger, &leaving, Timestamp(NOW.0 - 1_000)), Hold::AsIs, "nobody was there");
        assert_eq!(held(&ledger, &leaving, Timestamp(NOW.0 - HOUR)), Hold::LetGo(Why::TimedOut));
    }
}
