//! `wasi:random`: bytes that look random and follow from the situation.
//!
//! Each of the three sources is the chain of SHA-256 digests of the seed, the source's name and a counter. They are as
//! good as random to whoever does not know the situation, and no secret from whoever does: a policy has nothing to keep
//! secret, and a decision that hung on true randomness could not be replayed.

use quarterdeck_core::digest::Digest;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use crate::decide::guest::Stay;

/// A source of bytes.
#[derive(Clone, Copy)]
enum Source {
    Secure,
    Insecure,
    InsecureSeed,
}

/// How many blocks were drawn, by source.
#[derive(Default)]
pub(super) struct Drawn {
    secure: u64,
    insecure: u64,
}

impl Stay {
    fn draw<const N: usize>(&mut self, source: Source) -> [u8; N] {
        let seed = self.wasi.moment.seed;
        let drawn = &mut self.wasi.drawn;
        let (name, count) = match source {
            Source::Secure => (&b"random"[..], &mut drawn.secure),
            Source::Insecure => (&b"insecure"[..], &mut drawn.insecure),
            // It is the same at each call, as WASI has it.
            Source::InsecureSeed => (&b"insecure-seed"[..], &mut 0),
        };
        let block = Digest::of_parts(&[seed.as_bytes(), name, &count.to_be_bytes()]);
        *count += 1;
        *block.as_bytes().first_chunk().expect("no more than a digest is drawn at once")
    }

    fn fill(&mut self, source: Source, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.called()?;
        let length = self.makes(length)?;
        let mut bytes = Vec::with_capacity(length.next_multiple_of(32));
        while bytes.len() < length {
            bytes.extend_from_slice(&self.draw::<32>(source));
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

impl random::Host for Stay {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.fill(Source::Secure, length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.called()?;
        Ok(u64::from_le_bytes(self.draw(Source::Secure)))
    }
}

impl insecure::Host for Stay {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.fill(Source::Insecure, length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.called()?;
        Ok(u64::from_le_bytes(self.draw(Source::Insecure)))
    }
}

impl insecure_seed::Host for Stay {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        self.called()?;
        let seed: [u8; 16] = self.draw(Source::InsecureSeed);
        let (first, second) = (seed.first_chunk(), seed.last_chunk());
        let half = |half: Option<&[u8; 8]>| u64::from_le_bytes(*half.expect("sixteen bytes have two halves"));
        Ok((half(first), half(second)))
    }
}
