//! The policies as people see them: which decides, which waits, which is the shadow, what is on the shelf, who may not.

use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{How, Leave};
use quarterdeck_core::ids::{ApprovalId, Timestamp};
use quarterdeck_core::ledger::{Ledger, MemoFate, Nominee, Shadow, Tenure, Widening};
use quarterdeck_core::situation::{ApprovalState, Fact};
use quarterdeck_core::upload::Profile;
use serde::{Deserialize, Serialize};

use super::time;

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PoliciesView {
    /// The one that is built in and never fenced.
    pub fallback: Option<Digest>,
    /// Those on the shelf, and the fallback, by name and version.
    pub shelf: Vec<ShelvedView>,
    /// Those that decided, the newest first.
    pub history: Vec<TenureView>,
    /// The one that waits.
    pub nominee: Option<NomineeView>,
    /// The shadow.
    pub shadow: Option<ShadowView>,
    /// Until when the loop only observes, since the fallback fails.
    #[serde(with = "time::option")]
    pub observes_until: Option<Timestamp>,
}

/// One on the shelf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShelvedView {
    /// Its digest.
    pub policy: Digest,
    /// Its name, by its own word.
    pub name: String,
    /// Its version, by its own word.
    pub version: String,
    /// What it may import; none for the one that came with the program.
    pub profile: Option<Profile>,
    /// How many bytes.
    pub bytes: Option<u64>,
    /// The keys that signed it.
    pub signers: Vec<String>,
    /// Who uploaded it.
    pub who: Option<String>,
    /// From where.
    pub source: String,
    /// When.
    #[serde(with = "time::option")]
    pub uploaded: Option<Timestamp>,
    /// What it is now: `active`, `waits`, `shadow`, `fenced`, or nothing.
    pub state: String,
    /// Why it is fenced.
    pub fenced: Option<String>,
    /// In how many ways it answered one situation.
    pub differs: Option<String>,
}

/// One that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenureView {
    /// Its digest.
    pub policy: Digest,
    /// Its name and version.
    pub name: String,
    /// Since when.
    #[serde(with = "time")]
    pub since: Timestamp,
    /// From which turn on.
    pub turn: u32,
    /// How it came to decide, in a sentence.
    pub how: String,
    /// What became of the memo, in a few words.
    pub memo: String,
    /// What the operator set for it.
    pub settings: Vec<Fact>,
    /// Whether it was taken back.
    pub undone: bool,
}

/// One that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NomineeView {
    /// Its digest.
    pub policy: Digest,
    /// Its name and version.
    pub name: String,
    /// What people answer; none where nobody has to be asked.
    pub id: Option<ApprovalId>,
    /// Where it stands with people.
    pub state: ApprovalState,
    /// Who wants it.
    pub who: String,
    /// Since when.
    #[serde(with = "time")]
    pub requested: Timestamp,
    /// Until when it can be answered.
    #[serde(with = "time::option")]
    pub expires: Option<Timestamp>,
    /// The rule that lets it or asks people.
    pub rule: String,
    /// So many people have to say yes.
    pub needed: u8,
    /// So many have.
    pub given: u8,
    /// The answers, a line each.
    pub answers: Vec<String>,
    /// So many turns it has to be the shadow first, with no failure and no refusal.
    pub after: Option<u32>,
    /// So many it has been.
    pub clean: u32,
    /// Actions and operations that it may return and the one that decides may not.
    pub gained: Vec<String>,
    /// The other way round.
    pub lost: Vec<String>,
    /// What the operator set for it.
    pub settings: Vec<Fact>,
    /// The keys that signed it.
    pub signers: Vec<String>,
}

/// The shadow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShadowView {
    /// Its digest.
    pub policy: Digest,
    /// Its name and version.
    pub name: String,
    /// Since when.
    #[serde(with = "time")]
    pub since: Timestamp,
    /// Turns that it was asked about.
    pub turns: u32,
    /// Of them, those in which it would have done otherwise.
    pub differ: u32,
    /// Of them, those in which it failed.
    pub failed: u32,
    /// Of them, those in which the host gave up.
    pub aborted: u32,
    /// Its proposals that the gate would have refused.
    pub refused: u32,
    /// Turns since it last failed or was refused anything.
    pub clean: u32,
    /// The most fuel that it used in one turn.
    pub fuel_max: u64,
    /// The fuel that it used in a turn, on average.
    pub fuel_mean: u64,
    /// How long it took, on average, in microseconds.
    pub micros_mean: u64,
    /// The last differences, the newest last: the turn, and the first of what differs.
    pub differences: Vec<(u32, String)>,
    /// How it failed last.
    pub last_failure: Option<(u32, String)>,
}

pub(super) fn view(ledger: &Ledger, now: Timestamp) -> PoliciesView {
    let policies = &ledger.policies;
    PoliciesView {
        fallback: policies.fallback,
        shelf: shelf(ledger, now),
        history: policies.tenures.iter().rev().map(tenure).collect(),
        nominee: policies.nominee.as_ref().map(|waits| nominee(ledger, waits, now)),
        shadow: policies.shadow.as_ref().map(shadow),
        observes_until: ledger.observes(now).map(|observing| observing.until),
    }
}

