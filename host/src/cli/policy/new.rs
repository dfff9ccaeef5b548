//! `policy new`: a project to begin with.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::exit::{Exit, Failure};
use super::super::print::{self, Output, fields};
use crate::author::{self, AuthorError, Language, Name};

pub(super) fn new(language: Language, name: &str, folder: Option<PathBuf>, output: Output) -> Result<String, Failure> {
    let name = Name::parse(name)?;
    let folder = folder.unwrap_or_else(|| PathBuf::from(name.to_string()));
    let (project, written) = author::new(language, &name, &folder)?;
    if output == Output::Json {
        let object = json!({ "name": name.to_string(), "language": language.name(), "folder": project.folder,
            "files": written });
        return Ok(print::pretty(&print::object("PolicyProject", false, &object)));
    }
    print::note(&format!("next: {}", next(&folder)));
    Ok(fields(&[
        ("Policy", name.to_string()),
        ("Language", language.name().to_owned()),
        ("Folder", folder.display().to_string()),
        ("Files", written.len().to_string()),
    ]))
}

fn next(folder: &Path) -> String {
    let folder = print::escape_lines(&folder.display().to_string());
    format!("read {folder}/README.md, then: quarterdeck policy build {folder}")
}

impl From<AuthorError> for Failure {
    fn from(error: AuthorError) -> Failure {
        let (exit, next) = match &error {
            AuthorError::Name(_) => (Exit::Usage, "choose another name, such as web-keeper".to_owned()),
            AuthorError::Exists(_) => (Exit::Usage, "name another folder with --path".to_owned()),
            AuthorError::Project { .. } => {
                (Exit::Usage, "name a folder that quarterdeck policy new has written".to_owned())
            }
            AuthorError::Manifest { .. } => (Exit::Usage, "it has two lines: name: and language:".to_owned()),
            AuthorError::NoTool { get, .. } => (Exit::Unreachable, get.clone()),
            AuthorError::Start { .. } => (Exit::Unreachable, "look at the program and its rights".to_owned()),
            AuthorError::Failed { .. } => (Exit::Failed, "mend what it says above".to_owned()),
            AuthorError::File { .. } => (Exit::Failed, "look at the disk and at who owns the folder".to_owned()),
            AuthorError::Wrap { .. } => {
                (Exit::Failed, "compare the sources with wit/policy.wit, which is the contract".to_owned())
            }
            AuthorError::TooLarge { .. } => (Exit::Failed, "leave out what the policy does not need".to_owned()),
        };
        Failure::of(exit, error, Some(next))
    }
}
