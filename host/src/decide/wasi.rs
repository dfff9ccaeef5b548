//! The second profile: a WASI in which nothing is outside.
//!
//! Some languages cannot be built without WASI: their runtimes ask for the time, a seed and a place to print before the
//! policy's first line runs. What they get here follows from the situation alone, so that a decision stays a pure
//! function: the clock stands still at the situation's `now`; random bytes are drawn from the situation's digest; whoever
//! waits has waited already; what is printed goes to the policy's log under the log's own limits; standard input has
//! ended; there are no arguments, no environment and no directory, and no import by which to reach a network.
//!
//! `wasmtime-wasi` gives the types and the names, checked against WASI's own text; what stands behind them is ours. Its
//! implementations are made to wait: the synchronous ones start a runtime of their own with as many threads as the
//! machine has processors, and panic where the caller is inside one already, as a test or a replay may be. Ours wait for
//! nothing, so they need none; they keep no table either, since what a handle stands for is told by its number.
//!
//! A call costs the guest hardly any fuel and the host much time, so calls and the bytes that they move are counted, and
//! the engine counts the handles. `clocks`, `random`, `io` and `cli` are those interfaces; of `wasi:filesystem` only "there
//! is no directory" can ever be asked, so the rest is made to trap.
//!
//! What is *not* here: which components get this profile. `shape` tells it by their imports.

mod cli;
mod clocks;
mod io;
mod random;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::ids::Timestamp;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceType};
use wasmtime_wasi::p2::bindings as types;
use wasmtime_wasi::p2::bindings::sync::io as sync_io;

use super::guest::{Stay, Stop};
use super::limits;

/// The interfaces of this profile. Each is given in version 0.2, whatever its last number: within it WASI only grows.
const GIVEN: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    FILES,
    "wasi:filesystem/preopens",
    ERROR,
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];
const FILES: &str = "wasi:filesystem/types";
const ERROR: &str = "wasi:io/error";

/// Whether an import is one that this profile gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// It is.
    Yes,
    /// The interface is, but not in this version.
    OtherVersion,
    /// There is nothing of that name.
    No,
}

/// Looks an import up by its whole name.
pub(super) fn given(import: &str) -> Given {
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    let is_ours = |version: &str| {
        version.strip_prefix("0.2.").is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
    };
    match GIVEN.contains(&name) {
        true if is_ours(version) => Given::Yes,
        true => Given::OtherVersion,
        false => Given::No,
    }
}

/// All that a guest of this profile can learn from outside its situation, and it follows from the situation.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// Where the clock stands.
    pub(super) now: Timestamp,
    /// What random bytes are drawn from.
    pub(super) seed: Digest,
}

impl Default for Moment {
    /// The moment in which a policy is asked what it is: there is no situation, so it is always the same.
    fn default() -> Moment {
        Moment { now: Timestamp(0), seed: Digest::ZERO }
    }
}

/// What a guest has used of this profile in its one decision.
#[derive(Default)]
pub(super) struct Used {
    moment: Moment,
    calls: u32,
    bytes: usize,
    drawn: random::Drawn,
    printed: io::Printed,
}

impl Used {
    pub(super) fn in_moment(moment: Moment) -> Used {
        Used { moment, ..Used::default() }
    }
}

impl Stay {
    /// Counts a call of this profile's.
    fn called(&mut self) -> wasmtime::Result<()> {
        self.wasi.calls += 1;
        if self.wasi.calls > limits::WASI_CALLS_MAX { self.stop(Stop::WasiCalls) } else { Ok(()) }
    }

    /// Counts bytes that the host has to make up for a call.
    fn makes(&mut self, bytes: u64) -> wasmtime::Result<usize> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if bytes > limits::HOSTCALL_BYTES_MAX {
            return self.stop(Stop::WasiOutput(bytes));
        }
        self.wasi.bytes += bytes;
        if self.wasi.bytes > limits::WASI_BYTES_MAX { self.stop(Stop::WasiCalls) } else { Ok(bytes) }
    }
}

