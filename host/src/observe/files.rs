//! Missions as files: `mission.yaml` beside its Terraform files, read again every two seconds.
//!
//! A file is parsed once into a [`MissionSpec`]; what is wrong with it is said with line and column. No link is followed, and
//! everything that is read has a limit. What is not here: what a mission may say (see `observe::missions`).

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use quarterdeck_core::digest::Digest;
use quarterdeck_core::mission::{MissionName, MissionSpec, When};
use quarterdeck_core::observation::SeenMission;
use quarterdeck_core::redaction::Redactor;
use quarterdeck_core::situation::{Autonomy, DesiredState};
use quarterdeck_core::terraform::files::File;
use quarterdeck_core::terraform::secrets::SecretVariables;
use quarterdeck_core::terraform::{allow, files};
use serde::Deserialize;

use super::Missions;
pub use super::missions::{Granting, Secrets};
use super::missions::{Making, PROBLEM_BYTES_MAX, Problem, Variables, Written, refusals};
use crate::remember::Blobs;

/// A `mission.yaml` is at most this large: it holds a goal and a few settings.
pub const MISSION_BYTES_MAX: u64 = 64 << 10;
/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The one file name that a folder on the command line is searched for.
pub const MISSION_FILE: &str = "mission.yaml";

/// A `mission.yaml`, as its author wrote it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawMission {
    api_version: String,
    kind: String,
    metadata: RawMetadata,
    spec: RawSpec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawMetadata {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawSpec {
    goal: String,
    #[serde(default = "default_autonomy")]
    autonomy: Autonomy,
    #[serde(default = "default_desired")]
    desired: DesiredState,
    #[serde(default)]
    when: When,
    #[serde(default)]
    offers: Vec<String>,
    terraform: RawTerraform,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawTerraform {
    #[serde(default = "here")]
    folder: String,
    #[serde(default)]
    variables: Variables,
    #[serde(default)]
    secret_variables: SecretVariables,
}

fn default_autonomy() -> Autonomy {
    Autonomy::Approve
}

fn default_desired() -> DesiredState {
    DesiredState::Present
}

fn here() -> String {
    ".".to_owned()
}

/// What is wrong with a mission's file.
#[derive(Debug, thiserror::Error)]
pub enum MissionError {
    /// It can't be read.
    #[error("read {path}: {source}")]
    Read {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is no mission of this version.
    #[error("{path}: {problem}")]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// Its files can't be packed.
    #[error("{path}: {source}")]
    Files {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: files::FilesError,
    },
    /// Its files hold what is not allowed.
    #[error("{}", refusals(&format!("{}/", .0.display()), .1))]
    NotAllowed(PathBuf, Vec<allow::Violation>),
    /// Its files can't be kept.
    #[error("keep the files of {0}: {1}")]
    Keep(PathBuf, crate::remember::BlobError),
    /// Two missions have one name.
    #[error("{path}: mission {name} is named so in {other} already; each mission needs a name of its own")]
    Twice {
        /// The second file.
        path: PathBuf,
        /// The name.
        name: MissionName,
        /// The first file.
        other: String,
    },
}

/// What reading missions needs.
pub struct Reader {
    /// Files or folders, as the user named them.
    pub paths: Vec<PathBuf>,
    /// Where their files are kept.
    pub blobs: Arc<Blobs>,
    /// What the operator grants, now.
    pub grants: Granting,
    /// The secrets that the operator grants.
    pub secrets: Secrets,
    /// What hides secrets.
    pub redactor: Arc<Redactor>,
}

impl Reader {
    /// Reads every mission now.
    pub fn read(&self) -> Vec<SeenMission> {
        let mut names: BTreeMap<MissionName, String> = BTreeMap::new();
        let mut missions = Vec::new();
        for path in &self.paths {
            let file = if path.is_dir() { path.join(MISSION_FILE) } else { path.clone() };
            let source = file.display().to_string();
            let spec = self.mission(&file).and_then(|spec| match names.insert(spec.name.clone(), source.clone()) {
                None => Ok(spec),
                Some(other) => Err(MissionError::Twice { path: file, name: spec.name, other }),
            });
            let spec = spec.map_err(|error| self.redactor.redact_bounded(&error.to_string(), PROBLEM_BYTES_MAX));
            missions.push(SeenMission::in_file(source, spec));
        }
        missions
    }

    fn mission(&self, path: &Path) -> Result<MissionSpec, MissionError> {
        let text = read_text(path)?;
        let invalid = |problem: String| MissionError::Invalid { path: path.to_owned(), problem };
        let raw: RawMission = serde_saphyr::from_str(&text).map_err(|error| invalid(yaml_problem(&error)))?;
        if raw.api_version != "quarterdeck.dev/v1alpha1" || raw.kind != "Mission" {
            return Err(invalid(format!(
                "this is {} {}; expected apiVersion quarterdeck.dev/v1alpha1 and kind Mission",
                raw.api_version, raw.kind
            )));
        }
        let name =
            MissionName::parse(&raw.metadata.name).map_err(|error| invalid(format!("metadata.name: {error}")))?;
        if name.namespace().is_some() {
            return Err(invalid("metadata.name: a mission of a file is in no namespace".to_owned()));
        }
        let RawSpec { goal, autonomy, desired, when, offers, terraform } = raw.spec;
        let folder = inside(path, &terraform.folder).map_err(invalid)?;
        let mut files = Vec::new();
        walk(&folder, &folder, 0, &mut files)?;
        let written = Written {
            name,
            labels: raw.metadata.labels,
            goal,
            autonomy,
            desired,
            when,
            offers,
            variables: terraform.variables,
            secrets: terraform.secret_variables,
            files,
            author: fs::metadata(path).ok().map(|meta| meta.uid()),
            source: path.display().to_string(),
            object: None,
        };
        let (blobs, redactor) = (&*self.blobs, &*self.redactor);
        let making = Making { blobs, grants: &(self.grants)(), secrets: self.secrets.as_deref(), redactor };
        let made = making.mission(written);
        made.map_err(|problem| match problem {
            Problem::Invalid(problem) => MissionError::Invalid { path: path.to_owned(), problem },
            Problem::Files(source) => MissionError::Files { path: folder, source },
            Problem::NotAllowed(violations) => MissionError::NotAllowed(folder, violations),
            Problem::Keep(error) => MissionError::Keep(folder, error),
        })
    }
}

/// What is wrong with a YAML text, and where; without the word `error`, which stands before all that is printed of it.
pub(crate) fn yaml_problem(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

fn read_text(path: &Path) -> Result<String, MissionError> {
    let read = || {
        let mut text = String::new();
        fs::File::open(path)?.take(MISSION_BYTES_MAX + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|source| MissionError::Read { path: path.to_owned(), source })?;
    if text.len() as u64 > MISSION_BYTES_MAX {
        let problem = format!("it is larger than {MISSION_BYTES_MAX} bytes");
        return Err(MissionError::Invalid { path: path.to_owned(), problem });
    }
    Ok(text)
}

/// The mission's Terraform folder: beside the mission's file or below, never elsewhere.
fn inside(mission: &Path, folder: &str) -> Result<PathBuf, String> {
    let relative = Path::new(folder);
    let plain =
        |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir);
    if !relative.components().all(plain) {
        return Err(format!("spec.terraform.folder: {folder:?} leads out of the mission's own folder"));
    }
    let base = mission.parent().unwrap_or(Path::new("."));
    Ok(if relative == Path::new(".") { base.to_owned() } else { base.join(relative) })
}

/// Reads the files of a folder and below.
fn walk(root: &Path, folder: &Path, depth: usize, found: &mut Vec<File>) -> Result<(), MissionError> {
    let read = |path: &Path| {
        let path = path.to_owned();
        move |source| MissionError::Read { path, source }
    };
    let invalid =
        |path: &Path, problem: &str| MissionError::Invalid { path: path.to_owned(), problem: problem.to_owned() };
    let mut entries: Vec<fs::DirEntry> = fs::read_dir(folder).and_then(Iterator::collect).map_err(read(folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str() else { return Err(invalid(&path, "its name is not UTF-8")) };
        let kind = entry.file_type().map_err(read(&path))?;
        let ours = name == MISSION_FILE || name.starts_with("terraform.tfstate");
        if ours || (name.starts_with('.') && name != ".terraform.lock.hcl") {
            continue;
        }
        if kind.is_symlink() {
            return Err(invalid(&path, "it is a link; a mission's files must lie in its own folder"));
        }
        if kind.is_dir() {
            if depth >= files::PATH_DEPTH_MAX {
                return Err(invalid(&path, "the folders are nested too deep"));
            }
            walk(root, &path, depth + 1, found)?;
            continue;
        }
        if found.len() >= files::FILES_MAX {
            return Err(invalid(root, "it holds more files than a mission may have"));
        }
        let mut bytes = Vec::new();
        let limit = files::FILE_BYTES_MAX as u64 + 1;
        fs::File::open(&path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(read(&path))?;
        let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        found.push(File { path: relative, bytes });
    }
    Ok(())
}

/// Missions that are read again and again by a thread of their own.
pub struct FileMissions {
    seen: Arc<RwLock<Vec<SeenMission>>>,
}

impl FileMissions {
    /// Keeps reading, and wakes the loop when something changed; until nobody holds this any more.
    pub fn start(reader: Reader, first: Vec<SeenMission>, wake: Arc<dyn Fn() + Send + Sync>) -> FileMissions {
        let seen = Arc::new(RwLock::new(first));
        let kept = Arc::downgrade(&seen);
        std::thread::spawn(move || {
            let mut marks = marks(&reader.paths);
            loop {
                std::thread::sleep(LOOK_EVERY);
                let Some(seen) = kept.upgrade() else { return };
                let now = self::marks(&reader.paths);
                if std::mem::replace(&mut marks, now) == marks {
                    continue;
                }
                let read = reader.read();
                let changed = *seen.read().unwrap_or_else(PoisonError::into_inner) != read;
                if changed {
                    *seen.write().unwrap_or_else(PoisonError::into_inner) = read;
                    wake();
                }
            }
        });
        FileMissions { seen }
    }
}

impl Missions for FileMissions {
    fn seen(&self) -> Vec<SeenMission> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the folders look like from outside: names, sizes and times. Their content is read only when this changes.
fn marks(paths: &[PathBuf]) -> Digest {
    fn mark(path: &Path, depth: usize, marks: &mut Vec<String>) {
        let Ok(meta) = fs::symlink_metadata(path) else { return };
        marks.push(format!("{} {} {:?}", path.display(), meta.len(), meta.modified().ok()));
        if meta.is_dir() && depth < files::PATH_DEPTH_MAX && marks.len() < 2 * files::FILES_MAX {
            let mut below: Vec<PathBuf> =
                fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
            below.sort();
            below.iter().for_each(|path| mark(path, depth + 1, marks));
        }
    }
    let mut marks = Vec::new();
    for path in paths {
        let folder = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(Path::new(".")) };
        mark(folder, 0, &mut marks);
    }
    let parts: Vec<&[u8]> = marks.iter().map(String::as_bytes).collect();
    Digest::of_parts(&parts)
}
