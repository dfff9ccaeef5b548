//! What the host answers on its sockets.

pub mod local;
pub mod probes;
pub mod workers;
