//! `run`: a host in this process, and what it tells while it works.
//!
//! The host turns its loop whether or not anybody listens; this file only shows what happened, takes a person's answers
//! on a terminal, and knows when to end. Workers outlive it, and the next run adopts them.

mod screen;
mod teller;
mod until;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quarterdeck_core::ids::ApprovalId;
use quarterdeck_core::observation::{Command, Person};
use quarterdeck_core::situation::ApprovalState;
use quarterdeck_core::text::escape;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::answer::{self, Answer};
use super::args::RunArgs;
use super::exit::{Exit, Failure};
use super::place::World;
use super::print::{self, Output};
use super::{describe, get};
use crate::api::local::{self, Desk, SOCKET};
use crate::api::probes::{self, Probes};
use crate::api::webhook;
use crate::app::{self, Host, Update, Updates};
use crate::config::{self, Config, Given, KubernetesWanted};
use crate::driver::clock;
use crate::observe::files::MISSION_FILE;
use crate::view::{self, ApprovalView, MissionView, View};

pub use teller::{Event, Teller};
pub use until::{Until, outcome};

use screen::{Screen, typed};

/// A turn at least this often: a mission's files and the engine are looked at by others, this is for what they miss.
const INTERVAL: Duration = Duration::from_secs(30);

pub(super) async fn run(args: RunArgs, given: Given, world: Option<World>) -> Result<Exit, Failure> {
    if world == Some(World::Rehearsal) {
        let next = "leave --rehearsal out: without an engine or terraform the work is rehearsed by itself";
        return Err(Failure::new(Exit::Usage, "run can't be told to rehearse", next));
    }
    if args.workers.is_some() && args.paths.is_empty() && !args.missions {
        let next = "name a mission's folder, or give --missions for those that are objects of the cluster";
        return Err(Failure::new(Exit::Usage, "--workers has nobody to work for", next));
    }
    let screen = Screen::new(args.output);
    screen.busy(Some("starting".to_owned()));
    let sources = args.paths.iter().map(|path| source(path)).collect();
    let config = configure(&args, given, world == Some(World::Real))?;
    // The first turn may be over before anybody listens; it is told with the second.
    let teller = Teller::since(clock());
    let approvers = args.approvers.as_deref().map(config::group).transpose()?;
    let host = app::start(config).await?;
    let listener = local::listen(&host.folder.join(SOCKET), approvers)?;
    let updates = host.updates();
    let desk = Desk {
        shared: approvers.is_some(),
        book: host.book.clone(),
        blobs: host.blobs.clone(),
        states: host.states.clone(),
        uploads: host.uploads.clone(),
        commands: host.commands(),
        last: local::follow(host.updates()),
        clock,
    };
    if let Some(webhook) = config::webhook()? {
        let started = webhook::start(webhook, host.updates(), clock);
        started.map_err(|error| Failure::of(Exit::Failed, error, None))?;
    }
    let last = desk.last.clone();
    let server = tokio::spawn(local::serve(listener, desk));
    if let Some(address) = args.probes {
        let listener = probes::listen(address).await;
        let listener = listener.map_err(|error| {
            let error = anyhow::Error::new(error).context(format!("answer probes at {address}"));
            Failure::of(Exit::Failed, error, Some("name a free address with --probes".to_owned()))
        })?;
        tokio::spawn(probes::serve(listener, Probes { pulse: host.pulse.clone(), last, clock }));
    }
    tell_start(&screen, &host, args.output)?;
    let watch = Watch { screen, teller, host, sources, updates, args, last: None, asking: None, later: Vec::new() };
    let ended = watch.watch().await;
    server.abort();
    ended
}

/// The file that a mission of this path has for its source.
fn source(path: &Path) -> String {
    let file: PathBuf = if path.is_dir() { path.join(MISSION_FILE) } else { path.to_owned() };
    file.display().to_string()
}

fn configure(args: &RunArgs, given: Given, real: bool) -> Result<Config, Failure> {
    let given = Given {
        engine: args.engine.clone(),
        terraform: args.terraform.clone(),
        config: args.config.clone(),
        charter: args.charter.clone(),
        model: args.model.clone(),
        offline: args.offline,
        ..given
    };
    Ok(Config {
        data: config::data_folder(&given)?,
        missions: args.paths.clone(),
        real,
        yes: args.yes,
        paused: args.paused,
        amendment: config::amendment(&given)?,
        ceiling: args.autonomy,
        interval: INTERVAL,
        between: args.between_turns,
        engine: config::engine_socket(&given)?,
        kubernetes: (args.kubernetes || args.context.is_some() || args.workers.is_some())
            .then(|| KubernetesWanted { context: args.context.clone() }),
        mission_objects: args.missions,
        workers: args.workers.as_deref().map(config::workers).transpose()?,
        terraform: config::terraform(&given),
        tool_environment: config::tool_environment(),
        policy: args.policy.clone(),
        isolate: args.isolate,
        brain: Some(config::brain(&given)?),
    })
}

