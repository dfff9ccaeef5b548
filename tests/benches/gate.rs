//! What the charter costs: a judgment at 10, 100 and 500 rules for one action, against bare Cedar on the same request.
//!
//! The floor is `is_authorized` alone, with request and entities made beforehand, over a set of just these rules. What a
//! judgment takes above it is the making of Cedar's request from ours, and the reading of the answer. Two hundred rules
//! for other actions stand in the same charter; they must cost nothing. The goal is 1.2 times the floor at 100
//! rules. The table comes from blocks taken in turns, so that a slow spell of the machine meets both.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet};
use criterion::{BenchmarkId, Criterion};
use quarterdeck_core::charter::{Asker, Judgment, Name, PlanGist, Request, Rules, Subject};
use serde_json::json;

const BLOCK: usize = 50;
const BLOCKS: usize = 12;
/// So many rules for other actions: with 500 for the one at hand it is as large as a charter may be.
const OTHERS: usize = 200;

/// A rule of six conditions that all have to be looked at, and that does not hold.
fn rule(id: &str, action: &str, number: usize) -> String {
    format!(
        "@id(\"{id}-{number}\")\n@reason(\"a rule of the benchmark\")\nforbid (principal, action == Action::\"{action}\", resource)\n\
         when {{ principal.name == \"steward\" && resource.autonomy == \"auto\" && context.hour >= 0 && context.weekday <= 7\n\
         && context.findings.count == 0 && context.failures > {} }};\n",
        number + 1_000
    )
}

/// So many rules for an apply, the last of which permits it.
fn rules(count: usize) -> String {
    let forbids: String = (1..count).map(|number| rule("apply", "apply", number)).collect();
    forbids + "@id(\"applies\")\npermit (principal, action == Action::\"apply\", resource);\n"
}

fn charter(count: usize) -> String {
    let others: String = (0..OTHERS).map(|number| rule("plan", "plan", number)).collect();
    others + &rules(count)
}

fn request() -> Request {
    let (name, version, digest) = ("steward".to_owned(), "0.1.0".to_owned(), "ab".repeat(32));
    Request {
        policy: Asker { name, version, digest },
        action: Name::Apply,
        mission: Some(Subject {
            id: "web-1f2e3d4c".to_owned(),
            name: "web".to_owned(),
            namespace: String::new(),
            autonomy: "auto".to_owned(),
            desired: "present".to_owned(),
            labels: BTreeMap::from([("tier".to_owned(), "gold".to_owned())]),
        }),
        attempt: 1,
        hour: 12,
        weekday: 1,
        plan: Some(PlanGist { adds: 3, makes: ["docker_container".to_owned()].into(), ..PlanGist::default() }),
        ..Request::default()
    }
}

/// The same request in Cedar's types, made once.
struct Floor {
    set: PolicySet,
    request: cedar_policy::Request,
    entities: Entities,
}

impl Floor {
    fn new(count: usize, asked: &Request) -> Result<Floor> {
        let (policy, mission) = (&asked.policy, asked.mission.as_ref().expect("it has one"));
        let entities = json!([
            { "uid": { "type": "Policy", "id": policy.digest }, "parents": [],
              "attrs": { "name": policy.name, "version": policy.version, "digest": policy.digest } },
            { "uid": { "type": "Mission", "id": mission.id }, "parents": [], "tags": mission.labels,
              "attrs": { "name": mission.name, "autonomy": mission.autonomy, "desired": mission.desired } },
            { "uid": { "type": "Action", "id": "apply" }, "parents": [{ "type": "Action", "id": "changes" }], "attrs": {} },
        ]);
        let context = json!({
            "findings": asked.findings, "rehearsal": asked.rehearsal, "hour": asked.hour, "weekday": asked.weekday,
            "failures": asked.failures, "attempt": asked.attempt, "workers": asked.workers,
            "recommended": asked.recommended, "plan": asked.plan,
        });
        let uid = |kind: &str, id: &str| -> Result<EntityUid> { Ok(format!("{kind}::\"{id}\"").parse()?) };
        Ok(Floor {
            set: rules(count).parse()?,
            request: cedar_policy::Request::new(
                uid("Policy", &policy.digest)?,
                uid("Action", "apply")?,
                uid("Mission", &mission.id)?,
                Context::from_json_value(context, None)?,
                None,
            )?,
            entities: Entities::from_json_value(entities, None)?,
        })
    }

    fn ask(&self) -> Decision {
        Authorizer::new().is_authorized(&self.request, &self.set, &self.entities).decision()
    }
}

fn block<T>(mut work: impl FnMut() -> T) -> Duration {
    let begun = Instant::now();
    for _ in 0..BLOCK {
        black_box(work());
    }
    begun.elapsed() / u32::try_from(BLOCK).expect("it is small")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let asked = request();
    println!("rules   bare Cedar   judgment   ratio");
    for count in [10, 100, 500] {
        let (floor, rules) = (Floor::new(count, &asked)?, Rules::parse(&charter(count))?);
        ensure!(floor.ask() == Decision::Allow, "bare Cedar permits it");
        ensure!(matches!(rules.judge(&asked), Judgment::Permitted(_)), "the charter permits it");
        let (mut bare, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..BLOCKS {
            bare.push(block(|| floor.ask()));
            ours.push(block(|| rules.judge(black_box(&asked))));
        }
        let (bare, ours) = (median(bare), median(ours));
        let ratio = ours.as_secs_f64() / bare.as_secs_f64();
        println!("{count:>5}   {:>7.1} us   {:>5.1} us   {ratio:.2}", micros(bare), micros(ours));
        let mut group = criterion.benchmark_group("gate");
        group.bench_with_input(BenchmarkId::new("bare", count), &count, |bencher, _| bencher.iter(|| floor.ask()));
        group.bench_with_input(BenchmarkId::new("judgment", count), &count, |bencher, _| {
            bencher.iter(|| rules.judge(&asked))
        });
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
