//! The rules of a charter, in Cedar: parsed and validated once, asked for each proposal that is worth asking about.
//!
//! Deny is the default, and a forbid always wins. Where several permits hold, all that they demand is demanded: who adds
//! a rule that asks two people must not be undone by another one that asks nobody. A rule that can't be evaluated (two
//! numbers that overflow) refuses, since Cedar by itself would pass over a forbid.
//!
//! Only the rules that name the action at hand are asked, so the cost of a question grows with them alone.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr as _;
use std::sync::{Arc, OnceLock};

use cedar_policy::{
    ActionConstraint, Authorizer, Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cover::{Shape, clauses};
use super::fault::{Fault, Faults};
use super::name::Name;
use super::request::{Request, to_cedar, uid};

/// A charter has at most this many bytes (256 KiB): some thousand rules, more than anybody reads.
pub const RULES_BYTES_MAX: usize = 256 << 10;
/// No rule asks for more people than this.
pub const APPROVERS_MAX: u8 = 9;
/// A rule's name has at most this many bytes; verdicts and the journal carry it.
const ID_BYTES_MAX: usize = 64;

/// The profile for one person's machine; in force where none is named.
pub const LAPTOP: &str = include_str!("../../../../deploy/charters/laptop.cedar");
/// The profile for production.
pub const PRODUCTION: &str = include_str!("../../../../deploy/charters/production.cedar");

const SCHEMA: &str = include_str!("schema.cedarschema");

/// The rules of a charter.
///
/// They are journaled as their text. A text that was journaled by another version of this program may not be understood
/// any more; then everything is refused.
#[derive(Clone)]
pub struct Rules {
    text: String,
    compiled: OnceLock<Option<Arc<Compiled>>>,
}

/// What the rules say to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgment {
    /// Rules permit it, and none demands more.
    Permitted(Reason),
    /// Rules permit it if people do.
    Asked {
        /// The rule that demands most.
        reason: Reason,
        /// So many people have to say yes.
        approvers: u8,
    },
    /// A rule forbids it, or none permits it.
    Forbidden(Reason),
}

/// Which rule decided, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Its `@id`.
    pub rule: String,
    /// Its `@reason`, or a sentence of ours.
    pub because: String,
}

/// Whether a rule holds for a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// It is about other actions.
    NotAsked,
    /// It holds.
    Yes,
    /// Its conditions do not hold.
    No,
    /// It can't be evaluated, and why.
    Failed(String),
}

/// A rule, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Its `@id`.
    pub id: String,
    /// The line that it begins in, from 1.
    pub line: usize,
    /// Whether it permits; it forbids otherwise.
    pub permits: bool,
    /// So many people have to say yes; 0 where it permits by itself.
    pub approvers: u8,
    /// Its `@reason`.
    pub reason: Option<String>,
}

struct Compiled {
    /// The rules that can hold for an action.
    sets: BTreeMap<Name, PolicySet>,
    /// All rules, in the order of the file.
    rules: Vec<Rule>,
}