/// What was chosen for each port, and why.
fn tell_start(screen: &Screen, host: &Host, output: Output) -> Result<(), Failure> {
    let folder = host.folder.display().to_string();
    let pauses = view::look(&host.book.ledger(), None, clock()).pauses;
    if output == Output::Json {
        let choices: Vec<_> = host
            .choices
            .iter()
            .map(|(port, choice)| serde_json::json!({ "rehearsal": host.rehearsal, "port": port, "choice": choice }))
            .collect();
        let object = serde_json::json!({
            "rehearsal": host.rehearsal, "event": "started", "at": view::rfc3339(clock()), "data": folder,
            "choices": choices, "pauses": pauses,
        });
        return Ok(print::out(&print::line(&object))?);
    }
    let rows = host.choices.iter().map(|(port, choice)| vec![(*port).to_owned(), choice.clone()]);
    let rows = rows.chain([vec!["data".to_owned(), folder]]);
    screen.note(print::table(&["port", "adapter, and why"], rows).trim_end());
    if host.rehearsal {
        screen.note("[rehearsal] the work is simulated: nothing on this machine is changed");
    }
    let mark = if host.rehearsal { "[rehearsal] " } else { "" };
    pauses.iter().for_each(|pause| screen.note(&format!("{mark}{}", escape(&pause.message))));
    Ok(())
}

/// A host that is watched.
struct Watch {
    screen: Screen,
    teller: Teller,
    host: Host,
    sources: Vec<String>,
    updates: Updates,
    args: RunArgs,
    /// The last turn.
    last: Option<Arc<Update>>,
    /// The approval that a person is asked about here.
    asking: Option<ApprovalView>,
    /// Those that a person wants to decide later.
    later: Vec<ApprovalId>,
}

