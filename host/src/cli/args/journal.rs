//! What `journal` takes.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use quarterdeck_core::ids::Timestamp;

use crate::cli::print::Output;
use crate::remember::prune::Before;

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
    /// Remove old closed segments, and attest what stood in them
    #[command(after_help = "Examples:
  quarterdeck journal prune --keep 30d --dry-run
  quarterdeck journal prune --before 2026-10-01 --archive /backup/journal
  quarterdeck journal prune --before 4711

No host may be running here. Only whole segments go, and never the one that is written to.")]
    Prune(PruneArgs),
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

/// What `journal prune` takes.
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("limit").required(true)))]
pub struct PruneArgs {
    /// What was written before a day (UTC) or time goes, or the turns before one: 2026-10-01, 2026-10-01T06:00:00Z, 4711.
    #[arg(long, value_name = "DATE|TURN", group = "limit", value_parser = before)]
    pub before: Option<Before>,
    /// What is older than this goes, such as 30d or 12h.
    #[arg(long, value_name = "TIME", group = "limit", value_parser = age)]
    pub keep: Option<u64>,
    /// Move the segments into this folder.
    #[arg(long, value_name = "DIR")]
    pub archive: Option<PathBuf>,
    /// Say what would go, and remove nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

fn before(text: &str) -> Result<Before, String> {
    if let Ok(turn) = text.parse() {
        return Ok(Before::Turn(turn));
    }
    let day =
        || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp());
    let at = text.parse::<jiff::Timestamp>().ok().or_else(day);
    let ms = at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
    let ms = ms.ok_or("use a day such as 2026-10-01, a time such as 2026-10-01T06:00:00Z, or the number of a turn")?;
    Ok(Before::Time(Timestamp(ms)))
}

/// An age in milliseconds; a day has 24 hours.
fn age(text: &str) -> Result<u64, String> {
    let span = text.parse::<jiff::Span>().ok();
    let ms = span.and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok());
    let ms = ms.and_then(|age| u64::try_from(age.as_millis()).ok()).filter(|ms| *ms > 0);
    ms.ok_or_else(|| "use a number and a unit, such as 30d, 4w or 12h".to_owned())
}
