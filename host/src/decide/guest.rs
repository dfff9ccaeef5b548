//! One guest's stay: what it may use, what it said, and how an error that ended it is to be read.
//!
//! A store holds one [`Stay`] for one decision. Memory is counted here over all memories and tables together, because
//! the engine's own limits hold for each of them alone. A denied growth ends the guest at once: were it told "no", the
//! class of the answer would hang on what its allocator makes of that.

use quarterdeck_core::situation::cut;
use quarterdeck_core::text::escape;
use wasmtime::{PoolConcurrencyLimitError, ResourceLimiter, Trap};

use super::answer::{Class, GuestFailure, HostAbort, Level, LogLine};
use super::bindings::quarterdeck::policy::{logging, types};
use super::{limits, wasi};

/// What one guest has used and said in its one decision.
#[derive(Default)]
pub(super) struct Stay {
    pub(super) memory_bytes: usize,
    stopped: Option<Stop>,
    pub(super) logs: Vec<LogLine>,
    pub(super) logs_dropped: u32,
    log_bytes_kept: usize,
    log_bytes_said: usize,
    pub(super) backtrace: Vec<String>,
    /// What it used of WASI, where its profile has it.
    pub(super) wasi: wasi::Used,
}

/// Why the host ended a guest from one of the functions below. Kept in the stay, so that no wrapping of the error on
/// its way through the engine can hide it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("it asked for {0} bytes of memory in all, of {max} at most", max = limits::MEMORY_BYTES_MAX)]
    Memory(usize),
    #[error("it asked for a table of {0} elements, of {max} at most", max = limits::TABLE_ELEMENTS_MAX)]
    Table(usize),
    #[error("the host could not give the memory that it is entitled to")]
    HostMemory,
    #[error("it logged more than {lines} lines or {bytes} bytes", lines = limits::LOG_LINES_SAID_MAX, bytes = limits::LOG_BYTES_SAID_MAX)]
    LogFlood,
    #[error("it called WASI more than {calls} times, or for more than {bytes} bytes", calls = limits::WASI_CALLS_MAX, bytes = limits::WASI_BYTES_MAX)]
    WasiCalls,
    #[error("it asked for {0} bytes in one call, of {max} at most", max = limits::HOSTCALL_BYTES_MAX)]
    WasiOutput(usize),
    #[error("it left by `exit` with status {0}, and nothing was decided")]
    WasiExit(u8),
    #[error("it waited for nothing: `poll` was given no pollable")]
    WasiPoll,
    #[error("it called a function about a directory, a terminal or an error that it was never given")]
    WasiNothing,
}

impl Stay {
    /// A guest that comes in this moment.
    pub(super) fn in_moment(moment: wasi::Moment) -> Stay {
        Stay { wasi: wasi::Used::in_moment(moment), ..Stay::default() }
    }

    pub(super) fn stop<T>(&mut self, stop: Stop) -> wasmtime::Result<T> {
        self.stopped = Some(stop);
        Err(wasmtime::Error::new(stop))
    }

    /// Whether so many more bytes may be taken: an error beyond the budget, "no" beyond the maximum that the guest
    /// itself declared, as WebAssembly has it.
    fn grow(&mut self, bytes: usize, within_maximum: bool) -> wasmtime::Result<bool> {
        let wanted = self.memory_bytes.saturating_add(bytes);
        if wanted > limits::MEMORY_BYTES_MAX {
            return self.stop(Stop::Memory(wanted));
        }
        if within_maximum {
            self.memory_bytes = wanted;
        }
        Ok(within_maximum)
    }

    /// The class of an answer that ended in this error.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the engine's list of traps is open; those not named are the guest's doing"
    )]
    pub(super) fn classify(&self, error: &wasmtime::Error) -> Class {
        let guest = |kind| Class::GuestFailure { kind, detail: detail(error) };
        let host = |kind| Class::HostAbort { kind, detail: detail(error) };
        match self.stopped {
            Some(Stop::Memory(_) | Stop::Table(_)) => return guest(GuestFailure::MemoryLimit),
            Some(Stop::LogFlood) => return guest(GuestFailure::LogFlood),
            Some(Stop::HostMemory) => return host(HostAbort::Pool),
            Some(Stop::WasiCalls) => return guest(GuestFailure::OutOfFuel),
            Some(Stop::WasiOutput(_)) => return guest(GuestFailure::OutputLimit),
            Some(Stop::WasiExit(_) | Stop::WasiPoll | Stop::WasiNothing) => return guest(GuestFailure::Trap),
            None => {}
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return match trap {
                Trap::OutOfFuel => guest(GuestFailure::OutOfFuel),
                Trap::Interrupt => host(HostAbort::Epoch),
                Trap::StackOverflow => host(HostAbort::Stack),
                _ => guest(GuestFailure::Trap),
            };
        }
        if error.is::<PoolConcurrencyLimitError>() || error.is::<std::io::Error>() {
            return host(HostAbort::Pool);
        }
        // The engine's types for these are private; their words are pinned by the test of the hostile guests.
        let words = error.root_cause().to_string();
        if words.contains("fuel allocated for hostcalls") {
            return guest(GuestFailure::OutputLimit);
        }
        if words.contains("store handle limit exceeded") {
            return guest(GuestFailure::MemoryLimit);
        }
        // What is left are values that break the rules of the component model: pointers out of bounds, bytes that are
        // no UTF-8, cases that do not exist.
        guest(GuestFailure::Malformed)
    }
}

