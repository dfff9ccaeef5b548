//! What a file is and how it is built, before anything is compiled.
//!
//! Compiling is the dangerous step: 1.4 KB of components that each instantiate the one before twice, 26 levels deep,
//! are valid and made the compiler take 18 GB; 119 KB of components inside one another took 2 GB. The engine's own
//! limits come only after that. So this pass reads the sections once, without recursion and in time proportional to
//! the file, counts what instantiating would multiply out to, and refuses. It also says in plain words what a file is
//! that is no component. It does not validate: the compiler does, and what escapes this pass is merely invalid.
//!
//! What is *not* here is the shape of the functions; `shape` compares it once types are known.

use wasmparser::{
    Chunk, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef,
    ElementItems, Encoding, Instance, Parser, Payload,
};

use super::guest::shorten;

/// A component is at most this large. Python, the largest guest measured, has 18.4 MB.
pub const COMPONENT_BYTES_MAX: usize = 32 << 20;
/// Components stand inside one another at most this deep. What tools make is two deep, a composition three or four;
/// the compiler's memory grows with the square.
pub const NESTING_MAX: usize = 8;
/// Modules and components in one file. Python has 38 modules.
pub const PARTS_MAX: usize = 200;
/// Instances, of modules and components together, that one instantiation makes, multiplied out. The pool holds 100
/// core instances; the shims that tools add make up to as many more.
pub const INSTANCES_MAX: u64 = 250;
/// Functions in all modules together. StarlingMonkey has fewer than 30,000; each costs the compiler some 0.2 ms.
pub const FUNCTIONS_MAX: u64 = 60_000;
/// Elements that fill tables, in all modules together. The largest guest measured has some 12,000, and a table holds
/// 60,000; each takes one byte of the file and the compiler far longer than any other byte.
pub const ELEMENTS_MAX: u64 = 100_000;
/// Bytes in one section of component types that may open a nested type; every level of nesting needs one. The readers
/// of such types recurse once a level and nothing in wasmtime 48 limits that before the stack ends: 3.9 KB, 1,300
/// levels deep, abort a process with 8 MiB of stack (7 KB a level, unoptimised), and a hundred fit into 2 MiB with room
/// to spare. What tools make has one or two.
pub const TYPE_OPENINGS_MAX: usize = 100;

/// Why a file is refused before it is compiled.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StructureError {
    /// It is no WebAssembly at all.
    #[error("it is not WebAssembly, but {0}")]
    NotWasm(&'static str),
    /// It is a core module.
    #[error("it is a core module, not a component: turn it into one with `wasm-tools component new`")]
    CoreModule,
    /// It is larger than any guest need be.
    #[error("it has {0} bytes, of {COMPONENT_BYTES_MAX} at most")]
    TooLarge(usize),
    /// Its components stand too deep inside one another.
    #[error("its components stand more than {NESTING_MAX} deep inside one another")]
    Nesting,
    /// It has too many modules and components.
    #[error("it has more than {PARTS_MAX} modules and components")]
    Parts,
    /// Instantiating it would make too many instances.
    #[error("instantiating it would make {0} instances, of {INSTANCES_MAX} at most")]
    Instances(u64),
    /// It has too many functions.
    #[error("it has {0} functions, of {FUNCTIONS_MAX} at most")]
    Functions(u64),
    /// Its segments have too many elements.
    #[error("it has {0} elements for its tables, of {ELEMENTS_MAX} at most")]
    Elements(u64),
    /// Its types may be nested too deep.
    #[error("its types may be nested deeper than {TYPE_OPENINGS_MAX} levels")]
    Types,
    /// It hands components on as values, so nobody can count what instantiating it makes.
    #[error("it hands a component on ({0}): what instantiating it makes cannot be counted")]
    HandsOn(&'static str),
    /// Its sections cannot be read.
    #[error("its sections cannot be read: {0}")]
    Unreadable(String),
}

/// What a component takes and gives, by name, as its outermost sections say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outside {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

/// One component or module that is being read.
struct Scope {
    is_component: bool,
    /// How many instances each component in the index space makes.
    components: Vec<u64>,
    instances: u64,
}

struct Reading<'a> {
    bytes: &'a [u8],
    scopes: Vec<Scope>,
    parts: usize,
    functions: u64,
    elements: u64,
    outside: Outside,
}

/// Whether a file begins as a component does.
pub(super) fn format(bytes: &[u8]) -> Result<(), StructureError> {
    if let Some(what) = what_else(bytes) {
        return Err(StructureError::NotWasm(what));
    }
    let mut parser = Parser::new(0);
    parser.set_features(wasmparser::WasmFeatures::all());
    match parser.parse(bytes, true).map_err(unreadable)? {
        Chunk::Parsed { payload: Payload::Version { encoding: Encoding::Module, .. }, .. } => {
            Err(StructureError::CoreModule)
        }
        Chunk::Parsed { .. } | Chunk::NeedMoreData(_) => Ok(()),
    }
}

/// Reads a file's sections.
pub(super) fn examine(bytes: &[u8]) -> Result<Outside, StructureError> {
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(StructureError::TooLarge(bytes.len()));
    }
    if let Some(what) = what_else(bytes) {
        return Err(StructureError::NotWasm(what));
    }
    let mut reading =
        Reading { bytes, scopes: vec![], parts: 0, functions: 0, elements: 0, outside: Outside::default() };
    let mut parser = Parser::new(0);
    parser.set_features(wasmparser::WasmFeatures::all());
    for payload in parser.parse_all(bytes) {
        reading.take(payload.map_err(unreadable)?)?;
    }
    Ok(reading.outside)
}

