//! Steward's rules as scenes: a situation in, and what steward would do.

mod answers;
mod course;
mod failures;
mod hostile;
mod journey;
mod leaving;
mod needs;
mod questions;
mod scene;