fn shelf(ledger: &Ledger, now: Timestamp) -> Vec<ShelvedView> {
    let policies = &ledger.policies;
    let view = |policy: Digest, name: String, version: String| ShelvedView {
        policy,
        name,
        version,
        profile: None,
        bytes: None,
        signers: Vec::new(),
        who: None,
        source: "built in".to_owned(),
        uploaded: None,
        state: state(ledger, policy, now).to_owned(),
        fenced: policies.fences.get(&policy).map(|fence| fence.why.clone()),
        differs: policies.differed.get(&policy).map(|differing| differing.what.clone()),
    };
    let mut shelf: Vec<ShelvedView> = policies
        .shelf
        .iter()
        .map(|(policy, shelved)| ShelvedView {
            profile: Some(shelved.profile),
            bytes: Some(shelved.bytes),
            signers: shelved.signers.clone(),
            who: Some(shelved.who.to_string()),
            source: shelved.source.clone(),
            uploaded: Some(shelved.at),
            ..view(*policy, shelved.name.clone(), shelved.version.clone())
        })
        .collect();
    let described = policies.tenures.iter().rev().find(|tenure| Some(tenure.policy) == policies.fallback);
    if let Some(fallback) = policies.fallback.filter(|fallback| !policies.shelf.contains_key(fallback)) {
        let words = described.map(|tenure| (tenure.description.name.clone(), tenure.description.version.clone()));
        let (name, version) = words.unwrap_or_else(|| ("steward".to_owned(), String::new()));
        shelf.push(view(fallback, name, version));
    }
    shelf.sort_by(|a, b| (&a.name, &a.version, a.uploaded).cmp(&(&b.name, &b.version, b.uploaded)));
    shelf
}

/// What a policy is now, in a word.
fn state(ledger: &Ledger, policy: Digest, now: Timestamp) -> &'static str {
    let policies = &ledger.policies;
    let waits = |nominee: &Nominee| nominee.policy == policy && nominee.state(now) != ApprovalState::Denied;
    if ledger.policy.digest == Some(policy) {
        "active"
    } else if policies.fences.contains_key(&policy) {
        "fenced"
    } else if policies.nominee.as_ref().is_some_and(waits) {
        "waits"
    } else if policies.shadow.as_ref().is_some_and(|shadow| shadow.policy == policy) {
        "shadow"
    } else {
        ""
    }
}

fn tenure(tenure: &Tenure) -> TenureView {
    let Tenure { policy, description, settings, by: _, at, turn, how, memo, undone } = tenure;
    TenureView {
        policy: *policy,
        name: format!("{} {}", description.name, description.version),
        since: *at,
        turn: turn.saturating_add(1),
        how: how_told(how),
        memo: memo_told(memo),
        settings: settings.clone(),
        undone: *undone,
    }
}

/// How a policy came to decide, in a sentence.
fn how_told(how: &How) -> String {
    match how {
        How::Started => "the host was started with it".to_owned(),
        How::Wanted { who, approval: Some(id), .. } => format!("{who} wanted it, and {id} was granted"),
        How::Wanted { who, approval: None, rule } => format!("{who} wanted it, and rule {rule} let it"),
        How::RolledBack { who, comment: None } => format!("{who} rolled back to it"),
        How::RolledBack { who, comment: Some(comment) } => format!("{who} rolled back to it: {comment}"),
        How::FellBack { from, why } => format!("{} fell back to it: {why}", from.short(12)),
    }
}

/// What became of the memo, in a few words.
pub fn memo_told(memo: &MemoFate) -> String {
    match memo {
        MemoFate::None => "there was none".to_owned(),
        MemoFate::Carried { format } => format!("carried over ({format})"),
        MemoFate::Restored { format } => format!("the last one in {format} is taken again"),
        MemoFate::Emptied { format } => format!("begins empty: it does not read {format}"),
    }
}

fn nominee(ledger: &Ledger, nominee: &Nominee, now: Timestamp) -> NomineeView {
    let Widening { gained, lost } = Widening::between(ledger.policy.description.as_ref(), &nominee.description);
    let (rule, expires) = match &nominee.leave {
        Leave::Given { rule } => (rule.clone(), None),
        Leave::Asked { rule, expires, .. } => (rule.clone(), Some(*expires)),
    };
    let answers = nominee.answers.iter().map(|answer| {
        let said = if answer.granted { "yes" } else { "no" };
        let comment = answer.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
        format!("{} said {said}{comment}", answer.who)
    });
    NomineeView {
        policy: nominee.policy,
        name: format!("{} {}", nominee.description.name, nominee.description.version),
        id: nominee.id().cloned(),
        state: nominee.state(now),
        who: nominee.who.to_string(),
        requested: nominee.at,
        expires,
        rule,
        needed: nominee.needed(),
        given: nominee.given(),
        answers: answers.collect(),
        after: nominee.after,
        clean: ledger.policies.shadow_turns(nominee.policy),
        gained,
        lost,
        settings: nominee.settings.clone(),
        signers: ledger.policies.shelf.get(&nominee.policy).map(|shelved| shelved.signers.clone()).unwrap_or_default(),
    }
}

fn shadow(shadow: &Shadow) -> ShadowView {
    let mean = |sum: u64| sum / u64::from(shadow.turns.max(1));
    ShadowView {
        policy: shadow.policy,
        name: format!("{} {}", shadow.description.name, shadow.description.version),
        since: shadow.since,
        turns: shadow.turns,
        differ: shadow.differ,
        failed: shadow.failed,
        aborted: shadow.aborted,
        refused: shadow.refused,
        clean: shadow.clean,
        fuel_max: shadow.fuel_max,
        fuel_mean: mean(shadow.fuel),
        micros_mean: mean(shadow.micros),
        differences: shadow.differences.clone(),
        last_failure: shadow.last_failure.clone(),
    }
}
