//! Each field of what was approved is changed in turn, and nothing happens; unchanged, it happens once.
//!
//! The request that is in the journal, and granted, differs in one field from what the policy returns. The rows come of
//! taking the nouns apart, so whoever adds a field has to say here whether people approve it.

use std::collections::BTreeMap;

use quarterdeck_core::charter::Settings;
use quarterdeck_core::decision::BuildStep;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::{ApprovalId, MissionId, OrderName, Timestamp};
use quarterdeck_core::observation::{Command, Person};
use quarterdeck_core::order::{ApplyInput, Order, OrderKey, StateRef};
use quarterdeck_core::situation::{Operation, Ruling};
use quarterdeck_core::verdict::{Effect, Request, Verdict};

use super::RULES;
use super::yard::{LOCK, SAVED, SHOWN, Told, Yard, journal};

/// What was approved, where the host keeps it, and a mission for each in which it is other bytes by then.
const KEPT: [(&str, &[u8]); 3] = [("kept-saved", SAVED), ("kept-json", SHOWN), ("kept-lock", LOCK)];

/// What is approved in place of a request, and whether the action goes on to be the one that was approved.
struct Row {
    field: &'static str,
    bound: bool,
    approved: Request,
}

/// The request changed in one field after the other, and once in none.
fn rows(request: &Request, now: Timestamp) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |field, bound, change: &dyn Fn(&mut Request)| {
        let mut approved = request.clone();
        change(&mut approved);
        approved.id = ApprovalId::parse(&format!("a-{field}")).unwrap();
        rows.push(Row { field, bound, approved });
    };
    let other = Digest::of(b"another");
    fn apply(request: &mut Request) -> &mut ApplyInput {
        request.order.apply.as_mut().unwrap()
    }
    fn state(request: &mut Request) -> &mut StateRef {
        apply(request).state.as_mut().unwrap()
    }
    let Request { id: _, order, requested: _, expires: _, policy: _, charter: _, needed: _ } = request;
    row("nothing", false, &|_| {});
    row("requested", false, &|request| request.requested.0 -= 1);
    row("expires", true, &|request| request.expires = now);
    // What people have read is not void because another policy or charter came: these are recorded.
    row("policy", false, &|request| request.policy = other);
    row("charter", false, &|request| request.charter = other);
    row("needed", true, &|request| request.needed = 0);

    let Order {
        name: _,
        mission: _,
        key,
        attempt: _,
        plan: _,
        apply: input,
        made: _,
        deadline: _,
        remedy: _,
        grants: _,
        rehearsal: _,
    } = order;
    // Which worker it is and when; what it does is the same.
    row("name", false, &|request| request.order.name = OrderName::parse("apply-other-1").unwrap());
    row("attempt", false, &|request| request.order.attempt += 1);
    row("made", false, &|request| request.order.made = Timestamp(1));
    row("deadline", false, &|request| request.order.deadline = Timestamp(1));
    row("mission", true, &|request| request.order.mission = MissionId::parse("other-00000000").unwrap());
    row("plan", true, &|request| request.order.plan = other);
    row("apply", true, &|request| request.order.apply = None);
    row("remedy", true, &|request| request.order.remedy = Some("force".to_owned()));
    row("grants", true, &|request| request.order.grants = vec!["privileged".to_owned()]);
    row("rehearsal", true, &|request| request.order.rehearsal = !request.order.rehearsal);

    let OrderKey { uid: _, generation: _, operation: _, input: _ } = key;
    row("uid", true, &|request| request.order.key.uid = other);
    row("generation", true, &|request| request.order.key.generation += 1);
    row("operation", true, &|request| request.order.key.operation = Operation::Configure);
    row("input", true, &|request| request.order.key.input = other);

    let ApplyInput { saved: _, json: _, lock: _, state: against, destroy: _, tool: _ } = input.as_ref().unwrap();
    row("saved", true, &|request| apply(request).saved = other);
    row("json", true, &|request| apply(request).json = other);
    row("lock", true, &|request| apply(request).lock = Some(other));
    row("no-lock", true, &|request| apply(request).lock = None);
    row("destroy", true, &|request| apply(request).destroy = true);
    row("tool", true, &|request| apply(request).tool = Some("terraform 1.12.0".to_owned()));
    row("no-tool", true, &|request| apply(request).tool = None);
    row("no-state", true, &|request| apply(request).state = None);

    let StateRef { lineage: _, serial: _, digest: _ } = against.as_ref().unwrap();
    row("lineage", true, &|request| state(request).lineage.push('x'));
    row("serial", true, &|request| state(request).serial -= 1);
    row("digest", true, &|request| state(request).digest = other);
    rows
}

