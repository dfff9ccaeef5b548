//! `policy …`: everything about policies that the command line does, a file for each command.

mod activate;
mod bench;
mod build;
mod cases;
mod check;
mod diff;
mod files;
mod inspect;
mod key;
mod keygen;
mod new;
mod publish;
mod pull;
mod push;
mod shelf;
mod sign;
mod test;
pub(super) mod told;
mod verify;

use std::path::Path;
use std::sync::Arc;

pub(super) use activate::{nominee, waits};
pub(super) use inspect::read;

use super::args::PolicyCommand;
use super::exit::{Exit, Failure};
use super::place::Place;
use crate::app::STEWARD;
use crate::decide::{Catalog, Isolation, LoadError, Policy, Sandbox};

/// What to do where a file is no policy.
const NEXT: &str = "name a policy, a WebAssembly component; quarterdeck policy inspect FILE says what it is";

/// Does it; gives back how it ended, and the text for stdout.
pub(super) async fn policy(
    command: PolicyCommand,
    place: impl Fn() -> Result<Place, Failure>,
) -> Result<(Exit, String), Failure> {
    match command {
        PolicyCommand::New { lang, name, path, output } => text(new::new(lang, &name, path, output)),
        PolicyCommand::Build { folder, out, output } => text(build::build(&folder, out.as_deref(), output)),
        PolicyCommand::Check(args) => text(check::check(&args, place)),
        PolicyCommand::Push(args) => push::push(&place()?, &args).await,
        PolicyCommand::List { output } => text(shelf::list(&place()?, output).await),
        PolicyCommand::Show { policy, output } => text(shelf::show(&place()?, &policy, output).await),
        PolicyCommand::Diff(args) => diff::diff(&place()?, &args).await,
        PolicyCommand::Activate(args) => said(activate::activate(&place()?, &args).await),
        PolicyCommand::Shadow(args) => activate::shadow(&place()?, &args).await,
        PolicyCommand::Rollback { comment } => said(activate::roll_back(&place()?, comment).await),
        PolicyCommand::History { output } => text(shelf::history(&place()?, output).await),
        PolicyCommand::Remove { policy } => said(shelf::remove(&place()?, &policy).await),
        PolicyCommand::Unfence { policy, comment } => said(shelf::unfence(&place()?, &policy, comment).await),
        PolicyCommand::Inspect { file, output } => text(inspect::inspect(&file, output)),
        PolicyCommand::Bench { file, cases, turns, output } => bench::bench(&file, cases.as_deref(), turns, output),
        PolicyCommand::Keygen { file, output } => text(keygen::keygen(&file, output)),
        PolicyCommand::Sign { file, key, signature, output } => {
            text(sign::sign(&file, &key, signature.as_deref(), output))
        }
        PolicyCommand::Verify(args) => text(verify::verify(&args)),
        PolicyCommand::Pull { reference, output, force } => text(pull::pull(&reference, &output, force).await),
        PolicyCommand::Publish { file, reference, signature } => {
            text(publish::publish(&file, &reference, signature.as_deref()).await)
        }
        PolicyCommand::Test { file, cases, names, bless, output } => test::test(&file, &cases, &names, bless, output),
    }
}

/// What was said to a host is told on stderr; stdout stays empty.
fn said(exit: Result<Exit, Failure>) -> Result<(Exit, String), Failure> {
    exit.map(|exit| (exit, String::new()))
}

fn text(text: Result<String, Failure>) -> Result<(Exit, String), Failure> {
    text.map(|text| (Exit::Done, text))
}

/// The bytes of a file that is named as a policy.
fn bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    read(file).map_err(|error| Failure::of(Exit::Usage, error, Some(NEXT.to_owned())))
}

fn sandbox() -> Result<Sandbox, Failure> {
    Sandbox::new()
        .map_err(|error| Failure::of(Exit::Failed, error, Some("this machine lacks what a host needs".to_owned())))
}

/// The policy that some bytes are.
fn load(sandbox: &Sandbox, file: &Path, bytes: &[u8]) -> Result<Policy, Failure> {
    sandbox.load(bytes).map_err(|error| {
        let out = described(&error);
        let error = anyhow::Error::new(error).context(format!("use {} as a policy", file.display()));
        Failure { out, ..Failure::of(Exit::Usage, error, Some(NEXT.to_owned())) }
    })
}

/// What a policy that failed to describe itself said and used meanwhile; nothing of any other refusal.
fn described(error: &LoadError) -> String {
    match error {
        LoadError::Describe(answer) => told::told(answer),
        LoadError::Structure(_)
        | LoadError::Panic(_)
        | LoadError::Compile(_)
        | LoadError::Shape(_)
        | LoadError::Link(_) => String::new(),
    }
}

/// The policy that a file is.
pub(super) fn of_file(file: &Path) -> Result<Arc<Policy>, Failure> {
    load(&sandbox()?, file, &bytes(file)?).map(Arc::new)
}

/// The catalog of this place, read by whoever may read it.
pub(super) fn catalog(place: &Place) -> Result<Catalog, Failure> {
    let failed = |error: anyhow::Error| Failure::of(Exit::Failed, error, None);
    let sandbox = Sandbox::new().map_err(|error| failed(error.into()))?;
    let program = std::env::current_exe().map_err(|error| failed(error.into()))?;
    let opened = Catalog::open(&place.folder.join("policies"), sandbox, Isolation::Thread, program, STEWARD);
    opened.map_err(|error| failed(error.into()))
}
