//! Scenarios: each is a story of missions, workers and people, and its transcript in `tests/scenarios/` says what the host
//! made of it. A transcript that changes is read by a person before it is kept: `QUARTERDECK_BLESS=1` writes them anew.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use quarterdeck::observe::{Cluster, View};
use quarterdeck::rehearsal::{Behaviour, Rehearsal, Script};
use quarterdeck::replay::recorded;
use quarterdeck_core::charter::{Charter, Settings};
use quarterdeck_core::encoding;
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::observation::{Command, ContainerState};
use quarterdeck_core::order::Class;
use quarterdeck_core::pause::Scope;
use quarterdeck_core::situation::{Autonomy, Failure, Operation, Situation};
use quarterdeck_tests::harness::Harness;

pub(crate) const MAIN_TF: &str = r#"
terraform {
  required_providers {
    docker = {
      source  = "kreuzwerker/docker"
      version = ">= 3.3.0"
    }
  }
}
resource "docker_network" "private" { name = "shop" }
resource "docker_container" "web" {
  name  = "shop-web"
  image = "nginx:alpine"
}
"#;

pub(crate) fn mission(name: &str, settings: &str) -> String {
    format!(
        "apiVersion: quarterdeck.dev/v1alpha1\nkind: Mission\nmetadata: {{name: {name}}}\nspec:\n  goal: A shop.\n{settings}  \
         offers: [server]\n  terraform: {{}}\n"
    )
}

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    settings: &'static str,
    steps: Vec<(Operation, Behaviour)>,
    charter: Charter,
    story: fn(&mut Harness) -> Result<()>,
}

fn scenario(name: &'static str, settings: &'static str, story: fn(&mut Harness) -> Result<()>) -> Scenario {
    Scenario { name, settings, steps: Vec::new(), charter: Charter::default(), story }
}

fn failure(kind: &str, retryable: bool) -> Behaviour {
    let (kind, message) = (kind.to_owned(), format!("the script says {kind}"));
    Behaviour::Fails(Failure { kind, message, retryable, remedies: Vec::new() })
}

fn name() -> MissionName {
    MissionName::parse("shop").expect("a plain name")
}

fn pause(mission: Option<MissionName>, class: Option<Class>) -> Command {
    Command::Pause { scope: Scope { mission, class }, cancel: false, comment: Some("release freeze".to_owned()) }
}

