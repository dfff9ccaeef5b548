//! The templates: the examples of `guest-policies/examples`, as files that the program carries.
//!
//! The example's name is put out and the project's is put in; nothing else of a file changes but the two paths of the
//! SDK, which lies inside a project in Rust and elsewhere here. A test keeps the list complete.

use std::fs;
use std::path::{Path, PathBuf};

use super::project::{Language, Name, Project};
use super::{AuthorError, file};

/// What the examples are called.
const EXAMPLE: &str = "keeper";
/// The contract.
pub(super) const CONTRACT: &str = include_str!("../../../wit/policy.wit");
/// Where a project's README has what concerns its language.
const NOTES: &str = "NOTES\n";

/// A file of a project: its path in it, and its text in the example.
type File = (&'static str, &'static str);

macro_rules! example {
    ($($path:literal),* $(,)?; $folder:literal) => {
        &[$(($path, include_str!(concat!("../../../guest-policies/examples/", $folder, "/", $path)))),*]
    };
}
macro_rules! sdk {
    ($($path:literal),* $(,)?) => {
        &[$((concat!("sdk/src/", $path), include_str!(concat!("../../../guest-policies/sdk/src/", $path)))),*]
    };
}

const RUST: &[File] = example!["policy.yaml", "Cargo.toml", "src/lib.rs"; "rust"];
const PYTHON: &[File] = example!["policy.yaml", "decide.py", "requirements.txt"; "python"];
const JAVASCRIPT: &[File] = example!["policy.yaml", "decide.js", "package.json"; "javascript"];
const GO: &[File] = example![
    "policy.yaml", "go.mod", "decide/decide.go", "bindings/main/exports.go", "bindings/types/types.go",
    "bindings/logging/logging.go", "bindings/logging/empty.s", "bindings/runtime/runtime.go", "bindings/wit/wit.go";
    "go"
];
const C: &[File] = example![
    "policy.yaml", "decide.c", "bindings/guest.h", "bindings/guest.c", "bindings/policy.h", "bindings/policy.c",
    "bindings/stdlib.h", "bindings/string.h";
    "c"
];
const SDK: &[File] =
    sdk!["bindings.rs", "bump.rs", "describe.rs", "facts.rs", "lib.rs", "log.rs", "look.rs", "propose.rs"];
const SDK_MANIFEST: File = ("sdk/Cargo.toml", include_str!("../../../guest-policies/examples/common/sdk.toml"));

const CASES: &[File] = example![
    "cases/plans-what-is-wanted.yaml", "cases/applies-what-changes-and-tells.yaml";
    "common"
];
const README: &str = include_str!("../../../guest-policies/examples/common/README.md");
const IGNORE: &str = include_str!("../../../guest-policies/examples/common/ignore");

fn sources(language: Language) -> (&'static [File], &'static str) {
    match language {
        Language::Rust => (RUST, include_str!("../../../guest-policies/examples/rust/NOTES.md")),
        Language::Python => (PYTHON, include_str!("../../../guest-policies/examples/python/NOTES.md")),
        Language::Javascript => (JAVASCRIPT, include_str!("../../../guest-policies/examples/javascript/NOTES.md")),
        Language::Go => (GO, include_str!("../../../guest-policies/examples/go/NOTES.md")),
        Language::C => (C, include_str!("../../../guest-policies/examples/c/NOTES.md")),
    }
}

