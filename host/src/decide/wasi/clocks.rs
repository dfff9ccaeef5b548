//! `wasi:clocks`: both clocks stand still, so a wait for either is over at once.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::{self, Duration, Instant};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::{self, Datetime};

use super::io::pollable;
use crate::decide::guest::Stay;

/// Where the monotonic clock stands, in nanoseconds: one second after it began. Not zero, which Go's runtime takes for a
/// clock that is broken.
pub(super) const MONOTONIC_NS: Instant = 1_000_000_000;

impl wall_clock::Host for Stay {
    fn now(&mut self) -> wasmtime::Result<Datetime> {
        self.called()?;
        let ms = self.wasi.moment.now.0;
        let nanoseconds = u32::try_from(ms % 1_000 * 1_000_000).expect("less than a second");
        Ok(Datetime { seconds: ms / 1_000, nanoseconds })
    }

    /// A situation's times are milliseconds.
    fn resolution(&mut self) -> wasmtime::Result<Datetime> {
        self.called()?;
        Ok(Datetime { seconds: 0, nanoseconds: 1_000_000 })
    }
}

impl monotonic_clock::Host for Stay {
    fn now(&mut self) -> wasmtime::Result<Instant> {
        self.called()?;
        Ok(MONOTONIC_NS)
    }

    fn resolution(&mut self) -> wasmtime::Result<Duration> {
        self.called()?;
        Ok(1)
    }

    fn subscribe_instant(&mut self, _when: Instant) -> wasmtime::Result<Resource<DynPollable>> {
        self.called()?;
        Ok(pollable())
    }

    fn subscribe_duration(&mut self, _duration: Duration) -> wasmtime::Result<Resource<DynPollable>> {
        self.called()?;
        Ok(pollable())
    }
}
