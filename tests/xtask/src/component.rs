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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        check(&wat::parse_str(text).unwrap()).map_or_else(|error| format!("{error:#}"), |()| "a policy".to_owned())
    }

    const DECIDES: &str = r#"(instance $i) (export "quarterdeck:policy/decider@0.1.0" (instance $i))"#;

    #[test]
    fn a_policy_imports_the_contract_alone() {
        assert_eq!(said(&format!("(component {DECIDES})")), "a policy");
        let logs = r#"(import "quarterdeck:policy/logging@0.1.0" (instance))"#;
        assert_eq!(said(&format!("(component {logs} {DECIDES})")), "a policy");
        let wasi = r#"(import "wasi:clocks/wall-clock@0.2.0" (instance))"#;
        assert!(said(&format!("(component {logs} {wasi} {DECIDES})")).starts_with("imports wasi:clocks"));
    }

    #[test]
    fn what_lies_inside_does_not_count() {
        let inner = format!(r#"(component (component (import "wasi:io/poll@0.2.0" (instance))) {DECIDES})"#);
        assert_eq!(said(&inner), "a policy");
        assert!(said(&format!("(component (component {DECIDES}))")).starts_with("exports no"));
    }

    #[test]
    fn a_core_module_is_no_component() {
        assert_eq!(said("(module)"), "this is a core module");
        assert!(wrap(b"\0asm\x01\0\0\0").is_err(), "nothing in it says what it means");
        assert!(wrap(b"no wasm at all").is_err());
    }
}
