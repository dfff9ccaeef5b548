//! What `charter` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::print::Output;

/// What can be done with charters.
#[derive(Clone, Debug, Subcommand)]
pub enum CharterCommand {
    /// Say which charter is in force, since when, by whose word, and which one waits for people
    #[command(after_help = "Examples:\n  quarterdeck charter status\n  quarterdeck charter status -o json")]
    Status {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Want another charter of the running host: what only narrows is in force at once, what may permit more waits for people
    #[command(after_help = "Examples:
  quarterdeck charter apply production
  quarterdeck charter apply charter.cedar --config numbers.yaml
  quarterdeck charter diff candidate      (what would it have said to what was proposed so far?)
  quarterdeck approve c-1f2e3d4c5b        (as many people as the charter in force demands)

What is not named stays as it is. `run --charter` and `run --config` want the same at the start of a host.")]
    Apply(AmendArgs),
    /// Print the text of a charter, to start one's own from
    #[command(after_help = "Examples:
  quarterdeck charter show production > charter.cedar
  quarterdeck charter show in-force")]
    Show {
        /// laptop, production, a file, in-force, or candidate.
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
  quarterdeck charter diff candidate
  quarterdeck charter diff laptop production --cases cases.yaml

Exit code 1 where they differ. Each recorded proposal is ruled on by itself, as it stood; what would have come after
another ruling is not predicted.")]
    Diff {
        /// The candidate (`candidate` is the one that waits); or, with a second one, the charter to compare from.
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

/// What `charter apply` takes.
#[derive(Clone, Debug, Args)]
pub struct AmendArgs {
    /// The rules: laptop, production, or a file of rules in Cedar [default: those in force]
    pub charter: Option<String>,
    /// The operator's numbers and grants, as YAML [default: those in force]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
