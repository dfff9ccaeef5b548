//! How each language becomes a component. What is made on the way lies in the project's `target` folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use quarterdeck_core::digest::Digest;

use super::component::{self, Core, WORLD};
use super::project::{Language, Project};
use super::templates::CONTRACT;
use super::tools::{ask, find, need, printed, run};
use super::{AuthorError, file};
use crate::config;
use crate::decide::structure::COMPONENT_BYTES_MAX;

/// A policy's stack, in bytes, in languages whose stack is its size in memory: a few frames lie there, and what more it
/// is the host has to make for each decision.
const STACK_BYTES: u32 = 128 << 10;
/// Where cargo's guests have no operating system.
const RUST_TARGET: &str = "wasm32-unknown-unknown";
/// Makes that target's library out of Debian's source where rustup can't fetch it; prints what has to be set.
const RUST_SYSROOT: &str = include_str!("../../../tests/guests/rust-wasm-sysroot.sh");
/// What clang is called, newest first where its name has a number.
const CLANGS: [&str; 10] = [
    "clang", "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14",
];
/// Folders of a project in Python that hold no source of the policy.
const NO_SOURCES: [&str; 6] = ["target", ".venv", "node_modules", "__pycache__", "cases", "wit"];
/// So deep may folders of Python sources lie in one another.
const SOURCE_DEPTH_MAX: usize = 16;

/// What was built.
#[derive(Debug)]
pub struct Built {
    /// Where the component was written.
    pub file: PathBuf,
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many.
    pub bytes: usize,
}

/// Builds a project with the compiler at hand, and writes the component. `told` hears what is run, line by line.
///
/// # Errors
/// Where the compiler is not here or says no, or what it made is no component.
pub fn build(project: &Project, out: Option<&Path>, told: &mut dyn FnMut(&str)) -> Result<Built, AuthorError> {
    let target = project.folder.join("target");
    fs::create_dir_all(&target).map_err(file("make the folder", &target))?;
    let own = project.folder.join("wit/policy.wit");
    let contract = if own.is_file() { Some(fs::read_to_string(&own).map_err(file("read", &own))?) } else { None };
    let contract = contract.as_deref();
    let bytes = match project.language {
        Language::Rust => component::wrap(rust(project, &target, told)?, contract, "rustc")?,
        Language::C => component::wrap(c(project, &target, told)?, contract, "clang")?,
        Language::Go => component::wrap(go(project, &target, told)?, contract, "go")?,
        Language::Javascript => javascript(project, &target, &wit(&target, contract)?, told)?,
        Language::Python => python(project, &target, &wit(&target, contract)?, told)?,
    };
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(AuthorError::TooLarge { bytes: bytes.len(), max: COMPONENT_BYTES_MAX });
    }
    let path = out.map_or_else(|| project.folder.join(format!("{}.wasm", project.name)), Path::to_owned);
    fs::write(&path, &bytes).map_err(file("write", &path))?;
    Ok(Built { file: path, digest: Digest::of(&bytes), bytes: bytes.len() })
}

/// By cargo. Where the toolchain has no library for the target, Debian's is made first.
fn rust(project: &Project, target: &Path, told: &mut dyn FnMut(&str)) -> Result<Core, AuthorError> {
    let get = "install Rust with rustup, then: rustup target add wasm32-unknown-unknown";
    let (cargo, rustc) = (need("cargo", get)?, need("rustc", get)?);
    let sysroot =
        ask(Command::new(rustc).args(["--print", "sysroot"]).current_dir(&project.folder)).unwrap_or_default();
    let has_target = Path::new(sysroot.trim()).join("lib/rustlib").join(RUST_TARGET).join("lib").is_dir();
    let mut build = Command::new(cargo);
    if !has_target {
        build.envs(debian_target(told)?);
    }
    let crates = config::cargo_home().unwrap_or_default().join("registry/src");
    let flags = [
        format!("--remap-path-prefix={}=/policy", project.folder.display()),
        format!("--remap-path-prefix={}=/crates", crates.display()),
        format!("-Clink-arg=-zstack-size={STACK_BYTES}"),
    ];
    build
        .args(["build", "--release", "--lib", "--target", RUST_TARGET, "--target-dir"])
        .arg(target)
        .current_dir(&project.folder)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    run(&mut build, told)?;
    let module = target.join(RUST_TARGET).join("release/policy.wasm");
    Ok(Core { module: read(&module)?, is_typed: true, is_wasi: false })
}

