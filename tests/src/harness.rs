//! A host in a box: the real loop, book, sandbox and steward over a rehearsed world, with a clock that the test moves.
//!
//! Nothing sleeps and nothing is left to chance: a turn is taken when the test takes one, and time passes when the test
//! says so. What happened is written as a transcript, one line an event, so a scenario reads as a story.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, anyhow};
use quarterdeck::app::JOURNAL_KEY;
use quarterdeck::decide::{self, Policy, Sandbox};
use quarterdeck::observe::Missions;
use quarterdeck::observe::files::Reader;
use quarterdeck::orient::brain::Brain;
use quarterdeck::rehearsal::{Rehearsal, Script, World};
use quarterdeck::remember::journal::SEGMENT_BYTES_MAX;
use quarterdeck::remember::{Blobs, Book, Durable};
use quarterdeck::{Ports, act, observe, orient, remember, turn};
use quarterdeck_core::charter::{Amendment, Charter};
use quarterdeck_core::decision::Decision;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::{Activated, Answered, Begun, Claimed, Entry, Episode, How, Opened};
use quarterdeck_core::gate::gate;
use quarterdeck_core::ids::{MissionId, Timestamp};
use quarterdeck_core::ledger::{CommandError, Ledger};
use quarterdeck_core::mission::MissionName;
use quarterdeck_core::observation::{Command, Commanded, Person, SeenMission};
use quarterdeck_core::question::{Bill, BrainReply, Question};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{ApprovalState, Assessment, Recommendation, Reply, Ruling, Situation};
use quarterdeck_core::verdict::Verdict;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(START.0) };
}

/// When every scenario begins.
pub const START: Timestamp = Timestamp(1_795_000_000_000);

fn clock() -> Timestamp {
    Timestamp(NOW.get())
}

/// Missions that are read again at every turn.
struct TestMissions(Mutex<Reader>);

impl Missions for TestMissions {
    fn seen(&self) -> Vec<SeenMission> {
        self.0.lock().expect("no test panics while it reads").read()
    }
}

/// A brain that recommends what the test says, once it is told to answer.
#[derive(Default)]
pub struct ScriptedBrain {
    asked: Mutex<Vec<Question>>,
    replies: Mutex<Vec<BrainReply>>,
}

impl ScriptedBrain {
    /// Answers every open question: the need of the first mission in it that offers it.
    pub fn recommend(&self, need: &str) {
        for question in self.asked.lock().expect("unpoisoned").drain(..) {
            let mission: Option<MissionId> = question.offering(need).next().cloned();
            let recommendation = Recommendation {
                need: Some(need.to_owned()),
                mission,
                finding: question.findings.first().map(|finding| finding.id.clone()),
                remedy: None,
                reason: "scripted".to_owned(),
                confidence: 900,
            };
            let assessment = Assessment { text: "scripted".to_owned(), recommendations: vec![recommendation] };
            self.replies.lock().expect("unpoisoned").push(BrainReply {
                question: question.id,
                answered: clock(),
                model: Some("scripted".to_owned()),
                reply: Reply::Assessed(assessment),
                tokens: Default::default(),
                bill: Bill::Nothing,
            });
        }
    }
}

impl Brain for ScriptedBrain {
    fn ask(&self, question: Question) {
        self.asked.lock().expect("unpoisoned").push(question);
    }

    fn replies(&self) -> Vec<BrainReply> {
        self.replies.lock().expect("unpoisoned").drain(..).collect()
    }

    fn choice(&self) -> String {
        "scripted".to_owned()
    }
}

/// The host in its box.
pub struct Harness {
    /// The world that it looks after.
    pub world: Arc<Rehearsal>,
    /// Its brain.
    pub brain: Arc<ScriptedBrain>,
    /// Its book.
    pub book: Arc<Book>,
    /// What happened, one line an event.
    pub transcript: Vec<String>,
    /// Every situation that a policy was shown, with its answer.
    pub decided: Vec<(Vec<u8>, Answered)>,
    charter: Charter,
    policy: Arc<Policy>,
    ports: Ports,
    runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
    phases: Vec<(MissionName, String)>,
    said: BTreeMap<String, String>,
    _sandbox: Sandbox,
}

