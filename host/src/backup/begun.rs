//! A folder that is being restored, from its first file until it stands in its place.
//!
//! **The last step is one.** Where a folder is there already, the new one is first given the name under which that one shall
//! lie aside, `real.before-<time>`, and then the two exchange their names: at no moment is there no folder, and nothing is
//! left to do afterwards. A file system that can't exchange two names gets two renames, the first of which is taken back
//! where the second fails.
//!
//! **What was there is never removed.** Only the folder that was made here goes again, whatever stands under its name.

use std::cell::{Cell, RefCell};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;

use super::archive::Member;
use super::{BackupError, failed};

/// Changes a name, or exchanges two, in one folder.
type Rename<'a> = &'a dyn Fn(&str, &str, RenameFlags) -> io::Result<()>;

/// A folder that goes again unless it gets its place.
pub(super) struct Begun<'a> {
    data: &'a Dir,
    data_path: &'a Path,
    folder: Dir,
    name: RefCell<String>,
    is_placed: Cell<bool>,
}

impl Begun<'_> {
    /// Makes it in the data folder, under a name that no host looks at.
    pub(super) fn new<'a>(data: &'a Dir, data_path: &'a Path, world: &str) -> Result<Begun<'a>, BackupError> {
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(|error| failed("draw a name in", data_path)(io::Error::other(error)))?;
        let name = format!("{world}.{:08x}.restoring", u32::from_be_bytes(random));
        let made = data.create_dir_with(&name, private()).and_then(|()| data.open_dir(&name));
        let folder = made.map_err(failed("make", data_path.join(&name)))?;
        Ok(Begun { data, data_path, folder, name: name.into(), is_placed: false.into() })
    }

    /// Where it is now.
    pub(super) fn path(&self) -> PathBuf {
        self.data_path.join(&*self.name.borrow())
    }

    /// Writes a member.
    pub(super) fn keep(&self, member: &Member) -> Result<(), BackupError> {
        let write = || -> io::Result<()> {
            let mut at = 0;
            // Its name is one of the table's, so each folder of it has a name.
            while let Some(slash) = member.name[at..].find('/') {
                let folder = &member.name[..at + slash];
                match self.folder.create_dir_with(folder, private()) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    Ok(()) | Err(_) => at += slash + 1,
                }
            }
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            self.folder.open_with(&member.name, &options)?.write_all(&member.bytes)
        };
        write().map_err(failed("write", self.path().join(&member.name)))
    }

    /// Everything is on disk after this.
    pub(super) fn sync(&self) -> Result<(), BackupError> {
        // The handle of a folder is for names alone; one that was opened to be read can be synced.
        let synced = self.folder.open(".").and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
        synced.map_err(failed("sync", self.path()))
    }

    /// Gives it its place, in which nothing or an empty folder is.
    pub(super) fn place(&self, world: &str) -> Result<(), BackupError> {
        // An empty folder makes way, any other one does not.
        match self.data.rename(&*self.name.borrow(), self.data, world) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                return Err(BackupError::Occupied(self.data_path.join(world)));
            }
            named => named.map_err(failed("give the restored folder its name, beside", self.path()))?,
        }
        self.is_placed.set(true);
        sync(self.data).map_err(failed("sync the names in", self.data_path))
    }

    /// Gives it the place of the folder that is there, which has this name afterwards.
    pub(super) fn place_instead(&self, world: &str, aside: &str) -> Result<(), BackupError> {
        self.place_by(world, aside, &|from, to, flags| match flags.is_empty() {
            true => self.data.rename(from, self.data, to),
            false => Ok(rustix::fs::renameat_with(self.data, from, self.data, to, flags)?),
        })
    }

    fn place_by(&self, world: &str, aside: &str, rename: Rename<'_>) -> Result<(), BackupError> {
        let (folder, path) = (self.data_path.join(world), self.data_path.join(aside));
        if self.data.symlink_metadata(aside).is_ok() {
            return Err(BackupError::Occupied(path));
        }
        let own = self.name.borrow().clone();
        let to = |name: &str| -> io::Result<()> {
            let from = self.name.borrow().clone();
            rename(&from, name, RenameFlags::empty())?;
            name.clone_into(&mut self.name.borrow_mut());
            Ok(())
        };
        to(aside).map_err(failed("give the restored folder another name than", self.path()))?;
        match rename(aside, world, RenameFlags::EXCHANGE) {
            Ok(()) => self.is_placed.set(true),
            Err(error) if !is_unknown(&error) => return Err(failed("exchange the restored folder for", folder)(error)),
            Err(_) => {
                to(&own).map_err(failed("give another name to", self.path()))?;
                rename(world, aside, RenameFlags::empty()).map_err(failed("set aside", &folder))?;
                if let Err(source) = to(world) {
                    let what = "give the restored folder its name,";
                    // Where it can't be taken back, the error says where everything is.
                    return Err(match rename(aside, world, RenameFlags::empty()) {
                        Ok(()) => failed(what, folder)(source),
                        Err(_) => BackupError::LeftAside { what, path: folder, aside: path, source },
                    });
                }
                self.is_placed.set(true);
            }
        }
        let left = |source| BackupError::LeftAside {
            what: "sync the names in",
            path: self.data_path.to_owned(),
            aside: path,
            source,
        };
        sync(self.data).map_err(left)
    }

    /// Whether what has its name is the folder that was made.
    fn is_there(&self) -> bool {
        let made = rustix::fs::fstat(&self.folder);
        let there = rustix::fs::statat(self.data, &*self.name.borrow(), AtFlags::SYMLINK_NOFOLLOW);
        matches!((made, there), (Ok(made), Ok(there)) if (made.st_dev, made.st_ino) == (there.st_dev, there.st_ino))
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.is_placed.get() && self.is_there() {
            // Where not even this can be done, its name says what it is.
            let _left = self.data.remove_dir_all(&*self.name.borrow());
        }
    }
}