/// What cargo has to be told where Debian's source of the target's library stands in for rustup's.
fn debian_target(told: &mut dyn FnMut(&str)) -> Result<Vec<(String, String)>, AuthorError> {
    for tool in ["bash", "apt-get", "dpkg-deb"] {
        let get =
            "rustup target add wasm32-unknown-unknown (elsewhere than on Debian there is no other way)".to_owned();
        let absent = AuthorError::NoTool { tool: "Rust target wasm32-unknown-unknown", get };
        config::on_path(tool).ok_or(absent)?;
    }
    told("this Rust has no wasm32-unknown-unknown: taking what Debian's source makes (once 0.9 GB and a minute)");
    let printed = printed(Command::new("bash").args(["-c", RUST_SYSROOT]))?;
    let exports = printed.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    Ok(exports.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect())
}

/// By the first clang that compiles and links for wasm. There is no C library: `bindings/guest.c` has what is needed.
fn c(project: &Project, target: &Path, told: &mut dyn FnMut(&str)) -> Result<Core, AuthorError> {
    let (probe, made) = (target.join("probe.c"), target.join("probe.wasm"));
    fs::write(&probe, "int probe(void) { return 0; }\n").map_err(file("write", &probe))?;
    let can = |clang: &PathBuf| {
        let mut command = Command::new(clang);
        ask(command.args(["--target=wasm32", "-nostdlib", "-Wl,--no-entry", "-o"]).arg(&made).arg(&probe)).is_some()
    };
    let absent = || AuthorError::NoTool {
        tool: "clang that makes wasm",
        get: "apt-get install clang lld (Debian, Ubuntu), or brew install llvm lld".to_owned(),
    };
    let clang = CLANGS.iter().filter_map(|name| config::on_path(name)).find(can).ok_or_else(absent)?;
    let mut sources = Vec::new();
    for folder in [project.folder.clone(), project.folder.join("bindings")] {
        let mut here = entries(&folder)?;
        here.retain(|path| path.extension() == Some(OsStr::new("c")));
        // The order of arguments is that of the functions in the module: the same everywhere.
        here.sort();
        sources.extend(here);
    }
    let module = target.join("policy.core.wasm");
    let mut command = Command::new(clang);
    command
        .current_dir(&project.folder)
        .args(["--target=wasm32", "-mbulk-memory", "-O2", "-Wall", "-ffreestanding", "-nostdlib", "-nostdlibinc"])
        .args(["-I", "bindings", "-Wl,--no-entry"])
        .arg(format!("-Wl,-z,stack-size={STACK_BYTES}"))
        .arg("-o")
        .arg(&module)
        .args(sources.iter().map(|source| source.strip_prefix(&project.folder).unwrap_or(source)));
    run(&mut command, told)?;
    Ok(Core { module: read(&module)?, is_typed: false, is_wasi: false })
}

/// By Go's own compiler, as a reactor; neither the folder nor its history gets into the bytes.
fn go(project: &Project, target: &Path, told: &mut dyn FnMut(&str)) -> Result<Core, AuthorError> {
    let go = need("go", "install Go 1.24 or newer, from its own download page or your distribution")?;
    let module = target.join("policy.core.wasm");
    let mut command = Command::new(go);
    command
        .current_dir(&project.folder)
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .env("GOWORK", "off")
        .args(["build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-w -buildid=", "-o"])
        .arg(&module)
        .arg("./bindings/main");
    run(&mut command, told)?;
    Ok(Core { module: read(&module)?, is_typed: false, is_wasi: true })
}

