//! Terraform's part of a run: init, then plan and show, or the apply of exactly what was approved.
//!
//! Destruction is a plan too, and is applied like any other. What is applied is a saved plan, which asks for nothing.

use std::path::Path;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::order::{ApplyInput, End, KINDS_MAX, PlanDanger, SavedPlan, StateRef};
use quarterdeck_core::preflight;
use quarterdeck_core::situation::{ChangeSummary, Failure, Operation};
use quarterdeck_core::terraform::Grants;
use quarterdeck_core::terraform::allow::StaticFacts;
use quarterdeck_core::terraform::plan::{Action, Counts, Danger, PLAN_BYTES_MAX, PlanFacts, parse_plan};
use quarterdeck_core::terraform::providers::{LOCK_BYTES_MAX, LockFile};
use quarterdeck_core::terraform::state_json::parse_state;
use quarterdeck_core::terraform::ui_events::{self, Severity, UiEvent, parse_line};

use crate::engine::Engine;
use crate::events::Events;
use crate::failure::{MESSAGE_BYTES_MAX, classify, failure};
use crate::inputs::Inputs;
use crate::outcome::{Done, Halt};
use crate::states::reference;
use crate::tool::{Ended, Interrupted, Tool};
use crate::unpack::{self, LOCK_FILE};
use crate::{disk, engine};

/// Terraform waits this long for a lock that somebody holds before it gives up: another run of the mission that ends.
const LOCK_TIMEOUT: &str = "-lock-timeout=30s";
/// A saved plan has at most this many bytes (64 MiB): it holds the plan, the state and the files, compressed.
const SAVED_BYTES_MAX: usize = 64 << 20;
/// A saved plan tells at most this many addresses.
const TOUCHES_MAX: usize = 64;
/// At most this many errors stand in a failure's message.
const ERRORS_MAX: usize = 5;

/// One run of Terraform for one order.
pub(crate) struct Session<'a> {
    pub(crate) inputs: &'a Inputs,
    /// What the mission's files say of themselves.
    pub(crate) facts: StaticFacts,
    pub(crate) engine: Engine,
    pub(crate) events: Events,
    pub(crate) tool: Tool,
    /// The state that the host had at the start.
    pub(crate) first: Option<Vec<u8>>,
    /// Terraform and its version, once it has said so.
    pub(crate) version: Option<String>,
}

/// What a command said beside its output.
#[derive(Default)]
struct Heard {
    errors: Vec<String>,
    sums: Option<ui_events::ChangeSummary>,
    unknown_format: Option<String>,
}

