//! Whether a steward that was built from source decides as the committed one does: on every situation of every scenario,
//! byte by byte, also where both fail. Another compiler makes other bytes, so the digests can't tell.
//!
//! `QUARTERDECK_REBUILT` names the component, as `cargo xtask guests --check` leaves it. This is no part of
//! `cargo test`: without that component there is nothing to compare, and a test that passes then would say nothing.

#[path = "hermetic/scenarios.rs"]
mod scenarios;

use anyhow::{Context as _, Result, anyhow, ensure};
use quarterdeck::decide::Sandbox;

fn rebuilt() -> Result<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration; its caller names the component")]
    let path = std::env::var_os("QUARTERDECK_REBUILT");
    let path = path.context("set QUARTERDECK_REBUILT to a component that cargo xtask guests --check has built")?;
    std::fs::read(&path).with_context(|| format!("read {}", path.display()))
}

#[test]
fn the_rebuilt_steward_decides_the_same() -> Result<()> {
    let sandbox = Sandbox::new().map_err(|error| anyhow!("{error}"))?;
    let rebuilt = sandbox.load(&rebuilt()?).map_err(|error| anyhow!("load the rebuilt steward: {error}"))?;
    let mut situations = 0;
    for scenario in scenarios::all() {
        let name = scenario.name;
        let host = scenarios::play(scenario).with_context(|| name)?;
        ensure!(rebuilt.description() == host.policy().description(), "the rebuilt steward describes itself otherwise");
        for (bytes, answered) in &host.decided {
            situations += 1;
            let again = rebuilt.decide(bytes).into_journal().0;
            let (was, is) = (answered.decision(), again.decision());
            ensure!(again == *answered, "{name}, situation {situations}:\ncommitted {was:?}\nrebuilt   {is:?}");
        }
    }
    ensure!(situations > 300, "{situations} situations are too few to say anything");
    Ok(())
}