/// What a file that is no WebAssembly looks like.
fn what_else(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'\0', b'a', b's', b'm', ..] => None,
        [] => Some("empty"),
        // wasmtime writes its precompiled artifacts as ELF.
        [0x7f, b'E', b'L', b'F', ..] => Some("a native or precompiled artifact, which is never taken from outside"),
        [0x1f, 0x8b, ..] => Some("a gzip archive"),
        text if text.iter().take(64).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => Some("text"),
        _ => Some("something else"),
    }
}

fn unreadable(error: wasmparser::BinaryReaderError) -> StructureError {
    StructureError::Unreadable(shorten(&error.to_string()))
}

impl Reading<'_> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser's list of payloads is open; those not named make no instances"
    )]
    fn take(&mut self, payload: Payload<'_>) -> Result<(), StructureError> {
        match payload {
            Payload::Version { encoding, .. } => self.enter(encoding),
            Payload::End(_) => {
                self.leave();
                Ok(())
            }
            Payload::FunctionSection(section) => {
                self.functions += u64::from(section.count());
                if self.functions > FUNCTIONS_MAX { Err(StructureError::Functions(self.functions)) } else { Ok(()) }
            }
            Payload::ElementSection(section) => section.into_iter().try_for_each(|segment| {
                self.elements += u64::from(match segment.map_err(unreadable)?.items {
                    ElementItems::Functions(items) => items.count(),
                    ElementItems::Expressions(_, items) => items.count(),
                });
                if self.elements > ELEMENTS_MAX { Err(StructureError::Elements(self.elements)) } else { Ok(()) }
            }),
            Payload::InstanceSection(section) => {
                section.into_iter().try_for_each(|instance| match instance.map_err(unreadable)? {
                    Instance::Instantiate { .. } => self.add_instances(1),
                    Instance::FromExports(_) => Ok(()),
                })
            }
            Payload::ComponentInstanceSection(section) => {
                section.into_iter().try_for_each(|instance| match instance.map_err(unreadable)? {
                    ComponentInstance::Instantiate { component_index, .. } => {
                        let inside = self.component(0, component_index)?;
                        self.add_instances(inside.saturating_add(1))
                    }
                    ComponentInstance::FromExports(_) => Ok(()),
                })
            }
            Payload::ComponentAliasSection(section) => {
                section.into_iter().try_for_each(|alias| self.alias(alias.map_err(unreadable)?))
            }
            Payload::ComponentImportSection(section) => section.into_iter().try_for_each(|import| {
                let import = import.map_err(unreadable)?;
                if matches!(import.ty, ComponentTypeRef::Component(_)) {
                    return Err(StructureError::HandsOn("an import"));
                }
                if self.scopes.len() == 1 {
                    self.outside.imports.push(import.name.name.to_owned());
                }
                Ok(())
            }),
            Payload::ComponentExportSection(section) => section.into_iter().try_for_each(|export| {
                let export = export.map_err(unreadable)?;
                if export.kind == ComponentExternalKind::Component {
                    return Err(StructureError::HandsOn("an export"));
                }
                if self.scopes.len() == 1 {
                    self.outside.exports.push(export.name.name.to_owned());
                }
                Ok(())
            }),
            Payload::ComponentTypeSection(section) => {
                // 0x41 opens a component's type, 0x42 an instance's. Counted as bytes, since reading them recurses;
                // other bytes of these values only make the count safer.
                let range = section.range();
                let from_to = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
                let body = from_to.and_then(|(from, to)| self.bytes.get(from..to)).unwrap_or(self.bytes);
                let openings = body.iter().filter(|byte| matches!(byte, 0x41 | 0x42)).count();
                if openings > TYPE_OPENINGS_MAX { Err(StructureError::Types) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn enter(&mut self, encoding: Encoding) -> Result<(), StructureError> {
        let is_component = match encoding {
            Encoding::Component => true,
            Encoding::Module => false,
        };
        if !is_component && self.scopes.is_empty() {
            return Err(StructureError::CoreModule);
        }
        if self.scopes.len() >= NESTING_MAX {
            return Err(StructureError::Nesting);
        }
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(StructureError::Parts);
        }
        self.scopes.push(Scope { is_component, components: vec![], instances: 0 });
        Ok(())
    }

    fn leave(&mut self) {
        let Some(scope) = self.scopes.pop() else { return };
        if let Some(outer) = self.scopes.last_mut().filter(|_| scope.is_component) {
            outer.components.push(scope.instances);
        }
    }

    fn alias(&mut self, alias: ComponentAlias<'_>) -> Result<(), StructureError> {
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                Err(StructureError::HandsOn("an alias"))
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let instances = self.component(count, index)?;
                self.scope().components.push(instances);
                Ok(())
            }
            ComponentAlias::InstanceExport { .. }
            | ComponentAlias::CoreInstanceExport { .. }
            | ComponentAlias::Outer { .. } => Ok(()),
        }
    }

    fn scope(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("sections come after the header that opened their scope")
    }

    /// How many instances a component makes: the one at `index` in the scope that lies `count` scopes outwards.
    fn component(&self, count: u32, index: u32) -> Result<u64, StructureError> {
        let find = || {
            let scope = self.scopes.iter().rev().nth(usize::try_from(count).ok()?)?;
            scope.components.get(usize::try_from(index).ok()?).copied()
        };
        find().ok_or_else(|| StructureError::Unreadable(format!("there is no component {index} to instantiate")))
    }

    fn add_instances(&mut self, more: u64) -> Result<(), StructureError> {
        let scope = self.scope();
        scope.instances = scope.instances.saturating_add(more);
        let instances = scope.instances;
        if instances > INSTANCES_MAX { Err(StructureError::Instances(instances)) } else { Ok(()) }
    }
}
