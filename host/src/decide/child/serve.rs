//! What a child does that decides: it takes an artifact once, and then answers each situation in a store of its own.
//!
//! What is *not* here: the deadline, which is the host's, and the policy's name and description, which it needs not know.

use std::io;

use quarterdeck_core::encoding;
use quarterdeck_core::situation::SITUATION_BYTES_MAX;

use super::super::artifact::{ARTIFACT_BYTES_MAX, Artifact};
use super::examine::{Told, tell};
use super::frame::{self, FrameError, Kind};
use super::{Allowance, chain, confined};

/// Decides until its host hangs up.
pub(super) fn run(allowance: &Allowance) -> io::Result<()> {
    let (mut host, mut asked) = (io::stdout().lock(), io::stdin().lock());
    let Some(sandbox) = confined(allowance, &mut host)? else { return Ok(()) };
    let (_, file) = frame::read(&mut asked, ARTIFACT_BYTES_MAX).map_err(io::Error::other)?;
    let ready = match Artifact::decode(&file).and_then(|artifact| sandbox.ready(&artifact)) {
        Ok(ready) => ready,
        Err(error) => return tell(&mut host, &Told::Unconfined(chain(&error))),
    };
    drop(file);
    tell(&mut host, &Told::Confined)?;
    loop {
        let situation = match frame::read(&mut asked, SITUATION_BYTES_MAX) {
            Ok((_, situation)) => situation,
            Err(FrameError::Closed) => return Ok(()),
            Err(error) => return Err(io::Error::other(error)),
        };
        frame::write(&mut host, Kind::Told, &encoding::encode(&ready.decide(&situation)))?;
    }
}