/// Every file of a new project, by its path.
fn files(language: Language, name: &Name) -> Vec<(&'static str, String)> {
    let (sources, notes) = sources(language);
    let mut files: Vec<(&str, String)> = vec![
        (".gitignore", IGNORE.to_owned()),
        ("README.md", README.replace(NOTES, notes)),
        ("wit/policy.wit", CONTRACT.to_owned()),
    ];
    files.extend(sources.iter().chain(CASES).map(|(path, text)| (*path, (*text).to_owned())));
    if language == Language::Rust {
        files.extend(SDK.iter().chain([&SDK_MANIFEST]).map(|(path, text)| (*path, (*text).to_owned())));
    }
    for (path, text) in &mut files {
        match *path {
            "wit/policy.wit" => {}
            "sdk/src/bindings.rs" => *text = text.replace("\"../../wit\"", "\"../wit\""),
            "Cargo.toml" => *text = text.replace("\"../../sdk\"", "\"sdk\"").replace(EXAMPLE, &name.to_string()),
            _ => *text = text.replace(EXAMPLE, &name.to_string()),
        }
    }
    files
}

/// Writes a new project into a folder that is not there yet, or is empty.
///
/// # Errors
/// Where the folder holds something, or can't be written.
pub fn new(language: Language, name: &Name, folder: &Path) -> Result<(Project, Vec<PathBuf>), AuthorError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(AuthorError::Exists(folder.to_owned()));
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(file("look into", folder)(error)),
    }
    let mut written = Vec::new();
    for (path, text) in files(language, name) {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(file("make the folder", parent))?;
        // Nothing is overwritten, also where somebody else writes at the same time.
        let mut new = fs::File::create_new(&path).map_err(file("make", &path))?;
        std::io::Write::write_all(&mut new, text.as_bytes()).map_err(file("write", &path))?;
        written.push(path);
    }
    Ok((Project::read(folder)?, written))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lies in the example and is no part of a project: notes that become part of its README, what was built, and
    /// what only this repository pins.
    fn is_aside(path: &str) -> bool {
        path == "NOTES.md" || path == "Cargo.lock" || path.ends_with(".wasm") || path.starts_with("target/")
    }

    fn below(folder: &Path, at: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(folder, &path, found);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn a_project_has_every_file_of_its_example() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-policies");
        let name = Name::parse("mine").unwrap();
        for language in Language::ALL {
            let has: Vec<&str> = files(language, &name).into_iter().map(|(path, _)| path).collect();
            let (mut kept, folder) = (Vec::new(), root.join("examples").join(language.name()));
            below(&folder, &folder, &mut kept);
            let missing: Vec<&String> =
                kept.iter().filter(|path| !is_aside(path) && !has.contains(&path.as_str())).collect();
            assert!(missing.is_empty() && kept.len() > 2, "{language:?} lacks {missing:?}");
        }
        let (mut kept, folder) = (Vec::new(), root.join("sdk/src"));
        below(&folder, &folder, &mut kept);
        assert_eq!(kept.len(), SDK.len(), "the SDK has {kept:?}");
        let (mut kept, folder) = (Vec::new(), root.join("examples/common/cases"));
        below(&folder, &folder, &mut kept);
        assert_eq!(kept.len(), CASES.len(), "the cases are {kept:?}");
    }

    #[test]
    fn a_project_has_its_own_name_and_no_path_out_of_it() {
        let name = Name::parse("mine").unwrap();
        for language in Language::ALL {
            for (path, text) in files(language, &name) {
                assert!(!text.contains(EXAMPLE), "{language:?}: {path} still says {EXAMPLE}");
                assert!(!text.contains("../../"), "{language:?}: {path} points outside");
            }
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = std::env::temp_dir().join(format!("quarterdeck-author-{}", std::process::id()));
        let _absent = fs::remove_dir_all(&folder);
        let name = Name::parse("mine").unwrap();
        let (project, written) = new(Language::C, &name, &folder).unwrap();
        assert_eq!((project.language, project.name, written.len() > 10), (Language::C, name.clone(), true));
        let before = fs::read_to_string(folder.join("decide.c")).unwrap();
        assert!(matches!(new(Language::Go, &name, &folder), Err(AuthorError::Exists(_))));
        assert_eq!(fs::read_to_string(folder.join("decide.c")).unwrap(), before);
        fs::remove_dir_all(&folder).unwrap();
    }
}
