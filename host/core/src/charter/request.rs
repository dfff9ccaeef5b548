//! What the rules are asked: everything that they may read, worked out by the host from the ledger and the situation.
//!
//! Nothing in it is a policy's word but its name: a policy cites, and citing can only add to the findings that count.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use serde::{Deserialize, Serialize};

use super::name::Name;
use crate::identity::Identity;

/// One question to the rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Request {
    /// Who asks; where a person does, the policy that shall decide, or nobody.
    pub policy: Asker,
    /// Who wants another charter or another policy: the number of a Unix user, or the name of a cluster's user; asked about
    /// `amend` and `activate` alone.
    pub person: Identity,
    /// What for.
    pub action: Name,
    /// About which mission; none where it is about the host itself.
    pub mission: Option<Subject>,
    /// How often this operation failed in a row on this generation.
    pub failures: u32,
    /// Which attempt it would be, from 1.
    pub attempt: u32,
    /// Workers at work, of all missions.
    pub workers: u32,
    /// Workers that were started within the hour before.
    pub workers_this_hour: u32,
    /// Plans of all missions that were applied within the 24 hours before.
    pub applies_today: u32,
    /// Questions to the brain since midnight UTC.
    pub questions_today: u32,
    /// Tokens that they used since midnight UTC, and those that are reserved.
    pub tokens_today: u64,
    /// What those cost, in millionths of a US dollar.
    pub micro_usd_today: u64,
    /// The findings that it answers.
    pub findings: Answered,
    /// Whether advice in view recommends it.
    pub recommended: bool,
    /// Whether the workers are simulated.
    pub rehearsal: bool,
    /// The hour of the day, 0 to 23, UTC.
    pub hour: u32,
    /// The day of the week, 1 Monday to 7 Sunday, UTC.
    pub weekday: u32,
    /// The saved plan; an apply has one and nothing else has.
    pub plan: Option<PlanGist>,
    /// What is known of the policy that shall decide; asked about `activate` alone.
    pub candidate: CandidateGist,
}

/// A policy that shall decide, as rules see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CandidateGist {
    /// What it may import: `pure` or `wasi`.
    pub profile: String,
    /// Whether it may return actions or start operations that the policy which decides now may not.
    pub widens: bool,
    /// So many keys that the operator knows have signed it.
    pub signers: u32,
    /// Whether the same person uploaded it.
    pub uploaded_by_same: bool,
    /// Turns that it has decided as a shadow, up to now, since it last failed or was refused anything.
    pub shadow_turns: u32,
}

/// A policy, as rules see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Asker {
    /// As it describes itself.
    pub name: String,
    /// As it describes itself.
    pub version: String,
    /// SHA-256 of its bytes, in hex.
    pub digest: String,
}

/// A mission, as rules see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Subject {
    /// Its id.
    pub id: String,
    /// Its name: `NAMESPACE/NAME` where it is an object of a cluster.
    pub name: String,
    /// The namespace of its object; empty where it is none.
    pub namespace: String,
    /// The autonomy in force: `off`, `suggest`, `approve` or `auto`.
    pub autonomy: String,
    /// What is wanted of it: `present`, `absent` or `suspended`.
    pub desired: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Findings, as rules see them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Answered {
    /// How many.
    pub count: u32,
    /// The worst: 0 none, 1 info, 2 warning, 3 critical.
    pub worst: u32,
    /// Since when the oldest is open, in seconds.
    pub oldest_seconds: u64,
    /// The rules that found them.
    pub rules: BTreeSet<String>,
    /// The namespaces of their objects.
    pub namespaces: BTreeSet<String>,
}

/// A saved plan, as rules see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PlanGist {
    /// Whether it was made to remove everything.
    pub destroy: bool,
    /// Resources that are made.
    pub adds: u32,
    /// Changed in place.
    pub changes: u32,
    /// Destroyed and made anew.
    pub replaces: u32,
    /// Destroyed.
    pub destroys: u32,
    /// Taken over from outside.
    pub adopts: u32,
    /// Left on the engine, and no longer known.
    pub forgets: u32,
    /// The types of what is made, such as `docker_container`.
    pub makes: BTreeSet<String>,
    /// The types of what is changed in place.
    pub alters: BTreeSet<String>,
    /// The types of what is destroyed, replaced or forgotten.
    pub removes: BTreeSet<String>,
    /// The providers of all that is touched, such as `kreuzwerker/docker`.
    pub providers: BTreeSet<String>,
    /// The kinds of danger in it.
    pub dangers: BTreeSet<String>,
}

/// A request in Cedar's own types. None of the texts in it is parsed, so none can be anything but a text.
pub(super) fn to_cedar(request: &Request) -> (cedar_policy::Request, Entities) {
    let principal = principal(request);
    let resource = match &request.mission {
        Some(mission) => entity(
            "Mission",
            &mission.id,
            [
                ("name", text(&mission.name)),
                ("namespace", text(&mission.namespace)),
                ("autonomy", text(&mission.autonomy)),
                ("desired", text(&mission.desired)),
            ],
            &mission.labels,
        ),
        None if request.action == Name::Activate => policy(&request.policy),
        None => entity("Host", "host", [], &BTreeMap::new()),
    };
    let action = uid("Action", request.action.name());
    let context = Context::from_pairs(context(request)).expect("no key stands in it twice");
    let asked = cedar_policy::Request::new(principal.uid(), action.clone(), resource.uid(), context, None)
        .expect("nothing is validated without a schema");
    let group = HashSet::from([uid("Action", request.action.group())]);
    let grouped = Entity::new_no_attrs(action, group);
    let all = [principal, resource, grouped];
    let entities = Entities::from_entities(all, None).expect("their types differ, so their ids do");
    (asked, entities)
}

