//! Where lines go: a file that is rotated and found again, or standard output.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Lines that are written together. What is written of them is never written again.
#[derive(Debug, Default)]
pub(super) struct LineBatch {
    pub(super) text: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
    /// Lines that are written.
    lines: usize,
    /// Bytes that are written.
    done: usize,
}

impl LineBatch {
    /// That what was added to the text is a line.
    pub(super) fn end_line(&mut self) {
        self.ends.push(self.text.len());
    }

    pub(super) fn written(&self) -> usize {
        self.lines
    }

    /// Where the line begins that is written next, or goes on.
    fn start(&self) -> usize {
        let before = self.lines.checked_sub(1);
        before
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or(0)
    }

    fn is_mid_line(&self) -> bool {
        self.done > self.start()
    }

    /// The rest of the line, and those behind it as long as `room` is enough for all.
    fn next(&self, room: usize) -> &[u8] {
        let ends = self.ends.get(self.lines..).unwrap_or_default();
        let fitting = ends.iter().take_while(|end| **end - self.done <= room);
        let end = fitting.last().or(ends.first()).copied();
        self.text
            .get(self.done..end.unwrap_or(self.done))
            .unwrap_or_default()
    }

    fn advance(&mut self, bytes: usize) {
        self.done += bytes;
        while self
            .ends
            .get(self.lines)
            .is_some_and(|end| *end <= self.done)
        {
            self.lines += 1;
        }
    }

    /// Begins the line anew, in another file.
    fn rewind(&mut self) {
        self.done = self.start();
    }
}

/// Where lines go.
pub(super) enum LogSink {
    Stdout(File),
    File(LogFile),
}

impl LogSink {
    pub(super) fn stdout() -> io::Result<Self> {
        // Not by `Stdout`, which keeps lines back and does not say how much it has written.
        let stdout = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self::Stdout(stdout.into()))
    }

    /// Writes lines. Where it fails, what is written is known to the batch, and the rest can be
    /// tried again.
    pub(super) fn write(&mut self, batch: &mut LineBatch) -> io::Result<()> {
        match self {
            Self::Stdout(file) => loop {
                match batch.next(usize::MAX) {
                    [] => return Ok(()),
                    text => {
                        let written = write(file, text)?;
                        batch.advance(written);
                    }
                }
            },
            Self::File(file) => file.write(batch),
        }
    }
}

