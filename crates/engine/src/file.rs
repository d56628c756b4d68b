//! Files that are read whole, without waiting for anybody.
//!
//! A writer of a directory may also put a pipe there, on which a reader waits without end, or a device
//! that never ends. Only regular files are read, and only up to a length.

use std::fs::{self, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

use crate::text::without_mark;

/// The greatest length of a text that people write: policies, a schema, a route table, a suite.
pub const LONGEST_TEXT: u64 = 16 << 20;

/// Reads a regular file of at most `longest` bytes.
///
/// # Errors
/// Another thing than a regular file, a longer one, or one that cannot be read.
pub fn read_file(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    // To open a device can have an effect, so it is looked at first.
    require_regular(&fs::metadata(path)?)?;
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    // Another thing may have taken its place.
    let found = file.metadata()?;
    require_regular(&found)?;
    let mut bytes = Vec::new();
    if found.len() <= longest {
        file.take(longest.saturating_add(1))
            .read_to_end(&mut bytes)?;
    }
    if found.len() > longest || bytes.len() as u64 > longest {
        let text = format!("it is longer than {longest} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

/// Reads a text that people write, without its byte order mark.
///
/// # Errors
/// As [`read_file`], and a file that is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read_file(path, LONGEST_TEXT)?;
    let refused = |text| io::Error::new(io::ErrorKind::InvalidData, text);
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(refused("it is UTF-16, and UTF-8 is wanted"));
    }
    let text = std::str::from_utf8(without_mark(&bytes)).map_err(|_| refused("it is not UTF-8"))?;
    Ok(text.to_owned())
}

/// The word for a thing that is no regular file.
#[must_use]
pub fn kind_of(found: FileType) -> &'static str {
    if found.is_dir() {
        "a directory"
    } else if found.is_fifo() {
        "a pipe"
    } else if found.is_socket() {
        "a socket"
    } else if found.is_block_device() || found.is_char_device() {
        "a device"
    } else {
        "no regular file"
    }
}

fn require_regular(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let text = format!("it is {}, and no file", kind_of(found.file_type()));
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}
