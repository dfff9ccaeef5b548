//! Which files of a folder Terraform loads, and which others would change what it does.
//!
//! From Terraform's `internal/configs` (`parser_config_dir.go`, 1.11): `*.tf` and `*.tf.json`, those named `override` or
//! `*_override` last; names that begin with a dot, end with `~`, or stand between `#` are ignored. `init` also reads test
//! files and would fetch the modules that they name.

use super::super::files::{File, FileSet};

/// What a file is to Terraform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Configuration in native syntax.
    Native { overrides: bool },
    /// Configuration in JSON syntax.
    Json { overrides: bool },
}

/// The configuration files of a module's folder, sorted.
pub(super) fn configuration<'a>(set: &'a FileSet, folder: &'a str) -> Vec<(Role, &'a File)> {
    set.in_folder(folder).filter_map(|(name, file)| Some((role(name)?, file))).collect()
}

fn role(name: &str) -> Option<Role> {
    if is_ignored(name) {
        return None;
    }
    let overrides = |stem: &str| stem == "override" || stem.ends_with("_override");
    if let Some(stem) = name.strip_suffix(".tf.json") {
        return Some(Role::Json { overrides: overrides(stem) });
    }
    name.strip_suffix(".tf").map(|stem| Role::Native { overrides: overrides(stem) })
}

fn is_ignored(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'))
}

/// The variable files that Terraform loads by itself, in the root folder only; `true` for JSON.
pub(super) fn variables(set: &FileSet) -> Vec<(bool, &File)> {
    let kind = |name: &str| match name {
        "terraform.tfvars" => Some(false),
        "terraform.tfvars.json" => Some(true),
        name if name.ends_with(".auto.tfvars") => Some(false),
        name if name.ends_with(".auto.tfvars.json") => Some(true),
        _other => None,
    };
    set.in_folder("").filter_map(|(name, file)| Some((kind(name)?, file))).collect()
}

/// Why a file must not be there at all, whatever it says.
pub(super) fn forbidden(path: &str) -> Option<&'static str> {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    if folders.split('/').any(|part| part == ".terraform" || part == "terraform.tfstate.d") || path == ".terraform" {
        return Some(
            "this folder is Terraform's own (backend, workspaces, fetched modules); remove it from the mission",
        );
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.contains(".tfstate") {
        return Some("a state does not belong into a mission; the host keeps it. Remove the file");
    }
    if matches!(name, ".terraformrc" | "terraform.rc" | ".terraform.d") || name.ends_with(".tfrc") {
        return Some("Terraform's own configuration is the operator's; remove the file");
    }
    let extensions = [".tftest.hcl", ".tftest.json", ".tfmock.hcl", ".tfmock.json", ".tfquery.hcl", ".tfquery.json"];
    if extensions.iter().any(|extension| name.ends_with(extension)) {
        return Some("terraform init would load test and query files and fetch what they name; remove the file");
    }
    // A newer Terraform or a relative of it could load what this one ignores.
    if name.ends_with(".tofu") || name.ends_with(".tofu.json") {
        return Some("files of OpenTofu are not read here; name it .tf");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_those_of_terraform() {
        assert_eq!(role("main.tf"), Some(Role::Native { overrides: false }));
        assert_eq!(role("x_override.tf.json"), Some(Role::Json { overrides: true }));
        assert_eq!(role("override.tf"), Some(Role::Native { overrides: true }));
        for name in [".main.tf", "main.tf~", "#main.tf#", "main.tf.bak", "readme.md", "tf", "main.TF"] {
            assert_eq!(role(name), None, "{name}");
        }
    }

    #[test]
    fn files_that_steer_terraform_are_forbidden() {
        for path in [
            ".terraform/modules/modules.json",
            "terraform.tfstate",
            "terraform.tfstate.backup",
            "errored.tfstate",
            "a.tftest.hcl",
            "tests/a.tftest.json",
            ".terraformrc",
            "terraform.tfstate.d/x/y",
            "m/.terraform/x",
            "main.tofu",
        ] {
            assert!(forbidden(path).is_some(), "{path}");
        }
        for path in ["main.tf", ".terraform.lock.hcl", "conf/nginx.conf", ".gitignore"] {
            assert!(forbidden(path).is_none(), "{path}");
        }
    }
}
