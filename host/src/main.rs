//! The binary: it hands over to the command line.
fn main() {}
