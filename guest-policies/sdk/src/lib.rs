//! What a Quarterdeck policy written in Rust starts from.
//!
//! A policy is shown a [`Situation`] and returns a [`Decision`]. It implements [`Policy`] and names itself once:
//!
//! ```
//! use quarterdeck_policy_sdk::*;
//!
//! struct Watcher;
//!
//! impl Policy for Watcher {
//!     fn describe() -> Description {
//!         Description::new("watcher", "0.1.0", "looks on")
//!     }
//!
//!     fn decide(situation: &Situation) -> Result<Decision, String> {
//!         info!("{} findings are open", situation.open_findings().count());
//!         Ok(Decision::nothing("I look on."))
//!     }
//! }
//!
//! export!(Watcher);
//! ```
//!
//! built as a `cdylib` for `wasm32-unknown-unknown` and wrapped into a component (`cargo xtask guests` shows how). The
//! contract itself, with what every field means, is `wit/policy.wit`.
//!
//! What there is to read in a situation stands with [`Situation`] and [`Mission`], what can be proposed about a
//! [`Finding`], a [`Mission`] or a [`Worker`] with these, and the rest with [`Proposal`], [`Decision`] and [`Description`].
//!
//! The crate also compiles for the machine that one develops on, so that the rules of a policy are tested by plain
//! `cargo test`; there the log goes nowhere and the ordinary allocator stays.
//!
//! What is not here: no WASI, no clock, no randomness, no rules. What a policy decides is its own.

#[cfg(any(test, all(target_arch = "wasm32", feature = "bump")))]
mod bump;
mod describe;
mod facts;
mod log;
mod look;
mod propose;

#[doc(hidden)]
pub mod bindings;

pub use bindings::quarterdeck::policy::types::*;
pub use facts::fact;
#[doc(hidden)]
pub use log::__say;
pub use log::Level;
pub use look::same_id;

/// The greatest number that the contract allows in a u64, 2^53 - 1: one JavaScript engine has numbers where the other
/// has BigInts.
pub const U64_MAX: u64 = (1 << 53) - 1;

/// What a policy is. Both functions are called on a fresh instance and must be pure: what they return depends on
/// nothing but their argument.
pub trait Policy {
    /// What the policy is called and what it may do. Read once, at upload.
    fn describe() -> Description;

    /// Decides.
    ///
    /// # Errors
    /// An error says that the policy cannot decide: nothing is done, and it counts as a failure. To do nothing is a
    /// decision without proposals.
    fn decide(situation: &Situation) -> Result<Decision, String>;
}

/// Makes the implementation of [`Policy`] that is named the one that the component exports. Once in a crate.
///
/// Elsewhere than in a component it only checks the types: the names of a component's exports are none that every
/// machine's linker takes.
#[macro_export]
macro_rules! export {
    ($policy:ty) => {
        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() -> $crate::Description = <$policy as $crate::Policy>::describe;

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;

            impl $crate::bindings::exports::quarterdeck::policy::decider::Guest for Exported {
                fn describe() -> $crate::Description {
                    <$policy as $crate::Policy>::describe()
                }

                fn decide(situation: $crate::Situation) -> Result<$crate::Decision, String> {
                    let decision = <$policy as $crate::Policy>::decide(&situation);
                    // The instance ends with the call: taking ten thousand strings apart would only burn fuel.
                    ::core::mem::forget(situation);
                    decision
                }
            }

    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
    };
}
