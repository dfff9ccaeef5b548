//! A mission's files, out of its object or out of the one ConfigMap that it names, and the mission that they make.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Api;
use kube::{Client, Error};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::mission::{MissionName, MissionSpec, ObjectVersion};
use quarterdeck_core::terraform::files::File;
use serde_json::Value;

use super::told::Told;
use crate::apiserver::mission::{Terraform, Wanted, source};
use crate::observe::files::MISSION_FILE;
use crate::observe::missions::{Making, Problem, Variables, Written, refusals};

/// The API server has this long to answer.
const ANSWERS: Duration = Duration::from_secs(5);
/// A name that is no name of ours is shown in so many characters.
const SHOWN_CHARACTERS_MAX: usize = 253;

/// Which version of its files a mission was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edition {
    /// They stand in the object.
    Object,
    /// The ConfigMap's uid and version.
    ConfigMap(String, String),
    /// There are none, for this reason.
    Problem(Digest),
}

impl Edition {
    pub(super) fn of_problem(problem: &str) -> Edition {
        Edition::Problem(Digest::of(problem.as_bytes()))
    }
}

/// What became of the question for a mission's files.
#[derive(Debug)]
pub(super) enum Found {
    /// Those that are known.
    Same,
    Files(Edition, Vec<File>),
    /// There are none: why, and what to do.
    Problem(String),
    /// The API server did not answer, or not now; what was known is the best there is.
    Away(String),
}

/// The files of a mission, where they are others than those that are known of this version of the object. Once `away` is set
/// nobody is asked.
pub(super) async fn files(client: &Client, told: &Told, known: Option<Edition>, away: &AtomicBool) -> Found {
    let wanted = match &told.wanted {
        Ok(wanted) => wanted,
        Err(problem) => return Found::Problem(problem.clone()),
    };
    let name = match &wanted.terraform {
        Terraform { files: Some(_), config_map: None, .. } if known == Some(Edition::Object) => return Found::Same,
        Terraform { files: Some(texts), config_map: None, .. } => return inline(texts),
        Terraform { files: None, config_map: Some(named), .. } => named.name.as_str(),
        Terraform { .. } => {
            return Found::Problem("spec.terraform: give either files or configMap".to_owned());
        }
    };
    if !is_name(name) {
        let name: String = name.chars().take(SHOWN_CHARACTERS_MAX).collect();
        return Found::Problem(format!("spec.terraform.configMap.name: {name:?} is no name of a ConfigMap"));
    }
    let silent =
        || Found::Away(format!("the ConfigMap {} was not looked at: the API server does not answer", told.place(name)));
    if away.load(Ordering::Relaxed) {
        return silent();
    }
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), &told.namespace);
    // Most are as they were: that much is asked without what is in them.
    if let Some(Edition::ConfigMap(uid, version)) = &known
        && let Ok(Ok(met)) = tokio::time::timeout(ANSWERS, api.get_metadata(name)).await
        && (met.metadata.uid.as_ref(), met.metadata.resource_version.as_ref()) == (Some(uid), Some(version))
    {
        return Found::Same;
    }
    match tokio::time::timeout(ANSWERS, api.get(name)).await {
        Ok(Ok(map)) => packed(told, name, map),
        Ok(Err(Error::Api(status))) if status.code == 403 => Found::Problem(denied(told, name, &status.message)),
        Ok(Err(Error::Api(status))) if status.code == 404 => Found::Problem(format!(
            "spec.terraform.configMap: there is no ConfigMap {}; make it with kubectl -n {} create configmap {name} \
             --from-file=FOLDER",
            told.place(name),
            told.namespace
        )),
        Ok(Err(Error::Api(status))) if status.code == 400 || status.code == 422 => {
            Found::Problem(format!("spec.terraform.configMap: {}", status.message))
        }
        // It answers, but not to this: the others are asked.
        Ok(Err(Error::Api(_))) => silent(),
        Ok(Err(_)) | Err(_) => {
            away.store(true, Ordering::Relaxed);
            silent()
        }
    }
}

