//! The trust boundary: what a policy is shown goes out here, and what it says comes in.
//!
//! Outwards nothing can go wrong: a situation is our own, and each field moves into the type that `bindings` made of
//! the same contract, without copying its text. Inwards nothing is believed. The types alone promise valid UTF-8 and
//! known cases; everything else is parsed here and nowhere later: names into ids, digests, times up to 2^53 - 1,
//! unique keys, and a limit on each list and text. What does not fit is refused with the field and the reason; nothing
//! is mended. Only a rationale is cut, since the contract says so and nothing follows from it. A text for people is
//! escaped, so that whoever prints it need not think; a name with a hidden character in it is refused, since two names
//! that look alike must not differ.
//!
//! What is *not* here is judgment: whether a mission is in view or an action permitted is the gate's question.

use quarterdeck_core::decision as ours;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::{ApprovalId, FindingId, MissionId, OrderName, Timestamp};
use quarterdeck_core::situation as shown;
use quarterdeck_core::text::{escape, is_hidden};

use super::bindings::quarterdeck::policy::types as wit;

pub(super) mod again;

/// A mission may show this many targets, so a scan may name as many.
const TARGETS_MAX: usize = shown::OTHERS_MAX;
/// A host name (253 bytes), a port, and a scheme.
const TARGET_BYTES_MAX: usize = 300;
/// A Kubernetes name is at most 253 bytes.
const OBJECT_BYTES_MAX: usize = 253;
/// What is cited is an id, of the host's making or the policy's own.
const CITE_BYTES_MAX: usize = quarterdeck_core::ids::ID_BYTES_MAX;
/// A title is one line on a terminal, not a page.
const TITLE_BYTES_MAX: usize = 200;
/// An operator reads every setting before activating a policy.
const SETTINGS_MAX: usize = shown::FACTS_MAX;
/// As many as there are: each kind need be named once.
const ACTIONS_MAX: usize = 9;
/// As many as there are: each operation need be named once.
const OPERATIONS_MAX: usize = 6;
/// A policy reads its own formats and some of its predecessors'.
const FORMATS_MAX: usize = 16;

/// Every limit on what a policy may return, for the digest of all limits: another one, another class of answer.
pub(super) const LIMITS: &[usize] = &[
    ours::PROPOSALS_MAX,
    ours::CITES_MAX,
    ours::PROPOSAL_KEY_BYTES_MAX,
    ours::RATIONALE_BYTES_MAX,
    ours::NOTE_BYTES_MAX,
    ours::MESSAGE_BYTES_MAX,
    shown::MEMO_BYTES_MAX,
    shown::KEY_BYTES_MAX,
    shown::TEXT_BYTES_MAX,
    TARGETS_MAX,
    TARGET_BYTES_MAX,
    OBJECT_BYTES_MAX,
    CITE_BYTES_MAX,
    TITLE_BYTES_MAX,
];

/// A value that a policy returned and that the contract has no place for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Malformed {
    /// The path of the field, in the words of the contract.
    pub field: String,
    /// Why it is refused.
    pub why: String,
}

fn malformed(field: &str, why: impl ToString) -> Malformed {
    Malformed { field: field.to_owned(), why: why.to_string() }
}

impl Malformed {
    fn inside(mut self, outer: &str) -> Malformed {
        self.field = if self.field.is_empty() { outer.to_owned() } else { format!("{outer}.{}", self.field) };
        self
    }
}

/// A noun of ours as the contract has it.
trait Lower {
    type Lowered;
    fn lower(self) -> Self::Lowered;
}

/// A case of the contract as a noun of ours.
trait Lift {
    type Lifted;
    fn lift(self) -> Self::Lifted;
}

impl<T: Lower> Lower for Vec<T> {
    type Lowered = Vec<T::Lowered>;
    fn lower(self) -> Vec<T::Lowered> {
        self.into_iter().map(T::lower).collect()
    }
}

