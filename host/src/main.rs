//! The program: it reads the command line, sets up what is one a process, and hands over to the library. Under the name
//! `kubectl-quarterdeck` it is kubectl's plugin.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use quarterdeck::cli::{self, Cli, Exit, Plugin, args};
use quarterdeck::{config, telemetry};

fn main() -> ExitCode {
    if named() == Some("kubectl-quarterdeck".into()) {
        let plugin = Plugin::parse();
        return running(cli::plugin(plugin));
    }
    let cli = Cli::parse();
    if let args::Command::Worker { tool } = cli.command {
        return quarterdeck_worker::run(quarterdeck_worker::Worker { tool });
    }
    if let args::Command::PolicyChild(args) = cli.command {
        return quarterdeck::decide::child::run(args.task, &args.allowance());
    }
    running(cli::main(cli))
}

/// The name that this program was called by.
fn named() -> Option<OsString> {
    Some(Path::new(&std::env::args_os().next()?).file_name()?.to_owned())
}

/// Runs it to its end.
fn running(work: impl Future<Output = Exit>) -> ExitCode {
    if let Err(problem) = telemetry::init(&config::log_filter()) {
        eprintln!("error: QUARTERDECK_LOG: {problem}\nnext: set it to a level such as info, or leave it out");
        return Exit::Usage.into();
    }
    // An error means that one was installed before us, which serves as well.
    let _already = rustls::crypto::ring::default_provider().install_default();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(work);
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
