//! The contract as Rust types, generated from `wit/policy.wit`; nothing else is here, and nothing but the boundary,
//! the sandbox and the benchmark looks at them.
#![allow(missing_docs, reason = "generated; the contract is documented in wit/policy.wit")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "policy",
    imports: { default: trappable },
});