/// An error for people: what happened first, then where, in one line.
pub(super) fn detail(error: &wasmtime::Error) -> String {
    let (cause, context) = (error.root_cause().to_string(), error.to_string());
    if cause == context { shorten(&cause) } else { shorten(&format!("{cause} ({})", context.replace('\n', " "))) }
}

/// A text that a guest had its hand in, escaped and cut to the length of a detail.
pub(super) fn shorten(text: &str) -> String {
    // Cut first: the text may be megabytes.
    cut(&escape(&cut(text, limits::DETAIL_BYTES_MAX)), limits::DETAIL_BYTES_MAX)
}

impl ResourceLimiter for Stay {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(desired.saturating_sub(current), maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.stop(Stop::HostMemory)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired > limits::TABLE_ELEMENTS_MAX {
            return self.stop(Stop::Table(desired));
        }
        let bytes = desired.saturating_sub(current).saturating_mul(limits::TABLE_ELEMENT_BYTES);
        self.grow(bytes, maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.stop(Stop::HostMemory)
    }
}

impl types::Host for Stay {}

impl logging::Host for Stay {
    fn log(&mut self, level: logging::Level, message: String) -> wasmtime::Result<()> {
        self.count_said(message.len())?;
        let level = match level {
            logging::Level::Debug => Level::Debug,
            logging::Level::Info => Level::Info,
            logging::Level::Warn => Level::Warn,
            logging::Level::Error => Level::Error,
        };
        self.keep(level, &message)
    }
}

impl Stay {
    /// Counts what is said before any of it is looked at.
    pub(super) fn count_said(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.log_bytes_said = self.log_bytes_said.saturating_add(bytes);
        if self.log_bytes_said > limits::LOG_BYTES_SAID_MAX { self.stop(Stop::LogFlood) } else { Ok(()) }
    }

    /// Keeps a line that was said, as far as it fits.
    pub(super) fn keep(&mut self, level: Level, message: &str) -> wasmtime::Result<()> {
        let lines_said = self.logs_dropped.saturating_add(u32::try_from(self.logs.len()).unwrap_or(u32::MAX));
        if lines_said >= limits::LOG_LINES_SAID_MAX {
            return self.stop(Stop::LogFlood);
        }
        // Once a line was dropped all later ones are: what is kept is a beginning, without holes.
        if self.logs_dropped > 0 || self.logs.len() >= limits::LOG_LINES_KEPT_MAX {
            self.logs_dropped += 1;
            return Ok(());
        }
        // Cut before it is escaped (it may be megabytes) and after (escaping makes it longer).
        let text = cut(&escape(&cut(message, limits::LOG_LINE_BYTES_MAX)), limits::LOG_LINE_BYTES_MAX);
        if self.log_bytes_kept + text.len() > limits::LOG_BYTES_KEPT_MAX {
            self.logs_dropped += 1;
            return Ok(());
        }
        self.log_bytes_kept += text.len();
        self.logs.push(LogLine { level, text });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_lie_in_the_machine_is_no_fault_of_the_guest() {
        let stay = Stay::default();
        let class = |trap: Trap| stay.classify(&wasmtime::Error::from(trap)).name();
        assert_eq!(class(Trap::Interrupt), "host:epoch");
        assert_eq!(class(Trap::StackOverflow), "host:stack");
        assert_eq!(class(Trap::OutOfFuel), "guest:out-of-fuel");
        assert_eq!(class(Trap::UnreachableCodeReached), "guest:trap");
        assert_eq!(stay.classify(&wasmtime::Error::from(std::io::Error::other("mmap"))).name(), "host:pool");
    }

    #[test]
    fn a_growth_that_the_host_owes_and_cannot_give_is_its_own_fault() {
        let mut stay = Stay::default();
        assert!(matches!(stay.memory_growing(0, 1 << 20, None), Ok(true)));
        let error = stay.memory_grow_failed(wasmtime::Error::msg("mmap")).expect_err("it ends the guest");
        assert_eq!(stay.classify(&error).name(), "host:pool");
    }
}
