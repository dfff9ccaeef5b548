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

/// What is to be done about an object's finalizer, by what the host knows; before the first turn nothing is let go for having
/// built nothing.
pub(super) fn hold(known: &KnownMission, seen: Option<(&View, &Ledger)>, now: Timestamp) -> Hold {
    let end = &known.end;
    let Some(since) = end.deleting else {
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
    let name = known.full_name();
    let built = seen.map(|(view, ledger)| {
        let state = MissionName::parse(&name).ok().and_then(|name| ledger.mission(&name));
        state.map(|state| (state.desired(), view.mission(&name).map(|mission| mission.phase)))
    });
    match built {
        Some(None) => Hold::LetGo(Why::NothingBuilt),
        Some(Some((DesiredState::Absent, Some(Phase::Absent)))) => Hold::LetGo(Why::Destroyed),
        Some(Some(_)) | None if now.since_ms(since) >= end.timeout_ms => Hold::LetGo(Why::TimedOut),
        Some(Some(_)) | None => Hold::AsIs,
    }
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
    use quarterdeck_core::mission::ObjectVersion;

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
        let deleted = Some(Timestamp(NOW.0 - 1_000));
        for (on_delete, kept, deleting, expected) in [
            (Destroy, false, None, Hold::Keep),
            (Destroy, true, None, Hold::AsIs),
            (Retain, false, None, Hold::AsIs),
            (Retain, true, None, Hold::LetGo(Why::Retained)),
            (Retain, true, deleted, Hold::LetGo(Why::Retained)),
            (Destroy, false, deleted, Hold::AsIs),
            (Destroy, true, deleted, Hold::AsIs),
            (Destroy, true, Some(Timestamp(NOW.0 - HOUR)), Hold::LetGo(Why::TimedOut)),
        ] {
            let known = known(on_delete, kept, deleting);
            assert_eq!(hold(&known, None, NOW), expected, "{known:?}");
        }
        let mut abandoned = known(Destroy, true, deleted);
        abandoned.end.abandoned = true;
        assert_eq!(hold(&abandoned, None, NOW), Hold::LetGo(Why::Abandoned));
        abandoned.end.deleting = None;
        assert_eq!(hold(&abandoned, None, NOW), Hold::AsIs, "it says what becomes of it once it is deleted");
    }

    #[test]
    fn what_the_host_never_took_has_built_nothing() {
        let (ledger, leaving) = (Ledger::default(), known(OnDelete::Destroy, true, Some(NOW)));
        let view = crate::view::look(&ledger, None, NOW);
        assert_eq!(hold(&leaving, Some((&view, &ledger)), NOW), Hold::LetGo(Why::NothingBuilt));
    }
}