impl Rules {
    /// Parses and validates the text of a charter.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its line and column.
    pub fn parse(text: &str) -> Result<Rules, Faults> {
        let compiled = Arc::new(compile(text)?);
        Ok(Rules { text: text.to_owned(), compiled: OnceLock::from(Some(compiled)) })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The rules, in the order of the text; none where the text is not understood.
    pub fn list(&self) -> &[Rule] {
        self.compiled().map_or(&[], |compiled| &compiled.rules)
    }

    /// The rule of that name and its text; none where no rule is called so.
    pub fn rule(&self, id: &str) -> Option<(&Rule, String)> {
        let compiled = self.compiled()?;
        let rule = compiled.rules.iter().find(|rule| rule.id == id)?;
        let text = compiled.policy(rule).map(|policy| policy.to_string()).unwrap_or_default();
        Some((rule, text.trim().to_owned()))
    }

    /// What the rules say to a request.
    pub fn judge(&self, request: &Request) -> Judgment {
        let Some(compiled) = self.compiled() else {
            return forbidden("charter-unreadable", "the charter in force is not understood by this version");
        };
        let Some(set) = compiled.sets.get(&request.action) else { return none_permits(request.action) };
        let (asked, entities) = to_cedar(request);
        let answer = Authorizer::new().is_authorized(&asked, set, &entities);
        if let Some(error) = answer.diagnostics().errors().next() {
            return forbidden("charter-error", &format!("a rule of the charter can't be evaluated: {error}"));
        }
        let held: Vec<&Rule> = compiled.rules_of(answer.diagnostics().reason());
        let Some(first) = held.first() else { return none_permits(request.action) };
        let reason = |rule: &Rule| Reason { rule: rule.id.clone(), because: rule.because() };
        if !first.permits {
            return Judgment::Forbidden(reason(first));
        }
        // The first of those that demand most.
        let strictest = held.iter().rev().max_by_key(|rule| rule.approvers).expect("there is a first");
        match strictest.approvers {
            0 => Judgment::Permitted(reason(first)),
            approvers => Judgment::Asked { reason: reason(strictest), approvers },
        }
    }

    /// For each rule of the text, what it says to a request by itself.
    pub fn explain(&self, request: &Request) -> Vec<(Rule, Held)> {
        let Some(compiled) = self.compiled() else { return Vec::new() };
        let set = compiled.sets.get(&request.action);
        let (asked, entities) = to_cedar(request);
        let held = |rule: &Rule| {
            let policy = set.and_then(|set| set.policy(&PolicyId::new(&rule.id)));
            let Some(policy) = policy else { return Held::NotAsked };
            let alone = PolicySet::from_policies([policy.clone()]).expect("it is one");
            let answer = Authorizer::new().is_authorized(&asked, &alone, &entities);
            match answer.diagnostics().errors().next() {
                Some(error) => Held::Failed(error.to_string()),
                None if answer.diagnostics().reason().next().is_some() => Held::Yes,
                None => Held::No,
            }
        };
        compiled.rules.iter().map(|rule| (rule.clone(), held(rule))).collect()
    }

    /// The rules as far as they are compared; none where the text is not understood.
    pub(super) fn shapes(&self) -> Option<Vec<Shape>> {
        let compiled = self.compiled()?;
        let shape = |rule: &Rule| {
            let id = PolicyId::new(&rule.id);
            let actions = compiled.sets.iter().filter(|(_, set)| set.policy(&id).is_some()).map(|(name, _)| *name);
            let json = compiled.policy(rule).and_then(|policy| policy.to_json().ok()).unwrap_or_default();
            Shape {
                id: rule.id.clone(),
                permits: rule.permits,
                approvers: rule.approvers,
                actions: actions.collect(),
                principal: json["principal"].clone(),
                resource: json["resource"].clone(),
                clauses: clauses(&json["conditions"]),
            }
        };
        Some(compiled.rules.iter().map(shape).collect())
    }

    /// The rules' names and texts, in the order of the text, without the blanks around them.
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        let Some(compiled) = self.compiled() else { return Vec::new() };
        let text = |rule: &Rule| compiled.policy(rule).map(|policy| policy.to_string()).unwrap_or_default();
        compiled.rules.iter().map(|rule| (rule.id.clone(), text(rule).trim().to_owned())).collect()
    }

    fn compiled(&self) -> Option<&Compiled> {
        self.compiled.get_or_init(|| compile(&self.text).ok().map(Arc::new)).as_deref()
    }
}

impl Compiled {
    fn policy(&self, rule: &Rule) -> Option<&Policy> {
        let id = PolicyId::new(&rule.id);
        self.sets.values().find_map(|set| set.policy(&id))
    }

    /// The rules of these names, in the order of the text.
    fn rules_of<'a>(&self, names: impl Iterator<Item = &'a PolicyId>) -> Vec<&Rule> {
        let names: Vec<&str> = names.map(AsRef::as_ref).collect();
        self.rules.iter().filter(|rule| names.contains(&rule.id.as_str())).collect()
    }
}

impl Rule {
    fn because(&self) -> String {
        self.reason.clone().unwrap_or_else(|| {
            let words = match (self.permits, self.approvers) {
                (false, _) => "forbids it".to_owned(),
                (true, 0) => "permits it".to_owned(),
                (true, 1) => "wants a person to read it".to_owned(),
                (true, people) => format!("wants {people} people to read it"),
            };
            format!("the rule {} of the charter {words}", self.id)
        })
    }
}

fn forbidden(rule: &str, because: &str) -> Judgment {
    Judgment::Forbidden(Reason { rule: rule.to_owned(), because: because.to_owned() })
}

fn none_permits(action: Name) -> Judgment {
    forbidden("no-permit", &format!("no rule of the charter permits this {}", action.name()))
}

/// The schema, parsed.
fn schema() -> Schema {
    let (schema, _warnings) = Schema::from_cedarschema_str(SCHEMA).expect("a test of this crate parses it");
    schema
}