impl<T: Lower> Lower for Option<T> {
    type Lowered = Option<T::Lowered>;
    fn lower(self) -> Option<T::Lowered> {
        self.map(T::lower)
    }
}

impl Lower for Timestamp {
    type Lowered = u64;
    fn lower(self) -> u64 {
        // Nothing above 2^53 - 1 crosses; the largest time stands for every later one.
        self.min(Timestamp::MAX).0
    }
}

impl Lower for u64 {
    type Lowered = u64;
    fn lower(self) -> u64 {
        self.min(Timestamp::MAX.0)
    }
}

impl Lower for Digest {
    type Lowered = String;
    fn lower(self) -> String {
        self.to_string()
    }
}

macro_rules! lower_as_is {
    ($($type:ty)*) => {$(
        impl Lower for $type {
            type Lowered = $type;
            fn lower(self) -> $type { self }
        }
    )*};
}
lower_as_is!(String bool u8 u16 u32);

macro_rules! lower_names {
    ($($name:ident)*) => {$(
        impl Lower for $name {
            type Lowered = String;
            fn lower(self) -> String { self.into() }
        }
    )*};
}
lower_names!(MissionId FindingId OrderName ApprovalId);

/// Records that only go out: every field is taken from one side and given to the other, or this does not compile.
macro_rules! lower_records {
    ($($ours:ident => $theirs:ident { $($field:ident),* })*) => {$(
        impl Lower for shown::$ours {
            type Lowered = wit::$theirs;
            fn lower(self) -> wit::$theirs {
                let shown::$ours { $($field),* } = self;
                wit::$theirs { $($field: $field.lower()),* }
            }
        }
    )*};
}

/// Enumerations, which go both ways.
macro_rules! choices {
    ($($module:ident::$name:ident { $($case:ident),* })*) => {$(
        impl Lower for $module::$name {
            type Lowered = wit::$name;
            fn lower(self) -> wit::$name {
                match self { $($module::$name::$case => wit::$name::$case),* }
            }
        }
        impl Lift for wit::$name {
            type Lifted = $module::$name;
            fn lift(self) -> $module::$name {
                match self { $(wit::$name::$case => $module::$name::$case),* }
            }
        }
    )*};
}

choices! {
    shown::Severity { Info, Warning, Critical }
    shown::Autonomy { Off, Suggest, Approve, Auto }
    shown::DesiredState { Present, Absent, Suspended }
    shown::Operation { Plan, PlanDestroy, Apply, Check, Configure, Scan }
    shown::WorkerPhase { Starting, Running, Succeeded, Failed, Cancelled, Lost }
    shown::Ruling { Acted, Asked, Suggested, Refused, Failed }
    shown::ApprovalState { Pending, Granted, Denied, Expired, Superseded }
    shown::QuestionKind { Triage, Propose, ChooseRemedy, Summarise }
    shown::Outcome { Unknown, Helped, DidNotHelp }
    ours::Look { Manifest, Logs, LogsOfPrevious }
    ours::ActionKind { Build, Configure, Scan, Cancel, Ask, Inspect, Remember, Notify, Acknowledge }
}

