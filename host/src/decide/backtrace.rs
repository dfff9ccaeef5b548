//! Where a guest was when it ended, for its author: the calls under way, the innermost first.
//!
//! Names are those of the module's own `name` section, so a stripped one has numbers and offsets only. They are the
//! guest's words: each frame is escaped and cut. What is *not* here is a line of source; policies carry none.

use quarterdeck_core::situation::cut;
use quarterdeck_core::text::escape;
use rustc_demangle::try_demangle;
use wasmtime::{FrameInfo, WasmBacktrace};

use super::limits::{BACKTRACE_FRAMES_MAX, FRAME_BYTES_MAX};

/// The calls that were under way when this error happened, a line each; none where it happened in no call.
pub(super) fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let frames = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default();
    frames.iter().take(BACKTRACE_FRAMES_MAX).map(frame).collect()
}

/// A call such as `0x1f3 lookout::is_new`, with its offset in the module, or `0x1f3 function 17 of libc.so` where the
/// function has no name and the module has one.
fn frame(frame: &FrameInfo) -> String {
    let at = frame.module_offset().map(|offset| format!("{offset:#x} ")).unwrap_or_default();
    let function = frame.func_name().map_or_else(|| format!("function {}", frame.func_index()), readable);
    let module = frame.module().name().map(|module| format!(" of {module}")).unwrap_or_default();
    // Cut before it is escaped (a name may be megabytes) and after (escaping makes it longer).
    cut(&escape(&cut(&format!("{at}{function}{module}"), FRAME_BYTES_MAX)), FRAME_BYTES_MAX)
}

/// A name as its author wrote it, where it is one of Rust's; without the hash that the compiler adds.
fn readable(name: &str) -> String {
    try_demangle(name).map_or_else(|_| name.to_owned(), |name| format!("{name:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_rust_reads_as_it_was_written() {
        assert_eq!(readable("_ZN7lookout6is_new17h0123456789abcdefE"), "lookout::is_new");
        assert_eq!(readable("_RNvCs1234_7mycrate3foo"), "mycrate::foo");
        assert_eq!(readable("main.main"), "main.main");
    }
}
