//! What compiling made of a component, kept so that it need not be compiled again.
//!
//! An artifact is native code: whoever can have one loaded runs what he likes in this process. So there is one way into
//! it: the compiler that the host started itself, whose output the host wrote down before any of the guest had run
//! ([`upload`](super::upload)). What is read from a disk is believed no further than its checksum, and only on the engine,
//! the target and the limits that it was made for, of the component that it is said to be of. `trusted` is the one file
//! that hands the code to the engine. What is *not* here: where artifacts are kept, which is the catalog's.
//!
//! The file: eight bytes `QDCODE/1`, the length of the header in four bytes (the lowest first), the header in the
//! canonical encoding, the code, and the SHA-256 of all that.

mod trusted;

use std::path::PathBuf;

use quarterdeck_core::decision::Description;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::entry::SandboxIdentity;
use quarterdeck_core::upload::Profile;

use super::apart::Apart;
use super::child::Allowance;
use super::guest::detail;
use super::sandbox::{LoadError, Policy, Ready, Sandbox, Way};
use super::{limits, shape, structure};

/// Code is at most this large: four times the largest component. The most that was measured is 3.9 times (Rust, 28 KB);
/// large components have less (JavaScript 3.1, Python 1.9).
pub const CODE_BYTES_MAX: usize = 128 << 20;
/// The file around the code.
pub const ARTIFACT_BYTES_MAX: usize = CODE_BYTES_MAX + HEADER_BYTES_MAX + MAGIC.len() + 4 + CHECKSUM_BYTES;

const MAGIC: &[u8; 8] = b"QDCODE/1";
/// Two digests and some words.
const HEADER_BYTES_MAX: usize = 1 << 10;
const CHECKSUM_BYTES: usize = 32;

/// A component's native code, with what it is good for.
#[derive(Clone, PartialEq, Eq)]
pub struct Artifact {
    component: Digest,
    profile: Profile,
    sandbox: SandboxIdentity,
    code: Vec<u8>,
}

/// Where a policy decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// On a thread of the host: the quicker way.
    Thread,
    /// In a process without rights, which the host can kill: SIGKILL is the last deadline.
    Process {
        /// The program that is started for it: the host's own.
        program: PathBuf,
        /// What it may take; [`DECIDE`](super::child::DECIDE) unless there is a reason.
        allowance: Allowance,
    },
}

/// Why an artifact is not used. The component can be compiled again.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It is no artifact, or was changed since it was made.
    #[error("read the compiled policy: {0}")]
    Damaged(&'static str),
    /// It was made for another engine, machine or limits.
    #[error(
        "use the compiled policy: it was made by {engine} for {target} under other limits or another engine than these"
    )]
    Stale {
        /// The engine that made it.
        engine: String,
        /// What it was made for.
        target: String,
    },
    /// It is of another component.
    #[error("use the compiled policy: it is of the component {has}")]
    Other {
        /// The component that it is of.
        has: Digest,
    },
    /// The engine does not take it.
    #[error("use the compiled policy: {0}")]
    Engine(String),
    /// It does not fit the contract, although it once did.
    #[error("use the compiled policy")]
    Load(#[source] LoadError),
    /// The process that it was to decide in did not come up.
    #[error("start a process for the policy to decide in: {0}")]
    Child(String),
}

impl Artifact {
    /// What the compiler of this host just made of the component with that digest.
    pub(super) fn made(component: Digest, profile: Profile, code: Vec<u8>) -> Artifact {
        Artifact { component, profile, sandbox: limits::identity(), code }
    }

    /// The digest of the component that it was compiled from.
    pub fn component(&self) -> Digest {
        self.component
    }

    /// What the component may import.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// How many bytes of code it has.
    pub fn code_bytes(&self) -> usize {
        self.code.len()
    }