/// A policy, or the person who wants another charter or another policy.
fn principal(request: &Request) -> Entity {
    if request.action.is_law() {
        return person(&request.person);
    }
    policy(&request.policy)
}

/// A Unix user has no name here and a cluster's user no number: a rule that reads what is not there can't be evaluated, and
/// so refuses. The id of a cluster's user begins with what no number does, so that a user called `1000` is not uid 1000.
fn person(person: &Identity) -> Entity {
    match person {
        Identity::Uid(uid) => entity("Person", &uid.to_string(), [("uid", long(*uid))], &BTreeMap::new()),
        Identity::User(user) => {
            let id = format!("user:{}", user.as_str());
            entity("Person", &id, [("user", text(user.as_str()))], &BTreeMap::new())
        }
    }
}

fn policy(asker: &Asker) -> Entity {
    let Asker { name, version, digest } = asker;
    let attributes = [("name", text(name)), ("version", text(version)), ("digest", text(digest))];
    entity("Policy", digest, attributes, &BTreeMap::new())
}

fn context(request: &Request) -> Vec<(String, RestrictedExpression)> {
    let mut pairs = vec![
        ("rehearsal", RestrictedExpression::new_bool(request.rehearsal)),
        ("hour", long(request.hour)),
        ("weekday", long(request.weekday)),
    ];
    if request.action == Name::Activate {
        let CandidateGist { profile, widens, signers, uploaded_by_same, shadow_turns } = &request.candidate;
        pairs.extend([
            ("profile", text(profile)),
            ("widens", RestrictedExpression::new_bool(*widens)),
            ("signers", long(*signers)),
            ("uploadedBySame", RestrictedExpression::new_bool(*uploaded_by_same)),
            ("shadowTurns", long(*shadow_turns)),
        ]);
    }
    if !request.action.is_law() {
        pairs.push(("findings", findings(&request.findings)));
    }
    if request.action.is_work() {
        pairs.extend([
            ("failures", long(request.failures)),
            ("attempt", long(request.attempt)),
            ("workers", long(request.workers)),
            ("workersThisHour", long(request.workers_this_hour)),
            ("appliesToday", long(request.applies_today)),
            ("recommended", RestrictedExpression::new_bool(request.recommended)),
        ]);
    } else if !request.action.is_law() {
        pairs.extend([
            ("questionsToday", long(request.questions_today)),
            ("tokensToday", longer(request.tokens_today)),
            ("microUsdToday", longer(request.micro_usd_today)),
        ]);
    }
    if let Some(gist) = &request.plan {
        pairs.push(("plan", plan(gist)));
    }
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn findings(answered: &Answered) -> RestrictedExpression {
    record([
        ("count", long(answered.count)),
        ("worst", long(answered.worst)),
        ("oldestSeconds", longer(answered.oldest_seconds)),
        ("rules", set(&answered.rules)),
        ("namespaces", set(&answered.namespaces)),
    ])
}

fn plan(gist: &PlanGist) -> RestrictedExpression {
    record([
        ("destroy", RestrictedExpression::new_bool(gist.destroy)),
        ("adds", long(gist.adds)),
        ("changes", long(gist.changes)),
        ("replaces", long(gist.replaces)),
        ("destroys", long(gist.destroys)),
        ("adopts", long(gist.adopts)),
        ("forgets", long(gist.forgets)),
        ("makes", set(&gist.makes)),
        ("alters", set(&gist.alters)),
        ("removes", set(&gist.removes)),
        ("providers", set(&gist.providers)),
        ("dangers", set(&gist.dangers)),
    ])
}

fn entity<const N: usize>(
    kind: &str,
    id: &str,
    attributes: [(&str, RestrictedExpression); N],
    tags: &BTreeMap<String, String>,
) -> Entity {
    let attributes = attributes.map(|(key, value)| (key.to_owned(), value));
    let tags: Vec<_> = tags.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    Entity::new_with_tags(uid(kind, id), attributes, [], tags).expect("texts evaluate to themselves")
}

/// The name of an entity; its id may hold anything.
pub(super) fn uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = kind.parse().expect("the types are written down in this crate");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn long(value: u32) -> RestrictedExpression {
    RestrictedExpression::new_long(value.into())
}

fn longer(value: u64) -> RestrictedExpression {
    RestrictedExpression::new_long(i64::try_from(value).unwrap_or(i64::MAX))
}

fn set(values: &BTreeSet<String>) -> RestrictedExpression {
    RestrictedExpression::new_set(values.iter().map(|value| text(value)))
}

fn record<const N: usize>(pairs: [(&str, RestrictedExpression); N]) -> RestrictedExpression {
    RestrictedExpression::new_record(pairs.map(|(key, value)| (key.to_owned(), value)))
        .expect("no key stands in it twice")
}
