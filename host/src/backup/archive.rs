//! The archive: a plain tar in the oldest common form (ustar), as any `tar` lists and unpacks it.
//!
//! Its first member says what it is a backup of, its last one lists every member before it with length and digest. Each
//! head is the one that we would write ourselves, the space between two members is zeros, and behind the end there is
//! nothing: so one changed byte is found wherever it is, and a stream that was cut has no end.
//!
//! What is read is bounded: names, lengths, the number of members, and the list of them by what came. A link, a folder, a
//! device, or a name that no backup has, is refused before anything of it is read. Nothing is compressed, so all that is
//! unpacked has no more bytes than what was read.

use std::io::{self, Read, Write};
use std::path::Path;

use quarterdeck_core::digest::Digest;
use serde::{Deserialize, Serialize};
use tar::{EntryType, Header as Head};

use super::table::{self, Kind};
use super::{BackupError, FORMAT, Header};

/// The first member.
pub(super) const FIRST: &str = "quarterdeck-backup.json";
/// The last member.
pub(super) const LAST: &str = "manifest.json";
/// Heads and members begin at multiples of this.
const BLOCK: usize = 512;
/// So many members at most. A plan leaves four blobs, and nothing else of a host grows like them: half a million are 340
/// plans a day for a year. Each takes some 220 bytes of memory until the end, and some 175 of the list: 110 and 90 MB.
const MEMBERS_MAX: usize = 500_000;
/// The first member has some 400 bytes.
const FIRST_BYTES_MAX: u64 = 4_096;
/// The list is refused unread where it is longer by this than the one of what came before it. What is shorter is compared,
/// to say in which member it differs.
const LAST_LONGER_BYTES_MAX: u64 = 64 << 10;

/// A file of a backup.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// What it is.
    pub(super) kind: Kind,
    /// Its path in the world's folder.
    pub(super) name: String,
    /// Its bytes. Some are secret, so nothing prints them.
    pub(super) bytes: Vec<u8>,
}

/// The last member.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest {
    members: Vec<Listed>,
}

/// A member as the last one lists it.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Listed {
    path: String,
    bytes: u64,
    digest: Digest,
}

impl Manifest {
    fn list(&mut self, path: &str, bytes: &[u8]) {
        let listed = Listed { path: path.to_owned(), bytes: bytes.len() as u64, digest: Digest::of(bytes) };
        self.members.push(listed);
    }

    /// Writes it as it goes: in memory it would be as large again as what it is made of.
    fn write(&self, out: impl Write) -> io::Result<()> {
        Ok(serde_json::to_writer(out, self)?)
    }

    /// How many bytes it has when it is written.
    fn length(&self) -> u64 {
        let mut length = Length(0);
        self.write(&mut length).expect("texts and numbers are JSON, and counting them can't fail");
        length.0
    }

    /// Whether these bytes are it.
    fn is(&self, bytes: &[u8]) -> bool {
        let mut rest = Rest(bytes);
        self.write(&mut rest).is_ok() && rest.0.is_empty()
    }
}

/// Counts what is written.
struct Length(u64);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is still to be written of bytes that are known; anything else can't be.
struct Rest<'a>(&'a [u8]);

impl Write for Rest<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes an archive.
pub(super) struct Packer<W> {
    out: W,
    seconds: u64,
    written: u64,
    manifest: Manifest,
}

impl<W: Write> Packer<W> {
    /// Begins it with its first member.
    pub(super) fn begin(out: W, header: &Header) -> io::Result<Packer<W>> {
        let seconds = header.at.0 / 1_000;
        let mut packer = Packer { out, seconds, written: 0, manifest: Manifest::default() };
        packer.add(FIRST, &first(header))?;
        Ok(packer)
    }

    /// Adds a member.
    pub(super) fn add(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if self.manifest.members.len() >= MEMBERS_MAX {
            return Err(io::Error::other(format!("a backup has at most {MEMBERS_MAX} members")));
        }
        self.manifest.list(name, bytes);
        self.write(name, bytes)
    }

    /// Ends it with its last member; how many bytes it has.
    pub(super) fn end(mut self) -> io::Result<(W, u64)> {
        let length = self.manifest.length();
        self.out.write_all(head(LAST, length, self.seconds)?.as_bytes())?;
        // The list is written a word at a time.
        let mut out = io::BufWriter::new(&mut self.out);
        self.manifest.write(&mut out)?;
        out.flush()?;
        drop(out);
        let end = [0; 3 * BLOCK];
        let end = &end[..padding(length) + 2 * BLOCK];
        self.out.write_all(end)?;
        self.out.flush()?;
        Ok((self.out, self.written + BLOCK as u64 + length + end.len() as u64))
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let padding = vec![0; padding(bytes.len() as u64)];
        for part in [head(name, bytes.len() as u64, self.seconds)?.as_bytes().as_slice(), bytes, &padding] {
            self.out.write_all(part)?;
            self.written += part.len() as u64;
        }
        Ok(())
    }
}

