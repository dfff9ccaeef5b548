//! A policy that decides in a process of its own.
//!
//! The host never maps the guest's code: it holds the bytes, and a child that has given up its rights runs them. One child
//! serves one policy, one decision at a time, with a fresh store for each, as on a thread. Where it has not answered by the
//! deadline it is killed, and where it died, for whatever reason, that turn has no decision (a host abort, since only the
//! machine's side is known of it) and the next one gets another child. Bytes go in and bytes come out, so the answer is
//! the same as on a thread, but for what a guest that broke out of its sandbox would find: nothing.
//!
//! A thread of its own, the keeper, starts the children and talks to them, since the kernel ends a child with the thread
//! that started it. It ends with the policy.

use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quarterdeck_core::encoding;
use quarterdeck_core::situation::SITUATION_BYTES_MAX;

use super::answer::{Answer, HostAbort};
use super::child::frame::{self, FrameError, Kind};
use super::child::process::{Killer, Process};
use super::child::{Allowance, Death, Task, Told, chain, heard};
use super::guest::shorten;
use super::sandbox::aborted;

/// How long a killed child is waited for until it is killed again.
const AGAIN: Duration = Duration::from_millis(100);

/// The host's end of a policy that decides elsewhere.
pub(super) struct Apart {
    /// Held while one decision is under way.
    asks: Mutex<SyncSender<Ask>>,
    allowance: Allowance,
    killer: Arc<Mutex<Option<Killer>>>,
    under_way: Arc<AtomicUsize>,
}

/// One situation, and where its answer goes.
struct Ask {
    situation: Vec<u8>,
    answer: SyncSender<Answer>,
}

/// Who keeps a child alive.
struct Keeper {
    program: PathBuf,
    allowance: Allowance,
    artifact: Vec<u8>,
    killer: Arc<Mutex<Option<Killer>>>,
}

impl Apart {
    /// Starts a child with the file of an artifact and waits until it is ready.
    pub(super) fn start(
        program: PathBuf,
        allowance: Allowance,
        artifact: Vec<u8>,
        under_way: Arc<AtomicUsize>,
    ) -> Result<Apart, String> {
        let (asks, asked) = mpsc::sync_channel(0);
        let (tells, told) = mpsc::sync_channel(1);
        let killer = Arc::default();
        let keeper = Keeper { program, allowance, artifact, killer: Arc::clone(&killer) };
        let keep = move || {
            let first = keeper.child();
            let result = first.as_ref().map(|_| ()).map_err(Clone::clone);
            // Nobody waits for it any more where it took longer than a child may.
            if tells.send(result).is_ok() {
                keeper.keep(first.ok(), &asked);
            }
        };
        let named = std::thread::Builder::new().name("policy-keeper".into());
        named.spawn(keep).map_err(|error| format!("start a thread for it: {error}"))?;
        let apart = Apart { asks: Mutex::new(asks), allowance, killer, under_way };
        match told.recv_timeout(allowance.deadline) {
            Ok(result) => result.map(|()| apart),
            Err(_) => {
                apart.kill();
                Err("it did not get ready in time".to_owned())
            }
        }
    }

