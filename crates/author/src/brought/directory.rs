//! The files of a directory in which somebody keeps a set.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Directories inside directories that are read.
const DEEPEST: usize = 16;

/// The most files that are looked at.
const MOST: usize = 20_000;

/// Directories of packages and builds, which hold other people's files.
const OTHERS: [&str; 3] = ["node_modules", "target", "vendor"];

/// Files in the order of their paths, and what was left out.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) files: Vec<PathBuf>,
    pub(super) left_out: Vec<PathBuf>,
}

impl Files {
    /// The file, or the files of the directory and of those inside it. Hidden ones are no part of a set.
    pub(super) fn below(path: &Path) -> io::Result<Self> {
        let mut found = Self::default();
        match path.is_dir() {
            true => found.add(path, DEEPEST)?,
            false => found.files.push(path.to_owned()),
        }
        Ok(found)
    }

    fn add(&mut self, directory: &Path, deepest: usize) -> io::Result<()> {
        let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            // A link may lead to a directory that it lies in.
            if !path.is_dir() {
                self.files.push(path);
            } else if entry.file_type()?.is_symlink() || OTHERS.contains(&&*name) {
                self.left_out.push(path);
            } else if let Some(deepest) = deepest.checked_sub(1) {
                self.add(&path, deepest)?;
            } else {
                return Err(io::Error::other(format!("{DEEPEST} directories deep")));
            }
            if self.files.len() > MOST {
                return Err(io::Error::other(format!("it has more than {MOST} files")));
            }
        }
        Ok(())
    }
}