impl Watch {
    async fn watch(mut self) -> Result<Exit, Failure> {
        let mut lines = if self.asks_here() { typed() } else { mpsc::channel(1).1 };
        let mut asked_here = self.asks_here();
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let deadline = Instant::now() + self.args.timeout;
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let exit = loop {
            tokio::select! {
                update = self.updates.recv() => match update {
                    Ok(update) => {
                        if let Some(exit) = self.take(update).await? {
                            break exit;
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break Exit::Failed,
                },
                line = lines.recv(), if asked_here => match line {
                    Some(line) => self.answer(&line).await?,
                    None => asked_here = false,
                },
                _ = tick.tick() => {
                    if self.host.has_ended() {
                        break Exit::Failed;
                    }
                }
                () = tokio::time::sleep_until(deadline), if self.args.until_ready => break Exit::TimedOut,
                _ = interrupt.recv() => break Exit::Interrupted,
                _ = terminate.recv() => break Exit::Interrupted,
            }
        };
        self.end(exit).await
    }

    /// A person is asked right here.
    fn asks_here(&self) -> bool {
        self.screen.is_interactive() && !self.args.yes
    }

    /// Tells what a turn brought; the exit code where the run has come to its end.
    async fn take(&mut self, update: Arc<Update>) -> Result<Option<Exit>, Failure> {
        let view = view::look(&update.ledger, Some(&update.situation), clock());
        self.last = Some(update);
        let ask_here = self.asks_here() || self.args.yes;
        for event in self.teller.tell(&view) {
            self.screen.tell(&event, ask_here)?;
        }
        self.ask(&view).await;
        self.show_busy(&view);
        if !self.args.until_ready {
            return Ok(None);
        }
        match outcome(&view, &self.sources) {
            Until::Moving => Ok(None),
            Until::Reached => Ok(Some(Exit::Done)),
            Until::Stuck(missions) => {
                let mark = if view.rehearsal { "[rehearsal] " } else { "" };
                for (name, cause, next) in missions {
                    self.screen.note(&format!("{mark}error: mission {name}: {}", escape(&cause)));
                    self.screen.note(&format!("next: {}", escape(&next)));
                }
                Ok(Some(Exit::Failed))
            }
        }
    }

    /// Shows the next approval that waits, unless one is shown already.
    async fn ask(&mut self, view: &View) {
        if !self.asks_here() {
            return;
        }
        let pending = |approval: &&ApprovalView| approval.state == ApprovalState::Pending;
        if let Some(asking) = &self.asking {
            if view.approvals.iter().filter(pending).any(|approval| approval.id == asking.id) {
                return;
            }
            self.screen.note(&format!("{} need not be answered any more", asking.id));
            self.asking = None;
        }
        let next = view.approvals.iter().filter(pending).find(|approval| !self.later.contains(&approval.id));
        let Some(next) = next.cloned() else { return };
        let (blobs, rendered) = (self.host.blobs.clone(), next.rendered);
        let read = tokio::task::spawn_blocking(move || blobs.get(&rendered?).ok().flatten()).await;
        let plan = read.ok().flatten().map(|text| String::from_utf8_lossy(&text).into_owned());
        self.screen.busy(None);
        self.screen.note(describe::approval(view, &next).trim_end());
        self.screen.note(describe::plan_lines(plan.as_deref()).trim_end());
        self.screen.note(&answer::question(&next));
        self.asking = Some(next);
    }

    /// Takes a line that a person typed. What was typed before a question was asked answers nothing.
    async fn answer(&mut self, line: &str) -> Result<(), Failure> {
        let Some(asking) = self.asking.take() else { return Ok(()) };
        let (approval, comment) = (asking.id.clone(), None);
        let command = match answer::parse(line, asking.removes()) {
            Answer::Grant => Command::Approve { approval, comment },
            Answer::Deny => Command::Deny { approval, comment },
            Answer::Later => {
                self.screen.note(&format!("it stays open: quarterdeck approve {approval}"));
                self.later.push(approval);
                return Ok(());
            }
            Answer::Again => {
                self.screen.note(&answer::question(&asking));
                self.asking = Some(asking);
                return Ok(());
            }
        };
        let who = Person::Uid(rustix::process::getuid().as_raw());
        if let Err(problem) = self.host.commands().send(who, command).await {
            self.screen.note(&format!("error: {}", escape(&crate::driver::chain(&problem))));
        }
        Ok(())
    }

    fn show_busy(&self, view: &View) {
        if self.asking.is_some() {
            return;
        }
        let phases = view.missions.iter().filter(|mission| self.sources.contains(&mission.source));
        let paused = |mission: &MissionView| if mission.pauses.is_empty() { "" } else { " (paused)" };
        let phases = phases.map(|mission| format!("{} {}{}", mission.name, mission.phase.name(), paused(mission)));
        let phases: Vec<String> = phases.collect();
        let mark = if view.rehearsal { "[rehearsal] " } else { "" };
        self.screen.busy(Some(format!("{mark}{}", phases.join(", "))));
    }

    /// Stops the host and shows where the missions stand.
    async fn end(self, exit: Exit) -> Result<Exit, Failure> {
        let Watch { screen, host, sources, args, last, .. } = self;
        screen.busy(None);
        let (book, socket) = (host.book.clone(), host.folder.join(SOCKET));
        let stopped = host.stop().await;
        // Whoever comes next replaces it as well; this only spares them the question whether anybody lives.
        let _left_behind = std::fs::remove_file(socket);
        let view = view::look(&book.ledger(), last.as_deref().map(|update| &update.situation), clock());
        show_end(&view, &sources, args.output)?;
        if exit == Exit::TimedOut {
            return Err(timed_out(&view, &sources, args.timeout));
        }
        if exit == Exit::Interrupted && view.workers.iter().any(|worker| worker.phase.is_active()) {
            screen.note("workers go on without a host; the next run adopts them");
        }
        stopped?;
        Ok(exit)
    }
}

/// The time is over; where something is paused it would not have helped to wait longer.
fn timed_out(view: &View, sources: &[String], time: Duration) -> Failure {
    let error = format!("not every mission got there within {} s", time.as_secs());
    let mut mine = view.missions.iter().filter(|mission| sources.contains(&mission.source));
    match mine.find_map(|mission| mission.pauses.first()) {
        Some(pause) => {
            let next = format!("start it again, quarterdeck run PATH, and beside it: {}", pause.resume);
            Failure::new(Exit::TimedOut, format!("{error}: {} is paused", pause.what), next)
        }
        None => {
            let next = "quarterdeck get missions says what each waits for; a longer --timeout waits longer";
            Failure::new(Exit::TimedOut, error, next)
        }
    }
}

/// The short table at the end, and what the missions that are ready made.
fn show_end(view: &View, sources: &[String], output: Output) -> Result<(), Failure> {
    let mine: Vec<_> = view.missions.iter().filter(|mission| sources.contains(&mission.source)).cloned().collect();
    if output == Output::Json {
        return Ok(print::out(&print::line(&print::list("Mission", view.rehearsal, &mine)))?);
    }
    // A host that only looks has no missions to tell of.
    if sources.is_empty() {
        return Ok(());
    }
    let mut text = get::missions(view, &mine, output == Output::Wide);
    for mission in mine.iter().filter(|mission| mission.phase == quarterdeck_core::phase::Phase::Ready) {
        let mark = if view.rehearsal { " (rehearsed)" } else { "" };
        let made = mission.objects.iter().map(|object| format!("{} {} ({})", object.kind, object.name, object.address));
        text += &print::section(&format!("{}{mark} has", mission.name), made);
    }
    Ok(print::out(&text)?)
}
