//! Paths of the node as an engine reads them, and whether one leads to the engine's socket.

/// Where engines listen. Each is told apart from other host paths, because its holder needs nothing else.
const SOCKETS: [&str; 4] =
    ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock"];

/// A path without `.`, `..` and doubled slashes, with a leading slash. `/var/run` is `/run` on every current system.
pub(super) fn normalise(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Whether mounting `path` gives the engine's socket: it is the socket, or a folder above it.
pub(super) fn holds_socket(path: &str) -> bool {
    let path = normalise(path);
    // Through /var/run, and through any root link like /proc/1/root, the same socket is reached.
    let sockets = SOCKETS.iter().flat_map(|socket| [(*socket).to_owned(), format!("/var{socket}")]);
    let mut all = sockets;
    path == "/"
        || path.starts_with("/proc")
        || path.ends_with("docker.sock")
        || all.any(|socket| socket == path || socket.starts_with(&format!("{path}/")))
}

/// Whether a text is the name of a volume, as the engine defines it: anything else may be a path.
pub(super) fn is_volume_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphanumeric())
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_the_socket_is_seen() {
        let ways = [
            "/",
            "//",
            "/.",
            "/x/..",
            "/var",
            "/var/",
            "/var/run",
            "//var//run/../run",
            "/run",
            "/run/",
            "/run/docker.sock",
            "/var/run/docker.sock",
            "/var/./run/docker.sock",
            "/../run",
            "/proc/1/root",
            "/srv/docker.sock",
            "/run/containerd",
        ];
        for path in ways {
            assert!(holds_socket(path), "{path}");
        }
        for path in ["/srv", "/var/lib", "/runner", "/var/running", "/home/run", "/etc"] {
            assert!(!holds_socket(path), "{path}");
        }
    }

    #[test]
    fn a_volume_name_is_no_path() {
        assert!(is_volume_name("web_data-1.0"));
        for text in ["", "/", "/etc", "./x", "..", "a/b", "a:b", "C:\\", "-a"] {
            assert!(!is_volume_name(text), "{text}");
        }
    }
}
