//! From a core module to a component that is a pure policy, or to the reason why it is none.
//!
//! This is the author's check, made while building. The host makes its own of everything that is uploaded.

use anyhow::{Context, bail, ensure};
use wasmparser::{Encoding, Parser, Payload, Validator};
use wit_component::ComponentEncoder;

/// All that a pure policy may import lies in here: the log, and the types that it names.
const CONTRACT: &str = "quarterdeck:policy/";
/// What it has to export, but for the version.
const DECIDER: &str = "quarterdeck:policy/decider@";

/// Wraps a core module that wit-bindgen wrote its types into.
pub(crate) fn wrap(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let component = ComponentEncoder::default()
        .module(module)
        .context("read the contract from the core module")?
        .validate(true)
        .encode()
        .context("encode the component")?;
    check(&component)?;
    Ok(component)
}

/// Refuses a component that imports more than the contract, or exports no decider.
#[expect(clippy::wildcard_enum_match_arm, reason = "wasmparser's own enum: most kinds of section are none of ours")]
fn check(component: &[u8]) -> anyhow::Result<()> {
    Validator::new().validate_all(component).context("validate the component")?;
    let mut depth = 0_u32;
    let mut decides = false;
    for payload in Parser::new(0).parse_all(component) {
        match payload.context("read the component back")? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => bail!("this is a core module"),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            // The outermost component ends too.
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    let name = import.context("read an import")?.name.name;
                    ensure!(name.starts_with(CONTRACT), "imports {name}: a pure policy imports only {CONTRACT}*");
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    decides |= export.context("read an export")?.name.name.starts_with(DECIDER);
                }
            }
            _ => {}
        }
    }
    ensure!(decides, "exports no {DECIDER}*: this is no policy");
    Ok(())
}
