//! `policy …`: everything about policies that the command line does, a file for each command.

mod files;
mod inspect;
mod key;
mod keygen;
mod publish;
mod pull;
mod sign;
mod verify;

pub(super) use inspect::read;

use super::args::PolicyCommand;
use super::exit::{Exit, Failure};

/// Does it; gives back how it ended, and the text for stdout.
pub(super) async fn policy(command: PolicyCommand) -> Result<(Exit, String), Failure> {
    let text = match command {
        PolicyCommand::Inspect { file, output } => inspect::inspect(&file, output)?,
        PolicyCommand::Keygen { file, output } => keygen::keygen(&file, output)?,
        PolicyCommand::Sign { file, key, signature, output } => sign::sign(&file, &key, signature.as_deref(), output)?,
        PolicyCommand::Verify(args) => verify::verify(&args)?,
        PolicyCommand::Pull { reference, output, force } => pull::pull(&reference, &output, force).await?,
        PolicyCommand::Publish { file, reference, signature } => {
            publish::publish(&file, &reference, signature.as_deref()).await?
        }
    };
    Ok((Exit::Done, text))
}
