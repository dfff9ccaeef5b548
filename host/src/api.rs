//! What the host answers on its sockets.

pub mod local;
pub mod workers;
