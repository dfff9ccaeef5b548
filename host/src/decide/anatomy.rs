//! What a component is made of, for people: its names at the outside, the languages and tools that it says it was made
//! with, how many modules, functions and memories it has, and whether its functions have names.
//!
//! Nothing is decided by it: `structure` says whether a file may be compiled, the compiler whether it is valid. All of it is
//! the file's own word, so each text is escaped and cut, and there is a limit on how many are kept. A file that cannot be
//! read to its end has the anatomy of what could be read.

use quarterdeck_core::situation::{KEY_BYTES_MAX, cut};
use quarterdeck_core::text::escape;
use wasmparser::{Encoding, KnownCustom, Name, Parser, Payload, ProducersSectionReader};

/// So many names are kept of what it imports, exports and was made with, each. Python, the guest with the most, imports some
/// thirty and was made with a dozen tools.
pub const NAMES_MAX: usize = 128;

/// What a component is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anatomy {
    /// What it imports at its outermost level, by name.
    pub imports: Vec<String>,
    /// What it exports there.
    pub exports: Vec<String>,
    /// The languages and tools that it was made with, such as `language Rust` or `processed-by rustc 1.95.0`, each once.
    pub producers: Vec<String>,
    /// Components inside it.
    pub components: u64,
    /// Core modules inside it.
    pub modules: u64,
    /// Functions of all modules.
    pub functions: u64,
    /// Functions that have a name in their module's `name` section. A backtrace names these.
    pub named: u64,
    /// Memories of all modules.
    pub memories: u64,
}

/// Takes a file apart.
pub fn anatomy(bytes: &[u8]) -> Anatomy {
    let (mut found, mut depth) = (Anatomy::default(), 0u32);
    let mut parser = Parser::new(0);
    parser.set_features(wasmparser::WasmFeatures::all());
    for payload in parser.parse_all(bytes).map_while(Result::ok) {
        // Every module and component begins with its version, and ends.
        if let Payload::Version { encoding, .. } = &payload {
            found.enter(*encoding, depth);
            depth += 1;
        } else if let Payload::End(_) = &payload {
            depth = depth.saturating_sub(1);
        } else {
            found.take(payload, depth == 1);
        }
    }
    found.producers.sort();
    found
}

impl Anatomy {
    /// The contract's interface that it exports, and its version: `quarterdeck:policy/decider` and `0.1.0`.
    pub fn interface(&self) -> Option<(&str, &str)> {
        self.exports.iter().filter_map(|name| name.split_once('@')).find(|(name, _)| *name == DECIDER)
    }

    fn enter(&mut self, encoding: Encoding, depth: u32) {
        match encoding {
            Encoding::Module => self.modules += 1,
            Encoding::Component => self.components += u64::from(depth > 0),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the reader's list of sections is open")]
    fn take(&mut self, payload: Payload<'_>, is_outermost: bool) {
        match payload {
            Payload::FunctionSection(section) => self.functions += u64::from(section.count()),
            Payload::MemorySection(section) => self.memories += u64::from(section.count()),
            Payload::ComponentImportSection(section) if is_outermost => {
                section.into_iter().flatten().for_each(|import| keep(&mut self.imports, import.name.name));
            }
            Payload::ComponentExportSection(section) if is_outermost => {
                section.into_iter().flatten().for_each(|export| keep(&mut self.exports, export.name.name));
            }
            Payload::CustomSection(section) => match section.as_known() {
                KnownCustom::Producers(producers) => self.producers(producers),
                KnownCustom::Name(names) => {
                    let functions =
                        |name| if let Ok(Name::Function(names)) = name { names.flatten().count() as u64 } else { 0 };
                    self.named += names.into_iter().map(functions).sum::<u64>();
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn producers(&mut self, section: ProducersSectionReader<'_>) {
        for field in section.into_iter().flatten() {
            for value in field.values.clone().into_iter().flatten().take(NAMES_MAX) {
                keep(&mut self.producers, format!("{} {} {}", field.name, value.name, value.version).trim_end());
            }
        }
    }
}

/// The export that makes a component a policy, without its version.
const DECIDER: &str = "quarterdeck:policy/decider";

fn keep(names: &mut Vec<String>, name: &str) {
    // Cut before it is escaped (it may be megabytes) and after (escaping makes it longer).
    let name = cut(&escape(&cut(name, KEY_BYTES_MAX)), KEY_BYTES_MAX);
    if names.len() < NAMES_MAX && !names.contains(&name) {
        names.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steward_says_what_made_it() {
        let steward = anatomy(include_bytes!("../../../guest-policies/prebuilt/steward.wasm"));
        assert_eq!(steward.interface(), Some((DECIDER, "0.1.0")));
        assert!(steward.imports.iter().any(|name| name.starts_with("quarterdeck:policy/logging@")), "{steward:?}");
        assert!(steward.producers.iter().any(|name| name.starts_with("processed-by wit-bindgen-rust")), "{steward:?}");
        assert!(steward.modules >= 1 && steward.functions > 10 && steward.memories == 1, "{steward:?}");
    }

    #[test]
    fn what_is_no_component_is_taken_apart_as_far_as_it_goes() {
        assert_eq!(anatomy(b"no wasm"), Anatomy::default());
        let steward = include_bytes!("../../../guest-policies/prebuilt/steward.wasm");
        for end in (0..steward.len()).step_by(997) {
            let part = anatomy(&steward[..end]);
            assert!(part.functions <= anatomy(steward).functions);
        }
    }

    #[test]
    fn what_a_file_says_of_itself_is_bounded_and_escaped() {
        let mut names = Vec::new();
        for index in 0..1_000 {
            keep(&mut names, &format!("{index}\u{1b}[2J{}", "x".repeat(10_000)));
        }
        assert_eq!(names.len(), NAMES_MAX);
        assert!(names.iter().all(|name| name.len() <= KEY_BYTES_MAX && name.contains("\\u{1b}")));
    }
}