lower_records! {
    Fact => Fact { key, value }
    ObjectRef => ObjectRef { kind, namespace, name, uid }
    Finding => Finding {
        id, rule, severity, object, owner, mission, message, evidence, first_seen, changed, count, acknowledged_until
    }
    Resolution => Resolution { finding, rule, resolved }
    DockerEngine => DockerEngine { version, api, api_min, more }
    Plan => Plan { digest, tool, facts }
    ChangeSummary => ChangeSummary { adds, changes, destroys, replaces }
    Artifact => Artifact { digest, plan, operation, generation, worker, made, summary, stale, more }
    Failure => Failure { kind, message, retryable, remedies }
    Tally => Tally { operation, tried, limit, not_before, last_failure }
    Verification => Verification { at, ok, differences }
    Mission => Mission {
        id, generation, goal, autonomy, desired, phase, plans, offers, targets, tallies, artifacts, applied, verification,
        parked, more
    }
    Worker => Worker {
        id, mission, generation, operation, plan, input, attempt, phase, started, deadline, ended, output, summary,
        failure, more
    }
    ShownVerdict => Verdict { turn, key, ruling, rule, because, worker, approval }
    Approval => Approval { id, mission, operation, plan, artifact, state, needed, given, requested, expires, comment }
    Allowance => Allowance { name, used, limit, resets }
    Recommendation => Recommendation { need, mission, finding, remedy, reason, confidence }
    Assessment => Assessment { text, recommendations }
    Advice => Advice { question, kind, asked, answered, model, reply }
    Recollection => Recollection { id, findings, similarity, lesson, outcome, learned, seen }
    Inspection => Inspection { id, object, asked, view }
    Omitted => Omitted { findings, missions, workers, others }
    Memo => Memo { format, bytes }
    Situation => Situation {
        turn, now, last_decision, settings, cluster, engine, findings, resolved, missions, workers, verdicts, approvals,
        allowances, advice, recollections, inspections, omitted, memo, more
    }
}

impl Lower for shown::Reply {
    type Lowered = wit::Reply;
    fn lower(self) -> wit::Reply {
        match self {
            shown::Reply::Pending => wit::Reply::Pending,
            shown::Reply::Assessed(assessment) => wit::Reply::Assessed(assessment.lower()),
            shown::Reply::Unanswered(why) => wit::Reply::Unanswered(why),
        }
    }
}

impl Lower for shown::View {
    type Lowered = wit::View;
    fn lower(self) -> wit::View {
        match self {
            shown::View::Pending => wit::View::Pending,
            shown::View::Text(text) => wit::View::Text(text),
            shown::View::Failed(why) => wit::View::Failed(why),
        }
    }
}

/// A situation as the contract has it. Texts move; digests alone are written anew.
pub fn lower(situation: shown::Situation) -> wit::Situation {
    situation.lower()
}

/// A decision of a policy as a noun of ours.
///
/// # Errors
/// Where any part of it exceeds a limit or is no value of the contract.
pub fn lift(decision: wit::Decision) -> Result<ours::Decision, Malformed> {
    let proposals = list("proposals", decision.proposals, ours::PROPOSALS_MAX, proposal)?;
    if let Some(key) = first_twice(proposals.iter().map(|proposal| proposal.key.as_str())) {
        return Err(malformed("proposals", format!("the key {key:?} stands there twice")));
    }
    if let Some(bytes) = decision.memo.as_ref().map(Vec::len).filter(|bytes| *bytes > shown::MEMO_BYTES_MAX) {
        return Err(malformed("memo", format!("{bytes} bytes, of {} at most", shown::MEMO_BYTES_MAX)));
    }
    Ok(ours::Decision {
        proposals,
        rationale: shown::cut(&escape(&decision.rationale), ours::RATIONALE_BYTES_MAX),
        memo: decision.memo,
        look_again: decision.look_again.map(|at| time("look-again", at)).transpose()?,
    })
}

/// What a policy says of itself, as a noun of ours.
///
/// # Errors
/// Where any part of it exceeds a limit or is no value of the contract.
pub fn lift_description(description: wit::Description) -> Result<ours::Description, Malformed> {
    let settings = list("settings", description.settings, SETTINGS_MAX, |setting| {
        Ok(ours::Setting {
            key: name("key", setting.key, shown::KEY_BYTES_MAX)?,
            default_value: text("default-value", &setting.default_value, shown::TEXT_BYTES_MAX)?,
            help: text("help", &setting.help, shown::TEXT_BYTES_MAX)?,
        })
    })?;
    if let Some(key) = first_twice(settings.iter().map(|setting| setting.key.as_str())) {
        return Err(malformed("settings", format!("the key {key:?} stands there twice")));
    }
    let actions = list("actions", description.actions, ACTIONS_MAX, |kind| Ok(kind.lift()))?;
    let operations = list("operations", description.operations, OPERATIONS_MAX, |operation| Ok(operation.lift()))?;
    let memo_format = match description.memo_format {
        // A policy that keeps nothing has no format.
        none if none.is_empty() => none,
        format => name("memo-format", format, shown::KEY_BYTES_MAX)?,
    };
    Ok(ours::Description {
        name: name("name", description.name, shown::KEY_BYTES_MAX)?,
        version: name("version", description.version, shown::KEY_BYTES_MAX)?,
        summary: text("summary", &description.summary, shown::TEXT_BYTES_MAX)?,
        actions,
        operations,
        settings,
        memo_format,
        reads_memos: list("reads-memos", description.reads_memos, FORMATS_MAX, |format| {
            name("", format, shown::KEY_BYTES_MAX)
        })?,
    })
}

