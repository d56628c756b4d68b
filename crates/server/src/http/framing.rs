//! The places where the requests of a connection begin, as its bytes arrive.
//!
//! hyper cuts the fragment off a target, so that `/orgs/acme#x` would be decided as `/orgs/acme`. So
//! the line of each request is looked at before hyper gets it, also where several come at once or one
//! follows a body. hyper is handed one head at a time: the reader stops at the end of a head, and goes
//! on once hyper says how long the body is. The chunks of a body are followed by their sizes, in the
//! form that hyper takes; where a body has another one, the connection ends.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use memchr::memchr;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The bytes of a body that hyper passes over at once: it reads so many at least.
const PASSED_OVER: usize = 8 << 10;

/// The target of a request has a fragment. Such a request has this among its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct TargetFragment;

/// The part of a connection's bytes that comes next.
#[derive(Debug)]
pub(super) struct Framing {
    part: Part,
    has_fragment: bool,
    /// Bytes that have come and are not handed on yet.
    ahead: usize,
}

/// A request whose head was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadHead {
    /// Its target has a fragment.
    pub(super) has_fragment: bool,
    /// All of its body has come with it, and is so short that hyper passes over it where nobody reads it.
    pub(super) has_whole_body: bool,
}

/// Hands the bytes of a stream on, part by part.
#[derive(Debug)]
pub(super) struct FramedReader<S> {
    stream: S,
    framing: Arc<Mutex<Framing>>,
    /// Read from the stream, and behind the part in hand.
    waiting: BytesMut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Before a head, where empty lines may be.
    Between,
    /// The line of a request; true: behind its method.
    Line(bool),
    /// The fields; true: at the beginning of a line.
    Fields(bool),
    /// The head is whole, and hyper has not said what follows.
    Head,
    /// So many bytes of a body.
    Body(u64),
    /// A body in chunks.
    Chunks(Chunk),
}

/// A part of a body in chunks (RFC 9112, 7.1), with the size of the chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Start,
    Size(u64),
    Blank(u64),
    Extension(u64),
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// The beginning of a line behind the last chunk.
    LineStart,
    Trailer,
    TrailerLf,
    EndLf,
}

// === impl Framing ===

impl Framing {
    pub(super) fn new() -> Self {
        Self {
            part: Part::Between,
            has_fragment: false,
            ahead: 0,
        }
    }

    /// The head was read, and a body of this length follows; `None` is for one in chunks.
    pub(super) fn body_follows(&mut self, length: Option<u64>) -> ReadHead {
        self.part = match length {
            // hyper has read another head: whatever comes next is refused.
            _ if self.part != Part::Head => Part::Head,
            Some(0) => Part::Between,
            Some(length) => Part::Body(length),
            None => Part::Chunks(Chunk::Start),
        };
        let length = length.and_then(|length| usize::try_from(length).ok());
        ReadHead {
            has_fragment: std::mem::take(&mut self.has_fragment),
            has_whole_body: length.is_some_and(|length| length <= self.ahead.min(PASSED_OVER)),
        }
    }

    /// The number of these bytes that belong to the part in hand, which is at least one of any.
    fn follow(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            let (next, skipped) = self.step(*byte, after)?;
            rest = after.get(skipped..).unwrap_or_default();
            let ends = next != self.part && matches!(next, Part::Head | Part::Between);
            self.part = next;
            if ends {
                break;
            }
        }
        Ok(bytes.len() - rest.len())
    }

    /// The part after a byte, and how many of the bytes after it were passed over.
    fn step(&mut self, byte: u8, after: &[u8]) -> io::Result<(Part, usize)> {
        let next = match self.part {
            Part::Between if matches!(byte, b'\r' | b'\n') => Part::Between,
            Part::Between => Part::Line(false),
            Part::Line(_) if byte == b'\n' => Part::Fields(true),
            // As far as the line has come, at once.
            Part::Line(in_target) => {
                let end = memchr(b'\n', after).unwrap_or(after.len());
                let line = after.get(..end).unwrap_or_default();
                let target = match in_target || byte == b' ' {
                    true => Some(line),
                    false => memchr(b' ', line).and_then(|space| line.get(space..)),
                };
                let has_fragment = |target| memchr(b'#', target).is_some();
                self.has_fragment |=
                    (in_target && byte == b'#') || target.is_some_and(has_fragment);
                return Ok((Part::Line(target.is_some()), end));
            }
            Part::Fields(true) if byte == b'\n' => Part::Head,
            Part::Fields(true) if byte == b'\r' => Part::Fields(true),
            Part::Fields(_) if byte == b'\n' => Part::Fields(true),
            Part::Fields(_) => {
                let line = memchr(b'\n', after).unwrap_or(after.len());
                return Ok((Part::Fields(false), line));
            }
            Part::Head => return Err(malformed("a head goes on behind its end")),
            Part::Body(left) => {
                let (left, skipped) = passed_over(left, after);
                let next = if left == 0 {
                    Part::Between
                } else {
                    Part::Body(left)
                };
                return Ok((next, skipped));
            }
            Part::Chunks(Chunk::Data(left)) => {
                let (left, skipped) = passed_over(left, after);
                let next = if left == 0 {
                    Chunk::DataCr
                } else {
                    Chunk::Data(left)
                };
                return Ok((Part::Chunks(next), skipped));
            }
            Part::Chunks(chunk) => chunk.step(byte)?,
        };
        Ok((next, 0))
    }
}

