//! A whole life, in a world so small that it fits a page: a worker takes five seconds, and the host looks one later.
//!
//! The scenes say what steward does in one turn; this says that the turns lead somewhere, and end.

use super::scene::*;
use quarterdeck_policy_sdk::*;

const WORK: u64 = 5 * SECOND;

struct World {
    view: Situation,
    /// How many of the two objects stand.
    standing: u32,
    /// The keys of what was proposed, each once in a row.
    told: Vec<String>,
    serial: u32,
}

impl World {
    fn new(mission: Mission) -> World {
        World { view: scene(vec![mission]), standing: 0, told: vec![], serial: 0 }
    }

    /// Turns until steward has nothing to do but rest for long.
    fn settle(&mut self) -> Vec<String> {
        self.told.clear();
        for _ in 0..50 {
            let decision = crate::decide(&self.view);
            match decision.proposals.first() {
                Some(proposal) => self.work(&proposal.clone()),
                None => match decision.look_again {
                    Some(at) if at < self.view.now + 120 * SECOND => self.view.now = at,
                    Some(_) | None => return std::mem::take(&mut self.told),
                },
            }
        }
        panic!("it never rests: {:?}", self.told);
    }

    fn work(&mut self, proposal: &Proposal) {
        self.told.push(proposal.key.split('/').next().unwrap().to_owned());
        let Action::Build(build) = &proposal.action else { panic!("no build: {proposal:?}") };
        self.view.now += WORK;
        let now = self.view.now;
        let mission = &mut self.view.missions[0];
        match &build.step {
            BuildStep::Plan | BuildStep::PlanDestroy => {
                self.serial += 1;
                let destroy = build.step == BuildStep::PlanDestroy;
                let planned = if destroy { made_to_destroy(now, self.standing) } else { made(now, 2 - self.standing) };
                let generation = mission.generation;
                let planned = Artifact { digest: format!("sha256:{:012x}", self.serial), generation, ..planned };
                mission.artifacts.retain(|artifact| artifact.operation != planned.operation);
                mission.artifacts.push(planned);
            }
            BuildStep::Apply(digest) => {
                let artifact = mission.artifacts.iter_mut().find(|artifact| artifact.digest == *digest).unwrap();
                assert!(!artifact.stale, "no plan is applied twice");
                artifact.stale = true;
                self.standing = if artifact.operation == Operation::Plan { 2 } else { 0 };
                mission.applied = Some(digest.clone());
                mission.verification = Some(Verification { at: now + SECOND, ok: true, differences: vec![] });
                let ended = worker(Operation::Apply, WorkerPhase::Succeeded, Some(now));
                self.view.workers = vec![Worker { input: Some(digest.clone()), ..ended }];
                self.view.findings.clear();
                self.view.now += SECOND;
            }
        }
    }
}

#[test]
fn a_mission_is_built_repaired_watched_and_removed() {
    let mut world = World::new(Mission { autonomy: Autonomy::Auto, ..web() });
    assert_eq!(world.settle(), ["plan", "apply"]);
    assert_eq!(world.settle(), [""; 0]);

    // Somebody removes a container under it.
    world.standing = 1;
    world.view.missions[0].verification.as_mut().unwrap().ok = false;
    world.view.findings = vec![finding("gone", Some(WEB), Severity::Critical, world.view.now)];
    assert_eq!(world.settle(), ["plan", "apply"]);
    assert_eq!(world.standing, 2);

    // Ten minutes on it looks for drift, and finds none.
    world.view.now += 600 * SECOND;
    assert_eq!(world.settle(), ["plan"]);

    // A user edits the files: a new generation, of which nothing has been planned yet.
    world.view.missions[0].generation = 2;
    world.view.missions[0].artifacts.clear();
    assert_eq!(world.settle(), ["plan"]);

    world.view.missions[0].desired = DesiredState::Absent;
    world.view.missions[0].generation = 3;
    world.view.missions[0].artifacts.clear();
    assert_eq!(world.settle(), ["plan", "apply"]);
    assert_eq!(world.standing, 0);
    world.view.now += 6_000 * SECOND;
    assert_eq!(world.settle(), [""; 0]);
}
