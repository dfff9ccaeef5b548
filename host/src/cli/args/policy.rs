//! `policy …`.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::print::Output;

/// What can be done with policies.
#[derive(Clone, Debug, Subcommand)]
pub enum PolicyCommand {
    /// Say what a component is, and whether it could decide here
    #[command(after_help = "Examples:\n  quarterdeck policy inspect guest-policies/prebuilt/steward.wasm")]
    Inspect {
        /// The component.
        file: PathBuf,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
}
