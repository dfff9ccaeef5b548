//! What the host answers on its sockets.

pub mod workers;
