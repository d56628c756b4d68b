//! Files that are read whole: never without a bound, and without waiting for anybody.
//!
//! A writer of a directory may also put a pipe there, on which a reader waits without end, or a device
//! that never ends. Where files are read again while the program runs, only regular ones are read.

mod seen;
mod stamp;

use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

use crate::text::without_mark;

pub use seen::SeenFile;
pub use stamp::FileStamp;

/// The greatest length of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// In bytes.
    pub bytes: u64,
    /// The setting that it comes from, if there is one.
    pub setting: Option<&'static str>,
}

/// The greatest length of a text that people write: policies, a schema, a route table, a suite, settings,
/// keys and certificates.
pub const LONGEST_TEXT: Length = Length {
    bytes: 16 << 20,
    setting: None,
};

/// Opens a regular file to read it.
///
/// # Errors
/// Another thing than a regular file, or one that cannot be opened.
pub fn open_file(path: &Path) -> io::Result<File> {
    // To open a device can have an effect, so it is looked at first.
    require_regular(&fs::metadata(path)?)?;
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    // Another thing may have taken its place.
    require_regular(&file.metadata()?)?;
    Ok(file)
}

/// Reads a regular file of at most that length.
///
/// # Errors
/// Another thing than a regular file, a longer one, or one that cannot be read.
pub fn read_file(path: &Path, longest: Length) -> io::Result<Vec<u8>> {
    let file = open_file(path)?;
    if file.metadata()?.len() > longest.bytes {
        return Err(too_long(longest));
    }
    read_stream(file, longest)
}

/// Reads a text that people write, without its byte order mark.
///
/// # Errors
/// As [`read_file`], and a file that is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    text(read_file(path, LONGEST_TEXT)?)
}

/// Reads a file that is read once, when the program starts. It may be a pipe, as shells make one of
/// `<(…)`, and is waited for.
///
/// # Errors
/// A file that is too long or cannot be read.
pub fn read_once(path: &Path) -> io::Result<Vec<u8>> {
    match fs::metadata(path)?.is_file() {
        true => read_file(path, LONGEST_TEXT),
        false => read_stream(File::open(path)?, LONGEST_TEXT),
    }
}

/// Reads a text as [`read_once`] does.
///
/// # Errors
/// As [`read_once`], and a file that is not UTF-8.
pub fn read_text_once(path: &Path) -> io::Result<String> {
    text(read_once(path)?)
}

/// Reads a stream to its end.
///
/// # Errors
/// One that is longer, or cannot be read.
pub fn read_stream(stream: impl Read, longest: Length) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream
        .take(longest.bytes.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 > longest.bytes {
        true => Err(too_long(longest)),
        false => Ok(bytes),
    }
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

/// Bytes as a text, without a byte order mark.
fn text(bytes: Vec<u8>) -> io::Result<String> {
    let refused = |text| io::Error::new(ErrorKind::InvalidData, text);
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(refused("it is UTF-16, and UTF-8 is wanted"));
    }
    let text = std::str::from_utf8(without_mark(&bytes)).map_err(|_| refused("it is not UTF-8"))?;
    Ok(text.to_owned())
}

fn too_long(longest: Length) -> io::Error {
    let bytes = longest.bytes;
    let text = match longest.setting {
        Some(setting) => format!("it is longer than {bytes} bytes; see the setting `{setting}`"),
        None => format!("it is longer than {bytes} bytes"),
    };
    io::Error::new(ErrorKind::FileTooLarge, text)
}

fn require_regular(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let text = format!("it is {}, and no file", kind_of(found.file_type()));
    Err(io::Error::new(ErrorKind::InvalidInput, text))
}