fn proposal(proposal: wit::Proposal) -> Result<ours::Proposal, Malformed> {
    Ok(ours::Proposal {
        key: name("key", proposal.key, ours::PROPOSAL_KEY_BYTES_MAX)?,
        cites: list("cites", proposal.cites, ours::CITES_MAX, |cite| name("", cite, CITE_BYTES_MAX))?,
        action: action(proposal.action).map_err(|refused| refused.inside("action"))?,
    })
}

fn action(action: wit::Action) -> Result<ours::Action, Malformed> {
    match action {
        wit::Action::Build(build) => {
            let order = target(build.order).map_err(|refused| refused.inside("build"))?;
            let step = match build.step {
                wit::BuildStep::Plan => ours::BuildStep::Plan,
                wit::BuildStep::PlanDestroy => ours::BuildStep::PlanDestroy,
                wit::BuildStep::Apply(artifact) => ours::BuildStep::Apply(parsed("build.step.apply", &artifact)?),
            };
            Ok(ours::Action::Build { order, step })
        }
        wit::Action::Configure(configure) => {
            let order = target(configure.order).map_err(|refused| refused.inside("configure"))?;
            let step = match configure.step {
                wit::ConfigureStep::Check => ours::ConfigureStep::Check,
                wit::ConfigureStep::Configure(report) => {
                    ours::ConfigureStep::Configure(parsed("configure.step.configure", &report)?)
                }
            };
            Ok(ours::Action::Configure { order, step })
        }
        wit::Action::Scan(scan) => Ok(ours::Action::Scan {
            order: target(scan.order).map_err(|refused| refused.inside("scan"))?,
            targets: list("scan.targets", scan.targets, TARGETS_MAX, |target| name("", target, TARGET_BYTES_MAX))?,
        }),
        wit::Action::Cancel(worker) => Ok(ours::Action::Cancel(id("cancel", &worker, OrderName::parse)?)),
        wit::Action::Ask(question) => ask(question).map_err(|refused| refused.inside("ask")),
        wit::Action::Inspect(look) => inspect(look).map_err(|refused| refused.inside("inspect")),
        wit::Action::Remember(lesson) => Ok(ours::Action::Remember {
            lesson: text("remember.lesson", &lesson.lesson, ours::MESSAGE_BYTES_MAX)?,
            findings: findings("remember.findings", lesson.findings)?,
        }),
        wit::Action::Notify(message) => Ok(ours::Action::Notify {
            severity: message.severity.lift(),
            title: text("notify.title", &message.title, TITLE_BYTES_MAX)?,
            text: text("notify.text", &message.text, ours::MESSAGE_BYTES_MAX)?,
            mission: message.mission.map(|mission| id("notify.mission", &mission, MissionId::parse)).transpose()?,
        }),
        wit::Action::Acknowledge(acknowledge) => Ok(ours::Action::Acknowledge {
            finding: id("acknowledge.finding", &acknowledge.finding, FindingId::parse)?,
            until: time("acknowledge.until", acknowledge.until)?,
            reason: text("acknowledge.reason", &acknowledge.reason, ours::MESSAGE_BYTES_MAX)?,
        }),
    }
}