/// Whether a file system, or a kernel, does not know how two names are exchanged.
fn is_unknown(error: &io::Error) -> bool {
    let unknown = [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP];
    Errno::from_io_error(error).is_some_and(|errno| unknown.contains(&errno))
}

fn private() -> &'static DirBuilder {
    static PRIVATE: std::sync::OnceLock<DirBuilder> = std::sync::OnceLock::new();
    PRIVATE.get_or_init(|| {
        let mut private = DirBuilder::new();
        private.mode(0o700);
        private
    })
}

fn sync(folder: &Dir) -> io::Result<()> {
    folder.open(".")?.sync_all()
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    const ASIDE: &str = "real.before-2026";

    /// Folders, each with the files in it.
    type Held = Vec<(String, String)>;

    /// A data folder with a folder `real` that holds the file `old`; the one that is begun holds the file `key`.
    struct Scene {
        folder: tempfile::TempDir,
        data: Dir,
    }

    impl Scene {
        fn new() -> Scene {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::create_dir(folder.path().join("real")).expect("a folder");
            std::fs::write(folder.path().join("real/old"), "old").expect("a file");
            let data = Dir::open_ambient_dir(folder.path(), ambient_authority()).expect("a folder");
            Scene { folder, data }
        }

        fn begun(&self) -> Begun<'_> {
            let begun = Begun::new(&self.data, self.folder.path(), "real").expect("it is begun");
            begun
                .keep(&Member { kind: super::super::table::Kind::Key, name: "key".into(), bytes: vec![7] })
                .expect("kept");
            begun
        }

        /// What there is; a name that was drawn is told by its end.
        fn holds(&self) -> Held {
            let names = |path: &Path| {
                let entries = std::fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry"));
                let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().expect("a name")).collect();
                names.sort();
                names
            };
            let held = names(self.folder.path()).into_iter().map(|name| {
                let files = names(&self.folder.path().join(&name)).join(",");
                (if name.ends_with(".restoring") { "restoring".to_owned() } else { name }, files)
            });
            let mut held: Vec<_> = held.collect();
            held.sort();
            held
        }

        /// The steps are the file system's own, but for those that fail; what there is after each is told.
        fn place(&self, failing: &[(usize, Errno)]) -> (Result<(), BackupError>, Vec<Held>) {
            let (begun, seen) = (self.begun(), RefCell::new(Vec::new()));
            let placed = begun.place_by("real", ASIDE, &|from, to, flags| {
                let step = seen.borrow().len();
                let failing = failing.iter().find(|(number, _)| *number == step);
                let done = match failing {
                    Some((_, errno)) => Err((*errno).into()),
                    None => rustix::fs::renameat_with(&self.data, from, &self.data, to, flags).map_err(io::Error::from),
                };
                seen.borrow_mut().push(self.holds());
                done
            });
            drop(begun);
            (placed, seen.into_inner())
        }
    }

    fn held(folders: &[(&str, &str)]) -> Held {
        folders.iter().map(|(name, file)| ((*name).to_owned(), (*file).to_owned())).collect()
    }

    /// A kill leaves what there is after one of the steps.
    #[test]
    fn there_is_a_folder_at_each_moment_and_the_one_that_was_there_is_never_under_a_name_that_may_go() {
        let scene = Scene::new();
        let (placed, seen) = scene.place(&[]);
        placed.expect("it is placed");
        assert_eq!(seen, [held(&[("real", "old"), (ASIDE, "key")]), held(&[("real", "key"), (ASIDE, "old")])]);
        assert_eq!(scene.holds(), seen[1]);
    }

    #[test]
    fn where_names_can_not_be_exchanged_the_folder_is_set_aside_first() {
        for unknown in [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP] {
            let scene = Scene::new();
            let (placed, seen) = scene.place(&[(1, unknown)]);
            placed.expect("it is placed");
            let wanted = [
                held(&[("real", "old"), (ASIDE, "key")]),
                held(&[("real", "old"), (ASIDE, "key")]),
                held(&[("real", "old"), ("restoring", "key")]),
                held(&[(ASIDE, "old"), ("restoring", "key")]),
                held(&[("real", "key"), (ASIDE, "old")]),
            ];
            assert_eq!(seen, wanted, "{unknown}");
        }
    }

    #[test]
    fn a_step_that_fails_leaves_what_was_there_in_its_place() {
        let unknown = (1, Errno::INVAL);
        for failing in [
            vec![(0, Errno::ACCESS)],
            vec![(1, Errno::BUSY)],
            vec![unknown, (2, Errno::ACCESS)],
            vec![unknown, (3, Errno::ACCESS)],
            vec![unknown, (4, Errno::ACCESS)],
        ] {
            let scene = Scene::new();
            let refused = scene.place(&failing).0.expect_err("a step fails");
            assert!(matches!(refused, BackupError::Io { .. }), "{failing:?}: {refused}");
            assert_eq!(scene.holds(), held(&[("real", "old")]), "{failing:?}");
        }
    }

    #[test]
    fn where_it_can_not_be_taken_back_the_error_says_where_the_folder_is() {
        let scene = Scene::new();
        let refused = scene.place(&[(1, Errno::INVAL), (4, Errno::ACCESS), (5, Errno::ACCESS)]).0;
        let refused = refused.expect_err("a step fails");
        let aside = scene.folder.path().join(ASIDE).display().to_string();
        assert!(refused.to_string().ends_with(&format!("is whole, and is now {aside}")), "{refused}");
        assert_eq!(scene.holds(), held(&[(ASIDE, "old")]));
    }

    /// As where an exchange was made and its answer was lost.
    #[test]
    fn what_is_not_the_folder_that_was_begun_stays_whatever_its_name_is() {
        let scene = Scene::new();
        let begun = scene.begun();
        let placed = begun.place_by("real", ASIDE, &|from, to, flags| {
            rustix::fs::renameat_with(&scene.data, from, &scene.data, to, flags)?;
            if flags.is_empty() { Ok(()) } else { Err(Errno::IO.into()) }
        });
        assert!(placed.is_err());
        drop(begun);
        assert_eq!(scene.holds(), held(&[("real", "key"), (ASIDE, "old")]));
    }

    #[test]
    fn a_name_that_is_taken_is_left_as_it_is() {
        let scene = Scene::new();
        std::fs::create_dir(scene.folder.path().join(ASIDE)).expect("a folder");
        let (refused, seen) = scene.place(&[]);
        assert!(matches!(refused, Err(BackupError::Occupied(path)) if path.ends_with(ASIDE)));
        assert!(seen.is_empty());
        let refused = scene.begun().place("real").expect_err("it is not empty");
        assert!(matches!(&refused, BackupError::Occupied(path) if path.ends_with("real")), "{refused}");
        assert_eq!(scene.holds(), held(&[("real", "old"), (ASIDE, "")]));
    }
}