/// Gives a component what it imports of this profile.
pub(super) fn link(linker: &mut Linker<Stay>, component: &Component) -> wasmtime::Result<()> {
    /// The store's own data is what all these interfaces are kept in.
    type Own = HasSelf<Stay>;
    types::clocks::wall_clock::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::clocks::monotonic_clock::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::random::random::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::random::insecure::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::random::insecure_seed::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::cli::environment::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::cli::exit::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::cli::stdin::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::cli::stdout::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::cli::stderr::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::cli::terminal_input::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::cli::terminal_output::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::cli::terminal_stdin::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::cli::terminal_stdout::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::cli::terminal_stderr::add_to_linker::<_, Own>(linker, |stay| stay)?;
    types::filesystem::preopens::add_to_linker::<_, Own>(linker, |stay| stay)?;
    sync_io::poll::add_to_linker::<_, Own>(linker, |stay| stay)?;
    sync_io::streams::add_to_linker::<_, Own>(linker, |stay| stay)?;
    let ty = component.component_type();
    for (name, import) in ty.imports(component.engine()) {
        if let (ERROR | FILES, ComponentItem::ComponentInstance(_)) = (interface(name), &import.ty) {
            link_unreachable(linker, component, name, &import.ty)?;
        }
    }
    Ok(())
}

fn interface(import: &str) -> &str {
    import.split('@').next().unwrap_or_default()
}

/// Gives an interface whose every function is about something that no guest can hold: a directory, or the details of a
/// failure, since nothing here fails for a reason of its own. Whoever calls one all the same is ended.
fn link_unreachable(
    linker: &mut Linker<Stay>,
    component: &Component,
    name: &str,
    import: &ComponentItem,
) -> wasmtime::Result<()> {
    let ComponentItem::ComponentInstance(import) = import else { return Ok(()) };
    let mut given = linker.instance(name)?;
    for (item, has) in import.exports(component.engine()) {
        match (&has.ty, item) {
            (ComponentItem::ComponentFunc(_), _) => {
                given.func_new(item, |mut store, _, _, _| store.data_mut().stop(Stop::WasiNothing))?;
            }
            (ComponentItem::Resource(_), "descriptor") => {
                given.resource(item, ResourceType::host::<types::filesystem::types::Descriptor>(), |_, _| Ok(()))?;
            }
            (ComponentItem::Resource(_), "directory-entry-stream") => {
                let ty = ResourceType::host::<types::filesystem::types::DirectoryEntryStream>();
                given.resource(item, ty, |_, _| Ok(()))?;
            }
            (ComponentItem::Resource(_), "error") if interface(name) == ERROR => {
                given.resource(item, ResourceType::host::<sync_io::streams::Error>(), |_, _| Ok(()))?;
            }
            // Types, and resources that other interfaces made.
            _ => {}
        }
    }
    Ok(())
}

impl types::filesystem::preopens::Host for Stay {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<types::filesystem::types::Descriptor>, String)>> {
        self.called()?;
        Ok(vec![])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_given_by_its_whole_name() {
        for (import, expected) in [
            ("wasi:clocks/wall-clock@0.2.0", Given::Yes),
            ("wasi:clocks/wall-clock@0.2.12", Given::Yes),
            ("wasi:clocks/wall-clock@0.2.", Given::OtherVersion),
            ("wasi:clocks/wall-clock@0.2.0-rc-2023-11-10", Given::OtherVersion),
            ("wasi:clocks/wall-clock@0.3.0", Given::OtherVersion),
            ("wasi:clocks/wall-clock", Given::OtherVersion),
            ("wasi:clock/wall-clock@0.2.0", Given::No),
            ("wasi:clocks/wall-clock2@0.2.0", Given::No),
            ("wasi:sockets/tcp@0.2.0", Given::No),
            ("wasi:http/types@0.2.0", Given::No),
        ] {
            assert_eq!(given(import), expected, "{import}");
        }
    }
}
