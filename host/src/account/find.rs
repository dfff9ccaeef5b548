//! Which of the things that a text may mean there is in a journal: one, or the answer is that there is none, or several.

use quarterdeck_core::digest::Digest;

use super::chronicle::Chronicle;
use super::resource::Thing;
use super::subject::Subject;
use super::{Account, AccountError, Kept, approval, charter, resource, turn, worker};

/// The account of what there is of what was asked about.
pub(super) fn tell(
    chronicle: &Chronicle,
    asked: &str,
    kept: &dyn Fn(&Digest) -> Kept,
) -> Result<Account, AccountError> {
    let asked = asked.to_owned();
    let found: Vec<Found<'_>> = chronicle.asked.iter().flat_map(|subject| found(chronicle, subject)).collect();
    let [one] = found.as_slice() else {
        return Err(if found.is_empty() {
            AccountError::Nothing { asked, begins: chronicle.begins() }
        } else {
            AccountError::Several { asked, fits: found.iter().map(Found::called).collect() }
        });
    };
    let mut account = match one {
        Found::Turn(turn) => turn::account(chronicle, *turn),
        Found::Worker(name) => worker::account(chronicle, name),
        Found::Approval(id) => approval::account(chronicle, id),
        Found::Charter(id) => charter::account(chronicle, id),
        Found::Thing(thing) => resource::account(chronicle, thing),
    };
    account.rehearsal = chronicle.rehearsal;
    // Where two stand in one record, they stay as they were told.
    account.causes.sort_by_key(|cause| cause.mark.record);
    let here =
        [format!("quarterdeck why {}", account.name), format!("quarterdeck why {}/{}", account.of, account.name)];
    account.causes.iter_mut().for_each(|cause| cause.next = cause.next.take().filter(|next| !here.contains(next)));
    account.bytes.iter_mut().for_each(|bytes| bytes.kept = kept(&bytes.digest));
    Ok(account)
}

/// What a subject is in this journal.
enum Found<'a> {
    Turn(u32),
    Worker(&'a str),
    Approval(&'a str),
    Charter(&'a str),
    Thing(Thing),
}

impl Found<'_> {
    fn called(&self) -> String {
        match self {
            Found::Turn(turn) => format!("turn/{turn}"),
            Found::Worker(name) => format!("worker/{name}"),
            Found::Approval(id) | Found::Charter(id) => format!("approval/{id}"),
            Found::Thing(thing) => thing.called(),
        }
    }
}

fn found<'a>(chronicle: &'a Chronicle, subject: &'a Subject) -> Vec<Found<'a>> {
    let is = |known: bool, found: Found<'a>| if known { vec![found] } else { Vec::new() };
    match subject {
        Subject::Turn(turn) => is(chronicle.scenes.iter().any(|scene| scene.turn() == *turn), Found::Turn(*turn)),
        Subject::Worker(name) => is(chronicle.courses.contains_key(name.as_str()), Found::Worker(name)),
        Subject::Approval(id) if chronicle.charters.iter().any(|wanted| wanted.is_called(id)) => {
            vec![Found::Charter(id)]
        }
        Subject::Approval(id) => {
            let known = chronicle.requests.contains_key(id.as_str()) || !chronicle.answers(id).is_empty();
            is(known, Found::Approval(id))
        }
        Subject::Thing { mission, called } => {
            let things = resource::things(chronicle, mission.as_deref(), called);
            things.into_iter().map(Found::Thing).collect()
        }
    }
}
