//! The command line as a type. What the help says stands here and nowhere else.

mod backup;
mod charter;
mod journal;
mod kubectl;
mod pause;
mod policy;
mod replay;
mod why;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use quarterdeck_core::ids::{ApprovalId, MissionId, OrderName};
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::situation::Autonomy;

pub use backup::{BackupArgs, RestoreArgs, RestoreWhat};
pub use charter::{AmendArgs, CharterCommand};
pub use journal::{JournalCommand, PruneArgs, VerifyArgs};
pub use kubectl::{Plugin, PluginArgs, PluginCommand};
pub use pause::{PauseArgs, ScopeArgs};
pub use policy::{
    ActivateArgs, CheckArgs, DiffArgs, PolicyChildArgs, PolicyCommand, PushArgs, ShadowArgs, VerifyPolicyArgs,
};
pub use replay::ReplayArgs;
pub use why::WhyArgs;

use super::place::World;
use super::print::Output;

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the work failed: a mission is Failed or Held, or its plan was denied or refused; or what was compared differs
  2    the command line, a mission or the configuration is not valid
  3    not in reach: no host, no engine, no journal, or a rehearsal that is not allowed
  4    the journal or a backup is damaged or not ours, or doctor found what must be mended
  124  the time that --timeout gave is over
  130  interrupted";

