//! What makes a mission of what its author wrote, wherever that stands: in a file with a folder beside it, or in an object
//! of a cluster. One parser, so that both have the same bounds, the same allow-list and the same words for what is wrong.
//!
//! The Terraform files are packed into one content-addressed blob, so a worker gets exactly the bytes whose digest stands
//! in the journal, and whatever becomes of the files afterwards is another mission's generation.
//! What is *not* here: reading files or objects. Nothing is executed.

use std::collections::BTreeMap;
use std::sync::Arc;

use quarterdeck_core::encoding;
use quarterdeck_core::mission::{MissionName, MissionSpec, OFFERS_MAX, ObjectVersion, ProviderNeed, When};
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{Autonomy, DesiredState, FACTS_MAX, Fact, KEY_BYTES_MAX, TEXT_BYTES_MAX};
use quarterdeck_core::terraform::files::{File, FileSet};
use quarterdeck_core::terraform::grants::Grants;
use quarterdeck_core::terraform::providers::LockFile;
use quarterdeck_core::terraform::secrets::{self, SECRETS_FILE, SecretGrant, SecretVariables};
use quarterdeck_core::terraform::{allow, files};
use quarterdeck_core::text::escape;
use serde::{Deserialize, Serialize};

use crate::remember::Blobs;

/// A mission has at most this many labels, and each key and value this many bytes: Kubernetes' own bound for values.
const LABELS_MAX: usize = 32;
const LABEL_BYTES_MAX: usize = 63;
/// What is wrong with a mission is told in at most this many bytes: some ten lines of what is not allowed.
pub(super) const PROBLEM_BYTES_MAX: usize = 4 * TEXT_BYTES_MAX;
/// The variables of a mission, as Terraform loads them.
const VARIABLES_FILE: &str = "quarterdeck.auto.tfvars.json";

/// Says what the operator grants: it is asked at each look, since a charter may change.
pub type Granting = Arc<dyn Fn() -> Arc<Grants> + Send + Sync>;
/// The secrets that the operator grants; nothing where workers can have none.
pub type Secrets = Option<Arc<[SecretGrant]>>;

/// The value of a variable: the scalars that Terraform and YAML share.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Variable {
    Bool(bool),
    Integer(i64),
    Text(String),
    List(Vec<String>),
}

pub(super) type Variables = BTreeMap<String, Variable>;

/// What an author wrote.
pub(super) struct Written {
    pub(super) name: MissionName,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) goal: String,
    pub(super) autonomy: Autonomy,
    pub(super) desired: DesiredState,
    pub(super) when: When,
    pub(super) offers: Vec<String>,
    pub(super) variables: Variables,
    /// The variables whose values are secrets.
    pub(super) secrets: SecretVariables,
    /// The Terraform files, without the variables.
    pub(super) files: Vec<File>,
    /// The Unix user who owns the file; where four eyes are wanted they do not count.
    pub(super) author: Option<u32>,
    /// Where it stands, for people.
    pub(super) source: String,
    /// The object that it is, where it is one.
    pub(super) object: Option<ObjectVersion>,
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// A part of it: which, and how.
    #[error("{0}")]
    Invalid(String),
    /// Its files can't be packed.
    #[error("{0}")]
    Files(#[source] files::FilesError),
    /// Its files hold what is not allowed.
    #[error("{} lines of the files hold what is not allowed", .0.len())]
    NotAllowed(Vec<allow::Violation>),
    /// Its files can't be kept.
    #[error("{0}")]
    Keep(#[source] crate::remember::BlobError),
}

/// What making missions needs.
pub(super) struct Making<'a> {
    /// Where their files are kept.
    pub(super) blobs: &'a Blobs,
    /// What the operator grants, now.
    pub(super) grants: &'a Grants,
    /// The secrets that the operator grants; nothing where workers can have none.
    pub(super) secrets: Option<&'a [SecretGrant]>,
    /// What hides secrets.
    pub(super) redactor: &'a Redactor,
}

