//! What `journal` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::print::Output;

/// What can be done with the journal.
#[derive(Clone, Debug, Subcommand)]
pub enum JournalCommand {
    /// Check the chain from the first record to the last, and every checkpoint in it
    #[command(after_help = "Examples:
  quarterdeck journal verify
  quarterdeck journal verify --key journal.pem --checkpoint kept-elsewhere.txt
  quarterdeck --real journal verify -o json

Without --key the key beside the journal is believed: that trusts this machine.")]
    Verify(VerifyArgs),
    /// Print the public key that attests this journal, to be kept on another machine
    #[command(after_help = "Examples:
  quarterdeck journal key > journal.pem
  openssl pkey -pubin -in journal.pem -noout -text")]
    Key {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Print the newest checkpoint, to be kept elsewhere
    #[command(after_help = "Examples:
  quarterdeck journal checkpoint > kept-elsewhere.txt
  quarterdeck journal verify --checkpoint kept-elsewhere.txt")]
    Checkpoint {
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

/// What `journal verify` takes.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// The public key that must have signed: a file of `quarterdeck journal key`, or its digits. May be given twice.
    #[arg(long = "key", value_name = "FILE|HEX")]
    pub keys: Vec<String>,
    /// A checkpoint that was kept elsewhere: the journal must still hold its record. May be given twice.
    #[arg(long = "checkpoint", value_name = "FILE")]
    pub checkpoints: Vec<PathBuf>,
    /// The folder that older segments were pruned into: verify both as one.
    #[arg(long, value_name = "DIR")]
    pub archive: Option<PathBuf>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}