/// `quarterdeck`.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "quarterdeck",
    version,
    about = "An autonomous operations agent: observe, orient, decide, act",
    after_help = EXIT_CODES,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// The folder of all data [default: $QUARTERDECK_DATA, $XDG_STATE_HOME/quarterdeck or ~/.local/state/quarterdeck]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The real world: `run` refuses to rehearse, everything else looks into its journal
    #[arg(long, global = true)]
    pub real: bool,
    /// Look into the rehearsal's journal [default: where a host is running, else where the journal is newest]
    #[arg(long, global = true, conflicts_with = "real")]
    pub rehearsal: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The world that was named.
    pub(super) fn world(&self) -> Option<World> {
        match (self.real, self.rehearsal) {
            (true, _) => Some(World::Real),
            (false, true) => Some(World::Rehearsal),
            (false, false) => None,
        }
    }
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Start a host and look after missions until it is interrupted
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),
    /// List missions, findings, workers, approvals, budgets or turns
    #[command(after_help = "Examples:
  quarterdeck get missions
  quarterdeck get workers -o wide
  quarterdeck get missions web -o json
  quarterdeck get turns            (the last 32, from the journal)")]
    Get {
        /// What to list.
        what: Listed,
        /// Only this one (for findings, workers and approvals also: of this mission).
        name: Option<String>,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Show one thing whole; an approval with the plan that it is about
    #[command(after_help = "Examples:
  quarterdeck describe mission web
  quarterdeck describe approval a-1f2e3d4c5b6a
  quarterdeck describe finding f-1f2e3d4c5b6a -o json")]
    Describe {
        /// What it is.
        what: Described,
        /// Its name.
        name: String,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Grant an approval: exactly this plan may be applied, once
    #[command(after_help = "Examples:
  quarterdeck approve a-1f2e3d4c5b6a
  quarterdeck approve a-1f2e3d4c5b6a --yes --comment 'seen with Ada'")]
    Approve(SayArgs),
    /// Deny an approval
    #[command(after_help = "Examples:
  quarterdeck deny a-1f2e3d4c5b6a --comment 'not on a Friday'")]
    Deny(SayArgs),
    /// Remove what a mission made; the plan of it is approved like any other
    #[command(after_help = "Examples:
  quarterdeck destroy web
  quarterdeck destroy web --yes    (asks no question here; the plan may still wait for an approval)")]
    Destroy {
        /// The mission's name.
        #[arg(value_parser = MissionName::parse)]
        mission: MissionName,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Take an earlier destroy of a mission back; or make a data folder of a backup
    #[command(after_help = backup::RESTORE_EXAMPLES)]
    Restore(RestoreArgs),
    /// Copy everything durable of a host into one file, while it runs
    #[command(after_help = backup::BACKUP_EXAMPLES)]
    Backup(BackupArgs),
    /// Tell a worker to stop; Terraform is interrupted once and waited for
    #[command(after_help = "Examples:\n  quarterdeck cancel apply-web-1f2e3d4c5b6a")]
    Cancel {
        /// The worker's name.
        #[arg(value_parser = OrderName::parse)]
        worker: OrderName,
    },
    /// Begin nothing more, of everything or of a part, until it is resumed; a running host does so from its next turn on
    #[command(after_help = "Examples:
  quarterdeck pause --comment 'looking into the outage'
  quarterdeck pause web --cancel               (and tell its worker to stop)
  quarterdeck pause --class builder")]
    Pause(PauseArgs),
    /// Take exactly that pause back; other pauses stand
    #[command(after_help = "Examples:
  quarterdeck resume
  quarterdeck resume web
  quarterdeck resume --class builder")]
    Resume {
        /// What was paused.
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// Let a mission be tried anew that is parked, since the same was applied or failed too often
    #[command(after_help = "Examples:
  quarterdeck describe mission web             (what was tried, and how often)
  quarterdeck release web --comment 'the script that removed it is gone'")]
    Release {
        /// The mission's name.
        #[arg(value_parser = MissionName::parse)]
        mission: MissionName,
        /// A sentence for the journal.
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// Read the journal, and prove that it is whole
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Ask the policy and the gate again about every recorded turn, or another policy or charter in their place
    #[command(after_help = replay::EXAMPLES)]
    Replay(ReplayArgs),
    /// Say why something was done: back to its turn, findings, policy, rule, people and bytes, from the journal alone
    #[command(after_help = why::EXAMPLES)]
    Why(WhyArgs),
    /// Look at charters, the rules that a security team reads, and try them
    #[command(subcommand)]
    Charter(CharterCommand),
    /// Look at policies
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Look at Terraform's states, and mend them by hand
    #[command(subcommand)]
    State(StateCommand),
    /// Check what a real run needs, with cause and cure
    #[command(after_help = "Examples:
  quarterdeck doctor
  quarterdeck doctor deploy/examples/web --online
  quarterdeck doctor --kubernetes                             (a host that only looks at the cluster)
  quarterdeck doctor --missions --workers workers.yaml        (everything that it takes to work in it)
  quarterdeck doctor -o json")]
    Doctor(DoctorArgs),
    /// Say which version this is
    #[command(after_help = "Examples:\n  quarterdeck version -o json")]
    Version {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Do the work of one order; started by the host
    #[command(hide = true)]
    Worker {
        /// The tool, and what with.
        #[command(subcommand)]
        tool: quarterdeck_worker::ToolCommand,
    },
    /// Compile or ask a policy without any rights; started by the host
    #[command(hide = true)]
    PolicyChild(PolicyChildArgs),
}

const RUN_EXAMPLES: &str = "Examples:
  quarterdeck run deploy/examples/web --until-ready
  quarterdeck run deploy/examples/web --real --engine /var/run/docker.sock
  quarterdeck run a b c --yes --until-ready --timeout 5m -o json
  quarterdeck run --kubernetes

With --kubernetes and no mission the host only looks at the cluster. It never writes to it.

Without an engine or Terraform the work is rehearsed in a simulated world; --real forbids that.
Environment: GEMINI_API_KEY, DOCKER_HOST, KUBECONFIG, QUARTERDECK_DATA, QUARTERDECK_TERRAFORM, QUARTERDECK_LOG (such as info).";

/// What `run` takes.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// Missions: folders with a mission.yaml, or such files; with --kubernetes there need be none, and then the host only looks.
    #[arg(required_unless_present_any = ["kubernetes", "context", "missions"], value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Look at a Kubernetes cluster: the current one of the kubeconfig or, in a pod, the pod's own.
    #[arg(long)]
    pub kubernetes: bool,
    /// Look at the Kubernetes cluster of this context of the kubeconfig.
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// Look after the missions that are objects of the Kubernetes cluster (`kubectl get missions`), beside those of PATH.
    #[arg(long, requires = "workers")]
    pub missions: bool,
    /// Workers are Jobs of the Kubernetes cluster, as this file says (docs/kubernetes.md has a whole one).
    #[arg(long, value_name = "FILE")]
    pub workers: Option<PathBuf>,
    /// Answer GET /livez, /readyz and /metrics at this address, such as 0.0.0.0:8080. Anybody who reaches it may ask.
    #[arg(long, value_name = "ADDRESS")]
    pub probes: Option<std::net::SocketAddr>,
    /// End as soon as every mission is where it shall be, or can't get there.
    #[arg(long, requires = "paths")]
    pub until_ready: bool,
    /// Begin with everything paused: look and tell, and start nothing until `quarterdeck resume`.
    #[arg(long)]
    pub paused: bool,
    /// Grant every approval of this run; it is journaled as such.
    #[arg(long)]
    pub yes: bool,
    /// How long --until-ready waits at most, such as 30s, 10m or 1h.
    #[arg(long, default_value = "10m", value_name = "TIME", value_parser = duration)]
    pub timeout: Duration,
    /// No mission gets more autonomy than this: off, suggest, approve or auto.
    #[arg(long, value_name = "CEILING", value_parser = autonomy)]
    pub autonomy: Option<Autonomy>,
    /// The charter: laptop, production, or a file of rules in Cedar [default: the one in force; laptop for the first host]
    #[arg(long, value_name = "CHARTER")]
    pub charter: Option<String>,
    /// The operator's numbers and grants, as YAML.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Who may talk to the host, and approve, beside its own user: the members of this Unix group.
    #[arg(long, value_name = "GROUP")]
    pub approvers: Option<String>,
    /// The Docker engine's socket [default: $DOCKER_HOST or /var/run/docker.sock]
    #[arg(long, value_name = "SOCK")]
    pub engine: Option<PathBuf>,
    /// The Terraform program [default: $QUARTERDECK_TERRAFORM or the first on $PATH]
    #[arg(long, value_name = "BIN")]
    pub terraform: Option<PathBuf>,
    /// The policy that shall decide, a WebAssembly component, checked as any upload [default: the one that decides by the
    /// journal's word; steward, which is built in, at first]
    #[arg(long, value_name = "FILE.wasm")]
    pub policy: Option<PathBuf>,
    /// Two turns are at least this far apart, however much changes: 150ms, 2s
    #[arg(long, default_value = "150ms", value_name = "TIME", value_parser = duration)]
    pub between_turns: Duration,
    /// Let policies that were uploaded decide in a process without rights, which can be killed
    #[arg(long)]
    pub isolate: bool,
    /// Ask no model, whatever the environment holds: advice comes from a table.
    #[arg(long)]
    pub offline: bool,
    /// The Gemini model that is asked for advice.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// How to print: lines for people, or one JSON object a line.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// What `get` lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// What users want, and how far it is.
    #[value(alias = "mission")]
    Missions,
    /// What is wrong.
    #[value(alias = "finding")]
    Findings,
    /// Who does the work.
    #[value(alias = "worker")]
    Workers,
    /// What people are asked.
    #[value(alias = "approval")]
    Approvals,
    /// What limits what is begun.
    #[value(alias = "budget")]
    Budgets,
    /// What was decided.
    #[value(alias = "turn")]
    Turns,
}

/// What `describe` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Described {
    /// A mission.
    #[value(alias = "missions")]
    Mission,
    /// An approval, with its plan.
    #[value(alias = "approvals")]
    Approval,
    /// A worker.
    #[value(alias = "workers")]
    Worker,
    /// A finding.
    #[value(alias = "findings")]
    Finding,
}

/// What `approve` and `deny` take.
#[derive(Clone, Debug, Args)]
pub struct SayArgs {
    /// The approval's name, as `get approvals` lists it.
    #[arg(value_parser = ApprovalId::parse)]
    pub id: ApprovalId,
    /// A sentence for the journal and for the policy.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// Do not show the plan and do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// What can be done with states.
#[derive(Clone, Debug, Subcommand)]
pub enum StateCommand {
    /// List what is kept, and who holds the locks
    #[command(after_help = "Examples:\n  quarterdeck state list")]
    List {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Say what a state names, and none of its secrets
    #[command(after_help = "Examples:\n  quarterdeck state show web\n  quarterdeck state show web --number 3")]
    Show {
        /// The mission's name or id.
        #[arg(value_parser = MissionId::parse)]
        mission: MissionId,
        /// Which version [default: the newest]
        #[arg(long, value_name = "N")]
        number: Option<u32>,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Write a state to stdout; it holds secrets in clear
    #[command(after_help = "Examples:\n  (umask 077; quarterdeck state export web > web.tfstate)")]
    Export {
        /// The mission's name or id.
        #[arg(value_parser = MissionId::parse)]
        mission: MissionId,
        /// Which version [default: the newest]
        #[arg(long, value_name = "N")]
        number: Option<u32>,
    },
    /// Make a state the newest version; its serial must be higher
    #[command(after_help = "Examples:\n  quarterdeck state import web web.tfstate")]
    Import {
        /// The mission's name or id.
        #[arg(value_parser = MissionId::parse)]
        mission: MissionId,
        /// The state.
        file: PathBuf,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Remove a lock whose worker is known to be gone
    #[command(after_help = "Examples:\n  quarterdeck state unlock web")]
    Unlock {
        /// The mission's name or id.
        #[arg(value_parser = MissionId::parse)]
        mission: MissionId,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
}

impl StateCommand {
    pub(super) fn output(&self) -> Output {
        match self {
            StateCommand::List { output }
            | StateCommand::Show { output, .. }
            | StateCommand::Import { output, .. }
            | StateCommand::Unlock { output, .. } => *output,
            StateCommand::Export { .. } => Output::Table,
        }
    }
}

/// What `doctor` takes.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// Missions whose provider is held against the engine.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Ask Gemini whether key and model are good.
    #[arg(long)]
    pub online: bool,
    /// Look at a Kubernetes cluster, as `run --kubernetes` chooses it: what a host would need there, and may. Nothing is written.
    #[arg(long)]
    pub kubernetes: bool,
    /// Look at the Kubernetes cluster of this context of the kubeconfig.
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The host would look after the missions that are objects of the cluster.
    #[arg(long, requires = "workers")]
    pub missions: bool,
    /// Its workers would be Jobs of the cluster, as this file says.
    #[arg(long, value_name = "FILE")]
    pub workers: Option<PathBuf>,
    /// The operator's rules, as YAML.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The Docker engine's socket [default: $DOCKER_HOST or /var/run/docker.sock]
    #[arg(long, value_name = "SOCK")]
    pub engine: Option<PathBuf>,
    /// The Terraform program [default: $QUARTERDECK_TERRAFORM or the first on $PATH]
    #[arg(long, value_name = "BIN")]
    pub terraform: Option<PathBuf>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

fn duration(text: &str) -> Result<Duration, String> {
    let signed: jiff::SignedDuration =
        text.parse().map_err(|_| "use a number and a unit, such as 30s, 10m or 1h".to_owned())?;
    Duration::try_from(signed)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "it must be more than nothing".to_owned())
}

fn autonomy(text: &str) -> Result<Autonomy, String> {
    match text {
        "off" => Ok(Autonomy::Off),
        "suggest" => Ok(Autonomy::Suggest),
        "approve" => Ok(Autonomy::Approve),
        "auto" => Ok(Autonomy::Auto),
        _ => Err("use off, suggest, approve or auto".to_owned()),
    }
}
