//! The compilers, which are other people's programs: where they are, and what becomes of a run of one.
//!
//! What a tool says goes to stderr, whatever it thinks of it: stdout is for what `policy build` has to say.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::AuthorError;
use crate::config;

/// The first of these places that has a file, or the program of this name in `$PATH`.
pub(super) fn find(places: &[Option<PathBuf>], program: &str) -> Option<PathBuf> {
    places.iter().flatten().find(|place| place.is_file()).cloned().or_else(|| config::on_path(program))
}

/// A program that has to be there.
pub(super) fn need(program: &'static str, get: &str) -> Result<PathBuf, AuthorError> {
    config::on_path(program).ok_or_else(|| AuthorError::NoTool { tool: program, get: get.to_owned() })
}

/// Runs a tool to its end, after saying what is run.
pub(super) fn run(command: &mut Command, told: &mut dyn FnMut(&str)) -> Result<(), AuthorError> {
    let tool = name(command);
    told(&line(command));
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .map_err(|source| AuthorError::Start { tool: tool.clone(), source })?;
    if status.success() { Ok(()) } else { Err(AuthorError::Failed { tool, status }) }
}

/// What a tool prints, which is for us alone; what it says on stderr is for people.
pub(super) fn printed(command: &mut Command) -> Result<String, AuthorError> {
    let tool = name(command);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|source| AuthorError::Start { tool: tool.clone(), source })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(AuthorError::Failed { tool, status: output.status })
    }
}

/// What a tool prints; none where it can't be run or says no. What it complains of is nobody's concern.
pub(super) fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    let arguments = command.get_args().map(|argument| format!(" {}", argument.to_string_lossy()));
    arguments.fold(name(command), |line, argument| line + &argument)
}
