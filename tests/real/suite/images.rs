//! The images of the programs under test, laid out by what `deploy/images` has for a release, and packed without an engine.
//!
//! They lie in cargo's folder for what tests make, and are made anew only when what they are made of has changed. Debug
//! programs are stripped on their way in: a quarter of their bytes does the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::parts::{Parts, quarterdeck, said, script, worker};

/// An image.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// What `Cluster::load` takes.
    pub(crate) archive: PathBuf,
    /// `sha256:…`
    pub(crate) digest: String,
    tagged: &'static str,
}

/// What an image is made of.
struct Recipe<'a> {
    /// Its folder in `deploy/images`.
    class: &'a str,
    tagged: &'static str,
    /// As its Dockerfile says it.
    config: &'a str,
    programs: &'a [PathBuf],
    mirror: Option<PathBuf>,
}

/// The host's, by the name that the manifests use.
pub(crate) fn host() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| {
        Recipe {
            class: "host",
            tagged: "quarterdeck:0.1.0",
            config: r#"{"Entrypoint":["/usr/local/bin/quarterdeck"],"Env":["PATH=/usr/local/bin"],"User":"65532:65532"}"#,
            programs: &[stripped(quarterdeck())],
            mirror: None,
        }
        .once()
    })
}

/// The builder's, with Terraform and both versions of its docker provider.
pub(crate) fn builder(parts: &Parts) -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| {
        Recipe {
            class: "builder",
            tagged: "quarterdeck-builder:0.1.0",
            config: r#"{"Entrypoint":["/usr/local/bin/quarterdeck-worker"],"Env":["PATH=/usr/local/bin"],"User":"0:0"}"#,
            programs: &[stripped(worker()), parts.terraform.clone()],
            mirror: Some(said(Command::new(script("terraform.sh")).args(["provider", "build"])).into()),
        }
        .once()
    })
}

/// A shell and curl, for what is asked from within a pod.
pub(crate) fn prober() -> &'static Image {
    static IMAGE: OnceLock<Image> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let archive = said(Command::new(script("kubernetes.sh")).arg("prober"));
        Image::at(archive.into(), "quarterdeck.test/prober:1")
    })
}

impl Image {
    fn at(archive: PathBuf, tagged: &'static str) -> Image {
        let digest = said(Command::new(script("kubernetes.sh")).arg("digest").arg(&archive));
        Image { archive, digest, tagged }
    }

    /// Its name by digest, as a pod writes it.
    pub(crate) fn by_digest(&self) -> String {
        let (name, _tag) = self.tagged.split_once(':').expect("it is named by its tag");
        format!("{name}@{}", self.digest)
    }
}

impl Recipe<'_> {
    fn collect(&self) -> PathBuf {
        script("../../deploy/images").join(self.class).join("collect")
    }

    /// The image, unless it was made of just these files before.
    fn once(&self) -> Image {
        let folder = made_here().join(self.class);
        let (archive, known) = (folder.join("image.tar"), folder.join("made-of"));
        let made_of = self.made_of();
        if !fs::read_to_string(&known).is_ok_and(|known| known == made_of) {
            let _absent = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            self.lay_out(&folder.join("root"), "022");
            self.pack(&folder.join("root"), &archive);
            // Last, so that it says of the archive that it is whole.
            fs::write(known, made_of).unwrap();
        }
        Image::at(archive, self.tagged)
    }

    fn made_of(&self) -> String {
        let mut sums = Command::new("sha256sum");
        sums.args(self.programs).args([script("lib.sh"), script("../../deploy/images/lib.sh"), self.collect()]);
        if let Some(mirror) = &self.mirror {
            sums.args(said(Command::new("find").arg(mirror).args(["-type", "f"])).lines());
        }
        format!("{} {}\n{}", self.tagged, self.config, said(&mut sums))
    }

    /// Its root, which is not there yet.
    fn lay_out(&self, root: &Path, umask: &str) {
        let mut collect = Command::new("sh");
        collect.args(["-c", "umask $0 && exec \"$@\"", umask]).arg(self.collect());
        said(collect.args(self.programs).arg(root).args(&self.mirror));
    }

    fn pack(&self, root: &Path, archive: &Path) {
        let mut pack = Command::new(script("kubernetes.sh"));
        said(pack.arg("pack").arg(root).arg(archive).args([self.config, self.tagged]));
        fs::remove_dir_all(root).unwrap();
    }
}

fn made_here() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("images")
}

/// A copy without what a debugger wants.
fn stripped(program: &Path) -> PathBuf {
    fs::create_dir_all(made_here()).unwrap();
    let to = made_here().join(program.file_name().expect("it is a file"));
    said(Command::new("strip").arg("-o").arg(&to).arg(program));
    to
}

#[test]
fn two_builds_of_an_image_have_one_digest_and_another_byte_makes_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::copy("/bin/true", path("program")).unwrap();
    // What is linked against something has to stay what it is; only its last byte is another.
    fs::copy("/bin/true", path("other")).unwrap();
    let bytes = [fs::read("/bin/true").unwrap(), b"!".to_vec()].concat();
    fs::write(path("other"), bytes).unwrap();
    let provider = path("mirror").join("example.org/a/b/1.0.0/linux_amd64/terraform-provider-b_v1.0.0");
    fs::create_dir_all(provider.parent().expect("it has folders")).unwrap();
    fs::write(provider, "nobody runs it").unwrap();

    for (class, count, mirror) in [("host", 1, None), ("builder", 2, None), ("builder", 2, Some(path("mirror")))] {
        let build = |name: &str, program: &str, umask: &str, hands: &[&str]| {
            let programs = vec![path(program); count];
            let recipe =
                Recipe { class, tagged: "example:1", config: "{}", programs: &programs, mirror: mirror.clone() };
            let (root, archive) = (path(name), path(name).with_extension("tar"));
            recipe.lay_out(&root, umask);
            said(Command::new("find").arg(&root).args(hands));
            recipe.pack(&root, &archive);
            let bytes = fs::read(&archive).unwrap();
            (Image::at(archive, "example:1").digest, bytes)
        };
        let first = build("first", "program", "022", &[]);
        // On another day, by somebody else, whose files are not for others.
        let hands = "-exec touch -h -d @86400 {} + -exec chown -h 1000:1000 {} +".split(' ').collect::<Vec<_>>();
        let again = build("again", "program", "077", &hands);
        assert_eq!(first.0, again.0, "{class}");
        assert!(first.1 == again.1, "{class}: the archives differ, though the images do not");
        assert_ne!(first.0, build("third", "other", "022", &[]).0, "{class}");
    }
}
