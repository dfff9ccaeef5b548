//! `pause` and `resume`: the kill switch. Nobody is asked whether they mean it.

use std::collections::BTreeSet;

use quarterdeck_core::observation::Command;
use quarterdeck_core::order::Class;
use quarterdeck_core::pause::Scope;
use quarterdeck_core::text::escape;

use super::args::PauseArgs;
use super::exit::{Exit, Failure};
use super::place::Place;
use super::print::note;
use super::say::mark;
use crate::api::local::Client;
use crate::view::{View, WorkerView};

pub(super) async fn pause(place: &Place, args: PauseArgs) -> Result<Exit, Failure> {
    let host = host(place)?;
    let (scope, cancel) = (Scope::from(args.scope), args.cancel);
    // One that is told to stop may have done so before anybody looks again.
    let before = host.view().await.ok().filter(|_| cancel);
    host.send(&Command::Pause { scope: scope.clone(), cancel, comment: args.comment }).await?;
    let view = host.view().await?;
    let lead = mark(view.rehearsal);
    match view.pauses.iter().find(|pause| pause.scope == scope) {
        Some(pause) => note(&format!("{lead}{}", escape(&pause.message))),
        None => note(&format!("{lead}{scope} was paused, and somebody has resumed it since")),
    }
    let views = before.iter().chain([&view]);
    let at_work: BTreeSet<&str> = views.flat_map(|view| at_work(view, &scope)).collect();
    let names = at_work.into_iter().collect::<Vec<_>>().join(", ");
    if names.is_empty() {
        return Ok(Exit::Done);
    }
    if cancel {
        note(&format!("{lead}told to stop, which may take Terraform a while: {names}"));
    } else {
        let words = scope.words();
        note(&format!("{lead}goes on to its end: {names}; to stop that too: quarterdeck pause{words} --cancel"));
    }
    Ok(Exit::Done)
}

pub(super) async fn resume(place: &Place, scope: Scope) -> Result<Exit, Failure> {
    let host = host(place)?;
    host.send(&Command::Resume { scope: scope.clone() }).await?;
    let view = host.view().await?;
    let lead = mark(view.rehearsal);
    note(&format!("{lead}resumed: {scope}"));
    for pause in &view.pauses {
        note(&format!("{lead}still, {}", escape(&pause.message)));
    }
    Ok(Exit::Done)
}

/// The workers at work that it concerns.
fn at_work<'a>(view: &'a View, scope: &Scope) -> Vec<&'a str> {
    let of_it = |worker: &&WorkerView| {
        let mission = scope.mission.as_ref().filter(|mission| mission.as_str() == worker.mission);
        scope.concerns(mission.as_slice(), Some(Class::of(worker.operation)))
    };
    let active = view.workers.iter().filter(|worker| worker.phase.is_active());
    active.filter(of_it).map(|worker| worker.name.as_str()).collect()
}

/// A pause stands in the journal, which a host alone writes. Where none runs nothing is begun either.
fn host(place: &Place) -> Result<Client, Failure> {
    place.host().map_err(|failure| {
        let next = "nothing is begun while none runs; start one that begins nothing: quarterdeck run PATH --paused";
        Failure { next: Some(next.to_owned()), ..failure }
    })
}
