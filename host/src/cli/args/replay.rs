//! What `replay` takes.

use std::path::PathBuf;

use clap::Args;

use crate::cli::print::Output;

pub(super) const EXAMPLES: &str = "Examples:
  quarterdeck replay                              (is every answer the same, byte by byte?)
  quarterdeck replay --policy candidate.wasm      (what would this one have proposed?)
  quarterdeck replay --charter production         (what would these rules have said?)
  quarterdeck replay --from 100 --to 200 -o json

Exit code 1 where something differs, 3 where a turn could not be asked about again, such as for want of its policy's bytes.
Another policy or charter is asked about each turn by itself, as it stood; no course of events is predicted.";

/// What `replay` takes.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// A policy: asked again in the turns that it decided, and tried in all others.
    #[arg(long, value_name = "FILE.wasm")]
    pub policy: Option<PathBuf>,
    /// A charter to try in place of the rules in force: laptop, production, or a file.
    #[arg(long, value_name = "CHARTER")]
    pub charter: Option<String>,
    /// The first turn.
    #[arg(long, default_value_t = 1, value_name = "TURN")]
    pub from: u32,
    /// The last turn [default: the newest]
    #[arg(long, value_name = "TURN")]
    pub to: Option<u32>,
    /// How to print it; wide shows every difference that is kept.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}
