//! Writes what the examples in C and Go need of the contract, so that their authors need a compiler and no generator.
//!
//! wit-bindgen writes for a project of its own shape; here its files are put where the examples want them, and the names
//! of its packages are made shorter. The adapter that a Go module is wrapped with is assembled here as well: the host has
//! no assembler. Whether what is kept is what would be written now is a test's question, which stands below.

use anyhow::Context;
use std::fs;
use std::path::{Path, PathBuf};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

/// The name of the world in the contract.
const WORLD: &str = "policy";
const EXAMPLES: &str = "guest-policies/examples";
/// The adapter in both its forms, but for the ending.
const ADAPTER: &str = "host/src/author/preview1";

/// wit-bindgen's names in Go, and ours; in this order.
const GO_NAMES: [(&str, &str); 7] = [
    ("go.bytecodealliance.org/pkg/wit/runtime", "policy/bindings/runtime"),
    ("go.bytecodealliance.org/pkg/wit/types", "policy/bindings/wit"),
    ("wit_component/export_quarterdeck_policy_decider", "policy/decide"),
    ("export_quarterdeck_policy_decider.", "decide."),
    ("wit_component/quarterdeck_policy_types", "policy/bindings/types"),
    ("quarterdeck_policy_types", "types"),
    ("package quarterdeck_policy_logging", "package logging"),
];
/// The files in Go that are kept, and where below the example.
const GO_FILES: [(&str, &str); 4] = [
    ("wit_exports.go", "main/exports.go"),
    ("quarterdeck_policy_types/wit_bindings.go", "types/types.go"),
    ("quarterdeck_policy_logging/wit_bindings.go", "logging/logging.go"),
    ("quarterdeck_policy_logging/empty.s", "logging/empty.s"),
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// This crate's folder, as cargo says at run time.
    #[arg(long, env = "CARGO_MANIFEST_DIR", value_name = "DIR", hide = true)]
    manifest_dir: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = arguments.manifest_dir.ancestors().nth(2).context("find the workspace")?;
    for (path, bytes) in files(root)? {
        let path = root.join(path);
        let folder = path.parent().context("a file lies in a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Every file that is made here, by its path below the workspace.
fn files(root: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut made = Vec::new();
    let written = generate(root, wit_bindgen_c::Opts { no_object_file: true, ..Default::default() }.build())?;
    for (name, bytes) in written.iter() {
        made.push((format!("{EXAMPLES}/c/bindings/{name}"), bytes.to_vec()));
    }
    // No gofmt: whoever has no Go must write the same bytes.
    let go = wit_bindgen_go::Opts { format: wit_bindgen_go::Format::False, ..Default::default() };
    let written = generate(root, go.build())?;
    for (theirs, ours) in GO_FILES {
        let (_, bytes) = written.iter().find(|(name, _)| *name == theirs).with_context(|| format!("no {theirs}"))?;
        let text = std::str::from_utf8(bytes).with_context(|| format!("read {theirs}"))?;
        let text = GO_NAMES.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        made.push((format!("{EXAMPLES}/go/bindings/{ours}"), (text.trim_end().to_owned() + "\n").into_bytes()));
    }
    let adapter = wat::parse_file(root.join(ADAPTER).with_extension("wat")).context("assemble the adapter")?;
    made.push((format!("{ADAPTER}.wasm"), adapter));
    Ok(made)
}

fn generate(root: &Path, mut generator: Box<dyn wit_bindgen_core::WorldGenerator>) -> anyhow::Result<Files> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root.join("wit/policy.wit")).context("read the contract")?;
    let world = resolve.select_world(&[package], Some(WORLD)).context("find the world")?;
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files).context("write the bindings")?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_would_be_written() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        for (path, bytes) in files(root).unwrap() {
            let kept = fs::read(root.join(&path)).unwrap_or_default();
            assert!(
                kept == bytes,
                "{path} is not what its source makes: run cargo xtask bindings, and read what changed"
            );
        }
    }
}
