//! `quarterdeck-worker`: see the library.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    quarterdeck_worker::run(quarterdeck_worker::Worker::parse())
}
