//! Guests for tests, made of text: a core module in WAT becomes a component of the contract.
//!
//! A line `;; include NAME` stands for `tests/guests/NAME.wat`, so that a hostile guest shows only what is hostile. A
//! line `;; world NAME` says that the guest is of the world NAME, which `tests/guests/NAME.wit` adds to the contract.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use quarterdeck_core::decision::{Action, BuildStep, Decision, Proposal};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The contract's own text.
pub const CONTRACT: &str = include_str!("../../wit/policy.wit");

/// The folder of guests.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests")
}

/// The text of a guest, such as `floor`, or `hostile/loop-forever` in `tests/hostile`, with what it includes.
///
/// # Errors
/// Where there is no such file.
pub fn text(name: &str) -> Result<String> {
    let path = match name.strip_prefix("hostile/") {
        Some(name) => Path::new(env!("CARGO_MANIFEST_DIR")).join("hostile").join(format!("{name}.wat")),
        None => folder().join(format!("{name}.wat")),
    };
    let text = std::fs::read_to_string(&path).with_context(|| format!("read the guest {}", path.display()))?;
    let line = |line: &str| match line.trim().strip_prefix(";; include ") {
        Some(included) => self::text(included),
        None => Ok(line.to_owned()),
    };
    Ok(text.lines().map(line).collect::<Result<Vec<_>>>()?.join("\n"))
}

/// A guest as bytes: a core module is made a component of the contract, anything else is taken as it is.
///
/// # Errors
/// Where the text is not what WAT has.
pub fn named(name: &str) -> Result<Vec<u8>> {
    let text = text(name)?;
    if text.contains("(component") || text.contains("As it is.") {
        return wat::parse_str(&text).with_context(|| format!("assemble the guest {name}"));
    }
    let world = text.lines().find_map(|line| line.trim().strip_prefix(";; world "));
    let made = match world {
        None => component(&text, CONTRACT),
        Some(world) => {
            let path = folder().join(format!("{world}.wit"));
            let added = std::fs::read_to_string(&path).with_context(|| format!("read the world {}", path.display()))?;
            of_world(&text, &format!("{CONTRACT}{added}"), world)
        }
    };
    made.with_context(|| format!("make a component of the guest {name}"))
}

/// Makes a component of a core module, for the world `policy` of a contract: ours, or a test's variant of it.
///
/// # Errors
/// Where the text is no module, or lacks what the world demands.
pub fn component(module: &str, contract: &str) -> Result<Vec<u8>> {
    of_world(module, contract, "policy")
}

pub(crate) fn of_world(module: &str, contract: &str, world: &str) -> Result<Vec<u8>> {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("policy.wit", contract)?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut module = wat::parse_str(module)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
    // Unvalidated: what a hostile guest is refused for is the host's to say.
    ComponentEncoder::default().validate(false).module(&module)?.encode()
}

/// Where the words of a guest that says one thing lie; what the host tells it is put behind them.
const WORDS: usize = 4_096;
const TOLD: usize = 1 << 20;
/// A proposal's size, and where in it the action's own part begins: the canonical layout of the contract's records.
const PROPOSAL_BYTES: usize = 80;
const ACTION: usize = 24;

/// A guest that says this in every turn, whatever it is shown. It names `build`, with the operations `plan` and `apply`,
/// as all that it does, and writes memos.
///
/// # Errors
/// Where it says something else than builds, or more than there is room for.
pub fn saying(decision: &Decision) -> Result<Vec<u8>> {
    let mut said = Said { bytes: vec![0; decision.proposals.len() * PROPOSAL_BYTES] };
    for (index, proposal) in decision.proposals.iter().enumerate() {
        said.proposal(index * PROPOSAL_BYTES, proposal)?;
    }
    let proposals = pair(WORDS, decision.proposals.len());
    let rationale = said.text(decision.rationale.as_bytes());
    let memo = match &decision.memo {
        Some(memo) => [&[1, 0, 0, 0], &said.text(memo)[..]].concat(),
        None => vec![0; 12],
    };
    let (kinds, operations, format) = (said.text(&[0]), said.text(&[0, 2]), said.text(b"said/1"));
    if said.bytes.len() > TOLD - WORDS {
        bail!("{} bytes are more than a guest here can say", said.bytes.len());
    }
    // The result's case and the decision: nothing is said about when to look again.
    let decided = [&[0; 8][..], &proposals, &rationale, &memo].concat();
    let described = [&kinds[..], &operations, &[0; 8], &format].concat();
    let data = [(40, &described), (128, &decided), (WORDS, &said.bytes)];
    let data: String = data.map(|(at, bytes)| format!("(data (i32.const {at}) \"{}\")\n", hex(bytes))).concat();
    let prelude = text("prelude")?
        .replace("(memory $memory (export \"memory\") 1)", "(memory $memory (export \"memory\") 32)")
        .replace("(global $top (mut i32) (i32.const 4096))", &format!("(global $top (mut i32) (i32.const {TOLD}))"));
    let decide = "(func (export \"quarterdeck:policy/decider@0.1.0#decide\") (param i32) (result i32) (i32.const 128))";
    let module = format!("(module\n{prelude}\n{}\n{}\n{data}{decide})", text("allocator")?, text("describe")?);
    component(&module, CONTRACT).context("make a component of a guest that says one thing")
}

/// The words of a guest, which grow behind its proposals.
struct Said {
    bytes: Vec<u8>,
}

impl Said {
    /// Keeps a text; the address and length of it.
    fn text(&mut self, text: &[u8]) -> [u8; 8] {
        let at = WORDS + self.bytes.len();
        self.bytes.extend_from_slice(text);
        pair(at, text.len())
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn proposal(&mut self, at: usize, Proposal { key, cites, action }: &Proposal) -> Result<()> {
        let Action::Build { order, step } = action else { bail!("a guest here says only builds") };
        let cites: Vec<[u8; 8]> = cites.iter().map(|cite| self.text(cite.as_bytes())).collect();
        // A list of texts must begin at a multiple of four.
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let listed = self.text(&cites.concat());
        let cites = [&listed[..4], &u32::try_from(cites.len())?.to_le_bytes()].concat();
        let parts = [self.text(key.as_bytes()).to_vec(), cites].concat();
        self.put(at, &parts);
        let (mission, plan) =
            (self.text(order.mission.as_str().as_bytes()), self.text(order.plan.to_string().as_bytes()));
        let mut build = [&mission[..], &order.generation.to_le_bytes(), &plan].concat();
        build.extend(match &order.remedy {
            Some(remedy) => [&[1, 0, 0, 0], &self.text(remedy.as_bytes())[..]].concat(),
            None => vec![0; 12],
        });
        build.extend(match step {
            BuildStep::Plan => vec![0; 12],
            BuildStep::PlanDestroy => [&[1, 0, 0, 0][..], &[0; 8]].concat(),
            BuildStep::Apply(artifact) => [&[2, 0, 0, 0], &self.text(artifact.to_string().as_bytes())[..]].concat(),
        });
        self.put(at + ACTION, &build);
        Ok(())
    }
}

/// An address and a length.
fn pair(at: usize, length: usize) -> [u8; 8] {
    let small = |number: usize| u32::try_from(number).expect("a guest here has a megabyte").to_le_bytes();
    [small(at), small(length)].concat().try_into().expect("two numbers")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _a_string_takes_all = write!(text, "\\{byte:02x}");
        text
    })
}