/// A request with a value in every field, to know the rows before there is a real one.
fn sample() -> Request {
    let (digest, at) = (Digest::ZERO, Timestamp(1));
    let state = StateRef { lineage: String::new(), serial: 1, digest };
    let apply = ApplyInput { saved: digest, json: digest, lock: None, state: Some(state), destroy: false, tool: None };
    let order = Order {
        name: OrderName::parse("a").unwrap(),
        mission: MissionId::parse("a-00000000").unwrap(),
        key: OrderKey { uid: digest, generation: 1, operation: Operation::Apply, input: digest },
        attempt: 1,
        plan: digest,
        apply: Some(apply),
        made: at,
        deadline: at,
        remedy: None,
        grants: Vec::new(),
        rehearsal: false,
    };
    let id = ApprovalId::parse("a-0").unwrap();
    Request { id, order, requested: at, expires: at, policy: digest, charter: digest, needed: 1 }
}

/// The missions of the rows, and those with a story of their own.
fn missions() -> Vec<Told> {
    let told = |name: String, rule| Told { name, autonomy: "approve", desired: "present", rule };
    let rows = rows(&sample(), Timestamp(0)).into_iter().map(|row| told(row.field.to_owned(), "permits"));
    let stories = ["fails", "edited", "late"].into_iter().chain(KEPT.map(|(name, _)| name));
    let stories = stories.map(|name| told(name.to_owned(), "permits"));
    rows.chain(stories).chain([told("two".to_owned(), "asks-two")]).collect()
}

/// A turn in which the apply of the saved plan is proposed for each of these missions.
fn applies(yard: &mut Yard, names: &[&str]) -> BTreeMap<String, Verdict> {
    let step = BuildStep::Apply(Digest::of(SAVED));
    let proposals = names.iter().map(|name| ((*name).to_owned(), yard.action(name, step))).collect();
    yard.turn(proposals)
}

fn request(verdict: &Verdict) -> &Request {
    match &verdict.effect {
        Some(Effect::Request(request)) => request,
        effect => panic!("{}: {:?} by {}: {effect:?}", verdict.key, verdict.ruling, verdict.rule),
    }
}

fn yes(yard: &mut Yard, approval: &ApprovalId) {
    yard.host.say(Command::Approve { approval: approval.clone(), comment: None }).unwrap();
}

#[test]
fn what_differs_in_one_field_from_what_was_approved_has_no_effect_at_all() {
    let missions = missions();
    let names: Vec<&str> = missions.iter().map(|mission| mission.name.as_str()).collect();
    let mut yard = Yard::new(&missions, RULES);
    for name in &names {
        yard.planned(name, Operation::Plan, true);
    }
    let asked = applies(&mut yard, &names);
    assert!(yard.started().is_empty() && yard.asked_of_engine().is_empty(), "asking does nothing");
    let mut bound = BTreeMap::new();
    for name in &names {
        let genuine = request(&asked[*name]);
        let now = yard.host.now();
        let Some(row) = rows(genuine, now).into_iter().find(|row| row.field == *name) else { continue };
        bound.insert(*name, row.bound);
        let id = row.approved.id.clone();
        journal(&yard.host.book, now, &genuine.order.mission, Ruling::Asked, Effect::Request(Box::new(row.approved)));
        yard.forged(1000, &id);
    }
    let of_rows: Vec<&str> = bound.keys().copied().collect();
    // Four workers at a time.
    for _ in 0..bound.len().div_ceil(4) {
        applies(&mut yard, &of_rows);
        yard.rest();
    }
    let started = yard.started();
    let mut free = 0;
    for (name, bound) in &bound {
        let counts = ["init", "show", "apply"].map(|command| started.get(&format!("{name} {command}")).copied());
        assert_eq!(counts, if *bound { [None; 3] } else { [Some(1); 3] }, "{name}");
        free += usize::from(!bound);
    }
    assert_eq!(started.len(), free * 3, "and nothing else was started: {started:?}");
    let at_engine = BTreeMap::from([("GET /version".to_owned(), free * 2), ("POST /networks/create".to_owned(), free)]);
    assert_eq!(yard.asked_of_engine(), at_engine);
    stories(&mut yard, &asked);
}

