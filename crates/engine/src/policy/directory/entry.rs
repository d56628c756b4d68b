//! The entries of a policy directory in the file system.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use super::json;
use super::name::NameKind;
use crate::file::{kind_of, read_text};

/// Directories inside directories that are looked through.
const DEEPEST: usize = 16;

/// A directory that file systems make of themselves, which only the system can read.
const LOST_AND_FOUND: &str = "lost+found";

/// An entry of a policy directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Where it is.
    pub path: PathBuf,
    /// The kind of thing that it is.
    pub kind: EntryKind,
}

/// The kind of thing that an entry is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory, and the name of the first policy file in it, if it holds any.
    Directory(Option<String>),
    /// Anything else, or one of which the kind cannot be found out: the reason why it cannot be
    /// used.
    Unusable(String),
}

impl Entry {
    /// The entry of a `directory` at a path.
    pub(super) fn at(path: PathBuf, directory: &Path) -> Self {
        let kind = match NameKind::of(&path) {
            // Nothing hidden is touched.
            NameKind::Hidden => EntryKind::File,
            _ => EntryKind::of(&path, directory)
                .unwrap_or_else(|error| EntryKind::Unusable(error.to_string())),
        };
        Self { path, kind }
    }
}

impl EntryKind {
    fn of(path: &Path, directory: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        if found.is_file() {
            return Ok(Self::File);
        }
        if !found.is_dir() {
            let kind = kind_of(found.file_type());
            return Ok(Self::Unusable(format!("it is {kind}, and no file")));
        }
        if path.file_name().is_some_and(|name| name == LOST_AND_FOUND) {
            return Ok(Self::Directory(None));
        }
        if is_loop(path, directory)? {
            let text = "it is a link to a directory that it lies in";
            return Ok(Self::Unusable(text.to_owned()));
        }
        if NameKind::of(path) == NameKind::Beside {
            return Ok(Self::Directory(None));
        }
        Ok(Self::Directory(first_policy(path, DEEPEST)?))
    }
}

fn is_loop(path: &Path, directory: &Path) -> io::Result<bool> {
    Ok(fs::canonicalize(directory)?.starts_with(fs::canonicalize(path)?))
}

/// True if a file in JSON holds policies, or may hold some.
fn holds_policies(path: &Path) -> bool {
    let Ok(text) = read_text(path) else {
        return false;
    };
    !matches!(json::kind_of(&text), Ok(json::JsonKind::Other))
}

/// The first policy file in a directory and those inside it. Links are not followed.
fn first_policy(directory: &Path, deepest: usize) -> io::Result<Option<String>> {
    let entries = fs::read_dir(directory)?;
    let mut entries: Vec<DirEntry> = entries.collect::<io::Result<_>>()?;
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        match NameKind::of(&path) {
            NameKind::Policy | NameKind::Misspelt(_) => {
                return Ok(Some(entry.file_name().to_string_lossy().into_owned()));
            }
            NameKind::Json if holds_policies(&path) => {
                return Ok(Some(entry.file_name().to_string_lossy().into_owned()));
            }
            NameKind::Hidden => {}
            _ if !entry.file_type()?.is_dir() => {}
            _ if deepest == 0 => return Err(io::Error::other("it is too deep")),
            _ => {
                if let Some(found) = first_policy(&path, deepest - 1)? {
                    return Ok(Some(found));
                }
            }
        }
    }
    Ok(None)
}