/// Whether it may stand in a command: a DNS subdomain, as Kubernetes' names are.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    (1..=SHOWN_CHARACTERS_MAX).contains(&text.len()) && text.chars().all(fits) && !text.starts_with(['-', '.'])
}

impl Told {
    /// Another object of its namespace.
    fn place(&self, name: &str) -> String {
        let name: String = name.chars().take(SHOWN_CHARACTERS_MAX).collect();
        format!("{}/{name}", self.namespace)
    }
}

/// What is to be done so that it may be read.
fn denied(told: &Told, name: &str, said: &str) -> String {
    format!(
        "spec.terraform.configMap: the ConfigMap {} may not be read. The namespace lets the host read it with: kubectl -n {} \
         create rolebinding quarterdeck-mission-files --clusterrole quarterdeck-mission-files --serviceaccount \
         ai-agent:quarterdeck ({said})",
        told.place(name),
        told.namespace
    )
}

fn inline(texts: &BTreeMap<String, String>) -> Found {
    match plain(texts.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes()))) {
        Ok(files) => Found::Files(Edition::Object, files),
        Err(problem) => Found::Problem(format!("spec.terraform.files: {problem}")),
    }
}

/// The files of a ConfigMap; those that are no text stand apart in it.
fn packed(told: &Told, name: &str, map: ConfigMap) -> Found {
    let (uid, version) = (map.metadata.uid.unwrap_or_default(), map.metadata.resource_version.unwrap_or_default());
    let texts = map.data.unwrap_or_default().into_iter().map(|(path, text)| (path, text.into_bytes()));
    let bytes = map.binary_data.unwrap_or_default().into_iter().map(|(path, bytes)| (path, bytes.0));
    match plain(texts.chain(bytes)) {
        Ok(files) if files.is_empty() => {
            Found::Problem(format!("spec.terraform.configMap: the ConfigMap {} holds no file", told.place(name)))
        }
        Ok(files) => Found::Files(Edition::ConfigMap(uid, version), files),
        Err(problem) => {
            Found::Problem(format!("spec.terraform.configMap: the ConfigMap {}: {problem}", told.place(name)))
        }
    }
}

/// The files that Terraform would be given. What a folder of a mission holds beside them is left out, as it is there; a hidden
/// file is refused, since whoever named it here wanted it to do something.
fn plain(files: impl Iterator<Item = (String, Vec<u8>)>) -> Result<Vec<File>, String> {
    let mut kept = Vec::new();
    for (path, bytes) in files {
        if path == MISSION_FILE || path.starts_with("terraform.tfstate") {
            continue;
        }
        let hidden = |part: &str| part.starts_with('.') && part != ".terraform.lock.hcl";
        if path.split('/').any(hidden) {
            let path: String = path.chars().take(SHOWN_CHARACTERS_MAX).collect();
            return Err(format!("{path:?} is no plain file name: of hidden files only .terraform.lock.hcl is taken"));
        }
        kept.push(File { path, bytes });
    }
    Ok(kept)
}

/// The mission that an object and its files make.
pub(super) fn mission(told: &Told, files: Vec<File>, making: &Making<'_>) -> Result<MissionSpec, String> {
    let Wanted { goal, autonomy, desired, when, offers, on_delete, destroy_timeout: _, terraform } =
        told.wanted.clone()?;
    let name = format!("{}/{}", told.namespace, told.name);
    let name = MissionName::parse(&name).map_err(|error| format!("metadata.name: {error}"))?;
    let (variables, secrets) = (variables(terraform.variables)?, terraform.secret_variables);
    let place = match &terraform.config_map {
        Some(named) => format!("{}/", told.place(&named.name)),
        None => String::new(),
    };
    let written = Written {
        name,
        labels: told.labels.clone(),
        goal,
        autonomy,
        desired,
        when,
        offers,
        variables,
        secrets,
        files,
        author: None,
        source: source(&told.namespace, &told.name),
        object: Some(ObjectVersion { uid: told.uid.clone(), generation: told.generation, on_delete }),
    };
    making.mission(written).map_err(|problem| match problem {
        Problem::Invalid(problem) => problem,
        Problem::Files(error) => format!("spec.terraform: {error}"),
        Problem::NotAllowed(violations) => refusals(&place, &violations),
        Problem::Keep(error) => format!("its files can't be kept: {error}"),
    })
}

