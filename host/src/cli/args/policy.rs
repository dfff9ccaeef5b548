//! `policy …`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::author::Language;
use crate::cli::print::Output;
use crate::decide::child::{Allowance, Task};
use crate::registry::PolicyReference;

/// What can be done with policies.
#[derive(Clone, Debug, Subcommand)]
pub enum PolicyCommand {
    /// Upload a component to the running host: it is checked, kept on the shelf, and decides nothing yet
    #[command(after_help = "Examples:
  quarterdeck policy push lookout.wasm
  quarterdeck policy push oci://registry.example.com/team/lookout@sha256:…")]
    Push(PushArgs),
    /// List the policies on the shelf, and what each is now
    #[command(after_help = "Examples:\n  quarterdeck policy list\n  quarterdeck policy list -o wide")]
    List {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Show a policy: where it comes from, and the report of its upload
    #[command(after_help = "Examples:\n  quarterdeck policy show lookout\n  quarterdeck policy show active -o json")]
    Show {
        /// Its digest or the first digits of it, its name, name@version, or `active`.
        policy: String,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Compare two policies: what they say of themselves, and what each would have decided
    #[command(after_help = "Examples:
  quarterdeck policy diff active lookout
  quarterdeck policy diff lookout@0.1.0 ./lookout.wasm --turns 1000

Exit code 1 where they differ.")]
    Diff(DiffArgs),
    /// Let a policy decide, from the next turn on; where the charter says so once people have said yes
    #[command(after_help = "Examples:
  quarterdeck policy activate lookout
  quarterdeck policy activate 41e29b0c --set replan-after-seconds=60
  quarterdeck policy activate lookout --after 100       (once it was the shadow for 100 turns with no refusal)")]
    Activate(ActivateArgs),
    /// Ask a policy after each turn, with nothing following from it; without a name, say what came of it so far
    #[command(after_help = "Examples:
  quarterdeck policy shadow lookout
  quarterdeck policy shadow
  quarterdeck policy shadow --stop")]
    Shadow(ShadowArgs),
    /// Let the policy decide that decided before, from the next turn on
    #[command(
        after_help = "Examples:\n  quarterdeck policy rollback\n  quarterdeck policy rollback --comment 'it planned too often'"
    )]
    Rollback {
        /// A sentence for the journal.
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// List the policies that decided here, and what became of the memo each time
    #[command(after_help = "Examples:\n  quarterdeck policy history")]
    History {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Take a component off the shelf
    #[command(after_help = "Examples:\n  quarterdeck policy remove lookout@0.1.0")]
    Remove {
        /// Its digest or the first digits of it, its name, or name@version.
        policy: String,
    },
    /// Let a policy be activated again that was fenced, since it failed too often
    #[command(
        after_help = "Examples:\n  quarterdeck policy unfence lookout --comment 'it had no memory for large plans'"
    )]
    Unfence {
        /// Its digest or the first digits of it, its name, or name@version.
        policy: String,
        /// A sentence for the journal.
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// Begin a policy: a small project that builds with one command, with a README and cases
    #[command(after_help = "Examples:
  quarterdeck policy new --lang rust web-keeper
  quarterdeck policy new --lang python web-keeper --path policies/web-keeper

Nothing is overwritten: the folder must be new or empty.")]
    New {
        /// What to write it in.
        #[arg(long, value_enum)]
        lang: Language,
        /// What it is called: a-z, 0-9 and -.
        name: String,
        /// Where to write it; a folder of its name here, where it is not given.
        #[arg(long, value_name = "DIR")]
        path: Option<PathBuf>,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Build a policy's project into a component, with the compiler at hand
    #[command(after_help = "Examples:
  quarterdeck policy build
  quarterdeck policy build policies/web-keeper --out web-keeper.wasm
  quarterdeck policy build -o json

It takes a folder that `policy new` has written, and writes NAME.wasm into it. What the compiler says goes to stderr. A compiler
that is not here is named, with how to get it (exit code 3).")]
    Build {
        /// The project.
        #[arg(default_value = ".", value_name = "DIR")]
        folder: PathBuf,
        /// Where to write the component.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Make all checks of an upload, without a host
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Say what a component is, and whether it could decide here
    #[command(after_help = "Examples:\n  quarterdeck policy inspect guest-policies/prebuilt/steward.wasm")]
    Inspect {
        /// The component.
        file: PathBuf,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Make a key to sign policies with; prints its public half
    #[command(after_help = "Examples:
  quarterdeck policy keygen ada.key            (ada.key for you alone, ada.key.pub for the operator)
  quarterdeck policy keygen ada.key -o json")]
    Keygen {
        /// Where the private key is put; the public one lies beside it, as FILE.pub.
        file: PathBuf,
        /// How to print the public half.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Sign what a component is and may do; prints the manifest that was signed
    #[command(after_help = "Examples:
  quarterdeck policy sign lookout.wasm --key ada.key      (puts lookout.wasm.sig beside it, or adds to it)
  quarterdeck policy sign lookout.wasm --key bob.key --signature reviewed.sig

docs/signatures.md says byte by byte what is signed, and how to check it without this program.")]
    Sign {
        /// The component.
        #[arg(value_name = "FILE.wasm")]
        file: PathBuf,
        /// Your private key: Ed25519 in PKCS#8, as PEM.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The file of signatures [default: FILE.wasm.sig]
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
        /// How to print the manifest.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Ask whether enough of those who count have signed a component
    #[command(after_help = "Examples:
  quarterdeck policy verify lookout.wasm --config numbers.yaml
  quarterdeck policy verify lookout.wasm --key ada.key.pub --key bob.key.pub --needed 1
  quarterdeck policy verify lookout.wasm --signature cosign.bundle --key cosign.pub

No certificate and no transparency log is looked at; docs/signatures.md says what is.")]
    Verify(VerifyPolicyArgs),
    /// Fetch a policy and its signatures from a registry; prints its reference by digest
    #[command(after_help = "Examples:
  quarterdeck policy pull oci://registry.example.com/team/lookout:1.2 -o lookout.wasm
  quarterdeck policy pull oci://registry.example.com/team/lookout@sha256:… -o lookout.wasm --force

Signatures are put beside it, as FILE.wasm.sig. Logins are those of `docker login`.")]
    Pull {
        /// oci://HOST/REPOSITORY:TAG, or …@sha256:…
        reference: PolicyReference,
        /// Where to put the component.
        #[arg(short, long, value_name = "FILE.wasm")]
        output: PathBuf,
        /// Write over what is there.
        #[arg(long)]
        force: bool,
    },
    /// Store a policy and its signatures in a registry; prints its reference by digest
    #[command(after_help = "Examples:
  quarterdeck policy publish lookout.wasm oci://registry.example.com/team/lookout:1.2
  quarterdeck policy publish lookout.wasm oci://127.0.0.1:5000/lookout:1.2 --signature reviewed.sig

docs/registries.md says what is stored. Logins are those of `docker login`.")]
    Publish {
        /// The component.
        #[arg(value_name = "FILE.wasm")]
        file: PathBuf,
        /// oci://HOST/REPOSITORY:TAG
        reference: PolicyReference,
        /// The signatures to publish with it [default: FILE.wasm.sig, where it is there]
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
    },
    /// Ask a policy about situations, and say where it does not decide what is expected
    #[command(after_help = "Examples:
  quarterdeck policy test lookout.wasm cases
  quarterdeck policy test lookout.wasm cases told-once
  quarterdeck policy test lookout.wasm cases --bless

A case is a file NAME.yaml or NAME.json; what is empty may be left out:
  situation:              # as `journal show TURN --situation` prints it
    turn: 7
    now: 1767225600000    # milliseconds since 1970
    findings: [...]
  decision:               # or `failure: trap`, where the policy shall fail
    proposals: [...]
    rationale: I tell 1 thing.

Exit code 1 where something differs.")]
    Test {
        /// The component.
        file: PathBuf,
        /// The folder of cases.
        cases: PathBuf,
        /// Only these cases, by name.
        #[arg(value_name = "CASE")]
        names: Vec<String>,
        /// Write what is decided into each case that expects something else.
        #[arg(long)]
        bless: bool,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Measure what a decision costs, against a policy that does nothing
    #[command(after_help = "Examples:
  quarterdeck policy bench lookout.wasm
  quarterdeck policy bench lookout.wasm cases --turns 1000 -o json

Samples have about 1, 16 and 64 KiB. Times move with the load of the machine; `times`, the median by that of the floor in the
same run, moves little, fuel and memory not at all.")]
    Bench {
        /// The component.
        file: PathBuf,
        /// Ask about the situations of these cases, and not about samples.
        cases: Option<PathBuf>,
        /// How often it is asked about each situation.
        #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        turns: u32,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
}

/// What `policy verify` takes.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct VerifyPolicyArgs {
    /// The component.
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,
    /// The signatures: a file of ours, a bundle of `cosign sign-blob`, or one signature in base64 [default: FILE.wasm.sig]
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// The operator's numbers: whose signatures count, and how many are needed.
    #[arg(long, value_name = "FILE", required_unless_present = "key", conflicts_with_all = ["key", "needed"])]
    pub config: Option<PathBuf>,
    /// A public key that counts, as PEM: Ed25519, or ECDSA on P-256.
    #[arg(long, value_name = "PEM")]
    pub key: Vec<PathBuf>,
    /// So many of those keys must have signed [default: all of them]
    #[arg(long, value_name = "NUMBER")]
    pub needed: Option<u32>,
    /// How to print who signed.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

const CHECK_EXAMPLES: &str = "Examples:
  quarterdeck policy check guest-policies/prebuilt/steward.wasm
  quarterdeck policy check candidate.wasm --turns 100     (and ask it about the journal's last turns)
  quarterdeck policy check candidate.wasm -o json

It is compiled and tried in a process without rights. Exit code 1 where a check refuses it.";

/// What `policy check` takes.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The component.
    pub file: PathBuf,
    /// Ask it about so many of the journal's last turns as well.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub turns: Option<u32>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// What `policy push` takes.
#[derive(Args, Clone, Debug)]
pub struct PushArgs {
    /// The component: a file, or oci://HOST/REPOSITORY:TAG or …@sha256:…
    #[arg(value_name = "FILE.wasm|oci://…")]
    pub source: String,
    /// The file of signatures [default: FILE.wasm.sig, where it is there]
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// How to print the report.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// What `policy activate` takes.
#[derive(Args, Clone, Debug)]
pub struct ActivateArgs {
    /// Its digest or the first digits of it, its name, or name@version.
    pub policy: String,
    /// A setting that the policy described; what is not set has its default.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// Only after so many turns as the shadow, with no failure and no refusal among them
    #[arg(long, value_name = "TURNS", value_parser = clap::value_parser!(u32).range(1..))]
    pub after: Option<u32>,
}

/// What `policy shadow` takes.
#[derive(Args, Clone, Debug)]
pub struct ShadowArgs {
    /// Which policy; without one, what the shadow would have done so far is shown.
    pub policy: Option<String>,
    /// A setting that the policy described.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting, requires = "policy")]
    pub set: Vec<(String, String)>,
    /// Ask no shadow any more
    #[arg(long, conflicts_with = "policy")]
    pub stop: bool,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// What a policy's child is started with.
#[derive(Clone, Debug, Args)]
pub struct PolicyChildArgs {
    /// What to do.
    pub task: Task,
    /// The memory that it may have, in bytes.
    #[arg(long)]
    data_bytes: u64,
    /// The processor time that it may have, in seconds.
    #[arg(long)]
    cpu_seconds: Option<u64>,
}

impl PolicyChildArgs {
    /// What it may take. The deadline is its host's to keep.
    pub fn allowance(&self) -> Allowance {
        Allowance { data_bytes: self.data_bytes, cpu_seconds: self.cpu_seconds, deadline: Duration::MAX }
    }
}

/// What `policy diff` takes.
#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    /// One policy: on the shelf, `active`, or a file.
    pub a: String,
    /// The other one.
    pub b: String,
    /// Ask both about so many of the journal's last turns
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub turns: u32,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// A setting on the command line.
fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a setting is KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
