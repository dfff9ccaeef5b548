//! Which workers touched a resource: by what their plans say, and by what the states name before and after them.
//!
//! A plan's list of addresses is cut; what a state names is whole. So where a list was cut it is said, and a worker that
//! changed the resource is found all the same.

use std::collections::BTreeSet;

use quarterdeck_core::ids::MissionId;
use quarterdeck_core::order::NamedObject;
use quarterdeck_core::terraform::plan::TOUCHES_MAX;

use super::chronicle::Chronicle;
use super::decided::Draft;
use super::notes::Touched;
use super::{Account, Cause, Says, words};

/// A resource of a mission.
pub(super) struct Thing {
    mission: MissionId,
    /// The mission as nobody can mistake it.
    of: String,
    /// Terraform's address, or an object's `kind/name`.
    called: String,
}

impl Thing {
    pub(super) fn called(&self) -> String {
        format!("{}/{}", self.of, self.called)
    }

    fn is(&self, object: &NamedObject) -> bool {
        object.address == self.called || kind_and_name(object) == self.called
    }
}

fn kind_and_name(object: &NamedObject) -> String {
    format!("{}/{}", object.kind.name(), object.name)
}

/// The address of a line that may have an action before it.
fn address(touch: &str) -> &str {
    match touch.split_once(' ') {
        Some((action, rest)) if action.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') => rest,
        Some(_) | None => touch,
    }
}

fn objects(touched: &Touched) -> impl Iterator<Item = &NamedObject> {
    touched.changed.iter().flat_map(|(before, after)| before.iter().chain(after))
}

/// Everything that is called so.
pub(super) fn things(chronicle: &Chronicle, mission: Option<&str>, called: &str) -> Vec<Thing> {
    let mut found = BTreeSet::new();
    for touched in &chronicle.touched {
        if mission.is_some_and(|mission| !chronicle.is_called(&touched.mission, mission)) {
            continue;
        }
        if touched.touches.iter().any(|touch| address(touch) == called) {
            found.insert((touched.mission.clone(), called.to_owned()));
        }
        for object in objects(touched) {
            if object.address == called {
                found.insert((touched.mission.clone(), called.to_owned()));
            } else if object.name == called || kind_and_name(object) == called {
                found.insert((touched.mission.clone(), kind_and_name(object)));
            }
        }
    }
    let thing = |(mission, called)| Thing { of: chronicle.unmistakable(&mission), mission, called };
    found.into_iter().map(thing).collect()
}

pub(super) fn account(chronicle: &Chronicle, thing: &Thing) -> Account {
    let mut draft = Draft::default();
    let of_mission = || chronicle.touched.iter().filter(|touched| touched.mission == thing.mission);
    // An object is planned under an address, which only the state that names it tells.
    let named = of_mission().flat_map(objects).filter(|object| thing.is(object));
    let mut addresses: BTreeSet<&str> = named.map(|object| object.address.as_str()).collect();
    addresses.insert(&thing.called);
    let mut cut = 0;
    for touched in of_mission() {
        let planned: Vec<&String> = touched.touches.iter().filter(|touch| addresses.contains(address(touch))).collect();
        let changed: Vec<String> = touched.changed.iter().filter_map(|pair| change(thing, pair)).collect();
        if planned.is_empty() && changed.is_empty() {
            cut += usize::from(touched.touches.len() >= TOUCHES_MAX);
            continue;
        }
        draft.add(touch(chronicle, touched, planned, changed));
    }
    if cut > 0 {
        draft.missing.push(format!(
            "{cut} workers whose plans touch more than {TOUCHES_MAX} addresses: the journal keeps no more of them, so what \
             they planned for it may be missing; what they changed of it is here"
        ));
    }
    let workers = draft.causes.len();
    Account {
        of: "resource",
        name: thing.called(),
        rehearsal: chronicle.rehearsal,
        summary: format!("{workers} workers or people touched {} of {}", thing.called, thing.of),
        causes: draft.causes,
        bytes: draft.bytes,
        missing: draft.missing,
    }
}

fn touch(chronicle: &Chronicle, touched: &Touched, planned: Vec<&String>, changed: Vec<String>) -> Cause {
    let course = touched.order.as_ref().and_then(|order| chronicle.courses.get(order));
    let Some((name, course)) = touched.order.as_ref().zip(course) else {
        return Cause::new(touched.mark, Says::Person, touched.by.clone()).with_each("the state", changed);
    };
    let does = course.starts.last().map(|start| words::operation(&start.order)).unwrap_or_default();
    let on = course.starts.last().map(|start| match &start.approval {
        Some(approval) => format!("turn {}, on {approval}", start.since.turn),
        None => format!("turn {}, by {}", start.since.turn, start.rule),
    });
    let applies = course.starts.last().is_some_and(|start| start.order.key.operation.changes());
    let plan = if applies { "its plan" } else { "planned" };
    Cause::new(touched.mark, Says::Worker, format!("{name}: {does} {}", words::course(course)))
        .with_some("started in", on)
        .with_each(plan, planned.into_iter().cloned())
        .with_each("the state", changed)
        .leading_to(format!("quarterdeck why {name}"))
}

/// What became of it in the state.
fn change(thing: &Thing, (before, after): &(Option<NamedObject>, Option<NamedObject>)) -> Option<String> {
    let said = |object: &NamedObject| format!("{} ({}), id {}", kind_and_name(object), object.address, object.id);
    match (before.as_ref().filter(|object| thing.is(object)), after.as_ref().filter(|object| thing.is(object))) {
        (None, None) => None,
        (None, Some(after)) => Some(format!("names {} from then on", said(after))),
        (Some(before), None) => Some(format!("names {} no more", said(before))),
        (Some(before), Some(after)) => Some(format!("names {} in place of id {}", said(after), before.id)),
    }
}