/// Of so many bytes the first one is there: how many are left behind those that have come too, and how
/// many these are.
fn passed_over(left: u64, after: &[u8]) -> (u64, usize) {
    let others = left.saturating_sub(1);
    let skipped = usize::try_from(others).map_or(after.len(), |others| others.min(after.len()));
    (others.saturating_sub(skipped as u64), skipped)
}

// === impl Chunk ===

impl Chunk {
    /// The part after a byte that is no data.
    fn step(self, byte: u8) -> io::Result<Part> {
        let next = match (self, byte) {
            (Self::Start, _) => Self::Size(digit(0, byte)?),
            (Self::Size(size) | Self::Blank(size), b' ' | b'\t') => Self::Blank(size),
            (Self::Size(size) | Self::Blank(size), b';') => Self::Extension(size),
            (Self::Size(size) | Self::Blank(size) | Self::Extension(size), b'\r') => {
                Self::SizeLf(size)
            }
            (Self::Size(size), _) => Self::Size(digit(size, byte)?),
            (Self::Extension(size), byte) if byte != b'\n' => Self::Extension(size),
            (Self::SizeLf(0), b'\n') => Self::LineStart,
            (Self::SizeLf(size), b'\n') => Self::Data(size),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Start,
            (Self::LineStart, b'\r') => Self::EndLf,
            (Self::Trailer, b'\r') => Self::TrailerLf,
            (Self::LineStart | Self::Trailer, _) => Self::Trailer,
            (Self::TrailerLf, b'\n') => Self::LineStart,
            (Self::EndLf, b'\n') => return Ok(Part::Between),
            _ => return Err(malformed("a chunk has not the form of one")),
        };
        Ok(Part::Chunks(next))
    }
}

/// A size with one more digit.
fn digit(size: u64, byte: u8) -> io::Result<u64> {
    let digit = char::from(byte).to_digit(16).map(u64::from);
    let size = digit.and_then(|digit| size.checked_mul(16)?.checked_add(digit));
    size.ok_or_else(|| malformed("the size of a chunk is no number"))
}

fn malformed(problem: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, problem)
}

// === impl FramedReader ===

impl<S> FramedReader<S> {
    pub(super) fn new(stream: S, framing: Arc<Mutex<Framing>>) -> Self {
        let waiting = BytesMut::new();
        Self {
            stream,
            framing,
            waiting,
        }
    }

    /// The stream. What it has read ahead is lost.
    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// The number of these bytes that belong to the part in hand. Others have come too, `behind` them.
    fn follow(&self, bytes: &[u8], behind: usize) -> io::Result<usize> {
        let mut framing = self.framing.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = framing.follow(bytes)?;
        framing.ahead = (bytes.len() + behind).saturating_sub(taken);
        Ok(taken)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FramedReader<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.waiting.is_empty() {
            let fitting = this.waiting.len().min(buffer.remaining());
            let behind = this.waiting.len() - fitting;
            let taken = this.follow(this.waiting.get(..fitting).unwrap_or_default(), behind)?;
            buffer.put_slice(&this.waiting.split_to(taken));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        let taken = this.follow(read, 0)?;
        if let Some(behind @ [_, ..]) = read.get(taken..) {
            this.waiting.extend_from_slice(behind);
            buffer.set_filled(before + taken);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FramedReader<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
