//! The files of a mission's plan, as one validated value.
//!
//! A [`FileSet`] is what the host packs into one content-addressed blob and what a worker unpacks into its folder, so
//! its paths must never lead out of that folder, whatever machine they were packed on. They are checked here once, at
//! construction and again at decoding; later code may join them to a folder without a second look.
//!
//! Not here: reading or writing files, and what the files mean (see [`super::allow`]).

use serde::{Deserialize, Serialize};

/// A mission has at most this many files. Real modules have fewer than 50; more is a packed dependency folder.
pub const FILES_MAX: usize = 512;

/// One file has at most this many bytes (1 MiB): Terraform is text, and what is larger belongs into an image.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// All files together have at most this many bytes (8 MiB), so that a set travels as one blob and fits in memory.
pub const TOTAL_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A path has at most this many bytes: half of what Linux takes, so that the worker's folder fits before it.
pub const PATH_BYTES_MAX: usize = 1024;

/// A path has at most this many components, so that recursion over folders has a bound.
pub const PATH_DEPTH_MAX: usize = 16;

/// One file: a path relative to the mission's folder, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Relative, with `/` between components, never with `.` or `..`.
    pub path: String,
    /// The content as it is on disk.
    pub bytes: Vec<u8>,
}

/// The files of a mission's plan: sorted by path, no path twice, within the limits of this module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<File>", into = "Vec<File>")]
pub struct FileSet {
    files: Vec<File>,
}

/// Why a list of files is no [`FileSet`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what each case and its fields are")]
pub enum FilesError {
    #[error("{count} files are more than the {FILES_MAX} that a mission may have")]
    TooMany { count: usize },
    #[error("{path:?} has {bytes} bytes, more than the {FILE_BYTES_MAX} that one file may have")]
    TooLarge { path: String, bytes: usize },
    #[error("the files have more than {TOTAL_BYTES_MAX} bytes in all")]
    TotalTooLarge,
    #[error("the path {path:?} is not allowed: {why}")]
    BadPath { path: String, why: &'static str },
    #[error("the path {path:?} is there twice")]
    Duplicate { path: String },
    #[error("the path {path:?} is a file and a folder at once")]
    FileAndFolder { path: String },
}

impl FileSet {
    /// Checks and sorts `files`.
    ///
    /// # Errors
    /// The first rule that a file breaks: limits, a path that is absolute, climbs, is not plain or is there twice.
    pub fn new(mut files: Vec<File>) -> Result<Self, FilesError> {
        if files.len() > FILES_MAX {
            return Err(FilesError::TooMany { count: files.len() });
        }
        let mut total = 0_usize;
        for file in &files {
            if let Some(why) = path_fault(&file.path) {
                return Err(FilesError::BadPath { path: file.path.clone(), why });
            }
            if file.bytes.len() > FILE_BYTES_MAX {
                return Err(FilesError::TooLarge { path: file.path.clone(), bytes: file.bytes.len() });
            }
            total += file.bytes.len();
        }
        if total > TOTAL_BYTES_MAX {
            return Err(FilesError::TotalTooLarge);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(pair) = files.windows(2).find(|pair| pair[0].path == pair[1].path) {
            return Err(FilesError::Duplicate { path: pair[0].path.clone() });
        }
        let set = Self { files };
        match set.files.iter().find(|file| set.has_folder(&file.path)) {
            Some(file) => Err(FilesError::FileAndFolder { path: file.path.clone() }),
            None => Ok(set),
        }
    }

    /// All files, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = &File> {
        self.files.iter()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file at all.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The bytes of the file at `path`.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        let index = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        Some(&self.files[index].bytes)
    }

    /// Whether some file lies below the folder `path` (`""` is the mission's own folder).
    pub fn has_folder(&self, path: &str) -> bool {
        self.files.iter().any(|file| below(path, &file.path).is_some())
    }

    /// The files directly in the folder `path` with their names there, sorted.
    pub fn in_folder<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, &'a File)> {
        self.files.iter().filter_map(move |file| {
            let name = below(path, &file.path)?;
            (!name.contains('/')).then_some((name, file))
        })
    }
}

/// The rest of `path` below `folder`.
fn below<'a>(folder: &str, path: &'a str) -> Option<&'a str> {
    if folder.is_empty() {
        return Some(path);
    }
    path.strip_prefix(folder)?.strip_prefix('/')
}