    /// The artifact as a file.
    pub fn encode(&self) -> Vec<u8> {
        let header = encoding::encode(&(self.component, self.profile, &self.sandbox));
        let length = u32::try_from(header.len()).expect("a header is two digests and some words");
        let mut file = Vec::with_capacity(MAGIC.len() + 4 + header.len() + self.code.len() + CHECKSUM_BYTES);
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(&header);
        file.extend_from_slice(&self.code);
        let checksum = Digest::of(&file);
        file.extend_from_slice(checksum.as_bytes());
        file
    }

    /// Reads the file of an artifact and proves its checksum.
    ///
    /// # Errors
    /// Where it is no such file, or not as it was written.
    pub fn decode(file: &[u8]) -> Result<Artifact, ArtifactError> {
        let damaged = ArtifactError::Damaged;
        if file.len() > ARTIFACT_BYTES_MAX {
            return Err(damaged("it is larger than one may be"));
        }
        let (body, checksum) = file.split_last_chunk::<CHECKSUM_BYTES>().ok_or(damaged("it ends too early"))?;
        let body_of_ours = body.strip_prefix(MAGIC).ok_or(damaged("it is no compiled policy of this version"))?;
        if Digest::of(body).as_bytes() != checksum {
            return Err(damaged("its checksum is not that of its bytes"));
        }
        let (length, rest) = body_of_ours.split_first_chunk::<4>().ok_or(damaged("it ends too early"))?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|length| *length <= HEADER_BYTES_MAX);
        let parts = length.and_then(|length| rest.split_at_checked(length));
        let (header, code) = parts.ok_or(damaged("its header does not fit"))?;
        let (component, profile, sandbox) =
            encoding::decode(header).map_err(|_| damaged("its header can't be read"))?;
        Ok(Artifact { component, profile, sandbox, code: code.to_vec() })
    }

    /// Whether it may be loaded here as that component.
    fn fits(&self, component: Digest) -> Result<(), ArtifactError> {
        if self.sandbox != limits::identity() {
            let SandboxIdentity { engine, target, .. } = self.sandbox.clone();
            return Err(ArtifactError::Stale { engine, target });
        }
        if self.component != component {
            return Err(ArtifactError::Other { has: self.component });
        }
        Ok(())
    }
}

impl Sandbox {
    /// Compiles a component right here: for one that is known to be good, such as the host's own. What a stranger brought
    /// goes through [`upload`](super::upload).
    ///
    /// # Errors
    /// Where the bytes are no component, exceed a limit or differ from the contract.
    pub fn compiled(&self, bytes: &[u8]) -> Result<Artifact, LoadError> {
        let outside = structure::examine(bytes)?;
        let profile = shape::compare_names(&outside)?;
        let code = self.compile(bytes)?.serialize().map_err(|error| LoadError::Compile(detail(&error)))?;
        Ok(Artifact::made(Digest::of(bytes), profile, code))
    }

    /// Makes a policy of a component that was examined and compiled before, without compiling it or asking it anything.
    /// `description` is what it said of itself then.
    ///
    /// # Errors
    /// Where the artifact is of another component, engine, machine or limits, or its process does not come up.
    pub fn load_compiled(
        &self,
        artifact: &Artifact,
        component: Digest,
        description: Description,
        isolation: &Isolation,
    ) -> Result<Policy, ArtifactError> {
        artifact.fits(component)?;
        let way = match isolation {
            Isolation::Thread => Way::Here(self.ready(artifact)?),
            Isolation::Process { program, allowance } => {
                let apart = Apart::start(program.clone(), *allowance, artifact.encode(), self.counter().clone());
                Way::Apart(apart.map_err(ArtifactError::Child)?)
            }
        };
        Ok(Policy::of(component, artifact.profile, description, way))
    }

    /// Makes code that was proved to be ours, and of these settings, ready to be asked.
    pub(super) fn ready(&self, artifact: &Artifact) -> Result<Ready, ArtifactError> {
        let component = trusted::component(self.engine(), &artifact.code).map_err(ArtifactError::Engine)?;
        self.link(&component, artifact.profile).map_err(ArtifactError::Load)
    }
}
