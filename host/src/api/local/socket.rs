//! Taking the socket: one that a dead host left is replaced, a live one never.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::Gid;
use tokio::net::UnixListener;

/// Why the socket can't be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A host answers there.
    #[error("another host answers at {0}")]
    Alive(PathBuf),
    /// The file system says no.
    #[error("listen on {path} (a socket's path has at most 107 bytes; --data chooses another folder)")]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Whether anybody answers at a socket.
pub fn is_alive(path: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(path).is_ok()
}

/// Takes the socket: mode 0600, or 0660 with this group.
///
/// # Errors
/// Where a host answers there, the path is too long for a socket, or the file system says no.
pub fn listen(path: &Path, group: Option<Gid>) -> Result<UnixListener, ListenError> {
    if is_alive(path) {
        return Err(ListenError::Alive(path.to_owned()));
    }
    // Nobody can open the socket under its name before its mode is right.
    let part = path.with_extension("new");
    let take = || {
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&part)?;
        std::fs::set_permissions(&part, std::fs::Permissions::from_mode(0o600))?;
        if let Some(group) = group {
            rustix::fs::chown(&part, None, Some(group))?;
            std::fs::set_permissions(&part, std::fs::Permissions::from_mode(0o660))?;
            // They have to get there: through the folders of this world and of all data, of which they see nothing else.
            for folder in path.ancestors().skip(1).take(2) {
                rustix::fs::chown(folder, None, Some(group))?;
                std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o710))?;
            }
        }
        std::fs::rename(&part, path)?;
        Ok(listener)
    };
    take().map_err(|source| ListenError::Io { path: path.to_owned(), source })
}
