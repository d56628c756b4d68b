//! A file that is written whole or not at all.

use std::fs;
use std::io::{BufWriter, Error, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::output::standard_output;

/// The target of a command: a file, or standard output.
pub(super) struct WholeFile {
    to: BufWriter<Box<dyn Write + Send>>,
    /// The file beside the target, with the name that it is to have.
    beside: Option<(NamedTempFile, PathBuf)>,
}

impl WholeFile {
    /// Begins to write; `-` is standard output. What is no regular file, as a pipe, is written into.
    ///
    /// # Errors
    /// A directory that cannot be written.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let (to, beside): (Box<dyn Write + Send>, _) = if path.as_os_str() == "-" {
            (Box::new(standard_output()), None)
        } else if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            (
                Box::new(fs::OpenOptions::new().write(true).open(path)?),
                None,
            )
        } else {
            // The link stays, and what it leads to is replaced.
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
            // For its owner alone, as a database is: it holds addresses.
            let file = NamedTempFile::with_prefix_in(".", directory.unwrap_or(Path::new(".")))?;
            (Box::new(file.reopen()?), Some((file, path)))
        };
        Ok(Self {
            to: BufWriter::with_capacity(1 << 18, to),
            beside,
        })
    }

    /// Gives it its name, now that all is written. If this is never called, nothing is left of it.
    ///
    /// # Errors
    /// Something that cannot be written to its end.
    pub(super) fn keep(mut self) -> Result<(), Error> {
        self.to.flush()?;
        if let Some((file, path)) = self.beside {
            file.as_file().sync_all()?;
            file.persist(path)?;
        }
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.to.flush()
    }
}