impl Session<'_> {
    /// Does what was ordered.
    pub(crate) async fn run(&mut self) -> Result<Done, Halt> {
        match self.inputs.order.key.operation {
            Operation::Plan => self.plan(false).await,
            Operation::PlanDestroy => self.plan(true).await,
            Operation::Apply => self.apply().await,
            Operation::Check | Operation::Configure | Operation::Scan => {
                Err(failure("usage", "this worker runs Terraform alone", false).into())
            }
        }
    }

    async fn plan(&mut self, destroys: bool) -> Result<Done, Halt> {
        self.step("init", &["init", "-input=false", "-no-color"]).await?;
        let folder = self.inputs.folder.clone();
        let (saved, json) = (folder.saved_out(), folder.json_out());
        let out = format!("-out={}", saved.display());
        let mut arguments = vec!["plan", "-json", "-input=false", LOCK_TIMEOUT, out.as_str()];
        if destroys {
            arguments.push("-destroy");
        }
        let heard = self.step("plan", &arguments).await?;
        if let Some(format) = heard.unknown_format {
            let message = format!("this Terraform's output has the format {format}, which we do not know");
            return Err(failure("missing-tool", message, false).into());
        }
        let json_bytes = self.show("show", &saved, &json).await?;
        let facts = parse_plan(&json_bytes).map_err(|error| failure("other", error.to_string(), false))?;
        self.version.get_or_insert(facts.tool());
        if facts.errored || !facts.complete {
            return Err(failure("other", "the plan is not whole", true).into());
        }
        let longest = facts.kinds().longest();
        if longest > KINDS_MAX {
            let message =
                format!("the plan touches {longest} types of resources, more than the {KINDS_MAX} that are ruled on");
            return Err(failure("usage", message, false).into());
        }
        self.believe(&facts, destroys).await?;
        let input = ApplyInput {
            saved: Digest::of(&read(&saved, SAVED_BYTES_MAX)?),
            json: Digest::of(&json_bytes),
            lock: self.keep_lock_file()?,
            state: self.state()?,
            destroy: destroys,
            tool: Some(facts.tool()),
        };
        let rendered = self.render(&facts)?;
        let grants = unpack::grants(&self.inputs.order.grants)?;
        let mut saved = saved_plan(input, &facts, rendered, &grants);
        let dangers = saved.dangers.iter_mut().flat_map(|danger| [&mut danger.address, &mut danger.detail]);
        let made = saved.makes.iter_mut().flat_map(|made| [&mut made.name, &mut made.address]);
        // Whoever makes a secret a part of a name has not made it one.
        for text in dangers.chain(made).chain(&mut saved.touches) {
            *text = self.events.without_secrets(text);
        }
        Ok(Done::Planned(Box::new(saved)))
    }

    async fn apply(&mut self) -> Result<Done, Halt> {
        let folder = self.inputs.folder.clone();
        let input = self.inputs.order.apply.clone().expect("the inputs were refused without it");
        let saved = folder.saved_in();
        same(&saved, SAVED_BYTES_MAX, input.saved, "the saved plan")?;
        let approved = same(&folder.json_in(), PLAN_BYTES_MAX, input.json, "the plan's JSON")?;
        if let Some(lock) = input.lock {
            let bytes = same(&folder.lock_in(), LOCK_BYTES_MAX, lock, "the provider lock file")?;
            write(&folder.terraform().join(LOCK_FILE), &bytes)?;
        }
        if self.state()? != input.state {
            let message = "the state has moved on since the plan was made: make a new plan";
            return Err(failure("conflict", message, false).into());
        }
        self.step("init", &["init", "-input=false", "-no-color", "-lockfile=readonly"]).await?;
        let again = self.show("show", &saved, &folder.root().join("again.json")).await?;
        let facts = parse_plan(&again).map_err(|error| failure("other", error.to_string(), false))?;
        self.version.get_or_insert(facts.tool());
        if input.tool.as_deref() != Some(facts.tool().as_str()) {
            let made = input.tool.as_deref().unwrap_or("a tool that nobody knows");
            let message = format!("the plan was made by {made} and this is {}: make a new plan", facts.tool());
            return Err(failure("conflict", self.events.safe(&message, MESSAGE_BYTES_MAX), true).into());
        }
        if again != approved {
            return Err(failure("conflict", "the saved plan renders differently from what was approved", false).into());
        }
        let grants = unpack::grants(&self.inputs.order.grants)?;
        if let Some(danger) = facts.refused(&grants).next() {
            let message = format!("{}: {} ({}) is not granted", danger.address, danger.kind.name(), danger.detail);
            return Err(failure("denied", self.events.safe(&message, MESSAGE_BYTES_MAX), false).into());
        }
        let path = saved.display().to_string();
        let heard = self.step("apply", &["apply", "-json", "-input=false", LOCK_TIMEOUT, path.as_str()]).await?;
        Ok(Done::Applied(applied(heard.sums.as_ref(), &facts.counts)))
    }

    /// Runs one command, if the engine will listen to its provider; anything but its success is a failure.
    async fn step(&mut self, step: &str, arguments: &[&str]) -> Result<Heard, Halt> {
        self.ask_engine().await?;
        self.events.say("step", step);
        let mut heard = Heard::default();
        let (events, version) = (&mut self.events, &mut self.version);
        let mut line = |line: &str| {
            let event = parse_line(line);
            heard.listen(&event, version);
            events.note(&event);
        };
        let ended = self.tool.run(step, arguments, &mut line).await;
        self.judge(step, ended, &heard).map(|()| heard)
    }

    /// `show -json` of a saved plan, into a file. The provider only tells its schema here, so the engine is not asked.
    async fn show(&mut self, step: &str, saved: &Path, out: &Path) -> Result<Vec<u8>, Halt> {
        self.events.say("step", step);
        let path = saved.display().to_string();
        let ended = self.tool.run_into(step, &["show", "-json", path.as_str()], out).await;
        self.judge(step, ended, &Heard::default())?;
        Ok(read(out, PLAN_BYTES_MAX)?)
    }

    fn judge(&mut self, step: &str, ended: std::io::Result<Ended>, heard: &Heard) -> Result<(), Halt> {
        let ended = ended.map_err(|error| {
            let kind = if error.kind() == std::io::ErrorKind::NotFound { "missing-tool" } else { "other" };
            failure(kind, format!("start {}: {error}", self.inputs.config.terraform.display()), false)
        })?;
        // Secrets are looked for before the text is taken apart: one may be broken over its lines.
        let stderr = self.events.without_secrets(&unframed(&ended.stderr));
        for line in stderr.lines().take(200) {
            self.events.note(&UiEvent::Text(line.to_owned()));
        }
        if ended.success() {
            return Ok(());
        }
        let words = format!("{step}: {}", ended.words());
        match ended.interrupted {
            Some(Interrupted::Told) => {
                let failure = failure("cancelled", format!("{words}, after it was told to stop"), true);
                return Err(Halt { end: End::Cancelled, failure });
            }
            Some(Interrupted::Late) => {
                return Err(failure("timeout", format!("{words}, after its time was over"), true).into());
            }
            None => {}
        }
        let said = if heard.errors.is_empty() { plain(&stderr) } else { heard.errors.join("; ") };
        let said = self.events.safe(&said, MESSAGE_BYTES_MAX);
        let mut failure = classify(&said, &words);
        if ended.was_killed() && failure.kind == "other" {
            failure.kind = "crashed".to_owned();
            failure.message = format!("{words}: by hand, or for want of memory");
        }
        Err(failure.into())
    }

    /// Asks the engine which API it serves, now: it may be another one than the host looked at last, and before `plan`
    /// the lock file tells which release `init` has chosen.
    async fn ask_engine(&self) -> Result<(), Failure> {
        let needs = self.facts.provider_needs(self.chosen()?.as_ref());
        if !needs.iter().any(preflight::of_docker) {
            return Ok(());
        }
        let engine = self.engine.version().await.map_err(|why| {
            let message = format!("ask the engine at {}: {why}", self.inputs.config.engine.display());
            failure("unreachable", self.events.safe(&message, MESSAGE_BYTES_MAX), true)
        })?;
        let Some(hold) = preflight::held(&needs, engine.api) else { return Ok(()) };
        let preflight::Hold { provider, speaks, cure, .. } = hold;
        let message = format!("{provider} speaks API {speaks} at most and is refused by the {engine}: {cure}");
        // It may be tried again: another engine is a cure too.
        Err(failure("version-mismatch", self.events.safe(&message, MESSAGE_BYTES_MAX), true))
    }

    /// The providers that `init` has chosen, or that the mission or the approved plan pins.
    fn chosen(&self) -> Result<Option<LockFile>, Failure> {
        let path = self.inputs.folder.terraform().join(LOCK_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = String::from_utf8(read(&path, LOCK_BYTES_MAX)?)
            .map_err(|error| failure("other", format!("read {}: {error}", path.display()), false))?;
        LockFile::parse(&text).map(Some).map_err(|error| failure("other", error.to_string(), false))
    }

    /// Asks the engine for what the plan takes for gone.
    async fn believe(&mut self, facts: &PlanFacts, destroys: bool) -> Result<(), Failure> {
        let Some(state) = self.first.as_deref().and_then(|bytes| parse_state(bytes).ok()) else { return Ok(()) };
        let gone = engine::said_gone(&state, facts, destroys);
        match self.engine.still_there(&gone).await {
            None => Ok(()),
            Some(object) => {
                let message = format!(
                    "the provider takes {} for gone and the engine still has it: it speaks an API that this engine \
                     refuses, or it was refused otherwise; nothing was changed",
                    object.address
                );
                Err(failure("version-mismatch", self.events.safe(&message, MESSAGE_BYTES_MAX), false))
            }
        }
    }

    /// What the state was when we began.
    fn state(&self) -> Result<Option<StateRef>, Failure> {
        let first = self.first.as_deref().map(reference).transpose();
        first.map_err(|error| failure("conflict", format!("the host's state: {error}"), false))
    }

    fn keep_lock_file(&self) -> Result<Option<Digest>, Failure> {
        let path = self.inputs.folder.terraform().join(LOCK_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = read(&path, LOCK_BYTES_MAX)?;
        write(&self.inputs.folder.lock_out(), &bytes)?;
        Ok(Some(Digest::of(&bytes)))
    }

    fn render(&self, facts: &PlanFacts) -> Result<Digest, Failure> {
        let lines = facts.lines();
        let safe: Vec<String> = lines.iter().map(|line| self.events.safe(line, MESSAGE_BYTES_MAX)).collect();
        let text = safe.join("\n") + "\n";
        write(&self.inputs.folder.rendered_out(), text.as_bytes())?;
        Ok(Digest::of(text.as_bytes()))
    }
}

impl Heard {
    fn listen(&mut self, event: &UiEvent, version: &mut Option<String>) {
        if let UiEvent::Version { terraform, ui, known } = event {
            *version = Some(format!("terraform {}", terraform.chars().take(40).collect::<String>()));
            self.unknown_format = (!known).then(|| ui.chars().take(40).collect());
        }
        if let UiEvent::ChangeSummary(sums) = event {
            self.sums = Some(sums.clone());
        }
        if let UiEvent::Diagnostic(said) = event
            && said.severity == Severity::Error
            && self.errors.len() < ERRORS_MAX
        {
            let about = if said.address.is_empty() { String::new() } else { format!(" ({})", said.address) };
            let detail = if said.detail.is_empty() { String::new() } else { format!(": {}", said.detail) };
            self.errors.push(format!("{}{about}{detail}", said.summary));
        }
    }
}

/// Terraform's words for people, without the frame that it draws around them.
fn unframed(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_start_matches(['│', '╷', '╵', '|']).trim());
    lines.collect::<Vec<_>>().join("\n")
}

