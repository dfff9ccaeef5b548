//! The command line: what people type, and what they are told.
//!
//! `run` starts a host in this process; everything else asks a running one over its socket, or reads its journal. Data
//! goes to stdout and everything else to stderr; each failure says what was tried, why it failed and what to do next, and
//! ends with one of the documented exit codes ([`Exit`]).
//!
//! What is *not* here: any decision. What people say goes to the host as a command, is journaled, and is ruled on there.

mod answer;
pub mod args;
mod backup;
mod charter;
mod describe;
mod doctor;
mod exit;
mod export;
mod get;
mod journal;
mod kubectl;
mod law;
mod pause;
mod place;
mod policy;
pub mod print;
mod prune;
mod replay;
mod run;
mod say;
mod seal;
mod state;
mod verify;
mod why;

pub use args::{Cli, Plugin};
pub use exit::{Exit, Failure};
pub use run::{Event, Teller, Until, outcome};

use args::{CharterCommand, Command, JournalCommand, RestoreWhat};
use place::Place;

use crate::config::{self, Given};

/// Does what the command line asks, and says how it ended. Failures are told on stderr.
pub async fn main(cli: Cli) -> Exit {
    ended(execute(cli).await)
}

/// The same as kubectl's plugin.
pub async fn plugin(plugin: Plugin) -> Exit {
    ended(kubectl::plugin(plugin.command).await)
}

fn ended(done: Result<(Exit, String), Failure>) -> Exit {
    let failure = match done.and_then(|(exit, text)| Ok(print::out(&text).map(|()| exit)?)) {
        Ok(exit) => return exit,
        Err(failure) => failure,
    };
    let told = print::out(&failure.out);
    if failure.exit != Exit::Done && told.is_ok() {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        let text = failure.text();
        let text = text.strip_prefix("error:").map_or(text.clone(), |rest| format!("{red}error:{red:#}{rest}"));
        print::note(text.trim_end());
    }
    failure.exit
}

/// Does what the command line asks; gives back how it ended, and the text for stdout.
///
/// # Errors
/// Whatever failed, with the exit code that belongs to it.
pub async fn execute(cli: Cli) -> Result<(Exit, String), Failure> {
    let given = Given { data: cli.data.clone(), ..Given::default() };
    let world = cli.world();
    let place = || -> Result<Place, Failure> { Place::find(&config::data_folder(&given)?, world) };
    let text = match cli.command {
        Command::Get { what, name, output } => get::get(&place()?, what, name.as_deref(), output).await?,
        Command::Describe { what, name, output } => describe::describe(&place()?, what, &name, output).await?,
        Command::Journal(JournalCommand::Verify(args)) => verify::verify(&place()?, &args)?,
        Command::Journal(JournalCommand::Key { output }) => seal::key(&place()?, output)?,
        Command::Journal(JournalCommand::Checkpoint { output }) => seal::checkpoint(&place()?, output)?,
        Command::Journal(JournalCommand::Prune(args)) => prune::prune(&place()?, &args)?,
        Command::Journal(JournalCommand::Show { turn, situation, output }) => {
            journal::show(&place()?, turn, situation, output)?
        }
        Command::Journal(JournalCommand::List { last, output }) => journal::list(&place()?, last, output)?,
        Command::Journal(JournalCommand::Export { from, to }) => {
            export::export(&place()?, from..=to.unwrap_or(u64::MAX))?;
            String::new()
        }
        Command::Replay(args) => return replay::replay(&place()?, &args),
        Command::Why(args) => why::why(&place()?, &args.asked, args.output)?,
        Command::Charter(CharterCommand::Status { output }) => law::status(&place()?, output).await?,
        Command::Charter(CharterCommand::Apply(args)) => return said(law::apply(&place()?, args).await),
        Command::Charter(CharterCommand::Show { charter }) => law::rules(place(), &charter)?.text().to_owned(),
        Command::Charter(CharterCommand::Check { charter, output }) => charter::check(&charter, output)?,
        Command::Charter(CharterCommand::Test { charter, cases, output }) => {
            return charter::test(&charter, &cases, output);
        }
        Command::Charter(CharterCommand::Explain { turn, key, charter, output }) => {
            charter::explain(&place()?, turn, &key, charter.as_deref(), output)?
        }
        Command::Charter(CharterCommand::Diff { charter, other, cases, output }) => {
            return match (other, cases) {
                (Some(other), Some(cases)) => charter::diff_cases(&charter, &other, &cases, output),
                (_, _) => charter::diff_journal(&place()?, &charter, output),
            };
        }
        Command::Policy(command) => return policy::policy(command, place).await,
        Command::State(command) => state::state(&place()?, command).await?,
        Command::Version { output } => version(output),
        Command::Doctor(args) => return doctor::doctor(args, given).await,
        Command::Run(args) => return Ok((run::run(args, given, world).await?, String::new())),
        Command::Approve(args) => return said(say::approve(&place()?, args).await),
        Command::Deny(args) => return said(say::deny(&place()?, args).await),
        Command::Destroy { mission, yes } => return said(say::destroy(&place()?, &mission, yes).await),
        Command::Backup(args) => backup::backup(&place()?, &args)?,
        Command::Restore(args) => match args.what() {
            RestoreWhat::Mission(mission) => {
                backup::tell_namesake(&mission);
                return said(say::restore(&place()?, &mission).await);
            }
            RestoreWhat::Backup(file) => backup::restore(&config::data_folder(&given)?, world, &file, &args)?,
        },
        Command::Cancel { worker } => return said(say::cancel(&place()?, &worker).await),
        Command::Pause(args) => return said(pause::pause(&place()?, args).await),
        Command::Resume { scope } => return said(pause::resume(&place()?, scope.into()).await),
        Command::Release { mission, comment } => return said(say::release(&place()?, &mission, comment).await),
        Command::Worker { .. } | Command::PolicyChild(_) => {
            let error = "a worker and a policy's child have a process of their own";
            return Err(Failure::new(Exit::Usage, error, "leave it to the host: quarterdeck run PATH"));
        }
    };
    Ok((Exit::Done, text))
}

/// What was said to a host is told on stderr; stdout stays empty.
fn said(exit: Result<Exit, Failure>) -> Result<(Exit, String), Failure> {
    exit.map(|exit| (exit, String::new()))
}

fn version(output: print::Output) -> String {
    let sandbox = crate::decide::identity();
    let version = env!("CARGO_PKG_VERSION");
    match output {
        print::Output::Table | print::Output::Wide => {
            format!("quarterdeck {version} ({}, {})\n", sandbox.engine, sandbox.target)
        }
        print::Output::Json => {
            let object = serde_json::json!({ "version": version, "sandbox": sandbox });
            print::pretty(&print::object("Version", false, &object))
        }
    }
}
