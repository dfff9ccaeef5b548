//! `policy build`: a component of a project, with the compiler at hand.

use std::path::Path;

use serde_json::json;

use super::super::exit::Failure;
use super::super::print::{self, Output, fields};
use crate::author::{self, Project};

pub(super) fn build(folder: &Path, out: Option<&Path>, output: Output) -> Result<String, Failure> {
    let project = Project::read(folder)?;
    let mut told = |line: &str| print::note(&print::escape_lines(line));
    told(&format!("building {} ({})", project.name, project.language.name()));
    let built = author::build(&project, out, &mut told)?;
    if output == Output::Json {
        let object = json!({ "name": project.name.to_string(), "language": project.language.name(),
            "file": built.file, "digest": built.digest, "bytes": built.bytes });
        return Ok(print::pretty(&print::object("PolicyBuild", false, &object)));
    }
    let file = built.file.display().to_string();
    told(&format!("next: quarterdeck policy check {file}"));
    Ok(fields(&[
        ("Policy", project.name.to_string()),
        ("File", file),
        ("Digest", built.digest.to_string()),
        ("Bytes", built.bytes.to_string()),
    ]))
}