/// A text in one line.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Terraform counts a replacement as one made and one destroyed; which they were, the plan knows.
fn applied(sums: Option<&ui_events::ChangeSummary>, planned: &Counts) -> ChangeSummary {
    let Some(sums) = sums else { return ChangeSummary::default() };
    let replaces = planned.replaces.min(sums.add).min(sums.remove);
    ChangeSummary { adds: sums.add - replaces, changes: sums.change, destroys: sums.remove - replaces, replaces }
}

fn saved_plan(input: ApplyInput, facts: &PlanFacts, rendered: Digest, grants: &Grants) -> SavedPlan {
    let counts = &facts.counts;
    let summary = ChangeSummary {
        adds: counts.adds,
        changes: counts.changes,
        destroys: counts.destroys,
        replaces: counts.replaces,
    };
    let touch = |change: &quarterdeck_core::terraform::plan::ResourceChange| {
        format!("{} {}", action(change.action), change.address)
    };
    SavedPlan {
        input,
        summary,
        rendered,
        dangers: facts.dangers.iter().map(|found| danger(found, grants)).collect(),
        touches: facts.changes.iter().take(TOUCHES_MAX).map(touch).collect(),
        kinds: facts.kinds(),
        changes: facts.change_set(),
        makes: facts.makes(),
    }
}

