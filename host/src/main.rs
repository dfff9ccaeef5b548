//! The program: it reads the command line, sets up what is one a process, and hands over to the library.

use std::process::ExitCode;

use clap::Parser;
use quarterdeck::cli::{self, Cli, Exit, args};
use quarterdeck::{config, telemetry};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let args::Command::Worker { tool } = cli.command {
        return quarterdeck_worker::run(quarterdeck_worker::Worker { tool });
    }
    if let args::Command::PolicyChild(args) = cli.command {
        return quarterdeck::decide::child::run(args.task, &args.allowance());
    }
    if let Err(problem) = telemetry::init(&config::log_filter()) {
        eprintln!("error: QUARTERDECK_LOG: {problem}\nnext: set it to a level such as info, or leave it out");
        return Exit::Usage.into();
    }
    // An error means that one was installed before us, which serves as well.
    let _already = rustls::crypto::ring::default_provider().install_default();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(cli::main(cli));
            // A thread that hangs in a disk or a guest must not keep the program from ending.
            runtime.shutdown_background();
            exit.into()
        }
        Err(problem) => {
            eprintln!("error: start the runtime\nbecause: {problem}");
            Exit::Failed.into()
        }
    }
}