/// How much was written, at least something.
fn write(mut file: &File, text: &[u8]) -> io::Result<usize> {
    loop {
        match file.write(text) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// A file that is appended to.
pub(super) struct LogFile {
    path: PathBuf,
    /// From how many bytes on a new one is begun; 0 is never.
    rotate_bytes: u64,
    keep: usize,
    open: Option<OpenFile>,
    /// From how many bytes on a rotation is tried: more than `rotate_bytes` after one that failed.
    limit: u64,
    /// Whether the last rotation failed, which is said once.
    is_stuck: bool,
    /// How a file gets another name.
    rename: fn(&Path, &Path) -> io::Result<()>,
}

struct OpenFile {
    file: File,
    /// Which file it is, by device and number.
    identity: (u64, u64),
    size: u64,
    /// Pipes and devices are not rotated.
    is_regular: bool,
}

impl LogFile {
    /// Opens it, so that a fault is known at the start.
    pub(super) fn open(path: &Path, rotate_bytes: u64, keep: usize) -> io::Result<Self> {
        let mut file = Self {
            path: path.to_owned(),
            rotate_bytes,
            keep,
            open: Some(OpenFile::at(path)?),
            limit: rotate_bytes,
            is_stuck: false,
            rename: |from, to| std::fs::rename(from, to),
        };
        let is_regular = file.open.as_ref().is_some_and(|open| open.is_regular);
        if rotate_bytes > 0 && is_regular {
            let real = std::fs::canonicalize(path)?;
            if let Err(error) = file.take_in(&real) {
                file.stuck(&error);
            }
        }
        Ok(file)
    }

    fn write(&mut self, batch: &mut LineBatch) -> io::Result<()> {
        self.find(batch)?;
        loop {
            let next = match batch.next(0) {
                [] => return Ok(()),
                next => next.len(),
            };
            if !batch.is_mid_line() && self.is_full(next) {
                self.rotate()?;
            }
            let room = self.room();
            let Some(open) = &mut self.open else {
                return Err(ErrorKind::NotFound.into());
            };
            let written = write(&open.file, batch.next(room))?;
            open.size += u64::try_from(written).unwrap_or(u64::MAX);
            batch.advance(written);
        }
    }

    /// Opens the file anew if it is not the one of that name any more.
    fn find(&mut self, batch: &mut LineBatch) -> io::Result<()> {
        let there = match std::fs::metadata(&self.path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if let (Some(open), Some(there)) = (&mut self.open, &there)
            && open.identity == identity(there)
        {
            // Somebody has emptied it: what was written of a line is gone.
            let is_cut = open.is_regular && there.len() < open.size;
            if !is_cut {
                return Ok(());
            }
        }
        // The line is written whole into the new one, also where a part of it is in the old.
        batch.rewind();
        self.reopen()
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.open = None;
        self.limit = self.rotate_bytes;
        self.open = Some(OpenFile::at(&self.path)?);
        Ok(())
    }

    /// Whether a line of that length should begin another file.
    fn is_full(&self, line: usize) -> bool {
        let line = u64::try_from(line).unwrap_or(u64::MAX);
        let full = |open: &OpenFile| {
            open.is_regular && open.size > 0 && open.size.saturating_add(line) > self.limit
        };
        self.rotate_bytes > 0 && self.open.as_ref().is_some_and(full)
    }

    /// Bytes until a line should begin another file.
    fn room(&self) -> usize {
        match &self.open {
            Some(open) if self.rotate_bytes > 0 && open.is_regular => {
                let room = self.limit.saturating_sub(open.size);
                usize::try_from(room).unwrap_or(usize::MAX)
            }
            _ => usize::MAX,
        }
    }

    /// Gives the file up for a new one. Where it cannot be renamed it is written on.
    fn rotate(&mut self) -> io::Result<()> {
        if let Err(error) = self.give_up() {
            self.stuck(&error);
            return Ok(());
        }
        self.is_stuck = false;
        self.reopen()
    }

    /// Says it once, and lets the file grow by as much again before the next attempt.
    fn stuck(&mut self, error: &io::Error) {
        if !self.is_stuck {
            let path = self.path.display();
            tracing::error!(%path, %error, "the decision log cannot be rotated, it grows on");
        }
        self.is_stuck = true;
        let size = self.open.as_ref().map_or(0, |open| open.size);
        self.limit = size.saturating_add(self.rotate_bytes);
    }

    /// INVARIANT: nothing that is kept is moved before the file itself has left its name. Else one
    /// that cannot be renamed would push out all that is kept.
    fn give_up(&self) -> io::Result<()> {
        // Beside the file itself, also where the name is a link to it.
        let real = std::fs::canonicalize(&self.path)?;
        self.take_in(&real)?;
        let aside = aside(&real);
        (self.rename)(&real, &aside)?;
        self.take_in(&real).inspect_err(|_| {
            // It is written on by its name; where that fails too, it is taken in later.
            let _ = (self.rename)(&aside, &real);
        })
    }

    /// Keeps what was set aside, also by a rotation that did not come to its end.
    fn take_in(&self, real: &Path) -> io::Result<()> {
        let aside = aside(real);
        match std::fs::symlink_metadata(&aside) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
            Ok(found) if !found.is_file() => return Err(ErrorKind::AlreadyExists.into()),
            Ok(_) => {}
        }
        self.shift(real)?;
        (self.rename)(&aside, &numbered(real, 1))
    }

    /// Makes room for the newest: each goes one further, up to the first number that is free, so
    /// that an attempt after one that failed moves nothing twice.
    fn shift(&self, real: &Path) -> io::Result<()> {
        let mut free = 1;
        while free < self.keep && numbered(real, free).symlink_metadata().is_ok() {
            free += 1;
        }
        for number in (1..free).rev() {
            (self.rename)(&numbered(real, number), &numbered(real, number + 1))?;
        }
        Ok(())
    }
}

/// What a file is called on its way from its name to the first number.
fn aside(path: &Path) -> PathBuf {
    ending(path, "rotating")
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    ending(path, &number.to_string())
}

fn ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

impl OpenFile {
    fn at(path: &Path) -> io::Result<Self> {
        // Read as well: of its end, and so that a pipe which nobody reads yet can be opened.
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).mode(0o600);
        let file = file.open(path)?;
        let metadata = file.metadata()?;
        let mut size = metadata.len();
        if metadata.is_file() && size > 0 {
            let mut last = [0];
            file.read_exact_at(&mut last, size - 1)?;
            // What was begun before a crash, or before the disk was full, spoils itself alone.
            if last != *b"\n" {
                write(&file, b"\n")?;
                size += 1;
            }
        }
        Ok(Self {
            file,
            identity: identity(&metadata),
            size,
            is_regular: metadata.is_file(),
        })
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests;