impl Harness {
    /// A host that looks after the missions in these folders (below the harness's own folder).
    ///
    /// # Errors
    /// Where the host can't be made.
    pub fn new(missions: &[(&str, &[(&str, &str)])], charter: Charter, script: Script) -> Result<Harness> {
        Harness::segmented(missions, charter, script, SEGMENT_BYTES_MAX)
    }

    /// The same, with segments of the journal that end at this size.
    ///
    /// # Errors
    /// Where the host can't be made.
    pub fn segmented(
        missions: &[(&str, &[(&str, &str)])],
        charter: Charter,
        script: Script,
        segment_bytes_max: u64,
    ) -> Result<Harness> {
        NOW.set(START.0);
        let folder = tempfile::tempdir()?;
        let mut paths = Vec::new();
        for (name, files) in missions {
            let mission = folder.path().join("missions").join(name);
            write_files(&mission, files)?;
            paths.push(mission);
        }
        let sandbox = Sandbox::new().map_err(|error| anyhow!("{error}"))?;
        let policy = Arc::new(sandbox.load(quarterdeck::app::STEWARD).map_err(|error| anyhow!("{error}"))?);
        let (book, _) =
            Book::signed(&folder.path().join("journal"), &folder.path().join(JOURNAL_KEY), segment_bytes_max)?;
        let (book, blobs) = (Arc::new(book), Arc::new(Blobs::open(&folder.path().join("blobs"))?));
        begin(&book, &charter, &policy)?;
        let claim = {
            let book = book.clone();
            let claim = move |order: &quarterdeck_core::ids::OrderName, claimant: &str| {
                let claimed = Claimed { at: clock(), order: order.clone(), claimant: claimant.to_owned() };
                let known = |ledger: &Ledger| match ledger.orders.get(order) {
                    Some(state) if state.claimed.is_none() => Ok(vec![Entry::Claimed(claimed)]),
                    Some(_) | None => Err(CommandError::NoWorker(order.to_string())),
                };
                book.transact(known).is_ok()
            };
            Arc::new(claim) as quarterdeck::rehearsal::Claim
        };
        let world = Arc::new(Rehearsal::open(None, script, blobs.clone(), claim, clock, "a test".to_owned()));
        let redactor = Arc::new(Redactor::new([7; 32]));
        let granted = Arc::new(charter.settings.parsed_grants()?);
        let reader = Reader {
            paths,
            blobs,
            grants: Arc::new(move || granted.clone()),
            secrets: None,
            redactor: redactor.clone(),
        };
        let brain = Arc::new(ScriptedBrain::default());
        let ports = Ports {
            cluster: world.clone(),
            missions: Arc::new(TestMissions(Mutex::new(reader))),
            brain: brain.clone(),
            workers: world.clone(),
            redactor,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Harness {
            world,
            brain,
            book,
            transcript: Vec::new(),
            decided: Vec::new(),
            charter,
            policy,
            ports,
            runtime,
            folder,
            phases: Vec::new(),
            said: BTreeMap::new(),
            _sandbox: sandbox,
        })
    }

    /// Puts another policy in steward's place.
    ///
    /// # Errors
    /// Where the component is none.
    pub fn activate(&mut self, component: &[u8]) -> Result<()> {
        self.policy = Arc::new(self._sandbox.load(component).map_err(|error| anyhow!("{error}"))?);
        begin(&self.book, &self.charter, &self.policy)
    }

    /// Puts other adapters into the ports.
    pub fn rewire(&mut self, change: impl FnOnce(&mut Ports)) {
        change(&mut self.ports);
    }

