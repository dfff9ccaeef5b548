//! To be written.

pub mod orient;