impl Making<'_> {
    /// The mission that was written, packed and looked through.
    pub(super) fn mission(&self, written: Written) -> Result<MissionSpec, Problem> {
        let Written { name, labels, goal, autonomy, desired, when, offers, .. } = written;
        let Written { variables, secrets, files, author, source, object, .. } = written;
        let invalid = |field: &str, problem: String| Problem::Invalid(format!("{field}: {problem}"));
        let labels = self.labels(&labels).map_err(|problem| invalid("metadata.labels", problem))?;
        let offers = self::offers(offers).map_err(|problem| invalid("spec.offers", problem))?;
        if files.iter().any(|file| file.path == SECRETS_FILE) {
            return Err(Problem::Invalid(format!(
                "{SECRETS_FILE}: the name is taken; use spec.terraform.secretVariables"
            )));
        }
        let set = pack(files, &variables, &secrets).map_err(Problem::Files)?;
        let facts = allow::check(&set, self.grants).map_err(Problem::NotAllowed)?;
        missing_variables(&facts, &variables, &secrets).map_err(Problem::Invalid)?;
        secrets::check(&secrets, &facts.variables, &name, self.secrets)
            .map_err(|problem| invalid("spec.terraform.secretVariables", problem))?;
        let lock = lock_file(&set).map_err(|problem| invalid(".terraform.lock.hcl", problem))?;
        let plan = self.blobs.put(&encoding::encode(&set)).map_err(Problem::Keep)?;
        let providers = facts.provider_needs(lock.as_ref()).into_iter();
        let fact = |fact: &Fact| Fact::new(&fact.key, &self.redactor.redact(&fact.value));
        Ok(MissionSpec {
            name,
            goal: self.redactor.redact_bounded(goal.trim(), TEXT_BYTES_MAX),
            autonomy,
            desired,
            when,
            offers,
            plan,
            facts: secrets::facts(&secrets).chain(facts.as_facts()).take(FACTS_MAX).map(|told| fact(&told)).collect(),
            labels,
            author,
            providers: providers.map(|need| ProviderNeed { file: self.redactor.name(&need.file), ..need }).collect(),
            source,
            object,
        })
    }

    /// A mission's labels: keys of letters, digits and `-_./`, as Kubernetes has them, and short texts.
    /// Without secrets, as all that a mission says.
    fn labels(&self, raw: &BTreeMap<String, String>) -> Result<Vec<Fact>, String> {
        if raw.len() > LABELS_MAX {
            return Err(format!("{} labels, more than {LABELS_MAX}", raw.len()));
        }
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        let label = |(key, value): (&String, &String)| {
            if key.is_empty()
                || key.len() > LABEL_BYTES_MAX
                || value.len() > LABEL_BYTES_MAX
                || !plain(key)
                || !plain(value)
            {
                let key = escape(&key.chars().take(LABEL_BYTES_MAX).collect::<String>());
                return Err(format!(
                    "{key:?}: key and value have letters, digits and -_./ and {LABEL_BYTES_MAX} bytes at most"
                ));
            }
            Ok(Fact::new(&self.redactor.redact(key), &self.redactor.redact(value)))
        };
        raw.iter().map(label).collect()
    }
}

/// What is not allowed, a line each, with its file below this place.
pub(super) fn refusals(place: &str, violations: &[allow::Violation]) -> String {
    let line = |v: &allow::Violation| format!("{place}{}:{}:{}: {}", v.file, v.line, v.column, v.message);
    violations.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn offers(offers: Vec<String>) -> Result<Vec<String>, String> {
    let fits = |need: &String| {
        !need.is_empty()
            && need.len() <= KEY_BYTES_MAX
            && need.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    match offers.iter().find(|need| !fits(need)) {
        Some(need) => Err(format!("{need:?} is no need: use a-z, 0-9 and \"-\"")),
        None if offers.len() > OFFERS_MAX => Err(format!("{} needs are more than {OFFERS_MAX}", offers.len())),
        None => Ok(offers),
    }
}

/// The files as one, with the variables as one more, and the names of the secrets as another.
fn pack(mut files: Vec<File>, variables: &Variables, secrets: &SecretVariables) -> Result<FileSet, files::FilesError> {
    if !variables.is_empty() {
        let bytes = serde_json::to_vec_pretty(variables).expect("names and scalars are JSON");
        files.push(File { path: VARIABLES_FILE.to_owned(), bytes });
    }
    if !secrets.is_empty() {
        let bytes = serde_json::to_vec_pretty(secrets).expect("names are JSON");
        files.push(File { path: SECRETS_FILE.to_owned(), bytes });
    }
    FileSet::new(files)
}

/// A variable without a default and without a value would make Terraform fail later: say so now.
fn missing_variables(facts: &allow::StaticFacts, given: &Variables, secrets: &SecretVariables) -> Result<(), String> {
    if let Some(name) = given.keys().find(|name| secrets.contains_key(*name)) {
        return Err(format!("spec.terraform.variables: {name:?} stands under secretVariables too"));
    }
    let known = |name: &String| facts.variables.iter().any(|variable| variable.name == *name);
    if let Some(name) = given.keys().find(|name| !known(name)) {
        return Err(format!("spec.terraform.variables: {name:?} is no variable of the Terraform files"));
    }
    let in_files = facts.files.iter().any(|file| file.contains(".tfvars") && file != VARIABLES_FILE);
    let is_given = |name: &String| given.contains_key(name) || secrets.contains_key(name);
    match facts.variables.iter().find(|variable| !variable.has_default && !is_given(&variable.name)) {
        Some(variable) if !in_files => Err(format!(
            "the variable {:?} has no default and no value: set it under spec.terraform.variables",
            variable.name
        )),
        Some(_) | None => Ok(()),
    }
}

fn lock_file(set: &FileSet) -> Result<Option<LockFile>, String> {
    let Some(bytes) = set.get(".terraform.lock.hcl") else { return Ok(None) };
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    LockFile::parse(text).map(Some).map_err(|error| error.to_string())
}