/// A type, data source or provider is granted by its own name, which the gate does not look for: it asks for kinds.
fn danger(found: &Danger, grants: &Grants) -> PlanDanger {
    let by_name = !found.subject.is_empty() && found.granted(grants);
    PlanDanger {
        kind: found.kind.name().to_owned(),
        address: found.address.clone(),
        detail: found.detail.clone(),
        makes_root: found.makes_root && !by_name,
    }
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Destroy => "destroy",
        Action::Replace => "replace",
        Action::Forget => "forget",
        Action::Update => "update",
        Action::Create => "create",
        Action::Read => "read",
        Action::Move => "move",
        Action::NoOp => "keep",
    }
}

fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    disk::read_bounded(path, bytes_max)
        .map_err(|error| failure("other", format!("read {}: {error}", path.display()), true))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    disk::write_whole(path, bytes).map_err(|error| failure("other", format!("write {}: {error}", path.display()), true))
}

/// The bytes of a file that must be the approved ones.
fn same(path: &Path, bytes_max: usize, digest: Digest, what: &str) -> Result<Vec<u8>, Failure> {
    let bytes = read(path, bytes_max)?;
    if Digest::of(&bytes) == digest {
        return Ok(bytes);
    }
    Err(failure("conflict", format!("{what} is not the one that was approved"), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_is_counted_as_one() {
        let sums = ui_events::ChangeSummary { add: 3, change: 1, remove: 1, import: 0, operation: "apply".into() };
        let planned = Counts { adds: 2, replaces: 1, ..Counts::default() };
        let counted = applied(Some(&sums), &planned);
        assert_eq!((counted.adds, counted.changes, counted.destroys, counted.replaces), (2, 1, 0, 1));
    }

    #[test]
    fn frames_are_not_words() {
        assert_eq!(plain(&unframed("╷\n│ Error: no\n│  provider\n╵\n")), "Error: no provider");
    }
}
