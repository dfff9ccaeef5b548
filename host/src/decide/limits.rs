//! Every limit of the sandbox, in one place, since their digest stands in each journal entry: an answer can only be
//! expected again under the same ones. (Limits on the values of the contract are nouns and stand in core.)

use std::time::Duration;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::SandboxIdentity;

use super::boundary;

/// One decision may use this much fuel, about one instruction each: *the* limit, since it is the same on every machine.
/// The hungriest guest measured (JavaScript on StarlingMonkey, 256 KiB) needs 545 million; Rust needs 1 million. It is
/// about one second of a slow core.
pub const FUEL: u64 = 1_000_000_000;
/// What an instruction costs that calls into the engine: growing by nothing or filling no bytes takes some 50 ns, and
/// would else count as 1.
pub const ENGINE_CALL_FUEL: u8 = 250;
/// The backstop for what fuel can't see. Ten times what the fuel lasts, so it strikes only where the machine stalls.
pub const EPOCH: Duration = Duration::from_secs(10);
/// How often the epoch rises: often enough to be within 1 % of the backstop, seldom enough not to keep a laptop awake.
pub const EPOCH_TICK: Duration = Duration::from_millis(100);
/// The caller gets an answer after this long, even where the deciding thread never comes back.
pub const DEADLINE: Duration = Duration::from_secs(12);
/// At most this many decisions are under way at once, abandoned ones included: one live, one shadow, one description,
/// and some that hang in the machine.
pub const THREADS_MAX: usize = 6;
/// Instances that the pool holds, so that a replay and the tests can decide on as many threads. Slots are address space
/// (4 GiB a memory, two memories each), not memory. Beyond it an answer is a host abort.
pub const AT_ONCE_MAX: u32 = 32;
/// The stack of a deciding thread: the guest's share, and as much again for the host's own calls and then some.
pub const THREAD_STACK_BYTES: usize = 4 << 20;
/// A guest's share of the native stack; wasmtime's default, deep enough for recursive parsers in Python and JavaScript.
pub const GUEST_STACK_BYTES_MAX: usize = 512 << 10;
/// One budget over all memories and tables of a decision. Python, the largest guest measured, uses 13 MiB.
pub const MEMORY_BYTES_MAX: usize = 64 << 20;
/// What one element of a table counts in that budget: a pointer in the engine, and as much for its bookkeeping.
pub const TABLE_ELEMENT_BYTES: usize = 16;
/// A table's elements, at most. The largest guest measured has some 12,000.
pub const TABLE_ELEMENTS_MAX: usize = 60_000;
/// Memories in one component. Go and the adapters of Python use two.
pub const MEMORIES_MAX: u32 = 4;
/// Tables in one component: one for each core instance.
pub const TABLES_MAX: u32 = CORE_INSTANCES_MAX;
/// Core instances in one component. Python has 38.
pub const CORE_INSTANCES_MAX: u32 = 100;
/// What an instance's own bookkeeping takes, globals included.
pub const INSTANCE_BYTES_MAX: usize = 1 << 20;
/// What a guest may make the host allocate in one call, which covers results as well as log lines: the largest decision
/// that the boundary accepts, memo included, is below 1 MiB. (Lowering a situation is not counted: it is our own.)
pub const HOSTCALL_BYTES_MAX: usize = 4 << 20;
/// Log lines kept of a decision: more than anyone reads of one turn.
pub const LOG_LINES_KEPT_MAX: usize = 100;
/// Bytes of log kept of a decision: they stand in the journal.
pub const LOG_BYTES_KEPT_MAX: usize = 16 << 10;
/// A log line is cut to this many bytes.
pub const LOG_LINE_BYTES_MAX: usize = 1 << 10;
/// Lines said in all before the policy is stopped: some 10 ms of the host's time, which no fuel counts.
pub const LOG_LINES_SAID_MAX: u32 = 100_000;
/// Bytes said in all before the policy is stopped: some 10 ms of the host's copying, which no fuel counts.
pub const LOG_BYTES_SAID_MAX: usize = 16 << 20;
/// Handles of resources that a guest may hold at once, its own and the host's together: each costs the host some 24
/// bytes. Python with all of WASI stubbed inside it holds some dozens.
pub const HANDLES_MAX: usize = 10_000;
/// Calls of WASI in one decision: some 50 ms of the host's time, which no fuel counts. Runtimes need some hundreds.
pub const WASI_CALLS_MAX: u32 = 100_000;
/// Bytes that those calls may make the host make up in all, random ones above all: some 50 ms of digests. What is printed
/// is counted as what is said.
pub const WASI_BYTES_MAX: usize = HOSTCALL_BYTES_MAX;
/// The detail of a failure is cut to this many bytes.
pub const DETAIL_BYTES_MAX: usize = 1 << 10;
/// Calls that a backtrace names, the innermost: enough to find the place. A guest that recurses has 16,000.
pub const BACKTRACE_FRAMES_MAX: usize = 8;
/// A call in a backtrace is cut to this many bytes: names of generic Rust are long.
pub const FRAME_BYTES_MAX: usize = 200;
/// What of a guest's memory stays resident between decisions: with it a decision meets no page faults (a quarter of
/// the time at 64 KiB).
pub const KEEP_RESIDENT_BYTES: usize = 1 << 20;

/// The engine. A tidy test compares it with the lock file.
pub const ENGINE_VERSION: &str = "wasmtime 48.0.8";

/// On what policies are asked here, for the journal.
pub fn identity() -> SandboxIdentity {
    // In the order above, and only what can change an answer. Integers are varints, so widths do not matter.
    let sandbox: &[u64] = &[
        FUEL,
        u64::from(ENGINE_CALL_FUEL),
        GUEST_STACK_BYTES_MAX as u64,
        MEMORY_BYTES_MAX as u64,
        TABLE_ELEMENT_BYTES as u64,
        TABLE_ELEMENTS_MAX as u64,
        u64::from(MEMORIES_MAX),
        u64::from(TABLES_MAX),
        u64::from(CORE_INSTANCES_MAX),
        INSTANCE_BYTES_MAX as u64,
        HOSTCALL_BYTES_MAX as u64,
        LOG_LINES_KEPT_MAX as u64,
        LOG_BYTES_KEPT_MAX as u64,
        LOG_LINE_BYTES_MAX as u64,
        u64::from(LOG_LINES_SAID_MAX),
        LOG_BYTES_SAID_MAX as u64,
        HANDLES_MAX as u64,
        u64::from(WASI_CALLS_MAX),
        WASI_BYTES_MAX as u64,
    ];
    let boundary: Vec<u64> = boundary::LIMITS.iter().map(|limit| *limit as u64).collect();
    SandboxIdentity {
        engine: ENGINE_VERSION.to_owned(),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        limits: Digest::of(&encoding::encode(&(sandbox, boundary))),
    }
}
