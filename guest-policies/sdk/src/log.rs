//! What a policy says aside: lines that the host counts, cuts, escapes and keeps with the turn.
//!
//! Use `debug!`, `info!`, `warn!` and `error!` as one uses `format!`.

pub use crate::bindings::quarterdeck::policy::logging::Level;

/// Says it. Outside of a component there is nobody to say it to.
#[doc(hidden)]
pub fn __say(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::quarterdeck::policy::logging::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    let _nobody_listens = (level, message);
}

/// Logs what only the author of the policy wants to know.
#[macro_export]
macro_rules! debug {
    ($($what:tt)*) => { $crate::__say($crate::Level::Debug, &::std::format!($($what)*)) };
}

/// Logs what happened.
#[macro_export]
macro_rules! info {
    ($($what:tt)*) => { $crate::__say($crate::Level::Info, &::std::format!($($what)*)) };
}

/// Logs what is odd, though the policy goes on.
#[macro_export]
macro_rules! warn {
    ($($what:tt)*) => { $crate::__say($crate::Level::Warn, &::std::format!($($what)*)) };
}

/// Logs what the policy could not do.
#[macro_export]
macro_rules! error {
    ($($what:tt)*) => { $crate::__say($crate::Level::Error, &::std::format!($($what)*)) };
}
