//! The clocks of a sidecar, put forward and back while it runs.
//!
//! It is the real program; a library that is loaded before all others answers it what time it is.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::sidecar::{Start, project};

pub(super) const HOUR: i64 = 3600;

/// The library, built once.
static LIBRARY: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join("fake_clock.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(project("tests/it/living/fake_clock.c"))
        .arg("-ldl")
        .status();
    assert!(built.unwrap().success());
    (directory, library)
});

/// The clocks of one sidecar, or of several.
pub(super) struct FakeClock {
    directory: TempDir,
}

impl FakeClock {
    pub(super) fn new() -> Self {
        let clock = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        clock.is(0, 0);
        clock
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("seconds")
    }

    /// Has a sidecar go by these clocks.
    pub(super) fn of(&self, start: Start) -> Start {
        start
            .variable("LD_PRELOAD", LIBRARY.1.to_str().unwrap())
            .variable("FAKE_CLOCK", self.path().to_str().unwrap())
    }

    /// The seconds by which the calendar is another one, and those that the machine has slept.
    pub(super) fn is(&self, calendar: i64, slept: i64) {
        use std::os::unix::fs::FileExt;
        let bytes = [calendar.to_ne_bytes(), slept.to_ne_bytes()].concat();
        let mut options = std::fs::OpenOptions::new();
        // In place: the program has the file in its memory.
        let file = options.write(true).create(true).truncate(false);
        file.open(self.path())
            .unwrap()
            .write_all_at(&bytes, 0)
            .unwrap();
    }
}
