//! `wasi:io`: everything is ready, nothing can be read, and what is written goes to the log.
//!
//! A handle is a number: a pollable is always ready, so one number does for all; an output stream is told from the
//! other by its own. So nothing is kept for a handle here, and a guest can hoard none of ours.

use quarterdeck_core::situation::cut;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sync::io::{poll, streams};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult};

use crate::decide::answer::Level;
use crate::decide::guest::{Stay, Stop};
use crate::decide::limits;

/// How much a stream says that it takes at once. Any number would do.
const PERMIT_BYTES: u64 = 64 << 10;
/// The numbers of the two output streams.
const STDOUT: u32 = 1;
const STDERR: u32 = 2;
/// What is kept of a line that is still being written: enough for the log to see that it has to cut it.
const LINE_BYTES_KEPT: usize = limits::LOG_LINE_BYTES_MAX + 4;

/// The lines that were begun and not ended.
#[derive(Default)]
pub(super) struct Printed {
    out: Option<Vec<u8>>,
    err: Option<Vec<u8>>,
}

pub(super) fn pollable() -> Resource<DynPollable> {
    Resource::new_own(0)
}

pub(super) fn stdin() -> Resource<DynInputStream> {
    Resource::new_own(0)
}

pub(super) fn stdout() -> Resource<DynOutputStream> {
    Resource::new_own(STDOUT)
}

pub(super) fn stderr() -> Resource<DynOutputStream> {
    Resource::new_own(STDERR)
}

impl Stay {
    /// Takes what a guest writes, line by line.
    fn print(&mut self, stream: &Resource<DynOutputStream>, bytes: &[u8]) -> wasmtime::Result<()> {
        self.count_said(bytes.len())?;
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.begin(stream, &rest[..end]);
            self.end_line(stream.rep())?;
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            self.begin(stream, rest);
        }
        Ok(())
    }

    fn begin(&mut self, stream: &Resource<DynOutputStream>, part: &[u8]) {
        let line = self.wasi.printed.line(stream.rep()).get_or_insert_default();
        line.extend(part.iter().take(LINE_BYTES_KEPT.saturating_sub(line.len())));
    }

    fn end_line(&mut self, stream: u32) -> wasmtime::Result<()> {
        let Some(line) = self.wasi.printed.line(stream).take() else { return Ok(()) };
        let level = if stream == STDERR { Level::Warn } else { Level::Info };
        let line = String::from_utf8_lossy(&line);
        self.keep(level, &cut(line.strip_suffix('\r').unwrap_or(&line), limits::LOG_LINE_BYTES_MAX))
    }

    /// Keeps the lines that a guest began and did not end.
    pub(in crate::decide) fn end_lines(&mut self) {
        for stream in [STDOUT, STDERR] {
            // A guest that is gone can't be stopped for its last line.
            let _one_line_too_many = self.end_line(stream).is_err();
        }
    }
}

impl Printed {
    fn line(&mut self, stream: u32) -> &mut Option<Vec<u8>> {
        if stream == STDERR { &mut self.err } else { &mut self.out }
    }
}

impl poll::Host for Stay {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        self.called()?;
        self.makes(size_of_val(pollables.as_slice()) as u64)?;
        if pollables.is_empty() {
            return self.stop(Stop::WasiPoll);
        }
        Ok((0..).take(pollables.len()).collect())
    }
}

impl poll::HostPollable for Stay {
    fn ready(&mut self, _pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        self.called()?;
        Ok(true)
    }

    fn block(&mut self, _pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.called()?;
        Ok(())
    }

    fn drop(&mut self, _pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.called()?;
        Ok(())
    }
}

impl streams::Host for Stay {
    fn convert_stream_error(&mut self, error: StreamError) -> wasmtime::Result<streams::StreamError> {
        match error {
            StreamError::Closed => Ok(streams::StreamError::Closed),
            StreamError::LastOperationFailed(error) | StreamError::Trap(error) => Err(error),
        }
    }
}

impl streams::HostInputStream for Stay {
    fn read(&mut self, _stream: Resource<DynInputStream>, _length: u64) -> StreamResult<Vec<u8>> {
        self.called().map_err(StreamError::Trap)?;
        Err(StreamError::Closed)
    }

    fn blocking_read(&mut self, stream: Resource<DynInputStream>, length: u64) -> StreamResult<Vec<u8>> {
        streams::HostInputStream::read(self, stream, length)
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, length: u64) -> StreamResult<u64> {
        streams::HostInputStream::read(self, stream, length).map(|_| 0)
    }

    fn blocking_skip(&mut self, stream: Resource<DynInputStream>, length: u64) -> StreamResult<u64> {
        self.skip(stream, length)
    }

    fn subscribe(&mut self, _stream: Resource<DynInputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        self.called()?;
        Ok(pollable())
    }

    fn drop(&mut self, _stream: Resource<DynInputStream>) -> wasmtime::Result<()> {
        self.called()?;
        Ok(())
    }
}

impl streams::HostOutputStream for Stay {
    fn check_write(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        self.called().map_err(StreamError::Trap)?;
        Ok(PERMIT_BYTES)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.called().map_err(StreamError::Trap)?;
        self.print(&stream, &bytes).map_err(StreamError::Trap)
    }

    fn blocking_write_and_flush(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.write(stream, bytes)
    }

    fn flush(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<()> {
        self.called().map_err(StreamError::Trap)
    }

    fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        self.flush(stream)
    }

    fn subscribe(&mut self, _stream: Resource<DynOutputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        self.called()?;
        Ok(pollable())
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, length: u64) -> StreamResult<()> {
        self.called().map_err(StreamError::Trap)?;
        let length = self.makes(length).map_err(StreamError::Trap)?;
        self.print(&stream, &vec![0; length]).map_err(StreamError::Trap)
    }

    fn blocking_write_zeroes_and_flush(&mut self, stream: Resource<DynOutputStream>, length: u64) -> StreamResult<()> {
        self.write_zeroes(stream, length)
    }

    /// The one stream that could be read from has ended.
    fn splice(
        &mut self,
        _stream: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        length: u64,
    ) -> StreamResult<u64> {
        streams::HostInputStream::skip(self, from, length)
    }

    fn blocking_splice(
        &mut self,
        stream: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        length: u64,
    ) -> StreamResult<u64> {
        self.splice(stream, from, length)
    }

    fn drop(&mut self, _stream: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        self.called()?;
        Ok(())
    }
}
