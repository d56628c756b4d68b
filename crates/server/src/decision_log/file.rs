//! A file of lines that is rotated and opened again.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::batch::LineBatch;
use super::pipe::{NONBLOCKING, write};

/// A file that is appended to.
pub(super) struct LogFile {
    path: PathBuf,
    /// The size at which a new file is begun, in bytes; 0 is never.
    rotate_bytes: u64,
    keep: usize,
    open: Option<OpenFile>,
    /// The size at which a rotation is tried, in bytes: more than `rotate_bytes` after a failure.
    limit: u64,
    /// True if the last rotation failed, which is logged once.
    is_stuck: bool,
    /// Renames a file.
    rename: fn(&Path, &Path) -> io::Result<()>,
}

struct OpenFile {
    file: File,
    /// The identity of the file: device and number.
    identity: (u64, u64),
    size: u64,
    /// Pipes and devices are not rotated.
    is_regular: bool,
}

impl LogFile {
    /// Opens the file, so that a fault is known at the start.
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

    /// Writes lines. If it fails, the batch knows how much is written, and the rest can be tried again.
    pub(super) fn write(&mut self, batch: &mut LineBatch) -> io::Result<()> {
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

    /// Opens the file again if its name has become that of another file.
    fn find(&mut self, batch: &mut LineBatch) -> io::Result<()> {
        let there = match std::fs::metadata(&self.path) {
            Ok(there) => Some(there),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if let (Some(open), Some(there)) = (&mut self.open, &there)
            && open.identity == identity(there)
        {
            // Somebody has emptied it: the part of a line that was written is gone.
            let is_cut = open.is_regular && there.len() < open.size;
            if !is_cut {
                return Ok(());
            }
        }
        // The new file gets the whole line, even if a part of it is in the old one.
        batch.rewind();
        self.reopen()
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.open = None;
        self.limit = self.rotate_bytes;
        self.open = Some(OpenFile::at(&self.path)?);
        Ok(())
    }

    /// Returns true if a line of this length should begin another file.
    fn is_full(&self, line: usize) -> bool {
        let line = u64::try_from(line).unwrap_or(u64::MAX);
        let full = |open: &OpenFile| {
            open.is_regular && open.size > 0 && open.size.saturating_add(line) > self.limit
        };
        self.rotate_bytes > 0 && self.open.as_ref().is_some_and(full)
    }

    /// The number of bytes until a line should begin another file.
    fn room(&self) -> usize {
        match &self.open {
            Some(open) if self.rotate_bytes > 0 && open.is_regular => {
                let room = self.limit.saturating_sub(open.size);
                usize::try_from(room).unwrap_or(usize::MAX)
            }
            _ => usize::MAX,
        }
    }

    /// Begins a new file. If the old one cannot be renamed, it is continued.
    fn rotate(&mut self) -> io::Result<()> {
        if let Err(error) = self.give_up() {
            self.stuck(&error);
            return Ok(());
        }
        self.is_stuck = false;
        self.reopen()
    }

    /// Logs the failure once, and lets the file grow by `rotate_bytes` before the next attempt.
    fn stuck(&mut self, error: &io::Error) {
        if !self.is_stuck {
            let path = self.path.display();
            tracing::error!(%path, %error, "the decision log cannot be rotated, it grows on");
        }
        self.is_stuck = true;
        let size = self.open.as_ref().map_or(0, |open| open.size);
        self.limit = size.saturating_add(self.rotate_bytes);
    }

    /// INVARIANT: older files are not moved before the file itself has left its name. Otherwise a
    /// file that cannot be renamed would push out all older ones.
    fn give_up(&self) -> io::Result<()> {
        // Beside the file itself, even if its name is a link.
        let real = std::fs::canonicalize(&self.path)?;
        self.take_in(&real)?;
        let aside = aside(&real);
        (self.rename)(&real, &aside)?;
        self.take_in(&real).inspect_err(|_| {
            // The file is continued under its name; if that fails too, it is taken in later.
            let _ = (self.rename)(&aside, &real);
        })
    }

    /// Takes in the file that was set aside, even by a rotation that was interrupted.
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

    /// Makes room for the newest file: each older file moves by one, up to the first free number,
    /// so that a second attempt moves nothing twice.
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

/// The name of a file between its own name and the first number.
pub(super) fn aside(path: &Path) -> PathBuf {
    ending(path, "rotating")
}

pub(super) fn numbered(path: &Path, number: usize) -> PathBuf {
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
        // Also for reading: to see its end, and to open a pipe that nobody reads yet.
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        // The reader of a pipe may have stopped: a write does not wait for it.
        let is_pipe = std::fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo());
        if is_pipe {
            options.custom_flags(NONBLOCKING);
        }
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        let mut size = metadata.len();
        if metadata.is_file() && size > 0 {
            let mut last = [0];
            file.read_exact_at(&mut last, size - 1)?;
            // A line that was begun before a crash, or before the disk was full, spoils no other
            // line.
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

pub(super) fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests;
