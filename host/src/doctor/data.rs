//! The data folder: can it be written, is it private, is there room?

use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access, statvfs};

use super::{Check, on_disk};

const NAME: &str = "data folder";
/// Under this many bytes of room nothing real should begin: a run's folder, its plan and states, and the journal.
const ROOM_BYTES_MIN: u64 = 100 << 20;
/// Under this many bytes it should be known that room becomes scarce.
const ROOM_BYTES_FEW: u64 = 1 << 30;

pub(super) async fn check(folder: PathBuf, timeout: Duration) -> Vec<Check> {
    let at = folder.display().to_string();
    match on_disk(timeout, move || look(&folder)).await {
        Ok(checks) => checks,
        Err(cause) => vec![Check::fail(
            NAME,
            &format!("{at} can't be looked at"),
            cause,
            "repair the disk, or name another folder with --data",
        )],
    }
}

fn look(folder: &Path) -> Vec<Check> {
    let existing = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let usable = if existing == folder { usable(folder) } else { to_be_made(folder, existing) };
    vec![usable, room(existing)]
}

/// The folder is not there yet: may it be made?
fn to_be_made(folder: &Path, existing: &Path) -> Check {
    let at = folder.display();
    if !existing.is_dir() {
        let cause = format!("{} is no folder", existing.display());
        return Check::fail(NAME, &format!("{at} can't be made"), cause, "name another folder with --data");
    }
    match access(existing, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Check::well(NAME, format!("{at} will be made")),
        Err(error) => {
            let cause = format!("nothing may be made in {}: {error}", existing.display());
            Check::fail(
                NAME,
                &format!("{at} can't be made"),
                cause,
                "name another folder with --data, or take the right to it",
            )
        }
    }
}

fn usable(folder: &Path) -> Check {
    let at = folder.display();
    let cure = "name another folder with --data, or take the right to this one";
    let found = match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => found,
        Ok(_) => return Check::fail(NAME, &format!("{at} is no folder"), "a file is in its place", cure),
        Err(error) => return Check::fail(NAME, &format!("{at} can't be looked at"), error.to_string(), cure),
    };
    if let Err(error) = write(folder) {
        let full = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        let cure = if full { "make room on that disk" } else { cure };
        return Check::fail(NAME, &format!("{at} can't be written"), error.to_string(), cure);
    }
    let mode = found.mode() & 0o777;
    // A group of approvers passes through it to the socket, and sees nothing.
    if mode & 0o067 != 0 {
        let cause = format!("its mode is {mode:04o}, and saved plans and states hold secrets in clear");
        return Check::warn(NAME, &format!("{at} is open to others"), cause, format!("chmod 700 {at}"));
    }
    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me {
        let cause = format!("it belongs to uid {}, and this is uid {me}", found.uid());
        return Check::warn(NAME, &format!("{at} is another's"), cause, format!("sudo chown {me} {at}"));
    }
    Check::well(NAME, format!("{at} can be written, and only by its owner"))
}

/// Writes a file down to the disk and removes it.
fn write(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let written = file.write_all(&[0; 4096]).and_then(|()| file.sync_all());
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}

fn room(existing: &Path) -> Check {
    const NAME: &str = "disk";
    let at = existing.display();
    let found = match statvfs(existing) {
        Ok(found) => found,
        Err(error) => return Check::warn(NAME, "its room is unknown", format!("{at}: {error}"), "look at the disk"),
    };
    let bytes = found.f_bavail.saturating_mul(found.f_frsize);
    let what = format!("{} MiB free at {at}", bytes >> 20);
    let cure = "make room, or name a folder on another disk with --data";
    if bytes < ROOM_BYTES_MIN {
        return Check::fail(NAME, &what, format!("less than {} MiB", ROOM_BYTES_MIN >> 20), cure);
    }
    if bytes < ROOM_BYTES_FEW {
        return Check::warn(NAME, &what, format!("less than {} MiB", ROOM_BYTES_FEW >> 20), cure);
    }
    Check::well(NAME, what)
}
