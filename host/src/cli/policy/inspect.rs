//! `policy inspect`: what a component is, who and what made it, and whether it could decide here.

use std::path::Path;

use anyhow::Context;
use quarterdeck_core::decision::Description;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::text::escape;
use quarterdeck_core::upload::Profile;
use serde_json::{Value, json};

use super::super::exit::{Exit, Failure};
use super::super::print::{self, Output, fields, section, word};
use super::{described, sandbox};
use crate::decide::anatomy::{Anatomy, anatomy};
use crate::decide::structure::COMPONENT_BYTES_MAX;

/// What was seen.
struct Seen<'a> {
    file: &'a Path,
    bytes: &'a [u8],
    anatomy: Anatomy,
    /// What it asks for; nothing where it cannot decide here.
    profile: Option<Profile>,
    description: Option<Description>,
    problem: Option<String>,
}

pub(in crate::cli) fn inspect(file: &Path, output: Output) -> Result<String, Failure> {
    let usage = |error: anyhow::Error| {
        let next = "name a policy, a WebAssembly component; wit/policy.wit is the contract";
        Failure::of(Exit::Usage, error, Some(next.to_owned()))
    };
    let bytes = read(file).map_err(usage)?;
    let loaded = sandbox()?.load(&bytes);
    let said = loaded.as_ref().err().map(described).unwrap_or_default();
    let seen = Seen {
        file,
        bytes: &bytes,
        anatomy: anatomy(&bytes),
        profile: loaded.as_ref().ok().map(|policy| policy.profile()),
        description: loaded.as_ref().ok().map(|policy| policy.description().clone()),
        problem: loaded.err().map(|error| crate::driver::chain(&error)),
    };
    let text = match output {
        Output::Json => print::pretty(&print::object("Policy", false, &seen.json())),
        Output::Table | Output::Wide => seen.text() + &said,
    };
    match seen.problem {
        None => Ok(text),
        Some(problem) => {
            let error = anyhow::anyhow!("{}", escape(&problem)).context(format!("use {} as a policy", file.display()));
            Err(Failure { out: text, ..usage(error) })
        }
    }
}

impl Seen<'_> {
    fn json(&self) -> Value {
        let Anatomy { imports, exports, producers, components, modules, functions, named, memories } = &self.anatomy;
        json!({
            "file": self.file, "digest": Digest::of(self.bytes), "bytes": self.bytes.len(),
            "interface": self.anatomy.interface().map(|(name, version)| json!({ "name": name, "version": version })),
            "profile": self.profile, "imports": imports, "exports": exports, "producers": producers,
            "components": components, "modules": modules, "functions": functions, "namedFunctions": named,
            "memories": memories, "description": self.description, "problem": self.problem,
        })
    }

    fn text(&self) -> String {
        let (said, anatomy) = (self.description.as_ref(), &self.anatomy);
        let of = |field: fn(&Description) -> String| said.map(field).unwrap_or_default();
        let mut text = fields(&[
            ("File", self.file.display().to_string()),
            ("Digest", Digest::of(self.bytes).to_string()),
            ("Bytes", self.bytes.len().to_string()),
            ("Name", of(|d| format!("{} {}", d.name, d.version))),
            ("Summary", of(|d| d.summary.clone())),
            ("Interface", anatomy.interface().map(|(name, version)| format!("{name} {version}")).unwrap_or_default()),
            ("Profile", self.profile.as_ref().map(word).unwrap_or_default()),
            ("Actions", of(|d| d.actions.iter().map(|action| action.name()).collect::<Vec<_>>().join(", "))),
            ("Operations", of(|d| d.operations.iter().map(word).collect::<Vec<_>>().join(", "))),
            ("Memo", of(|d| d.memo_format.clone())),
            ("Reads memos", of(|d| d.reads_memos.join(", "))),
            ("Made of", format!("{} modules, {} components inside", anatomy.modules, anatomy.components)),
            ("Functions", format!("{}, of which {} have names", anatomy.functions, anatomy.named)),
            ("Memories", anatomy.memories.to_string()),
            ("Can decide", if self.problem.is_none() { "yes" } else { "no" }.to_owned()),
        ]);
        text += &section("Imports", anatomy.imports.iter().cloned());
        text += &section("Exports", anatomy.exports.iter().cloned());
        text += &section("Made with", anatomy.producers.iter().cloned());
        let settings = said.map(|d| d.settings.as_slice()).unwrap_or_default();
        text += &section("Settings", settings.iter().map(|s| format!("{}={}: {}", s.key, s.default_value, s.help)));
        text
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
