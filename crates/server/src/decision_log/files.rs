//! The files of a decision log: the one that is written, and those that rotations have left.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::file::{aside, identity, numbered};

/// The most that are kept: `decision_log.keep`.
const KEPT: usize = 1_000;

/// The files of a log, the newest first. Each is opened when it is wanted.
///
/// A rotation meanwhile moves files towards the end: one that was read is met again, and left out then, and none is
/// missed.
#[derive(Debug)]
pub struct LogFiles {
    path: PathBuf,
    next: usize,
    seen: HashSet<(u64, u64)>,
}

impl LogFiles {
    /// Those of the log that is written there.
    ///
    /// # Errors
    /// A path that leads nowhere.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            // Rotations leave files beside the file itself, even if its name is a link.
            path: path.canonicalize()?,
            next: 0,
            seen: HashSet::new(),
        })
    }

    fn open(&mut self, path: &Path) -> io::Result<Option<File>> {
        // A pipe would be waited for.
        match path.metadata() {
            Ok(there) if there.is_file() => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_new = self.seen.insert(identity(&file.metadata()?));
        Ok(is_new.then_some(file))
    }
}

impl Iterator for LogFiles {
    type Item = io::Result<File>;

    fn next(&mut self) -> Option<io::Result<File>> {
        while self.next <= KEPT + 1 {
            let path = match self.next {
                0 => self.path.clone(),
                1 => aside(&self.path),
                number => numbered(&self.path, number - 1),
            };
            self.next += 1;
            match self.open(&path) {
                Ok(None) => {}
                Ok(Some(file)) => return Some(Ok(file)),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{rename, write};
    use std::io::Read;

    use super::*;

    fn text(file: io::Result<File>) -> String {
        let mut text = String::new();
        file.unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn files_that_rotations_have_left_are_of_the_log() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in [
            "d.log",
            "d.log.rotating",
            "d.log.1",
            "d.log.3",
            "d.log.1000",
            "e.log.1",
        ] {
            write(at(name), name).unwrap();
        }
        std::fs::create_dir(at("d.log.2")).unwrap();
        std::os::unix::fs::symlink(at("d.log"), at("link.log")).unwrap();
        for name in ["d.log", "link.log"] {
            let found: Vec<String> = LogFiles::of(&at(name)).unwrap().map(text).collect();
            let wanted = [
                "d.log",
                "d.log.rotating",
                "d.log.1",
                "d.log.3",
                "d.log.1000",
            ];
            assert_eq!(found, wanted);
        }
        assert!(LogFiles::of(&at("gone.log")).is_err());
    }

    #[test]
    fn a_rotation_meanwhile_takes_no_file_away_and_shows_none_twice() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["d.log", "d.log.1", "d.log.2"] {
            write(at(name), name).unwrap();
        }
        let mut files = LogFiles::of(&at("d.log")).unwrap();
        let mut found = vec![text(files.next().unwrap())];
        rename(at("d.log.2"), at("d.log.3")).unwrap();
        rename(at("d.log.1"), at("d.log.2")).unwrap();
        rename(at("d.log"), at("d.log.1")).unwrap();
        write(at("d.log"), "new").unwrap();
        found.extend(files.map(text));
        assert_eq!(found, ["d.log", "d.log.1", "d.log.2"]);
    }
}
