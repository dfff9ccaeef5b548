//! The folder in which Terraform works: the mission's files, looked through again, with what the worker adds.
//!
//! The host looked through the same files before it made the order. The worker does not take its word: what it starts
//! Terraform on, it has checked itself. It adds a backend, by a file that no mission can have, and the mission's label.

use std::fs;
use std::io;
use std::path::Path;

use quarterdeck_core::ids::MissionId;
use quarterdeck_core::situation::Failure;
use quarterdeck_core::terraform::allow::StaticFacts;
use quarterdeck_core::terraform::labels::with_label;
use quarterdeck_core::terraform::{FileSet, Grants, allow};

use crate::disk;
use crate::failure::failure;

/// The file that names the backend. An override, so that it is merged into whatever `terraform` block there is.
pub(crate) const BACKEND_FILE: &str = "quarterdeck_override.tf";
/// Its text. Address and password are told by the environment alone.
const BACKEND: &str = "terraform {\n  backend \"http\" {}\n}\n";
/// Where Terraform keeps which providers it chose.
pub(crate) const LOCK_FILE: &str = ".terraform.lock.hcl";

/// The operator's grants of an order.
pub(crate) fn grants(names: &[String]) -> Result<Grants, Failure> {
    Grants::parse(names.iter().map(String::as_str)).map_err(|error| failure("usage", error.to_string(), false))
}

/// Writes the files into the folder, which is made anew; returns what they say of themselves.
pub(crate) fn unpack(files: &FileSet, grants: &Grants, mission: &MissionId, to: &Path) -> Result<StaticFacts, Failure> {
    let facts = check(files, grants)?;
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(disk_failure(to, &error)),
        Ok(()) | Err(_) => {}
    }
    for file in files.iter() {
        let labelled =
            with_label(&file.path, &file.bytes, mission).map_err(|error| failure("usage", error.to_string(), false))?;
        let path = to.join(&file.path);
        let folder = path.parent().unwrap_or(to);
        fs::create_dir_all(folder).map_err(|error| disk_failure(folder, &error))?;
        let bytes = labelled.as_deref().unwrap_or(&file.bytes);
        fs::write(&path, bytes).map_err(|error| disk_failure(&path, &error))?;
    }
    let backend = to.join(BACKEND_FILE);
    disk::write_whole(&backend, BACKEND.as_bytes()).map_err(|error| disk_failure(&backend, &error))?;
    Ok(facts)
}

fn check(files: &FileSet, grants: &Grants) -> Result<StaticFacts, Failure> {
    if let Some(file) = files.iter().find(|file| file.path.rsplit('/').next() == Some(BACKEND_FILE)) {
        let message = format!("{}: this name is taken by Quarterdeck; choose another", file.path);
        return Err(failure("usage", message, false));
    }
    let violations = match allow::check(files, grants) {
        Ok(facts) => return Ok(facts),
        Err(violations) => violations,
    };
    let shown = violations.iter().take(5).map(|found| format!("{}:{}: {}", found.file, found.line, found.message));
    let mut message = shown.collect::<Vec<_>>().join("; ");
    if violations.len() > 5 {
        message.push_str(&format!("; and {} more", violations.len() - 5));
    }
    Err(failure("denied", message, false))
}

fn disk_failure(path: &Path, error: &io::Error) -> Failure {
    failure("other", format!("write {}: {error}", path.display()), true)
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::terraform::files::File;

    use super::*;

    const NETWORK: &str = "terraform {\n  required_providers {\n    docker = {\n      source = \"kreuzwerker/docker\"\n    }\n  \
                           }\n}\nresource \"docker_network\" \"n\" {\n  name = \"n\"\n}\n";

    fn set(files: &[(&str, &str)]) -> FileSet {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), bytes: text.as_bytes().to_vec() };
        FileSet::new(files.iter().map(file).collect()).unwrap()
    }

    fn unpacked(files: &[(&str, &str)]) -> Result<tempfile::TempDir, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let mission = MissionId::parse("web-1f2e3d4c").unwrap();
        unpack(&set(files), &Grants::default(), &mission, &folder.path().join("terraform")).map(|_facts| folder)
    }

    #[test]
    fn the_files_get_a_backend_and_labels() {
        let folder = unpacked(&[("main.tf", NETWORK), ("page/index.html", "hi")]).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join("terraform").join(name)).unwrap();
        assert!(read("main.tf").contains("dev.quarterdeck.mission"));
        assert!(read(BACKEND_FILE).contains("backend \"http\""));
        assert_eq!(read("page/index.html"), "hi");
    }

    #[test]
    fn what_is_not_allowed_is_refused_with_its_place() {
        let evil = format!("{NETWORK}terraform {{\n  backend \"local\" {{}}\n}}\n");
        let failure = unpacked(&[("main.tf", &evil)]).unwrap_err();
        assert_eq!(failure.kind, "denied");
        assert!(failure.message.starts_with("main.tf:1"), "{}", failure.message);
        let taken = unpacked(&[("main.tf", NETWORK), (BACKEND_FILE, "")]).unwrap_err();
        assert_eq!(taken.kind, "usage");
    }

    #[test]
    fn grants_are_named() {
        let names = ["privileged".to_owned(), "resource:random_pet".to_owned()];
        let grants = grants(&names).unwrap();
        assert!(grants.resource_allowed("random_pet") && grants.dangers.len() == 1);
        assert_eq!(super::grants(&["nonsense".to_owned()]).unwrap_err().kind, "usage");
    }
}
