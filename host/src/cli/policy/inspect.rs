//! `policy inspect`: what a component is, and whether it could decide here.

use std::path::Path;

use anyhow::Context;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::text::escape;
use serde_json::json;
use wasmparser::{Encoding, Parser, Payload};

use super::super::exit::{Exit, Failure};
use super::super::print::{self, Output, fields, section, word};
use crate::decide::Sandbox;
use crate::decide::structure::COMPONENT_BYTES_MAX;

/// The names at a component's outermost level.
#[derive(Default)]
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

pub(in crate::cli) fn inspect(file: &Path, output: Output) -> Result<String, Failure> {
    let usage = |error: anyhow::Error| {
        let next = "name a policy, a WebAssembly component; wit/policy.wit is the contract";
        Failure::of(Exit::Usage, error, Some(next.to_owned()))
    };
    let bytes = read(file).map_err(usage)?;
    let digest = Digest::of(&bytes);
    let names = names(&bytes).unwrap_or_default();
    let sandbox = Sandbox::new().map_err(|error| Failure::of(Exit::Failed, error, None))?;
    let loaded = sandbox.load(&bytes);
    let description = loaded.as_ref().ok().map(|policy| policy.description().clone());
    let problem = loaded.err().map(|error| crate::driver::chain(&error));
    let text = match output {
        Output::Json => {
            let object = json!({
                "file": file, "digest": digest, "bytes": bytes.len(), "imports": names.imports,
                "exports": names.exports, "description": description, "problem": problem,
            });
            print::pretty(&print::object("Policy", false, &object))
        }
        Output::Table | Output::Wide => {
            let said = description.as_ref();
            let actions = said.map(|d| d.actions.iter().map(|action| action.name()).collect::<Vec<_>>().join(", "));
            let operations = said.map(|d| d.operations.iter().map(word).collect::<Vec<_>>().join(", "));
            let mut text = fields(&[
                ("File", file.display().to_string()),
                ("Digest", digest.to_string()),
                ("Bytes", bytes.len().to_string()),
                ("Name", said.map(|d| format!("{} {}", d.name, d.version)).unwrap_or_default()),
                ("Summary", said.map(|d| d.summary.clone()).unwrap_or_default()),
                ("Actions", actions.unwrap_or_default()),
                ("Operations", operations.unwrap_or_default()),
                ("Memo", said.map(|d| d.memo_format.clone()).unwrap_or_default()),
                ("Can decide", if problem.is_none() { "yes" } else { "no" }.to_owned()),
            ]);
            text += &section("Imports", names.imports);
            text += &section("Exports", names.exports);
            let settings = said.map(|d| d.settings.as_slice()).unwrap_or_default();
            text += &section("Settings", settings.iter().map(|s| format!("{}={}: {}", s.key, s.default_value, s.help)));
            text
        }
    };
    match problem {
        None => Ok(text),
        Some(problem) => {
            let error = anyhow::anyhow!("{}", escape(&problem)).context(format!("use {} as a policy", file.display()));
            Err(Failure { out: text, ..usage(error) })
        }
    }
}

/// The bytes of a component, if it is no larger than one may be.
pub(in crate::cli) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let reading = || format!("read {}", file.display());
    let bytes = std::fs::metadata(file).with_context(reading)?.len();
    if bytes > COMPONENT_BYTES_MAX as u64 {
        anyhow::bail!("{} has {bytes} bytes, of {COMPONENT_BYTES_MAX} at most", file.display());
    }
    std::fs::read(file).with_context(reading)
}

/// What the outermost sections name; nothing where the file is no component. Whether it may be used is the sandbox's
/// question.
fn names(bytes: &[u8]) -> Option<Names> {
    let (mut names, mut depth) = (Names::default(), 0u32);
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.ok()?;
        if let Payload::Version { encoding: Encoding::Module, .. } = &payload
            && depth == 0
        {
            return None;
        }
        if let Payload::ModuleSection { .. } | Payload::ComponentSection { .. } = &payload {
            depth += 1;
        } else if let Payload::End(_) = &payload {
            depth = depth.saturating_sub(1);
        } else if depth > 0 {
            continue;
        } else if let Payload::ComponentImportSection(section) = payload {
            names.imports.extend(section.into_iter().flatten().map(|import| import.name.name.to_owned()));
        } else if let Payload::ComponentExportSection(section) = payload {
            names.exports.extend(section.into_iter().flatten().map(|export| export.name.name.to_owned()));
        }
    }
    Some(names)
}
