//! What the host answers on its sockets.

pub mod local;
pub mod objects;
pub mod probes;
pub mod webhook;
pub mod workers;
