//! Builds the policies that are kept prebuilt in the repository, so that a user needs no wasm target.
//!
//! The compiler is the toolchain's own where it has the target, and Debian's where rustup cannot fetch it;
//! `tests/guests/rust-wasm-sysroot.sh` finds out. The same compiler gives the same bytes in every folder and on every
//! machine, for no path of the machine gets into them. Another compiler gives other bytes that decide the same: so
//! `--check` compares, says what it found, and leaves the judgement to the tests, which run both.

use crate::component;
use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";
/// The cargo profile, in the workspace's manifest.
const PROFILE: &str = "guest";
/// The policies that are kept: names of packages, which are those of the files too.
const GUESTS: [&str; 1] = ["steward"];
/// How many bytes of stack a guest gets. What it keeps there are a few frames; the default of 1 MiB is memory that the
/// host would have to make for each decision.
const STACK_BYTES: u32 = 128 << 10;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write nothing into the repository: build aside, and say whether the bytes are those that are kept.
    #[arg(long)]
    check: bool,
    /// Where cargo builds; the guests go into a folder of their own in it, for they may have another compiler.
    #[arg(long, env = "CARGO_TARGET_DIR", value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// Cargo's own folder, whose path is kept out of the bytes.
    #[arg(long, env = "CARGO_HOME", value_name = "DIR")]
    cargo_home: Option<PathBuf>,
    /// This crate's folder, as cargo says at run time: the program may have been built from another checkout that has
    /// the same target folder.
    #[arg(long, env = "CARGO_MANIFEST_DIR", value_name = "DIR", hide = true)]
    manifest_dir: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = arguments.manifest_dir.ancestors().nth(2).context("find the workspace")?;
    let target = match &arguments.target_dir {
        Some(folder) => std::path::absolute(folder).context("find the target folder")?.join("guests"),
        None => root.join("target/guests"),
    };
    compile(root, &target, arguments.cargo_home.as_deref())?;
    for name in GUESTS {
        let kept = root.join("guest-policies/prebuilt").join(format!("{name}.wasm"));
        let module = target.join(TARGET).join(PROFILE).join(format!("{name}.wasm"));
        let module = fs::read(&module).with_context(|| format!("read {}", module.display()))?;
        let built = component::wrap(&module).with_context(|| format!("make a component of {name}"))?;
        if arguments.check {
            compare(name, &kept, &built, &target.join("check"))?;
        } else {
            write(&kept, &built)?;
            println!("{name}: {} bytes, {}, written to {}", built.len(), digest(&built), kept.display());
        }
    }
    Ok(())
}

/// Runs cargo for the guests' target, with whatever the sysroot script says that it takes.
fn compile(root: &Path, target: &Path, cargo_home: Option<&Path>) -> anyhow::Result<()> {
    let cargo_home = match cargo_home {
        Some(folder) => folder.to_owned(),
        None => std::env::home_dir().context("find the home folder")?.join(".cargo"),
    };
    let flags = [
        format!("--remap-path-prefix={}=/quarterdeck", root.display()),
        format!("--remap-path-prefix={}=/crates", cargo_home.join("registry/src").display()),
        format!("-Clink-arg=-zstack-size={STACK_BYTES}"),
    ];
    let mut build = Command::new("bash");
    build
        .current_dir(root)
        .args(["-c", r#"vars=$("$0") && eval "$vars" && exec "$@""#, "tests/guests/rust-wasm-sysroot.sh"])
        .args(["cargo", "build", "--quiet", "--locked", "--profile", PROFILE, "--target", TARGET, "--target-dir"])
        .arg(target)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    for name in GUESTS {
        build.args(["--package", name]);
    }
    let status = build.status().context("run bash")?;
    ensure!(status.success(), "build the guests: {status}");
    Ok(())
}

/// Other bytes are no error: another compiler makes them. Both paths are printed for who wants to compare decisions.
fn compare(name: &str, kept: &Path, built: &[u8], scratch: &Path) -> anyhow::Result<()> {
    let rebuilt = scratch.join(format!("{name}.wasm"));
    write(&rebuilt, built)?;
    let committed = fs::read(kept).with_context(|| format!("read {}", kept.display()))?;
    if committed == built {
        println!("{name}: same bytes, {} of them, {}", built.len(), digest(built));
    } else {
        println!("{name}: other bytes");
    }
    println!("  kept    {} {}", digest(&committed), kept.display());
    println!("  rebuilt {} {}", digest(built), rebuilt.display());
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("a file lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}

fn digest(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}
