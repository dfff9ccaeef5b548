//! What `journal` takes.

use clap::Subcommand;

use crate::cli::print::Output;

/// What can be done with the journal.
#[derive(Clone, Debug, Subcommand)]
pub enum JournalCommand {
    /// Check the chain from the first record to the last
    #[command(after_help = "Examples:\n  quarterdeck journal verify\n  quarterdeck --real journal verify -o json")]
    Verify {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Show one turn: what was seen, decided, ruled and done
    #[command(after_help = "Examples:
  quarterdeck journal show 12
  quarterdeck journal show 12 --situation | jq .missions")]
    Show {
        /// The turn's number, as `get turns` lists it.
        turn: u32,
        /// Print the situation that the policy was shown, as JSON.
        #[arg(long)]
        situation: bool,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// List the entries
    #[command(after_help = "Examples:\n  quarterdeck journal list --last 20\n  quarterdeck journal list -o json")]
    List {
        /// Only the newest.
        #[arg(long, default_value_t = 50, value_name = "N")]
        last: usize,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Write every entry to stdout, one JSON object a line
    #[command(after_help = "Examples:
  quarterdeck journal export > journal.jsonl
  quarterdeck journal export --from 120 --to 140 | jq 'select(.kind == \"opened\") | .entry.situation.missions'

The chain is checked from the first record to the last, whatever is written of it.")]
    Export {
        /// The first record.
        #[arg(long, default_value_t = 1, value_name = "SEQ")]
        from: u64,
        /// The last record [default: the newest]
        #[arg(long, value_name = "SEQ")]
        to: Option<u64>,
    },
}
