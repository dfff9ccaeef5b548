//! Orient: from what was observed and what is remembered to what a policy is shown.

pub mod brain;
pub mod gemini;
mod ground;
pub mod offline;
mod situation;

pub use situation::orient;
