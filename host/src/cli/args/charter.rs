//! What `charter` takes.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::print::Output;

/// What can be done with charters.
#[derive(Clone, Debug, Subcommand)]
pub enum CharterCommand {
    /// Print the text of a charter, to start one's own from
    #[command(after_help = "Examples:\n  quarterdeck charter show production > charter.cedar")]
    Show {
        /// laptop, production, or a file.
        #[arg(default_value = "laptop")]
        charter: String,
    },
    /// Parse and validate a charter, and list its rules
    #[command(after_help = "Examples:
  quarterdeck charter check charter.cedar
  quarterdeck charter check production -o json")]
    Check {
        /// laptop, production, or a file.
        charter: String,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Try a charter on cases, each with what is expected of it
    #[command(after_help = "Examples:
  quarterdeck charter test charter.cedar cases.yaml

A case, as YAML:
  - name: a volume goes
    request: {action: apply, mission: {name: web}, plan: {destroys: 1, removes: [docker_volume]}}
    expect: ask        # permit, ask or forbid
    approvers: 2       # optional
    rule: removals-need-two   # optional")]
    Test {
        /// laptop, production, or a file.
        charter: String,
        /// The cases, as YAML or JSON.
        cases: PathBuf,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Say what the charter was asked about a proposal of a turn, and what each rule said
    #[command(after_help = "Examples:
  quarterdeck charter explain 12 build-web-1-apply
  quarterdeck charter explain 12 build-web-1-apply --charter candidate.cedar")]
    Explain {
        /// The turn.
        turn: u32,
        /// The policy's key of the proposal; `journal show TURN` lists them.
        key: String,
        /// Another charter than the one that was in force.
        #[arg(long)]
        charter: Option<String>,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Compare a charter with what was in force, on every proposal in the journal, or two charters on cases
    #[command(after_help = "Examples:
  quarterdeck charter diff candidate.cedar
  quarterdeck charter diff laptop production --cases cases.yaml

Exit code 1 where they differ. Each recorded proposal is ruled on by itself, as it stood; what would have come after
another ruling is not predicted.")]
    Diff {
        /// The candidate; or, with a second one, the charter to compare from.
        charter: String,
        /// The charter to compare with.
        #[arg(requires = "cases")]
        other: Option<String>,
        /// Compare on these cases, and not on the journal.
        #[arg(long, requires = "other")]
        cases: Option<PathBuf>,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
}