/// By componentize-qjs. Not with its `--opt-size`: decisions would take twice as long, for half a megabyte.
fn javascript(
    project: &Project,
    target: &Path,
    wit: &Path,
    told: &mut dyn FnMut(&str),
) -> Result<Vec<u8>, AuthorError> {
    need("node", "install Node.js 18 or newer")?;
    let places = [
        Some(project.folder.join("node_modules/.bin/componentize-qjs")),
        config::cache_folder().map(|cache| cache.join("qjs/node_modules/.bin/componentize-qjs")),
    ];
    let get = || format!("npm install --prefix {} (package.json has the version)", project.folder.display());
    let tool = find(&places, "componentize-qjs")
        .ok_or_else(|| AuthorError::NoTool { tool: "componentize-qjs", get: get() })?;
    let out = target.join("policy.wasm");
    let mut command = Command::new(tool);
    command
        .current_dir(&project.folder)
        .args(["--sync", "--stub-wasi", "--world", WORLD, "--js", "decide.js", "--wit"])
        .arg(wit)
        .arg("--output")
        .arg(&out);
    run(&mut command, told)?;
    read(&out)
}

/// By componentize-py, from a fresh copy of the sources: it leaves a `__pycache__` beside them, and takes one that it
/// finds into the component.
fn python(project: &Project, target: &Path, wit: &Path, told: &mut dyn FnMut(&str)) -> Result<Vec<u8>, AuthorError> {
    let places = [
        Some(project.folder.join(".venv/bin/componentize-py")),
        config::cache_folder().map(|cache| cache.join("py/bin/componentize-py")),
    ];
    let get = || {
        let folder = project.folder.display();
        format!("python3 -m venv {folder}/.venv && {folder}/.venv/bin/pip install -r {folder}/requirements.txt")
    };
    let tool =
        find(&places, "componentize-py").ok_or_else(|| AuthorError::NoTool { tool: "componentize-py", get: get() })?;
    let sources = target.join("python");
    if sources.exists() {
        fs::remove_dir_all(&sources).map_err(file("remove", &sources))?;
    }
    copy_sources(&project.folder, &sources, 0)?;
    let out = target.join("policy.wasm");
    let mut command = Command::new(tool);
    command
        .current_dir(&project.folder)
        .arg("-d")
        .arg(wit)
        .args(["-w", WORLD, "componentize", "--stub-wasi", "decide", "-p"])
        .arg(&sources)
        .arg("-o")
        .arg(&out);
    run(&mut command, told)?;
    read(&out)
}

fn copy_sources(from: &Path, to: &Path, depth: usize) -> Result<(), AuthorError> {
    fs::create_dir_all(to).map_err(file("make the folder", to))?;
    for path in entries(from)? {
        let Some(name) = path.file_name() else { continue };
        let kind = fs::symlink_metadata(&path).map_err(file("look at", &path))?.file_type();
        if kind.is_dir() && depth < SOURCE_DEPTH_MAX && !NO_SOURCES.iter().any(|other| name == *other) {
            copy_sources(&path, &to.join(name), depth + 1)?;
        } else if kind.is_file() && path.extension() == Some(OsStr::new("py")) {
            fs::copy(&path, to.join(name)).map_err(file("copy", &path))?;
        }
    }
    Ok(())
}

/// A folder with the contract alone, for the tools that read it themselves.
fn wit(target: &Path, contract: Option<&str>) -> Result<PathBuf, AuthorError> {
    let folder = target.join("wit");
    fs::create_dir_all(&folder).map_err(file("make the folder", &folder))?;
    let path = folder.join("policy.wit");
    fs::write(&path, contract.unwrap_or(CONTRACT)).map_err(file("write", &path))?;
    Ok(folder)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, AuthorError> {
    let listed = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    listed.map_err(file("list", folder))
}

fn read(path: &Path) -> Result<Vec<u8>, AuthorError> {
    fs::read(path).map_err(file("read", path))
}