    /// The folder of a mission.
    pub fn mission_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join("missions").join(name)
    }

    /// The folder of the journal.
    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// The folder of the blobs.
    pub fn blobs(&self) -> PathBuf {
        self.folder.path().join("blobs")
    }

    /// The time in this box.
    pub fn now(&self) -> Timestamp {
        clock()
    }

    /// Lets time pass.
    pub fn pass(&self, ms: u64) {
        NOW.set(NOW.get() + ms);
    }

    /// Puts the clock back, as a person or a time server does.
    pub fn put_back(&self, ms: u64) {
        NOW.set(NOW.get() - ms);
    }

    /// Takes one turn.
    ///
    /// # Errors
    /// Where the journal can't be written.
    pub fn turn(&mut self) -> Result<Situation> {
        let turned = turn::turn(&self.ports, &self.book, &self.policy, clock());
        let (episode, _) = self.runtime.block_on(turned)?;
        let situation: Situation = encoding::decode(&episode.opened.situation)?;
        self.decided.push((episode.opened.situation.clone(), episode.opened.answer.clone()));
        self.write(&episode, &situation);
        Ok(situation)
    }

    /// Takes one turn in which the test decides, since no guest can be told what to say: what is ruled, and what is done
    /// about it, is the loop's own.
    ///
    /// # Errors
    /// Where the journal can't be written.
    pub fn turn_by(&mut self, decide: impl FnOnce(&Situation) -> Decision) -> Result<Vec<Verdict>> {
        let (ports, book) = (&self.ports, &self.book);
        let observation = observe::latest(ports, clock(), book.ledger().now);
        let ledger = self.runtime.block_on(remember::learn(book, &observation))?;
        let charter = ledger.charter();
        observe::follow_up(ports, &ledger, &observation);
        let (situation, ground) = orient::orient(&charter, &ledger, &observation);
        let decision = decide(&situation);
        let opened = Opened {
            turn: situation.turn,
            at: situation.now,
            policy: self.policy.digest(),
            ledger: ledger.digest(),
            verdicts: gate(&charter, &ledger, &ground, &situation, &decision),
            situation: encoding::encode(&situation),
            ground,
            answer: Answered::Decided(encoding::encode(&decision)),
            logs: Vec::new(),
            fuel: 0,
        };
        let opened = self.runtime.block_on(remember::open(book, opened))?;
        let receipts = act::start(ports, &ledger, &opened.verdicts);
        let episode = self.runtime.block_on(remember::close(book, opened, receipts, situation.now))?;
        Ok(episode.opened.verdicts)
    }

    /// Takes turns, a step apart, for a while.
    ///
    /// # Errors
    /// Where the journal can't be written.
    pub fn turns(&mut self, for_ms: u64, step_ms: u64) -> Result<Situation> {
        let until = NOW.get() + for_ms;
        loop {
            let situation = self.turn()?;
            if NOW.get() >= until {
                return Ok(situation);
            }
            self.pass(step_ms);
        }
    }

    /// Has a person say something.
    ///
    /// # Errors
    /// Where the ledger does not permit it.
    pub fn say(&mut self, command: Command) -> Result<()> {
        let (at, who) = (clock(), Person::Uid(1000));
        self.transcript.push(format!("{:>8}  person: {}", self.since(), plain(&format!("{command:?}"))));
        self.book.transact(|ledger| {
            ledger.permits(&who, &command, at)?;
            Ok::<_, CommandError>(vec![Entry::Commanded(Commanded {
                at,
                who: Person::Uid(1000),
                command: command.clone(),
            })])
        })?;
        Ok(())
    }

    /// Answers the one approval that waits.
    ///
    /// # Errors
    /// Where none waits.
    pub fn answer(&mut self, yes: bool, comment: Option<&str>) -> Result<()> {
        let ledger = self.book.ledger();
        let waits = |record: &&quarterdeck_core::ledger::ApprovalRecord| {
            ledger.approval_state(record, clock()) == ApprovalState::Pending
        };
        let approval = ledger.approvals.values().find(waits).context("no approval waits")?.id.clone();
        let comment = comment.map(str::to_owned);
        self.say(if yes { Command::Approve { approval, comment } } else { Command::Deny { approval, comment } })
    }

    /// Changes the world behind the host's back.
    pub fn disturb(&mut self, what: &str, change: impl FnOnce(&mut World)) {
        self.transcript.push(format!("{:>8}  world: {what}", self.since()));
        self.world.disturb(change);
    }

    /// Writes a mission's files anew.
    ///
    /// # Errors
    /// Where they can't be written.
    pub fn edit(&mut self, mission: &str, files: &[(&str, &str)]) -> Result<()> {
        self.transcript.push(format!("{:>8}  author: edits {mission}", self.since()));
        write_files(&self.mission_folder(mission), files)
    }

    /// The phase of a mission as of the last turn.
    pub fn phase(&self, mission: &str) -> &str {
        self.phases.iter().find(|(name, _)| name.as_str() == mission).map_or("", |(_, phase)| phase)
    }

    /// What there is in the world, by kind and name.
    pub fn world_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        self.world.disturb(|world| names = world.names());
        names
    }

    /// The policy that decides.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    fn since(&self) -> String {
        let ms = NOW.get().saturating_sub(START.0);
        format!("{}.{}s", ms / 1_000, ms % 1_000 / 100)
    }

    /// Writes what a turn brought; a turn that brought nothing new leaves no line.
    fn write(&mut self, episode: &Episode, situation: &Situation) {
        let at = self.since();
        let mut lines = Vec::new();
        match &episode.opened.answer {
            Answered::Decided(_) => {}
            Answered::GuestFailure { kind, .. } => lines.push(format!("policy failed: {kind}")),
            Answered::HostAbort { kind, .. } => lines.push(format!("host gave up: {kind}")),
        }
        for verdict in &episode.opened.verdicts {
            let digest = verdict.key.split('/').nth(2).map_or("", |_| "/…");
            let key: Vec<&str> = verdict.key.splitn(3, '/').take(2).collect();
            let name = key.join("/");
            let line = format!("{name}{digest}: {:?} by {}: {}", verdict.ruling, verdict.rule, verdict.because);
            // That something was not done, and why, is said once.
            let said = self.said.insert(verdict.key.clone(), line.clone());
            if said.as_ref() != Some(&line) || verdict.ruling == Ruling::Acted {
                lines.push(line);
            }
        }
        let ledger = self.book.ledger();
        for mission in &situation.missions {
            let name = ledger.missions[&mission.id].spec.name.clone();
            let known = self.phases.iter_mut().find(|(known, _)| *known == name);
            match known {
                Some((_, phase)) if *phase == mission.phase => {}
                Some((_, phase)) => {
                    lines.push(format!("{name} is {}", mission.phase));
                    *phase = mission.phase.clone();
                }
                None => {
                    lines.push(format!("{name} is {}", mission.phase));
                    self.phases.push((name, mission.phase.clone()));
                }
            }
        }
        let fresh = situation.findings.iter().filter(|finding| finding.first_seen == situation.now);
        lines.extend(fresh.map(|finding| format!("found {}: {}", finding.rule, finding.message)));
        let gone = situation.resolved.iter().filter(|gone| gone.resolved == situation.now);
        lines.extend(gone.map(|gone| format!("resolved {}", gone.rule)));
        let folder = self.folder.path().display().to_string();
        let lines = lines.into_iter().map(|line| format!("{at:>8}  {}", plain(&line.replace(&folder, "…"))));
        self.transcript.extend(lines);
    }
}

