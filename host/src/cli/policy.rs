//! `policy …`: everything about policies that the command line does, a file for each command.

mod inspect;

pub(super) use inspect::read;

use super::args::PolicyCommand;
use super::exit::{Exit, Failure};

/// Does it; gives back how it ended, and the text for stdout.
pub(super) fn policy(command: PolicyCommand) -> Result<(Exit, String), Failure> {
    match command {
        PolicyCommand::Inspect { file, output } => inspect::inspect(&file, output).map(|text| (Exit::Done, text)),
    }
}