fn variables(values: BTreeMap<String, Value>) -> Result<Variables, String> {
    let variable = |(name, value): (String, Value)| match serde_json::from_value(value) {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(format!(
            "spec.terraform.variables: {:?} is neither a text, a whole number, true or false, nor a list of texts",
            name.chars().take(SHOWN_CHARACTERS_MAX).collect::<String>()
        )),
    };
    values.into_iter().map(variable).collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use quarterdeck_core::redaction::Redactor;
    use quarterdeck_core::terraform::files::{FILE_BYTES_MAX, FILES_MAX};
    use quarterdeck_core::terraform::grants::Grants;
    use serde_json::json;

    use super::*;
    use crate::apiserver::mission::End;
    use crate::remember::Blobs;
    use quarterdeck_core::mission::OnDelete;

    const MAIN_TF: &str = r#"terraform {
  required_providers {
    docker = {
      source = "kreuzwerker/docker"
    }
  }
}

variable "port" {
  type = number
}

resource "docker_network" "n" {
  name = "n${var.port}"
}
"#;

    fn told(spec: Value) -> Told {
        let (namespace, name, uid) = ("shop".to_owned(), "web".to_owned(), "u-1".to_owned());
        let wanted = serde_json::from_value(spec).map_err(|error| format!("spec: {error}"));
        let end = End::default();
        Told { namespace, name, uid, generation: 4, labels: BTreeMap::new(), wanted, end }
    }

    fn from_map(data: Value) -> Value {
        let mut spec =
            json!({ "goal": "g", "terraform": { "configMap": { "name": "f" }, "variables": { "port": 80 } } });
        spec.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
        spec
    }

    fn map(data: &[(&str, &str)]) -> ConfigMap {
        let mut map = ConfigMap::default();
        (map.metadata.uid, map.metadata.resource_version) = (Some("m-1".to_owned()), Some("7".to_owned()));
        map.data = Some(data.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect());
        map
    }

    fn made(told: &Told, map: ConfigMap) -> Result<MissionSpec, String> {
        let files = match packed(told, "f", map) {
            Found::Files(_, files) => files,
            Found::Problem(problem) | Found::Away(problem) => return Err(problem),
            Found::Same => unreachable!("nothing is known of it"),
        };
        let folder = tempfile::tempdir().unwrap();
        let (blobs, grants) = (Blobs::open(folder.path()).unwrap(), Grants::default());
        let redactor = Redactor::new([7; 32]);
        mission(told, files, &Making { blobs: &blobs, grants: &grants, secrets: None, redactor: &redactor })
    }

    #[test]
    fn an_object_with_its_config_map_is_a_mission() {
        let mut web = told(from_map(json!({ "autonomy": "auto", "offers": ["server"] })));
        web.labels.insert("team".to_owned(), "shop".to_owned());
        let mut files = map(&[("main.tf", MAIN_TF), ("mission.yaml", "left out"), ("terraform.tfstate", "{}")]);
        let spec = made(&web, files.clone()).unwrap();
        assert_eq!((spec.name.as_str(), spec.source.as_str()), ("shop/web", "mission shop/web"));
        assert_eq!(
            spec.object,
            Some(ObjectVersion { uid: "u-1".to_owned(), generation: 4, on_delete: OnDelete::Retain })
        );
        assert_eq!((spec.author, spec.offers.as_slice(), spec.labels.len()), (None, &["server".to_owned()][..], 1));
        // The digest is of the files and variables: what is binary counts as well, and what is left out does not.
        let same = made(&web, map(&[("main.tf", MAIN_TF)])).unwrap();
        assert_eq!(same.plan, spec.plan);
        files.binary_data = Some(BTreeMap::from([("logo.png".to_owned(), ByteString(vec![0xff, 0xfe]))]));
        assert_ne!(made(&web, files).unwrap().plan, spec.plan);
        let inline =
            json!({ "goal": "g", "terraform": { "files": { "main.tf": MAIN_TF }, "variables": { "port": 80 } } });
        let Terraform { files: Some(texts), .. } = told(inline).wanted.unwrap().terraform else { panic!() };
        let Found::Files(Edition::Object, files) = super::inline(&texts) else { panic!("they are files") };
        assert_eq!((files.len(), files[0].path.as_str()), (1, "main.tf"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let whole = || map(&[("main.tf", MAIN_TF)]);
        let many: Vec<String> = (0..=FILES_MAX).map(|index| format!("f{index}.tf")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|path| (path.as_str(), "")).collect();
        let large = "#".repeat(FILE_BYTES_MAX + 1);
        for (spec, map, said) in [
            (json!({}), whole(), "spec: missing field `goal`"),
            (from_map(json!({ "autonomy": "always" })), whole(), "spec: unknown variant `always`"),
            (from_map(json!({ "offers": ["A b"] })), whole(), "spec.offers: \"A b\" is no need"),
            (
                json!({ "goal": "g", "terraform": { "configMap": { "name": "f" } } }),
                whole(),
                "under spec.terraform.variables",
            ),
            (
                json!({ "goal": "g", "terraform": { "configMap": { "name": "f" }, "variables": { "port": { "a": 1 } } } }),
                whole(),
                "spec.terraform.variables: \"port\" is neither",
            ),
            (
                json!({ "goal": "g", "terraform": { "configMap": { "name": "f" }, "variables": { "prot": 1 } } }),
                whole(),
                "\"prot\" is no variable",
            ),
            (from_map(json!({})), map(&[]), "the ConfigMap shop/f holds no file"),
            (from_map(json!({})), map(&[(".terraformrc", "")]), "\".terraformrc\" is no plain file name"),
            (from_map(json!({})), map(&[("main.tf", "resource {")]), "shop/f/main.tf:1:"),
            (from_map(json!({})), map(&[("a\\b", "")]), "spec.terraform: the path \"a\\\\b\" is not allowed"),
            (from_map(json!({})), map(&many), "more than the 512 that a mission may have"),
            (from_map(json!({})), map(&[("main.tf", &large)]), "more than the 1048576 that one file may have"),
        ] {
            let problem = made(&told(spec.clone()), map).unwrap_err();
            assert!(problem.contains(said), "{spec}: {problem}");
        }
        let mut long = told(from_map(json!({})));
        long.name = "w".repeat(38);
        assert!(made(&long, whole()).unwrap_err().starts_with("metadata.name: "));
        let mut labelled = told(from_map(json!({})));
        labelled.labels.insert("a".repeat(64), String::new());
        assert!(made(&labelled, whole()).unwrap_err().starts_with("metadata.labels: "));
    }

    #[test]
    fn what_stands_in_a_command_is_a_name() {
        for (name, is) in
            [("f", true), ("web-files.v2", true), ("", false), ("-n", false), ("a b", false), ("f;reboot", false)]
        {
            assert_eq!(is_name(name), is, "{name:?}");
        }
        assert!(!is_name(&"f".repeat(254)));
    }

    #[test]
    fn who_may_not_read_is_told_the_command_that_lets_it() {
        let said = denied(&told(json!({})), "f", "configmaps \"f\" is forbidden");
        let command = "kubectl -n shop create rolebinding quarterdeck-mission-files --clusterrole quarterdeck-mission-files \
                       --serviceaccount ai-agent:quarterdeck";
        assert!(said.contains(command) && said.contains("is forbidden"), "{said}");
    }
}