/// What is wrong with a path, if something is.
fn path_fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.len() > PATH_BYTES_MAX {
        return Some("it is longer than 1024 bytes");
    }
    if path.starts_with('/') {
        return Some("it is absolute; name files relative to the mission's folder");
    }
    if path.contains('\\') {
        return Some("it has a backslash; folders are parted by /");
    }
    if path.chars().any(char::is_control) {
        return Some("it has a control character");
    }
    if path.split('/').count() > PATH_DEPTH_MAX {
        return Some("it is nested deeper than 16 folders");
    }
    path.split('/').find_map(|component| match component {
        "" => Some("it has an empty component"),
        "." => Some("it has the component `.`"),
        ".." => Some("it leads out of its folder by `..`"),
        name if name.len() > 255 => Some("a component is longer than 255 bytes"),
        _ordinary => None,
    })
}

impl TryFrom<Vec<File>> for FileSet {
    type Error = FilesError;

    fn try_from(files: Vec<File>) -> Result<Self, FilesError> {
        Self::new(files)
    }
}

impl From<FileSet> for Vec<File> {
    fn from(set: FileSet) -> Self {
        set.files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> File {
        File { path: path.into(), bytes: b"x".to_vec() }
    }

    #[test]
    fn a_path_that_could_leave_the_folder_is_refused() {
        let bad = ["", "/etc/passwd", "../a", "a/../b", "a//b", "a/", "./a", "a\\b", "a\0b", "a\nb", "a/./b"];
        for path in bad {
            let refused = FileSet::new(vec![file(path)]);
            assert!(matches!(refused, Err(FilesError::BadPath { .. })), "{path:?} gave {refused:?}");
        }
        for path in ["main.tf", "modules/a/main.tf", ".terraform.lock.hcl", "a..b", "...", "ü.tf"] {
            assert!(FileSet::new(vec![file(path)]).is_ok(), "{path:?}");
        }
        assert!(FileSet::new(vec![file(&format!("{}a", "a/".repeat(PATH_DEPTH_MAX)))]).is_err());
    }

    #[test]
    fn limits_hold() {
        let many = (0..=FILES_MAX).map(|n| file(&format!("{n}.tf"))).collect();
        assert_eq!(FileSet::new(many), Err(FilesError::TooMany { count: FILES_MAX + 1 }));
        let large = File { path: "a".into(), bytes: vec![0; FILE_BYTES_MAX + 1] };
        assert!(matches!(FileSet::new(vec![large]), Err(FilesError::TooLarge { .. })));
        let all = (0..9).map(|n| File { path: n.to_string(), bytes: vec![0; FILE_BYTES_MAX] }).collect();
        assert_eq!(FileSet::new(all), Err(FilesError::TotalTooLarge));
    }

    #[test]
    fn no_path_is_there_twice_or_a_folder_too() {
        let twice = FileSet::new(vec![file("b"), file("a"), file("b")]);
        assert_eq!(twice, Err(FilesError::Duplicate { path: "b".into() }));
        let both = FileSet::new(vec![file("a/b"), file("a-"), file("a")]);
        assert_eq!(both, Err(FilesError::FileAndFolder { path: "a".into() }));
    }

    #[test]
    fn folders_are_found() {
        let set =
            FileSet::new(vec![file("m/x.tf"), file("m/n/y.tf"), file("main.tf"), file("mm/z.tf")]).expect("valid");
        let names = |folder| set.in_folder(folder).map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(names(""), ["main.tf"]);
        assert_eq!(names("m"), ["x.tf"]);
        assert!(set.has_folder("m/n") && !set.has_folder("n") && !set.has_folder("main.tf"));
        assert_eq!(set.get("mm/z.tf"), Some(&b"x"[..]));
    }

    #[test]
    fn decoding_checks_like_building() {
        let set = FileSet::new(vec![file("b"), file("a")]).expect("valid");
        let bytes = postcard::to_stdvec(&set).expect("encodes");
        assert_eq!(postcard::from_bytes::<FileSet>(&bytes), Ok(set));
        let evil = postcard::to_stdvec(&vec![file("../a")]).expect("encodes");
        assert!(postcard::from_bytes::<FileSet>(&evil).is_err());
    }
}
