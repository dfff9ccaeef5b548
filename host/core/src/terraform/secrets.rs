//! Variables of Terraform whose values are secrets: named in a mission, granted by the operator, read by nobody but the kubelet.
//!
//! A mission names a key of a Secret for a variable. The names travel with its files, as one more of them, so they are part of
//! what is planned and approved; the value never does. It is put into the worker's environment by the kubelet of its node.
//!
//! Not here: any value, and whoever puts it where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::allow::VariableFact;
use super::files::FileSet;
use crate::mission::MissionName;
use crate::situation::Fact;

/// The file among a mission's own that names its secrets. No author may have one of this name.
pub const SECRETS_FILE: &str = "quarterdeck.secrets.json";
/// What stands before a variable's name where Terraform finds its value in the environment.
pub const VARIABLE_PREFIX: &str = "TF_VAR_";
/// A mission has at most this many of them.
pub const SECRETS_MAX: usize = 32;
/// A name or a key has at most this many bytes, as in Kubernetes.
const NAME_BYTES_MAX: usize = 253;

/// A key of a Secret, in the workers' own namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretKey {
    /// The Secret's name.
    pub name: String,
    /// The key in it.
    pub key: String,
}

/// The variables whose values are secrets, by their names.
pub type SecretVariables = BTreeMap<String, SecretKey>;

/// What an operator grants: these missions may have these keys of one Secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretGrant {
    /// The Secret's name.
    pub name: String,
    /// Its keys.
    pub keys: Vec<String>,
    /// The missions, by their whole names: `NAMESPACE/NAME`, or `NAME` of one that is a file.
    pub missions: Vec<String>,
}

impl SecretKey {
    /// As people and the cluster's allow-list name it.
    pub fn text(&self) -> String {
        format!("{}/{}", self.name, self.key)
    }

    fn is_plain(&self) -> bool {
        let fits = |text: &str, more: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c);
            (1..=NAME_BYTES_MAX).contains(&text.len()) && text.chars().all(plain)
        };
        fits(&self.name, "-.") && fits(&self.key.to_ascii_lowercase(), "-._")
    }
}

/// Whether a mission may have that key.
pub fn is_granted(grants: &[SecretGrant], mission: &MissionName, wanted: &SecretKey) -> bool {
    grants.iter().any(|grant| {
        grant.name == wanted.name
            && grant.keys.contains(&wanted.key)
            && grant.missions.iter().any(|granted| granted == mission.as_str())
    })
}

/// Looks through what a mission names. `granted` is what its operator grants; nothing where its workers can have no secrets.
///
/// # Errors
/// What is wrong, and what to do.
pub fn check(
    wanted: &SecretVariables,
    variables: &[VariableFact],
    mission: &MissionName,
    granted: Option<&[SecretGrant]>,
) -> Result<(), String> {
    if wanted.is_empty() {
        return Ok(());
    }
    let Some(granted) = granted else {
        return Err("only workers that are Jobs of a cluster can have secrets (run --workers FILE)".to_owned());
    };
    if wanted.len() > SECRETS_MAX {
        return Err(format!("{} are more than the {SECRETS_MAX} that a mission may have", wanted.len()));
    }
    for (variable, secret) in wanted {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !variable.chars().all(plain) || !secret.is_plain() {
            return Err(format!("{variable:?} names no Secret and key as Kubernetes has them"));
        }
        // A file that overrides another says it too.
        let mut said = variables.iter().filter(|known| known.name == *variable).peekable();
        if said.peek().is_none() {
            return Err(format!("{variable:?} is no variable of the Terraform files"));
        }
        if !said.all(|known| known.sensitive) {
            return Err(format!(
                "the variable {variable:?} has to say sensitive = true wherever it stands, or Terraform shows its value"
            ));
        }
        if !is_granted(granted, mission, secret) {
            return Err(format!(
                "{} is not granted to {mission}: the operator names it under builder.secrets of the workers' file, and in \
                 the ConfigMap quarterdeck-builder-allows",
                secret.text()
            ));
        }
    }
    Ok(())
}

/// What a mission's packed files name.
///
/// # Errors
/// Where the file that does is none of ours.
pub fn of(files: &FileSet) -> Result<SecretVariables, String> {
    match files.get(SECRETS_FILE) {
        None => Ok(SecretVariables::new()),
        Some(bytes) => serde_json::from_slice(bytes).map_err(|error| format!("{SECRETS_FILE}: {error}")),
    }
}

/// What policies are told of them.
pub fn facts(wanted: &SecretVariables) -> impl Iterator<Item = Fact> {
    wanted.iter().map(|(variable, secret)| Fact::new("terraform.secret", &format!("{variable} of {}", secret.text())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(variable: &str, name: &str, key: &str) -> SecretVariables {
        [(variable.to_owned(), SecretKey { name: name.to_owned(), key: key.to_owned() })].into()
    }

    #[test]
    fn a_secret_is_had_by_whom_it_is_granted_to_and_for_what_hides_it() {
        let variable = |name: &str, sensitive| VariableFact { name: name.to_owned(), has_default: false, sensitive };
        let variables =
            [variable("password", true), variable("port", false), variable("loose", true), variable("loose", false)];
        let granted = [SecretGrant {
            name: "db".to_owned(),
            keys: vec!["password".to_owned(), "Token_1".to_owned()],
            missions: vec!["shop/web".to_owned(), "api".to_owned()],
        }];
        let named = |name: &str| MissionName::parse(name).unwrap();
        let checked = |wanted: &SecretVariables, mission: &str, granted: Option<&[SecretGrant]>| {
            check(wanted, &variables, &named(mission), granted)
        };
        for mission in ["shop/web", "api"] {
            assert_eq!(checked(&wanted("password", "db", "password"), mission, Some(&granted)), Ok(()));
            assert_eq!(checked(&wanted("password", "db", "Token_1"), mission, Some(&granted)), Ok(()));
        }
        assert_eq!(checked(&SecretVariables::new(), "shop/web", None), Ok(()));
        for (wanted, mission, granted, said) in [
            (wanted("password", "db", "password"), "web", Some(&granted[..]), "db/password is not granted to web"),
            (wanted("password", "db", "password"), "other/web", Some(&granted), "is not granted to other/web"),
            (wanted("password", "db", "user"), "shop/web", Some(&granted), "db/user is not granted"),
            (wanted("password", "cache", "password"), "shop/web", Some(&granted), "cache/password is not granted"),
            (wanted("password", "db", "password"), "shop/web", Some(&[]), "is not granted"),
            (wanted("password", "db", "password"), "shop/web", None, "Jobs of a cluster"),
            (wanted("port", "db", "password"), "shop/web", Some(&granted), "sensitive = true"),
            (wanted("loose", "db", "password"), "shop/web", Some(&granted), "wherever it stands"),
            (wanted("passwort", "db", "password"), "shop/web", Some(&granted), "no variable"),
            (wanted("password", "db,other", "password"), "shop/web", Some(&granted), "no Secret and key"),
            (wanted("password", "db", "../x"), "shop/web", Some(&granted), "no Secret and key"),
            (wanted("password", "", "password"), "shop/web", Some(&granted), "no Secret and key"),
        ] {
            let problem = checked(&wanted, mission, granted).unwrap_err();
            assert!(problem.contains(said), "{wanted:?}: {problem}");
        }
        let many: SecretVariables =
            (0..=SECRETS_MAX).flat_map(|at| wanted(&format!("v{at}"), "db", "password")).collect();
        assert!(checked(&many, "shop/web", Some(&granted)).unwrap_err().contains("more than the 32"));
    }
}