/// Replayed, of another generation, by one person twice, expired: each begins with a grant that was real.
fn stories(yard: &mut Yard, asked: &BTreeMap<String, Verdict>) {
    let before = yard.started();
    let id = |name: &str| request(&asked[name]).id.clone();
    let grew = |yard: &Yard, name: &str| {
        let started = yard.started();
        let others = |counts: &BTreeMap<String, usize>| {
            counts.iter().filter(|(what, _)| !what.starts_with(name)).map(|(_, count)| count).sum::<usize>()
        };
        (started.get(&format!("{name} apply")).copied().unwrap_or(0), others(&started) - others(&before))
    };

    // It is used once, even where the worker failed and the plan is as good as it was.
    yes(yard, &id("fails"));
    assert_eq!(applies(yard, &["fails"])["fails"].rule, "approved");
    yard.rest();
    assert_eq!(grew(yard, "fails"), (1, 0));
    yard.host.pass(Settings::cool_down_ms(1) + 60_000);
    yard.forged(1001, &id("fails"));
    for _ in 0..3 {
        let verdict = &applies(yard, &["fails"])["fails"];
        assert_eq!(verdict.ruling, Ruling::Asked, "{}", verdict.because);
        assert_ne!(verdict.approval, Some(id("fails")));
        yard.rest();
    }
    assert_eq!(grew(yard, "fails"), (1, 0), "replayed");

    // Another generation with the very same saved plan.
    yes(yard, &id("edited"));
    yard.host.edit("edited", &[("more.tf", "# another generation\n")]).unwrap();
    yard.turn(Vec::new());
    assert_eq!(yard.mission("edited").generation, 2);
    assert_eq!(applies(yard, &["edited"])["edited"].rule, "unknown-artifact");
    yard.planned("edited", Operation::Plan, true);
    let verdict = &applies(yard, &["edited"])["edited"];
    assert_ne!(request(verdict).id, id("edited"));
    yard.rest();
    assert_eq!(grew(yard, "edited"), (0, 3), "of another generation");

    // One person counts once, whatever the journal says.
    yes(yard, &id("two"));
    let again = Command::Approve { approval: id("two"), comment: None };
    let told = yard.host.say(again).unwrap_err().to_string();
    assert!(told.contains("1 of 2 people"), "{told}");
    yard.forged(1000, &id("two"));
    assert_eq!(applies(yard, &["two"])["two"].ruling, Ruling::Asked);
    yard.rest();
    assert_eq!(grew(yard, "two"), (0, 3), "by the same person twice");
    yard.forged(1001, &id("two"));
    assert_eq!(applies(yard, &["two"])["two"].rule, "approved");
    yard.rest();
    assert_eq!(grew(yard, "two"), (1, 3));

    // The bytes themselves are others than those that were approved under their digests.
    for (name, bytes) in KEPT {
        let blob = yard.host.blobs().join(Digest::of(bytes).hex());
        std::fs::write(&blob, b"other bytes").unwrap();
        yes(yard, &id(name));
        assert_eq!(applies(yard, &[name])[name].rule, "approved");
        yard.rest();
        std::fs::write(&blob, bytes).unwrap();
        assert_eq!(grew(yard, name), (0, 6), "{name}");
    }

    // Granted in time and used too late.
    yes(yard, &id("late"));
    yard.host.pass(Settings::default().approval_ttl_ms);
    assert_ne!(request(&applies(yard, &["late"])["late"]).id, id("late"));
    let late = Command::Approve { approval: id("late"), comment: None };
    assert!(yard.host.book.ledger().permits(&Person::Uid(1001), &late, yard.host.now()).is_err());
    yard.rest();
    assert_eq!(grew(yard, "late").0, 0, "expired");
}