pub(crate) fn all() -> Vec<Scenario> {
    vec![
        scenario("auto-builds-and-rests", "  autonomy: auto\n", |host| {
            host.turns(60_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            Ok(())
        }),
        scenario("approve-waits-for-a-person", "", |host| {
            host.turns(20_000, 1_000)?;
            assert_eq!(host.phase("shop"), "AwaitingApproval");
            host.answer(true, Some("go ahead"))?;
            host.turns(10_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            Ok(())
        }),
        scenario("denied-is-not-asked-again", "", |host| {
            host.turns(10_000, 1_000)?;
            host.answer(false, Some("not today"))?;
            host.turns(60_000, 5_000)?;
            assert!(host.world_names().is_empty());
            Ok(())
        }),
        scenario("edited-while-a-person-thinks", "", |host| {
            host.turns(10_000, 1_000)?;
            host.edit("shop", &[("main.tf", &MAIN_TF.replace("shop-web", "shop-front"))])?;
            host.turns(10_000, 1_000)?;
            host.answer(true, None)?;
            host.turns(10_000, 1_000)?;
            assert_eq!(host.world_names(), ["container shop-front", "network shop"]);
            Ok(())
        }),
        scenario("suggest-shows-and-does-nothing", "  autonomy: suggest\n", |host| {
            host.turns(30_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Suggested");
            assert!(host.world_names().is_empty());
            Ok(())
        }),
        scenario("off-does-nothing-at-all", "  autonomy: \"off\"\n", |host| {
            host.turns(30_000, 5_000)?;
            assert_eq!(host.book.ledger().orders.len(), 0);
            Ok(())
        }),
        Scenario {
            charter: Charter {
                settings: Settings { autonomy: Autonomy::Approve, ..Settings::default() },
                ..Charter::default()
            },
            ..scenario("the-operators-ceiling-holds", "  autonomy: auto\n", |host| {
                host.turns(20_000, 1_000)?;
                assert_eq!(host.phase("shop"), "AwaitingApproval");
                Ok(())
            })
        },
        Scenario {
            charter: Charter {
                settings: Settings { workers_an_hour_max: 1, ..Settings::default() },
                ..Charter::default()
            },
            ..scenario("an-hours-workers-are-spent-and-the-rest-waits-for-the-next", "  autonomy: auto\n", |host| {
                host.turns(3_590_000, 10_000)?;
                assert_eq!((host.phase("shop"), host.book.ledger().orders.len()), ("Planned", 1));
                host.turns(60_000, 1_000)?;
                assert_eq!(host.phase("shop"), "Ready");
                Ok(())
            })
        },
        scenario("suspended-rests", "  autonomy: auto\n  desired: suspended\n", |host| {
            host.turns(30_000, 5_000)?;
            assert_eq!(host.phase("shop"), "Suspended");
            Ok(())
        }),
        scenario("drift-is-repaired-under-auto", "  autonomy: auto\n", |host| {
            host.turns(20_000, 1_000)?;
            host.disturb("removes shop-web", |world| assert_eq!(world.remove("shop-web"), 1));
            host.turns(60_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            Ok(())
        }),
        scenario("removed-after-each-repair-it-is-parked-until-it-is-released", "  autonomy: auto\n", |host| {
            host.turns(20_000, 1_000)?;
            let mut removed = 0;
            for _ in 0..240 {
                if host.world_names().len() == 2 {
                    host.disturb("removes shop-web", |world| assert_eq!(world.remove("shop-web"), 1));
                    removed += 1;
                }
                host.turn()?;
                host.pass(5_000);
            }
            assert_eq!(removed, 1 + Settings::default().repairs_max, "what was made, and each repair of it");
            host.say(Command::Release { mission: name(), comment: None })?;
            host.turns(60_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            Ok(())
        }),
        scenario("drift-is-proposed-under-approve", "", |host| {
            host.turns(10_000, 1_000)?;
            host.answer(true, None)?;
            host.turns(20_000, 1_000)?;
            host.disturb("removes shop-web", |world| assert_eq!(world.remove("shop-web"), 1));
            host.turns(60_000, 1_000)?;
            assert_eq!(host.phase("shop"), "AwaitingApproval");
            Ok(())
        }),
        scenario("destroyed-and-restored", "  autonomy: auto\n", |host| {
            host.turns(20_000, 1_000)?;
            host.say(Command::Destroy { mission: name() })?;
            host.turns(60_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Absent");
            assert!(host.world_names().is_empty());
            host.say(Command::Restore { mission: name() })?;
            host.turns(60_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            Ok(())
        }),
        scenario("paused-lets-the-worker-end-and-begins-nothing", "  autonomy: auto\n", |host| {
            host.turns(1_000, 1_000)?;
            host.say(pause(None, None))?;
            host.turns(10_000, 1_000)?;
            assert_eq!((host.phase("shop"), host.book.ledger().orders.len()), ("Planned", 1));
            host.disturb("api exits", |world| world.add_container("api", ContainerState::Exited(1)));
            host.turns(10_000, 1_000)?;
            host.say(pause(Some(name()), None))?;
            host.say(Command::Resume { scope: Scope::default() })?;
            host.turns(10_000, 1_000)?;
            assert_eq!((host.phase("shop"), host.book.ledger().orders.len()), ("Planned", 1));
            host.say(Command::Resume { scope: Scope { mission: Some(name()), class: None } })?;
            host.turns(20_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            Ok(())
        }),
        scenario("granted-while-paused-is-done-after-it", "", |host| {
            host.turns(10_000, 1_000)?;
            host.say(pause(None, None))?;
            host.turns(5_000, 1_000)?;
            host.answer(true, Some("go ahead"))?;
            host.turns(10_000, 1_000)?;
            assert!(host.world_names().is_empty());
            host.say(Command::Resume { scope: Scope::default() })?;
            host.turns(10_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            Ok(())
        }),
        scenario("paused-builders-leave-the-brain-to-be-asked", "  autonomy: auto\n  when: needed\n", |host| {
            host.say(pause(None, Some(Class::Builder)))?;
            host.disturb("api exits", |world| world.add_container("api", ContainerState::Exited(1)));
            host.turns(5_000, 1_000)?;
            host.brain.recommend("server");
            host.turns(10_000, 1_000)?;
            assert_eq!(host.book.ledger().orders.len(), 0);
            host.say(Command::Resume { scope: Scope { mission: None, class: Some(Class::Builder) } })?;
            host.turns(20_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            Ok(())
        }),
        Scenario {
            steps: vec![
                (Operation::Apply, failure("unreachable", true)),
                (Operation::Apply, failure("unreachable", true)),
            ],
            ..scenario("failures-are-retried-with-growing-rests", "  autonomy: auto\n", |host| {
                host.turns(120_000, 1_000)?;
                assert_eq!(host.phase("shop"), "Ready");
                Ok(())
            })
        },
        Scenario {
            steps: vec![(Operation::Plan, failure("unreachable", true)); 9],
            ..scenario("given-up-after-five-failures", "  autonomy: auto\n", |host| {
                host.turns(900_000, 5_000)?;
                assert_eq!(host.phase("shop"), "Failed");
                assert_eq!(host.book.ledger().orders.len(), 5);
                Ok(())
            })
        },
        Scenario {
            steps: vec![(Operation::Plan, failure("usage", false))],
            ..scenario("a-hopeless-failure-is-not-retried", "  autonomy: auto\n", |host| {
                host.turns(120_000, 5_000)?;
                assert_eq!(host.phase("shop"), "Failed");
                assert_eq!(host.book.ledger().orders.len(), 1);
                Ok(())
            })
        },
        Scenario {
            steps: vec![(Operation::Apply, Behaviour::Vanishes)],
            ..scenario("a-lost-worker-is-followed-by-another", "  autonomy: auto\n", |host| {
                host.turns(60_000, 1_000)?;
                assert_eq!(host.phase("shop"), "Ready");
                Ok(())
            })
        },
        Scenario {
            steps: vec![(Operation::Apply, Behaviour::Lies)],
            ..scenario("a-lying-worker-is-found-out", "  autonomy: auto\n", |host| {
                host.turns(90_000, 1_000)?;
                assert_eq!(host.phase("shop"), "Ready");
                assert_eq!(host.world_names(), ["container shop-web", "network shop"]);
                Ok(())
            })
        },
        scenario("a-need-that-is-recommended-is-built", "  autonomy: auto\n  when: needed\n", |host| {
            host.turns(10_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Waiting");
            host.disturb("api exits", |world| world.add_container("api", ContainerState::Exited(1)));
            host.turns(5_000, 1_000)?;
            host.brain.recommend("server");
            host.turns(20_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            Ok(())
        }),
        scenario("a-resolved-finding-is-never-acted-on", "  autonomy: auto\n  when: needed\n", |host| {
            host.disturb("api exits", |world| world.add_container("api", ContainerState::Exited(1)));
            host.turns(5_000, 1_000)?;
            host.disturb("api is removed", |world| assert_eq!(world.remove("api"), 1));
            host.turn()?;
            host.brain.recommend("server");
            host.turns(30_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Waiting");
            assert!(host.world_names().is_empty());
            Ok(())
        }),
        scenario("an-old-provider-is-held-back-until-it-is-raised", "  autonomy: auto\n", |host| {
            host.edit("shop", &[("main.tf", &MAIN_TF.replace(">= 3.3.0", "~> 3.0.2"))])?;
            host.turns(30_000, 5_000)?;
            assert_eq!(host.phase("shop"), "Held");
            assert_eq!(host.book.ledger().orders.len(), 0);
            host.edit("shop", &[("main.tf", MAIN_TF)])?;
            host.turns(20_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            Ok(())
        }),
        scenario("an-engine-that-does-not-answer-stops-all-starts", "  autonomy: auto\n", |host| {
            host.disturb("the engine hangs", |world| world.problem = Some("no answer within 5 s".to_owned()));
            host.turns(30_000, 5_000)?;
            assert_eq!(host.book.ledger().orders.len(), 0);
            host.disturb("the engine answers", |world| world.problem = None);
            host.turns(30_000, 1_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            Ok(())
        }),
        scenario("a-broken-file-leaves-the-last-good-version", "  autonomy: auto\n", |host| {
            host.turns(20_000, 1_000)?;
            host.edit("shop", &[("main.tf", "resource \"docker_container\" {")])?;
            host.turns(20_000, 5_000)?;
            assert_eq!(host.phase("shop"), "Ready");
            assert_eq!(host.world_names(), ["container shop-web", "network shop"]);
            Ok(())
        }),
    ]
}

pub(crate) fn play(scenario: Scenario) -> Result<Harness> {
    let yaml = mission("shop", scenario.settings);
    let files: [(&str, &str); 2] = [("mission.yaml", &yaml), ("main.tf", MAIN_TF)];
    let script = Script { steps: scenario.steps, takes_ms: 1_500 };
    let mut host = Harness::new(&[("shop", &files)], scenario.charter, script)?;
    (scenario.story)(&mut host)?;
    Ok(host)
}

pub(crate) fn bless() -> bool {
    #[expect(clippy::disallowed_methods, reason = "a person who works on the tests sets this by hand")]
    let set = std::env::var_os("QUARTERDECK_BLESS");
    set.is_some()
}

#[test]
fn every_scenario_plays_as_its_transcript_says() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut different = Vec::new();
    for scenario in all() {
        let name = scenario.name;
        let host = play(scenario).map_err(|error| error.context(name))?;
        let (played, file) = (host.transcript.join("\n") + "\n", folder.join(format!("{name}.txt")));
        if bless() {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(&file, &played)?;
        } else if std::fs::read_to_string(&file).unwrap_or_default() != played {
            different.push(format!("== {name}\n{played}"));
        }
    }
    assert!(different.is_empty(), "{} transcripts differ:\n{}", different.len(), different.join("\n"));
    Ok(())
}

/// An engine that is looked at when somebody asks, and never of itself.
struct OnDemand {
    world: Arc<Rehearsal>,
    seen: Mutex<View>,
    asked: AtomicUsize,
}

impl Cluster for OnDemand {
    fn view(&self) -> View {
        self.seen.lock().expect("nobody panics with it").clone()
    }

    fn look_again(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        *self.seen.lock().expect("nobody panics with it") = self.world.view();
    }

    fn choice(&self) -> String {
        "on demand".to_owned()
    }
}

/// What a worker changed is looked at when its end is in the journal, and not first at the next interval.
#[test]
fn the_engine_is_looked_at_as_soon_as_a_worker_that_changed_something_has_ended() -> Result<()> {
    let yaml = mission("shop", "  autonomy: auto\n");
    let files: [(&str, &str); 2] = [("mission.yaml", &yaml), ("main.tf", MAIN_TF)];
    let mut host = Harness::new(&[("shop", &files)], Charter::default(), Script::default())?;
    let (world, asked) = (host.world.clone(), AtomicUsize::new(0));
    let cluster = Arc::new(OnDemand { seen: Mutex::new(world.view()), world, asked });
    host.rewire(|ports| ports.cluster = cluster.clone());
    host.turns(10_000, 100)?;
    assert_eq!(host.phase("shop"), "Ready");
    // Once for the end; and the look of that very millisecond is not younger than it.
    assert_eq!(cluster.asked.load(Ordering::SeqCst), 2);
    Ok(())
}

/// The gate is pure: what was ruled follows from what is in the journal, and from nothing else.
#[test]
fn every_verdict_is_the_same_when_it_is_ruled_on_again() -> Result<()> {
    let mut verdicts = 0;
    for scenario in all() {
        let name = scenario.name;
        let host = play(scenario)?;
        recorded(&host.journal(), &mut |turn| {
            assert_eq!(turn.ruled_by(turn.charter), turn.opened.verdicts, "{name}, turn {}", turn.opened.turn);
            assert_eq!(turn.ledger.digest(), turn.opened.ledger, "{name}, turn {}", turn.opened.turn);
            verdicts += turn.opened.verdicts.len();
        })?;
    }
    assert!(verdicts > 50, "{verdicts} verdicts are too few to say anything");
    Ok(())
}

/// The memo is a convenience: without it every decision is the same.
#[test]
fn every_decision_is_the_same_with_an_empty_memo_and_when_replayed() -> Result<()> {
    let mut situations = 0;
    for scenario in all() {
        let host = play(scenario)?;
        for (bytes, answered) in &host.decided {
            let mut situation: Situation = encoding::decode(bytes)?;
            assert_eq!(host.policy().decide(bytes).into_journal().0, *answered, "replayed");
            situation.memo = None;
            let forgetful = host.policy().decide(&encoding::encode(&situation));
            assert_eq!(forgetful.into_journal().0, *answered, "with an empty memo");
            situations += 1;
        }
    }
    assert!(situations > 300, "{situations} situations are too few to say anything");
    Ok(())
}
