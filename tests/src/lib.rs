//! What the tests share: stand-ins for the parts of the world that the host talks to.

pub mod fake_gemini;
