//! Giving up rights, for good, by a process that is about to look at something hostile.
//!
//! Limits first, then the filter of system calls, on all threads at once; whatever is not listed kills the process. The
//! list is what computing needs: memory, clocks, locks, signals to itself. It reads from its standard input and writes to
//! its standard output and error; every other descriptor that is open, also one that somebody forgot to close, is out of its
//! reach, since no listed call takes it (but for closing it, and for asking the kernel which of its own pages it wrote).
//!
//! One kind of descriptor can still be made: memory with a name (`memfd_create`), in which the engine keeps what a
//! guest's memories begin with, to map it into each instance. Without it the engine copies, and takes fuel for that: the
//! same decision would cost more here than on a thread. So the numbers that were free may be written to and mapped, and
//! there are few of them, each with no more than a guest's memory, since no limit of the kernel's counts them as data.
//!
//! What is *not* here: changing the user or the namespaces. Without system calls there is nothing left to be somebody for.

use std::collections::BTreeMap;

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

use super::super::limits;
use super::Allowance;

/// `PAGEMAP_SCAN` of Linux 6.7: which pages of one's own were written. `_IOWR('f', 16, struct pm_scan_arg)`, 96 bytes
/// (include/uapi/linux/fs.h). The engine opened `/proc/self/pagemap` for it before.
const PAGEMAP_SCAN: u64 = 0xc060_6610;
/// Memory that is one's own: `MAP_PRIVATE` of the two bits that say whose it is. What is shared, no limit counts.
const MAP_PRIVATE: u64 = 2;
const MAP_WHOSE: u64 = 3;
/// The descriptor of a mapping that is of no file: -1, in the 32 bits that a descriptor has.
const NO_FILE: u64 = 0xffff_ffff;

/// So many descriptors may be made: one for each memory of a guest, and one over.
const DESCRIPTORS_MAX: u64 = limits::MEMORIES_MAX as u64 + 1;

/// Why a process could not give up its rights; it must not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfineError {
    #[error("look at which descriptors are open: {0}")]
    Descriptors(#[from] std::io::Error),
    #[error("limit what the process may take: {0}")]
    Limit(#[from] rustix::io::Errno),
    #[error("make a filter of system calls for this machine: {0}")]
    Filter(#[from] BackendError),
    #[error("install the filter of system calls: {0}")]
    Install(#[from] seccompiler::Error),
}

/// Gives up everything but computing within the allowance.
pub(super) fn confine(allowance: &Allowance) -> Result<(), ConfineError> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let open = open()?;
    let descriptors = open.iter().max().map_or(0, |highest| highest + 1) + DESCRIPTORS_MAX;
    let free: Vec<u64> = (0..descriptors).filter(|number| !open.contains(number)).collect();
    let limit = |resource, most: u64| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    limit(Resource::Data, allowance.data_bytes)?;
    if let Some(seconds) = allowance.cpu_seconds {
        // The first limit is a signal that says what it was; the second would be a plain kill.
        setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds.saturating_add(1)) })?;
    }
    limit(Resource::Fsize, limits::MEMORY_BYTES_MAX as u64)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Nofile, descriptors)?;
    limit(Resource::Nproc, 0)?;
    limit(Resource::Memlock, 0)?;
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let listed = listed(&free)?;
    let filter: BpfProgram =
        SeccompFilter::new(listed, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()?;
    // This also gives up ever getting new privileges.
    Ok(apply_filter_all_threads(&filter)?)
}

/// The descriptors that are open.
fn open() -> std::io::Result<Vec<u64>> {
    let entries = std::fs::read_dir("/proc/self/fd")?;
    let mut numbers: Vec<u64> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // One of them was the folder's own, and is closed again.
    numbers.retain(|number| std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok());
    Ok(numbers)
}

/// What a process that only computes may ask of the kernel; `free` are the numbers that a descriptor of it may have.
fn listed(free: &[u64]) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let is = |argument, value| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value);
    let private = SeccompCmpOp::MaskedEq(MAP_WHOSE);
    let private = SeccompCondition::new(3, SeccompCmpArgLen::Dword, private, MAP_PRIVATE)?;
    let any = |argument, numbers: &[u64], beside: &[SeccompCondition]| -> Result<Vec<SeccompRule>, BackendError> {
        let rule = |number: &u64| SeccompRule::new([beside, &[is(argument, *number)?]].concat());
        numbers.iter().map(rule).collect()
    };
    let own = u64::from(std::process::id());
    let mut listed = BTreeMap::from([
        (libc::SYS_read, vec![SeccompRule::new(vec![is(0, 0)?])?]),
        (libc::SYS_write, any(0, &[&[1, 2], free].concat(), &[])?),
        (libc::SYS_mmap, any(4, &[&[NO_FILE], free].concat(), &[private])?),
        // A debug build asks whether a descriptor is open before it closes it.
        (libc::SYS_fcntl, any(1, &[libc::F_ADD_SEALS, libc::F_GETFD].map(|ask| ask.unsigned_abs().into()), &[])?),
        (libc::SYS_ioctl, vec![SeccompRule::new(vec![is(1, PAGEMAP_SCAN)?])?]),
        // An abort is a signal to oneself.
        (libc::SYS_tgkill, vec![SeccompRule::new(vec![is(0, own)?])?]),
    ]);
    let memory = [libc::SYS_munmap, libc::SYS_mprotect, libc::SYS_madvise, libc::SYS_mremap, libc::SYS_brk];
    // Where code was written, other processors are told (aarch64).
    let code = [libc::SYS_membarrier];
    let locks = [libc::SYS_futex, libc::SYS_sched_yield, libc::SYS_sched_getaffinity];
    let clocks = [libc::SYS_clock_gettime, libc::SYS_clock_nanosleep, libc::SYS_nanosleep, libc::SYS_restart_syscall];
    let signals = [libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn, libc::SYS_sigaltstack];
    let itself = [libc::SYS_getpid, libc::SYS_gettid, libc::SYS_exit, libc::SYS_exit_group];
    // What is open may be closed, and nothing be opened but memory. Hash tables draw their keys.
    let rest = [libc::SYS_close, libc::SYS_getrandom, libc::SYS_memfd_create];
    let plain = [&memory[..], &code, &locks, &clocks, &signals, &itself, &rest].concat();
    listed.extend(plain.into_iter().map(|call| (call, vec![])));
    Ok(listed)
}
