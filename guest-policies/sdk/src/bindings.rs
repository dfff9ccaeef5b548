//! The contract, as wit-bindgen writes it for Rust; nothing else is in this file.
//!
//! It is public because the `export!` macro names it from the policy's crate. Authors use the re-exports of the crate.
#![allow(missing_docs, reason = "generated: the contract documents its types, but not every field")]
#![allow(unsafe_code, reason = "generated: the canonical ABI is raw memory")]
#![allow(clippy::all, clippy::allow_attributes_without_reason, reason = "generated")]

wit_bindgen::generate!({
    path: "../../wit",
    world: "policy",
    pub_export_macro: true,
    additional_derives: [PartialEq, Eq],
});
