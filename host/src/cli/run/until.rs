//! Whether a run has come to its end: pure, from one view.

use quarterdeck_core::phase::Phase;

use crate::view::{MissionView, View};

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// Something may still happen by itself, or by a person's word.
    Moving,
    /// Every mission is where it shall be.
    Reached,
    /// These missions can't get there: name, cause, and what to do.
    Stuck(Vec<(String, String, String)>),
}

/// One mission's part in it.
enum Part {
    Moving,
    Asking,
    Settled,
    Stuck { cause: String, next: String },
}

/// How far the missions that came from these files are.
pub fn outcome(view: &View, sources: &[String]) -> Until {
    let mine: Vec<&MissionView> = view.missions.iter().filter(|mission| sources.contains(&mission.source)).collect();
    if mine.len() < sources.len() {
        return Until::Moving;
    }
    let (mut moving, mut asking, mut stuck) = (false, false, Vec::new());
    for mission in mine {
        match part(mission) {
            Part::Moving => moving = true,
            Part::Asking => asking = true,
            Part::Settled => {}
            Part::Stuck { cause, next } => stuck.push((mission.name.clone(), cause, next)),
        }
    }
    match (moving, asking, stuck.is_empty()) {
        (false, _, false) => Until::Stuck(stuck),
        (false, false, true) => Until::Reached,
        (true, _, _) | (false, true, true) => Until::Moving,
    }
}

fn part(mission: &MissionView) -> Part {
    let name = &mission.name;
    let stuck = |next: String| Part::Stuck { cause: mission.message.clone(), next };
    let file = || format!("change {}; it is read again without a restart", mission.source);
    match mission.phase {
        Phase::Pending
        | Phase::Planned
        | Phase::AwaitingApproval
        | Phase::Verifying
        | Phase::Degraded
        | Phase::Failed
            if mission.parked.is_some() =>
        {
            stuck(format!("mend the cause, then with a host running: quarterdeck release {name}"))
        }
        Phase::Planning | Phase::Applying | Phase::Destroying => Part::Moving,
        Phase::AwaitingApproval => Part::Asking,
        Phase::Ready | Phase::Absent | Phase::Suspended | Phase::Waiting => Part::Settled,
        Phase::Failed => stuck(format!("quarterdeck describe mission {name}")),
        Phase::Held => stuck("do what the finding says; the files are read again without a restart".to_owned()),
        Phase::Suggested | Phase::Off => stuck(format!("raise spec.autonomy: {}", file())),
        Phase::Pending | Phase::Planned | Phase::Verifying | Phase::Degraded if mission.denied.is_some() => {
            stuck(file())
        }
        Phase::Pending | Phase::Planned | Phase::Verifying | Phase::Degraded if mission.refused.is_some() => {
            stuck(format!("{}, or grant it in the file that --config names", file()))
        }
        Phase::Pending | Phase::Planned | Phase::Verifying | Phase::Degraded => Part::Moving,
    }
}
