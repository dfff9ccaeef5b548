//! The command line: what people type, and what they are told.
//!
//! `run` starts a host in this process; everything else asks a running one over its socket, or reads its journal. Data
//! goes to stdout and everything else to stderr; each failure says what was tried, why it failed and what to do next, and
//! ends with one of the documented exit codes ([`Exit`]).
//!
//! What is *not* here: any decision. What people say goes to the host as a command, is journaled, and is ruled on there.

mod answer;
pub mod args;
mod describe;
mod exit;
mod get;
mod journal;
mod place;
mod policy;
pub mod print;
mod run;
mod say;

pub use args::Cli;
pub use exit::{Exit, Failure};
pub use run::{Event, Teller, Until, outcome};

use args::{Command, JournalCommand, PolicyCommand};
use place::Place;

use crate::config::{self, Given};

/// Does what the command line asks, and says how it ended. Failures are told on stderr.
pub async fn main(cli: Cli) -> Exit {
    let done = match dispatch(cli).await {
        Ok(exit) => return exit,
        Err(failure) => failure,
    };
    if done.exit != Exit::Done {
        let (red, plain) = (anstyle::AnsiColor::Red.on_default().bold(), anstyle::Reset);
        let text = done.text();
        let text = text.strip_prefix("error:").map_or(text.clone(), |rest| format!("{red}error:{plain}{rest}"));
        print::note(text.trim_end());
    }
    done.exit
}

async fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let given = Given { data: cli.data.clone(), ..Given::default() };
    let world = cli.world();
    let place = || -> Result<Place, Failure> { Place::find(&config::data_folder(&given)?, world) };
    match cli.command {
        Command::Run(args) => run::run(args, given, world).await,
        Command::Get { what, name, output } => get::get(&place()?, what, name.as_deref(), output).await,
        Command::Describe { what, name, output } => describe::describe(&place()?, what, &name, output).await,
        Command::Approve(args) => say::approve(&place()?, args).await,
        Command::Deny(args) => say::deny(&place()?, args).await,
        Command::Destroy { mission, yes } => say::destroy(&place()?, &mission, yes).await,
        Command::Restore { mission } => say::restore(&place()?, &mission).await,
        Command::Cancel { worker } => say::cancel(&place()?, &worker).await,
        Command::Journal(JournalCommand::Verify { output }) => journal::verify(&place()?, output),
        Command::Journal(JournalCommand::Show { turn, situation, output }) => {
            journal::show(&place()?, turn, situation, output)
        }
        Command::Journal(JournalCommand::List { last, output }) => journal::list(&place()?, last, output),
        Command::Policy(PolicyCommand::Inspect { file, output }) => policy::inspect(&file, output),
        Command::Version { output } => version(output),
        Command::Worker { .. } => {
            let error = "a worker has a process and a runtime of its own";
            Err(Failure::new(Exit::Usage, error, "leave it to the host: quarterdeck run PATH"))
        }
    }
}

fn version(output: print::Output) -> Result<Exit, Failure> {
    let sandbox = crate::decide::identity();
    let version = env!("CARGO_PKG_VERSION");
    match output {
        print::Output::Table | print::Output::Wide => {
            print::out(&format!("quarterdeck {version} ({}, {})\n", sandbox.engine, sandbox.target))?;
        }
        print::Output::Json => {
            let object = serde_json::json!({ "version": version, "sandbox": sandbox });
            print::out(&print::pretty(&print::object("Version", false, &object)))?;
        }
    }
    Ok(Exit::Done)
}