/// Ids and digests differ with every change of the files: a transcript is about what happened.
fn plain(line: &str) -> String {
    let id = regex::Regex::new(r"(-[0-9a-f]{8,64})\b|\b([0-9a-f]{12,64})\b").expect("a plain pattern");
    id.replace_all(line, "-…").into_owned()
}

fn write_files(folder: &Path, files: &[(&str, &str)]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in files {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

fn begin(book: &Book, charter: &Charter, policy: &Policy) -> Result<()> {
    let description = policy.description();
    let wanted = Amendment { rules: Some(charter.rules.clone()), settings: Some(charter.settings.clone()) };
    let chartered = book.ledger().amend(&Person::Uid(0), &wanted, clock())?;
    let mut entries = vec![
        Entry::Begun(Begun {
            at: clock(),
            version: "test".to_owned(),
            rehearsal: true,
            nonce: Digest::of(b"test"),
            sandbox: decide::identity(),
            ceiling: None,
            fallback: Digest::of(quarterdeck::app::STEWARD),
        }),
        Entry::Activated(Activated {
            at: clock(),
            policy: policy.digest(),
            description: description.clone(),
            settings: description.defaults(),
            by: None,
            how: How::Started,
        }),
    ];
    entries.extend(chartered.map(|chartered| Entry::Chartered(Box::new(chartered))));
    book.append(&entries, Durable::Now)?;
    Ok(())
}

/// Settles what a host that died left, as the next one does.
///
/// # Errors
/// Where the journal can't be written.
pub fn settle(harness: &Harness) -> Result<()> {
    let entries = act::settle(&harness.book.ledger(), &harness.ports.workers.reports(), clock());
    harness.book.append(&entries, Durable::Now)?;
    Ok(())
}