fn compile(text: &str) -> Result<Compiled, Faults> {
    if text.len() > RULES_BYTES_MAX {
        let what = format!("the charter has {} bytes, more than {RULES_BYTES_MAX}", text.len());
        return Err(Faults::one(Fault::at(text, 0, what)));
    }
    let parsed = PolicySet::from_str(text).map_err(|errors| Faults::of_parse(text, &errors))?;
    let mut faults = Vec::new();
    if let Some(template) = parsed.templates().next() {
        let offset = text.find(template.to_string().trim()).unwrap_or(0);
        faults.push(Fault::at(
            text,
            offset,
            "a template, which has slots that nobody fills; write its rules out".into(),
        ));
    }
    let mut named: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for policy in in_order(text, &parsed) {
        match rule(text, &policy, &mut named) {
            Ok(rule) => found.push((rule, policy)),
            Err(fault) => faults.push(fault),
        }
    }
    let validated = Validator::new(schema()).validate(&parsed, ValidationMode::Strict);
    faults.extend(Faults::of_validation(text, &validated));
    if !faults.is_empty() {
        return Err(Faults::new(faults));
    }
    let mut sets: BTreeMap<Name, PolicySet> = BTreeMap::new();
    for (rule, placed) in &found {
        for action in Name::ALL.into_iter().filter(|action| may_hold(&placed.policy, *action)) {
            let policy = placed.policy.new_id(PolicyId::new(&rule.id));
            sets.entry(action).or_default().add(policy).expect("names are unique, and no template is linked");
        }
    }
    Ok(Compiled { sets, rules: found.into_iter().map(|(rule, _)| rule).collect() })
}

/// A rule and where it begins.
struct Placed {
    policy: Policy,
    offset: usize,
}

/// The rules in the order of the text: Cedar numbers them so (`policy0`, `policy1`), and keeps each one's own text.
fn in_order(text: &str, parsed: &PolicySet) -> Vec<Placed> {
    let number = |policy: &Policy| policy.id().to_string().trim_start_matches("policy").parse::<usize>().unwrap_or(0);
    let mut policies: Vec<Policy> = parsed.policies().cloned().collect();
    policies.sort_by_key(number);
    let mut from = 0;
    let place = |policy: Policy| {
        let own = policy.to_string();
        let offset = text.get(from..).and_then(|rest| rest.find(own.trim())).map_or(from, |found| from + found);
        from = offset + 1;
        Placed { policy, offset }
    };
    policies.into_iter().map(place).collect()
}

/// Reads a rule's annotations. One that is not known is refused: `@aproval` would permit what was meant to ask.
fn rule(text: &str, placed: &Placed, named: &mut BTreeMap<String, usize>) -> Result<Rule, Fault> {
    let Placed { policy, offset } = placed;
    let wrong = |what: String| Fault::at(text, *offset, what);
    let known = ["id", "reason", "approval", "approvers"];
    if let Some((odd, _)) = policy.annotations().find(|(key, _)| !known.contains(key)) {
        return Err(wrong(format!("@{odd} is not known; a rule has @id, @reason, @approval and @approvers")));
    }
    let id = policy.annotation("id").unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || id.len() > ID_BYTES_MAX || !id.chars().all(plain) {
        let what =
            "a rule needs a name of small letters, digits and dashes, such as @id(\"no-ports\"): verdicts name it";
        return Err(wrong(what.to_owned()));
    }
    let line = Fault::at(text, *offset, String::new()).line;
    if let Some(first) = named.insert(id.to_owned(), line) {
        return Err(wrong(format!("@id({id:?}) is the name of the rule in line {first} already")));
    }
    let permits = policy.effect() == Effect::Permit;
    let asks = match policy.annotation("approval") {
        None => false,
        Some("human") if permits => true,
        Some("human") => return Err(wrong("@approval stands on a permit; a forbid asks nobody".to_owned())),
        Some(other) => return Err(wrong(format!("@approval({other:?}) is not known; it is @approval(\"human\")"))),
    };
    let approvers = match policy.annotation("approvers") {
        None => u8::from(asks),
        Some(_) if !asks => return Err(wrong("@approvers needs @approval(\"human\") beside it".to_owned())),
        Some(count) => match count.parse() {
            Ok(count @ 1..=APPROVERS_MAX) => count,
            Ok(_) | Err(_) => {
                return Err(wrong(format!("@approvers({count:?}) is no number from 1 to {APPROVERS_MAX}")));
            }
        },
    };
    let reason = policy.annotation("reason").map(str::to_owned);
    Ok(Rule { id: id.to_owned(), line, permits, approvers, reason })
}

/// Whether a rule can hold for an action at all, by its scope.
fn may_hold(policy: &Policy, action: Name) -> bool {
    let names = [uid("Action", action.name()), uid("Action", action.group())];
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => named == names[0],
        ActionConstraint::In(named) => named.iter().any(|named| names.contains(named)),
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rules").field(&self.text).finish()
    }
}

impl PartialEq for Rules {
    fn eq(&self, other: &Rules) -> bool {
        self.text == other.text
    }
}

impl Eq for Rules {}

impl Default for Rules {
    /// The rules of `laptop`.
    fn default() -> Rules {
        static COMPILED: OnceLock<Rules> = OnceLock::new();
        COMPILED.get_or_init(|| Rules::parse(LAPTOP).expect("a test of this crate parses it")).clone()
    }
}

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rules, D::Error> {
        Ok(Rules { text: String::deserialize(deserializer)?, compiled: OnceLock::new() })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
