//! How host and child talk: frames over a pipe, each a kind, a length and that many bytes.
//!
//! The host reads from a process that a stranger's code may have taken over, so no length is believed further than its
//! limit, and memory is taken for what has arrived and not for what was announced.

use std::io::{self, Read, Write};

/// A frame that tells something: a description, or an answer with its decision, its memo and its log. The boundary lets
/// no decision through that is larger than what a guest may make the host copy, and escapes are cut away again.
pub(in crate::decide) const TOLD_BYTES_MAX: usize = 8 << 20;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decide) enum Kind {
    /// A value in the canonical encoding.
    Told = 0,
    /// A file's bytes: a component, native code, a situation.
    Bytes = 1,
}

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub(in crate::decide) enum FrameError {
    #[error("the pipe is closed")]
    Closed,
    #[error("read from the pipe: {0}")]
    Read(io::Error),
    #[error("a frame of the kind {0}")]
    Kind(u8),
    #[error("a frame of {0} bytes")]
    TooLarge(u32),
}

/// Writes a frame.
pub(in crate::decide) fn write(to: &mut impl Write, kind: Kind, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(|_| io::Error::other("a frame of more than 4 GiB"))?;
    let [a, b, c, d] = length.to_le_bytes();
    to.write_all(&[kind as u8, a, b, c, d])?;
    to.write_all(body)?;
    to.flush()
}

/// Reads a frame whose bytes, where it has any, are no more than `bytes_max`.
pub(in crate::decide) fn read(from: &mut impl Read, bytes_max: usize) -> Result<(Kind, Vec<u8>), FrameError> {
    let mut head = [0; 5];
    from.read_exact(&mut head).map_err(closed)?;
    let [kind, length @ ..] = head;
    let (kind, most) = match kind {
        0 => (Kind::Told, TOLD_BYTES_MAX),
        1 => (Kind::Bytes, bytes_max),
        other => return Err(FrameError::Kind(other)),
    };
    let announced = u32::from_le_bytes(length);
    let length = usize::try_from(announced).ok().filter(|length| *length <= most);
    let length = length.ok_or(FrameError::TooLarge(announced))?;
    let mut body = Vec::new();
    let arrived = from.take(length as u64).read_to_end(&mut body).map_err(closed)?;
    if arrived < length { Err(FrameError::Closed) } else { Ok((kind, body)) }
}

fn closed(error: io::Error) -> FrameError {
    if error.kind() == io::ErrorKind::UnexpectedEof { FrameError::Closed } else { FrameError::Read(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut pipe = Vec::new();
        write(&mut pipe, Kind::Told, b"one").unwrap();
        write(&mut pipe, Kind::Bytes, b"").unwrap();
        let mut pipe = &pipe[..];
        assert_eq!(read(&mut pipe, 0).unwrap(), (Kind::Told, b"one".to_vec()));
        assert_eq!(read(&mut pipe, 0).unwrap(), (Kind::Bytes, vec![]));
        assert!(matches!(read(&mut pipe, 0), Err(FrameError::Closed)));
    }

    #[test]
    fn no_length_is_believed() {
        let read = |head: &[u8], most| read(&mut &*head, most).expect_err("it is no frame");
        assert!(matches!(read(&[0, 0xff, 0xff, 0xff, 0xff], 0), FrameError::TooLarge(u32::MAX)));
        assert!(matches!(read(&[1, 4, 0, 0, 0, 1, 2, 3, 4], 3), FrameError::TooLarge(4)));
        assert!(matches!(read(&[1, 4, 0, 0, 0, 1, 2, 3], 4), FrameError::Closed));
        assert!(matches!(read(&[7, 0, 0, 0, 0], 4), FrameError::Kind(7)));
        assert!(matches!(read(&[0, 0], 4), FrameError::Closed));
    }
}