    /// Asks for a decision and waits no longer than the deadline.
    pub(super) fn decide(&self, situation: &[u8]) -> Answer {
        if situation.len() > SITUATION_BYTES_MAX {
            let detail = format!("the situation has {} bytes, of {SITUATION_BYTES_MAX} at most", situation.len());
            return aborted(HostAbort::Situation, detail);
        }
        let asks = self.asks.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, answered) = mpsc::sync_channel(1);
        let gone = || aborted(HostAbort::Child, "the thread that keeps the process has ended".to_owned());
        if asks.send(Ask { situation: situation.to_vec(), answer }).is_err() {
            return gone();
        }
        match answered.recv_timeout(self.allowance.deadline) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Disconnected) => gone(),
            Err(RecvTimeoutError::Timeout) => self.end(&answered).unwrap_or_else(gone),
        }
    }

    /// Kills the child, and has the keeper, who sees the end of its pipe then, say what it was. Again and again, since the
    /// keeper may just be starting it.
    fn end(&self, answered: &Receiver<Answer>) -> Option<Answer> {
        loop {
            self.kill();
            match answered.recv_timeout(AGAIN) {
                Ok(answer) => return Some(answer),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Counts the decisions that are under way in this policy's sandbox.
    pub(super) fn under_way(&self) -> &Arc<AtomicUsize> {
        &self.under_way
    }

    fn kill(&self) {
        if let Some(killer) = &*self.killer.lock().unwrap_or_else(PoisonError::into_inner) {
            killer.overdue();
        }
    }
}

impl Keeper {
    /// Answers until the policy is let go of.
    fn keep(&self, mut child: Option<Process>, asked: &Receiver<Ask>) {
        while let Ok(Ask { situation, answer }) = asked.recv() {
            let said = match child.take().map_or_else(|| self.child(), Ok) {
                Ok(process) => self.ask(process, &situation, &mut child),
                Err(why) => aborted(HostAbort::Child, why),
            };
            // Whoever asked may have given up.
            let _nobody_waits = answer.send(said);
        }
    }

    /// Asks a child; keeps it where it goes on living.
    fn ask(&self, mut process: Process, situation: &[u8], child: &mut Option<Process>) -> Answer {
        let sent = process.input.as_mut().map(|input| frame::write(input, Kind::Bytes, situation));
        let read = match sent {
            Some(Ok(())) => frame::read(&mut process.output, 0),
            Some(Err(_)) | None => Err(FrameError::Closed),
        };
        let death = match read {
            Ok((_, told)) => {
                let answer = encoding::decode::<Answer>(&told).map_err(|error| error.to_string());
                match answer.and_then(heard::answer) {
                    Ok((answer, _)) => {
                        *child = Some(process);
                        return answer;
                    }
                    Err(wrong) => process.babbled(wrong),
                }
            }
            Err(FrameError::Closed | FrameError::Read(_)) => process.death(),
            Err(error @ (FrameError::Kind(_) | FrameError::TooLarge(_))) => process.babbled(error),
        };
        *self.killer.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let kind = match death {
            Death::Overdue(_) => HostAbort::Deadline,
            Death::Time(_)
            | Death::Aborted(_)
            | Death::Forbidden
            | Death::Killed
            | Death::Signal(_)
            | Death::Ended(_)
            | Death::Babbled(_) => HostAbort::Child,
        };
        aborted(kind, format!("the process that was to decide: {death}"))
    }

    /// Starts a child and gives it the artifact.
    fn child(&self) -> Result<Process, String> {
        let mut process = Process::start(&self.program, Task::Decide, self.allowance)
            .map_err(|error| format!("start {}: {error}", self.program.display()))?;
        *self.killer.lock().unwrap_or_else(PoisonError::into_inner) = Some(process.killer());
        // Where it died meanwhile, that is seen below.
        let _dead = process.input.as_mut().map(|input| frame::write(input, Kind::Bytes, &self.artifact));
        // Once when it is confined, once when it has taken in the code.
        for _ in 0..2 {
            let told = match frame::read(&mut process.output, 0) {
                Ok((_, told)) => encoding::decode::<Told>(&told),
                Err(FrameError::Closed) => return Err(process.death().to_string()),
                Err(error) => return Err(process.babbled(chain(&error)).to_string()),
            };
            match told {
                Ok(Told::Confined) => {}
                Ok(Told::Unconfined(why)) => return Err(shorten(&why)),
                Ok(Told::Passed(..) | Told::Refused(..) | Told::Fits(_) | Told::Described(_) | Told::Answered(..))
                | Err(_) => return Err(process.babbled("no word of a child that decides").to_string()),
            }
        }
        Ok(process)
    }
}
