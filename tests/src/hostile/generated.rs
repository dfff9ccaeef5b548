//! Hostile guests that are made by code: the same bytes every time.

mod bombs;
mod files;
mod signatures;

use anyhow::{Context as _, Result, ensure};

use crate::guests::{self, CONTRACT, component};

/// Name, what must come of it, what it does, and how it is made.
type Generated = (&'static str, &'static str, &'static str, fn() -> Result<Vec<u8>>);

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Generated> {
    [files::ALL, bombs::ALL, signatures::ALL].into_iter().flatten()
}

/// How every component begins.
const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

/// A well-behaved guest.
fn floor() -> Result<Vec<u8>> {
    guests::named("floor")
}

/// The well-behaved guest with something more in its module.
fn with(more: &str) -> Result<Vec<u8>> {
    let text = guests::text("floor")?;
    let module = text.trim_end().strip_suffix(')').context("the floor is a module")?;
    component(&format!("{module}\n{more})"), CONTRACT)
}

/// A component with a module that is never instantiated, which the tools here would refuse to make a component of.
fn beside(fields: &str) -> Result<Vec<u8>> {
    assemble(&format!(
        "(component (core module {fields}) (instance $i) (export \"quarterdeck:policy/decider@0.1.0\" (instance $i)))"
    ))
}

/// The contract with a change.
fn changed(from: &str, to: &str) -> Result<String> {
    ensure!(CONTRACT.contains(from), "the contract no longer says {from:?}");
    Ok(CONTRACT.replace(from, to))
}

/// The well-behaved guest, made for a contract with a change.
fn variant(from: &str, to: &str) -> Result<Vec<u8>> {
    component(&guests::text("floor")?, &changed(from, to)?)
}

fn assemble(text: &str) -> Result<Vec<u8>> {
    Ok(wat::parse_str(text)?)
}

/// A component of these types that exports a decider by name, and a function that takes one of them.
fn exporting(types: &str, ty: &str) -> String {
    format!(
        "(component {types} (import \"quarterdeck:policy/logging@0.1.0\" (instance (export \"log\" (func (param \"x\" {ty}))))) \
         (instance $i) (export \"quarterdeck:policy/decider@0.1.0\" (instance $i)))"
    )
}

/// The sections of a component that exports a decider with nothing in it.
fn bare_decider() -> Result<Vec<u8>> {
    let whole = assemble("(component (instance $i) (export \"quarterdeck:policy/decider@0.1.0\" (instance $i)))")?;
    Ok(whole[HEADER.len()..].to_vec())
}

/// Components inside one another. The text format refuses such a depth.
fn nested(levels: usize) -> Vec<u8> {
    (0..levels).fold(HEADER.to_vec(), |inner, _| [HEADER, &section(4, &inner)].concat())
}

/// A component with a section of padding of so many bytes.
fn custom(component: Vec<u8>, bytes: usize) -> Vec<u8> {
    [component, section(0, &[&b"\x04junk"[..], &vec![0; bytes]].concat())].concat()
}

fn section(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut section = vec![kind];
    leb(&mut section, body.len());
    section.extend_from_slice(body);
    section
}

/// A number as WebAssembly writes it: seven bits a byte, the lowest first.
fn leb(to: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        to.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return;
        }
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Result<usize> {
    bytes.windows(part.len()).position(|window| window == part).context("the guest no longer has these bytes")
}

/// Bytes that look random and are the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}
