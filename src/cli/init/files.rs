//! The files that `init` writes: all of them, or none.

use std::fs::{self, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write as _};
use std::path::{Path, PathBuf};

/// Writes into a directory that is new or empty. What was written until a failure is removed again.
///
/// # Errors
/// A directory in which something is, and whatever `write` fails with.
pub(super) fn written<T, E: From<Error>>(
    directory: &Path,
    write: impl FnOnce(&mut WrittenFiles) -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    if let (Ok(target), false) = (fs::read_link(directory), directory.exists()) {
        let target = target.display();
        let text = format!("it is a link to `{target}`, which is not there");
        return Err(Error::new(ErrorKind::NotFound, text).into());
    }
    let mut files = WrittenFiles::default();
    let begun = files.begin(directory).map_err(E::from);
    let result = begun.and_then(|()| write(&mut files));
    if result.is_err() {
        files.take_back();
    }
    result
}

/// The files and directories that were made so far.
#[derive(Default)]
pub(super) struct WrittenFiles {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl WrittenFiles {
    fn begin(&mut self, directory: &Path) -> Result<()> {
        self.make_directory(directory)?;
        if fs::read_dir(directory)?.next().is_some() {
            let text = "it is not empty; a project is written into a new or empty directory";
            return Err(Error::new(ErrorKind::AlreadyExists, text));
        }
        Ok(())
    }

    /// How many files there are.
    pub(super) fn count(&self) -> usize {
        self.files.len()
    }

    /// Makes a directory, and those above it.
    pub(super) fn make_directory(&mut self, path: &Path) -> Result<()> {
        let above = path.ancestors();
        let missing = above.take_while(|it| !it.as_os_str().is_empty() && !it.exists());
        let missing: Vec<&Path> = missing.collect();
        for directory in missing.into_iter().rev() {
            match fs::create_dir(directory) {
                Ok(()) => self.directories.push(directory.to_owned()),
                // Of a path that leads back, as `new/..`.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && directory.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes a file that is not there yet.
    pub(super) fn write(&mut self, directory: &Path, name: &str, contents: &[u8]) -> Result<()> {
        let told = |error: Error| Error::new(error.kind(), format!("`{name}`: {error}"));
        self.write_at(&directory.join(name), contents).map_err(told)
    }

    fn write_at(&mut self, path: &Path, contents: &[u8]) -> Result<()> {
        if let Some(parent) = path.parent() {
            self.make_directory(parent)?;
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).open(path)?;
        self.files.push(path.to_owned());
        file.write_all(contents)
    }

    /// Removes all of it. A directory in which somebody else has put something stays.
    fn take_back(self) {
        for file in self.files {
            let _ = fs::remove_file(file);
        }
        for directory in self.directories.into_iter().rev() {
            let _ = fs::remove_dir(directory);
        }
    }
}
