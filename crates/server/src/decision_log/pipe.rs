//! Writes that do not wait for whoever reads a pipe.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

/// A write to a full pipe fails with [`ErrorKind::WouldBlock`]: `O_NONBLOCK`; its number is the same on each architecture that this program is built for.
pub(super) const NONBLOCKING: i32 = 0o4000;

/// Standard output, not by `Stdout`, which buffers lines and does not report how much it has written.
///
/// # Errors
/// It is closed.
pub(super) fn stdout() -> io::Result<File> {
    let own: File = io::stdout().as_fd().try_clone_to_owned()?.into();
    if own.metadata()?.file_type().is_fifo() {
        // Opened once more, so that a write does not wait, and other programs with the same pipe still do.
        let again = OpenOptions::new()
            .write(true)
            .custom_flags(NONBLOCKING)
            .open("/proc/self/fd/1");
        if let Ok(again) = again {
            return Ok(again);
        }
    }
    Ok(own)
}

/// Returns the number of bytes that were written, at least 1.
///
/// # Errors
/// Those of the write, and [`ErrorKind::WriteZero`].
pub(super) fn write(mut file: &File, text: &[u8]) -> io::Result<usize> {
    loop {
        match file.write(text) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