/// Reads an archive.
pub(super) struct Unpacker<R> {
    source: R,
    manifest: Manifest,
    /// The member before: where it stands and its name.
    before: Option<(u8, String)>,
}

impl<R: Read> Unpacker<R> {
    /// Reads the first member.
    pub(super) fn begin(source: R) -> Result<(Unpacker<R>, Header), BackupError> {
        let mut unpacker = Unpacker { source, manifest: Manifest::default(), before: None };
        let foreign = |problem: &str| BackupError::Foreign(problem.to_owned());
        let block = unpacker.block("before its first member")?;
        let head = Head::from_byte_slice(&block);
        if head.path_bytes().as_ref() != FIRST.as_bytes() {
            return Err(foreign(
                "it does not begin with the member quarterdeck-backup.json. Decrypt or unzip it first",
            ));
        }
        let (_, bytes) = unpacker.member(&block, &|_| Ok(FIRST_BYTES_MAX))?;
        // Another version may say other things of itself.
        #[derive(Deserialize)]
        struct Named {
            format: String,
            version: u32,
        }
        let named: Named = serde_json::from_slice(&bytes).map_err(|error| foreign(&format!("{FIRST}: {error}")))?;
        if named.format != FORMAT {
            return Err(foreign(&format!("its format is {:?}", named.format)));
        }
        if named.version != super::VERSION {
            return Err(BackupError::Version(named.version));
        }
        let header: Header = serde_json::from_slice(&bytes).map_err(|error| foreign(&format!("{FIRST}: {error}")))?;
        if first(&header) != bytes {
            return Err(BackupError::Member { name: FIRST.to_owned(), problem: "it was changed".to_owned() });
        }
        unpacker.manifest.list(FIRST, &bytes);
        Ok((unpacker, header))
    }

    /// The next member; none once the last one was read, and it lists exactly what came before it.
    pub(super) fn next(&mut self) -> Result<Option<Member>, BackupError> {
        let after = self.manifest.members.last().map(|member| member.path.clone()).unwrap_or_default();
        let block = self.block(&format!("after its member {after}"))?;
        if block.iter().all(|byte| *byte == 0) {
            return Err(BackupError::Cut(format!("after its member {after}: its list, {LAST}, is missing")));
        }
        // Only the list has need of its own length, which takes a walk through all of it.
        let list = Head::from_byte_slice(&block).path_bytes().as_ref() == LAST.as_bytes();
        let list = list.then(|| self.manifest.length() + LAST_LONGER_BYTES_MAX);
        let limit = |name: &str| match (table::kind(name), list) {
            (Some(kind), _) => Ok(kind.bytes_max()),
            (None, Some(bytes_max)) => Ok(bytes_max),
            (None, None) => Err("no backup has a member of this name".to_owned()),
        };
        let (name, bytes) = self.member(&block, &limit)?;
        let Some(kind) = table::kind(&name) else { return self.end(&bytes).map(|()| None) };
        let refused = |problem: &str| BackupError::Member { name: name.clone(), problem: problem.to_owned() };
        let place = (kind.rank(), name.clone());
        if self.before.as_ref() == Some(&place) {
            return Err(refused("it is there twice"));
        }
        if self.before.as_ref().is_some_and(|before| *before > place) {
            return Err(refused("it is not where a backup has it"));
        }
        if self.manifest.members.len() >= MEMBERS_MAX {
            return Err(refused(&format!("there are more than {MEMBERS_MAX} members")));
        }
        self.before = Some(place);
        self.manifest.list(&name, &bytes);
        Ok(Some(Member { kind, name, bytes }))
    }

    /// A member whose head this is.
    fn member(
        &mut self,
        block: &[u8; BLOCK],
        limit: &dyn Fn(&str) -> Result<u64, String>,
    ) -> Result<(String, Vec<u8>), BackupError> {
        let head = Head::from_byte_slice(block);
        let path = head.path_bytes();
        let name = String::from_utf8_lossy(&path).into_owned();
        let refused = |problem: String| BackupError::Member { name: name.clone(), problem };
        if head.entry_type() != EntryType::Regular {
            let kind = head.entry_type().as_byte();
            let problem = format!("it is no regular file (its type is {:?})", char::from(kind));
            return Err(refused(problem));
        }
        let bytes_max = limit(&name).map_err(refused)?;
        let length = head.size().map_err(|_| refused("its head has no length".to_owned()))?;
        if length > bytes_max {
            return Err(refused(format!(
                "it has {length} bytes by its head, more than the {bytes_max} that it may have"
            )));
        }
        let seconds = head.mtime().map_err(|_| refused("its head has no time".to_owned()))?;
        let ours = self::head(&name, length, seconds).is_ok_and(|ours| ours.as_bytes() == block);
        if !ours {
            return Err(refused("its head was changed".to_owned()));
        }
        let mut bytes = Vec::new();
        let cut = || BackupError::Cut(format!("within its member {name}"));
        let read = (&mut self.source).take(length).read_to_end(&mut bytes).map_err(broken)?;
        let mut space = vec![0; padding(length)];
        if read as u64 != length {
            return Err(cut());
        }
        self.source.read_exact(&mut space).map_err(|error| ended(error, cut))?;
        if space.iter().any(|byte| *byte != 0) {
            return Err(refused("something stands behind it".to_owned()));
        }
        Ok((name, bytes))
    }

