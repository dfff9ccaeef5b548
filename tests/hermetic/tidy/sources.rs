//! The project's own files, as a person has them before anything is built.

use std::path::{Path, PathBuf};

/// A Rust file.
pub(super) struct Source {
    /// From the root of the project.
    pub(super) path: String,
    /// All of it.
    pub(super) text: String,
    /// Its lines without comments; for a program also without the tests at its end.
    pub(super) code: String,
    /// Whether it is built for tests only.
    pub(super) is_test: bool,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the tests lie in the project")
}

/// Every file of the project: what lies hidden (but for the settings of cargo and CI) or was built is none of it.
pub(super) fn files() -> Vec<String> {
    let (root, mut files) = (root(), Vec::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the project") {
            let entry = entry.expect("a file of the project");
            let name = entry.file_name().to_string_lossy().into_owned();
            let hidden = name.starts_with('.') && ![".cargo", ".ci"].contains(&name.as_str());
            if hidden || name == "target" || name == "Cargo.lock" {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let path = path.strip_prefix(&root).expect("it lies below the root");
                files.push(path.to_str().expect("our names are plain").to_owned());
            }
        }
    }
    files.sort();
    assert!(files.len() > 100, "the project was not found");
    files
}

pub(super) fn text(path: &str) -> String {
    let bytes = std::fs::read(root().join(path)).unwrap_or_else(|error| panic!("read {path}: {error}"));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Every Rust file.
pub(super) fn sources() -> Vec<Source> {
    let rust = files().into_iter().filter(|path| path.ends_with(".rs"));
    let source = |path: String| {
        let text = text(&path);
        let is_test = path.starts_with("tests/")
            || path.contains("/tests/")
            || path.ends_with("/tests.rs")
            || path == "host/core/src/fixture.rs";
        let program = match text.find("#[cfg(test)]\nmod tests {") {
            Some(tests) => &text[..tests],
            None => &text,
        };
        let code = program.lines().map(|line| if line.trim_start().starts_with("//") { "" } else { line });
        let code = code.collect::<Vec<&str>>().join("\n");
        Source { path, code, is_test, text }
    };
    rust.map(source).collect()
}
