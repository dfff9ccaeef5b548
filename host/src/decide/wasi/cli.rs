//! `wasi:cli`: no arguments, no environment, no terminal; leaving is a failure, since nothing was decided.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr, terminal_stdin,
    terminal_stdout,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use super::io;
use crate::decide::guest::{Stay, Stop};

impl environment::Host for Stay {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.called()?;
        Ok(vec![])
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        self.called()?;
        Ok(vec![])
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        self.called()?;
        Ok(None)
    }
}

impl exit::Host for Stay {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        self.stop(Stop::WasiExit(u8::from(status.is_err())))
    }

    fn exit_with_code(&mut self, status: u8) -> wasmtime::Result<()> {
        self.stop(Stop::WasiExit(status))
    }
}

impl stdin::Host for Stay {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        self.called()?;
        Ok(io::stdin())
    }
}

impl stdout::Host for Stay {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.called()?;
        Ok(io::stdout())
    }
}

impl stderr::Host for Stay {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.called()?;
        Ok(io::stderr())
    }
}

impl terminal_input::Host for Stay {}

impl terminal_input::HostTerminalInput for Stay {
    fn drop(&mut self, _terminal: Resource<terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        self.stop(Stop::WasiNothing)
    }
}

impl terminal_output::Host for Stay {}

impl terminal_output::HostTerminalOutput for Stay {
    fn drop(&mut self, _terminal: Resource<terminal_output::TerminalOutput>) -> wasmtime::Result<()> {
        self.stop(Stop::WasiNothing)
    }
}

impl terminal_stdin::Host for Stay {
    fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<terminal_input::TerminalInput>>> {
        self.called()?;
        Ok(None)
    }
}

impl terminal_stdout::Host for Stay {
    fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        self.called()?;
        Ok(None)
    }
}

impl terminal_stderr::Host for Stay {
    fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        self.called()?;
        Ok(None)
    }
}