    fn end(&mut self, manifest: &[u8]) -> Result<(), BackupError> {
        if !self.manifest.is(manifest) {
            return Err(BackupError::NotWhole(self.differs(manifest)));
        }
        for _ in 0..2 {
            let block = self.block(&format!("after its member {LAST}"))?;
            if block.iter().any(|byte| *byte != 0) {
                return Err(BackupError::NotWhole(format!("something stands behind its list, {LAST}")));
            }
        }
        match self.source.read(&mut [0]).map_err(broken)? {
            0 => Ok(()),
            _ => Err(BackupError::NotWhole("something stands behind its end".to_owned())),
        }
    }

    /// How the list differs from what is there.
    fn differs(&self, manifest: &[u8]) -> String {
        let Ok(said) = serde_json::from_slice::<Manifest>(manifest) else {
            return format!("its list, {LAST}, was changed");
        };
        let (there, listed) = (&self.manifest.members, &said.members);
        let other = there.iter().zip(listed).find(|(there, listed)| there != listed);
        match other {
            Some((there, _)) => format!("its member {} is not the one that was written", there.path),
            None if there.len() != listed.len() => {
                format!("it has {} members, and its list names {}", there.len(), listed.len())
            }
            None => format!("its list, {LAST}, was changed"),
        }
    }

    fn block(&mut self, place: &str) -> Result<[u8; BLOCK], BackupError> {
        let mut block = [0; BLOCK];
        self.source.read_exact(&mut block).map_err(|error| ended(error, || BackupError::Cut(place.to_owned())))?;
        Ok(block)
    }
}

fn first(header: &Header) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(header).expect("texts and numbers are JSON");
    bytes.push(b'\n');
    bytes
}

/// The head of a member, as we write it.
fn head(name: &str, length: u64, seconds: u64) -> io::Result<Head> {
    let mut head = Head::new_ustar();
    head.set_path(Path::new(name))?;
    head.set_entry_type(EntryType::Regular);
    head.set_mode(0o600);
    head.set_uid(0);
    head.set_gid(0);
    head.set_mtime(seconds);
    head.set_size(length);
    head.set_cksum();
    Ok(head)
}

/// So many zeros follow so many bytes.
fn padding(length: u64) -> usize {
    let over = usize::try_from(length % BLOCK as u64).expect("it is less than a block");
    (BLOCK - over) % BLOCK
}

fn broken(source: io::Error) -> BackupError {
    BackupError::Io { what: "read", path: "the backup".into(), source }
}

fn ended(error: io::Error, cut: impl FnOnce() -> BackupError) -> BackupError {
    if error.kind() == io::ErrorKind::UnexpectedEof { cut() } else { broken(error) }
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::ids::Timestamp;

    use super::super::{JournalHead, VERSION, World};
    use super::*;

    #[test]
    fn a_backup_has_no_more_members_than_one_may_have() {
        let journal = JournalHead { nonce: Digest::of(b"1"), records: 1, hash: Digest::of(b"2") };
        let (format, program) = (FORMAT.to_owned(), String::new());
        let (world, at, when) = (World::Real, Timestamp(0), String::new());
        let header = Header { format, version: VERSION, world, program, at, when, journal };
        let mut packer = Packer::begin(Vec::new(), &header).expect("it is begun");
        for _ in packer.manifest.members.len()..MEMBERS_MAX - 1 {
            packer.manifest.list("blobs/00", b"");
        }
        packer.add("blobs/01", b"").expect("the last one");
        let refused = packer.add("blobs/02", b"").expect_err("one more");
        assert_eq!(refused.to_string(), "a backup has at most 500000 members");
    }

    #[test]
    fn a_list_is_itself_and_nothing_shorter_longer_or_other() {
        let mut manifest = Manifest::default();
        manifest.list("key", b"key");
        let mut bytes = Vec::new();
        manifest.write(&mut bytes).expect("it is written");
        assert!(manifest.is(&bytes) && manifest.length() == bytes.len() as u64);
        assert!(!manifest.is(&bytes[..bytes.len() - 1]) && !manifest.is(&[]));
        assert!(!manifest.is(&[&bytes[..], b" "].concat()));
        bytes[12] ^= 1;
        assert!(!manifest.is(&bytes));
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