fn target(order: wit::Order) -> Result<ours::Target, Malformed> {
    Ok(ours::Target {
        mission: id("order.mission", &order.mission, MissionId::parse)?,
        generation: order.generation,
        plan: parsed("order.plan", &order.plan)?,
        remedy: order.remedy.map(|remedy| name("order.remedy", remedy, shown::KEY_BYTES_MAX)).transpose()?,
    })
}

fn ask(ask: wit::Ask) -> Result<ours::Action, Malformed> {
    Ok(ours::Action::Ask {
        id: name("id", ask.id, shown::KEY_BYTES_MAX)?,
        kind: ask.kind.lift(),
        mission: ask.mission.map(|mission| id("mission", &mission, MissionId::parse)).transpose()?,
        findings: findings("findings", ask.findings)?,
        note: ask.note.map(|note| text("note", &note, ours::NOTE_BYTES_MAX)).transpose()?,
    })
}

fn inspect(inspect: wit::Inspect) -> Result<ours::Action, Malformed> {
    let part = |field, part| name(field, part, OBJECT_BYTES_MAX);
    let object = shown::ObjectRef {
        kind: part("object.kind", inspect.object.kind)?,
        namespace: inspect.object.namespace.map(|namespace| part("object.namespace", namespace)).transpose()?,
        name: part("object.name", inspect.object.name)?,
        uid: inspect.object.uid.map(|uid| part("object.uid", uid)).transpose()?,
    };
    Ok(ours::Action::Inspect { id: name("id", inspect.id, shown::KEY_BYTES_MAX)?, object, look: inspect.look.lift() })
}

fn findings(field: &str, findings: Vec<String>) -> Result<Vec<FindingId>, Malformed> {
    list(field, findings, ours::CITES_MAX, |finding| id("", &finding, FindingId::parse))
}

fn list<T, U>(
    field: &str,
    items: Vec<T>,
    items_max: usize,
    lift: impl Fn(T) -> Result<U, Malformed>,
) -> Result<Vec<U>, Malformed> {
    if items.len() > items_max {
        return Err(malformed(field, format!("{} entries, of {items_max} at most", items.len())));
    }
    let lift_at = |(index, item)| lift(item).map_err(|refused| refused.inside(&format!("{field}[{index}]")));
    items.into_iter().enumerate().map(lift_at).collect()
}

/// A name: neither empty nor long, and every character of it visible.
fn name(field: &str, text: String, bytes_max: usize) -> Result<String, Malformed> {
    if text.is_empty() {
        return Err(malformed(field, "empty"));
    }
    if text.len() > bytes_max {
        return Err(malformed(field, format!("{} bytes, of {bytes_max} at most", text.len())));
    }
    match text.chars().find(|c| is_hidden(*c)) {
        Some(c) => Err(malformed(field, format!("the character {} has no place in a name", c.escape_unicode()))),
        None => Ok(text),
    }
}

/// A text for people, escaped. Only what escaping added may be cut away again.
fn text(field: &str, text: &str, bytes_max: usize) -> Result<String, Malformed> {
    if text.len() > bytes_max {
        return Err(malformed(field, format!("{} bytes, of {bytes_max} at most", text.len())));
    }
    Ok(shown::cut(&escape(text), bytes_max))
}

fn id<T, E: ToString>(field: &str, text: &str, parse: fn(&str) -> Result<T, E>) -> Result<T, Malformed> {
    parse(text).map_err(|error| malformed(field, error))
}

fn parsed(field: &str, text: &str) -> Result<Digest, Malformed> {
    id(field, text, str::parse)
}

fn time(field: &str, ms: u64) -> Result<Timestamp, Malformed> {
    if ms > Timestamp::MAX.0 {
        return Err(malformed(field, format!("{ms} is above 2^53 - 1")));
    }
    Ok(Timestamp(ms))
}

fn first_twice<'a>(keys: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    keys.into_iter().find(|key| !seen.insert(*key))
}
