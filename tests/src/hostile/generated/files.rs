//! Files that are no component, or one that was cut off or spoiled.

use anyhow::{Result, anyhow};
use quarterdeck::decide::engine_config;
use quarterdeck::decide::structure::COMPONENT_BYTES_MAX;

use super::{Generated, HEADER, bare_decider, custom, find, floor, noise, section};
use crate::guests;

pub(super) const ALL: &[Generated] = &[
    ("file-empty", "refused: not WebAssembly, but empty", "No bytes at all.", || Ok(vec![])),
    (
        "file-text",
        "refused: not WebAssembly, but text",
        "A component in the text format: only binaries are taken.",
        || Ok(guests::text("floor")?.into_bytes()),
    ),
    ("file-html", "refused: not WebAssembly, but text", "An error page that somebody saved as a policy.", || {
        Ok(b"<!doctype html>\n<html><head><title>404 Not Found</title></head><body>nginx</body></html>\n".to_vec())
    }),
    (
        "file-gzip",
        "refused: not WebAssembly, but a gzip archive",
        "A compressed file: what it unpacks to is not looked at.",
        || Ok([&b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..], &[0; 4096]].concat()),
    ),
    ("file-zeroes", "refused: not WebAssembly, but something else", "4 KiB of zeroes.", || Ok(vec![0; 4096])),
    ("file-noise", "refused: not WebAssembly, but something else", "64 KiB of noise.", || Ok(noise(64 << 10))),
    (
        "file-noise-behind-header",
        "refused: its sections cannot be read",
        "The first eight bytes of a component, and noise.",
        || Ok([HEADER, &noise(64 << 10)].concat()),
    ),
    (
        "file-too-large",
        "refused: of 33554432 at most",
        "A good component with a section of padding, one byte over the size.",
        || {
            let good = floor()?;
            let padding = COMPONENT_BYTES_MAX - good.len();
            Ok(custom(good, padding))
        },
    ),
    ("file-elf", "refused: a native or precompiled artifact", "A native program.", || {
        Ok([&b"\x7fELF\x02\x01\x01"[..], &[0; 4089]].concat())
    }),
    (
        "precompiled",
        "refused: a native or precompiled artifact, which is never taken from outside",
        "The floor, compiled by this very engine: machine code runs without a sandbox, so nobody's but ours is taken.",
        precompiled,
    ),
    (
        "precompiled-inside",
        "refused: its sections cannot be read",
        "A precompiled artifact where a component has its core module.",
        || Ok([HEADER, &section(1, &precompiled()?), &bare_decider()?].concat()),
    ),
    ("module-core-binary", "refused: it is a core module", "The good guest before it was made a component.", || {
        Ok(wat::parse_str(guests::text("floor")?)?)
    }),
    ("version-future", "refused: its sections cannot be read", "A component of a format to come.", || {
        Ok([b"\0asm\xff\0\x01\0", &floor()?[8..]].concat())
    }),
    // What is cut off or spoiled.
    ("cut-in-header", "refused: its sections cannot be read", "A good component after six bytes.", || {
        Ok(floor()?[..6].to_vec())
    }),
    ("cut-after-header", "refused: exports nothing", "A good component after its header.", || {
        Ok(floor()?[..8].to_vec())
    }),
    ("cut-in-half", "refused: its sections cannot be read", "The first half of a good component.", || {
        let good = floor()?;
        Ok(good[..good.len() / 2].to_vec())
    }),
    ("cut-at-the-end", "refused: its sections cannot be read", "A good component without its last byte.", || {
        let mut good = floor()?;
        good.pop();
        Ok(good)
    }),
    (
        "bit-flipped-kind",
        "refused: it is a core module",
        "A good component, with the one bit changed that says that it is none.",
        || {
            let mut good = floor()?;
            good[6] ^= 1;
            good[4] = 1;
            Ok(good)
        },
    ),
    (
        "bit-flipped-code",
        "refused: compile the component",
        "A good component, with one bit of an instruction changed.",
        || {
            let mut good = floor()?;
            let at = find(&good, &[0x41, 0x80, 0x01, 0x0b])?;
            good[at] ^= 0x40;
            Ok(good)
        },
    ),
    (
        "bit-flipped-name",
        "refused: it exports quarterdeck:policy/decidez@0.1.0",
        "A good component, with one bit changed in the name of what it exports.",
        || {
            let mut good = floor()?;
            let name = b"quarterdeck:policy/decider@0.1.0";
            let mut rest = 0;
            while let Ok(at) = find(&good[rest..], name) {
                good[rest + at + name.len() - 7] = b'z';
                rest += at + name.len();
            }
            Ok(good)
        },
    ),
    (
        "section-lying",
        "refused: its sections cannot be read",
        "A good component and a section of 4 GiB that is not there.",
        || Ok([&floor()?[..], b"\0\xf0\xff\xff\xff\x0f\x04junk"].concat()),
    ),
    (
        "section-unknown",
        "refused: malformed section id: 99",
        "A good component and a section of a kind that does not exist.",
        || Ok([floor()?, section(99, b"junk")].concat()),
    ),
    (
        "section-length-overlong",
        "refused: its sections cannot be read",
        "A length in eleven bytes, where five are the most.",
        || Ok([HEADER, b"\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"].concat()),
    ),
    ("custom-section-huge", "decided", "A good component with 10 MiB that mean nothing: they are dropped.", || {
        Ok(custom(floor()?, 10 << 20))
    }),
    ("custom-sections-many", "decided", "A good component with 100,000 empty sections.", || {
        Ok([floor()?, section(0, b"\x04junk").repeat(100_000)].concat())
    }),
    (
        "name-section-lying",
        "decided",
        "A good component whose names for its functions are rubbish: they are for people, and nothing hangs on them.",
        || {
            Ok([floor()?, section(0, &[&b"\x0ecomponent-name\x01\xff\xff\xff\xff\x0f"[..], &noise(64)].concat())]
                .concat())
        },
    ),
];

/// The floor as machine code, as this very engine compiles it.
fn precompiled() -> Result<Vec<u8>> {
    let floor = floor()?;
    let compiled = wasmtime::Engine::new(&engine_config()).and_then(|engine| engine.precompile_component(&floor));
    compiled.map_err(|error| anyhow!("precompile the floor: {error}"))
}
