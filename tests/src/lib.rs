//! What the tests share: stand-ins for the parts of the world that the host talks to, guests, and situations.

pub mod fake_engine;
pub mod fake_gemini;
pub mod fake_host;
pub mod fake_registry;
pub mod guests;
pub mod harness;
pub mod home;
pub mod hostile;
pub mod ordered;
pub mod planted;
pub mod program;
pub mod shape;
