//! A file that is written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Error, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, OFlags, linkat};
use tempfile::{Builder, NamedTempFile};

use super::output::standard_output;

/// The target of a command: a file, or standard output.
pub(super) struct WholeFile {
    to: BufWriter<Box<dyn Write + Send>>,
    /// The file that is to be in the place of the target, and the name that it is to have.
    next: Option<(NextFile, PathBuf)>,
}

/// A file on its way to its name.
enum NextFile {
    /// It has no name yet: nothing is left of it, not even if the program is killed.
    Nameless(File),
    /// It lies beside the target, where the file system knows no files without names.
    Named(NamedTempFile),
}

impl WholeFile {
    /// Begins to write; `-` is standard output. What is no regular file, as a pipe, is written into.
    ///
    /// # Errors
    /// A directory that cannot be written.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let (to, next): (Box<dyn Write + Send>, _) = if path.as_os_str() == "-" {
            (Box::new(standard_output()), None)
        } else if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            (
                Box::new(fs::OpenOptions::new().write(true).open(path)?),
                None,
            )
        } else {
            // The link stays, and what it leads to is replaced.
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let (to, next) = NextFile::create(directory_of(&path))?;
            (Box::new(to), Some((next, path)))
        };
        Ok(Self {
            to: BufWriter::with_capacity(1 << 18, to),
            next,
        })
    }

    /// Gives it its name, now that all is written. If this is never called, nothing is left of it.
    ///
    /// # Errors
    /// Something that cannot be written to its end.
    pub(super) fn keep(mut self) -> Result<(), Error> {
        self.to.flush()?;
        if let Some((next, path)) = self.next {
            next.named(&path)?;
        }
        Ok(())
    }
}

// === impl NextFile ===

impl NextFile {
    /// Begins one in a directory, for its owner alone, as a database is: it holds addresses. What is written
    /// into the other file that is returned is in it.
    fn create(directory: &Path) -> Result<(File, Self), Error> {
        if let Some(file) = nameless(directory) {
            return Ok((file.try_clone()?, Self::Nameless(file)));
        }
        let file = NamedTempFile::with_prefix_in(".", directory)?;
        Ok((file.reopen()?, Self::Named(file)))
    }

    /// Gives it its name, in the place of what has it now.
    fn named(self, path: &Path) -> Result<(), Error> {
        let file = match self {
            Self::Named(file) => {
                file.as_file().sync_all()?;
                file.into_temp_path()
            }
            Self::Nameless(file) => {
                file.sync_all()?;
                let nameless = descriptor(&file);
                let link = |name: &Path| {
                    linkat(CWD, nameless.as_path(), CWD, name, AtFlags::SYMLINK_FOLLOW)
                        .map_err(Error::from)
                };
                let mut builder = Builder::new();
                let file = builder.prefix(".").make_in(directory_of(path), link)?;
                file.into_temp_path()
            }
        };
        file.persist(path).map_err(Error::from)
    }
}

fn directory_of(path: &Path) -> &Path {
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
    directory.unwrap_or(Path::new("."))
}

/// A file without a name that can get one; `None` where there is none such.
fn nameless(directory: &Path) -> Option<File> {
    let flags = i32::try_from(OFlags::TMPFILE.bits()).ok()?;
    let mut options = OpenOptions::new();
    let options = options.write(true).mode(0o600).custom_flags(flags);
    let file = options.open(directory).ok()?;
    // It gets its name by this one.
    descriptor(&file).exists().then_some(file)
}

fn descriptor(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.to.flush()
    }
}
