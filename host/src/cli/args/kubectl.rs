//! The command line as kubectl's plugin: what the help of `kubectl quarterdeck` says stands here and nowhere else.

use clap::{Args, Parser, Subcommand};

use crate::cli::print::Output;

const AFTER: &str = "\
What is said is an object Approval in the mission's namespace, in your own name; who may create such objects may approve.

Exit codes:
  0    it counts
  1    it does not count, or the API server did not take it
  2    the command line is not valid
  3    not in reach: no cluster, no such mission, or nobody is asked
  124  the host has not answered";

/// `kubectl quarterdeck`.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "kubectl-quarterdeck",
    bin_name = "kubectl quarterdeck",
    version,
    about = "Answer what Quarterdeck asks about missions of the cluster",
    after_help = AFTER,
    disable_help_subcommand = true
)]
pub struct Plugin {
    /// What to say.
    #[command(subcommand)]
    pub command: PluginCommand,
}

/// What to say.
#[derive(Clone, Debug, Subcommand)]
pub enum PluginCommand {
    /// Say yes to the plan that a mission waits for
    #[command(after_help = "Examples:
  kubectl quarterdeck approve web -n shop
  kubectl quarterdeck approve web -n shop --yes --comment 'seen with Ada'")]
    Approve(PluginArgs),
    /// Say no to it; one no is enough
    #[command(after_help = "Examples:\n  kubectl quarterdeck deny web -n shop --comment 'not on a Friday'")]
    Deny(PluginArgs),
}

/// Which mission.
#[derive(Clone, Debug, Args)]
pub struct PluginArgs {
    /// The mission's name.
    pub mission: String,
    /// Its namespace [default: the context's]
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// The context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// A sentence for the journal.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// How to print the answer.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}
